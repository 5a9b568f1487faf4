//! Reading TOML tables whose keys are known: every finding is reported, and reading goes on.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, Report};
use super::entries::Located;
use super::size::parse_size_bytes;
use crate::rules::{list_names, shorten};

/// A value of a table, and where its key is.
#[derive(Clone)]
pub(super) struct Field<'a> {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) value: &'a DeValue<'a>,
    pub(super) span: Range<usize>,
}

/// The keys that a table may have.
pub(super) struct Keys {
    /// What the table is, for messages: "an instance".
    pub(super) table: &'static str,
    /// Those that mean something.
    pub(super) known: &'static [&'static str],
    /// Those of the design that ABI 0.2 does not have yet.
    pub(super) later: &'static [&'static str],
    /// Those that belong somewhere else, and where.
    pub(super) elsewhere: &'static [(&'static str, &'static str)],
}

/// All fields of a table in order of place.
pub(super) fn list_fields<'a>(table: &'a DeTable<'a>) -> Vec<Field<'a>> {
    let mut fields: Vec<_> = table
        .iter()
        .map(|(key, value)| Field {
            key: key.get_ref().to_string(),
            key_span: key.span(),
            value: value.get_ref(),
            span: Spanned::span(value),
        })
        .collect();
    fields.sort_by_key(|field| field.key_span.start);
    fields
}

/// The fields of a table by their known keys. Unknown keys are reported; one that looks like a
/// known key which is not there is taken for it, so that nothing is called missing as well.
pub(super) fn read_fields<'a>(
    table: &'a DeTable<'a>,
    keys: &Keys,
    report: &mut Report,
) -> BTreeMap<&'static str, Field<'a>> {
    let mut found = BTreeMap::new();
    let mut unknown = Vec::new();
    for field in list_fields(table) {
        match keys.known.iter().find(|known| **known == field.key) {
            Some(known) => {
                found.insert(*known, field);
            }
            None => unknown.push(field),
        }
    }
    for field in unknown {
        if keys.later.contains(&field.key.as_str()) {
            report.add(
                Diagnostic::error(
                    "SYS-NOT-YET",
                    format!("`{}` is not supported yet (ABI 0.2)", field.key),
                    field.key_span,
                    "a kernel of ABI 0.2 cannot do this",
                )
                .with_help("leave it out; docs/spec/README.md lists what ABI 0.2 does not contain"),
            );
            continue;
        }
        let elsewhere = keys.elsewhere.iter().find(|(key, _)| *key == field.key);
        let free = keys.known.iter().copied().filter(|known| !found.contains_key(known));
        let suggestion = match elsewhere {
            Some(_) => None,
            None => report.suggest(&field.key, free),
        };
        report.add(
            Diagnostic::error(
                "SYS-UNKNOWN-KEY",
                format!("{} has no key `{}`", keys.table, shorten(&field.key)),
                field.key_span.clone(),
                "unknown key",
            )
            .with_help(match (suggestion, elsewhere) {
                (Some(known), _) => format!("did you mean `{known}`?"),
                (None, Some((_, place))) => (*place).to_owned(),
                (None, None) => format!("the keys are {}", list_names(keys.known.iter().copied())),
            }),
        );
        if let Some(known) = suggestion {
            let known = keys.known.iter().find(|key| **key == known);
            found.insert(known.copied().unwrap_or_default(), field);
        }
    }
    found
}

/// The table that a field holds; anything else is reported.
pub(super) fn read_table<'a>(
    field: &Field<'a>,
    help: &str,
    report: &mut Report,
) -> Option<&'a DeTable<'a>> {
    let table = field.value.as_table();
    if table.is_none() {
        report_kind(field, "a table", help, report);
    }
    table
}

/// The text that a field holds; anything else is reported.
pub(super) fn read_text(
    field: &Field<'_>,
    help: &str,
    report: &mut Report,
) -> Option<Located<String>> {
    let text = field.value.as_str();
    if text.is_none() {
        report_kind(field, "a text", help, report);
    }
    text.map(|text| Located { value: text.to_owned(), span: field.span.clone() })
}

/// One of some texts that a field holds, and what it stands for; anything else is reported.
pub(super) fn read_choice<T: Copy>(
    field: &Field<'_>,
    code: &'static str,
    what: &str,
    choices: &[(&str, T)],
    report: &mut Report,
) -> Option<T> {
    let names = choices.iter().map(|(name, _)| format!("\"{name}\""));
    let help = format!("one of {}", names.collect::<Vec<_>>().join(", "));
    let text = read_text(field, &help, report)?;
    if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text.value) {
        return Some(*value);
    }
    let suggestion = report.suggest(&text.value, choices.iter().map(|(name, _)| *name));
    let help = suggestion.map_or(help, |known| format!("did you mean \"{known}\"?"));
    report.add(
        Diagnostic::error(
            code,
            format!("there is no {what} `{}`", shorten(&text.value)),
            text.span,
            format!("unknown {what}"),
        )
        .with_help(help),
    );
    None
}

/// The count that a field holds, from 1 to 2^32-1; anything else is reported.
pub(super) fn read_count(
    field: &Field<'_>,
    code: &'static str,
    message: &str,
    help: &str,
    report: &mut Report,
) -> Option<Located<u32>> {
    if !field.value.is_integer() {
        report_kind(field, "an integer", help, report);
        return None;
    }
    let count = read_integer(field.value).and_then(|count| u32::try_from(count).ok());
    let count = count.filter(|count| *count > 0);
    if count.is_none() {
        report.add(
            Diagnostic::error(code, message, field.span.clone(), "out of range").with_help(help),
        );
    }
    count.map(|value| Located { value, span: field.span.clone() })
}

/// The size in bytes that a field holds (`SYS-7`); anything else is reported.
pub(super) fn read_size(field: &Field<'_>, report: &mut Report) -> Option<Located<u64>> {
    let bytes = match field.value {
        DeValue::Integer(_) => read_integer(field.value).and_then(|size| u64::try_from(size).ok()),
        DeValue::String(text) => parse_size_bytes(text),
        _ => {
            report_kind(field, "a size", SIZE_HELP, report);
            return None;
        }
    };
    if bytes.is_none() {
        report.add(
            Diagnostic::error(
                "SYS-SIZE",
                format!("`{}` is not a size", field.key),
                field.span.clone(),
                "no number of bytes",
            )
            .with_help(SIZE_HELP),
        );
    }
    bytes.map(|value| Located { value, span: field.span.clone() })
}

const SIZE_HELP: &str = "a size is a number of bytes, or a text such as \"64K\", \"8M\" or \"1G\"";

/// The integer that a value is; `None` also if it has more than 128 bits.
pub(super) fn read_integer(value: &DeValue<'_>) -> Option<i128> {
    let integer = value.as_integer()?;
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// Reports a value of the wrong kind.
pub(super) fn report_kind(field: &Field<'_>, wanted: &str, help: &str, report: &mut Report) {
    report.add(
        Diagnostic::error(
            "SYS-KIND",
            format!("`{}` is {wanted}", shorten(&field.key)),
            field.span.clone(),
            format!("this is {}", name_kind(field.value)),
        )
        .with_help(help),
    );
}

/// A TOML value's kind in words.
pub(super) fn name_kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
