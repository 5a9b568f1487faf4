//! Where running systems are found: a folder that belongs to one user, with a socket for each of that
//! user's systems, called by its supervisor's process id.
//!
//! The supervisor makes folder and socket ([`Lair::make`]), those who attach list them
//! ([`list_sockets`]). Nothing in a folder is trusted that another user could have put there.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 8;
/// How long a supervisor may take to take a connection, or to answer; it never waits for anything
/// itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// A listening socket under its name in the file system, which goes away with it.
#[derive(Debug)]
pub(crate) struct Lair {
    pub(crate) listener: OwnedFd,
    path: PathBuf,
}

/// A socket of a system that runs, or has run and could not clean up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SocketPath {
    pub(crate) process_id: u32,
    pub(crate) path: PathBuf,
}

/// The user that this process acts for.
pub(crate) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Folders in which a user's systems may be, the best first: `$XDG_RUNTIME_DIR/oro`, `/run/user/UID/oro`,
/// `/tmp/oro-UID`; or `$ORO_RUNTIME_DIR` alone.
fn list_folders(user: u32) -> Vec<PathBuf> {
    if let Some(folder) = std::env::var_os("ORO_RUNTIME_DIR") {
        return vec![PathBuf::from(folder)];
    }
    let mut folders = Vec::new();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let usual = PathBuf::from(format!("/run/user/{user}"));
    for parent in
        runtime.filter(|path| user == own_user() && path.is_absolute()).into_iter().chain([usual])
    {
        // A runtime folder of somebody else's (that of the user who called `sudo`) is not ours to fill.
        let belongs =
            fs::metadata(&parent).is_ok_and(|facts| facts.is_dir() && facts.uid() == user);
        let folder = parent.join("oro");
        if belongs && !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    folders.push(PathBuf::from(format!("/tmp/oro-{user}")));
    folders
}

/// Whether a folder is one, belongs to the user, and is open to nobody else.
fn is_private(folder: &Path, user: u32) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|facts| {
        facts.is_dir() && facts.uid() == user && facts.permissions().mode() & 0o077 == 0
    })
}

/// The sockets of a user's systems, in the order of process ids; and folders that were not looked
/// into, since they are not that user's own or may not be read.
pub(crate) fn list_sockets(user: u32) -> (Vec<SocketPath>, Vec<PathBuf>) {
    let mut sockets = Vec::new();
    let mut refused = Vec::new();
    for folder in list_folders(user) {
        if fs::symlink_metadata(&folder).is_err() {
            continue;
        }
        let entries = if is_private(&folder, user) { fs::read_dir(&folder).ok() } else { None };
        let Some(entries) = entries else {
            refused.push(folder);
            continue;
        };
        for entry in entries.flatten() {
            if let Some(process_id) = parse_process_id(&entry.file_name()) {
                sockets.push(SocketPath { process_id, path: entry.path() });
            } else if user == own_user() && is_abandoned(&entry.file_name()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
    sockets.sort_by_key(|socket| socket.process_id);
    (sockets, refused)
}

/// Whether it is a socket whose supervisor was killed before it listened.
fn is_abandoned(name: &OsStr) -> bool {
    let id = name.to_str().and_then(|name| name.strip_prefix('.')?.strip_suffix(".new"));
    id.and_then(|id| parse_process_id(OsStr::new(id))).is_some_and(|id| !has_process(id))
}

fn parse_process_id(name: &OsStr) -> Option<u32> {
    let name = name.to_str()?;
    let process_id = name.parse::<u32>().ok().filter(|id| *id > 0)?;
    // No other spelling of the same number.
    (process_id.to_string() == name).then_some(process_id)
}

fn make_socket(flags: SocketFlags) -> rustix::io::Result<OwnedFd> {
    let flags = flags | SocketFlags::CLOEXEC;
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

/// Connects to a system's socket; `AGAIN` if its supervisor takes no connection in time. A name that
/// nobody listens behind and whose process has gone is removed: its supervisor was killed and could not.
pub(crate) fn connect(socket: &SocketPath) -> rustix::io::Result<OwnedFd> {
    let fd = make_socket(SocketFlags::empty())?;
    // It also bounds how long a connection waits in a full backlog, unix(7).
    for side in [Timeout::Recv, Timeout::Send] {
        sockopt::set_socket_timeout(&fd, side, Some(PATIENCE))?;
    }
    let address = SocketAddrUnix::new(&socket.path)?;
    match rustix::net::connect(&fd, &address) {
        Ok(()) => Ok(fd),
        Err(Errno::CONNREFUSED) => {
            if !has_process(socket.process_id) && is_own(socket) {
                let _ = fs::remove_file(&socket.path);
            }
            Err(Errno::CONNREFUSED)
        }
        Err(error) => Err(error),
    }
}

/// Whether nobody else can have put a socket, or its folder, where it is. What is in another user's
/// folder is left alone even by root: a path there may lead somewhere else by the time it is removed.
fn is_own(socket: &SocketPath) -> bool {
    socket.path.parent().is_some_and(|folder| is_private(folder, own_user()))
}

/// Whether there is a process of this id.
pub(crate) fn has_process(process_id: u32) -> bool {
    let id = i32::try_from(process_id).ok().and_then(rustix::process::Pid::from_raw);
    id.is_some_and(|id| rustix::process::test_kill_process(id) != Err(Errno::SRCH))
}

/// The user whose a process is.
pub(crate) fn find_owner(process_id: u32) -> Option<u32> {
    fs::metadata(format!("/proc/{process_id}")).ok().map(|facts| facts.uid())
}

impl Lair {
    /// Makes the socket of this process in the first folder where that can be done.
    pub(crate) fn make() -> io::Result<Self> {
        let mut result = Err(io::Error::other("there is no folder for sockets"));
        for folder in list_folders(own_user()) {
            result = Self::make_in(&folder).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", folder.display()))
            });
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn make_in(folder: &Path) -> io::Result<Self> {
        match fs::DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        if !is_private(folder, own_user()) {
            return Err(io::Error::other("it is not a folder of this user's alone (mode 0700)"));
        }
        let process_id = std::process::id();
        let path = folder.join(process_id.to_string());
        let new = folder.join(format!(".{process_id}.new"));
        let _ = fs::remove_file(&new);
        let listener = make_socket(SocketFlags::NONBLOCK)?;
        rustix::net::bind(&listener, &SocketAddrUnix::new(&new)?)?;
        // Under its own name only once it listens: what refuses a connection is taken for dead.
        let named = fs::set_permissions(&new, fs::Permissions::from_mode(0o600))
            .and_then(|()| Ok(rustix::net::listen(&listener, BACKLOG)?))
            .and_then(|()| name_socket(&new, &SocketPath { process_id, path: path.clone() }));
        if named.is_err() {
            let _ = fs::remove_file(&new);
        }
        named.map(|()| Self { listener, path })
    }
}

/// Renames a socket; one that is there already is replaced only if it is dead.
fn name_socket(new: &Path, socket: &SocketPath) -> io::Result<()> {
    let rename = || rustix::fs::renameat_with(CWD, new, CWD, &socket.path, RenameFlags::NOREPLACE);
    match rename() {
        Err(Errno::EXIST) if matches!(connect(socket), Err(Errno::CONNREFUSED)) => {
            // Its process id is ours, so `connect` has left it.
            let _ = fs::remove_file(&socket.path);
            Ok(rename()?)
        }
        result => Ok(result?),
    }
}

impl Drop for Lair {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_called_by_a_process_id_and_nothing_else() {
        let parse = |name: &str| parse_process_id(OsStr::new(name));
        assert_eq!(parse("17"), Some(17));
        for name in ["0", "017", "+17", "17a", "", ".17.new", "4294967296"] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
