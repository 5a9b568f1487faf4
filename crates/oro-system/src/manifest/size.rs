//! Sizes as people write them: `"64K"` (`SYS-7`).

/// The bytes that a text says: digits, then `K`, `M`, `G` (powers of 1024) or nothing.
///
/// `None` if the text is of another form, or the size does not fit a u64.
///
/// ```
/// assert_eq!(oro_system::parse_size_bytes("64K"), Some(65_536));
/// assert_eq!(oro_system::parse_size_bytes("64 KB"), None);
/// ```
#[must_use]
pub fn parse_size_bytes(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 10),
        b'M' => (&text[..text.len() - 1], 20),
        b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::show_size;

    #[test]
    fn sys_7_sizes_are_digits_and_a_unit() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("64K", Some(65536)),
            ("8M", Some(8 << 20)),
            ("1G", Some(1 << 30)),
            ("17179869183G", Some(17_179_869_183 << 30)),
            ("17179869184G", None),
            ("18446744073709551616", None),
            ("", None),
            ("K", None),
            ("64k", None),
            ("64KB", None),
            ("+1", None),
            ("-1", None),
            (" 1", None),
            ("1_000", None),
            ("1\u{e9}", None),
        ] {
            assert_eq!(parse_size_bytes(text), bytes, "{text}");
        }
    }

    #[test]
    fn shown_sizes_can_be_written() {
        assert_eq!(show_size(65536), "64K");
        assert_eq!(show_size(16 << 20), "16M");
        assert_eq!(show_size(100), "100 bytes");
    }
}
