//! Where output goes: data to standard output, the rest to standard error, and text of strangers
//! made harmless on the way.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

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
    choose_style(io::stderr().is_terminal())
}

/// What standard output can show.
pub(crate) fn stdout_style() -> Style {
    choose_style(io::stdout().is_terminal())
}

fn choose_style(is_terminal: bool) -> Style {
    let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    if !is_terminal || is_dumb {
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
    write_more_data(text, code).unwrap_or_else(|code| code)
}

/// The same for data after which more may come: an error once nobody takes it, with the code to end
/// with.
pub(crate) fn write_more_data(text: &str, code: u8) -> Result<u8, u8> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(code),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(code),
        Err(error) => {
            write_note(&format!("oro: standard output cannot be written: {error}\n"));
            Err(code.max(exit::FAILED))
        }
    }
}

/// Writes to standard error; if that is gone, nobody is left to be told. Waits for its reader, also
/// if it has been inherited as a descriptor that does not.
pub(crate) fn write_note(text: &str) {
    write_pieces(text, || ());
}

/// The same for a system that was not to go on: a reader who takes nothing for a while is waited for
/// no longer. Nothing else may be written afterwards but by this.
pub(crate) fn write_last_note(text: String) {
    let (progress, news) = mpsc::channel();
    // Not joined: it ends with the process.
    thread::spawn(move || {
        write_pieces(&text, || {
            let _ = progress.send(());
        });
    });
    while news.recv_timeout(READER_PATIENCE).is_ok() {}
}

/// How long the reader of a last note may take nothing.
const READER_PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of one write, so that progress is seen.
const PIECE: usize = 4096;

fn write_pieces(text: &str, mut note_progress: impl FnMut()) {
    let mut stderr = io::stderr().lock();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match stderr.write(&rest[..rest.len().min(PIECE)]) {
            Ok(0) => return,
            Ok(count) => {
                rest = &rest[count..];
                note_progress();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(_) => return,
        }
    }
}

/// A value as one line of JSON.
pub(crate) fn show_json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value)
        .unwrap_or_else(|error| format!("{{\"error\":\"no JSON: {error:?}\"}}"));
    text.push('\n');
    text
}

/// A number and its noun, which gets an `s` unless it is one thing.
pub(crate) fn count_things<N: fmt::Display + From<u8> + PartialEq>(
    number: N,
    noun: &str,
) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
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

/// Whether a character may be shown as it is.
pub(crate) fn is_harmless(character: char) -> bool {
    character == '\n' || !oro_kernel_linux::steers_terminal(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_singular() {
        let shown = [0_u64, 1, 2].map(|number| count_things(number, "Port"));
        assert_eq!(shown, ["0 Ports", "1 Port", "2 Ports"]);
    }

    #[test]
    fn text_of_strangers_steers_no_terminal() {
        assert_eq!(escape_controls("a\u{1b}[31mb\r\n\tc\u{9b}"), "a\\u{1b}[31mb\\u{d}\n\tc\\u{9b}");
        assert_eq!(escape_controls("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(escape_controls("größe"), "größe");
    }
}
