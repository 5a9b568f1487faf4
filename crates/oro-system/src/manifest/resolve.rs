//! Manifest and interfaces to a [`Plan`] (`SYS-5`, `SYS-6`, `SYS-8`).
//!
//! Entry point: [`resolve_manifest`]. Wires are in `wires`, parameters in `params`.

use std::collections::{BTreeMap, BTreeSet};

use oro_image::{Direction, Interface, Port};
use oro_sysabi::{
    BYTES_LAYOUT, CELL_COUNT, LOG_LAYOUT, MAX_ENDPOINTS_PER_THREAD, PARAMS_LAYOUT, TIME_LAYOUT,
};

use super::cycles::find_deadlocks;
use super::diagnostic::{Diagnostic, Report};
use super::entries::InstanceEntry;
use super::params::{ParamsByPort, resolve_params};
use super::table::{list_names, shorten};
use super::wires::{Scope, Wiring, show_end};
use super::{Manifest, ResolveOptions};
use crate::{BuiltIn, MAX_PORTS, PAGE_BYTES, Plan, PlanEnd, PlanInstance, PlanPort, RestartOn};

/// Slots of a Port for parameters.
const PARAMS_SLOTS: u32 = 4;
/// Bytes of a message of `oro.params.v1` (`TYPE-11`).
const PARAMS_SLOT_SIZE: u32 = 256;

/// Checks everything; the plan is of use only if nothing was reported and every module is there.
pub(super) fn resolve_manifest(
    manifest: &Manifest,
    interfaces: &BTreeMap<String, Interface>,
    options: &ResolveOptions,
    report: &mut Report,
) -> Option<Plan> {
    let loaded = find_interfaces(manifest, interfaces, report);
    let by_name = manifest.instances.iter().enumerate();
    let by_name = by_name.map(|(index, entry)| (entry.name.value.as_str(), index)).collect();
    let scope = Scope { instances: &manifest.instances, interfaces: &loaded, by_name, options };

    let mut wiring = Wiring::default();
    for (index, wire) in manifest.wires.iter().enumerate() {
        wiring.add_wire(&scope, wire, index, report);
    }
    report_unwired(manifest, &scope, &wiring, report);
    let mut params = Vec::new();
    for (index, interface) in loaded.iter().enumerate() {
        let Some(interface) = interface else { continue };
        let entry = &manifest.instances[index];
        let values = resolve_params(entry, interface, report);
        let may_restart = entry.restart.on != RestartOn::Never;
        params.extend(wire_params(index, interface, values, may_restart, &wiring));
    }
    warn_of_deadlocks(manifest, &loaded, &wiring, report);
    warn_of_idle_parts(manifest, report);

    let ports: Vec<_> = wiring.ports.into_iter().map(|(port, _)| port).chain(params).collect();
    check_port_count(manifest, &ports, report);
    for (index, interface) in loaded.iter().enumerate() {
        let Some(interface) = interface else { continue };
        check_instance(&manifest.instances[index], index, interface, &ports, report);
    }
    make_plan(manifest, ports)
}

/// The interface of each instance's module; unknown modules are reported.
fn find_interfaces<'a>(
    manifest: &Manifest,
    interfaces: &'a BTreeMap<String, Interface>,
    report: &mut Report,
) -> Vec<Option<&'a Interface>> {
    let known: BTreeSet<_> = manifest.modules.iter().map(|module| module.name.as_str()).collect();
    let mut found = Vec::new();
    for entry in &manifest.instances {
        let module = entry.module.as_ref();
        found.push(module.and_then(|module| {
            let name = module.value.as_str();
            if known.contains(name) {
                return interfaces.get(name);
            }
            if !manifest.broken_modules.contains(name) && !manifest.is_incomplete {
                let suggestion = report.suggest(name, known.iter().copied());
                report.add(
                    Diagnostic::error(
                        "SYS-UNKNOWN-MODULE",
                        format!("there is no module `{}`", shorten(name)),
                        module.span.clone(),
                        "unknown module",
                    )
                    .with_help(match suggestion {
                        Some(known) => format!("did you mean `{known}`?"),
                        None => {
                            format!("`[modules]` has {}", list_names(known.iter().copied()))
                        }
                    }),
                );
                // Ports are compared with those of the module that was meant.
                return suggestion.and_then(|known| interfaces.get(known));
            }
            None
        }));
    }
    found
}

/// Reports ports that no wire names. Nothing is said of a direction in which a wire has an end
/// that could not be read: it may be the one that is missing.
fn report_unwired(manifest: &Manifest, scope: &Scope<'_>, wiring: &Wiring, report: &mut Report) {
    if manifest.is_incomplete {
        return;
    }
    let lost_from = manifest.wires.iter().any(|wire| wire.from.is_none());
    let lost_to = manifest.wires.iter().any(|wire| wire.to.is_none());
    for (index, interface) in scope.interfaces.iter().enumerate() {
        let entry = &scope.instances[index];
        for port in interface.iter().flat_map(|interface| &interface.ports) {
            let is_lost = match port.direction {
                Direction::Producer => lost_from,
                Direction::Consumer => lost_to,
            };
            let is_params = port.direction == Direction::Consumer && port.layout == PARAMS_LAYOUT;
            if port.is_optional || is_lost || is_params || wiring.is_named(index, port) {
                continue;
            }
            report.add(
                Diagnostic::error(
                    "SYS-UNWIRED",
                    format!("`{}.{}` is not wired", entry.name.value, port.name),
                    entry.name.span.clone(),
                    format!("its port `{}` is not optional", port.name),
                )
                .with_help(suggest_wire(&entry.name.value, port)),
            );
        }
    }
}

/// A wire that would do, to the built-in instance that fits the type.
fn suggest_wire(instance: &str, port: &Port) -> String {
    let element = if port.max > 1 { "[0]" } else { "" };
    let own = format!("{instance}.{}{element}", port.name);
    let (from, to) = match (port.direction, port.layout.as_str()) {
        (Direction::Producer, BYTES_LAYOUT) => (own, "console.stdout".to_owned()),
        (Direction::Producer, LOG_LAYOUT) => (own, "console.log".to_owned()),
        (Direction::Producer, _) => (own, "null.bytes".to_owned()),
        (Direction::Consumer, BYTES_LAYOUT) => ("console.stdin".to_owned(), own),
        (Direction::Consumer, TIME_LAYOUT) => ("clock.now".to_owned(), own),
        (Direction::Consumer, layout) => {
            return format!(
                "add a `[[wire]]` with `to = \"{own}\"` and `from` a port that produces `{}`",
                shorten(layout)
            );
        }
    };
    format!("add a `[[wire]]`, for example `from = \"{from}\"`, `to = \"{to}\"`")
}

/// The Ports through which an instance's parameters come, wired by the system itself. One that no
/// PARAM note names, and no wire, carries none.
fn wire_params(
    instance: usize,
    interface: &Interface,
    mut values: ParamsByPort,
    may_restart: bool,
    wiring: &Wiring,
) -> Vec<PlanPort> {
    let is_params = |port: &&Port| {
        port.direction == Direction::Consumer
            && port.layout == PARAMS_LAYOUT
            && !wiring.is_named(instance, port)
    };
    let wire = |port: &Port| PlanPort {
        slot_size_bytes: PARAMS_SLOT_SIZE,
        stride_bytes: PARAMS_SLOT_SIZE,
        slot_count: PARAMS_SLOTS,
        is_forced_synchronous: false,
        // A replacement is sent all of them anew (TYPE-11).
        drops_at_restart: may_restart,
        layout: PARAMS_LAYOUT.to_owned(),
        producer: PlanEnd::BuiltIn(BuiltIn::Params(values.remove(&port.index).unwrap_or_default())),
        consumer: PlanEnd::Instance {
            instance: u32::try_from(instance).unwrap_or(u32::MAX),
            port: port.index,
            entry: port.entry,
            element: 0,
        },
    };
    interface.ports.iter().filter(is_params).map(wire).collect()
}

fn warn_of_deadlocks(
    manifest: &Manifest,
    loaded: &[Option<&Interface>],
    wiring: &Wiring,
    report: &mut Report,
) {
    let ports: Vec<_> = wiring.ports.iter().map(|(port, _)| port.clone()).collect();
    let is_naive = |instance: u32, entry: u32| {
        let interface = usize::try_from(instance).ok().and_then(|index| *loaded.get(index)?);
        let entry = usize::try_from(entry).ok().and_then(|index| interface?.entries.get(index));
        entry.is_some_and(|entry| !entry.is_managed)
    };
    for mut cycle in find_deadlocks(&ports, is_naive) {
        let first = cycle.iter().enumerate().min_by_key(|(_, port)| **port);
        let first = first.map_or(0, |(position, _)| position);
        cycle.rotate_left(first);
        let ends = cycle.iter().filter_map(|port| {
            let wire = manifest.wires.get(wiring.ports.get(*port)?.1)?;
            Some((wire.from.as_ref()?, wire.to.as_ref()?))
        });
        let labels: Vec<_> = ends
            .take(8)
            .map(|(from, to)| (to.span.clone(), format!("`{}` waits here", show_end(to)), from))
            .collect();
        let Some((span, text, from)) = labels.first() else { continue };
        let message = format!(
            "a cycle of {} naive threads that starts at `{}` can only deadlock",
            cycle.len(),
            show_end(from)
        );
        let warning = Diagnostic::warning("SYS-DEADLOCK", message, span.clone(), text);
        let more = labels.iter().skip(1);
        let warning =
            more.fold(warning, |warning, (span, text, _)| warning.with_label(span.clone(), text));
        report.add(warning.with_help(
            "each reads before it writes, as its ports are declared: let one of them write first \
             and declare that port first, or make it a managed thread (SYS-8)",
        ));
    }
}

fn warn_of_idle_parts(manifest: &Manifest, report: &mut Report) {
    if manifest.instances.is_empty() && !manifest.is_faulty {
        report.add(
            Diagnostic::error("SYS-EMPTY", "the system has no instance", 0..0, "nothing would run")
                .with_help("add `[instance.NAME]` with `module = \"name\"`"),
        );
    }
    let known: BTreeSet<_> = manifest.modules.iter().map(|module| module.name.as_str()).collect();
    let named = manifest.instances.iter().filter_map(|entry| entry.module.as_ref());
    let named: BTreeSet<_> = named.map(|module| module.value.as_str()).collect();
    // A name that is misspelt may be the very one that seems to be unused.
    if manifest.is_faulty || !named.is_subset(&known) {
        return;
    }
    for module in manifest.modules.iter().filter(|module| !named.contains(module.name.as_str())) {
        report.add(
            Diagnostic::warning(
                "SYS-UNUSED",
                format!("no instance runs the module `{}`", module.name),
                module.span.clone(),
                "never used",
            )
            .with_help("add an instance of it, or leave it out"),
        );
    }
}

fn check_port_count(manifest: &Manifest, ports: &[PlanPort], report: &mut Report) {
    let most = usize::try_from(MAX_PORTS).unwrap_or(usize::MAX);
    if ports.len() > most
        && let Some(last) = manifest.instances.last()
    {
        report.add(
            Diagnostic::error(
                "SYS-LIMIT",
                format!("{} Ports, those for parameters included, are too many", ports.len()),
                last.name.span.clone(),
                "the last instance",
            )
            .with_help(format!("a system has at most {MAX_PORTS} Ports")),
        );
    }
}

/// Checks what a system's wires ask of one instance: endpoints of each thread, and memory.
fn check_instance(
    entry: &InstanceEntry,
    index: usize,
    interface: &Interface,
    ports: &[PlanPort],
    report: &mut Report,
) {
    let (mut cell_bytes, mut queue_bytes) = (0_u64, 0_u64);
    let mut endpoints: BTreeMap<u32, u32> = BTreeMap::new();
    for port in ports {
        if port.payer().is_some_and(|payer| usize::try_from(payer) == Ok(index)) {
            queue_bytes += port.queue_bytes().next_multiple_of(PAGE_BYTES);
        }
        for end in [&port.producer, &port.consumer] {
            let PlanEnd::Instance { instance, entry, .. } = end else { continue };
            if usize::try_from(*instance) == Ok(index) {
                *endpoints.entry(*entry).or_default() += 1;
                let cell = u64::from(port.slot_size_bytes).next_multiple_of(PAGE_BYTES);
                cell_bytes += cell * u64::from(CELL_COUNT);
            }
        }
    }
    for (thread, count) in endpoints.iter().filter(|(_, c)| **c > MAX_ENDPOINTS_PER_THREAD) {
        report.add(
            Diagnostic::error(
                "SYS-LIMIT",
                format!("entry {thread} of `{}` has {count} wired ports", entry.name.value),
                entry.name.span.clone(),
                "too many",
            )
            .with_help(format!("a thread has at most {MAX_ENDPOINTS_PER_THREAD} (LIM-5)")),
        );
    }
    let Some(memory) = &entry.memory else { return };
    let heap_bytes = round_heap(entry);
    let stacks = interface.entries.iter().map(|entry| entry.stack_size_bytes);
    let stack_bytes = stacks.fold(0, u64::saturating_add);
    let own = heap_bytes.saturating_add(stack_bytes);
    let least = own.saturating_add(cell_bytes).saturating_add(queue_bytes);
    if least > memory.value {
        report.add(
            Diagnostic::error(
                "SYS-QUOTA",
                format!("`{}` needs more memory than its quota", entry.name.value),
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

/// The heap in whole pages; its limit has been checked.
fn round_heap(entry: &InstanceEntry) -> u64 {
    let bytes = entry.heap.as_ref().map_or(0, |heap| heap.value);
    bytes.checked_next_multiple_of(PAGE_BYTES).unwrap_or(u64::MAX)
}

fn make_plan(manifest: &Manifest, ports: Vec<PlanPort>) -> Option<Plan> {
    let modules: Vec<_> = manifest.modules.iter().map(|module| module.name.clone()).collect();
    let by_name: BTreeMap<_, _> =
        modules.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    let mut instances = Vec::new();
    for entry in &manifest.instances {
        let module = by_name.get(entry.module.as_ref()?.value.as_str())?;
        instances.push(PlanInstance {
            name: entry.name.value.clone(),
            ring: 0,
            module: u32::try_from(*module).ok()?,
            heap_bytes: round_heap(entry),
            memory_bytes: entry.memory.as_ref().map_or(0, |memory| memory.value),
            restart: entry.restart,
        });
    }
    Some(Plan { modules, rings: Vec::new(), instances, ports })
}
