//! A system of 16 instances and 64 Ports for a while: naive and managed, slots from 1 to 4096, random
//! pauses, an operator who forces Ports at random. Every message is numbered and hashed: none may be
//! lost, doubled or corrupt, and whoever waits is woken (`MODE-8`, `BELL-1`, `NAIVE-11`).
//!
//! `ORO_SOAK_SECONDS` says for how long, 30 if it does not. For hours: `cargo bench -p oro-benches
//! --bench soak`.
#![expect(clippy::unwrap_used, reason = "a test whose folder or process fails has failed")]

mod support;
#[path = "../../../benches/soak/system.rs"]
mod system;

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use support::Folder;
use support::processes::{list_sealed, read_resident_bytes, read_status};
use system::{PORTS, Sums, VARIANTS};

const SOURCE: &str = include_str!("../../../benches/modules/soak.c");
const SEED: u64 = 1;

#[test]
fn mode_8_nothing_is_lost_for_a_while() {
    let seconds =
        std::env::var("ORO_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(30);
    let folder = Folder::new("soak");
    for (name, defines) in VARIANTS {
        let defines: String = defines.iter().map(|name| format!("#define {name}\n")).collect();
        folder.write(&format!("{name}.c"), format!("{defines}{SOURCE}"));
    }
    folder.write("soak-config.h", system::config(seconds, SEED));
    let path = |name: &str| format!("{{ source = \"{name}.c\" }}");
    folder.write("soak.toml", system::manifest(SEED, path));
    folder.oro("check soak.toml").ends(0);
    let mut command = Command::new(env!("CARGO_BIN_EXE_oro"));
    command.args(["run", "soak.toml", "--report", "--json=record.json", "--timeout"]);
    command.arg(format!("{}s", seconds + 60)).current_dir(folder.path("."));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(File::create(folder.path("log")).unwrap());
    let mut child = command.spawn().unwrap();
    let mut resident = Vec::new();
    let mut turn = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(50));
        let id = child.id();
        flip(&folder, id, turn);
        turn += 1;
        if turn % 4 == 0 {
            let sealed: u64 = list_sealed(id).into_iter().map(read_resident_bytes).sum();
            resident.push((read_own_bytes(id), sealed));
        }
    };
    let log = std::fs::read_to_string(folder.path("log")).unwrap();
    let sums = Sums::read(&log);
    assert!(status.success(), "{sums:?}\n{log}");
    assert!(sums.is_right(), "{sums:?}\n{log}");
    // Without the asynchronous mode it would be a tenth of that.
    println!("{sums:?}");
    assert!(sums.sent > 10_000 * seconds, "{sums:?}");
    check_flat(&resident);
}

/// What a process has for itself; what it has mapped of queues is bounded by their sizes.
fn read_own_bytes(process_id: u32) -> u64 {
    let text = read_status(process_id, "RssAnon").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Forces a Port synchronous, or takes that back.
fn flip(folder: &Folder, supervisor: u32, turn: u64) {
    // Each chance comes twice: once to force, once to allow.
    let port = system::mix(turn / 2) % u64::from(PORTS);
    let mut command = Command::new(env!("CARGO_BIN_EXE_oro"));
    command.args(["force-sync", &port.to_string(), "--system", &supervisor.to_string()]);
    if turn % 2 == 1 {
        command.arg("--allow");
    }
    // The system may not be there yet, or no longer.
    let _ = command.current_dir(folder.path(".")).output().unwrap();
}

/// Memory of the supervisor and of its children: no more in the last third than in the second.
fn check_flat(samples: &[(u64, u64)]) {
    let third = samples.len() / 3;
    // The last ones are from when threads have ended.
    let most = |samples: &[(u64, u64)], which: fn(&(u64, u64)) -> u64| {
        samples.iter().map(which).max().unwrap_or(0)
    };
    for which in [|sample: &(u64, u64)| sample.0, |sample: &(u64, u64)| sample.1] {
        let before = most(&samples[third..2 * third], which);
        let after = most(&samples[2 * third..], which);
        println!("resident: {before} bytes, later {after}");
        assert!(after <= before + before / 20 + (1 << 20), "{before} bytes, later {after}");
    }
}
