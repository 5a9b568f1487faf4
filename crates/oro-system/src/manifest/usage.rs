//! What an instance takes at least, as far as manifest, notes and wires tell (`SYS-3`, `LIM-5`).

use std::collections::BTreeMap;

use oro_image::Interface;
use oro_sysabi::MAX_ENDPOINTS_PER_THREAD;

use super::diagnostic::{Diagnostic, Report};
use super::entries::InstanceEntry;
use crate::rules::{stack_bytes, wire_bytes};
use crate::{PAGE_BYTES, PlanEnd, PlanPort};

/// What an instance takes; nothing is known of one whose module is not there.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    heap_bytes: u64,
    stack_bytes: u64,
    cell_bytes: u64,
    queue_bytes: u64,
    /// Ports that it pays for.
    pub(super) port_count: u64,
    /// Its entry points.
    pub(super) thread_count: u64,
    /// Wired ports of each entry point.
    endpoints: BTreeMap<u32, u32>,
}

impl Usage {
    /// Its memory but for the image.
    pub(super) fn memory_bytes(&self) -> u64 {
        let parts = [self.heap_bytes, self.stack_bytes, self.cell_bytes, self.queue_bytes];
        parts.into_iter().fold(0, u64::saturating_add)
    }
}

/// What each instance takes.
pub(super) fn measure(
    instances: &[InstanceEntry],
    interfaces: &[Option<&Interface>],
    ports: &[PlanPort],
) -> Vec<Usage> {
    let begin = |(entry, interface): (&InstanceEntry, &Option<&Interface>)| {
        let Some(interface) = interface else { return Usage::default() };
        Usage {
            heap_bytes: round_heap(entry),
            stack_bytes: stack_bytes(interface),
            thread_count: u64::try_from(interface.entries.len()).unwrap_or(u64::MAX),
            ..Usage::default()
        }
    };
    let mut usages: Vec<_> = instances.iter().zip(interfaces).map(begin).collect();
    let find = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    for port in ports {
        let (queue_bytes, cell_bytes) = wire_bytes(port);
        if let Some(payer) = port.payer().and_then(|payer| usages.get_mut(find(payer))) {
            payer.queue_bytes += queue_bytes;
            payer.port_count += 1;
        }
        for end in [&port.producer, &port.consumer] {
            let PlanEnd::Instance { instance, entry, .. } = end else { continue };
            let Some(usage) = usages.get_mut(find(*instance)) else { continue };
            *usage.endpoints.entry(*entry).or_default() += 1;
            usage.cell_bytes += cell_bytes;
        }
    }
    usages
}

/// The heap in whole pages; its limit has been checked.
pub(super) fn round_heap(entry: &InstanceEntry) -> u64 {
    let bytes = entry.heap.as_ref().map_or(0, |heap| heap.value);
    bytes.checked_next_multiple_of(PAGE_BYTES).unwrap_or(u64::MAX)
}

/// Checks what a system's wires ask of one instance: endpoints of each thread, and memory.
pub(super) fn check_instance(entry: &InstanceEntry, usage: &Usage, report: &mut Report) {
    let endpoints = usage.endpoints.iter();
    for (thread, count) in endpoints.filter(|(_, count)| **count > MAX_ENDPOINTS_PER_THREAD) {
        report.add(
            Diagnostic::error(
                "SYS-LIMIT",
                format!("entry {thread} of `{}` has {count} wired ports", entry.path),
                entry.name.span.clone(),
                "too many",
            )
            .with_help(format!("a thread has at most {MAX_ENDPOINTS_PER_THREAD} (LIM-5)")),
        );
    }
    let Some(memory) = &entry.memory else { return };
    let least = usage.memory_bytes();
    if least > memory.value {
        let Usage { heap_bytes, stack_bytes, cell_bytes, queue_bytes, .. } = usage;
        report.add(
            Diagnostic::error(
                "SYS-QUOTA",
                format!("`{}` needs more memory than its quota", entry.path),
                memory.span.clone(),
                format!("{} bytes", memory.value),
            )
            .with_help(format!(
                "its heap has {heap_bytes} bytes, its stacks {stack_bytes}, its cells \
                 {cell_bytes}, the queues that it pays for {queue_bytes}: {least} and the image are \
                 the least"
            )),
        );
    }
}
