//! [`Place`]: a folder with a system that other processes look at while it runs.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use serde_json::Value;

use super::processes::wait_for;
use super::running::Running;
use super::{COPY_C, End, Folder};

const COPY_WIRES: [&str; 2] =
    ["console.stdin -> copy.in", "copy.out -> console.stdout | slots = 4"];

/// A folder with a system, and one for sockets, so that no other test's system is seen.
pub(crate) struct Place {
    pub(crate) folder: Folder,
    pub(crate) sockets: PathBuf,
}

impl Place {
    /// Makes both; `name` is unique among all tests.
    pub(crate) fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        folder.write_system("copy.toml", &[("copy", COPY_C)], &COPY_WIRES);
        // Not in the other folder: paths of sockets must be short.
        let sockets = std::env::temp_dir().join(format!("oro-test-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&sockets);
        Self { folder, sockets }
    }

    pub(crate) fn oro(&self, arguments: &str) -> End {
        self.folder.oro_with(arguments, &[("ORO_RUNTIME_DIR", self.sockets.to_str().unwrap())])
    }

    pub(crate) fn prepare(&self, arguments: &str) -> Command {
        let mut command = self.folder.prepare("", arguments);
        command.env("ORO_RUNTIME_DIR", &self.sockets).stdin(Stdio::piped());
        command
    }

    /// A system that waits for standard input, once it can be attached to.
    pub(crate) fn start(&self, arguments: &str) -> Running {
        self.start_command(self.prepare(arguments))
    }

    /// Likewise what [`Place::prepare`] gave.
    pub(crate) fn start_command(&self, command: Command) -> Running {
        let running = self.folder.start(command);
        let socket = self.socket(&running);
        wait_for("it listens", || socket.exists().then_some(()));
        running
    }

    pub(crate) fn socket(&self, running: &Running) -> PathBuf {
        self.sockets.join(running.id().to_string())
    }

    pub(crate) fn connect(&self, running: &Running) -> rustix::io::Result<OwnedFd> {
        self.connect_with(running, SocketFlags::empty())
    }

    /// `AGAIN`, if it does not take the connection now.
    pub(crate) fn connect_at_once(&self, running: &Running) -> rustix::io::Result<OwnedFd> {
        self.connect_with(running, SocketFlags::NONBLOCK)
    }

    fn connect_with(&self, running: &Running, flags: SocketFlags) -> rustix::io::Result<OwnedFd> {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let fd = rustix::net::socket_with(family, kind, flags, None)?;
        rustix::net::connect(&fd, &SocketAddrUnix::new(self.socket(running)).unwrap())?;
        Ok(fd)
    }

    pub(crate) fn system(&self, arguments: &str) -> Value {
        self.oro(arguments).ends(0).json()["system"].clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.sockets);
    }
}
