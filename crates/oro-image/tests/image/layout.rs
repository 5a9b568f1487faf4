//! Layout texts (`TYPE-1`, `TYPE-2`, `LIM-1`, `LIM-9`).

use std::collections::BTreeSet;

use oro_image::{LayoutError as E, parse_layout};
use oro_sysabi as sys;
use proptest::prelude::*;

// TYPE-10 to TYPE-13: the standard types are what their structures are.
#[test]
fn type_2_standard_types_have_the_size_of_their_structures() {
    for (text, layout, is_flexible) in [
        (sys::BYTES_LAYOUT, sys::BytesHead::LAYOUT, true),
        (sys::PARAMS_LAYOUT, sys::Param::LAYOUT, false),
        (sys::LOG_LAYOUT, sys::Log::LAYOUT, false),
        (sys::TIME_LAYOUT, sys::Time::LAYOUT, false),
    ] {
        let shape = parse_layout(text).unwrap();
        assert_eq!(shape.size_bytes as usize, layout.size_bytes, "{text}");
        assert_eq!(shape.is_flexible, is_flexible, "{text}");
    }
    assert_eq!(parse_layout(sys::TIME_LAYOUT).unwrap().align_bytes, 8);
    assert_eq!(parse_layout(sys::PARAMS_LAYOUT).unwrap().align_bytes, 4);
}

// TYPE-1, TYPE-2: each wrong text has its error and place.
#[test]
fn type_1_wrong_texts_are_refused() {
    let cases = [
        ("", E::NoBraces { at: 0 }),
        ("a", E::NoBraces { at: 1 }),
        ("a{x:u8,", E::NoBraces { at: 7 }),
        ("a{x:u8,} ", E::NoBraces { at: 9 }),
        ("{x:u8,}", E::BadName { at: 0 }),
        ("A{x:u8,}", E::BadName { at: 0 }),
        ("a..b{x:u8,}", E::BadName { at: 0 }),
        ("a.{x:u8,}", E::BadName { at: 0 }),
        ("a b{x:u8,}", E::BadName { at: 0 }),
        ("a{x:u8}", E::NoComma { at: 6 }),
        ("a{}", E::NoField { at: 2 }),
        ("a{data:u8[],}", E::NoField { at: 12 }),
        ("a{,}", E::BadField { at: 2 }),
        ("a{x,}", E::BadField { at: 2 }),
        ("a{x:u8,,}", E::BadField { at: 7 }),
        ("a{:u8,}", E::BadField { at: 2 }),
        ("a{x.y:u8,}", E::BadField { at: 2 }),
        ("a{x:u8,x:u8,}", E::RepeatedField { at: 7 }),
        ("a{x:u128,}", E::BadType { at: 4 }),
        ("a{x: u8,}", E::BadType { at: 4 }),
        ("a{x:u8[2,}", E::BadType { at: 4 }),
        ("a{x:[2],}", E::BadType { at: 4 }),
        ("a{x:u8[0],}", E::BadCount { at: 7 }),
        ("a{x:u8[01],}", E::BadCount { at: 7 }),
        ("a{x:u8[+1],}", E::BadCount { at: 7 }),
        ("a{x:u8[2][2],}", E::BadCount { at: 7 }),
        ("a{x:u8[99999999999999999999],}", E::BadCount { at: 7 }),
        ("a{x:u8,y:u16[],}", E::BadTail { at: 9 }),
        ("a{x:u8,y:u8[],z:u8,}", E::BadTail { at: 16 }),
        ("a{x:u8,y:u16,}", E::Padding { at: 9, offset: 1, align: 2 }),
        ("a{x:u16,y:u8,}", E::Padding { at: 13, offset: 3, align: 2 }),
        ("a{x:u32,y:u8,z:u8[],}", E::Padding { at: 20, offset: 5, align: 4 }),
        ("a{x:u8[16777216],y:u8,}", E::TooLarge { at: 19 }),
        ("a{x:u64[16777216],}", E::TooLarge { at: 4 }),
    ];
    let mut codes = BTreeSet::from(["LAYOUT-TOO-LONG"]);
    for (text, error) in cases {
        assert_eq!(parse_layout(text).unwrap_err(), error, "{text}");
        codes.insert(error.code());
    }
    let size = sys::MAX_LAYOUT_TEXT as usize + 1;
    assert_eq!(parse_layout(&"a".repeat(size)), Err(E::TooLong { size }));
    assert_eq!(codes, E::CODES.iter().copied().collect(), "every error is shown");
}

// LIM-1: the largest type.
#[test]
fn lim_1_the_largest_type_is_accepted() {
    let shape = parse_layout("a{x:u8[16777215],y:i8,}").unwrap();
    assert_eq!((shape.size_bytes, shape.align_bytes), (sys::MAX_SLOT_SIZE, 1));
}

proptest! {
    // TYPE-2: size and alignment are those of repr(C), computed another way.
    #[test]
    fn type_2_sizes_agree_with_a_model(fields in prop::collection::vec((0..10_usize, 1..9_u32), 1..12)) {
        let names = ["u8", "i8", "u16", "i16", "u32", "i32", "f32", "u64", "i64", "f64"];
        let sizes = [1, 1, 2, 2, 4, 4, 4, 8, 8, 8_u32];
        let mut text = String::from("model.v1{");
        let (mut end, mut has_padding) = (0_u32, false);
        for (index, (kind, count)) in fields.iter().enumerate() {
            let array = if *count == 1 { String::new() } else { format!("[{count}]") };
            text += &format!("f{index}:{}{array},", names[*kind]);
            let start = end.next_multiple_of(sizes[*kind]);
            has_padding |= start != end;
            end = start + sizes[*kind] * count;
        }
        text.push('}');
        let align = fields.iter().map(|(kind, _)| sizes[*kind]).max().unwrap();
        has_padding |= end % align != 0;
        match parse_layout(&text) {
            Ok(shape) => prop_assert_eq!((shape.size_bytes, shape.align_bytes, has_padding), (end, align, false)),
            Err(error) => prop_assert!(has_padding && matches!(error, E::Padding { .. }), "{} {}", text, error),
        }
    }

    // IMG-2: any text.
    #[test]
    fn type_1_no_text_panics(text in "[a-c]{0,2}\\{([a-z]{0,2}:?[uif]?[0-9]{0,2}\\[?[0-9]{0,9}\\]?,?){0,4}\\}?") {
        let _ = parse_layout(&text);
    }
}
