//! Versions and limits: the numbers that both sides may rely on (`VER-*`, `LIM-*`).

/// ABI major version. A kernel refuses a module whose note states another one (`VER-1`).
pub const ABI_MAJOR: u32 = 0;
/// ABI minor version. While the major is 0 it must be equal, later at least the module's (`VER-2`).
pub const ABI_MINOR: u32 = 2;

/// Largest slot of a Port, in bytes (`LIM-1`).
pub const MAX_SLOT_SIZE: u32 = 16 << 20;
/// Largest queue of a Port (slot count times stride), in bytes (`LIM-2`).
pub const MAX_QUEUE_SIZE: u64 = 256 << 20;
/// Most slots of a Port; a slot count is a power of two from 1 to this (`LIM-3`).
pub const MAX_SLOT_COUNT: u32 = 1 << 20;
/// Largest alignment of a message type, in bytes; a power of two (`LIM-4`).
pub const MAX_SLOT_ALIGN: u32 = 4096;
/// Most endpoints of a thread (`LIM-5`).
pub const MAX_ENDPOINTS_PER_THREAD: u32 = 256;
/// Most bytes of address space for the windows of one thread (`LIM-6`).
pub const MAX_WINDOW_BYTES_PER_THREAD: u64 = 64 << 30;
/// Most entry points of a module (`LIM-7`).
pub const MAX_ENTRIES: u32 = 64;
/// Size of a name field, in bytes, with at least one terminating zero: names have at most 31 (`LIM-8`).
pub const NAME_SIZE: u32 = 32;
/// Longest layout text of a message type, in bytes without its terminating zero (`LIM-9`).
pub const MAX_LAYOUT_TEXT: u32 = 4095;
/// Every address that the ABI hands out is below this one: 512 GiB (`LIM-10`).
pub const ADDRESS_END: u64 = 1 << 39;
/// An image that is not relocatable must lie at or above this address (`LIM-11`).
pub const IMAGE_START: u64 = 0x1_0000;
/// An image must end at or below this address; above it the kernel places what the ABI needs (`LIM-11`).
pub const IMAGE_END: u64 = 64 << 30;
/// Cells of an endpoint in synchronous mode (`PORT-4`).
pub const CELL_COUNT: u32 = 2;
/// Largest stack that an entry may ask for, in bytes (`LIM-12`).
pub const MAX_STACK_SIZE: u32 = 1 << 30;
/// Stack size where an entry's note asks for none, in bytes (`LIM-12`).
pub const DEFAULT_STACK_SIZE: u32 = 64 << 10;
/// How long, in nanoseconds, an end of a revoked Port may go on before it ends with its instance
/// (`END-13`): 100 ms.
pub const REVOCATION_GRACE_NS: u64 = 100_000_000;
