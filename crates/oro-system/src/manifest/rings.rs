//! `[ring.NAME]`, Rings in Rings, and what is in them, as far as the text tells (`RING-1`).
//!
//! Entry point: [`read_rings`]. What grants and quotas come to is in `grants` and `quotas`.

use std::collections::BTreeMap;

use super::Manifest;
use super::diagnostic::{Diagnostic, Report};
use super::entries::{Located, RingEntry, RingQuota, WireEntry};
use super::instances::{check_reserved, read_instances, read_memory};
use super::read::{check_name, read_names};
use super::table::{Field, Keys, list_fields, read_count, read_fields, read_table};
use crate::rules::shorten;
use crate::{MAX_INSTANCES, MAX_RING_DEPTH, MAX_RINGS};

const RING: Keys = Keys {
    table: "a Ring",
    known: &["grant", "quota", "instance", "ring"],
    later: &[],
    elsewhere: &[
        (
            "wire",
            "all wires stand at the top level, `[[wire]]`: their ends are paths from the root",
        ),
        ("modules", "all modules stand at the top level, in `[modules]`"),
        ("module", "an instance has a module: write it below `[ring.NAME.instance.NAME]`"),
    ],
};
const QUOTA: Keys = Keys {
    table: "a Ring's quota",
    known: &["memory", "ports", "threads"],
    later: &[],
    elsewhere: &[("heap", "an instance's quota has it")],
};

/// The fields of a manifest, or of a Ring.
type Fields<'a> = BTreeMap<&'static str, Field<'a>>;

/// Reads all Rings, each after the one that it is in and else in order of place; then the instances
/// of all of them.
pub(super) fn read_rings(root: &Fields<'_>, manifest: &mut Manifest, report: &mut Report) {
    let mut walk = Walk::default();
    manifest.rings.push(RingEntry::default());
    walk.enter(root, 0, manifest, report);
    let most = usize::try_from(MAX_RINGS).unwrap_or(usize::MAX);
    while let Some((_, (field, parent))) = walk.waiting.pop_first() {
        if manifest.rings.len() >= most {
            report_surplus(&field, report);
            let lost = walk.waiting.into_values().map(|(_, parent)| parent);
            lost.chain([parent]).for_each(|parent| manifest.rings[parent].is_broken = true);
            break;
        }
        let number = manifest.rings.len();
        manifest.rings.push(name_ring(&field, parent, manifest));
        check_ring(number, manifest, report);
        match read_table(&field, "write `[ring.NAME]`", report) {
            Some(table) => {
                let fields = read_fields(table, &RING, report);
                read_ring(&fields, number, manifest, report);
                find_wires(table, manifest);
                walk.enter(&fields, number, manifest, report);
            }
            None => manifest.rings[number].is_broken = true,
        }
    }
    read_instances(walk.instances, manifest, report);
}

/// What has been found and not been read.
#[derive(Default)]
struct Walk<'a> {
    /// Rings and the numbers of their parents, by place; the count tells equal places apart.
    waiting: BTreeMap<(usize, usize), (Field<'a>, usize)>,
    count: usize,
    /// Instances and the numbers of their Rings.
    instances: Vec<(Field<'a>, usize)>,
}

impl<'a> Walk<'a> {
    /// Takes the Rings and instances that a Ring has.
    fn enter(
        &mut self,
        fields: &Fields<'a>,
        ring: usize,
        manifest: &mut Manifest,
        report: &mut Report,
    ) {
        let mut list = |key: &str, help: &str| {
            let Some(field) = fields.get(key) else { return Vec::new() };
            let table = read_table(field, help, report);
            manifest.rings[ring].is_broken |= table.is_none();
            table.map(list_fields).unwrap_or_default()
        };
        let instances =
            list("instance", "write `[instance.NAME]`, in a Ring `[ring.NAME.instance.NAME]`");
        self.instances.extend(instances.into_iter().map(|field| (field, ring)));
        for field in list("ring", "write `[ring.NAME]`") {
            self.count += 1;
            self.waiting.insert((field.key_span.start, self.count), (field, ring));
        }
    }
}

fn name_ring(field: &Field<'_>, parent: usize, manifest: &Manifest) -> RingEntry {
    RingEntry {
        name: Located { value: field.key.clone(), span: field.key_span.clone() },
        parent: Some(parent),
        path: manifest.rings[parent].show_inner(&field.key),
        ..RingEntry::default()
    }
}

/// Checks a Ring's name, and that it is not too deep. Those in one that is too deep are so as well:
/// that is not said again.
fn check_ring(number: usize, manifest: &Manifest, report: &mut Report) {
    let Located { value: name, span } = &manifest.rings[number].name;
    check_name(name, span, "Ring", report);
    check_reserved(name, span, "Ring", report);
    // The root counts.
    if manifest.ancestry(number).count() == MAX_RING_DEPTH + 2 {
        report.add(
            Diagnostic::error(
                "SYS-LIMIT",
                format!("the Ring `{}` lies too deep", shorten(name)),
                span.clone(),
                "one too deep",
            )
            .with_help(format!(
                "Rings lie at most {MAX_RING_DEPTH} deep in each other, below the root (RING-1)"
            )),
        );
    }
}

fn report_surplus(field: &Field<'_>, report: &mut Report) {
    report.add(
        Diagnostic::error(
            "SYS-LIMIT",
            format!("more than {} Rings are too many", MAX_RINGS - 1),
            field.key_span.clone(),
            "one too many",
        )
        .with_help(format!("a system has at most {MAX_RINGS} Rings, the root included")),
    );
}

fn read_ring(fields: &Fields<'_>, number: usize, manifest: &mut Manifest, report: &mut Report) {
    if let Some(field) = fields.get("grant") {
        let help = "write `grant = [\"clock\", \"name\"]`, with the names of instances";
        let ring = &mut manifest.rings[number];
        let bounds = (MAX_INSTANCES, "grants to one Ring");
        (ring.grants, ring.is_broken) = read_names(field, help, bounds, report);
    }
    if let Some(field) = fields.get("quota") {
        manifest.rings[number].quota = read_quota(field, report);
    }
}

/// A wire that stands in a Ring has been reported; what it may join is not called unwired.
fn find_wires(table: &toml::de::DeTable<'_>, manifest: &mut Manifest) {
    if table.contains_key("wire") {
        manifest.wires.push(WireEntry {
            from: None,
            to: None,
            slots: None,
            slot_size: None,
            is_forced_synchronous: false,
            drops_at_restart: false,
        });
    }
}

fn read_quota(field: &Field<'_>, report: &mut Report) -> RingQuota {
    let help = "write `quota = { memory = \"8M\", ports = 8, threads = 4 }`";
    let Some(table) = read_table(field, help, report) else { return RingQuota::default() };
    let fields = read_fields(table, &QUOTA, report);
    let mut count = |key: &str, what: &str| {
        let message = format!("a Ring's quota is no such number of {what}");
        let help = format!("from 1 to 4294967295 {what}; leave `{key}` out for no limit");
        read_count(fields.get(key)?, "SYS-QUOTA", &message, &help, report)
    };
    let ports = count("ports", "Ports");
    let threads = count("threads", "threads");
    let memory = fields.get("memory").and_then(|field| read_memory(field, "a Ring", report));
    RingQuota { memory, ports, threads }
}
