//! [`Image`]: a checked ELF file.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use oro_sysabi::DEFAULT_STACK_SIZE;

use crate::error::{ImageError, NoteError};
use crate::header::Headers;
use crate::interface::{Entry, Interface};
use crate::machine::Machine;
use crate::note::{collect_notes, parse_interface};
use crate::relocation::parse_relocations;
use crate::segment::{Segment, Segments};
use crate::symbol::{Symbol, Symbols, check_defined};

/// A checked image. It holds copies of what it needs from the file: at most about twice its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The machine that it is for.
    pub machine: Machine,
    /// It runs at any address (static PIE); else its bias is 0.
    pub is_relocatable: bool,
    /// What it declares.
    pub interface: Interface,
    /// Its segments by ascending address; no two share a page.
    pub segments: Vec<Segment>,
    /// A power of two, at least 4096: a bias must be a multiple of it.
    pub align_bytes: u64,
    symbols: Symbols,
}

impl Image {
    /// Checks a whole file (`IMG-*`, `NOTE-*`).
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, for any bytes whatever (`IMG-2`).
    ///
    /// ```
    /// use oro_image::Image;
    ///
    /// let error = Image::parse(b"#!/bin/sh\n").unwrap_err();
    /// assert_eq!(error.code(), "IMAGE-BAD-MAGIC");
    /// ```
    pub fn parse(file: &[u8]) -> Result<Self, ImageError> {
        let headers = Headers::parse(file)?;
        let mut segments = Segments::parse(file, &headers)?;
        parse_relocations(file, &headers, &mut segments)?;
        check_defined(file, &headers)?;
        let symbols = Symbols::parse(file, &headers);
        let notes = collect_notes(file, &headers, &segments)?;
        let interface = if notes.is_empty() {
            build_legacy_interface(&headers, &segments, &symbols)?
        } else {
            parse_interface(&notes, &segments)?
        };
        Ok(Self {
            machine: headers.machine,
            is_relocatable: headers.is_relocatable,
            interface,
            segments: segments.loadable,
            align_bytes: segments.align_bytes,
            symbols,
        })
    }

    /// The addresses from the first page of the first segment to the end of the last page of the
    /// last one, unbiased. There may be holes in between.
    #[must_use]
    pub fn span(&self) -> Range<u64> {
        let start = self.segments.first().map_or(0, |segment| segment.address);
        start..self.segments.last().map_or(0, Segment::end_address)
    }

    /// The first bytes of a segment's memory with relocations applied for a bias; the rest of
    /// `memory_bytes` is zero (`IMG-7`). Never longer than the file and one page.
    ///
    /// # Panics
    ///
    /// If `index` is not one of [`Image::segments`].
    #[must_use]
    pub fn build_segment(&self, index: usize, bias: u64) -> Vec<u8> {
        let segment = &self.segments[index];
        let mut memory = vec![0; segment.lead];
        memory.extend_from_slice(&segment.bytes);
        for relocation in &segment.relocations {
            let at = segment.lead + relocation.at;
            let value = relocation.address.wrapping_add(bias);
            memory[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        memory
    }

    /// The symbol at or before an unbiased address, as far as the file has symbols. What it says is
    /// for people: nothing has checked a symbol table.
    #[must_use]
    pub fn find_symbol(&self, address: u64) -> Option<Symbol<'_>> {
        self.segments.iter().find(|segment| segment.contains(address))?;
        self.symbols.find(address)
    }
}

/// The interface of an image without notes: `main`, else `e_entry`, naive, no ports (`ENTRY-8`).
fn build_legacy_interface(
    headers: &Headers<'_>,
    segments: &Segments,
    symbols: &Symbols,
) -> Result<Interface, NoteError> {
    let main = symbols.find_main();
    let (name, address) = match main {
        Some(address) => ("main", address),
        None => ("e_entry", headers.entry_address),
    };
    if !segments.is_code(address) {
        return Err(NoteError::EntryOutside { name: String::from(name), address });
    }
    let entry = Entry {
        name: String::from(name),
        address,
        stack_size_bytes: u64::from(DEFAULT_STACK_SIZE),
        is_managed: false,
        // `main` returns an int (END-2); what a bare `_start` leaves in a register is no status.
        returns_status: main.is_some(),
    };
    Ok(Interface { is_legacy: true, entries: vec![entry], ..Interface::default() })
}
