//! The supervisor's ear for operators: [`Control`] answers `oro ports`, `oro inspect` and
//! `oro force-sync` while a system runs.
//!
//! A request and its reply are one packet each, so that a connection has no state and no buffer, and
//! whoever sends nothing, too much, or does not read, costs nothing and is cut off. What a client
//! wants to watch it reads itself, from the Ring's tables, which it is given read-only. Nothing here
//! ever waits. Without a socket a system runs as well.
//!
//! | request | reply |
//! | --- | --- |
//! | `oro 1 describe` | `oro 1 ok`, lines of a key and a value; descriptors of the tables and of the names |
//! | `oro 1 look` | the same without descriptors; before it all live cursors have been looked at |
//! | `oro 1 force-sync N`, `oro 1 allow N` | the same, once it is done to Port `N` |
//! | anything else | `oro 1 error`, a code and a sentence |

use std::fmt::Write as _;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use oro_kernel::{EndpointId, PortId, Side};
use rustix::event::epoll::{self, EventFlags};
use rustix::fs::{Mode, OFlags, SealFlags};
use rustix::io::Errno;
use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, sockopt,
};

use crate::Options;
use crate::addresses::RING;
use crate::memory::create_memfd;
use crate::rendezvous::{Lair, own_user};
use crate::supervisor::{Source, Supervisor};

/// What both sides speak.
pub(crate) const PROTOCOL_VERSION: u32 = 1;
/// Longest request in bytes; longer ones are none.
const MAX_REQUEST_BYTES: usize = 64;
/// Connections at a time; a further one takes the place of the one that has been silent longest.
const MAX_CONNECTIONS: usize = 8;

/// Everything that listens.
#[derive(Debug)]
pub(crate) struct Control {
    lair: Lair,
    name: String,
    start: Instant,
    connections: [Option<Connection>; MAX_CONNECTIONS],
    /// Requests and connections so far: a clock for [`Connection::last_used`].
    event_count: u64,
    /// How often the supervisor has woken up for this.
    wakeup_count: u64,
    /// How often it had woken up when it last did so for this.
    last_wakeup: Option<u64>,
    /// Descriptors for clients, once one has asked.
    handed_out: Option<HandedOut>,
}

#[derive(Debug)]
struct Connection {
    fd: OwnedFd,
    last_used: u64,
}

#[derive(Debug)]
struct HandedOut {
    ring: OwnedFd,
    names: OwnedFd,
}

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Describe,
    Look,
    ForceSynchronous(u32),
    AllowAsynchronous(u32),
}

/// Why it does not get it: a code and a sentence.
type Refusal = (&'static str, String);

fn parse_request(bytes: &[u8]) -> Result<Request, Refusal> {
    let strange = || ("request", "this is no request that a system knows".to_owned());
    let text = std::str::from_utf8(bytes).map_err(|_| strange())?;
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let ["oro", version, rest @ ..] = &words[..] else { return Err(strange()) };
    if *version != PROTOCOL_VERSION.to_string() {
        let text = format!("this system speaks version {PROTOCOL_VERSION} of the protocol");
        return Err(("version", text));
    }
    match rest {
        ["describe"] => Ok(Request::Describe),
        ["look"] => Ok(Request::Look),
        ["force-sync", port] => port.parse().map(Request::ForceSynchronous).map_err(|_| strange()),
        ["allow", port] => port.parse().map(Request::AllowAsynchronous).map_err(|_| strange()),
        _ => Err(strange()),
    }
}

impl Control {
    /// Listens, if the system has a name and there is a place for the socket.
    pub(crate) fn open(options: &Options) -> Option<Self> {
        let name = options.name.clone()?;
        let lair = Lair::make();
        // Who cannot be attached to runs all the same; clients say where they have looked.
        if let (Err(error), Some(tell)) = (&lair, options.tell_hidden) {
            tell(error);
        }
        Some(Self {
            lair: lair.ok()?,
            name,
            start: Instant::now(),
            connections: [const { None }; MAX_CONNECTIONS],
            event_count: 0,
            wakeup_count: 0,
            last_wakeup: None,
            handed_out: None,
        })
    }

    /// Has the supervisor woken up when somebody comes.
    pub(crate) fn watch(&self, epoll: &OwnedFd) -> io::Result<()> {
        Ok(epoll::add(epoll, &self.lair.listener, Source::Control(0).encode(), EventFlags::IN)?)
    }

    fn accept(&mut self, epoll: &OwnedFd) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let Ok(fd) = rustix::net::accept_with(&self.lair.listener, flags) else { return };
        // The folder keeps others out already.
        let user = sockopt::socket_peercred(&fd).map(|peer| peer.uid.as_raw());
        if !user.is_ok_and(|user| user == own_user() || user == 0) {
            return;
        }
        let last_used = |slot: &Option<Connection>| slot.as_ref().map_or(0, |it| it.last_used);
        let slots = self.connections.iter().enumerate();
        let Some((index, _)) = slots.min_by_key(|(_, slot)| last_used(slot)) else { return };
        // Dropped first: a closed descriptor leaves the epoll by itself.
        self.connections[index] = None;
        if epoll::add(epoll, &fd, Source::Control(index + 1).encode(), EventFlags::IN).is_ok() {
            self.connections[index] = Some(Connection { fd, last_used: self.event_count });
        }
    }

    /// The next request of a connection, or nothing, and then the connection may be gone.
    fn receive(&mut self, index: usize) -> Option<Result<Request, Refusal>> {
        let slot = self.connections.get_mut(index)?;
        let connection = slot.as_mut()?;
        let mut bytes = [0_u8; MAX_REQUEST_BYTES];
        // Descriptors that come along are closed by Linux, since there is no room for them.
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        match rustix::net::recv(&connection.fd, &mut bytes[..], flags) {
            Ok((_, count)) if (1..=MAX_REQUEST_BYTES).contains(&count) => {
                connection.last_used = self.event_count;
                Some(parse_request(&bytes[..count]))
            }
            Err(Errno::AGAIN | Errno::INTR) => None,
            Ok(_) | Err(_) => {
                *slot = None;
                None
            }
        }
    }

    /// Sends a reply; who leaves no room for it is cut off.
    fn reply(&mut self, index: usize, text: &str, with_descriptors: bool) {
        let Some(slot) = self.connections.get_mut(index) else { return };
        let Some(connection) = slot else { return };
        let handed_out = self.handed_out.as_ref().filter(|_| with_descriptors);
        let fds: Vec<BorrowedFd<'_>> = handed_out
            .iter()
            .flat_map(|handed_out| [handed_out.ring.as_fd(), handed_out.names.as_fd()])
            .collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fits = fds.is_empty() || control.push(SendAncillaryMessage::ScmRights(&fds));
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let part = IoSlice::new(text.as_bytes());
        let sent = rustix::net::sendmsg(&connection.fd, &[part], &mut control, flags);
        if !fits || sent.is_err() {
            *slot = None;
        }
    }
}

impl Supervisor<'_> {
    /// Somebody wants to attach (0) or to say something.
    pub(crate) fn handle_control(&mut self, index: usize) {
        let Some(control) = &mut self.control else { return };
        control.event_count += 1;
        // Several may come at one wake-up, which is counted when all have been served.
        let wakeup = Some(self.report.wakeup_count);
        if std::mem::replace(&mut control.last_wakeup, wakeup) != wakeup {
            control.wakeup_count += 1;
        }
        let Some(index) = index.checked_sub(1) else { return control.accept(&self.epoll) };
        let Some(request) = control.receive(index) else { return };
        let with_descriptors = request == Ok(Request::Describe);
        let text = match request.and_then(|request| self.fulfil(request)) {
            Ok(()) => self.describe_state(),
            Err((code, text)) => format!("oro {PROTOCOL_VERSION} error {code} {text}\n"),
        };
        if let Some(control) = &mut self.control {
            control.reply(index, &text, with_descriptors);
        }
    }

    fn fulfil(&mut self, request: Request) -> Result<(), Refusal> {
        match request {
            Request::Describe => self.prepare_descriptors().map_err(|error| {
                ("descriptors", format!("the tables cannot be handed out: {error}"))
            }),
            Request::Look => {
                self.look_at_all();
                Ok(())
            }
            Request::ForceSynchronous(port) => {
                self.check_port(port)?;
                self.force_synchronous(PortId(port));
                Ok(())
            }
            Request::AllowAsynchronous(port) => {
                self.check_port(port)?;
                if self.plan.ports[port as usize].is_forced_synchronous {
                    let name = |side| self.end_name(EndpointId { port: PortId(port), side });
                    let (from, to) = (name(Side::Producer), name(Side::Consumer));
                    return Err((
                        "forced",
                        format!("the manifest forces Port {port} ({from} -> {to})"),
                    ));
                }
                self.allow_asynchronous(PortId(port));
                Ok(())
            }
        }
    }

    fn check_port(&self, port: u32) -> Result<(), Refusal> {
        if (port as usize) < self.plan.ports.len() {
            return Ok(());
        }
        Err(("port", format!("there are {} Ports, none is Port {port}", self.plan.ports.len())))
    }

    /// Looks at every live cursor, so that the tables show them. The consumers' first: what is waiting
    /// is then never less than nothing.
    fn look_at_all(&mut self) {
        for port in 0..self.plan.ports.len() {
            let port = PortId(u32::try_from(port).unwrap_or(u32::MAX));
            for side in [Side::Consumer, Side::Producer] {
                self.look_for_change(EndpointId { port, side });
            }
        }
    }

    fn describe_state(&self) -> String {
        let mut text = format!("oro {PROTOCOL_VERSION} ok\n");
        if let Some(control) = &self.control {
            let _ = writeln!(text, "name {}", control.name);
            let _ = writeln!(text, "uptime-ms {}", control.start.elapsed().as_millis());
            // Being asked is no doing of the system's.
            let own = control.wakeup_count.saturating_sub(1);
            let wakeups = self.report.wakeup_count.saturating_sub(own);
            let _ = writeln!(text, "wakeups {wakeups}");
        }
        let _ = writeln!(text, "faults {}", self.report.fault_count);
        let _ = writeln!(text, "ring-address {RING}");
        text
    }

    /// What clients have been given says no longer what there is.
    pub(crate) fn forget_names(&mut self) {
        if let Some(control) = &mut self.control {
            control.handed_out = None;
        }
    }

    /// Makes what a client is given, when the first one asks.
    fn prepare_descriptors(&mut self) -> io::Result<()> {
        if self.control.as_ref().is_some_and(|control| control.handed_out.is_some()) {
            return Ok(());
        }
        let text = self.list_names();
        let names = create_memfd(c"oro-names", 0, false)?;
        let mut written = 0;
        while written < text.len() {
            written += rustix::io::pwrite(&names, &text.as_bytes()[written..], written as u64)?;
        }
        let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&names, seals)?;
        // The tables' descriptor that the supervisor has is for writing as well.
        let path = format!("/proc/self/fd/{}", self.world.tables.memory(0).fd().as_raw_fd());
        let ring = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        if let Some(control) = &mut self.control {
            control.handed_out = Some(HandedOut { ring, names });
        }
        Ok(())
    }

    /// What the tables do not say of the Ports, a line each: index, both ends, the type's name, and
    /// who forces it from the start.
    fn list_names(&self) -> String {
        let mut text = String::new();
        for (index, port) in self.plan.ports.iter().enumerate() {
            let name = |side| {
                let port = PortId(u32::try_from(index).unwrap_or(u32::MAX));
                self.end_name(EndpointId { port, side })
            };
            let [from, to] = [Side::Producer, Side::Consumer].map(name);
            let layout = port.layout.split('{').next().unwrap_or_default();
            let mode = if port.is_forced_synchronous { "synchronous" } else { "auto" };
            let _ = writeln!(text, "port {index} {from} {to} {layout} {mode}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_exact() {
        let parse = |text: &str| parse_request(text.as_bytes());
        assert_eq!(parse("oro 1 describe\n"), Ok(Request::Describe));
        assert_eq!(parse("oro 1 look"), Ok(Request::Look));
        assert_eq!(parse("oro 1 force-sync 7\n"), Ok(Request::ForceSynchronous(7)));
        assert_eq!(parse("oro 1 allow 0\n"), Ok(Request::AllowAsynchronous(0)));
        for (text, code) in [
            ("oro 2 describe", "version"),
            ("oro 1", "request"),
            ("oro", "request"),
            ("", "request"),
            ("GET / HTTP/1.1", "request"),
            ("oro 1 allow", "request"),
            ("oro 1 allow -1", "request"),
            ("oro 1 force-sync 4294967296", "request"),
            ("oro 1 describe more", "request"),
        ] {
            assert_eq!(parse(text).map_err(|(code, _)| code), Err(code), "{text}");
        }
        assert!(parse_request(b"oro 1 \xff").is_err());
    }
}
