//! [`Problem`]: something that is wrong with the input, its places, and what would be right; shown
//! to people with the lines of the manifest, to tools as JSON.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};
use oro_system::{Diagnostic, Severity, line_column};
use serde::Serialize;

use crate::output::{Style, escape_controls, is_harmless, write_note};

/// The most problems that are shown to people; tools get all.
const MAX_SHOWN: usize = 50;
/// Longer lines are not shown: they help nobody, and many of them flood the screen.
const MAX_LINE_BYTES: usize = 400;

/// The text that places are in.
#[derive(Debug)]
pub(crate) struct Source {
    path: String,
    /// Valid UTF-8 without controls, byte for byte as long as the file.
    text: String,
}

impl Source {
    pub(crate) fn new(path: &Path, bytes: &[u8]) -> Self {
        Self { path: escape_controls(&path.display().to_string()), text: mask_text(bytes) }
    }
}

/// As for a text, but columns are counted in characters, as in JSON and by editors.
impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let contents = self.text.read_span(span, lines_before, lines_after)?;
        let column = match contents.column() {
            0 => 0,
            _ => line_column(&self.text, span.offset()).1.saturating_sub(1),
        };
        Ok(Box::new(MietteSpanContents::new_named(
            self.path.clone(),
            contents.data(),
            *contents.span(),
            contents.line(),
            column,
            contents.line_count(),
        )))
    }
}

/// Something that is wrong.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) is_error: bool,
    pub(crate) message: String,
    pub(crate) labels: Vec<(Range<usize>, String)>,
    pub(crate) help: Option<String>,
    /// What another program said of it.
    pub(crate) output: Option<Box<str>>,
    pub(crate) source: Option<Arc<Source>>,
}

impl Problem {
    pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            is_error: true,
            message: escape_controls(&message.into()),
            labels: Vec::new(),
            help: None,
            output: None,
            source: None,
        }
    }

    pub(crate) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { is_error: false, ..Self::error(code, message) }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(escape_controls(&help.into()));
        self
    }

    pub(crate) fn with_output(mut self, output: &str) -> Self {
        self.output = Some(escape_controls(output).into());
        self
    }

    /// Says where in the manifest it comes from.
    pub(crate) fn with_place(
        mut self,
        source: &Arc<Source>,
        span: Range<usize>,
        text: impl Into<String>,
    ) -> Self {
        self.source = Some(Arc::clone(source));
        self.labels.push((span, escape_controls(&text.into())));
        self
    }

    pub(crate) fn from_diagnostic(diagnostic: Diagnostic, source: &Arc<Source>) -> Self {
        let mut problem = Self::error(diagnostic.code, diagnostic.message);
        problem.is_error = diagnostic.severity == Severity::Error;
        problem.help = diagnostic.help.map(|help| escape_controls(&help));
        for label in diagnostic.labels {
            problem = problem.with_place(source, label.span, label.text);
        }
        problem
    }
}

/// Whether any of them forbids a start.
pub(crate) fn has_error(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.is_error)
}

fn name_severity(problem: &Problem) -> &'static str {
    if problem.is_error { "error" } else { "warning" }
}

/// Shows problems on standard error.
pub(crate) fn show_problems(problems: &[Problem], style: Style) {
    for problem in problems.iter().take(MAX_SHOWN) {
        if let Some(output) = &problem.output {
            write_note(output);
        }
        write_note(&render(problem, style));
    }
    if let Some(count) = problems.len().checked_sub(MAX_SHOWN).filter(|count| *count > 0) {
        write_note(&format!("{count} more are not shown here; --json shows all\n"));
    }
}

fn render(problem: &Problem, style: Style) -> String {
    let theme = match style {
        Style::Colour => GraphicalTheme::unicode(),
        Style::Lines => GraphicalTheme::unicode_nocolor(),
        Style::Plain => GraphicalTheme::none(),
    };
    let handler =
        GraphicalReportHandler::new_themed(theme).with_links(false).with_wrap_lines(false);
    let mut text = String::new();
    let shown = Shown::new(problem);
    if handler.render_report(&mut text, &shown).is_err() {
        text = format!("{}[{}]: {}\n", name_severity(problem), problem.code, shown.message);
    }
    text
}

/// A problem in the form that `miette` draws.
#[derive(Debug)]
struct Shown<'a> {
    problem: &'a Problem,
    message: String,
    source: Option<&'a Source>,
}

impl<'a> Shown<'a> {
    fn new(problem: &'a Problem) -> Self {
        let mut message = problem.message.clone();
        let Some(source) = problem.source.as_deref() else {
            return Self { problem, message, source: None };
        };
        let is_drawable = problem.labels.iter().all(|(span, _)| {
            line_length(&source.text, clamp(&source.text, span)) <= MAX_LINE_BYTES
        });
        if is_drawable {
            return Self { problem, message, source: Some(source) };
        }
        for (span, text) in &problem.labels {
            let (line, column) = line_column(&source.text, span.start);
            message = format!("{message}\n{}:{line}:{column}: {text}", source.path);
        }
        Self { problem, message, source: None }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        Some(Box::new(format!("{}[{}]", name_severity(self.problem), self.problem.code)))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(if self.problem.is_error {
            miette::Severity::Error
        } else {
            miette::Severity::Warning
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let text = &self.source?.text;
        Some(Box::new(self.problem.labels.iter().map(move |(span, label)| {
            LabeledSpan::new_with_span(Some(label.clone()), clamp(text, span))
        })))
    }
}

/// A problem as tools get it.
#[derive(Serialize)]
pub(crate) struct ProblemRecord<'a> {
    code: &'a str,
    severity: &'static str,
    message: &'a str,
    help: Option<&'a str>,
    output: Option<&'a str>,
    labels: Vec<LabelRecord<'a>>,
}

#[derive(Serialize)]
struct LabelRecord<'a> {
    path: &'a str,
    line: usize,
    column: usize,
    offset: usize,
    length: usize,
    text: &'a str,
}

impl<'a> From<&'a Problem> for ProblemRecord<'a> {
    fn from(problem: &'a Problem) -> Self {
        let labels = problem.source.as_deref().map_or_else(Vec::new, |source| {
            let records = problem.labels.iter().map(|(span, text)| {
                let (line, column) = line_column(&source.text, span.start);
                let length = span.len();
                LabelRecord { path: &source.path, line, column, offset: span.start, length, text }
            });
            records.collect()
        });
        Self {
            code: problem.code,
            severity: name_severity(problem),
            message: &problem.message,
            help: problem.help.as_deref(),
            output: problem.output.as_deref(),
            labels,
        }
    }
}

/// Text of the same length as `bytes`, with question marks for what is no text or a control.
fn mask_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\r' => text.push(' '),
                _ if is_harmless(character) => text.push(character),
                _ => (0..character.len_utf8()).for_each(|_| text.push('?')),
            }
        }
        chunk.invalid().iter().for_each(|_| text.push('?'));
    }
    text
}

/// The part of a span that is inside the text, at character boundaries.
fn clamp(text: &str, span: &Range<usize>) -> Range<usize> {
    let floor = |offset: usize| {
        (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
    };
    let start = floor(span.start);
    start..floor(span.end).max(start)
}

/// Length of the lines that a span touches.
fn line_length(text: &str, span: Range<usize>) -> usize {
    let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |length| span.end + length);
    end - start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(bytes: &[u8]) -> Arc<Source> {
        Arc::new(Source::new(Path::new("a.toml"), bytes))
    }

    #[test]
    fn a_problem_shows_code_place_and_help() {
        let problem = Problem::error("X-1", "wrong key")
            .with_place(&source(b"oro = 1\nmodul = 2\n"), 8..13, "this one")
            .with_help("write `module`");
        let text = render(&problem, Style::Plain);
        for part in
            ["error[X-1]", "wrong key", "a.toml:2:1", "modul = 2", "this one", "write `module`"]
        {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(text.is_ascii(), "{text}");
    }

    #[test]
    fn columns_are_counted_in_characters_everywhere() {
        let text = "oro = 1\nparams = { marks = \"ééé\", mork = 3 }\n";
        let at = text.find("mork").unwrap();
        let problem = Problem::error("X", "m").with_place(&source(text.as_bytes()), at..at + 4, "");
        let shown = render(&problem, Style::Plain);
        assert!(shown.contains("a.toml:2:27]"), "{shown}");
        let json = crate::output::show_json(&ProblemRecord::from(&problem));
        assert!(json.contains("\"line\":2,\"column\":27,"), "{json}");
    }

    #[test]
    fn any_span_in_any_bytes_can_be_shown() {
        let bytes = b"a = \"\xff\xc3\xa4\x1b\xe2\x80\"\r\n\xc2\x9bb";
        for start in 0..bytes.len() + 2 {
            for end in 0..bytes.len() + 2 {
                let problem = Problem::error("X", "m").with_place(&source(bytes), start..end, "l");
                let text = render(&problem, Style::Plain);
                assert!(text.chars().all(is_harmless), "{start}..{end}: {text:?}");
                let json = crate::output::show_json(&ProblemRecord::from(&problem));
                assert!(json.contains("\"line\":"), "{json}");
            }
        }
    }

    #[test]
    fn long_lines_are_named_but_not_shown() {
        let bytes = vec![b'x'; 100_000];
        let problem = Problem::error("X", "m").with_place(&source(&bytes), 50_000..50_001, "here");
        let text = render(&problem, Style::Plain);
        assert!(text.contains("a.toml:1:50001: here") && text.len() < 300, "{text}");
    }
}
