//! [`Headers`]: the ELF header and the two header tables, checked (`IMG-1`, `IMG-2`).
//!
//! Says nothing about what the segments and sections hold.

use alloc::vec::Vec;

use elf::abi;
use elf::endian::LittleEndian;
use elf::file::{Class, FileHeader};
use elf::section::SectionHeader;
use elf::segment::ProgramHeader;

use crate::bytes::{slice, table};
use crate::error::FileError;
use crate::machine::Machine;

/// Most program headers of an image. Linkers make about ten.
pub const MAX_PROGRAM_HEADERS: u16 = 64;

/// Sizes of the ELF64 structures, in bytes.
const FILE_HEADER_SIZE: u16 = 64;
const PROGRAM_HEADER_SIZE: u16 = 56;
const SECTION_HEADER_SIZE: u16 = 64;

/// What the headers say.
pub(crate) struct Headers<'file> {
    pub(crate) machine: Machine,
    /// ET_DYN.
    pub(crate) is_relocatable: bool,
    /// `e_entry`.
    pub(crate) entry_address: u64,
    /// Program headers with their indices.
    pub(crate) programs: Vec<(u16, ProgramHeader)>,
    /// The section header table's bytes, empty if there is none.
    sections: &'file [u8],
}

impl<'file> Headers<'file> {
    /// Reads and checks the headers of `file`.
    pub(crate) fn parse(file: &'file [u8]) -> Result<Self, FileError> {
        check_ident(file)?;
        let header = parse_file_header(file)?;
        let machine = Machine::from_elf_number(header.e_machine)
            .ok_or(FileError::WrongMachine { machine: header.e_machine })?;
        if header.version != u32::from(abi::EV_CURRENT) {
            return Err(FileError::WrongVersion { offset: 0x14, found: header.version });
        }
        let is_relocatable = match header.e_type {
            abi::ET_DYN => true,
            abi::ET_EXEC => false,
            found => return Err(FileError::WrongType { found }),
        };
        if header.e_ehsize != FILE_HEADER_SIZE {
            return Err(FileError::WrongHeaderSize { found: header.e_ehsize });
        }
        Ok(Self {
            machine,
            is_relocatable,
            entry_address: header.e_entry,
            programs: parse_program_headers(file, &header)?,
            sections: find_section_headers(file, &header)?,
        })
    }

    /// Section headers in order. Nothing in them has been checked.
    pub(crate) fn sections(&self) -> impl Iterator<Item = SectionHeader> + use<'file> {
        table::<SectionHeader>(self.sections).into_iter()
    }
}

/// Checks the first 16 bytes.
fn check_ident(file: &[u8]) -> Result<(), FileError> {
    let short = FileError::Short { have: file.len() as u64 };
    let Some(&found) = file.first_chunk::<4>() else { return Err(short) };
    if found != abi::ELFMAGIC {
        return Err(FileError::BadMagic { found });
    }
    if file.len() < usize::from(FILE_HEADER_SIZE) {
        return Err(short);
    }
    if file[abi::EI_CLASS] != abi::ELFCLASS64 {
        return Err(FileError::WrongClass { found: file[abi::EI_CLASS] });
    }
    if file[abi::EI_DATA] != abi::ELFDATA2LSB {
        return Err(FileError::WrongByteOrder { found: file[abi::EI_DATA] });
    }
    if file[abi::EI_VERSION] != abi::EV_CURRENT {
        let found = u32::from(file[abi::EI_VERSION]);
        return Err(FileError::WrongVersion { offset: 6, found });
    }
    match file[abi::EI_OSABI] {
        abi::ELFOSABI_SYSV | abi::ELFOSABI_GNU => Ok(()),
        found => Err(FileError::WrongOsAbi { found }),
    }
}

/// Reads the header after the first 16 bytes.
fn parse_file_header(file: &[u8]) -> Result<FileHeader<LittleEndian>, FileError> {
    let ident = (LittleEndian, Class::ELF64, file[abi::EI_OSABI], file[abi::EI_ABIVERSION]);
    FileHeader::parse_tail(ident, &file[abi::EI_NIDENT..])
        .map_err(|_| FileError::Short { have: file.len() as u64 })
}

/// Reads the program header table.
fn parse_program_headers(
    file: &[u8],
    header: &FileHeader<LittleEndian>,
) -> Result<Vec<(u16, ProgramHeader)>, FileError> {
    let count = header.e_phnum;
    if count == 0 {
        return Err(FileError::NoProgramHeaders);
    }
    if count > MAX_PROGRAM_HEADERS {
        return Err(FileError::TooManyProgramHeaders { count });
    }
    if header.e_phentsize != PROGRAM_HEADER_SIZE {
        return Err(FileError::WrongProgramHeaderSize { found: header.e_phentsize });
    }
    let size = u64::from(count) * u64::from(PROGRAM_HEADER_SIZE);
    let bytes = slice(file, header.e_phoff, size).ok_or(FileError::ProgramHeadersOutside {
        offset: header.e_phoff,
        count,
        file_size: file.len() as u64,
    })?;
    Ok((0..count).zip(table::<ProgramHeader>(bytes)).collect())
}

/// Finds the section header table. The loader does not need it, but a file whose table is missing
/// has been cut off, and a diagnosis needs the symbols.
fn find_section_headers<'file>(
    file: &'file [u8],
    header: &FileHeader<LittleEndian>,
) -> Result<&'file [u8], FileError> {
    let count = header.e_shnum;
    if count == 0 {
        return Ok(&[]);
    }
    if header.e_shentsize != SECTION_HEADER_SIZE {
        return Err(FileError::WrongSectionHeaderSize { found: header.e_shentsize });
    }
    let size = u64::from(count) * u64::from(SECTION_HEADER_SIZE);
    slice(file, header.e_shoff, size).ok_or(FileError::SectionHeadersOutside {
        offset: header.e_shoff,
        count,
        file_size: file.len() as u64,
    })
}
