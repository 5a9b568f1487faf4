//! Tests of [`PortArray`] and [`Clients`] over memory that a test controls: elements that are wired, end and
//! are wired again.

use core::sync::atomic::Ordering::Relaxed;

use oro_sysabi::{
    Condition, MODE_ASYNCHRONOUS, NOTE_PORT_OPTIONAL, STATE_CLOSED, STATE_FAULTED, STATE_UNWIRED,
    STATE_WIRED, WAIT_BINDING, WAIT_PEER,
};

use crate::call::tests::{Ask, Tell, ask, tell};
use crate::test_memory::{TestPort, TestThread};
use crate::wait::{Interest, Sealed};
use crate::{
    Caller, ClientEvent, Clients, Consumer, End, Instant, PortArray, Producer, RecvError, Source,
    wait,
};

const PAST: Option<Instant> = Some(Instant::from_ns(0));

/// Wires a new Port to a binding, late, as a kernel does (`CTL-8`): the state last.
fn wire(memory: &TestThread, index: usize, is_consumer: bool, port_id: u64) -> TestPort {
    let port = TestPort::new(16, 4);
    port.bind(memory, index, is_consumer, 4);
    memory.set(index, |binding| {
        assert_eq!(binding.mode, MODE_ASYNCHRONOUS);
        binding.port_id = port_id;
        binding.state = STATE_WIRED;
    });
    port
}

fn set_state(memory: &TestThread, index: usize, state: u32) {
    memory.set(index, |binding| binding.state = state);
}

fn unwired(count: usize) -> TestThread {
    let memory = TestThread::new(count);
    (0..count).for_each(|index| set_state(&memory, index, STATE_UNWIRED));
    memory
}

fn is_ready(memory: &TestThread, source: &dyn Source) -> bool {
    !wait(memory.thread(), &[source], PAST).is_empty()
}

fn interests(source: &dyn Sealed) -> std::vec::Vec<Interest> {
    let mut seen = std::vec::Vec::new();
    source.visit_interests(&mut |interest| seen.push(interest));
    seen
}

fn kinds(source: &dyn Sealed) -> std::vec::Vec<(u32, u32, u64)> {
    let seen = interests(source);
    let conditions = seen.iter().flat_map(Interest::conditions);
    conditions.map(|one| (one.kind, one.index, one.value)).collect()
}

type Inputs = PortArray<Consumer<Ask>, 2>;

/// Two elements, bindings 1 and 2, and nothing wired to them.
fn open_inputs() -> (TestThread, Inputs) {
    let memory = unwired(3);
    // SAFETY: bindings 1 and 2 are consumers of this type, opened once.
    let inputs = unsafe { Inputs::open(memory.thread(), 1) };
    (memory, inputs)
}

/// NOTE-4, SYS-5: an array takes as many indices as it has elements, none of which must be wired.
#[test]
fn note_4_a_port_array_is_optional_and_has_its_elements_indices() {
    assert_eq!((Inputs::COUNT, Inputs::NOTE_FLAGS), (2, NOTE_PORT_OPTIONAL));
    assert_eq!(Inputs::LAYOUT, <Consumer<Ask> as End>::LAYOUT);
    const { assert!(Inputs::IS_MANAGED) };
}

/// CTL-8: an element that is wired while the thread runs is seen, opened, used, and wired again.
#[test]
fn ctl_8_an_element_is_wired_ends_and_is_wired_again() {
    let (memory, mut inputs) = open_inputs();
    assert_eq!(inputs.accept(), None);
    assert_eq!(kinds(&inputs), [(WAIT_BINDING, 1, 0), (WAIT_BINDING, 2, 0)]);
    assert!(!is_ready(&memory, &inputs) && inputs.get_mut(1).is_none());

    let first = wire(&memory, 2, true, 7);
    assert!(is_ready(&memory, &inputs) && is_ready(&memory, &inputs.bindings()));
    assert_eq!((inputs.accept(), inputs.accept()), (Some(1), None));
    assert_eq!(kinds(&inputs), [(WAIT_BINDING, 1, 0), (WAIT_PEER, 2, 0)]);
    first.word(0, 1).store(40, Relaxed);
    first.produced.store(2, Relaxed);
    assert!(is_ready(&memory, &inputs) && !is_ready(&memory, &inputs.bindings()));
    assert_eq!(inputs.get_mut(1).unwrap().recv().unwrap().key, 40);

    set_state(&memory, 2, STATE_FAULTED);
    assert!(is_ready(&memory, &inputs.bindings()));
    assert_eq!(inputs.iter_mut().map(|(index, _)| index).collect::<std::vec::Vec<_>>(), [1]);
    // What nobody received is released, so that the element can be wired again.
    inputs.close(1);
    assert_eq!(first.consumed.load(Relaxed), 2);
    // The kernel is told that this thread knows of the end.
    let said = memory.request();
    let known = Condition { kind: WAIT_BINDING, index: 2, value: STATE_FAULTED.into() };
    assert_eq!((said.count, said.deadline_ns, said.conditions[0]), (1, 0, known));
    assert!(inputs.get(1).is_none() && inputs.accept().is_none());
    assert_eq!(kinds(&inputs), [(WAIT_BINDING, 1, 0), (WAIT_BINDING, 2, 3)]);

    // Its count starts at 0, wherever that of the one before stopped.
    let second = wire(&memory, 2, true, 8);
    second.word(0, 1).store(50, Relaxed);
    second.produced.store(1, Relaxed);
    assert_eq!(inputs.accept(), Some(1));
    let input = inputs.get_mut(1).unwrap();
    assert_eq!(input.recv().unwrap().key, 50);
    set_state(&memory, 2, STATE_CLOSED);
    assert_eq!(inputs.get_mut(1).unwrap().recv(), Err(RecvError::Closed));
}

/// CTL-8: a peer that comes and goes before anybody looks, with what it has left.
#[test]
fn ctl_8_a_peer_that_has_ended_before_the_look_is_opened_all_the_same() {
    let (memory, mut inputs) = open_inputs();
    let port = wire(&memory, 1, true, 7);
    port.produced.store(1, Relaxed);
    set_state(&memory, 1, STATE_CLOSED);
    assert_eq!(inputs.accept(), Some(0));
    let input = inputs.get_mut(0).unwrap();
    assert!(input.recv().is_ok() && input.recv() == Err(RecvError::Closed));
}

/// CTL-8, META-9: an end is never used on the Port that came after its own.
#[test]
fn ctl_8_an_end_whose_element_has_another_port_is_gone() {
    let (memory, mut inputs) = open_inputs();
    let first = wire(&memory, 1, true, 7);
    first.produced.store(3, Relaxed);
    assert_eq!(inputs.accept(), Some(0));
    (0..3).for_each(|_| assert!(inputs.get_mut(0).unwrap().recv().is_ok()));
    // It ends, and another one comes, before this thread looks.
    let second = wire(&memory, 1, true, 9);
    assert!(inputs.get(0).is_none() && inputs.get_mut(0).is_none());
    assert_eq!(inputs.iter_mut().count(), 0);
    assert!(is_ready(&memory, &inputs) && is_ready(&memory, &inputs.bindings()));
    assert_eq!(inputs.accept(), Some(0));
    second.produced.store(1, Relaxed);
    assert!(inputs.get_mut(0).unwrap().recv().is_ok());
    assert_eq!((first.consumed.load(Relaxed), second.consumed.load(Relaxed)), (3, 1));
}

#[test]
fn what_a_closed_element_is_sent_is_thrown_away_until_its_peer_ends() {
    let (memory, mut inputs) = open_inputs();
    let port = wire(&memory, 1, true, 7);
    assert_eq!(inputs.accept(), Some(0));
    inputs.close(0);
    assert!(inputs.get(0).is_none() && !is_ready(&memory, &inputs));
    port.produced.store(4, Relaxed);
    assert!(is_ready(&memory, &inputs));
    assert_eq!(inputs.accept(), None);
    assert_eq!(port.consumed.load(Relaxed), 4);
    assert!(!is_ready(&memory, &inputs));
    // One whose cursor is impossible is not looked at any more, and wakes nobody.
    port.produced.store(99, Relaxed);
    assert_eq!(inputs.accept(), None);
    assert!(!is_ready(&memory, &inputs));
    set_state(&memory, 1, STATE_CLOSED);
    assert!(is_ready(&memory, &inputs));
    assert_eq!(inputs.accept(), None);
    assert!(!is_ready(&memory, &inputs));
    wire(&memory, 1, true, 8);
    assert_eq!(inputs.accept(), Some(0));
}

#[test]
fn producers_are_waited_for_by_their_bindings() {
    let memory = unwired(2);
    // SAFETY: bindings 0 and 1 are producers of this type, opened once.
    let mut outputs = unsafe { PortArray::<Producer<Tell>, 2>::open(memory.thread(), 0) };
    let port = wire(&memory, 0, false, 7);
    assert_eq!(outputs.accept(), Some(0));
    assert!(is_ready(&memory, &outputs) && !is_ready(&memory, &outputs.bindings()));
    for value in 0..4 {
        outputs.get_mut(0).unwrap().send(Tell { correlation: 0, value }).unwrap();
    }
    assert!(!is_ready(&memory, &outputs) && port.produced.load(Relaxed) == 4);
    set_state(&memory, 0, STATE_CLOSED);
    assert!(is_ready(&memory, &outputs.bindings()));
    outputs.close(0);
    assert!(!is_ready(&memory, &outputs) && !is_ready(&memory, &outputs.bindings()));
    wire(&memory, 0, false, 8);
    assert_eq!(outputs.accept(), Some(0));
    outputs.get_mut(0).unwrap().send(Tell { correlation: 0, value: 9 }).unwrap();
}

/// A server at bindings 0 to 3 of two clients; one client's own memory for each, its caller at bindings 0 and
/// 1 there.
struct Place {
    server: TestThread,
    clients: Clients<Ask, Tell, 2>,
    next_port_id: u64,
    /// The Ports with the clients' requests.
    requests: [Option<TestPort>; 2],
}

type Client = (TestThread, Caller<Ask, Tell, 4>);

impl Place {
    fn new() -> Self {
        let server = unwired(4);
        // SAFETY: bindings 0 and 1 are consumers, 2 and 3 producers, of these types, opened once.
        let requests = unsafe { PortArray::open(server.thread(), 0) };
        // SAFETY: as above.
        let replies = unsafe { PortArray::open(server.thread(), 2) };
        Self {
            server,
            clients: Clients::new(requests, replies),
            next_port_id: 1,
            requests: [None; 2],
        }
    }

    fn join(&mut self, client: usize) -> Client {
        let ports = [(client, true), (client + 2, false)].map(|(index, is_consumer)| {
            self.next_port_id += 1;
            wire(&self.server, index, is_consumer, self.next_port_id)
        });
        self.requests[client] = Some(ports[0]);
        let memory = TestThread::new(2);
        ports[0].bind(&memory, 0, false, 4);
        ports[1].bind(&memory, 1, true, 4);
        // SAFETY: the bindings are as the types say, each opened once.
        let requests = unsafe { Producer::open(memory.thread(), 0) };
        // SAFETY: as above.
        let replies = unsafe { Consumer::open(memory.thread(), 1) };
        (memory, Caller::new(requests, replies))
    }

    fn leave(&self, client: usize) {
        set_state(&self.server, client, STATE_CLOSED);
        set_state(&self.server, client + 2, STATE_CLOSED);
    }

    fn step(&mut self) -> Option<ClientEvent> {
        self.clients.try_serve_one(|_, ask| tell(ask))
    }

    fn is_ready(&self) -> bool {
        is_ready(&self.server, &self.clients)
    }

    /// Does what there is to do, of which the last is `expected`, and is ready as long as there is.
    #[track_caller]
    fn does(&mut self, expected: &[ClientEvent]) {
        for event in expected {
            assert!(self.is_ready());
            assert_eq!(self.step(), Some(*event));
        }
        assert_eq!(self.step(), None);
        assert!(!self.is_ready());
    }
}

/// CTL-8: clients join, ask, leave, and others take their elements.
#[test]
fn ctl_8_clients_come_and_go() {
    use ClientEvent::{Joined, Left, Served};
    let mut place = Place::new();
    place.does(&[]);
    for round in 0..5 {
        let (_memory, mut first) = place.join(1);
        place.does(&[Joined(1)]);
        let ticket = first.begin(ask(round)).unwrap();
        place.does(&[Served(1)]);
        assert_eq!(first.finish(ticket).unwrap().value, round);
        let (_memory, mut second) = place.join(0);
        let tickets = [(); 2].map(|()| second.begin(ask(9)).unwrap());
        place.does(&[Joined(0), Served(0), Served(0)]);
        assert_eq!(place.clients.count(), 2);
        for ticket in tickets {
            assert_eq!(second.finish(ticket).unwrap().value, 9);
        }
        place.leave(0);
        place.leave(1);
        place.does(&[Left(0), Left(1)]);
        assert_eq!(place.clients.count(), 0);
    }
}

#[test]
fn clients_have_their_turns() {
    use ClientEvent::{Joined, Served};
    let mut place = Place::new();
    let (_a, mut first) = place.join(0);
    let (_b, mut second) = place.join(1);
    place.does(&[Joined(0), Joined(1)]);
    let _tickets = [(); 3].map(|()| (first.begin(ask(1)).unwrap(), second.begin(ask(2)).unwrap()));
    place.does(&[Served(0), Served(1), Served(0), Served(1), Served(0), Served(1)]);
}

#[test]
fn a_client_that_takes_no_replies_holds_up_itself_alone() {
    use ClientEvent::{Joined, Left, Served};
    let mut place = Place::new();
    let (_a, mut idle) = place.join(0);
    let (_b, mut busy) = place.join(1);
    place.does(&[Joined(0), Joined(1)]);
    let mut tickets = [(); 4].map(|()| Some(idle.begin(ask(1)).unwrap()));
    place.does(&[Served(0); 4]);
    // Four replies wait in four slots; the fifth request stays.
    idle.cancel(tickets[0].take().unwrap());
    let _fifth = idle.begin(ask(5)).unwrap();
    place.does(&[]);
    let ticket = busy.begin(ask(2)).unwrap();
    place.does(&[Served(1)]);
    assert_eq!(busy.finish(ticket).unwrap().value, 2);
    assert_eq!(idle.finish(tickets[1].take().unwrap()).unwrap().value, 1);
    place.does(&[Served(0)]);
    place.leave(0);
    place.does(&[Left(0)]);
}

#[test]
fn ctl_8_a_client_that_another_one_replaces_unseen_has_left() {
    use ClientEvent::{Joined, Left, Served};
    let mut place = Place::new();
    let (_a, mut first) = place.join(0);
    place.does(&[Joined(0)]);
    let ticket = first.begin(ask(1)).unwrap();
    place.does(&[Served(0)]);
    assert_eq!(first.finish(ticket).unwrap().value, 1);
    let (_b, mut second) = place.join(0);
    let ticket = second.begin(ask(2)).unwrap();
    place.does(&[Left(0), Joined(0), Served(0)]);
    assert_eq!(second.finish(ticket).unwrap().value, 2);
}

#[test]
fn ctl_8_all_that_were_replaced_unseen_are_told_of() {
    use ClientEvent::{Joined, Left};
    let mut place = Place::new();
    let _first = (place.join(0), place.join(1));
    place.does(&[Joined(0), Joined(1)]);
    let _second = place.join(0);
    // Half of another one, while the other half is being wired.
    wire(&place.server, 1, true, 90);
    place.server.set(3, |binding| (binding.port_id, binding.state) = (91, STATE_UNWIRED));
    place.does(&[Left(0), Joined(0), Left(1)]);
}

#[test]
fn a_client_that_is_sent_away_is_not_served_and_its_element_is_free_when_it_has_ended() {
    use ClientEvent::{Joined, Served};
    let mut place = Place::new();
    let (_memory, mut client) = place.join(0);
    place.does(&[Joined(0)]);
    place.clients.dismiss(0);
    place.does(&[]);
    let _ticket = client.begin(ask(1)).unwrap();
    // What it sends is taken, and nobody sees it.
    assert!(place.is_ready());
    place.does(&[]);
    assert_eq!(place.requests[0].unwrap().consumed.load(Relaxed), 1);
    place.leave(0);
    place.does(&[]);
    let (_memory, mut client) = place.join(0);
    let _ticket = client.begin(ask(2)).unwrap();
    place.does(&[Joined(0), Served(0)]);
}

/// BIND-4: whose cursor is impossible is sent away, and its element is taken once it has ended.
#[test]
fn bind_4_a_client_that_misbehaves_is_sent_away() {
    use ClientEvent::{Joined, Left, Served};
    let mut place = Place::new();
    let _first = place.join(0);
    place.does(&[Joined(0)]);
    place.requests[0].unwrap().produced.store(99, Relaxed);
    place.does(&[Left(0)]);
    place.leave(0);
    // One that does from the start has never joined.
    let _second = place.join(0);
    place.requests[0].unwrap().produced.store(99, Relaxed);
    place.does(&[]);
    place.leave(0);
    let (_memory, mut third) = place.join(0);
    let ticket = third.begin(ask(3)).unwrap();
    place.does(&[Joined(0), Served(0)]);
    assert_eq!(third.finish(ticket).unwrap().value, 3);
}

/// Half a client is none, and one that ends as such makes room.
#[test]
fn a_client_with_one_port_has_not_joined() {
    let mut place = Place::new();
    wire(&place.server, 0, true, 70);
    place.does(&[]);
    set_state(&place.server, 0, STATE_CLOSED);
    place.does(&[]);
    let _client = place.join(0);
    place.does(&[ClientEvent::Joined(0)]);
    // It was not there when anybody looked.
    wire(&place.server, 1, true, 71);
    wire(&place.server, 3, false, 72);
    place.leave(1);
    place.does(&[]);
}
