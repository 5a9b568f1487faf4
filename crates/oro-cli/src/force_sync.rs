//! `oro force-sync`: forces a Port of a running system synchronous, or takes that back.

use oro_kernel_linux::{AttachError, Attachment};

use crate::args::ForceSyncArguments;
use crate::attach::{find_port, judge_error};
use crate::exit;
use crate::look::see;
use crate::output::{escape_controls, stderr_style, write_data};
use crate::problem::{Problem, show_problems};
use crate::reason::{explain_mode, name_mode};

/// Runs the command and gives the exit code.
pub(crate) fn force_port(arguments: &ForceSyncArguments) -> u8 {
    match change(arguments) {
        Ok(text) => write_data(&escape_controls(&text), exit::OK),
        Err(failure) => {
            let (problem, code) = *failure;
            show_problems(std::slice::from_ref(&problem), stderr_style());
            code
        }
    }
}

fn change(arguments: &ForceSyncArguments) -> Result<String, Box<(Problem, u8)>> {
    let failed = |error: AttachError| Box::new(judge_error(&error));
    let mut attachment = Attachment::find(arguments.system.as_deref()).map_err(failed)?;
    let before = see(&attachment, true).map_err(failed)?;
    let index = find_port(&attachment, before.picture.ports.len(), &arguments.port)
        .map_err(|problem| Box::new((problem, exit::BAD_INPUT)))?;
    if arguments.allow {
        attachment.allow_asynchronous(index).map_err(failed)?;
    } else {
        attachment.force_synchronous(index).map_err(failed)?;
    }
    let after = see(&attachment, true).map_err(failed)?;
    let was_forced = before.picture.ports.get(index).is_some_and(|port| port.is_forced);
    let (Some(port), Some(names)) = (after.picture.ports.get(index), after.names.get(index)) else {
        let what = format!("Port {index} has vanished");
        return Err(failed(AttachError::Strange { what }));
    };
    let done = match (arguments.allow, was_forced) {
        (false, false) => "is forced synchronous",
        (false, true) => "was forced synchronous already",
        (true, true) => "is no longer forced synchronous",
        (true, false) => "was not forced synchronous",
    };
    Ok(format!(
        "Port {index} ({} -> {}) {done}\n{}: {}\n",
        names.from,
        names.to,
        name_mode(port),
        explain_mode(port, names)
    ))
}
