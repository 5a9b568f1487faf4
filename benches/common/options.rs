//! The command line of a benchmark.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the command line asks for.
pub(crate) struct Options {
    /// `--quick`: few and short rounds.
    pub(crate) is_quick: bool,
    /// Options with a value.
    values: BTreeMap<String, String>,
}

impl Options {
    /// Reads `--quick` and options with a value, of the names given. `None`, with a word about it, if
    /// this is no run of `cargo bench`, which gives `--bench`.
    pub(crate) fn read(names: &[&str]) -> Option<Self> {
        let mut found = Self { is_quick: false, values: BTreeMap::new() };
        let mut is_bench = false;
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--bench" => is_bench = true,
                "--quick" => found.is_quick = true,
                name if names.contains(&name) => {
                    let value = words.next().unwrap_or_else(|| panic!("{name} needs a value"));
                    found.values.insert(word, value);
                }
                _ => panic!("`{word}`: the options are --quick, {}", names.join(", ")),
            }
        }
        if !is_bench {
            // `cargo test --all-targets` comes here.
            println!("the benchmark is run by `cargo bench`");
        }
        is_bench.then_some(found)
    }

    /// The value of an option that was given.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Writes a text to the path that an option gives, if it is given. Cargo runs a benchmark in its
    /// package's folder; the path of its user starts one further up.
    pub(crate) fn write_file(&self, name: &str, text: impl FnOnce() -> String) {
        if let Some(value) = self.value(name) {
            let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(value);
            std::fs::write(&path, text())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}
