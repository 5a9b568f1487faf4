//! Times as people write them: `"10ms"` (`SYS-10`).

/// Units, the longest first, in nanoseconds.
const UNITS: [(&str, u64); 5] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
];

/// The nanoseconds that a text says: digits, then a unit.
///
/// `None` if the text is of another form, or the time does not fit a u64.
pub(super) fn parse_time_ns(text: &str) -> Option<u64> {
    let digits_end = text.bytes().position(|byte| !byte.is_ascii_digit())?;
    let (digits, unit) = text.split_at(digits_end);
    let (_, unit_ns) = UNITS.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*unit_ns)
}

/// A time as a person would write it.
pub(super) fn show_time(time_ns: u64) -> String {
    match UNITS.iter().find(|(_, unit_ns)| time_ns > 0 && time_ns.is_multiple_of(*unit_ns)) {
        Some((unit, unit_ns)) => format!("{}{unit}", time_ns / unit_ns),
        None => format!("{time_ns}ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_time_ns, show_time};

    #[test]
    fn sys_10_times_are_digits_and_a_unit() {
        // SYS-10
        for (text, time_ns) in [
            ("0s", Some(0)),
            ("500us", Some(500_000)),
            ("10ms", Some(10_000_000)),
            ("5s", Some(5_000_000_000)),
            ("1m", Some(60_000_000_000)),
            ("2h", Some(7_200_000_000_000)),
            ("18446744073709551615h", None),
            ("10", None),
            ("ms", None),
            ("", None),
            ("1.5s", None),
            ("-1s", None),
            ("1 s", None),
            ("1S", None),
            ("1ns", None),
        ] {
            assert_eq!(parse_time_ns(text), time_ns, "{text}");
        }
        for text in ["24h", "90m", "1s", "20ms", "7us"] {
            assert_eq!(parse_time_ns(text).map(show_time).as_deref(), Some(text));
        }
        assert_eq!(show_time(1), "1ns");
    }
}
