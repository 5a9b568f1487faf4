//! [`oro_fuzz::cursors`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = oro_fuzz::cursors(bytes);
});
