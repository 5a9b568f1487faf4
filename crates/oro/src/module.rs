//! [`module!`](crate::module!): declares a module and gives its entry points typed Ports. What the
//! notes hold is in `note.rs`; how ends work, in the files of the ends.

/// Declares a module: its name, and its entry points with their ports and parameters.
///
/// Each `entry NAME` is a thread that the kernel starts; the crate has a function `fn NAME(ports:
/// NAME::Ports)`. `Ports` has a field for each port, `params` with a field for each parameter, and
/// `thread` ([`Thread`](crate::Thread)). The function returns nothing, a `u32`, or a `Result` of
/// these with an error that can be displayed ([`Status`](crate::Status)).
///
/// - `stack: BYTES,` comes first if the thread needs another stack than 64 KiB.
/// - `ports { NAME: TYPE, ... }`: see [`End`](crate::End) for the types. Names of ports are unique in
///   the module, since wires name them. All ends of an entry are naive, or all are managed (`MAN-1`).
/// - `params { NAME: TYPE = DEFAULT, ... }`: the type is [`Text`](crate::Text), `u64`, `i64` or
///   `bool`; without a default the system must give a value; the comment above is the help text. One
///   entry of a module may have parameters; they come through a port named `params` that the system
///   wires by itself (`SYS-5`).
///
/// ```
/// use oro::{NaiveByteReader, NaiveByteWriter, Text, module};
///
/// module! {
///     name: "count",
///     entry run {
///         stack: 128 << 10,
///         ports { input: NaiveByteReader, output: NaiveByteWriter }
///         params {
///             /// What is written after the count.
///             unit: Text = "bytes",
///             /// Where counting starts.
///             start: u64 = 0,
///         }
///     }
/// }
///
/// fn run(mut ports: run::Ports) -> Result<(), oro::PeerMisbehaved> {
///     let mut count = ports.params.start;
///     while let Some(length) = ports.input.next_chunk(|bytes| bytes.len())? {
///         count += length as u64;
///     }
///     writeln!(ports.output, "{count} {}", ports.params.unit);
///     Ok(())
/// }
/// # fn main() {}
/// ```
///
/// ```compile_fail
/// // One end is naive, the other managed (MAN-1).
/// use oro::{Log, NaiveProducer, Producer, module};
/// module! {
///     name: "mixed",
///     entry run { ports { a: NaiveProducer<Log>, b: Producer<Log> } }
/// }
/// fn run(_: run::Ports) {}
/// # fn main() {}
/// ```
///
/// ```compile_fail
/// // The default is not a bool.
/// use oro::module;
/// module! { name: "wrong", entry run { params { flag: bool = 1 } } }
/// fn run(_: run::Ports) {}
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! module {
    (
        name: $module:literal,
        $(
            $(#[doc = $entry_doc:literal])*
            entry $entry:ident {
                $(stack: $stack:expr,)?
                $(ports { $($(#[doc = $port_doc:literal])* $port:ident : $end:ty),* $(,)? })?
                $(params {
                    $($(#[doc = $help:literal])* $param:ident : $param_type:ty $(= $default:literal)?),* $(,)?
                })?
            }
        )+
    ) => {
        const _: () = {
            #[used]
            #[unsafe(link_section = ".note.oro")]
            static MODULE: $crate::macro_support::ModuleDeclaration =
                $crate::macro_support::ModuleDeclaration::new($module);
        };

        /// Indices of the ports: each takes as many bytes as it has elements.
        #[repr(C)]
        #[doc(hidden)]
        struct __OroPortIndices {
            $(
                $($($port: [
                    $crate::core::primitive::u8; <$end as $crate::End>::COUNT
                ],)*)?
                $(params: [$crate::core::primitive::u8; $crate::count_one!($($param)*)],)?
            )+
        }

        /// Indices of the entries.
        #[allow(non_camel_case_types, reason = "named as the author's functions are")]
        #[repr(u32)]
        #[doc(hidden)]
        enum __OroEntryIndices { $($entry),+ }

        $($crate::declare_entry! {
            $entry, [$($entry_doc)*], [$($stack)?],
            [$($($port, [$($port_doc)*], $end;)*)?],
            [$($($param, [$($help)*], $param_type, [$($default)?];)*)?],
            [$($crate::count_one!($($param)*))?]
        })+
    };
}

/// 1 as a `usize`: the params port of an entry.
#[doc(hidden)]
#[macro_export]
macro_rules! count_one {
    ($($param:ident)*) => {
        1_usize
    };
}

/// One entry point: its `Ports`, its shim and its notes.
#[doc(hidden)]
#[macro_export]
macro_rules! declare_entry {
    (
        $entry:ident, [$($entry_doc:literal)*], [$($stack:expr)?],
        [$($port:ident, [$($port_doc:literal)*], $end:ty;)*],
        [$($param:ident, [$($help:literal)*], $param_type:ty, [$($default:literal)?];)*],
        [$($has_params:expr)?]
    ) => {
        $(#[doc = $entry_doc])*
        #[allow(unused_imports, reason = "an entry may have no ports, and types of the prelude only")]
        mod $entry {
            use super::*;

            /// What the entry starts with.
            #[allow(dead_code, reason = "the author need not use everything")]
            pub struct Ports {
                /// The thread.
                pub thread: $crate::Thread,
                $($(#[doc = $port_doc])* pub $port: $end,)*
                /// Values of the parameters.
                pub params: Params,
            }

            /// Values of the parameters.
            #[derive($crate::core::clone::Clone, $crate::core::marker::Copy)]
            #[allow(dead_code, reason = "the author need not use everything")]
            pub struct Params { $($(#[doc = $help])* pub $param: $param_type,)* }

            const ORO_IS_MANAGED: $crate::core::primitive::bool =
                $crate::macro_support::is_managed(
                &[$(<$end as $crate::End>::IS_MANAGED),*]);
            const ORO_ENTRY: $crate::core::primitive::u32 =
                __OroEntryIndices::$entry as $crate::core::primitive::u32;
            const ORO_STACK_BYTES: $crate::core::primitive::u32 =
                $crate::macro_support::check_entry(ORO_ENTRY, $crate::stack_bytes!($($stack)?));

            /// Where the kernel starts the thread (`ENTRY-1`).
            extern "C" fn oro_start(root: *const $crate::Root) -> $crate::core::primitive::u64 {
                // SAFETY: the kernel starts the thread with the address of its `Root` (`ENTRY-1`).
                let thread = unsafe { $crate::Thread::from_root(root) };
                let ports = Ports {
                    thread,
                    params: $crate::open_params!(
                        thread, ORO_IS_MANAGED, [$($has_params)?], $($param: $param_type,)*),
                    // SAFETY: the note below declares the port with this type and index for this
                    // entry, and it is opened here only.
                    $($port: unsafe {
                        <$end as $crate::End>::open(
                            thread, $crate::core::mem::offset_of!(__OroPortIndices, $port))
                    },)*
                };
                $crate::Status::into_status(super::$entry(ports), thread)
            }

            // ENTRY note: its address is self-relative (`NOTE-3`), which only an assembler can say.
            $crate::core::arch::global_asm!(
                ".pushsection .note.oro,\"a\",%note",
                ".balign 4",
                ".long 4, 64, 2",
                ".asciz \"Oro\"",
                ".long 64, {index}, {flags}, {stack_bytes}",
                ".long {start} - .",
                ".long 0, 0, 0",
                $crate::core::concat!(".ascii \"", $crate::core::stringify!($entry), "\""),
                ".zero {pad}",
                ".popsection",
                index = const ORO_ENTRY,
                flags = const $crate::macro_support::entry_flags(ORO_IS_MANAGED),
                stack_bytes = const ORO_STACK_BYTES,
                pad = const $crate::macro_support::name_padding($crate::core::stringify!($entry)),
                start = sym oro_start,
            );

            $(const _: () = {
                const LENGTH: $crate::core::primitive::usize =
                    $crate::macro_support::pad_text_length(
                    <$end as $crate::End>::LAYOUT.len(), 1);
                #[used]
                #[unsafe(link_section = ".note.oro")]
                static PORT: $crate::macro_support::PortDeclaration<LENGTH> =
                    $crate::macro_support::PortDeclaration::new::<$end>(
                        $crate::core::stringify!($port),
                        $crate::core::mem::offset_of!(__OroPortIndices, $port),
                        ORO_ENTRY);
            };)*

            $crate::declare_params_port!([$($has_params)?], ORO_ENTRY);

            $(const _: () = {
                const KIND: $crate::core::primitive::u32 =
                    <$param_type as $crate::ParamValue>::KIND;
                const DEFAULT: &$crate::core::primitive::str =
                    $crate::core::concat!($($default)?);
                const HELP: &$crate::core::primitive::str = $crate::core::concat!($($help),*);
                const FLAGS: $crate::core::primitive::u32 =
                    $crate::param_flags!(KIND, [$($default)?]);
                const LENGTH: $crate::core::primitive::usize =
                    $crate::macro_support::pad_text_length(
                    DEFAULT.len() + $crate::macro_support::trim_help_length(HELP), 2);
                #[used]
                #[unsafe(link_section = ".note.oro")]
                static PARAM: $crate::macro_support::ParamDeclaration<LENGTH> =
                    $crate::macro_support::ParamDeclaration::new(
                        $crate::core::stringify!($param), KIND, FLAGS,
                        $crate::core::mem::offset_of!(__OroPortIndices, params), DEFAULT, HELP);
            };)*
        }
    };
}

/// Bytes of stack that an entry asks for; 0: the default.
#[doc(hidden)]
#[macro_export]
macro_rules! stack_bytes {
    () => {
        0
    };
    ($stack:expr) => {
        $stack
    };
}

/// `PARAM_*` flags: required without a default. Checks the default if there is one.
#[doc(hidden)]
#[macro_export]
macro_rules! param_flags {
    ($kind:expr, []) => {
        $crate::macro_support::PARAM_REQUIRED
    };
    ($kind:expr, [$default:literal]) => {{
        $crate::macro_support::check_default($kind, $crate::core::concat!($default));
        0
    }};
}

/// The PORT note of the params port, if the entry has one.
#[doc(hidden)]
#[macro_export]
macro_rules! declare_params_port {
    ([], $entry:expr) => {};
    ([$has_params:expr], $entry:expr) => {
        const _: () = {
            const LENGTH: $crate::core::primitive::usize = $crate::macro_support::pad_text_length(
                $crate::macro_support::PARAMS_LAYOUT.len(),
                1,
            );
            #[used]
            #[unsafe(link_section = ".note.oro")]
            static PORT: $crate::macro_support::PortDeclaration<LENGTH> =
                $crate::macro_support::PortDeclaration::new::<
                    $crate::NaiveConsumer<$crate::macro_support::Param>,
                >("params", $crate::core::mem::offset_of!(__OroPortIndices, params), $entry);
        };
    };
}

/// Reads the parameters of an entry, if it has any.
#[doc(hidden)]
#[macro_export]
macro_rules! open_params {
    ($thread:expr, $is_managed:expr, [],) => {
        Params {}
    };
    ($thread:expr, $is_managed:expr, [$has_params:expr],
        $($param:ident : $param_type:ty,)*
    ) => {{
        $(let mut $param: $crate::core::option::Option<$param_type> =
            $crate::core::option::Option::None;)*
        // SAFETY: the note below declares the port `params` for this entry; it is opened here only.
        unsafe {
            $crate::macro_support::read_params(
                $thread,
                $crate::core::mem::offset_of!(__OroPortIndices, params),
                $is_managed,
                |key, value| match key {
                    $($crate::core::stringify!($param) => {
                        $param = <$param_type as $crate::ParamValue>::parse(value);
                    })*
                    _ => {}
                },
            );
        }
        Params {
            // The system has checked every value (`SYS-6`), so this is a kernel's fault.
            $($param: $param.expect($crate::core::concat!(
                "the kernel sent no good value for the parameter ", $crate::core::stringify!($param))),)*
        }
    }};
}

/// Whether an entry is managed.
///
/// # Panics
///
/// While compiling, if some of its ends are managed and some naive.
#[must_use]
pub const fn is_managed(ends: &[bool]) -> bool {
    let mut index = 1;
    while index < ends.len() {
        assert!(
            ends[index] == ends[0],
            "an entry's ends are all naive or all managed (MAN-1): do not mix NaiveProducer and Producer and their like"
        );
        index += 1;
    }
    !ends.is_empty() && ends[0]
}

/// The stack size as the ENTRY note states it.
///
/// # Panics
///
/// While compiling, if there are too many entries or the stack is too large.
#[must_use]
pub const fn check_entry(entry: u32, stack_bytes: usize) -> u32 {
    assert!(entry < oro_sysabi::MAX_ENTRIES, "a module has at most 64 entry points (LIM-7)");
    assert!(
        stack_bytes <= oro_sysabi::MAX_STACK_SIZE as usize,
        "a stack has at most 1 GiB (LIM-12)"
    );
    crate::note::narrow(stack_bytes)
}
