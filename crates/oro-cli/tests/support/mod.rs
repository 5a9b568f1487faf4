//! What the tests of `oro` share: a folder for each test, the real binary, modules in C.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test whose folder or process fails has failed")]

pub(crate) mod had;
pub(crate) mod holder;
pub(crate) mod marks;
pub(crate) mod place;
pub(crate) mod processes;
pub(crate) mod running;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A filter of numbers: port `in`, port `out`, type `demo.num.v1`.
pub(crate) const FILTER_C: &str = r#"
#include <oro/oro.h>
#define NUM(FIELD, ARRAY, TAIL) FIELD(u64, value)
#define NUM_LAYOUT ORO_LAYOUT("demo.num.v1", NUM)
ORO_MESSAGE(num, NUM);
ORO_MODULE("filter");
ORO_ENTRY(0, filter, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, num, NUM_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, num, NUM_LAYOUT, "out", 0, 1);
void filter(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    for (;; oro_advance(&in), oro_advance(&out)) {
        uint64_t value = ORO_IN(struct num, &in)->value;
        ORO_OUT(struct num, &out)->value = 2 * value;
    }
}
"#;

/// Passes bytes on: port `in`, port `out`.
pub(crate) const COPY_C: &str = r#"
#include <oro/oro.h>
ORO_MODULE("copy");
ORO_ENTRY(0, copy, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "out", 0, 1);
static uint64_t buffer[512];
void copy(const struct oro_root *root) {
    struct oro_endpoint in = oro_open(root, 0), out = oro_open(root, 1);
    for (;; oro_advance(&in), oro_advance(&out)) {
        const volatile struct oro_bytes_head *from = ORO_IN(struct oro_bytes_head, &in);
        uint32_t length = oro_bytes_length(&in, from), flags = from->flags;
        oro_copy_from_slot(buffer, from + 1, length);
        volatile struct oro_bytes_head *to = ORO_OUT(struct oro_bytes_head, &out);
        to->length = length;
        to->flags = flags;
        oro_copy_to_slot(to + 1, buffer, length);
    }
}
"#;

/// The manifest of an example.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples")).join(name).join("system.toml")
}

/// `oro run MANIFEST`: no input, output to pipes.
pub(crate) fn oro_run(manifest: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oro"));
    command.arg("run").arg(manifest);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A folder of a test's own.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes an empty one; `name` is unique among all tests.
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// `oro` with arguments separated by blanks, in this folder.
    pub(crate) fn oro(&self, arguments: &str) -> End {
        self.oro_with(arguments, &[])
    }

    /// The same with environment variables.
    pub(crate) fn oro_with(&self, arguments: &str, variables: &[(&str, &str)]) -> End {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oro"));
        command.args(arguments.split_ascii_whitespace()).envs(variables.iter().copied());
        let output = command.current_dir(&self.0).stdin(Stdio::null()).output().unwrap();
        End {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Compiles [`FILTER_C`] to `filter.elf`, and gives its bytes.
    pub(crate) fn build_filter(&self) -> Vec<u8> {
        self.write("filter.c", FILTER_C);
        self.oro("check filter.c").ends(0);
        let bytes = fs::read(self.path("target/oro/filter.elf")).unwrap();
        self.write("filter.elf", &bytes);
        bytes
    }
}

/// How `oro` ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl End {
    #[track_caller]
    pub(crate) fn ends(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Every part is in standard error.
    #[track_caller]
    pub(crate) fn says(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is not in\n{}", self.stderr);
        }
        self
    }

    /// Every part is in standard output.
    #[track_caller]
    pub(crate) fn prints(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(self.stdout.contains(part), "`{part}` is not in\n{}", self.stdout);
        }
        self
    }

    /// Ended with 2, said these parts, and put nothing on standard output.
    #[track_caller]
    pub(crate) fn refuses(&self, parts: &[&str]) -> &Self {
        self.ends(2).says(parts);
        assert_eq!(self.stdout, "", "{self:#?}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}
