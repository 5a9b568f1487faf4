//! What `store`, `crowd` and `client` say to each other; part of all three modules, each of which uses some.
#![allow(dead_code, reason = "no module uses all of them")]

/// [`Ask::kind`]: keep `value` by `key`.
pub const PUT: u32 = 1;
/// [`Ask::kind`]: what is kept by `key`?
pub const GET: u32 = 2;

oro::message! {
    /// A client's request.
    "kv.ask.v1" pub struct Ask { correlation: u64, kind: u32, reserved: u32, key: u64, value: u64 }
}

oro::message! {
    /// The answer: what was kept by the key before, if `is_found` is 1.
    "kv.tell.v1" pub struct Tell { correlation: u64, is_found: u64, value: u64 }
}

oro::correlated!(Ask, Tell);

oro::message! {
    /// What a client has done, and how often it was given the wrong answer.
    "kv.report.v1" pub struct Report { number: u64, requests: u64, wrong: u64 }
}

oro::message! {
    /// No more clients will come.
    "kv.stop.v1" pub struct Stop { reserved: u64 }
}
