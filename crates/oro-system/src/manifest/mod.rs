//! [`Manifest`]: a system as people write it, in TOML (`SYS-1`).
//!
//! Two steps, so that whoever has the files can load the modules in between:
//! [`Manifest::parse`] reads the text, [`Manifest::resolve`] compares it with what the modules
//! declare and gives the [`Plan`]. Both report everything that they find, each finding with its
//! place. Nothing here reads files, builds modules or prints.

mod codes;
mod control;
mod cycles;
mod diagnostic;
mod ends;
mod entries;
mod instances;
mod params;
mod quotas;
mod read;
mod resolve;
mod restart;
mod rings;
mod scope;
mod size;
mod table;
mod time;
mod unique;
mod usage;
mod wires;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use oro_image::Interface;

use crate::Plan;
use diagnostic::Report;
use entries::{InstanceEntry, RingEntry, WireEntry};

pub use codes::{explain, list_codes};
pub use diagnostic::{Diagnostic, Label, Severity, line_column, sort_by_place};
pub use entries::{ModuleEntry, ModuleSource};
pub use size::parse_size_bytes;

/// Most bytes of a manifest's text: 1 MiB.
pub const MAX_MANIFEST_BYTES: usize = 1 << 20;

/// A manifest that has been read, with the places of all that it says.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    modules: Vec<ModuleEntry>,
    /// The root, then all others, each after the one that it is in.
    rings: Vec<RingEntry>,
    instances: Vec<InstanceEntry>,
    wires: Vec<WireEntry>,
    /// An error was found when it was read: no plan can come of it.
    is_faulty: bool,
    /// Lines that are no TOML, as byte ranges: nothing more is said of them.
    faulty_lines: Vec<Range<usize>>,
    /// Text was lost to such lines: what seems to be missing is not reported.
    is_incomplete: bool,
    /// Names of modules that have no readable path: nothing is said of their instances.
    broken_modules: BTreeSet<String>,
}

/// What the caller of [`Manifest::resolve`] knows beyond the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolveOptions {
    /// Names given by `--file NAME=PATH` (`BUILTIN-3`).
    pub files: BTreeSet<String>,
}

impl Manifest {
    /// Reads a manifest's text.
    ///
    /// The diagnostics are in order of place. A manifest is given also when there are errors, as
    /// far as it could be understood, so that [`resolve`](Self::resolve) can find more of them;
    /// `None` only if the bytes are no text or too many.
    ///
    /// ```
    /// use oro_system::{Manifest, line_column};
    /// let text = "oro = 1\n[modules]\nsha = \"sha.elf\"\n[instance.a]\nmodul = \"sha\"\n";
    /// let (manifest, diagnostics) = Manifest::parse(text.as_bytes());
    /// assert!(manifest.is_some());
    /// assert_eq!(diagnostics[0].code, "SYS-UNKNOWN-KEY");
    /// assert_eq!(line_column(text, diagnostics[0].labels[0].span.start), (5, 1));
    /// ```
    #[must_use]
    pub fn parse(text: &[u8]) -> (Option<Self>, Vec<Diagnostic>) {
        let mut report = Report::default();
        let manifest = read::read_manifest(text, &mut report);
        let (is_faulty, diagnostics) = report.finish();
        (manifest.map(|manifest| Self { is_faulty, ..manifest }), diagnostics)
    }

    /// The modules that the manifest names, in its order.
    pub fn modules(&self) -> impl Iterator<Item = &ModuleEntry> {
        self.modules.iter()
    }

    /// Checks the manifest against what its modules declare, and makes the plan.
    ///
    /// `interfaces` are those of the modules that could be loaded, by name. Of instances of other
    /// modules, and of wires to them, nothing is said: the caller has reported the module.
    ///
    /// The diagnostics are in order of place; those of [`parse`](Self::parse) are not among them.
    /// A plan is given only if neither step found an error and every module is there.
    #[must_use]
    pub fn resolve(
        &self,
        interfaces: &BTreeMap<String, Interface>,
        options: &ResolveOptions,
    ) -> (Option<Plan>, Vec<Diagnostic>) {
        let mut report = Report::default();
        report.hide_lines(&self.faulty_lines);
        let plan = resolve::resolve_manifest(self, interfaces, options, &mut report);
        let (is_faulty, diagnostics) = report.finish();
        let is_complete = self.modules.iter().all(|module| interfaces.contains_key(&module.name));
        (plan.filter(|_| is_complete && !is_faulty && !self.is_faulty), diagnostics)
    }
    /// A Ring and those that it is in, from the inside to the root.
    fn ancestry(&self, ring: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(ring), |ring| self.rings.get(*ring)?.parent)
    }
}
