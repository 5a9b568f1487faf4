//! [`Had`]: what a supervisor has at a moment, so that it shows what grows.

use super::End;
use super::holder::Held;
use super::place::Place;
use super::processes::{
    count_descriptors, list_children, read_memfd_bytes, read_private_bytes, wait_for,
};

/// What the supervisor has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Had {
    /// What instances and Ports have.
    pub(crate) shared_bytes: u64,
    pub(crate) private_bytes: u64,
    pub(crate) descriptors: usize,
    pub(crate) processes: usize,
}

/// Runs a holder that calls `meet` twice: what the supervisor has at these moments, and how it ended.
pub(crate) fn measure(
    name: &str,
    modules: &[(&str, &str)],
    holder: &str,
    more: &str,
) -> ([Had; 2], End) {
    let place = Place::new(name);
    let more = format!(
        "{more}[[wire]]\nfrom = \"console.stdin\"\nto = \"holder.bytes\"\n\
         [[wire]]\nfrom = \"holder.text\"\nto = \"console.stdout\"\n"
    );
    Held { folder: &place.folder, holder, modules, more: &more }.write();
    let mut running = place.start("run system.toml");
    let mut stdin = running.child.stdin.take().unwrap();
    let had = [1, 2].map(|count| {
        let said =
            || std::fs::read(place.folder.path("stdout")).ok().filter(|text| text.len() == count);
        wait_for("the holder's word", said);
        let id = running.id();
        let had = Had {
            shared_bytes: read_memfd_bytes(id),
            private_bytes: read_private_bytes(id),
            descriptors: count_descriptors(id),
            processes: list_children(id).len(),
        };
        std::io::Write::write_all(&mut stdin, b"x").unwrap();
        had
    });
    drop(stdin);
    let end = running.end();
    end.ends(0);
    println!("{name}: {had:?}");
    (had, end)
}

/// What an allocator's own ways may come to.
const SLACK_BYTES: u64 = 96 << 10;

/// Nothing grows in the rounds between the two moments (`CTL-13`).
#[track_caller]
pub(crate) fn is_flat([before, after]: [Had; 2]) {
    assert_eq!((before.descriptors, before.processes), (after.descriptors, after.processes));
    assert!(after.shared_bytes <= before.shared_bytes, "{before:?} {after:?}");
    assert!(after.private_bytes <= before.private_bytes + SLACK_BYTES, "{before:?} {after:?}");
}
