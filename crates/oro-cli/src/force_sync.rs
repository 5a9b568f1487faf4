//! `oro force-sync`: forces a Port of a running system synchronous, or takes that back.

use oro_kernel_linux::{AttachError, Attachment, PortNames};
use serde::Serialize;

use crate::args::ForceSyncArguments;
use crate::attach::{find_port, judge_error};
use crate::exit;
use crate::look::see;
use crate::output::{escape_controls, show_json, stderr_style, write_data};
use crate::problem::{Problem, ProblemRecord, show_problems};
use crate::reason::{explain_mode, name_mode};

/// What has been done.
struct Change {
    port: usize,
    names: PortNames,
    /// Whether it was otherwise before.
    has_changed: bool,
    is_forced: bool,
    mode: &'static str,
    why: String,
}

/// What `--json` gives.
#[derive(Serialize)]
struct Record<'a> {
    schema: &'static str,
    ok: bool,
    diagnostics: Vec<ProblemRecord<'a>>,
    /// This and what follows is null if there is an error.
    port: Option<usize>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    changed: Option<bool>,
    forced: Option<bool>,
}

/// Runs the command and gives the exit code.
pub(crate) fn force_port(arguments: &ForceSyncArguments) -> u8 {
    let (result, code) = match change(arguments) {
        Ok(change) => (Ok(change), exit::OK),
        Err(failure) => (Err(failure.0), failure.1),
    };
    if let Err(problem) = &result {
        show_problems(std::slice::from_ref(problem), stderr_style());
    }
    match &result {
        _ if arguments.json => write_data(&show_record(result.as_ref()), code),
        Ok(change) => write_data(&escape_controls(&show_change(change, arguments.allow)), code),
        Err(_) => code,
    }
}

fn change(arguments: &ForceSyncArguments) -> Result<Change, Box<(Problem, u8)>> {
    let failed = |error: AttachError| Box::new(judge_error(&error));
    let mut attachment = Attachment::find(arguments.system.as_deref()).map_err(failed)?;
    let before = see(&attachment, true).map_err(failed)?;
    let (port, names) = find_port(&before, &arguments.port)
        .map_err(|problem| Box::new((problem, exit::BAD_INPUT)))?;
    let asked = match arguments.allow {
        true => attachment.allow_asynchronous(port.index),
        false => attachment.force_synchronous(port.index),
    };
    asked.map_err(|error| Box::new(judge_refusal(&error, names)))?;
    let (was_forced, number) = (port.is_forced, port.index);
    let after = see(&attachment, true).map_err(failed)?;
    let mut ports = after.picture.ports.iter().zip(&after.names);
    let Some((port, names)) = ports.find(|(port, _)| port.index == number) else {
        let what = format!("Port {number} has vanished");
        return Err(failed(AttachError::Strange { what }));
    };
    Ok(Change {
        port: number,
        names: names.clone(),
        has_changed: was_forced == arguments.allow,
        is_forced: port.is_forced,
        mode: name_mode(port),
        why: explain_mode(port, names),
    })
}

/// What the manifest forces is mended there.
fn judge_refusal(error: &AttachError, names: &PortNames) -> (Problem, u8) {
    let (problem, code) = judge_error(error);
    if names.is_forced_by_manifest && matches!(error, AttachError::Refused { .. }) {
        let help = "take `mode = \"synchronous\"` from its wire, and start the system again";
        return (problem.with_help(help), code);
    }
    (problem, code)
}

fn show_change(change: &Change, is_allowed: bool) -> String {
    let Change { port, names, mode, why, .. } = change;
    let done = match (is_allowed, change.has_changed) {
        (false, true) => "is forced synchronous",
        (false, false) => "was forced synchronous already",
        (true, true) => "is no longer forced synchronous",
        (true, false) => "was not forced synchronous",
    };
    format!("Port {port} ({} -> {}) {done}\n{mode}: {why}\n", names.from, names.to)
}

fn show_record(result: Result<&Change, &Problem>) -> String {
    let change = result.ok();
    show_json(&Record {
        schema: "oro.force-sync.v1",
        ok: change.is_some(),
        diagnostics: result.err().into_iter().map(ProblemRecord::from).collect(),
        port: change.map(|change| change.port),
        from: change.map(|change| change.names.from.as_str()),
        to: change.map(|change| change.names.to.as_str()),
        changed: change.map(|change| change.has_changed),
        forced: change.map(|change| change.is_forced),
    })
}
