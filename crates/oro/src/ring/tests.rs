//! Tests of Ring control's requests, over Ports that a test answers, and of the tables' reader, over tables
//! that a test writes.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use std::boxed::Box;
use std::string::ToString as _;
use std::vec::Vec;

use oro_sysabi as abi;
use oro_sysabi::{CONTROL_BUSY, CONTROL_DENIED, CONTROL_DONE, Table};

use super::{
    Change, Control, ControlCode, ControlError, ControlReply, ControlRequest, Image, ImageId,
    InstanceId, PortId, PortState, Reason, Restart, Ring, RingId, State, Wire,
};
use crate::test_memory::{TestPort, TestThread};
use crate::{CallError, Consumer, End, Error, Instant, Message as _, Producer, wait};

const PAST: Option<Instant> = Some(Instant::from_ns(0));

/// Control at bindings 0 and 1 of a thread, and the Ports to it. A reply is there before it is asked for,
/// since nobody runs beside: the number of a request is known.
struct Place {
    memory: TestThread,
    ports: [TestPort; 2],
    control: Control,
}

impl Place {
    fn new() -> Self {
        let memory = TestThread::new(2);
        let ports = [TestPort::new(512, 4), TestPort::new(256, 4)];
        ports[0].bind(&memory, 0, false, 4);
        ports[1].bind(&memory, 1, true, 4);
        // SAFETY: the bindings are as the types say, each opened once.
        let requests = unsafe { Producer::open(memory.thread(), 0) };
        // SAFETY: as above.
        let replies = unsafe { Consumer::open(memory.thread(), 1) };
        Self { memory, ports, control: Control::new(requests, replies) }
    }

    /// What is asked by `ask`, which is answered with this code, id and sentence.
    fn answer<T>(
        &mut self,
        (code, id, text): (u32, u64, &[u8]),
        ask: impl FnOnce(&mut Control) -> Result<T, ControlError>,
    ) -> (ControlRequest, Result<T, ControlError>) {
        let [requests, replies] = self.ports;
        let number = requests.produced.load(Relaxed);
        requests.consumed.store(number, Relaxed);
        let mut reply = ControlReply { correlation: number, code, id, ..ControlReply::zeroed() };
        reply.text_length = u32::try_from(text.len()).unwrap();
        let length = text.len().min(reply.text.len());
        reply.text[..length].copy_from_slice(&text[..length]);
        slot::<ControlReply>(&replies, number % 4, |place| *place = reply);
        replies.produced.store(number + 1, Relaxed);
        let result = ask(&mut self.control);
        let mut request = ControlRequest::zeroed();
        slot::<ControlRequest>(&requests, number % 4, |place| request = *place);
        assert_eq!((request.correlation, requests.produced.load(Relaxed)), (number, number + 1));
        request.correlation = 0;
        (request, result)
    }

    /// What is asked, by an operation that is done and has made 7.
    fn ask<T>(
        &mut self,
        ask: impl FnOnce(&mut Control) -> Result<T, ControlError>,
    ) -> (ControlRequest, T) {
        let (request, result) = self.answer((CONTROL_DONE, 7, b""), ask);
        (request, result.unwrap())
    }
}

fn slot<T>(port: &TestPort, slot: u64, access: impl FnOnce(&mut T)) {
    // SAFETY: the leaked window has slots of this size; no other access runs meanwhile.
    access(unsafe { &mut *port.word(slot, 0).as_ptr().cast::<T>() });
}

fn named(name: &str) -> [u8; 32] {
    let mut field = [0; 32];
    field[..name.len()].copy_from_slice(name.as_bytes());
    field
}

const RING: RingId = RingId::from_u64(3);
const ONE: InstanceId = InstanceId::from_u64(0x1_0000_0004);
const OTHER: InstanceId = InstanceId::from_u64(5);
const PORT: PortId = PortId::from_u64(6);

fn blank(operation: u32) -> ControlRequest {
    ControlRequest { operation, ..ControlRequest::zeroed() }
}

/// CTL-4, CTL-6: the builders write the fields that the operation names, and leave the others zero.
#[test]
fn ctl_4_ctl_6_builders_write_what_is_said_and_nothing_else() {
    let mut place = Place::new();
    let (request, ring) = place.ask(|control| control.create(RING, "jail").send());
    let plain = ControlRequest { ring: 3, name: named("jail"), ..blank(abi::CONTROL_CREATE) };
    assert_eq!((request, ring), (plain, RingId::from_u64(7)));
    let (request, _) = place
        .ask(|control| control.create(RING, "jail").memory(1 << 20).ports(9).threads(4).send());
    let quotas = ControlRequest { memory_bytes: 1 << 20, port_count: 9, thread_count: 4, ..plain };
    assert_eq!(request, quotas);

    let module = Image::Module("sieve");
    let (request, instance) = place.ask(|control| control.mount(RING, "a", module).send());
    let mount = ControlRequest { ring: 3, name: named("a"), ..blank(abi::CONTROL_MOUNT) };
    let plain = ControlRequest { module: named("sieve"), ..mount };
    assert_eq!((request, instance), (plain, InstanceId::from_u64(7)));
    let restart = Restart::always().max(5).within(Duration::from_secs(1));
    let restart = restart.backoff(Duration::from_micros(2));
    let loaded = Image::Loaded(ImageId::from_u64(11));
    let (request, _) = place.ask(|control| {
        control.mount(RING, "a", loaded).heap(4096).memory(1 << 20).restart(restart).send()
    });
    let full = ControlRequest {
        image: 11,
        heap_bytes: 4096,
        memory_bytes: 1 << 20,
        restart: abi::CONTROL_RESTART_ALWAYS,
        restart_max: 5,
        restart_within_ns: 1_000_000_000,
        restart_backoff_ns: 2000,
        ..mount
    };
    assert_eq!(request, full);

    let (request, port) = place.ask(|control| control.wire(Wire::from(ONE, "out").to(OTHER, "in")));
    let ends =
        ControlRequest { from: ONE.as_u64(), from_port: named("out"), ..blank(abi::CONTROL_WIRE) };
    let plain = ControlRequest { to: 5, to_port: named("in"), ..ends };
    assert_eq!((request, port), (plain, PortId::from_u64(7)));
    let wire = Wire::from(ONE, "out").to(OTHER, "in").from_element(2).to_element(3).slots(8);
    let (request, _) = place.ask(|control| control.wire(wire.slot_size(4096)));
    let (slot_count, slot_size_bytes, from_element, to_element) = (8, 4096, 2, 3);
    let full = ControlRequest { slot_count, slot_size_bytes, from_element, to_element, ..plain };
    assert_eq!(request, full);
    let (request, _) =
        place.ask(|control| control.wire(Wire::from(ONE, "out").to_builtin("console.log")));
    assert_eq!(request, ControlRequest { to_port: named("console.log"), ..ends });
    let (request, _) =
        place.ask(|control| control.wire(Wire::from_builtin("clock.now").to(OTHER, "in")));
    let from_port = named("clock.now");
    assert_eq!(request, ControlRequest { from: 0, from_port, ..plain });
}

/// CTL-5, CTL-7, CTL-9, CTL-10, CTL-11: the other operations.
#[test]
fn ctl_7_ctl_9_each_operation_names_what_is_meant() {
    let mut place = Place::new();
    let image = [1_u8, 2, 3];
    let (request, id) = place.ask(|control| control.load(&image));
    let address = image.as_ptr().addr() as u64;
    assert_eq!(request, ControlRequest { address, size_bytes: 3, ..blank(abi::CONTROL_LOAD) });
    assert_eq!(id, ImageId::from_u64(7));
    let from = |operation| ControlRequest { from: ONE.as_u64(), ..blank(operation) };
    let ring = |operation| ControlRequest { ring: 3, ..blank(operation) };
    let port = |operation| ControlRequest { port: 6, ..blank(operation) };
    let module = named("m");
    type Ask = fn(&mut Control) -> Result<(), ControlError>;
    let asks: [(Ask, ControlRequest); 15] = [
        (|c| c.remount(RING, ONE), ControlRequest { ring: 3, ..from(abi::CONTROL_REMOUNT) }),
        (|c| c.remount_builtin(RING, "m"), ControlRequest { module, ..ring(abi::CONTROL_REMOUNT) }),
        (|c| c.start(ONE), from(abi::CONTROL_START)),
        (|c| c.start_ring(RING), ring(abi::CONTROL_START)),
        (|c| c.end(ONE), from(abi::CONTROL_END)),
        (|c| c.end_ring(RING), ring(abi::CONTROL_END)),
        (|c| c.restart(ONE), from(abi::CONTROL_RESTART)),
        (
            |c| c.replace(ONE, Image::Module("m")),
            ControlRequest { module, ..from(abi::CONTROL_REPLACE) },
        ),
        (|c| c.forget(ONE), from(abi::CONTROL_FORGET)),
        (|c| c.forget_ring(RING), ring(abi::CONTROL_FORGET)),
        (|c| c.force(PORT), port(abi::CONTROL_FORCE)),
        (|c| c.allow(PORT), port(abi::CONTROL_ALLOW)),
        (|c| c.revoke(PORT), port(abi::CONTROL_REVOKE)),
        (
            |c| c.transfer(PORT, ONE, "m", 2),
            ControlRequest {
                port: 6,
                to_port: module,
                to_element: 2,
                ..from(abi::CONTROL_TRANSFER)
            },
        ),
        (
            |c| c.describe(RING).map(|usage| assert_eq!(usage.memory_limit_bytes, None)),
            ring(abi::CONTROL_DESCRIBE),
        ),
    ];
    for (ask, expected) in asks {
        assert_eq!(place.ask(ask).0, expected);
    }
    let (request, ()) = place.ask(|control| control.param(ONE, "n", "3"));
    let mut expected =
        ControlRequest { name: named("n"), text_length: 1, ..from(abi::CONTROL_PARAM) };
    expected.text[0] = b'3';
    assert_eq!(request, expected);
}

/// CTL-2: a refusal is a code and a sentence.
#[test]
fn ctl_2_a_refusal_says_why() {
    let mut place = Place::new();
    let (_, result) =
        place.answer((CONTROL_DENIED, 0, b"instance 5 is a sibling"), |control| control.end(ONE));
    let error = result.unwrap_err();
    assert_eq!((error.code, &*error.text), (ControlCode::Denied, "instance 5 is a sibling"));
    assert_eq!(error.to_string(), "Ring control has no power over that: instance 5 is a sibling");
    let common = Error::from(error);
    assert_eq!(common, Error::Control(ControlCode::Denied));
    assert_eq!(common.to_string(), "Ring control has no power over that");
    // The sentence is cut inside a character, or its length is impossible, or the code a new one.
    let long = [b'x'; 300];
    for (code, text, expected) in [
        (CONTROL_BUSY, &b"caf\xc3"[..], (ControlCode::Busy, "caf")),
        (CONTROL_BUSY, &long, (ControlCode::Busy, str::from_utf8(&long[..192]).unwrap())),
        (999, b"", (ControlCode::Other, "")),
    ] {
        let (_, result) = place.answer((code, 0, text), |control| control.end(ONE));
        let error = result.unwrap_err();
        assert_eq!((error.code, &*error.text), expected);
    }
    place.memory.set(0, |binding| binding.state = abi::STATE_CLOSED);
    let error = place.control.end(ONE).unwrap_err();
    assert_eq!(error.code, ControlCode::Call(CallError::Closed));
    assert_eq!(Error::from(error), Error::ServerEnded);
}

/// NOTE-6: what does not fit into a request is refused before it is sent.
#[test]
fn note_6_texts_that_do_not_fit_are_not_sent() {
    let mut place = Place::new();
    let (long, text) = ("n".repeat(32), "t".repeat(193));
    let control = &mut place.control;
    let errors = [
        control.create(RING, &long).send().unwrap_err(),
        control.create(RING, "").send().unwrap_err(),
        control.mount(RING, "a", Image::Module(&long)).send().unwrap_err(),
        control.wire(Wire::from(ONE, &long).to(OTHER, &long)).unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.code == ControlCode::Name), "{errors:?}");
    assert!(errors[3].text.starts_with("the producer's port `nnn"), "{}", errors[3]);
    assert!(errors[3].text.ends_with("has 32 bytes, and a name 1 to 31 (NOTE-6)"), "{}", errors[3]);
    let error = control.param(ONE, "n", &text).unwrap_err();
    assert_eq!(error.code, ControlCode::BadRequest);
    assert_eq!(place.ports[0].produced.load(Relaxed), 0);
}

/// A table of leaked entries, with room for more.
fn table<T>(entries: Vec<T>) -> Table {
    let count = u32::try_from(entries.len()).unwrap();
    let stride_bytes = u32::try_from(size_of::<T>()).unwrap();
    let entries = Vec::leak(entries).as_mut_ptr().expose_provenance() as u64;
    Table { entries, stride_bytes, count, capacity: count + 1, ..Table::default() }
}

fn instance(id: u64, name: &str, state: u32) -> abi::Instance {
    abi::Instance { id, name: named(name), state, ..abi::Instance::default() }
}

/// A thread in a Ring `outer` with a child `inner`, and that Ring in place.
fn make_tables() -> (TestThread, *mut abi::Ring) {
    let faulted = abi::Instance {
        reason: abi::REASON_PANIC,
        restarts: 2,
        module: named("m"),
        ..instance(9, "child", abi::INSTANCE_FAULTED)
    };
    let ended = abi::Instance { status: 4, ..instance(8, "done", abi::INSTANCE_ENDED) };
    let port = abi::Port {
        id: 6,
        slot_count: 4,
        flags: abi::PORT_FORCED_SYNCHRONOUS,
        state: abi::PORT_PRODUCER_ENDED,
        producer: abi::End { instance_id: 9, cursor: 12, ..abi::End::default() },
        producer_ring: 3,
        ..abi::Port::default()
    };
    let inner = abi::Ring {
        magic: abi::RING_MAGIC,
        id: 3,
        name: named("inner"),
        instances: table(std::vec![faulted, abi::Instance::default(), ended]),
        ports: table(std::vec![abi::Port::default(), port]),
        ..abi::Ring::default()
    };
    let outer = abi::Ring {
        magic: abi::RING_MAGIC,
        id: 0x1_0000_0000,
        generation: 4,
        name: named("outer"),
        instances: table(std::vec![
            instance(2, "init", abi::INSTANCE_RUNNING),
            instance(0, "console", abi::INSTANCE_RUNNING),
        ]),
        children: table(std::vec![abi::Ring::default(), inner]),
        ..abi::Ring::default()
    };
    let memory = TestThread::new(0);
    let ring = Box::into_raw(Box::new(outer));
    memory.set_root(|root| root.ring = ring.expose_provenance() as u64);
    (memory, ring)
}

/// META-4, META-5, META-6, RING-2: the own Ring and its descendants, without what was forgotten.
#[test]
fn meta_5_tables_show_rings_instances_and_ports() {
    let (memory, _) = make_tables();
    let own = Ring::own(memory.thread());
    assert_eq!((&*own.name(), own.id().as_u64(), own.generation()), ("outer", 0x1_0000_0000, 4));
    let names: Vec<_> = own.instances().map(|one| (one.name.to_string(), one.id)).collect();
    let expected = [("init".into(), Some(InstanceId::from_u64(2))), ("console".into(), None)];
    assert_eq!(names, expected);
    let children: Vec<_> = own.children().collect();
    let [inner] = children[..] else { panic!("{children:?}") };
    assert_eq!((&*inner.name(), inner.id()), ("inner", RING));
    assert_eq!(
        inner.instances().map(|one| one.name.to_string()).collect::<Vec<_>>(),
        ["child", "done"]
    );
    let child = own.find_instance(InstanceId::from_u64(9)).unwrap();
    assert_eq!((child.state, child.reason, child.restarts), (State::Faulted, Reason::Panic, 2));
    assert_eq!(&*child.module, "m");
    assert!(own.find_instance(InstanceId::from_u64(10)).is_none());
    assert!(own.find_instance(InstanceId::from_u64(0)).is_none());
    assert_eq!(own.find_ring(RING).map(|ring| ring.id()), Some(RING));
    assert!(own.find_ring(RingId::from_u64(12)).is_none());
    let port = own.find_port(PORT).unwrap();
    assert_eq!((port.state, port.is_forced, port.slot_count), (PortState::ProducerEnded, true, 4));
    assert_eq!((port.producer.instance, port.producer.count), (Some(InstanceId::from_u64(9)), 12));
    assert_eq!((port.producer.ring, port.consumer.instance), (Some(RING), None));
    assert!(inner.find_port(PortId::from_u64(1)).is_none());
}

/// META-7: while the generation is odd nothing is read, and a change of it ends a wait (GATE-3).
#[test]
fn meta_7_readers_wait_for_the_tables_to_come_to_rest() {
    let (memory, ring) = make_tables();
    let own = Ring::own(memory.thread());
    // SAFETY: inside the leaked Ring.
    let generation = unsafe { &raw mut (*ring).generation };
    // SAFETY: leaked, and an aligned u64, which is loaded beside this by atomic loads alone.
    let generation = unsafe { AtomicU64::from_ptr(generation) };
    let change = Change { generation: own.generation() };
    assert!(wait(memory.thread(), &[&change], PAST).is_empty());
    generation.store(5, Relaxed);
    assert!(!wait(memory.thread(), &[&change], None).is_empty());
    std::thread::scope(|scope| {
        let clock = memory.run_clock(100_000);
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(2));
            generation.store(6, Relaxed);
        });
        assert_eq!(&*own.name(), "outer");
        assert_eq!(generation.load(Relaxed), 6);
        drop(clock);
    });
}

/// META-8: the end of an instance shows in its state, whatever the generation.
#[test]
fn meta_8_an_end_is_waited_for_by_looking() {
    let (memory, ring) = make_tables();
    let own = Ring::own(memory.thread());
    let pause = Duration::from_micros(200);
    let done = own.wait_for_end(InstanceId::from_u64(8), pause, None).unwrap();
    assert_eq!((done.state, done.status), (State::Ended, 4));
    assert!(own.wait_for_end(InstanceId::from_u64(77), pause, None).is_none());
    let init = own.wait_for_end(InstanceId::from_u64(2), pause, PAST).unwrap();
    assert_eq!((init.state, init.state.is_over()), (State::Running, false));
    std::thread::scope(|scope| {
        let clock = memory.run_clock(100_000);
        // SAFETY: leaked; inside the table of instances, whose first entry is `init`.
        let at = unsafe { (*ring).instances.entries };
        let at = crate::shared::pointer(at).cast::<abi::Instance>();
        // SAFETY: as above.
        let state = unsafe { &raw mut (*at).state };
        // SAFETY: an aligned u32, which is loaded beside this by atomic loads alone.
        let state = unsafe { AtomicU32::from_ptr(state) };
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(2));
            state.store(abi::INSTANCE_FAULTED, Relaxed);
        });
        let init = own.wait_for_end(InstanceId::from_u64(2), pause, None).unwrap();
        assert_eq!(init.state, State::Faulted);
        drop(clock);
    });
}
