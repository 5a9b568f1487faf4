//! Manifest and interfaces to a [`Plan`] (`SYS-5`, `SYS-6`, `SYS-8`).
//!
//! Entry point: [`resolve_manifest`]. Wires are in `wires`, parameters in `params`.

use std::collections::{BTreeMap, BTreeSet};

use oro_image::{Direction, Interface, Port};
use oro_sysabi::{BYTES_LAYOUT, CONTROL_LAYOUT, CONTROL_REPLY_LAYOUT, LOG_LAYOUT, TIME_LAYOUT};

use super::control::{check_holders, check_modules};
use super::cycles::find_deadlocks;
use super::diagnostic::{Diagnostic, Report};
use super::entries::{Located, RingQuota};
use super::params::resolve_params;
use super::quotas::check_rings;
use super::scope::Scope;
use super::unique::check_unique;
use super::usage::{check_instance, measure, round_heap};
use super::wires::Wiring;
use super::{Manifest, ResolveOptions};
use crate::rules::{is_params_port, list_names, make_params_ports, shorten};
use crate::{MAX_PORTS, Plan, PlanInstance, PlanPort, PlanRing, RestartOn};

/// Checks everything; the plan is of use only if nothing was reported and every module is there.
pub(super) fn resolve_manifest(
    manifest: &Manifest,
    interfaces: &BTreeMap<String, Interface>,
    options: &ResolveOptions,
    report: &mut Report,
) -> Option<Plan> {
    let loaded = find_interfaces(manifest, interfaces, report);
    let scope = Scope::new(manifest, &loaded, options, report);
    check_unique(&scope, report);

    let mut wiring = Wiring::default();
    for (index, wire) in manifest.wires.iter().enumerate() {
        wiring.add_wire(&scope, wire, index, report);
    }
    report_unwired(manifest, &scope, &wiring, report);
    check_modules(manifest, report);
    check_holders(manifest, &wiring.holders, report);
    let mut params = Vec::new();
    for (index, interface) in loaded.iter().enumerate() {
        let Some(interface) = interface else { continue };
        let entry = &manifest.instances[index];
        let values = resolve_params(entry, interface, report);
        let may_restart = entry.restart.on != RestartOn::Never;
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        let is_wired = |port: &Port| wiring.is_named(index, port);
        params.extend(make_params_ports(number, interface, values, may_restart, is_wired));
    }
    warn_of_deadlocks(manifest, &loaded, &wiring, report);
    warn_of_idle_parts(manifest, report);
    warn_of_empty_rings(manifest, report);

    let ports: Vec<_> = wiring.ports.into_iter().map(|(port, _)| port).chain(params).collect();
    check_port_count(manifest, &ports, report);
    let usages = measure(&manifest.instances, &loaded, &ports);
    for ((entry, interface), usage) in manifest.instances.iter().zip(&loaded).zip(&usages) {
        if interface.is_some() {
            check_instance(entry, usage, report);
        }
    }
    check_rings(manifest, &usages, report);
    make_plan(&scope, ports)
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
            // Ports are compared with those of the module that was meant.
            let meant = report_unknown_module(manifest, &known, module, report);
            meant.and_then(|known| interfaces.get(known))
        }));
    }
    found
}

/// Reports a module that there is not; the one that was probably meant.
pub(super) fn report_unknown_module<'a>(
    manifest: &Manifest,
    known: &BTreeSet<&'a str>,
    module: &Located<String>,
    report: &mut Report,
) -> Option<&'a str> {
    let name = module.value.as_str();
    if manifest.broken_modules.contains(name) || manifest.is_incomplete {
        return None;
    }
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
            None => format!("`[modules]` has {}", list_names(known.iter().copied())),
        }),
    );
    suggestion
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
        let entry = &manifest.instances[index];
        for port in interface.iter().flat_map(|interface| &interface.ports) {
            let is_lost = match port.direction {
                Direction::Producer => lost_from,
                Direction::Consumer => lost_to,
            };
            if port.is_optional || is_lost || is_params_port(port) || wiring.is_named(index, port) {
                continue;
            }
            report.add(
                Diagnostic::error(
                    "SYS-UNWIRED",
                    format!("`{}.{}` is not wired", entry.path, port.name),
                    entry.name.span.clone(),
                    format!("its port `{}` is not optional", port.name),
                )
                .with_help(suggest_wire(&entry.path, port)),
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
        (Direction::Producer, CONTROL_LAYOUT) => (own, "ring.requests".to_owned()),
        (Direction::Producer, _) => (own, "null.bytes".to_owned()),
        (Direction::Consumer, BYTES_LAYOUT) => ("console.stdin".to_owned(), own),
        (Direction::Consumer, TIME_LAYOUT) => ("clock.now".to_owned(), own),
        (Direction::Consumer, CONTROL_REPLY_LAYOUT) => ("ring.replies".to_owned(), own),
        (Direction::Consumer, layout) => {
            return format!(
                "add a `[[wire]]` with `to = \"{own}\"` and `from` a port that produces `{}`",
                shorten(layout)
            );
        }
    };
    format!("add a `[[wire]]`, for example `from = \"{from}\"`, `to = \"{to}\"`")
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
            .map(|(from, to)| (to.span.clone(), format!("`{}` waits here", to.show()), from))
            .collect();
        let Some((span, text, from)) = labels.first() else { continue };
        let message = format!(
            "a cycle of {} naive threads that starts at `{}` can only deadlock",
            cycle.len(),
            from.show()
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
    let named =
        manifest.instances.iter().flat_map(|entry| entry.module.iter().chain(&entry.modules));
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

fn warn_of_empty_rings(manifest: &Manifest, report: &mut Report) {
    // What could not be read may be in it; and where nothing is at all, that has been reported.
    if manifest.is_faulty || manifest.instances.is_empty() {
        return;
    }
    let mut is_used = vec![false; manifest.rings.len()];
    let parents = manifest.rings.iter().filter_map(|ring| ring.parent);
    parents
        .chain(manifest.instances.iter().map(|entry| entry.ring))
        .for_each(|ring| is_used[ring] = true);
    for (ring, _) in manifest.rings.iter().zip(is_used).skip(1).filter(|(_, is_used)| !is_used) {
        report.add(
            Diagnostic::warning(
                "SYS-UNUSED",
                format!("nothing is in the Ring `{}`", ring.path),
                ring.name.span.clone(),
                "empty",
            )
            .with_help(format!(
                "add an instance, `{}`, or leave it out",
                ring.show_table("instance.NAME")
            )),
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

fn make_plan(scope: &Scope<'_>, ports: Vec<PlanPort>) -> Option<Plan> {
    let manifest = scope.manifest;
    let modules: Vec<_> = manifest.modules.iter().map(|module| module.name.clone()).collect();
    let by_name: BTreeMap<_, _> =
        modules.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
    let mut instances = Vec::new();
    for entry in &manifest.instances {
        let find = |module: &Located<String>| {
            by_name.get(module.value.as_str()).and_then(|index| u32::try_from(*index).ok())
        };
        let mut granted: Vec<_> = entry.modules.iter().filter_map(find).collect();
        granted.sort_unstable();
        instances.push(PlanInstance {
            name: entry.name.value.clone(),
            ring: u32::try_from(entry.ring).ok()?,
            module: find(entry.module.as_ref()?)?,
            heap_bytes: round_heap(entry),
            memory_bytes: entry.memory.as_ref().map_or(0, |memory| memory.value),
            restart: entry.restart,
            modules: granted,
        });
    }
    let mut rings = Vec::new();
    for (number, ring) in manifest.rings.iter().enumerate().skip(1) {
        let RingQuota { memory, ports, threads } = &ring.quota;
        rings.push(PlanRing {
            name: ring.name.value.clone(),
            parent: u32::try_from(ring.parent?).ok()?,
            memory_bytes: memory.as_ref().map_or(0, |most| most.value),
            port_count: ports.as_ref().map_or(0, |most| most.value),
            thread_count: threads.as_ref().map_or(0, |most| most.value),
            grants: scope.plan_grants(number),
        });
    }
    Some(Plan { modules, rings, instances, ports })
}
