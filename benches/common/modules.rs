//! Modules in C, compiled as `oro` does it.

use std::path::Path;
use std::process::Command;

const FLAGS: [&str; 14] = [
    "-O2",
    "-std=c11",
    "-Wall",
    "-ffreestanding",
    "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables",
    "-nostdlib",
    "-nostartfiles",
    "-fPIE",
    "-static-pie",
    "-Wl,--entry=0",
    "-Wl,-z,separate-code",
    "-Wl,-z,noexecstack",
    "-Wl,--no-undefined",
];

/// Compiles a file of `modules/`.
pub(crate) fn compile(source: &str, output: &Path, defines: &[&str], includes: &[&Path]) {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("cc");
    command.args(FLAGS).args(defines.iter().map(|name| format!("-D{name}")));
    command.arg("-I").arg(package.join("../crates/oro-sysabi/include"));
    for folder in includes {
        command.arg("-I").arg(folder);
    }
    command.arg("-o").arg(output);
    let status = command.arg(package.join("modules").join(source)).status();
    assert!(status.is_ok_and(|status| status.success()), "cc could not compile {source}");
}
