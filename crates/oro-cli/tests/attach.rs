//! `oro ports`, `oro inspect` and `oro force-sync`: other processes' looks at systems that run, and
//! what happens where there is none, or no right to look.

mod support;

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::io::Errno;
use rustix::net::SendFlags;
use rustix::process::Signal;
use serde_json::Value;

use support::place::Place;
use support::processes::{list_children, read_status, wait_for};

#[test]
fn a_system_is_seen_by_name_by_process_and_alone() {
    let place = Place::new("attach-seen");
    let running = place.start("run copy.toml");
    let id = running.id();
    for wanted in ["", "copy", &id.to_string()] {
        let system = place.system(&format!("ports {wanted} --json"));
        assert_eq!((&system["name"], &system["process_id"]), (&"copy".into(), &id.into()));
        let port = &system["ports"][1];
        assert_eq!(
            (&port["from"]["name"], &port["to"]["name"]),
            (&"copy.out".into(), &"console.stdout".into())
        );
        assert_eq!((&port["type"], &port["slot_count"]), (&"oro.bytes.v1".into(), &4.into()));
        assert_eq!((&port["state"], &port["mode"]), (&"open".into(), &"synchronous".into()));
        assert_eq!(port["from"]["reason"], "naive", "{port}");
    }
    let system = place.system("inspect --json");
    let instance = &system["ring"]["instances"][0];
    assert_eq!((&instance["name"], &instance["module"]), (&"copy".into(), &"copy".into()));
    assert_eq!((&instance["state"], &instance["thread_count"]), (&"running".into(), &1.into()));
    place.oro("ports").ends(0).prints(&[
        "console.stdin -> copy.in",
        "0/4",
        "belongs to a naive thread",
    ]);
    place
        .oro("inspect")
        .ends(0)
        .prints(&["|- copy: module `copy`, running, 1 thread", "`- console"]);
    place.oro("ports cop").refuses(&["ATTACH-NOT-FOUND", "these run: `copy` (process"]);
    drop(running);
    place.oro("explain attach-silent").ends(0).prints(&["did not answer"]);
}

/// An idle system does nothing on account of being looked at.
#[test]
fn looks_are_no_activity_of_the_system() {
    let place = Place::new("attach-idle");
    let _running = place.start("run copy.toml");
    let counts = || {
        let system = place.system("ports --json");
        (system["fault_count"].as_u64(), system["wakeup_count"].as_u64())
    };
    let idle = wait_for("it waits", || Some(counts()).filter(|(faults, _)| *faults == Some(1)));
    for _ in 0..10 {
        assert_eq!(counts(), idle);
    }
}

/// `META-8`: messages, and who waits where, as they are.
#[test]
fn meta_8_messages_are_counted_as_they_pass() {
    let place = Place::new("attach-counts");
    let mut running = place.start("run copy.toml --name counted");
    let mut stdin = running.child.stdin.take().unwrap();
    let committed = || place.system("ports counted --json")["ports"][1]["from"]["cursor"].as_u64();
    for round in 1..4 {
        std::io::Write::write_all(&mut stdin, b"x").unwrap();
        // A naive thread commits a message when it touches the next slot.
        wait_for("it is passed on", || (committed() >= Some(round)).then_some(()));
    }
    drop(stdin);
    running.end().ends(0);
}

#[test]
fn one_of_two_systems_is_named() {
    let place = Place::new("attach-two");
    let first = place.start("run copy.toml");
    let second = place.start("run copy.toml");
    let other = place.start("run copy.toml --name other");
    let ids = [first.id(), second.id(), other.id()].map(|id| format!("(process {id})"));
    let ids = ids.each_ref().map(String::as_str);
    place.oro("ports").refuses(&["ATTACH-SEVERAL", "3 systems run"]).says(&ids);
    place
        .oro("ports copy")
        .refuses(&["ATTACH-SEVERAL", "2 running systems are called `copy`"])
        .says(&ids[..2]);
    let system = place.system(&format!("ports {} --json", second.id()));
    assert_eq!(system["process_id"], second.id());
    assert_eq!(place.system("ports other --json")["process_id"], other.id());
}

#[test]
fn what_is_no_system_is_told() {
    let place = Place::new("attach-none");
    place.oro("ports").refuses(&["ATTACH-NONE-RUNS", "no system of yours runs"]);
    place.oro("inspect nobody").refuses(&["ATTACH-NOT-FOUND", "`nobody`"]);
    let mut other = Command::new("sleep").arg("100").spawn().unwrap();
    let end = place.oro(&format!("ports {}", other.id()));
    end.refuses(&["ATTACH-NO-SYSTEM", &format!("process {} is no running Oro system", other.id())]);
    other.kill().unwrap();
    other.wait().unwrap();
    for id in ["0", "4194305", "2147483648", "4294967295"] {
        place.oro(&format!("ports {id}")).refuses(&["ATTACH-NO-SYSTEM", "there is no process"]);
    }
    place.oro("force-sync a.out").refuses(&["ATTACH-NONE-RUNS"]);
    let record = place.oro("ports --json").ends(2).json();
    assert_eq!((&record["ok"], &record["system"]), (&false.into(), &Value::Null));
    assert_eq!(record["diagnostics"][0]["code"], "ATTACH-NONE-RUNS");
}

/// A killed supervisor leaves its socket behind, which is in nobody's way and vanishes.
#[test]
fn the_socket_of_a_killed_system_vanishes() {
    let place = Place::new("attach-residue");
    let running = place.start("run copy.toml");
    let (id, socket) = (running.id(), place.socket(&running));
    drop(running);
    assert!(socket.exists(), "{}", socket.display());
    place.oro(&format!("ports {id}")).refuses(&["ATTACH-NO-SYSTEM"]);
    assert!(!socket.exists(), "{}", socket.display());
    let running = place.start("run copy.toml");
    assert_eq!(place.system("ports --json")["process_id"], running.id());
    let socket = place.socket(&running);
    running.send(Signal::TERM);
    running.end().ends(1);
    assert!(!socket.exists(), "one that ends in order takes its socket along");
}

/// Only the user of a system, and root, may attach.
#[test]
fn other_users_cannot_attach() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can be another user");
        return;
    }
    let place = Place::new("attach-user");
    let running = place.start("run copy.toml");
    let socket = place.socket(&running);
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place.sockets), mode(&socket)), (0o700, 0o600));
    // The program, where that user can read it.
    let oro = place.sockets.with_extension("oro");
    fs::copy(env!("CARGO_BIN_EXE_oro"), &oro).unwrap();
    let as_nobody = |wanted: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&oro);
        command.args(["ports", wanted]).env("ORO_RUNTIME_DIR", &place.sockets);
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    let stderr = as_nobody(&running.id().to_string());
    assert!(stderr.contains("ATTACH-FORBIDDEN") && stderr.contains("user 0"), "{stderr}");
    assert!(as_nobody("copy").contains("ATTACH-NOT-FOUND"));
    fs::remove_file(&oro).unwrap();
    // Even where the folder lets them in, the system does not.
    fs::set_permissions(&place.sockets, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).unwrap();
    let connect_as_nobody = || {
        let nobody = rustix::process::Uid::from_raw(65534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        let fd = place.connect(&running).unwrap();
        let _ = rustix::net::send(&fd, b"oro 1 look\n", SendFlags::NOSIGNAL);
        let mut bytes = [0; 64];
        let result = rustix::net::recv(&fd, &mut bytes[..], rustix::net::RecvFlags::empty());
        assert!(!matches!(result, Ok((_, 1..))), "{result:?}");
    };
    std::thread::scope(|scope| scope.spawn(connect_as_nobody).join().unwrap());
}

/// Where there is no private place for a socket, a system runs without one.
#[test]
fn a_folder_that_is_not_private_is_not_used() {
    let place = Place::new("attach-folder");
    let target = place.sockets.with_extension("target");
    let make_open = || {
        fs::create_dir(&place.sockets).unwrap();
        fs::set_permissions(&place.sockets, fs::Permissions::from_mode(0o777)).unwrap();
    };
    let make_link = || {
        fs::remove_dir(&place.sockets).unwrap();
        fs::create_dir(&target).unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o700)).unwrap();
        symlink(&target, &place.sockets).unwrap();
    };
    for (prepare, file) in [(&make_open as &dyn Fn(), &place.sockets), (&make_link, &target)] {
        prepare();
        let mut running = place.folder.start(place.prepare("run copy.toml"));
        let mut stdin = running.child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, b"copied").unwrap();
        let output = place.folder.path("stdout");
        wait_for("it runs", || (fs::read(&output).unwrap() == b"copied").then_some(()));
        let hint = "not looked into, since not yours alone";
        place.oro("ports").refuses(&["ATTACH-NONE-RUNS", hint]);
        place.oro("ports copy").refuses(&["ATTACH-NOT-FOUND", hint]);
        let end = place.oro(&format!("ports {}", running.id()));
        end.refuses(&["ATTACH-NO-SYSTEM", hint]);
        assert!(!end.stderr.contains("no running Oro system"), "{}", end.stderr);
        drop(stdin);
        assert_eq!(running.end().ends(0).stderr, "");
        assert_eq!(fs::read_dir(file).unwrap().count(), 0);
    }
    fs::remove_file(&place.sockets).unwrap();
    fs::remove_dir(&target).unwrap();
}

/// Who gives a system a name wants to find it, and is told if nobody will.
#[test]
fn a_named_system_that_nobody_can_look_at_says_so() {
    let place = Place::new("attach-hidden");
    fs::create_dir(&place.sockets).unwrap();
    fs::set_permissions(&place.sockets, fs::Permissions::from_mode(0o777)).unwrap();
    let folder = place.sockets.display().to_string();
    let note = format!("note: nobody can look at this system: {folder}: it is not a folder");
    for arguments in ["--name mine", "--report"] {
        place.oro(&format!("run copy.toml {arguments}")).ends(0).says(&[&note]);
    }
    assert_eq!(place.oro("run copy.toml").ends(0).stderr, "");
    fs::set_permissions(&place.sockets, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(place.oro("run copy.toml --name mine").ends(0).stderr, "");
}

/// Sends a packet, if there is room for it.
fn send(fd: &OwnedFd, bytes: &[u8]) -> rustix::io::Result<usize> {
    rustix::net::send(fd, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
}

/// Who connects and is silent, floods, does not read, or talks nonsense disturbs nobody.
#[test]
fn hostile_clients_disturb_nobody() {
    let place = Place::new("attach-hostile");
    let mut running = place.start("run copy.toml");
    let mut stdin = running.child.stdin.take().unwrap();
    let silent: Vec<_> = (0..20).map(|_| place.connect(&running).unwrap()).collect();
    // Who does not read, and who says too much or nothing at all, is cut off.
    let long = vec![b'x'; 60_000];
    for requests in [&[&b"oro 1 describe"[..], b"oro 1 look", b"nonsense"][..], &[&long], &[b""]] {
        let flooding = place.connect(&running).unwrap();
        let is_cut_off = || {
            let mut results = requests.iter().map(|request| send(&flooding, request));
            results.any(|result| result == Err(Errno::PIPE)).then_some(())
        };
        wait_for("it is cut off", is_cut_off);
    }
    let system = place.system("ports --json");
    assert_eq!(system["is_running"], true);
    std::io::Write::write_all(&mut stdin, b"copied").unwrap();
    let output = place.folder.path("stdout");
    wait_for("it runs", || (fs::read(&output).unwrap() == b"copied").then_some(()));
    drop((silent, stdin));
    assert_eq!(running.end().ends(0).stderr, "");
}

#[test]
fn a_watch_ends_with_the_system() {
    let place = Place::new("attach-watch");
    let mut running = place.start("run copy.toml");
    let (command, log) = (&mut place.prepare("inspect --json --watch=10ms"), "watched");
    let file = fs::File::create(place.folder.path(log)).unwrap();
    let mut watch = command.stdout(file).stderr(Stdio::piped()).spawn().unwrap();
    let read = || fs::read_to_string(place.folder.path(log)).unwrap();
    wait_for("some looks", || (read().lines().count() > 3).then_some(()));
    drop(running.child.stdin.take());
    running.end().ends(0);
    assert!(watch.wait().unwrap().success());
    let text = read();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["system"]["is_running"], false, "{last}");
    assert_eq!(last["system"]["ring"]["instances"][0]["state"], "ended", "{last}");
}

#[test]
fn a_stopped_system_is_told() {
    let place = Place::new("attach-stopped");
    let running = place.start("run copy.toml");
    running.send(Signal::STOP);
    let end = place.oro(&format!("ports {}", running.id()));
    end.ends(1).says(&["ATTACH-SILENT", "kill -CONT"]);
    // Nor does it take connections, once as many wait as may.
    let waiting: Vec<_> = std::iter::repeat_with(|| place.connect_at_once(&running))
        .take_while(|connection| !matches!(connection, Err(Errno::AGAIN)))
        .collect();
    assert!(!waiting.is_empty() && waiting.len() < 100, "{}", waiting.len());
    let end = place.oro(&format!("ports {}", running.id()));
    end.ends(1).says(&["ATTACH-SILENT", "kill -CONT"]);
    place.oro("ports some-name").refuses(&["ATTACH-NOT-FOUND", "does not answer"]);
    drop(waiting);
    running.send(Signal::CONT);
    place.oro("ports").ends(0);
}

/// Two managed threads that pass numbers on for ever, as fast as they can; the consumer ends with a
/// status if one is lost, doubled or changed.
const FAST_C: &str = r#"
#include <oro/oro.h>
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value)
#define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
ORO_MESSAGE(num, NUM);
ORO_MODULE("fast");
ORO_ENTRY(0, make, ORO_ENTRY_MANAGED, 0);
ORO_ENTRY_STATUS(1, take, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
ORO_PORT(1, 1, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
void make(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t number = 0;; number++) {
        while (oro_available(&out) == 0) oro_spin_hint();
        ORO_OUT(struct num, &out)->value = number;
        oro_advance(&out);
    }
}
uint64_t take(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 1);
    for (uint64_t number = 0;; number++) {
        while (oro_available(&in) == 0) oro_spin_hint();
        if (ORO_IN(struct num, &in)->value != number) return 1;
        oro_advance(&in);
    }
}
"#;

/// `MODE-6`, `MODE-7`: an operator forces a Port synchronous and lets it go again; mode, reason and
/// counts are seen, and no message is lost.
#[test]
fn mode_6_an_operator_forces_a_port_and_lets_it_go() {
    let place = Place::new("attach-force");
    place.folder.write_system(
        "fast.toml",
        &[("fast", FAST_C)],
        &["fast.out -> fast.in | slots = 64"],
    );
    let running = place.start("run fast.toml");
    let port = || place.system("ports --json")["ports"][0].clone();
    let wait_for_mode =
        |mode: &str| wait_for(mode, || Some(port()).filter(|port| port["mode"] == mode));
    let earned = wait_for_mode("asynchronous");
    assert_eq!(
        (&earned["upgrade_count"], &earned["why"]),
        (&1.into(), &"both ends have earned it".into())
    );
    place
        .oro("force-sync fast.out")
        .ends(0)
        .prints(&["Port 0 (fast.out -> fast.in) is forced synchronous"]);
    let forced = wait_for_mode("synchronous");
    assert_eq!((&forced["forced_by"], &forced["downgrade_count"]), (&"operator".into(), &1.into()));
    assert_eq!(forced["why"], "forced by an operator");
    place.oro("force-sync fast.in").ends(0).prints(&["was forced synchronous already"]);
    let record = place.oro("force-sync 0 --json").ends(0).json();
    let port = serde_json::json!({
        "schema": "oro.force-sync.v1", "ok": true, "diagnostics": [], "port": 0,
        "from": "fast.out", "to": "fast.in", "changed": false, "forced": true,
    });
    assert_eq!(record, port);
    place
        .oro("force-sync 0 --allow --system fast")
        .ends(0)
        .prints(&["is no longer forced synchronous"]);
    let record = place.oro("force-sync 7 --json").ends(2).json();
    assert_eq!((&record["ok"], &record["port"]), (&false.into(), &Value::Null));
    assert_eq!(record["diagnostics"][0]["code"], "PORT-UNKNOWN");
    place.oro("force-sync 0 --allow").ends(0).prints(&["was not forced synchronous"]);
    let again = wait_for_mode("asynchronous");
    assert_eq!((&again["upgrade_count"], &again["forced_by"]), (&2.into(), &Value::Null));
    place.oro("force-sync fast.ot").refuses(&["PORT-UNKNOWN", "did you mean `fast.out`?"]);
    place
        .oro("force-sync 1")
        .refuses(&["PORT-UNKNOWN", "there is no Port 1; the only one is Port 0"]);
    running.send(Signal::TERM);
    running.end().ends(1).says(&["interrupted by SIGTERM"]);
}

/// ASYNC-1, BELL-6: while both sides are busy the kernel is not entered: no fault and no wake-up of it
/// in a hundred million messages.
#[test]
fn bell_6_a_hundred_million_messages_and_no_fault() {
    const COUNT: u64 = 100_000_000;
    let place = Place::new("attach-busy");
    let wires = ["fast.out -> fast.in | slots = 1024"];
    place.folder.write_system("fast.toml", &[("fast", FAST_C)], &wires);
    let running = place.start("run fast.toml");
    let look = || {
        let system = place.system("ports --json");
        let port = &system["ports"][0];
        let [faults, wakeups] = ["fault_count", "wakeup_count"].map(|key| system[key].as_u64());
        let both = port["mode"] == "asynchronous";
        both.then_some((port["to"]["cursor"].as_u64().unwrap(), faults, wakeups))
    };
    let mut before = wait_for("both ends are asynchronous", look);
    // Who is kept from its CPU by other tests is not busy, and lets its peer sleep: then once more.
    let is_quiet = (0..5).any(|_| {
        let (start, faults, wakeups) = before;
        let after = wait_for("a hundred million messages", || {
            look().filter(|(cursor, ..)| *cursor >= start + COUNT)
        });
        let (end, faults_after, wakeups_after) = after;
        println!(
            "{} messages: faults {faults:?} before and {faults_after:?} after, wake-ups \
             {wakeups:?} and {wakeups_after:?}",
            end - start
        );
        before = after;
        (faults_after, wakeups_after) == (faults, wakeups)
    });
    assert!(is_quiet, "a fault in each hundred million");
    running.send(Signal::TERM);
    running.end().ends(1);
}

/// `PORT-10`: what the manifest forces, an operator cannot let go.
#[test]
fn port_10_what_the_manifest_forces_stays_forced() {
    let place = Place::new("attach-manifest");
    let wires = ["fast.out -> fast.in | mode = \"synchronous\""];
    place.folder.write_system("fast.toml", &[("fast", FAST_C)], &wires);
    let _running = place.start("run fast.toml");
    let port = &place.system("ports --json")["ports"][0];
    assert_eq!(
        (&port["forced_by"], &port["why"]),
        (&"manifest".into(), &"forced by the manifest".into())
    );
    place.oro("force-sync fast.out").ends(0).prints(&["was forced synchronous already"]);
    place.oro("force-sync fast.out --allow").refuses(&[
        "ATTACH-REFUSED",
        "the manifest forces Port 0 (fast.out -> fast.in)",
        "take `mode = \"synchronous\"` from its wire",
    ]);
}

/// Passes bytes on, as a managed thread.
const RELAY_C: &str = r#"
#include <oro/oro.h>
ORO_MODULE("relay");
ORO_ENTRY(0, relay, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "out", 0, 1);
static char block[64];
void relay(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    struct oro_bytes_reader reader = {&in, 0, 0, 0};
    int64_t length;
    while ((length = oro_bytes_read(&reader, block, sizeof block)) > 0)
        if (oro_bytes_write(&out, block, (size_t)length) < 0) return;
    oro_bytes_finish(&out);
}
"#;

/// GATE-5, BELL-4: who sleeps on doorbells sleeps: no process of the system runs at all, and one byte
/// wakes what it has to.
#[test]
fn gate_5_an_idle_asynchronous_system_does_nothing() {
    let place = Place::new("attach-asleep");
    place.folder.write_system(
        "relay.toml",
        &[("relay", RELAY_C)],
        &["console.stdin -> relay.in", "relay.out -> console.stdout"],
    );
    let mut running = place.start("run relay.toml");
    let mut stdin = running.child.stdin.take().unwrap();
    let ports = || place.system("ports --json")["ports"].clone();
    let output = place.folder.path("stdout");
    let mut sent = 0;
    wait_for("both Ports are asynchronous", || {
        std::io::Write::write_all(&mut stdin, b"x").unwrap();
        sent += 1;
        wait_for("it is passed on", || {
            (fs::metadata(&output).unwrap().len() == sent).then_some(())
        });
        let ports = ports();
        (ports[0]["mode"] == "asynchronous" && ports[1]["mode"] == "asynchronous").then_some(())
    });
    let mut processes = list_children(running.id());
    processes.push(running.id());
    let switches = || -> Vec<_> {
        let keys = ["voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"];
        processes.iter().map(|id| keys.map(|key| read_status(*id, key))).collect()
    };
    // Whatever was under way settles.
    let mut before = switches();
    wait_for("nothing runs for a while", || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let now = switches();
        let is_idle = now == before;
        before = now;
        is_idle.then_some(())
    });
    std::io::Write::write_all(&mut stdin, b"y").unwrap();
    wait_for("a byte wakes it", || {
        (fs::metadata(&output).unwrap().len() == sent + 1).then_some(())
    });
    drop(stdin);
    running.end().ends(0);
}
