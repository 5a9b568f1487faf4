//! Where things lie in every sealed process (`META-10`, `LIM-10`, `LIM-11`).
//!
//! Images are below 64 GiB; everything here is between that and 512 GiB. The numbers are this
//! platform's choice: modules find them through `Root` and never assume them.

use oro_sysabi::{IMAGE_END, MAX_ENDPOINTS_PER_THREAD, MAX_ENTRIES, MAX_STACK_SIZE};

use crate::memory::PAGE;

/// Where relocatable images are placed.
pub(crate) const IMAGE_BASE: u64 = 0x1000_0000;
/// Kernel-provided code, read-execute, one page. What every thread has lies close to it, within what one
/// page of page tables covers.
pub(crate) const CODE: u64 = IMAGE_END;
/// The request page.
pub(crate) const REQUEST: u64 = IMAGE_END + 0x2000;
/// Touched by the trampoline when the process is ready.
pub(crate) const START_GATE: u64 = IMAGE_END + 0x4000;
/// `Root::exit_thread`.
pub(crate) const EXIT_THREAD_GATE: u64 = START_GATE + PAGE;
/// `Root::exit_instance`.
pub(crate) const EXIT_INSTANCE_GATE: u64 = START_GATE + 2 * PAGE;
/// `Root::gates`: the two pages at which a thread waits (`GATE-1`).
pub(crate) const WAIT_GATES: u64 = START_GATE + 3 * PAGE;
/// Pages of gates.
pub(crate) const GATE_PAGES: u64 = 5;
/// Root page, then the response page, then the bindings; read-only.
pub(crate) const ROOT: u64 = IMAGE_END + 0x1_0000;
/// Offset of the `ThreadBlock` in the Root page.
pub(crate) const THREAD_BLOCK_OFFSET: u64 = 0xf00;
/// Offset of the response page from the Root page.
pub(crate) const RESPONSE_OFFSET: u64 = PAGE;
/// Offset of the first binding from the Root page.
pub(crate) const BINDINGS_OFFSET: u64 = 2 * PAGE;
/// The Ring's tables, read-only.
pub(crate) const RING: u64 = IMAGE_END + 0x40_0000;
/// The heap, up to [`STACKS`].
pub(crate) const HEAP: u64 = IMAGE_END + (4 << 30);
/// Most bytes of heap, as `oro-system` has it (SYS-7).
pub(crate) const MAX_HEAP: u64 = 64 << 30;
/// The stacks, up to [`WINDOWS`]: that of the first entry ends there, each further one
/// [`STACK_STRIDE`] below.
pub(crate) const STACKS: u64 = HEAP + MAX_HEAP;
/// Room of one stack with what is never mapped below it.
pub(crate) const STACK_STRIDE: u64 = 2 << 30;
/// The windows of a thread's endpoints, assigned one after the other. They begin a bit after the start of what
/// one page of page tables covers, so that few windows share it with the first stack.
pub(crate) const WINDOWS: u64 = STACKS + MAX_ENTRIES as u64 * STACK_STRIDE + 0x2_0000;
/// First address after the windows.
pub(crate) const WINDOWS_END: u64 = WINDOWS + oro_sysabi::MAX_WINDOW_BYTES_PER_THREAD;

const _: () = assert!(STACK_STRIDE >= MAX_STACK_SIZE as u64 + PAGE);
/// Most bindings that port indices ask for (`NOTE-4`).
const MAX_BINDINGS: u64 = MAX_ENTRIES as u64 * MAX_ENDPOINTS_PER_THREAD as u64;
const _: () = assert!(ROOT + BINDINGS_OFFSET + MAX_BINDINGS * 128 <= RING);
const _: () = assert!(START_GATE + GATE_PAGES * PAGE <= ROOT);
const _: () = assert!(WINDOWS_END <= crate::stub::STUB);
const _: () = assert!(crate::stub::STUB < oro_sysabi::ADDRESS_END);
