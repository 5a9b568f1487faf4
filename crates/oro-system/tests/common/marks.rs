//! Manifests with marked places, and what is found there.

use oro_system::{Diagnostic, Plan, Severity, explain, line_column};

use crate::common::check;

/// Checks a manifest with marked places: exactly these codes, in the order of the marks, each with
/// this in its help. Its plan, if nothing of them is an error.
pub(crate) fn expect(marked: &str, findings: &[(&str, &str)]) -> Option<Plan> {
    let (text, places) = split_marks(marked);
    let (plan, diagnostics) = check(text.as_bytes());
    let show = |diagnostic: &Diagnostic| {
        let place = line_column(&text, diagnostic.labels[0].span.start);
        format!("{place:?} {diagnostic:?}")
    };
    let all = diagnostics.iter().map(show).collect::<Vec<_>>().join("\n");
    assert_eq!(diagnostics.len(), findings.len(), "{text}\n{all}");
    assert_eq!(places.len(), findings.len(), "marks of {marked}");
    for (((code, help), place), found) in findings.iter().zip(places).zip(&diagnostics) {
        assert_eq!(found.code, *code, "{text}\n{all}");
        assert_eq!(line_column(&text, found.labels[0].span.start), place, "{text}\n{all}");
        let own = found.help.as_deref().unwrap_or_default();
        assert!(own.contains(help), "`{own}` lacks `{help}`");
        assert!(explain(found.code).is_some(), "{} is not explained", found.code);
    }
    let is_refused = diagnostics.iter().any(|found| found.severity == Severity::Error);
    assert_eq!(plan.is_none(), is_refused, "{text}\n{all}");
    plan
}

/// A manifest with `@@` before each place where a finding is expected: the text without the marks,
/// and lines and columns, from 1, of the marks.
pub(crate) fn split_marks(marked: &str) -> (String, Vec<(usize, usize)>) {
    let mut places = Vec::new();
    for (line, content) in marked.split('\n').enumerate() {
        let mut column = 1;
        let parts: Vec<_> = content.split("@@").collect();
        for part in &parts[..parts.len() - 1] {
            column += part.chars().count();
            places.push((line + 1, column));
        }
    }
    (marked.replace("@@", ""), places)
}
