//! The system calls of a supervisor, and the errors that each may come back with.

/// A system call of x86_64.
#[derive(Debug)]
pub(crate) struct Call {
    number: u64,
    pub(crate) name: &'static str,
    /// What it is made to fail with, the likeliest first; none: it cannot fail, or not with an error.
    pub(crate) errors: &'static [Error],
}

/// An error's name and number.
pub(crate) type Error = (&'static str, i32);

const EPERM: Error = ("EPERM", 1);
const ENOENT: Error = ("ENOENT", 2);
const ESRCH: Error = ("ESRCH", 3);
const EINTR: Error = ("EINTR", 4);
const EIO: Error = ("EIO", 5);
const ECHILD: Error = ("ECHILD", 10);
const EAGAIN: Error = ("EAGAIN", 11);
const ENOMEM: Error = ("ENOMEM", 12);
const EACCES: Error = ("EACCES", 13);
const EINVAL: Error = ("EINVAL", 22);
const EMFILE: Error = ("EMFILE", 24);
const ENOSPC: Error = ("ENOSPC", 28);
const EADDRINUSE: Error = ("EADDRINUSE", 98);
const ENOBUFS: Error = ("ENOBUFS", 105);

/// Errors that say that this process is wrong (`EBADF`, `EFAULT`) are none of them.
const CALLS: [Call; 61] = [
    call(0, "read", &[EINTR, EIO]),
    call(1, "write", &[EINTR, ENOSPC, EIO]),
    call(2, "open", &[EMFILE, EACCES, EINTR]),
    call(3, "close", &[EIO, EINTR]),
    call(5, "fstat", &[ENOMEM]),
    call(7, "poll", &[EINTR, ENOMEM]),
    call(8, "lseek", &[EINVAL]),
    call(9, "mmap", &[ENOMEM]),
    call(11, "munmap", &[ENOMEM]),
    // The C library's; it has no errors, but leaves all as it was.
    call(12, "brk", &[]),
    call(13, "rt_sigaction", &[EPERM]),
    call(14, "rt_sigprocmask", &[EPERM]),
    call(16, "ioctl", &[ENOMEM, EINTR, EAGAIN]),
    call(17, "pread64", &[EINTR, EIO]),
    call(18, "pwrite64", &[ENOSPC, EINTR]),
    call(24, "sched_yield", &[]),
    call(28, "madvise", &[ENOMEM]),
    call(39, "getpid", &[]),
    call(41, "socket", &[EMFILE]),
    call(43, "accept", &[EMFILE]),
    call(44, "sendto", &[ENOBUFS, EINTR]),
    call(45, "recvfrom", &[EINTR, ENOMEM]),
    call(46, "sendmsg", &[ENOBUFS, EINTR]),
    call(47, "recvmsg", &[EINTR, ENOMEM]),
    call(49, "bind", &[EADDRINUSE]),
    call(50, "listen", &[EADDRINUSE]),
    call(53, "socketpair", &[EMFILE]),
    call(55, "getsockopt", &[ENOBUFS]),
    call(56, "clone", &[EAGAIN, ENOMEM]),
    call(61, "wait4", &[EINTR, ECHILD]),
    call(62, "kill", &[EPERM]),
    call(72, "fcntl", &[EMFILE, EPERM]),
    call(77, "ftruncate", &[EINTR, ENOSPC]),
    call(79, "getcwd", &[ENOENT]),
    call(83, "mkdir", &[EACCES]),
    call(87, "unlink", &[EACCES]),
    call(89, "readlink", &[EACCES]),
    call(90, "chmod", &[EPERM]),
    call(101, "ptrace", &[EPERM, ESRCH]),
    call(107, "geteuid", &[]),
    call(157, "prctl", &[EPERM]),
    call(202, "futex", &[]),
    call(203, "sched_setaffinity", &[EPERM]),
    call(204, "sched_getaffinity", &[EPERM]),
    call(228, "clock_gettime", &[]),
    call(233, "epoll_ctl", &[ENOMEM, ENOSPC]),
    call(247, "waitid", &[ECHILD]),
    call(257, "openat", &[EMFILE, EACCES]),
    call(267, "readlinkat", &[EACCES]),
    call(271, "ppoll", &[EINTR, ENOMEM]),
    call(285, "fallocate", &[EINTR, ENOSPC, ENOMEM]),
    call(288, "accept4", &[EMFILE, EINTR]),
    call(289, "signalfd4", &[EMFILE]),
    call(291, "epoll_create1", &[EMFILE]),
    call(302, "prlimit64", &[EPERM]),
    call(316, "renameat2", &[EACCES]),
    call(318, "getrandom", &[EINTR, EPERM]),
    call(319, "memfd_create", &[EMFILE, EPERM]),
    call(332, "statx", &[EACCES, ENOMEM]),
    call(424, "pidfd_send_signal", &[EPERM]),
    call(441, "epoll_pwait2", &[EINTR, ENOMEM]),
];

const fn call(number: u64, name: &'static str, errors: &'static [Error]) -> Call {
    Call { number, name, errors }
}

/// The call of this number. It is to be in the table, so that whoever makes a new one says how it fails.
#[track_caller]
pub(crate) fn find_call(number: u64) -> &'static Call {
    let found = CALLS.iter().find(|call| call.number == number);
    found.unwrap_or_else(|| panic!("system call {number} has no line in injection/calls.rs"))
}

/// `fcntl` with it cannot fail; the standard library's debug assertions use it.
pub(crate) const F_GETFD: u64 = 1;

/// The request of an ioctl.
pub(crate) fn name_request(request: u64) -> &'static str {
    match request & 0xffff {
        0x5401 => "TCGETS",
        0xaa00 => "UFFDIO_REGISTER",
        0xaa02 => "UFFDIO_WAKE",
        0xaa03 => "UFFDIO_COPY",
        0xaa06 => "UFFDIO_WRITEPROTECT",
        0xaa07 => "UFFDIO_CONTINUE",
        0xaa3f => "UFFDIO_API",
        _ => "?",
    }
}
