//! [`Text`]: a short text without a heap, as long as a parameter or a line of a log may be.

use core::fmt;
use core::ops::Deref;

/// Bytes that a [`Text`] may have: what fits into one message (`TYPE-11`, `TYPE-12`).
const CAPACITY: usize = 248;

/// Up to 248 bytes of UTF-8, by value.
///
/// ```
/// use core::fmt::Write;
/// let mut text = oro::Text::new();
/// write!(text, "{} and {}", 1, 2).unwrap();
/// assert_eq!(&*text, "1 and 2");
/// ```
#[derive(Clone, Copy)]
pub struct Text {
    length: usize,
    /// Invariant: `bytes[..length]` are UTF-8.
    bytes: [u8; CAPACITY],
}

impl Text {
    /// The empty text.
    #[must_use]
    pub const fn new() -> Self {
        Self { length: 0, bytes: [0; CAPACITY] }
    }

    /// A copy of `text`, or `None` if it has more than 248 bytes.
    #[must_use]
    pub fn copy_from(text: &str) -> Option<Self> {
        let mut copy = Self::new();
        (copy.append(text) == text.len()).then_some(copy)
    }

    /// Appends as many whole characters of `text` as fit; returns how many bytes that were.
    pub fn append(&mut self, text: &str) -> usize {
        let mut taken = text.len().min(CAPACITY - self.length);
        while !text.is_char_boundary(taken) {
            taken -= 1;
        }
        self.bytes[self.length..self.length + taken].copy_from_slice(&text.as_bytes()[..taken]);
        self.length += taken;
        taken
    }

    /// Makes the text empty.
    pub fn clear(&mut self) {
        self.length = 0;
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        // The invariant makes the error impossible.
        core::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

/// Fails when the text is full; what fits has then been appended.
impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.append(text) == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, Text};

    #[test]
    fn append_never_splits_a_character() {
        let mut text = Text::new();
        assert_eq!(text.append(&"x".repeat(CAPACITY - 1)), CAPACITY - 1);
        assert_eq!(text.append("é"), 0);
        assert_eq!(text.append("yz"), 1);
        assert_eq!(text.len(), CAPACITY);
        assert!(text.ends_with("xy"));
        assert_eq!(Text::copy_from(&"x".repeat(CAPACITY + 1)), None);
    }
}
