//! PORT and PARAM notes (`NOTE-4`, `NOTE-5`).

use alloc::string::String;
use alloc::vec::Vec;

use oro_sysabi as sys;

use crate::error::NoteError;
use crate::interface::{Direction, Param, ParamKind, Port};
use crate::layout::parse_layout;
use crate::note::{Names, Note};

/// Bytes that the key and the value of a parameter's message have together (`TYPE-11`).
const PARAM_TEXT_SIZE: usize = 248;

/// Checks the PORT notes and gives the ports in index order.
pub(crate) fn parse_ports<'notes>(
    notes: impl Iterator<Item = &'notes Note<'notes>>,
    entry_count: usize,
) -> Result<Vec<Port>, NoteError> {
    let mut names = Names::default();
    let mut ports = Vec::new();
    for note in notes {
        let port = parse_port(note, entry_count)?;
        names.add(note, "PORT", &port.name)?;
        ports.push((note.offset, port));
    }
    ports.sort_by_key(|(_, port)| port.index);
    for pair in ports.windows(2) {
        let ((_, first), (offset, second)) = (&pair[0], &pair[1]);
        if second.index - first.index < first.max {
            let (offset, index, name) = (*offset, second.index, first.name.clone());
            return Err(NoteError::PortOverlap { offset, index, name });
        }
    }
    let ports: Vec<Port> = ports.into_iter().map(|(_, port)| port).collect();
    check_endpoints(&ports, entry_count)?;
    Ok(ports)
}

/// Refuses threads with too many endpoints (`LIM-5`).
fn check_endpoints(ports: &[Port], entry_count: usize) -> Result<(), NoteError> {
    for entry in 0..u32::try_from(entry_count).unwrap_or_default() {
        let of_entry = ports.iter().filter(|port| port.entry == entry);
        let count: u64 = of_entry.map(|port| u64::from(port.max)).sum();
        if count > u64::from(sys::MAX_ENDPOINTS_PER_THREAD) {
            return Err(NoteError::TooManyEndpoints { entry, count });
        }
    }
    Ok(())
}

/// Checks one PORT note.
fn parse_port(note: &Note<'_>, entry_count: usize) -> Result<Port, NoteError> {
    const KIND: &str = "PORT";
    let offset = note.offset;
    note.check_size(KIND, size_of::<sys::PortNote>())?;
    let (index, entry, max, flags) = (note.read(4), note.read(8), note.read(24), note.read(28));
    let count = u32::try_from(entry_count).unwrap_or_default();
    if entry >= count {
        return Err(NoteError::UnknownPortEntry { offset, entry, count });
    }
    let direction = match note.read(12) {
        sys::DIRECTION_PRODUCER => Direction::Producer,
        sys::DIRECTION_CONSUMER => Direction::Consumer,
        direction => return Err(NoteError::BadDirection { offset, direction }),
    };
    if !(1..=sys::MAX_ENDPOINTS_PER_THREAD).contains(&max) {
        return Err(NoteError::BadPortMax { offset, max });
    }
    // Every thread has a binding for each index (BIND-1), so their number must be bounded.
    let limit = count * sys::MAX_ENDPOINTS_PER_THREAD;
    if index >= limit || max > limit - index {
        return Err(NoteError::PortIndexTooLarge { offset, index, limit });
    }
    note.check_flags(KIND, flags, sys::NOTE_PORT_OPTIONAL)?;
    let name = note.read_name(KIND, 32)?;
    let mut rest = &note.descriptor[64..];
    let layout = note.read_text(KIND, &mut rest)?;
    note.check_zero(KIND, rest)?;
    let (slot_size_bytes, slot_align_bytes) = (note.read(16), note.read(20));
    let is_flexible = check_layout(offset, layout, slot_size_bytes, slot_align_bytes)?;
    Ok(Port {
        index,
        name,
        entry,
        direction,
        slot_size_bytes,
        slot_align_bytes,
        is_flexible,
        max,
        is_optional: flags & sys::NOTE_PORT_OPTIONAL != 0,
        layout: String::from(layout),
    })
}

/// Holds a note's size and alignment against its layout text (`NOTE-4`, `TYPE-2`); says whether
/// the type has a flexible tail.
fn check_layout(offset: u64, text: &str, size: u32, align: u32) -> Result<bool, NoteError> {
    if text.len() as u64 > u64::from(sys::MAX_LAYOUT_TEXT) {
        return Err(NoteError::LayoutTooLong { offset, size: text.len() as u64 });
    }
    let shape = parse_layout(text).map_err(|error| NoteError::BadLayout {
        offset,
        text: String::from(text),
        error,
    })?;
    if size != shape.size_bytes {
        let layout = shape.size_bytes;
        return Err(NoteError::SizeDisagrees { offset, stated: size, layout });
    }
    if align != shape.align_bytes {
        let layout = shape.align_bytes;
        return Err(NoteError::AlignDisagrees { offset, stated: align, layout });
    }
    Ok(shape.is_flexible)
}

/// Checks the PARAM notes and gives the parameters in note order.
pub(crate) fn parse_params<'notes>(
    notes: impl Iterator<Item = &'notes Note<'notes>>,
    ports: &[Port],
) -> Result<Vec<Param>, NoteError> {
    let mut names = Names::default();
    let mut params = Vec::new();
    for note in notes {
        let param = parse_param(note, ports)?;
        names.add(note, "PARAM", &param.name)?;
        params.push(param);
    }
    Ok(params)
}

/// Checks one PARAM note.
fn parse_param(note: &Note<'_>, ports: &[Port]) -> Result<Param, NoteError> {
    const KIND: &str = "PARAM";
    let offset = note.offset;
    note.check_size(KIND, size_of::<sys::ParamNote>())?;
    let (flags, port) = (note.read(8), note.read(12));
    let kind = match note.read(4) {
        sys::PARAM_TEXT => ParamKind::Text,
        sys::PARAM_UNSIGNED => ParamKind::Unsigned,
        sys::PARAM_SIGNED => ParamKind::Signed,
        sys::PARAM_BOOLEAN => ParamKind::Boolean,
        found => return Err(NoteError::BadParamKind { offset, found }),
    };
    note.check_flags(KIND, flags, sys::PARAM_REQUIRED)?;
    let name = note.read_name(KIND, 16)?;
    let gives_params = |candidate: &Port| {
        candidate.index == port
            && candidate.max == 1
            && candidate.direction == Direction::Consumer
            && candidate.layout == sys::PARAMS_LAYOUT
    };
    if !ports.iter().any(gives_params) {
        return Err(NoteError::BadParamPort { offset, port });
    }
    let mut rest = &note.descriptor[48..];
    let default = note.read_text(KIND, &mut rest)?;
    let help = note.read_text(KIND, &mut rest)?;
    note.check_zero(KIND, rest)?;
    let is_required = flags & sys::PARAM_REQUIRED != 0;
    if is_required && !default.is_empty() {
        return Err(NoteError::DefaultOfRequired { offset });
    }
    if name.len() + default.len() > PARAM_TEXT_SIZE {
        let size = (name.len() + default.len()) as u64;
        return Err(NoteError::DefaultTooLong { offset, size });
    }
    if !is_required {
        check_default(offset, kind, default)?;
    }
    let default = (!is_required).then(|| String::from(default));
    Ok(Param { name, kind, default, help: String::from(help), port })
}

/// Checks that a default is of its kind, as the descriptions of `PARAM_*` say.
fn check_default(offset: u64, kind: ParamKind, text: &str) -> Result<(), NoteError> {
    let digits = text.strip_prefix('-').filter(|_| kind == ParamKind::Signed).unwrap_or(text);
    let is_decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let (is_right, kind) = match kind {
        ParamKind::Text => (true, "text"),
        ParamKind::Unsigned => {
            (is_decimal && text.parse::<u64>().is_ok(), "a decimal integer from 0 to 2^64-1")
        }
        ParamKind::Signed => {
            (is_decimal && text.parse::<i64>().is_ok(), "a decimal integer from -2^63 to 2^63-1")
        }
        ParamKind::Boolean => (matches!(text, "true" | "false"), "`true` or `false`"),
    };
    if is_right {
        return Ok(());
    }
    Err(NoteError::BadDefault { offset, text: String::from(text), kind })
}
