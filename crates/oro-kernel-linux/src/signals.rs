//! Signals to the supervisor, and what has become of a child.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::StartError;
use crate::spawn::Sealed;
use crate::trace::{SignalStop, read_stop, resume};

/// Undoes what the process that started this one may have left behind: SIGCHLD ignored would hide
/// the ends of children, and SIGXFSZ is to be an error of a write instead of the end of everything.
/// To be called before any child is started, also by a program that starts others of its own.
pub fn reset_signals() {
    // SAFETY: the default disposition of a signal that exists.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    // SAFETY: the signal exists, and being ignored runs no code.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// SIGCHLD, SIGINT and SIGTERM, as a descriptor. Dropping it restores the mask that was there.
#[derive(Debug)]
pub(crate) struct Signals {
    fd: OwnedFd,
    old_mask: libc::sigset_t,
}

/// What has come since the last look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pending {
    pub(crate) has_child: bool,
    pub(crate) termination: Option<&'static str>,
}

impl Signals {
    /// Blocks them. Sealed processes inherit the mask, so a terminal's interrupt reaches the
    /// supervisor alone; signals that a trap forces are not held back by it.
    pub(crate) fn block() -> Result<Self, StartError> {
        // SAFETY: all zeros is a valid signal set.
        let mut mask: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: all zeros is a valid signal set.
        let mut old_mask: libc::sigset_t = unsafe { std::mem::zeroed() };
        for signal in [libc::SIGCHLD, libc::SIGINT, libc::SIGTERM] {
            // SAFETY: `mask` is a valid set and the signal exists.
            unsafe { libc::sigaddset(&raw mut mask, signal) };
        }
        // SAFETY: both sets are valid.
        if unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const mask, &raw mut old_mask) } != 0 {
            return Err(StartError::system("sigprocmask", io::Error::last_os_error()));
        }
        // SAFETY: a new descriptor for a valid set.
        let fd =
            unsafe { libc::signalfd(-1, &raw const mask, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(StartError::system("signalfd", io::Error::last_os_error()));
        }
        // SAFETY: just made, and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { fd, old_mask })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(crate) fn read(&self) -> Pending {
        let mut pending = Pending::default();
        loop {
            // struct signalfd_siginfo: 128 bytes, the signal's number first.
            let mut info = [0_u32; 32];
            // SAFETY: the buffer is 128 bytes of ordinary memory.
            let count = unsafe { libc::read(self.fd.as_raw_fd(), info.as_mut_ptr().cast(), 128) };
            if count != 128 {
                return pending;
            }
            match info[0].cast_signed() {
                libc::SIGCHLD => pending.has_child = true,
                libc::SIGINT => pending.termination = Some("SIGINT"),
                _ => pending.termination = Some("SIGTERM"),
            }
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // SAFETY: restores the set that was stored by `block`.
        unsafe {
            libc::sigprocmask(libc::SIG_SETMASK, &raw const self.old_mask, std::ptr::null_mut())
        };
    }
}

/// Reaps a process that has ended; the signal that ended it, or 0. `None`: it has not ended.
pub(crate) fn reap(process: &mut Sealed) -> Option<i32> {
    let mut status = 0;
    let flags = libc::WNOHANG | libc::__WALL;
    // SAFETY: asks about our own child; `status` is ordinary memory.
    let result = unsafe { libc::waitpid(process.process_id, &raw mut status, flags) };
    if result < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::ECHILD) {
        process.set_reaped();
        return Some(0);
    }
    if result != process.process_id || libc::WIFSTOPPED(status) {
        return None;
    }
    process.set_reaped();
    Some(if libc::WIFSIGNALED(status) { libc::WTERMSIG(status) } else { 0 })
}

/// A traced process that has stopped, and the signal that has stopped it, if that is its end. Asked of all
/// at once: one SIGCHLD may stand for many, and many processes may have nothing to do with it.
pub(crate) fn next_stop() -> Option<(i32, Option<SignalStop>)> {
    // SAFETY: all zeros is a valid siginfo.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let flags = libc::WSTOPPED | libc::WNOHANG | libc::__WALL;
    // SAFETY: asks about our own children; `info` is ordinary memory.
    let result = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, flags) };
    // SAFETY: waitid has filled it in, or left it zero.
    let process_id = unsafe { info.si_pid() };
    if result != 0 || process_id == 0 {
        return None;
    }
    // SAFETY: as above. The status of a stop holds the signal, and an event in its upper bits.
    let status = unsafe { info.si_status() };
    let signal = status & 0xff;
    let is_event = status >> 8 != 0;
    let ends_it = matches!(
        signal,
        libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE | libc::SIGTRAP | libc::SIGSYS
    );
    if is_event || !ends_it {
        // Not of its own making (a stop from a terminal, say): it goes on, without the signal.
        resume(process_id, 0);
        return Some((process_id, None));
    }
    Some((process_id, Some(read_stop(process_id, signal))))
}
