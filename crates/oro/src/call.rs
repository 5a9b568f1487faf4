//! Requests and replies over a pair of Ports: [`Caller`] and [`Server`]. Requests carry a number, and
//! a reply its request's ([`Correlated`]); several may be on their way at once. They do not time out
//! by themselves.

use oro_sysabi::{Condition, STATE_WIRED, WAIT_BINDING};

use crate::managed::{Look, Spin};
use crate::wait::{Interest, Sealed, Source, holds, load_binding_state};
use crate::{
    Consumer, Instant, Message, Producer, RecvError, SendError, SendErrorKind, Thread, TryRecvError,
};

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
    /// The deadline has passed; only of [`Caller::call_until`]. The request may have been served or not,
    /// or not even sent.
    TimedOut,
    /// What the server says cannot be true.
    PeerMisbehaved,
}

impl core::fmt::Display for CallError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            Self::TooMany => "too many requests are on their way",
            Self::Closed => "the server has ended",
            Self::Restarted => "the server was replaced after the request was sent",
            Self::TimedOut => "there was no reply in time",
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
    /// The request with this number, sent to the server of this epoch, has no reply yet.
    Waiting {
        correlation: u64,
        epoch: u32,
    },
    /// Its reply has come before it was asked for.
    Replied(R),
}

impl<R: Correlated> Place<R> {
    /// The number of the request whose place it is.
    fn correlation(&self) -> Option<u64> {
        match self {
            Self::Free => None,
            Self::Waiting { correlation, .. } => Some(*correlation),
            Self::Replied(reply) => Some(reply.correlation()),
        }
    }
}

/// The side that asks, with up to `N` requests on their way.
///
/// A request's number is its message number, which no other request of the Port ever has, not even
/// after a restart. So a reply to a request of a predecessor, or one that was cancelled, is told from
/// all others, and dropped.
///
/// As a [`Source`] it is ready when the reply to a request that is on its way has come, or its peer has
/// ended or was replaced; [`try_finish`](Self::try_finish) then says which. A reply that came for a
/// ticket stays ready until that ticket is finished or cancelled.
///
/// ```no_run
/// # use core::time::Duration;
/// # oro::message! { "demo.ask.v1" pub struct Ask { correlation: u64, key: u64 } }
/// # oro::message! { "demo.tell.v1" pub struct Tell { correlation: u64, value: u64 } }
/// # oro::correlated!(Ask, Tell);
/// # fn run(thread: oro::Thread, asks: oro::Producer<Ask>, tells: oro::Consumer<Tell>,
/// #     mut input: oro::ByteReader) -> Result<(), oro::Error> {
/// let mut caller: oro::Caller<Ask, Tell> = oro::Caller::new(asks, tells);
/// let mut ticket = caller.begin(Ask { correlation: 0, key: 7 })?;
/// // Whatever comes first; no longer than a second from now.
/// let deadline = thread.now() + Duration::from_secs(1);
/// let ready = oro::wait(thread, &[&caller, &input], Some(deadline));
/// if ready.contains(0) {
///     match caller.try_finish(ticket)? {
///         Ok(tell) => { /* ... */ }
///         Err(again) => ticket = again, // Not yet, after all.
///     }
/// }
/// # Ok(())
/// # }
/// ```
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
    /// See [`CallError`]; not `TimedOut`.
    pub fn call(&mut self, request: Q) -> Result<R, CallError> {
        let ticket = self.begin(request)?;
        self.finish(ticket)
    }

    /// Sends a request and waits for its reply, until the deadline: a moment of
    /// [`Thread::now`](crate::Thread::now)'s time. A reply that comes after it is dropped.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub fn call_until(&mut self, request: Q, deadline: Instant) -> Result<R, CallError> {
        let ticket = self.begin_by(request, Some(deadline))?;
        self.finish_until(ticket, deadline)?.map_err(|ticket| {
            self.cancel(ticket);
            CallError::TimedOut
        })
    }

    /// Sends a request; waits for a free slot, not for the reply. Replies to others that come meanwhile
    /// are kept for them, so that a server that waits for room for a reply goes on.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; not `Restarted` or `TimedOut`.
    pub fn begin(&mut self, request: Q) -> Result<Ticket, CallError> {
        self.begin_by(request, None)
    }

    fn begin_by(&mut self, mut request: Q, deadline: Option<Instant>) -> Result<Ticket, CallError> {
        loop {
            match self.try_begin(request)? {
                Ok(ticket) => return Ok(ticket),
                Err(unsent) => request = unsent,
            }
            if crate::wait(self.thread(), &[&self.requests, &self.replies], deadline).is_empty() {
                return Err(CallError::TimedOut);
            }
        }
    }

    /// Sends a request if there is room for it. Else gives it back, and takes the replies that have come:
    /// the server may be waiting for room for one.
    pub(crate) fn try_begin(&mut self, mut request: Q) -> Result<Result<Ticket, Q>, CallError> {
        let free = self.places.iter().position(|place| matches!(place, Place::Free));
        let place = free.ok_or(CallError::TooMany)?;
        let correlation = self.requests.end.number();
        request.set_correlation(correlation);
        // Before it is sent: a server that is replaced meanwhile may not have seen it.
        let epoch = self.replies.epoch();
        match self.requests.try_send(request) {
            Ok(()) => {
                self.places[place] = Place::Waiting { correlation, epoch };
                Ok(Ok(Ticket { correlation }))
            }
            Err(SendError { message, kind: SendErrorKind::Full }) => {
                self.take_replies(None)?;
                Ok(Err(message))
            }
            Err(error) => Err(error.kind.into()),
        }
    }

    /// Waits for the reply to a request. Replies to others that are on their way are kept for them.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; not `TimedOut`. The request is given up then.
    pub fn finish(&mut self, mut ticket: Ticket) -> Result<R, CallError> {
        loop {
            match self.finish_by(ticket, None)? {
                Ok(reply) => return Ok(reply),
                Err(again) => ticket = again,
            }
        }
    }

    /// Likewise, until the deadline, a moment of [`Thread::now`](crate::Thread::now)'s time; then gives
    /// the ticket again, and the request stays on its way.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn finish_until(
        &mut self,
        ticket: Ticket,
        deadline: Instant,
    ) -> Result<Result<R, Ticket>, CallError> {
        self.finish_by(ticket, Some(deadline))
    }

    fn finish_by(
        &mut self,
        ticket: Ticket,
        deadline: Option<Instant>,
    ) -> Result<Result<R, Ticket>, CallError> {
        let thread = self.thread();
        loop {
            let interest = match self.poll(&ticket) {
                Ok(reply) => return Ok(Ok(reply?)),
                Err(interest) => interest,
            };
            let conditions = interest.conditions();
            let mut is_changed = || conditions.iter().any(|condition| holds(thread, condition));
            let spins = Spin::new().limit(thread);
            if !thread.block(conditions, deadline, spins, &mut is_changed) {
                return Ok(Err(ticket));
            }
        }
    }

    /// The reply to a request, if it has come; else the ticket again. Never blocks.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn try_finish(&mut self, ticket: Ticket) -> Result<Result<R, Ticket>, CallError> {
        Ok(self.look(&ticket)?.ok_or(ticket))
    }

    /// Gives a request up: its reply is dropped when it comes.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.free_place(&ticket);
    }

    /// How this request has ended; else what may end it.
    pub(crate) fn poll(&mut self, ticket: &Ticket) -> Result<Result<R, CallError>, Interest> {
        // Before the look, so that a change after it ends the wait.
        let change = self.change();
        match self.look(ticket).transpose() {
            Some(result) => Ok(result),
            None => Err(self.reply_or(change)),
        }
    }

    /// Takes what replies there are, and looks for this ticket's.
    fn look(&mut self, ticket: &Ticket) -> Result<Option<R>, CallError> {
        let result = self.look_once(ticket);
        if !matches!(result, Ok(None)) {
            self.free_place(ticket);
        }
        result
    }

    fn look_once(&mut self, ticket: &Ticket) -> Result<Option<R>, CallError> {
        // The epoch before the replies: who sees the restart sees all that came before it.
        let epoch = self.replies.epoch();
        let taken = self.take_replies(Some(ticket.correlation));
        // What has come meanwhile is for the next look.
        let is_all = self.replies.available() == Ok(0);
        let is_meant = |place: &&Place<R>| place.correlation() == Some(ticket.correlation);
        match (self.places.iter().find(is_meant), taken) {
            (Some(Place::Replied(reply)), _) => Ok(Some(*reply)),
            (Some(Place::Waiting { epoch: sent, .. }), Ok(())) if *sent != epoch && is_all => {
                Err(CallError::Restarted)
            }
            (_, taken) => taken.map(|()| None),
        }
    }

    /// Takes the replies that have come, each to the place of its request, up to the wanted one. Those
    /// that come meanwhile are left: who sends them without an end must not hold a caller here.
    fn take_replies(&mut self, wanted: Option<u64>) -> Result<(), CallError> {
        let most = self.replies.available().map_err(|_| CallError::PeerMisbehaved)?;
        for _ in 0..most.max(1) {
            let reply = match self.replies.try_recv() {
                Ok(reply) => reply,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Closed) => return Err(CallError::Closed),
                Err(TryRecvError::PeerMisbehaved) => return Err(CallError::PeerMisbehaved),
            };
            let number = reply.correlation();
            let is_meant = |place: &&mut Place<R>| matches!(place, Place::Waiting { correlation, .. } if *correlation == number);
            // Nobody waits for it: it was cancelled, or is a predecessor's.
            if let Some(place) = self.places.iter_mut().find(is_meant) {
                *place = Place::Replied(reply);
            }
            if Some(number) == wanted {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn free_place(&mut self, ticket: &Ticket) {
        for place in &mut self.places {
            if place.correlation() == Some(ticket.correlation) {
                *place = Place::Free;
            }
        }
    }

    pub(crate) fn thread(&self) -> Thread {
        self.replies.end.thread()
    }

    /// That the server has ended or was replaced, after now.
    fn change(&self) -> Condition {
        let endpoint = self.replies.end.endpoint();
        let value = load_binding_state(endpoint);
        Condition { kind: WAIT_BINDING, index: endpoint.index(), value }
    }

    /// That there is a reply, or this.
    fn reply_or(&self, change: Condition) -> Interest {
        match self.replies.interest() {
            Interest::When(message) => Interest::Either([message, change]),
            interest => interest,
        }
    }

    /// What a request that finds no room waits for.
    pub(crate) fn room_interests(&self) -> [Interest; 2] {
        [self.requests.interest(), self.replies.interest()]
    }
}

impl<Q: Correlated, R: Correlated, const N: usize> Source for Caller<Q, R, N> {}
impl<Q: Correlated, R: Correlated, const N: usize> Sealed for Caller<Q, R, N> {
    fn interest(&self) -> Interest {
        let change = self.change();
        let (state, epoch) = (change.value & u64::from(u32::MAX), change.value >> 32);
        let mut is_idle = true;
        for place in &self.places {
            match place {
                Place::Free => {}
                Place::Waiting { epoch: sent, .. } if u64::from(*sent) == epoch => is_idle = false,
                Place::Waiting { .. } | Place::Replied(_) => return Interest::Now,
            }
        }
        // Nobody takes what comes then: a reply to a request that was cancelled.
        match is_idle {
            true if state == u64::from(STATE_WIRED) => Interest::When(change),
            true => Interest::Now,
            false => self.reply_or(change),
        }
    }
}

/// The side that answers.
///
/// As a [`Source`] it is ready when a request has come or the caller has ended:
/// [`try_serve_one`](Self::try_serve_one) then does what there is to do.
///
/// ```no_run
/// # oro::message! { "demo.ask.v1" pub struct Ask { correlation: u64, key: u64 } }
/// # oro::message! { "demo.tell.v1" pub struct Tell { correlation: u64, value: u64 } }
/// # oro::correlated!(Ask, Tell);
/// # fn run(thread: oro::Thread, ports: [(oro::Consumer<Ask>, oro::Producer<Tell>); 2]) -> Result<(), oro::Error> {
/// let mut servers = ports.map(|(asks, tells)| Some(oro::Server::new(asks, tells)));
/// while servers.iter().any(Option::is_some) {
///     oro::wait(thread, &[&servers[0], &servers[1]], None);
///     for place in &mut servers {
///         let Some(server) = place else { continue };
///         match server.try_serve_one(|ask| Tell { correlation: 0, value: 2 * ask.key }) {
///             Ok(_) => {}
///             Err(oro::RecvError::Closed) => *place = None,
///             Err(error) => return Err(error.into()),
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server<Q, R> {
    pub(crate) requests: Consumer<Q>,
    pub(crate) replies: Producer<R>,
}

impl<Q: Correlated, R: Correlated> Server<Q, R> {
    /// A server by these two ends, whose peer is one caller.
    #[must_use]
    pub fn new(requests: Consumer<Q>, replies: Producer<R>) -> Self {
        Self { requests, replies }
    }

    /// Waits for a request, and sends what `answer` makes of it. The request is released only then: a
    /// server that ends in the middle leaves it to its replacement (`END-7`), also one that it has crashed
    /// on, unless the wire says `on_restart = "drop"` (`END-12`).
    ///
    /// # Errors
    ///
    /// `Closed` when the caller has ended, `PeerMisbehaved`.
    pub fn serve_one(&mut self, answer: impl FnOnce(Q) -> R) -> Result<(), RecvError> {
        self.requests.end.wait_for_message()?;
        let reply = self.make_reply(answer);
        self.replies.send(reply).map_err(|error| as_recv_error(error.kind))?;
        self.requests.end.hand_over(1);
        Ok(())
    }

    /// Likewise if a request has come; whether one had. Never waits for a request, but the reply may have
    /// to wait for room, until the caller takes an older one or ends.
    ///
    /// # Errors
    ///
    /// As [`serve_one`](Self::serve_one).
    pub fn try_serve_one(&mut self, answer: impl FnOnce(Q) -> R) -> Result<bool, RecvError> {
        match self.requests.end.look()? {
            Look::Ready => self.serve_one(answer).map(|()| true),
            Look::NotYet => Ok(false),
            Look::Closed => Err(RecvError::Closed),
        }
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

    /// The reply to the request that is there and stays.
    pub(crate) fn make_reply(&self, answer: impl FnOnce(Q) -> R) -> R {
        let request = self.requests.copy();
        let mut reply = answer(request);
        reply.set_correlation(request.correlation());
        reply
    }
}

impl<Q: Correlated, R: Correlated> Source for Server<Q, R> {}
impl<Q: Correlated, R: Correlated> Sealed for Server<Q, R> {
    fn interest(&self) -> Interest {
        self.requests.interest()
    }
}

/// Why a reply was not sent, as a server tells it.
pub(crate) fn as_recv_error(kind: SendErrorKind) -> RecvError {
    match kind {
        SendErrorKind::PeerMisbehaved => RecvError::PeerMisbehaved,
        SendErrorKind::Closed | SendErrorKind::Full => RecvError::Closed,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{CallError, Caller, Correlated as _, Server};
    use crate::test_memory::{TestPort, TestThread};
    use crate::wait::{Interest, Sealed as _, wait};
    use crate::{Consumer, End, Instant, Producer, RecvError};
    use core::sync::atomic::Ordering::Relaxed;
    use core::time::Duration;
    use oro_sysabi::{STATE_CLOSED, WAIT_BINDING, WAIT_PEER};

    const PAST: Instant = Instant::from_ns(0);

    crate::message! { "demo.ask.v1" pub(crate) struct Ask { correlation: u64, key: u64 } }
    crate::message! { "demo.tell.v1" pub(crate) struct Tell { correlation: u64, value: u64 } }
    crate::correlated!(Ask, Tell);

    pub(crate) fn ask(key: u64) -> Ask {
        Ask { correlation: 0, key }
    }

    pub(crate) fn tell(ask: Ask) -> Tell {
        Tell { correlation: 0, value: ask.key }
    }

    /// A caller at bindings 0 and 1, and both Ports.
    pub(crate) fn open_caller(
        memory: &TestThread,
        slot_count: u32,
    ) -> (Caller<Ask, Tell, 2>, [TestPort; 2]) {
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
    pub(crate) fn open_server(
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
            server.serve_one(tell).unwrap();
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
        server.serve_one(tell).unwrap();
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
            server.serve_one(tell).unwrap();
        }
        assert_eq!(caller.finish(ticket).unwrap().value, 2);
        // A reply that came before the restart counts.
        let ticket = caller.begin(ask(3)).unwrap();
        server.serve_one(tell).unwrap();
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
        server.serve(tell).unwrap();
        memory.set(1, |binding| binding.state = STATE_CLOSED);
        assert_eq!(caller.finish(ticket).unwrap().value, 1);
        let ticket = caller.begin(ask(2)).unwrap();
        assert_eq!(caller.finish(ticket), Err(CallError::Closed));
        memory.set(0, |binding| binding.state = STATE_CLOSED);
        assert_eq!(caller.call(ask(3)), Err(CallError::Closed));
    }

    #[test]
    fn a_deadline_ends_a_wait_for_a_reply_and_the_request_stays() {
        let memory = TestThread::new(4);
        let (mut caller, ports) = open_caller(&memory, 8);
        let mut server = open_server(&memory, &ports, 8);
        let clock = memory.run_clock(1000);
        let ticket = caller.begin(ask(1)).unwrap();
        let deadline = memory.thread().now() + Duration::from_micros(40);
        let ticket = caller.finish_until(ticket, deadline).unwrap().unwrap_err();
        assert!(memory.thread().now() >= deadline);
        server.serve_one(tell).unwrap();
        // What has come is found also after the deadline.
        assert_eq!(caller.finish_until(ticket, PAST).unwrap().unwrap().value, 1);
        drop(clock);
    }

    #[test]
    fn a_call_that_times_out_leaves_its_place_and_its_reply_is_dropped() {
        let memory = TestThread::new(4);
        let (mut caller, ports) = open_caller(&memory, 2);
        let mut server = open_server(&memory, &ports, 2);
        // Two are sent, for the third there is no room; no more than two places are needed.
        for _ in 0..3 {
            assert_eq!(caller.call_until(ask(1), PAST), Err(CallError::TimedOut));
        }
        assert_eq!(ports[0].produced.load(Relaxed), 42);
        (0..2).for_each(|_| server.serve_one(tell).unwrap());
        assert_eq!(caller.call_until(ask(2), PAST), Err(CallError::TimedOut));
        server.serve_one(tell).unwrap();
        let ticket = caller.begin(ask(3)).unwrap();
        server.serve_one(tell).unwrap();
        assert_eq!(caller.finish_until(ticket, PAST).unwrap().unwrap().value, 3);
        memory.set(0, |binding| binding.state = STATE_CLOSED);
        assert_eq!(caller.call_until(ask(4), PAST), Err(CallError::Closed));
    }

    #[test]
    fn a_server_serves_what_has_come() {
        let memory = TestThread::new(4);
        let (mut caller, ports) = open_caller(&memory, 8);
        let mut server = open_server(&memory, &ports, 8);
        let is_ready = |server: &_| !wait(memory.thread(), &[server], Some(PAST)).is_empty();
        assert!(!is_ready(&server));
        assert_eq!(server.try_serve_one(tell), Ok(false));
        let ticket = caller.begin(ask(6)).unwrap();
        assert!(is_ready(&server));
        // A caller has two conditions, the sources after it keep their indices.
        let ready = wait(memory.thread(), &[&caller, &None::<Consumer<Tell>>, &server], None);
        assert_eq!(ready.iter().collect::<std::vec::Vec<_>>(), [2]);
        assert_eq!(server.try_serve_one(tell), Ok(true));
        assert_eq!(server.try_serve_one(tell), Ok(false));
        assert_eq!(caller.finish(ticket).unwrap().value, 6);
        memory.set(2, |binding| binding.state = STATE_CLOSED);
        assert!(is_ready(&server));
        assert_eq!(server.try_serve_one(tell), Err(RecvError::Closed));
    }

    #[test]
    fn a_caller_is_ready_when_a_reply_has_come() {
        let memory = TestThread::new(4);
        let (mut caller, ports) = open_caller(&memory, 8);
        let mut server = open_server(&memory, &ports, 8);
        let is_ready = |caller: &_| !wait(memory.thread(), &[caller], Some(PAST)).is_empty();
        // A reply to a request that was cancelled is nothing to wake up for.
        let cancelled = caller.begin(ask(1)).unwrap();
        caller.cancel(cancelled);
        server.serve_one(tell).unwrap();
        assert!(!is_ready(&caller));
        let [first, second] = [2, 3].map(|key| caller.begin(ask(key)).unwrap());
        let second = caller.try_finish(second).unwrap().unwrap_err();
        assert!(!is_ready(&caller));
        (0..2).for_each(|_| server.serve_one(tell).unwrap());
        assert!(is_ready(&caller));
        assert_eq!(caller.finish(first).unwrap().value, 2);
        // The other one's was taken along, and waits in its place.
        assert!(is_ready(&caller));
        assert_eq!(caller.finish(second).unwrap().value, 3);
        assert!(!is_ready(&caller));
        memory.set(1, |binding| binding.state = STATE_CLOSED);
        assert!(is_ready(&caller));
    }

    #[test]
    fn gate_3_end_7_a_caller_waits_for_a_reply_and_for_a_restart() {
        // GATE-3, END-7
        let memory = TestThread::new(4);
        let (mut caller, _ports) = open_caller(&memory, 8);
        let seen = |caller: &Caller<Ask, Tell, 2>| {
            let interest = caller.interest();
            let conditions = interest.conditions().iter();
            conditions.map(|one| (one.kind, one.index, one.value)).collect::<std::vec::Vec<_>>()
        };
        assert_eq!(seen(&caller), [(WAIT_BINDING, 1, 1)]);
        let ticket = caller.begin(ask(1)).unwrap();
        assert_eq!(seen(&caller), [(WAIT_PEER, 1, 0), (WAIT_BINDING, 1, 1)]);
        memory.set(1, |binding| binding.epoch = 5);
        // However late it is looked at.
        assert_eq!(caller.interest(), Interest::Now);
        assert_eq!(caller.try_finish(ticket), Err(CallError::Restarted));
        assert_eq!(seen(&caller), [(WAIT_BINDING, 1, 1 | 5 << 32)]);
    }
}
