//! `oro ports` and `oro inspect`: a look at a running system, once or again and again.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use oro_kernel_linux::{AttachError, Attachment, PortNames, PortPicture};

use crate::args::{LookArguments, parse_time};
use crate::attach::judge_error;
use crate::exit;
use crate::output::{Style, stderr_style, stdout_style, write_data, write_more_data, write_note};
use crate::picture::{Sight, View, show_sight};
use crate::picture_record::{show_problem_json, show_sight_json};
use crate::problem::{Problem, show_problems};
use crate::screen::{draw_last, fit, measure_terminal, redraw};

/// How often a watched system is shown, unless it is said.
const PERIOD: Duration = Duration::from_secs(1);

/// Runs the command and gives the exit code.
pub(crate) fn look_at_system(arguments: &LookArguments, view: View) -> u8 {
    let result = Attachment::find(arguments.system.as_deref()).and_then(|mut attachment| {
        match arguments.watch {
            None => look_once(&mut attachment, arguments, view),
            Some(period) => watch(&mut attachment, arguments, view, period.unwrap_or(PERIOD)),
        }
    });
    result.unwrap_or_else(|error| {
        let (problem, code) = judge_error(&error);
        let problem = suggest_period(problem, arguments, &error);
        show_problems(std::slice::from_ref(&problem), stderr_style());
        if arguments.json { write_data(&show_problem_json(&problem, view), code) } else { code }
    })
}

/// `--watch 200ms` names a system of that name.
fn suggest_period(problem: Problem, arguments: &LookArguments, error: &AttachError) -> Problem {
    let is_unknown = matches!(
        error,
        AttachError::NotFound { .. }
            | AttachError::NoProcess { .. }
            | AttachError::NotOro { .. }
            | AttachError::Forbidden { .. }
    );
    match (&arguments.system, arguments.watch) {
        (Some(text), Some(None)) if is_unknown && parse_time(text).is_ok() => {
            problem.with_help(format!("did you mean `--watch={text}`?"))
        }
        _ => problem,
    }
}

fn look_once(
    attachment: &mut Attachment,
    arguments: &LookArguments,
    view: View,
) -> Result<u8, AttachError> {
    attachment.look()?;
    let sight = see(attachment, true)?;
    Ok(write_data(&show(&sight, arguments, view), exit::OK))
}

/// Shows it until it ends, and how it ended; or until nobody reads any more.
fn watch(
    attachment: &mut Attachment,
    arguments: &LookArguments,
    view: View,
    period: Duration,
) -> Result<u8, AttachError> {
    let can_redraw =
        io::stdout().is_terminal() && stdout_style() != Style::Plain && !arguments.json;
    for round in 0_u64.. {
        let is_running = match attachment.look() {
            Ok(()) => true,
            Err(AttachError::Ended { .. }) => false,
            Err(error) => return Err(error),
        };
        let mut text = show(&see(attachment, is_running)?, arguments, view);
        if can_redraw && is_running {
            // Asked each time: somebody may have made the window larger.
            let text_that_fits = measure_terminal().map(|size| fit(&text, size));
            text = redraw(&text_that_fits.unwrap_or(text), round == 0);
        } else if can_redraw {
            text = draw_last(&text);
        } else if is_running && !arguments.json {
            text.push('\n');
        }
        if let Err(code) = write_more_data(&text, exit::OK) {
            return Ok(code);
        }
        if !is_running {
            break;
        }
        // The end of the system ends the pause.
        let _ = attachment.wait(period);
    }
    write_note(&format!("oro: system `{}` has ended\n", attachment.counters().name));
    Ok(exit::OK)
}

/// What the tables say now.
pub(crate) fn see(attachment: &Attachment, is_running: bool) -> Result<Sight, AttachError> {
    let picture = attachment.read()?;
    let name = |port: &PortPicture| attachment.port_names(port.index).cloned().unwrap_or_default();
    let names: Vec<PortNames> = picture.ports.iter().map(name).collect();
    Ok(Sight { counters: attachment.counters().clone(), picture, names, is_running })
}

fn show(sight: &Sight, arguments: &LookArguments, view: View) -> String {
    if arguments.json {
        show_sight_json(sight, view)
    } else {
        show_sight(sight, view, stdout_style())
    }
}
