//! Tests of `oro-image`: good files, every rejection, hostile bytes, compiled files, the corpus.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod builder;
mod compiled;
mod corpus;
mod good;
mod invariants;
mod layout;
mod reject_file;
mod reject_note;
mod reject_relocation;
mod reject_segment;
mod rejection;
mod robustness;
