//! Requests and replies over a pair of Ports: [`Caller`] and [`Server`]. Requests carry a number, and
//! a reply its request's ([`Correlated`]); several may be on their way at once. They do not time out
//! by themselves.

use oro_sysabi::{Condition, WAIT_BINDING};

use crate::wait::{Interest, Sealed as _, load_binding_state};
use crate::{Consumer, Message, Producer, RecvError, SendError, SendErrorKind, TryRecvError};

/// A message with a field for the number that joins a reply to its request.
///
/// ```
/// oro::message! { "demo.ask.v1" pub struct Ask { correlation: u64, key: u64 } }
/// oro::correlated!(Ask);
/// ```
pub trait Correlated: Message {
    /// The number.
    fn correlation(&self) -> u64;
    /// Sets the number.
    fn set_correlation(&mut self, correlation: u64);
}

/// Implements [`Correlated`] for messages with a field `correlation: u64`.
#[macro_export]
macro_rules! correlated {
    ($($message:ty),+ $(,)?) => { $(
        impl $crate::Correlated for $message {
            fn correlation(&self) -> $crate::core::primitive::u64 {
                self.correlation
            }

            fn set_correlation(&mut self, correlation: $crate::core::primitive::u64) {
                self.correlation = correlation;
            }
        }
    )+ };
}

/// A request on its way; give it to [`Caller::finish`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the reply is kept for it until it is finished or cancelled"]
pub struct Ticket {
    correlation: u64,
    epoch: u32,
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// As many requests as the caller has places for are on their way: finish one first.
    TooMany,
    /// The server has ended.
    Closed,
    /// The server was replaced after the request was sent (`END-7`); it may have been served or not.
    Restarted,
    /// What the server says cannot be true.
    PeerMisbehaved,
}

impl core::fmt::Display for CallError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            Self::TooMany => "too many requests are on their way",
            Self::Closed => "the server has ended",
            Self::Restarted => "the server was replaced after the request was sent",
            Self::PeerMisbehaved => "the server's cursor is impossible",
        })
    }
}

impl core::error::Error for CallError {}

impl From<SendErrorKind> for CallError {
    fn from(kind: SendErrorKind) -> Self {
        match kind {
            SendErrorKind::PeerMisbehaved => Self::PeerMisbehaved,
            SendErrorKind::Closed | SendErrorKind::Full => Self::Closed,
        }
    }
}

/// What a place of a [`Caller`] holds.
#[derive(Clone, Copy, Debug)]
enum Place<R> {
    Free,
    /// The request with this number has no reply yet.
    Waiting(u64),
    /// Its reply has come before it was asked for.
    Replied(R),
}

/// The side that asks, with up to `N` requests on their way.
///
/// A request's number is its message number, which no other request of the Port ever has, not even
/// after a restart. So a reply to a request of a predecessor, or one that was cancelled, is told from
/// all others, and dropped.
#[derive(Debug)]
pub struct Caller<Q, R, const N: usize = 8> {
    requests: Producer<Q>,
    replies: Consumer<R>,
    places: [Place<R>; N],
}

impl<Q: Correlated, R: Correlated, const N: usize> Caller<Q, R, N> {
    /// A caller by these two ends, whose peer is one server.
    #[must_use]
    pub fn new(requests: Producer<Q>, replies: Consumer<R>) -> Self {
        Self { requests, replies, places: [Place::Free; N] }
    }

    /// Sends a request and waits for its reply.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub fn call(&mut self, request: Q) -> Result<R, CallError> {
        let ticket = self.begin(request)?;
        self.finish(ticket)
    }

    /// Sends a request; waits for a free slot, not for the reply. Replies to others that come meanwhile
    /// are kept for them, so that a server that waits for room for a reply goes on.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; not `Restarted`.
    pub fn begin(&mut self, mut request: Q) -> Result<Ticket, CallError> {
        let free = self.places.iter().position(|place| matches!(place, Place::Free));
        let place = free.ok_or(CallError::TooMany)?;
        let correlation = self.requests.end.number();
        request.set_correlation(correlation);
        loop {
            // Before it is sent: a server that is replaced meanwhile may not have seen it.
            let epoch = self.replies.epoch();
            match self.requests.try_send(request) {
                Ok(()) => {
                    self.places[place] = Place::Waiting(correlation);
                    return Ok(Ticket { correlation, epoch });
                }
                Err(SendError { message, kind: SendErrorKind::Full }) => request = message,
                Err(error) => return Err(error.kind.into()),
            }
            self.take_replies(None)?;
            let thread = self.replies.end.thread();
            crate::wait(thread, &[&self.requests, &self.replies], None);
        }
    }

    /// Waits for the reply to a request. Replies to others that are on their way are kept for them.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; the request is given up then.
    pub fn finish(&mut self, ticket: Ticket) -> Result<R, CallError> {
        loop {
            let endpoint = self.replies.end.endpoint();
            let (thread, index) = (endpoint.thread(), endpoint.index());
            // Before the look, so that a change after it ends the wait.
            let value = load_binding_state(endpoint);
            if let Some(reply) = self.look(&ticket)? {
                return Ok(reply);
            }
            let Interest::When(message) = self.replies.interest() else { continue };
            let change = Condition { kind: WAIT_BINDING, index, value };
            let mut is_changed =
                || [message, change].iter().any(|condition| crate::wait::holds(thread, condition));
            let spins = crate::managed::Spin::new().limit(thread);
            thread.block(&[message, change], None, spins, &mut is_changed);
        }
    }

    /// The reply to a request, if it has come; else the ticket again.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn try_finish(&mut self, ticket: Ticket) -> Result<Result<R, Ticket>, CallError> {
        Ok(self.look(&ticket)?.ok_or(ticket))
    }

    /// Gives a request up: its reply is dropped when it comes.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.free_place(ticket.correlation);
    }

    /// Takes what replies there are, and looks for this ticket's.
    fn look(&mut self, ticket: &Ticket) -> Result<Option<R>, CallError> {
        let result = self.look_once(ticket);
        if !matches!(result, Ok(None)) {
            self.free_place(ticket.correlation);
        }
        result
    }

    fn look_once(&mut self, ticket: &Ticket) -> Result<Option<R>, CallError> {
        // The epoch before the replies: who sees the restart sees all that came before it.
        let is_stale = self.replies.epoch() != ticket.epoch;
        for place in &self.places {
            if let Place::Replied(reply) = place
                && reply.correlation() == ticket.correlation
            {
                return Ok(Some(*reply));
            }
        }
        match self.take_replies(Some(ticket.correlation))? {
            Some(reply) => Ok(Some(reply)),
            // What came meanwhile is for the next look.
            None if self.replies.available() != Ok(0) => Ok(None),
            None if is_stale => Err(CallError::Restarted),
            None => Ok(None),
        }
    }

    /// Takes the replies that have come, each to the place of its request, up to the wanted one. Those
    /// that come meanwhile are left: who sends them without an end must not hold a caller here.
    fn take_replies(&mut self, wanted: Option<u64>) -> Result<Option<R>, CallError> {
        let most = self.replies.available().map_err(|_| CallError::PeerMisbehaved)?;
        for _ in 0..most.max(1) {
            let reply = match self.replies.try_recv() {
                Ok(reply) => reply,
                Err(TryRecvError::Empty) => return Ok(None),
                Err(TryRecvError::Closed) => return Err(CallError::Closed),
                Err(TryRecvError::PeerMisbehaved) => return Err(CallError::PeerMisbehaved),
            };
            let number = reply.correlation();
            if Some(number) == wanted {
                return Ok(Some(reply));
            }
            let place = self
                .places
                .iter_mut()
                .find(|place| matches!(place, Place::Waiting(waiting) if *waiting == number));
            // Nobody waits for it: it was cancelled, or is a predecessor's.
            if let Some(place) = place {
                *place = Place::Replied(reply);
            }
        }
        Ok(None)
    }

    fn free_place(&mut self, correlation: u64) {
        for place in &mut self.places {
            let number = match place {
                Place::Free => continue,
                Place::Waiting(number) => *number,
                Place::Replied(reply) => reply.correlation(),
            };
            if number == correlation {
                *place = Place::Free;
            }
        }
    }
}

/// The side that answers.
#[derive(Debug)]
pub struct Server<Q, R> {
    requests: Consumer<Q>,
    replies: Producer<R>,
}

impl<Q: Correlated, R: Correlated> Server<Q, R> {
    /// A server by these two ends, whose peer is one caller.
    #[must_use]
    pub fn new(requests: Consumer<Q>, replies: Producer<R>) -> Self {
        Self { requests, replies }
    }

    /// Waits for a request, and sends what `answer` makes of it. The request is released only then: a
    /// server that ends in the middle leaves it to its replacement (`END-7`).
    ///
    /// # Errors
    ///
    /// `Closed` when the caller has ended, `PeerMisbehaved`.
    pub fn serve_one(&mut self, answer: impl FnOnce(Q) -> R) -> Result<(), RecvError> {
        let messages = self.requests.peek()?;
        let Some(slot) = messages.get(0) else { return Ok(()) };
        let request = slot.read();
        let mut reply = answer(request);
        reply.set_correlation(request.correlation());
        self.replies.send(reply).map_err(|error| match error.kind {
            SendErrorKind::PeerMisbehaved => RecvError::PeerMisbehaved,
            SendErrorKind::Closed | SendErrorKind::Full => RecvError::Closed,
        })?;
        messages.release(1);
        Ok(())
    }

    /// Serves requests until the caller has ended.
    ///
    /// # Errors
    ///
    /// `PeerMisbehaved`.
    pub fn serve(&mut self, mut answer: impl FnMut(Q) -> R) -> Result<(), RecvError> {
        loop {
            match self.serve_one(&mut answer) {
                Ok(()) => {}
                Err(RecvError::Closed) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CallError, Caller, Correlated as _, Server};
    use crate::test_memory::{TestPort, TestThread};
    use crate::{Consumer, End, Producer};
    use core::sync::atomic::Ordering::Relaxed;
    use oro_sysabi::STATE_CLOSED;

    crate::message! { "demo.ask.v1" struct Ask { correlation: u64, key: u64 } }
    crate::message! { "demo.tell.v1" struct Tell { correlation: u64, value: u64 } }
    crate::correlated!(Ask, Tell);

    fn ask(key: u64) -> Ask {
        Ask { correlation: 0, key }
    }

    /// A caller at bindings 0 and 1, and both Ports.
    fn open_caller(memory: &TestThread, slot_count: u32) -> (Caller<Ask, Tell, 2>, [TestPort; 2]) {
        let ports = [(); 2].map(|()| TestPort::new(16, slot_count));
        ports[0].produced.store(40, Relaxed);
        ports[0].consumed.store(40, Relaxed);
        ports[0].bind(memory, 0, false, slot_count);
        ports[1].bind(memory, 1, true, slot_count);
        // SAFETY: the bindings are as the types say, each opened once.
        let requests = unsafe { Producer::open(memory.thread(), 0) };
        // SAFETY: as above.
        let replies = unsafe { Consumer::open(memory.thread(), 1) };
        (Caller::new(requests, replies), ports)
    }

    /// A server of the same Ports, at bindings 2 and 3.
    fn open_server(
        memory: &TestThread,
        ports: &[TestPort; 2],
        slot_count: u32,
    ) -> Server<Ask, Tell> {
        ports[0].bind(memory, 2, true, slot_count);
        ports[1].bind(memory, 3, false, slot_count);
        // SAFETY: the bindings are as the types say, each opened once.
        let requests = unsafe { Consumer::open(memory.thread(), 2) };
        // SAFETY: as above.
        let replies = unsafe { Producer::open(memory.thread(), 3) };
        Server::new(requests, replies)
    }

    #[test]
    fn replies_find_their_requests_in_any_order() {
        let memory = TestThread::new(4);
        let (mut caller, ports) = open_caller(&memory, 8);
        let mut server = open_server(&memory, &ports, 8);
        let first = caller.begin(ask(1)).unwrap();
        let second = caller.begin(ask(2)).unwrap();
        assert_eq!(caller.begin(ask(3)), Err(CallError::TooMany));
        let first = caller.try_finish(first).unwrap().unwrap_err();
        for _ in 0..2 {
            let answer = |ask: Ask| Tell { correlation: 0, value: 10 * ask.key };
            server.serve_one(answer).unwrap();
        }
        let reply = caller.finish(second).unwrap();
        assert_eq!((reply.value, reply.correlation()), (20, 41));
        assert_eq!(caller.finish(first).unwrap().value, 10);
        let cancelled = caller.begin(ask(4)).unwrap();
        caller.cancel(cancelled);
        let fifth = caller.begin(ask(5)).unwrap();
        for _ in 0..2 {
            server.serve_one(|ask| Tell { correlation: 0, value: ask.key }).unwrap();
        }
        assert_eq!(caller.finish(fifth).unwrap().value, 5);
    }

    #[test]
    fn a_server_that_waits_for_room_for_its_reply_is_not_waited_for() {
        let memory = TestThread::new(4);
        let (mut caller, ports) = open_caller(&memory, 1);
        let (asked, told) = (&ports[0].consumed, &ports[1].consumed);
        let mut server = open_server(&memory, &ports, 1);
        let first = caller.begin(ask(7)).unwrap();
        server.serve_one(|ask| Tell { correlation: 0, value: ask.key }).unwrap();
        let second = caller.begin(ask(8)).unwrap();
        caller.cancel(second);
        std::thread::scope(|scope| {
            // Both queues are full; the server takes a request only once its reply has been taken.
            scope.spawn(|| {
                while told.load(Relaxed) == 0 {
                    std::thread::yield_now();
                }
                asked.store(42, Relaxed);
            });
            let _third = caller.begin(ask(9)).unwrap();
        });
        assert_eq!(caller.finish(first).unwrap().value, 7);
    }

    #[test]
    fn end_7_a_restart_ends_calls_and_its_predecessors_replies_are_dropped() {
        // END-7
        let memory = TestThread::new(4);
        let (mut caller, ports) = open_caller(&memory, 8);
        let ticket = caller.begin(ask(1)).unwrap();
        memory.set(1, |binding| binding.epoch = 1);
        assert_eq!(caller.finish(ticket), Err(CallError::Restarted));
        let ticket = caller.begin(ask(2)).unwrap();
        let mut server = open_server(&memory, &ports, 8);
        memory.set(2, |binding| binding.first = 40);
        for _ in 0..2 {
            server.serve_one(|ask| Tell { correlation: 0, value: ask.key }).unwrap();
        }
        assert_eq!(caller.finish(ticket).unwrap().value, 2);
        // A reply that came before the restart counts.
        let ticket = caller.begin(ask(3)).unwrap();
        server.serve_one(|ask| Tell { correlation: 0, value: ask.key }).unwrap();
        memory.set(1, |binding| binding.epoch = 2);
        assert_eq!(caller.finish(ticket).unwrap().value, 3);
    }

    #[test]
    fn end_6_both_hear_of_the_others_end() {
        // END-6
        let memory = TestThread::new(4);
        let (mut caller, ports) = open_caller(&memory, 8);
        let mut server = open_server(&memory, &ports, 8);
        let ticket = caller.begin(ask(1)).unwrap();
        memory.set(2, |binding| binding.state = STATE_CLOSED);
        server.serve(|ask| Tell { correlation: 0, value: ask.key }).unwrap();
        memory.set(1, |binding| binding.state = STATE_CLOSED);
        assert_eq!(caller.finish(ticket).unwrap().value, 1);
        let ticket = caller.begin(ask(2)).unwrap();
        assert_eq!(caller.finish(ticket), Err(CallError::Closed));
        memory.set(0, |binding| binding.state = STATE_CLOSED);
        assert_eq!(caller.call(ask(3)), Err(CallError::Closed));
    }
}
