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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// `[ring.NAME]`, or the root Ring.
#[derive(Clone, Debug, Default)]
pub(super) struct RingEntry {
    /// Empty, as is its place, of the root.
    pub(super) name: Located<String>,
    /// Number of the Ring that it is in, less than its own; `None` of the root.
    pub(super) parent: Option<usize>,
    /// Name with those of the Rings around it: `outer/inner`; empty of the root.
    pub(super) path: String,
    pub(super) grants: Vec<Located<String>>,
    pub(super) quota: RingQuota,
    /// Something that it has could not be read: nothing is said of what it seems to lack.
    pub(super) is_broken: bool,
}

impl RingEntry {
    /// What is in it by its name from the root.
    pub(super) fn show_inner(&self, name: &str) -> String {
        if self.parent.is_none() { name.to_owned() } else { format!("{}/{name}", self.path) }
    }

    /// The Ring in a message.
    pub(super) fn show(&self) -> String {
        match self.parent {
            None => "the root Ring".to_owned(),
            Some(_) => format!("`{}`", self.path),
        }
    }

    /// The table of something in it: `ring.outer.ring.inner.instance.NAME`.
    pub(super) fn show_table(&self, rest: &str) -> String {
        let rings = self.path.split('/').filter(|name| !name.is_empty());
        let rings = rings.map(|name| format!("ring.{name}"));
        let parts = rings.chain((!rest.is_empty()).then(|| rest.to_owned()));
        format!("[{}]", parts.collect::<Vec<_>>().join("."))
    }
}

/// What the instances of a Ring and of those in it may have together (`RING-9`).
#[derive(Clone, Debug, Default)]
pub(super) struct RingQuota {
    pub(super) memory: Option<Located<u64>>,
    pub(super) ports: Option<Located<u32>>,
    pub(super) threads: Option<Located<u32>>,
}

/// `[instance.NAME]`.
#[derive(Clone, Debug)]
pub(super) struct InstanceEntry {
    pub(super) name: Located<String>,
    /// Number of its Ring.
    pub(super) ring: usize,
    /// Name with those of its Rings: `outer/inner/name`.
    pub(super) path: String,
    /// `None`: missing or unreadable, which has been reported.
    pub(super) module: Option<Located<String>>,
    pub(super) params: Vec<ParamEntry>,
    pub(super) heap: Option<Located<u64>>,
    pub(super) memory: Option<Located<u64>>,
    pub(super) restart: PlanRestart,
    /// Modules that it may mount (`CTL-5`).
    pub(super) modules: Vec<Located<String>>,
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

/// `instance.port` or `ring/instance.port[2]`, in its parts.
#[derive(Clone, Debug)]
pub(super) struct EndName {
    /// The Rings, from the outside; none of what is in the root.
    pub(super) rings: Vec<Located<String>>,
    pub(super) instance: Located<String>,
    pub(super) port: Located<String>,
    pub(super) element: Option<Located<u32>>,
    /// Place of the whole.
    pub(super) span: Range<usize>,
}

impl EndName {
    /// The whole, as it is written.
    pub(super) fn show(&self) -> String {
        self.show_at(&self.show_owner())
    }

    /// The whole, as if the instance were written so.
    pub(super) fn show_at(&self, owner: &str) -> String {
        match &self.element {
            Some(element) => format!("{owner}.{}[{}]", self.port.value, element.value),
            None => format!("{owner}.{}", self.port.value),
        }
    }

    /// The instance, as it is written.
    pub(super) fn show_owner(&self) -> String {
        let rings = self.rings.iter().map(|ring| ring.value.as_str());
        rings.chain([self.instance.value.as_str()]).collect::<Vec<_>>().join("/")
    }
}
