//! [`Segment`]: the loadable parts of an image, and what a segment may not ask for (`IMG-3..7`).
//!
//! Every segment can be read. PT_GNU_RELRO is passed over: relocations are applied before the
//! memory exists (`IMG-7`), so a read-only segment serves for that, and a writable one stays writable.

use alloc::string::String;
use alloc::vec::Vec;

use elf::abi;
use elf::segment::ProgramHeader;
use oro_sysabi::{IMAGE_END, IMAGE_START};

use crate::bytes::slice;
use crate::error::SegmentError;
use crate::header::Headers;
use crate::relocation::Relocation;

/// Size of the pages by which segments are placed and protected, in bytes.
pub const PAGE_SIZE: u64 = 4096;
/// Most bytes of addresses from an image's first to its last segment: 4 GiB, twice what the small
/// code models can reach. It bounds what a kernel has to map for a file of any size.
pub const MAX_IMAGE_SIZE: u64 = 4 << 30;
/// Largest alignment of a segment, in bytes.
pub const MAX_ALIGN: u64 = 1 << 30;

/// A loadable segment: whole pages, and the bytes to put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Address of the first page, unbiased, a multiple of [`PAGE_SIZE`].
    pub address: u64,
    /// Bytes of memory, a multiple of [`PAGE_SIZE`], never 0.
    pub memory_bytes: u64,
    /// Stores are allowed; never together with `is_executable`.
    pub is_writable: bool,
    /// Execution is allowed.
    pub is_executable: bool,
    /// Index of the program header.
    pub(crate) header: u16,
    /// Offset in the file of `bytes`.
    pub(crate) offset: u64,
    /// Exact first address.
    pub(crate) start: u64,
    /// Exact end address.
    pub(crate) end: u64,
    /// Zeros between `address` and `start`: less than a page.
    pub(crate) lead: usize,
    /// The bytes from the file.
    pub(crate) bytes: Vec<u8>,
    /// Relocations of `bytes`, checked to lie inside.
    pub(crate) relocations: Vec<Relocation>,
}

impl Segment {
    /// Address after the last page, unbiased.
    #[must_use]
    pub const fn end_address(&self) -> u64 {
        self.address + self.memory_bytes
    }

    /// Whether `address` is one that the file asked for; not only one in the same page.
    pub(crate) const fn contains(&self, address: u64) -> bool {
        self.start <= address && address < self.end
    }
}

/// The segments of an image.
pub(crate) struct Segments {
    /// Loadable ones, by ascending address.
    pub(crate) loadable: Vec<Segment>,
    /// Largest alignment that any of them asks for, at least [`PAGE_SIZE`].
    pub(crate) align_bytes: u64,
    /// The dynamic table's header and its index.
    pub(crate) dynamic: Option<(u16, ProgramHeader)>,
}

impl Segments {
    /// Checks every program header and collects the loadable segments.
    pub(crate) fn parse(file: &[u8], headers: &Headers<'_>) -> Result<Self, SegmentError> {
        let mut segments = Self { loadable: Vec::new(), align_bytes: PAGE_SIZE, dynamic: None };
        let mut file_bytes_total = 0_u64;
        for &(index, ref program) in &headers.programs {
            check_demand(file, index, program)?;
            match program.p_type {
                abi::PT_LOAD => {
                    let segment = parse_loadable(file, headers.is_relocatable, index, program)?;
                    file_bytes_total = file_bytes_total.saturating_add(program.p_filesz);
                    segments.align_bytes = segments.align_bytes.max(program.p_align);
                    // An empty segment has nothing to load or to protect.
                    segments.loadable.extend(segment);
                }
                abi::PT_DYNAMIC => {
                    if let Some((first, _)) = segments.dynamic {
                        return Err(SegmentError::RepeatedDynamic { first, second: index });
                    }
                    segments.dynamic = Some((index, *program));
                }
                _ => {}
            }
            // Else a small file could make a loader copy the same bytes 64 times.
            if file_bytes_total > file.len() as u64 {
                let file_size = file.len() as u64;
                return Err(SegmentError::BytesReused { total: file_bytes_total, file_size });
            }
        }
        check_arrangement(&mut segments.loadable)?;
        Ok(segments)
    }

    /// The file bytes that lie at `address .. address + size` in memory.
    pub(crate) fn read(&self, address: u64, size: u64) -> Option<&[u8]> {
        self.loadable
            .iter()
            .find_map(|segment| slice(&segment.bytes, address.checked_sub(segment.start)?, size))
    }

    /// Whether a header's bytes in the file are the ones that a loadable segment has at its address.
    pub(crate) fn holds(&self, program: &ProgramHeader) -> bool {
        self.loadable.iter().any(|segment| {
            let Some(at) = program.p_vaddr.checked_sub(segment.start) else { return false };
            slice(&segment.bytes, at, program.p_filesz).is_some()
                && program.p_offset.checked_sub(segment.offset) == Some(at)
        })
    }

    /// Whether `address` lies in an executable segment.
    pub(crate) fn is_code(&self, address: u64) -> bool {
        self.loadable.iter().any(|segment| segment.is_executable && segment.contains(address))
    }
}

/// Checks what holds for a header of any kind, and refuses what Oro does not offer (`IMG-6`).
fn check_demand(file: &[u8], header: u16, program: &ProgramHeader) -> Result<(), SegmentError> {
    match program.p_type {
        abi::PT_TLS => return Err(SegmentError::ThreadLocal { header }),
        abi::PT_GNU_STACK if program.p_flags & abi::PF_X != 0 => {
            return Err(SegmentError::ExecutableStack { header });
        }
        abi::PT_LOAD | abi::PT_DYNAMIC | abi::PT_INTERP | abi::PT_NOTE => {}
        // Others are neither read nor loaded.
        _ => return Ok(()),
    }
    let (offset, size) = (program.p_offset, program.p_filesz);
    let Some(bytes) = slice(file, offset, size) else {
        let file_size = file.len() as u64;
        return Err(SegmentError::OutsideFile { header, offset, size, file_size });
    };
    if program.p_type == abi::PT_INTERP {
        let path = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        let path = &path[..path.len().min(256)];
        return Err(SegmentError::Interpreter {
            header,
            path: String::from_utf8_lossy(path).into_owned(),
        });
    }
    Ok(())
}

/// Checks a PT_LOAD header by itself (`IMG-3`, `IMG-4`); `None` if it takes no memory.
fn parse_loadable(
    file: &[u8],
    is_relocatable: bool,
    header: u16,
    program: &ProgramHeader,
) -> Result<Option<Segment>, SegmentError> {
    let (offset, address, align) = (program.p_offset, program.p_vaddr, program.p_align);
    let (file_bytes, memory_bytes) = (program.p_filesz, program.p_memsz);
    if file_bytes > memory_bytes {
        return Err(SegmentError::FileLargerThanMemory { header, file_bytes, memory_bytes });
    }
    // The ELF standard lets 0 stand for 1; no linker writes it, and a strict reader is safer.
    if !align.is_power_of_two() || align > MAX_ALIGN {
        return Err(SegmentError::BadAlignment { header, align });
    }
    if offset % align != address % align {
        return Err(SegmentError::Incongruent { header, offset, address, align });
    }
    let is_writable = program.p_flags & abi::PF_W != 0;
    let is_executable = program.p_flags & abi::PF_X != 0;
    if is_writable && is_executable {
        return Err(SegmentError::WritableExecutable { header });
    }
    let overflow = SegmentError::AddressOverflow { header, address, memory_bytes };
    let end = address.checked_add(memory_bytes).ok_or(overflow)?;
    if memory_bytes == 0 {
        return Ok(None);
    }
    let start_limit = if is_relocatable { 0 } else { IMAGE_START };
    if address < start_limit || end > IMAGE_END {
        return Err(SegmentError::OutsideRange { header, address, end, start_limit });
    }
    let file_size = file.len() as u64;
    let outside = SegmentError::OutsideFile { header, offset, size: file_bytes, file_size };
    let bytes = slice(file, offset, file_bytes).ok_or(outside)?;
    let page = address - address % PAGE_SIZE;
    Ok(Some(Segment {
        address: page,
        // No overflow: `end` is at most IMAGE_END.
        memory_bytes: end.next_multiple_of(PAGE_SIZE) - page,
        is_writable,
        is_executable,
        header,
        offset,
        start: address,
        end,
        lead: usize::try_from(address % PAGE_SIZE).unwrap_or_default(),
        bytes: bytes.to_vec(),
        relocations: Vec::new(),
    }))
}

/// Sorts the segments by address and checks them against each other.
fn check_arrangement(segments: &mut [Segment]) -> Result<(), SegmentError> {
    segments.sort_by_key(|segment| segment.start);
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
        return Err(SegmentError::NoneLoadable);
    };
    let size = last.end_address().saturating_sub(first.address);
    for pair in segments.windows(2) {
        let (first, second) = (pair[0].header, pair[1].header);
        if pair[1].start < pair[0].end {
            return Err(SegmentError::Overlap { first, second, address: pair[1].start });
        }
        if pair[1].address < pair[0].end_address() {
            return Err(SegmentError::SharedPage { first, second, page: pair[1].address });
        }
    }
    if size > MAX_IMAGE_SIZE {
        return Err(SegmentError::TooLarge { size });
    }
    Ok(())
}
