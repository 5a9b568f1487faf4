//! Parameters of an instance against the PARAM notes of its module (`SYS-6`, `NOTE-5`).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use oro_image::{Interface, Param, ParamKind};

use super::diagnostic::{Diagnostic, Report};
use super::entries::{InstanceEntry, ParamEntry, ParamValue};
use crate::MAX_PARAM_BYTES;
use crate::rules::{ParamFault, ParamsByPort, list_names, name_kind, read_param, shorten};

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
    let text = match (declared.kind, &param.value.value) {
        (ParamKind::Text, ParamValue::Text(text)) => Ok(text.clone()),
        (ParamKind::Boolean, ParamValue::Boolean(value)) => Ok(value.to_string()),
        (ParamKind::Unsigned | ParamKind::Signed, ParamValue::Integer(value)) => {
            value.map(|value| value.to_string()).ok_or("out of range")
        }
        (_, ParamValue::Text(_)) => Err("this is a text"),
        (_, ParamValue::Integer(_)) => Err("this is an integer"),
        (_, ParamValue::Boolean(_)) => Err("this is a boolean"),
        (_, ParamValue::Other(kind)) => Err(*kind),
    };
    let label = match text.map(|text| read_param(declared, &text)) {
        Ok(Ok(value)) => return Some(value),
        Ok(Err(ParamFault::Long(bytes))) => {
            report_length(declared, bytes, &param.value.span, report);
            return None;
        }
        Ok(Err(ParamFault::Kind)) => "out of range",
        Err(label) => label,
    };
    let message = format!("`{}` is {}", declared.name, name_kind(declared.kind));
    report.add(
        Diagnostic::error("SYS-PARAM-VALUE", message, param.value.span.clone(), label)
            .with_help(format!("write for example `{}`", show_example(declared))),
    );
    None
}

/// A default comes from the module's own note, which nobody but its author can mend.
fn check_default(
    declared: &Param,
    default: &str,
    entry: &InstanceEntry,
    report: &mut Report,
) -> Option<String> {
    match read_param(declared, default) {
        Ok(_) => return Some(default.to_owned()),
        Err(ParamFault::Long(bytes)) => {
            report_length(declared, bytes, &entry.name.span, report);
            return None;
        }
        Err(ParamFault::Kind) => {}
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
            entry.name.span.clone(),
            "this instance relies on it",
        )
        .with_help(format!("give a value: `params = {{ {} }}`", show_example(declared))),
    );
    None
}

fn report_length(declared: &Param, bytes: usize, place: &Range<usize>, report: &mut Report) {
    report.add(
        Diagnostic::error(
            "SYS-PARAM-VALUE",
            format!("`{}` and its value have {bytes} bytes together", declared.name),
            place.clone(),
            "too long",
        )
        .with_help(format!("name and value have at most {MAX_PARAM_BYTES} bytes (TYPE-11)")),
    );
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

fn show_example(declared: &Param) -> String {
    let value = match declared.kind {
        ParamKind::Text => "\"text\"",
        ParamKind::Unsigned => "1",
        ParamKind::Signed => "-1",
        ParamKind::Boolean => "true",
    };
    format!("{} = {value}", declared.name)
}
