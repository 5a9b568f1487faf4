//! Waiting for several things at once: [`wait()`], what it can wait for ([`Source`]), and which of them
//! have come ([`Ready`]).

use core::sync::atomic::{AtomicU32, Ordering};

use oro_queue::Cursors as _;
use oro_sysabi::{
    CONDITION_COUNT, Condition, STATE_WIRED, WAIT_BINDING, WAIT_PEER, WAIT_RING, WAIT_WORD,
};

use crate::end::Endpoint;
use crate::gate::make_word_condition;
use crate::managed::Spin;
use crate::ring::Ring;
use crate::shared::pointer;
use crate::{Consumer, Instant, Message, Producer, Thread};

/// What an end, or another source, can be waited for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// There is never anything.
    Never,
    /// There is something now.
    Now,
    /// There is something when this holds.
    When(Condition),
    /// There is something when one of these holds.
    Either([Condition; 2]),
}

impl Interest {
    /// What may come to hold.
    pub(crate) fn conditions(&self) -> &[Condition] {
        match self {
            Self::Never | Self::Now => &[],
            Self::When(condition) => core::slice::from_ref(condition),
            Self::Either(conditions) => conditions,
        }
    }
}

/// Something that [`wait()`] can wait for: the ends of a managed thread, a [`Caller`](crate::Caller), a
/// [`Server`](crate::Server), a [`PortArray`](crate::PortArray), [`Clients`](crate::Clients), a
/// [`Change`](crate::ring::Change) of the Ring, and a [`Word`]. An `Option` of one that is `None` is never
/// ready.
///
/// An end is ready when an operation on it would not block: there is a message, or room for one, or
/// an error, since its peer has ended or misbehaved.
pub trait Source: Sealed {}

/// What only this crate can implement: one of the two.
pub trait Sealed {
    /// What to wait for.
    #[doc(hidden)]
    fn interest(&self) -> Interest {
        Interest::Never
    }

    /// Gives all that there is to wait for to `visit`: of what has more than one end.
    #[doc(hidden)]
    fn visit_interests(&self, visit: &mut dyn FnMut(Interest)) {
        visit(self.interest());
    }
}

impl<T: Message> Source for Consumer<T> {}
impl<T: Message> Sealed for Consumer<T> {
    fn interest(&self) -> Interest {
        self.end.interest()
    }
}

impl<T: Message> Source for Producer<T> {}
impl<T: Message> Sealed for Producer<T> {
    fn interest(&self) -> Interest {
        self.end.interest()
    }
}

/// `None` is never ready: what has ended, or was never wired, keeps its place among the sources.
impl<S: Source> Source for Option<S> {}
impl<S: Source> Sealed for Option<S> {
    fn interest(&self) -> Interest {
        self.as_ref().map_or(Interest::Never, Sealed::interest)
    }

    fn visit_interests(&self, visit: &mut dyn FnMut(Interest)) {
        if let Some(source) = self {
            source.visit_interests(visit);
        }
    }
}

/// A word of the instance's memory, ready when it is not `expected`; see [`Thread::wait_word`].
#[derive(Clone, Copy, Debug)]
pub struct Word<'word> {
    /// The word.
    pub word: &'word AtomicU32,
    /// The value that is not waited for.
    pub expected: u32,
}

impl Source for Word<'_> {}
impl Sealed for Word<'_> {
    fn interest(&self) -> Interest {
        Interest::When(make_word_condition(self.word, self.expected))
    }
}

/// Which of the sources of a [`wait()`] are ready, by their indices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready(u128);

impl Ready {
    /// None is: the deadline has passed.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the source with this index is.
    #[must_use]
    pub fn contains(self, index: usize) -> bool {
        index < 128 && self.0 >> index & 1 != 0
    }

    fn insert(&mut self, index: usize) {
        self.0 |= 1 << index;
    }

    /// The indices of those that are, lowest first.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..128).filter(move |&index| self.contains(index))
    }
}

/// Waits until at least one source is ready, or until the deadline; with a deadline that has passed it
/// only looks. Spins for some microseconds, where there are CPUs for it, then sleeps at a gate.
///
/// ```no_run
/// # oro::message! { "demo.num.v1" pub struct Num { value: u64 } }
/// # fn run(thread: oro::Thread, mut a: oro::Consumer<Num>, mut b: oro::Consumer<Num>) {
/// loop {
///     let ready = oro::wait(thread, &[&a, &b], None);
///     for index in ready.iter() {
///         let end = if index == 0 { &mut a } else { &mut b };
///         let Ok(message) = end.recv() else { return };
///         // ...
///     }
/// }
/// # }
/// ```
///
/// A source that is ready stays so: what is not taken makes the next call return at once. So leave out
/// an end that has told of its peer's end, and a producer while there is nothing to send: as an
/// `Option`, which keeps the others' indices.
///
/// The deadline is a moment, not a duration, of [`Thread::now`]'s time:
///
/// ```no_run
/// # use core::time::Duration;
/// # oro::message! { "demo.num.v1" pub struct Num { value: u64 } }
/// # fn run(thread: oro::Thread, a: oro::Consumer<Num>, b: oro::Consumer<Num>) -> Result<(), oro::Error> {
/// let mut inputs = [Some(a), Some(b)];
/// while inputs.iter().any(Option::is_some) {
///     let deadline = thread.now() + Duration::from_secs(1);
///     for index in oro::wait(thread, &[&inputs[0], &inputs[1]], Some(deadline)).iter() {
///         match inputs[index].as_mut().map(oro::Consumer::try_recv) {
///             Some(Ok(message)) => { /* ... */ }
///             Some(Err(oro::TryRecvError::Closed)) => inputs[index] = None,
///             Some(Err(error)) => return Err(error.into()),
///             None => {}
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// If there are more than 128 sources, where a [`Caller`](crate::Caller) counts as two, a
/// [`PortArray`](crate::PortArray) as one for each element, and [`Clients`](crate::Clients) as two. If none of them
/// can ever be ready and there is no deadline, since that waits for ever.
pub fn wait(thread: Thread, sources: &[&dyn Source], deadline: Option<Instant>) -> Ready {
    assert!(sources.len() <= CONDITION_COUNT as usize, "a wait has at most 128 sources");
    let mut known = Ready::default();
    let mut conditions = Conditions::new();
    for (index, source) in sources.iter().enumerate() {
        source.visit_interests(&mut |interest| {
            if interest == Interest::Now {
                known.insert(index);
            }
            interest.conditions().iter().for_each(|condition| conditions.add(index, *condition));
        });
    }
    let is_hopeless = known.is_empty() && conditions.count == 0 && deadline.is_none();
    assert!(!is_hopeless, "a wait for nothing, for ever");
    let mut ready = known;
    let mut look = || {
        ready = known;
        conditions.look(thread, &mut ready);
        !ready.is_empty()
    };
    if !look() {
        thread.block(conditions.list(), deadline, Spin::new().limit(thread), &mut look);
    }
    ready
}

/// The conditions of a [`wait()`], each with the index of its source.
struct Conditions {
    conditions: [Condition; CONDITION_COUNT as usize],
    sources: [usize; CONDITION_COUNT as usize],
    count: usize,
}

impl Conditions {
    fn new() -> Self {
        let conditions = [Condition::default(); CONDITION_COUNT as usize];
        Self { conditions, sources: [0; CONDITION_COUNT as usize], count: 0 }
    }

    fn add(&mut self, source: usize, condition: Condition) {
        assert!(self.count < self.conditions.len(), "a wait has at most 128 conditions");
        (self.conditions[self.count], self.sources[self.count]) = (condition, source);
        self.count += 1;
    }

    fn list(&self) -> &[Condition] {
        &self.conditions[..self.count]
    }

    /// Adds the sources of which a condition holds.
    fn look(&self, thread: Thread, ready: &mut Ready) {
        for (condition, source) in self.list().iter().zip(self.sources) {
            if !ready.contains(source) && holds(thread, condition) {
                ready.insert(source);
            }
        }
    }
}

/// Whether a condition holds, as the kernel would say (`GATE-3`). It must be one that this crate has
/// made, of this thread.
pub(crate) fn holds(thread: Thread, condition: &Condition) -> bool {
    let open = || {
        // SAFETY: the condition names a binding of one of this thread's own ends.
        unsafe { Endpoint::open(thread, condition.index as usize) }
    };
    match condition.kind {
        WAIT_PEER => {
            let endpoint = open();
            endpoint.load_peer() > condition.value || endpoint.load_state() != STATE_WIRED
        }
        WAIT_BINDING => load_binding_state(&open()) != condition.value,
        WAIT_RING => Ring::own(thread).generation() != condition.value,
        WAIT_WORD => {
            let word = pointer(condition.value).cast::<u32>();
            // SAFETY: the address of a word that the source borrows, so that it lives.
            unsafe { AtomicU32::from_ptr(word) }.load(Ordering::Acquire) != condition.index
        }
        _ => true,
    }
}

/// State and epoch as `WAIT_BINDING` compares them.
pub(crate) fn load_binding_state(endpoint: &Endpoint) -> u64 {
    u64::from(endpoint.load_state()) | u64::from(endpoint.load_epoch()) << 32
}

#[cfg(test)]
mod tests {
    use super::{Ready, Word, wait};
    use crate::test_memory::{TestPort, TestThread};
    use crate::{Consumer, End, Instant, Producer};
    use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use core::time::Duration;
    use oro_sysabi::{NO_DEADLINE, STATE_CLOSED, WAIT_PEER, WAIT_WORD};
    use std::vec::Vec;

    crate::message! { "demo.one.v1" struct One { a: u64 } }

    const PAST: Option<Instant> = Some(Instant::from_ns(0));

    /// A full producer and two empty consumers of three Ports.
    fn make() -> (TestThread, [TestPort; 3], Producer<One>, [Consumer<One>; 2]) {
        let memory = TestThread::new(3);
        let ports = [(); 3].map(|()| TestPort::new(8, 4));
        ports[0].produced.store(4, Relaxed);
        for (index, port) in ports.iter().enumerate() {
            port.bind(&memory, index, index > 0, 4);
        }
        // SAFETY: the bindings are as the types say, each opened once.
        let output = unsafe { Producer::open(memory.thread(), 0) };
        // SAFETY: as above.
        let inputs = unsafe { <[Consumer<One>; 2]>::open(memory.thread(), 1) };
        (memory, ports, output, inputs)
    }

    #[test]
    fn gate_5_what_holds_already_is_seen_without_a_gate() {
        // GATE-5
        let (memory, ports, output, inputs) = make();
        let look = |deadline| wait(memory.thread(), &[&inputs[0], &output, &inputs[1]], deadline);
        assert_eq!(look(PAST), Ready(0));
        ports[2].produced.store(1, Relaxed);
        let request = memory.request();
        assert_eq!(look(None), Ready(0b100));
        ports[0].consumed.store(1, Relaxed);
        memory.set(1, |binding| binding.state = STATE_CLOSED);
        let ready = look(None);
        assert_eq!(ready.iter().collect::<Vec<_>>(), [0, 1, 2]);
        assert!(ready.contains(1) && !ready.contains(3) && !ready.contains(200));
        assert_eq!(memory.request(), request);
    }

    #[test]
    fn gate_3_all_conditions_are_in_one_request() {
        // GATE-3, GATE-4: the fake gate returns without a cause until there is one.
        let (memory, ports, output, inputs) = make();
        let word = AtomicU32::new(3);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(2));
                ports[1].produced.store(1, Relaxed);
            });
            let sources: [&dyn super::Source; 4] =
                [&inputs[0], &output, &inputs[1], &Word { word: &word, expected: 3 }];
            assert_eq!(wait(memory.thread(), &sources, None), Ready(1));
        });
        let request = memory.request();
        assert_eq!((request.count, request.deadline_ns), (4, NO_DEADLINE));
        let seen = request.conditions[..4].iter();
        let seen: Vec<_> = seen.map(|one| (one.kind, one.index, one.value)).collect();
        assert_eq!(seen[..3], [(WAIT_PEER, 1, 0), (WAIT_PEER, 0, 0), (WAIT_PEER, 2, 0)]);
        assert_eq!((seen[3].0, seen[3].1), (WAIT_WORD, 3));
        word.store(4, Relaxed);
        let sources: [&dyn super::Source; 2] = [&output, &Word { word: &word, expected: 3 }];
        assert_eq!(wait(memory.thread(), &sources, None), Ready(0b10));
    }

    #[test]
    fn what_was_left_out_keeps_its_place_and_is_never_ready() {
        let (memory, ports, _output, [first, second]) = make();
        let (first, mut second) = (Some(first), Some(second));
        ports[2].produced.store(1, Relaxed);
        assert_eq!(wait(memory.thread(), &[&first, &second], None), Ready(0b10));
        assert_eq!(second.take().unwrap().recv(), Ok(One { a: 0 }));
        assert!(wait(memory.thread(), &[&first, &second], PAST).is_empty());
        ports[1].produced.store(1, Relaxed);
        assert_eq!(wait(memory.thread(), &[&second, &first], None), Ready(0b10));
        let hopeless = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait(memory.thread(), &[&second], None)
        }));
        assert!(hopeless.is_err());
    }

    #[test]
    fn gate_6_a_deadline_ends_the_wait() {
        // GATE-6
        let (memory, _ports, output, inputs) = make();
        let clock = memory.run_clock(1000);
        let start = memory.thread().now();
        let deadline = start + Duration::from_micros(40);
        assert!(wait(memory.thread(), &[&output, &inputs[0]], Some(deadline)).is_empty());
        assert!(memory.thread().now() >= deadline);
        let last = memory.request().deadline_ns;
        assert!(last <= 40_000, "{last}");
        drop(clock);
    }
}
