//! A running system as tools get it: schemas `oro.ports.v1` and `oro.inspect.v1`.

use oro_kernel_linux::{EndPicture, InstancePicture, PortNames, PortPicture, RingPicture};
use serde::Serialize;

use crate::output::show_json;
use crate::picture::{Sight, View};
use crate::problem::{Problem, ProblemRecord};
use crate::reason::{explain_mode, find_forcer, name_mode, name_reason};

#[derive(Serialize)]
struct Record<'a> {
    schema: &'static str,
    ok: bool,
    diagnostics: Vec<ProblemRecord<'a>>,
    system: Option<SystemRecord<'a>>,
}

#[derive(Serialize)]
struct SystemRecord<'a> {
    name: &'a str,
    process_id: u32,
    is_running: bool,
    uptime_ms: u64,
    fault_count: u64,
    wakeup_count: u64,
    /// `oro inspect` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    ring: Option<RingRecord<'a>>,
    ports: Vec<PortRecord<'a>>,
}

#[derive(Serialize)]
struct RingRecord<'a> {
    name: &'a str,
    instances: Vec<InstanceRecord<'a>>,
    rings: Vec<RingRecord<'a>>,
}

#[derive(Serialize)]
struct InstanceRecord<'a> {
    name: &'a str,
    is_built_in: bool,
    module: Option<&'a str>,
    state: &'a str,
    /// Once it has ended.
    status: Option<u64>,
    reason: &'a str,
    thread_count: u32,
    restarts: u32,
}

#[derive(Serialize)]
struct PortRecord<'a> {
    index: usize,
    #[serde(rename = "type")]
    type_name: &'a str,
    /// Text, since JSON's numbers do not hold 64 bits everywhere.
    type_id: String,
    slot_size_bytes: u32,
    slot_count: u32,
    waiting_count: u64,
    state: &'a str,
    mode: &'a str,
    why: String,
    forced_by: Option<&'a str>,
    threshold: u32,
    upgrade_count: u32,
    downgrade_count: u32,
    refusal_count: u32,
    doorbell_count: u64,
    from: EndRecord<'a>,
    to: EndRecord<'a>,
}

#[derive(Serialize)]
struct EndRecord<'a> {
    name: &'a str,
    mode: &'a str,
    reason: &'a str,
    cursor: u64,
    streak: u32,
    fault_count: u64,
}

fn name_schema(view: View) -> &'static str {
    match view {
        View::Ports => "oro.ports.v1",
        View::Inspect => "oro.inspect.v1",
    }
}

/// A system as one line.
pub(crate) fn show_sight_json(sight: &Sight, view: View) -> String {
    let counters = &sight.counters;
    let ring = RingRecord::from(&sight.picture.root);
    let ports = sight.picture.ports.iter().zip(&sight.names);
    let ports = ports.map(|(port, names)| make_port_record(port, names));
    let system = SystemRecord {
        name: &counters.name,
        process_id: counters.process_id,
        is_running: sight.is_running,
        uptime_ms: u64::try_from(counters.uptime.as_millis()).unwrap_or(u64::MAX),
        fault_count: counters.fault_count,
        wakeup_count: counters.wakeup_count,
        ring: (view == View::Inspect).then_some(ring),
        ports: ports.collect(),
    };
    let schema = name_schema(view);
    show_json(&Record { schema, ok: true, diagnostics: Vec::new(), system: Some(system) })
}

/// Why there is none, likewise.
pub(crate) fn show_problem_json(problem: &Problem, view: View) -> String {
    let diagnostics = vec![ProblemRecord::from(problem)];
    show_json(&Record { schema: name_schema(view), ok: false, diagnostics, system: None })
}

impl<'a> From<&'a RingPicture> for RingRecord<'a> {
    fn from(ring: &'a RingPicture) -> Self {
        Self {
            name: &ring.name,
            instances: ring.instances.iter().map(InstanceRecord::from).collect(),
            rings: ring.children.iter().map(Self::from).collect(),
        }
    }
}

impl<'a> From<&'a InstancePicture> for InstanceRecord<'a> {
    fn from(instance: &'a InstancePicture) -> Self {
        let is_built_in = instance.id == 0;
        Self {
            name: &instance.name,
            is_built_in,
            module: (!is_built_in).then_some(instance.module.as_str()),
            state: instance.state,
            status: (instance.state == "ended").then_some(instance.status),
            reason: instance.reason,
            thread_count: instance.thread_count,
            restarts: instance.restarts,
        }
    }
}

fn make_port_record<'a>(port: &'a PortPicture, names: &'a PortNames) -> PortRecord<'a> {
    PortRecord {
        index: port.index,
        type_name: &names.type_name,
        type_id: format!("{:#x}", port.type_id),
        slot_size_bytes: port.slot_size_bytes,
        slot_count: port.slot_count,
        waiting_count: port.waiting_count(),
        state: port.state,
        mode: name_mode(port),
        why: explain_mode(port, names),
        forced_by: find_forcer(port, names),
        threshold: port.threshold,
        upgrade_count: port.upgrade_count,
        downgrade_count: port.downgrade_count,
        refusal_count: port.refusal_count,
        doorbell_count: port.doorbell_count,
        from: make_end_record(&port.producer, &names.from),
        to: make_end_record(&port.consumer, &names.to),
    }
}

fn make_end_record<'a>(end: &EndPicture, name: &'a str) -> EndRecord<'a> {
    EndRecord {
        name,
        mode: if end.is_asynchronous { "asynchronous" } else { "synchronous" },
        reason: name_reason(end.reason),
        cursor: end.cursor,
        streak: end.streak,
        fault_count: end.fault_count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::tests::example;

    #[test]
    fn instances_are_for_inspect_and_ports_for_both() {
        let ports = show_sight_json(&example(), View::Ports);
        assert!(
            ports.starts_with(r#"{"schema":"oro.ports.v1","ok":true,"diagnostics":[],"#),
            "{ports}"
        );
        assert!(!ports.contains("\"ring\"") && ports.contains(r#""type_id":"0xab""#), "{ports}");
        assert!(
            ports.contains(r#""waiting_count":1"#) && ports.contains(r#""forced_by":"operator""#)
        );
        let all = show_sight_json(&example(), View::Inspect);
        assert!(
            all.contains(r#""ring":{"name":"root","instances":[{"name":"a","is_built_in":false"#)
        );
        let problem = show_problem_json(&Problem::error("X", "m"), View::Ports);
        assert!(problem.contains(r#""ok":false"#) && problem.contains(r#""system":null"#));
    }
}
