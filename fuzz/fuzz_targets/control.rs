//! [`oro_fuzz::control`] under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = oro_fuzz::control(bytes);
});
