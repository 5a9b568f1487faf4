//! What a module declares of itself: entries, ports, parameters.

use alloc::string::String;
use alloc::vec::Vec;

/// A module's declarations, from its notes (`NOTE-1`), or what stands for them in a legacy image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Name of the module; of a legacy image: empty.
    pub name: String,
    /// No Oro notes: one naive entry, no ports (`ENTRY-8`).
    pub is_legacy: bool,
    /// Entry points in index order.
    pub entries: Vec<Entry>,
    /// Ports in index order.
    pub ports: Vec<Port>,
    /// Parameters in note order.
    pub params: Vec<Param>,
}

/// An entry point.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Name.
    pub name: String,
    /// Address, unbiased: as in the file.
    pub address: u64,
    /// Stack size in bytes, never 0.
    pub stack_size_bytes: u64,
    /// Managed or naive.
    pub is_managed: bool,
    /// The return value is the thread's status.
    pub returns_status: bool,
}

/// Which way messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The module produces them.
    Producer,
    /// The module consumes them.
    Consumer,
}

/// A declared port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// First index.
    pub index: u32,
    /// Name.
    pub name: String,
    /// Index of the owning entry.
    pub entry: u32,
    /// Which way messages go.
    pub direction: Direction,
    /// Size of the type in bytes; of its fixed part if it has a flexible tail.
    pub slot_size_bytes: u32,
    /// Alignment in bytes.
    pub slot_align_bytes: u32,
    /// The type ends in a flexible tail: the wire says how large a slot is.
    pub is_flexible: bool,
    /// Elements, at least 1.
    pub max: u32,
    /// May stay unwired.
    pub is_optional: bool,
    /// Layout text of the type.
    pub layout: String,
}

/// Kind of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// Any text.
    Text,
    /// u64.
    Unsigned,
    /// i64.
    Signed,
    /// `true` or `false`.
    Boolean,
}

/// A declared parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Name.
    pub name: String,
    /// Kind of value.
    pub kind: ParamKind,
    /// Value where the system gives none; `None`: the system must give one.
    pub default: Option<String>,
    /// Help text.
    pub help: String,
    /// Index of the port through which it comes.
    pub port: u32,
}
