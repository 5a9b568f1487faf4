//! What the threads of a small system do: lists of accesses, and the system around them.
//!
//! Key types: [`Op`], [`Program`], [`System`]. Programs are unrolled loops; slots are counted from
//! where a thread's incarnation starts, so that a restarted thread runs the same program.

use oro_kernel::{
    EndpointId, InstanceId, InstanceSetup, Owner, PortId, PortSetup, Restart, Setup, Side,
    ThreadId, ThreadSetup, Tuning, Upgrade,
};

/// Registers of a thread.
pub(crate) const REGISTER_COUNT: usize = 4;

/// Parts of a message, stored and loaded by accesses of their own.
pub(crate) const PART_COUNT: usize = 2;

/// A cell of an endpoint, as a program names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// The slot of the n-th message of this incarnation.
    Slot(u64),
    /// Cell 0 or 1, whatever slot it is.
    Cell(u32),
}

/// What is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    Constant(u8),
    /// A register plus a number.
    Sum(usize, u8),
}

/// One access of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Store {
        end: EndpointId,
        place: Place,
        part: usize,
        value: Value,
    },
    /// Loads into a register, and appends to the thread's log.
    Load {
        end: EndpointId,
        place: Place,
        part: usize,
        register: usize,
    },
    /// Loads, and looks at nothing.
    Touch {
        end: EndpointId,
        place: Place,
    },
    /// Stores the cursor that counts this many messages of this incarnation.
    Advance {
        end: EndpointId,
        count: u64,
    },
    /// A managed thread looks at its peer's cursor until the slot is available, and waits at its gate
    /// meanwhile; it returns if the peer has ended and nothing is left. `ahead`: it waits for so many
    /// slots more than one.
    Await {
        end: EndpointId,
        slot: u64,
        ahead: u64,
    },
    /// A thread looks at its binding until this endpoint is wired there, and waits at its gate meanwhile.
    AwaitWired {
        binding: u32,
        end: EndpointId,
    },
    /// Stores this to the live cursor, whatever the binding says: what an `Advance` is once it has been
    /// tried in asynchronous mode.
    StoreLive {
        end: EndpointId,
        value: u64,
    },
    /// Stores to this slot of the queue's window, whatever the binding says.
    StoreQueue {
        end: EndpointId,
        slot: usize,
        value: u8,
    },
    /// Stores this to the commit word.
    StoreWord {
        end: EndpointId,
        value: u64,
    },
    /// A managed consumer that has released `count` returns, if its peer has ended and committed no
    /// more.
    ReturnIfDrained {
        end: EndpointId,
        count: u64,
    },
    /// A managed producer returns if its peer has ended.
    ReturnIfEnded {
        end: EndpointId,
    },
    Return(u64),
    ExitInstance(u64),
    Trap,
}

/// What a thread does.
#[derive(Clone, Debug)]
pub(crate) enum Program {
    /// These accesses, then it returns 0.
    Ops(Vec<Op>),
    /// Any accesses at all, at most so many, then it returns: a hostile thread.
    Chaos(u8),
    /// Keeps the rules for these accesses, and then does as `Chaos`.
    Turncoat(Vec<Op>, u8),
}

/// What is asked for while a system runs, by somebody outside it.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// An instance with such threads.
    Mount(Vec<bool>),
    /// An instance is forgotten.
    Forget(u32),
    /// Another one with its number, and with threads of the same kinds.
    MountAgain(u32),
    /// A Port, with the next number or with this one, which another had before; by side, the binding that its
    /// end is, and the endpoint that was there before.
    Wire {
        number: Option<u32>,
        port: PortSetup,
        bindings: [u32; 2],
        after: [Option<EndpointId>; 2],
    },
    Start(u32),
    Revoke(u32),
    /// An endpoint, its new owner, and the binding that it is to that.
    Transfer(EndpointId, u32, u32),
}

/// A small system and what may befall it.
#[derive(Clone, Debug)]
pub(crate) struct System {
    pub(crate) name: &'static str,
    pub(crate) setup: Setup,
    /// By thread.
    pub(crate) programs: Vec<Program>,
    /// Messages that each kernel producer commits before it closes.
    pub(crate) kernel_message_count: u8,
    /// Kernel consumers close after so many messages, failed.
    pub(crate) kernel_fails_after: Option<usize>,
    /// Instances that are killed, at any point.
    pub(crate) killable: Vec<InstanceId>,
    pub(crate) kill_budget: u8,
    /// How often an operator forces a Port synchronous or allows it again.
    pub(crate) flip_budget: u8,
    /// What happens to it, in this order, each as soon as it can or at any later point.
    pub(crate) script: Vec<Act>,
    /// Bindings of Ports that are wired from the start, as far as somebody waits for a change of them.
    pub(crate) bindings: Vec<((ThreadId, u32), EndpointId)>,
    /// Instances that are replaced by order, at any point.
    pub(crate) replaceable: Vec<InstanceId>,
    pub(crate) replace_budget: u8,
    /// Kills are for good, by `KillInstance`.
    pub(crate) kills_for_good: bool,
    /// There may be no replacement to be had.
    pub(crate) fails_to_restart: bool,
    /// Faults are reported again, at any point.
    pub(crate) repeats: bool,
    /// Accesses that nobody else can see follow at once: fewer states, nothing less found.
    pub(crate) runs_ahead: bool,
    /// What a thread's log must be at the end, and a beginning of until then.
    pub(crate) expected_logs: Vec<(ThreadId, Vec<u8>)>,
    /// The same for kernel consumers, by Port; the first parts.
    pub(crate) expected_kernel_logs: Vec<(PortId, Vec<u8>)>,
    /// Instances that may break rules.
    pub(crate) hostile: Vec<InstanceId>,
    /// Whether it must end, must deadlock, or either.
    pub(crate) ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Finishes,
    Deadlocks,
    Either,
}

pub(crate) fn producer(port: u32) -> EndpointId {
    EndpointId { port: PortId(port), side: Side::Producer }
}

pub(crate) fn consumer(port: u32) -> EndpointId {
    EndpointId { port: PortId(port), side: Side::Consumer }
}

/// A thread, as a Port's owner.
pub(crate) fn by(thread: u32) -> Owner {
    Owner::Thread(ThreadId(thread))
}

pub(crate) fn new_port(slot_count: u32, producer: Owner, consumer: Owner) -> PortSetup {
    PortSetup { slot_count, producer, consumer, upgrade: Upgrade::Allowed, drops_at_restart: false }
}

impl System {
    /// Each thread an instance of its own; all naive.
    pub(crate) fn naive(name: &'static str, programs: Vec<Program>) -> Self {
        let threads = (0..u32::try_from(programs.len()).expect("few"))
            .map(|index| ThreadSetup { instance: InstanceId(index), is_managed: false });
        let setup = Setup {
            instances: vec![InstanceSetup::default(); programs.len()],
            threads: threads.collect(),
            ports: Vec::new(),
            tuning: Tuning::default(),
        };
        Self {
            name,
            setup,
            programs,
            kernel_message_count: 0,
            kernel_fails_after: None,
            killable: Vec::new(),
            kill_budget: 0,
            flip_budget: 0,
            script: Vec::new(),
            bindings: Vec::new(),
            replaceable: Vec::new(),
            replace_budget: 0,
            kills_for_good: false,
            fails_to_restart: false,
            repeats: true,
            runs_ahead: true,
            expected_logs: Vec::new(),
            expected_kernel_logs: Vec::new(),
            hostile: Vec::new(),
            ending: Ending::Finishes,
        }
    }

    pub(crate) fn wire(mut self, slot_count: u32, from: Owner, to: Owner) -> Self {
        self.setup.ports.push(new_port(slot_count, from, to));
        self
    }

    /// Only so many of the threads are there at first, each an instance of its own; the script mounts the
    /// others.
    pub(crate) fn begins_with(mut self, count: usize) -> Self {
        self.setup.instances.truncate(count);
        self.setup.threads.truncate(count);
        self
    }

    pub(crate) fn act(mut self, act: Act) -> Self {
        self.script.push(act);
        self
    }

    pub(crate) fn binds(mut self, thread: u32, index: u32, end: EndpointId) -> Self {
        self.bindings.push(((ThreadId(thread), index), end));
        self
    }

    /// Replaces an instance by order at any point, so often.
    pub(crate) fn replace(mut self, instance: u32, count: u8) -> Self {
        self.replaceable.push(InstanceId(instance));
        self.replace_budget = count;
        self
    }

    pub(crate) fn managed(mut self, threads: &[usize]) -> Self {
        for thread in threads {
            self.setup.threads[*thread].is_managed = true;
        }
        self
    }

    /// The asynchronous mode after `threshold` operations, and so many flips of every Port.
    pub(crate) fn upgrades(mut self, threshold: u32, flip_budget: u8) -> Self {
        self.setup.tuning = Tuning { threshold, doubling_limit: 0, ring_limit: 2 };
        self.flip_budget = flip_budget;
        self
    }

    /// Faults are not reported again.
    pub(crate) fn without_repeats(mut self) -> Self {
        self.repeats = false;
        self
    }

    /// Puts a thread into the instance of another.
    pub(crate) fn join(mut self, thread: usize, instance: u32) -> Self {
        self.setup.threads[thread].instance = InstanceId(instance);
        let last = self.setup.threads.iter().map(|thread| thread.instance.0).max();
        let count = last.expect("a thread") as usize + 1;
        self.setup.instances.truncate(count);
        self
    }

    /// Kills an instance at any point, so often, and restarts it each time.
    pub(crate) fn kill_and_restart(mut self, instance: u32, count: u8) -> Self {
        self.setup.instances[instance as usize].restart = Restart::after_faults(u32::from(count));
        self.killable.push(InstanceId(instance));
        self.kill_budget = count;
        self
    }

    /// Kills an instance for good.
    pub(crate) fn kill(mut self, instance: u32, by_order: bool) -> Self {
        self.killable.push(InstanceId(instance));
        self.kill_budget = 1;
        self.kills_for_good = by_order;
        self
    }

    pub(crate) fn expect_log(mut self, thread: u32, log: &[u8]) -> Self {
        self.expected_logs.push((ThreadId(thread), log.to_vec()));
        self
    }

    pub(crate) fn expect_kernel_log(mut self, port: u32, log: &[u8]) -> Self {
        self.expected_kernel_logs.push((PortId(port), log.to_vec()));
        self
    }

    pub(crate) fn hostile(mut self, instance: u32) -> Self {
        self.hostile.push(InstanceId(instance));
        self
    }

    pub(crate) fn ends(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }
}

/// Stores both parts of a message: `value`, and `value + 100`.
pub(crate) fn store(end: EndpointId, slot: u64, value: Value) -> Vec<Op> {
    let place = Place::Slot(slot);
    let other = match value {
        Value::Constant(number) => Value::Constant(number.wrapping_add(100)),
        Value::Sum(register, number) => Value::Sum(register, number.wrapping_add(100)),
    };
    vec![Op::Store { end, place, part: 0, value }, Op::Store { end, place, part: 1, value: other }]
}

/// Loads both parts of a message, the first into `register`.
pub(crate) fn load(end: EndpointId, slot: u64, register: usize) -> Vec<Op> {
    let place = Place::Slot(slot);
    let last = REGISTER_COUNT - 1;
    vec![
        Op::Load { end, place, part: 0, register },
        Op::Load { end, place, part: 1, register: last },
    ]
}

/// Messages with the numbers `1..=count`.
pub(crate) fn source(port: u32, count: u8) -> Program {
    let one = |number: u8| store(producer(port), u64::from(number) - 1, Value::Constant(number));
    Program::Ops((1..=count).flat_map(one).collect())
}

/// Loads `count` messages.
pub(crate) fn sink(port: u32, count: u64) -> Program {
    Program::Ops((0..count).flat_map(|slot| load(consumer(port), slot, 0)).collect())
}

/// `for (n = 0; n < count; n++) out[n] = in[n] + add`
pub(crate) fn filter(from: u32, to: u32, add: u8, count: u64) -> Program {
    let one = |slot| {
        let mut ops = load(consumer(from), slot, 0);
        ops.extend(store(producer(to), slot, Value::Sum(0, add)));
        ops
    };
    Program::Ops((0..count).flat_map(one).collect())
}

/// What a sink logs of the messages with these numbers.
pub(crate) fn log_of(numbers: impl IntoIterator<Item = u8>) -> Vec<u8> {
    numbers.into_iter().flat_map(|number| [number, number.wrapping_add(100)]).collect()
}
