//! Builds a system from within: for each child a Ring of its own, with a quota, a worker in it, and a Port
//! from the worker to here. It sees by that Port's end that a worker has ended, looks up how, and mounts
//! another one if it has faulted.
#![no_std]
#![no_main]

#[path = "../../answer.rs"]
mod answer;

use core::fmt::Arguments;
use core::time::Duration;

use answer::Answer;
use oro::ring::{
    Control, ControlCode, ControlError, ControlReply, ControlRequest, Image, InstanceId, PortId,
    Ring, RingId, State, Wire,
};
use oro::{ByteWriter, Consumer, Log, PortArray, Producer, Thread, TryRecvError};

/// After so many attempts a child that faults is left alone.
const MOST_ATTEMPTS: u32 = 5;
/// How long to look away, while something is not yet as it should be.
const PAUSE: Duration = Duration::from_millis(1);

oro::module! {
    name: "init",
    entry run {
        stack: 256 << 10,
        ports {
            control: Producer<ControlRequest>,
            answers: Consumer<ControlReply>,
            /// An element for each child, wired when its worker is mounted.
            results: PortArray<Consumer<Answer>, 2>,
            log: Producer<Log>,
            text: ByteWriter,
        }
    }
}

/// A child Ring with one worker at a time. Its index is that of its element of `results`.
struct Child {
    name: &'static str,
    /// How many of its workers crash before one does not.
    crashes: u32,
    ring: RingId,
    /// The worker that runs now.
    worker: Option<InstanceId>,
    attempts: u32,
    faults: u32,
    answers: u64,
    status: u64,
}

struct Init {
    thread: Thread,
    own: Ring,
    control: Control,
    log: Producer<Log>,
}

fn run(mut ports: run::Ports) -> Result<(), ControlError> {
    let thread = ports.thread;
    let control = Control::new(ports.control, ports.answers);
    let mut init = Init { thread, own: Ring::own(thread), control, log: ports.log };
    let mut children = [init.make_child("steady", 0)?, init.make_child("flaky", 2)?];
    for (element, child) in children.iter_mut().enumerate() {
        init.mount(child, element)?;
    }
    while children.iter().any(|child| child.worker.is_some()) {
        oro::wait(thread, &[&ports.results], None);
        while ports.results.accept().is_some() {}
        for (element, child) in children.iter_mut().enumerate() {
            let Some(results) = ports.results.get_mut(element) else { continue };
            match results.try_recv() {
                Ok(answer) => {
                    child.answers += 1;
                    init.say(format_args!("{}: answer {}", child.name, answer.value));
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Closed | TryRecvError::PeerMisbehaved) => {
                    // Free for the next one.
                    ports.results.close(element);
                    init.follow_up(child, element)?;
                }
            }
        }
    }
    for child in &children {
        init.control.forget_ring(child.ring)?;
        init.say(format_args!("{}: its Ring is gone", child.name));
        let (name, status) = (child.name, child.status);
        // Whoever reads this may have ended; the children were served all the same.
        let _ = writeln!(
            ports.text,
            "{name}: status {status}, {} answers, {} faults",
            child.answers, child.faults
        );
    }
    let _ = ports.text.finish();
    Ok(())
}

impl Init {
    /// Makes a Ring below the own one, with the console and little else.
    fn make_child(&mut self, name: &'static str, crashes: u32) -> Result<Child, ControlError> {
        let draft = self.control.create(self.own.id(), name);
        let ring = draft.memory(8 << 20).ports(8).threads(2).send()?;
        self.control.remount_builtin(ring, "console")?;
        self.say(format_args!("{name}: made its Ring"));
        let (worker, attempts, faults, answers, status) = (None, 0, 0, 0, 0);
        Ok(Child { name, crashes, ring, worker, attempts, faults, answers, status })
    }

    /// Mounts the child's next worker, wires and starts it.
    fn mount(&mut self, child: &mut Child, element: usize) -> Result<(), ControlError> {
        let worker = self.control.mount(child.ring, "worker", Image::Module("worker")).send()?;
        let crashes = if child.attempts < child.crashes { "true" } else { "false" };
        self.control.param(worker, "crashes", crashes)?;
        let results = Wire::from(worker, "answers").to(InstanceId::own(self.thread), "results");
        self.wire_when_free(results.to_element(element as u32).slots(4))?;
        self.control.wire(Wire::from(worker, "log").to_builtin("console.log"))?;
        self.control.start(worker)?;
        child.attempts += 1;
        child.worker = Some(worker);
        let usage = self.control.describe(child.ring)?;
        let (name, attempt, threads) = (child.name, child.attempts, usage.thread_count);
        self.say(format_args!(
            "{name}: attempt {attempt} runs, {} bytes, {threads} thread",
            usage.memory_bytes
        ));
        Ok(())
    }

    /// A late Port takes an element that is over, which its thread may not have noticed (`CTL-8`).
    fn wire_when_free(&mut self, wire: Wire) -> Result<PortId, ControlError> {
        for _ in 0..1000 {
            match self.control.wire(wire) {
                Err(error) if error.code == ControlCode::Busy => self.thread.sleep(PAUSE),
                result => return result,
            }
        }
        self.control.wire(wire)
    }

    /// The child's Port has ended, so its worker has, or will in a moment: tries again if it has faulted.
    fn follow_up(&mut self, child: &mut Child, element: usize) -> Result<(), ControlError> {
        let Some(worker) = child.worker.take() else { return Ok(()) };
        let Some(end) = self.own.wait_for_end(worker, PAUSE, None) else { return Ok(()) };
        let (name, attempt) = (child.name, child.attempts);
        child.status = end.status;
        self.control.forget(worker)?;
        if end.state == State::Ended {
            self.say(format_args!("{name}: attempt {attempt} ended, status {}", end.status));
            return Ok(());
        }
        child.faults += 1;
        self.say(format_args!("{name}: attempt {attempt} faulted, {}", end.reason));
        if child.attempts < MOST_ATTEMPTS {
            return self.mount(child, element);
        }
        self.say(format_args!("{name}: given up"));
        Ok(())
    }

    /// Says a line to the log. Whoever reads it may have ended, which is no reason to stop.
    fn say(&mut self, line: Arguments<'_>) {
        let _ = self.log.info(line);
    }
}
