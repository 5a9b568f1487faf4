//! The dynamic table and the relocations of a static PIE: `R_*_RELATIVE` and nothing else (`IMG-6`).
//!
//! Relocations are checked and kept here; [`crate::Image::build_segment`] applies them.

use alloc::string::String;
use alloc::vec::Vec;

use elf::abi;
use elf::dynamic::Dyn;
use elf::relocation::Rela;
use elf::segment::ProgramHeader;
use elf::symbol::Symbol;

use crate::bytes::{read_name, slice, table};
use crate::error::{ImageError, RelocationError, SegmentError};
use crate::header::Headers;
use crate::segment::{Segment, Segments};

/// Size of a `Elf64_Rela`, in bytes.
const RELA_SIZE: u64 = 24;
/// Size of a `Elf64_Sym`, in bytes.
const SYMBOL_SIZE: u64 = 24;
/// Longest name that an error shows, in bytes.
const SHOWN_NAME_SIZE: usize = 256;
/// Packed tables, which `elf` has no names for.
const DT_RELR: i64 = 36;
const DT_ANDROID_REL: i64 = 0x6000_000f;
const DT_ANDROID_RELA: i64 = 0x6000_0011;

/// A checked relocation: 8 bytes of a segment's file bytes that shall hold an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Relocation {
    /// Index of the first byte in the segment's file bytes.
    pub(crate) at: usize,
    /// The address, unbiased.
    pub(crate) address: u64,
}

/// Reads the dynamic table, checks it and its relocations, and hands these to their segments.
pub(crate) fn parse_relocations(
    file: &[u8],
    headers: &Headers<'_>,
    segments: &mut Segments,
) -> Result<(), ImageError> {
    let Some((header, program)) = segments.dynamic else { return Ok(()) };
    if !segments.holds(&program) {
        return Err(SegmentError::NotLoaded { header, what: "the dynamic table" }.into());
    }
    let dynamic = DynamicTable::parse(file, header, &program)?;
    dynamic.check(segments)?;
    for relocations in [dynamic.find_rela()?, dynamic.find_plt_rela()?].into_iter().flatten() {
        parse_table(headers, segments, &dynamic, &relocations)?;
    }
    Ok(())
}

/// The entries of the dynamic table that matter to a loader.
#[derive(Default)]
struct DynamicTable {
    needed: Option<u64>,
    string_table: Option<u64>,
    symbol_table: Option<u64>,
    rela: Option<u64>,
    rela_size: Option<u64>,
    rela_entry_size: Option<u64>,
    plt_rela: Option<u64>,
    plt_rela_size: Option<u64>,
    plt_rela_kind: Option<u64>,
    flags: Option<u64>,
    text_relocations: Option<u64>,
    unsupported: Option<&'static str>,
}

/// A table of relocations as the dynamic table gives it.
struct RelaTable {
    tag: &'static str,
    address: u64,
    size: u64,
}

impl DynamicTable {
    /// Reads the entries up to DT_NULL; each that matters may be there once.
    fn parse(file: &[u8], header: u16, program: &ProgramHeader) -> Result<Self, RelocationError> {
        let size = program.p_filesz;
        if !size.is_multiple_of(16) {
            return Err(RelocationError::DynamicSize { header, size });
        }
        let mut dynamic = Self::default();
        for entry in table::<Dyn>(slice(file, program.p_offset, size).unwrap_or_default()) {
            if entry.d_tag == abi::DT_NULL {
                return Ok(dynamic);
            }
            let Some((tag, field)) = dynamic.field_mut(entry.d_tag) else { continue };
            // Every library may be named; one is enough to refuse the image.
            if field.is_some() && entry.d_tag != abi::DT_NEEDED {
                return Err(RelocationError::RepeatedTag { tag });
            }
            *field = Some(entry.d_val());
        }
        Err(RelocationError::DynamicUnterminated { header })
    }

    /// The name and the place of a tag that matters.
    fn field_mut(&mut self, tag: i64) -> Option<(&'static str, &mut Option<u64>)> {
        Some(match tag {
            abi::DT_NEEDED => ("DT_NEEDED", &mut self.needed),
            abi::DT_STRTAB => ("DT_STRTAB", &mut self.string_table),
            abi::DT_SYMTAB => ("DT_SYMTAB", &mut self.symbol_table),
            abi::DT_RELA => ("DT_RELA", &mut self.rela),
            abi::DT_RELASZ => ("DT_RELASZ", &mut self.rela_size),
            abi::DT_RELAENT => ("DT_RELAENT", &mut self.rela_entry_size),
            abi::DT_JMPREL => ("DT_JMPREL", &mut self.plt_rela),
            abi::DT_PLTRELSZ => ("DT_PLTRELSZ", &mut self.plt_rela_size),
            abi::DT_PLTREL => ("DT_PLTREL", &mut self.plt_rela_kind),
            abi::DT_FLAGS => ("DT_FLAGS", &mut self.flags),
            abi::DT_TEXTREL => ("DT_TEXTREL", &mut self.text_relocations),
            abi::DT_REL | DT_RELR | DT_ANDROID_REL | DT_ANDROID_RELA => {
                self.unsupported = Some(match tag {
                    abi::DT_REL => "DT_REL",
                    DT_RELR => "DT_RELR",
                    DT_ANDROID_REL => "DT_ANDROID_REL",
                    _ => "DT_ANDROID_RELA",
                });
                return None;
            }
            _ => return None,
        })
    }

    /// Refuses what no relocation table can mend.
    fn check(&self, segments: &Segments) -> Result<(), RelocationError> {
        if let Some(offset) = self.needed {
            return Err(RelocationError::NeededLibrary { name: self.read_name(segments, offset) });
        }
        if let Some(tag) = self.unsupported {
            return Err(RelocationError::UnsupportedTable { tag });
        }
        let flags = self.flags.unwrap_or_default();
        if self.text_relocations.is_some() || flags & abi::DF_TEXTREL.unsigned_abs() != 0 {
            return Err(RelocationError::TextRelocations);
        }
        Ok(())
    }

    /// The table that DT_RELA gives.
    fn find_rela(&self) -> Result<Option<RelaTable>, RelocationError> {
        let table = RelaTable::new(self.rela, self.rela_size, "DT_RELA", "DT_RELASZ")?;
        if table.is_some() {
            let (tag, expected) = ("DT_RELAENT", RELA_SIZE);
            let missing = RelocationError::TableIncomplete { tag: "DT_RELA", missing: tag };
            let found = self.rela_entry_size.ok_or(missing)?;
            if found != expected {
                return Err(RelocationError::TableForm { tag, found, expected });
            }
        }
        Ok(table)
    }

    /// The table that DT_JMPREL gives. What is in it is hardly ever relative, but reading it tells
    /// which symbol is missing.
    fn find_plt_rela(&self) -> Result<Option<RelaTable>, RelocationError> {
        let table = RelaTable::new(self.plt_rela, self.plt_rela_size, "DT_JMPREL", "DT_PLTRELSZ")?;
        if table.is_some() {
            let (tag, expected) = ("DT_PLTREL", abi::DT_RELA.unsigned_abs());
            let missing = RelocationError::TableIncomplete { tag: "DT_JMPREL", missing: tag };
            let found = self.plt_rela_kind.ok_or(missing)?;
            if found != expected {
                return Err(RelocationError::TableForm { tag, found, expected });
            }
        }
        Ok(table)
    }

    /// A name in the dynamic string table, as far as it can be read.
    fn read_name(&self, segments: &Segments, offset: u64) -> String {
        let name = self.string_table.and_then(|address| {
            let address = address.checked_add(offset)?;
            let segment = segments.loadable.iter().find(|segment| segment.contains(address))?;
            read_name(&segment.bytes, address - segment.start, SHOWN_NAME_SIZE)
        });
        String::from_utf8_lossy(name.unwrap_or(b"?")).into_owned()
    }
}

impl RelaTable {
    /// Pairs a table's address with its size: both are there, or none.
    fn new(
        address: Option<u64>,
        size: Option<u64>,
        tag: &'static str,
        size_tag: &'static str,
    ) -> Result<Option<Self>, RelocationError> {
        match (address, size) {
            (None, None | Some(0)) => Ok(None),
            (None, Some(_)) => {
                Err(RelocationError::TableIncomplete { tag: size_tag, missing: tag })
            }
            (Some(_), None) => Err(RelocationError::TableIncomplete { tag, missing: size_tag }),
            (Some(_), Some(size)) if !size.is_multiple_of(RELA_SIZE) => {
                Err(RelocationError::TableSize { tag: size_tag, size })
            }
            (Some(address), Some(size)) => Ok(Some(Self { tag, address, size })),
        }
    }
}

/// Checks each relocation of a table and hands it to its segment.
fn parse_table(
    headers: &Headers<'_>,
    segments: &mut Segments,
    dynamic: &DynamicTable,
    relocations: &RelaTable,
) -> Result<(), RelocationError> {
    let RelaTable { tag, address, size } = *relocations;
    let outside = RelocationError::TableOutside { tag, address, size };
    let bytes = segments.read(address, size).ok_or(outside)?;
    let file_offset = find_file_offset(segments, address);
    let mut checked = Vec::new();
    for (index, rela) in (0_u64..).zip(table::<Rela>(bytes)) {
        let offset = file_offset + index * RELA_SIZE;
        if rela.r_type != headers.machine.relative_relocation() || rela.r_sym != 0 {
            return Err(explain_kind(headers, segments, dynamic, &rela, offset));
        }
        if !headers.is_relocatable {
            return Err(RelocationError::InFixedImage { offset });
        }
        checked.push(check_relative(segments, &rela, offset)?);
    }
    for (index, relocation) in checked {
        segments.loadable[index].relocations.push(relocation);
    }
    Ok(())
}

/// The offset in the file of what lies at `address`, which some segment's file bytes hold.
fn find_file_offset(segments: &Segments, address: u64) -> u64 {
    let segment = segments.loadable.iter().find(|segment| segment.contains(address));
    segment.map_or(0, |segment| segment.offset + (address - segment.start))
}

/// Checks a relative relocation; the index of its segment with it.
fn check_relative(
    segments: &Segments,
    rela: &Rela,
    offset: u64,
) -> Result<(usize, Relocation), RelocationError> {
    let target = rela.r_offset;
    let holds = |segment: &Segment| {
        segment.contains(target) && target.checked_add(8).is_some_and(|end| end <= segment.end)
    };
    let Some(index) = segments.loadable.iter().position(holds) else {
        return Err(RelocationError::TargetOutside { offset, target });
    };
    let segment = &segments.loadable[index];
    if segment.is_executable {
        return Err(RelocationError::TargetInCode { offset, target });
    }
    let at = target - segment.start;
    // Linkers put what they relocate into the file. Holding them to it bounds what a loader
    // allocates by the size of the file, however large the bss is.
    if slice(&segment.bytes, at, 8).is_none() {
        return Err(RelocationError::TargetInBss { offset, target });
    }
    let value = rela.r_addend.cast_unsigned();
    let (first, last) = (segments.loadable.first(), segments.loadable.last());
    let is_inside = first.is_some_and(|segment| segment.address <= value)
        && last.is_some_and(|segment| value <= segment.end_address());
    if !is_inside {
        return Err(RelocationError::ValueOutside { offset, value });
    }
    let at = usize::try_from(at).unwrap_or_default();
    Ok((index, Relocation { at, address: value }))
}

/// Says why a relocation of another kind is there: mostly for a symbol that nothing defines.
fn explain_kind(
    headers: &Headers<'_>,
    segments: &Segments,
    dynamic: &DynamicTable,
    rela: &Rela,
    offset: u64,
) -> RelocationError {
    let symbol = dynamic.symbol_table.and_then(|address| {
        let at = address.checked_add(u64::from(rela.r_sym) * SYMBOL_SIZE)?;
        Some((table::<Symbol>(segments.read(at, SYMBOL_SIZE)?).get(0).ok()?, at))
    });
    match symbol {
        Some((symbol, at)) if rela.r_sym != 0 && is_missing(&symbol) => {
            RelocationError::UndefinedSymbol {
                offset: find_file_offset(segments, at),
                name: dynamic.read_name(segments, u64::from(symbol.st_name)),
            }
        }
        _ => RelocationError::WrongKind {
            offset,
            kind: rela.r_type,
            symbol: rela.r_sym,
            expected: headers.machine.relative_relocation(),
        },
    }
}

/// Whether a symbol must be defined elsewhere. A weak one may stay undefined.
pub(crate) fn is_missing(symbol: &Symbol) -> bool {
    symbol.is_undefined() && symbol.st_bind() != abi::STB_WEAK
}
