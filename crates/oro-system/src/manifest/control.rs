//! Ring control in a manifest: who is wired to `ring`, and what they may mount (`CTL-1`, `CTL-5`).
//!
//! [`Holders`] collects what wires say of it, [`check_holders`] and [`check_modules`] look at the whole.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Manifest;
use super::diagnostic::{Diagnostic, Report};
use super::entries::{EndName, InstanceEntry};
use super::resolve::report_unknown_module;
use super::wires::End;
use crate::BuiltIn;
use crate::rules::shorten;

/// The two ends of `ring`.
const NAMES: [&str; 2] = ["ring.requests", "ring.replies"];

/// What wires say of Ring control; the first of each pair is of `ring.requests`.
#[derive(Default)]
pub(super) struct Holders {
    /// By instance: where each end is named.
    ends: [BTreeMap<usize, Range<usize>>; 2],
    /// Instances that a wire may join to that end though it is wrong; `None`: any. It has been
    /// reported, so nothing is said of what they lack.
    meant: [BTreeSet<Option<usize>>; 2],
}

impl Holders {
    /// Notes a wire between two ends that are there; a second one to the same end is reported.
    pub(super) fn note_wire(
        &mut self,
        producer: (&End<'_>, &EndName),
        consumer: (&End<'_>, &EndName),
        report: &mut Report,
    ) -> bool {
        let (side, instance, name) = match (producer, consumer) {
            ((End::Port { instance, .. }, _), (End::BuiltIn { built_in, .. }, name))
                if *built_in == BuiltIn::RingRequests =>
            {
                (0, *instance, name)
            }
            ((End::BuiltIn { built_in, .. }, name), (End::Port { instance, .. }, _))
                if *built_in == BuiltIn::RingReplies =>
            {
                (1, *instance, name)
            }
            _ => return true,
        };
        let Some(earlier) = self.ends[side].insert(instance, name.span.clone()) else {
            return true;
        };
        report.add(
            Diagnostic::error(
                "SYS-WIRED-TWICE",
                format!("one instance is wired to `{}` twice", NAMES[side]),
                name.span.clone(),
                "the second wire",
            )
            .with_label(earlier, "the first wire")
            .with_help("an instance that holds Ring control has each of its ends once (CTL-1)"),
        );
        false
    }

    /// Notes what a wire may have meant, of which an end could not be found.
    pub(super) fn note_lost(&mut self, producer: Option<&End<'_>>, consumer: Option<&End<'_>>) {
        let pairs = [
            (producer, consumer, BuiltIn::RingRequests),
            (consumer, producer, BuiltIn::RingReplies),
        ];
        for (meant, (own, other, control)) in self.meant.iter_mut().zip(pairs) {
            let is_control = match other {
                None => true,
                Some(End::BuiltIn { built_in, .. }) => *built_in == control,
                Some(End::Port { .. }) => false,
            };
            let instance = match own {
                None => None,
                Some(End::Port { instance, .. }) => Some(*instance),
                Some(End::BuiltIn { .. }) => continue,
            };
            if is_control {
                meant.insert(instance);
            }
        }
    }

    /// Whether an instance holds Ring control, or may have been meant to.
    fn may_hold(&self, instance: usize) -> bool {
        let ends = self.ends.iter().any(|ends| ends.contains_key(&instance));
        ends || (0..2).any(|side| self.may_mean(side, instance))
    }

    fn may_mean(&self, side: usize, instance: usize) -> bool {
        let meant = &self.meant[side];
        meant.contains(&None) || meant.contains(&Some(instance))
    }
}

/// Reports who is wired to one end of `ring` alone, and warns of modules that nobody can mount.
pub(super) fn check_holders(manifest: &Manifest, holders: &Holders, report: &mut Report) {
    for (side, ends) in holders.ends.iter().enumerate() {
        let other = 1 - side;
        for (instance, span) in ends {
            if holders.ends[other].contains_key(instance)
                || holders.may_mean(other, *instance)
                || manifest.is_incomplete
            {
                continue;
            }
            report.add(report_half(&manifest.instances[*instance], side, span.clone()));
        }
    }
    for (index, entry) in manifest.instances.iter().enumerate() {
        let Some(first) = entry.modules.first() else { continue };
        if holders.may_hold(index) || manifest.is_faulty || manifest.is_incomplete {
            continue;
        }
        report.add(
            Diagnostic::warning(
                "SYS-UNUSED",
                format!("`{}` may mount modules and does not hold Ring control", entry.path),
                first.span.clone(),
                "never mounted",
            )
            .with_help(
                "wire it to `ring.requests` and from `ring.replies`, or leave `modules` out \
                 (CTL-1, CTL-5)",
            ),
        );
    }
}

fn report_half(entry: &InstanceEntry, side: usize, span: Range<usize>) -> Diagnostic {
    let (has, lacks) = (NAMES[side], NAMES[1 - side]);
    let wire = match side {
        0 => format!("`from = \"{lacks}\"`, `to = \"{}.PORT\"`", entry.path),
        _ => format!("`from = \"{}.PORT\"`, `to = \"{lacks}\"`", entry.path),
    };
    Diagnostic::error(
        "SYS-RING-CONTROL",
        format!("`{}` is wired to `{has}` and not to `{lacks}`", entry.path),
        span,
        "half of Ring control",
    )
    .with_help(format!("add a `[[wire]]` with {wire} (CTL-1)"))
}

/// Reports modules that an instance may mount and that there are not, or twice.
pub(super) fn check_modules(manifest: &Manifest, report: &mut Report) {
    let known: BTreeSet<_> = manifest.modules.iter().map(|module| module.name.as_str()).collect();
    for entry in &manifest.instances {
        let mut seen = BTreeMap::new();
        for module in &entry.modules {
            if let Some(first) = seen.insert(module.value.as_str(), module.span.clone()) {
                report.add(
                    Diagnostic::error(
                        "SYS-DUPLICATE",
                        format!("`{}` may mount `{}` twice", entry.path, shorten(&module.value)),
                        module.span.clone(),
                        "the second time",
                    )
                    .with_label(first, "the first time")
                    .with_help("leave it out here"),
                );
            } else if !known.contains(module.value.as_str()) {
                report_unknown_module(manifest, &known, module, report);
            }
        }
    }
}
