//! What a thread finds first: [`Root`], and the block that the thread pointer points to.

use crate::layout::assert_layout;

/// The first eight bytes of [`Root`]: `"OROROOT1"`, little-endian.
pub const ROOT_MAGIC: u64 = 0x3154_4f4f_524f_524f;

/// Root flag: the counter of [`Root::counter_frequency_hz`] may be read from the program.
pub const ROOT_COUNTER_GRANTED: u32 = 1 << 0;

/// ELF machine number of x86_64, in [`Root::machine`].
pub const MACHINE_X86_64: u32 = 62;
/// ELF machine number of AArch64, in [`Root::machine`].
pub const MACHINE_AARCH64: u32 = 183;

/// The page that a thread starts from (`ENTRY-1`, `META-1`).
///
/// One for each thread, page-aligned. Writer: the kernel, before the thread starts and never again.
/// Readers: the instance's threads, with plain loads of any field; they cannot write. Addresses are
/// virtual addresses of the instance, below [`ADDRESS_END`](crate::ADDRESS_END); 0 stands for "not
/// offered by this kernel", and only where a field says so.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Root {
    /// [`ROOT_MAGIC`].
    pub magic: u64,
    /// [`ABI_MAJOR`](crate::ABI_MAJOR) of the kernel; equal to the module's (`VER-1`).
    pub abi_major: u32,
    /// [`ABI_MINOR`](crate::ABI_MINOR) of the kernel (`VER-2`).
    pub abi_minor: u32,
    /// Size of this structure in bytes as the kernel knows it, at least 256; check it before newer
    /// fields (`META-2`).
    pub size_bytes: u32,
    /// ELF machine number: [`MACHINE_X86_64`] or [`MACHINE_AARCH64`].
    pub machine: u32,
    /// Page size in bytes: 4096, 16384 or 65536.
    pub page_size_bytes: u32,
    /// CPUs that the instance's threads may run on, at least 1. A hint for spinning.
    pub cpu_count: u32,
    /// Ring-local id of the instance: index in the lower half, generation in the upper.
    pub instance_id: u64,
    /// Ring-local id of this thread, built likewise.
    pub thread_id: u64,
    /// Index of the entry point that this thread runs, as in its ENTRY note; 0 without notes.
    pub entry_index: u32,
    /// [`ROOT_COUNTER_GRANTED`] or 0; ignore bits that you do not know.
    pub flags: u32,
    /// Hardware capabilities, as Linux' auxiliary vector states them in AT_HWCAP and AT_HWCAP2; 0
    /// where the kernel does not know.
    pub hardware_capabilities: [u64; 2],
    /// Bytes that the full vector state needs when saved; 0 where the kernel does not know.
    pub vector_state_bytes: u32,
    /// Distance between two bindings in bytes: at least 128, a multiple of 128.
    pub binding_stride_bytes: u32,
    /// Address of this thread's first [`Binding`](crate::Binding), 128-byte aligned; 0 where
    /// `binding_count` is.
    pub bindings: u64,
    /// Count of bindings: one more than the highest port index that the module declares, at most
    /// [`MAX_ENDPOINTS_PER_THREAD`](crate::MAX_ENDPOINTS_PER_THREAD).
    pub binding_count: u32,
    /// Zero.
    pub reserved0: u32,
    /// Address of this instance's [`Ring`](crate::Ring).
    pub ring: u64,
    /// Address of the first of two consecutive gate pages (`GATE-1`).
    pub gates: u64,
    /// Address of this thread's [`Request`](crate::Request) page, the only kernel page it may write.
    pub request: u64,
    /// Address of this thread's [`Response`](crate::Response) page.
    pub response: u64,
    /// A store to this address ends the thread with `Request::exit_status` (`END-2`). Aligned for a
    /// store of any width; what is stored does not matter.
    pub exit_thread: u64,
    /// A store to this address ends the instance with `Request::exit_status` (`END-3`). Likewise.
    pub exit_instance: u64,
    /// First address of the heap, page-aligned, zeroed; shared by the instance's threads.
    pub heap_start: u64,
    /// First address after the heap, page-aligned; equal to `heap_start` if there is none.
    pub heap_end: u64,
    /// Lowest address of this thread's stack, page-aligned; the page below it is never mapped.
    pub stack_start: u64,
    /// First address after this thread's stack, page-aligned.
    pub stack_end: u64,
    /// Frequency in Hz of the granted counter (x86_64 `rdtsc`, AArch64 `cntvct_el0`); 0: none granted.
    pub counter_frequency_hz: u64,
    /// Counter value at the system's start; meaningless where the frequency is 0.
    pub counter_zero: u64,
    /// Zero.
    pub reserved1: [u64; 8],
}

/// The block that the thread pointer (x86_64: FS base, AArch64: TPIDR_EL0) points to (`ENTRY-4`).
///
/// Writer: the kernel, before the thread starts and never again. Readers: the thread, and code that
/// compilers generate, with plain loads.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadBlock {
    /// The block's own address, as the x86_64 TLS ABI wants it at offset 0.
    pub self_address: u64,
    /// Address of the thread's [`Root`].
    pub root: u64,
    /// Zero.
    pub reserved0: [u64; 3],
    /// Random stack-protector canary, at the offset that compilers load it from (`%fs:0x28`);
    /// its lowest byte is zero.
    pub canary: u64,
    /// Zero.
    pub reserved1: [u64; 2],
}

assert_layout!(Root, size 256, align 8;
    magic 0, abi_major 8, abi_minor 12, size_bytes 16, machine 20, page_size_bytes 24,
    cpu_count 28, instance_id 32, thread_id 40, entry_index 48, flags 52,
    hardware_capabilities 56, vector_state_bytes 72, binding_stride_bytes 76, bindings 80,
    binding_count 88, reserved0 92, ring 96, gates 104, request 112, response 120,
    exit_thread 128, exit_instance 136, heap_start 144, heap_end 152, stack_start 160,
    stack_end 168, counter_frequency_hz 176, counter_zero 184, reserved1 192);
assert_layout!(ThreadBlock, size 64, align 8;
    self_address 0, root 8, reserved0 16, canary 40, reserved1 48);
