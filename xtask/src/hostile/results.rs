//! What came of the catalogue's modules, inputs and tests, as the tests' output tells ([`Results`]), and
//! whether it is what a row says ([`judge`]).

use std::collections::BTreeMap;

use super::catalogue::{Proof, Row};

/// What came of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Came {
    /// As its file, or the test itself, says.
    pub(crate) is_right: bool,
    /// A letter and more; of a test nothing but whether it has passed is known.
    pub(crate) text: String,
}

/// By the names of the catalogue.
#[derive(Debug, Default)]
pub(crate) struct Results(BTreeMap<String, Vec<Came>>);

impl Results {
    /// Adds lines such as `ok    NAME   K trap END-5; 12 faults`; gives how many there were.
    pub(crate) fn add_list(&mut self, output: &str) -> usize {
        let mut count = 0;
        for line in output.lines() {
            // The test runner's dots may stand before the first line of a test.
            let line = line.trim_start_matches('.');
            let (is_right, rest) = match (line.strip_prefix("ok    "), line.strip_prefix("WRONG "))
            {
                (Some(rest), _) => (true, rest),
                (None, Some(rest)) => (false, rest),
                (None, None) => continue,
            };
            let Some((name, text)) = rest.split_once(' ') else { continue };
            let came = Came { is_right, text: text.trim().to_owned() };
            self.0.entry(name.to_owned()).or_default().push(came);
            count += 1;
        }
        count
    }

    /// Adds lines such as `test PATH ... ok` of a target, `CRATE/TARGET`.
    pub(crate) fn add_tests(&mut self, output: &str, target: &str) {
        for line in output.lines() {
            let Some((path, result)) =
                line.strip_prefix("test ").and_then(|line| line.rsplit_once(" ... "))
            else {
                continue;
            };
            let came = Came { is_right: result == "ok", text: format!("test {result}") };
            self.0.entry(format!("{target}::{path}")).or_default().push(came);
        }
    }

    pub(crate) fn get(&self, name: &str) -> &[Came] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

/// How a row has come out.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// What came of it, in a few words.
    pub(crate) summary: String,
    /// What is not as it must be; empty if all is.
    pub(crate) wrong: Vec<String>,
}

/// Holds results against a row.
pub(crate) fn judge(row: &Row, results: &Results) -> Verdict {
    let (mut wrong, mut kinds, mut tests) = (Vec::new(), Vec::<&str>::new(), 0);
    for proof in &row.proofs {
        let name = match proof {
            Proof::Input(name) => name.clone(),
            Proof::Test(test) => test.name(),
            Proof::Page(_) => continue,
        };
        let came = results.get(&name);
        if came.is_empty() {
            wrong.push(format!("{name}: has not run"));
        }
        for one in came {
            if !one.is_right {
                wrong.push(format!("{name}: {}", one.text));
            }
            if matches!(proof, Proof::Test(_)) {
                tests += usize::from(one.is_right);
                continue;
            }
            // Where chance or the moment decides, a bound holds whatever ends it.
            let letter = one.text.chars().next().unwrap_or('-');
            if !row.must.contains(letter) && !row.must.contains('B') {
                wrong.push(format!("{name}: {letter} instead of {}", row.must));
            }
            let kind = one.text.split(';').next().unwrap_or_default();
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    const SHOWN: usize = 3;
    let mut parts: Vec<String> = kinds.iter().take(SHOWN).map(|kind| (*kind).to_owned()).collect();
    if kinds.len() > SHOWN {
        parts.push(format!("{} more", kinds.len() - SHOWN));
    }
    match tests {
        0 => {}
        1 => parts.push("1 test".to_owned()),
        _ => parts.push(format!("{tests} tests")),
    }
    Verdict { summary: parts.join(", "), wrong }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::Test;
    use super::*;

    fn row(must: &str) -> Row {
        let test = Test { package: "a".into(), target: "b".into(), path: "c".into() };
        Row {
            group: "G".into(),
            tried: "t".into(),
            must: must.into(),
            proofs: vec![Proof::Input("one".into()), Proof::Test(test)],
            reason: None,
        }
    }

    fn results(list: &str, tests: &str) -> Results {
        let mut results = Results::default();
        results.add_list(list);
        results.add_tests(tests, "a/b");
        results
    }

    const LIST: &str = "\nrunning 2 tests\n.ok    one    K trap END-5; 3 faults []\nok: no\n";

    #[test]
    fn what_is_right_is_summed_up() {
        let verdict = judge(&row("K"), &results(LIST, "test c ... ok\ntest d ... FAILED\n"));
        assert_eq!(verdict.wrong, Vec::<String>::new());
        assert_eq!(verdict.summary, "K trap END-5, 1 test");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong =
            |must: &str, list: &str, tests: &str| judge(&row(must), &results(list, tests)).wrong;
        assert_eq!(wrong("N", LIST, "test c ... ok"), ["one: K instead of N"]);
        assert_eq!(wrong("B", LIST, "test c ... ok"), Vec::<String>::new());
        assert_eq!(wrong("K", "", "test c ... ok"), ["one: has not run"]);
        assert_eq!(wrong("K", LIST, ""), ["a/b::c: has not run"]);
        assert_eq!(wrong("K", LIST, "test c ... FAILED"), ["a/b::c: test FAILED"]);
        let list = "WRONG one   K trap END-5; x";
        assert_eq!(wrong("K", list, "test c ... ok"), ["one: K trap END-5; x"]);
    }
}
