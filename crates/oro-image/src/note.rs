//! Oro notes (`NOTE-*`): finding them in PT_NOTE segments, and turning them into an [`Interface`].
//!
//! Descriptors are read field by field out of bytes; nothing is cast.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use elf::abi;
use elf::segment::ProgramHeader;
use oro_sysabi as sys;

use crate::bytes::{read_u32, slice};
use crate::error::{ImageError, NoteError, SegmentError};
use crate::header::Headers;
use crate::interface::{Entry, Interface};
use crate::note_port::{parse_params, parse_ports};
use crate::segment::Segments;

/// Size of a note's header: sizes of name and descriptor, type.
const NOTE_HEADER_SIZE: u64 = 12;

/// A note of owner `Oro`.
pub(crate) struct Note<'file> {
    /// Offset in the file of its header.
    pub(crate) offset: u64,
    /// `NOTE_*` type.
    kind: u32,
    /// Its descriptor.
    pub(crate) descriptor: &'file [u8],
    /// Address of the descriptor, unbiased.
    address: u64,
}

impl Note<'_> {
    /// A field of the descriptor, whose size has been checked.
    pub(crate) fn read(&self, field: usize) -> u32 {
        read_u32(self.descriptor, field).unwrap_or_default()
    }

    /// Checks the size that the descriptor states: its own, `least` bytes, or more with texts.
    pub(crate) fn check_size(&self, kind: &'static str, least: usize) -> Result<(), NoteError> {
        let actual = self.descriptor.len();
        let has_texts = matches!(self.kind, sys::NOTE_PORT | sys::NOTE_PARAM);
        let is_right =
            if has_texts { actual >= least && actual.is_multiple_of(4) } else { actual == least };
        let stated = self.read(0);
        if !is_right || usize::try_from(stated) != Ok(actual) {
            let (actual, least) = (actual as u64, least as u64);
            return Err(NoteError::WrongSize { offset: self.offset, kind, stated, actual, least });
        }
        Ok(())
    }

    /// Refuses flags that are not defined.
    pub(crate) fn check_flags(
        &self,
        kind: &'static str,
        flags: u32,
        known: u32,
    ) -> Result<(), NoteError> {
        if flags & !known != 0 {
            return Err(NoteError::UnknownFlags { offset: self.offset, kind, flags });
        }
        Ok(())
    }

    /// Reads the name field at `field` of the descriptor (`NOTE-6`).
    pub(crate) fn read_name(&self, kind: &'static str, field: usize) -> Result<String, NoteError> {
        let bad = NoteError::BadName { offset: self.offset, kind };
        let size = usize::try_from(sys::NAME_SIZE).unwrap_or_default();
        let Some(bytes) = self.descriptor.get(field..field + size) else { return Err(bad) };
        let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(size);
        let (name, padding) = bytes.split_at(length);
        let is_allowed =
            |&byte: &u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-');
        let is_right = !name.is_empty()
            && !padding.is_empty()
            && padding.iter().all(|&byte| byte == 0)
            && name.iter().all(is_allowed);
        match String::from_utf8(name.to_vec()) {
            Ok(name) if is_right => Ok(name),
            _ => Err(bad),
        }
    }

    /// Reads a zero-terminated text at the front of `rest`, which it shortens.
    pub(crate) fn read_text<'note>(
        &self,
        kind: &'static str,
        rest: &mut &'note [u8],
    ) -> Result<&'note str, NoteError> {
        let bad = NoteError::BadText { offset: self.offset, kind };
        let Some(length) = rest.iter().position(|&byte| byte == 0) else { return Err(bad) };
        let text = core::str::from_utf8(&rest[..length]).map_err(|_| bad)?;
        *rest = &rest[length + 1..];
        Ok(text)
    }

    /// Refuses bytes that are not zero where nothing is defined.
    pub(crate) fn check_zero(&self, kind: &'static str, bytes: &[u8]) -> Result<(), NoteError> {
        if bytes.iter().any(|&byte| byte != 0) {
            return Err(NoteError::NotZero { offset: self.offset, kind });
        }
        Ok(())
    }
}

/// Names of one kind of note, which are unique (`NOTE-6`).
#[derive(Default)]
pub(crate) struct Names(BTreeSet<String>);

impl Names {
    /// Takes another name.
    pub(crate) fn add(
        &mut self,
        note: &Note<'_>,
        kind: &'static str,
        name: &str,
    ) -> Result<(), NoteError> {
        let name = String::from(name);
        if !self.0.insert(name.clone()) {
            return Err(NoteError::RepeatedName { offset: note.offset, kind, name });
        }
        Ok(())
    }
}

/// Collects the Oro notes of all PT_NOTE segments; other owners' are passed over (`NOTE-1`).
pub(crate) fn collect_notes<'file>(
    file: &'file [u8],
    headers: &Headers<'_>,
    segments: &Segments,
) -> Result<Vec<Note<'file>>, ImageError> {
    let mut notes = Vec::new();
    for &(header, ref program) in &headers.programs {
        if program.p_type != abi::PT_NOTE {
            continue;
        }
        let count = notes.len();
        walk_notes(file, header, program, &mut notes)?;
        // An ENTRY note's address counts from the note's own.
        if notes.len() > count && !segments.holds(program) {
            return Err(SegmentError::NotLoaded { header, what: "notes of owner Oro" }.into());
        }
    }
    Ok(notes)
}

/// Walks one PT_NOTE segment.
fn walk_notes<'file>(
    file: &'file [u8],
    header: u16,
    program: &ProgramHeader,
    notes: &mut Vec<Note<'file>>,
) -> Result<(), NoteError> {
    // Linkers write 0, 1 or 4 for notes of 4-byte alignment, and 8 for GNU properties.
    let align = match program.p_align {
        0 | 1 | 4 => 4,
        8 => 8,
        align => return Err(NoteError::BadAlignment { header, align }),
    };
    let bytes = slice(file, program.p_offset, program.p_filesz).unwrap_or_default();
    let mut at = 0_u64;
    while at < program.p_filesz {
        let offset = program.p_offset + at;
        let cut_off = || NoteError::CutOff { header, offset };
        let head = slice(bytes, at, NOTE_HEADER_SIZE).ok_or_else(cut_off)?;
        let field = |index| read_u32(head, index).unwrap_or_default();
        let (name_size, size, kind) = (u64::from(field(0)), u64::from(field(4)), field(8));
        // No overflow: a file has less than 2^63 bytes, and these are below 2^32.
        let owner = slice(bytes, at + NOTE_HEADER_SIZE, name_size).ok_or_else(cut_off)?;
        let start = (at + NOTE_HEADER_SIZE + name_size).next_multiple_of(align);
        let descriptor = slice(bytes, start, size).ok_or_else(cut_off)?;
        if owner == sys::NOTE_OWNER {
            let address = program.p_vaddr.wrapping_add(start);
            notes.push(Note { offset, kind, descriptor, address });
        }
        at = (start + size).next_multiple_of(align);
    }
    Ok(())
}

/// Turns notes, at least one, into what they declare.
pub(crate) fn parse_interface(
    notes: &[Note<'_>],
    segments: &Segments,
) -> Result<Interface, NoteError> {
    let of_kind = |kind| notes.iter().filter(move |note: &&Note<'_>| note.kind == kind);
    // The version first: a module of another one may have notes that are unknown here.
    let name = parse_module(of_kind(sys::NOTE_MODULE))?;
    let known = sys::NOTE_MODULE..=sys::NOTE_PARAM;
    if let Some(note) = notes.iter().find(|note| !known.contains(&note.kind)) {
        return Err(NoteError::UnknownType { offset: note.offset, kind: note.kind });
    }
    let entries = parse_entries(of_kind(sys::NOTE_ENTRY), segments)?;
    let ports = parse_ports(of_kind(sys::NOTE_PORT), entries.len())?;
    let params = parse_params(of_kind(sys::NOTE_PARAM), &ports)?;
    Ok(Interface { name, is_legacy: false, entries, ports, params })
}

/// Checks the MODULE note (`NOTE-2`) and gives the module's name.
fn parse_module<'notes>(
    mut notes: impl Iterator<Item = &'notes Note<'notes>>,
) -> Result<String, NoteError> {
    const KIND: &str = "MODULE";
    let note = notes.next().ok_or(NoteError::NoModule)?;
    if let Some(second) = notes.next() {
        return Err(NoteError::RepeatedModule { offset: second.offset });
    }
    let offset = note.offset;
    // Size and version are where they are in every version (VER-3); the rest may have changed.
    if let (Some(major), Some(minor)) = (read_u32(note.descriptor, 4), read_u32(note.descriptor, 8))
        && !is_supported(major, minor)
    {
        return Err(NoteError::WrongVersion { offset, major, minor });
    }
    note.check_size(KIND, size_of::<sys::ModuleNote>())?;
    note.check_flags(KIND, note.read(12), 0)?;
    note.read_name(KIND, 16)
}

/// Whether modules of this version run here (`VER-1`, `VER-2`).
const fn is_supported(major: u32, minor: u32) -> bool {
    let is_minor_right = if major == 0 { minor == sys::ABI_MINOR } else { minor <= sys::ABI_MINOR };
    major == sys::ABI_MAJOR && is_minor_right
}

/// Checks the ENTRY notes (`NOTE-3`) and gives the entries in index order.
fn parse_entries<'notes>(
    notes: impl Iterator<Item = &'notes Note<'notes>>,
    segments: &Segments,
) -> Result<Vec<Entry>, NoteError> {
    let mut notes: Vec<&Note<'_>> = notes.collect();
    for note in &notes {
        note.check_size("ENTRY", size_of::<sys::EntryNote>())?;
    }
    if notes.is_empty() {
        return Err(NoteError::NoEntry);
    }
    if notes.len() > usize::try_from(sys::MAX_ENTRIES).unwrap_or_default() {
        return Err(NoteError::TooManyEntries { count: notes.len() as u64 });
    }
    notes.sort_by_key(|note| note.read(4));
    let mut names = Names::default();
    let mut entries = Vec::with_capacity(notes.len());
    for (expected, note) in (0_u32..).zip(notes) {
        let index = note.read(4);
        if index < expected {
            return Err(NoteError::RepeatedEntry { offset: note.offset, index });
        }
        if index > expected {
            return Err(NoteError::MissingEntry { index: expected, found: index });
        }
        let entry = parse_entry(note, segments)?;
        names.add(note, "ENTRY", &entry.name)?;
        entries.push(entry);
    }
    Ok(entries)
}

/// Checks one ENTRY note, whose size has been checked.
fn parse_entry(note: &Note<'_>, segments: &Segments) -> Result<Entry, NoteError> {
    const KIND: &str = "ENTRY";
    let flags = note.read(8);
    note.check_flags(KIND, flags, sys::ENTRY_MANAGED | sys::ENTRY_RETURNS_STATUS)?;
    note.check_zero(KIND, &note.descriptor[20..32])?;
    let name = note.read_name(KIND, 32)?;
    let stack_size_bytes = match note.read(12) {
        0 => sys::DEFAULT_STACK_SIZE,
        size if size > sys::MAX_STACK_SIZE => {
            return Err(NoteError::StackTooLarge { offset: note.offset, size });
        }
        size => size,
    };
    // An address that leaves 64 bits does not lie in a segment either, so wrapping is harmless.
    let distance = i64::from(note.read(16).cast_signed());
    let address = note.address.wrapping_add(16).wrapping_add_signed(distance);
    if !segments.is_code(address) {
        return Err(NoteError::EntryOutside { name, address });
    }
    Ok(Entry {
        name,
        address,
        stack_size_bytes: u64::from(stack_size_bytes),
        is_managed: flags & sys::ENTRY_MANAGED != 0,
        returns_status: flags & sys::ENTRY_RETURNS_STATUS != 0,
    })
}
