//! The system that soaks: 16 instances, 64 Ports, naive and managed threads mixed; and the sums of what
//! its instances report. Used by the benchmark and by the test of `oro`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Instances.
pub(crate) const INSTANCES: u32 = 16;
/// Ports of each that it sends to, and as many that it receives from.
pub(crate) const PORTS_EACH: u32 = 4;
/// Ports between instances.
pub(crate) const PORTS: u32 = INSTANCES * PORTS_EACH;

/// Variants of the module, by name and what the compiler is told.
pub(crate) const VARIANTS: [(&str, &[&str]); 4] = [
    ("soak-mm", &[]),
    ("soak-nm", &["SENDS_NAIVELY"]),
    ("soak-mn", &["RECEIVES_NAIVELY"]),
    ("soak-nn", &["SENDS_NAIVELY", "RECEIVES_NAIVELY"]),
];

/// `soak-config.h`.
pub(crate) fn config(seconds: u64, seed: u64) -> String {
    format!("#define SOAK_SECONDS UINT64_C({seconds})\n#define SOAK_SEED UINT64_C({seed})\n")
}

fn sends_naively(instance: u32) -> bool {
    instance % 4 == 3
}

fn receives_naively(instance: u32) -> bool {
    matches!(instance, 2 | 7 | 10 | 15)
}

fn variant(instance: u32) -> &'static str {
    match (sends_naively(instance), receives_naively(instance)) {
        (false, false) => "soak-mm",
        (true, false) => "soak-nm",
        (false, true) => "soak-mn",
        (true, true) => "soak-nn",
    }
}

/// Where Port `element` of a sender goes; each receiver gets each element once.
fn receiver(instance: u32, element: u32) -> u32 {
    (instance + [1, 3, 5, 8][element as usize]) % INSTANCES
}

/// A number that looks random.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut word = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// Slots and bytes of a slot of a Port: most are small and long, so that the bulk flows.
fn shape(port: u32, seed: u64) -> (u32, u32) {
    const SIZES: [u32; 8] = [24, 24, 24, 32, 32, 64, 128, 256];
    const COUNTS: [u32; 8] = [256, 512, 1024, 1024, 2048, 2048, 4096, 4096];
    let chance = mix(seed ^ u64::from(port) << 32);
    let pick = |list: [u32; 8], shift: u32| list[usize::try_from(chance >> shift & 7).unwrap_or(0)];
    match port {
        // The extremes are always there.
        0 => (4096, 24),
        6 => (1, 24),
        13 => (1, 4096),
        17 => (2, 64),
        24 => (4, 1024),
        32 => (16, 4096),
        41 => (8, 512),
        _ => (pick(COUNTS, 0), pick(SIZES, 8)),
    }
}

/// The manifest; modules by their names alone, or as files `FOLDER/NAME.elf`.
pub(crate) fn manifest(seed: u64, module_path: impl Fn(&str) -> String) -> String {
    let mut text = "oro = 1\n[modules]\n".to_owned();
    for (name, _) in VARIANTS {
        let _ = writeln!(text, "{name} = {}", module_path(name));
    }
    for instance in 0..INSTANCES {
        let _ = writeln!(text, "[instance.i{instance}]\nmodule = \"{}\"", variant(instance));
    }
    let mut wire = |from: String, to: String, more: String| {
        let _ = writeln!(text, "[[wire]]\nfrom = \"{from}\"\nto = \"{to}\"\n{more}");
    };
    for instance in 0..INSTANCES {
        for element in 0..PORTS_EACH {
            let (slots, size) = shape(instance * PORTS_EACH + element, seed);
            wire(
                format!("i{instance}.out[{element}]"),
                format!("i{}.in{element}", receiver(instance, element)),
                format!("slots = {slots}\nslot_size = {size}"),
            );
        }
    }
    for instance in 0..INSTANCES {
        wire(format!("i{instance}.sent"), "console.log".to_owned(), String::new());
        if receives_naively(instance) {
            for element in 0..PORTS_EACH {
                wire(format!("i{instance}.got{element}"), "console.log".into(), String::new());
            }
        } else {
            wire(format!("i{instance}.got"), "console.log".to_owned(), String::new());
        }
    }
    text
}

/// What all instances have reported together.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// Sequence numbers that did not come, and messages that were sent and not received.
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) corrupt: u64,
    /// Ports of which both ends have reported.
    pub(crate) ports: u32,
}

impl Sums {
    /// Reads the lines of `console.log`.
    pub(crate) fn read(log: &str) -> Self {
        let mut ends: BTreeMap<u64, [Option<u64>; 2]> = BTreeMap::new();
        let mut sums = Self::default();
        for line in log.lines() {
            let Some((_, line)) = line.split_once("soak port=") else { continue };
            let words: Vec<&str> = line.split(' ').collect();
            let number = |key: &str| {
                words.iter().find_map(|word| word.strip_prefix(key)?.parse::<u64>().ok())
            };
            let Some(port) = words.first().and_then(|word| word.parse().ok()) else { continue };
            let end = ends.entry(port).or_default();
            if let Some(sent) = number("sent=") {
                end[0] = Some(sent);
                sums.sent += sent;
            }
            if let Some(received) = number("received=") {
                end[1] = Some(received);
                sums.received += received;
                sums.lost += number("lost=").unwrap_or(0);
                sums.doubled += number("doubled=").unwrap_or(0);
                sums.corrupt += number("corrupt=").unwrap_or(0);
            }
        }
        for end in ends.values() {
            if let [Some(sent), Some(received)] = end {
                sums.ports += 1;
                sums.lost += sent.saturating_sub(*received);
                sums.doubled += received.saturating_sub(*sent);
            }
        }
        sums
    }

    /// Everything that was sent has come once, unchanged, and every end has said so.
    pub(crate) fn is_right(&self) -> bool {
        self.ports == PORTS
            && self.sent == self.received
            && [self.lost, self.doubled, self.corrupt] == [0; 3]
    }
}
