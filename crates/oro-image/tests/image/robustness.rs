//! No bytes make the parser panic, and what it accepts keeps its promises (`IMG-2`, `KRN-1`).

use oro_image::Image;
use proptest::prelude::*;

use crate::builder::{Builder, EM_AARCH64, EM_X86_64};
use crate::invariants::check;

// security.md: "truncated at every byte" is an error.
#[test]
fn img_2_a_file_cut_off_anywhere_is_refused() {
    for builder in [Builder::pie(EM_X86_64), Builder::fixed(EM_AARCH64)] {
        let file = builder.build();
        assert!(check(&file).is_ok());
        for size in 0..file.len() {
            assert!(check(&file[..size]).is_err(), "cut to {size} of {}", file.len());
        }
    }
}

// Each byte by itself: every bit flipped, and the values at which arithmetic turns.
#[test]
fn img_2_no_single_byte_makes_the_parser_panic() {
    for builder in [Builder::pie(EM_X86_64), Builder::fixed(EM_AARCH64)] {
        let mut file = builder.build();
        let mut refused = 0_usize;
        for at in 0..file.len() {
            let good = file[at];
            let flipped = (0..8).map(|bit| good ^ (1 << bit));
            let others = [0, 0x7f, 0x80, 0xff, good.wrapping_add(1), good.wrapping_sub(1)];
            for value in flipped.chain(others) {
                file[at] = value;
                refused += usize::from(check(&file).is_err());
            }
            file[at] = good;
            assert!(at % 64 != 0 || check(&file).is_ok());
        }
        assert!(refused > file.len(), "most bytes matter: {refused}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    // A few words of a good file take values that are often wrong.
    #[test]
    fn img_2_no_words_make_the_parser_panic(
        is_fixed: bool,
        is_aarch64: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u32, interesting()), 1..6),
    ) {
        let machine = if is_aarch64 { EM_AARCH64 } else { EM_X86_64 };
        let builder = if is_fixed { Builder::fixed(machine) } else { Builder::pie(machine) };
        let mut file = builder.build();
        for (index, log_size, value) in changes {
            let size = 1 << log_size;
            let at = index.index(file.len() / size) * size;
            file[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
        }
        let _ = check(&file);
    }

    // The same file gives the same image; bytes after its end change nothing but the file's size.
    #[test]
    fn img_2_bytes_after_the_end_are_not_read(tail in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut file = Builder::pie(EM_X86_64).build();
        let image = Image::parse(&file);
        file.extend_from_slice(&tail);
        prop_assert_eq!(Image::parse(&file), image);
    }
}

/// Numbers at which arithmetic goes wrong, and any others.
fn interesting() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(u64::MAX),
        (0..64_u32).prop_map(|bit| 1_u64 << bit),
        (0..64_u32).prop_map(|bit| (1_u64 << bit).wrapping_sub(1)),
        0..4096_u64,
        any::<u64>(),
    ]
}
