//! An ELF file and its Oro notes, checked: what a kernel needs to build an instance's memory.
//!
//! [`Image::parse`] takes any bytes and either gives an [`Image`] whose every number has been
//! validated or an error that says what is wrong, where, and what would be right. It does *not*
//! map memory, read files, or know any kernel.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod interface;

pub use interface::*;
