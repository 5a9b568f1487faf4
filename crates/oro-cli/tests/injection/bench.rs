//! [`Bench`]: the system that is run again and again, the tracer that runs it, and the sites that a run
//! passes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType};

use super::calls::{Call, F_GETFD, find_call, name_request};
use super::support::Folder;
use super::table::Table;

const TRACER_C: &str = include_str!("tracer.c");
const SYSTEM: [(&str, &str); 10] = [
    ("common.h", include_str!("system/common.h")),
    ("system.toml", include_str!("system/system.toml")),
    ("feed.c", include_str!("system/feed.c")),
    ("filter.c", include_str!("system/filter.c")),
    ("hello.c", include_str!("system/hello.c")),
    ("make.c", include_str!("system/make.c")),
    ("sink.c", include_str!("system/sink.c")),
    ("spare.c", include_str!("system/spare.c")),
    ("take.c", include_str!("system/take.c")),
    // Has `spare` in it.
    ("hold.c", include_str!("system/hold.c")),
];
const INPUT: &str = "a line of a file\n";
/// What a run that went well has written.
const OUTPUTS: [(&str, &str); 3] =
    [("stdout", "world\na line of a file\n"), ("numbers", "12345"), ("answers", "done\n")];
/// Runs that are looked at for sites: some are passed in most runs only.
const SURVEYS: usize = 4;

/// Everything that runs need.
pub(crate) struct Bench {
    folder: Folder,
    table: Table,
}

/// A system call at a place in the program.
#[derive(Clone)]
pub(crate) struct Site {
    /// As the tracer knows it.
    pub(crate) key: String,
    pub(crate) call: &'static Call,
    detail: u64,
    /// The call, and the functions that have led to it.
    pub(crate) label: String,
}

/// One run under the tracer.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Its site was reached.
    pub(crate) is_reached: bool,
    /// How it ended: `exit 0`.
    pub(crate) end: String,
    /// What is wrong whatever was to be: it hung, or has left something behind.
    pub(crate) wrongs: Vec<String>,
    pub(crate) stderr: String,
    /// Everything is as in a run without a failure, but for what the holder of Ring control may say.
    pub(crate) is_output_right: bool,
    /// The request of the holder's that was refused, and why.
    pub(crate) refusal: Option<String>,
}

impl Bench {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        for (name, text) in SYSTEM {
            folder.write(name, text.replace("@FOLDER@", folder.path("").to_str().unwrap()));
            if name.ends_with(".c") {
                folder.oro(&format!("check {name}")).ends(0);
            }
        }
        folder.write("tracer.c", TRACER_C);
        let mut compile = Command::new("cc");
        compile.args(["-O2", "-Wall", "-Wextra", "-Werror", "-o", "tracer", "tracer.c"]);
        assert!(compile.current_dir(folder.path(".")).status().unwrap().success());
        let table = Table::read(env!("CARGO_BIN_EXE_oro"));
        folder.write("table", &table.text);
        Self { folder, table }
    }

    /// The sites of some runs, in the order in which they are reached.
    pub(crate) fn survey(&self) -> Vec<Site> {
        let mut sites: BTreeMap<String, usize> = BTreeMap::new();
        let mut found = Vec::new();
        for _ in 0..SURVEYS {
            let place = self.make_place(0);
            let run = self.run(&place, &["survey"], |line| {
                let mut words = line.strip_prefix("site ")?.split(' ');
                let key = words.next()?.to_owned();
                let number = words.next()?.parse().ok()?;
                let mut numbers = words.map_while(|word| u64::from_str_radix(word, 16).ok());
                let detail = numbers.next()?;
                let names: Vec<String> = numbers.map(|at| self.table.name(at)).collect();
                if !sites.contains_key(&key) {
                    sites.insert(key.clone(), found.len());
                    found.push(Site::new(key, find_call(number), detail, &names));
                }
                None
            });
            assert_eq!((run.end.as_str(), run.is_output_right), ("exit 0", true), "{run:#?}");
            assert_eq!(run.refusal, None);
            assert!(run.wrongs.is_empty(), "{run:#?}");
        }
        found.retain(|site| !(site.call.name == "fcntl" && site.detail == F_GETFD));
        found
    }

    /// Runs the system once; `answer` is told each line of the tracer's, and may have an answer to it.
    pub(crate) fn run(
        &self,
        place: &Path,
        task: &[&str],
        mut answer: impl FnMut(&str) -> Option<&'static str>,
    ) -> Run {
        let sockets = place.join("sockets");
        let _ = fs::remove_dir_all(&sockets);
        for (name, _) in OUTPUTS {
            let _ = fs::remove_file(place.join(name));
        }
        let input_path = place.join("input");
        let _ = fs::remove_file(&input_path);
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &input_path, mode).unwrap();
        // Also readable, so that it does not wait for the other side.
        let writer = File::options().read(true).write(true).open(&input_path).unwrap();
        let [numbers, answers] =
            ["numbers", "answers"].map(|name| format!("{name}={}", place.join(name).display()));
        let mut command = Command::new(self.folder.path("tracer"));
        command.arg("table").args(["stdout", "stderr"].map(|name| place.join(name))).args(task);
        command.args([env!("CARGO_BIN_EXE_oro"), "run", "system.toml", "--name", "injected"]);
        let input = format!("input={}", input_path.display());
        command.args(["--file", &input, "--file", &numbers, "--file", &answers]);
        command.current_dir(self.folder.path(".")).env("ORO_RUNTIME_DIR", &sockets);
        let mut tracer = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = tracer.stdin.take().unwrap();
        let mut run = Run::default();
        let is_over = AtomicBool::new(false);
        let has_been_silent = std::thread::scope(|scope| {
            let client = scope.spawn(|| visit(place, &is_over, writer));
            for line in BufReader::new(tracer.stdout.take().unwrap()).lines() {
                let line = line.unwrap();
                if let Some(text) = answer(&line) {
                    input.write_all(text.as_bytes()).unwrap();
                }
                run.take_line(&line, &self.table);
                is_over.store(!run.end.is_empty(), Ordering::Relaxed);
            }
            is_over.store(true, Ordering::Relaxed);
            client.join().unwrap()
        });
        if has_been_silent {
            run.wrongs.push("it did not answer whoever had attached".to_owned());
        }
        assert!(tracer.wait().unwrap().success(), "the tracer failed: {task:?} {run:#?}");
        let read = |name: &str| fs::read(place.join(name)).unwrap_or_default();
        run.stderr = String::from_utf8_lossy(&read("stderr")).into_owned();
        let answers = String::from_utf8_lossy(&read("answers")).into_owned();
        run.refusal = answers.strip_prefix("refused ").map(str::to_owned);
        let is_right = |(name, text): &(&str, &str)| {
            read(name) == text.as_bytes() || *name == "answers" && run.refusal.is_some()
        };
        run.is_output_right = OUTPUTS.iter().all(is_right);
        run
    }

    /// A folder for the files of one run at a time.
    pub(crate) fn make_place(&self, worker: usize) -> PathBuf {
        // Not below the other folder: paths of sockets must be short.
        let id = std::process::id();
        let name = self.folder.path("").file_name().unwrap().display().to_string();
        let place = std::env::temp_dir().join(format!("oro-{name}-{id}-{worker}"));
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(&place).unwrap();
        place
    }

    /// What `oro` makes of other arguments.
    pub(crate) fn oro(&self, place: &Path, arguments: &str) -> super::support::End {
        let sockets = place.join("sockets");
        self.folder.oro_with(arguments, &[("ORO_RUNTIME_DIR", sockets.to_str().unwrap())])
    }
}

/// Attaches to the system and asks for all that there is to be asked for; then lets its input come. A system
/// that writes has opened its socket before, or has none. True if it did not answer.
fn visit(place: &Path, is_over: &AtomicBool, mut input: File) -> bool {
    let is_hidden = || fs::metadata(place.join("stdout")).is_ok_and(|facts| facts.len() > 0);
    let sockets = place.join("sockets");
    let find_socket = || list_folder(&sockets).into_iter().find(|name| !name.starts_with('.'));
    let mut socket = find_socket();
    while socket.is_none() && !is_over.load(Ordering::Relaxed) && !is_hidden() {
        std::thread::sleep(Duration::from_millis(1));
        socket = find_socket();
    }
    let result = socket.map_or(Ok(()), |name| ask(&sockets.join(name)));
    // It may have ended.
    let _ = input.write_all(INPUT.as_bytes());
    result == Err(Errno::AGAIN) && !is_over.load(Ordering::Relaxed)
}

/// Sends every request, as `oro ports`, `oro inspect` and `oro force-sync` do, and awaits the replies.
fn ask(socket: &Path) -> rustix::io::Result<()> {
    let fd = rustix::net::socket(AddressFamily::UNIX, SocketType::SEQPACKET, None)?;
    for side in [Timeout::Recv, Timeout::Send] {
        sockopt::set_socket_timeout(&fd, side, Some(Duration::from_secs(10)))?;
    }
    rustix::net::connect(&fd, &SocketAddrUnix::new(socket)?)?;
    for request in ["describe", "look", "force-sync 5", "allow 5", "nonsense"] {
        rustix::net::send(&fd, format!("oro 1 {request}").as_bytes(), SendFlags::NOSIGNAL)?;
        let (_, count) = rustix::net::recv(&fd, &mut [0; 4096][..], RecvFlags::empty())?;
        if count == 0 {
            return Ok(());
        }
    }
    Ok(())
}

/// What is in a folder; nothing if there is none.
pub(crate) fn list_folder(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().display().to_string()).collect()
}

impl Site {
    fn new(key: String, call: &'static Call, detail: u64, names: &[String]) -> Self {
        let name = match call.name {
            "ioctl" => name_request(detail),
            name => name,
        };
        Self { key, call, detail, label: format!("{name:18} {}", names.join(" < ")) }
    }
}

impl Run {
    fn take_line(&mut self, line: &str, table: &Table) {
        match line.split_once(' ') {
            Some(("at", _)) => self.is_reached = true,
            Some(("exit" | "signal", _)) => line.clone_into(&mut self.end),
            Some(("left", name)) => self.wrongs.push(format!("it has left `{name}` behind")),
            Some(("hang", words)) => {
                let mut words = words.split(' ');
                let call = words
                    .next()
                    .and_then(|word| word.parse().ok())
                    .map_or("?", |number| find_call(number).name);
                let places = words.filter_map(|word| u64::from_str_radix(word, 16).ok());
                let names: Vec<String> = places.map(|at| table.name(at)).collect();
                self.wrongs.push(format!("it hung in {call} of {}", names.join(" < ")));
            }
            _ => {}
        }
    }
}
