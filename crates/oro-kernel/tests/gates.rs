//! What exactly the core says at gates (`GATE`), and which requests it refuses.

mod support;

use oro_kernel::{
    BindingOwner, Condition, Effect, Event, GateRequest, InstanceEnd, InstanceId, PeerState,
    RequestProblem, Timer, Tuning, Wait, WaitPlace, decode_request,
};
use oro_sysabi::{
    CAUSE_CONDITION, CAUSE_DEADLINE, CAUSE_NONE, CONDITION_COUNT, Condition as RawCondition,
    NO_DEADLINE, Request, STATE_CLOSED, STATE_UNWIRED, STATE_WIRED, WAIT_BINDING, WAIT_PEER,
    WAIT_RING, WAIT_WORD, WAKE_WORD,
};

use support::{EAGER, IN, OUT, Pair, SINK, SOURCE, open_gate, wait_for};

/// GATE-3, GATE-4: what each kind of condition says when it is looked at.
#[test]
fn gate_3_each_condition_holds_when_it_should() {
    let mut pair = Pair::start(Tuning::default());
    pair.pass(OUT);
    let wired = Some(IN);
    for (condition, holds) in [
        (Condition::Peer { end: IN, value: 0 }, true),
        (Condition::Peer { end: IN, value: 1 }, false),
        (Condition::Peer { end: IN, value: u64::MAX }, false),
        (Condition::Ring { generation: 2 }, false),
        (Condition::Ring { generation: 0 }, true),
        (Condition::Binding { binding: 0, end: wired, seen: u64::from(STATE_WIRED) }, false),
        (
            Condition::Binding { binding: 0, end: wired, seen: u64::from(STATE_WIRED) | 1 << 32 },
            true,
        ),
        (Condition::Binding { binding: 0, end: wired, seen: u64::from(STATE_CLOSED) }, true),
        (Condition::Binding { binding: 1, end: None, seen: u64::from(STATE_UNWIRED) }, false),
        (Condition::Binding { binding: 1, end: None, seen: u64::from(STATE_WIRED) }, true),
        (Condition::Word { address: 4, has_changed: false }, false),
        (Condition::Word { address: 4, has_changed: true }, true),
        (Condition::Wake { address: 4 }, true),
    ] {
        let mut conditions = vec![Condition::Ring { generation: 2 }; CONDITION_COUNT as usize];
        conditions[127] = condition;
        let request = GateRequest { conditions, deadline_ns: None };
        let effects = pair.clone().touch_gate(SINK, 0, request);
        if holds {
            assert_eq!(effects, open_gate(SINK, 0, CAUSE_CONDITION, 1 << 127), "{condition:?}");
        } else {
            assert_eq!(effects, [], "{condition:?}");
        }
    }
}

/// GATE-5: what comes to hold later wakes: a message, an end, each with all the bits that hold then.
#[test]
fn gate_5_what_comes_to_hold_wakes() {
    let seen = u64::from(STATE_WIRED);
    let request = GateRequest {
        conditions: vec![
            Condition::Peer { end: IN, value: 1 },
            Condition::Binding { binding: 0, end: Some(IN), seen },
            Condition::Peer { end: IN, value: 0 },
        ],
        deadline_ns: None,
    };
    let mut pair = Pair::start(Tuning::default());
    assert_eq!(pair.touch_gate(SINK, 0, request), []);
    let mut ended = pair.clone();
    let effects = pair.pass(OUT);
    assert_eq!(effects[3..5], open_gate(SINK, 0, CAUSE_CONDITION, 0b100));
    let effects = ended.step(Event::KillInstance { instance: InstanceId(0) });
    let told = Effect::PublishPeer { end: IN, state: PeerState::Faulted, epoch: 0 };
    assert_eq!(effects[3], told, "the binding says it before the thread looks");
    assert_eq!(effects[4..], open_gate(SINK, 0, CAUSE_CONDITION, 0b111));
}

/// GATE-4, GATE-6: nothing to wait for, only a look, a time, for ever.
#[test]
fn gate_6_deadlines() {
    let pair = Pair::start(EAGER);
    let touch = |request| pair.clone().touch_gate(SINK, 0, request);
    let idle = vec![Condition::Ring { generation: 2 }];
    let with = |conditions: &[Condition], deadline_ns| GateRequest {
        conditions: conditions.to_vec(),
        deadline_ns,
    };
    let timer = Timer::Gate(SINK);
    assert_eq!(touch(with(&[], None)), open_gate(SINK, 0, CAUSE_NONE, 0));
    assert_eq!(touch(with(&[], Some(0))), open_gate(SINK, 0, CAUSE_DEADLINE, 0));
    assert_eq!(touch(with(&idle, Some(0))), open_gate(SINK, 0, CAUSE_DEADLINE, 0));
    assert_eq!(touch(with(&idle, None)), []);
    for after_ns in [1, u64::MAX - 1] {
        let sleep = [Effect::StartTimer { timer, after_ns }];
        assert_eq!(touch(with(&[], Some(after_ns))), sleep);
        assert_eq!(touch(with(&idle, Some(after_ns))), sleep);
    }
    // What holds first ends the deadline.
    let mut pair = pair;
    pair.touch_gate(SINK, 0, GateRequest { deadline_ns: Some(9), ..wait_for(IN, 0) });
    let mut expected = vec![Effect::StopTimer { timer }];
    expected.extend(open_gate(SINK, 0, CAUSE_CONDITION, 1));
    assert_eq!(pair.pass(OUT)[3..6], expected);
    assert_eq!(pair.step(Event::TimerExpired { timer }), [], "a late one");
}

/// GATE-1, NAIVE-8: the page that is not armed does nothing; a repeated fault changes nothing.
#[test]
fn gate_1_only_the_armed_page_is_a_gate() {
    let mut pair = Pair::start(EAGER);
    let nonsense = Err(RequestProblem::ReservedNotZero);
    let other = Event::GateTouched { thread: SINK, gate: 1, request: nonsense };
    assert_eq!(pair.step(other.clone()), [Effect::Resume(SINK)], "GATE-2: not even read");
    assert_eq!(pair.touch_gate(SINK, 0, wait_for(IN, 0)), []);
    let before = pair.kernel.clone();
    assert_eq!(pair.touch_gate(SINK, 0, GateRequest::default()), []);
    assert_eq!(pair.kernel, before);
    pair.pass(OUT);
    assert_eq!(pair.kernel.armed_gate(SINK), Some(1));
    assert_eq!(pair.touch_gate(SINK, 0, wait_for(IN, 0)), [Effect::Resume(SINK)]);
    let problem = RequestProblem::ReservedNotZero;
    let end = InstanceEnd::BadRequest { thread: SINK, problem };
    let ended = Effect::EndInstance { instance: InstanceId(1), end, restart: false };
    assert_eq!(pair.step(other)[0], ended);
}

/// GATE-8, NAIVE-1: a naive thread's gate flushes before anything is looked at.
#[test]
fn gate_8_a_gate_is_a_fresh_touch() {
    let mut pair = Pair::start_with(EAGER, |setup| setup.threads[0].is_managed = false);
    pair.step(Event::CellTouched { end: OUT, cell: 0 });
    let mut expected = vec![
        Effect::ProtectCell { end: OUT, cell: 0 },
        Effect::CollectCell { end: OUT, cell: 0, number: 0 },
        Effect::PublishCursor { end: OUT, value: 1 },
    ];
    expected.extend(open_gate(SOURCE, 0, CAUSE_NONE, 0));
    assert_eq!(pair.touch_gate(SOURCE, 0, GateRequest::default()), expected);
}

/// GATE-7: who changes a word wakes the threads of its own instance that wait for it.
#[test]
fn gate_7_a_word_wakes_within_its_instance() {
    let wake =
        |address| GateRequest { conditions: vec![Condition::Wake { address }], deadline_ns: None };
    let wait = GateRequest {
        conditions: vec![
            Condition::Word { address: 60, has_changed: false },
            Condition::Word { address: 64, has_changed: false },
        ],
        deadline_ns: None,
    };
    let mut two = Pair::start(EAGER);
    assert_eq!(two.touch_gate(SINK, 0, wait.clone()), []);
    assert_eq!(two.touch_gate(SOURCE, 0, wake(64)), open_gate(SOURCE, 0, CAUSE_CONDITION, 1));
    let mut one = Pair::start_with(EAGER, |setup| {
        setup.instances.pop();
        setup.threads[1].instance = InstanceId(0);
    });
    assert_eq!(one.touch_gate(SINK, 0, wait), []);
    assert_eq!(one.touch_gate(SOURCE, 0, wake(68)), open_gate(SOURCE, 0, CAUSE_CONDITION, 1));
    let mut expected = open_gate(SINK, 0, CAUSE_CONDITION, 0b10).to_vec();
    expected.extend(open_gate(SOURCE, 1, CAUSE_CONDITION, 1));
    assert_eq!(one.touch_gate(SOURCE, 1, wake(64)), expected);
}

fn new_request(conditions: &[RawCondition]) -> Request {
    let mut all = [RawCondition::default(); CONDITION_COUNT as usize];
    all[..conditions.len()].copy_from_slice(conditions);
    Request {
        reserved0: 0,
        flags: 0,
        count: u32::try_from(conditions.len()).expect("few"),
        deadline_ns: NO_DEADLINE,
        exit_status: 0,
        reserved1: [0; 4],
        conditions: all,
        reserved2: [0; 120],
        last_words_length: 0,
        last_words_kind: 0,
        last_words: [0; 1016],
    }
}

fn decode(request: &Request) -> Result<GateRequest, RequestProblem> {
    let find_binding = |index| match index {
        0 => BindingOwner::Own(IN),
        1 => BindingOwner::Unwired,
        _ => BindingOwner::Nobody,
    };
    // One word, at 64, with the value 7.
    decode_request(request, find_binding, |address| (address == 64).then_some(7))
}

/// GATE-2, GATE-3: a request that can be understood.
#[test]
fn gate_3_requests_are_decoded() {
    let raw = |kind, index, value| RawCondition { kind, index, value };
    let mut request = new_request(&[
        raw(WAIT_PEER, 0, u64::MAX),
        raw(WAIT_RING, 0, 5),
        raw(WAIT_BINDING, 0, 6),
        raw(WAIT_BINDING, 1, 7),
        raw(WAIT_WORD, 7, 64),
        raw(WAIT_WORD, 8, 64),
        raw(WAKE_WORD, 0, 64),
    ]);
    let conditions = vec![
        Condition::Peer { end: IN, value: u64::MAX },
        Condition::Ring { generation: 5 },
        Condition::Binding { binding: 0, end: Some(IN), seen: 6 },
        Condition::Binding { binding: 1, end: None, seen: 7 },
        Condition::Word { address: 64, has_changed: false },
        Condition::Word { address: 64, has_changed: true },
        Condition::Wake { address: 64 },
    ];
    let decoded = GateRequest { conditions, deadline_ns: None };
    assert_eq!(decode(&request), Ok(decoded.clone()));
    request.deadline_ns = 0;
    // Conditions beyond the count are not read, and last words are for whom they concern.
    request.conditions[7] = raw(99, 99, 99);
    request.last_words_length = u32::MAX;
    assert_eq!(decode(&request), Ok(GateRequest { deadline_ns: Some(0), ..decoded }));
    assert_eq!(decode(&new_request(&[])), Ok(GateRequest::default()));
    let full = new_request(&[raw(WAIT_RING, 0, 1); CONDITION_COUNT as usize]);
    assert_eq!(decode(&full).map(|request| request.conditions.len()), Ok(128));
}

/// GATE-3: one that cannot be: which condition, and why.
#[test]
fn gate_3_rubbish_is_refused_by_name() {
    let ring = RawCondition { kind: WAIT_RING, index: 0, value: 1 };
    let refuse = |kind, index, value| {
        decode(&new_request(&[ring, RawCondition { kind, index, value }])).expect_err("rubbish")
    };
    let condition = 1;
    for kind in [0, 6, u32::MAX] {
        assert_eq!(refuse(kind, 0, 0), RequestProblem::UnknownKind { condition, kind });
    }
    for (kind, binding) in [(WAIT_PEER, 2), (WAIT_PEER, u32::MAX), (WAIT_BINDING, 2)] {
        assert_eq!(refuse(kind, binding, 0), RequestProblem::NoSuchBinding { condition, binding });
    }
    assert_eq!(refuse(WAIT_PEER, 1, 0), RequestProblem::NotWired { condition, binding: 1 });
    for (kind, address) in [(WAIT_WORD, 65), (WAKE_WORD, 0), (WAIT_WORD, u64::MAX)] {
        assert_eq!(refuse(kind, 0, address), RequestProblem::BadAddress { condition, address });
    }
    let mut request = new_request(&[]);
    for count in [CONDITION_COUNT + 1, u32::MAX] {
        request.count = count;
        assert_eq!(decode(&request), Err(RequestProblem::TooManyConditions { count }));
    }
    let dirty: [fn(&mut Request); 4] = [
        |request| request.reserved0 = 1,
        |request| request.flags = 1 << 31,
        |request| request.reserved1[3] = 1,
        |request| request.reserved2[119] = 1,
    ];
    for soil in dirty {
        let mut request = new_request(&[ring]);
        soil(&mut request);
        assert_eq!(decode(&request), Err(RequestProblem::ReservedNotZero));
    }
}

/// I10, GATE: threads that wait for each other at gates, where nothing can come true by itself.
#[test]
fn gate_a_deadlock_names_what_is_waited_for() {
    let mut pair = Pair::start_shared(EAGER);
    pair.touch_gate(SOURCE, 0, wait_for(OUT, 1));
    pair.touch_gate(SINK, 0, wait_for(IN, 2));
    assert_eq!(pair.kernel.deadlock(), [], "two protections have not been answered");
    pair.answer(IN, 1);
    pair.answer(OUT, 2);
    let place = |request: GateRequest| WaitPlace::Gate(request.conditions);
    assert_eq!(
        pair.kernel.deadlock(),
        [
            Wait { thread: SOURCE, place: place(wait_for(OUT, 1)) },
            Wait { thread: SINK, place: place(wait_for(IN, 2)) },
        ]
    );
    let mut timed = Pair::start(EAGER);
    timed.touch_gate(SOURCE, 0, wait_for(OUT, 1));
    timed.touch_gate(SINK, 0, GateRequest { deadline_ns: Some(9), ..wait_for(IN, 2) });
    assert_eq!(timed.kernel.deadlock(), []);
    let mut writer = Pair::start_writer(EAGER);
    writer.touch_gate(SOURCE, 0, wait_for(OUT, 1));
    assert_eq!(writer.kernel.deadlock(), [], "a built-in may yet do something");
    writer.step(Event::KernelClosed { end: IN, has_failed: false });
    assert_eq!(writer.kernel.armed_gate(SOURCE), Some(1));
}
