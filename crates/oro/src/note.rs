//! The notes by which a module declares itself (`NOTE-*`), built while it is compiled. The ENTRY
//! note is not here: its self-relative address needs an assembler, so [`module!`](crate::module!)
//! writes it.

use oro_sysabi::{
    ABI_MAJOR, ABI_MINOR, ModuleNote, NOTE_MODULE, NOTE_OWNER, NOTE_PARAM, NOTE_PORT, ParamNote,
    PortNote,
};

use crate::End;

/// An ELF note: head, owner, descriptor.
#[repr(C)]
#[derive(Clone, Copy)]
struct Note<D> {
    owner_size_bytes: u32,
    descriptor_size_bytes: u32,
    kind: u32,
    owner: [u8; 4],
    descriptor: D,
}

impl<D> Note<D> {
    const fn new(kind: u32, descriptor: D) -> Self {
        Self {
            owner_size_bytes: 4,
            descriptor_size_bytes: narrow(size_of::<D>()),
            kind,
            owner: NOTE_OWNER,
            descriptor,
        }
    }
}

/// A descriptor and the text after it.
#[repr(C)]
#[derive(Clone, Copy)]
struct WithText<D, const N: usize> {
    head: D,
    text: [u8; N],
}

/// The MODULE note (`NOTE-2`).
#[repr(transparent)]
#[allow(missing_debug_implementations, reason = "only laid out in a section")]
pub struct ModuleDeclaration(Note<ModuleNote>);

impl ModuleDeclaration {
    /// A module of this name, built for this crate's ABI.
    #[must_use]
    pub const fn new(name: &str) -> Self {
        Self(Note::new(
            NOTE_MODULE,
            ModuleNote {
                size_bytes: narrow(size_of::<ModuleNote>()),
                abi_major: ABI_MAJOR,
                abi_minor: ABI_MINOR,
                flags: 0,
                name: pad_name(name),
            },
        ))
    }
}

/// A PORT note (`NOTE-4`); N is what [`pad_text_length`] says for the layout text.
#[repr(transparent)]
#[allow(missing_debug_implementations, reason = "only laid out in a section")]
pub struct PortDeclaration<const N: usize>(Note<WithText<PortNote, N>>);

impl<const N: usize> PortDeclaration<N> {
    /// A port of type `E`.
    #[must_use]
    pub const fn new<E: End>(name: &str, index: usize, entry: u32) -> Self {
        assert!(E::SLOT_ALIGN_BYTES.is_power_of_two());
        let mut text = [0; N];
        place_text(&mut text, 0, E::LAYOUT);
        Self(Note::new(
            NOTE_PORT,
            WithText {
                head: PortNote {
                    size_bytes: narrow(size_of::<WithText<PortNote, N>>()),
                    index: narrow(index),
                    entry,
                    direction: E::DIRECTION,
                    slot_size_bytes: narrow(E::SLOT_SIZE_BYTES),
                    slot_align_bytes: narrow(E::SLOT_ALIGN_BYTES),
                    max: narrow(E::COUNT),
                    flags: E::NOTE_FLAGS,
                    name: pad_name(name),
                },
                text,
            },
        ))
    }
}

/// A PARAM note (`NOTE-5`); N is what [`pad_text_length`] says for default and help.
#[repr(transparent)]
#[allow(missing_debug_implementations, reason = "only laid out in a section")]
pub struct ParamDeclaration<const N: usize>(Note<WithText<ParamNote, N>>);

impl<const N: usize> ParamDeclaration<N> {
    /// A parameter with this default and help text; `flags` are `PARAM_*` flags.
    #[must_use]
    pub const fn new(
        name: &str,
        kind: u32,
        flags: u32,
        port: usize,
        default: &str,
        help: &str,
    ) -> Self {
        let mut text = [0; N];
        place_text(&mut text, 0, default);
        place_text(&mut text, default.len() + 1, help.trim_ascii());
        Self(Note::new(
            NOTE_PARAM,
            WithText {
                head: ParamNote {
                    size_bytes: narrow(size_of::<WithText<ParamNote, N>>()),
                    kind,
                    flags,
                    port: narrow(port),
                    name: pad_name(name),
                },
                text,
            },
        ))
    }
}

/// Flags of an ENTRY note: the shim always returns a status, 0 where the author's function has none.
#[must_use]
pub const fn entry_flags(is_managed: bool) -> u32 {
    let managed = if is_managed { oro_sysabi::ENTRY_MANAGED } else { 0 };
    managed | oro_sysabi::ENTRY_RETURNS_STATUS
}

/// Zeros after an entry's name in its note.
#[must_use]
pub const fn name_padding(name: &str) -> usize {
    pad_name(name).len() - name.len()
}

/// Bytes that texts of this length take with their terminating zeros (`zeros` of them) and padding.
#[must_use]
pub const fn pad_text_length(length: usize, zeros: usize) -> usize {
    (length + zeros).next_multiple_of(4)
}

/// Bytes of a help text without the white space around it.
#[must_use]
pub const fn trim_help_length(help: &str) -> usize {
    help.trim_ascii().len()
}

/// A name field (`NOTE-6`).
const fn pad_name(name: &str) -> [u8; 32] {
    let name = name.as_bytes();
    assert!(!name.is_empty() && name.len() < 32, "a name has 1 to 31 bytes (NOTE-6)");
    let mut field = [0; 32];
    let mut index = 0;
    while index < name.len() {
        assert!(
            matches!(name[index], b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-'),
            "a name has characters from a-z A-Z 0-9 _ - (NOTE-6)"
        );
        field[index] = name[index];
        index += 1;
    }
    field
}

/// Copies `text` to `field` from `start` on; a zero is left after it.
const fn place_text(field: &mut [u8], start: usize, text: &str) {
    let text = text.as_bytes();
    let mut index = 0;
    while index < text.len() {
        assert!(text[index] != 0, "a text in a note has no zero byte");
        field[start + index] = text[index];
        index += 1;
    }
    assert!(start + index < field.len());
}

/// A size as a note states it.
pub(crate) const fn narrow(size: usize) -> u32 {
    assert!(size <= u32::MAX as usize);
    #[expect(clippy::cast_possible_truncation, reason = "just checked")]
    let narrowed = size as u32;
    narrowed
}
