//! Wrong rules, for the explorer to catch. Outside this crate's own tests there are none: without
//! the feature `mutants` the question whether a rule is broken is the constant `false`.

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(not(feature = "mutants"), expect(unreachable_pub, reason = "public to tests only"))]
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
}

#[cfg(feature = "mutants")]
impl Mutant {
    /// All of them.
    pub const ALL: [Self; 22] = [
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
    ];
}

#[cfg(feature = "mutants")]
impl crate::Kernel {
    /// A kernel that breaks a rule.
    #[must_use]
    pub fn with_mutant(setup: crate::Setup, mutant: Mutant) -> Self {
        Self { mutant: Some(mutant), ..Self::new(setup) }
    }
}
