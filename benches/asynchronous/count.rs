//! `-- --count MESSAGES`: what the supervisor does while two busy instances exchange messages of 8 and of
//! 64 bytes on two CPUs. It must be nothing: no fault, no wake-up (`BELL-6`).

use std::time::Duration;

use oro_kernel_linux::Attachment;

use crate::common::{os, put};
use crate::oro::Modules;

/// The first messages are not counted: the Port becomes asynchronous.
const FIRST: u64 = 1_000_000;
/// How long the observer leaves the system alone. Being asked wakes the supervisor, which counts that
/// apart.
const PAUSE: Duration = Duration::from_millis(20);

/// What was seen at one moment.
#[derive(Clone, Copy)]
struct Sight {
    received: u64,
    faults: u64,
    wakeups: u64,
}

/// Runs both systems; the text for people.
pub(crate) fn count(total: u64) -> String {
    let mut text = String::new();
    let [first, second, ..] = *os::list_cpus() else {
        return "this takes two CPUs\n".to_owned();
    };
    let modules = Modules::build();
    put(&mut text, "While both sides are busy, two CPUs");
    for bytes in [8, 64] {
        let name = format!("oro-bench-{}", std::process::id());
        let [from, to] = modules.watch_stream(bytes, &name, [first, second], total, observe);
        put(
            &mut text,
            &format!(
                "  {bytes:>2} bytes, messages {} to {} of {total}: {} faults, {} wake-ups of the \
                 supervisor (before: {} and {})",
                from.received,
                to.received,
                to.faults - from.faults,
                to.wakeups - from.wakeups,
                from.faults,
                from.wakeups
            ),
        );
    }
    text
}

/// Looks at the system of this name until it ends: the first sight after the first messages, and the
/// last one before the last message.
fn observe(name: &str, total: u64) -> [Sight; 2] {
    let mut attachment = loop {
        match Attachment::find(Some(name)) {
            Ok(attachment) => break attachment,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let mut sights: Option<[Sight; 2]> = None;
    while attachment.look().is_ok() {
        let counters = attachment.counters().clone();
        let picture = attachment.read().expect("tables");
        let port = picture.ports.iter().find(|port| port.slot_count == 1024).expect("the Port");
        let received = port.consumer.cursor;
        let sight =
            Sight { received, faults: counters.fault_count, wakeups: counters.wakeup_count };
        if received >= total {
            break;
        }
        if received >= FIRST {
            sights = Some([sights.map_or(sight, |[first, _]| first), sight]);
        }
        std::thread::sleep(PAUSE);
    }
    sights.expect("it was seen while it was busy: count more messages")
}
