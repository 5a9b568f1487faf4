//! What the manifest's tests share: modules' interfaces, and manifests with marked places.

use std::collections::{BTreeMap, BTreeSet};

use oro_image::{Direction, Entry, Interface, Param, ParamKind, Port};
use oro_sysabi::{
    BYTES_LAYOUT, CONTROL_LAYOUT, CONTROL_REPLY_LAYOUT, LOG_LAYOUT, PARAMS_LAYOUT, TIME_LAYOUT,
};
use oro_system::{Diagnostic, Manifest, Plan, ResolveOptions, sort_by_place};

pub(crate) const NUMBER: &str = "demo.num.v1{value:u64,}";
pub(crate) const OTHER_NUMBER: &str = "demo.num.v1{value:u32,}";
pub(crate) const BLOB: &str = "demo.blob.v1{head:u8[5000],data:u8[],}";

fn entry(is_managed: bool) -> Entry {
    let name = if is_managed { "managed" } else { "naive" };
    Entry { name: name.to_owned(), stack_size_bytes: 65536, is_managed, ..Entry::default() }
}

/// Ports as `(name, direction, layout, entry)`, one index after the other.
pub(crate) fn interface(name: &str, ports: &[(&str, Direction, &str, u32)]) -> Interface {
    let mut index = 0;
    let port = |(port, direction, layout, entry): &(&str, Direction, &str, u32)| {
        let (name, max) = port.split_once('*').map_or((*port, 1), |(name, max)| {
            (name, max.parse::<u32>().expect("a number after `*`"))
        });
        let is_optional = name.ends_with('?');
        let (slot_size_bytes, slot_align_bytes, is_flexible) = match *layout {
            BYTES_LAYOUT => (8, 4, true),
            BLOB => (5000, 1, true),
            PARAMS_LAYOUT | LOG_LAYOUT => (256, 4, false),
            TIME_LAYOUT => (16, 8, false),
            CONTROL_LAYOUT => (512, 8, false),
            CONTROL_REPLY_LAYOUT => (256, 8, false),
            NUMBER => (8, 8, false),
            _ => (4, 4, false),
        };
        index += max;
        Port {
            index: index - max,
            name: name.trim_end_matches('?').to_owned(),
            entry: *entry,
            direction: *direction,
            slot_size_bytes,
            slot_align_bytes,
            is_flexible,
            max,
            is_optional,
            layout: (*layout).to_owned(),
        }
    };
    Interface {
        name: name.to_owned(),
        is_legacy: false,
        entries: vec![entry(false), entry(true)],
        ports: ports.iter().map(port).collect(),
        params: Vec::new(),
    }
}

pub(crate) fn param(name: &str, kind: ParamKind, default: Option<&str>) -> Param {
    let default = default.map(str::to_owned);
    Param { name: name.to_owned(), kind, default, help: "how often".to_owned(), port: 0 }
}

/// The modules that the tests' manifests name.
#[allow(clippy::too_many_lines, reason = "a list; not every test uses it")]
pub(crate) fn interfaces() -> BTreeMap<String, Interface> {
    use Direction::{Consumer, Producer};
    let mut tuned = interface(
        "tuned",
        &[("params", Consumer, PARAMS_LAYOUT, 0), ("out", Producer, BYTES_LAYOUT, 0)],
    );
    tuned.params = vec![
        param("encoding", ParamKind::Text, Some("hex")),
        param("count", ParamKind::Unsigned, None),
        param("shift", ParamKind::Signed, Some("-1")),
        param("fast", ParamKind::Boolean, Some("false")),
    ];
    let mut odd = tuned.clone();
    odd.params[2].default = Some("one".to_owned());
    let legacy = Interface { is_legacy: true, entries: vec![entry(false)], ..Interface::default() };
    let list = [
        (
            "filter",
            interface(
                "filter",
                &[
                    ("input", Consumer, BYTES_LAYOUT, 0),
                    ("output", Producer, BYTES_LAYOUT, 0),
                    ("log?", Producer, LOG_LAYOUT, 0),
                ],
            ),
        ),
        ("source", interface("source", &[("out", Producer, NUMBER, 0)])),
        ("sink", interface("sink", &[("in", Consumer, NUMBER, 0)])),
        ("sink32", interface("sink32", &[("in", Consumer, OTHER_NUMBER, 0)])),
        (
            "server",
            interface(
                "server",
                &[("request*3", Consumer, NUMBER, 0), ("answer?*3", Producer, NUMBER, 0)],
            ),
        ),
        (
            "client",
            interface("client", &[("ask", Producer, NUMBER, 0), ("told", Consumer, NUMBER, 0)]),
        ),
        ("relay", interface("relay", &[("in", Consumer, NUMBER, 0), ("out", Producer, NUMBER, 0)])),
        (
            "managed",
            interface("managed", &[("in", Consumer, NUMBER, 1), ("out", Producer, NUMBER, 1)]),
        ),
        ("pair", interface("pair", &[("a", Producer, NUMBER, 0), ("b", Consumer, NUMBER, 1)])),
        (
            "watch",
            interface(
                "watch",
                &[("time", Consumer, TIME_LAYOUT, 0), ("lines", Producer, LOG_LAYOUT, 0)],
            ),
        ),
        ("blob", interface("blob", &[("out", Producer, BLOB, 0)])),
        ("bare", interface("bare", &[("params", Consumer, PARAMS_LAYOUT, 0)])),
        ("feed", interface("feed", &[("out", Producer, PARAMS_LAYOUT, 0)])),
        ("wide", interface("wide", &[("out*300", Producer, NUMBER, 0)])),
        ("tuned", tuned),
        ("odd", odd),
        ("legacy", legacy),
    ];
    let list = list.into_iter().chain(control_interfaces());
    list.map(|(name, interface)| (name.to_owned(), interface)).collect()
}

/// Those that have to do with Ring control.
fn control_interfaces() -> [(&'static str, Interface); 4] {
    use Direction::{Consumer, Producer};
    [
        (
            "shell",
            interface(
                "shell",
                &[
                    ("asks", Producer, CONTROL_LAYOUT, 0),
                    ("hears", Consumer, CONTROL_REPLY_LAYOUT, 0),
                    ("more?*2", Producer, CONTROL_LAYOUT, 0),
                ],
            ),
        ),
        (
            "boss",
            interface(
                "boss",
                &[
                    ("asks", Producer, CONTROL_LAYOUT, 0),
                    ("hears", Consumer, CONTROL_REPLY_LAYOUT, 0),
                    ("feed?*2", Producer, NUMBER, 0),
                    ("told?*2", Consumer, NUMBER, 1),
                ],
            ),
        ),
        (
            "two",
            interface(
                "two",
                &[
                    ("a?", Producer, NUMBER, 0),
                    ("b?", Producer, NUMBER, 1),
                    ("c?", Producer, BYTES_LAYOUT, 1),
                    ("d?", Consumer, NUMBER, 1),
                    ("e?", Consumer, BYTES_LAYOUT, 0),
                ],
            ),
        ),
        ("echo", interface("echo", &[("out", Producer, CONTROL_REPLY_LAYOUT, 0)])),
    ]
}

/// Parses and resolves; the findings of both steps in order of place.
pub(crate) fn check(text: &[u8]) -> (Option<Plan>, Vec<Diagnostic>) {
    let (manifest, mut diagnostics) = Manifest::parse(text);
    let Some(manifest) = manifest else { return (None, diagnostics) };
    let files = ["in", "out"].map(str::to_owned);
    let options = ResolveOptions { files: BTreeSet::from(files) };
    let (plan, more) = manifest.resolve(&interfaces(), &options);
    // What a plan promises to kernels is kept by every manifest that has no error.
    if let Some(plan) = &plan {
        let bytes = plan.encode().expect("what resolves keeps its promises");
        assert_eq!(Plan::decode(&bytes).as_ref(), Ok(plan));
    }
    diagnostics.extend(more);
    sort_by_place(&mut diagnostics);
    (plan, diagnostics)
}
