//! Layout texts of message types, checked while the module is compiled: [`check_layout`] (`TYPE-1`,
//! `TYPE-2`). It does not check flexible tails; this crate's byte streams are the only such type.

use oro_sysabi::{MAX_LAYOUT_TEXT, MAX_SLOT_ALIGN, MAX_SLOT_SIZE};

/// Fails to compile unless `text` is a layout text of a type of this size and alignment, without padding.
///
/// # Panics
///
/// While compiling, with a message that says what is wrong.
pub const fn check_layout(text: &str, size_bytes: usize, align_bytes: usize) {
    assert!(
        text.len() <= MAX_LAYOUT_TEXT as usize,
        "the layout text is longer than 4095 bytes (LIM-9)"
    );
    assert!(size_bytes > 0, "a message type needs at least one field");
    assert!(size_bytes <= MAX_SLOT_SIZE as usize, "a message has at most 16 MiB (LIM-1)");
    assert!(align_bytes <= MAX_SLOT_ALIGN as usize, "a type's alignment is at most 4096 (LIM-4)");
    let text = text.as_bytes();
    let mut at = skip_name(text, 0, true);
    assert!(
        at > 0,
        "a type's name has characters from a-z 0-9 _ and dots, such as demo.num.v1 (TYPE-1)"
    );
    assert!(
        byte_at(text, at) == b'{',
        "a type's name has characters from a-z 0-9 _ . only (TYPE-1)"
    );
    at += 1;
    let mut offset_bytes = 0;
    while byte_at(text, at) != b'}' {
        let name_end = skip_name(text, at, false);
        assert!(
            name_end > at && byte_at(text, name_end) == b':',
            "a field's name has characters from a-z 0-9 _ only (TYPE-1)"
        );
        at = name_end + 1;
        let element_bytes = scalar_size_bytes(byte_at(text, at), byte_at(text, at + 1));
        assert!(
            element_bytes > 0,
            "a field is u8 to u64, i8 to i64, f32, f64, or an array of these (TYPE-1)"
        );
        assert!(
            offset_bytes % element_bytes == 0,
            "there would be padding before a field: order the fields by size, or name the padding (TYPE-2)"
        );
        at += if element_bytes == 1 { 2 } else { 3 };
        let mut element_count = 1;
        if byte_at(text, at) == b'[' {
            (element_count, at) = parse_count(text, at + 1);
        }
        assert!(
            byte_at(text, at) == b',',
            "a field is u8 to u64, i8 to i64, f32, f64, or an array (TYPE-1)"
        );
        at += 1;
        offset_bytes += element_bytes * element_count;
    }
    assert!(at + 1 == text.len(), "the layout text goes on after its end");
    assert!(
        offset_bytes == size_bytes,
        "there would be padding after the last field: name the padding as a field (TYPE-2)"
    );
}

/// The byte at `at`, or 0 after the end.
const fn byte_at(text: &[u8], at: usize) -> u8 {
    if at < text.len() { text[at] } else { 0 }
}

/// Index after the name that begins at `at`.
const fn skip_name(text: &[u8], mut at: usize, may_have_dots: bool) -> usize {
    loop {
        match byte_at(text, at) {
            b'a'..=b'z' | b'0'..=b'9' | b'_' => at += 1,
            b'.' if may_have_dots => at += 1,
            _ => return at,
        }
    }
}

/// Bytes of the scalar type whose text begins with these two characters; 0: there is none.
const fn scalar_size_bytes(kind: u8, digit: u8) -> usize {
    match (kind, digit) {
        (b'u' | b'i', b'8') => 1,
        (b'u' | b'i', b'1') => 2,
        (b'u' | b'i' | b'f', b'3') => 4,
        (b'u' | b'i' | b'f', b'6') => 8,
        _ => 0,
    }
}

/// The decimal count that begins at `at`, and the index after its closing bracket.
const fn parse_count(text: &[u8], mut at: usize) -> (usize, usize) {
    let start = at;
    let mut count = 0;
    while byte_at(text, at).is_ascii_digit() {
        count = count * 10 + (text[at] - b'0') as usize;
        assert!(count <= MAX_SLOT_SIZE as usize, "a message has at most 16 MiB (LIM-1)");
        at += 1;
    }
    assert!(
        at > start && text[start] != b'0' && byte_at(text, at) == b']',
        "an array's length is written as a plain decimal number (TYPE-1)"
    );
    (count, at + 1)
}

#[cfg(test)]
mod tests {
    use super::check_layout;
    use std::panic::catch_unwind;

    #[test]
    fn type_1_type_2_good_layouts_pass() {
        // TYPE-1, TYPE-2
        check_layout("demo.num.v1{value:u64,tag:u64,}", 16, 8);
        check_layout(oro_sysabi::LOG_LAYOUT, 256, 4);
        check_layout(oro_sysabi::PARAMS_LAYOUT, 256, 4);
        check_layout(oro_sysabi::TIME_LAYOUT, 16, 8);
        check_layout("a{x:f32,y:i16[2],z:f64[3],}", 32, 8);
    }

    #[test]
    fn type_1_type_2_bad_layouts_do_not_compile() {
        // TYPE-1, TYPE-2
        for (text, size_bytes, align_bytes) in [
            ("{x:u8,}", 1, 1),
            ("Demo{x:u8,}", 1, 1),
            ("demo{}", 0, 1),
            ("demo{x:u8,y:u64,}", 16, 8),
            ("demo{x:u64,y:u8,}", 16, 8),
            ("demo{x:u128,}", 16, 16),
            ("demo{x:f16,}", 2, 2),
            ("demo{X:u8,}", 1, 1),
            ("demo{x:u8[0x2],}", 2, 1),
            ("demo{x:u8[02],}", 2, 1),
            ("demo{x:u8[],}", 2, 1),
            ("demo{x:u8,}}", 1, 1),
            ("demo{x:u8", 1, 1),
            ("demo{x:u8[99999999999],}", 1, 1),
        ] {
            assert!(
                catch_unwind(|| check_layout(text, size_bytes, align_bytes)).is_err(),
                "{text}"
            );
        }
    }
}
