//! [`Stream`]: a descriptor that the kernel reads or writes for a module, and that never makes it
//! wait: whatever is at the other end, the supervisor goes on serving everybody else.
//!
//! Pipes and terminals are opened anew without blocking, so that the flags of the user's own
//! descriptors stay as they are; sockets are told not to block at each call. Where opening anew is
//! not allowed, what polls as ready is used in pieces that a pipe takes at once.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags};

/// Bytes that a pipe that polls as writable takes without blocking (PIPE_BUF).
const PIPE_CHUNK: usize = 4096;

/// A descriptor to read from or to write to.
#[derive(Debug)]
pub(crate) struct Stream {
    /// `None`: there is nothing to read or write any more.
    fd: Option<OwnedFd>,
    kind: Kind,
    pub(crate) name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Always ready: files, `/dev/null`.
    File,
    /// A pipe or terminal that says when it would block.
    NonBlocking,
    /// One that does not.
    Blocking,
    Socket,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Read,
    Write,
}

impl Stream {
    /// A standard stream of this process.
    pub(crate) fn standard(fd: BorrowedFd<'_>, way: Way, name: &str) -> io::Result<Self> {
        let kind = match FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode) {
            FileType::Socket => Kind::Socket,
            FileType::Fifo => Kind::NonBlocking,
            // Terminals poll; /dev/null and /dev/zero never block.
            FileType::CharacterDevice if fd.is_terminal() => Kind::NonBlocking,
            _ => Kind::File,
        };
        let reopened = (kind == Kind::NonBlocking).then(|| reopen(fd, way).ok()).flatten();
        let (fd, kind) = match (reopened, kind) {
            (Some(fd), kind) => (fd, kind),
            (None, Kind::NonBlocking) => (duplicate(fd)?, Kind::Blocking),
            (None, kind) => (duplicate(fd)?, kind),
        };
        Ok(Self { fd: Some(fd), kind, name: name.to_owned() })
    }

    /// A file by its path. One to be written is created if it is not there; it is emptied by
    /// [`Stream::truncate`], when the system starts.
    pub(crate) fn open(path: &Path, way: Way, name: &str) -> io::Result<Self> {
        let access = match way {
            Way::Read => OFlags::RDONLY,
            Way::Write => OFlags::WRONLY | OFlags::CREATE,
        };
        let flags = access | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let fd = match rustix::fs::open(path, flags, Mode::from_raw_mode(0o666)) {
            Err(rustix::io::Errno::NXIO) if way == Way::Write => {
                return Err(io::Error::other("it is a pipe that nobody reads"));
            }
            other => other?,
        };
        let kind = match FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) {
            FileType::Directory => return Err(io::ErrorKind::IsADirectory.into()),
            FileType::Fifo => Kind::NonBlocking,
            FileType::CharacterDevice if fd.is_terminal() => Kind::NonBlocking,
            _ => Kind::File,
        };
        Ok(Self { fd: Some(fd), kind, name: name.to_owned() })
    }

    /// A stream that has ended before it began.
    pub(crate) fn empty(name: &str) -> Self {
        Self { fd: None, kind: Kind::File, name: name.to_owned() }
    }

    /// Empties a regular file.
    pub(crate) fn truncate(&self) -> io::Result<()> {
        let Some(fd) = &self.fd else { return Ok(()) };
        if FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode) == FileType::RegularFile {
            rustix::io::retry_on_intr(|| rustix::fs::ftruncate(fd, 0))?;
        }
        Ok(())
    }

    /// Lets go of the descriptor: whoever is at its other end sees the end of the stream.
    pub(crate) fn close(&mut self) {
        self.fd = None;
    }

    /// The descriptor that epoll can watch, if it can.
    pub(crate) fn pollable(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().filter(|_| self.kind != Kind::File).map(AsFd::as_fd)
    }

    /// One read(2) to `target`, which is good for `room` bytes. [`io::ErrorKind::WouldBlock`]:
    /// later.
    ///
    /// # Safety
    ///
    /// `target` is good for writing `room` bytes, to which no reference exists.
    pub(crate) unsafe fn read(&self, target: *mut u8, room: usize) -> io::Result<usize> {
        let Some(fd) = &self.fd else { return Ok(0) };
        // A pipe or terminal may be shared with another reader, so even a ready one may block; what
        // could be opened anew does not.
        self.check_ready(fd.as_fd(), PollFlags::IN)?;
        retry(|| match self.kind {
            // SAFETY: as the caller promises.
            Kind::Socket => unsafe {
                libc::recv(fd.as_raw_fd(), target.cast(), room, libc::MSG_DONTWAIT)
            },
            // SAFETY: as the caller promises.
            Kind::File | Kind::NonBlocking | Kind::Blocking => unsafe {
                libc::read(fd.as_raw_fd(), target.cast(), room)
            },
        })
    }

    /// One write(2) of up to `count` bytes. [`io::ErrorKind::WouldBlock`]: later.
    ///
    /// # Safety
    ///
    /// `source` is good for reading `count` bytes.
    pub(crate) unsafe fn write(&self, source: *const u8, count: usize) -> io::Result<usize> {
        let Some(fd) = &self.fd else { return Ok(count) };
        self.check_ready(fd.as_fd(), PollFlags::OUT)?;
        let written = retry(|| match self.kind {
            // SAFETY: as the caller promises.
            Kind::Socket => unsafe {
                let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
                libc::send(fd.as_raw_fd(), source.cast(), count, flags)
            },
            // SAFETY: as the caller promises; a part of it too.
            Kind::Blocking => unsafe {
                libc::write(fd.as_raw_fd(), source.cast(), count.min(PIPE_CHUNK))
            },
            // SAFETY: as the caller promises.
            Kind::File | Kind::NonBlocking => unsafe {
                libc::write(fd.as_raw_fd(), source.cast(), count)
            },
        })?;
        if written == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(written) }
    }

    /// Where the call itself could block, or where an end cannot be told from silence (a FIFO that
    /// no writer has opened yet), the descriptor is asked first.
    fn check_ready(&self, fd: BorrowedFd<'_>, flags: PollFlags) -> io::Result<()> {
        let asks = match self.kind {
            Kind::File | Kind::Socket => false,
            Kind::Blocking => true,
            Kind::NonBlocking => flags == PollFlags::IN,
        };
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        if asks && poll(&mut [PollFd::from_borrowed_fd(fd, flags)], Some(&now))? == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(())
    }
}

/// The same pipe or terminal, as a new open file description that does not block.
fn reopen(fd: BorrowedFd<'_>, way: Way) -> io::Result<OwnedFd> {
    let access = match way {
        Way::Read => OFlags::RDONLY,
        Way::Write => OFlags::WRONLY,
    };
    let flags = access | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

fn duplicate(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
}

/// Repeats a call that a signal has interrupted.
fn retry(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        match usize::try_from(call()) {
            Ok(count) => return Ok(count),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}
