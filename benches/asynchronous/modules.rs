//! The modules of the benchmark, and the one of examples/sha256: built as `oro` builds them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use oro_image::Image;

/// As `oro` builds modules.
const RUST_FLAGS: [&str; 9] = [
    "-Cpanic=abort",
    "-Crelocation-model=pie",
    "-Ctarget-feature=+crt-static",
    "-Clink-arg=-nostartfiles",
    "-Clink-arg=-nostdlib",
    "-Clink-arg=-static-pie",
    "-Clink-arg=-Wl,-z,separate-code",
    "-Clink-arg=-Wl,-z,norelro",
    "-Clink-arg=-Wl,--entry=0",
];
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The packages, by their folders from the benchmark's own, and their executables.
const PACKAGES: [(&str, &[&str]); 2] = [
    ("modules/asynchronous", &["source", "sink", "client", "server", "sender", "sleeper"]),
    ("../examples/sha256/modules/sha256", &["sha256"]),
];

/// Builds all modules; their images by name.
pub(crate) fn build_all() -> BTreeMap<String, Image> {
    let mut images = BTreeMap::new();
    for (package, names) in PACKAGES {
        let folder = build_package(package);
        for name in names {
            let bytes = fs::read(folder.join(name)).expect("just built");
            let image = Image::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            images.insert((*name).to_owned(), image);
        }
    }
    images
}

/// Builds a package; the folder of its executables.
fn build_package(package: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(package);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oro-modules");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.args(["build", "--release", "--locked", "--quiet", "--target", TARGET]);
    command.arg("--manifest-path").arg(folder.join("Cargo.toml"));
    command.arg("--target-dir").arg(&target);
    command.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", RUST_FLAGS.join("\u{1f}"));
    let is_built = command.status().is_ok_and(|status| status.success());
    assert!(is_built, "{package} cannot be built");
    target.join(TARGET).join("release")
}
