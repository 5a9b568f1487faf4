//! iceoryx2, by the program in `benches/iceoryx2`: it is built when it is needed, and runs in two
//! processes of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::stats::to_float;
use crate::streams::Counts;

/// The program.
pub(crate) struct Program {
    path: PathBuf,
}

impl Program {
    /// Builds it, which takes minutes the first time. `None`, with a word about it, if that fails.
    pub(crate) fn build() -> Option<Self> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("iceoryx2");
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("iceoryx2/Cargo.toml");
        eprintln!("building benches/iceoryx2");
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        command.args(["build", "--release", "--locked", "--quiet", "--manifest-path"]);
        command.arg(manifest).arg("--target-dir").arg(&target);
        let is_built = command.status().is_ok_and(|status| status.success());
        if !is_built {
            eprintln!("benches/iceoryx2 cannot be built: iceoryx2 is not measured");
        }
        is_built.then(|| Self { path: target.join("release/oro-bench-iceoryx2") })
    }

    /// Nanoseconds of a message (role `stream`) or of a round trip (role `round-trip`); `None`, with
    /// a word about it, if it fails.
    pub(crate) fn measure(
        &self,
        role: &str,
        bytes: u32,
        [first, second]: [usize; 2],
        counts: Counts,
    ) -> Option<f64> {
        let leftovers = Leftovers::new();
        let mut command = Command::new(&self.path);
        command.arg(role);
        command.args([u64::from(bytes), counts.warm_up, counts.measured].map(|it| it.to_string()));
        command.args([first, second].map(|cpu| cpu.to_string()));
        command.arg(&leftovers.folder).arg(&leftovers.prefix);
        let output = command.stderr(Stdio::inherit()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let result = text.trim().parse().ok().filter(|_| output.status.success());
        if result.is_none() {
            eprintln!("iceoryx2, {role} of {bytes} bytes: no result, {}", output.status);
        }
        result.map(|nanoseconds: u64| to_float(nanoseconds) / to_float(counts.measured))
    }
}

/// What iceoryx2 leaves behind; removed when it is dropped.
struct Leftovers {
    folder: PathBuf,
    prefix: String,
}

impl Leftovers {
    fn new() -> Self {
        let prefix = format!("oro-bench-{}-", std::process::id());
        Self { folder: std::env::temp_dir().join(format!("{prefix}iceoryx2")), prefix }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        // What is not there need not be removed.
        let _ = fs::remove_dir_all(&self.folder);
        for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&self.prefix) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}
