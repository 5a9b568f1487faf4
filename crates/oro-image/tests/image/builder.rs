//! Builds small ELF files byte by byte, good ones unless told otherwise.
//!
//! The file is compact (segments are congruent modulo 8, not modulo a page), so that trying every
//! byte of it is cheap. Program headers: 0 read-only, 1 code, 2 data and bss, 3 dynamic, 4 notes,
//! 5 stack, then what a test adds.

use oro_sysabi as sys;

pub(crate) const EM_X86_64: u16 = 62;
pub(crate) const EM_AARCH64: u16 = 183;
/// Distance of the code's and the data's segment from the first one.
pub(crate) const CODE: u64 = 0x1_0000;
pub(crate) const DATA: u64 = 0x2_0000;
pub(crate) const CODE_SIZE: u64 = 0x20;
/// Bytes of data before the dynamic table, and of bss.
pub(crate) const DATA_SIZE: u64 = 0x20;
pub(crate) const BSS_SIZE: u64 = 0x1234;
/// Where an ET_EXEC file is linked.
pub(crate) const FIXED_BASE: u64 = 0x40_0000;
/// Offsets of program header fields.
pub(crate) const P_TYPE: usize = 0;
pub(crate) const P_FLAGS: usize = 4;
pub(crate) const P_OFFSET: usize = 8;
pub(crate) const P_VADDR: usize = 16;
pub(crate) const P_FILESZ: usize = 32;
pub(crate) const P_MEMSZ: usize = 40;
pub(crate) const P_ALIGN: usize = 48;

/// A note; `target` is the address, without the base, that an ENTRY note points to.
#[derive(Clone)]
pub(crate) struct Note {
    pub(crate) owner: &'static [u8],
    pub(crate) kind: u32,
    pub(crate) descriptor: Vec<u8>,
    pub(crate) target: Option<u64>,
}

/// A symbol: name, `st_info`, section index, address without the base, size.
#[derive(Clone)]
pub(crate) struct Symbol(
    pub(crate) &'static str,
    pub(crate) u8,
    pub(crate) u16,
    pub(crate) u64,
    pub(crate) u64,
);

/// Changes the entries of a dynamic table before it is written.
pub(crate) type EditDynamic = Box<dyn Fn(&mut Vec<(u64, u64)>)>;

/// What the file is to hold.
pub(crate) struct Builder {
    pub(crate) machine: u16,
    pub(crate) is_fixed: bool,
    pub(crate) entry: u64,
    pub(crate) notes: Vec<Note>,
    /// Offset, info, addend.
    pub(crate) relocations: Vec<[u64; 3]>,
    pub(crate) symbols: Vec<Symbol>,
    pub(crate) dynamic_symbols: Vec<Symbol>,
    pub(crate) edit_dynamic: EditDynamic,
    /// Type, flags, offset, address, file size, memory size, alignment.
    pub(crate) programs: Vec<[u64; 7]>,
    pub(crate) has_sections: bool,
}

impl Builder {
    /// A static PIE with one entry, one port of each direction, one parameter, two relocations.
    pub(crate) fn pie(machine: u16) -> Self {
        let relative = if machine == EM_X86_64 { 8 } else { 1027 };
        Self {
            machine,
            is_fixed: false,
            entry: CODE,
            notes: vec![
                module("sample"),
                entry(0, 0, 0, "run", CODE + 4),
                port(0, 0, sys::DIRECTION_CONSUMER, 1, "params", sys::PARAMS_LAYOUT, 256, 4),
                port(1, 0, sys::DIRECTION_PRODUCER, 2, "out", sys::BYTES_LAYOUT, 8, 4),
                param(sys::PARAM_UNSIGNED, 0, 0, "rate", "17", "messages in a second"),
            ],
            relocations: vec![[DATA, relative, CODE + 4], [DATA + 8, relative, DATA]],
            symbols: vec![
                Symbol("main", 0x12, 1, CODE + 8, 8),
                Symbol("run", 0x12, 1, CODE + 4, 4),
            ],
            dynamic_symbols: vec![Symbol("weak", 0x20, 0, 0, 0)],
            edit_dynamic: Box::new(|_| {}),
            programs: Vec::new(),
            has_sections: true,
        }
    }

    /// An ET_EXEC file without relocations.
    pub(crate) fn fixed(machine: u16) -> Self {
        let pie = Self::pie(machine);
        Self { is_fixed: true, relocations: Vec::new(), ..pie }
    }

    pub(crate) fn base(&self) -> u64 {
        if self.is_fixed { FIXED_BASE } else { 0 }
    }

    /// Lays the file out and writes it.
    pub(crate) fn build(&self) -> Vec<u8> {
        let base = self.base();
        let headers_end = 0x40 + 56 * (6 + self.programs.len());
        let mut file = vec![0; headers_end];
        let notes_at = align(&mut file);
        for note in &self.notes {
            write_note(&mut file, note);
        }
        let notes_size = file.len() - notes_at;
        let (dynsym, dynstr) = write_symbols(&mut file, &self.dynamic_symbols, base);
        let rela_at = align(&mut file);
        for [offset, info, addend] in &self.relocations {
            put(&mut file, &[offset + base, *info, addend + base]);
        }
        let read_only_size = file.len();
        let code_at = align(&mut file);
        file.resize(code_at + usize::try_from(CODE_SIZE).unwrap(), 0x90);
        let data_at = align(&mut file);
        file.resize(data_at + usize::try_from(DATA_SIZE).unwrap(), 0xdd);
        let mut dynamic = vec![
            (5, base + dynstr.0 as u64),
            (6, base + dynsym.0 as u64),
            (7, base + rela_at as u64),
            (8, self.relocations.len() as u64 * 24),
            (9, 24),
            (0, 0),
        ];
        (self.edit_dynamic)(&mut dynamic);
        let dynamic_at = file.len();
        for (tag, value) in &dynamic {
            put(&mut file, &[*tag, *value]);
        }
        let data_size = (file.len() - data_at) as u64;
        let dynamic_size = dynamic.len() as u64 * 16;
        let dynamic_address = base + DATA + DATA_SIZE;
        let (notes, notes_size) = (notes_at as u64, notes_size as u64);
        let mut programs = vec![
            [1, 4, 0, base, read_only_size as u64, read_only_size as u64, 8],
            [1, 5, code_at as u64, base + CODE, CODE_SIZE, CODE_SIZE, 8],
            [1, 6, data_at as u64, base + DATA, data_size, data_size + BSS_SIZE, 8],
            [2, 6, dynamic_at as u64, dynamic_address, dynamic_size, dynamic_size, 8],
            [4, 4, notes, base + notes, notes_size, notes_size, 4],
            [0x6474_e551, 6, 0, 0, 0, 0, 16],
        ];
        programs.extend(self.programs.iter().copied());
        self.write_programs(&mut file, &programs);
        let sections_at = self.write_sections(&mut file, dynsym, dynstr);
        self.write_header(&mut file, programs.len(), sections_at);
        file
    }

    fn write_programs(&self, file: &mut [u8], programs: &[[u64; 7]]) {
        for (index, program) in programs.iter().enumerate() {
            let [kind, flags, offset, address, file_size, memory_size, align] = *program;
            let at = |field| 0x40 + 56 * index + field;
            set_u32(file, at(P_TYPE), u32::try_from(kind).unwrap());
            set_u32(file, at(P_FLAGS), u32::try_from(flags).unwrap());
            set_u64(file, at(P_OFFSET), offset);
            set_u64(file, at(P_VADDR), address);
            set_u64(file, at(P_VADDR + 8), address);
            set_u64(file, at(P_FILESZ), file_size);
            set_u64(file, at(P_MEMSZ), memory_size);
            set_u64(file, at(P_ALIGN), align);
        }
    }

    /// Writes null, .symtab, .strtab, .dynsym and .dynstr; where the table is.
    fn write_sections(
        &self,
        file: &mut Vec<u8>,
        dynsym: (usize, usize),
        dynstr: (usize, usize),
    ) -> Option<usize> {
        if !self.has_sections {
            return None;
        }
        let (symtab, strtab) = write_symbols(file, &self.symbols, self.base());
        let at = align(file);
        file.resize(at + 64, 0);
        for (kind, range, link) in
            [(2_u32, symtab, 2_u32), (3, strtab, 0), (11, dynsym, 4), (3, dynstr, 0)]
        {
            let header = file.len();
            file.resize(header + 64, 0);
            set_u32(file, header + 4, kind);
            set_u64(file, header + 24, range.0 as u64);
            set_u64(file, header + 32, (range.1 - range.0) as u64);
            set_u32(file, header + 40, link);
        }
        Some(at)
    }

    fn write_header(&self, file: &mut [u8], program_count: usize, sections_at: Option<usize>) {
        file[..16].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
        set_u16(file, 16, if self.is_fixed { 2 } else { 3 });
        set_u16(file, 18, self.machine);
        set_u32(file, 20, 1);
        set_u64(file, 24, self.base() + self.entry);
        set_u64(file, 32, 0x40);
        set_u64(file, 40, sections_at.unwrap_or(0) as u64);
        set_u16(file, 52, 64);
        set_u16(file, 54, 56);
        set_u16(file, 56, u16::try_from(program_count).unwrap());
        set_u16(file, 58, 64);
        set_u16(file, 60, if sections_at.is_some() { 5 } else { 0 });
    }
}

/// Where a field of a program header is.
pub(crate) fn program(index: usize, field: usize) -> usize {
    0x40 + 56 * index + field
}

/// Where the header of the note with this index is; all are of owner `Oro`.
pub(crate) fn find_note(file: &[u8], index: usize) -> usize {
    let mut at = usize::try_from(get_u64(file, program(4, P_OFFSET))).unwrap();
    for _ in 0..index {
        let size = u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap());
        at += 16 + usize::try_from(size).unwrap().next_multiple_of(4);
    }
    at
}

pub(crate) fn get_u64(file: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(file[at..at + 8].try_into().unwrap())
}

pub(crate) fn set_u16(file: &mut [u8], at: usize, value: u16) {
    file[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

pub(crate) fn set_u32(file: &mut [u8], at: usize, value: u32) {
    file[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

pub(crate) fn set_u64(file: &mut [u8], at: usize, value: u64) {
    file[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

fn put(file: &mut Vec<u8>, values: &[u64]) {
    values.iter().for_each(|value| file.extend_from_slice(&value.to_le_bytes()));
}

fn align(file: &mut Vec<u8>) -> usize {
    file.resize(file.len().next_multiple_of(8), 0);
    file.len()
}

fn write_note(file: &mut Vec<u8>, note: &Note) {
    for value in [note.owner.len(), note.descriptor.len()] {
        file.extend_from_slice(&u32::try_from(value).unwrap().to_le_bytes());
    }
    file.extend_from_slice(&note.kind.to_le_bytes());
    file.extend_from_slice(note.owner);
    file.resize(file.len().next_multiple_of(4), 0);
    let at = file.len();
    file.extend_from_slice(&note.descriptor);
    if let Some(target) = note.target.filter(|_| note.descriptor.len() >= 20) {
        // The first segment begins at the file's first byte, so offsets are addresses less base.
        let distance = i64::try_from(target).unwrap() - i64::try_from(at + 16).unwrap();
        let distance = i32::try_from(distance).unwrap();
        file[at + 16..at + 20].copy_from_slice(&distance.to_le_bytes());
    }
    file.resize(file.len().next_multiple_of(4), 0);
}

/// Writes a symbol table with its null symbol, and its string table; where they begin and end.
fn write_symbols(
    file: &mut Vec<u8>,
    symbols: &[Symbol],
    base: u64,
) -> ((usize, usize), (usize, usize)) {
    let start = align(file);
    file.resize(start + 24, 0);
    let mut names = vec![0];
    for Symbol(name, info, section, address, size) in symbols {
        file.extend_from_slice(&u32::try_from(names.len()).unwrap().to_le_bytes());
        file.extend_from_slice(&[*info, 0]);
        file.extend_from_slice(&section.to_le_bytes());
        put(file, &[if *section == 0 { 0 } else { address + base }, *size]);
        names.extend_from_slice(name.as_bytes());
        names.push(0);
    }
    let end = file.len();
    file.extend_from_slice(&names);
    ((start, end), (end, file.len()))
}

fn note(kind: u32, fields: &[u32], name: &str) -> Note {
    let mut descriptor: Vec<u8> = fields.iter().flat_map(|field| field.to_le_bytes()).collect();
    let mut padded = [0; 32];
    padded[..name.len()].copy_from_slice(name.as_bytes());
    descriptor.extend_from_slice(&padded);
    Note { owner: b"Oro\0", kind, descriptor, target: None }
}

/// Appends texts to a note, each with its zero, and states the size.
fn with_texts(mut note: Note, texts: &[&str]) -> Note {
    for text in texts {
        note.descriptor.extend_from_slice(text.as_bytes());
        note.descriptor.push(0);
    }
    note.descriptor.resize(note.descriptor.len().next_multiple_of(4), 0);
    let size = u32::try_from(note.descriptor.len()).unwrap();
    set_u32(&mut note.descriptor, 0, size);
    note
}

pub(crate) fn module(name: &str) -> Note {
    note(sys::NOTE_MODULE, &[48, sys::ABI_MAJOR, sys::ABI_MINOR, 0], name)
}

pub(crate) fn entry(index: u32, flags: u32, stack: u32, name: &str, target: u64) -> Note {
    let note = note(sys::NOTE_ENTRY, &[64, index, flags, stack, 0, 0, 0, 0], name);
    Note { target: Some(target), ..note }
}

#[expect(clippy::too_many_arguments, reason = "one for each field of the note")]
pub(crate) fn port(
    index: u32,
    entry: u32,
    direction: u32,
    max: u32,
    name: &str,
    layout: &str,
    size: u32,
    align: u32,
) -> Note {
    let fields = [0, index, entry, direction, size, align, max, 0];
    with_texts(note(sys::NOTE_PORT, &fields, name), &[layout])
}

pub(crate) fn param(
    kind: u32,
    flags: u32,
    port: u32,
    name: &str,
    default: &str,
    help: &str,
) -> Note {
    with_texts(note(sys::NOTE_PARAM, &[0, kind, flags, port], name), &[default, help])
}
