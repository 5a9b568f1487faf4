//! `oro explain`: what a code means, of whatever says it, or a clause of the specification that a
//! report names as the broken rule; and what a family of either (`MODE`, `ATTACH`) has.

use std::collections::BTreeSet;

use crate::args::ExplainArguments;
use crate::codes;
use crate::exit;
use crate::output::{escape_controls, write_data, write_note};

/// The specification, so that an installed `oro` can cite it.
const SPECIFICATION: [&str; 8] = [
    include_str!("../../../docs/spec/entry.md"),
    include_str!("../../../docs/spec/metadata.md"),
    include_str!("../../../docs/spec/ports.md"),
    include_str!("../../../docs/spec/images.md"),
    include_str!("../../../docs/spec/rings.md"),
    include_str!("../../../docs/spec/control.md"),
    include_str!("../../../docs/spec/systems.md"),
    include_str!("../../../docs/spec/kernels.md"),
];

/// Runs the command and gives the exit code.
pub(crate) fn explain_code(arguments: &ExplainArguments) -> u8 {
    let code = arguments.code.to_ascii_uppercase();
    if let Some(text) = explain(&code) {
        return write_data(&format!("{code}: {text}\n"), exit::OK);
    }
    let family = show_family(code.trim_end_matches(['*', '-']));
    if !family.is_empty() {
        return write_data(&family, exit::OK);
    }
    let given = escape_controls(&arguments.code);
    write_note(&format!("oro: no code or clause is called `{given}`; {}\n", advise(&code)));
    exit::BAD_INPUT
}

fn explain(code: &str) -> Option<String> {
    find_clause(code)
        .or_else(|| oro_system::explain(code))
        .or_else(|| codes::explain(code))
        .map(str::to_owned)
        .or_else(|| oro_image::explain(code))
}

/// Names and texts of all clauses, in their order.
fn list_clauses() -> impl Iterator<Item = (&'static str, &'static str)> {
    SPECIFICATION
        .iter()
        .flat_map(|page| page.lines())
        .filter_map(|line| line.strip_prefix("- **")?.split_once("** "))
}

fn find_clause(code: &str) -> Option<&'static str> {
    list_clauses().find(|(name, _)| *name == code).map(|(_, text)| text)
}

/// Clauses and codes.
fn list_names() -> impl Iterator<Item = &'static str> {
    let clauses = list_clauses().map(|(name, _)| name);
    let codes = oro_system::list_codes().chain(codes::list_codes()).chain(oro_image::list_codes());
    clauses.chain(codes)
}

fn family_of(name: &str) -> &str {
    name.split('-').next().unwrap_or_default()
}

/// The clauses and codes of a family, a line each; empty if there is none.
fn show_family(family: &str) -> String {
    list_names()
        .filter(|name| family_of(name) == family)
        .filter_map(|name| Some(format!("{name}: {}\n", explain(name)?)))
        .collect()
}

/// What may have been meant instead of a code that there is not.
fn advise(code: &str) -> String {
    let families: BTreeSet<&str> =
        list_names().filter(|name| name.contains('-')).map(family_of).collect();
    let nearest = oro_system::nearest_names(code, list_names().chain(families.iter().copied()));
    let family = family_of(code);
    // Near the number of a clause are all the others.
    if !nearest.is_empty() && !code.ends_with(|last: char| last.is_ascii_digit()) {
        let list: Vec<&str> = nearest.into_iter().take(5).collect();
        return format!("did you mean {}?", list.join(", "));
    }
    if list_names().any(|name| family_of(name) == family) {
        return format!("`oro explain {family}` lists those of {family}");
    }
    let families: Vec<&str> = families.into_iter().collect();
    format!("they begin with {}; `oro explain MODE` lists those of MODE", families.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_are_found_whole_and_alone() {
        assert_eq!(find_clause("LIM-5"), Some("A thread has at most 256 endpoints."));
        assert_eq!(find_clause("LIM-1"), Some("A slot has at most 16 MiB."));
        assert_eq!(find_clause("SUCH-IS-NOT"), None);
    }

    /// `MODE` are the clauses MODE-1 and so on; `SYS` are clauses and codes.
    #[test]
    fn a_family_is_listed_a_line_each() {
        let text = show_family("MODE");
        assert!(text.lines().count() >= 8, "{text}");
        assert!(text.lines().all(|line| line.starts_with("MODE-")), "{text}");
        let text = show_family("SYS");
        assert!(text.contains("SYS-1: ") && text.contains("\nSYS-TYPE: "), "{text}");
        assert!(!text.contains("SYSTEM-"), "{text}");
        assert_eq!(show_family("MOD"), "");
    }

    #[test]
    fn what_is_unknown_is_answered_with_what_is_near() {
        assert_eq!(advise("SYS-FIEL"), "did you mean SYS-FILE?");
        assert_eq!(advise("DEADLOK"), "did you mean DEADLOCK?");
        assert_eq!(advise("ATTCH"), "did you mean ATTACH?");
        assert_eq!(advise(concat!("MODE-", 99)), "`oro explain MODE` lists those of MODE");
        let text = advise("QQQQQQQQ");
        assert!(
            text.contains("ATTACH, ") && !text.contains("ATTACH-") && text.len() < 300,
            "{text}"
        );
    }

    /// A code has one meaning.
    #[test]
    fn no_name_is_given_twice() {
        let mut names = BTreeSet::new();
        for name in list_names() {
            assert!(names.insert(name), "{name}");
            assert!(explain(name).is_some(), "{name}");
        }
    }
}
