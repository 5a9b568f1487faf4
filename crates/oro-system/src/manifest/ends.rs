//! An end of a wire as written: `"instance.port"` or `"ring/instance.port[2]"` (`SYS-4`).

use std::ops::Range;

use super::diagnostic::{Diagnostic, Report};
use super::entries::{EndName, Located};
use super::table::{Field, read_text};
use crate::names::is_valid_name;
use crate::rules::shorten;

const FORM: &str = "an end is `instance.port`, or `instance.port[2]` for an element of an array; in a \
                    Ring it is `ring/instance.port`";

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
                .with_help(FORM),
            );
            None
        }
    }
}

fn split_end(text: &Located<String>) -> Result<EndName, &'static str> {
    let value = text.value.as_str();
    let (owner, rest) = value.split_once('.').ok_or("no dot between instance and port")?;
    let instance = owner.rsplit_once('/').map_or(owner, |(_, instance)| instance);
    let (port, element) = match rest.split_once('[') {
        None => (rest, None),
        Some((port, index)) => {
            let digits = index.strip_suffix(']').ok_or("no `]` at the end")?;
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            let element = digits.parse::<u32>().ok().filter(|_| is_plain);
            (port, Some(element.ok_or("no element's number between the brackets")?))
        }
    };
    let ring_names = owner[..owner.len() - instance.len()].split_terminator('/');
    if !ring_names.clone().all(is_valid_name) {
        return Err("before a `/` is no Ring's name (NOTE-6)");
    }
    if !is_valid_name(instance) {
        return Err("before the dot is no instance's name (NOTE-6)");
    }
    if !is_valid_name(port) {
        return Err("after the dot is no port's name (NOTE-6)");
    }
    let mut offset = 0;
    let place = |range| place_part(text, range);
    let mut next = |name: &str| {
        let start = offset;
        offset += name.len() + 1;
        Located { value: name.to_owned(), span: place(start..start + name.len()) }
    };
    let rings = ring_names.map(&mut next).collect();
    let instance = next(instance);
    let port_start = owner.len() + 1;
    let port_end = port_start + port.len();
    Ok(EndName {
        rings,
        instance,
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
