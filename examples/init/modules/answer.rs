//! What a worker tells `init`; part of both modules.

oro::message! {
    /// The next result.
    "init.answer.v1" pub struct Answer { value: u64 }
}
