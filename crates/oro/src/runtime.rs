//! What a freestanding Rust program must have: the panic handler, which leaves the panic's message as
//! last words (`END-8`), and symbols of the unwinder, which is never used. The functions of memory
//! are in `memory.rs`.

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
