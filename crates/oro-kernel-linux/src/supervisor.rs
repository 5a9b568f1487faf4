//! [`run`]: the supervisor's loop. Faults, ends of processes and readiness become events of the
//! core; the core's effects become ioctls.
//!
//! One thread does everything, so that the order of effects is the order of this code. What a fault
//! *means* is decided by the core. Faults are decoded in `faults.rs`, and in `gates.rs` where they are
//! gates'; what an effect *is* on Linux is in `effects.rs`, and in `live.rs` for the asynchronous
//! mode; `work.rs` has the built-in ends' turns, `landing.rs` the looks at cursors on their way;
//! what goes into a report is in `diagnose.rs`.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use oro_image::Image;
use oro_kernel::{
    Effect, EndpointId, Event, FaultCause, InstanceId, InstanceState, Kernel, PortId, ThreadId,
    Timer, Wait,
};
use oro_system::Plan;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use crate::built_in::BuiltInEnd;
use crate::control::Control;
use crate::diagnose::FaultDetail;
use crate::fairness::{Accounts, Slice};
use crate::guardian::Guardian;
use crate::images::Images;
use crate::landing::LandingWatch;
use crate::metadata::{self, MachineFacts};
use crate::restart::{Awaited, Restarts};
use crate::ring_control::Holders;
use crate::seal::Sealer;
use crate::signals::Signals;
use crate::spawn::Sealed;
use crate::timers::Timers;
use crate::userfault::PageFault;
use crate::work::{Nap, open_built_ins};
use crate::world::{Place, World, put};
use crate::{InstanceReport, Options, Outcome, Report, StartError};

/// How long nothing must happen before the supervisor looks for a deadlock.
const QUIET: Duration = Duration::from_millis(20);
/// How long those who read a killed system's output have to take what is left of it.
const GRACE: Duration = Duration::from_secs(1);
/// Runs a system until all its instances have ended.
///
/// `images` has one image for each of [`Plan::modules`]. Standard input, output and error are the
/// calling process's own. The calling process must have no other thread and no other child: it
/// becomes the system's kernel until this returns.
///
/// # Errors
///
/// [`StartError`] if the system did not start, or (a bug, or a machine out of memory) could not be
/// kept running; then nothing of it runs any more.
pub fn run(plan: &Plan, images: &[Image], options: &Options) -> Result<Report, StartError> {
    crate::reset_signals();
    run_with(Guardian::start()?, plan, images, options)
}

/// The same with a guardian that was started before plan and images were read: of a large system it would
/// keep copies, some 20 KiB for each instance.
///
/// # Errors
///
/// As [`run`].
///
/// # Panics
///
/// If there is not one image for each module of the plan.
pub fn run_with(
    guardian: Guardian,
    plan: &Plan,
    images: &[Image],
    options: &Options,
) -> Result<Report, StartError> {
    assert_eq!(plan.modules.len(), images.len(), "one image for each module");
    crate::reset_signals();
    crate::seal::check_proc()?;
    let signals = Signals::block()?;
    crate::limits::prepare(options)?;
    let facts = MachineFacts::read();
    let images = Images::new(images);
    let mut world = World::build(plan, &images, options.is_growable)?;
    metadata::write_all(&world, plan, &images, &facts)
        .map_err(|error| StartError::system("getrandom", error))?;
    let start = Instant::now();
    let built_ins = open_built_ins(&world, plan, options, start)?;
    let (processes, diagnosis_limit) = crate::seal::seal_all(&world, plan, &guardian, options)?;
    if let Some(cpu) = options.supervisor_cpu {
        crate::limits::pin(None, cpu)?;
    }
    world.finish_sealing(plan);
    let epoll = epoll::create(CreateFlags::CLOEXEC)
        .map_err(|error| StartError::system("epoll_create", error))?;
    let thread_count = processes.len();
    let kernel = Kernel::new(world.describe(plan));
    world.tables.publish_mounted(&kernel);
    let mut supervisor = Supervisor {
        kernel,
        plan: Cow::Borrowed(plan),
        images,
        options,
        facts,
        start,
        opened_queues: vec![[false; 2]; world.ports.len()],
        world,
        processes: processes.into_iter().map(Some).collect(),
        built_ins,
        epoll,
        control: Control::open(options),
        signals,
        guardian,
        effects: Vec::new(),
        settled: VecDeque::new(),
        pending: VecDeque::new(),
        to_replace: Vec::new(),
        is_stepping: false,
        step_count: 0,
        timers: Timers::default(),
        landing_watch: LandingWatch::new(),
        naps: Vec::new(),
        staging: vec![0; 4096],
        last_fault: vec![PageFault::default(); thread_count],
        details: vec![FaultDetail::default(); thread_count],
        deadline: options.timeout.and_then(|limit| Instant::now().checked_add(limit)),
        give_up_at: None,
        unfinished: Vec::new(),
        accounts: Accounts::new(plan.instances.len()),
        outcomes: vec![None; plan.instances.len()],
        restarts: vec![Restarts::default(); plan.instances.len()],
        holders: Holders::default(),
        kill_reason: String::new(),
        is_killing: false,
        has_finished: false,
        error: None,
        report: Report { diagnosis_limit, ..Report::default() },
    };
    supervisor.watch_all().map_err(|error| StartError::system("epoll_ctl", error))?;
    supervisor.start_built_ins()?;
    crate::limits::give_memory_back();
    supervisor.serve();
    supervisor.into_report()
}

/// The state of a running system.
pub(crate) struct Supervisor<'a> {
    pub(crate) kernel: Kernel,
    /// It grows by what Ring control makes.
    pub(crate) plan: Cow<'a, Plan>,
    /// By module.
    pub(crate) images: Images<'a>,
    pub(crate) options: &'a Options,
    pub(crate) facts: MachineFacts,
    /// From when the system's time counts.
    pub(crate) start: Instant,
    /// By Port and side: the queue is mapped at the endpoint's window.
    pub(crate) opened_queues: Vec<[bool; 2]>,
    pub(crate) world: World,
    /// By thread; `None` once it has been taken down.
    pub(crate) processes: Vec<Option<Sealed>>,
    /// Indices stay; `None`: nothing is there any more.
    pub(crate) built_ins: Vec<Option<BuiltInEnd>>,
    pub(crate) epoll: OwnedFd,
    /// Where operators are listened to.
    pub(crate) control: Option<Control>,
    signals: Signals,
    pub(crate) guardian: Guardian,
    effects: Vec<Effect>,
    /// Events that come before any other: what cursors say whose threads are gone.
    pub(crate) settled: VecDeque<Event>,
    /// Events that come once the present one's effects have all been carried out.
    pub(crate) pending: VecDeque<Event>,
    /// Instances whose replacements the core has asked for.
    pub(crate) to_replace: Vec<Awaited>,
    pub(crate) is_stepping: bool,
    /// Events that the core has been told of.
    step_count: u64,
    pub(crate) timers: Timers,
    pub(crate) landing_watch: LandingWatch,
    /// Built-in ends that are to look again.
    pub(crate) naps: Vec<Nap>,
    /// A message on its way to a consumer's cell, with zeros after it.
    pub(crate) staging: Vec<u8>,
    /// By thread.
    pub(crate) last_fault: Vec<PageFault>,
    /// By thread: what is known of what it did last.
    pub(crate) details: Vec<FaultDetail>,
    deadline: Option<Instant>,
    /// Once everything has been killed: when to stop waiting for those who read its output.
    give_up_at: Option<Instant>,
    /// Built-in ends that have more to do than one turn allows.
    pub(crate) unfinished: Vec<usize>,
    pub(crate) accounts: Accounts,
    /// By instance, once it has ended.
    pub(crate) outcomes: Vec<Option<InstanceReport>>,
    /// By instance.
    pub(crate) restarts: Vec<Restarts>,
    /// What is remembered for Ring control.
    pub(crate) holders: Holders,
    /// Why instances are being killed from outside.
    pub(crate) kill_reason: String,
    pub(crate) is_killing: bool,
    pub(crate) has_finished: bool,
    /// What makes it impossible to go on.
    pub(crate) error: Option<StartError>,
    pub(crate) report: Report,
}

/// What an epoll event is about.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    Fault(usize),
    Process(usize),
    BuiltIn(usize),
    Signal,
    Guardian,
    Control(usize),
}

/// What an instance waits for.
#[derive(Clone, Copy)]
enum Turn {
    Source(Source),
    Replacement(InstanceId),
}

impl Source {
    pub(crate) fn encode(self) -> EventData {
        let (kind, index) = match self {
            Self::Fault(index) => (0, index),
            Self::Process(index) => (1, index),
            Self::BuiltIn(index) => (2, index),
            Self::Signal => (3, 0),
            Self::Guardian => (4, 0),
            Self::Control(index) => (5, index),
        };
        EventData::new_u64(kind << 32 | index as u64)
    }

    fn decode(data: EventData) -> Self {
        let word = data.u64();
        let index = usize::try_from(word & u64::from(u32::MAX)).unwrap_or(usize::MAX);
        match word >> 32 {
            0 => Self::Fault(index),
            1 => Self::Process(index),
            2 => Self::BuiltIn(index),
            3 => Self::Signal,
            5 => Self::Control(index),
            _ => Self::Guardian,
        }
    }
}

impl Supervisor<'_> {
    fn watch_all(&mut self) -> io::Result<()> {
        for index in 0..self.processes.len() {
            self.watch_process(index)?;
        }
        for index in 0..self.built_ins.len() {
            self.watch_built_in(index)?;
        }
        epoll::add(&self.epoll, self.signals.fd(), Source::Signal.encode(), EventFlags::IN)?;
        if let Some(fd) = self.guardian.fd() {
            epoll::add(&self.epoll, fd, Source::Guardian.encode(), EventFlags::IN)?;
        }
        if let Some(control) = &self.control {
            control.watch(&self.epoll)?;
        }
        Ok(())
    }

    /// Listens to the faults and the end of a thread's process.
    pub(crate) fn watch_process(&self, index: usize) -> io::Result<()> {
        let Some(process) = &self.processes[index] else { return Ok(()) };
        let faults = Source::Fault(index).encode();
        epoll::add(&self.epoll, process.faults.fd(), faults, EventFlags::IN)?;
        let process_data = Source::Process(index).encode();
        Ok(epoll::add(&self.epoll, &process.pidfd, process_data, EventFlags::IN)?)
    }

    fn watch_built_in(&self, index: usize) -> io::Result<()> {
        let built_in = self.built_ins[index].as_ref();
        let Some(fd) = built_in.and_then(BuiltInEnd::pollable) else { return Ok(()) };
        let data = Source::BuiltIn(index).encode();
        match epoll::add(&self.epoll, fd, data, EventFlags::ONESHOT) {
            // Its number was that of a duplicate, closed meanwhile, of the same stream, which epoll watches as
            // long as that is open anywhere.
            Err(rustix::io::Errno::EXIST) => {
                Ok(epoll::modify(&self.epoll, fd, data, EventFlags::ONESHOT)?)
            }
            result => Ok(result?),
        }
    }

    /// A further end that the kernel serves, from now on.
    pub(crate) fn add_built_in(&mut self, built_in: BuiltInEnd) {
        let port = &self.world.ports[built_in.end.port.0 as usize];
        let started = match port.place(built_in.end.side) {
            Place::Kernel(planned) => built_in.start(planned),
            Place::Thread(_) => Ok(()),
        };
        let free = self.built_ins.iter().position(Option::is_none);
        let index = free.unwrap_or(self.built_ins.len());
        put(&mut self.built_ins, index, Some(built_in));
        if let Err(error) = started.and_then(|()| self.watch_built_in(index)) {
            self.fail(StartError::system("opening a built-in end", error));
        }
        self.postpone(index);
    }

    /// What seals further processes.
    pub(crate) fn sealer(&self) -> Sealer<'_> {
        Sealer {
            guardian: &self.guardian,
            options: self.options,
            is_traced: self.report.diagnosis_limit.is_none(),
            buffer: Vec::new(),
        }
    }

    fn start_built_ins(&self) -> Result<(), StartError> {
        for built_in in self.built_ins.iter().flatten() {
            let port = &self.world.ports[built_in.end.port.0 as usize];
            if let Place::Kernel(planned) = port.place(built_in.end.side) {
                built_in
                    .start(planned)
                    .map_err(|error| StartError::system("emptying an output file", error))?;
            }
        }
        Ok(())
    }

    fn serve(&mut self) {
        self.step(Event::Start);
        self.work_all();
        let mut events: Vec<epoll::Event> = Vec::with_capacity(64);
        let mut last_activity = Instant::now();
        let mut has_met_quiet = false;
        while self.error.is_none() && !self.is_done() {
            let quiet = (!has_met_quiet).then(|| last_activity + QUIET);
            let timeout = self.choose_timeout(quiet);
            events.clear();
            let buffer = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&self.epoll, buffer, timeout.as_ref()) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return self.fail(StartError::system("epoll_wait", error)),
            }
            let steps = self.step_count;
            self.handle_all(&events);
            self.look_at_landings();
            self.expire_timers();
            self.work_due();
            self.keep_deadline();
            if self.step_count != steps || !events.is_empty() || !self.unfinished.is_empty() {
                self.report.wakeup_count += 1;
                last_activity = Instant::now();
                has_met_quiet = false;
            } else if !has_met_quiet && last_activity.elapsed() >= QUIET {
                self.meet_quiet();
                has_met_quiet = true;
            }
        }
    }

    /// Every instance has ended, and what they had committed has been written.
    fn is_done(&self) -> bool {
        self.has_finished && !self.built_ins.iter().flatten().any(BuiltInEnd::is_open_sink)
    }

    /// [`Effect::Finish`](oro_kernel::Effect::Finish): what was mounted and has not started never will, so
    /// nobody waits for what it might have sent.
    pub(crate) fn finish(&mut self) {
        self.has_finished = true;
        let instances = (0..).map(InstanceId).take(self.plan.instances.len());
        let kills = instances
            .filter(|instance| self.kernel.instance(*instance).state == InstanceState::Mounted)
            .map(|instance| Event::KillInstance { instance });
        self.pending.extend(kills);
    }

    /// How long to wait for an event, to the nanosecond; `None`: for ever. `quiet`: when to look for a
    /// deadlock.
    fn choose_timeout(&mut self, quiet: Option<Instant>) -> Option<Timespec> {
        if !self.unfinished.is_empty() || !self.to_replace.is_empty() {
            return Timespec::try_from(Duration::ZERO).ok();
        }
        let pause = self.choose_landing_pause();
        let limits = [self.deadline, self.give_up_at, self.timers.next(), self.next_nap(), quiet];
        let limit = limits.into_iter().flatten().min();
        let rest = limit.map(|limit| limit.saturating_duration_since(Instant::now()));
        let timeout = pause.into_iter().chain(rest).min()?;
        Timespec::try_from(timeout).ok()
    }

    /// What is not an instance's at once, then, fairly, faults, ends, and replacements. Those that are left
    /// are reported again, or remembered.
    fn handle_all(&mut self, events: &[epoll::Event]) {
        let mut waiting = Vec::with_capacity(events.len());
        for event in events {
            match Source::decode(event.data) {
                source @ (Source::Fault(index) | Source::Process(index)) => {
                    let instance = self.world.threads[index].instance.0 as usize;
                    waiting.push((Turn::Source(source), instance));
                }
                source => self.handle(source),
            }
        }
        for awaited in &self.to_replace {
            let instance = awaited.instance;
            waiting.push((Turn::Replacement(instance), instance.0 as usize));
        }
        self.accounts.sort(&mut waiting);
        let slice = Slice::begin();
        for (turn, instance) in waiting {
            let start = Instant::now();
            match turn {
                Turn::Source(source) => self.handle(source),
                Turn::Replacement(instance) => self.work_at_replacement(instance),
            }
            self.accounts.charge(instance, start);
            if slice.is_over() {
                return;
            }
        }
    }

    fn handle(&mut self, source: Source) {
        match source {
            Source::Fault(index) => self.handle_fault(index),
            Source::Process(index) => self.handle_process_end(index),
            Source::BuiltIn(index) => self.postpone(index),
            Source::Signal => self.handle_signals(),
            Source::Guardian => {
                let message = io::Error::other("the guardian process has ended");
                self.fail(StartError::system("the guardian", message));
            }
            Source::Control(index) => self.handle_control(index),
        }
    }

    /// A process has ended by itself, which a sealed one never does.
    fn handle_process_end(&mut self, index: usize) {
        let Some(process) = &mut self.processes[index] else { return };
        let Some(signal) = crate::signals::reap(process) else { return };
        self.fault_thread(index, FaultDetail::from_signal(signal));
    }

    fn handle_signals(&mut self) {
        let pending = self.signals.read();
        while pending.has_child
            && let Some((process_id, stop)) = crate::signals::next_stop()
        {
            let start = Instant::now();
            let is_it = |process: &Option<Sealed>| {
                process.as_ref().is_some_and(|process| process.process_id == process_id)
            };
            let Some(index) = self.processes.iter().position(is_it) else { continue };
            if let Some(stop) = stop {
                self.fault_thread(index, FaultDetail::from_stop(stop));
            }
            self.accounts.charge(self.world.threads[index].instance.0 as usize, start);
        }
        if let Some(name) = pending.termination {
            self.kill_all(&format!("interrupted by {name}"));
        }
    }

    /// Tells the core that a thread has done what ends its instance.
    pub(crate) fn fault_thread(&mut self, index: usize, detail: FaultDetail) {
        let cause = self.classify(index, &detail);
        self.details[index] = detail;
        self.step(Event::ThreadFaulted { thread: thread_id(index), cause });
    }

    fn classify(&self, index: usize, detail: &FaultDetail) -> FaultCause {
        if detail.signal == Some(libc::SIGKILL) {
            FaultCause::Killed
        } else if detail.signal == Some(libc::SIGSYS) {
            FaultCause::SystemCall
        } else if self.has_panicked(index) {
            FaultCause::Panic
        } else {
            FaultCause::Trap
        }
    }

    /// Nothing has happened for a while: perhaps nothing ever will.
    fn meet_quiet(&mut self) {
        let waits = self.kernel.deadlock();
        let may_change = self.options.is_growable && waits.iter().any(Wait::waits_for_change);
        if !waits.is_empty() && !may_change {
            self.report.deadlock = waits.iter().map(|wait| self.describe_wait(wait)).collect();
            self.kill_all("every thread waited for another");
        }
    }

    /// Ends everything when the time limit has passed, however busy the system is.
    fn keep_deadline(&mut self) {
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            self.deadline = None;
            self.report.has_timed_out = true;
            self.kill_all("it still ran when the time limit had passed");
        }
        if self.give_up_at.is_some_and(|limit| limit <= Instant::now()) {
            self.give_up_at = None;
            for built_in in self.built_ins.iter_mut().flatten() {
                self.report.failed_built_ins.extend(built_in.give_up(&self.kernel));
            }
        }
    }

    fn kill_all(&mut self, why: &str) {
        why.clone_into(&mut self.kill_reason);
        self.give_up_at = Instant::now().checked_add(GRACE);
        self.is_killing = true;
        for index in 0..self.plan.instances.len() {
            if self.outcomes[index].is_none() {
                let instance = InstanceId(u32::try_from(index).unwrap_or(u32::MAX));
                self.step(Event::KillInstance { instance });
            }
        }
        self.is_killing = false;
    }

    /// One event, and everything that follows from it.
    pub(crate) fn step(&mut self, event: Event) {
        assert!(!self.is_stepping, "kernel bug: an event amid another one's effects");
        self.is_stepping = true;
        self.pending.push_back(event);
        while let Some(event) = self.settled.pop_front().or_else(|| self.pending.pop_front()) {
            self.decide(event);
        }
        self.is_stepping = false;
        self.send_known_answers();
    }

    fn decide(&mut self, event: Event) {
        self.step_count += 1;
        let touched = find_port(&event);
        let mut effects = std::mem::take(&mut self.effects);
        effects.clear();
        self.kernel.step(event, &mut effects);
        let mut woken = Vec::new();
        self.carry_out(&effects, &mut woken);
        self.effects = effects;
        if let Some(port) = touched {
            self.world.tables.publish_port(&self.kernel, port);
        }
        for end in woken {
            if let Some(index) = self.find_built_in(end) {
                self.postpone(index);
            }
        }
    }

    /// From now on a Port is synchronous (`MODE-6`).
    pub(crate) fn force_synchronous(&mut self, port: PortId) {
        self.step(Event::ForceSynchronous { port });
    }

    /// Takes that back.
    pub(crate) fn allow_asynchronous(&mut self, port: PortId) {
        self.step(Event::AllowAsynchronous { port });
    }

    /// Remembers the first reason for which nothing can go on.
    pub(crate) fn fail(&mut self, error: StartError) {
        self.error.get_or_insert(error);
    }

    /// Takes a thread's process down.
    pub(crate) fn take_down(&mut self, thread: ThreadId) {
        if let Some(mut process) = self.processes[thread.0 as usize].take() {
            // Duplicates of these descriptors live on elsewhere, so epoll must be told.
            let _ = epoll::delete(&self.epoll, process.faults.fd());
            let _ = epoll::delete(&self.epoll, &process.pidfd);
            process.end();
        }
    }

    fn into_report(mut self) -> Result<Report, StartError> {
        for index in 0..self.processes.len() {
            self.take_down(thread_id(index));
        }
        if let Some(error) = self.error {
            return Err(error.after_start());
        }
        let unknown = |index: usize| InstanceReport {
            name: self.plan.path(index),
            module: String::new(),
            outcome: Outcome::Killed { why: "the system ended first".to_owned() },
            last_words: Vec::new(),
            restarts: None,
        };
        // What was mounted and never started has no end that anybody would miss.
        let has_run = |index: usize| {
            let threads =
                self.world.list_threads(InstanceId(u32::try_from(index).unwrap_or(u32::MAX)));
            self.world.threads[threads].iter().any(|thread| thread.is_sealed)
        };
        self.report.instances = self
            .outcomes
            .into_iter()
            .enumerate()
            .filter(|(index, _)| !self.plan.instances[*index].is_forgotten() && has_run(*index))
            .map(|(index, outcome)| outcome.unwrap_or_else(|| unknown(index)))
            .collect();
        Ok(self.report)
    }
}

pub(crate) fn thread_id(index: usize) -> ThreadId {
    ThreadId(u32::try_from(index).unwrap_or(u32::MAX))
}

/// The Port whose evidence an event may change, beyond what effects say. A built-in end's own commits
/// and releases change its cursor alone, which an effect publishes.
fn find_port(event: &Event) -> Option<PortId> {
    let (Event::CellTouched { end, .. }
    | Event::WordTouched { end }
    | Event::WordSettled { end, .. }
    | Event::CursorTouched { end }
    | Event::QueueTouched { end }
    | Event::CursorLooked { end, .. }
    | Event::CursorProtected { end, .. }
    | Event::CursorSettled { end, .. }
    | Event::TimerExpired { timer: Timer::Landing(end) }) = *event
    else {
        return None;
    };
    let EndpointId { port, .. } = end;
    Some(port)
}
