//! ptrace, for diagnosis only: what a sealed process was about to be killed for.
//!
//! Nothing of the seal depends on it. Where it is forbidden the kernel works without, and says that
//! it knows the signal alone ([`Report::diagnosis_limit`](crate::Report::diagnosis_limit)).

use std::io;

/// A signal that has stopped a traced process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SignalStop {
    pub(crate) signal: i32,
    /// `si_code`.
    pub(crate) code: i32,
    /// Address of the access, where the signal has one.
    pub(crate) address: Option<u64>,
    /// Address of the instruction.
    pub(crate) instruction: u64,
    /// Number of the system call that was tried, for SIGSYS.
    pub(crate) system_call: Option<i64>,
}

/// Attaches without stopping; the process is killed when the supervisor goes.
pub(crate) fn seize(process_id: i32) -> io::Result<()> {
    // SAFETY: PTRACE_SEIZE takes no address and a word of options.
    let result = unsafe {
        libc::ptrace(libc::PTRACE_SEIZE, process_id, 0_usize, libc::PTRACE_O_EXITKILL as usize)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Why ptrace cannot be used here, if it cannot: found out by trying it on a child.
pub(crate) fn find_obstacle() -> Option<String> {
    // SAFETY: names this process.
    let supervisor = unsafe { libc::getpid() };
    // SAFETY: the supervisor is single-threaded; the child only waits to be killed.
    let process_id = unsafe { libc::fork() };
    if process_id == 0 {
        // It holds all that the supervisor has open, so it must not outlive it (KRN-6).
        // SAFETY: takes a signal number.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        // SAFETY: names the parent, which may have died before the call above.
        while unsafe { libc::getppid() } == supervisor {
            // SAFETY: waits for a signal.
            unsafe { libc::pause() };
        }
        // SAFETY: ends the child without running the supervisor's exit handlers.
        unsafe { libc::_exit(0) };
    }
    if process_id < 0 {
        return Some(format!("no process to try ptrace on: {}", io::Error::last_os_error()));
    }
    let result = seize(process_id);
    // SAFETY: ends our own child.
    let is_killed = unsafe { libc::kill(process_id, libc::SIGKILL) } == 0;
    let mut status = 0;
    // One that could not be killed ends with this process, so it is not waited for.
    if is_killed {
        // SAFETY: waits for our own child.
        unsafe { libc::waitpid(process_id, &raw mut status, libc::__WALL) };
    }
    result.err().map(|error| {
        format!("ptrace is forbidden ({error}): a process that traps is known by its signal alone")
    })
}

/// Lets a stopped process go on, with its signal delivered or not.
pub(crate) fn resume(process_id: i32, signal: i32) {
    let signal = usize::try_from(signal).unwrap_or(0);
    // SAFETY: PTRACE_CONT takes no address and a signal number.
    unsafe { libc::ptrace(libc::PTRACE_CONT, process_id, 0_usize, signal) };
}

/// Reads what a stopped process was stopped for. Parts that cannot be read are left out.
pub(crate) fn read_stop(process_id: i32, signal: i32) -> SignalStop {
    let mut stop = SignalStop { signal, ..SignalStop::default() };
    let mut registers = std::mem::MaybeUninit::<libc::user_regs_struct>::zeroed();
    // SAFETY: PTRACE_GETREGS stores one such structure.
    let has_registers = unsafe {
        libc::ptrace(libc::PTRACE_GETREGS, process_id, 0_usize, registers.as_mut_ptr()) == 0
    };
    if has_registers {
        // SAFETY: just stored, and all zeros was valid before.
        stop.instruction = unsafe { registers.assume_init() }.rip;
    }
    // siginfo_t is 128 bytes: three ints, then a union that starts at offset 16.
    let mut info = [0_u64; 16];
    // SAFETY: PTRACE_GETSIGINFO stores 128 bytes.
    let has_info = unsafe {
        libc::ptrace(libc::PTRACE_GETSIGINFO, process_id, 0_usize, info.as_mut_ptr()) == 0
    };
    if has_info {
        stop.code = low_half(info[1]);
        if signal == libc::SIGSYS {
            // si_call_addr, then si_syscall.
            stop.system_call = Some(i64::from(low_half(info[3])));
        } else if matches!(signal, libc::SIGSEGV | libc::SIGBUS)
            && stop.code > 0
            && stop.code < 0x80
        {
            stop.address = Some(info[2]);
        }
    }
    stop
}

fn low_half(word: u64) -> i32 {
    let [a, b, c, d, ..] = word.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
