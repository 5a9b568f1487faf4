//! [`Cursors`]: the two words through which an end meets its peer.

/// The two words of an end: its own cursor, which it stores to, and the peer's, which it loads.
///
/// Both are u64 counts of messages that only grow (`PORT-1`), each alone on its page. The orderings
/// below are the whole synchronisation of a queue: what a thread has done with a slot before its
/// store happens before what the peer does with that slot after a load that saw the store.
pub trait Cursors {
    /// Loads the peer's cursor with acquire: pairs with the peer's release store of its own cursor,
    /// or the kernel's for it. The value is an allegation; the end validates it.
    fn load_peer(&self) -> u64;

    /// Stores the own cursor with release: pairs with the peer's, or the kernel's, acquire load.
    ///
    /// Where a store has effects on the slots (synchronous mode, `MAN-5`), it also keeps the compiler
    /// from moving accesses to slots across it, in both directions; release alone holds back only those
    /// before it.
    fn store_own(&self, value: u64);
}
