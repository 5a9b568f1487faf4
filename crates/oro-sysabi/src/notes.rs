//! ELF notes by which an image declares itself (`NOTE-*`). All are little-endian, 4-byte aligned,
//! in PT_NOTE segments, owner [`NOTE_OWNER`]; the structures below are their descriptors. Writer: the
//! module's build. Reader: the loader, before anything runs; what it reads are allegations.

use crate::layout::assert_layout;

/// The owner field of every Oro note: `"Oro"` and a terminating zero.
pub const NOTE_OWNER: [u8; 4] = *b"Oro\0";
/// Note type of [`ModuleNote`]; exactly one in an image.
pub const NOTE_MODULE: u32 = 1;
/// Note type of [`EntryNote`].
pub const NOTE_ENTRY: u32 = 2;
/// Note type of [`PortNote`], followed by the layout text.
pub const NOTE_PORT: u32 = 3;
/// Note type of [`ParamNote`], followed by the default value's and the help's text.
pub const NOTE_PARAM: u32 = 4;

/// [`EntryNote::flags`]: the thread is managed (`MAN-1`); else it is naive.
pub const ENTRY_MANAGED: u32 = 1 << 0;
/// [`EntryNote::flags`]: the entry's return value is the thread's status; else the status is 0.
pub const ENTRY_RETURNS_STATUS: u32 = 1 << 1;

/// [`PortNote::flags`]: the port may stay unwired.
pub const NOTE_PORT_OPTIONAL: u32 = 1 << 0;

/// [`ParamNote::kind`]: any UTF-8 text.
pub const PARAM_TEXT: u32 = 1;
/// [`ParamNote::kind`]: a decimal integer from 0 to 2^64-1.
pub const PARAM_UNSIGNED: u32 = 2;
/// [`ParamNote::kind`]: a decimal integer from -2^63 to 2^63-1.
pub const PARAM_SIGNED: u32 = 3;
/// [`ParamNote::kind`]: `true` or `false`.
pub const PARAM_BOOLEAN: u32 = 4;
/// [`ParamNote::flags`]: there is no default; the system must give a value.
pub const PARAM_REQUIRED: u32 = 1 << 0;

/// Descriptor of the MODULE note (`NOTE-2`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModuleNote {
    /// Size of this descriptor in bytes: 48.
    pub size_bytes: u32,
    /// ABI major version that the module was built for (`VER-1`).
    pub abi_major: u32,
    /// Least ABI minor version that it needs (`VER-2`).
    pub abi_minor: u32,
    /// Zero; no flag is defined.
    pub flags: u32,
    /// Name, UTF-8, padded with zeros, not empty.
    pub name: [u8; 32],
}

/// Descriptor of an ENTRY note (`NOTE-3`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryNote {
    /// Size of this descriptor in bytes: 64.
    pub size_bytes: u32,
    /// Index of the entry point; the indices of an image are 0, 1, 2 and so on, at most
    /// [`MAX_ENTRIES`](crate::MAX_ENTRIES) of them.
    pub index: u32,
    /// [`ENTRY_MANAGED`], [`ENTRY_RETURNS_STATUS`]; other bits are refused.
    pub flags: u32,
    /// Stack size in bytes, at most [`MAX_STACK_SIZE`](crate::MAX_STACK_SIZE); 0:
    /// [`DEFAULT_STACK_SIZE`](crate::DEFAULT_STACK_SIZE).
    pub stack_size_bytes: u32,
    /// Address of the entry point less the address of this field, since an absolute one would
    /// need a relocation inside the note.
    pub address_offset: i32,
    /// Zero.
    pub reserved: [u32; 3],
    /// Name, UTF-8, padded with zeros, not empty.
    pub name: [u8; 32],
}

/// Descriptor of a PORT note (`NOTE-4`), followed by the layout text of the message type, ended by
/// a zero and padded with zeros to a multiple of 4 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortNote {
    /// Size of this descriptor with the text and its padding, in bytes.
    pub size_bytes: u32,
    /// Index of the port in its module. An array of `max` elements takes `max` indices from here.
    pub index: u32,
    /// Index of the entry point whose thread owns the port; it has an ENTRY note.
    pub entry: u32,
    /// [`DIRECTION_PRODUCER`](crate::DIRECTION_PRODUCER) or [`DIRECTION_CONSUMER`](crate::DIRECTION_CONSUMER).
    pub direction: u32,
    /// Size of the message type in bytes; for a type with a flexible tail, of the part before it.
    pub slot_size_bytes: u32,
    /// Alignment of the message type in bytes, a power of two.
    pub slot_align_bytes: u32,
    /// Elements, at least 1: 1 for a plain port.
    pub max: u32,
    /// [`NOTE_PORT_OPTIONAL`] or 0; other bits are refused.
    pub flags: u32,
    /// Name, UTF-8, padded with zeros, not empty.
    pub name: [u8; 32],
}

/// Descriptor of a PARAM note (`NOTE-5`), followed by the text of the default value and the text of
/// the help, each ended by a zero, padded with zeros to a multiple of 4 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParamNote {
    /// Size of this descriptor with the texts and their padding, in bytes.
    pub size_bytes: u32,
    /// [`PARAM_TEXT`], [`PARAM_UNSIGNED`], [`PARAM_SIGNED`] or [`PARAM_BOOLEAN`].
    pub kind: u32,
    /// [`PARAM_REQUIRED`] or 0; other bits are refused.
    pub flags: u32,
    /// Index of the port of type `oro.params.v1` through which the value comes.
    pub port: u32,
    /// Name, UTF-8, padded with zeros, not empty.
    pub name: [u8; 32],
}

assert_layout!(ModuleNote, size 48, align 4;
    size_bytes 0, abi_major 4, abi_minor 8, flags 12, name 16);
assert_layout!(EntryNote, size 64, align 4;
    size_bytes 0, index 4, flags 8, stack_size_bytes 12, address_offset 16, reserved 20, name 32);
assert_layout!(PortNote, size 64, align 4;
    size_bytes 0, index 4, entry 8, direction 12, slot_size_bytes 16, slot_align_bytes 20, max 24,
    flags 28, name 32);
assert_layout!(ParamNote, size 48, align 4;
    size_bytes 0, kind 4, flags 8, port 12, name 16);
