//! Text to [`Manifest`]: what can be checked without the modules (`SYS-1` to `SYS-4`, `SYS-7`).
//!
//! Entry point: [`read_manifest`]. All findings are reported; what is readable is kept.

use std::borrow::Cow;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostic, Report};
use super::ends::read_end;
use super::entries::{Located, ModuleEntry, ModuleSource, WireEntry};
use super::restart::read_on_restart;
use super::rings::read_rings;
use super::table::{
    Field, Keys, list_fields, read_fields, read_integer, read_size, read_table, read_text,
    report_kind,
};
use super::{MAX_MANIFEST_BYTES, Manifest};
use crate::names::is_valid_name;
use crate::rules::{shorten, show_size};
use crate::{MAX_MODULES, MAX_PORTS};

const ROOT: Keys = Keys {
    table: "a manifest",
    known: &["oro", "modules", "instance", "ring", "wire"],
    later: &["platform", "include"],
    elsewhere: &[("grant", "a grant is a Ring's: write it below `[ring.NAME]`")],
};
const MODULE: Keys = Keys { table: "a module", known: &["source"], later: &[], elsewhere: &[] };
const WIRE: Keys = Keys {
    table: "a wire",
    known: &["from", "to", "slots", "slot_size", "mode", "on_restart"],
    later: &[],
    elsewhere: &[],
};

/// Reads a manifest; `None` only if it is too large to be looked at.
pub(super) fn read_manifest(bytes: &[u8], report: &mut Report) -> Option<Manifest> {
    if bytes.len() > MAX_MANIFEST_BYTES {
        report.add(
            Diagnostic::error(
                "SYS-TOO-LARGE",
                "the manifest has more bytes than a manifest can have".to_owned(),
                0..0,
                "larger than any manifest can be",
            )
            .with_help(format!("a manifest has at most {}", show_size(1 << 20))),
        );
        return None;
    }
    let mut faulty = Vec::new();
    let text = read_utf8(bytes, &mut faulty, report);
    let (root, errors) = DeTable::parse_recoverable(&text);
    let is_incomplete = report_syntax(&text, &errors, &mut faulty, report);
    let mut manifest = Manifest { faulty_lines: faulty, is_incomplete, ..Manifest::default() };
    report.hide_lines(&manifest.faulty_lines);

    let fields = read_fields(root.get_ref(), &ROOT, report);
    read_version(fields.get("oro"), is_incomplete, report);
    if let Some(field) = fields.get("modules") {
        read_modules(field, &mut manifest, report);
    }
    read_rings(&fields, &mut manifest, report);
    if let Some(field) = fields.get("wire") {
        read_wires(field, &mut manifest, report);
    }
    Some(manifest)
}

/// The text; bytes that are no UTF-8 are reported and become `?`, so that places stay.
fn read_utf8<'a>(
    bytes: &'a [u8],
    faulty: &mut Vec<Range<usize>>,
    report: &mut Report,
) -> Cow<'a, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        let start = text.len();
        text.extend(chunk.invalid().iter().map(|_| '?'));
        if !chunk.invalid().is_empty() {
            faulty.push(start..text.len());
            report.add(
                Diagnostic::error(
                    "SYS-ENCODING",
                    "the manifest is not UTF-8",
                    start..text.len(),
                    format!("bytes {:02x?} are no character", chunk.invalid()),
                )
                .with_help("save the file as UTF-8"),
            );
        }
    }
    widen_to_lines(&text, faulty);
    Cow::Owned(text)
}

/// Reports what is no TOML and adds the lines; whether anything may be lost by it.
fn report_syntax(
    text: &str,
    errors: &[toml::de::Error],
    faulty: &mut Vec<Range<usize>>,
    report: &mut Report,
) -> bool {
    let mut is_incomplete = !faulty.is_empty();
    let mut broken = Vec::new();
    // A table that is given twice repeats keys: what follows from the header is not said again.
    let mut repeated_table = 0..0;
    let known_faulty = faulty.clone();
    report.hide_lines(&known_faulty);
    for error in errors {
        let span = error.span().unwrap_or(text.len()..text.len());
        let is_duplicate = error.message() == "duplicate key";
        if is_duplicate && repeated_table.contains(&span.start) {
            continue;
        }
        if is_duplicate {
            let line_start = text.get(..span.start).and_then(|before| before.rfind('\n'));
            let line = text.get(line_start.map_or(0, |newline| newline + 1)..).unwrap_or_default();
            if line.trim_start().starts_with('[') {
                let rest = text.get(span.start..).unwrap_or_default();
                let end = rest.find("\n[").map_or(text.len(), |next| span.start + next + 1);
                repeated_table = span.end..end;
            }
            let name = text.get(span.clone()).unwrap_or_default();
            report.add(
                Diagnostic::error(
                    "SYS-DUPLICATE",
                    format!("`{}` is given twice", shorten(name)),
                    span,
                    "the second time",
                )
                .with_help("keep one of them, or give one another name"),
            );
        } else {
            is_incomplete = true;
            broken.push(span.clone());
            let message = format!("this is not TOML: {}", error.message());
            report.add(Diagnostic::error("SYS-SYNTAX", message, span, "here"));
        }
    }
    faulty.extend(broken);
    widen_to_lines(text, faulty);
    is_incomplete
}

/// Widens byte ranges to whole lines, in order and without overlap.
fn widen_to_lines(text: &str, ranges: &mut Vec<Range<usize>>) {
    ranges.sort_by_key(|range| range.start);
    let mut lines: Vec<Range<usize>> = Vec::new();
    for range in ranges.iter() {
        if lines.last().is_some_and(|last| range.end <= last.end) {
            continue;
        }
        let before = text.get(..range.start).unwrap_or_default();
        let mut start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let after = text.get(range.end..).unwrap_or_default();
        let end = after.find('\n').map_or(text.len() + 1, |newline| range.end + newline + 1);
        start = start.max(lines.last().map_or(0, |last| last.end));
        lines.push(start..end);
    }
    *ranges = lines;
}

fn read_version(field: Option<&Field<'_>>, is_incomplete: bool, report: &mut Report) {
    let Some(field) = field else {
        if !is_incomplete {
            report.add(
                Diagnostic::error("SYS-VERSION", "the manifest's version is missing", 0..0, "here")
                    .with_help("begin the file with `oro = 1`"),
            );
        }
        return;
    };
    if read_integer(field.value) != Some(1) {
        report.add(
            Diagnostic::error(
                "SYS-VERSION",
                "the manifest is of a version that is not known",
                field.span.clone(),
                "not version 1",
            )
            .with_help("this tool reads version 1: write `oro = 1`"),
        );
    }
}

fn read_modules(field: &Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    let Some(table) = read_table(field, "write `[modules]`, then `name = \"path\"`", report) else {
        return;
    };
    for (field, _) in bound(place_fields(table), MAX_MODULES, "modules", report) {
        check_name(&field.key, &field.key_span, "module", report);
        match read_module(&field, report) {
            Some(module) => manifest.modules.push(module),
            None => {
                manifest.broken_modules.insert(field.key);
            }
        }
    }
}

fn read_module(field: &Field<'_>, report: &mut Report) -> Option<ModuleEntry> {
    let help = "give the path of an ELF file, or `{ source = \"path\" }`";
    let path;
    let is_source = match field.value {
        DeValue::Table(table) => {
            let fields = read_fields(table, &MODULE, report);
            let Some(source) = fields.get("source") else {
                report_missing("source", "a module", &field.key_span, help, report);
                return None;
            };
            path = read_text(source, help, report)?;
            true
        }
        _ => {
            path = read_text(field, help, report)?;
            false
        }
    };
    check_path(&path, is_source, report)?;
    let Located { value, span } = path;
    let source = if is_source { ModuleSource::Source(value) } else { ModuleSource::Elf(value) };
    Some(ModuleEntry { name: field.key.clone(), source, span })
}

/// Checks a path as text: `{arch}` is the only placeholder, and only ELF files have it (`SYS-2`).
fn check_path(path: &Located<String>, is_source: bool, report: &mut Report) -> Option<()> {
    let rest = path.value.replace("{arch}", "");
    let (label, help) = if path.value.is_empty() {
        ("an empty path", "paths are relative to the manifest")
    } else if path.value.contains('\0') {
        ("a path with a zero character", "no file has such a name")
    } else if rest.contains(['{', '}']) {
        ("not a placeholder", "`{arch}` is the only one: it stands for `x86_64` or `aarch64`")
    } else if is_source && rest.len() != path.value.len() {
        ("a source has no `{arch}`", "one source is built for every architecture")
    } else {
        return Some(());
    };
    report.add(
        Diagnostic::error("SYS-PATH", "this is no path of a module", path.span.clone(), label)
            .with_help(help),
    );
    None
}

fn read_wires(field: &Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    let help = "write `[[wire]]`, with two brackets, for each wire";
    let mut items = Vec::new();
    match field.value {
        DeValue::Array(array) => {
            items.extend(array.iter().map(|item| (item.get_ref(), item.span())));
        }
        DeValue::Table(_) => {
            report_kind(field, "a list of tables", help, report);
            items.push((field.value, field.span.clone()));
        }
        _ => report_kind(field, "a list of tables", help, report),
    }
    for (value, span) in bound(items, MAX_PORTS, "wires", report) {
        match value.as_table() {
            Some(table) => {
                let wire = read_wire(table, span, manifest.is_incomplete, report);
                manifest.wires.push(wire);
            }
            None => {
                let field = Field { key: "wire".to_owned(), key_span: span.clone(), value, span };
                report_kind(&field, "a list of tables", help, report);
            }
        }
    }
}

fn read_wire(
    table: &DeTable<'_>,
    span: Range<usize>,
    is_incomplete: bool,
    report: &mut Report,
) -> WireEntry {
    let fields = read_fields(table, &WIRE, report);
    let mut end = |key: &str| match fields.get(key) {
        Some(field) => read_end(field, report),
        None => {
            if !is_incomplete {
                let help = format!("name the end: `{key} = \"instance.port\"`");
                report_missing(key, "a wire", &span, &help, report);
            }
            None
        }
    };
    let from = end("from");
    let to = end("to");
    let slots = fields.get("slots").map_or_else(
        || Some(Located { value: 16, span: span.clone() }),
        |field| read_slots(field, report),
    );
    let slot_size = fields.get("slot_size").and_then(|field| read_size(field, report));
    let is_forced_synchronous = fields.get("mode").is_some_and(|field| read_mode(field, report));
    let drops_at_restart =
        fields.get("on_restart").is_some_and(|field| read_on_restart(field, report));
    WireEntry { from, to, slots, slot_size, is_forced_synchronous, drops_at_restart }
}

fn read_slots(field: &Field<'_>, report: &mut Report) -> Option<Located<u32>> {
    let help = "a power of two, from 1 to 1048576 (LIM-3)";
    if !field.value.is_integer() {
        report_kind(field, "an integer", help, report);
        return None;
    }
    let count = read_integer(field.value).and_then(|count| u32::try_from(count).ok());
    let valid =
        count.filter(|count| count.is_power_of_two() && *count <= oro_sysabi::MAX_SLOT_COUNT);
    if valid.is_none() {
        report.add(
            Diagnostic::error(
                "SYS-SLOTS",
                "a Port cannot have this number of slots",
                field.span.clone(),
                "not a power of two, or out of range",
            )
            .with_help(help),
        );
    }
    valid.map(|value| Located { value, span: field.span.clone() })
}

fn read_mode(field: &Field<'_>, report: &mut Report) -> bool {
    let help = "the modes are \"auto\" (the default) and \"synchronous\"";
    let Some(mode) = read_text(field, help, report) else { return false };
    match mode.value.as_str() {
        "auto" => false,
        "synchronous" => true,
        "asynchronous" => {
            report.add(
                Diagnostic::error(
                    "SYS-MODE",
                    "no Port can be forced asynchronous",
                    mode.span,
                    "a mode that is earned",
                )
                .with_help(
                    "leave `mode` out: a Port becomes asynchronous once both ends have earned it \
                     (MODE-1)",
                ),
            );
            false
        }
        other => {
            let suggestion = report.suggest(other, ["auto", "synchronous"]);
            report.add(
                Diagnostic::error(
                    "SYS-MODE",
                    format!("there is no mode `{}`", shorten(other)),
                    mode.span,
                    "unknown mode",
                )
                .with_help(match suggestion {
                    Some(known) => format!("did you mean \"{known}\"?"),
                    None => help.to_owned(),
                }),
            );
            false
        }
    }
}

fn place_fields<'a>(table: &'a DeTable<'a>) -> Vec<(Field<'a>, Range<usize>)> {
    let place = |field: Field<'a>| (field.clone(), field.key_span);
    list_fields(table).into_iter().map(place).collect()
}

/// Reports a name that breaks `NOTE-6`.
pub(super) fn check_name(name: &str, span: &Range<usize>, what: &str, report: &mut Report) {
    if !is_valid_name(name) {
        report.add(
            Diagnostic::error(
                "SYS-NAME",
                format!("`{}` cannot be the name of a {what}", shorten(name)),
                span.clone(),
                "not a name",
            )
            .with_help("a name is 1 to 31 characters of a-z A-Z 0-9 _ - (NOTE-6)"),
        );
    }
}

pub(super) fn report_missing(
    key: &str,
    table: &str,
    span: &Range<usize>,
    help: &str,
    report: &mut Report,
) {
    report.add(
        Diagnostic::error(
            "SYS-MISSING",
            format!("{table} has no `{key}`"),
            span.clone(),
            format!("`{key}` is missing"),
        )
        .with_help(help),
    );
}

/// The items that the limit allows; the first beyond it is reported.
pub(super) fn bound<T>(
    mut items: Vec<(T, Range<usize>)>,
    most: u32,
    what: &str,
    report: &mut Report,
) -> Vec<(T, Range<usize>)> {
    let most_items = usize::try_from(most).unwrap_or(usize::MAX);
    if let Some((_, span)) = items.get(most_items) {
        report.add(
            Diagnostic::error(
                "SYS-LIMIT",
                format!("{} {what} are too many", items.len()),
                span.clone(),
                "one too many",
            )
            .with_help(format!("a system has at most {most} {what}")),
        );
        items.truncate(most_items);
    }
    items
}

/// The names that a list holds, at most so many of what they are, and whether any could not be read.
pub(super) fn read_names(
    field: &Field<'_>,
    help: &str,
    (most, what): (u32, &str),
    report: &mut Report,
) -> (Vec<Located<String>>, bool) {
    let DeValue::Array(items) = field.value else {
        report_kind(field, "a list of names", help, report);
        return (Vec::new(), true);
    };
    let count = items.len();
    let items = items.iter().map(|item| (item.get_ref(), item.span())).collect();
    let mut names = Vec::new();
    for (item, span) in bound(items, most, what, report) {
        match item.as_str() {
            Some(name) => names.push(Located { value: name.to_owned(), span }),
            None => {
                let field = Field { value: item, span, ..field.clone() };
                report_kind(&field, "a list of names", help, report);
            }
        }
    }
    let is_lost = names.len() < count;
    (names, is_lost)
}
