//! Parameters (`TYPE-11`): [`ParamValue`], the types they may have, and how they are read before an
//! entry's function runs. The system has checked names and values (`SYS-6`).

use oro_sysabi::{PARAM_BOOLEAN, PARAM_SIGNED, PARAM_TEXT, PARAM_UNSIGNED, PARAMS_END, Param};

use crate::{Consumer, End, NaiveConsumer, Text, Thread};

/// A type that a parameter may have.
pub trait ParamValue: Sized {
    /// `PARAM_*` kind, as the PARAM note states it (`NOTE-5`).
    const KIND: u32;

    /// The value that this text stands for, if it does for one.
    fn parse(text: &str) -> Option<Self>;
}

impl ParamValue for Text {
    const KIND: u32 = PARAM_TEXT;

    fn parse(text: &str) -> Option<Self> {
        Text::copy_from(text)
    }
}

impl ParamValue for u64 {
    const KIND: u32 = PARAM_UNSIGNED;

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl ParamValue for i64 {
    const KIND: u32 = PARAM_SIGNED;

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl ParamValue for bool {
    const KIND: u32 = PARAM_BOOLEAN;

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// Reads every parameter of the module from the port with this index and gives it to `visit`.
///
/// # Safety
///
/// As [`End::open`], for a consumer of `oro.params.v1` of a thread that is managed or not.
pub unsafe fn read_params(
    thread: Thread,
    port_index: usize,
    is_managed: bool,
    mut visit: impl FnMut(&str, &str),
) {
    if is_managed {
        // SAFETY: the caller's own promise, passed on.
        let mut params = unsafe { Consumer::<Param>::open(thread, port_index) };
        while let Ok(param) = params.recv() {
            if visit_param(&param, &mut visit) {
                return;
            }
        }
    } else {
        // SAFETY: as above.
        let mut params = unsafe { NaiveConsumer::<Param>::open(thread, port_index) };
        // Not one message more: asking for it would end the thread (`NAIVE-6`).
        while !visit_param(&params.recv(), &mut visit) {}
    }
}

/// Gives a parameter to `visit`, unless its key is empty or it is malformed; whether it is the last.
fn visit_param(param: &Param, visit: &mut impl FnMut(&str, &str)) -> bool {
    let key_end = usize::from(param.key_length);
    let value_end = key_end + usize::from(param.value_length);
    if let (Some(key), Some(value)) =
        (param.text.get(..key_end), param.text.get(key_end..value_end))
        && let (Ok(key), Ok(value)) = (str::from_utf8(key), str::from_utf8(value))
        && !key.is_empty()
    {
        visit(key, value);
    }
    param.flags & PARAMS_END != 0
}

/// Fails to compile unless a default's text fits its kind.
///
/// # Panics
///
/// While compiling, with a message that says what is wrong.
pub const fn check_default(kind: u32, text: &str) {
    let digits = match kind {
        PARAM_TEXT => {
            assert!(text.len() <= 248, "a parameter has at most 248 bytes (TYPE-11)");
            return;
        }
        PARAM_BOOLEAN => {
            assert!(
                matches!(text.as_bytes(), b"true" | b"false"),
                "the default of a bool is true or false"
            );
            return;
        }
        PARAM_UNSIGNED => u64::from_str_radix(text, 10).is_ok(),
        _ => i64::from_str_radix(text, 10).is_ok(),
    };
    assert!(digits, "the default is a decimal integer of the parameter's type");
}

#[cfg(test)]
mod tests {
    use super::{PARAMS_END, Param, check_default, visit_param};
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn visit_all(param: &Param) -> (bool, Vec<(String, String)>) {
        let mut seen = Vec::new();
        let is_last = visit_param(param, &mut |key, value| {
            seen.push((key.to_string(), value.to_string()));
        });
        (is_last, seen)
    }

    #[test]
    fn type_11_key_comes_before_value_and_the_end_may_have_neither() {
        // TYPE-11
        let mut text = [0; 248];
        text[..7].copy_from_slice(b"sizetwo");
        let param = Param { key_length: 4, value_length: 3, flags: 0, text };
        assert_eq!(visit_all(&param), (false, [("size".into(), "two".into())].into()));
        let end = Param { key_length: 0, value_length: 0, flags: PARAMS_END, text: [0; 248] };
        assert_eq!(visit_all(&end), (true, Vec::new()));
        // Lengths beyond the text, each and together, are passed over.
        for (key_length, value_length) in [(249, 0), (248, 1), (u16::MAX, u16::MAX)] {
            let param = Param { key_length, value_length, flags: 0, text: [b'x'; 248] };
            assert_eq!(visit_all(&param), (false, Vec::new()));
        }
    }

    #[test]
    fn note_5_defaults_fit_their_kind() {
        // NOTE-5
        let is_refused =
            |kind, text| std::panic::catch_unwind(|| check_default(kind, text)).is_err();
        for (kind, text, expected) in [
            (oro_sysabi::PARAM_TEXT, "", false),
            (oro_sysabi::PARAM_UNSIGNED, "18446744073709551615", false),
            (oro_sysabi::PARAM_UNSIGNED, "-1", true),
            (oro_sysabi::PARAM_SIGNED, "-9223372036854775808", false),
            (oro_sysabi::PARAM_SIGNED, "9223372036854775808", true),
            (oro_sysabi::PARAM_SIGNED, "1.5", true),
            (oro_sysabi::PARAM_BOOLEAN, "false", false),
            (oro_sysabi::PARAM_BOOLEAN, "1", true),
        ] {
            assert_eq!(is_refused(kind, text), expected, "{kind} {text}");
        }
    }
}
