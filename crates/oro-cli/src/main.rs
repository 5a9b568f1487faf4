//! The `oro` command.

fn main() {}
