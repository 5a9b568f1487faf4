//! Checks whose failure is a message, so that proptest can shrink what led to it and a fuzzer panics.

/// Returns a message unless the condition holds.
macro_rules! ensure {
    ($condition:expr) => {
        ensure!($condition, "{}", stringify!($condition))
    };
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!("{}:{}: {}", file!(), line!(), format_args!($($message)+)));
        }
    };
}

/// Returns a message unless both are equal.
macro_rules! ensure_eq {
    ($left:expr, $right:expr) => {{
        let (left, right) = (&$left, &$right);
        ensure!(left == right, "{left:?} is not {right:?}");
    }};
}
