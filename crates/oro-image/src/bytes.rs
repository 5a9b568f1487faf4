//! Reading little-endian numbers and ranges out of bytes, where every read may fail.

use elf::endian::LittleEndian;
use elf::file::Class;
use elf::parse::{ParseAt, ParsingTable};

/// The range `offset .. offset + size` of `file`, if it lies inside it.
pub(crate) fn slice(file: &[u8], offset: u64, size: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = usize::try_from(offset.checked_add(size)?).ok()?;
    file.get(start..end)
}

/// The u32 at `offset`, if it lies inside.
pub(crate) fn read_u32(bytes: &[u8], offset: usize) -> Option<u32> {
    let field = bytes.get(offset..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*field))
}

/// `bytes` as a table of ELF64 structures; a partial one at the end is not seen.
pub(crate) fn table<T: ParseAt>(bytes: &[u8]) -> ParsingTable<'_, LittleEndian, T> {
    ParsingTable::new(LittleEndian, Class::ELF64, bytes)
}

/// The bytes of a zero-terminated string at `offset`, at most `limit` of them; without the zero.
pub(crate) fn read_name(bytes: &[u8], offset: u64, limit: usize) -> Option<&[u8]> {
    let tail = bytes.get(usize::try_from(offset).ok()?..)?;
    let tail = &tail[..tail.len().min(limit)];
    let end = tail.iter().position(|&byte| byte == 0)?;
    Some(&tail[..end])
}
