//! Wrong rules, for the explorer to catch. Outside this crate's own tests there are none: without
//! the feature `mutants` the question whether a rule is broken is the constant `false`.

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    not(feature = "mutants"),
    expect(unreachable_pub, dead_code, reason = "for this crate's own tests only")
)]
pub enum Mutant {
    /// A naive thread's slot commits when the thread blocks, not when it touches (`NAIVE-1`).
    CommitOnBlock,
    /// The first touch of an output releases the inputs (`NAIVE-5`).
    ReleaseAtOutput,
    /// Bytes are taken from a cell that is open (`PORT-6`).
    CollectWithoutProtect,
    /// Bytes are taken, then the cell is protected (`PORT-6`).
    CollectBeforeProtect,
    /// A cell that is neither held nor next opens (`NAIVE-4`).
    ServeAnyCell,
    /// A crash commits what was held (`NAIVE-9`).
    CommitAtKill,
    /// A crash releases what had been read (`NAIVE-9`).
    ReleaseAtKill,
    /// A peer's end shows before its last message (`END-6`, `KRN-5`).
    PublishPeerBeforeCursor,
    /// A peer is woken before the cursor shows why (`PORT-6`).
    PublishAfterWake,
    /// A store to a commit word that is reported again commits again (`MAN-5`).
    CommitRepeatedWord,
    /// The fault of a held cell that is reported again counts as the next touch (`NAIVE-8`).
    RepeatIsNextTouch,
    /// A naive thread that returns leaves its slot uncommitted (`NAIVE-10`).
    NoFlushAtReturn,
    /// A managed thread that returns commits its slot (`MAN-7`).
    CommitManagedAtReturn,
    /// A blocked consumer is woken, and nothing is delivered (`NAIVE-5`).
    WakeWithoutMessage,
    /// A blocked peer is not woken (I10, `KRN-5`).
    DropWake,
    /// A naive consumer ends when its producer has, with messages left (`NAIVE-6`).
    CloseBeforeDrained,
    /// A naive producer goes on when its consumer has ended, as long as there is room (`NAIVE-3`).
    FillForNobody,
    /// A managed thread ends with its peer (`MAN-3`).
    EndManagedWithPeer,
    /// A queue takes one message more than it has slots (`PORT-1`).
    OneSlotTooMany,
    /// A released message stays in its cell (`NAIVE-5`).
    ReleaseWithoutWithdraw,
    /// What a thread has stored becomes its cursor (`MAN-5`, `KRN-3`).
    AdoptStoredCursor,
    /// The peer of the offender ends (`BLAME-1`).
    BlamePeer,
    /// A sleeper sleeps without reading the cursor after the protection (`BELL-1`).
    NoRecheck,
    /// The protection is taken for complete while a store is on its way (`BELL-1`, KRN-9). The platform's part: the explorer breaks it in its model.
    NoFlush,
    /// A thread goes to sleep on a live cursor, and no doorbell is armed (`BELL-1`).
    NoDoorbell,
    /// A sleeper is woken by the doorbell's fault, before the store (`BELL-2`).
    WakeAtFault,
    /// A cursor is protected again before the store that rang has landed (`BELL-3`).
    RearmWhileLanding,
    /// A page is opened while its protection is not complete (`BELL-1`).
    OpenWhileProtecting,
    /// An end becomes asynchronous while its peer sleeps, without a doorbell (`BELL-1`, `MODE-2`).
    ForgetSleeperAtUpgrade,
    /// Who waits at a gate is not woken (`GATE-5`, I10).
    DropGateWake,
    /// One end becomes asynchronous though the other does not qualify (`MODE-2`).
    UpgradeAlone,
    /// A Port becomes asynchronous though it is forced synchronous (`MODE-2`).
    UpgradeForced,
    /// An end returns to the asynchronous mode after its thread was told the other (`MODE-3`).
    ReturnAfterPublished,
    /// The cursor is adopted at the fault of the last store, before that has landed (`MODE-5`).
    AdoptAtFault,
    /// An end that leaves keeps the right to store to the queue (`ASYNC-5`).
    KeepQueue,
    /// A live cursor is adopted as it is (`ASYNC-4`).
    BelieveCursors,
    /// The last cursor of a thread that runs is read before it is stopped (`END-6`).
    ReadBeforeStop,
    /// A binding that becomes wired wakes nobody (`CTL-8`).
    WireWithoutWake,
    /// An element is wired again with messages left unread (`CTL-8`).
    DropUnread,
    /// An element is wired again though its thread may not know that the Port before is over (`CTL-8`).
    DropUnseen,
    /// A cell of an element that is wired again stays open (`CTL-8`).
    KeepCellAtDrop,
    /// A thread that has not started is not told of its peers' ends (`CTL-6`).
    ForgetMounted,
    /// A revoked Port goes on to commit and deliver (`END-13`).
    CommitRevoked,
    /// A Port is revoked while an end is in its queue (`END-13`).
    RevokeAtOnce,
    /// An endpoint's new owner holds what the old one did (`END-14`).
    MoveHeld,
    /// An instance that has not started keeps the system alive (`END-4`).
    CountMounted,
    /// An instance's number is used again while a Port has an end of the old one (`CTL-10`).
    ReuseNamed,
    /// A Port's number is used again while an end is somebody's (`CTL-10`).
    ReuseOwned,
    /// A Port whose number is used again goes on where the old one was (`CTL-10`).
    ReuseCursors,
}

#[cfg(feature = "mutants")]
impl Mutant {
    /// All of them.
    pub const ALL: [Self; 49] = [
        Self::CommitOnBlock,
        Self::ReleaseAtOutput,
        Self::CollectWithoutProtect,
        Self::CollectBeforeProtect,
        Self::ServeAnyCell,
        Self::CommitAtKill,
        Self::ReleaseAtKill,
        Self::PublishPeerBeforeCursor,
        Self::PublishAfterWake,
        Self::CommitRepeatedWord,
        Self::RepeatIsNextTouch,
        Self::NoFlushAtReturn,
        Self::CommitManagedAtReturn,
        Self::WakeWithoutMessage,
        Self::DropWake,
        Self::CloseBeforeDrained,
        Self::FillForNobody,
        Self::EndManagedWithPeer,
        Self::OneSlotTooMany,
        Self::ReleaseWithoutWithdraw,
        Self::AdoptStoredCursor,
        Self::BlamePeer,
        Self::NoRecheck,
        Self::NoFlush,
        Self::NoDoorbell,
        Self::WakeAtFault,
        Self::RearmWhileLanding,
        Self::OpenWhileProtecting,
        Self::ForgetSleeperAtUpgrade,
        Self::DropGateWake,
        Self::UpgradeAlone,
        Self::UpgradeForced,
        Self::ReturnAfterPublished,
        Self::AdoptAtFault,
        Self::KeepQueue,
        Self::BelieveCursors,
        Self::ReadBeforeStop,
        Self::WireWithoutWake,
        Self::DropUnread,
        Self::DropUnseen,
        Self::KeepCellAtDrop,
        Self::ForgetMounted,
        Self::CountMounted,
        Self::CommitRevoked,
        Self::RevokeAtOnce,
        Self::MoveHeld,
        Self::ReuseNamed,
        Self::ReuseOwned,
        Self::ReuseCursors,
    ];
}

#[cfg(feature = "mutants")]
impl crate::Kernel {
    /// A kernel that breaks a rule.
    #[must_use]
    pub fn with_mutant(setup: crate::Setup, mutant: Mutant) -> Self {
        Self { mutant: Some(mutant), ..Self::new(setup) }
    }

    /// The rule that it breaks, if it breaks one.
    #[must_use]
    pub fn mutant(&self) -> Option<Mutant> {
        self.mutant
    }
}
