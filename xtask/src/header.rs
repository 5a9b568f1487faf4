//! `cargo xtask header [--check]`: writes `crates/oro-sysabi/include/oro/sysabi.h` from the crate's
//! source, or compares the committed file with what would be written.
//!
//! cbindgen turns structures and documentation into C. What it cannot do is done here: constants
//! get their computed values with a fixed width (a shift such as `1 << 39` would overflow in C),
//! links in comments get C names, and every size and offset is asserted at the end. Nothing here
//! decides a layout: that is the crate's own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use oro_sysabi::{CONSTANTS, ConstantEntry, ConstantValue, LAYOUT};

/// Source files that hold structures and constants, in the order in which they appear in C.
const SOURCES: [&str; 8] = [
    "limits.rs",
    "root.rs",
    "binding.rs",
    "ring.rs",
    "request.rs",
    "notes.rs",
    "types.rs",
    "control.rs",
];

const OPENING: &str = "\
/* The Oro ABI: every structure that a kernel and a module instance share in memory.
 *
 * Generated from the Rust crate oro-sysabi by `cargo xtask header`: change that, not this.
 * The clauses that the comments name (META-3) are in docs/spec/. Compiles as C11, C23, C++17 and
 * C++20 with gcc and clang. Helpers and the macros that declare a module are in oro.h.
 */";

const AFTER_INCLUDES: &str = "
#if !defined(__GNUC__)
#error \"oro/sysabi.h needs a compiler with GNU attributes: gcc or clang\"
#endif

/* Alignment of a structure. */
#define ORO_ALIGNED(bytes) __attribute__((aligned(bytes)))

/* A check when compiled, in C and in C++; takes a semicolon. */
#ifdef __cplusplus
#define ORO_STATIC_ASSERT(condition, message) static_assert(condition, message)
#else
#define ORO_STATIC_ASSERT(condition, message) _Static_assert(condition, message)
#endif

#ifdef __cplusplus
extern \"C\" {
#endif
";

const TRAILER: &str = "
#ifdef __cplusplus
} /* extern \"C\" */
#endif

#endif /* ORO_SYSABI_H */
";

/// Runs the task; `--check` changes nothing and fails if the file is not up to date.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let is_check = match arguments {
        [] => false,
        [only] if only == "--check" => true,
        _ => {
            eprintln!("usage: cargo xtask header [--check]");
            return ExitCode::from(2);
        }
    };
    crate::report(update(is_check))
}

/// Writes or checks the committed header; says what was done.
pub(crate) fn update(is_check: bool) -> Result<String, String> {
    let path = find_abi_crate().join("include/oro/sysabi.h");
    let header = generate()?;
    // A header that is not there is as out of date as one that differs.
    if std::fs::read_to_string(&path).is_ok_and(|committed| committed == header) {
        return Ok("sysabi.h is up to date".to_owned());
    }
    if is_check {
        return Err("include/oro/sysabi.h is not what the crate says: run `cargo xtask header` \
                    and commit it"
            .to_owned());
    }
    std::fs::write(&path, header).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok("sysabi.h written".to_owned())
}

/// Generates the header's text; any warning of cbindgen is an error.
fn generate() -> Result<String, String> {
    let names = map_names();
    let mut builder = cbindgen::Builder::new().with_config(configure(&names));
    for source in SOURCES {
        builder = builder.with_src(find_abi_crate().join("src").join(source));
    }
    let bindings = collect_warnings(|| builder.generate().map_err(|error| error.to_string()))?;
    let mut raw = Vec::new();
    bindings.write(&mut raw);
    let raw = String::from_utf8(raw).map_err(|error| error.to_string())?;
    let mut header = finish_constants(&translate_links(&raw, &names))?;
    header.push_str(&list_asserts());
    header.push_str(TRAILER);
    Ok(header)
}

/// Maps Rust names to C names: `EntryNote` to `oro_entry_note`, `MAX_SLOT_SIZE` to `ORO_MAX_SLOT_SIZE`.
fn map_names() -> BTreeMap<String, String> {
    let constants = CONSTANTS.iter().map(|entry| (entry.name, format!("ORO_{}", entry.name)));
    let structures = LAYOUT.iter().map(|entry| (entry.structure, name_structure(entry.structure)));
    constants.chain(structures).map(|(rust, c)| (rust.to_owned(), c)).collect()
}

/// Names a structure in C.
fn name_structure(rust_name: &str) -> String {
    let mut name = String::from("oro");
    for letter in rust_name.chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

fn configure(names: &BTreeMap<String, String>) -> cbindgen::Config {
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        style: cbindgen::Style::Tag,
        include_guard: None, // Opened by hand, since the trailer comes after cbindgen's end.
        header: Some(format!("{OPENING}\n#ifndef ORO_SYSABI_H\n#define ORO_SYSABI_H")),
        no_includes: true,
        sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
        after_includes: Some(AFTER_INCLUDES.to_owned()),
        documentation_style: cbindgen::DocumentationStyle::C99,
        line_length: 100,
        tab_width: 4,
        ..cbindgen::Config::default()
    };
    config.layout.aligned_n = Some("ORO_ALIGNED".to_owned());
    config.export.include = LAYOUT.iter().map(|entry| entry.structure.to_owned()).collect();
    config.export.rename = names.clone().into_iter().collect();
    config
}

/// Replaces `` [`Name`](path) `` and `` [`Name`] `` in comments by the C name, and bare `` `Name` ``
/// and `` `Name::field` `` too.
fn translate_links(text: &str, names: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        if line.trim_start().starts_with("//") {
            out.push_str(&translate_comment(line, names));
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// Translates one line of comment. Code spans are what stands between two backticks.
fn translate_comment(line: &str, names: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('`') {
        let Some((code, after)) = after.split_once('`') else { break };
        let is_link = before.ends_with('[') && after.starts_with(']');
        out.push_str(if is_link { &before[..before.len() - 1] } else { before });
        let (item, field) = code.split_once("::").unwrap_or((code, ""));
        match names.get(item) {
            Some(name) if field.is_empty() => write!(out, "`{name}`"),
            Some(name) => write!(out, "`{name}.{field}`"),
            None => write!(out, "`{code}`"),
        }
        .expect("a String takes everything");
        rest = after;
        if is_link {
            rest = &rest[1..];
            if rest.starts_with('(') {
                rest = rest.split_once(')').map_or(rest, |(_, end)| end);
            }
        }
    }
    out.push_str(rest);
    out.trim_end().to_owned()
}

/// Gives each `#define` its computed value; appends the texts, which cbindgen leaves out.
fn finish_constants(text: &str) -> Result<String, String> {
    let (texts, numbers): (Vec<&ConstantEntry>, Vec<&ConstantEntry>) =
        CONSTANTS.iter().partition(|entry| is_text(entry));
    let mut missing: BTreeMap<_, _> = numbers
        .iter()
        .map(|entry| (format!("ORO_{}", entry.name), format_value(&entry.value)))
        .collect();
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let name = line.strip_prefix("#define ").and_then(|rest| rest.split(' ').next());
        match name.and_then(|name| missing.remove_entry(name)) {
            Some((name, value)) => out.push_str(&format!("#define {name} {value}\n")),
            None => out.push_str(&format!("{line}\n")),
        }
    }
    if let Some(name) = missing.keys().next() {
        return Err(format!("cbindgen wrote no #define for {name}"));
    }
    for entry in texts {
        let comment = translate_links(&find_documentation(entry.name)?, &map_names());
        out.push_str(&format!(
            "\n{comment}#define ORO_{} {}\n",
            entry.name,
            format_value(&entry.value)
        ));
    }
    out.push('\n');
    Ok(out)
}

/// Tells the constants that cbindgen cannot write.
fn is_text(entry: &ConstantEntry) -> bool {
    matches!(entry.value, ConstantValue::Text(_) | ConstantValue::Bytes(_))
}

/// Finds the documentation of a constant in the source, as lines of comment in C.
fn find_documentation(name: &str) -> Result<String, String> {
    for file in SOURCES {
        let path = find_abi_crate().join("src").join(file);
        let source = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let Some((before, _)) = source.split_once(&format!("pub const {name}:")) else { continue };
        let mut lines: Vec<_> =
            before.lines().rev().map_while(|line| line.strip_prefix("///")).collect();
        lines.reverse();
        return Ok(lines.iter().map(|line| format!("//{line}\n")).collect());
    }
    Err(format!("no source file says `pub const {name}:`"))
}

/// Writes a value as C and C++ read it, with its width.
fn format_value(value: &ConstantValue) -> String {
    match value {
        ConstantValue::U32(value) if *value > 0xffff => format!("UINT32_C({value:#x})"),
        ConstantValue::U32(value) => format!("UINT32_C({value})"),
        ConstantValue::U64(value) => format!("UINT64_C({value:#x})"),
        ConstantValue::Text(text) => format!("\"{text}\""),
        // The literal's own zero stands for the last byte.
        ConstantValue::Bytes(bytes) => {
            format!("\"{}\"", bytes.strip_suffix(b"\0").unwrap_or(bytes).escape_ascii())
        }
    }
}

/// Asserts every size, alignment and offset.
fn list_asserts() -> String {
    let mut text = String::from(
        "/* Sizes, alignments and offsets, as Rust has them. */\n#ifdef __cplusplus\n\
         #define ORO_ALIGNOF(type) alignof(type)\n#else\n\
         #define ORO_ALIGNOF(type) _Alignof(type)\n#endif\n",
    );
    for entry in LAYOUT {
        let name = name_structure(entry.structure);
        let (size, align) = (entry.size_bytes, entry.align_bytes);
        let mut assert = |condition: String, what: &str| {
            text.push_str(&format!("ORO_STATIC_ASSERT({condition}, \"{name}{what}\");\n"));
        };
        assert(format!("sizeof(struct {name}) == {size}"), " size");
        assert(format!("ORO_ALIGNOF(struct {name}) == {align}"), " alignment");
        for field in entry.fields {
            let (field, offset) = (field.name, field.offset_bytes);
            assert(format!("offsetof(struct {name}, {field}) == {offset}"), &format!(".{field}"));
        }
    }
    text
}

/// Runs cbindgen with a logger that turns its warnings into an error.
fn collect_warnings<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // Fails if it is installed already, from an earlier call.
    let _ = log::set_logger(&WarningLog);
    log::set_max_level(log::LevelFilter::Warn);
    take_warnings();
    let result = run()?;
    let warnings = take_warnings();
    if warnings.is_empty() { Ok(result) } else { Err(format!("cbindgen: {}", warnings.join("; "))) }
}

static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn take_warnings() -> Vec<String> {
    std::mem::take(&mut *WARNINGS.lock().unwrap_or_else(PoisonError::into_inner))
}

struct WarningLog;

impl log::Log for WarningLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        let message = record.args().to_string();
        // Functions are Rust's own, which they say by not being `extern "C"`; `finish_constants`
        // takes care of texts.
        let is_expected = message.contains("(not `extern \"C\"`)")
            || CONSTANTS
                .iter()
                .any(|entry| is_text(entry) && message.contains(&format!("::{} - ", entry.name)));
        if self.enabled(record.metadata()) && !is_expected {
            WARNINGS.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        }
    }

    fn flush(&self) {}
}

fn find_abi_crate() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/oro-sysabi")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_header_is_what_the_crate_says() {
        assert_eq!(update(true).as_deref(), Ok("sysabi.h is up to date"));
    }

    #[test]
    fn comments_get_c_names() {
        let names = map_names();
        let translate = |line| translate_comment(line, &names);
        assert_eq!(
            translate("// [`End::mode`](crate::End::mode): at most [`MAX_SLOT_SIZE`]; `first`."),
            "// `oro_end.mode`: at most `ORO_MAX_SLOT_SIZE`; `first`."
        );
        assert_eq!(
            translate("// `EntryNote`, [a, b], `x` (`LIM-1`)"),
            "// `oro_entry_note`, [a, b], `x` (`LIM-1`)"
        );
        assert_eq!(translate("// one ` alone"), "// one ` alone");
    }

    #[test]
    fn values_keep_their_width() {
        assert_eq!(format_value(&ConstantValue::U64(1 << 39)), "UINT64_C(0x8000000000)");
        assert_eq!(format_value(&ConstantValue::U32(1)), "UINT32_C(1)");
        assert_eq!(format_value(&ConstantValue::Bytes(b"Oro\0")), "\"Oro\"");
    }

    #[test]
    fn a_warning_of_cbindgen_is_an_error() {
        let result = collect_warnings(|| {
            log::warn!("something was skipped");
            Ok(())
        });
        assert_eq!(result, Err("cbindgen: something was skipped".to_owned()));
    }
}
