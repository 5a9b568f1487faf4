//! Runs of `oro run` that end otherwise than by their modules: deadlock, a signal, the time limit, the
//! death of a process from outside.

#![expect(clippy::unwrap_used, reason = "a test whose files or processes fail has failed")]

mod support;

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use support::processes::{find_guardian, list_children, list_sealed, wait_for};
use support::{FILTER_C, Folder, example, oro_run};

/// `KRN-5`: a cycle of naive filters waits for ever; it is found, ended and explained.
#[test]
fn a_deadlock_is_explained() {
    let folder = Folder::new("deadlock");
    folder.write("filter.c", FILTER_C);
    folder.write(
        "cycle.toml",
        "oro = 1\n[modules]\nfilter = { source = \"filter.c\" }\n[instance.a]\nmodule = \"filter\"\n\
         [instance.b]\nmodule = \"filter\"\n[[wire]]\nfrom = \"a.out\"\nto = \"b.in\"\n\
         [[wire]]\nfrom = \"b.out\"\nto = \"a.in\"\n",
    );
    folder.oro("run cycle.toml").ends(1).says(&[
        "error[DEADLOCK]: every thread waited for another",
        "thread `filter` of `a` waits for a message at a.in, whose other end is b.out",
        "thread `filter` of `b` waits for a message at b.in, whose other end is a.out",
        "help: naive threads read before they write",
        "error[KILLED]: instance `a`",
    ]);
}

/// A run of the sha256 example that waits for standard input.
fn start_waiting(arguments: &[&str]) -> Child {
    let mut command = oro_run(&example("sha256"));
    let child = command.args(arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.as_ref().unwrap();
    stdin.write_all(b"x").unwrap();
    // A kernel that reads its input has found every process sealed as planned: before, the death of
    // one would have been an error at start.
    let is_read = || (rustix::io::ioctl_fionread(stdin).unwrap() == 0).then_some(());
    wait_for("the input is read", is_read);
    assert_eq!(list_sealed(child.id()).len(), 1);
    child
}

fn send_signal(name: &str, process_id: u32) {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).arg(process_id.to_string());
    assert!(kill.status().unwrap().success());
}

/// An interrupt ends everything at once and says so; nothing is left over.
#[test]
fn an_interrupt_ends_the_system() {
    for signal in ["INT", "TERM"] {
        let mut child = start_waiting(&[]);
        let stdin = child.stdin.take();
        let children = list_children(child.id());
        send_signal(signal, child.id());
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        let expected = format!("instance `hash` was ended: interrupted by SIG{signal}");
        assert!(stderr.contains(&expected), "{stderr}");
        assert!(output.stdout.is_empty());
        for child in children {
            assert!(!Path::new(&format!("/proc/{child}")).exists(), "{child} is left over");
        }
    }
}

/// `--timeout` ends what waits, with its own exit code; what was committed before is complete.
#[test]
fn the_time_limit_ends_what_waits() {
    let mut child = start_waiting(&["--timeout", "1s"]);
    let stdin = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(124), "{stderr}");
    assert!(stderr.contains("error[TIMEOUT]: the time of --timeout was over"), "{stderr}");
}

/// A module's process that is killed from outside ends its instance as killed, the rest goes on.
#[test]
fn a_process_killed_from_outside_is_told() {
    let mut child = start_waiting(&[]);
    let stdin = child.stdin.take();
    let sealed = list_sealed(child.id());
    send_signal("KILL", sealed[0]);
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("its process was killed from outside"), "{stderr}");
}

/// `KRN-6`: without its guardian a supervisor's death would not be noticed at once, so it does not go
/// on either; nothing is left over.
#[test]
fn krn_6_a_supervisor_does_not_go_on_without_its_guardian() {
    let mut child = start_waiting(&[]);
    let stdin = child.stdin.take();
    let children = list_children(child.id());
    send_signal("KILL", find_guardian(child.id()));
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error[RUN-SYSTEM]"), "{stderr}");
    assert!(stderr.contains("the guardian process has ended"), "{stderr}");
    for child in children {
        assert!(!Path::new(&format!("/proc/{child}")).exists(), "{child} is left over");
    }
}
