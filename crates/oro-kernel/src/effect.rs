//! What the core tells a platform to do.

use crate::{EndpointId, FaultCause, InstanceId, PortId, ThreadId};

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
    /// Store a cursor where the peer and the tables show it, with release.
    PublishCursor {
        /// The endpoint whose cursor it is.
        end: EndpointId,
        /// Messages committed or released.
        value: u64,
    },
    /// Tell an endpoint's thread of its peer's state, after the peer's cursor.
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
    /// A thread has ended well: take it down. The instance may live on.
    EndThread(ThreadId),
    /// An instance has ended: take down what is left of it, report.
    EndInstance {
        /// The instance.
        instance: InstanceId,
        /// How.
        end: InstanceEnd,
        /// A replacement is wanted; answered by
        /// [`Event::InstanceRestarted`](crate::Event::InstanceRestarted).
        restart: bool,
    },
    /// A built-in endpoint has something to do: a message, room, or its peer has ended.
    WakeKernelEnd(EndpointId),
    /// Every instance has ended for good.
    Finish,
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
    /// Something else ended it.
    Faulted {
        /// By this thread.
        thread: ThreadId,
        /// What it was.
        cause: FaultCause,
    },
    /// Ended from outside.
    Killed,
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
        }
    }
}
