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
//! | `oro 2 describe` | `oro 2 ok`, lines of a key and a value; descriptors of the tables and of the names |
//! | `oro 2 look` | the same without descriptors; before it all live cursors have been looked at |
//! | `oro 2 force-sync N`, `oro 2 allow N` | the same, once it is done to the Port with this number |
//! | `oro 2 ring`, a newline, 512 bytes of [`ControlRequest`](oro_sysabi::ControlRequest) | the same with `id N`, or what `DESCRIBE` says, once it is done (`CTL-14`) |
//! | anything else | `oro 2 error`, a code and a sentence |

use std::fmt::Write as _;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use oro_kernel::{EndpointId, PortId, Side};
use oro_sysabi as abi;
use oro_system::control::{Answer, Description};
use rustix::event::epoll::{self, EventFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, sockopt,
};

use crate::Options;
use crate::addresses::RING;
use crate::memory::create_sealed;
use crate::rendezvous::{Lair, own_user};
use crate::ring_control::{MESSAGE_BYTES, OperatorRequest};
use crate::supervisor::{Source, Supervisor};
use crate::tables::FIRST_GENERATION;

/// What both sides speak.
pub(crate) const PROTOCOL_VERSION: u32 = 2;
/// Longest line of a request in bytes; longer ones are none.
const MAX_LINE_BYTES: usize = 64;
/// Longest request in bytes.
const MAX_REQUEST_BYTES: usize = MAX_LINE_BYTES + MESSAGE_BYTES;
/// Longest sentence of a refusal in bytes, so that the client has room for it.
const MAX_WHY_BYTES: usize = 2048;
/// Connections at a time; a further one takes the place of the one that has been silent longest.
const MAX_CONNECTIONS: usize = 8;

/// Codes of Ring control, for tools and on the wire.
pub(crate) const RING_CODES: [(u32, &str); 12] = [
    (abi::CONTROL_BAD_REQUEST, "RING-BAD-REQUEST"),
    (abi::CONTROL_UNKNOWN, "RING-UNKNOWN"),
    (abi::CONTROL_DENIED, "RING-DENIED"),
    (abi::CONTROL_NAME, "RING-NAME"),
    (abi::CONTROL_IMAGE, "RING-IMAGE"),
    (abi::CONTROL_PORT, "RING-PORT"),
    (abi::CONTROL_TYPE, "RING-TYPE"),
    (abi::CONTROL_BUSY, "RING-BUSY"),
    (abi::CONTROL_QUOTA, "RING-QUOTA"),
    (abi::CONTROL_STATE, "RING-STATE"),
    (abi::CONTROL_UNSUPPORTED, "RING-UNSUPPORTED"),
    (abi::CONTROL_SYSTEM, "RING-SYSTEM"),
];

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
    /// Goes up when the names change.
    names_version: u64,
}

#[derive(Debug)]
struct Connection {
    fd: OwnedFd,
    /// Never that of another one.
    number: u64,
    last_used: u64,
    /// The answer to what it has asked for is to come.
    is_awaiting: bool,
}

#[derive(Debug)]
struct HandedOut {
    ring: OwnedFd,
    names: OwnedFd,
}

/// What a client wants.
#[derive(Debug)]
enum Request {
    Describe,
    Look,
    ForceSynchronous(u32),
    AllowAsynchronous(u32),
    Ring(OperatorRequest),
}

/// Why it does not get it: a code and a sentence.
type Refusal = (&'static str, String);

fn parse_request(bytes: &[u8], image: Option<OwnedFd>) -> Result<Request, Refusal> {
    let strange = || ("request", "this is no request that a system knows".to_owned());
    let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
    let (line, message) = bytes.split_at(end);
    let text = std::str::from_utf8(line).map_err(|_| strange())?;
    if line.len() > MAX_LINE_BYTES || (!message.is_empty() && message.len() != MESSAGE_BYTES) {
        return Err(strange());
    }
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let ["oro", version, words @ ..] = &words[..] else { return Err(strange()) };
    if *version != PROTOCOL_VERSION.to_string() {
        let text = format!("this system speaks version {PROTOCOL_VERSION} of the protocol");
        return Err(("version", text));
    }
    if let Ok(message) = Box::<[u8; MESSAGE_BYTES]>::try_from(Box::<[u8]>::from(message)) {
        let is_ring = matches!(words, ["ring"]);
        return if is_ring {
            Ok(Request::Ring(OperatorRequest { message, image }))
        } else {
            Err(strange())
        };
    }
    match words {
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
            names_version: 0,
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
        // Who waits for an answer has not been silent.
        let rank =
            |slot: &Option<Connection>| slot.as_ref().map(|it| (it.is_awaiting, it.last_used));
        let slots = self.connections.iter().enumerate();
        let Some((index, _)) = slots.min_by_key(|(_, slot)| rank(slot)) else { return };
        // Dropped first: a closed descriptor leaves the epoll by itself.
        self.connections[index] = None;
        if epoll::add(epoll, &fd, Source::Control(index + 1).encode(), EventFlags::IN).is_ok() {
            let number = self.event_count;
            self.connections[index] =
                Some(Connection { fd, number, last_used: number, is_awaiting: false });
        }
    }

    /// The next request of a connection, or nothing, and then the connection may be gone.
    fn receive(&mut self, index: usize) -> Option<Result<Request, Refusal>> {
        let slot = self.connections.get_mut(index)?;
        let connection = slot.as_mut()?;
        let mut bytes = [0_u8; MAX_REQUEST_BYTES];
        // Of descriptors that come along there is room for one; Linux closes the others.
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC | RecvFlags::CMSG_CLOEXEC;
        match rustix::net::recvmsg(&connection.fd, &mut parts, &mut control, flags) {
            Ok(received) if (1..=MAX_REQUEST_BYTES).contains(&received.bytes) => {
                connection.last_used = self.event_count;
                let mut image = None;
                for message in control.drain() {
                    if let RecvAncillaryMessage::ScmRights(fds) = message {
                        image = fds.last();
                    }
                }
                Some(parse_request(&bytes[..received.bytes], image))
            }
            Err(Errno::AGAIN | Errno::INTR) => None,
            Ok(_) | Err(_) => {
                *slot = None;
                None
            }
        }
    }

    /// The connection of this number, if it is still there.
    fn find_connection(&self, number: u64) -> Option<usize> {
        let is_it = |slot: &Option<Connection>| slot.as_ref().is_some_and(|it| it.number == number);
        self.connections.iter().position(is_it)
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
        let number = control.connections[index].as_ref().map_or(0, |it| it.number);
        let with_descriptors = matches!(request, Ok(Request::Describe));
        let text = match request {
            Ok(Request::Ring(request)) => {
                match self.serve_operator(number, &request) {
                    Some(answer) => self.send_answer(number, &answer),
                    None => self.set_awaiting(number, true),
                }
                return;
            }
            request => match request.and_then(|request| self.fulfil(&request)) {
                Ok(()) => self.describe_state(),
                Err((code, why)) => refuse(code, &why),
            },
        };
        if let Some(control) = &mut self.control {
            control.reply(index, &text, with_descriptors);
        }
    }

    /// Tells a client what has come of its request, if it is still there.
    pub(crate) fn send_answer(&mut self, connection: u64, answer: &Answer) {
        let text = match answer {
            Answer::Refused(refusal) => refuse(name_code(refusal.code), &refusal.text),
            Answer::Done { id } => format!("{}id {id}\n", self.describe_state()),
            Answer::Described(Description { taken, most }) => format!(
                "{}taken {} {} {}\nmost {} {} {}\n",
                self.describe_state(),
                taken.memory_bytes,
                taken.port_count,
                taken.thread_count,
                most.memory_bytes,
                most.port_count,
                most.thread_count
            ),
        };
        if let Some(control) = &mut self.control
            && let Some(index) = control.find_connection(connection)
        {
            control.reply(index, &text, false);
        }
        self.set_awaiting(connection, false);
    }

    fn set_awaiting(&mut self, number: u64, is_awaiting: bool) {
        let Some(control) = &mut self.control else { return };
        let connections = control.connections.iter_mut().flatten();
        for connection in connections.filter(|connection| connection.number == number) {
            connection.is_awaiting = is_awaiting;
        }
    }

    fn fulfil(&mut self, request: &Request) -> Result<(), Refusal> {
        match *request {
            Request::Describe => self.prepare_descriptors().map_err(|error| {
                ("descriptors", format!("the tables cannot be handed out: {error}"))
            }),
            Request::Look => {
                self.look_at_all();
                Ok(())
            }
            Request::ForceSynchronous(number) => {
                let port = self.find_shown_port(number)?;
                self.force_synchronous(port);
                Ok(())
            }
            Request::AllowAsynchronous(number) => {
                let port = self.find_shown_port(number)?;
                if self.plan.ports[port.0 as usize].is_forced_synchronous {
                    let name = |side| self.end_name(EndpointId { port, side });
                    let (from, to) = (name(Side::Producer), name(Side::Consumer));
                    return Err((
                        "forced",
                        format!("the manifest forces Port {number} ({from} -> {to})"),
                    ));
                }
                self.allow_asynchronous(port);
                Ok(())
            }
            Request::Ring(_) => unreachable!("served by Ring control"),
        }
    }

    /// The Port with a number that clients know it by: the lower half of its id in the root's tables.
    fn find_shown_port(&self, number: u32) -> Result<PortId, Refusal> {
        let found = self.world.tables.find_port(0, FIRST_GENERATION | u64::from(number));
        let ports = self.plan.ports.iter().filter(|port| !port.is_forgotten());
        found.map(PortId).ok_or_else(|| {
            ("port", format!("there are {} Ports, none is Port {number}", ports.count()))
        })
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
            let _ = writeln!(text, "names {}", control.names_version);
        }
        let _ = writeln!(text, "faults {}", self.report.fault_count);
        let _ = writeln!(text, "ring-address {RING}");
        let _ = writeln!(text, "ring-bytes {}", self.world.tables.used_bytes(0));
        text
    }

    /// What clients have been given says no longer what there is.
    pub(crate) fn forget_names(&mut self) {
        if let Some(control) = &mut self.control {
            control.handed_out = None;
            control.names_version += 1;
        }
    }

    /// Makes what a client is given, when the first one asks.
    fn prepare_descriptors(&mut self) -> io::Result<()> {
        if self.control.as_ref().is_some_and(|control| control.handed_out.is_some()) {
            return Ok(());
        }
        let names = create_sealed(c"oro-names", self.list_names().as_bytes())?;
        // The tables' descriptor that the supervisor has is for writing as well.
        let path = format!("/proc/self/fd/{}", self.world.tables.memory(0).fd().as_raw_fd());
        let ring = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        if let Some(control) = &mut self.control {
            control.handed_out = Some(HandedOut { ring, names });
        }
        Ok(())
    }

    /// What the tables do not say of the Ports, a line each: number, both ends, the type's name, and
    /// who forces it from the start.
    fn list_names(&self) -> String {
        let mut text = String::new();
        for (index, port) in (0..).zip(&self.plan.ports).filter(|(_, port)| !port.is_forgotten()) {
            let name = |side| self.end_name(EndpointId { port: PortId(index), side });
            let number = self.world.tables.port_id(0, index) & u64::from(u32::MAX);
            let [from, to] = [Side::Producer, Side::Consumer].map(name);
            let layout = port.layout.split('{').next().unwrap_or_default();
            let mode = if port.is_forced_synchronous { "synchronous" } else { "auto" };
            let _ = writeln!(text, "port {number} {from} {to} {layout} {mode}");
        }
        text
    }
}

fn refuse(code: &str, why: &str) -> String {
    let mut length = why.len().min(MAX_WHY_BYTES);
    while !why.is_char_boundary(length) {
        length -= 1;
    }
    format!("oro {PROTOCOL_VERSION} error {code} {}\n", &why[..length])
}

/// `CONTROL_DENIED` and so on, for tools and on the wire.
pub(crate) fn name_code(code: u32) -> &'static str {
    RING_CODES.iter().find(|(known, _)| *known == code).map_or("RING-SYSTEM", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<String, &'static str> {
        parse_request(bytes, None).map(|request| format!("{request:?}")).map_err(|(code, _)| code)
    }

    #[test]
    fn requests_are_exact() {
        for (text, expected) in [
            ("oro 2 describe\n", Ok("Describe")),
            ("oro 2 look", Ok("Look")),
            ("oro 2 force-sync 7\n", Ok("ForceSynchronous(7)")),
            ("oro 2 allow 0\n", Ok("AllowAsynchronous(0)")),
            ("oro 1 describe", Err("version")),
            ("oro 2", Err("request")),
            ("oro", Err("request")),
            ("", Err("request")),
            ("GET / HTTP/1.1", Err("request")),
            ("oro 2 allow", Err("request")),
            ("oro 2 allow -1", Err("request")),
            ("oro 2 force-sync 4294967296", Err("request")),
            ("oro 2 describe more", Err("request")),
            ("oro 2 look\nmore", Err("request")),
            ("oro 2 ring\n", Err("request")),
        ] {
            assert_eq!(parse(text.as_bytes()), expected.map(str::to_owned), "{text}");
        }
        assert!(parse(b"oro 2 \xff").is_err());
    }

    #[test]
    fn ctl_14_a_request_of_ring_control_has_all_of_its_bytes() {
        for (line, length, is_one) in [
            ("oro 2 ring\n", MESSAGE_BYTES, true),
            ("oro 2 ring\n", MESSAGE_BYTES - 1, false),
            ("oro 2 ring\n", MESSAGE_BYTES + 1, false),
            ("oro 2 ring", MESSAGE_BYTES, false),
            ("oro 2 look\n", MESSAGE_BYTES, false),
        ] {
            let mut bytes = line.as_bytes().to_vec();
            bytes.resize(line.len() + length, 0);
            assert_eq!(parse(&bytes).is_ok(), is_one, "{line} {length}");
        }
    }
}
