//! Files whose segments are wrong (`IMG-3`, `IMG-4`, `IMG-6`, `LIM-11`).

use oro_image::{MAX_ALIGN, SegmentError as E};
use oro_sysabi::{IMAGE_END, IMAGE_START};

use crate::builder::{
    Builder, CODE, CODE_SIZE, DATA, EM_X86_64, FIXED_BASE, P_ALIGN, P_FILESZ, P_FLAGS, P_MEMSZ,
    P_OFFSET, P_TYPE, P_VADDR, get_u64, program, set_u32, set_u64,
};
use crate::rejection::{Rejection, reject};

pub(crate) fn all() -> Vec<Rejection> {
    let mut all = bounds();
    all.extend(placement());
    all.extend(arrangement());
    all.extend(demands());
    all
}

/// A good file with some 8-byte fields of program headers changed.
fn with(fields: &[(usize, usize, u64)]) -> Vec<u8> {
    change(Builder::pie(EM_X86_64).build(), fields)
}

fn change(mut file: Vec<u8>, fields: &[(usize, usize, u64)]) -> Vec<u8> {
    for &(index, field, value) in fields {
        set_u64(&mut file, program(index, field), value);
    }
    file
}

/// A good file with one more program header.
fn add(header: [u64; 7]) -> Vec<u8> {
    Builder { programs: vec![header], ..Builder::pie(EM_X86_64) }.build()
}

/// Sizes, offsets and alignments of one segment.
fn bounds() -> Vec<Rejection> {
    let good = Builder::pie(EM_X86_64).build();
    let file_size = good.len() as u64;
    let code_offset = get_u64(&good, program(1, P_OFFSET));
    let memory = get_u64(&good, program(2, P_MEMSZ));
    let outside = |header, offset, size| E::OutsideFile { header, offset, size, file_size };
    let align = |align| E::BadAlignment { header: 1, align };
    vec![
        reject(
            "load-outside-file",
            with(&[
                (1, P_OFFSET, file_size - 8 - (file_size - code_offset) % 8),
                (1, P_FILESZ, 0x20),
            ]),
            outside(1, file_size - 8 - (file_size - code_offset) % 8, 0x20),
        ),
        reject(
            "load-offset-overflow",
            with(&[(1, P_OFFSET, u64::MAX - 7)]),
            outside(1, u64::MAX - 7, CODE_SIZE),
        ),
        reject(
            "load-size-overflow",
            with(&[(1, P_FILESZ, u64::MAX), (1, P_MEMSZ, u64::MAX)]),
            outside(1, code_offset, u64::MAX),
        ),
        reject("note-outside-file", with(&[(4, P_OFFSET, 1 << 40)]), {
            outside(4, 1 << 40, get_u64(&good, program(4, P_FILESZ)))
        }),
        reject("dynamic-outside-file", with(&[(3, P_OFFSET, 1 << 40)]), {
            outside(3, 1 << 40, get_u64(&good, program(3, P_FILESZ)))
        }),
        reject(
            "file-larger-than-memory",
            with(&[(1, P_MEMSZ, CODE_SIZE - 1)]),
            E::FileLargerThanMemory {
                header: 1,
                file_bytes: CODE_SIZE,
                memory_bytes: CODE_SIZE - 1,
            },
        ),
        reject("alignment-0", with(&[(1, P_ALIGN, 0)]), align(0)),
        reject("alignment-12", with(&[(1, P_ALIGN, 12)]), align(12)),
        reject("alignment-huge", with(&[(1, P_ALIGN, MAX_ALIGN * 2)]), align(MAX_ALIGN * 2)),
        reject(
            "incongruent",
            with(&[(2, P_VADDR, DATA + 4)]),
            E::Incongruent {
                header: 2,
                offset: get_u64(&good, program(2, P_OFFSET)),
                address: DATA + 4,
                align: 8,
            },
        ),
        reject(
            "address-overflow",
            with(&[(2, P_VADDR, u64::MAX - 7)]),
            E::AddressOverflow { header: 2, address: u64::MAX - 7, memory_bytes: memory },
        ),
    ]
}

/// Addresses that an image may not have.
fn placement() -> Vec<Rejection> {
    let fixed = || Builder::fixed(EM_X86_64).build();
    let good = fixed();
    let size = get_u64(&good, program(0, P_MEMSZ));
    let memory = get_u64(&good, program(2, P_MEMSZ));
    let outside =
        |header, address, end, start_limit| E::OutsideRange { header, address, end, start_limit };
    vec![
        reject(
            "fixed-below-range",
            change(fixed(), &[(0, P_VADDR, IMAGE_START - 8)]),
            outside(0, IMAGE_START - 8, IMAGE_START - 8 + size, IMAGE_START),
        ),
        reject(
            "fixed-above-range",
            change(fixed(), &[(1, P_VADDR, IMAGE_END - CODE_SIZE + 8)]),
            outside(1, IMAGE_END - CODE_SIZE + 8, IMAGE_END + 8, IMAGE_START),
        ),
        reject(
            "kernel-half",
            change(fixed(), &[(1, P_VADDR, 0xffff_8000_0000_0000)]),
            outside(1, 0xffff_8000_0000_0000, 0xffff_8000_0000_0000 + CODE_SIZE, IMAGE_START),
        ),
        reject(
            "pie-above-range",
            with(&[(2, P_VADDR, IMAGE_END)]),
            outside(2, IMAGE_END, IMAGE_END + memory, 0),
        ),
        reject(
            "bss-of-60-gib",
            with(&[(2, P_MEMSZ, 60 << 30)]),
            E::TooLarge { size: DATA + (60 << 30) },
        ),
        reject("far-apart", with(&[(1, P_VADDR, 5 << 30)]), E::TooLarge { size: (5 << 30) + 4096 }),
    ]
}

/// Segments against each other.
fn arrangement() -> Vec<Rejection> {
    let mut writable_code = Builder::pie(EM_X86_64).build();
    set_u32(&mut writable_code, program(1, P_FLAGS), 7);
    let mut none = Builder::pie(EM_X86_64).build();
    for index in 0..3 {
        set_u32(&mut none, program(index, P_TYPE), 6);
    }
    let size = get_u64(&none, program(0, P_MEMSZ));
    let page = FIXED_BASE + 0x1000;
    let big = Builder::pie(EM_X86_64).build().len() as u64;
    let total = {
        let file = Builder { programs: vec![[0; 7]], ..Builder::pie(EM_X86_64) }.build();
        let sizes = (0..3).map(|index| get_u64(&file, program(index, P_FILESZ)));
        (sizes.sum::<u64>(), file.len() as u64)
    };
    vec![
        reject("writable-executable", writable_code, E::WritableExecutable { header: 1 }),
        reject("nothing-loadable", none, E::NoneLoadable),
        reject(
            "overlap",
            with(&[(1, P_VADDR, size.next_multiple_of(8) - 8)]),
            E::Overlap { first: 0, second: 1, address: size.next_multiple_of(8) - 8 },
        ),
        reject(
            "same-address",
            with(&[(1, P_VADDR, DATA), (2, P_VADDR, DATA)]),
            E::Overlap { first: 1, second: 2, address: DATA },
        ),
        reject(
            "shared-page",
            change(
                Builder::fixed(EM_X86_64).build(),
                &[(1, P_VADDR, page), (2, P_VADDR, page + CODE_SIZE)],
            ),
            E::SharedPage { first: 1, second: 2, page },
        ),
        reject(
            "bytes-reused",
            add([1, 4, 0, 0x10_0000, big, big, 8]),
            E::BytesReused { total: total.0 + big, file_size: total.1 },
        ),
    ]
}

/// Segments by which a file asks for what is not given.
fn demands() -> Vec<Rejection> {
    let mut stack = Builder::pie(EM_X86_64).build();
    set_u32(&mut stack, program(5, P_FLAGS), 7);
    let mut interpreter = add([3, 4, 0x38, 0x38, 16, 16, 1]);
    let path_at = interpreter.len();
    interpreter.extend_from_slice(b"/lib/ld.so\0");
    set_u64(&mut interpreter, program(6, P_OFFSET), path_at as u64);
    set_u64(&mut interpreter, program(6, P_FILESZ), 11);
    let mut notes = Builder::pie(EM_X86_64).build();
    let address = get_u64(&notes, program(4, P_VADDR));
    set_u64(&mut notes, program(4, P_VADDR), address + 8);
    let mut dynamic = Builder::pie(EM_X86_64).build();
    set_u64(&mut dynamic, program(3, P_VADDR), CODE);
    vec![
        reject("interpreter", interpreter, E::Interpreter { header: 6, path: "/lib/ld.so".into() }),
        reject("thread-local", add([7, 4, 0, 0, 8, 8, 8]), E::ThreadLocal { header: 6 }),
        reject("executable-stack", stack, E::ExecutableStack { header: 5 }),
        reject(
            "two-dynamic-tables",
            add([2, 6, 0, 0, 0, 0, 8]),
            E::RepeatedDynamic { first: 3, second: 6 },
        ),
        reject("notes-not-loaded", notes, E::NotLoaded { header: 4, what: "notes of owner Oro" }),
        reject(
            "dynamic-not-loaded",
            dynamic,
            E::NotLoaded { header: 3, what: "the dynamic table" },
        ),
    ]
}
