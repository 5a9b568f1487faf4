//! [`Attachment`]: another process's look at a running system, and its wishes.
//!
//! The system is found by the socket of its supervisor (`rendezvous.rs`), asked by the protocol of
//! `control.rs`, and seen in its Ring's tables, which are mapped here read-only: looking costs the
//! system nothing.

use std::collections::BTreeMap;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

use oro_system::control::{Description, Operation, Request, Usage};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};

use crate::control::{PROTOCOL_VERSION, RING_CODES, name_code};
use crate::memory::create_sealed;
use crate::picture::{Picture, read_picture};
use crate::rendezvous::{self, SocketPath};
use crate::ring_control::BROUGHT_IMAGE;
use crate::ring_reader::RingReader;
use crate::{AttachError, FoundSystem};

/// Longest reply in bytes.
const MAX_REPLY_BYTES: usize = 4096;
/// Most bytes of names: 65536 Ports (`oro-system`'s limit) with a long type's name each.
const MAX_NAMES_BYTES: u64 = 64 << 20;

/// A running system, looked at from outside.
#[derive(Debug)]
pub struct Attachment {
    socket: OwnedFd,
    path: SocketPath,
    reader: RingReader,
    /// By number.
    names: BTreeMap<usize, PortNames>,
    /// What the system said when it was last asked.
    state: State,
}

/// What the tables do not say of a Port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortNames {
    /// The producing end, `instance.port`, `instance.port[2]`, or what a manifest calls a built-in's.
    pub from: String,
    /// The consuming end.
    pub to: String,
    /// Name of the message type.
    pub type_name: String,
    /// The manifest forces it synchronous.
    pub is_forced_by_manifest: bool,
}

/// What the supervisor counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The system's name.
    pub name: String,
    /// Its supervisor.
    pub process_id: u32,
    /// How long it has been running.
    pub uptime: Duration,
    /// Faults served.
    pub fault_count: u64,
    /// Times the supervisor woke up for the system.
    pub wakeup_count: u64,
}

/// What a supervisor says of its system with each answer.
#[derive(Clone, Debug, Default)]
struct State {
    counters: Counters,
    /// Where the system's instances see the Ring.
    ring_address: u64,
    /// What of the tables has ever been written.
    ring_bytes: u64,
    /// Goes up when the names of Ports change.
    names_version: u64,
}

/// What came of a request to change a system's Rings (`CTL-14`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingAnswer {
    /// Id of what was made, in the root Ring's tables; else 0.
    pub id: u64,
    /// The answer to `DESCRIBE`.
    pub description: Option<Description>,
}

/// An answer.
#[derive(Debug)]
struct Reply {
    state: State,
    ring: RingAnswer,
    fds: Vec<OwnedFd>,
}

impl Attachment {
    /// Attaches to the system of this name or process id; without either, to the only one that runs.
    ///
    /// # Errors
    ///
    /// [`AttachError`]: there is none, more than one, it is somebody else's, or it does not answer.
    pub fn find(wanted: Option<&str>) -> Result<Self, AttachError> {
        let (sockets, refused) = rendezvous::list_sockets(rendezvous::own_user());
        let process_id = wanted.and_then(|wanted| wanted.parse::<u32>().ok());
        if let Some(process_id) = process_id {
            if let Some(path) = sockets.iter().find(|path| path.process_id == process_id) {
                match rendezvous::connect(path) {
                    Ok(socket) => return Self::attach(socket, path.clone()),
                    Err(Errno::AGAIN) => return Err(AttachError::Silent { process_id }),
                    Err(_) => {}
                }
            }
            if let Some(attached) = attach_to_stranger(process_id)? {
                return Ok(attached);
            }
        }
        let mut running = list_running(sockets);
        let fits = |system: &FoundSystem| match wanted {
            Some(wanted) => system.name.as_deref() == Some(wanted),
            None => true,
        };
        if running.iter().filter(|(system, ..)| fits(system)).count() == 1
            && let Some(index) = running.iter().position(|(system, ..)| fits(system))
        {
            let (_, socket, path) = running.swap_remove(index);
            let silent = AttachError::Silent { process_id: path.process_id };
            return Self::attach(socket.ok_or(silent)?, path);
        }
        let systems: Vec<FoundSystem> = running.into_iter().map(|(system, ..)| system).collect();
        Err(match (wanted, process_id) {
            _ if systems.iter().any(fits) => AttachError::Several {
                wanted: wanted.map(str::to_owned),
                running: systems.into_iter().filter(fits).collect(),
            },
            (Some(_), Some(process_id)) if rendezvous::has_process(process_id) => {
                AttachError::NotOro { process_id, refused }
            }
            (Some(_), Some(process_id)) => AttachError::NoProcess { process_id },
            (Some(wanted), None) => {
                AttachError::NotFound { wanted: wanted.to_owned(), running: systems, refused }
            }
            (None, _) => AttachError::NoneRuns { refused },
        })
    }

    fn attach(socket: OwnedFd, path: SocketPath) -> Result<Self, AttachError> {
        let (state, ring, names) = describe(&socket, path.process_id)?;
        let reader = RingReader::map(&ring).map_err(strange)?;
        Ok(Self { socket, path, reader, names, state })
    }

    /// What the supervisor counted when it was last asked.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.state.counters
    }

    /// The names of the Port with this number.
    #[must_use]
    pub fn port_names(&self, number: usize) -> Option<&PortNames> {
        self.names.get(&number)
    }

    /// Has the supervisor look at the live cursors of asynchronous ends and tell what it counts.
    ///
    /// # Errors
    ///
    /// [`AttachError::Ended`], after which the tables show the end; or it does not answer.
    pub fn look(&mut self) -> Result<(), AttachError> {
        self.request("look")
    }

    /// Reads the tables. Works also when the system has ended: they show how.
    ///
    /// # Errors
    ///
    /// [`AttachError::Strange`]: they are no tables, or do not come to rest.
    pub fn read(&self) -> Result<Picture, AttachError> {
        let size_bytes = usize::try_from(self.state.ring_bytes).unwrap_or(usize::MAX);
        read_picture(&self.reader, self.state.ring_address, size_bytes)
            .map_err(|what| AttachError::Strange { what: format!("tables: {what}") })
    }

    /// Has the supervisor force a Port synchronous (`MODE-6`).
    ///
    /// # Errors
    ///
    /// [`AttachError`]: there is no such Port, or the system does not answer or has ended.
    pub fn force_synchronous(&mut self, port: usize) -> Result<(), AttachError> {
        self.request(&format!("force-sync {port}"))
    }

    /// Takes that back.
    ///
    /// # Errors
    ///
    /// Likewise; or the manifest forces it.
    pub fn allow_asynchronous(&mut self, port: usize) -> Result<(), AttachError> {
        self.request(&format!("allow {port}"))
    }

    fn request(&mut self, request: &str) -> Result<(), AttachError> {
        let result = self.try_request(request);
        if matches!(result, Err(AttachError::Ended { .. })) {
            // What has come since the last answer is seen as well.
            self.state.ring_bytes = u64::MAX;
        }
        result
    }

    fn try_request(&mut self, request: &str) -> Result<(), AttachError> {
        let process_id = self.path.process_id;
        let mut reply = ask(&self.socket, process_id, request);
        if matches!(reply, Err(AttachError::Ended { .. })) {
            // Or there were too many others, and this connection had to make room.
            self.socket = match rendezvous::connect(&self.path) {
                Ok(socket) => socket,
                Err(Errno::AGAIN) => return Err(AttachError::Silent { process_id }),
                Err(_) => return Err(AttachError::Ended { process_id }),
            };
            reply = ask(&self.socket, process_id, request);
        }
        self.update(reply?.state)
    }

    /// Has the supervisor change the system's Rings (`CTL-14`). `image`: an ELF file that comes along with
    /// `MOUNT` or `REPLACE`, which name it as [`Attachment::BROUGHT_IMAGE`]. Ids are those of
    /// [`Attachment::read`].
    ///
    /// ```no_run
    /// use oro_kernel_linux::Attachment;
    /// use oro_system::control::{Operation, Target};
    ///
    /// let mut system = Attachment::find(Some("demo"))?;
    /// let ring = system.read()?.root.children[0].id;
    /// system.change(Operation::End(Target::Ring(ring)), None)?;
    /// # Ok::<(), oro_kernel_linux::AttachError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AttachError::Ring`]: the system refuses, and nothing has changed; or it does not answer, or has ended:
    /// then it may have changed.
    pub fn change(
        &mut self,
        operation: Operation,
        image: Option<&[u8]>,
    ) -> Result<RingAnswer, AttachError> {
        let message = Request { correlation: 0, operation }.encode();
        let message = message.map_err(|refusal| AttachError::Ring {
            code: name_code(refusal.code),
            why: refusal.text,
        })?;
        let image = image.map(|bytes| create_sealed(c"oro-brought", bytes));
        let image = image.transpose().map_err(strange)?;
        let mut bytes = format!("oro {PROTOCOL_VERSION} ring\n").into_bytes();
        bytes.extend(message);
        let reply = exchange(&self.socket, self.path.process_id, &bytes, image.as_ref())?;
        let Reply { state, ring, .. } = reply;
        // It is done, whether or not the system goes on: names are asked for at the next look.
        self.state = State { names_version: self.state.names_version, ..state };
        Ok(ring)
    }

    /// Under what `MOUNT` and `REPLACE` name the image that comes along with them.
    pub const BROUGHT_IMAGE: u64 = BROUGHT_IMAGE;

    fn update(&mut self, state: State) -> Result<(), AttachError> {
        if state.names_version == self.state.names_version {
            self.state = state;
            return Ok(());
        }
        let (state, _, names) = describe(&self.socket, self.path.process_id)?;
        (self.state, self.names) = (state, names);
        Ok(())
    }

    /// Waits for some time; true once the supervisor has gone, or has cut this connection off.
    #[must_use]
    pub fn wait(&self, time: Duration) -> bool {
        let mut fds = [PollFd::new(&self.socket, PollFlags::RDHUP)];
        let time = Timespec::try_from(time).ok();
        matches!(rustix::event::poll(&mut fds, time.as_ref()), Ok(count) if count > 0)
    }
}

/// Systems that run, with an open connection to each that takes one.
fn list_running(sockets: Vec<SocketPath>) -> Vec<(FoundSystem, Option<OwnedFd>, SocketPath)> {
    let mut running = Vec::new();
    for path in sockets {
        let process_id = path.process_id;
        let socket = match rendezvous::connect(&path) {
            Ok(socket) => socket,
            Err(Errno::AGAIN) => {
                running.push((FoundSystem { process_id, name: None }, None, path));
                continue;
            }
            Err(_) => continue,
        };
        let name = match ask(&socket, process_id, "look") {
            Ok(reply) => Some(reply.state.counters.name),
            Err(AttachError::Ended { .. }) => continue,
            Err(_) => None,
        };
        running.push((FoundSystem { process_id, name }, Some(socket), path));
    }
    running
}

/// Attaches to a process that is not this user's own, as root may.
fn attach_to_stranger(process_id: u32) -> Result<Option<Attachment>, AttachError> {
    let own = rendezvous::own_user();
    let Some(user) = rendezvous::find_owner(process_id).filter(|user| *user != own) else {
        return Ok(None);
    };
    if own != 0 {
        return Err(AttachError::Forbidden { process_id, user });
    }
    let (sockets, _) = rendezvous::list_sockets(user);
    let path = sockets.into_iter().find(|path| path.process_id == process_id);
    let Some(path) = path else { return Ok(None) };
    match rendezvous::connect(&path) {
        Ok(socket) => Attachment::attach(socket, path).map(Some),
        Err(Errno::AGAIN) => Err(AttachError::Silent { process_id }),
        Err(_) => Ok(None),
    }
}

/// What a system says of itself, its tables, and the names of its Ports.
fn describe(
    socket: &OwnedFd,
    process_id: u32,
) -> Result<(State, OwnedFd, BTreeMap<usize, PortNames>), AttachError> {
    let reply = ask(socket, process_id, "describe")?;
    let [ring, names] = <[OwnedFd; 2]>::try_from(reply.fds).map_err(|fds| {
        AttachError::Strange { what: format!("{} descriptors instead of 2", fds.len()) }
    })?;
    Ok((reply.state, ring, read_names(&names).map_err(strange)?))
}

fn strange(error: std::io::Error) -> AttachError {
    AttachError::Strange { what: error.to_string() }
}

/// Sends a request of one line and waits for its reply.
fn ask(socket: &OwnedFd, process_id: u32, request: &str) -> Result<Reply, AttachError> {
    let text = format!("oro {PROTOCOL_VERSION} {request}\n");
    exchange(socket, process_id, text.as_bytes(), None)
}

/// Sends a request and waits for its reply.
fn exchange(
    socket: &OwnedFd,
    process_id: u32,
    request: &[u8],
    image: Option<&OwnedFd>,
) -> Result<Reply, AttachError> {
    let failed = |error: Errno| match error {
        Errno::PIPE | Errno::CONNRESET => AttachError::Ended { process_id },
        Errno::AGAIN => AttachError::Silent { process_id },
        _ => AttachError::Strange { what: std::io::Error::from(error).to_string() },
    };
    let parts = [IoSlice::new(request)];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut sent = SendAncillaryBuffer::new(&mut space);
    let fds: Vec<BorrowedFd<'_>> = image.iter().map(|image| image.as_fd()).collect();
    if !fds.is_empty() {
        let fits = sent.push(SendAncillaryMessage::ScmRights(&fds));
        assert!(fits, "there is room for one");
    }
    rustix::net::sendmsg(socket, &parts, &mut sent, SendFlags::NOSIGNAL).map_err(failed)?;
    let mut bytes = vec![0; MAX_REPLY_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let received = rustix::net::recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)
        .map_err(failed)?;
    let mut fds = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(more) = message {
            fds.extend(more);
        }
    }
    if received.bytes == 0 {
        return Err(AttachError::Ended { process_id });
    }
    let text = String::from_utf8_lossy(&bytes[..received.bytes]);
    parse_reply(&text, process_id).map(|reply| Reply { fds, ..reply })
}

fn parse_reply(text: &str, process_id: u32) -> Result<Reply, AttachError> {
    let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
    let head = crate::text::escape(head.as_bytes());
    let words: Vec<&str> = head.splitn(5, ' ').collect();
    let is_version = |version: &str| version == PROTOCOL_VERSION.to_string();
    match &words[..] {
        ["oro", version, "ok"] if is_version(version) => {}
        ["oro", version, "error", "version", _] if is_version(version) => {
            return Err(AttachError::Version { reply: head });
        }
        ["oro", version, "error", word, why] if is_version(version) => {
            let ring = RING_CODES.iter().find(|(_, known)| known == word);
            if let Some((_, code)) = ring {
                return Err(AttachError::Ring { code, why: (*why).to_owned() });
            }
            return Err(AttachError::Refused { why: (*why).to_owned() });
        }
        ["oro", version, ..] if !is_version(version) => {
            return Err(AttachError::Version { reply: head });
        }
        _ => return Err(AttachError::Strange { what: head }),
    }
    let mut state = State::default();
    state.counters.process_id = process_id;
    let mut ring = RingAnswer::default();
    for line in rest.lines() {
        let Some((key, value)) = line.split_once(' ') else { continue };
        let what = || AttachError::Strange { what: crate::text::escape(line.as_bytes()) };
        let number = || value.parse::<u64>().map_err(|_| what());
        match key {
            "name" => state.counters.name = crate::text::escape(value.as_bytes()),
            "uptime-ms" => state.counters.uptime = Duration::from_millis(number()?),
            "faults" => state.counters.fault_count = number()?,
            "wakeups" => state.counters.wakeup_count = number()?,
            "ring-address" => state.ring_address = number()?,
            "ring-bytes" => state.ring_bytes = number()?,
            "names" => state.names_version = number()?,
            "id" => ring.id = number()?,
            "taken" => {
                ring.description.get_or_insert_default().taken =
                    parse_usage(value).ok_or_else(what)?;
            }
            "most" => {
                ring.description.get_or_insert_default().most =
                    parse_usage(value).ok_or_else(what)?;
            }
            // What a newer supervisor says besides.
            _ => {}
        }
    }
    Ok(Reply { state, ring, fds: Vec::new() })
}

/// Bytes of memory, Ports, threads.
fn parse_usage(text: &str) -> Option<Usage> {
    let mut words = text.split(' ');
    let usage = Usage {
        memory_bytes: words.next()?.parse().ok()?,
        port_count: words.next()?.parse().ok()?,
        thread_count: words.next()?.parse().ok()?,
    };
    words.next().is_none().then_some(usage)
}

/// Reads what `control.rs` has written of the Ports.
fn read_names(fd: &OwnedFd) -> std::io::Result<BTreeMap<usize, PortNames>> {
    let size = u64::try_from(rustix::fs::fstat(fd)?.st_size).unwrap_or(u64::MAX);
    if size > MAX_NAMES_BYTES {
        return Err(std::io::Error::other(format!("names of {size} bytes")));
    }
    let mut bytes = vec![0; usize::try_from(size).map_err(std::io::Error::other)?];
    let mut read = 0;
    while read < bytes.len() {
        match rustix::io::pread(fd, &mut bytes[read..], read as u64)? {
            0 => break,
            count => read += count,
        }
    }
    let text = crate::text::escape_lines(&bytes[..read]);
    Ok(parse_names(&text))
}

fn parse_names(text: &str) -> BTreeMap<usize, PortNames> {
    let ports = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let ["port", number, from, to, type_name, mode, ..] = words[..] else { return None };
        let names = PortNames {
            from: from.to_owned(),
            to: to.to_owned(),
            type_name: type_name.to_owned(),
            is_forced_by_manifest: mode == "synchronous",
        };
        Some((number.parse().ok()?, names))
    });
    ports.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_of_any_kind_are_understood_or_told() {
        let text = "oro 2 ok\nname a b\nfaults 7\nwakeups 9\nuptime-ms 1500\nring-address 4096\n\
                    ring-bytes 8192\nnames 3\nnew x\nid 5\ntaken 1 2 3\nmost 4 5 6\n";
        let Reply { state, ring, .. } = parse_reply(text, 17).unwrap();
        let counters = &state.counters;
        assert_eq!(counters.name, "a b");
        assert_eq!((counters.fault_count, counters.wakeup_count), (7, 9));
        assert_eq!(counters.uptime, Duration::from_millis(1500));
        assert_eq!((state.ring_address, state.ring_bytes, state.names_version), (4096, 8192, 3));
        let description = ring.description.unwrap();
        assert_eq!(
            (ring.id, description.taken.port_count, description.most.thread_count),
            (5, 2, 6)
        );
        for (text, code) in [
            ("oro 1 ok\n", "ATTACH-VERSION"),
            ("oro 2 error version this system speaks version 1\n", "ATTACH-VERSION"),
            ("oro 2 error port there are 2 Ports\n", "ATTACH-REFUSED"),
            ("HTTP/1.1 400", "ATTACH-STRANGE"),
            ("", "ATTACH-STRANGE"),
            ("oro 2 ok\nfaults many\n", "ATTACH-STRANGE"),
            ("oro 2 ok\ntaken 1 2\n", "ATTACH-STRANGE"),
            ("oro 2 ok\nmost 1 2 3 4\n", "ATTACH-STRANGE"),
            ("oro 2 error RING-QUOTA there is no more\n", "RING-QUOTA"),
        ] {
            assert_eq!(parse_reply(text, 17).err().map(|error| error.code()), Some(code), "{text}");
        }
    }

    #[test]
    fn names_are_read_by_number() {
        let names =
            parse_names("port 0 a.out b.in demo.num.v1 auto\nport 7 x y z synchronous more\n");
        assert_eq!(names.len(), 2);
        assert_eq!(
            (names[&0].from.as_str(), names[&0].type_name.as_str()),
            ("a.out", "demo.num.v1")
        );
        assert!(!names[&0].is_forced_by_manifest && names[&7].is_forced_by_manifest);
        assert_eq!(parse_names("port x a b c auto\nport 0 a b\nelse\n").len(), 0);
    }
}
