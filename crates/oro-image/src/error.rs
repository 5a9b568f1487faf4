//! [`ImageError`]: every way in which a file can fail to be an image, each told apart.
//!
//! One small enum for each stage of the check: the file, its segments, its relocations, its notes.
//! A table row is the variant, its stable code and its text; `code()` and `Display` come from the
//! table, so that neither can be forgotten. Fields are explained by the text that shows them:
//! `header` is the index of a program header, `offset` a byte offset in the file, `address` a
//! virtual address as in the file. Texts out of a file are shown escaped: they may be hostile.
//! Nothing here decides anything: the checks are in the modules named after the stages.

use alloc::string::String;
use core::fmt;

use crate::layout::LayoutError;

/// Defines an error enum with `code()` and `Display` from rows of variant, code and text.
macro_rules! define_errors {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($variant:ident $({ $($field:ident: $type:ty),+ $(,)? })? = $code:literal,
              $text:literal $(, $argument:expr)* ;)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the text of each row says what it and its fields are")]
        pub enum $name {
            $(#[doc = $text] $variant $({ $($field: $type),+ })?,)+
        }

        impl $name {
            /// Codes of all variants, in order: stable names for people and programs.
            pub const CODES: &'static [&'static str] = &[$($code),+];
            /// The same with their texts, which have braces where something is shown.
            pub const TEXTS: &'static [(&'static str, &'static str)] = &[$(($code, $text)),+];

            /// The variant's stable code, such as `IMAGE-BAD-MAGIC`.
            #[must_use]
            pub const fn code(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $code,)+
                }
            }
        }

        impl core::fmt::Display for $name {
            #[allow(unused_variables, reason = "a text may show a field by a function of it only")]
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self {
                    $(Self::$variant $({ $($field),+ })? => write!(f, $text $(, $argument)*),)+
                }
            }
        }

        impl core::error::Error for $name {}
    };
}
pub(crate) use define_errors;

/// Why a file is not an image that Oro runs (`IMG-2`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// The ELF header or one of the header tables.
    File(FileError),
    /// A segment, or a demand that one makes on the loader.
    Segment(SegmentError),
    /// The dynamic table or a relocation.
    Relocation(RelocationError),
    /// An Oro note, or what stands for the notes in a legacy image.
    Note(NoteError),
}

impl ImageError {
    /// A stable code for people and programs, such as `IMAGE-BAD-MAGIC`; each variant of each stage
    /// has its own.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Segment(error) => error.code(),
            Self::Relocation(error) => error.code(),
            Self::Note(error) => error.code(),
        }
    }
}

/// What a code of an [`ImageError`] means: its text, with `...` for what is found in a file; `None` if
/// there is no such code.
///
/// ```
/// let text = oro_image::explain("IMAGE-SHORT");
/// assert!(text.is_some_and(|text| text.starts_with("the file has ... bytes, ")));
/// ```
#[must_use]
pub fn explain(code: &str) -> Option<String> {
    list_texts().find(|(known, _)| *known == code).map(|(_, text)| drop_fields(text))
}

/// All codes of [`ImageError`].
pub fn list_codes() -> impl Iterator<Item = &'static str> {
    list_texts().map(|(code, _)| code)
}

fn list_texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    [FileError::TEXTS, SegmentError::TEXTS, RelocationError::TEXTS, NoteError::TEXTS]
        .into_iter()
        .flatten()
        .copied()
}

/// A text with `...` where its fields are; of several in a row there is one.
fn drop_fields(text: &str) -> String {
    let mut shown = String::new();
    let mut is_field = false;
    for character in text.chars() {
        match character {
            '{' if !shown.ends_with("...") => shown.push_str("..."),
            '{' | '}' => {}
            _ if is_field => {}
            _ => shown.push(character),
        }
        is_field = character == '{' || (is_field && character != '}');
    }
    shown
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Segment(error) => error.fmt(f),
            Self::Relocation(error) => error.fmt(f),
            Self::Note(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ImageError {}

impl From<FileError> for ImageError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<SegmentError> for ImageError {
    fn from(error: SegmentError) -> Self {
        Self::Segment(error)
    }
}

impl From<RelocationError> for ImageError {
    fn from(error: RelocationError) -> Self {
        Self::Relocation(error)
    }
}

impl From<NoteError> for ImageError {
    fn from(error: NoteError) -> Self {
        Self::Note(error)
    }
}

define_errors! {
    /// What is wrong with the ELF header or a header table.
    pub enum FileError {
        Short { have: u64 } = "IMAGE-SHORT",
            "the file has {have} bytes, an ELF64 header alone has 64: is it cut off?";
        BadMagic { found: [u8; 4] } = "IMAGE-BAD-MAGIC",
            "not an ELF file: it begins with {:02x?}, an ELF file with [7f, 45, 4c, 46]", found;
        WrongClass { found: u8 } = "IMAGE-WRONG-CLASS",
            "the class (byte 4) is {found}{}; Oro runs 64-bit images (2)",
            if *found == 1 { ", a 32-bit file" } else { "" };
        WrongByteOrder { found: u8 } = "IMAGE-WRONG-BYTE-ORDER",
            "the byte order (byte 5) is {found}{}; Oro runs little-endian images (1)",
            if *found == 2 { ", big-endian" } else { "" };
        WrongVersion { offset: u64, found: u32 } = "IMAGE-WRONG-ELF-VERSION",
            "the ELF version at offset {offset:#x} is {found}; it must be 1";
        WrongOsAbi { found: u8 } = "IMAGE-WRONG-OS-ABI",
            "the OS ABI (byte 7) is {found}; it must be 0 (System V) or 3 (GNU)";
        WrongMachine { machine: u16 } = "IMAGE-WRONG-MACHINE",
            "the image is for {} (EM {machine}); Oro runs x86_64 (62) and AArch64 (183)",
            describe_machine(*machine);
        WrongType { found: u16 } = "IMAGE-WRONG-TYPE",
            "the file is {} (e_type {found}); an image is linked with -static-pie (ET_DYN, 3) or \
             -static -no-pie (ET_EXEC, 2)", describe_type(*found);
        WrongHeaderSize { found: u16 } = "IMAGE-WRONG-HEADER-SIZE",
            "e_ehsize at offset 0x34 is {found}; an ELF64 header has 64 bytes";
        WrongProgramHeaderSize { found: u16 } = "IMAGE-WRONG-PROGRAM-HEADER-SIZE",
            "e_phentsize at offset 0x36 is {found}; an ELF64 program header has 56 bytes";
        NoProgramHeaders = "IMAGE-NO-PROGRAM-HEADERS",
            "the file has no program headers (e_phnum at offset 0x38 is 0): nothing can be loaded; \
             link it as a program";
        TooManyProgramHeaders { count: u16 } = "IMAGE-TOO-MANY-PROGRAM-HEADERS",
            "the file has {count}{} program headers; an image has at most {}",
            if *count == u16::MAX { " or more" } else { "" }, crate::header::MAX_PROGRAM_HEADERS;
        ProgramHeadersOutside { offset: u64, count: u16, file_size: u64 }
            = "IMAGE-PROGRAM-HEADERS-OUTSIDE",
            "{count} program headers of 56 bytes at offset {offset:#x} do not fit into the file of \
             {file_size} bytes: is it cut off?";
        WrongSectionHeaderSize { found: u16 } = "IMAGE-WRONG-SECTION-HEADER-SIZE",
            "e_shentsize at offset 0x3a is {found}; an ELF64 section header has 64 bytes";
        SectionHeadersOutside { offset: u64, count: u16, file_size: u64 }
            = "IMAGE-SECTION-HEADERS-OUTSIDE",
            "{count} section headers of 64 bytes at offset {offset:#x} do not fit into the file of \
             {file_size} bytes: is it cut off?";
    }
}

define_errors! {
    /// What is wrong with a segment.
    pub enum SegmentError {
        OutsideFile { header: u16, offset: u64, size: u64, file_size: u64 }
            = "IMAGE-SEGMENT-OUTSIDE-FILE",
            "program header {header}: {size} bytes at offset {offset:#x} do not fit into the file \
             of {file_size} bytes: is it cut off?";
        NoneLoadable = "IMAGE-NO-SEGMENT",
            "the file has no loadable segment (PT_LOAD) with memory; link it as a program";
        FileLargerThanMemory { header: u16, file_bytes: u64, memory_bytes: u64 }
            = "IMAGE-FILE-LARGER-THAN-MEMORY",
            "program header {header}: p_filesz {file_bytes:#x} is larger than p_memsz \
             {memory_bytes:#x}; it must be at most that";
        BadAlignment { header: u16, align: u64 } = "IMAGE-BAD-ALIGNMENT",
            "program header {header}: p_align is {align:#x}; it must be a power of two from 1 to \
             {:#x}", crate::segment::MAX_ALIGN;
        Incongruent { header: u16, offset: u64, address: u64, align: u64 } = "IMAGE-INCONGRUENT",
            "program header {header}: offset {offset:#x} and address {address:#x} differ modulo \
             p_align {align:#x}; they must be equal";
        AddressOverflow { header: u16, address: u64, memory_bytes: u64 } = "IMAGE-ADDRESS-OVERFLOW",
            "program header {header}: address {address:#x} and p_memsz {memory_bytes:#x} go past \
             the end of the address space";
        OutsideRange { header: u16, address: u64, end: u64, start_limit: u64 }
            = "IMAGE-OUTSIDE-RANGE",
            "program header {header}: the segment takes {address:#x}..{end:#x}; an image lies in \
             {start_limit:#x}..{:#x} (LIM-11)", oro_sysabi::IMAGE_END;
        WritableExecutable { header: u16 } = "IMAGE-WRITABLE-EXECUTABLE",
            "program header {header}: the segment is both writable and executable (IMG-3); link \
             without -N and -z rwx, and keep code and data in sections of their own";
        Overlap { first: u16, second: u16, address: u64 } = "IMAGE-OVERLAP",
            "the segments of program headers {first} and {second} overlap in memory at {address:#x}";
        SharedPage { first: u16, second: u16, page: u64 } = "IMAGE-SHARED-PAGE",
            "the segments of program headers {first} and {second} share the page at {page:#x}, so \
             that it would need the rights of both; link with -z separate-code and \
             -z max-page-size=4096";
        TooLarge { size: u64 } = "IMAGE-TOO-LARGE",
            "the segments span {size:#x} bytes of addresses; an image spans at most {:#x}",
            crate::segment::MAX_IMAGE_SIZE;
        BytesReused { total: u64, file_size: u64 } = "IMAGE-BYTES-REUSED",
            "the segments' file sizes sum to {total} bytes, more than the file's {file_size}: \
             segments must not share bytes of the file";
        Interpreter { header: u16, path: String } = "IMAGE-INTERPRETER",
            "program header {header}: the image asks for the interpreter `{}`, it is linked \
             dynamically; link statically: -static-pie", path.escape_debug();
        ThreadLocal { header: u16 } = "IMAGE-THREAD-LOCAL",
            "program header {header}: the image has thread-local variables (PT_TLS), which Oro \
             does not offer yet; avoid `thread_local!`, `__thread` and libraries that use them";
        ExecutableStack { header: u16 } = "IMAGE-EXECUTABLE-STACK",
            "program header {header}: the image asks for an executable stack (PT_GNU_STACK); link \
             with -z noexecstack, and give assembly a .note.GNU-stack section";
        RepeatedDynamic { first: u16, second: u16 } = "IMAGE-REPEATED-DYNAMIC",
            "program headers {first} and {second} are both PT_DYNAMIC; there is at most one";
        NotLoaded { header: u16, what: &'static str } = "IMAGE-NOT-LOADED",
            "program header {header}: {what} at these offset and address are not part of a \
             loadable segment's file bytes; mark the section as allocated (flag \"a\")";
    }
}

define_errors! {
    /// What is wrong with the dynamic table or a relocation.
    pub enum RelocationError {
        DynamicSize { header: u16, size: u64 } = "IMAGE-DYNAMIC-SIZE",
            "program header {header}: the dynamic table has {size} bytes; it must be a multiple of 16";
        DynamicUnterminated { header: u16 } = "IMAGE-DYNAMIC-UNTERMINATED",
            "program header {header}: the dynamic table has no DT_NULL entry at its end";
        RepeatedTag { tag: &'static str } = "IMAGE-REPEATED-TAG",
            "the dynamic table has {tag} twice";
        NeededLibrary { name: String } = "IMAGE-NEEDED-LIBRARY",
            "the image needs the library `{}` (DT_NEEDED); link statically: -static-pie", name.escape_debug();
        UnsupportedTable { tag: &'static str } = "IMAGE-UNSUPPORTED-RELOCATIONS",
            "the image has relocations in the form {tag}; only DT_RELA is understood: link without \
             -z pack-relative-relocs and --pack-dyn-relocs";
        TextRelocations = "IMAGE-TEXT-RELOCATIONS",
            "the image has relocations in its code (DT_TEXTREL); compile everything with -fPIE";
        TableIncomplete { tag: &'static str, missing: &'static str } = "IMAGE-RELOCATIONS-INCOMPLETE",
            "the dynamic table has {tag} but not {missing}";
        TableSize { tag: &'static str, size: u64 } = "IMAGE-RELOCATIONS-SIZE",
            "{tag} is {size}; it must be a multiple of 24, the size of a relocation";
        TableForm { tag: &'static str, found: u64, expected: u64 } = "IMAGE-RELOCATIONS-FORM",
            "{tag} is {found}; it must be {expected}";
        TableOutside { tag: &'static str, address: u64, size: u64 } = "IMAGE-RELOCATIONS-OUTSIDE",
            "the table of {tag}, {size} bytes at address {address:#x}, is not part of a loadable \
             segment's file bytes";
        InFixedImage { offset: u64 } = "IMAGE-FIXED-WITH-RELOCATIONS",
            "an image of type ET_EXEC has a relocation at offset {offset:#x}; its addresses are \
             fixed: link with -static-pie, or without dynamic relocations";
        WrongKind { offset: u64, kind: u32, symbol: u32, expected: u32 } = "IMAGE-RELOCATION-KIND",
            "the relocation at offset {offset:#x} has type {kind} and symbol {symbol}; only \
             R_*_RELATIVE (type {expected}, symbol 0) is applied: link statically with -static-pie";
        UndefinedSymbol { offset: u64, name: String } = "IMAGE-UNDEFINED-SYMBOL",
            "the symbol `{}` is not defined (its entry is at offset {offset:#x}); link what \
             defines it, statically", name.escape_debug();
        TargetOutside { offset: u64, target: u64 } = "IMAGE-RELOCATION-OUTSIDE",
            "the relocation at offset {offset:#x} is for 8 bytes at address {target:#x}, which are \
             not all in one loadable segment";
        TargetInCode { offset: u64, target: u64 } = "IMAGE-RELOCATION-IN-CODE",
            "the relocation at offset {offset:#x} is for address {target:#x} in an executable \
             segment; compile with -fPIE and keep pointers out of code sections";
        TargetInBss { offset: u64, target: u64 } = "IMAGE-RELOCATION-IN-BSS",
            "the relocation at offset {offset:#x} is for address {target:#x}, beyond the file bytes \
             of its segment, where memory is zero; relocated data must be in the file";
        ValueOutside { offset: u64, value: u64 } = "IMAGE-RELOCATION-VALUE",
            "the relocation at offset {offset:#x} makes a pointer to address {value:#x}, outside \
             the image";
    }
}

define_errors! {
    /// What is wrong with the notes, or with the entry of an image without notes.
    pub enum NoteError {
        BadAlignment { header: u16, align: u64 } = "NOTE-BAD-ALIGNMENT",
            "program header {header}: notes with p_align {align}; it must be 0, 1, 4 or 8";
        CutOff { header: u16, offset: u64 } = "NOTE-CUT-OFF",
            "the note at offset {offset:#x} goes past the end of its segment (program header \
             {header})";
        UnknownType { offset: u64, kind: u32 } = "NOTE-UNKNOWN-TYPE",
            "the Oro note at offset {offset:#x} has type {kind}; there are MODULE (1), ENTRY (2), \
             PORT (3) and PARAM (4)";
        NoModule = "NOTE-NO-MODULE",
            "the image has Oro notes but no MODULE note; it must have exactly one";
        RepeatedModule { offset: u64 } = "NOTE-REPEATED-MODULE",
            "the MODULE note at offset {offset:#x} is the second; an image has one: is another \
             module linked in?";
        WrongVersion { offset: u64, major: u32, minor: u32 } = "NOTE-WRONG-VERSION",
            "the MODULE note at offset {offset:#x} is of ABI {major}.{minor}; this kernel's is \
             {}.{} (VER-1, VER-2): build the module for it", oro_sysabi::ABI_MAJOR,
            oro_sysabi::ABI_MINOR;
        WrongSize { offset: u64, kind: &'static str, stated: u32, actual: u64, least: u64 }
            = "NOTE-WRONG-SIZE",
            "the {kind} note at offset {offset:#x} has a descriptor of {actual} bytes that states \
             {stated}; both must be {}{least}{}",
            if matches!(*kind, "PORT" | "PARAM") { "at least " } else { "" },
            if matches!(*kind, "PORT" | "PARAM") { ", equal, and a multiple of 4" } else { "" };
        UnknownFlags { offset: u64, kind: &'static str, flags: u32 } = "NOTE-UNKNOWN-FLAGS",
            "the {kind} note at offset {offset:#x} has flags {flags:#x}, of which some are not \
             defined; those must be 0";
        NotZero { offset: u64, kind: &'static str } = "NOTE-NOT-ZERO",
            "the {kind} note at offset {offset:#x} has reserved fields or padding that are not zero";
        BadName { offset: u64, kind: &'static str } = "NOTE-BAD-NAME",
            "the {kind} note at offset {offset:#x} has a bad name; a name is 1 to 31 bytes of \
             a-z A-Z 0-9 _ - and then zeros (NOTE-6)";
        RepeatedName { offset: u64, kind: &'static str, name: String } = "NOTE-REPEATED-NAME",
            "the {kind} note at offset {offset:#x} has the name `{name}`, which another {kind} note \
             has, too (NOTE-6)";
        BadText { offset: u64, kind: &'static str } = "NOTE-BAD-TEXT",
            "the {kind} note at offset {offset:#x} has a text that is not UTF-8 or is not ended by \
             a zero";
        NoEntry = "NOTE-NO-ENTRY",
            "the image has no ENTRY note; it must have at least one (NOTE-3)";
        TooManyEntries { count: u64 } = "NOTE-TOO-MANY-ENTRIES",
            "the image has {count} ENTRY notes; a module has at most {} entry points (LIM-7)",
            oro_sysabi::MAX_ENTRIES;
        RepeatedEntry { offset: u64, index: u32 } = "NOTE-REPEATED-ENTRY",
            "the ENTRY note at offset {offset:#x} has index {index}, which another one has, too \
             (NOTE-3)";
        MissingEntry { index: u32, found: u32 } = "NOTE-MISSING-ENTRY",
            "no ENTRY note has index {index}, though one has {found}; indices are 0, 1, 2 and so on \
             (NOTE-3)";
        StackTooLarge { offset: u64, size: u32 } = "NOTE-STACK-TOO-LARGE",
            "the ENTRY note at offset {offset:#x} asks for a stack of {size:#x} bytes; at most \
             {:#x} are given (LIM-12)", oro_sysabi::MAX_STACK_SIZE;
        EntryOutside { name: String, address: u64 } = "NOTE-ENTRY-OUTSIDE",
            "the entry point `{name}` at address {address:#x} does not lie in an executable segment \
             (IMG-5)";
        UnknownPortEntry { offset: u64, entry: u32, count: u32 } = "NOTE-PORT-ENTRY",
            "the PORT note at offset {offset:#x} belongs to entry {entry}; the module has {count} \
             (from 0)";
        BadDirection { offset: u64, direction: u32 } = "NOTE-PORT-DIRECTION",
            "the PORT note at offset {offset:#x} has direction {direction}; it is {} (producer) or \
             {} (consumer)", oro_sysabi::DIRECTION_PRODUCER, oro_sysabi::DIRECTION_CONSUMER;
        BadPortMax { offset: u64, max: u32 } = "NOTE-PORT-MAX",
            "the PORT note at offset {offset:#x} has max {max}; it is from 1 to {}",
            oro_sysabi::MAX_ENDPOINTS_PER_THREAD;
        PortIndexTooLarge { offset: u64, index: u32, limit: u32 } = "NOTE-PORT-INDEX",
            "the PORT note at offset {offset:#x} takes indices from {index} beyond {limit}; a \
             module has {} for each entry", oro_sysabi::MAX_ENDPOINTS_PER_THREAD;
        PortOverlap { offset: u64, index: u32, name: String } = "NOTE-PORT-OVERLAP",
            "the PORT note at offset {offset:#x} takes index {index}, which the port `{name}` \
             takes, too (NOTE-4)";
        TooManyEndpoints { entry: u32, count: u64 } = "NOTE-TOO-MANY-ENDPOINTS",
            "the ports of entry {entry} have {count} endpoints; a thread has at most {} (LIM-5)",
            oro_sysabi::MAX_ENDPOINTS_PER_THREAD;
        LayoutTooLong { offset: u64, size: u64 } = "NOTE-LAYOUT-TOO-LONG",
            "the PORT note at offset {offset:#x} has a layout text of {size} bytes; at most {} are \
             allowed (LIM-9)", oro_sysabi::MAX_LAYOUT_TEXT;
        BadLayout { offset: u64, text: String, error: LayoutError } = "NOTE-BAD-LAYOUT",
            "the PORT note at offset {offset:#x} has the layout text `{}`: {error}", text.escape_debug();
        SizeDisagrees { offset: u64, stated: u32, layout: u32 } = "NOTE-SIZE-DISAGREES",
            "the PORT note at offset {offset:#x} has slot_size {stated}, its layout text makes \
             {layout} bytes (NOTE-4)";
        AlignDisagrees { offset: u64, stated: u32, layout: u32 } = "NOTE-ALIGN-DISAGREES",
            "the PORT note at offset {offset:#x} has slot_align {stated}, its layout text makes \
             {layout} bytes (NOTE-4)";
        BadParamKind { offset: u64, found: u32 } = "NOTE-PARAM-KIND",
            "the PARAM note at offset {offset:#x} has kind {found}; there are text (1), unsigned \
             (2), signed (3) and boolean (4)";
        BadParamPort { offset: u64, port: u32 } = "NOTE-PARAM-PORT",
            "the PARAM note at offset {offset:#x} comes through port {port}, which is not the index \
             of a consumer port of type oro.params.v1 with max 1 (NOTE-5)";
        BadDefault { offset: u64, text: String, kind: &'static str } = "NOTE-PARAM-DEFAULT",
            "the PARAM note at offset {offset:#x} has the default `{}`, which is not {kind}", text.escape_debug();
        DefaultOfRequired { offset: u64 } = "NOTE-PARAM-REQUIRED-DEFAULT",
            "the PARAM note at offset {offset:#x} is required and has a default; it has one or the \
             other";
        DefaultTooLong { offset: u64, size: u64 } = "NOTE-PARAM-DEFAULT-TOO-LONG",
            "the PARAM note at offset {offset:#x} has a name and a default of {size} bytes \
             together; a message holds 248 (TYPE-11)";
    }
}

/// Names the machines that people are likely to try.
fn describe_machine(machine: u16) -> &'static str {
    match machine {
        0 => "no machine",
        3 => "the 32-bit x86",
        8 => "MIPS",
        20 | 21 => "PowerPC",
        22 => "S/390",
        40 => "the 32-bit Arm",
        62 => "x86_64",
        183 => "AArch64",
        243 => "RISC-V",
        247 => "BPF",
        258 => "LoongArch",
        _ => "another machine",
    }
}

/// Names an ELF type.
fn describe_type(kind: u16) -> &'static str {
    match kind {
        1 => "an object file",
        4 => "a core dump",
        _ => "of a type that Oro does not know",
    }
}
