//! What the corpora begin with, made from real things; `ORO_BLESS=1` writes the files anew.
//!
//! The seeds of `image` are in the tests of `oro-image`, and two manifests are written by hand.
#![expect(clippy::unwrap_used, reason = "these are tests")]

#[path = "seeds/control.rs"]
mod control;

use std::fs;
use std::path::{Path, PathBuf};

use oro_fuzz::{TARGETS, plan_of_manifest};
use oro_sysabi as abi;

/// Name and bytes.
type Seed = (String, Vec<u8>);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The manifests of the repository, and those that are written by hand.
fn list_manifests() -> Vec<Seed> {
    let mut files = vec![("witness", root().join("conformance/witness/system.toml"))];
    for name in ["double", "executor", "init", "kv", "pipeline", "png", "sha256", "threads"] {
        files.push((name, root().join("examples").join(name).join("system.toml")));
    }
    for name in ["whole", "rings"] {
        files.push((name, root().join(format!("fuzz/corpus/manifest/seed-{name}.toml"))));
    }
    let read = |path: &Path| fs::read(path).unwrap();
    files.iter().map(|(name, path)| (format!("seed-{name}.toml"), read(path))).collect()
}

fn encode_plans() -> Vec<Seed> {
    let plans = list_manifests().into_iter().filter_map(|(name, text)| {
        let name = name.replace(".toml", "");
        Some((name, plan_of_manifest(&text)?.encode().unwrap()))
    });
    plans.collect()
}

/// Conditions as `(kind, index, value)`, behind a header.
fn make_request(deadline_ns: u64, conditions: &[(u32, u32, u64)]) -> Vec<u8> {
    let mut page = vec![0; 12];
    page.extend(u32::try_from(conditions.len()).unwrap().to_le_bytes());
    page.extend(deadline_ns.to_le_bytes());
    page.resize(64, 0);
    for (kind, index, value) in conditions {
        page.extend([kind.to_le_bytes(), index.to_le_bytes()].concat());
        page.extend(value.to_le_bytes());
    }
    page
}

fn make_requests() -> Vec<Seed> {
    let every_kind = [
        (abi::WAIT_PEER, 0, 0),
        (abi::WAIT_PEER, 1, 7),
        (abi::WAIT_RING, 0, 2),
        (abi::WAIT_BINDING, 1, 1),
        (abi::WAIT_BINDING, 2, 0),
        (abi::WAIT_WORD, 1, 0x4000),
        (abi::WAKE_WORD, 0, 0x403c),
    ];
    let full = vec![(abi::WAIT_PEER, 1, 0); abi::CONDITION_COUNT as usize];
    let flags = [vec![0; 8], vec![1; 4]].concat();
    let mut reserved = make_request(1, &full);
    reserved.resize(2112 + 7, 0);
    reserved.push(1);
    let one = |condition| make_request(0, &[condition]);
    [
        ("nothing", Vec::new()),
        ("for-ever", make_request(abi::NO_DEADLINE, &every_kind[..1])),
        ("every-kind", make_request(1000, &every_kind)),
        ("full", make_request(abi::NO_DEADLINE, &full)),
        ("too-many", make_request(0, &vec![(abi::WAIT_RING, 0, 2); 129])),
        ("flags", flags),
        ("reserved", reserved),
        ("unknown-kind", one((6, 0, 0))),
        ("no-binding", one((abi::WAIT_PEER, 3, 0))),
        ("unwired", one((abi::WAIT_PEER, 2, 0))),
        ("bad-address", one((abi::WAIT_WORD, 0, 0x4002))),
    ]
    .map(|(name, page)| (format!("seed-{name}"), page))
    .into()
}

/// Kind and size of the queue, first message, steps: see `cursors.rs`.
fn make_cursors() -> Vec<Seed> {
    const CONSUMER: u8 = 0;
    const PRODUCER: u8 = 32;
    // The peer goes on by 2; an offer of 1; all of it is handed over; a look.
    let work = [2 << 3, 5 | 1 << 3, 7 | 31 << 3, 6].repeat(8);
    let back = [1 << 3, 6, 2 | 1 << 3, 6, 6].repeat(2);
    let far = [&[3][..], &[0xff; 8], &[6, 4 | 17 << 3, 6, 4, 6]].concat();
    let mut seeds = Vec::new();
    for (side, name) in [(CONSUMER, "consumer"), (PRODUCER, "producer")] {
        for (first, place) in [(0, "first"), (u64::MAX - 3, "wrap")] {
            for (steps, what) in [(&work, "work"), (&back, "back"), (&far, "far")] {
                let bytes = [&[side | 2][..], &u64::to_le_bytes(first), steps].concat();
                seeds.push((format!("seed-{name}-{place}-{what}"), bytes));
            }
        }
    }
    seeds
}

/// Tables of a root Ring with an instance, a Port and a child that has the same Port.
fn make_tables() -> Vec<u64> {
    const ADDRESS: u64 = 0x10_0000;
    let mut words = vec![0; 160];
    let table = |offset: u64, stride: u64| [ADDRESS + offset, 1 << 32 | stride, 1];
    words[..5].copy_from_slice(&[
        abi::RING_MAGIC,
        256,
        4,
        1 << 32,
        u64::from_le_bytes(*b"root\0\0\0\0"),
    ]);
    words[8..11].copy_from_slice(&table(256, 128));
    words[12..15].copy_from_slice(&table(640, 256));
    words[16..19].copy_from_slice(&table(384, 256));
    words[32..34].copy_from_slice(&[1 << 32, 1 << 32 | 1]);
    words[36] = u64::from_le_bytes(*b"hash\0\0\0\0");
    words[48..52].copy_from_slice(&[1 << 32, 7, 4 << 32 | 8, 1 << 32 | 1]);
    words[56] = 3;
    words[64] = 1;
    words[80..85].copy_from_slice(&[
        abi::RING_MAGIC,
        256,
        2,
        2 << 32,
        u64::from_le_bytes(*b"in\x1b\xff\0\0\0\0"),
    ]);
    words[88..91].copy_from_slice(&table(1024, 128));
    words[96..99].copy_from_slice(&table(384, 256));
    words
}

fn make_snapshots() -> Vec<Seed> {
    let good = make_tables();
    let with = |index: usize, word: u64| {
        let mut words = good.clone();
        words[index] = word;
        words
    };
    let tables = [
        ("good", &[0][..], good.clone()),
        ("moves", &[5, 1, 0, 1, 2, 0][..], good.clone()),
        (
            "busy",
            &[20, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1][..],
            good.clone(),
        ),
        ("short", &[0][..], good[..20].to_vec()),
        ("no-magic", &[0][..], with(0, 0)),
        ("too-close", &[0][..], with(9, 1 << 32 | 64)),
        ("past-the-end", &[0][..], with(8, 0x10_0000 + 1279)),
        ("before", &[0][..], with(8, 0x1000)),
        ("in-itself", &[0][..], with(12, 0x10_0000)),
        ("unknown-states", &[0][..], with(33, 99)),
    ];
    let join = |(name, moves, words): (&str, &[u8], Vec<u64>)| {
        let words = words.iter().flat_map(|word| word.to_le_bytes());
        (format!("seed-{name}"), moves.iter().copied().chain(words).collect())
    };
    tables.map(join).into()
}

/// Nothing real: systems are small, and a fuzzer finds its way among them.
fn make_events() -> Vec<Seed> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..16).map(|index| (format!("seed-{index}"), (0..600).map(|_| next()).collect())).collect()
}

#[test]
fn the_corpora_have_every_seed() {
    let bodies = |name| TARGETS.iter().find(|(target, _)| *target == name).unwrap().1;
    for (target, seeds) in [
        ("manifest", list_manifests()),
        ("plan", encode_plans()),
        ("gate_request", make_requests()),
        ("cursors", make_cursors()),
        ("snapshot", make_snapshots()),
        ("events", make_events()),
        ("control", control::make_control()),
    ] {
        assert!(seeds.len() >= 6, "{target}: {} seeds", seeds.len());
        let accepted = seeds.iter().filter(|(_, bytes)| bodies(target)(bytes)).count();
        assert!(accepted >= 3, "{target}: {accepted} of {} seeds are accepted", seeds.len());
        for (name, bytes) in seeds {
            let path = root().join("fuzz/corpus").join(target).join(&name);
            if std::env::var_os("ORO_BLESS").is_some() {
                fs::write(&path, &bytes).unwrap();
            }
            let is_there = fs::read(&path).is_ok_and(|found| found == bytes);
            assert!(is_there, "{target}/{name} is not the seed that it was: run with ORO_BLESS=1");
        }
    }
}
