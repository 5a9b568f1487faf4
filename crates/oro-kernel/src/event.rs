//! What a platform tells the core.

use alloc::vec::Vec;

use crate::{
    BindingSetup, EndpointId, GateRequest, InstanceId, PortId, PortSetup, RequestProblem, Restart,
    ThreadId, Timer, Upgrade,
};

/// Something has happened.
///
/// Faults are reported while their thread is stopped inside them; the thread stays stopped until an
/// [`Effect::Resume`](crate::Effect::Resume), or for ever. A platform may report the same fault
/// again at any time (`NAIVE-8`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The system is mounted and wired: start every thread of every instance that is mounted.
    Start,
    /// A further instance has been mounted (`CTL-6`).
    MountInstance {
        /// Its number: the next one, and its threads have the next ones of theirs; or that of one which
        /// was forgotten, of which [`Kernel::can_reuse_instance`](crate::Kernel::can_reuse_instance) says
        /// yes, with the numbers of that one's threads.
        instance: InstanceId,
        /// When it is restarted.
        restart: Restart,
        /// Its threads in entry order: whether each is managed.
        threads: Vec<bool>,
    },
    /// A Port has been wired (`CTL-6`, `CTL-8`). Its ends have fresh memory: cells that are
    /// zero and closed, a protected commit word; a thread that runs finds them in its binding once
    /// [`Effect::PublishPeer`](crate::Effect::PublishPeer) says `Wired`. Threads that may own an end are those of
    /// which [`Kernel::can_wire`](crate::Kernel::can_wire) says so.
    WirePort {
        /// Its number: the next one, or one of which
        /// [`Kernel::can_reuse_port`](crate::Kernel::can_reuse_port) says yes.
        id: PortId,
        /// The Port.
        port: PortSetup,
        /// By side, what the end is to its thread. Of an end of the kernel's own it is not looked at.
        bindings: [BindingSetup; 2],
    },
    /// An element is taken from its thread, so that it can be wired again (`CTL-8`):
    /// [`Kernel::is_over`](crate::Kernel::is_over) says of the end that it has now that nobody misses it. A later
    /// touch at its address is one of the end that the element has then.
    DropEnd {
        /// An endpoint of a thread.
        end: EndpointId,
    },
    /// An instance is no more (`CTL-10`), [`Kernel::can_forget`](crate::Kernel::can_forget) says that it can be.
    /// Nothing is done about it, and nothing that was its own is anybody's from now on.
    ForgetInstance {
        /// The instance.
        instance: InstanceId,
    },
    /// Start a mounted instance, all its threads together (`CTL-7`). Does nothing for one that is not
    /// mounted, or when all is over ([`Effect::Finish`](crate::Effect::Finish)).
    StartInstance {
        /// The instance.
        instance: InstanceId,
    },
    /// Take an instance down and replace it now, whatever its policy (`CTL-9`); it does not count for a row
    /// of restarts. Does nothing where [`Kernel::can_restart`](crate::Kernel::can_restart) says no.
    RestartInstance {
        /// The instance.
        instance: InstanceId,
    },
    /// Take a Port from both ends (`END-13`); answered by
    /// [`Effect::FinishRevocation`](crate::Effect::FinishRevocation), perhaps later. Does nothing where it has been
    /// asked for before.
    RevokePort {
        /// The Port.
        port: PortId,
    },
    /// Give an endpoint to another thread (`END-14`), whose element is free;
    /// [`Kernel::can_transfer`](crate::Kernel::can_transfer) has said yes. Answered by
    /// [`Effect::MoveEnd`](crate::Effect::MoveEnd) or [`Effect::RefuseMove`](crate::Effect::RefuseMove), perhaps
    /// later.
    TransferEnd {
        /// The endpoint.
        end: EndpointId,
        /// Its new owner.
        to: ThreadId,
        /// What it is to that.
        binding: BindingSetup,
        /// Whether the Port can become asynchronous with its new owner.
        upgrade: Upgrade,
    },
    /// A thread touched a window, a commit word or a live cursor of an endpoint that was taken from it by a
    /// transfer.
    ForeignTouched {
        /// The thread.
        thread: ThreadId,
        /// The endpoint that it had there.
        end: EndpointId,
    },
    /// Tables of an instance's Ring have changed, and their generation is this now (`META-7`).
    RingChanged {
        /// The instance.
        instance: InstanceId,
        /// Its Ring's generation.
        generation: u64,
    },
    /// A thread stored to (producer) or loaded from (consumer) a cell that is not open to it.
    CellTouched {
        /// The endpoint whose cell it is.
        end: EndpointId,
        /// Cell 0 or 1.
        cell: u32,
    },
    /// A thread stored to the protected commit word of a managed endpoint (`MAN-5`).
    WordTouched {
        /// The endpoint whose word it is.
        end: EndpointId,
    },
    /// The thread whose commit word is open ([`Kernel::open_word`](crate::Kernel::open_word)) has
    /// faulted again: its word has been protected, then read. Comes before that fault's own event.
    WordSettled {
        /// The endpoint whose word it is.
        end: EndpointId,
        /// What the word holds.
        value: u64,
    },
    /// A thread stored to the protected page of its live cursor (`BELL-2`, `MODE-4`).
    CursorTouched {
        /// The endpoint whose cursor it is.
        end: EndpointId,
    },
    /// A thread touched the window of the queue, other than for a page that the platform has to map
    /// again: it has no right to ([`Kernel::has_queue`](crate::Kernel::has_queue) is false).
    QueueTouched {
        /// The endpoint whose window it is.
        end: EndpointId,
    },
    /// A live cursor ([`Kernel::has_live_cursor`](crate::Kernel::has_live_cursor)) has been read, once.
    /// May come at any time. Comes before an event whose decision depends on it: those that
    /// [`Kernel::looks_before`](crate::Kernel::looks_before) lists before a fault, and before a
    /// built-in end asks what is available.
    CursorLooked {
        /// The endpoint whose cursor it is.
        end: EndpointId,
        /// What it says.
        value: u64,
    },
    /// The answer to [`Effect::ProtectCursor`](crate::Effect::ProtectCursor): the page is protected,
    /// the flush is complete, and then the cursor was read. It comes before any other event about this
    /// endpoint that is later than the reading.
    CursorProtected {
        /// The endpoint whose cursor it is.
        end: EndpointId,
        /// What it says.
        value: u64,
    },
    /// The answer to [`Effect::ReadCursor`](crate::Effect::ReadCursor), and what comes before the
    /// event of a fault for each [`Look::Settle`](crate::Look::Settle): the cursor's owner is stopped
    /// or gone and the page protected, then it was read, and then the peer's, if that is live.
    CursorSettled {
        /// The endpoint whose cursor it is.
        end: EndpointId,
        /// What it says.
        value: u64,
        /// What the peer's live cursor says.
        peer: Option<u64>,
    },
    /// A thread stored to a gate page (`GATE-1`).
    GateTouched {
        /// The thread.
        thread: ThreadId,
        /// Which of the two pages: 0 or 1.
        gate: u32,
        /// Its request, read once; or what is wrong with it. Not looked at unless the gate is armed.
        request: Result<GateRequest, RequestProblem>,
    },
    /// The time that [`Effect::StartTimer`](crate::Effect::StartTimer) asked for has passed.
    TimerExpired {
        /// Whose.
        timer: Timer,
    },
    /// An operator forces a Port synchronous (`MODE-6`).
    ForceSynchronous {
        /// The Port.
        port: PortId,
    },
    /// An operator takes that back.
    AllowAsynchronous {
        /// The Port.
        port: PortId,
    },
    /// A built-in end has nothing to do by the cursors that the core knows, and wants
    /// [`Effect::WakeKernelEnd`](crate::Effect::WakeKernelEnd) when its peer's cursor moves, also in
    /// asynchronous mode. A synchronous peer wakes it in any case.
    KernelWaits {
        /// An endpoint of the kernel.
        end: EndpointId,
    },
    /// A thread returned, or touched its own exit gate; `status` as `END-2` computes it.
    ThreadExited {
        /// The thread.
        thread: ThreadId,
        /// Its status.
        status: u64,
    },
    /// A thread touched the instance's exit gate.
    InstanceExited {
        /// The thread that did.
        thread: ThreadId,
        /// The instance's status.
        status: u64,
    },
    /// A thread did something that ends its instance, by a rule that is not a Port's: a trap, a
    /// system call, a vanished process. The platform keeps the details for the report.
    ThreadFaulted {
        /// The thread.
        thread: ThreadId,
        /// What it was.
        cause: FaultCause,
    },
    /// End an instance from outside.
    KillInstance {
        /// The instance.
        instance: InstanceId,
    },
    /// The answer to [`Effect::ReplaceInstance`](crate::Effect::ReplaceInstance): a replacement has been
    /// mounted on the same Ports, and does not run yet.
    InstanceRestarted {
        /// The instance.
        instance: InstanceId,
    },
    /// The other answer: none can be had.
    RestartFailed {
        /// The instance.
        instance: InstanceId,
    },
    /// A built-in producer has filled the next `count` slots of its queue and commits them; it has
    /// made sure of the room ([`Kernel::available`](crate::Kernel::available)).
    KernelCommitted {
        /// A producing endpoint of the kernel.
        end: EndpointId,
        /// Messages.
        count: u32,
    },
    /// A built-in consumer is done with the next `count` messages.
    KernelReleased {
        /// A consuming endpoint of the kernel.
        end: EndpointId,
        /// Messages.
        count: u32,
    },
    /// A built-in endpoint ends.
    KernelClosed {
        /// An endpoint of the kernel.
        end: EndpointId,
        /// Whether it ended because it failed (`BUILTIN-6`).
        has_failed: bool,
    },
}

/// Why a thread faulted, as far as the core cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultCause {
    /// A processor trap.
    Trap,
    /// An attempt to make a system call.
    SystemCall,
    /// A trap with a panic's last words.
    Panic,
    /// It was killed from outside, or is gone.
    Killed,
}
