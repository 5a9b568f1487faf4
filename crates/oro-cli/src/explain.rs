//! `oro explain`: what a code means: one of the manifest's diagnostics, one of those of running
//! systems, or a clause of the specification that a report names as the broken rule.

use crate::args::ExplainArguments;
use crate::attach;
use crate::exit;
use crate::output::{escape_controls, write_data, write_note};

/// The specification, so that an installed `oro` can cite it.
const SPECIFICATION: [&str; 6] = [
    include_str!("../../../docs/spec/entry.md"),
    include_str!("../../../docs/spec/metadata.md"),
    include_str!("../../../docs/spec/ports.md"),
    include_str!("../../../docs/spec/images.md"),
    include_str!("../../../docs/spec/systems.md"),
    include_str!("../../../docs/spec/kernels.md"),
];

/// Runs the command and gives the exit code.
pub(crate) fn explain_code(arguments: &ExplainArguments) -> u8 {
    let code = arguments.code.to_ascii_uppercase();
    if let Some(text) =
        find_clause(&code).or_else(|| oro_system::explain(&code)).or_else(|| attach::explain(&code))
    {
        return write_data(&format!("{code}: {text}\n"), exit::OK);
    }
    let known: Vec<&str> = oro_system::list_codes().collect();
    let attached: Vec<&str> = attach::list_codes().collect();
    write_note(&format!(
        "oro: no code or clause is called `{}`; clauses are those of docs/spec, such as NAIVE-4, \
         codes of manifests are: {}; those of running systems: {}\n",
        escape_controls(&arguments.code),
        known.join(", "),
        attached.join(", ")
    ));
    exit::BAD_INPUT
}

/// The text of a clause: the rest of the line that begins with `- **CODE** `.
fn find_clause(code: &str) -> Option<&'static str> {
    let mark = format!("- **{code}** ");
    SPECIFICATION.iter().flat_map(|page| page.lines()).find_map(|line| line.strip_prefix(&mark))
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
}
