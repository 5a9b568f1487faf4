//! Sizes, offsets and constants of the ABI as data: [`LAYOUT`] and [`CONSTANTS`], for the golden
//! file, the C header and tools. The macro `assert_layout` checks each structure when compiled.

/// A field of a wire structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldEntry {
    /// Name, as in Rust and in C.
    pub name: &'static str,
    /// Offset in bytes.
    pub offset_bytes: usize,
    /// Size in bytes.
    pub size_bytes: usize,
}

/// A wire structure. Its fields leave no gap: each begins where the one before it ends, and the
/// last one ends at `size_bytes` (`META-2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutEntry {
    /// Name of the structure, as in Rust.
    pub structure: &'static str,
    /// Size in bytes.
    pub size_bytes: usize,
    /// Alignment in bytes.
    pub align_bytes: usize,
    /// The fields in order of their offsets.
    pub fields: &'static [FieldEntry],
}

/// The value of a constant of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstantValue {
    /// A 32-bit number.
    U32(u32),
    /// A 64-bit number.
    U64(u64),
    /// A text, in C followed by a zero.
    Text(&'static str),
    /// Bytes, as they are.
    Bytes(&'static [u8]),
}

/// A constant of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConstantEntry {
    /// Name, as in Rust; in C it has the prefix `ORO_`.
    pub name: &'static str,
    /// Value.
    pub value: ConstantValue,
}

/// Asserts a structure's size, alignment and offsets when compiled, and that its fields leave no
/// unnamed padding (`META-2`); lists them as `LAYOUT`.
macro_rules! assert_layout {
    ($name:ident, size $size:literal, align $align:literal; $($field:ident $offset:literal),+ $(,)?) => {
        const _: () = {
            assert!(core::mem::size_of::<$name>() == $size);
            assert!(core::mem::align_of::<$name>() == $align);
            $(assert!(core::mem::offset_of!($name, $field) == $offset);)+
            let fields = $name::LAYOUT.fields;
            let (mut index, mut end) = (0, 0);
            while index < fields.len() {
                assert!(fields[index].offset_bytes == end, "unnamed padding before a field");
                end += fields[index].size_bytes;
                index += 1;
            }
            assert!(end == $size, "unnamed padding at the end");
        };
        impl $name {
            /// Size, alignment and fields of this structure.
            pub const LAYOUT: $crate::LayoutEntry = $crate::LayoutEntry {
                structure: stringify!($name),
                size_bytes: $size,
                align_bytes: $align,
                fields: &[$($crate::FieldEntry {
                    name: stringify!($field),
                    offset_bytes: $offset,
                    size_bytes: $crate::layout::size_of_field::<$name, _>(|this| &this.$field),
                }),+],
            };
        }
    };
}
pub(crate) use assert_layout;

/// Finds the size of the field that `_field` names, in bytes.
pub(crate) const fn size_of_field<S, F>(_field: fn(&S) -> &F) -> usize {
    core::mem::size_of::<F>()
}

/// Lists constants with their values.
macro_rules! constants {
    ($($kind:ident: $($name:ident),+;)+) => {
        &[$($(ConstantEntry {
            name: stringify!($name),
            value: ConstantValue::$kind(constants!(@value $kind $name)),
        }),+),+]
    };
    (@value Bytes $name:ident) => { &crate::$name };
    (@value $kind:ident $name:ident) => { crate::$name };
}

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
    crate::ControlRequest::LAYOUT,
    crate::ControlReply::LAYOUT,
];

/// Every public constant of the ABI; a test holds the list to the source.
pub const CONSTANTS: &[ConstantEntry] = constants! {
    U32: ABI_MAJOR, ABI_MINOR, MAX_SLOT_SIZE;
    U64: MAX_QUEUE_SIZE;
    U32: MAX_SLOT_COUNT, MAX_SLOT_ALIGN, MAX_ENDPOINTS_PER_THREAD;
    U64: MAX_WINDOW_BYTES_PER_THREAD;
    U32: MAX_ENTRIES, NAME_SIZE, MAX_LAYOUT_TEXT;
    U64: ADDRESS_END, IMAGE_START, IMAGE_END;
    U32: CELL_COUNT, MAX_STACK_SIZE, DEFAULT_STACK_SIZE;
    U64: REVOCATION_GRACE_NS;
    U64: ROOT_MAGIC;
    U32: ROOT_COUNTER_GRANTED, MACHINE_X86_64, MACHINE_AARCH64;
    U32: DIRECTION_PRODUCER, DIRECTION_CONSUMER, MODE_SYNCHRONOUS, MODE_ASYNCHRONOUS;
    U32: STATE_UNWIRED, STATE_WIRED, STATE_CLOSED, STATE_FAULTED, STATE_REVOKED, STATE_FOREIGN;
    U32: BINDING_MANAGED, BINDING_FORCED_SYNCHRONOUS;
    U64: RING_MAGIC;
    U32: INSTANCE_MOUNTED, INSTANCE_RUNNING, INSTANCE_ENDED, INSTANCE_FAULTED;
    U32: REASON_NONE, REASON_VIOLATION, REASON_TRAP, REASON_SYSTEM_CALL, REASON_KILLED,
        REASON_REVOKED, REASON_PANIC;
    U32: PORT_OPEN, PORT_PRODUCER_ENDED, PORT_CONSUMER_ENDED, PORT_ENDED, PORT_FORCED_SYNCHRONOUS;
    U32: MODE_REASON_FORCED, MODE_REASON_NAIVE, MODE_REASON_STREAK, MODE_REASON_PEER,
        MODE_REASON_UNSUPPORTED, MODE_REASON_QUALIFIED, MODE_REASON_EARNED, MODE_REASON_LEAVING,
        MODE_REASON_ENDED;
    U32: WAIT_PEER, WAIT_RING, WAIT_BINDING, WAIT_WORD, WAKE_WORD;
    U64: NO_DEADLINE;
    U32: CAUSE_NONE, CAUSE_CONDITION, CAUSE_DEADLINE;
    U32: LAST_WORDS_NONE, LAST_WORDS_PANIC, LAST_WORDS_REMARK, CONDITION_COUNT, LAST_WORDS_SIZE;
    Bytes: NOTE_OWNER;
    U32: NOTE_MODULE, NOTE_ENTRY, NOTE_PORT, NOTE_PARAM;
    U32: ENTRY_MANAGED, ENTRY_RETURNS_STATUS, NOTE_PORT_OPTIONAL;
    U32: PARAM_TEXT, PARAM_UNSIGNED, PARAM_SIGNED, PARAM_BOOLEAN, PARAM_REQUIRED;
    Text: BYTES_LAYOUT, PARAMS_LAYOUT, LOG_LAYOUT, TIME_LAYOUT;
    U32: BYTES_END, PARAMS_END, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG;
    Text: CONTROL_LAYOUT, CONTROL_REPLY_LAYOUT;
    U32: MAX_LOADED_IMAGE_BYTES;
    U32: CONTROL_CREATE, CONTROL_REMOUNT, CONTROL_LOAD, CONTROL_MOUNT, CONTROL_PARAM, CONTROL_WIRE,
        CONTROL_START, CONTROL_END, CONTROL_RESTART, CONTROL_REPLACE, CONTROL_FORGET, CONTROL_FORCE,
        CONTROL_ALLOW, CONTROL_REVOKE, CONTROL_TRANSFER, CONTROL_DESCRIBE;
    U32: CONTROL_DONE, CONTROL_BAD_REQUEST, CONTROL_UNKNOWN, CONTROL_DENIED, CONTROL_NAME,
        CONTROL_IMAGE, CONTROL_PORT, CONTROL_TYPE, CONTROL_BUSY, CONTROL_QUOTA, CONTROL_STATE,
        CONTROL_UNSUPPORTED, CONTROL_SYSTEM;
    U32: CONTROL_RESTART_NEVER, CONTROL_RESTART_FAULT, CONTROL_RESTART_ALWAYS;
};
