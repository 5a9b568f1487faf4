//! What this benchmark alone needs of Linux: messages through descriptors, and programs to start. All
//! of its other unsafe code is in `common/os.rs`.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::common::os::{check, own, wait_for};

/// A pair of connected stream sockets.
pub(crate) fn make_socket_pair() -> [OwnedFd; 2] {
    let mut fds = [0; 2];
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    // SAFETY: stores two descriptors.
    check("socketpair", unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) });
    own(fds)
}

/// Writes a whole message with one call.
pub(crate) fn write_message(fd: &OwnedFd, message: &[u64; 8]) {
    // SAFETY: reads 64 bytes of ordinary memory.
    let count = unsafe { libc::write(fd.as_raw_fd(), message.as_ptr().cast(), 64) };
    assert_eq!(count, 64, "write: {}", io::Error::last_os_error());
}

/// Reads a whole message.
pub(crate) fn read_message(fd: &OwnedFd, message: &mut [u64; 8]) {
    let bytes: *mut u8 = message.as_mut_ptr().cast();
    let mut done = 0;
    while done < 64 {
        // SAFETY: inside of the message.
        let rest = unsafe { bytes.add(done) };
        // SAFETY: stores at most what is left of the message.
        let count = unsafe { libc::read(fd.as_raw_fd(), rest.cast(), 64 - done) };
        let count = usize::try_from(count).unwrap_or(0);
        assert_ne!(count, 0, "read: {}", io::Error::last_os_error());
        done += count;
    }
}

/// A program to execute without arguments or environment.
pub(crate) struct Program {
    path: CString,
}

impl Program {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: CString::new(path.as_os_str().as_bytes()).expect("a path without zeros") }
    }

    fn arguments(&self) -> [*const libc::c_char; 2] {
        [self.path.as_ptr(), core::ptr::null()]
    }

    /// fork, execve, waitpid.
    pub(crate) fn fork_and_wait(&self) {
        let (path, arguments): (&CStr, _) = (&self.path, self.arguments());
        // SAFETY: the benchmark has one thread; the child executes the program or ends.
        let process_id = check("fork", unsafe { libc::fork() });
        if process_id == 0 {
            let environment = [core::ptr::null()];
            // SAFETY: live, null-terminated arrays of C strings.
            unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
            // SAFETY: ends the child only.
            unsafe { libc::_exit(127) }
        }
        assert_eq!(wait_for(process_id), 0, "{path:?} failed");
    }

    /// `posix_spawn`, `waitpid`.
    pub(crate) fn spawn_and_wait(&self) {
        let (path, arguments): (&CStr, _) = (&self.path, self.arguments());
        let environment = [core::ptr::null_mut()];
        let mut process_id = 0;
        // SAFETY: live, null-terminated arrays of C strings, and a place for the process id.
        let error = unsafe {
            libc::posix_spawn(
                &raw mut process_id,
                path.as_ptr(),
                core::ptr::null(),
                core::ptr::null(),
                arguments.as_ptr().cast(),
                environment.as_ptr(),
            )
        };
        assert_eq!(error, 0, "posix_spawn: {}", io::Error::from_raw_os_error(error));
        assert_eq!(wait_for(process_id), 0, "{path:?} failed");
    }
}
