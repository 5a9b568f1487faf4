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
#[macro_export]
macro_rules! message {
    ($(#[$attribute:meta])* $name:literal $visibility:vis struct $struct:ident {
        $($(#[$field_attribute:meta])* $field:ident : $type:tt),+ $(,)?
    }) => {
        $(#[$attribute])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq)]
        $visibility struct $struct {
            $($(#[$field_attribute])* #[allow(missing_docs, reason = "a message's fields are data")] pub $field: $type,)+
        }

        const _: () = $crate::macro_support::check_layout(
            <$struct as $crate::Message>::LAYOUT,
            ::core::mem::size_of::<$struct>(),
            ::core::mem::align_of::<$struct>(),
        );

        // SAFETY: `repr(C)`, and `check_layout` has refused padding and any field that is not an
        // integer, a float or an array of these, which are valid for any bytes.
        unsafe impl $crate::Message for $struct {
            const LAYOUT: &'static str = ::core::concat!(
                $name, "{", $(::core::stringify!($field), ":", $crate::type_text!($type), ","),+, "}"
            );
        }
    };
}

/// The text of a field's type (`TYPE-1`).
#[doc(hidden)]
#[macro_export]
macro_rules! type_text {
    ([$element:ident; $length:literal]) => {
        ::core::concat!(::core::stringify!($element), "[", ::core::stringify!($length), "]")
    };
    ($scalar:ident) => {
        ::core::stringify!($scalar)
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
