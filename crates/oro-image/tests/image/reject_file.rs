//! Files whose headers are wrong (`IMG-1`, `IMG-2`, `IMG-6`).

use oro_image::FileError as E;

use crate::builder::{Builder, EM_X86_64, set_u16, set_u32, set_u64};
use crate::rejection::{Rejection, reject};

pub(crate) fn all() -> Vec<Rejection> {
    let good = Builder::pie(EM_X86_64).build();
    let size = good.len() as u64;
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut file = good.clone();
        change(&mut file);
        file
    };
    let byte = |at: usize, value: u8| with(&|file| file[at] = value);
    let half = |at: usize, value: u16| with(&|file| set_u16(file, at, value));
    let cut = |size: usize| with(&|file| file.truncate(size));
    let section_table = |offset| E::SectionHeadersOutside { offset, count: 5, file_size: size };
    let program_table = |offset| E::ProgramHeadersOutside { offset, count: 6, file_size: size };
    vec![
        reject("empty", [], E::Short { have: 0 }),
        reject("short", cut(63), E::Short { have: 63 }),
        reject("script", *b"#!/bin/sh\n", E::BadMagic { found: *b"#!/b" }),
        reject("class-32", byte(4, 1), E::WrongClass { found: 1 }),
        reject("big-endian", byte(5, 2), E::WrongByteOrder { found: 2 }),
        reject("ident-version", byte(6, 0), E::WrongVersion { offset: 6, found: 0 }),
        reject(
            "version",
            with(&|file| set_u32(file, 20, 2)),
            E::WrongVersion { offset: 0x14, found: 2 },
        ),
        reject("freebsd", byte(7, 9), E::WrongOsAbi { found: 9 }),
        reject("riscv", half(18, 243), E::WrongMachine { machine: 243 }),
        reject("object", half(16, 1), E::WrongType { found: 1 }),
        reject("core", half(16, 4), E::WrongType { found: 4 }),
        reject("header-size", half(52, 65), E::WrongHeaderSize { found: 65 }),
        reject("program-header-size", half(54, 32), E::WrongProgramHeaderSize { found: 32 }),
        reject("no-program-headers", half(56, 0), E::NoProgramHeaders),
        reject("65535-program-headers", half(56, 65535), E::TooManyProgramHeaders { count: 65535 }),
        reject("65-program-headers", half(56, 65), E::TooManyProgramHeaders { count: 65 }),
        reject(
            "program-headers-cut",
            cut(0x40 + 56 * 6 - 1),
            E::ProgramHeadersOutside { offset: 0x40, count: 6, file_size: 0x40 + 56 * 6 - 1 },
        ),
        reject(
            "program-headers-overflow",
            with(&|file| set_u64(file, 32, u64::MAX - 8)),
            program_table(u64::MAX - 8),
        ),
        reject("section-header-size", half(58, 40), E::WrongSectionHeaderSize { found: 40 }),
        reject(
            "section-headers-outside",
            with(&|file| set_u64(file, 40, size)),
            section_table(size),
        ),
        reject(
            "section-headers-overflow",
            with(&|file| set_u64(file, 40, u64::MAX)),
            section_table(u64::MAX),
        ),
    ]
}
