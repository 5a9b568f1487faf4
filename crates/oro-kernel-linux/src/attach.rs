//! [`Attachment`]: another process's look at a running system, and its wishes.
//!
//! The system is found by the socket of its supervisor (`rendezvous.rs`), asked by the protocol of
//! `control.rs`, and seen in its Ring's tables, which are mapped here read-only: looking costs the
//! system nothing.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendFlags,
};

use crate::control::PROTOCOL_VERSION;
use crate::picture::{Picture, read_picture};
use crate::rendezvous::{self, SocketPath};
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
    /// Where the system's instances see the Ring.
    ring_address: u64,
    /// By Port.
    names: Vec<PortNames>,
    counters: Counters,
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

/// An answer.
struct Reply {
    counters: Counters,
    ring_address: u64,
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
        let reply = ask(&socket, path.process_id, "describe")?;
        let strange = |error: std::io::Error| AttachError::Strange { what: error.to_string() };
        let [ring, names] = <[OwnedFd; 2]>::try_from(reply.fds).map_err(|fds| {
            AttachError::Strange { what: format!("{} descriptors instead of 2", fds.len()) }
        })?;
        let reader = RingReader::map(&ring).map_err(strange)?;
        let names = read_names(&names).map_err(strange)?;
        let Reply { counters, ring_address, .. } = reply;
        Ok(Self { socket, path, reader, ring_address, names, counters })
    }

    /// What the supervisor counted when it was last asked.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The names of a Port.
    #[must_use]
    pub fn port_names(&self, index: usize) -> Option<&PortNames> {
        self.names.get(index)
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
        read_picture(&self.reader, self.ring_address)
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
        self.counters = reply?.counters;
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
            Ok(reply) => Some(reply.counters.name),
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

/// Sends a request and waits for its reply.
fn ask(socket: &OwnedFd, process_id: u32, request: &str) -> Result<Reply, AttachError> {
    let failed = |error: Errno| match error {
        Errno::PIPE | Errno::CONNRESET => AttachError::Ended { process_id },
        Errno::AGAIN => AttachError::Silent { process_id },
        _ => AttachError::Strange { what: std::io::Error::from(error).to_string() },
    };
    let text = format!("oro {PROTOCOL_VERSION} {request}\n");
    let parts = [IoSlice::new(text.as_bytes())];
    let mut nothing = SendAncillaryBuffer::default();
    rustix::net::sendmsg(socket, &parts, &mut nothing, SendFlags::NOSIGNAL).map_err(failed)?;
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
        ["oro", version, "error", _, why] if is_version(version) => {
            return Err(AttachError::Refused { why: (*why).to_owned() });
        }
        ["oro", version, ..] if !is_version(version) => {
            return Err(AttachError::Version { reply: head });
        }
        _ => return Err(AttachError::Strange { what: head }),
    }
    let mut counters = Counters { process_id, ..Counters::default() };
    let mut ring_address = 0;
    for line in rest.lines() {
        let Some((key, value)) = line.split_once(' ') else { continue };
        let number = || {
            let what = || AttachError::Strange { what: crate::text::escape(line.as_bytes()) };
            value.parse::<u64>().map_err(|_| what())
        };
        match key {
            "name" => counters.name = crate::text::escape(value.as_bytes()),
            "uptime-ms" => counters.uptime = Duration::from_millis(number()?),
            "faults" => counters.fault_count = number()?,
            "wakeups" => counters.wakeup_count = number()?,
            "ring-address" => ring_address = number()?,
            // What a newer supervisor says besides.
            _ => {}
        }
    }
    Ok(Reply { counters, ring_address, fds: Vec::new() })
}

/// Reads what `control.rs` has written of the Ports.
fn read_names(fd: &OwnedFd) -> std::io::Result<Vec<PortNames>> {
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

fn parse_names(text: &str) -> Vec<PortNames> {
    let mut names = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let ["port", index, from, to, type_name, mode, ..] = words[..] else { continue };
        if index.parse() == Ok(names.len()) {
            names.push(PortNames {
                from: from.to_owned(),
                to: to.to_owned(),
                type_name: type_name.to_owned(),
                is_forced_by_manifest: mode == "synchronous",
            });
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_of_any_kind_are_understood_or_told() {
        let text =
            "oro 1 ok\nname a b\nfaults 7\nwakeups 9\nuptime-ms 1500\nring-address 4096\nnew x\n";
        let reply = parse_reply(text, 17).unwrap();
        assert_eq!(reply.counters.name, "a b");
        assert_eq!((reply.counters.fault_count, reply.counters.wakeup_count), (7, 9));
        assert_eq!(
            (reply.counters.uptime, reply.ring_address),
            (Duration::from_millis(1500), 4096)
        );
        for (text, code) in [
            ("oro 2 ok\n", "ATTACH-VERSION"),
            ("oro 1 error version this system speaks version 1\n", "ATTACH-VERSION"),
            ("oro 1 error port there are 2 Ports\n", "ATTACH-REFUSED"),
            ("HTTP/1.1 400", "ATTACH-STRANGE"),
            ("", "ATTACH-STRANGE"),
            ("oro 1 ok\nfaults many\n", "ATTACH-STRANGE"),
        ] {
            assert_eq!(parse_reply(text, 17).err().map(|error| error.code()), Some(code), "{text}");
        }
    }

    #[test]
    fn names_are_read_in_order() {
        let names =
            parse_names("port 0 a.out b.in demo.num.v1 auto\nport 1 x y z synchronous more\n");
        assert_eq!(names.len(), 2);
        assert_eq!((names[0].from.as_str(), names[0].type_name.as_str()), ("a.out", "demo.num.v1"));
        assert!(!names[0].is_forced_by_manifest && names[1].is_forced_by_manifest);
        assert_eq!(parse_names("port 1 a b c auto\nport 0 a b\nelse\n"), []);
    }
}
