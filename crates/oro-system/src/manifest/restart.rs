//! `restart = { ... }` of an instance and `on_restart` of a wire (`SYS-10`).

use toml::de::DeValue;

use super::diagnostic::{Diagnostic, Report};
use super::read::report_missing;
use super::table::{
    Field, Keys, read_choice, read_count, read_fields, read_table, read_text, report_kind,
};
use super::time::{parse_time_ns, show_time};
use crate::{MAX_RESTART_NS, PlanRestart, RestartOn};

const RESTART: Keys = Keys {
    table: "a restart",
    known: &["on", "max", "within", "backoff"],
    later: &[],
    elsewhere: &[],
};

const HELP: &str = "write `restart = { on = \"fault\" }`";

/// The policy of an instance; none where what it says is wrong, which is reported.
pub(super) fn read_restart(
    field: &Field<'_>,
    is_incomplete: bool,
    report: &mut Report,
) -> PlanRestart {
    let Some(table) = read_table(field, HELP, report) else { return PlanRestart::default() };
    let fields = read_fields(table, &RESTART, report);
    let choices = [("fault", RestartOn::Fault), ("always", RestartOn::Always)];
    let on = match fields.get("on") {
        Some(field) => read_choice(field, "SYS-RESTART", "kind of restart", &choices, report),
        None => {
            if !is_incomplete {
                report_missing("on", "a restart", &field.span, HELP, report);
            }
            None
        }
    };
    let usual = PlanRestart::of(RestartOn::Fault);
    let max = fields.get("max").map_or(Some(usual.max), |field| read_max(field, report));
    let within_ns = match fields.get("within") {
        Some(field) => read_time(field, 1, report),
        None => Some(usual.within_ns),
    };
    let backoff_ns = match fields.get("backoff") {
        Some(field) => read_time(field, 0, report),
        None => Some(usual.backoff_ns),
    };
    match (on, max, within_ns, backoff_ns) {
        (Some(on), Some(max), Some(within_ns), Some(backoff_ns)) => {
            PlanRestart { on, max, within_ns, backoff_ns }
        }
        _ => PlanRestart::default(),
    }
}

/// Whether messages that wait are dropped when the consumer is restarted.
pub(super) fn read_on_restart(field: &Field<'_>, report: &mut Report) -> bool {
    let choices = [("keep", false), ("drop", true)];
    let choice = read_choice(field, "SYS-RESTART", "treatment of messages", &choices, report);
    choice.unwrap_or(false)
}

fn read_max(field: &Field<'_>, report: &mut Report) -> Option<u32> {
    let message = "an instance cannot be restarted so often";
    let help = "from 1 to 4294967295 restarts in a row; without a restart, leave `restart` out";
    read_count(field, "SYS-RESTART", message, help, report).map(|max| max.value)
}

/// A time in nanoseconds, at least `least_ns`.
fn read_time(field: &Field<'_>, least_ns: u64, report: &mut Report) -> Option<u64> {
    let help = "a time is a text such as \"500us\", \"10ms\", \"5s\", \"1m\" or \"2h\"";
    if !matches!(field.value, DeValue::String(_)) {
        report_kind(field, "a time", help, report);
        return None;
    }
    let text = read_text(field, help, report)?;
    let (problem, help) = match parse_time_ns(&text.value) {
        None => ("no time", help.to_owned()),
        Some(time_ns) if time_ns > MAX_RESTART_NS => {
            ("too long", format!("at most {}", show_time(MAX_RESTART_NS)))
        }
        Some(time_ns) if time_ns < least_ns => {
            ("no time at all", "a row that never lasts has no end; give a time".to_owned())
        }
        Some(time_ns) => return Some(time_ns),
    };
    report.add(
        Diagnostic::error(
            "SYS-RESTART",
            format!("`{}` is not such a time", field.key),
            text.span,
            problem,
        )
        .with_help(help),
    );
    None
}
