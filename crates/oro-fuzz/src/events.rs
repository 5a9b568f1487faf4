//! The target `events`.
//!
//! What happens then, and what must hold after each step, is in the random tests of `oro-kernel`;
//! this has only what turns bytes to a system and a list of actions.

use oro_kernel::{
    FaultCause, InstanceId, InstanceSetup, Owner, PortSetup, RequestProblem, Restart, RestartOn,
    Setup, ThreadId, ThreadSetup, Tuning, Upgrade,
};

use self::actions::{Action, Cheat, Control};
use self::world::Run;
use crate::bytes::Bytes;

#[macro_use]
#[path = "../../oro-kernel/tests/random/ensure.rs"]
mod ensure;

#[path = "../../oro-kernel/tests/random/actions.rs"]
mod actions;
#[path = "../../oro-kernel/tests/random/control.rs"]
mod control;
#[path = "../../oro-kernel/tests/random/effects.rs"]
mod effects;
#[path = "../../oro-kernel/tests/random/threads.rs"]
mod threads;
#[path = "../../oro-kernel/tests/random/world.rs"]
mod world;

/// So that one input takes little time.
const MAX_ACTIONS: usize = 128;
const MAX_PUMPED: u32 = 128;

/// Any bytes as a system and a list of what happens in it: threads that keep the rules, hostile ones
/// that do not, built-in ends, operators, timers, restarts, and what Ring control does (`KRN-1`, `KRN-3`, `BLAME-1`,
/// `PORT-8`, `END-13`, `END-14`).
///
/// # Panics
///
/// If the core does, or says what it must not.
#[must_use]
pub fn events(bytes: &[u8]) -> bool {
    let mut bytes = Bytes(bytes);
    let Some((setup, hostile)) = decode_system(&mut bytes) else { return false };
    let mut pumped_count = 0;
    let result = Run::start(setup, hostile).and_then(|mut run| {
        for _ in 0..MAX_ACTIONS {
            let Some(mut action) = decode_action(&mut bytes) else { break };
            if let Action::Pump(_, _, count) = &mut action {
                pumped_count += u32::from(*count);
                *count = if pumped_count > MAX_PUMPED { 1 } else { *count };
            }
            run.act(&action)?;
        }
        run.drain()
    });
    if let Err(message) = result {
        panic!("{message}");
    }
    true
}

/// A system, and which of its instances are hostile.
fn decode_system(bytes: &mut Bytes<'_>) -> Option<(Setup, Vec<bool>)> {
    let [counts, tuning] = bytes.take()?;
    let instance_count = u32::from(counts % 3) + 1;
    let thread_count = instance_count + u32::from(counts / 4 % 4);
    let port_count = counts / 16 % 5 + 1;
    let (mut instances, mut hostile) = (Vec::new(), Vec::new());
    for _ in 0..instance_count {
        let policy = bytes.u8()?;
        hostile.push(policy & 1 != 0);
        let restart = Restart {
            on: match policy >> 1 & 3 {
                0 => RestartOn::Never,
                1 => RestartOn::Always,
                _ => RestartOn::Fault,
            },
            max: u32::from(policy >> 3 & 3),
            within_ns: u64::from(policy >> 5 & 1),
            backoff_ns: u64::from(policy >> 6 & 1),
        };
        instances.push(InstanceSetup { restart });
    }
    let mut threads = Vec::new();
    for index in 0..thread_count {
        let thread = bytes.u8()?;
        // Each instance has one at least.
        let instance = if index < instance_count { index } else { u32::from(thread >> 2) };
        let instance = InstanceId(instance % instance_count);
        threads.push(ThreadSetup { instance, is_managed: thread & 3 != 0 });
    }
    let mut ports = Vec::new();
    for _ in 0..port_count {
        let [how, owners] = bytes.take()?;
        let owner = |number: u8| match u32::from(number) % (thread_count + 1) {
            0 => Owner::Kernel,
            thread => Owner::Thread(ThreadId(thread - 1)),
        };
        ports.push(PortSetup {
            slot_count: 1 << (how % 3),
            producer: owner(owners & 15),
            consumer: owner(owners >> 4),
            upgrade: match how >> 2 & 7 {
                0 => Upgrade::Forced,
                1 => Upgrade::Unsupported,
                _ => Upgrade::Allowed,
            },
            drops_at_restart: how >> 5 & 1 != 0,
        });
    }
    let small = Tuning {
        threshold: u32::from(tuning >> 1 & 3) % 3,
        doubling_limit: u32::from(tuning >> 3 & 3) % 3,
        ring_limit: u32::from(tuning >> 5 & 3).max(1),
    };
    let tuning = if tuning & 1 == 0 { small } else { Tuning::default() };
    Some((Setup { instances, threads, ports, tuning }, hostile))
}

/// The next thing that happens; its numbers are taken modulo what there is.
fn decode_action(bytes: &mut Bytes<'_>) -> Option<Action> {
    let [kind, number] = bytes.take()?;
    let number = u32::from(number);
    Some(match kind % 32 {
        0..=5 => Action::Run(number, bytes.u32()?),
        // A plain transfer.
        6..=9 => Action::Run(number, 63 << 8),
        10..=12 => {
            let [how, count] = bytes.take()?;
            Action::Pump(number, u32::from(how) << 8, count % 100)
        }
        13..=18 => Action::Cheat(number, decode_cheat(bytes)?),
        19..=21 => Action::Answer,
        22 => match kind >> 5 {
            0..=2 => Action::Poll,
            3 => Action::Control(Control::Replace(number)),
            4 => Action::Control(Control::Revoke(number)),
            5 | 6 => Action::Control(Control::Transfer(number, bytes.u8()?.into())),
            _ => Action::Control(Control::Drop(number)),
        },
        23 => match kind >> 5 {
            0..=2 => Action::Look(number),
            3 | 4 => Action::Control(Control::Mount(number | u32::from(bytes.u8()?) << 8)),
            5 | 6 => {
                let [to, how] = bytes.take()?;
                Action::Control(Control::Wire(number, to.into(), how.into()))
            }
            _ => Action::Control(Control::Start(number)),
        },
        24 => Action::Expire(number),
        25 if kind & 32 == 0 => Action::ExpireLate(number),
        25 => Action::Wait(number),
        26 => Action::Force(number),
        27 => Action::Allow(number),
        28 if kind & 32 == 0 => Action::FailRestart(number),
        28 | 29 => Action::Restart(number),
        30 => Action::Serve(number, u32::from(bytes.u8()?)),
        _ => match kind >> 5 {
            0 => Action::Fault(number, FaultCause::Trap),
            1 => Action::Fault(number, FaultCause::SystemCall),
            2 => Action::Fault(number, FaultCause::Panic),
            3 => Action::Fault(number, FaultCause::Killed),
            4 => Action::Close(number, false),
            5 => Action::Close(number, true),
            _ => Action::Kill(number),
        },
    })
}

fn decode_cheat(bytes: &mut Bytes<'_>) -> Option<Cheat> {
    let kind = bytes.u8()?;
    let by = u64::from(kind >> 4);
    let half = u32::from(kind >> 4);
    Some(match kind & 15 {
        0 | 1 => Cheat::TouchCell(half & 1),
        2 => Cheat::TouchWord,
        3 => Cheat::StoreWord(by),
        4 => Cheat::StoreWord(bytes.u64()?),
        5 | 6 => Cheat::TouchCursor,
        7 if by > 7 => Cheat::TouchForeign,
        7 => Cheat::TouchQueue,
        8 => Cheat::StoreCursor(by),
        9 => Cheat::StoreCursor(by.wrapping_neg()),
        10 => Cheat::StoreCursor((1 << 63) - by % 2),
        11 => Cheat::StoreCursor(bytes.u64()?),
        12 | 13 => {
            let problem = (half > 13).then_some(RequestProblem::ReservedNotZero);
            Cheat::TouchGate(half & 1, problem)
        }
        14 => Cheat::Exit(by % 3),
        _ => Cheat::ExitInstance(by % 3),
    })
}
