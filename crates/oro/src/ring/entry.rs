//! [`Entry`]: an entry of the Ring's tables, which the kernel changes while it is read; and [`Name`]. It
//! does not know what the entries mean.

use core::fmt;
use core::ops::Deref;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use oro_sysabi::Table;

use crate::shared::pointer;

/// A structure in the Ring's tables: fields come out one by one, by atomic loads, and no reference is ever
/// formed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry(u64);

impl Entry {
    /// # Safety
    ///
    /// `address` is of a structure of the Ring's tables that is as long as the one whose fields are loaded.
    pub(super) unsafe fn new(address: u64) -> Self {
        Self(address)
    }

    /// The structure that begins inside this one, at a field's offset.
    pub(super) fn part(self, offset_bytes: usize) -> Self {
        Self(self.0 + offset_bytes as u64)
    }

    /// Pairs with the kernel's release store of a field after others (`Instance::state`), and with that of
    /// the generation.
    pub(super) fn load_u32(self, offset_bytes: usize) -> u32 {
        let at = pointer(self.part(offset_bytes).0).cast::<u32>();
        // SAFETY: an aligned field of a structure that `new`'s caller vouches for; tables stay where they
        // are (`META-4`, `META-10`), and only the kernel writes them, atomically.
        let value = unsafe { AtomicU32::from_ptr(at) }.load(Ordering::Relaxed);
        // A relaxed load and a fence: only relaxed loads are promised to work on read-only memory.
        fence(Ordering::Acquire);
        value
    }

    /// Likewise.
    pub(super) fn load_u64(self, offset_bytes: usize) -> u64 {
        let at = pointer(self.part(offset_bytes).0).cast::<u64>();
        // SAFETY: as above.
        let value = unsafe { AtomicU64::from_ptr(at) }.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        value
    }

    /// A name of 32 bytes.
    pub(super) fn load_name(self, offset_bytes: usize) -> Name {
        let mut bytes = [0; 32];
        for (index, word) in bytes.chunks_exact_mut(8).enumerate() {
            word.copy_from_slice(&self.load_u64(offset_bytes + 8 * index).to_ne_bytes());
        }
        Name { bytes }
    }

    /// A table: where its entries are.
    pub(super) fn load_table(self, offset_bytes: usize) -> Entries {
        let table = self.part(offset_bytes);
        Entries {
            first: table.load_u64(core::mem::offset_of!(Table, entries)),
            stride_bytes: table.load_u32(core::mem::offset_of!(Table, stride_bytes)),
            count: table.load_u32(core::mem::offset_of!(Table, count)),
        }
    }
}

/// The entries of a table that were there at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entries {
    first: u64,
    stride_bytes: u32,
    count: u32,
}

impl Entries {
    pub(super) fn iter(self) -> impl Iterator<Item = Entry> {
        (0..u64::from(self.count)).map(move |index| {
            // SAFETY: `META-4`: the entry with this index, at least as long as the reader knows it.
            unsafe { Entry::new(self.first + index * u64::from(self.stride_bytes)) }
        })
    }
}

/// The name of a Ring, an instance or a module: up to 31 bytes, by value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name {
    bytes: [u8; 32],
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        let length = self.bytes.iter().position(|&byte| byte == 0).unwrap_or(self.bytes.len());
        // The kernel writes UTF-8 (`NOTE-6`).
        str::from_utf8(&self.bytes[..length]).unwrap_or_default()
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}
