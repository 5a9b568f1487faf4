//! What the core tells a platform to do.

use crate::{EndpointId, FaultCause, InstanceId, PortId, RequestProblem, ThreadId};

/// Something to carry out. Effects are carried out in order, each complete before the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Let the thread run its first instruction.
    StartThread(ThreadId),
    /// Make a producer's cell writable. Its content (zeros, or what the thread has stored, if it is
    /// open already) stays.
    OpenCell {
        /// The producing endpoint.
        end: EndpointId,
        /// Cell 0 or 1.
        cell: u32,
    },
    /// Make a producer's cell read-only to its thread, flush complete.
    ProtectCell {
        /// The producing endpoint.
        end: EndpointId,
        /// Cell 0 or 1.
        cell: u32,
    },
    /// Copy slot-size bytes of a protected cell into the queue as message `number`, then zero the cell.
    CollectCell {
        /// The producing endpoint.
        end: EndpointId,
        /// Cell 0 or 1.
        cell: u32,
        /// Which message it becomes.
        number: u64,
    },
    /// Put a private snapshot of message `number` into a consumer's cell.
    DeliverCell {
        /// The consuming endpoint.
        end: EndpointId,
        /// Cell 0 or 1.
        cell: u32,
        /// Which message.
        number: u64,
    },
    /// Show zeros in a consumer's cell (`MAN-3`).
    DeliverZeros {
        /// The consuming endpoint.
        end: EndpointId,
        /// Cell 0 or 1.
        cell: u32,
    },
    /// Take a consumer's cell away, so that its next load faults.
    WithdrawCell {
        /// The consuming endpoint.
        end: EndpointId,
        /// Cell 0 or 1.
        cell: u32,
    },
    /// Make a managed endpoint's commit word writable; it still holds the cursor's old value.
    OpenWord {
        /// The endpoint.
        end: EndpointId,
    },
    /// Make the page of a live cursor writable to its thread.
    OpenCursor {
        /// The endpoint.
        end: EndpointId,
    },
    /// Make the page of a live cursor read-only to its thread, which may be running; when no CPU can
    /// store to it any more, read the cursor and send
    /// [`Event::CursorProtected`](crate::Event::CursorProtected). The core goes on meanwhile.
    ProtectCursor {
        /// The endpoint.
        end: EndpointId,
    },
    /// Read the cursor of an endpoint whose thread has ended, or is stopped for good, and send
    /// [`Event::CursorSettled`](crate::Event::CursorSettled) before any other event.
    ReadCursor {
        /// The endpoint.
        end: EndpointId,
    },
    /// Give a thread the queue itself, at its window for the asynchronous mode: a producer may store,
    /// a consumer may load.
    OpenQueue {
        /// The endpoint.
        end: EndpointId,
    },
    /// Take a producer's right to store to the queue, flush complete. A consumer may go on to load
    /// what it can see there, if the platform cannot unmap it.
    CloseQueue {
        /// The endpoint.
        end: EndpointId,
    },
    /// Tell a thread, which is stopped in a fault of its own or has given the endpoint up (`CTL-8`), where its
    /// window and its cursor are now.
    PublishMode {
        /// The endpoint.
        end: EndpointId,
        /// The mode.
        mode: Mode,
    },
    /// Let a thread come back from its gate: write the response, protect the other gate page and
    /// call it the armed one, open this one. [`Effect::Resume`] follows.
    OpenGate {
        /// The thread.
        thread: ThreadId,
        /// Which of the two pages: 0 or 1.
        gate: u32,
        /// `CAUSE_*` of `oro-sysabi`.
        cause: u32,
        /// Bit `i` says that condition `i` held.
        ready: u128,
    },
    /// Send [`Event::TimerExpired`](crate::Event::TimerExpired) after this time; replaces one that the
    /// same timer still waits for.
    StartTimer {
        /// Whose.
        timer: Timer,
        /// How long from now.
        after_ns: u64,
    },
    /// Forget a timer. An expiry that is on its way is ignored.
    StopTimer {
        /// Whose.
        timer: Timer,
    },
    /// Store to a protected commit word, whose thread is stopped or gone: it is to hold the cursor when
    /// the end is synchronous again.
    SetWord {
        /// The endpoint.
        end: EndpointId,
        /// Its cursor.
        value: u64,
    },
    /// Tell people that the two cursors of a Port contradict each other (`ASYNC-6`).
    ReportBrokenPort {
        /// The Port.
        port: PortId,
        /// What the producer's cursor said when it was held against the other.
        produced: u64,
        /// What the consumer's said.
        consumed: u64,
    },
    /// Store a cursor where the peer and the tables show it, with release.
    PublishCursor {
        /// The endpoint whose cursor it is.
        end: EndpointId,
        /// Messages committed or released.
        value: u64,
    },
    /// Tell an endpoint's thread of its peer's state, after the peer's cursor. The thread runs, or is
    /// mounted and has not started.
    PublishPeer {
        /// The endpoint that is told.
        end: EndpointId,
        /// The state of its peer.
        state: PeerState,
        /// How many peers this endpoint has had before.
        epoch: u32,
    },
    /// The table entry of an instance has changed; [`Kernel::instance`](crate::Kernel::instance) says how.
    PublishInstance(InstanceId),
    /// The table entry of a Port has changed; [`Kernel::port`](crate::Kernel::port) says how.
    PublishPort(PortId),
    /// Let a thread that is stopped in a fault go on: it repeats the access.
    Resume(ThreadId),
    /// A thread has ended well: take it down, so that it can store to nothing any more. The instance may
    /// live on.
    EndThread(ThreadId),
    /// An instance has ended: take down what is left of it, so that it can store to nothing any more,
    /// and report.
    EndInstance {
        /// The instance.
        instance: InstanceId,
        /// How.
        end: InstanceEnd,
        /// A replacement is to come: [`Effect::ReplaceInstance`], perhaps later.
        restart: bool,
    },
    /// Build an instance anew, as it was before it started, on the same Ports, without letting it run;
    /// answered by [`Event::InstanceRestarted`](crate::Event::InstanceRestarted), or by
    /// [`Event::RestartFailed`](crate::Event::RestartFailed).
    ReplaceInstance(InstanceId),
    /// Tell a thread where its endpoint starts, before it starts or before the endpoint is wired (`END-7`,
    /// `CTL-8`).
    PublishFirst {
        /// The endpoint.
        end: EndpointId,
        /// Its cursor.
        value: u64,
    },
    /// A Port has been revoked: take its queue from both threads, whatever they have mapped of it (`END-13`).
    /// A built-in end of it is over, without a [`Event::KernelClosed`](crate::Event::KernelClosed).
    FinishRevocation(PortId),
    /// An endpoint has another owner: take its window from the old one, whose binding is foreign now, and give
    /// the new one fresh memory at the cursor (`END-14`). What its binding says follows.
    MoveEnd {
        /// The endpoint.
        end: EndpointId,
        /// Its old owner.
        from: ThreadId,
        /// Its new one.
        to: ThreadId,
    },
    /// An endpoint keeps its owner: it, its new owner or its Port has ended meanwhile, or its thread has not
    /// left the asynchronous mode in time.
    RefuseMove {
        /// The endpoint.
        end: EndpointId,
    },
    /// A built-in endpoint has something to do: a message, room, or its peer has ended.
    WakeKernelEnd(EndpointId),
    /// No instance runs or is to be replaced any more; what is mounted and has not started never will.
    Finish,
}

/// The mode of an endpoint (`PORT-3`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Every touch of a slot is a fault.
    Synchronous,
    /// Plain shared memory.
    Asynchronous,
}

/// Something that waits for time to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// The deadline of a thread's gate.
    Gate(ThreadId),
    /// How long the core waits for a store that has been let through to be seen, or before it protects
    /// a cursor again.
    Landing(EndpointId),
    /// The delay of a restart (`END-11`).
    Restart(InstanceId),
    /// How long a restarted instance has to run so that a row of restarts ends (`END-11`).
    Row(InstanceId),
    /// How long the ends of a Port that is to be revoked have to leave its queue (`END-13`).
    Revocation(PortId),
    /// How long an endpoint that is to be moved has to leave the asynchronous mode (`END-14`).
    Transfer(EndpointId),
}

/// What an endpoint knows of its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerState {
    /// It lives.
    Wired,
    /// It has ended well.
    Closed,
    /// It has ended in any other way.
    Faulted,
    /// The Port has been revoked, whatever became of the peer.
    Revoked,
}

/// How an instance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InstanceEnd {
    /// Every thread ended by itself, or one ended the instance; with the instance's status.
    Exited {
        /// The status (`END-4`).
        status: u64,
    },
    /// A rule of a Port was broken.
    Violated {
        /// By this thread.
        thread: ThreadId,
        /// At this endpoint.
        end: EndpointId,
        /// The rule.
        violation: Violation,
    },
    /// A request at a gate was none.
    BadRequest {
        /// By this thread.
        thread: ThreadId,
        /// What is wrong with it.
        problem: RequestProblem,
    },
    /// Something else ended it.
    Faulted {
        /// By this thread.
        thread: ThreadId,
        /// What it was.
        cause: FaultCause,
    },
    /// Ended from outside.
    Killed,
    /// Taken down to be replaced ([`Event::RestartInstance`](crate::Event::RestartInstance)).
    Replaced,
    /// It had not left the queue of a Port that was revoked in time, or went on there (`END-13`).
    Revoked {
        /// The Port.
        port: PortId,
    },
}

/// A broken rule, with what the report needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A cell was touched that is neither held nor the next (`NAIVE-4`, `NAIVE-7`, `MAN-4`).
    WrongCell {
        /// The cell that was touched.
        touched: u32,
        /// The message number whose cell would have been right.
        expected: u64,
        /// Whether the touched cell is that of a slot which this thread had before and which was
        /// handed over when it touched another Port: the usual mistake of naive code.
        was_handed_over: bool,
    },
    /// A commit without room, or a release without a message (`MAN-6`).
    CursorPastQueue {
        /// The cursor before the store.
        cursor: u64,
        /// The peer's cursor.
        peer: u64,
    },
    /// A live cursor went back, or beyond what its peer's, for which the kernel vouches, allows
    /// (`ASYNC-4`).
    ImpossibleCursor {
        /// What the cursor says.
        stored: u64,
        /// The least that was possible.
        least: u64,
        /// The most.
        most: u64,
    },
    /// A cell or commit word was touched in asynchronous mode, or the queue or the live cursor in
    /// synchronous mode (`ASYNC-5`).
    WrongMode {
        /// The endpoint's mode.
        mode: Mode,
    },
    /// An endpoint was touched that had been given to another thread (`END-14`).
    ForeignEndpoint,
    /// The stored cursor was not the old one plus one (`MAN-5`).
    WrongCursor {
        /// What the thread stored.
        stored: u64,
        /// What would have been right.
        expected: u64,
    },
}

impl Violation {
    /// The clause that was broken, for a thread of this kind.
    #[must_use]
    pub fn clause(&self, side_is_producer: bool, is_managed: bool) -> &'static str {
        match self {
            Self::WrongCell { .. } if is_managed => "MAN-4",
            Self::WrongCell { .. } if side_is_producer => "NAIVE-4",
            Self::WrongCell { .. } => "NAIVE-7",
            Self::CursorPastQueue { .. } => "MAN-6",
            Self::WrongCursor { .. } => "MAN-5",
            Self::ImpossibleCursor { .. } => "ASYNC-4",
            Self::WrongMode { .. } => "ASYNC-5",
            Self::ForeignEndpoint => "END-14",
        }
    }
}
