//! [`PortArray`]: a port of several elements, each of which may be unwired, become wired while the thread
//! runs, end, and be wired again (`CTL-8`). A server over two of them is in `clients.rs`.

use core::marker::PhantomData;

use oro_sysabi::{
    Condition, NOTE_PORT_OPTIONAL, STATE_FOREIGN, STATE_UNWIRED, STATE_WIRED, WAIT_BINDING,
};

use crate::end::Endpoint;
use crate::wait::{Interest, Sealed, Source, load_binding_state};
use crate::{Consumer, End, Message, PeerMisbehaved, Producer, Thread};

/// An end that an element of a [`PortArray`] may be: a [`Consumer`] or a [`Producer`].
pub trait ArrayEnd: End + Source {
    /// Takes what is there and throws it away, so that the element can be wired again. Whether there may
    /// be more to be thrown away later.
    #[doc(hidden)]
    fn discard(&mut self) -> bool;
}

impl<T: Message> ArrayEnd for Consumer<T> {
    fn discard(&mut self) -> bool {
        let most = match self.available() {
            Ok(most) => most,
            Err(PeerMisbehaved) => return false,
        };
        // No more than are there now: who sends without an end must not hold the thread here.
        for _ in 0..most {
            let _ = self.try_recv();
        }
        true
    }
}

impl<T: Message> ArrayEnd for Producer<T> {
    fn discard(&mut self) -> bool {
        false
    }
}

/// A port of `N` elements whose peers come and go, in [`module!`](crate::module!): `clients:
/// PortArray<Consumer<Ask>, 8>`. It is optional, so that no element need be wired at the start.
///
/// An element that has become wired is opened by [`accept`](Self::accept), which gives its index. Its end is
/// then used as any other, through [`get_mut`](Self::get_mut), until it tells of its peer's end; then
/// [`close`](Self::close) makes room for the next one.
///
/// As a [`Source`] of [`wait`](crate::wait()) it is ready when an element has become wired, or one of its ends is
/// ready; see [`bindings`](Self::bindings) for producers, which are ready as long as there is room.
///
/// ```no_run
/// # oro::message! { "demo.num.v1" pub struct Num { value: u64 } }
/// # fn run(thread: oro::Thread, mut inputs: oro::PortArray<oro::Consumer<Num>, 8>) {
/// loop {
///     oro::wait(thread, &[&inputs], None);
///     while let Some(index) = inputs.accept() { /* Somebody new is at `index`. */ }
///     for index in 0..inputs.len() {
///         let Some(input) = inputs.get_mut(index) else { continue };
///         match input.try_recv() {
///             Ok(message) => { /* ... */ }
///             Err(oro::TryRecvError::Empty) => {}
///             Err(_) => inputs.close(index), // Ended, or misbehaved.
///         }
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct PortArray<E, const N: usize> {
    thread: Thread,
    port_index: usize,
    places: [Place<E>; N],
    ends: PhantomData<E>,
}

#[derive(Debug)]
struct Place<E> {
    /// Id of the Port that `end` is of, or was; 0: there was none yet. It tells a new Port from the last
    /// one, since no id is given twice (`META-9`).
    port_id: u64,
    end: Option<E>,
    phase: Phase,
}

/// What becomes of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It is in use.
    Open,
    /// It was closed before its peer had ended; what comes is thrown away.
    Draining,
    /// Likewise, and nothing is to be thrown away.
    Ending,
}

impl<E: ArrayEnd, const N: usize> PortArray<E, N> {
    /// Opens an element that has become wired, and gives its index; `None` if there is none. Its count
    /// starts at 0, and its peer is another one than that of any end before (`CTL-8`).
    ///
    /// The index may be of an element that was in use: its peer ended and another one came before anybody
    /// looked.
    pub fn accept(&mut self) -> Option<usize> {
        (0..N).for_each(|index| self.tidy(index));
        (0..N).find(|&index| self.open(index))
    }

    fn open(&mut self, index: usize) -> bool {
        if !self.is_new(index) {
            return false;
        }
        let endpoint = self.endpoint(index);
        let port_id = endpoint.load_port_id();
        // SAFETY: the element's binding, as this array's own `open` was promised; there is no other end of
        // it, since `is_new` is of places without.
        let end = unsafe { E::open(self.thread, self.port_index + index) };
        // Else it was wired once more meanwhile, and what was read may be of both; the next look is.
        let is_whole = endpoint.load_port_id() == port_id;
        if is_whole {
            self.places[index] = Place { port_id, end: Some(end), phase: Phase::Open };
        }
        is_whole
    }

    /// The end of an element that is in use.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&E> {
        let place = self.places.get(index).filter(|place| place.phase == Phase::Open)?;
        place.end.as_ref().filter(|_| !self.is_stale(index))
    }

    /// Likewise, to be used.
    #[must_use]
    pub fn get_mut(&mut self, index: usize) -> Option<&mut E> {
        self.get(index)?;
        self.places[index].end.as_mut()
    }

    /// The elements that are in use.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut E)> {
        let (thread, port_index) = (self.thread, self.port_index);
        self.places.iter_mut().enumerate().filter_map(move |(index, place)| {
            let is_open =
                place.phase == Phase::Open && !is_of_another(thread, port_index + index, place);
            place.end.as_mut().filter(|_| is_open).map(|end| (index, end))
        })
    }

    /// Gives an element up. What its peer has sent and nobody received is thrown away, and so is what it
    /// sends from now on; once the peer has ended, the element can be wired again.
    ///
    /// One that is not in use stays so.
    pub fn close(&mut self, index: usize) {
        if let Some(place) = self.places.get_mut(index).filter(|place| place.end.is_some()) {
            place.phase = Phase::Draining;
            self.tidy(index);
        }
    }

    /// Elements, in use or not.
    #[must_use]
    pub const fn len(&self) -> usize {
        N
    }

    /// Never: there is at least one element.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        N == 0
    }

    /// For [`wait`](crate::wait()): that an element has become wired, or that the peer of one has ended, and
    /// nothing else.
    #[must_use]
    pub fn bindings(&self) -> Bindings<'_, E, N> {
        Bindings(self)
    }

    pub(crate) fn thread(&self) -> Thread {
        self.thread
    }

    /// Whether the end in use has another peer, or none that lives; also if there is none in use.
    pub(crate) fn is_over(&self, index: usize) -> bool {
        self.get(index).is_none() || self.endpoint(index).load_state() != STATE_WIRED
    }

    /// Drops an end that has done its part.
    fn tidy(&mut self, index: usize) {
        let endpoint = self.endpoint(index);
        let is_stale = self.is_stale(index);
        let place = &mut self.places[index];
        let Some(end) = &mut place.end else { return };
        if is_stale {
            place.end = None;
            return;
        }
        if place.phase == Phase::Open {
            return;
        }
        // The state before the cursor: who sees the end sees the last cursor (`BIND-3`).
        let is_over = endpoint.load_state() != STATE_WIRED;
        let is_draining = place.phase == Phase::Draining && end.discard();
        place.phase = if is_draining { Phase::Draining } else { Phase::Ending };
        if is_over {
            place.end = None;
            self.give_up(index);
        }
    }

    /// Says at a gate that this thread knows of the end of an element's peer and will not touch its slots
    /// again: only then can the element be wired again (`CTL-8`).
    fn give_up(&self, index: usize) {
        let endpoint = self.endpoint(index);
        let value = load_binding_state(&endpoint);
        let condition = Condition { kind: WAIT_BINDING, index: endpoint.index(), value };
        self.thread.touch_gate(&[condition], 0);
    }

    /// Whether the end is of a Port that the element does not have any more.
    fn is_stale(&self, index: usize) -> bool {
        is_of_another(self.thread, self.port_index + index, &self.places[index])
    }

    /// Whether an element without an end has a Port that it never had one of.
    fn is_new(&self, index: usize) -> bool {
        let (place, endpoint) = (&self.places[index], self.endpoint(index));
        let port_id = endpoint.load_port_id();
        let has_port = port_id != 0 && port_id != place.port_id;
        place.end.is_none()
            && has_port
            && !matches!(endpoint.load_state(), STATE_UNWIRED | STATE_FOREIGN)
    }

    fn endpoint(&self, index: usize) -> Endpoint {
        // SAFETY: a binding of this array's, as its own `open` was promised.
        unsafe { Endpoint::open(self.thread, self.port_index + index) }
    }

    /// What to wait for at an element, but for messages and room.
    pub(crate) fn binding_interest(&self, index: usize) -> Interest {
        let endpoint = self.endpoint(index);
        // Before the looks: what changes after it ends the wait.
        let value = load_binding_state(&endpoint);
        let place = &self.places[index];
        let is_due = match (&place.end, place.phase) {
            (None, _) => self.is_new(index),
            (Some(end), Phase::Draining) if !self.is_stale(index) => return end.interest(),
            (Some(_), _) => self.is_stale(index) || endpoint.load_state() != STATE_WIRED,
        };
        let condition = Condition { kind: WAIT_BINDING, index: endpoint.index(), value };
        if is_due { Interest::Now } else { Interest::When(condition) }
    }
}

fn is_of_another<E>(thread: Thread, port_index: usize, place: &Place<E>) -> bool {
    // SAFETY: a binding of an array's, whose own `open` was promised it.
    let endpoint = unsafe { Endpoint::open(thread, port_index) };
    place.end.is_some() && endpoint.load_port_id() != place.port_id
}

impl<E: ArrayEnd, const N: usize> Source for PortArray<E, N> {}
impl<E: ArrayEnd, const N: usize> Sealed for PortArray<E, N> {
    fn visit_interests(&self, visit: &mut dyn FnMut(Interest)) {
        for index in 0..N {
            visit(match self.get(index) {
                Some(end) => end.interest(),
                None => self.binding_interest(index),
            });
        }
    }
}

/// See [`PortArray::bindings`].
#[derive(Debug)]
pub struct Bindings<'array, E, const N: usize>(&'array PortArray<E, N>);

impl<E: ArrayEnd, const N: usize> Source for Bindings<'_, E, N> {}
impl<E: ArrayEnd, const N: usize> Sealed for Bindings<'_, E, N> {
    fn visit_interests(&self, visit: &mut dyn FnMut(Interest)) {
        (0..N).for_each(|index| visit(self.0.binding_interest(index)));
    }
}

// SAFETY: the constants are the elements'; an array takes as many indices as it has elements (`NOTE-4`).
unsafe impl<E: ArrayEnd, const N: usize> End for PortArray<E, N> {
    const IS_MANAGED: bool = E::IS_MANAGED;
    const DIRECTION: u32 = E::DIRECTION;
    const LAYOUT: &'static str = E::LAYOUT;
    const SLOT_SIZE_BYTES: usize = E::SLOT_SIZE_BYTES;
    const SLOT_ALIGN_BYTES: usize = E::SLOT_ALIGN_BYTES;
    const COUNT: usize = <[E; N] as End>::COUNT;
    const NOTE_FLAGS: u32 = NOTE_PORT_OPTIONAL;

    unsafe fn open(thread: Thread, port_index: usize) -> Self {
        let places = core::array::from_fn(|_| Place { port_id: 0, end: None, phase: Phase::Open });
        Self { thread, port_index, places, ends: PhantomData }
    }
}
