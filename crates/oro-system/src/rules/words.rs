//! Words of messages: names that were probably meant, lists, sizes.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Names that a misspelt one probably means, the nearest first.
///
/// ```
/// let names = ["SYS-TYPE", "SYS-FILE", "SYS-SIZE"];
/// assert_eq!(oro_system::nearest_names("SYS-FIEL", names), ["SYS-FILE"]);
/// ```
#[must_use]
pub fn nearest_names<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let near = candidates.into_iter().filter(|candidate| is_comparable(name, candidate));
    let mut near: Vec<(usize, &str)> = near
        .map(|candidate| (count_edits(name, candidate), candidate))
        .filter(|(edits, _)| *edits <= count_allowed_edits(name))
        .collect();
    // Those that are equally near stay in their order.
    near.sort_by_key(|(edits, _)| *edits);
    near.into_iter().map(|(_, candidate)| candidate).collect()
}

/// How far a misspelt name may be from what is meant.
pub(crate) fn count_allowed_edits(name: &str) -> usize {
    // Of a name of one letter nothing is left to recognise it by.
    (name.len() / 3).max(usize::from(name.len() > 1))
}

/// Whether it is worth while to compare two names: long ones are none.
pub(crate) fn is_comparable(name: &str, candidate: &str) -> bool {
    name.len() <= 64 && name.len().abs_diff(candidate.len()) <= count_allowed_edits(name)
}

/// How many letters are to be changed, put in, left out or swapped with the next one to make one name
/// of another (optimal string alignment).
pub(crate) fn count_edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    // Rows of the table: for the letters of `from` so far, the edits to each beginning of `to`.
    let mut before = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut next = Vec::from([row + 1]);
        for (column, other) in to.iter().enumerate() {
            let changed = last[column] + usize::from(letter != other);
            let mut edits = changed.min(last[column + 1] + 1).min(next[column] + 1);
            let is_swapped =
                row > 0 && column > 0 && from[row - 1] == *other && to[column - 1] == *letter;
            if is_swapped {
                edits = edits.min(before[column - 1] + 1);
            }
            next.push(edits);
        }
        before = core::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or(0)
}

/// Names for a message: "`a`, `b`", at most 16 of them.
pub(crate) fn list_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let shown: Vec<_> =
        names.by_ref().take(16).map(|name| format!("`{}`", shorten(name))).collect();
    match (shown.len(), names.count()) {
        (0, _) => "none".to_owned(),
        (_, 0) => shown.join(", "),
        (_, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A name for a message, cut where it is absurdly long.
pub(crate) fn shorten(name: &str) -> String {
    match name.char_indices().nth(48) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_owned(),
    }
}

/// A size as a person would write it: `64K`, or bytes where no unit fits.
pub(crate) fn show_size(bytes: u64) -> String {
    for (shift, unit) in [(30, 'G'), (20, 'M'), (10, 'K')] {
        if bytes != 0 && bytes.is_multiple_of(1 << shift) {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted_as_people_make_them() {
        let pairs = [("", "", 0), ("", "ab", 2), ("ab", "", 2), ("kitten", "sitting", 3)];
        let swaps = [("ab", "ba", 1), ("abcd", "acbd", 1), ("ca", "abc", 3), ("über", "ueber", 2)];
        for (from, to, edits) in pairs.into_iter().chain(swaps) {
            assert_eq!(count_edits(from, to), edits, "{from} to {to}");
            assert_eq!(count_edits(to, from), edits, "{to} to {from}");
        }
    }
}
