//! `oro check`: what is in a system or a module, or all that is wrong with it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use oro_image::{Direction, Image, Interface, Param, ParamKind, Port};
use oro_system::{BuiltIn, Plan, PlanEnd, PlanPort, PlanRestart, PlanRing, RestartOn};
use serde::Serialize;

use crate::args::CheckArguments;
use crate::exit;
use crate::load::{MissingFiles, System, is_manifest, load_module, load_system};
use crate::output::{count_things, escape_controls, show_json, stderr_style, write_data};
use crate::problem::{Problem, ProblemRecord, has_error, show_problems};

/// What was found in the input.
enum Found {
    System(Box<System>),
    Module(Box<Image>),
}

/// Runs the command and gives the exit code.
pub(crate) fn check_input(arguments: &CheckArguments) -> u8 {
    let path = arguments.input.as_path();
    let is_system = is_manifest(path);
    let (found, problems) = if is_system {
        let (system, problems) = load_system(path, &arguments.files, MissingFiles::Allow);
        (system.map(|system| Found::System(Box::new(system))), problems)
    } else {
        match load_module(path) {
            Ok(image) => (Some(Found::Module(Box::new(image))), Vec::new()),
            Err(problem) => (None, vec![problem]),
        }
    };
    let code = if has_error(&problems) { exit::BAD_INPUT } else { exit::OK };
    if arguments.json {
        return write_data(&show_json(&Record::new(path, is_system, &found, &problems)), code);
    }
    show_problems(&problems, stderr_style());
    match &found {
        Some(Found::System(system)) => write_data(&show_system(path, system), code),
        Some(Found::Module(image)) => write_data(&show_module(path, image), code),
        None => code,
    }
}

fn show_system(path: &Path, system: &System) -> String {
    let plan = &system.plan;
    let mut text = format!(
        "system {}: {}, {}, {}\n",
        path.display(),
        count_things(plan.modules.len(), "module"),
        count_things(plan.instances.len(), "instance"),
        count_things(plan.ports.len(), "Port")
    );
    if !plan.rings.is_empty() {
        text.push_str("Rings\n");
    }
    for ring in &plan.rings {
        let _ = writeln!(text, "  {}{}", name_ring(plan, ring), show_bounds(ring));
    }
    text.push_str("instances\n");
    for (index, instance) in plan.instances.iter().enumerate() {
        let module = name_module(system, index);
        let _ = write!(text, "  {}  module {module}", plan.path(index));
        if instance.heap_bytes > 0 {
            let _ = write!(text, ", heap {}", show_size(instance.heap_bytes));
        }
        if instance.memory_bytes > 0 {
            let _ = write!(text, ", memory at most {}", show_size(instance.memory_bytes));
        }
        text.push_str(&show_restart(&instance.restart));
        text.push('\n');
    }
    text.push_str("wires\n");
    for port in &plan.ports {
        let producer = name_end(system, &port.producer);
        let consumer = name_end(system, &port.consumer);
        let size = show_size(port.slot_size_bytes.into());
        let forced = if port.is_forced_synchronous { ", synchronous" } else { "" };
        let drops = if port.drops_at_restart { ", dropped at a restart" } else { "" };
        let _ = writeln!(
            text,
            "  {producer} -> {consumer}  {}, {} of {size}{forced}{drops}",
            name_type(&port.layout),
            count_things(port.slot_count, "slot")
        );
    }
    text
}

/// A Ring's name with those that it is in.
fn name_ring(plan: &Plan, ring: &PlanRing) -> String {
    let outer = plan.ancestry(ring.parent).filter_map(|parent| {
        let index = usize::try_from(parent).ok()?.checked_sub(1)?;
        plan.rings.get(index)
    });
    let mut path = ring.name.clone();
    for outer in outer {
        path = format!("{}/{path}", outer.name);
    }
    path
}

/// What a Ring is granted, and what it may have at most.
fn show_bounds(ring: &PlanRing) -> String {
    let mut text = String::new();
    let grants: Vec<&str> = ring.grants.iter().map(|grant| grant.name.as_str()).collect();
    if !grants.is_empty() {
        let _ = write!(text, "  granted {}", grants.join(", "));
    }
    if ring.memory_bytes > 0 {
        let _ = write!(text, "  memory at most {}", show_size(ring.memory_bytes));
    }
    for (count, thing) in [(ring.port_count, "Port"), (ring.thread_count, "thread")] {
        if count > 0 {
            let _ = write!(text, "  at most {}", count_things(count, thing));
        }
    }
    text
}

/// Whether and when an instance is restarted (`SYS-10`).
fn show_restart(restart: &PlanRestart) -> String {
    let after = match restart.on {
        RestartOn::Never => return String::new(),
        RestartOn::Fault => "a fault",
        RestartOn::Always => "every end",
    };
    format!(
        ", restarted after {after} (max {}, within {:?}, backoff {:?})",
        restart.max,
        Duration::from_nanos(restart.within_ns),
        Duration::from_nanos(restart.backoff_ns)
    )
}

fn show_module(path: &Path, image: &Image) -> String {
    let interface = &image.interface;
    let machine = image.machine.name();
    let path = path.display();
    if interface.is_legacy {
        let mut text = format!("module without Oro notes, {path} ({machine}): no ports\n");
        show_entries(&mut text, interface);
        return text;
    }
    let mut text = format!("module {}, {path} ({machine})\n", interface.name);
    show_entries(&mut text, interface);
    if !interface.ports.is_empty() {
        text.push_str("ports\n");
    }
    for port in &interface.ports {
        let entry = usize::try_from(port.entry).ok().and_then(|index| interface.entries.get(index));
        let entry = entry.map_or("?", |entry| entry.name.as_str());
        let count = if port.max > 1 { format!("[{}]", port.max) } else { String::new() };
        let optional = if port.is_optional { ", optional" } else { "" };
        let _ = writeln!(
            text,
            "  {}{count}  {} of {entry}{optional}  {}",
            port.name,
            name_direction(port.direction),
            port.layout
        );
    }
    if !interface.params.is_empty() {
        text.push_str("params\n");
    }
    for param in &interface.params {
        let default = param
            .default
            .as_ref()
            .map_or_else(|| "required".to_owned(), |value| format!("default {value:?}"));
        let help = escape_controls(&param.help);
        let _ = writeln!(text, "  {}  {}, {default}  {help}", param.name, name_kind(param.kind));
    }
    text
}

fn show_entries(text: &mut String, interface: &Interface) {
    text.push_str("entries\n");
    for entry in &interface.entries {
        let kind = if entry.is_managed { "managed" } else { "naive" };
        let status = if entry.returns_status { ", returns its status" } else { "" };
        let stack = show_size(entry.stack_size_bytes);
        let _ = writeln!(text, "  {}  {kind}, stack {stack}{status}", entry.name);
    }
}

/// A size as `64K`, or in bytes where no unit fits.
fn show_size(size_bytes: u64) -> String {
    for (shift, unit) in [(30, 'G'), (20, 'M'), (10, 'K')] {
        if size_bytes > 0 && size_bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", size_bytes >> shift);
        }
    }
    format!("{size_bytes} bytes")
}

/// The name of a type out of its layout text.
fn name_type(layout: &str) -> &str {
    layout.split_once('{').map_or(layout, |(name, _)| name)
}

fn name_direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Producer => "producer",
        Direction::Consumer => "consumer",
    }
}

fn name_kind(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Text => "text",
        ParamKind::Unsigned => "unsigned",
        ParamKind::Signed => "signed",
        ParamKind::Boolean => "boolean",
    }
}

fn name_module(system: &System, instance: usize) -> &str {
    let instance = system.plan.instances.get(instance);
    let module = instance.and_then(|instance| usize::try_from(instance.module).ok());
    module.and_then(|module| system.plan.modules.get(module)).map_or("?", String::as_str)
}

/// An end as a manifest writes it.
pub(crate) fn name_end(system: &System, end: &PlanEnd) -> String {
    match end {
        PlanEnd::Instance { instance, port, element, .. } => {
            name_port(system, *instance, *port, *element).unwrap_or_else(|| "?".to_owned())
        }
        PlanEnd::BuiltIn(BuiltIn::Params(params)) => format!("params ({})", params.len()),
        PlanEnd::BuiltIn(built_in) => built_in.name(),
    }
}

fn name_port(system: &System, instance: u32, port: u32, element: u32) -> Option<String> {
    let index = usize::try_from(instance).ok()?;
    let instance = system.plan.instances.get(index)?;
    let image = system.images.get(usize::try_from(instance.module).ok()?)?;
    let is_it = |found: &&Port| (found.index..found.index + found.max).contains(&port);
    let port = image.interface.ports.iter().find(is_it)?;
    let element = if port.max > 1 { format!("[{element}]") } else { String::new() };
    Some(format!("{}.{}{element}", system.plan.path(index), port.name))
}

#[derive(Serialize)]
struct Record<'a> {
    schema: &'static str,
    path: String,
    kind: &'static str,
    ok: bool,
    diagnostics: Vec<ProblemRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<ModuleRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<SystemRecord<'a>>,
}

#[derive(Serialize)]
struct ModuleRecord<'a> {
    name: &'a str,
    machine: &'static str,
    is_legacy: bool,
    entries: Vec<EntryRecord<'a>>,
    ports: Vec<PortRecord<'a>>,
    params: Vec<ParamRecord<'a>>,
}

#[derive(Serialize)]
struct EntryRecord<'a> {
    name: &'a str,
    kind: &'static str,
    stack_size_bytes: u64,
    returns_status: bool,
}

#[derive(Serialize)]
struct PortRecord<'a> {
    index: u32,
    name: &'a str,
    entry: u32,
    direction: &'static str,
    max: u32,
    is_optional: bool,
    is_flexible: bool,
    slot_size_bytes: u32,
    layout: &'a str,
}

#[derive(Serialize)]
struct ParamRecord<'a> {
    name: &'a str,
    kind: &'static str,
    default: Option<&'a str>,
    help: &'a str,
}

#[derive(Serialize)]
struct SystemRecord<'a> {
    modules: &'a [String],
    rings: Vec<RingRecord<'a>>,
    instances: Vec<InstanceRecord<'a>>,
    wires: Vec<WireRecord<'a>>,
}

/// A Ring below the root; quotas of 0 are none.
#[derive(Serialize)]
struct RingRecord<'a> {
    name: String,
    memory_bytes: u64,
    ports: u32,
    threads: u32,
    grants: Vec<&'a str>,
}

#[derive(Serialize)]
struct InstanceRecord<'a> {
    name: String,
    module: &'a str,
    heap_bytes: u64,
    memory_bytes: u64,
    restart: Option<RestartRecord>,
}

#[derive(Serialize)]
struct RestartRecord {
    on: &'static str,
    max: u32,
    within_ns: u64,
    backoff_ns: u64,
}

#[derive(Serialize)]
struct WireRecord<'a> {
    from: String,
    to: String,
    slot_count: u32,
    slot_size_bytes: u32,
    is_forced_synchronous: bool,
    drops_at_restart: bool,
    layout: &'a str,
}

impl<'a> Record<'a> {
    fn new(
        path: &Path,
        is_system: bool,
        found: &'a Option<Found>,
        problems: &'a [Problem],
    ) -> Self {
        let (mut module, mut system) = (None, None);
        match found {
            Some(Found::Module(image)) => module = Some(ModuleRecord::from(image.as_ref())),
            Some(Found::System(found)) => system = Some(SystemRecord::from(found.as_ref())),
            None => {}
        }
        Self {
            schema: "oro.check.v1",
            path: path.display().to_string(),
            kind: if is_system { "system" } else { "module" },
            ok: !has_error(problems),
            diagnostics: problems.iter().map(ProblemRecord::from).collect(),
            module,
            system,
        }
    }
}

impl<'a> From<&'a Image> for ModuleRecord<'a> {
    fn from(image: &'a Image) -> Self {
        let interface = &image.interface;
        let entries = interface.entries.iter().map(|entry| EntryRecord {
            name: &entry.name,
            kind: if entry.is_managed { "managed" } else { "naive" },
            stack_size_bytes: entry.stack_size_bytes,
            returns_status: entry.returns_status,
        });
        Self {
            name: &interface.name,
            machine: image.machine.name(),
            is_legacy: interface.is_legacy,
            entries: entries.collect(),
            ports: interface.ports.iter().map(PortRecord::from).collect(),
            params: interface.params.iter().map(ParamRecord::from).collect(),
        }
    }
}

impl<'a> From<&'a Port> for PortRecord<'a> {
    fn from(port: &'a Port) -> Self {
        Self {
            index: port.index,
            name: &port.name,
            entry: port.entry,
            direction: name_direction(port.direction),
            max: port.max,
            is_optional: port.is_optional,
            is_flexible: port.is_flexible,
            slot_size_bytes: port.slot_size_bytes,
            layout: &port.layout,
        }
    }
}

impl<'a> From<&'a Param> for ParamRecord<'a> {
    fn from(param: &'a Param) -> Self {
        Self {
            name: &param.name,
            kind: name_kind(param.kind),
            default: param.default.as_deref(),
            help: &param.help,
        }
    }
}

impl<'a> RingRecord<'a> {
    fn new(plan: &Plan, ring: &'a PlanRing) -> Self {
        Self {
            name: name_ring(plan, ring),
            memory_bytes: ring.memory_bytes,
            ports: ring.port_count,
            threads: ring.thread_count,
            grants: ring.grants.iter().map(|grant| grant.name.as_str()).collect(),
        }
    }
}

impl RestartRecord {
    /// Of an instance that may be restarted.
    fn new(restart: &PlanRestart) -> Option<Self> {
        let on = match restart.on {
            RestartOn::Never => return None,
            RestartOn::Fault => "fault",
            RestartOn::Always => "always",
        };
        let &PlanRestart { max, within_ns, backoff_ns, .. } = restart;
        Some(Self { on, max, within_ns, backoff_ns })
    }
}

impl<'a> From<&'a System> for SystemRecord<'a> {
    fn from(system: &'a System) -> Self {
        let plan = &system.plan;
        let instances = plan.instances.iter().enumerate().map(|(index, instance)| InstanceRecord {
            name: plan.path(index),
            module: name_module(system, index),
            heap_bytes: instance.heap_bytes,
            memory_bytes: instance.memory_bytes,
            restart: RestartRecord::new(&instance.restart),
        });
        let wire = |port: &'a PlanPort| WireRecord {
            from: name_end(system, &port.producer),
            to: name_end(system, &port.consumer),
            slot_count: port.slot_count,
            slot_size_bytes: port.slot_size_bytes,
            is_forced_synchronous: port.is_forced_synchronous,
            drops_at_restart: port.drops_at_restart,
            layout: &port.layout,
        };
        Self {
            modules: &plan.modules,
            rings: plan.rings.iter().map(|ring| RingRecord::new(plan, ring)).collect(),
            instances: instances.collect(),
            wires: plan.ports.iter().map(wire).collect(),
        }
    }
}
