//! Quotas of Rings against what is in them, and against those around them (`RING-9`).

use super::Manifest;
use super::diagnostic::{Diagnostic, Report};
use super::entries::{Located, RingQuota};
use super::usage::Usage;
use crate::rules::show_size;

/// Something that a quota bounds.
struct Kind {
    /// What it is, for messages.
    what: &'static str,
    /// The verb of it: memory is needed, Ports and threads are had.
    verb: &'static str,
    /// The bound, if a quota has one, and its place.
    most: fn(&RingQuota) -> Option<Located<u64>>,
    /// What an instance takes.
    taken: fn(&Usage) -> u64,
    /// A number of it.
    show: fn(u64) -> String,
    /// What a Ring's instances take together, and of what they do.
    sum: fn(u64) -> String,
}

const KINDS: [Kind; 3] = [
    Kind {
        what: "memory",
        verb: "needs",
        most: |quota| quota.memory.clone(),
        taken: Usage::memory_bytes,
        show: show_size,
        sum: |bytes| format!("{bytes} and the images are the least"),
    },
    Kind {
        what: "Ports",
        verb: "has",
        most: |quota| quota.ports.as_ref().map(widen),
        taken: |usage| usage.port_count,
        show: |count| count.to_string(),
        sum: |count| format!("it pays for {count} Ports"),
    },
    Kind {
        what: "threads",
        verb: "has",
        most: |quota| quota.threads.as_ref().map(widen),
        taken: |usage| usage.thread_count,
        show: |count| count.to_string(),
        sum: |count| format!("it has {count} entry points"),
    },
];

fn widen(most: &Located<u32>) -> Located<u64> {
    Located { value: most.value.into(), span: most.span.clone() }
}

/// Reports quotas that are larger than one around them, and those that are too small.
pub(super) fn check_rings(manifest: &Manifest, usages: &[Usage], report: &mut Report) {
    for kind in &KINDS {
        let sums = sum_up(manifest, usages, kind);
        for (number, sum) in sums.into_iter().enumerate() {
            check_around(manifest, number, kind, report);
            check_sum(manifest, number, sum, usages, kind, report);
        }
    }
}

/// What the instances of each Ring and of those in it take.
fn sum_up(manifest: &Manifest, usages: &[Usage], kind: &Kind) -> Vec<u64> {
    let mut sums = vec![0_u64; manifest.rings.len()];
    for (entry, usage) in manifest.instances.iter().zip(usages) {
        sums[entry.ring] = sums[entry.ring].saturating_add((kind.taken)(usage));
    }
    // A Ring has a greater number than the one that it is in.
    for (number, ring) in manifest.rings.iter().enumerate().rev() {
        if let Some(parent) = ring.parent {
            sums[parent] = sums[parent].saturating_add(sums[number]);
        }
    }
    sums
}

/// Reports a quota that is larger than the next one around it.
fn check_around(manifest: &Manifest, number: usize, kind: &Kind, report: &mut Report) {
    let ring = &manifest.rings[number];
    let Some(most) = (kind.most)(&ring.quota) else { return };
    let around = manifest.ancestry(number).skip(1).map(|number| &manifest.rings[number]);
    let mut bounds = around.filter_map(|ring| Some((ring, (kind.most)(&ring.quota)?)));
    let Some((outer, bound)) = bounds.next() else { return };
    if most.value <= bound.value {
        return;
    }
    report.add(
        Diagnostic::error(
            "SYS-QUOTA",
            format!(
                "{} may have more {} than {}, which it is in",
                ring.show(),
                kind.what,
                outer.show()
            ),
            most.span,
            "more than around it",
        )
        .with_label(bound.span, "the quota around it")
        .with_help(format!(
            "at most {}, since that bounds what is in it together (RING-9)",
            (kind.show)(bound.value)
        )),
    );
}

/// Reports a quota that is less than what the instances take.
fn check_sum(
    manifest: &Manifest,
    number: usize,
    sum: u64,
    usages: &[Usage],
    kind: &Kind,
    report: &mut Report,
) {
    let ring = &manifest.rings[number];
    let Some(most) = (kind.most)(&ring.quota) else { return };
    if sum <= most.value || report.skip_error() {
        return;
    }
    let message = format!(
        "what is in {} {} more {} than the Ring's quota",
        ring.show(),
        kind.verb,
        kind.what
    );
    let label = format!("{} at most", (kind.show)(most.value));
    let whose = list_takers(manifest, number, usages, kind);
    report.add(
        Diagnostic::error("SYS-QUOTA", message, most.span, label)
            .with_help(format!("{}: {whose} (RING-9)", (kind.sum)(sum))),
    );
}

/// The instances in a Ring and in those in it, those that take most first: "`a/b` 3, `a/c` 1".
fn list_takers(manifest: &Manifest, number: usize, usages: &[Usage], kind: &Kind) -> String {
    let all = manifest.instances.iter().zip(usages);
    let all = all.map(|(entry, usage)| (entry, (kind.taken)(usage)));
    let is_in = |ring| manifest.ancestry(ring).any(|outer| outer == number);
    let mut takers: Vec<_> = all.filter(|(entry, taken)| *taken > 0 && is_in(entry.ring)).collect();
    takers.sort_by_key(|(_, taken)| std::cmp::Reverse(*taken));
    let shown = takers.iter().take(8).map(|(entry, taken)| format!("`{}` {taken}", entry.path));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match takers.len().checked_sub(8) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}
