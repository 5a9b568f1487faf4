//! Systems and lists of actions at random, which proptest shrinks.

use oro_kernel::{
    FaultCause, InstanceId, InstanceSetup, Owner, PortSetup, RequestProblem, Restart, RestartOn,
    Setup, ThreadId, ThreadSetup, Tuning, Upgrade,
};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};

use super::actions::{Action, Cheat, Control};

fn list_cheats() -> impl Strategy<Value = Cheat> {
    let problem = RequestProblem::ReservedNotZero;
    prop_oneof![
        4 => (0..2_u32).prop_map(Cheat::TouchCell),
        2 => Just(Cheat::TouchWord),
        1 => prop_oneof![any::<u64>(), Just(0), Just(2)].prop_map(Cheat::StoreWord),
        4 => Just(Cheat::TouchCursor),
        1 => Just(Cheat::TouchQueue),
        8 => prop_oneof![
            4 => 0..4_u64,
            2 => (1..4_u64).prop_map(u64::wrapping_neg),
            1 => Just(1 << 63),
            1 => Just((1 << 63) - 1),
            1 => Just(u64::MAX / 4),
            1 => any::<u64>(),
        ].prop_map(Cheat::StoreCursor),
        3 => (0..2_u32, prop_oneof![9 => Just(None), 1 => Just(Some(problem))])
            .prop_map(|(gate, problem)| Cheat::TouchGate(gate, problem)),
        1 => Just(Cheat::TouchForeign),
        1 => (0..3_u64).prop_map(Cheat::Exit),
        1 => (0..3_u64).prop_map(Cheat::ExitInstance),
    ]
}

fn list_requests() -> impl Strategy<Value = Control> {
    let numbers = (any::<u32>(), any::<u32>(), any::<u32>());
    prop_oneof![
        2 => any::<u32>().prop_map(Control::Mount),
        4 => numbers.prop_map(|(from, to, how)| Control::Wire(from, to, how)),
        2 => any::<u32>().prop_map(Control::Start),
        1 => any::<u32>().prop_map(Control::Replace),
        1 => any::<u32>().prop_map(Control::Revoke),
        2 => (any::<u32>(), any::<u32>()).prop_map(|(end, thread)| Control::Transfer(end, thread)),
        3 => any::<u32>().prop_map(Control::Drop),
    ]
}

pub(crate) fn list_actions() -> impl Strategy<Value = Vec<Action>> {
    let cause = prop_oneof![
        Just(FaultCause::Trap),
        Just(FaultCause::SystemCall),
        Just(FaultCause::Panic),
        Just(FaultCause::Killed),
    ];
    let action = prop_oneof![
        60 => (any::<u32>(), any::<u32>()).prop_map(|(thread, how)| Action::Run(thread, how)),
        20 => (any::<u32>(), any::<u32>(), 0..100_u8)
            .prop_map(|(port, how, count)| Action::Pump(port, how, count)),
        30 => (any::<u32>(), list_cheats()).prop_map(|(end, cheat)| Action::Cheat(end, cheat)),
        20 => Just(Action::Answer),
        10 => Just(Action::Poll),
        6 => any::<u32>().prop_map(Action::Look),
        10 => any::<u32>().prop_map(Action::Expire),
        2 => any::<u32>().prop_map(Action::ExpireLate),
        4 => any::<u32>().prop_map(Action::Force),
        4 => any::<u32>().prop_map(Action::Allow),
        1 => (any::<u32>(), cause).prop_map(|(thread, cause)| Action::Fault(thread, cause)),
        1 => any::<u32>().prop_map(Action::Kill),
        5 => any::<u32>().prop_map(Action::Restart),
        1 => any::<u32>().prop_map(Action::FailRestart),
        10 => (any::<u32>(), any::<u32>()).prop_map(|(end, count)| Action::Serve(end, count)),
        6 => any::<u32>().prop_map(Action::Wait),
        1 => (any::<u32>(), any::<bool>()).prop_map(|(end, failed)| Action::Close(end, failed)),
        20 => list_requests().prop_map(Action::Control),
    ];
    vec(action, 0..160)
}

/// A system, and which of its instances are hostile.
pub(crate) fn make_system() -> impl Strategy<Value = (Setup, Vec<bool>)> {
    let policy = (
        prop_oneof![2 => Just(RestartOn::Fault), 1 => Just(RestartOn::Always)],
        0..3_u32,
        0..2_u64,
        0..2_u64,
    );
    let policy = policy.prop_map(|(on, max, within_ns, backoff_ns)| Restart {
        on,
        max,
        within_ns,
        backoff_ns,
    });
    let instances = vec((policy, any::<bool>()), 1..4);
    let threads = vec((any::<u32>(), prop_oneof![3 => Just(true), 1 => Just(false)]), 0..4);
    let upgrade = prop_oneof![
        8 => Just(Upgrade::Allowed),
        1 => Just(Upgrade::Forced),
        1 => Just(Upgrade::Unsupported),
    ];
    let ports = vec((0..3_u32, any::<u32>(), any::<u32>(), upgrade, any::<bool>()), 1..6);
    let small =
        (0..3_u32, 0..3_u32, 1..4_u32).prop_map(|(threshold, doubling_limit, ring_limit)| Tuning {
            threshold,
            doubling_limit,
            ring_limit,
        });
    let tuning = prop_oneof![Just(Tuning::default()), small];
    (instances, threads, ports, tuning).prop_map(|(instances, threads, ports, tuning)| {
        let instance_count = u32::try_from(instances.len()).expect("few");
        let firsts = (0..instance_count).map(|id| (id, id != 2));
        let threads: Vec<ThreadSetup> = firsts
            .chain(threads)
            .map(|(instance, is_managed)| ThreadSetup {
                instance: InstanceId(instance % instance_count),
                is_managed,
            })
            .collect();
        let thread_count = u32::try_from(threads.len()).expect("few");
        let owner = |number: u32| match number % (thread_count + 1) {
            0 => Owner::Kernel,
            thread => Owner::Thread(ThreadId(thread - 1)),
        };
        let hostile = instances.iter().map(|(_, is_hostile)| *is_hostile).collect();
        let setup = Setup {
            instances: instances
                .into_iter()
                .map(|(restart, _)| InstanceSetup { restart })
                .collect(),
            threads,
            ports: ports
                .into_iter()
                .map(|(power, from, to, upgrade, drops_at_restart)| PortSetup {
                    slot_count: 1 << power,
                    producer: owner(from),
                    consumer: owner(to),
                    upgrade,
                    drops_at_restart,
                })
                .collect(),
            tuning,
        };
        (setup, hostile)
    })
}
