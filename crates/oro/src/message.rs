//! [`Message`], what a slot holds, and [`message!`](crate::message!), which declares such types.
//! It does not hold byte streams, whose slots are as long as the wire says.

use oro_sysabi::{LOG_LAYOUT, Log, PARAMS_LAYOUT, Param, TIME_LAYOUT, Time};

/// A type whose values are messages (`TYPE-1`, `TYPE-2`). Declare one with [`message!`](crate::message!).
///
/// # Safety
///
/// The type is `repr(C)`, has no padding, and is valid for any bytes, since a peer wrote them;
/// `LAYOUT` is its layout text.
pub unsafe trait Message: Copy + 'static {
    /// Layout text: what a wire compares (`TYPE-3`).
    const LAYOUT: &'static str;

    /// The message whose bytes are all zero.
    ///
    /// ```
    /// oro::message! { "demo.num.v1" pub struct Num { value: u64, tag: u64 } }
    /// use oro::Message;
    /// assert_eq!(Num { value: 3, ..Num::zeroed() }, Num { value: 3, tag: 0 });
    /// ```
    #[must_use]
    fn zeroed() -> Self {
        // SAFETY: the trait's contract says that any bytes are a valid value.
        unsafe { core::mem::zeroed() }
    }
}

/// Declares a message type: a `repr(C)` struct, and its layout text (`TYPE-1`).
///
/// First comes the type's name as a text, then the struct. Fields are `u8` to `u64`, `i8` to `i64`,
/// `f32`, `f64`, and arrays of these; all become public. Two ends fit when name, fields and order
/// are the same, whatever the struct is called. Padding is refused: name it as a field (`TYPE-2`).
///
/// ```
/// oro::message! {
///     /// One line of a chat.
///     #[derive(Default)]
///     "demo.line.v1" pub struct Line { length: u16, room: u16, text: [u8; 28] }
/// }
/// use oro::Message;
/// assert_eq!(Line::LAYOUT, "demo.line.v1{length:u16,room:u16,text:u8[28],}");
/// assert_eq!(size_of::<Line>(), 32);
/// ```
///
/// ```compile_fail
/// // Seven bytes of padding after `small`.
/// oro::message! { "demo.padded.v1" pub struct Padded { small: u8, large: u64 } }
/// ```
///
/// Not every byte is a `bool`, and a peer may write any:
///
/// ```compile_fail
/// oro::message! { "demo.flag.v1" pub struct Flag { is_set: bool } }
/// ```
///
/// The names mean Rust's own types, whatever else they stand for where the macro is used. Here `a`
/// and `c` are numbers, to which neither of these values fits:
///
/// ```compile_fail,E0308
/// #![forbid(unsafe_code)]
/// #![allow(non_camel_case_types)]
/// type i64 = &'static [u8; 8];
/// oro::message! { "demo.alias.v1" pub struct Alias { a: i64, b: u64 } }
/// let bad = Alias { a: &[0; 8], b: 0 };
/// ```
///
/// ```compile_fail,E0308
/// #![forbid(unsafe_code)]
/// #![allow(non_camel_case_types)]
/// type u8 = bool;
/// oro::message! { "demo.alias.v1" pub struct Alias { b: u64, c: [u8; 8] } }
/// let bad = Alias { b: 0, c: [true; 8] };
/// ```
#[macro_export]
macro_rules! message {
    ($(#[$attribute:meta])* $name:literal $visibility:vis struct $struct:ident {
        $($(#[$field_attribute:meta])* $field:ident : $type:tt),+ $(,)?
    }) => {
        $(#[$attribute])*
        #[repr(C)]
        #[derive(
            $crate::core::clone::Clone,
            $crate::core::marker::Copy,
            $crate::core::fmt::Debug,
            $crate::core::cmp::PartialEq,
        )]
        $visibility struct $struct {
            $($(#[$field_attribute])* #[allow(missing_docs, reason = "a message's fields are data")] pub $field: $crate::field_type!($type),)+
        }

        const _: () = $crate::macro_support::check_layout(
            <$struct as $crate::Message>::LAYOUT,
            $crate::core::mem::size_of::<$struct>(),
            $crate::core::mem::align_of::<$struct>(),
        );

        // SAFETY: `repr(C)`; every field is an integer, a float or an array of these, valid for any
        // bytes, since `field_type` gives no other type; `check_layout` has refused padding.
        unsafe impl $crate::Message for $struct {
            const LAYOUT: &'static $crate::core::primitive::str = $crate::core::concat!(
                $name, "{", $($crate::core::stringify!($field), ":", $crate::type_text!($type), ","),+, "}"
            );
        }
    };
}

/// The type of a field: Rust's own, never what its name stands for where `message!` is used, since
/// any bytes must be a valid value of it.
#[doc(hidden)]
#[macro_export]
macro_rules! field_type {
    ([$element:ident; $length:literal]) => {
        [$crate::field_type!($element); $length]
    };
    (u8) => {
        $crate::core::primitive::u8
    };
    (u16) => {
        $crate::core::primitive::u16
    };
    (u32) => {
        $crate::core::primitive::u32
    };
    (u64) => {
        $crate::core::primitive::u64
    };
    (i8) => {
        $crate::core::primitive::i8
    };
    (i16) => {
        $crate::core::primitive::i16
    };
    (i32) => {
        $crate::core::primitive::i32
    };
    (i64) => {
        $crate::core::primitive::i64
    };
    (f32) => {
        $crate::core::primitive::f32
    };
    (f64) => {
        $crate::core::primitive::f64
    };
    ($($other:tt)*) => {
        $crate::core::compile_error!(
            "a field is u8 to u64, i8 to i64, f32, f64, or an array of these (TYPE-1)"
        )
    };
}

/// The text of a field's type (`TYPE-1`).
#[doc(hidden)]
#[macro_export]
macro_rules! type_text {
    ([$element:ident; $length:literal]) => {
        $crate::core::concat!(
            $crate::core::stringify!($element),
            "[",
            $crate::core::stringify!($length),
            "]"
        )
    };
    ($scalar:ident) => {
        $crate::core::stringify!($scalar)
    };
}

// SAFETY: `repr(C)` structs of integers and byte arrays; the ABI's own checks refuse padding.
unsafe impl Message for Param {
    const LAYOUT: &'static str = PARAMS_LAYOUT;
}

// SAFETY: as above.
unsafe impl Message for Log {
    const LAYOUT: &'static str = LOG_LAYOUT;
}

// SAFETY: as above.
unsafe impl Message for Time {
    const LAYOUT: &'static str = TIME_LAYOUT;
}

const _: () = {
    crate::layout_text::check_layout(PARAMS_LAYOUT, size_of::<Param>(), align_of::<Param>());
    crate::layout_text::check_layout(LOG_LAYOUT, size_of::<Log>(), align_of::<Log>());
    crate::layout_text::check_layout(TIME_LAYOUT, size_of::<Time>(), align_of::<Time>());
};
