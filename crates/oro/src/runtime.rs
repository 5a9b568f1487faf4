//! What a freestanding Rust program must have: the panic handler, which leaves the panic's message as
//! last words (`END-8`), and symbols of the unwinder, which is never used. The functions of memory
//! are in `memory.rs`, the heap is in `heap.rs`.

use core::panic::PanicInfo;

use oro_sysabi::Root;

use crate::Thread;

/// Leaves message and place as last words, then traps: the kernel ends the instance as panicked.
#[panic_handler]
fn handle_panic(info: &PanicInfo<'_>) -> ! {
    let root = load_root();
    if !root.is_null() {
        // SAFETY: the thread pointer leads to the thread's own `Root` (`ENTRY-4`).
        let thread = unsafe { Thread::from_root(root) };
        thread.leave_panic(format_args!("{info}"));
    }
    trap()
}

/// What `alloc` allocates with, in modules that ask for it.
#[cfg(feature = "heap")]
#[global_allocator]
// SAFETY: the instance's heap is zeroed memory for it to write (`META-1`, `ENTRY-7`), and nothing of
// this crate uses it otherwise; a module that does, by `Root::heap_start`, does not ask for this one.
static HEAP: crate::heap::Heap = unsafe { crate::heap::Heap::new(find_heap) };

/// The instance's heap; empty where the module has changed its thread pointer to nothing.
#[cfg(feature = "heap")]
fn find_heap() -> (usize, usize) {
    let root = load_root();
    if root.is_null() {
        return (0, 0);
    }
    // SAFETY: the thread pointer leads to the thread's own `Root` (`ENTRY-4`).
    let root = unsafe { Thread::from_root(root) }.root();
    let [start, end] = [root.heap_start, root.heap_end].map(crate::shared::pointer);
    (start.addr(), end.addr())
}

/// The address of the thread's `Root`, from its thread block (`ENTRY-4`).
fn load_root() -> *const Root {
    const OFFSET: usize = core::mem::offset_of!(oro_sysabi::ThreadBlock, root);
    let root: *const Root;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the FS base is the address of the thread block (`ENTRY-4`), which is readable. A module
    // that has moved it traps here, as it was about to.
    unsafe {
        core::arch::asm!("mov {}, fs:[{}]", out(reg) root, const OFFSET,
            options(nostack, readonly, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: TPIDR_EL0 is the address of the thread block (`ENTRY-4`); else as above.
    unsafe {
        core::arch::asm!("mrs {0}, tpidr_el0", "ldr {0}, [{0}, {1}]", out(reg) root, const OFFSET,
            options(nostack, readonly, preserves_flags));
    }
    root
}

/// Executes an undefined instruction (`END-5`).
fn trap() -> ! {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: traps and never goes on.
    unsafe {
        core::arch::asm!("ud2", options(noreturn, nomem, nostack));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: traps and never goes on.
    unsafe {
        core::arch::asm!("brk #1", "b .", options(noreturn, nomem, nostack));
    }
}

/// The precompiled `core` names it in its unwind tables.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// Compilers may name it; nothing unwinds, so nothing calls it.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    trap()
}
