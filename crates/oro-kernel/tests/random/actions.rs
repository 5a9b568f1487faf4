//! What happens: the list of it, for whoever makes one up (`generate.rs`, the fuzz target `events`).

use oro_kernel::{FaultCause, RequestProblem};

/// What happens, with numbers that are taken modulo what there is.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A thread's next act by the rules; the second number chooses among them.
    Run(u32, u32),
    /// As many such acts of both threads of a Port, in turn.
    Pump(u32, u32, u8),
    /// Something that a hostile thread may do.
    Cheat(u32, Cheat),
    /// The platform answers the oldest request for a protection.
    Answer,
    /// It looks at what is landing.
    Poll,
    /// It looks at a live cursor.
    Look(u32),
    /// A timer expires.
    Expire(u32),
    /// One expires that was stopped meanwhile.
    ExpireLate(u32),
    Force(u32),
    Allow(u32),
    Fault(u32, FaultCause),
    Kill(u32),
    /// A replacement that was asked for has come.
    Restart(u32),
    /// Or none can be had.
    FailRestart(u32),
    Serve(u32, u32),
    Wait(u32),
    Close(u32, bool),
    /// What a holder of Ring control has asked for.
    Control(Control),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Control {
    /// A further instance, of which the number tells all.
    Mount(u32),
    /// A further Port, from one thread or built-in end to another.
    Wire(u32, u32, u32),
    Start(u32),
    /// An instance is replaced by order.
    Replace(u32),
    Revoke(u32),
    /// An end is given to another thread of its instance.
    Transfer(u32, u32),
    /// An element whose Port is over is taken from its thread.
    Drop(u32),
}

#[derive(Clone, Debug)]
pub(crate) enum Cheat {
    TouchCell(u32),
    TouchWord,
    /// What the word holds, less the cursor.
    StoreWord(u64),
    TouchCursor,
    TouchQueue,
    /// What the live cursor says, less what it said.
    StoreCursor(u64),
    TouchGate(u32, Option<RequestProblem>),
    /// An end that was taken from the thread by a transfer.
    TouchForeign,
    Exit(u64),
    ExitInstance(u64),
}
