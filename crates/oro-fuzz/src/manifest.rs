//! The target `manifest`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use oro_image::{Direction, Interface, ParamKind};
use oro_sysabi::{BYTES_LAYOUT, LOG_LAYOUT, PARAMS_LAYOUT};
use oro_system::{
    Diagnostic, Manifest, Plan, ResolveOptions, Severity, explain, line_column, sort_by_place,
};

use crate::system_modules::{self as common, NUMBER};

static INTERFACES: LazyLock<BTreeMap<String, Interface>> = LazyLock::new(|| {
    let mut interfaces = common::interfaces();
    interfaces.extend(list_examples());
    interfaces
});

/// Any bytes as a manifest (`SYS-1`): read and held against fixed modules, it gives findings, each with
/// its places within the text, or a plan that keeps its promises.
///
/// The modules are those of the tests of `oro-system` and of the examples; one of another name gets the
/// interface of one of these.
///
/// # Panics
///
/// If that does not hold.
#[must_use]
pub fn manifest(bytes: &[u8]) -> bool {
    let (manifest, mut findings) = Manifest::parse(bytes);
    check_findings(bytes, &findings);
    let Some(manifest) = manifest else {
        assert!(has_error(&findings), "nothing is said of why there is no manifest");
        return false;
    };
    for module in manifest.modules() {
        check_span(bytes, &module.span);
    }
    let (plan, more) = resolve(&manifest);
    check_findings(bytes, &more);
    findings.extend(more);
    sort_by_place(&mut findings);
    // Every module has been loaded.
    assert_eq!(plan.is_none(), has_error(&findings), "no error, no plan: {findings:?}");
    if let Some(plan) = &plan {
        let encoded = plan.encode().expect("what resolves keeps its promises");
        assert_eq!(Plan::decode(&encoded).as_ref(), Ok(plan));
    }
    // What can be loaded of the modules is not up to the manifest.
    let (no_plan, findings) = manifest.resolve(&BTreeMap::new(), &ResolveOptions::default());
    check_findings(bytes, &findings);
    let has_modules = manifest.modules().next().is_some();
    assert!(no_plan.is_none() || !has_modules, "a plan without its modules");
    plan.is_some()
}

/// The plan of a manifest by the same modules: seeds of the target `plan`.
#[must_use]
pub fn plan_of_manifest(text: &[u8]) -> Option<Plan> {
    resolve(&Manifest::parse(text).0?).0
}

fn resolve(manifest: &Manifest) -> (Option<Plan>, Vec<Diagnostic>) {
    let interfaces: BTreeMap<String, Interface> = manifest
        .modules()
        .map(|module| (module.name.clone(), choose_interface(&module.name).clone()))
        .collect();
    let files = ["in", "out", "input"].map(str::to_owned);
    manifest.resolve(&interfaces, &ResolveOptions { files: BTreeSet::from(files) })
}

/// Name, direction, type and thread of a port.
type Port = (&'static str, Direction, &'static str, u32);

const IN: Direction = Direction::Consumer;
const OUT: Direction = Direction::Producer;
/// The modules that the manifests of `examples/` and `conformance/` name and the tests do not, with
/// types that fit each other.
const EXAMPLES: [(&str, &[Port]); 8] = [
    ("double", &[("in", IN, NUMBER, 0), ("out", OUT, NUMBER, 0)]),
    ("print", &[("in", IN, NUMBER, 0), ("text", OUT, BYTES_LAYOUT, 0)]),
    ("witness", &[("out", OUT, BYTES_LAYOUT, 0), ("in", IN, BYTES_LAYOUT, 0)]),
    ("gunzip", &[("input", IN, BYTES_LAYOUT, 0), ("output", OUT, BYTES_LAYOUT, 0)]),
    ("digest", &[("input", IN, BYTES_LAYOUT, 0), ("report", OUT, BYTES_LAYOUT, 0)]),
    (
        "sha256",
        &[
            ("params", IN, PARAMS_LAYOUT, 0),
            ("input", IN, BYTES_LAYOUT, 0),
            ("digest", OUT, BYTES_LAYOUT, 0),
        ],
    ),
    (
        "threads",
        &[
            ("ranges", OUT, NUMBER, 0),
            ("work", IN, NUMBER, 1),
            ("counts", OUT, NUMBER, 1),
            ("results", IN, NUMBER, 0),
            ("text", OUT, BYTES_LAYOUT, 0),
        ],
    ),
    (
        "merge",
        &[
            ("slow_numbers", OUT, NUMBER, 0),
            ("fast_numbers", OUT, NUMBER, 0),
            ("left", IN, NUMBER, 1),
            ("right", IN, NUMBER, 1),
            ("log", OUT, LOG_LAYOUT, 1),
            ("text", OUT, BYTES_LAYOUT, 1),
        ],
    ),
];

fn list_examples() -> impl Iterator<Item = (String, Interface)> {
    EXAMPLES.into_iter().map(|(name, ports)| {
        let mut interface = common::interface(name, ports);
        if name == "sha256" {
            interface.params = vec![common::param("encoding", ParamKind::Text, Some("hex"))];
        }
        (name.to_owned(), interface)
    })
}

fn choose_interface(name: &str) -> &Interface {
    let number = name.bytes().fold(0, |sum, byte| sum + usize::from(byte));
    let other = || INTERFACES.values().nth(number % INTERFACES.len()).expect("within");
    INTERFACES.get(name).unwrap_or_else(other)
}

fn has_error(findings: &[Diagnostic]) -> bool {
    // Errors that there are too many of are counted in a warning.
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error || finding.code == "SYS-TOO-MANY")
}

fn check_findings(bytes: &[u8], findings: &[Diagnostic]) {
    for finding in findings {
        assert!(!finding.message.is_empty() && explain(finding.code).is_some(), "{finding:?}");
        assert!(!finding.labels.is_empty(), "a finding without a place: {finding:?}");
        for label in &finding.labels {
            check_span(bytes, &label.span);
        }
    }
    let place = |finding: &Diagnostic| finding.labels[0].span.start;
    assert!(findings.is_sorted_by_key(place), "findings are in order of place");
}

/// A place is within the text and cuts no character.
fn check_span(bytes: &[u8], span: &std::ops::Range<usize>) {
    assert!(span.start <= span.end && span.end <= bytes.len(), "{span:?} of {}", bytes.len());
    if let Ok(text) = str::from_utf8(bytes) {
        assert!(text.get(span.clone()).is_some(), "{span:?} cuts a character");
        let (line, column) = line_column(text, span.start);
        assert!(line >= 1 && column >= 1);
    }
}
