//! `oro ring`: requests of Ring control to a running system (`CTL-14`).

mod names;

use oro_kernel_linux::{AttachError, Attachment, Picture, RingAnswer};
use oro_system::control::{Description, ModuleName, Operation, Remounted, Target, Wire};
use oro_system::{PlanRestart, RestartOn};
use serde::Serialize;

use crate::args::{
    CreateArguments, MountArguments, RestartKind, RingArguments, RingCommand, WireArguments,
};
use crate::attach::{find_port, judge_error};
use crate::exit;
use crate::load::load_module_file;
use crate::look::see;
use crate::output::{escape_controls, show_json, stderr_style, write_data};
use crate::picture::Sight;
use crate::problem::{Problem, ProblemRecord, show_problems};
use names::{find_end, find_instance, find_ring, find_target, is_built_in, split_path};

/// A failure, and the exit code.
type Failure = Box<(Problem, u8)>;

/// What is asked of the system.
struct Plea {
    operation: Operation,
    /// An ELF file that comes along.
    image: Option<Vec<u8>>,
    /// What it comes to, in words.
    done: String,
}

/// What `--json` gives.
#[derive(Serialize)]
struct Record<'a> {
    schema: &'static str,
    ok: bool,
    diagnostics: Vec<ProblemRecord<'a>>,
    /// What was made: its id in the root Ring's tables. Text, since JSON's numbers do not hold 64 bits
    /// everywhere.
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<UsageRecord>,
    /// Null: no limit of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<UsageRecord>,
}

#[derive(Serialize)]
struct UsageRecord {
    memory_bytes: Option<u64>,
    port_count: Option<u32>,
    thread_count: Option<u32>,
}

/// Runs the command and gives the exit code.
pub(crate) fn change_system(arguments: &RingArguments) -> u8 {
    let (result, code) = match change(arguments) {
        Ok(done) => (Ok(done), exit::OK),
        Err(failure) => (Err(failure.0), failure.1),
    };
    if let Err(problem) = &result {
        show_problems(std::slice::from_ref(problem), stderr_style());
    }
    match &result {
        _ if arguments.json => {
            let answer = result.as_ref().map(|(answer, _)| answer);
            write_data(&show_record(answer), code)
        }
        Ok((_, text)) => write_data(&escape_controls(text), code),
        Err(_) => code,
    }
}

fn change(arguments: &RingArguments) -> Result<(RingAnswer, String), Failure> {
    let failed = |error: AttachError| Box::new(judge_error(&error));
    let mut attachment = Attachment::find(arguments.system.as_deref()).map_err(failed)?;
    let sight = see(&attachment, true).map_err(failed)?;
    let plea = form_plea(&arguments.command, &sight)
        .map_err(|problem| Box::new((problem, exit::BAD_INPUT)))?;
    let Plea { operation, image, mut done } = plea;
    let answer = attachment.change(operation, image.as_deref()).map_err(failed)?;
    if let RingCommand::Mount(mount) = &arguments.command {
        give_params(&mut attachment, mount, answer.id).map_err(failed)?;
    }
    if let Some(description) = &answer.description {
        done = show_description(&done, description);
    }
    Ok((answer, done))
}

/// An instance that was just mounted has all of its parameters, or is not there.
fn give_params(
    attachment: &mut Attachment,
    mount: &MountArguments,
    instance: u64,
) -> Result<(), AttachError> {
    for (name, value) in &mount.params {
        let (name, value) = (name.clone(), value.clone());
        let refused = attachment.change(Operation::Param { instance, name, value }, None);
        if let Err(error) = refused {
            let target = Target::Instance(instance);
            attachment.change(Operation::End(target), None)?;
            attachment.change(Operation::Forget(target), None)?;
            return Err(error);
        }
    }
    Ok(())
}

fn form_plea(command: &RingCommand, sight: &Sight) -> Result<Plea, Problem> {
    let picture = &sight.picture;
    let plain = |operation, done: String| Ok(Plea { operation, image: None, done: done + "\n" });
    match command {
        RingCommand::Create(arguments) => create(picture, arguments),
        RingCommand::Grant { ring, what } => {
            let remounted = if is_built_in(picture, what) {
                Remounted::BuiltIn(what.clone())
            } else {
                Remounted::Instance(find_instance(picture, what)?.id)
            };
            let operation =
                Operation::Remount { ring: find_ring(picture, ring)?.id, what: remounted };
            plain(operation, format!("Ring `{ring}` is granted `{what}`"))
        }
        RingCommand::Mount(arguments) => mount(picture, arguments),
        RingCommand::Param { instance: path, param: (name, value) } => {
            let instance = find_instance(picture, path)?.id;
            let operation = Operation::Param { instance, name: name.clone(), value: value.clone() };
            plain(operation, format!("`{path}` is given `{name}`"))
        }
        RingCommand::Wire(arguments) => wire(picture, arguments),
        RingCommand::Start { path } => {
            let target = find_target(picture, path)?;
            plain(Operation::Start(target), format!("{} is started", show_target(target, path)))
        }
        RingCommand::End { path } => {
            let target = find_target(picture, path)?;
            plain(Operation::End(target), format!("{} is ended", show_target(target, path)))
        }
        RingCommand::Restart { instance: path } => {
            let instance = find_instance(picture, path)?.id;
            plain(Operation::Restart(instance), format!("`{path}` is restarted"))
        }
        RingCommand::Replace { instance: path, module } => {
            let instance = find_instance(picture, path)?.id;
            let (name, image) = read_module(module)?;
            let operation = Operation::Replace { instance, module: name };
            let done = format!("`{path}` is replaced by one of module `{module}`\n");
            Ok(Plea { operation, image, done })
        }
        RingCommand::Forget { path } => {
            let target = find_target(picture, path)?;
            let done = format!("{} is forgotten", show_target(target, path));
            plain(Operation::Forget(target), done)
        }
        RingCommand::Revoke { port } => {
            let (port, names) = find_port(sight, port)?;
            let done = format!("Port {} ({} -> {}) is revoked", port.index, names.from, names.to);
            plain(Operation::Revoke(port.id), done)
        }
        RingCommand::Transfer { port, to } => {
            let (port, names) = find_port(sight, port)?;
            let end = find_end(picture, to)?;
            let operation = Operation::Transfer { port: port.id, instance: end.instance, to: end };
            let done = format!(
                "`{to}` has the end of Port {} ({} -> {})",
                port.index, names.from, names.to
            );
            plain(operation, done)
        }
        RingCommand::Describe { ring } => {
            let id = find_ring(picture, ring)?.id;
            plain(Operation::Describe(id), show_target(Target::Ring(id), ring))
        }
    }
}

fn create(picture: &Picture, arguments: &CreateArguments) -> Result<Plea, Problem> {
    let (parent, name) = split_path(picture, &arguments.ring)?;
    let operation = Operation::Create {
        ring: parent.id,
        name: name.to_owned(),
        memory_bytes: arguments.memory.unwrap_or(0),
        port_count: arguments.ports.unwrap_or(0),
        thread_count: arguments.threads.unwrap_or(0),
    };
    let done = format!("Ring `{}` is made\n", arguments.ring);
    Ok(Plea { operation, image: None, done })
}

fn mount(picture: &Picture, arguments: &MountArguments) -> Result<Plea, Problem> {
    let (ring, name) = split_path(picture, &arguments.instance)?;
    let (module, image) = read_module(&arguments.module)?;
    let usual = PlanRestart::of(match arguments.restart {
        None => RestartOn::Never,
        Some(RestartKind::Fault) => RestartOn::Fault,
        Some(RestartKind::Always) => RestartOn::Always,
    });
    let to_ns = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let restart = PlanRestart {
        on: usual.on,
        max: arguments.restart_max.unwrap_or(usual.max),
        within_ns: arguments.restart_within.map_or(usual.within_ns, to_ns),
        backoff_ns: arguments.restart_backoff.map_or(usual.backoff_ns, to_ns),
    };
    let operation = Operation::Mount {
        ring: ring.id,
        module,
        name: name.to_owned(),
        heap_bytes: arguments.heap.unwrap_or(0),
        memory_bytes: arguments.memory.unwrap_or(0),
        restart,
    };
    let done = format!("`{}` is mounted: start it when it is wired\n", arguments.instance);
    Ok(Plea { operation, image, done })
}

fn wire(picture: &Picture, arguments: &WireArguments) -> Result<Plea, Problem> {
    let slot_size = arguments.slot_size.unwrap_or(0);
    let slot_size_bytes = u32::try_from(slot_size).map_err(|_| {
        Problem::error("RING-TYPE", format!("slots of {slot_size} bytes are too large"))
            .with_help("a slot has at most 16M (LIM-1)")
    })?;
    let operation = Operation::Wire(Wire {
        from: find_end(picture, &arguments.from)?,
        to: find_end(picture, &arguments.to)?,
        slot_count: arguments.slots.unwrap_or(0),
        slot_size_bytes,
    });
    let done = format!("`{}` is wired to `{}`\n", arguments.from, arguments.to);
    Ok(Plea { operation, image: None, done })
}

/// A module of the system's, or one that is brought along: a path has a `/` or a `.`, a name has none
/// (`NOTE-6`).
fn read_module(text: &str) -> Result<(ModuleName, Option<Vec<u8>>), Problem> {
    if oro_system::is_valid_name(text) {
        return Ok((ModuleName::Granted(text.to_owned()), None));
    }
    // The help of a manifest's modules is not for paths of a command line.
    let (_, bytes) = load_module_file(text.as_ref()).map_err(|mut problem| {
        if matches!(problem.code, "MODULE-MISSING-FILE" | "MODULE-IS-A-DIRECTORY") {
            problem.help = Some(
                "a path is relative to this folder; a name without `.` and `/` is a module's of the \
                 manifest"
                    .to_owned(),
            );
        }
        problem
    })?;
    Ok((ModuleName::Image(Attachment::BROUGHT_IMAGE), Some(bytes)))
}

fn show_target(target: Target, path: &str) -> String {
    match target {
        Target::Ring(_) if path == "/" => "the root Ring".to_owned(),
        Target::Ring(_) => format!("Ring `{path}`"),
        Target::Instance(_) => format!("`{path}`"),
    }
}

fn show_description(ring: &str, description: &Description) -> String {
    let Description { taken, most } = description;
    let row = |what: &str, taken: u64, most: u64| match most {
        0 => format!("{what:8} {taken}\n"),
        most => format!("{what:8} {taken} of {most}\n"),
    };
    [
        format!("{}, and what is in it:\n", ring.trim_end()),
        row("bytes", taken.memory_bytes, most.memory_bytes),
        row("Ports", taken.port_count.into(), most.port_count.into()),
        row("threads", taken.thread_count.into(), most.thread_count.into()),
    ]
    .concat()
}

fn show_record(result: Result<&RingAnswer, &Problem>) -> String {
    let answer = result.ok();
    let description = answer.and_then(|answer| answer.description);
    let limit = |most: u32| (most != 0).then_some(most);
    show_json(&Record {
        schema: "oro.ring.v1",
        ok: answer.is_some(),
        diagnostics: result.err().into_iter().map(ProblemRecord::from).collect(),
        id: answer.filter(|answer| answer.id != 0).map(|answer| format!("{:#x}", answer.id)),
        taken: description.map(|Description { taken, .. }| UsageRecord {
            memory_bytes: Some(taken.memory_bytes),
            port_count: Some(taken.port_count),
            thread_count: Some(taken.thread_count),
        }),
        limits: description.map(|Description { most, .. }| UsageRecord {
            memory_bytes: (most.memory_bytes != 0).then_some(most.memory_bytes),
            port_count: limit(most.port_count),
            thread_count: limit(most.thread_count),
        }),
    })
}
