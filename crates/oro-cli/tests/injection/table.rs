//! What the tracer is told of the program: its functions, and how its stack is read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// The program's functions by address, and the text that the tracer reads.
pub(crate) struct Table {
    functions: BTreeMap<u64, String>,
    pub(crate) text: String,
}

impl Table {
    /// Reads what the compiler has noted in the program, with the help of binutils.
    pub(crate) fn read(program: &str) -> Self {
        let mut functions = BTreeMap::new();
        for line in run("nm", &["-C", "--defined-only", program]).lines() {
            let Some((address, rest)) = line.split_once(' ') else { continue };
            let Some((kind, name)) = rest.split_once(' ') else { continue };
            if matches!(kind, "t" | "T" | "w" | "W")
                && let Ok(address) = u64::from_str_radix(address, 16)
            {
                functions.insert(address, name.to_owned());
            }
        }
        let mut text = String::new();
        for (address, name) in &functions {
            let _ = writeln!(text, "f {address:x} {}", u8::from(is_own(name)));
        }
        push_rows(&mut text, program);
        let library = find_library(program);
        let _ = writeln!(text, "l {library}");
        push_rows(&mut text, &library);
        Self { functions, text }
    }

    /// The function around an address, without what is the same in all of them.
    pub(crate) fn name(&self, address: u64) -> String {
        let name = self.functions.range(..=address).next_back().map_or("?", |(_, name)| name);
        let name = name.replace("oro_kernel_linux::", "").replace("supervisor::", "");
        // A hash that tells instances of generic functions apart.
        match name.rsplit_once("::h") {
            Some((front, hash)) if hash.len() == 16 => front.to_owned(),
            _ => name,
        }
    }
}

/// Whether a function is the project's.
fn is_own(name: &str) -> bool {
    name.trim_start_matches(['<', '&']).starts_with("oro")
}

/// The C library that the program is linked with.
fn find_library(program: &str) -> String {
    let text = run("ldd", &[program]);
    let line = text.lines().find(|line| line.contains("libc.so")).expect("a C library");
    let path = line.split_ascii_whitespace().find(|word| word.starts_with('/')).expect("its path");
    Path::new(path).canonicalize().unwrap().display().to_string()
}

/// The frames of a file's functions, from what `readelf` makes of its `.eh_frame`.
fn push_rows(text: &mut String, path: &str) {
    let mut rows = BTreeMap::new();
    let mut columns = Vec::new();
    let output = run("readelf", &["--debug-dump=frames-interp", path]);
    for line in output.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if words.first() == Some(&"LOC") {
            columns = words;
            continue;
        }
        // A function that changes nothing of its frame has no row.
        if let Some(range) = words.last().and_then(|word| word.strip_prefix("pc="))
            && let Some((start, _)) = range.split_once("..")
            && let Ok(start) = u64::from_str_radix(start, 16)
        {
            rows.insert(start, ('s', 8, 0));
        }
        let [address, frame, ..] = words[..] else { continue };
        let Ok(address) = u64::from_str_radix(address, 16) else { continue };
        let Some((register, size)) = frame.split_once('+') else { continue };
        let base = match register {
            "rsp" => 's',
            "rbp" => 'b',
            _ => continue,
        };
        let Ok(size) = size.parse::<u64>() else { continue };
        let saved = columns.iter().position(|column| *column == "rbp").and_then(|at| words.get(at));
        let saved = saved.and_then(|word| word.strip_prefix("c-")?.parse::<u64>().ok());
        rows.insert(address, (base, size, saved.unwrap_or(0)));
    }
    for (address, (base, size, saved)) in rows.range(1..) {
        let _ = writeln!(text, "r {address:x} {base} {size} {saved}");
    }
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    // `readelf` is not content with a file whose debugging information is elsewhere.
    assert!(!output.stdout.is_empty(), "{program} {arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
