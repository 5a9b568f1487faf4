//! What a manifest says, each part with its place: plain data between reading and resolving.

use std::ops::Range;

use crate::PlanRestart;

/// A module that the manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleEntry {
    /// Name, by which instances refer to it.
    pub name: String,
    /// Where it comes from.
    pub source: ModuleSource,
    /// Place of the path in the manifest.
    pub span: Range<usize>,
}

/// Where a module comes from (`SYS-2`). Paths are as written, relative to the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleSource {
    /// An ELF file; `{arch}` in the path stands for `x86_64` or `aarch64`.
    Elf(String),
    /// A folder with a `Cargo.toml`, or a `.c` file, to be built.
    Source(String),
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// `[instance.NAME]`.
#[derive(Clone, Debug)]
pub(super) struct InstanceEntry {
    pub(super) name: Located<String>,
    /// `None`: missing or unreadable, which has been reported.
    pub(super) module: Option<Located<String>>,
    pub(super) params: Vec<ParamEntry>,
    pub(super) heap: Option<Located<u64>>,
    pub(super) memory: Option<Located<u64>>,
    pub(super) restart: PlanRestart,
}

/// A parameter that an instance is given.
#[derive(Clone, Debug)]
pub(super) struct ParamEntry {
    pub(super) name: Located<String>,
    pub(super) value: Located<ParamValue>,
}

/// A parameter's value, before its kind is known.
#[derive(Clone, Debug)]
pub(super) enum ParamValue {
    Text(String),
    /// `None`: beyond 128 bits.
    Integer(Option<i128>),
    Boolean(bool),
    /// A kind of TOML value that no parameter has.
    Other(&'static str),
}

/// `[[wire]]`.
#[derive(Clone, Debug)]
pub(super) struct WireEntry {
    /// `None`: missing or unreadable, which has been reported.
    pub(super) from: Option<EndName>,
    /// `None`: missing or unreadable, which has been reported.
    pub(super) to: Option<EndName>,
    /// `None`: unreadable, which has been reported.
    pub(super) slots: Option<Located<u32>>,
    pub(super) slot_size: Option<Located<u64>>,
    pub(super) is_forced_synchronous: bool,
    pub(super) drops_at_restart: bool,
}

/// `instance.port` or `instance.port[2]`, in its parts.
#[derive(Clone, Debug)]
pub(super) struct EndName {
    pub(super) instance: Located<String>,
    pub(super) port: Located<String>,
    pub(super) element: Option<Located<u32>>,
    /// Place of the whole.
    pub(super) span: Range<usize>,
}
