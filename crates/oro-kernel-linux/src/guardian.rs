//! The guardian: a small process that holds duplicates of every userfaultfd, so that modules stay
//! stopped when the supervisor dies by SIGKILL, and that then kills them (`KRN-6`).
//!
//! It does nothing else: it waits for descriptors on a socket, forgets those of processes that have
//! ended, and when the supervisor's end of the socket closes, kills what is left and ends.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use rustix::process::{Signal, WaitOptions, pidfd_send_signal};

use crate::StartError;

/// A process that ends a system's processes when its supervisor is killed.
///
/// It is a copy of the process that starts it, and keeps the memory that this one changes later. So it is best
/// started first, before manifests and images are read: see [`run_with`](crate::run_with).
#[derive(Debug)]
pub struct Guardian {
    socket: Option<OwnedFd>,
    process_id: rustix::process::Pid,
}

impl Guardian {
    /// Starts it. To be called while the process has one thread.
    ///
    /// # Errors
    ///
    /// Linux has refused it a process or a socket.
    pub fn start() -> Result<Self, StartError> {
        let (ours, theirs) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .map_err(|error| StartError::system("socketpair", error))?;
        // SAFETY: this process is single-threaded here; the child runs only `watch` and ends.
        match unsafe { libc::fork() } {
            -1 => Err(StartError::system("fork", io::Error::last_os_error())),
            0 => {
                block_signals();
                // Where it may not, its supervisor may not either, and says so.
                let _ = crate::limits::allow_descriptors();
                keep_only(&theirs);
                watch(&theirs);
                // SAFETY: ends the child without running the supervisor's exit handlers.
                unsafe { libc::_exit(0) }
            }
            process_id => {
                let process_id = rustix::process::Pid::from_raw(process_id)
                    .ok_or_else(|| StartError::system("fork", io::Error::other("no process id")))?;
                Ok(Self { socket: Some(ours), process_id })
            }
        }
    }

    /// Hands over a process. The message survives the sender, so no answer is awaited.
    pub(crate) fn watch_over(
        &self,
        pidfd: BorrowedFd<'_>,
        faults: BorrowedFd<'_>,
    ) -> io::Result<()> {
        let Some(socket) = &self.socket else { return Ok(()) };
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [pidfd, faults];
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        let vector = [io::IoSlice::new(b"w")];
        rustix::net::sendmsg(socket, &vector, &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Readable (at its end) when the guardian has gone.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        self.socket = None;
        // Every process that it watched over has been reaped, so it has nothing left to do; it may
        // have been stopped, and then would never see that.
        let _ = rustix::process::kill_process(self.process_id, Signal::KILL);
        let wait = || rustix::process::waitpid(Some(self.process_id), WaitOptions::empty());
        let _ = rustix::io::retry_on_intr(wait);
    }
}

/// Closes every other descriptor: a pipe that the supervisor's user reads from must not stay open
/// because of the guardian.
fn keep_only(socket: &OwnedFd) {
    let number = socket.as_raw_fd().cast_unsigned();
    if number > 0 {
        close_range(0, number - 1);
    }
    close_range(number + 1, u32::MAX);
    // SAFETY: names this process; the pointer is to a live C string.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"oro-guardian".as_ptr()) };
}

/// What a terminal sends is for the supervisor.
fn block_signals() {
    // SAFETY: all zeros is a valid signal set.
    let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is valid.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: the set is valid, and nobody asks for the old one.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut()) };
}

fn close_range(first: u32, last: u32) {
    // SAFETY: the guardian uses none of these descriptors.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
}

/// Until the supervisor has gone: take descriptors in, forget those of ended processes.
fn watch(socket: &OwnedFd) {
    let mut held: Vec<[OwnedFd; 2]> = Vec::new();
    loop {
        let mut polled = vec![PollFd::new(socket, PollFlags::IN)];
        polled.extend(held.iter().map(|[pidfd, _]| PollFd::new(pidfd, PollFlags::IN)));
        if poll(&mut polled, None).is_err() {
            continue;
        }
        let ended: Vec<bool> =
            polled[1..].iter().map(|entry| !entry.revents().is_empty()).collect();
        let has_message = !polled[0].revents().is_empty();
        drop(polled);
        let mut ended = ended.into_iter();
        held.retain(|_| !ended.next().unwrap_or(false));
        if has_message {
            match receive(socket) {
                Some(pair) => held.push(pair),
                None => break,
            }
        }
    }
    kill_all(&held);
}

/// The next process to watch over; `None` when the supervisor has gone.
fn receive(socket: &OwnedFd) -> Option<[OwnedFd; 2]> {
    let mut byte = [0_u8; 1];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    rustix::io::retry_on_intr(|| {
        let mut vector = [io::IoSliceMut::new(&mut byte)];
        rustix::net::recvmsg(socket, &mut vector, &mut control, RecvFlags::CMSG_CLOEXEC)
    })
    .ok()?;
    control.drain().find_map(|part| match part {
        RecvAncillaryMessage::ScmRights(mut descriptors) => {
            Some([descriptors.next()?, descriptors.next()?])
        }
        _ => None,
    })
}

/// Kills every process, and keeps its userfaultfd open until it is dead.
fn kill_all(held: &[[OwnedFd; 2]]) {
    for [pidfd, _] in held {
        let _ = pidfd_send_signal(pidfd, Signal::KILL);
    }
    for [pidfd, _] in held {
        let mut polled = [PollFd::new(pidfd, PollFlags::IN)];
        let _ = rustix::io::retry_on_intr(|| poll(&mut polled, None));
    }
}
