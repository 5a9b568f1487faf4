//! `[instance.NAME]`, in the root or in a Ring (`SYS-3`).

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::Manifest;
use super::diagnostic::{Diagnostic, Report};
use super::entries::{InstanceEntry, Located, ParamEntry, ParamValue};
use super::read::{bound, check_name, read_names, report_missing};
use super::restart::read_restart;
use super::table::{
    Field, Keys, list_fields, name_kind, read_fields, read_integer, read_size, read_table,
    read_text,
};
use crate::names::RESERVED_NAMES;
use crate::rules::show_size;
use crate::{MAX_HEAP_BYTES, MAX_INSTANCES, MAX_MODULES, PlanRestart};

const INSTANCE: Keys = Keys {
    table: "an instance",
    known: &["module", "modules", "params", "quota", "restart"],
    later: &["device"],
    elsewhere: &[("grant", "a grant is a Ring's: write it below `[ring.NAME]`")],
};
const QUOTA: Keys = Keys {
    table: "an instance's quota",
    known: &["heap", "memory"],
    later: &[],
    elsewhere: &[
        ("ports", "a Ring's quota has it: put the instance in a Ring (RING-9)"),
        ("threads", "a Ring's quota has it: put the instance in a Ring (RING-9)"),
    ],
};

/// Reads the instances of all Rings, each with the number of its own, in order of place.
pub(super) fn read_instances(
    fields: Vec<(Field<'_>, usize)>,
    manifest: &mut Manifest,
    report: &mut Report,
) {
    let mut placed = Vec::new();
    for (field, ring) in fields {
        let span = field.key_span.clone();
        placed.push(((field, ring), span));
    }
    placed.sort_by_key(|(_, span)| span.start);
    for ((field, ring), _) in bound(placed, MAX_INSTANCES, "instances", report) {
        check_name(&field.key, &field.key_span, "instance", report);
        check_reserved(&field.key, &field.key_span, "instance", report);
        let mut entry = InstanceEntry {
            name: Located { value: field.key.clone(), span: field.key_span.clone() },
            ring,
            path: manifest.rings[ring].show_inner(&field.key),
            module: None,
            params: Vec::new(),
            heap: None,
            memory: None,
            restart: PlanRestart::default(),
            modules: Vec::new(),
        };
        if let Some(table) = read_table(&field, "write `[instance.NAME]`", report) {
            read_instance(table, &mut entry, manifest.is_incomplete, report);
        }
        manifest.instances.push(entry);
    }
}

/// Reports a name that is a built-in instance's, of those to come as well.
pub(super) fn check_reserved(name: &str, span: &Range<usize>, what: &str, report: &mut Report) {
    if RESERVED_NAMES.contains(&name) {
        report.add(
            Diagnostic::error(
                "SYS-NAME",
                format!("`{name}` is the name of a built-in instance"),
                span.clone(),
                "taken",
            )
            .with_help(format!("give the {what} another name")),
        );
    }
}

fn read_instance(
    table: &DeTable<'_>,
    entry: &mut InstanceEntry,
    is_incomplete: bool,
    report: &mut Report,
) {
    let fields = read_fields(table, &INSTANCE, report);
    let help = "name one of `[modules]`: `module = \"name\"`";
    match fields.get("module") {
        Some(field) => entry.module = read_text(field, help, report),
        None if is_incomplete => {}
        None => report_missing("module", "an instance", &entry.name.span, help, report),
    }
    if let Some(field) = fields.get("params")
        && let Some(table) = read_table(field, "write `params = { name = value }`", report)
    {
        entry.params = list_fields(table).into_iter().map(read_param).collect();
    }
    if let Some(field) = fields.get("quota")
        && let Some(table) = read_table(field, "write `quota = { heap = \"256K\" }`", report)
    {
        let fields = read_fields(table, &QUOTA, report);
        let heap = fields.get("heap").and_then(|field| read_size(field, report));
        entry.heap = heap.and_then(|heap| check_heap(heap, report));
        let memory = fields.get("memory");
        entry.memory = memory.and_then(|field| read_memory(field, "an instance", report));
    }
    if let Some(field) = fields.get("restart") {
        entry.restart = read_restart(field, is_incomplete, report);
    }
    if let Some(field) = fields.get("modules") {
        let help = "write `modules = [\"a\", \"b\"]`, with names of `[modules]`";
        (entry.modules, _) = read_names(field, help, (MAX_MODULES, "modules to mount"), report);
    }
}

fn check_heap(heap: Located<u64>, report: &mut Report) -> Option<Located<u64>> {
    if heap.value <= MAX_HEAP_BYTES {
        return Some(heap);
    }
    report.add(
        Diagnostic::error("SYS-LIMIT", "the heap is too large", heap.span, "over the limit")
            .with_help(format!("a heap has at most {}", show_size(MAX_HEAP_BYTES))),
    );
    None
}

/// The memory of a quota, which is not 0; anything else is reported.
pub(super) fn read_memory(
    field: &Field<'_>,
    whose: &str,
    report: &mut Report,
) -> Option<Located<u64>> {
    let memory = read_size(field, report)?;
    if memory.value > 0 {
        return Some(memory);
    }
    report.add(
        Diagnostic::error(
            "SYS-QUOTA",
            format!("{whose} needs memory"),
            memory.span,
            "nothing could start",
        )
        .with_help("leave `memory` out for no limit"),
    );
    None
}

fn read_param(field: Field<'_>) -> ParamEntry {
    let value = match field.value {
        DeValue::String(text) => ParamValue::Text(text.to_string()),
        DeValue::Integer(_) => ParamValue::Integer(read_integer(field.value)),
        DeValue::Boolean(value) => ParamValue::Boolean(*value),
        other => ParamValue::Other(name_kind(other)),
    };
    ParamEntry {
        name: Located { value: field.key, span: field.key_span },
        value: Located { value, span: field.span },
    }
}
