//! What a [`Plan`] promises to the kernel that takes it, checked (`SYS-9`).
//!
//! Entry point: [`Plan::check`]. It knows nothing of the modules' own declarations.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use core::fmt;

use oro_sysabi::{
    BYTES_LAYOUT, CONTROL_LAYOUT, CONTROL_REPLY_LAYOUT, LOG_LAYOUT, MAX_ENDPOINTS_PER_THREAD,
    MAX_ENTRIES, MAX_LAYOUT_TEXT, MAX_QUEUE_SIZE, MAX_SLOT_ALIGN, MAX_SLOT_COUNT, MAX_SLOT_SIZE,
    PARAMS_LAYOUT, TIME_LAYOUT,
};

use super::{
    BuiltIn, MAX_HEAP_BYTES, MAX_INSTANCES, MAX_MODULES, MAX_PARAM_BYTES, MAX_PARAMS, MAX_PORTS,
    MAX_RESTART_NS, MAX_RING_DEPTH, MAX_RINGS, PAGE_BYTES, Plan, PlanEnd, PlanGrant, PlanInstance,
    PlanPort, PlanRestart, PlanRing, RestartOn,
};
use crate::names::{BUILT_IN_NAMES, RESERVED_NAMES, is_valid_name};
use crate::rules::{PairFault, check_pair};

/// A part of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanItem {
    /// The plan as a whole.
    Plan,
    /// The module with this index.
    Module(usize),
    /// The Ring with this number.
    Ring(usize),
    /// The instance with this index.
    Instance(usize),
    /// The Port with this index.
    Port(usize),
}

/// A promise that a plan breaks: which part, and what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// The part that is wrong.
    pub item: PlanItem,
    /// The rule that it breaks, with its clause.
    pub rule: &'static str,
}

impl fmt::Display for PlanError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.item {
            PlanItem::Plan => write!(formatter, "plan: ")?,
            PlanItem::Module(index) => write!(formatter, "plan, module {index}: ")?,
            PlanItem::Ring(number) => write!(formatter, "plan, Ring {number}: ")?,
            PlanItem::Instance(index) => write!(formatter, "plan, instance {index}: ")?,
            PlanItem::Port(index) => write!(formatter, "plan, Port {index}: ")?,
        }
        formatter.write_str(self.rule)
    }
}

impl core::error::Error for PlanError {}

impl Plan {
    /// Checks everything that a plan promises by itself.
    ///
    /// # Errors
    ///
    /// The first part that breaks a rule.
    pub fn check(&self) -> Result<(), PlanError> {
        let mut used = check_parts(self, false)?;
        check_port_quotas(self)?;
        let [requests, replies] = core::mem::take(&mut used.control);
        match requests.symmetric_difference(&replies).next() {
            None => Ok(()),
            Some(holder) => Err(PlanError {
                item: PlanItem::Instance(usize::try_from(*holder).unwrap_or(usize::MAX)),
                rule: "who is wired to one end of `ring` is to both (CTL-1)",
            }),
        }
    }

    /// Checks what the plan of a system that runs promises: all of that, but that some of it may be
    /// forgotten (`CTL-10`), that what is mounted may have one end of `ring` yet, and that images which different
    /// holders have loaded may have one name ([`Plan::free_module_name`]).
    ///
    /// # Errors
    ///
    /// The first part that breaks a rule.
    pub fn check_running(&self) -> Result<(), PlanError> {
        check_parts(self, true).map(drop)
    }
}

/// Ports against the quotas of Rings (`RING-9`). Memory and threads are not known without the images; and
/// those of a system that runs are held against what it has when something is made.
fn check_port_quotas(plan: &Plan) -> Result<(), PlanError> {
    let mut counts = vec![0_u32; plan.rings.len() + 1];
    for payer in plan.ports.iter().filter_map(PlanPort::payer) {
        // Both exist, by `check_parts`.
        let Some(payer) = plan.instances.get(index_of(payer)) else { continue };
        for ring in plan.ancestry(payer.ring) {
            counts[index_of(ring)] += 1;
        }
    }
    for (number, ring) in (1..).zip(&plan.rings) {
        if ring.port_count != 0 && counts[number] > ring.port_count {
            let rule = "its instances have more Ports than its quota allows (RING-9)";
            return Err(PlanError { item: PlanItem::Ring(number), rule });
        }
    }
    Ok(())
}

/// An index of a plan's lists.
fn index_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Checks each part of a plan; what is forgotten is skipped in that of a system that runs.
fn check_parts(plan: &Plan, is_running: bool) -> Result<Used<'_>, PlanError> {
    check_counts(plan, is_running).map_err(|rule| PlanError { item: PlanItem::Plan, rule })?;
    let mut names = BTreeSet::new();
    let modules = plan.modules.iter().enumerate();
    for (index, name) in modules.filter(|(_, name)| !(is_running && name.is_empty())) {
        let result = check_module(name, is_running || names.insert(name.as_str()));
        result.map_err(|rule| PlanError { item: PlanItem::Module(index), rule })?;
    }
    let mut names = BTreeSet::new();
    let rings = plan.rings.iter().enumerate();
    let rings = rings.filter(|(_, ring)| !(is_running && ring.is_forgotten()));
    for (index, ring) in rings.clone() {
        let is_new = names.insert((ring.parent, ring.name.as_str()));
        let result = check_ring(plan, index, is_new);
        result.map_err(|rule| PlanError { item: PlanItem::Ring(index + 1), rule })?;
    }
    let instances = plan.instances.iter().enumerate();
    for (index, instance) in instances.filter(|(_, own)| !(is_running && own.is_forgotten())) {
        let is_new = names.insert((instance.ring, instance.name.as_str()));
        let result = check_instance(instance, is_new, plan);
        result.map_err(|rule| PlanError { item: PlanItem::Instance(index), rule })?;
    }
    for (index, ring) in rings {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let is_new = ring.grants.iter().all(|grant| names.insert((number, &grant.name)));
        let result = ensure(is_new, "two things of a Ring have the same name")
            .and_then(|()| check_grants(plan, ring));
        result.map_err(|rule| PlanError { item: PlanItem::Ring(index + 1), rule })?;
    }
    let mut used = Used::default();
    let ports = plan.ports.iter().enumerate();
    for (index, port) in ports.filter(|(_, port)| !(is_running && port.is_forgotten())) {
        let result = check_port(port).and_then(|()| used.add_port(port, plan.instances.len()));
        result.map_err(|rule| PlanError { item: PlanItem::Port(index), rule })?;
    }
    Ok(used)
}

/// Limits bound what there is; what is forgotten counts no more.
fn check_counts(plan: &Plan, is_running: bool) -> Result<(), &'static str> {
    let within = |count: usize, most: u32| u32::try_from(count).is_ok_and(|count| count <= most);
    let rings = plan.rings.iter().filter(|ring| !(is_running && ring.is_forgotten())).count();
    let instances = plan.instances.iter();
    let instances = instances.filter(|own| !(is_running && own.is_forgotten())).count();
    let ports = plan.ports.iter().filter(|port| !(is_running && port.is_forgotten())).count();
    let modules = plan.modules.iter().filter(|name| !(is_running && name.is_empty())).count();
    ensure(within(modules, MAX_MODULES), "at most 4096 modules")?;
    ensure(within(rings, MAX_RINGS - 1), "at most 1023 Rings below the root")?;
    ensure(within(instances, MAX_INSTANCES), "at most 4096 instances")?;
    ensure(within(ports, MAX_PORTS), "at most 65536 Ports")
}

fn check_module(name: &str, is_new: bool) -> Result<(), &'static str> {
    ensure(is_valid_name(name), "the name breaks NOTE-6")?;
    ensure(is_new, "another module has the same name")
}

fn check_ring(plan: &Plan, index: usize, is_new: bool) -> Result<(), &'static str> {
    let ring = &plan.rings[index];
    ensure(is_valid_name(&ring.name), "the name breaks NOTE-6")?;
    ensure(!RESERVED_NAMES.contains(&ring.name.as_str()), "the name is a built-in instance's")?;
    ensure(is_new, "two things of a Ring have the same name")?;
    let parent = usize::try_from(ring.parent);
    ensure(parent.is_ok_and(|parent| parent <= index), "a Ring's parent comes before it")?;
    let depth = plan.ancestry(ring.parent).count();
    ensure(depth <= MAX_RING_DEPTH, "Rings lie at most 8 deep below the root (RING-1)")
}

/// Whether a Ring can be granted what it is: instances of its parent, and what that has been granted.
fn check_grants(plan: &Plan, ring: &PlanRing) -> Result<(), &'static str> {
    let sorted = ring.grants.windows(2).all(|pair| pair[0].name < pair[1].name);
    ensure(sorted, "grants are in the order of names")?;
    for grant in &ring.grants {
        match grant.instance {
            None => {
                let name = grant.name.as_str();
                ensure(BUILT_IN_NAMES.contains(&name), "no built-in instance has this name")?;
            }
            Some(instance) => {
                let index = usize::try_from(instance);
                let granted = index.ok().and_then(|index| plan.instances.get(index));
                ensure(granted.is_some(), "there is no such instance")?;
            }
        }
        ensure(plan.has(ring.parent, grant), "a grant is what the parent has (RING-6)")?;
    }
    Ok(())
}

impl Plan {
    /// Whether a Ring has what a grant names: an instance of its own, a built-in one that is the
    /// root's, or something that has been granted to it (`RING-6`).
    pub(crate) fn has(&self, ring: u32, grant: &PlanGrant) -> bool {
        let is_own = match grant.instance {
            None => ring == 0,
            Some(instance) => {
                let index = usize::try_from(instance).ok();
                let own = index.and_then(|index| self.instances.get(index));
                own.is_some_and(|own| own.ring == ring && own.name == grant.name)
            }
        };
        let index = usize::try_from(ring).ok().and_then(|index| index.checked_sub(1));
        let granted = index.and_then(|index| self.rings.get(index));
        is_own || granted.is_some_and(|ring| ring.grants.contains(grant))
    }

    /// Checks that a Port can be added to those of a system that runs, of which `over` are forgotten
    /// then.
    pub(crate) fn check_more(&self, port: &PlanPort, over: &[u32]) -> Result<(), &'static str> {
        check_port(port)?;
        let mut used = Used::default();
        for (index, own) in (0_u32..).zip(&self.ports) {
            if !own.is_forgotten() && !over.contains(&index) {
                used.add_port(own, self.instances.len())?;
            }
        }
        used.add_port(port, self.instances.len())
    }
}

fn check_instance(instance: &PlanInstance, is_new: bool, plan: &Plan) -> Result<(), &'static str> {
    let name = instance.name.as_str();
    ensure(is_valid_name(name), "the name breaks NOTE-6")?;
    ensure(!RESERVED_NAMES.contains(&name), "the name is a built-in instance's (SYS-3)")?;
    ensure(is_new, "two things of a Ring have the same name")?;
    let ring = usize::try_from(instance.ring);
    ensure(ring.is_ok_and(|number| number <= plan.rings.len()), "there is no such Ring")?;
    let module = usize::try_from(instance.module);
    ensure(module.is_ok_and(|index| index < plan.modules.len()), "there is no such module")?;
    ensure(instance.heap_bytes <= MAX_HEAP_BYTES, "a heap has at most 64 GiB")?;
    ensure(instance.heap_bytes.is_multiple_of(PAGE_BYTES), "a heap is whole pages of 4096 bytes")?;
    let count = u32::try_from(plan.modules.len()).unwrap_or(u32::MAX);
    ensure(instance.modules.iter().all(|module| *module < count), "there is no such module")?;
    let is_ascending = instance.modules.is_sorted_by(|module, next| module < next);
    ensure(is_ascending, "modules that may be mounted are in ascending order")?;
    check_restart(&instance.restart)
}

/// The numbers of a policy of restarts (`SYS-10`).
pub(crate) fn check_restart(restart: &PlanRestart) -> Result<(), &'static str> {
    let PlanRestart { on, max, within_ns, backoff_ns } = *restart;
    if on == RestartOn::Never {
        return ensure(*restart == PlanRestart::default(), "no restart has no numbers");
    }
    ensure(max > 0 && within_ns > 0, "a restart's `max` and `within` are not 0 (SYS-10)")?;
    ensure(
        within_ns.max(backoff_ns) <= MAX_RESTART_NS,
        "a restart's times are at most a day (SYS-10)",
    )
}

fn check_port(port: &PlanPort) -> Result<(), &'static str> {
    ensure((1..=MAX_SLOT_SIZE).contains(&port.slot_size_bytes), "a slot has 1 to 16 MiB (LIM-1)")?;
    let padding = port.stride_bytes.checked_sub(port.slot_size_bytes);
    ensure(
        padding.is_some_and(|bytes| bytes < MAX_SLOT_ALIGN) && port.stride_bytes <= MAX_SLOT_SIZE,
        "the stride is the slot size rounded up to the alignment (LIM-4)",
    )?;
    ensure(
        port.slot_count.is_power_of_two() && port.slot_count <= MAX_SLOT_COUNT,
        "a slot count is a power of two, at most 2^20 (LIM-3)",
    )?;
    ensure(
        u64::from(port.slot_count) * u64::from(port.stride_bytes) <= MAX_QUEUE_SIZE,
        "a queue has at most 256 MiB (LIM-2)",
    )?;
    let text_length = u32::try_from(port.layout.len());
    ensure(
        text_length.is_ok_and(|bytes| (1..=MAX_LAYOUT_TEXT).contains(&bytes)),
        "a layout text has 1 to 4095 bytes (LIM-9)",
    )?;
    ensure(port.layout.bytes().all(|byte| byte.is_ascii_graphic()), "a layout text breaks TYPE-1")?;
    check_built_in(&port.producer, true, &port.layout)?;
    check_built_in(&port.consumer, false, &port.layout)
}

/// Checks that a built-in end stands on the right side and carries its own type.
fn check_built_in(end: &PlanEnd, is_producer: bool, layout: &str) -> Result<(), &'static str> {
    let PlanEnd::BuiltIn(built_in) = end else { return Ok(()) };
    let (produces, own_layout) = match built_in {
        BuiltIn::Stdin | BuiltIn::FileRead(_) | BuiltIn::NullSource => (true, BYTES_LAYOUT),
        BuiltIn::Stdout | BuiltIn::FileWrite(_) => (false, BYTES_LAYOUT),
        BuiltIn::Log => (false, LOG_LAYOUT),
        BuiltIn::NullSink => (false, layout),
        BuiltIn::Clock => (true, TIME_LAYOUT),
        BuiltIn::RingRequests => (false, CONTROL_LAYOUT),
        BuiltIn::RingReplies => (true, CONTROL_REPLY_LAYOUT),
        BuiltIn::Params(_) => (true, PARAMS_LAYOUT),
    };
    ensure(produces == is_producer, "a built-in end stands on its wrong side")?;
    ensure(layout == own_layout, "a built-in end carries its own type only")?;
    match built_in {
        BuiltIn::FileRead(name) | BuiltIn::FileWrite(name) => {
            ensure(is_valid_name(name), "the file's name breaks NOTE-6")
        }
        BuiltIn::Params(params) => {
            let count = u32::try_from(params.len());
            ensure(count.is_ok_and(|count| count <= MAX_PARAMS), "at most 1024 parameters")?;
            let mut keys = BTreeSet::new();
            for (key, value) in params {
                ensure(is_valid_name(key), "a parameter's name breaks NOTE-6")?;
                ensure(keys.insert(key.as_str()), "a parameter is given twice")?;
                let is_short = key.len().saturating_add(value.len()) <= MAX_PARAM_BYTES;
                ensure(is_short, "a parameter has at most 248 bytes (TYPE-11)")?;
            }
            Ok(())
        }
        BuiltIn::Stdin
        | BuiltIn::Stdout
        | BuiltIn::Log
        | BuiltIn::NullSource
        | BuiltIn::NullSink
        | BuiltIn::Clock
        | BuiltIn::RingRequests
        | BuiltIn::RingReplies => Ok(()),
    }
}

/// What the Ports seen so far have taken.
#[derive(Default)]
struct Used<'a> {
    /// Instance and port index.
    ports: BTreeSet<(u32, u32)>,
    /// Endpoints of each instance and entry.
    threads: BTreeMap<(u32, u32), u32>,
    stdin: bool,
    stdout: bool,
    files_read: BTreeSet<&'a str>,
    files_written: BTreeSet<&'a str>,
    /// Instances that are wired to `ring.requests`, and to `ring.replies`.
    control: [BTreeSet<u32>; 2],
}

impl<'a> Used<'a> {
    fn add_port(&mut self, port: &'a PlanPort, instance_count: usize) -> Result<(), &'static str> {
        check_pair(&port.producer, &port.consumer).map_err(|fault| match fault {
            PairFault::BuiltIns => "one end at least is an instance's (SYS-5)",
            PairFault::OneThread => "a Port joins two threads, not one with itself (SYS-5)",
        })?;
        self.add_end(&port.producer, instance_count)?;
        self.add_end(&port.consumer, instance_count)?;
        self.add_control(port)
    }

    fn add_control(&mut self, port: &PlanPort) -> Result<(), &'static str> {
        let (holder, side) = match (&port.producer, &port.consumer) {
            (PlanEnd::Instance { instance, .. }, PlanEnd::BuiltIn(BuiltIn::RingRequests)) => {
                (*instance, 0)
            }
            (PlanEnd::BuiltIn(BuiltIn::RingReplies), PlanEnd::Instance { instance, .. }) => {
                (*instance, 1)
            }
            _ => return Ok(()),
        };
        ensure(self.control[side].insert(holder), "each end of `ring` is wired once (CTL-1)")
    }

    fn add_end(&mut self, end: &'a PlanEnd, instance_count: usize) -> Result<(), &'static str> {
        match end {
            PlanEnd::Instance { instance, port, entry, element } => {
                let index = usize::try_from(*instance);
                ensure(
                    index.is_ok_and(|index| index < instance_count),
                    "there is no such instance",
                )?;
                ensure(*entry < MAX_ENTRIES, "an entry's index is at most 63 (LIM-7)")?;
                ensure(element <= port, "an element's port index is at least its number")?;
                ensure(self.ports.insert((*instance, *port)), "a port is wired twice (SYS-5)")?;
                let endpoints = self.threads.entry((*instance, *entry)).or_default();
                *endpoints += 1;
                ensure(*endpoints <= MAX_ENDPOINTS_PER_THREAD, ENDPOINT_RULE)
            }
            PlanEnd::BuiltIn(BuiltIn::Stdin) => {
                ensure(!core::mem::replace(&mut self.stdin, true), "one wire from console.stdin")
            }
            PlanEnd::BuiltIn(BuiltIn::Stdout) => {
                ensure(!core::mem::replace(&mut self.stdout, true), "one wire to console.stdout")
            }
            PlanEnd::BuiltIn(BuiltIn::FileRead(name)) => {
                self.files_read.insert(name);
                ensure(!self.files_written.contains(name.as_str()), FILE_RULE)
            }
            PlanEnd::BuiltIn(BuiltIn::FileWrite(name)) => {
                let is_new = self.files_written.insert(name);
                ensure(is_new && !self.files_read.contains(name.as_str()), FILE_RULE)
            }
            PlanEnd::BuiltIn(
                BuiltIn::Log
                | BuiltIn::NullSource
                | BuiltIn::NullSink
                | BuiltIn::Clock
                | BuiltIn::RingRequests
                | BuiltIn::RingReplies
                | BuiltIn::Params(_),
            ) => Ok(()),
        }
    }
}

/// A thread has too many endpoints.
pub(crate) const ENDPOINT_RULE: &str = "a thread has at most 256 endpoints (LIM-5)";
const FILE_RULE: &str = "a file is written by one wire, or read by any number (BUILTIN-3)";

fn ensure(holds: bool, rule: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(rule) }
}
