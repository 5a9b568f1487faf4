//! Parameters of an instance against the PARAM notes of its module (`SYS-6`, `NOTE-5`).

use std::collections::{BTreeMap, BTreeSet};

use oro_image::{Interface, Param, ParamKind};

use super::diagnostic::{Diagnostic, Report};
use super::entries::{InstanceEntry, Located, ParamEntry, ParamValue};
use super::table::{list_names, shorten};
use crate::MAX_PARAM_BYTES;

/// Names and values for each port through which parameters come, by port index, in note order.
pub(super) type ParamsByPort = BTreeMap<u32, Vec<(String, String)>>;

/// Checks the parameters and fills in the defaults; everything wrong is reported.
pub(super) fn resolve_params(
    entry: &InstanceEntry,
    interface: &Interface,
    report: &mut Report,
) -> ParamsByPort {
    let mut given = BTreeMap::new();
    let mut meant = BTreeSet::new();
    for param in &entry.params {
        if interface.params.iter().any(|declared| declared.name == param.name.value) {
            given.insert(param.name.value.as_str(), param);
        } else if let Some(name) = report_unknown(param, entry, interface, report) {
            meant.insert(name.to_owned());
        }
    }
    let mut by_port = ParamsByPort::new();
    for declared in &interface.params {
        let value = match (given.get(declared.name.as_str()), &declared.default) {
            (Some(param), _) => read_value(declared, param, report),
            (None, Some(default)) => check_default(declared, default, entry, report),
            (None, None) => {
                if !meant.contains(&declared.name) {
                    report_missing(declared, entry, report);
                }
                None
            }
        };
        if let Some(value) = value {
            by_port.entry(declared.port).or_default().push((declared.name.clone(), value));
        }
    }
    by_port
}

fn report_unknown<'a>(
    param: &ParamEntry,
    entry: &InstanceEntry,
    interface: &'a Interface,
    report: &mut Report,
) -> Option<&'a str> {
    let names = || interface.params.iter().map(|declared| declared.name.as_str());
    let suggestion = report.suggest(&param.name.value, names());
    let help = match suggestion {
        Some(name) => format!("did you mean `{name}`?"),
        None if interface.params.is_empty() => "the module declares no parameters".to_owned(),
        None => format!("the module's parameters are {}", list_names(names())),
    };
    let message = format!("`{}` has no parameter `{}`", entry.path, shorten(&param.name.value));
    let span = param.name.span.clone();
    report.add(
        Diagnostic::error("SYS-UNKNOWN-PARAM", message, span, "unknown parameter").with_help(help),
    );
    suggestion
}

fn read_value(declared: &Param, param: &ParamEntry, report: &mut Report) -> Option<String> {
    let value = match (declared.kind, &param.value.value) {
        (ParamKind::Text, ParamValue::Text(text)) => Ok(text.clone()),
        (ParamKind::Boolean, ParamValue::Boolean(value)) => Ok(value.to_string()),
        (ParamKind::Unsigned, ParamValue::Integer(value)) => value
            .and_then(|value| u64::try_from(value).ok())
            .map(|value| value.to_string())
            .ok_or("out of range"),
        (ParamKind::Signed, ParamValue::Integer(value)) => value
            .and_then(|value| i64::try_from(value).ok())
            .map(|value| value.to_string())
            .ok_or("out of range"),
        (_, ParamValue::Text(_)) => Err("this is a text"),
        (_, ParamValue::Integer(_)) => Err("this is an integer"),
        (_, ParamValue::Boolean(_)) => Err("this is a boolean"),
        (_, ParamValue::Other(kind)) => Err(*kind),
    };
    match value {
        Ok(text) => check_length(declared, text, &param.value, report),
        Err(label) => {
            let message = format!("`{}` is {}", declared.name, name_kind(declared.kind));
            let span = param.value.span.clone();
            report.add(
                Diagnostic::error("SYS-PARAM-VALUE", message, span, label)
                    .with_help(format!("write for example `{}`", show_example(declared))),
            );
            None
        }
    }
}

/// A default comes from the module's own note, which nobody but its author can mend.
fn check_default(
    declared: &Param,
    default: &str,
    entry: &InstanceEntry,
    report: &mut Report,
) -> Option<String> {
    let fits = match declared.kind {
        ParamKind::Text => true,
        ParamKind::Unsigned => default.parse::<u64>().is_ok(),
        ParamKind::Signed => default.parse::<i64>().is_ok(),
        ParamKind::Boolean => matches!(default, "true" | "false"),
    };
    let place = Located { value: (), span: entry.name.span.clone() };
    if fits {
        return check_length(declared, default.to_owned(), &place, report);
    }
    report.add(
        Diagnostic::error(
            "SYS-PARAM-VALUE",
            format!(
                "the module's own default of `{}`, `{}`, is not {}",
                declared.name,
                shorten(default),
                name_kind(declared.kind)
            ),
            place.span,
            "this instance relies on it",
        )
        .with_help(format!("give a value: `params = {{ {} }}`", show_example(declared))),
    );
    None
}

fn check_length<T>(
    declared: &Param,
    value: String,
    place: &Located<T>,
    report: &mut Report,
) -> Option<String> {
    let bytes = declared.name.len() + value.len();
    if bytes <= MAX_PARAM_BYTES {
        return Some(value);
    }
    report.add(
        Diagnostic::error(
            "SYS-PARAM-VALUE",
            format!("`{}` and its value have {bytes} bytes together", declared.name),
            place.span.clone(),
            "too long",
        )
        .with_help(format!("name and value have at most {MAX_PARAM_BYTES} bytes (TYPE-11)")),
    );
    None
}

fn report_missing(declared: &Param, entry: &InstanceEntry, report: &mut Report) {
    let mut help = format!("add `params = {{ {} }}`", show_example(declared));
    if !declared.help.is_empty() {
        help = format!("{help}: {}", shorten(&declared.help));
    }
    report.add(
        Diagnostic::error(
            "SYS-MISSING-PARAM",
            format!("`{}` needs the parameter `{}`", entry.path, declared.name),
            entry.name.span.clone(),
            "no value, and the module has no default",
        )
        .with_help(help),
    );
}

fn name_kind(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Text => "a text",
        ParamKind::Unsigned => "an integer from 0 to 2^64-1",
        ParamKind::Signed => "an integer from -2^63 to 2^63-1",
        ParamKind::Boolean => "`true` or `false`",
    }
}

fn show_example(declared: &Param) -> String {
    let value = match declared.kind {
        ParamKind::Text => "\"text\"",
        ParamKind::Unsigned => "1",
        ParamKind::Signed => "-1",
        ParamKind::Boolean => "true",
    };
    format!("{} = {value}", declared.name)
}
