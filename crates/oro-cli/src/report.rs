//! How a system ended: as a compiler would say it, and as JSON (schema `oro.run.v1`).

use std::fmt::Write as _;

use oro_kernel_linux::{Fault, InstanceReport, Outcome, Report, RestartReport, WaitingThread};
use serde::Serialize;

use crate::output::{Style, count_things, escape_controls};
use crate::problem::ProblemRecord;

/// Shows the report; of instances that ended well only if `with_all`. Empty if there is nothing to
/// say.
pub(crate) fn show_report(report: &Report, with_all: bool, style: Style) -> String {
    let mut text = String::new();
    for instance in &report.instances {
        show_instance(&mut text, instance, with_all, style);
        show_restarts(&mut text, instance);
    }
    show_deadlock(&mut text, &report.deadlock, style);
    for line in &report.broken_ports {
        let heading = paint(style, "error[ASYNC-6]");
        let _ = writeln!(text, "{heading}: {}", escape_controls(line));
    }
    for line in &report.failed_built_ins {
        let heading = paint(style, "error[BUILTIN-6]");
        let _ = writeln!(text, "{heading}: {}", escape_controls(line));
    }
    if report.has_timed_out {
        let heading = paint(style, "error[TIMEOUT]");
        let _ = writeln!(text, "{heading}: the time of --timeout was over");
    }
    if let Some(limit) = &report.diagnosis_limit
        && (with_all || !report.is_success())
    {
        let limit = escape_controls(limit);
        let _ = writeln!(text, "note: {limit}; see `oro doctor`");
    }
    if with_all {
        let _ = writeln!(text, "note: {} served", count_things(report.fault_count, "fault"));
    }
    text
}

fn show_deadlock(text: &mut String, threads: &[WaitingThread], style: Style) {
    if threads.is_empty() {
        return;
    }
    let heading = paint(style, "error[DEADLOCK]");
    let _ = writeln!(text, "{heading}: every thread waited for another");
    for thread in threads {
        let _ = writeln!(text, "  | {}", escape_controls(&thread.what));
    }
    if threads.iter().any(|thread| thread.is_at_gate) {
        text.push_str(
            "  = help: who waits at a gate has had no answer from its peer: a reply that does not \
             carry its request's correlation is dropped\n",
        );
    }
    if threads.iter().any(|thread| !thread.is_at_gate) {
        text.push_str("  = help: naive threads read before they write: break the cycle of wires\n");
    }
}

fn show_instance(text: &mut String, instance: &InstanceReport, with_all: bool, style: Style) {
    let name = &instance.name;
    match &instance.outcome {
        Outcome::Exited { status: 0 } if with_all => {
            let _ = writeln!(text, "ok: instance `{name}` ended with status 0");
        }
        Outcome::Exited { status: 0 } => return,
        Outcome::Exited { status } => {
            let heading = paint(style, "error[STATUS]");
            let _ = writeln!(text, "{heading}: instance `{name}` ended with status {status}");
        }
        Outcome::Faulted(fault) => show_fault(text, instance, fault, style),
        Outcome::Killed { why } => {
            let heading = paint(style, "error[KILLED]");
            let _ =
                writeln!(text, "{heading}: instance `{name}` was ended: {}", escape_controls(why));
        }
    }
    for (thread, words) in &instance.last_words {
        let words = escape_controls(words.trim_end()).replace('\n', "\n  |   ");
        let _ = writeln!(text, "  = last words of `{}`: {words}", escape_controls(thread));
    }
}

/// How often an instance was restarted, and why for the last time: told also of one that ended well.
fn show_restarts(text: &mut String, instance: &InstanceReport) {
    let Some(RestartReport { count, last, failure }) = &instance.restarts else { return };
    let name = &instance.name;
    if let Some(failure) = failure {
        let failure = escape_controls(failure);
        let _ = writeln!(text, "note: a replacement of instance `{name}` failed: {failure}");
    }
    if let Some(last) = last {
        let times = count_things(*count, "time");
        let _ = writeln!(text, "note: instance `{name}` was restarted {times}, last after this:");
        let mut why = String::new();
        show_instance(&mut why, last, true, Style::Plain);
        text.extend(why.lines().map(|line| format!("  | {line}\n")));
    }
}

fn show_fault(text: &mut String, instance: &InstanceReport, fault: &Fault, style: Style) {
    let code = if fault.rule.is_empty() { fault.kind.to_uppercase() } else { fault.rule.clone() };
    let heading = paint(style, &format!("error[{code}]"));
    let what = escape_controls(&fault.what);
    let _ = writeln!(text, "{heading}: instance `{}` faulted: {what}", instance.name);
    let mut place = format!("thread `{}`", escape_controls(&fault.thread));
    if let Some(port) = &fault.port {
        let _ = write!(place, ", Port {port}");
    }
    if let Some(slot) = fault.slot {
        let _ = write!(place, ", slot {slot}");
    }
    let _ = writeln!(text, "  --> {place} (module `{}`)", instance.module);
    if let Some(address) = fault.address {
        let _ = writeln!(text, "  | address {address:#x}");
    }
    match (fault.instruction, &fault.symbol) {
        (Some(address), Some(symbol)) => {
            let _ = writeln!(text, "  | in {} at {address:#x}", escape_controls(symbol));
        }
        (Some(address), None) => {
            let _ = writeln!(text, "  | instruction at {address:#x}");
        }
        (None, Some(symbol)) => {
            let _ = writeln!(text, "  | in {}", escape_controls(symbol));
        }
        (None, None) => {}
    }
    if let Some(call) = fault.system_call {
        let _ = writeln!(text, "  | system call {call}");
    }
    if let Some(signal) = fault.signal {
        let _ = writeln!(text, "  | signal {signal}");
    }
    if let Some(help) = &fault.help {
        let _ = writeln!(text, "  = help: {}", escape_controls(help));
    }
}

fn paint(style: Style, heading: &str) -> String {
    match style {
        Style::Colour => format!("\u{1b}[1;31m{heading}\u{1b}[0m"),
        Style::Lines | Style::Plain => heading.to_owned(),
    }
}

/// What `oro run --json` gives.
#[derive(Serialize)]
pub(crate) struct RunRecord<'a> {
    pub(crate) schema: &'static str,
    /// `ok`, `failed`, `timeout`, `bad-input`, `cannot-start`.
    pub(crate) result: &'static str,
    pub(crate) exit_code: u8,
    pub(crate) diagnostics: Vec<ProblemRecord<'a>>,
    #[serde(flatten)]
    pub(crate) report: Option<ReportRecord<'a>>,
}

#[derive(Serialize)]
pub(crate) struct ReportRecord<'a> {
    instances: Vec<InstanceRecord<'a>>,
    failed_built_ins: &'a [String],
    broken_ports: &'a [String],
    deadlock: Vec<&'a str>,
    has_timed_out: bool,
    diagnosis_limit: Option<&'a str>,
    fault_count: u64,
    wakeup_count: u64,
}

#[derive(Serialize)]
struct InstanceRecord<'a> {
    name: &'a str,
    module: &'a str,
    /// `exited`, `faulted`, `killed`.
    outcome: &'static str,
    status: Option<u64>,
    why: Option<&'a str>,
    fault: Option<FaultRecord<'a>>,
    last_words: Vec<LastWordsRecord<'a>>,
    restarts: Option<RestartRecord<'a>>,
}

#[derive(Serialize)]
struct RestartRecord<'a> {
    count: u64,
    /// How the incarnation before the last one ended.
    last: Option<Box<InstanceRecord<'a>>>,
    failure: Option<&'a str>,
}

/// Addresses are text, since JSON's numbers do not hold 64 bits everywhere.
#[derive(Serialize)]
struct FaultRecord<'a> {
    kind: &'a str,
    rule: &'a str,
    what: &'a str,
    help: Option<&'a str>,
    thread: &'a str,
    port: Option<&'a str>,
    slot: Option<u64>,
    address: Option<String>,
    instruction: Option<String>,
    symbol: Option<&'a str>,
    signal: Option<i32>,
    system_call: Option<i64>,
}

#[derive(Serialize)]
struct LastWordsRecord<'a> {
    thread: &'a str,
    text: &'a str,
}

impl<'a> From<&'a Report> for ReportRecord<'a> {
    fn from(report: &'a Report) -> Self {
        Self {
            instances: report.instances.iter().map(InstanceRecord::from).collect(),
            failed_built_ins: &report.failed_built_ins,
            broken_ports: &report.broken_ports,
            deadlock: report.deadlock.iter().map(|thread| thread.what.as_str()).collect(),
            has_timed_out: report.has_timed_out,
            diagnosis_limit: report.diagnosis_limit.as_deref(),
            fault_count: report.fault_count,
            wakeup_count: report.wakeup_count,
        }
    }
}

impl<'a> From<&'a InstanceReport> for InstanceRecord<'a> {
    fn from(instance: &'a InstanceReport) -> Self {
        let (outcome, status, why, fault) = match &instance.outcome {
            Outcome::Exited { status } => ("exited", Some(*status), None, None),
            Outcome::Faulted(fault) => {
                ("faulted", None, None, Some(FaultRecord::from(fault.as_ref())))
            }
            Outcome::Killed { why } => ("killed", None, Some(why.as_str()), None),
        };
        let words = instance.last_words.iter();
        let last_words = words.map(|(thread, text)| LastWordsRecord { thread, text }).collect();
        Self {
            name: &instance.name,
            module: &instance.module,
            outcome,
            status,
            why,
            fault,
            last_words,
            restarts: instance.restarts.as_ref().map(RestartRecord::from),
        }
    }
}

impl<'a> From<&'a RestartReport> for RestartRecord<'a> {
    fn from(restarts: &'a RestartReport) -> Self {
        Self {
            count: restarts.count,
            last: restarts.last.as_deref().map(|last| Box::new(InstanceRecord::from(last))),
            failure: restarts.failure.as_deref(),
        }
    }
}

impl<'a> From<&'a Fault> for FaultRecord<'a> {
    fn from(fault: &'a Fault) -> Self {
        Self {
            kind: &fault.kind,
            rule: &fault.rule,
            what: &fault.what,
            help: fault.help.as_deref(),
            thread: &fault.thread,
            port: fault.port.as_deref(),
            slot: fault.slot,
            address: fault.address.map(|address| format!("{address:#x}")),
            instruction: fault.instruction.map(|address| format!("{address:#x}")),
            symbol: fault.symbol.as_deref(),
            signal: fault.signal,
            system_call: fault.system_call,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exited(name: &str, status: u64) -> InstanceReport {
        let outcome = Outcome::Exited { status };
        let (name, module) = (name.to_owned(), "filter".to_owned());
        InstanceReport { name, module, outcome, last_words: Vec::new(), restarts: None }
    }

    fn waiting(what: &str, is_at_gate: bool) -> WaitingThread {
        WaitingThread { what: what.to_owned(), is_at_gate }
    }

    /// Advice for naive threads helps nobody who waits at a gate.
    #[test]
    fn the_help_for_a_deadlock_fits_how_its_threads_wait() {
        let (touch, gate) = ("naive threads read before they write", "its request's correlation");
        for (kinds, has_touch, has_gate) in [
            (&[false, false][..], true, false),
            (&[true, true], false, true),
            (&[true, false], true, true),
        ] {
            let deadlock = kinds.iter().map(|is_at_gate| waiting("t waits", *is_at_gate)).collect();
            let report = Report { deadlock, ..Report::default() };
            let text = show_report(&report, false, Style::Plain);
            assert_eq!(
                (text.contains(touch), text.contains(gate)),
                (has_touch, has_gate),
                "{text}"
            );
        }
    }

    #[test]
    fn a_good_end_is_silent() {
        let report = Report { instances: vec![exited("a", 0)], ..Report::default() };
        assert_eq!(show_report(&report, false, Style::Plain), "");
        assert!(show_report(&report, true, Style::Plain).contains("`a` ended with status 0"));
    }

    /// `BLAME-2`: instance, thread, Port, slot, address, symbol and rule.
    #[test]
    fn blame_2_a_fault_names_everything() {
        let fault = Fault {
            kind: "violation".to_owned(),
            rule: "NAIVE-4".to_owned(),
            what: "a store to a cell that is not the next".to_owned(),
            help: Some("fill one output at a time".to_owned()),
            thread: "main".to_owned(),
            port: Some("b.out".to_owned()),
            slot: Some(7),
            address: Some(0x1234_5000),
            instruction: Some(0x1_0042),
            symbol: Some("filter+0x12".to_owned()),
            ..Fault::default()
        };
        let mut instance = exited("b", 0);
        instance.outcome = Outcome::Faulted(Box::new(fault));
        instance.last_words = vec![("main".to_owned(), "oh\u{1b}[2J\nno".to_owned())];
        let report = Report { instances: vec![exited("a", 0), instance], ..Report::default() };
        let text = show_report(&report, false, Style::Plain);
        let expected = "\
error[NAIVE-4]: instance `b` faulted: a store to a cell that is not the next
  --> thread `main`, Port b.out, slot 7 (module `filter`)
  | address 0x12345000
  | in filter+0x12 at 0x10042
  = help: fill one output at a time
  = last words of `main`: oh\\u{1b}[2J
  |   no
";
        assert_eq!(text, expected);
        let json = crate::output::show_json(&ReportRecord::from(&report));
        assert!(json.contains(r#""rule":"NAIVE-4""#) && json.contains(r#""address":"0x12345000""#));
    }

    #[test]
    fn every_bad_end_is_told() {
        let mut killed = exited("k", 0);
        killed.outcome = Outcome::Killed { why: "time limit".to_owned() };
        let report = Report {
            instances: vec![exited("s", 9), killed],
            failed_built_ins: vec!["console.stdout: no space".to_owned()],
            broken_ports: vec!["a.out and b.in".to_owned()],
            deadlock: vec![waiting("s.main waits at s.in", false)],
            has_timed_out: true,
            diagnosis_limit: Some("ptrace is forbidden".to_owned()),
            fault_count: 1,
            wakeup_count: 1,
        };
        let text = show_report(&report, false, Style::Plain);
        for part in [
            "`s` ended with status 9",
            "`k` was ended: time limit",
            "BUILTIN-6]: console.stdout",
            "ASYNC-6]: a.out and b.in",
            "s.main waits at s.in",
            "--timeout was over",
            "ptrace is forbidden",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
