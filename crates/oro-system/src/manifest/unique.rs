//! Names in a Ring: each is that of one Ring, instance or grant (`SYS-3`).

use std::collections::BTreeMap;

use super::diagnostic::{Diagnostic, Report};
use super::entries::{Located, RingEntry};
use super::scope::Scope;
use crate::names::RESERVED_NAMES;
use crate::rules::shorten;

const GRANT: &str = "a grant";

/// Reports names that two of a Ring's Rings, instances and grants have.
pub(super) fn check_unique(scope: &Scope<'_>, report: &mut Report) {
    let manifest = scope.manifest;
    let rings = manifest.rings.iter().filter_map(|ring| Some((ring.parent?, "a Ring", &ring.name)));
    let instances = manifest.instances.iter();
    let instances = instances.map(|entry| (entry.ring, "an instance", &entry.name));
    let grants = manifest.rings.iter().enumerate();
    let grants =
        grants.flat_map(|(number, ring)| ring.grants.iter().map(move |name| (number, GRANT, name)));
    let mut all: Vec<_> = rings.chain(instances).chain(grants).collect();
    all.sort_by_key(|(_, _, name)| name.span.start);
    let mut known = BTreeMap::new();
    for (ring, what, name) in all {
        let (other, first) = *known.entry((ring, &name.value)).or_insert((what, name));
        if first.span == name.span || is_reported(scope, ring, (what, other), &name.value) {
            continue;
        }
        report_twice((other, first), (what, name), &manifest.rings[ring], report);
    }
}

/// Whether something else has been said of a name that two things have: that it is a built-in
/// instance's, or that the parent has nothing of the name to grant.
fn is_reported(scope: &Scope<'_>, ring: usize, whats: (&str, &str), name: &str) -> bool {
    let has_grant = whats.0 == GRANT || whats.1 == GRANT;
    let parent = scope.ring(ring).parent;
    let is_granted = parent.is_some_and(|parent| scope.find(parent, name).is_some());
    whats.0 != whats.1 && (RESERVED_NAMES.contains(&name) || has_grant && !is_granted)
}

fn report_twice(
    (other, first): (&str, &Located<String>),
    (what, name): (&str, &Located<String>),
    ring: &RingEntry,
    report: &mut Report,
) {
    let shown = shorten(&name.value);
    let (message, help) = if what == other {
        (format!("`{shown}` is granted to {} twice", ring.show()), "leave it out here")
    } else {
        (
            format!("{what} and {other} of {} have the name `{shown}`", ring.show()),
            "give one of them another name: a name means one thing in a Ring",
        )
    };
    report.add(
        Diagnostic::error("SYS-DUPLICATE", message, name.span.clone(), "the second time")
            .with_label(first.span.clone(), "the first time")
            .with_help(help),
    );
}
