//! `oro ports --watch` and `oro inspect --watch`: on a terminal, at the end of the system, and where
//! the time was written wrongly.
#![expect(clippy::unwrap_used, reason = "a test whose files or processes fail has failed")]

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Command, Stdio};

use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use support::place::Place;
use support::processes::wait_for;

const ROWS: u16 = 4;
const COLUMNS: u16 = 30;

/// Both ends of a small terminal.
fn open_terminal() -> (OwnedFd, File) {
    let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    rustix::pty::grantpt(&master).unwrap();
    rustix::pty::unlockpt(&master).unwrap();
    let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
    let flags = rustix::fs::OFlags::NOCTTY.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(flags);
    let slave = options.open(name.to_str().unwrap()).unwrap();
    let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&slave, size).unwrap();
    (master, slave)
}

/// What stands on a line, without colours and what erases.
fn strip(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|character: char| character.is_ascii_alphabetic()).unwrap();
        text.push_str(&part[end + 1..]);
    }
    text.trim_end_matches('\r').to_owned()
}

/// A block that is larger than the terminal would scroll, and the next one would not cover it.
#[test]
fn a_watch_is_drawn_in_place_on_a_small_terminal() {
    let place = Place::new("watch-terminal");
    let mut running = place.start("run copy.toml");
    let (master, slave) = open_terminal();
    let mut command = place.prepare("ports --watch=10ms");
    command.stdout(slave).stderr(Stdio::null()).env("TERM", "xterm").env_remove("NO_COLOR");
    let mut watch = command.spawn().unwrap();
    // The terminal's own end is closed here with the command, so that its end is seen.
    drop(command);
    let mut master = File::from(master);
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    let mut is_ended = false;
    // Linux says EIO once nobody has the terminal open any more.
    while let Ok(count @ 1..) = master.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..count]);
        let frames = bytes.windows(3).filter(|part| part == b"\x1b[H").count();
        if frames > 3 && !is_ended {
            drop(running.child.stdin.take());
            is_ended = true;
        }
    }
    assert!(watch.wait().unwrap().success());
    running.end().ends(0);
    let text = String::from_utf8(bytes).unwrap();
    let frames: Vec<&str> = text.split("\u{1b}[H").skip(1).collect();
    let (last, frames) = frames.split_last().unwrap();
    for frame in frames {
        let lines: Vec<String> = frame.lines().map(strip).filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), usize::from(ROWS) - 1, "{lines:#?}");
        assert!(lines.iter().all(|line| line.len() < usize::from(COLUMNS)), "{lines:#?}");
        assert!(lines[0].starts_with("system `copy`") && lines[0].ends_with('>'), "{lines:#?}");
        assert_eq!(lines[2], "... 2 more lines");
    }
    // The last one stays, and is whole.
    assert!(last.contains("copy.out -> console.stdout"), "{last}");
    assert!(last.contains("all instances ended well"), "{last}");
}

/// Elsewhere nothing is left out, and the last block says how the system ended.
#[test]
fn a_watch_says_who_did_not_end_well() {
    let place = Place::new("watch-end");
    let mut running = place.start("run copy.toml");
    let log = place.folder.path("watched");
    let mut command = place.prepare("ports --watch=10ms");
    let mut watch = command.stdout(File::create(&log).unwrap()).spawn().unwrap();
    wait_for("a look", || (fs::metadata(&log).unwrap().len() > 0).then_some(()));
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    assert!(watch.wait().unwrap().success());
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.ends_with("instance `copy`: how it ended is not known\n"), "{text}");
    assert!(text.lines().next().unwrap().contains(" of the kernel"), "{text}");
}

#[test]
fn a_time_that_was_taken_for_a_system_is_told() {
    let place = Place::new("watch-time");
    let _running = place.start("run copy.toml");
    for (arguments, help) in [
        ("ports --watch 200ms", "did you mean `--watch=200ms`?"),
        ("inspect --watch 4194305", "did you mean `--watch=4194305`?"),
        ("ports 200ms", "these run: `copy`"),
        ("ports --watch sometime", "these run: `copy`"),
    ] {
        place.oro(arguments).refuses(&["ATTACH-N", help]);
    }
    place.oro("ports --watch=0").refuses(&["0 is too little"]);
    place.oro("run copy.toml --timeout 0ms").refuses(&["0ms is too little"]);
}

/// Each command names its own schema, not the other's.
#[test]
fn help_names_the_schema_of_the_command() {
    for (name, other) in [("ports", "inspect"), ("inspect", "ports")] {
        let output = Command::new(env!("CARGO_BIN_EXE_oro")).args([name, "--help"]).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        assert!(text.contains(&format!("oro.{name}.v1")), "{text}");
        assert!(!text.contains(&format!("oro.{other}.v1")), "{text}");
    }
}
