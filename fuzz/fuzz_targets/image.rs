//! Any bytes given to `oro_image::Image::parse` (`IMG-2`): no panic, and what is accepted keeps the
//! promises that kernels rely on. The tests of `oro-image` replay the corpus without a fuzzer.
#![no_main]

#[path = "../../crates/oro-image/tests/image/invariants.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let _ = invariants::check(file);
});
