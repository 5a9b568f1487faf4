//! Finding a running system, and what is said if there is none: for `ports`, `inspect`, `force-sync` and
//! `ring`.

use oro_kernel_linux::{AttachError, PortNames, PortPicture};

use crate::exit;
use crate::picture::Sight;
use crate::problem::Problem;

/// The problem that it is, and the exit code.
pub(crate) fn judge_error(error: &AttachError) -> (Problem, u8) {
    let code = if error.is_bad_input() { exit::BAD_INPUT } else { exit::FAILED };
    let problem = Problem::error(error.code(), error.to_string());
    match error.help() {
        Some(help) => (problem.with_help(help), code),
        None => (problem, code),
    }
}

/// The Port that is meant.
pub(crate) fn find_port<'a>(
    sight: &'a Sight,
    wanted: &str,
) -> Result<(&'a PortPicture, &'a PortNames), Problem> {
    let numbers: Vec<usize> = sight.picture.ports.iter().map(|port| port.index).collect();
    let index = choose_port(&sight.names, &numbers, wanted)?;
    Ok((&sight.picture.ports[index], &sight.names[index]))
}

/// What is wanted is a number, an end, or both ends as `oro ports` shows them: `a.out -> b.in`.
fn choose_port(ports: &[PortNames], numbers: &[usize], wanted: &str) -> Result<usize, Problem> {
    let fits = |port: &PortNames| match wanted.split_once("->") {
        Some((from, to)) => port.from == from.trim() && port.to == to.trim(),
        None => port.from == wanted || port.to == wanted,
    };
    let matches: Vec<usize> = (0..ports.len()).filter(|index| fits(&ports[*index])).collect();
    match (&matches[..], wanted.parse::<usize>()) {
        ([index], _) => Ok(*index),
        ([], Ok(number)) => numbers
            .iter()
            .position(|known| *known == number)
            .ok_or_else(|| report_number(numbers, number)),
        ([], Err(_)) => Err(report_end(ports, wanted)),
        (several, _) => Err(report_several(ports, numbers, several, wanted)),
    }
}

fn report_number(numbers: &[usize], wanted: usize) -> Problem {
    let which = match numbers {
        [] => "this system has none".to_owned(),
        [only] => format!("the only one is Port {only}"),
        [first, .., last] => format!("they go from {first} to {last}"),
    };
    Problem::error("PORT-UNKNOWN", format!("there is no Port {wanted}; {which}"))
}

fn report_end(ports: &[PortNames], wanted: &str) -> Problem {
    let problem = match wanted.split_once("->") {
        Some(_) => Problem::error("PORT-UNKNOWN", format!("there is no Port `{wanted}`")),
        None => Problem::error("PORT-UNKNOWN", format!("no Port ends at `{wanted}`")),
    };
    if ports.is_empty() {
        return problem.with_help("this system has no Ports");
    }
    let ends = ports.iter().flat_map(|port| [port.from.as_str(), port.to.as_str()]);
    match oro_system::nearest_names(wanted, ends).first() {
        Some(end) => problem.with_help(format!("did you mean `{end}`?")),
        None => problem.with_help(list_relatives(ports, wanted)),
    }
}

fn report_several(
    ports: &[PortNames],
    numbers: &[usize],
    matches: &[usize],
    wanted: &str,
) -> Problem {
    let shown = |index: &usize| {
        let PortNames { from, to, .. } = &ports[*index];
        format!("{} ({from} -> {to})", numbers[*index])
    };
    let list: Vec<String> = matches.iter().take(8).map(shown).collect();
    Problem::error("PORT-UNKNOWN", format!("{} Ports end at `{wanted}`", matches.len()))
        .with_help(format!("give the number of one: {}", list.join(", ")))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Among Ports of these numbers.
    fn choose_port(ports: &[PortNames], wanted: &str) -> Result<usize, Problem> {
        let numbers: Vec<usize> = (0..ports.len()).collect();
        super::choose_port(ports, &numbers, wanted)
    }

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
        assert_eq!(help("a.uot"), "did you mean `a.out`?");
        assert_eq!(help("a.ot"), "did you mean `a.out`?");
        assert_eq!(help("a.errors"), "Ports of `a` end at a.out");
        assert_eq!(help("elsewhere"), "`oro ports` lists them");
        assert!(help("null.bytes").contains("1 (b.out -> null.bytes), 2 (b.log[2] -> null.bytes)"));
        assert_eq!(choose_port(&[], "x").unwrap_err().help.unwrap(), "this system has no Ports");
        assert!(choose_port(&ports, &"x".repeat(10_000)).is_err());
    }

    /// Numbers of Ports that have gone are nobody's.
    #[test]
    fn ctl_10_a_port_is_found_by_its_own_number() {
        let ports = [port("a.out", "b.in"), port("b.out", "null.bytes")];
        let choose = |wanted| super::choose_port(&ports, &[0, 7], wanted);
        assert_eq!((choose("7").unwrap(), choose("0").unwrap()), (1, 0));
        assert_eq!(choose("1").unwrap_err().message, "there is no Port 1; they go from 0 to 7");
    }

    /// What `oro ports` prints can be pasted.
    #[test]
    fn a_port_is_found_by_both_ends() {
        let ports =
            [port("a.out", "b.in"), port("b.out", "null.bytes"), port("c.out", "null.bytes")];
        for (wanted, index) in
            [("a.out -> b.in", Ok(0)), ("c.out->null.bytes", Ok(2)), ("b.out -> b.in", Err(()))]
        {
            assert_eq!(choose_port(&ports, wanted).map_err(|_| ()), index, "{wanted}");
        }
    }

    #[test]
    fn an_unknown_number_is_told_with_those_that_there_are() {
        let ports = [port("a.out", "b.in"), port("b.out", "null.bytes")];
        for (count, expected) in [
            (2, "there is no Port 99; they go from 0 to 1"),
            (1, "there is no Port 99; the only one is Port 0"),
            (0, "there is no Port 99; this system has none"),
        ] {
            assert_eq!(choose_port(&ports[..count], "99").unwrap_err().message, expected);
        }
    }
}
