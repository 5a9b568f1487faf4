//! The target `gate_request`.

use std::cell::RefCell;

use oro_kernel::{
    BindingOwner, Condition, Effect, EndpointId, Event, GateRequest, InstanceId, InstanceSetup,
    Kernel, Owner, PortId, PortSetup, RequestProblem, Setup, Side, ThreadId, ThreadSetup,
    decode_request,
};
use oro_sysabi as abi;

use crate::bytes::Bytes;

const THREAD: ThreadId = ThreadId(0);
/// The thread's endpoint of each wired binding, 0 and 1.
const ENDS: [EndpointId; 2] = [
    EndpointId { port: PortId(0), side: Side::Producer },
    EndpointId { port: PortId(1), side: Side::Consumer },
];
/// A binding that is the thread's and not wired.
const UNWIRED: u32 = 2;
/// The words of the instance's memory.
const MEMORY: std::ops::Range<u64> = 0x4000..0x4040;

/// Any bytes as a request page, as a thread leaves it when it touches its gate (`GATE-2`, `GATE-3`);
/// what is accepted goes on into the core.
///
/// Few bytes stand for a page that has zeros behind them.
///
/// # Panics
///
/// If a request is accepted that breaks a rule, or read twice, or makes the core fail.
#[must_use]
pub fn gate_request(bytes: &[u8]) -> bool {
    let request = read_page(bytes);
    let loaded = RefCell::new(Vec::new());
    let decoded = decode_request(&request, find_binding, |address| {
        loaded.borrow_mut().push(address);
        load_word(address)
    });
    let loaded = loaded.into_inner();
    assert!(loaded.len() <= abi::CONDITION_COUNT as usize, "GATE-2: each word is read once");
    match &decoded {
        Ok(accepted) => check_accepted(&request, accepted, &loaded),
        Err(problem) => check_problem(&request, *problem),
    }
    touch_gate(decoded.clone());
    decoded.is_ok()
}

fn find_binding(index: u32) -> BindingOwner {
    match (index, ENDS.get(index as usize)) {
        (_, Some(end)) => BindingOwner::Own(*end),
        (UNWIRED, None) => BindingOwner::Unwired,
        _ => BindingOwner::Nobody,
    }
}

fn load_word(address: u64) -> Option<u32> {
    let is_word = MEMORY.contains(&address) && address.is_multiple_of(4);
    is_word.then(|| u32::try_from(address % 3).expect("small"))
}

/// The fields of a page that some bytes are the beginning of.
fn read_page(bytes: &[u8]) -> abi::Request {
    let mut page = bytes.to_vec();
    page.resize(size_of::<abi::Request>(), 0);
    let mut bytes = Bytes(&page);
    let mut word = || bytes.u64().expect("the page is whole");
    let halves = |word: u64| {
        let [low, high] = [word, word >> 32].map(|half| half & u64::from(u32::MAX));
        [low, high].map(|half| u32::try_from(half).expect("masked"))
    };
    let reserved0 = word();
    let [flags, count] = halves(word());
    abi::Request {
        reserved0,
        flags,
        count,
        deadline_ns: word(),
        exit_status: word(),
        reserved1: std::array::from_fn(|_| word()),
        conditions: std::array::from_fn(|_| {
            let [kind, index] = halves(word());
            abi::Condition { kind, index, value: word() }
        }),
        reserved2: std::array::from_fn(|_| word()),
        last_words_length: 0,
        last_words_kind: 0,
        last_words: [0; abi::LAST_WORDS_SIZE as usize],
    }
}

fn check_accepted(request: &abi::Request, accepted: &GateRequest, loaded: &[u64]) {
    assert!(request.count <= abi::CONDITION_COUNT, "GATE-3");
    assert_eq!((request.flags, request.reserved0, request.reserved1), (0, 0, [0; 4]), "GATE-3");
    assert_eq!(request.reserved2, [0; 120], "GATE-3");
    assert_eq!(accepted.conditions.len(), request.count as usize);
    assert_eq!(accepted.deadline_ns.unwrap_or(abi::NO_DEADLINE), request.deadline_ns);
    let mut loaded = loaded.iter();
    for (condition, raw) in accepted.conditions.iter().zip(&request.conditions) {
        let end = ENDS.get(raw.index as usize).copied();
        match *condition {
            Condition::Peer { end: of, value } => {
                assert_eq!((raw.kind, Some(of), value), (abi::WAIT_PEER, end, raw.value));
            }
            Condition::Binding { binding, end: of, seen } => {
                assert_eq!((raw.kind, of, seen), (abi::WAIT_BINDING, end, raw.value));
                assert_eq!(binding, raw.index);
                assert!(raw.index <= UNWIRED, "GATE-3: somebody else's binding");
            }
            Condition::Ring { generation } => {
                assert_eq!((raw.kind, generation), (abi::WAIT_RING, raw.value));
            }
            Condition::Word { address, has_changed } => {
                let word = load_word(address).expect("GATE-3: no word of the instance");
                assert_eq!((raw.kind, address), (abi::WAIT_WORD, raw.value));
                assert_eq!(has_changed, word != raw.index);
                assert_eq!(loaded.next(), Some(&address), "GATE-2: read once");
            }
            Condition::Wake { address } => {
                assert_eq!((raw.kind, address), (abi::WAKE_WORD, raw.value));
                assert!(load_word(address).is_some(), "GATE-3: no word of the instance");
                assert_eq!(loaded.next(), Some(&address), "GATE-2: read once");
            }
        }
    }
    assert_eq!(loaded.next(), None);
}

/// What is said to be wrong is wrong.
fn check_problem(request: &abi::Request, problem: RequestProblem) {
    let at = |condition: u32| {
        assert!(condition < request.count.min(abi::CONDITION_COUNT));
        request.conditions[condition as usize]
    };
    match problem {
        RequestProblem::TooManyConditions { count } => {
            assert!(count == request.count && count > abi::CONDITION_COUNT);
        }
        RequestProblem::ReservedNotZero => {
            let words = [request.reserved0, u64::from(request.flags)];
            let mut words = words.iter().chain(&request.reserved1).chain(&request.reserved2);
            assert!(words.any(|word| *word != 0));
        }
        RequestProblem::UnknownKind { condition, kind } => {
            assert_eq!(at(condition).kind, kind);
            assert!(!(abi::WAIT_PEER..=abi::WAKE_WORD).contains(&kind));
        }
        RequestProblem::NoSuchBinding { condition, binding } => {
            assert_eq!(at(condition).index, binding);
            assert!(binding > UNWIRED);
        }
        RequestProblem::NotWired { condition, binding } => {
            assert_eq!((at(condition).index, binding), (UNWIRED, UNWIRED));
        }
        RequestProblem::BadAddress { condition, address } => {
            assert_eq!(at(condition).value, address);
            assert_eq!(load_word(address), None);
        }
    }
}

/// The core takes it: the thread is blocked, or goes on, or its instance ends, and no other.
fn touch_gate(request: Result<GateRequest, RequestProblem>) {
    let thread = |instance| ThreadSetup { instance: InstanceId(instance), is_managed: true };
    let port = |producer, consumer| PortSetup {
        slot_count: 4,
        producer: Owner::Thread(ThreadId(producer)),
        consumer: Owner::Thread(ThreadId(consumer)),
        upgrade: oro_kernel::Upgrade::Allowed,
        drops_at_restart: false,
    };
    let mut kernel = Kernel::new(Setup {
        instances: vec![InstanceSetup::default(); 2],
        threads: vec![thread(0), thread(1)],
        ports: vec![port(0, 1), port(1, 0)],
        ..Setup::default()
    });
    let mut effects = Vec::new();
    kernel.step(Event::Start, &mut effects);
    effects.clear();
    let is_good = request.is_ok();
    kernel.step(Event::GateTouched { thread: THREAD, gate: 0, request }, &mut effects);
    assert_eq!(kernel.is_live(THREAD), is_good, "GATE-3: a bad request ends its instance");
    assert!(kernel.is_live(ThreadId(1)), "BLAME-1: and no other");
    let is_resumed = effects.contains(&Effect::Resume(THREAD));
    let is_blocked = kernel.armed_gate(THREAD).is_none();
    assert!(!is_good || is_resumed != is_blocked, "it is blocked, or goes on");
}
