//! Medians and ratios.

/// Nanoseconds and counts as a float; beyond 2^53 they lose their last bits, which nobody reads.
#[expect(clippy::cast_precision_loss, reason = "as the comment above says")]
pub(crate) fn to_float(value: u64) -> f64 {
    value as f64
}

/// The middle value, or the mean of the two middle ones.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
}

/// Smallest and largest.
pub(crate) fn range(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, 0.0), |(low, high), &value| (low.min(value), high.max(value)))
}

/// The median of the ratios of what was measured in the same round: what disturbs a round disturbs
/// both.
pub(crate) fn ratio(values: &[f64], base: &[f64]) -> f64 {
    median(&values.iter().zip(base).map(|(value, base)| value / base).collect::<Vec<_>>())
}
