//! Finding a running system, and what is said if there is none: for `ports`, `inspect` and
//! `force-sync`.

use oro_kernel_linux::{AttachError, Attachment, PortNames};

use crate::exit;
use crate::problem::Problem;

/// The codes of these commands, and what they mean.
const CODES: [(&str, &str); 11] = [
    ("ATTACH-NONE-RUNS", "No system of this user's runs, so there is nothing to look at."),
    ("ATTACH-NOT-FOUND", "Systems run, but none has the name that was given."),
    (
        "ATTACH-SEVERAL",
        "More than one running system fits: name one, best by the process id of its `oro run`.",
    ),
    (
        "ATTACH-NO-SYSTEM",
        "The process that was given does not exist, or is no `oro run` that can be attached to: another \
         program, a process of a module, a run without a place for its socket \
         ($ORO_RUNTIME_DIR, else $XDG_RUNTIME_DIR/oro, /run/user/UID/oro or /tmp/oro-UID, which must belong to its user alone).",
    ),
    ("ATTACH-FORBIDDEN", "A system can be attached to by its own user and by root alone."),
    ("ATTACH-VERSION", "The system was started by an `oro` that speaks another protocol."),
    ("ATTACH-SILENT", "The system's supervisor did not answer in 5 seconds: it may be stopped."),
    ("ATTACH-ENDED", "The system has ended while it was being looked at."),
    ("ATTACH-REFUSED", "The system refuses what it was asked for, and says why."),
    (
        "ATTACH-STRANGE",
        "What the system says or shows makes no sense: a bug of `oro`, or no `oro`.",
    ),
    (
        "PORT-UNKNOWN",
        "No Port of the running system has this number or such an end, or several have it: then their \
         numbers say which is meant.",
    ),
];

/// What one of the codes means.
pub(crate) fn explain(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, text)| *text)
}

/// All codes.
pub(crate) fn list_codes() -> impl Iterator<Item = &'static str> {
    CODES.iter().map(|(code, _)| *code)
}

/// The problem that it is, and the exit code.
pub(crate) fn judge_error(error: &AttachError) -> (Problem, u8) {
    let code = if error.is_bad_input() { exit::BAD_INPUT } else { exit::FAILED };
    let problem = Problem::error(error.code(), error.to_string());
    match error.help() {
        Some(help) => (problem.with_help(help), code),
        None => (problem, code),
    }
}

/// The index of the Port that is meant.
pub(crate) fn find_port(
    attachment: &Attachment,
    count: usize,
    wanted: &str,
) -> Result<usize, Problem> {
    let names: Vec<PortNames> =
        (0..count).map(|index| attachment.port_names(index).cloned().unwrap_or_default()).collect();
    choose_port(&names, wanted)
}

fn choose_port(ports: &[PortNames], wanted: &str) -> Result<usize, Problem> {
    let fits = |port: &PortNames| port.from == wanted || port.to == wanted;
    let matches: Vec<usize> = (0..ports.len()).filter(|index| fits(&ports[*index])).collect();
    if let [index] = matches[..] {
        return Ok(index);
    }
    if let Some(index) = wanted.parse().ok().filter(|index| *index < ports.len()) {
        return Ok(index);
    }
    let shown = |index: &usize| format!("{index} ({} -> {})", ports[*index].from, ports[*index].to);
    if !matches.is_empty() {
        let message = format!("{} Ports end at `{wanted}`", matches.len());
        let list: Vec<String> = matches.iter().take(8).map(shown).collect();
        let help = format!("give the number of one: {}", list.join(", "));
        return Err(Problem::error("PORT-UNKNOWN", message).with_help(help));
    }
    let problem = Problem::error("PORT-UNKNOWN", format!("no Port ends at `{wanted}`"));
    let ends = ports.iter().flat_map(|port| [port.from.as_str(), port.to.as_str()]);
    let closest = ends.map(|end| (count_edits(wanted, end), end)).min();
    Err(match closest {
        Some((edits, end)) if edits <= (wanted.len() / 3).max(1) => {
            problem.with_help(format!("did you mean `{end}`?"))
        }
        Some(_) => problem.with_help(list_relatives(ports, wanted)),
        None => problem.with_help("this system has no Ports"),
    })
}

/// The ends of the instance that is meant, if there is one of that name.
fn list_relatives(ports: &[PortNames], wanted: &str) -> String {
    let owner = wanted.split('.').next().unwrap_or_default();
    let ends = ports.iter().flat_map(|port| [port.from.as_str(), port.to.as_str()]);
    let is_relative = |end: &&str| end.split('.').next() == Some(owner);
    let relatives: Vec<&str> = ends.filter(is_relative).take(8).collect();
    match relatives[..] {
        [] => "`oro ports` lists them".to_owned(),
        _ => format!("Ports of `{owner}` end at {}", relatives.join(", ")),
    }
}

/// How many bytes must be put in, taken out or replaced to make one text the other; of long texts,
/// which are no names, it is not computed.
fn count_edits(from: &str, to: &str) -> usize {
    if from.len() > 128 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, byte) in from.bytes().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (index, other) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(byte != other);
            diagonal = row[index + 1];
            row[index + 1] = replaced.min(row[index] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(from: &str, to: &str) -> PortNames {
        PortNames { from: from.to_owned(), to: to.to_owned(), ..PortNames::default() }
    }

    #[test]
    fn a_port_is_found_by_either_end_or_its_number() {
        let ports =
            [port("a.out", "b.in"), port("b.out", "null.bytes"), port("b.log[2]", "null.bytes")];
        assert_eq!(choose_port(&ports, "a.out").unwrap(), 0);
        assert_eq!(choose_port(&ports, "b.in").unwrap(), 0);
        assert_eq!(choose_port(&ports, "b.log[2]").unwrap(), 2);
        assert_eq!(choose_port(&ports, "1").unwrap(), 1);
        let help = |wanted| choose_port(&ports, wanted).unwrap_err().help.unwrap();
        assert_eq!(help("a.uot"), "Ports of `a` end at a.out");
        assert_eq!(help("a.ot"), "did you mean `a.out`?");
        assert_eq!(help("3"), "`oro ports` lists them");
        assert!(help("null.bytes").contains("1 (b.out -> null.bytes), 2 (b.log[2] -> null.bytes)"));
        assert_eq!(choose_port(&[], "x").unwrap_err().help.unwrap(), "this system has no Ports");
        assert!(choose_port(&ports, &"x".repeat(10_000)).is_err());
    }

    #[test]
    fn edits_are_counted() {
        for (from, to, count) in
            [("", "", 0), ("ab", "", 2), ("kitten", "sitting", 3), ("a", "a", 0)]
        {
            assert_eq!(count_edits(from, to), count, "{from} {to}");
        }
    }
}
