//! The rule for names (`NOTE-6`) and the names that built-in instances take (`SYS-3`).

/// Names that no instance may have: those of built-in instances, also of those still to come.
pub(crate) const RESERVED_NAMES: [&str; 6] =
    ["clock", "console", "entropy", "files", "null", "ring"];

/// Those that there are.
pub(crate) const BUILT_IN_NAMES: [&str; 5] = ["clock", "console", "files", "null", "ring"];

/// Whether a name obeys `NOTE-6`: 1 to 31 bytes of `a-z A-Z 0-9 _ -`.
///
/// ```
/// assert!(oro_system::is_valid_name("sha-256"));
/// assert!(!oro_system::is_valid_name("sha 256"));
/// assert!(!oro_system::is_valid_name(""));
/// ```
#[must_use]
pub fn is_valid_name(name: &str) -> bool {
    (1..=31).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
