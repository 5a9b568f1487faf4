//! [`Symbols`]: names for addresses, for diagnosis, and `main` of a legacy image.
//!
//! A loader needs no symbol table, so one that makes no sense is as good as none: nothing here
//! fails, but for dynamic symbols that nothing defines (`IMG-6`).

use alloc::string::String;
use alloc::vec::Vec;

use elf::abi;
use elf::section::SectionHeader;
use elf::symbol::Symbol as ElfSymbol;

use crate::bytes::{read_name, slice, table};
use crate::error::RelocationError;
use crate::header::Headers;
use crate::relocation::is_missing;

/// Longest name that is shown, in bytes; Rust's may be long.
const MAX_NAME_SIZE: usize = 4096;
/// How many symbols before an address are asked whether they reach it.
const MAX_CANDIDATES: usize = 16;

/// The name that an address has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'image> {
    /// Name as in the symbol table, mangled if the compiler mangles.
    pub name: &'image str,
    /// Bytes from the symbol's address to the one asked for.
    pub offset: u64,
}

/// The symbols of an image, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Symbols {
    names: Vec<u8>,
    entries: Vec<Entry>,
}

/// A function, an object or a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    address: u64,
    size_bytes: u64,
    name: u32,
    is_function: bool,
}

impl Symbols {
    /// Collects what the file has: `.symtab`, else `.dynsym`, else nothing.
    pub(crate) fn parse(file: &[u8], headers: &Headers<'_>) -> Self {
        let find = |kind| headers.sections().find(|section| section.sh_type == kind);
        let Some(section) = find(abi::SHT_SYMTAB).or_else(|| find(abi::SHT_DYNSYM)) else {
            return Self::default();
        };
        let Some((symbols, names)) = read_section(file, headers, &section) else {
            return Self::default();
        };
        let mut entries: Vec<Entry> = table::<ElfSymbol>(symbols)
            .iter()
            .filter(|symbol| is_named_address(symbol, names))
            .map(|symbol| Entry {
                address: symbol.st_value,
                size_bytes: symbol.st_size,
                name: symbol.st_name,
                is_function: symbol.st_symtype() == abi::STT_FUNC,
            })
            .collect();
        entries.sort_unstable();
        Self { names: names.to_vec(), entries }
    }

    /// The address of the function `main` (`ENTRY-8`).
    pub(crate) fn find_main(&self) -> Option<u64> {
        // The names are not read: a table whose names are long would make that slow.
        let is_main = |entry: &&Entry| {
            let name = usize::try_from(entry.name).ok().and_then(|at| self.names.get(at..));
            entry.is_function && name.is_some_and(|name| name.starts_with(b"main\0"))
        };
        self.entries.iter().find(is_main).map(|entry| entry.address)
    }

    /// The symbol that reaches `address`, or the label without a size just before it.
    pub(crate) fn find(&self, address: u64) -> Option<Symbol<'_>> {
        let end = self.entries.partition_point(|entry| entry.address <= address);
        let candidates = self.entries[..end].iter().rev().take(MAX_CANDIDATES);
        let reaching = candidates.clone().find(|entry| address - entry.address < entry.size_bytes);
        // A label reaches up to the next symbol, so only the nearest entry may be one.
        let label = candidates.clone().next().filter(|entry| entry.size_bytes == 0);
        let entry = reaching.or(label)?;
        Some(Symbol { name: self.read(entry)?, offset: address - entry.address })
    }

    /// The name of an entry, if it has one that can be shown.
    fn read(&self, entry: &Entry) -> Option<&str> {
        let name = read_name(&self.names, u64::from(entry.name), MAX_NAME_SIZE)?;
        core::str::from_utf8(name).ok().filter(|name| !name.is_empty())
    }
}

/// Refuses dynamic symbols that are to come from elsewhere (`IMG-6`). An image whose relocations
/// name one is refused by these, also without section headers.
pub(crate) fn check_defined(file: &[u8], headers: &Headers<'_>) -> Result<(), RelocationError> {
    // One table is looked at, as a file has one; looking at 65,535 would take a while.
    let Some(section) = headers.sections().find(|section| section.sh_type == abi::SHT_DYNSYM)
    else {
        return Ok(());
    };
    let Some((symbols, names)) = read_section(file, headers, &section) else { return Ok(()) };
    // The first entry is the null symbol.
    for (index, symbol) in (0_u64..).zip(table::<ElfSymbol>(symbols)).skip(1) {
        if is_missing(&symbol) {
            let name = read_name(names, u64::from(symbol.st_name), 256).unwrap_or(b"?");
            return Err(RelocationError::UndefinedSymbol {
                offset: section.sh_offset + index * 24,
                name: String::from_utf8_lossy(name).into_owned(),
            });
        }
    }
    Ok(())
}

/// The bytes of a symbol table and of its string table.
fn read_section<'file>(
    file: &'file [u8],
    headers: &Headers<'file>,
    section: &SectionHeader,
) -> Option<(&'file [u8], &'file [u8])> {
    let index = usize::try_from(section.sh_link).ok()?;
    let names = headers.sections().nth(index).filter(|names| names.sh_type == abi::SHT_STRTAB)?;
    let symbols = slice(file, section.sh_offset, section.sh_size)?;
    Some((symbols, slice(file, names.sh_offset, names.sh_size)?))
}

/// Whether a symbol gives an address a name that helps people.
fn is_named_address(symbol: &ElfSymbol, names: &[u8]) -> bool {
    let is_kind = matches!(symbol.st_symtype(), abi::STT_FUNC | abi::STT_OBJECT | abi::STT_NOTYPE);
    let is_placed = !symbol.is_undefined() && symbol.st_shndx < abi::SHN_LORESERVE;
    let first = usize::try_from(symbol.st_name).ok().and_then(|at| names.get(at));
    // `$x` and `$d` mark code and data on AArch64.
    is_kind && is_placed && first.is_some_and(|&byte| byte != 0 && byte != b'$')
}
