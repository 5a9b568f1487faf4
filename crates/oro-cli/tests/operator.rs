//! `oro ring`: an operator changes a system that runs (`CTL-14`).

#![expect(clippy::unwrap_used, reason = "a test whose files or processes fail has failed")]

mod support;

use std::fs;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use support::holder::{NUM_C, SINK, SOURCE};
use support::place::Place;
use support::processes::{count_descriptors, read_memfd_bytes, read_private_bytes, wait_for};
use support::running::make_pipe;

/// Its first thread takes 2000 messages and waits for a change of what it has; the second takes whatever it is given.
const TWO: &str = r#"
#include <oro/control.h>
ORO_MODULE("two");
ORO_ENTRY(0, first, ORO_ENTRY_MANAGED, 0);
ORO_ENTRY(1, second, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", ORO_NOTE_PORT_OPTIONAL, 1);
ORO_PORT(1, 1, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "other", ORO_NOTE_PORT_OPTIONAL, 1);
static void take(const struct oro_root *root, uint32_t binding, uint64_t most) {
    for (;;) {
        uint64_t state = oro_binding_state(root, binding);
        if ((uint32_t)state != ORO_STATE_WIRED) {
            oro_wait_bindings_until(root, binding, &state, 1, ORO_NO_DEADLINE);
            continue;
        }
        struct oro_endpoint in = oro_open(root, binding);
        for (; most > 0 && oro_wait(&in) > 0; oro_advance(&in)) most--;
        if (most == 0) oro_wait_bindings_until(root, binding, &state, 1, ORO_NO_DEADLINE);
    }
}
void first(const struct oro_root *root) { take(root, 0, 2000); }
void second(const struct oro_root *root) { take(root, 1, UINT64_MAX); }
"#;

/// Sends numbers for ever.
const MAKE: &str = r#"
ORO_MODULE("make");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    for (uint64_t number = 0; oro_wait(&out) > 0; number++, oro_advance(&out))
        ORO_OUT(struct num, &out)->value = number;
}
"#;

/// Sends numbers until its Port is asynchronous; then it stores to the queue and nowhere else, for ever.
const HOG: &str = r#"
ORO_MODULE("hog");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint out = oro_open(root, 0);
    while (out.binding->mode != ORO_MODE_ASYNCHRONOUS && oro_wait(&out) > 0) {
        ORO_OUT(struct num, &out)->value = 1;
        oro_advance(&out);
    }
    oro_wait(&out);
    for (;;) ORO_OUT(struct num, &out)->value = 2;
}
"#;

/// Takes numbers.
const TAKE: &str = r#"
ORO_MODULE("take");
ORO_ENTRY(0, run, ORO_ENTRY_MANAGED, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
void run(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0);
    while (oro_wait(&in) > 0) oro_advance(&in);
}
"#;

/// Needs a parameter, and ends with the other one as its status.
const TUNED: &str = r#"
#include <oro/oro.h>
ORO_MODULE("tuned");
ORO_ENTRY_STATUS(0, run, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_param, ORO_PARAMS_LAYOUT, "params", 0, 1);
ORO_PARAM("word", ORO_PARAM_TEXT, ORO_PARAM_REQUIRED, 0, "", "");
ORO_PARAM("more", ORO_PARAM_UNSIGNED, 0, 0, "7", "");
uint64_t run(const struct oro_root *root) {
    struct oro_endpoint end = oro_open(root, 0);
    struct oro_param_reader reader = {&end, 0};
    struct oro_param_text param;
    uint64_t status = 0;
    while (oro_param_read(&reader, &param) > 0)
        if (oro_param_is(&param, "more")) status = oro_param_number(&param);
    return status;
}
"#;

fn write_modules(place: &Place) {
    let count = "#define COUNT UINT64_C(20000)\n";
    for (name, source) in
        [("two", TWO), ("make", MAKE), ("source", SOURCE.1), ("sink", SINK.1), ("take", TAKE)]
    {
        place.folder.write(&format!("{name}.c"), format!("{count}{NUM_C}{source}"));
    }
    place.folder.write("tuned.c", TUNED);
}

/// Each of the commands, in order; all of them are done.
#[track_caller]
fn all(place: &Place, commands: &[&str]) {
    for command in commands {
        place.oro(&format!("ring {command}")).ends(0);
    }
}

/// The state of an instance of a Ring below the root.
fn state(place: &Place, ring: &str, name: &str) -> Option<(String, u64)> {
    let system = place.system("inspect --json");
    let rings = system["ring"]["rings"].as_array().unwrap();
    let ring = rings.iter().find(|own| own["name"] == ring)?;
    let own = ring["instances"].as_array().unwrap().iter().find(|own| own["name"] == name)?;
    Some((own["state"].as_str().unwrap().to_owned(), own["status"].as_u64().unwrap_or(99)))
}

fn wait_until_ended(place: &Place, ring: &str, name: &str) -> u64 {
    let ended = || state(place, ring, name).filter(|(state, _)| state == "ended");
    wait_for("it has ended", ended).1
}

/// CTL-14: what an operator builds carries real data, and goes again.
#[test]
fn ctl_14_a_ring_is_built_runs_and_is_taken_down() {
    let place = Place::new("operator-build");
    let data: Vec<u8> = (0_u32..40_000).flat_map(u32::to_le_bytes).collect();
    place.folder.write("input", &data);
    let _running = place.start("run copy.toml --growable --file a=input --file b=output");
    let described = place.oro("ring describe --json").ends(0).json();
    all(&place, &["create lab --memory 8M --ports 4 --threads 2", "grant lab files"]);
    all(
        &place,
        &["mount lab/copy copy", "wire files.a lab/copy.in", "wire lab/copy.out files.b --slots 4"],
    );
    place.oro("ports").ends(0).prints(&["files.a -> lab/copy.in", "lab/copy.out -> files.b"]);
    assert_eq!(state(&place, "lab", "copy").unwrap().0, "mounted");
    place.oro("ring start lab").ends(0).prints(&["Ring `lab` is started"]);
    assert_eq!(wait_until_ended(&place, "lab", "copy"), 0);
    wait_for("all is written", || {
        (fs::read(place.folder.path("output")).ok()? == data).then_some(())
    });
    place.oro("ring describe lab").ends(0).prints(&[
        "of 8388608",
        "Ports    2 of 4",
        "threads  1 of 2",
    ]);
    all(&place, &["forget lab/copy", "forget lab"]);
    assert_eq!(place.oro("ring describe --json").ends(0).json(), described);
    let ports = place.system("ports --json")["ports"].clone();
    assert_eq!(ports.as_array().unwrap().len(), 2, "{ports}");
    place.oro("inspect").ends(0).prints(&["`- console"]);
}

/// CTL-14: images that an operator brings; parameters; restarts and replacements on the same Ports.
#[test]
fn ctl_14_an_operator_brings_modules_along() {
    let place = Place::new("operator-bring");
    write_modules(&place);
    let _running = place.start("run copy.toml --growable");
    all(&place, &["create lab", "mount lab/source ./source.c", "mount lab/sink ./sink.c"]);
    all(&place, &["wire lab/source.out lab/sink.in", "start lab"]);
    assert_eq!(wait_until_ended(&place, "lab", "sink"), 0);
    // A parameter that is refused leaves nothing behind, one that is missing refuses the start.
    place
        .oro("ring mount lab/tuned ./tuned.c --param word=x --param more=many")
        .refuses(&["RING-BAD-REQUEST", "`more` of `tuned` is an"]);
    assert_eq!(state(&place, "lab", "tuned"), None);
    all(&place, &["mount lab/tuned ./tuned.c --param more=9"]);
    place.oro("ring start lab/tuned").refuses(&["RING-STATE", "lacks params `word`"]);
    all(&place, &["param lab/tuned word=x", "start lab/tuned"]);
    assert_eq!(wait_until_ended(&place, "lab", "tuned"), 9);
    // The same Ports: what has been sent stays sent.
    all(&place, &["create more", "mount more/make ./make.c", "mount more/two ./two.c"]);
    all(&place, &["wire more/make.out more/two.in", "start more"]);
    let port = || place.system("ports --json")["ports"].as_array().unwrap().last().unwrap().clone();
    let wait_for_messages = |count: u64| {
        wait_for("they come", || (port()["to"]["cursor"].as_u64()? >= count).then_some(()));
    };
    wait_for_messages(2000);
    all(&place, &["restart more/two"]);
    wait_for_messages(4000);
    all(&place, &["replace more/make ./make.c", "restart more/two"]);
    wait_for_messages(6000);
    place
        .oro("inspect")
        .ends(0)
        .prints(&["running, 1 thread, 1 restart", "running, 2 threads, 2 restarts"]);
    place
        .oro("ring replace more/two ./make.c")
        .refuses(&["RING-IMAGE", "differs from that of `two` in its entry points"]);
    // To another thread, and from both.
    let number = port()["index"].as_u64().unwrap();
    place
        .oro(&format!("ring transfer {number} more/two.in"))
        .refuses(&["RING-PORT", "of the thread that has the end"]);
    all(&place, &[&format!("transfer {number} more/two.other")]);
    assert_eq!(port()["to"]["name"], "more/two.other");
    wait_for_messages(8000);
    all(&place, &[&format!("revoke {number}")]);
    assert_eq!(port()["state"], "ended");
}

/// CTL-14: a system that was not started so that it can be changed; what is possible there all the same.
#[test]
fn ctl_14_a_system_without_room_is_not_added_to() {
    let place = Place::new("operator-fixed");
    write_modules(&place);
    let manifest = fs::read_to_string(place.folder.path("copy.toml")).unwrap();
    let more = "[ring.side]\n[ring.side.instance.make]\nmodule = \"make\"\nrestart = { on = \"fault\" }\n\
                [ring.side.instance.two]\nmodule = \"two\"\n[[wire]]\nfrom = \"side/make.out\"\nto = \"side/two.in\"\n";
    let modules = "modules.make.source = \"make.c\"\nmodules.two.source = \"two.c\"\n";
    let manifest = manifest.replacen("oro = 1\n", &format!("oro = 1\n{modules}"), 1) + more;
    place.folder.write("fixed.toml", manifest);
    let running = place.start("run fixed.toml --json=record.json");
    for command in [
        "create lab",
        "grant side console",
        "mount side/x copy",
        "restart side/two",
        "replace side/two two",
        "transfer side/two.in side/two.other",
    ] {
        place.oro(&format!("ring {command}")).refuses(&["RING-STATE", "oro run --growable"]);
    }
    place.oro("ring describe side").ends(0).prints(&["Ports    1\n", "threads  3\n"]);
    all(&place, &["restart side/make", "revoke side/make.out", "end side"]);
    let side = |name| {
        wait_for("it is over", || {
            state(&place, "side", name).filter(|(state, _)| state != "running")
        })
    };
    assert_eq!(side("two").0, "faulted");
    all(&place, &["forget side"]);
    assert_eq!(state(&place, "side", "two"), None);
    place.oro("ring end /").ends(0).prints(&["the root Ring is ended"]);
    running.end().ends(1);
    let record = place.folder.record();
    let reports = record["instances"].to_string();
    assert!(reports.contains("Ring control ended it"), "{record}");
}

/// What is wrong is told, and nothing changes.
#[test]
fn ctl_14_wishes_that_make_no_sense_are_refused() {
    let place = Place::new("operator-wrong");
    write_modules(&place);
    place.folder.write("text.elf", "no module");
    let _running = place.start("run copy.toml --growable");
    all(&place, &["create lab"]);
    let before = place.oro("ring describe --json").ends(0).json();
    for (command, code, text) in [
        ("create lab", "RING-NAME", "has the name `lab` already"),
        ("create lab/", "RING-NAME", "`lab/` has an empty part"),
        ("create nowhere/x", "RING-UNKNOWN", "there is no Ring `nowhere`"),
        ("create abcdefghijklmnopqrstuvwxyz012345", "RING-NAME", "1 to 31 bytes"),
        ("grant / console", "RING-DENIED", "nothing around it"),
        ("grant lab consol", "RING-UNKNOWN", "there is no instance `consol`"),
        ("grant lab lab", "RING-UNKNOWN", "there is no instance `lab`"),
        ("mount lab/x cpoy", "RING-DENIED", "did you mean `copy`?"),
        ("mount lab/x ./nothing.elf", "MODULE-MISSING-FILE", "there is no `./nothing.elf`"),
        ("mount lab/x ./text.elf", "", "text.elf"),
        ("mount copy copy", "RING-NAME", "has the name `copy` already"),
        ("mount lab/x copy --memory 4K", "RING-QUOTA", "heap and stacks"),
        ("param copy a=b", "RING-PORT", "has no parameter `a`"),
        ("wire copy.out copy.in", "RING-PORT", "of one thread"),
        ("wire console.stdin console.stdout", "RING-BAD-REQUEST", "one end at least"),
        ("wire copy console.log", "RING-NAME", "`copy` is no end of a Port"),
        ("wire copy.nix console.log", "RING-PORT", "has no port `nix`"),
        ("start lab", "RING-STATE", "nothing in the Ring waits"),
        ("start copy", "RING-STATE", "`copy` runs"),
        ("end labs", "RING-UNKNOWN", "did you mean `lab`?"),
        ("end console", "RING-UNKNOWN", "`console` is built in"),
        ("forget copy", "RING-STATE", "END it first"),
        ("forget /", "RING-DENIED", "when its system does"),
        ("replace copy ./make.c", "RING-IMAGE", "differs from that of `copy`"),
        ("revoke 7", "PORT-UNKNOWN", "there is no Port 7"),
        ("describe x", "RING-UNKNOWN", "there is no Ring `x`"),
    ] {
        let end = place.oro(&format!("ring {command}"));
        end.refuses(&[code, text]);
        let json = place.oro(&format!("ring {command} --json")).json();
        assert_eq!(
            (&json["schema"], &json["ok"]),
            (&"oro.ring.v1".into(), &false.into()),
            "{json}"
        );
        if code.starts_with("RING-") {
            assert_eq!(json["diagnostics"][0]["code"], code, "{json}");
            place.oro(&format!("explain {code}")).ends(0);
        }
    }
    assert_eq!(place.oro("ring describe --json").ends(0).json(), before);
    assert_eq!(state(&place, "lab", "x"), None);
}

/// Sends raw bytes, perhaps with a descriptor, and gives the answer.
fn exchange(socket: &OwnedFd, bytes: &[u8], fd: Option<&OwnedFd>) -> String {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = fd.map(|fd| [fd.as_fd()]);
    if let Some(fds) = &fds {
        assert!(control.push(SendAncillaryMessage::ScmRights(fds)));
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)
        .unwrap();
    let mut answer = [0; 4096];
    let (_, count) = rustix::net::recv(socket, &mut answer[..], RecvFlags::empty()).unwrap();
    String::from_utf8(answer[..count].to_vec()).unwrap()
}

fn memfd(bytes: &[u8], seals: SealFlags) -> OwnedFd {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = rustix::fs::memfd_create("image", flags).unwrap();
    assert_eq!(rustix::io::write(&fd, bytes).unwrap(), bytes.len());
    rustix::fs::fcntl_add_seals(&fd, seals).unwrap();
    fd
}

/// CTL-14: a client may send anything: images that it could still change, that are none, or that are for nothing.
#[test]
fn ctl_14_what_comes_along_is_checked() {
    let place = Place::new("operator-raw");
    let running = place.start("run copy.toml --growable");
    let elf = fs::read(place.folder.path("target/oro/copy.elf")).unwrap();
    let socket = place.connect(&running).unwrap();
    // MOUNT into the root of the image that comes along; CREATE.
    let message = |operation: u32| {
        let mut bytes = b"oro 2 ring\n".to_vec();
        let mut message = [0; 512];
        message[8..12].copy_from_slice(&operation.to_le_bytes());
        message[16..24].copy_from_slice(&(1_u64 << 32).to_le_bytes());
        if operation == 4 {
            message[48..56].copy_from_slice(&(1_u64 << 32).to_le_bytes());
        }
        let name = oro_name_offset();
        message[name..name + 4].copy_from_slice(b"name");
        bytes.extend(message);
        bytes
    };
    let sealed = SealFlags::WRITE | SealFlags::SHRINK;
    let (reader, _writer) = std::io::pipe().unwrap();
    let folder = fs::File::open(".").unwrap().into();
    // One look before, since names and tables are handed out from then on.
    let before = place.oro("ring describe --json").ends(0).json();
    place.oro("ports").ends(0);
    let count = || wait_for_rest(|| count_descriptors(running.id()));
    let descriptors = count();
    for (operation, fd, code, text) in [
        (4, None, "RING-UNKNOWN", "no image"),
        (4, Some(memfd(&elf, SealFlags::empty())), "RING-IMAGE", "sealed"),
        (4, Some(memfd(&elf, SealFlags::WRITE)), "RING-IMAGE", "sealed"),
        (4, Some(memfd(&elf, SealFlags::SHRINK)), "RING-IMAGE", "sealed"),
        (4, Some(reader.into()), "RING-IMAGE", "sealed"),
        (4, Some(folder), "RING-IMAGE", "sealed"),
        (4, Some(memfd(b"", sealed)), "RING-IMAGE", ""),
        (4, Some(memfd(&elf[..elf.len() / 2], sealed)), "RING-IMAGE", ""),
        (4, Some(memfd(&vec![0; (16 << 20) + 1], sealed)), "RING-QUOTA", "at most"),
        (1, Some(memfd(&elf, sealed)), "RING-BAD-REQUEST", "MOUNT and REPLACE alone"),
        (17, None, "RING-BAD-REQUEST", "1 to 16"),
    ] {
        let answer = exchange(&socket, &message(operation), fd.as_ref());
        assert!(answer.starts_with(&format!("oro 2 error {code} ")), "{answer}");
        assert!(answer.contains(text), "{answer}");
    }
    assert_eq!(place.oro("ring describe --json").ends(0).json(), before);
    place.oro("ports").ends(0);
    assert_eq!(count(), descriptors, "what came along has been closed");
    let answer = exchange(&socket, &message(4), Some(&memfd(&elf, sealed)));
    assert!(answer.starts_with("oro 2 ok\n") && answer.contains("\nid "), "{answer}");
    place.oro("inspect").ends(0).prints(&["name: module `copy-2`, mounted"]);
}

/// A count once it does not change any more: connections are closed some time after their clients.
fn wait_for_rest(count: impl Fn() -> usize) -> usize {
    let mut last = (count(), 0);
    wait_for("it stays the same", || {
        let now = count();
        last = if now == last.0 { (now, last.1 + 1) } else { (now, 0) };
        (last.1 == 20).then_some(now)
    })
}

/// Where `name` is in a request (`oro-sysabi`'s golden file says so).
fn oro_name_offset() -> usize {
    136
}

/// Looking at tables with room for more gives that room no memory.
#[test]
fn looking_at_a_growable_system_costs_it_nothing() {
    let place = Place::new("operator-look");
    let running = place.start("run copy.toml --growable");
    place.oro("ports").ends(0);
    let before = read_memfd_bytes(running.id());
    place.oro("inspect").ends(0);
    place.oro("ring create lab").ends(0);
    let after = read_memfd_bytes(running.id());
    assert!(after <= before + (64 << 10), "{before} {after}");
}

/// KRN-10: who waits to be given something is not deadlocked where an operator may do that.
#[test]
fn krn_10_who_may_be_given_a_port_is_not_deadlocked() {
    let place = Place::new("operator-waits");
    write_modules(&place);
    place.folder.write(
        "two.toml",
        "oro = 1\nmodules.two.source = \"two.c\"\nmodules.make.source = \"make.c\"\n[instance.two]\nmodule = \"two\"\n",
    );
    place
        .folder
        .oro("run two.toml")
        .ends(1)
        .says(&["error[DEADLOCK]", "a binding that is not wired"]);
    let _running = place.start("run two.toml --growable");
    // Longer than the kernel waits before it looks for a deadlock.
    std::thread::sleep(std::time::Duration::from_millis(300));
    all(&place, &["mount make make", "wire make.out two.other", "start make"]);
    let port = || place.system("ports --json")["ports"][0].clone();
    wait_for("messages come", || (port()["to"]["cursor"].as_u64()? > 1000).then_some(()));
}

/// CTL-14: what was only mounted keeps no system from its end, and does not count among its instances.
#[test]
fn ctl_14_what_never_started_keeps_nobody() {
    let place = Place::new("operator-mounted");
    let mut running = place.start("run copy.toml --growable --json=record.json");
    all(&place, &["mount x copy", "wire x.out null.bytes", "wire null.bytes x.in"]);
    drop(running.child.stdin.take());
    running.end().ends(0);
    let record = place.folder.record();
    assert_eq!(record["instances"].as_array().unwrap().len(), 1, "{record}");
}

/// CTL-14: where all has ended and only what was written is not read yet, nothing can be added.
#[test]
fn ctl_14_nothing_is_added_to_a_system_that_has_ended() {
    let place = Place::new("operator-ended");
    let mut command = place.prepare("run copy.toml --growable");
    let (output, writer) = make_pipe();
    command.stdout(writer);
    let mut running = place.start_command(command);
    // More than the pipe of standard output holds, which nobody reads.
    let mut stdin = running.child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let _ = std::io::Write::write_all(&mut stdin, &vec![b'x'; 1 << 20]);
    });
    let is_stuck = || {
        let port = place.system("ports --json")["ports"][1].clone();
        (port["waiting_count"].as_u64()? == 4).then_some(())
    };
    wait_for("the queue is full", is_stuck);
    all(&place, &["end copy"]);
    place.oro("ring mount x copy").refuses(&["RING-STATE", "all instances have ended"]);
    place.oro("ring create lab").refuses(&["RING-STATE", "all instances have ended"]);
    drop(output);
    running.end().ends(1);
    writer.join().unwrap();
}

/// A look that goes on sees what has come since it began: Ports with their names, and how it ends.
#[test]
fn a_watch_sees_what_comes_and_how_it_ends() {
    let place = Place::new("operator-watch");
    let running = place.start("run copy.toml --growable");
    let mut watch = place.prepare("inspect --watch=100ms");
    let watch = watch.stdout(std::process::Stdio::piped()).spawn().unwrap();
    // It has attached once it has looked.
    std::thread::sleep(std::time::Duration::from_millis(300));
    all(&place, &["create lab", "mount lab/x copy", "grant lab null", "wire lab/x.out null.bytes"]);
    std::thread::sleep(std::time::Duration::from_millis(300));
    all(&place, &["create last", "mount last/y copy", "end /"]);
    running.end();
    let output = watch.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (before, last) = text.rsplit_once("system `copy`").unwrap();
    assert!(before.contains("lab/x.out -> null.bytes"), "{text}");
    assert!(last.contains("Ring last"), "{last}");
}

/// CTL-14: of two requests of one connection whose answers are awaited each is answered when it is known.
#[test]
fn ctl_14_two_awaited_answers_come_as_they_are_known() {
    let place = Place::new("operator-two");
    write_modules(&place);
    place.folder.write("hog.c", format!("{NUM_C}{HOG}"));
    let running = place.start("run copy.toml --growable");
    all(&place, &["create lab"]);
    for name in ["a", "b"] {
        all(
            &place,
            &[&format!("mount lab/{name} ./hog.c"), &format!("mount lab/{name}s ./take.c")],
        );
        all(&place, &[&format!("wire lab/{name}.out lab/{name}s.in")]);
    }
    all(&place, &["start lab"]);
    let modes = || {
        let ports = place.system("ports --json")["ports"].clone();
        let modes = [2, 3].map(|index: usize| ports[index]["mode"] == "asynchronous");
        modes.iter().all(|mode| *mode).then_some(())
    };
    wait_for("both are asynchronous", modes);
    let socket = place.connect(&running).unwrap();
    let patience = Some(std::time::Duration::from_secs(20));
    rustix::net::sockopt::set_socket_timeout(
        &socket,
        rustix::net::sockopt::Timeout::Recv,
        patience,
    )
    .unwrap();
    for port in [2, 3] {
        // REVOKE
        let mut bytes = b"oro 2 ring\n".to_vec();
        let mut message = [0; 512];
        message[8] = 14;
        message[40..48].copy_from_slice(&(1_u64 << 32 | port).to_le_bytes());
        bytes.extend(message);
        rustix::net::send(&socket, &bytes, SendFlags::NOSIGNAL).unwrap();
    }
    // The second one is known first.
    all(&place, &["end lab/b"]);
    for _ in 0..2 {
        let mut answer = [0; 4096];
        let (_, count) = rustix::net::recv(&socket, &mut answer[..], RecvFlags::empty()).unwrap();
        assert!(answer[..count].starts_with(b"oro 2 ok\n"), "{:?}", &answer[..count]);
    }
}

/// CTL-10, CTL-13: an image that an operator has brought goes with the last instance that has it.
#[test]
fn ctl_13_brought_images_go_again() {
    let place = Place::new("operator-rounds");
    write_modules(&place);
    let running = place.start("run copy.toml --growable");
    all(&place, &["create lab"]);
    let round = || {
        all(&place, &["mount lab/x ./tuned.c --param word=a", "start lab/x"]);
        assert_eq!(wait_until_ended(&place, "lab", "x"), 7);
        place.oro("inspect").ends(0).prints(&["x: module `tuned`, ended"]);
        all(&place, &["forget lab/x"]);
    };
    let measure = || {
        let descriptors = wait_for_rest(|| count_descriptors(running.id()));
        (descriptors, read_private_bytes(running.id()))
    };
    (0..5).for_each(|_| round());
    let (descriptors, bytes) = measure();
    (0..15).for_each(|_| round());
    let (descriptors_then, bytes_then) = measure();
    println!("{descriptors} {descriptors_then} descriptors, {bytes} {bytes_then} bytes");
    assert_eq!(descriptors_then, descriptors);
    // Where each round kept its image, or its closed built-in end, it would be 5 KiB for each, and more.
    assert!(bytes_then < bytes + (30 << 10), "{bytes} {bytes_then}");
}
