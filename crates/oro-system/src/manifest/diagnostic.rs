//! [`Diagnostic`]: one finding in a manifest, with its places; [`Report`] collects them.

use std::ops::Range;

use crate::rules::{count_allowed_edits, count_edits, is_comparable};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The system cannot be started.
    Error,
    /// The system can be started, but probably does not do what was meant.
    Warning,
}

/// A place in the manifest and what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Bytes of the manifest's text.
    pub span: Range<usize>,
    /// What is there.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, for [`explain`](crate::explain).
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, in a line.
    pub message: String,
    /// Places, at least one; the first is where the finding is.
    pub labels: Vec<Label>,
    /// What would be right.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(super) fn error(
        code: &'static str,
        message: impl Into<String>,
        span: Range<usize>,
        text: impl Into<String>,
    ) -> Self {
        let labels = vec![Label { span, text: text.into() }];
        Self { code, severity: Severity::Error, message: message.into(), labels, help: None }
    }

    pub(super) fn warning(
        code: &'static str,
        message: impl Into<String>,
        span: Range<usize>,
        text: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message, span, text) }
    }

    pub(super) fn with_label(mut self, span: Range<usize>, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Line and column, both from 1, of a byte offset; columns count characters.
///
/// An offset past the end is that of the end, one within a character that of the character.
///
/// ```
/// assert_eq!(oro_system::line_column("oro = 1\nä = 2\n", 11), (2, 3));
/// ```
#[must_use]
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = text.get(..offset).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (line, before.get(line_start..).unwrap_or_default().chars().count() + 1)
}

/// Sorts findings by their first place; those of one place stay in their order.
pub fn sort_by_place(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(first_offset);
}

fn first_offset(diagnostic: &Diagnostic) -> usize {
    diagnostic.labels.first().map_or(0, |label| label.span.start)
}

/// Most findings of one step; what is beyond is counted.
const MAX_DIAGNOSTICS: usize = 1000;
/// Most names that are compared for did-you-mean in one step, so that a hostile manifest of 1 MiB
/// cannot keep the tool busy.
const MAX_COMPARISONS: usize = 1 << 15;

/// Collects findings.
#[derive(Debug, Default)]
pub(super) struct Report {
    diagnostics: Vec<Diagnostic>,
    surplus: usize,
    has_error: bool,
    hidden: Vec<Range<usize>>,
    comparisons: usize,
}

impl Report {
    /// Adds a finding, unless it is of a line that is hidden.
    pub(super) fn add(&mut self, diagnostic: Diagnostic) {
        let offset = first_offset(&diagnostic);
        let after = self.hidden.partition_point(|line| line.start <= offset);
        if after.checked_sub(1).is_some_and(|index| self.hidden[index].contains(&offset)) {
            return;
        }
        self.has_error |= diagnostic.severity == Severity::Error;
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        } else {
            self.surplus += 1;
        }
    }

    /// Counts an error that would not be shown any more; whether that was so. Spares the work of
    /// finding words for it.
    pub(super) fn skip_error(&mut self) -> bool {
        let is_full = self.diagnostics.len() >= MAX_DIAGNOSTICS;
        self.has_error |= is_full;
        self.surplus += usize::from(is_full);
        is_full
    }

    /// Says nothing more of these lines (sorted): they are no TOML, which has been reported.
    pub(super) fn hide_lines(&mut self, lines: &[Range<usize>]) {
        self.hidden = lines.to_vec();
    }

    /// The candidate that a misspelt name probably means.
    pub(super) fn suggest<'a>(
        &mut self,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        let most_edits = count_allowed_edits(name);
        let mut best = None;
        for candidate in candidates {
            if self.comparisons >= MAX_COMPARISONS {
                break;
            }
            if !is_comparable(name, candidate) {
                continue;
            }
            self.comparisons += 1;
            let edits = count_edits(name, candidate);
            if edits <= most_edits && best.is_none_or(|(least, _)| edits < least) {
                best = Some((edits, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
    }

    /// Whether there was an error, also one that is not shown, and the findings in order of place.
    pub(super) fn finish(mut self) -> (bool, Vec<Diagnostic>) {
        sort_by_place(&mut self.diagnostics);
        if self.surplus > 0
            && let Some(last) = self.diagnostics.last().and_then(|last| last.labels.first())
        {
            let message = format!("{} more findings are not shown", self.surplus);
            let span = last.span.clone();
            let label = "the last one that is shown";
            let note = Diagnostic::warning("SYS-TOO-MANY", message, span, label)
                .with_help("mend these first, then check again");
            self.diagnostics.push(note);
        }
        (self.has_error, self.diagnostics)
    }
}
