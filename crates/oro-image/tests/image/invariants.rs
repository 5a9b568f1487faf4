//! What holds for every image that is accepted, whatever the file. The fuzz target uses this, too.

use oro_image::{Image, ImageError, PAGE_SIZE};
use oro_sysabi as sys;

/// Parses a file and, if it is accepted, checks what a kernel relies on.
///
/// # Panics
///
/// If something that a kernel relies on does not hold.
pub(crate) fn check(file: &[u8]) -> Result<Image, ImageError> {
    let image = Image::parse(file);
    match &image {
        Ok(image) => check_image(file, image),
        Err(error) => {
            assert!(!error.code().is_empty());
            assert!(error.to_string().len() > 20, "an error says what is wrong: {error}");
        }
    }
    image
}

fn check_image(file: &[u8], image: &Image) {
    let span = image.span();
    assert!(!image.segments.is_empty());
    assert!(span.start < span.end && span.end <= sys::IMAGE_END);
    assert!(span.end - span.start <= oro_image::MAX_IMAGE_SIZE);
    assert!(image.is_relocatable || span.start >= sys::IMAGE_START);
    assert!(image.align_bytes.is_power_of_two() && image.align_bytes >= PAGE_SIZE);
    let mut last_end = span.start;
    let mut built_bytes = 0;
    for (index, segment) in image.segments.iter().enumerate() {
        assert!(segment.address >= last_end, "segments share no page");
        last_end = segment.end_address();
        assert!(segment.address % PAGE_SIZE == 0 && segment.memory_bytes % PAGE_SIZE == 0);
        assert!(segment.memory_bytes > 0 && !(segment.is_writable && segment.is_executable));
        let unbiased = image.build_segment(index, 0);
        let biased = image.build_segment(index, sys::IMAGE_END);
        assert!(unbiased.len() as u64 <= segment.memory_bytes);
        assert_eq!(unbiased.len(), biased.len());
        if segment.is_executable || !image.is_relocatable {
            assert_eq!(unbiased, biased, "no relocation there");
        }
        built_bytes += unbiased.len();
    }
    assert_eq!(last_end, span.end);
    assert!(built_bytes <= file.len() + image.segments.len() * 4096, "memory is bounded");
    check_interface(image);
    for address in [0, span.start, span.end, u64::MAX] {
        if let Some(symbol) = image.find_symbol(address) {
            assert!(!symbol.name.is_empty() && symbol.offset <= address);
        }
    }
}

fn check_interface(image: &Image) {
    let interface = &image.interface;
    assert!((1..=64).contains(&interface.entries.len()));
    assert_eq!(interface.name.is_empty(), interface.is_legacy);
    for entry in &interface.entries {
        let is_code = |segment: &oro_image::Segment| {
            segment.is_executable
                && (segment.address..segment.end_address()).contains(&entry.address)
        };
        assert!(image.segments.iter().any(is_code), "IMG-5");
        assert!((1..=u64::from(sys::MAX_STACK_SIZE)).contains(&entry.stack_size_bytes));
        let _ = image.find_symbol(entry.address);
    }
    let mut next_index = 0;
    for port in &interface.ports {
        assert!(port.index >= next_index && port.max >= 1);
        next_index = port.index + port.max;
        assert!((port.entry as usize) < interface.entries.len());
        assert!(port.slot_size_bytes >= 1 && port.slot_size_bytes <= sys::MAX_SLOT_SIZE);
        assert!(port.slot_align_bytes.is_power_of_two());
        assert_eq!(port.slot_size_bytes % port.slot_align_bytes, 0);
    }
    for param in &interface.params {
        assert!(interface.ports.iter().any(|port| port.index == param.port));
    }
}
