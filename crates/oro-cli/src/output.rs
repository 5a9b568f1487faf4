//! Where output goes: data to standard output, the rest to standard error, and text of strangers
//! made harmless on the way.

use std::env;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::exit;

/// How diagnostics may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// A terminal: lines and colours.
    Colour,
    /// A terminal, and `NO_COLOR` is set.
    Lines,
    /// No terminal: ASCII without tricks.
    Plain,
}

/// What standard error can show.
pub(crate) fn stderr_style() -> Style {
    let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    if !io::stderr().is_terminal() || is_dumb {
        Style::Plain
    } else if env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        Style::Lines
    } else {
        Style::Colour
    }
}

/// Writes data to standard output and gives the exit code: `code` if that went well or if the
/// reader has gone away, which is the reader's right.
pub(crate) fn write_data(text: &str, code: u8) -> u8 {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            write_note(&format!("oro: standard output cannot be written: {error}\n"));
            code.max(exit::FAILED)
        }
        Ok(()) | Err(_) => code,
    }
}

/// Writes to standard error; if that is gone, nobody is left to be told.
pub(crate) fn write_note(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// A value as one line of JSON.
pub(crate) fn show_json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value)
        .unwrap_or_else(|error| format!("{{\"error\":\"no JSON: {error:?}\"}}"));
    text.push('\n');
    text
}

/// Text of a stranger (a manifest, a module, a compiler) without what could steer a terminal: only
/// line ends and tabs stay.
pub(crate) fn escape_controls(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmless(character) {
            safe.push(character);
        } else {
            safe.extend(character.escape_unicode());
        }
    }
    safe
}

/// Whether a character may be shown as it is. Besides controls, the marks that reorder text are
/// refused: they make a line read as what it is not.
pub(crate) fn is_harmless(character: char) -> bool {
    let reorders = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !reorders && (!character.is_control() || character == '\n' || character == '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_strangers_steers_no_terminal() {
        assert_eq!(escape_controls("a\u{1b}[31mb\r\n\tc\u{9b}"), "a\\u{1b}[31mb\\u{d}\n\tc\\u{9b}");
        assert_eq!(escape_controls("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(escape_controls("größe"), "größe");
    }
}
