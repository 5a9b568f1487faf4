//! An end of a wire as written: `"instance.port"` or `"instance.port[2]"` (`SYS-4`).

use std::ops::Range;

use super::diagnostic::{Diagnostic, Report};
use super::entries::{EndName, Located};
use super::table::{Field, read_text, shorten};
use crate::names::is_valid_name;

const FORM: &str = "an end is `instance.port`, or `instance.port[2]` for an element of an array";

/// Reads an end; anything that is none is reported.
pub(super) fn read_end(field: &Field<'_>, report: &mut Report) -> Option<EndName> {
    let text = read_text(field, FORM, report)?;
    match split_end(&text) {
        Ok(end) => Some(end),
        Err(label) => {
            report.add(
                Diagnostic::error(
                    "SYS-ENDPOINT",
                    format!("`{}` is no end of a wire", shorten(&text.value)),
                    text.span,
                    label,
                )
                .with_help(if text.value.contains('/') {
                    "Rings within Rings are not supported yet (ABI 0.2)"
                } else {
                    FORM
                }),
            );
            None
        }
    }
}

fn split_end(text: &Located<String>) -> Result<EndName, &'static str> {
    let value = text.value.as_str();
    let (instance, rest) = value.split_once('.').ok_or("no dot between instance and port")?;
    let (port, element) = match rest.split_once('[') {
        None => (rest, None),
        Some((port, index)) => {
            let digits = index.strip_suffix(']').ok_or("no `]` at the end")?;
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let element = digits.parse::<u32>().ok().filter(|_| is_plain);
            (port, Some(element.ok_or("no element's number between the brackets")?))
        }
    };
    if !is_valid_name(instance) {
        return Err("before the dot is no instance's name (NOTE-6)");
    }
    if !is_valid_name(port) {
        return Err("after the dot is no port's name (NOTE-6)");
    }
    let port_start = instance.len() + 1;
    let port_end = port_start + port.len();
    let place = |range| place_part(text, range);
    Ok(EndName {
        instance: Located { value: instance.to_owned(), span: place(0..instance.len()) },
        port: Located { value: port.to_owned(), span: place(port_start..port_end) },
        element: element.map(|index| Located { value: index, span: place(port_end..value.len()) }),
        span: text.span.clone(),
    })
}

/// The place of a part of a text; of the whole where escapes make the part's own unknown.
fn place_part(text: &Located<String>, part: Range<usize>) -> Range<usize> {
    let start = text.span.start + 1;
    if text.span.len() == text.value.len() + 2 {
        start + part.start..start + part.end
    } else {
        text.span.clone()
    }
}
