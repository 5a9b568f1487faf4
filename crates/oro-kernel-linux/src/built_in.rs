//! The kernel's own instances: console, files, null, clock, and parameters (`BUILTIN-*`).
//!
//! Key type: [`BuiltInEnd`], one end of a Port that the supervisor serves by its own hand. Its
//! [`work`](BuiltInEnd::work) does one thing that can be done without blocking and says what to tell
//! the core. Streams are read and written directly in the queue's memory. Nothing here trusts what a
//! module has put into a message: lengths are validated on a copy.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use oro_kernel::{EndpointId, Event, Kernel, PeerState};
use oro_sysabi as abi;
use oro_system::BuiltIn;

use crate::stream::{Stream, Way};
use crate::text::escape;
use crate::world::PortMemory;
use crate::{Options, StartError};

/// Bytes of `oro.bytes.v1` before the data.
const HEAD: u64 = size_of::<abi::BytesHead>() as u64;

/// An end that the kernel serves.
#[derive(Debug)]
pub(crate) struct BuiltInEnd {
    pub(crate) end: EndpointId,
    /// The instance at the other end, which causes its work.
    pub(crate) instance: usize,
    kind: Kind,
    is_closed: bool,
    /// It has found its descriptor not ready; epoll is to say when it is.
    pub(crate) wants_readiness: bool,
}

#[derive(Debug)]
enum Kind {
    Source {
        stream: Stream,
        has_ended: bool,
    },
    Sink {
        stream: Stream,
        message: Option<Unwritten>,
        has_ended: bool,
    },
    Log {
        stream: Stream,
        instance: String,
        line: Vec<u8>,
        written_bytes: usize,
    },
    NullSink,
    /// Of Ring control; served in `ring_control.rs`.
    Requests,
    Replies,
    Clock {
        start: Instant,
    },
    /// `stays`: whoever reads them may be restarted, and is then sent all of them anew.
    Messages {
        messages: Vec<abi::Param>,
        next: usize,
        stays: bool,
    },
}

/// The head of a message of bytes that is being written, read once (`KRN-2`): its producer may change
/// what is in the queue meanwhile.
#[derive(Clone, Copy, Debug)]
struct Unwritten {
    length: u64,
    is_last: bool,
    written_bytes: u64,
}

/// What [`BuiltInEnd::work`] has done.
#[derive(Debug)]
pub(crate) enum Work {
    /// Tell the core, then call again.
    Event(Event),
    /// The same, and this failed.
    Failure(Event, String),
    /// There is a request to Ring control.
    Request,
    /// Nothing can be done for want of a message, or of room.
    Starved,
    /// Nothing can be done now, or ever, whatever the peer does.
    Idle,
}

impl BuiltInEnd {
    /// Opens what a planned end names. `instance` is the one at the other end, with its name, which
    /// `may_restart`; the system's time counts from `start`.
    pub(crate) fn open(
        end: EndpointId,
        built_in: &BuiltIn,
        (instance, name): (usize, &str),
        may_restart: bool,
        options: &Options,
        start: Instant,
    ) -> Result<Self, StartError> {
        let standard = |fd, way, name| {
            Stream::standard(fd, way, name)
                .map_err(|error| StartError::system("opening a standard stream", error))
        };
        let source = |stream| Kind::Source { stream, has_ended: false };
        let sink = |stream| Kind::Sink { stream, message: None, has_ended: false };
        let kind = match built_in {
            BuiltIn::Stdin => source(standard(rustix::stdio::stdin(), Way::Read, "console.stdin")?),
            BuiltIn::Stdout => {
                sink(standard(rustix::stdio::stdout(), Way::Write, "console.stdout")?)
            }
            BuiltIn::FileRead(name) => source(open_file(name, options, Way::Read)?),
            BuiltIn::FileWrite(name) => sink(open_file(name, options, Way::Write)?),
            BuiltIn::NullSource => source(Stream::empty("null.bytes")),
            BuiltIn::Log => Kind::Log {
                stream: standard(rustix::stdio::stderr(), Way::Write, "console.log")?,
                instance: name.to_owned(),
                line: Vec::new(),
                written_bytes: 0,
            },
            BuiltIn::NullSink => Kind::NullSink,
            BuiltIn::Clock => Kind::Clock { start },
            BuiltIn::RingRequests => Kind::Requests,
            BuiltIn::RingReplies => Kind::Replies,
            BuiltIn::Params(params) => {
                Kind::Messages { messages: encode(params), next: 0, stays: may_restart }
            }
        };
        Ok(Self { end, instance, kind, is_closed: false, wants_readiness: false })
    }

    /// The descriptor that epoll is to watch, if it can.
    pub(crate) fn pollable(&self) -> Option<BorrowedFd<'_>> {
        self.stream()?.pollable()
    }

    fn stream(&self) -> Option<&Stream> {
        match &self.kind {
            Kind::Source { stream, .. } | Kind::Sink { stream, .. } | Kind::Log { stream, .. } => {
                Some(stream)
            }
            Kind::NullSink
            | Kind::Requests
            | Kind::Replies
            | Kind::Clock { .. }
            | Kind::Messages { .. } => None,
        }
    }

    /// What it does when the system starts, and not before: a file that is written is emptied.
    pub(crate) fn start(&self, plan: &BuiltIn) -> io::Result<()> {
        match (plan, self.stream()) {
            (BuiltIn::FileWrite(_), Some(stream)) => stream.truncate(),
            _ => Ok(()),
        }
    }

    /// Whoever is at the other end has been restarted: parameters are sent anew (`TYPE-11`). Whether
    /// there is anything to do.
    pub(crate) fn begin_anew(&mut self) -> bool {
        let Kind::Messages { next, .. } = &mut self.kind else { return false };
        *next = 0;
        true
    }

    /// Stops waiting for somebody who does not read. What is lost, if anything is.
    pub(crate) fn give_up(&mut self, kernel: &Kernel) -> Option<String> {
        let name = self.stream().map_or("null.bytes", |stream| stream.name.as_str());
        let count = kernel.available(self.end);
        let lost = (self.is_open_sink() && count > 0).then(|| {
            format!("{name}: {count} messages were not written: nobody took them in time")
        });
        self.close();
        lost
    }

    /// It does nothing any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    fn close(&mut self) {
        self.is_closed = true;
        match &mut self.kind {
            Kind::Source { stream, .. } | Kind::Sink { stream, .. } | Kind::Log { stream, .. } => {
                stream.close();
            }
            Kind::NullSink
            | Kind::Requests
            | Kind::Replies
            | Kind::Clock { .. }
            | Kind::Messages { .. } => {}
        }
    }

    /// It takes requests to Ring control.
    pub(crate) fn is_requests(&self) -> bool {
        matches!(self.kind, Kind::Requests)
    }

    /// It answers them.
    pub(crate) fn is_replies(&self) -> bool {
        matches!(self.kind, Kind::Replies)
    }

    /// It consumes messages and has not closed.
    pub(crate) fn is_open_sink(&self) -> bool {
        let is_sink = match self.kind {
            Kind::Sink { .. } | Kind::Log { .. } | Kind::NullSink => true,
            Kind::Source { .. }
            | Kind::Requests
            | Kind::Replies
            | Kind::Clock { .. }
            | Kind::Messages { .. } => false,
        };
        is_sink && !self.is_closed
    }

    /// Does one thing, if one can be done without blocking.
    pub(crate) fn work(&mut self, port: &PortMemory, kernel: &Kernel) -> Work {
        if self.is_closed {
            return Work::Idle;
        }
        let available = kernel.available(self.end);
        let peer_has_ended = kernel.peer_state(self.end).0 != PeerState::Wired;
        let number = kernel.cursor(self.end);
        let end = self.end;
        let outcome = match &mut self.kind {
            Kind::Source { .. } | Kind::Clock { .. } | Kind::Messages { .. } | Kind::Replies
                if peer_has_ended =>
            {
                Outcome::Close
            }
            Kind::Sink { has_ended: true, .. } => Outcome::Close,
            _ if available == 0 && peer_has_ended => Outcome::Close,
            Kind::Source { has_ended: true, .. } => Outcome::Close,
            Kind::Messages { messages, next, stays } if *next == messages.len() => {
                if *stays {
                    Outcome::Nothing
                } else {
                    Outcome::Close
                }
            }
            _ if available == 0 => Outcome::Nothing,
            Kind::Requests => return Work::Request,
            Kind::Replies => Outcome::Nothing,
            Kind::Source { stream, has_ended } => read_message(stream, port, number, has_ended),
            Kind::Sink { stream, message, has_ended } => {
                write_message(stream, port, number, message, has_ended)
            }
            Kind::Log { stream, instance, line, written_bytes } => {
                write_log(stream, instance, line, written_bytes, port, number)
            }
            Kind::NullSink => Outcome::Done(u32::try_from(available).unwrap_or(u32::MAX)),
            Kind::Clock { start } if kernel.is_waiting(end.peer()) => {
                write_time(*start, port, number);
                Outcome::Done(1)
            }
            Kind::Clock { .. } => Outcome::Nothing,
            Kind::Messages { messages, next, .. } => {
                write_param(&messages[*next], port, number);
                *next += 1;
                Outcome::Done(1)
            }
        };
        self.finish(outcome)
    }

    fn finish(&mut self, outcome: Outcome) -> Work {
        let end = self.end;
        self.wants_readiness = matches!(outcome, Outcome::NotReady);
        match outcome {
            Outcome::Done(count) if self.is_open_sink() => {
                Work::Event(Event::KernelReleased { end, count })
            }
            Outcome::Done(count) => Work::Event(Event::KernelCommitted { end, count }),
            Outcome::Nothing => Work::Starved,
            Outcome::NotReady => Work::Idle,
            Outcome::Close => {
                self.close();
                Work::Event(Event::KernelClosed { end, has_failed: false })
            }
            Outcome::Fail(why) => {
                self.close();
                Work::Failure(Event::KernelClosed { end, has_failed: true }, why)
            }
        }
    }
}

/// What one piece of work came to.
enum Outcome {
    /// So many messages were committed or released.
    Done(u32),
    Nothing,
    /// The descriptor would block.
    NotReady,
    Close,
    Fail(String),
}

fn open_file(name: &str, options: &Options, way: Way) -> Result<Stream, StartError> {
    let Some(path) = options.files.get(name) else {
        let error = io::Error::new(io::ErrorKind::NotFound, "no --file names it");
        return Err(StartError::file(name, format!("`{name}`"), error));
    };
    Stream::open(path, way, &format!("files.{name}"))
        .map_err(|error| StartError::file(name, path.display().to_string(), error))
}

/// Reads once into the next slot (`BUILTIN-2`).
fn read_message(stream: &Stream, port: &PortMemory, number: u64, has_ended: &mut bool) -> Outcome {
    let slot = port.slot_offset(number);
    let room = port.slot_size_bytes - HEAD;
    let target = port.queue.pointer(slot + HEAD, room);
    // SAFETY: `target` is good for `room` bytes, and no reference to them exists.
    let result = unsafe { stream.read(target, usize::try_from(room).unwrap_or(0)) };
    let count = match result {
        Ok(count) => count as u64,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Outcome::NotReady,
        Err(error) => return Outcome::Fail(format!("{}: cannot read: {error}", stream.name)),
    };
    // What the slot held before must not follow the data.
    port.queue.clear(slot + HEAD + count, room - count);
    *has_ended = count == 0;
    write_head(port, slot, count, if *has_ended { abi::BYTES_END } else { 0 });
    Outcome::Done(1)
}

fn write_head(port: &PortMemory, slot: u64, length: u64, flags: u32) {
    // A slot has at most 16 MiB.
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let mut head = [0; 8];
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..].copy_from_slice(&flags.to_le_bytes());
    port.queue.write(slot, &head);
}

/// Writes the rest of the present message, or a part of it (`BUILTIN-2`, `BUILTIN-6`).
fn write_message(
    stream: &Stream,
    port: &PortMemory,
    number: u64,
    message: &mut Option<Unwritten>,
    has_ended: &mut bool,
) -> Outcome {
    let slot = port.slot_offset(number);
    let unwritten = match message {
        Some(unwritten) => unwritten,
        None => match read_head(stream, port, number) {
            Ok(head) => message.insert(head),
            Err(why) => return Outcome::Fail(why),
        },
    };
    while unwritten.written_bytes < unwritten.length {
        let rest = unwritten.length - unwritten.written_bytes;
        let source = port.queue.pointer(slot + HEAD + unwritten.written_bytes, rest);
        // SAFETY: `source` is good for `rest` bytes.
        let result = unsafe { stream.write(source, usize::try_from(rest).unwrap_or(0)) };
        match result {
            Ok(count) => unwritten.written_bytes += count as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Outcome::NotReady,
            Err(error) => return Outcome::Fail(format!("{}: cannot write: {error}", stream.name)),
        }
    }
    *has_ended = unwritten.is_last;
    *message = None;
    Outcome::Done(1)
}

/// The head of message `number`, or what is wrong with it.
fn read_head(stream: &Stream, port: &PortMemory, number: u64) -> Result<Unwritten, String> {
    let mut head = [0; 8];
    let slot = port.slot_offset(number);
    port.queue.read(slot, &mut head);
    let [a, b, c, d, flags, ..] = head;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    let room = port.slot_size_bytes - HEAD;
    if length > room {
        return Err(format!(
            "{}: message {number} says that it has {length} bytes of data; its slot has room for \
             {room} (TYPE-10)",
            stream.name
        ));
    }
    Ok(Unwritten { length, is_last: u32::from(flags) & abi::BYTES_END != 0, written_bytes: 0 })
}

/// One line on standard error (`BUILTIN-2`), or the rest of it. Control characters are escaped: a
/// module must not be able to write to the terminal what it likes.
fn write_log(
    stream: &Stream,
    instance: &str,
    line: &mut Vec<u8>,
    written_bytes: &mut usize,
    port: &PortMemory,
    number: u64,
) -> Outcome {
    if line.is_empty() {
        match format_log(instance, port, number) {
            Ok(text) => *line = text.into_bytes(),
            Err(why) => return Outcome::Fail(why),
        }
    }
    while *written_bytes < line.len() {
        let rest = &line[*written_bytes..];
        // SAFETY: `rest` is a slice.
        match unsafe { stream.write(rest.as_ptr(), rest.len()) } {
            Ok(count) => *written_bytes += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Outcome::NotReady,
            Err(error) => return Outcome::Fail(format!("console.log: cannot write: {error}")),
        }
    }
    line.clear();
    *written_bytes = 0;
    Outcome::Done(1)
}

/// The line of a log message; `Err` says what is wrong with the message.
fn format_log(instance: &str, port: &PortMemory, number: u64) -> Result<String, String> {
    let mut message = [0; size_of::<abi::Log>()];
    port.queue.read(port.slot_offset(number), &mut message);
    let word = |at: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&message[at..at + 4]);
        u32::from_le_bytes(bytes)
    };
    let text = &message[8..];
    let Some(text) = usize::try_from(word(0)).ok().and_then(|length| text.get(..length)) else {
        return Err(format!(
            "console.log: `{instance}` says that a line has {} bytes; at most {} fit (TYPE-12)",
            word(0),
            text.len()
        ));
    };
    let level = match word(4) {
        abi::LOG_ERROR => "error: ",
        abi::LOG_WARN => "warning: ",
        abi::LOG_DEBUG => "debug: ",
        _ => "",
    };
    Ok(format!("[{instance}] {level}{}\n", escape(text)))
}

fn write_time(start: Instant, port: &PortMemory, number: u64) {
    let nanoseconds = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let realtime = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanoseconds);
    let slot = port.slot_offset(number);
    port.queue.write(slot, &nanoseconds(start.elapsed()).to_le_bytes());
    port.queue.write(slot + 8, &realtime.to_le_bytes());
}

/// The messages of `oro.params.v1` (`TYPE-11`).
fn encode(params: &[(String, String)]) -> Vec<abi::Param> {
    let mut messages: Vec<abi::Param> = params
        .iter()
        .map(|(key, value)| {
            let mut text = [0; 248];
            let both = key.bytes().chain(value.bytes());
            text.iter_mut().zip(both).for_each(|(target, byte)| *target = byte);
            // The manifest's checks hold key and value to 248 bytes together (SYS-6).
            let length = |part: &String| u16::try_from(part.len()).unwrap_or(0);
            abi::Param { key_length: length(key), value_length: length(value), flags: 0, text }
        })
        .collect();
    messages.push(abi::Param {
        key_length: 0,
        value_length: 0,
        flags: abi::PARAMS_END,
        text: [0; 248],
    });
    messages
}

fn write_param(param: &abi::Param, port: &PortMemory, number: u64) {
    let slot = port.slot_offset(number);
    let mut head = [0; 8];
    head[..2].copy_from_slice(&param.key_length.to_le_bytes());
    head[2..4].copy_from_slice(&param.value_length.to_le_bytes());
    head[4..].copy_from_slice(&param.flags.to_le_bytes());
    port.queue.write(slot, &head);
    port.queue.write(slot + 8, &param.text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_11_params_end_with_an_empty_key() {
        // TYPE-11
        let messages = encode(&[("key".to_owned(), "value".to_owned())]);
        assert_eq!(messages.len(), 2);
        assert_eq!(
            (messages[0].key_length, messages[0].value_length, messages[0].flags),
            (3, 5, 0)
        );
        assert_eq!(&messages[0].text[..9], b"keyvalue\0");
        assert_eq!((messages[1].key_length, messages[1].flags), (0, abi::PARAMS_END));
    }
}
