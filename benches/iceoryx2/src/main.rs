//! iceoryx2 between two processes: prints the nanoseconds of all measured messages, or round trips.
//!
//! `oro-bench-iceoryx2 ROLE BYTES WARM_UP MEASURED CPU CPU FOLDER PREFIX`. The role is `stream` or
//! `round-trip`, which start a second process themselves. What iceoryx2 leaves behind is in FOLDER,
//! and in /dev/shm with PREFIX: who starts this removes it.
//!
//! Publish-subscribe, zero-copy, 1024 slots. Nothing is lost: safe overflow is off, and a publisher
//! whose subscriber is full retries. Both processes spin, each on a CPU of its own.

#[path = "../../asynchronous/payload.rs"]
mod payload;

use std::fmt::Debug;
use std::hint::spin_loop;
use std::process::Command;
use std::time::{Duration, Instant};

use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;

type Node = iceoryx2::node::Node<ipc::Service>;
type Factory<const WORDS: usize> =
    iceoryx2::service::port_factory::publish_subscribe::PortFactory<ipc::Service, [u64; WORDS], ()>;

/// Longer than any measurement takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    std::thread::spawn(|| {
        std::thread::sleep(PATIENCE);
        eprintln!("iceoryx2: the other process is silent");
        std::process::exit(1);
    });
    let task = Task::read();
    match task.bytes {
        8 => task.run::<1>(),
        64 => task.run::<8>(),
        1024 => task.run::<128>(),
        bytes => panic!("no messages of {bytes} bytes"),
    }
}

/// What the command line asks for.
struct Task {
    role: String,
    bytes: u64,
    /// Messages to warm up with, and messages to measure.
    counts: [u64; 2],
    /// For the two processes.
    cpus: [usize; 2],
    folder: String,
    prefix: String,
}

impl Task {
    fn read() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let [role, bytes, warm_up, measured, first, second, folder, prefix] =
            words.try_into().expect("the eight arguments in the head of this file");
        let number = |text: String| text.parse::<u64>().expect("a number");
        let cpu = |text: String| text.parse::<usize>().expect("a CPU's number");
        Self {
            role,
            bytes: number(bytes),
            counts: [number(warm_up), number(measured)],
            cpus: [cpu(first), cpu(second)],
            folder,
            prefix,
        }
    }

    fn run<const WORDS: usize>(&self)
    where
        [u64; WORDS]: ZeroCopySend + Debug,
    {
        let is_second = matches!(self.role.as_str(), "stream" | "round-trip");
        pin(self.cpus[usize::from(is_second)]);
        let node = self.open_node();
        let result = match self.role.as_str() {
            "stream" => Some(self.take::<WORDS>(&node)),
            "source" => {
                self.give::<WORDS>(&node);
                None
            }
            "round-trip" => {
                self.serve::<WORDS>(&node);
                None
            }
            "client" => Some(self.ask::<WORDS>(&node)),
            role => panic!("no role is named {role}"),
        };
        if let Some(nanoseconds) = result {
            println!("{nanoseconds}");
        }
    }

    fn open_node(&self) -> Node {
        let mut config = Config::default();
        config.global.set_root_path(&Path::new(self.folder.as_bytes()).expect("a path"));
        config.global.prefix = FileName::new(self.prefix.as_bytes()).expect("a file's name");
        let builder = NodeBuilder::new().config(&config);
        let builder = builder.signal_handling_mode(SignalHandlingMode::Disabled);
        builder.create::<ipc::Service>().expect("a node")
    }

    fn start_other(&self, role: &str) -> std::process::Child {
        let words: Vec<String> = std::env::args().skip(2).collect();
        let program = std::env::current_exe().expect("the path of this program");
        Command::new(program).arg(role).args(words).spawn().expect("the other process starts")
    }

    fn take<const WORDS: usize>(&self, node: &Node) -> u64
    where
        [u64; WORDS]: ZeroCopySend + Debug,
    {
        let service = open_service::<WORDS>(node, "stream");
        let subscriber = service.subscriber_builder().create().expect("a subscriber");
        let mut source = self.start_other("source");
        let clock = Instant::now();
        let now_ns = || u64::try_from(clock.elapsed().as_nanos()).expect("below centuries");
        let receive = |number| {
            receive(&subscriber, number);
        };
        let result = payload::consume(self.counts, 1, receive, now_ns);
        assert!(source.wait().is_ok_and(|status| status.success()), "the source failed");
        result
    }

    fn give<const WORDS: usize>(&self, node: &Node)
    where
        [u64; WORDS]: ZeroCopySend + Debug,
    {
        let publisher = publish(&open_service::<WORDS>(node, "stream"));
        for number in 0..self.counts[0] + self.counts[1] {
            send(&publisher, number);
        }
    }

    fn serve<const WORDS: usize>(&self, node: &Node)
    where
        [u64; WORDS]: ZeroCopySend + Debug,
    {
        let [request, reply] = ["request", "reply"].map(|name| open_service::<WORDS>(node, name));
        let subscriber = request.subscriber_builder().create().expect("a subscriber");
        let publisher = publish(&reply);
        let mut client = self.start_other("client");
        for number in 0..self.counts[0] + self.counts[1] {
            receive(&subscriber, number);
            send(&publisher, number + 1);
        }
        assert!(client.wait().is_ok_and(|status| status.success()), "the client failed");
    }

    fn ask<const WORDS: usize>(&self, node: &Node) -> u64
    where
        [u64; WORDS]: ZeroCopySend + Debug,
    {
        let [request, reply] = ["request", "reply"].map(|name| open_service::<WORDS>(node, name));
        let subscriber = reply.subscriber_builder().create().expect("a subscriber");
        let publisher = publish(&request);
        let clock = Instant::now();
        let now_ns = || u64::try_from(clock.elapsed().as_nanos()).expect("below centuries");
        let exchange = |number| {
            send(&publisher, number);
            receive(&subscriber, number + 1);
        };
        payload::consume(self.counts, 1, exchange, now_ns)
    }
}

fn open_service<const WORDS: usize>(node: &Node, name: &str) -> Factory<WORDS>
where
    [u64; WORDS]: ZeroCopySend + Debug,
{
    let name = ServiceName::new(name).expect("a service's name");
    let builder = node.service_builder(&name).publish_subscribe::<[u64; WORDS]>();
    let builder = builder.enable_safe_overflow(false).history_size(0);
    let builder = builder.subscriber_max_buffer_size(payload::SLOTS);
    builder.max_publishers(1).max_subscribers(1).open_or_create().expect("a service")
}

fn publish<const WORDS: usize>(
    service: &Factory<WORDS>,
) -> Publisher<ipc::Service, [u64; WORDS], ()>
where
    [u64; WORDS]: ZeroCopySend + Debug,
{
    let builder = service.publisher_builder();
    let builder = builder.backpressure_strategy(BackpressureStrategy::RetryUntilDelivered);
    builder.create().expect("a publisher")
}

fn send<const WORDS: usize>(publisher: &Publisher<ipc::Service, [u64; WORDS], ()>, number: u64)
where
    [u64; WORDS]: ZeroCopySend + Debug,
{
    loop {
        let sample = publisher.loan_uninit().expect("a free sample");
        let recipients = sample.write_payload(payload::write(number)).send().expect("it is sent");
        if recipients == 1 {
            return;
        }
        // The subscriber has not connected yet, and the queue is full: nothing was delivered.
        spin_loop();
    }
}

fn receive<const WORDS: usize>(subscriber: &Subscriber<ipc::Service, [u64; WORDS], ()>, number: u64)
where
    [u64; WORDS]: ZeroCopySend + Debug,
{
    loop {
        if let Some(sample) = subscriber.receive().expect("it may receive") {
            return payload::check(sample.payload(), number);
        }
        spin_loop();
    }
}

/// Moves this process to one CPU.
fn pin(cpu: usize) {
    // SAFETY: all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: `cpu` is one that the benchmark may run on, so it is below CPU_SETSIZE.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: reads one set of the size given.
    let result = unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
    assert_eq!(result, 0, "sched_setaffinity: {}", std::io::Error::last_os_error());
}
