//! Sizes and offsets of every wire structure, checked when compiled and listed for tests and tools.

/// One size or offset of a wire structure, for the golden file and the C header's checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutEntry {
    /// Name of the structure, as in Rust.
    pub structure: &'static str,
    /// Size in bytes.
    pub size_bytes: usize,
    /// Alignment in bytes.
    pub align_bytes: usize,
    /// Names and offsets in bytes of the fields, in order.
    pub fields: &'static [(&'static str, usize)],
}

/// Asserts a structure's size, alignment and offsets when compiled, and lists them as `LAYOUT`.
macro_rules! assert_layout {
    ($name:ident, size $size:literal, align $align:literal; $($field:ident $offset:literal),+ $(,)?) => {
        const _: () = {
            assert!(core::mem::size_of::<$name>() == $size);
            assert!(core::mem::align_of::<$name>() == $align);
            $(assert!(core::mem::offset_of!($name, $field) == $offset);)+
        };
        impl $name {
            /// Size, alignment and offsets of this structure.
            pub const LAYOUT: crate::LayoutEntry = crate::LayoutEntry {
                structure: stringify!($name),
                size_bytes: $size,
                align_bytes: $align,
                fields: &[$((stringify!($field), $offset)),+],
            };
        }
    };
}
pub(crate) use assert_layout;

/// Every wire structure of the ABI.
pub const LAYOUT: &[LayoutEntry] = &[
    crate::Root::LAYOUT,
    crate::ThreadBlock::LAYOUT,
    crate::Binding::LAYOUT,
    crate::Table::LAYOUT,
    crate::Ring::LAYOUT,
    crate::Instance::LAYOUT,
    crate::End::LAYOUT,
    crate::Port::LAYOUT,
    crate::Condition::LAYOUT,
    crate::Request::LAYOUT,
    crate::Response::LAYOUT,
    crate::ModuleNote::LAYOUT,
    crate::EntryNote::LAYOUT,
    crate::PortNote::LAYOUT,
    crate::ParamNote::LAYOUT,
    crate::BytesHead::LAYOUT,
    crate::Param::LAYOUT,
    crate::Log::LAYOUT,
    crate::Time::LAYOUT,
];
