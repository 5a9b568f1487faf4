//! Ring control: requests, decisions, replies (`CTL-*`).

#[path = "../common/mod.rs"]
mod common;

mod authority;
mod fixture;
mod instances;
mod messages;
mod operator;
mod random;
mod reuse;
mod rings;
mod wires;
