//! Drawing in place: a block of lines from a terminal's upper left corner, and the next one over it.

use std::io;

use crate::output::count_things;

/// Rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

/// The size of the terminal that standard output is, where it is known.
pub(crate) fn measure_terminal() -> Option<Size> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    let (rows, columns) = (usize::from(size.ws_row), usize::from(size.ws_col));
    (rows > 0 && columns > 0).then_some(Size { rows, columns })
}

/// Text that takes the place of what was drawn before it.
pub(crate) fn redraw(text: &str, is_first: bool) -> String {
    let clear = if is_first { CLEAR } else { HOME };
    // Each line erases what is right of it, the last one what is below.
    let lines = text.replace('\n', "\u{1b}[K\n");
    format!("{clear}{lines}\u{1b}[J")
}

/// Text that takes the place of everything, and after which nothing is drawn in place any more.
pub(crate) fn draw_last(text: &str) -> String {
    format!("{CLEAR}{text}")
}

const HOME: &str = "\u{1b}[H";
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";

/// As much of a text as can be drawn in place: what is too long would scroll or wrap, and the next
/// block would not cover it.
pub(crate) fn fit(text: &str, size: Size) -> String {
    // The cursor comes to rest below the last line, and in the last column it would be erased.
    let rows = size.rows.saturating_sub(1).max(1);
    let columns = size.columns.saturating_sub(1).max(1);
    let lines: Vec<&str> = text.lines().collect();
    let shown = if lines.len() > rows { rows - 1 } else { lines.len() };
    let mut fitted: Vec<String> = lines.iter().take(shown).map(|line| cut(line, columns)).collect();
    if lines.len() > shown {
        let more = count_things(lines.len() - shown, "more line");
        fitted.push(cut(&format!("... {more}"), columns));
    }
    fitted.into_iter().map(|line| line + "\n").collect()
}

/// A line of so many columns, the last of them `>` if something is left out. Colours take none.
fn cut(line: &str, columns: usize) -> String {
    let width = list_visible(line).filter(|(_, is_visible)| *is_visible).count();
    if width <= columns {
        return line.to_owned();
    }
    let mut text = String::new();
    let mut column = 0;
    for (character, is_visible) in list_visible(line) {
        column += usize::from(is_visible);
        match is_visible && column >= columns {
            false => text.push(character),
            true if column == columns => text.push('>'),
            true => {}
        }
    }
    text
}

/// The characters of a line, and whether each takes a column: those of `\u{1b}[1m` do not.
fn list_visible(line: &str) -> impl Iterator<Item = (char, bool)> {
    let mut is_escape = false;
    line.chars().map(move |character| {
        is_escape |= character == '\u{1b}';
        let is_visible = !is_escape;
        is_escape &= character != 'm';
        (character, is_visible)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redrawn_block_leaves_nothing_of_the_one_before() {
        assert_eq!(redraw("a\nb\n", true), "\u{1b}[2J\u{1b}[Ha\u{1b}[K\nb\u{1b}[K\n\u{1b}[J");
        assert!(redraw("a\n", false).starts_with("\u{1b}[Ha"));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let fit = |text, rows, columns| fit(text, Size { rows, columns });
        assert_eq!(fit("a\nb\nc\n", 4, 80), "a\nb\nc\n");
        assert_eq!(fit("a\nb\nc\nd\n", 4, 80), "a\nb\n... 2 more lines\n");
        assert_eq!(fit("a\nb\n", 2, 80), "... 2 more lines\n");
        assert_eq!(fit("a\nb\n", 1, 2), ">\n");
        assert_eq!(fit("", 24, 80), "");
    }

    #[test]
    fn colours_take_no_column_and_end() {
        assert_eq!(cut("abcd", 4), "abcd");
        assert_eq!(cut("abcde", 4), "abc>");
        assert_eq!(cut("\u{1b}[1mabcd\u{1b}[0m", 4), "\u{1b}[1mabcd\u{1b}[0m");
        assert_eq!(cut("\u{1b}[1mabcdef\u{1b}[0m", 4), "\u{1b}[1mabc>\u{1b}[0m");
    }
}
