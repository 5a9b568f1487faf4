//! Starting one sealed process: clone, exec of the stub, and the handshake over its userfaultfd.
//!
//! Key items: [`Mapping`] (what it will have mapped), [`spawn`], [`Sealed`] (the process, stopped
//! at the start gate once [`Sealed::wait_for_start_gate`] has returned). What is registered for
//! faults between, and what they mean, is the caller's.

use std::ffi::{CStr, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags};

use crate::StartError;
use crate::addresses::START_GATE;
use crate::memory::{PAGE, create_memfd};
use crate::stub::{Call, Finish, build_stub, list_calls};
use crate::userfault::Userfault;

/// Rights of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    Read,
    ReadWrite,
    ReadExecute,
}

impl Rights {
    fn protection(self) -> u64 {
        let flags = match self {
            Self::Read => libc::PROT_READ,
            Self::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
            Self::ReadExecute => libc::PROT_READ | libc::PROT_EXEC,
        };
        u64::from(flags.cast_unsigned())
    }

    /// As in `/proc/PID/maps`; every mapping is shared.
    pub(crate) fn letters(self) -> &'static str {
        match self {
            Self::Read => "r--s",
            Self::ReadWrite => "rw-s",
            Self::ReadExecute => "r-xs",
        }
    }
}

/// A planned mapping of a sealed process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) address: u64,
    pub(crate) size_bytes: u64,
    pub(crate) rights: Rights,
    pub(crate) fd: RawFd,
    /// Which object that is, as `/proc/PID/maps` says it.
    pub(crate) inode: u64,
    pub(crate) offset: u64,
}

impl Mapping {
    /// Reads from its object.
    pub(crate) fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let (data, length) = (bytes.as_mut_ptr().cast(), bytes.len());
        let offset = i64::try_from(offset).map_err(io::Error::other)?;
        // SAFETY: `bytes` is good for its length; a descriptor that is not open gives an error.
        let count = unsafe { libc::pread(self.fd, data, length, offset) };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }

    fn call(&self) -> Call {
        let flags = u64::from((libc::MAP_SHARED | libc::MAP_FIXED_NOREPLACE).cast_unsigned());
        let fd = u64::from(self.fd.cast_unsigned());
        let protection = self.rights.protection();
        let arguments = [self.address, self.size_bytes, protection, flags, fd, self.offset];
        Call::new("mmap", libc::SYS_mmap, arguments).exactly(self.address)
    }
}

/// A process that is about to be, or is, sealed. Dropping it kills and reaps it.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) process_id: i32,
    pub(crate) pidfd: OwnedFd,
    pub(crate) faults: Userfault,
    socket: Option<OwnedFd>,
    has_been_reaped: bool,
}

/// What [`spawn`] is told beyond the mappings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) root: u64,
    pub(crate) stack_pointer: u64,
    pub(crate) thread_pointer: u64,
    pub(crate) is_traced: bool,
}

/// Starts a process that maps `mappings`, and waits until its userfaultfd has come.
pub(crate) fn spawn(mappings: &[Mapping], start: Start) -> Result<Sealed, StartError> {
    let (ours, theirs) = rustix::net::socketpair(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::STREAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )
    .map_err(|error| StartError::system("socketpair", error))?;
    let finish = Finish {
        socket: theirs.as_raw_fd(),
        root: start.root,
        stack_pointer: start.stack_pointer,
        is_traced: start.is_traced,
        thread_pointer: start.thread_pointer,
        supervisor: rustix::process::getpid().as_raw_nonzero().get(),
    };
    let calls = list_calls(mappings.iter().map(Mapping::call), &finish);
    let file = create_memfd(c"oro-stub", 0, true)
        .map_err(|error| StartError::system("a memfd for the stub", error))?;
    write_all(file.as_fd(), &build_stub(&calls, &finish))
        .map_err(|error| StartError::system("writing the stub", error))?;
    let mut inherited: Vec<RawFd> = mappings.iter().map(|mapping| mapping.fd).collect();
    inherited.sort_unstable();
    inherited.dedup();
    inherited.push(theirs.as_raw_fd());
    let (process_id, pidfd) =
        clone_and_exec(&file, &inherited).map_err(|error| StartError::system("clone", error))?;
    drop(theirs);
    // Early: a signal of the module's must meet its tracer.
    let traced = if start.is_traced { crate::trace::seize(process_id) } else { Ok(()) };
    let received = receive_userfault(ours.as_fd(), &calls).and_then(|faults| {
        // A stub that has failed cannot be traced; then its own error says more.
        traced.map_err(|error| StartError::system("ptrace", error))?;
        Ok(faults)
    });
    let faults = match received {
        Ok(faults) => faults,
        Err(error) => {
            Sealed::kill_and_reap(process_id, pidfd.as_fd());
            return Err(error);
        }
    };
    Ok(Sealed { process_id, pidfd, faults, socket: Some(ours), has_been_reaped: false })
}

/// Writes a whole file at its present position.
pub(crate) fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = rustix::io::retry_on_intr(|| rustix::io::write(fd, bytes))?;
        bytes = &bytes[count..];
    }
    Ok(())
}

/// Descriptors of sealed processes begin here: what a new process inherits is below, so that the others
/// need not be looked at for it, however many there are.
const FIRST_OWN_FD: RawFd = 256;

/// What the child of [`clone_and_exec`] needs, prepared before it exists.
struct ExecRequest<'a> {
    file: RawFd,
    inherited: &'a [RawFd],
    /// First of the descriptors that it needs nothing of.
    first_unneeded: RawFd,
}

/// Bytes of the stack on which the child runs until it has executed the stub.
const CHILD_STACK_SIZE: usize = 64 << 10;

/// Like `vfork` and `execveat`, with a stack of its own for the child: the supervisor's memory,
/// however large, is not copied.
fn clone_and_exec(file: &OwnedFd, inherited: &[RawFd]) -> io::Result<(i32, OwnedFd)> {
    let highest = inherited.iter().copied().chain([file.as_raw_fd()]).max().unwrap_or(0);
    let request = ExecRequest { file: file.as_raw_fd(), inherited, first_unneeded: highest + 1 };
    let mut stack = vec![MaybeUninit::<u128>::uninit(); CHILD_STACK_SIZE / 16];
    let mut pidfd: libc::c_int = -1;
    // With CLONE_FILES the table of descriptors is not copied whole, only to lose them all again.
    let flags =
        libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_FILES | libc::CLONE_PIDFD | libc::SIGCHLD;
    let top = stack.as_mut_ptr_range().end;
    // SAFETY: CLONE_VFORK stops this thread until the child has executed or ended, so `request`,
    // `stack` and `pidfd` outlive the child's use of them; the child runs only `exec_stub`.
    let process_id = unsafe {
        libc::clone(
            exec_stub,
            top.cast(),
            flags,
            (&raw const request).cast_mut().cast(),
            &raw mut pidfd,
        )
    };
    if process_id < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: CLONE_PIDFD has stored a new descriptor that nobody else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok((process_id, move_up(pidfd)))
}

/// Moves a descriptor out of the way of those that new processes inherit, if there is room above.
fn move_up(fd: OwnedFd) -> OwnedFd {
    rustix::io::fcntl_dupfd_cloexec(&fd, FIRST_OWN_FD).unwrap_or(fd)
}

/// Runs in the child, which shares the supervisor's memory: nothing but system calls.
extern "C" fn exec_stub(argument: *mut c_void) -> libc::c_int {
    // SAFETY: `clone_and_exec` passes this type and waits.
    let request = unsafe { &*argument.cast::<ExecRequest<'_>>() };
    let unneeded = request.first_unneeded.cast_unsigned();
    // SAFETY: a table of the child's own from here on, with copies of those below alone; those above are
    // closed in it and stay open in the supervisor's.
    let result = unsafe {
        libc::syscall(libc::SYS_close_range, unneeded, u32::MAX, libc::CLOSE_RANGE_UNSHARE)
    };
    if result != 0 {
        // SAFETY: ends the child only, without running the supervisor's exit handlers.
        unsafe { libc::_exit(82) }
    }
    for &fd in request.inherited {
        // SAFETY: changes a flag of a descriptor of the child's own table.
        unsafe { libc::fcntl(fd, libc::F_SETFD, 0) };
    }
    let empty: &CStr = c"";
    let arguments = [empty.as_ptr(), std::ptr::null()];
    let environment: [*const libc::c_char; 1] = [std::ptr::null()];
    // SAFETY: the pointers are to live, null-terminated arrays of C strings.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            request.file,
            empty.as_ptr(),
            arguments.as_ptr(),
            environment.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    // SAFETY: ends the child only, without running the supervisor's exit handlers.
    unsafe { libc::_exit(81) }
}

/// Waits for the stub's message, or for the news of its failure.
fn receive_userfault(socket: BorrowedFd<'_>, calls: &[Call]) -> Result<Userfault, StartError> {
    let mut bytes = [0_u8; 16];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = rustix::io::retry_on_intr(|| {
        let mut vector = [io::IoSliceMut::new(&mut bytes)];
        rustix::net::recvmsg(socket, &mut vector, &mut control, RecvFlags::CMSG_CLOEXEC)
    })
    .map_err(|error| StartError::system("recvmsg", error))?;
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = part
            && let Some(fd) = descriptors.next()
        {
            return Userfault::open(move_up(fd))
                .map_err(|error| StartError::system("UFFDIO_API", error));
        }
    }
    if message.bytes == 16 {
        let [index, result] = [0, 8].map(|at| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(word)
        });
        let name = usize::try_from(index).ok().and_then(|index| calls.get(index));
        let error = i32::try_from(result.cast_signed().wrapping_neg()).unwrap_or(0);
        return Err(StartError::in_stub(
            name.map_or("an unknown call", |call| call.name),
            io::Error::from_raw_os_error(error),
        ));
    }
    Err(StartError::in_stub(
        "execveat",
        io::Error::other("the process ended before its first call"),
    ))
}

impl Sealed {
    /// Tells the stub that its ranges are registered, and waits until it has sealed itself.
    pub(crate) fn wait_for_start_gate(&mut self) -> Result<(), StartError> {
        let Some(socket) = self.socket.take() else { return Ok(()) };
        rustix::net::send(&socket, b"g", SendFlags::NOSIGNAL)
            .map_err(|error| StartError::system("send(go)", error))?;
        loop {
            if let Some(fault) =
                self.faults.next_fault().map_err(|error| StartError::system("read", error))?
            {
                if fault.address & !(PAGE - 1) == START_GATE {
                    return Ok(());
                }
                return Err(StartError::in_stub(
                    "the trampoline",
                    io::Error::other(format!("touched {:#x}", fault.address)),
                ));
            }
            wait_readable(&[self.faults.fd(), self.pidfd.as_fd()])
                .map_err(|error| StartError::system("poll", error))?;
            if is_readable_now(self.pidfd.as_fd()) && !is_readable_now(self.faults.fd()) {
                return Err(StartError::in_stub(
                    "seccomp",
                    io::Error::other("the process ended while it was being sealed"),
                ));
            }
        }
    }

    /// Kills the process and waits for its end; harmless if it has ended already.
    pub(crate) fn end(&mut self) {
        if !self.has_been_reaped {
            Self::kill_and_reap(self.process_id, self.pidfd.as_fd());
            self.has_been_reaped = true;
        }
    }

    /// It has been waited for elsewhere.
    pub(crate) fn set_reaped(&mut self) {
        self.has_been_reaped = true;
    }

    fn kill_and_reap(process_id: i32, pidfd: BorrowedFd<'_>) {
        if !kill(process_id, pidfd) {
            // Whoever waited for it would wait for ever. The guardian has it.
            return;
        }
        // A traced process may report stops first; only its end counts.
        loop {
            let mut status = 0;
            // SAFETY: waits for our own child; `status` is ordinary memory.
            let result = unsafe { libc::waitpid(process_id, &raw mut status, libc::__WALL) };
            let was_interrupted =
                result < 0 && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted;
            if !was_interrupted && (result < 0 || !libc::WIFSTOPPED(status)) {
                return;
            }
        }
    }
}

/// Kills a process that has not been reaped, by its descriptor, or else by its number, which nobody else has
/// then. False: it lives on.
fn kill(process_id: i32, pidfd: BorrowedFd<'_>) -> bool {
    use rustix::io::Errno;
    use rustix::process::{Pid, Signal, kill_process, pidfd_send_signal};
    let is_over = |result| matches!(result, Ok(()) | Err(Errno::SRCH));
    is_over(pidfd_send_signal(pidfd, Signal::KILL))
        || Pid::from_raw(process_id).is_none_or(|id| is_over(kill_process(id, Signal::KILL)))
}

impl Drop for Sealed {
    fn drop(&mut self) {
        self.end();
    }
}

/// Blocks until one of the descriptors is readable.
fn wait_readable(fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut polled: Vec<PollFd<'_>> =
        fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    rustix::io::retry_on_intr(|| poll(&mut polled, None))?;
    Ok(())
}

fn is_readable_now(fd: BorrowedFd<'_>) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut polled = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    poll(&mut polled, Some(&now)).is_ok_and(|count| count > 0)
}
