//! Text that modules have written, made fit to be shown: [`escape`], [`steers_terminal`].

/// UTF-8 with everything that is not, and every control character, escaped.
pub(crate) fn escape(text: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if steers_terminal(character) {
                escaped.extend(character.escape_default());
            } else {
                escaped.push(character);
            }
        }
        for byte in chunk.invalid() {
            escaped.push_str(&format!("\\x{byte:02x}"));
        }
    }
    escaped
}

/// The same for text of several lines.
pub(crate) fn escape_lines(text: &[u8]) -> String {
    let lines: Vec<String> = text.split(|byte| *byte == b'\n').map(escape).collect();
    lines.join("\n")
}

/// Whether a character of a stranger's text could steer a terminal, or make a line read as what it
/// is not: control characters but the tab, and those that change the direction of text.
#[must_use]
pub fn steers_terminal(character: char) -> bool {
    let is_direction = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    is_direction || (character.is_control() && character != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_2_log_lines_cannot_command_the_terminal() {
        // BUILTIN-2
        assert_eq!(escape(b"plain \xc3\xa9\t"), "plain \u{e9}\t");
        assert_eq!(escape(b"\x1b[2J\n\xff"), "\\u{1b}[2J\\n\\xff");
        assert_eq!(escape("a\u{202e}b".as_bytes()), "a\\u{202e}b");
    }
}
