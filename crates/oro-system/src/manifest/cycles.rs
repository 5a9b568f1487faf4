//! Cycles that can only deadlock (`SYS-8`).
//!
//! A thread in such a cycle waits for its input before it gives the output that the others wait
//! for. Notes do not say in which order a thread touches its ports; the order in which they are
//! declared is taken for it, so a client that writes its request first declares that port first.

use std::collections::BTreeMap;

use crate::{PlanEnd, PlanPort};

/// Cycles of Ports, each as indices in the order of the messages. No Port is in two of them.
///
/// `is_naive` says of an instance's entry whether its thread is naive.
pub(super) fn find_deadlocks(
    ports: &[PlanPort],
    is_naive: impl Fn(u32, u32) -> bool,
) -> Vec<Vec<usize>> {
    let successors = Successors::new(ports, is_naive);
    let mut visit = vec![Visit::New; ports.len()];
    let mut is_reported = vec![false; ports.len()];
    let mut cycles = Vec::new();
    for root in 0..ports.len() {
        if visit[root] != Visit::New {
            continue;
        }
        // The path from the root: each Port with how many of its successors have been looked at.
        let mut path = vec![(root, 0)];
        visit[root] = Visit::OnPath;
        while let Some((port, next)) = path.last_mut() {
            let Some(successor) = successors.of(*port).get(*next).map(|(_, port)| *port) else {
                visit[*port] = Visit::Done;
                path.pop();
                continue;
            };
            *next += 1;
            match visit[successor] {
                Visit::New => {
                    visit[successor] = Visit::OnPath;
                    path.push((successor, 0));
                }
                Visit::OnPath => {
                    let whole = path.iter().map(|(port, _)| *port);
                    let cycle: Vec<_> = whole.skip_while(|port| *port != successor).collect();
                    if !cycle.iter().any(|port| is_reported[*port]) {
                        cycle.iter().for_each(|port| is_reported[*port] = true);
                        cycles.push(cycle);
                    }
                }
                Visit::Done => {}
            }
        }
    }
    cycles
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    OnPath,
    Done,
}

/// For each Port, which Ports its naive consumer writes only after it has read it.
struct Successors {
    /// By thread: index of the port in the module, and the Port; sorted.
    produced: BTreeMap<(u32, u32), Vec<(u32, usize)>>,
    /// Of each Port the naive consuming thread, and the port's index there.
    consumers: Vec<Option<((u32, u32), u32)>>,
}

impl Successors {
    fn new(ports: &[PlanPort], is_naive: impl Fn(u32, u32) -> bool) -> Self {
        let mut produced: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut consumers = Vec::new();
        for (index, port) in ports.iter().enumerate() {
            if let PlanEnd::Instance { instance, port, entry, .. } = port.producer {
                produced.entry((instance, entry)).or_default().push((port, index));
            }
            consumers.push(match port.consumer {
                PlanEnd::Instance { instance, port, entry, .. } if is_naive(instance, entry) => {
                    Some(((instance, entry), port))
                }
                PlanEnd::Instance { .. } | PlanEnd::BuiltIn(_) => None,
            });
        }
        produced.values_mut().for_each(|ports| ports.sort_unstable());
        Self { produced, consumers }
    }

    fn of(&self, port: usize) -> &[(u32, usize)] {
        let Some((thread, read)) = self.consumers[port] else { return &[] };
        let Some(produced) = self.produced.get(&thread) else { return &[] };
        let first = produced.partition_point(|(written, _)| *written < read);
        &produced[first..]
    }
}
