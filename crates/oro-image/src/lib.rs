//! An ELF file and its Oro notes, checked: what a kernel needs to build an instance's memory.
//!
//! [`Image::parse`] takes any bytes and either gives an [`Image`] whose every number has been
//! validated or an [`ImageError`] that says what is wrong, where, and what would be right. It does
//! *not* map memory, read files, or know any kernel.
//!
//! A kernel asks for [`Image::span`], finds a place (a bias that is a multiple of
//! [`Image::align_bytes`]), and for each segment maps `memory_bytes` of zeros at `address + bias`,
//! puts what [`Image::build_segment`] gives at their start, and protects them.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod bytes;
mod error;
mod header;
mod image;
mod interface;
mod layout;
mod machine;
mod note;
mod note_port;
mod relocation;
mod segment;
mod symbol;

pub use error::{
    FileError, ImageError, NoteError, RelocationError, SegmentError, explain, list_codes,
};
pub use header::MAX_PROGRAM_HEADERS;
pub use image::Image;
pub use interface::*;
pub use layout::{LayoutError, LayoutShape, parse_layout};
pub use machine::Machine;
pub use segment::{MAX_ALIGN, MAX_IMAGE_SIZE, PAGE_SIZE, Segment};
pub use symbol::Symbol;
