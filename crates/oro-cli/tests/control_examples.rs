//! The examples of Ring control, from end to end (`CTL`): systems that are built from within.

mod support;

use std::process::Output;

use support::{example, oro_run};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lines of the log that an instance wrote, without its name.
fn lines_of(output: &Output, instance: &str) -> Vec<String> {
    let head = format!("[{instance}] ");
    let stderr = text(&output.stderr);
    stderr.lines().filter_map(|line| line.strip_prefix(&head)).map(str::to_owned).collect()
}

/// CTL-4, CTL-6 to CTL-10, END-6: child Rings are made, workers mounted, wired to who made them, started,
/// seen to end, forgotten, and those that crash mounted anew.
#[test]
fn ctl_4_ctl_10_the_init_example_mounts_anew_what_has_crashed() {
    let output = oro_run(&example("init")).output().unwrap();
    let stderr = text(&output.stderr);
    // What was forgotten does not count against the system.
    assert!(output.status.success(), "{stderr}");
    let expected = "steady: status 0, 2 answers, 0 faults\nflaky: status 0, 6 answers, 2 faults\n";
    assert_eq!(text(&output.stdout), expected, "{stderr}");
    // Of each child the steps are in order, whatever the other does meanwhile.
    let lines = lines_of(&output, "init");
    let steps_of = |child: &str| {
        let steps = lines.iter().filter_map(|line| line.strip_prefix(child));
        // How much memory it takes is the kernel's affair.
        steps.map(|step| step.split(',').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let attempt = |number: u32, end: &str| {
        ["runs", "1", "2", end].map(|step| match step {
            "1" | "2" => format!("answer {step}"),
            _ => format!("attempt {number} {step}"),
        })
    };
    let (made, gone) = (["made its Ring".to_owned()], ["its Ring is gone".to_owned()]);
    let steady = [&made[..], &attempt(1, "ended"), &gone].concat();
    assert_eq!(steps_of("steady: "), steady, "{stderr}");
    let attempts = [attempt(1, "faulted"), attempt(2, "faulted"), attempt(3, "ended")].concat();
    assert_eq!(steps_of("flaky: "), [&made[..], &attempts, &gone].concat(), "{stderr}");
    let panics = lines.iter().filter(|line| line.ends_with("faulted, panic")).count();
    assert_eq!(panics, 2, "{stderr}");
}

/// CTL-3, CTL-8, CTL-10: fifty clients join a server that runs, over eight elements of its port arrays, and
/// leave it; every answer is right.
#[test]
fn ctl_8_the_kv_example_serves_clients_that_come_and_go() {
    let output = oro_run(&example("kv")).output().unwrap();
    let stderr = text(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(text(&output.stdout), "50 clients, 1050 requests, 500 keys\n", "{stderr}");
    let lines = lines_of(&output, "crowd");
    assert_eq!(lines.last().unwrap(), "1050 requests, 0 wrong answers, 0 clients lost");
    for number in 1..=50 {
        let joins = format!("client {number} has place ");
        let joined = lines.iter().position(|line| line.starts_with(&joins)).unwrap();
        let left = lines.iter().position(|line| *line == format!("client {number} has left"));
        assert!(joined < left.unwrap(), "{stderr}");
    }
}
