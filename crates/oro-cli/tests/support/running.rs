//! [`Running`]: an `oro` that is looked at while it runs, and that a watchdog ends if it hangs.
//!
//! The watchdog turns a hang into a failure and measures nothing: whoever waits for the process, or
//! reads from a pipe that it holds, goes on when it has been killed.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use super::{End, Folder};

/// After this time a process that should have ended hangs.
const PATIENCE: Duration = Duration::from_secs(90);

/// A process that ends with the test, whatever happens.
pub(crate) struct Running {
    pub(crate) child: Child,
    folder: std::path::PathBuf,
    /// Dropped: the watchdog goes away.
    leash: Option<Sender<()>>,
    watchdog: Option<JoinHandle<bool>>,
}

impl Folder {
    /// `oro` with arguments separated by blanks, called in this folder by way of `launcher` (such as
    /// `env NAME=value`), if it is not empty. Its output goes to files, and its input is empty, if
    /// the caller does not choose otherwise.
    pub(crate) fn prepare(&self, launcher: &str, arguments: &str) -> Command {
        let mut words = launcher.split_ascii_whitespace().chain([env!("CARGO_BIN_EXE_oro")]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(arguments.split_ascii_whitespace()).current_dir(self.path("."));
        let create = |name| File::create(self.path(name)).unwrap();
        command.stdin(Stdio::null()).stdout(create("stdout")).stderr(create("stderr"));
        command
    }

    /// Starts what [`Folder::prepare`] gave. Takes it by value: it holds the descriptors that it
    /// gives to the process, and ends of pipes must not stay open here.
    pub(crate) fn start(&self, mut command: Command) -> Running {
        let child = command.spawn().unwrap();
        let pidfd = pidfd_open(to_pid(child.id()), PidfdFlags::empty()).unwrap();
        let (leash, end) = channel();
        let watchdog = std::thread::spawn(move || {
            let has_hung = end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
            if has_hung {
                let _ = pidfd_send_signal(&pidfd, Signal::KILL);
            }
            has_hung
        });
        let folder = self.path(".");
        Running { child, folder, leash: Some(leash), watchdog: Some(watchdog) }
    }

    /// Runs to the end.
    #[track_caller]
    pub(crate) fn run(&self, launcher: &str, arguments: &str) -> End {
        self.start(self.prepare(launcher, arguments)).end()
    }

    /// A system of modules that are sources in C (name, text), each run as one instance of its name;
    /// a wire is `from -> to`, and what else is said of it after a bar.
    pub(crate) fn write_system(&self, name: &str, modules: &[(&str, &str)], wires: &[&str]) {
        let mut text = "oro = 1\n".to_owned();
        for (module, source) in modules {
            self.write(&format!("{module}.c"), source);
            let _ = writeln!(text, "modules.{module}.source = \"{module}.c\"");
        }
        for (module, _) in modules {
            let _ = writeln!(text, "[instance.{module}]\nmodule = \"{module}\"");
        }
        for wire in wires {
            let (wire, more) = wire.split_once(" | ").unwrap_or((wire, ""));
            let (from, to) = wire.split_once(" -> ").expect("`FROM -> TO`");
            let _ = writeln!(text, "[[wire]]\nfrom = \"{from}\"\nto = \"{to}\"\n{more}");
        }
        self.write(name, text);
    }

    /// What `--json=record.json` has written.
    #[track_caller]
    pub(crate) fn record(&self) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.path("record.json")).unwrap()).unwrap()
    }
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn send(&self, signal: Signal) {
        send(self.id(), signal);
    }

    /// Waits for its end. What went to pipes of the caller's is not in the result.
    #[track_caller]
    pub(crate) fn end(mut self) -> End {
        let status = self.child.wait().unwrap();
        let has_hung = self.release();
        let read = |name| String::from_utf8(fs::read(self.folder.join(name)).unwrap()).unwrap();
        let end = End { code: status.code(), stdout: read("stdout"), stderr: read("stderr") };
        assert!(!has_hung, "it did not end by itself: {end:#?}");
        end
    }

    /// Ends the watchdog; whether it had to act.
    fn release(&mut self) -> bool {
        self.leash = None;
        self.watchdog.take().is_some_and(|watchdog| watchdog.join().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.release();
    }
}

pub(crate) fn send(process_id: u32, signal: Signal) {
    kill_process(to_pid(process_id), signal).unwrap();
}

fn to_pid(process_id: u32) -> Pid {
    Pid::from_raw(process_id.cast_signed()).unwrap()
}

/// A pipe: the end to read from, and the one to write to. Nothing that is started inherits them.
pub(crate) fn make_pipe() -> (File, OwnedFd) {
    let (reader, writer) = std::io::pipe().unwrap();
    (File::from(OwnedFd::from(reader)), writer.into())
}

/// A FIFO in a folder.
pub(crate) fn make_fifo(folder: &Folder, name: &str) {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.path(name), mode).unwrap();
}
