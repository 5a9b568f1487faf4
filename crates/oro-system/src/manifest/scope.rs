//! [`Scope`]: what a name stands for in a Ring, grants included (`RING-6`).

use std::collections::{BTreeMap, BTreeSet};

use oro_image::Interface;

use super::diagnostic::{Diagnostic, Report};
use super::entries::{Located, RingEntry};
use super::{Manifest, ResolveOptions};
use crate::PlanGrant;
use crate::names::{BUILT_IN_NAMES, RESERVED_NAMES};
use crate::rules::{list_names, shorten};

/// What wires and grants are compared with.
pub(super) struct Scope<'a> {
    pub(super) manifest: &'a Manifest,
    /// Of each instance; `None` where its module could not be loaded.
    pub(super) interfaces: &'a [Option<&'a Interface>],
    pub(super) options: &'a ResolveOptions,
    /// Index of each instance by its Ring and name.
    instances: BTreeMap<(usize, &'a str), usize>,
    /// Number of each Ring by that of its parent and its name.
    rings: BTreeMap<(usize, &'a str), usize>,
    /// What each Ring has been granted.
    grants: Vec<BTreeMap<&'a str, Thing>>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thing {
    /// The instance with this index, in that Ring or remounted onto it.
    Instance(usize),
    /// A built-in one, or one that is still to come.
    BuiltIn,
    /// Something that could not be found out, which has been reported.
    Lost,
}

impl<'a> Scope<'a> {
    /// Looks up all grants; those of what there is not are reported.
    pub(super) fn new(
        manifest: &'a Manifest,
        interfaces: &'a [Option<&'a Interface>],
        options: &'a ResolveOptions,
        report: &mut Report,
    ) -> Self {
        let instances = manifest.instances.iter().enumerate();
        let instances =
            instances.map(|(index, entry)| ((entry.ring, entry.name.value.as_str()), index));
        let rings = manifest.rings.iter().enumerate();
        let rings = rings
            .filter_map(|(number, ring)| Some(((ring.parent?, ring.name.value.as_str()), number)));
        let mut scope = Self {
            manifest,
            interfaces,
            options,
            instances: instances.collect(),
            rings: rings.collect(),
            grants: Vec::new(),
        };
        for number in 0..manifest.rings.len() {
            // Parents come first: what they have been granted is known.
            let grants = scope.resolve_grants(number, report);
            scope.grants.push(grants);
        }
        scope
    }

    pub(super) fn ring(&self, number: usize) -> &'a RingEntry {
        &self.manifest.rings[number]
    }

    /// The Ring of this name in a Ring.
    pub(super) fn find_ring(&self, parent: usize, name: &str) -> Option<usize> {
        self.rings.get(&(parent, name)).copied()
    }

    /// What a name stands for in a Ring; if for two things, that is reported and it is lost.
    pub(super) fn find(&self, ring: usize, name: &str) -> Option<Thing> {
        if is_still_to_come(name) || ring == 0 && BUILT_IN_NAMES.contains(&name) {
            return Some(Thing::BuiltIn);
        }
        let own = self.instances.get(&(ring, name)).map(|index| Thing::Instance(*index));
        let granted = self.grants.get(ring).and_then(|grants| grants.get(name)).copied();
        match (own, granted) {
            (Some(_), Some(Thing::Instance(_) | Thing::BuiltIn)) => Some(Thing::Lost),
            (Some(thing), _) | (None, Some(thing)) => Some(thing),
            (None, None) => None,
        }
    }

    /// The instances that a name may stand for, those around the Ring only if there is none in it.
    pub(super) fn list_meant(&self, ring: usize, name: &str) -> Vec<usize> {
        let meant_in = |ring: usize| {
            let own = self.instances.get(&(ring, name)).copied();
            let granted = self.grants.get(ring).and_then(|grants| grants.get(name));
            let granted = granted.and_then(|thing| match thing {
                Thing::Instance(instance) => Some(*instance),
                Thing::BuiltIn | Thing::Lost => None,
            });
            own.into_iter().chain(granted).collect::<Vec<_>>()
        };
        let mut all = self.manifest.ancestry(ring).map(meant_in);
        all.find(|meant| !meant.is_empty()).unwrap_or_default()
    }

    /// The first of the Rings around a Ring in which a name stands for something.
    pub(super) fn find_around(&self, ring: usize, name: &str) -> Option<(usize, Thing)> {
        let mut around = self.manifest.ancestry(ring).skip(1);
        around.find_map(|ring| Some((ring, self.find(ring, name)?)))
    }

    /// Names of the instances that a Ring has, those that are remounted onto it last.
    pub(super) fn list_names(&self, ring: usize) -> impl Iterator<Item = &'a str> {
        let own = self.instances.range((ring, "")..(ring + 1, "")).map(|((_, name), _)| *name);
        let built_in = BUILT_IN_NAMES.iter().copied().filter(move |_| ring == 0);
        let granted = self.grants.get(ring).into_iter().flat_map(BTreeMap::keys).copied();
        own.chain(built_in).chain(granted)
    }

    /// Names of the Rings in a Ring.
    pub(super) fn list_rings(&self, ring: usize) -> impl Iterator<Item = &'a str> {
        self.rings.range((ring, "")..(ring + 1, "")).map(|((_, name), _)| *name)
    }

    /// The grants of a Ring as a plan has them, in the order of names.
    pub(super) fn plan_grants(&self, ring: usize) -> Vec<PlanGrant> {
        let grants = self.grants[ring].iter();
        let plan = grants.map(|(name, thing)| PlanGrant {
            name: (*name).to_owned(),
            instance: match thing {
                Thing::Instance(index) => u32::try_from(*index).ok(),
                Thing::BuiltIn | Thing::Lost => None,
            },
        });
        plan.collect()
    }

    fn resolve_grants(&self, number: usize, report: &mut Report) -> BTreeMap<&'a str, Thing> {
        let mut granted = BTreeMap::new();
        let ring = self.ring(number);
        let Some(parent) = ring.parent else { return granted };
        let mut meant = Vec::new();
        for grant in &ring.grants {
            let name = grant.value.as_str();
            if granted.contains_key(name) {
                continue;
            }
            let thing = if is_still_to_come(name) {
                report_not_yet(name, grant, report);
                Thing::Lost
            } else if let Some(thing) = self.find(parent, name) {
                thing
            } else if self.ring(parent).is_broken || self.manifest.is_incomplete {
                Thing::Lost
            } else {
                let found = self.report_grant(number, parent, grant, report);
                meant.extend(found);
                found.map_or(Thing::Lost, |(_, thing)| thing)
            };
            granted.insert(name, thing);
        }
        // What was meant is not missing where it is used.
        for (name, thing) in meant {
            granted.entry(name).or_insert(thing);
        }
        granted
    }

    /// Reports a grant of what the parent has not; what was probably meant.
    fn report_grant(
        &self,
        number: usize,
        parent: usize,
        grant: &'a Located<String>,
        report: &mut Report,
    ) -> Option<(&'a str, Thing)> {
        let name = grant.value.as_str();
        if report.skip_error() {
            return None;
        }
        let (ring, from) = (self.ring(number), self.ring(parent));
        let mut meant = None;
        let help = if let Some((_, thing)) = self.find_around(parent, name) {
            meant = Some((name, thing));
            format!("`{}` has not been granted it: {}", from.path, self.show_way(parent, name))
        } else if self.instances.contains_key(&(number, name)) {
            format!("{} has an instance of this name itself: leave the grant out", ring.show())
        } else if let Some(inner) = self.find_ring(parent, name) {
            let inner = &self.ring(inner).path;
            format!("`{inner}` is a Ring: a wire may name what is in it, `{inner}/NAME.port`")
        } else {
            let taken: BTreeSet<_> = ring.grants.iter().map(|grant| grant.value.as_str()).collect();
            let free = self.list_names(parent).filter(|name| !taken.contains(name));
            // An instance is granted as a whole: ports are not named.
            let owner = name.split_once('.').map_or(name, |(owner, _)| owner);
            match report.suggest(owner, free) {
                Some(known) => {
                    meant = self.find(parent, known).map(|thing| (known, thing));
                    format!("did you mean `{known}`?")
                }
                None => format!("{} has {}", from.show(), list_names(self.list_names(parent))),
            }
        };
        let message = format!(
            "{} has no `{}` that {} could be granted",
            from.show(),
            shorten(name),
            ring.show()
        );
        report.add(
            Diagnostic::error("SYS-GRANT", message, grant.span.clone(), "nothing that it has")
                .with_help(help),
        );
        meant
    }

    /// How a Ring comes to a name that a Ring around it has: the grants that are missing.
    pub(super) fn show_way(&self, ring: usize, name: &str) -> String {
        let lacking =
            self.manifest.ancestry(ring).take_while(|ring| self.find(*ring, name).is_none());
        let tables: Vec<_> =
            lacking.map(|ring| format!("`{}`", self.ring(ring).show_table(""))).collect();
        let (own, around) = tables.split_first().map_or(("", &[][..]), |(own, rest)| (own, rest));
        let add = format!("add `\"{name}\"` to `grant` of {own}");
        if around.is_empty() {
            add
        } else {
            format!("{add}, and first to that of {}", around.join(", "))
        }
    }
}

/// Whether this is a built-in instance that ABI 0.2 does not have.
fn is_still_to_come(name: &str) -> bool {
    RESERVED_NAMES.contains(&name) && !BUILT_IN_NAMES.contains(&name)
}

/// Reports a built-in instance that ABI 0.2 does not have.
pub(super) fn report_not_yet<T>(name: &str, place: &Located<T>, report: &mut Report) {
    report.add(
        Diagnostic::error(
            "SYS-NOT-YET",
            format!("`{name}` is not supported yet (ABI 0.2)"),
            place.span.clone(),
            "no kernel of ABI 0.2 has this built-in instance",
        )
        .with_help(format!("the built-in instances are {}", list_names(BUILT_IN_NAMES))),
    );
}
