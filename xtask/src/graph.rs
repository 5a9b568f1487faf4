//! `cargo xtask graph`: holds the crates to the dependencies that were agreed on.
//!
//! Dependencies run one way, and a crate takes from outside only what docs/decisions/0001 gives the
//! reasons for. What a crate may have is in [`ALLOWED`]; it may have less. Dependencies of
//! dependencies, and of packages outside the workspace, are not looked at.

use serde_json::Value;

use crate::workspace::cargo;

/// A crate of the workspace and what it may depend on.
struct Allowed {
    name: &'static str,
    normal: &'static [&'static str],
    /// For tests, examples and benches alone.
    dev: &'static [&'static str],
}

const ALLOWED: [Allowed; 11] = [
    // Nothing; `cfg(loom)` is set by one test only.
    Allowed { name: "oro-sysabi", normal: &["loom under cfg(loom)"], dev: &[] },
    // Nothing either: it runs in modules, supervisors and bare kernels alike.
    Allowed { name: "oro-queue", normal: &[], dev: &["loom under cfg(loom)"] },
    Allowed { name: "oro", normal: &["oro-sysabi", "oro-queue"], dev: &["oro-image"] },
    Allowed { name: "oro-image", normal: &["oro-sysabi", "elf"], dev: &["proptest"] },
    Allowed {
        name: "oro-system",
        normal: &["oro-sysabi", "oro-image", "toml"],
        dev: &["proptest"],
    },
    // No platform, no library but the ABI's numbers: what it decides, it decides from events alone.
    Allowed { name: "oro-kernel", normal: &["oro-sysabi"], dev: &["proptest"] },
    Allowed {
        name: "oro-kernel-linux",
        normal: &["oro-sysabi", "oro-image", "oro-system", "oro-kernel", "libc", "rustix"],
        dev: &[],
    },
    // Bodies of fuzz targets: of the others what they throw bytes at, and nothing from outside.
    Allowed {
        name: "oro-fuzz",
        normal: &[
            "oro-sysabi",
            "oro-queue",
            "oro-image",
            "oro-system",
            "oro-kernel",
            "oro-kernel-linux",
        ],
        dev: &[],
    },
    Allowed {
        name: "oro-cli",
        normal: &[
            "oro-image",
            "oro-system",
            "oro-kernel-linux",
            "clap",
            "miette",
            "rustix",
            "serde",
            "serde_json",
        ],
        dev: &["rustix"],
    },
    Allowed {
        name: "oro-benches",
        normal: &[],
        dev: &[
            "oro-image",
            "oro-system",
            "oro-kernel-linux",
            "libc",
            "crossbeam-channel",
            "ringbuf",
            "rtrb",
            "sha2",
        ],
    },
    Allowed { name: "xtask", normal: &["oro-sysabi", "cbindgen", "log", "serde_json"], dev: &[] },
];

/// Checks every crate; gives a summary, or every edge that must not be.
pub(crate) fn check() -> Result<String, String> {
    let mut command = cargo(&["metadata", "--locked", "--format-version", "1", "--no-deps"]);
    let output = command.output().map_err(|error| format!("cannot run cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let metadata = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let mistakes = list_mistakes(&metadata);
    if mistakes.is_empty() {
        Ok(format!("{} crates depend on nothing but what they may", ALLOWED.len()))
    } else {
        Err(mistakes.join("\n       "))
    }
}

/// The edges of `cargo metadata` that are not allowed.
fn list_mistakes(metadata: &Value) -> Vec<String> {
    let mut mistakes = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(allowed) = ALLOWED.iter().find(|allowed| allowed.name == name) else {
            mistakes
                .push(format!("{name}: say in xtask/src/graph.rs what this crate may depend on"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let edge = show_dependency(dependency);
            let is_dev = dependency["kind"] == "dev";
            let list = if is_dev { allowed.dev } else { allowed.normal };
            if !list.contains(&edge.as_str()) {
                let kind = if is_dev { "for its tests" } else { "" };
                mistakes.push(format!(
                    "{name} may not depend on {edge} {kind}: see xtask/src/graph.rs and docs/decisions/0001-dependencies.md"
                ));
            }
        }
    }
    mistakes
}

/// A dependency's name, with its condition if it has one.
fn show_dependency(dependency: &Value) -> String {
    let name = dependency["name"].as_str().unwrap_or_default();
    let build = if dependency["kind"] == "build" { " when it is built" } else { "" };
    match dependency["target"].as_str() {
        Some(target) => format!("{name} under {target}{build}"),
        None => format!("{name}{build}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check_edge(package: &str, dependency: Value) -> usize {
        let packages = json!([{ "name": package, "dependencies": [dependency] }]);
        list_mistakes(&json!({ "packages": packages })).len()
    }

    #[test]
    fn edges_that_are_not_in_the_table_are_mistakes() {
        assert_eq!(check_edge("oro-image", json!({ "name": "elf", "kind": null })), 0);
        assert_eq!(check_edge("oro-image", json!({ "name": "libc", "kind": null })), 1);
        assert_eq!(check_edge("oro-image", json!({ "name": "proptest", "kind": "dev" })), 0);
        assert_eq!(check_edge("oro-image", json!({ "name": "proptest", "kind": null })), 1);
        assert_eq!(check_edge("oro-image", json!({ "name": "elf", "kind": "build" })), 1);
        let loom = |target| json!({ "name": "loom", "kind": null, "target": target });
        assert_eq!(check_edge("oro-sysabi", loom(json!("cfg(loom)"))), 0);
        assert_eq!(check_edge("oro-sysabi", loom(json!(null))), 1);
        assert_eq!(check_edge("oro-new", json!({ "name": "elf", "kind": null })), 1);
    }
}
