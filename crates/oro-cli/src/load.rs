//! From a path to a plan and its images, with everything that is wrong on the way.
//!
//! Entry points: [`load_system`] and [`load_module`]. They go on after an error, so that one run
//! shows all of them (`SYS-1`). They do *not* start anything.

mod files;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oro_image::{Image, ImageError, Interface};
use oro_system::{
    Diagnostic, MAX_MANIFEST_BYTES, Manifest, ModuleEntry, ModuleSource, Plan, ResolveOptions,
};

use crate::args::FileArgument;
use crate::build::{build_module, show};
use crate::output::escape_controls;
use crate::problem::{Problem, Source};

/// Largest file that is read as a module: far beyond any, and below what would hurt.
const MAX_IMAGE_FILE_BYTES: usize = 256 << 20;

/// Where modules from `.c` files go, beside the manifest.
const OUTPUT_FOLDER: &str = "target/oro";

/// A system that can be started.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) plan: Plan,
    /// In the order of `plan.modules`.
    pub(crate) images: Vec<Image>,
    pub(crate) files: BTreeMap<String, PathBuf>,
}

/// What is to be done about files that wires name and the command line does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingFiles {
    /// They are errors: the system is to run.
    Refuse,
    /// They are left open: the system is only looked at.
    Allow,
}

/// Loads and checks a system; `None` if any of the problems is an error.
pub(crate) fn load_system(
    path: &Path,
    files: &[FileArgument],
    missing_files: MissingFiles,
) -> (Option<System>, Vec<Problem>) {
    let mut problems = Vec::new();
    let files = files::collect_files(files, &mut problems);
    let bytes = match read_manifest(path) {
        Ok(bytes) => bytes,
        Err(problem) => {
            problems.push(problem);
            return (None, problems);
        }
    };
    let source = Arc::new(Source::new(path, &bytes));
    let (manifest, mut diagnostics) = Manifest::parse(&bytes);
    let mut images = BTreeMap::new();
    let mut plan = None;
    let mut module_problems = Vec::new();
    if let Some(manifest) = manifest {
        images = load_modules(&manifest, path, &source, &mut module_problems);
        let interfaces: BTreeMap<String, Interface> =
            images.iter().map(|(name, image)| (name.clone(), image.interface.clone())).collect();
        let mut options = ResolveOptions { files: files.keys().cloned().collect() };
        let (mut resolved, mut more) = manifest.resolve(&interfaces, &options);
        if missing_files == MissingFiles::Allow {
            options.files.extend(find_missing_files(&more, &bytes));
            (resolved, more) = manifest.resolve(&interfaces, &options);
        }
        plan = resolved;
        diagnostics.extend(more);
    }
    problems.extend(diagnostics.into_iter().map(|item| Problem::from_diagnostic(item, &source)));
    problems.extend(module_problems);
    problems.sort_by_key(|problem| problem.labels.first().map_or(0, |(span, _)| span.start));
    if let Some(plan) = &plan {
        files::check_files(plan, &files, &mut problems);
    }
    if crate::problem::has_error(&problems) {
        return (None, problems);
    }
    let system = plan.and_then(|plan| assemble(plan, images, files));
    if system.is_none() {
        let message = "the manifest gives no system, though nothing is wrong with it";
        problems.push(Problem::error("ORO-BUG", message).with_help("this is a bug of oro itself"));
    }
    (system, problems)
}

/// The names of files that were reported as not given.
fn find_missing_files(diagnostics: &[Diagnostic], manifest: &[u8]) -> Vec<String> {
    let missing = diagnostics.iter().filter(|diagnostic| diagnostic.code == "SYS-FILE");
    missing
        .filter_map(|diagnostic| manifest.get(diagnostic.labels.first()?.span.clone()))
        .filter_map(|name| String::from_utf8(name.to_vec()).ok())
        .collect()
}

fn assemble(
    plan: Plan,
    mut images: BTreeMap<String, Image>,
    files: BTreeMap<String, PathBuf>,
) -> Option<System> {
    let images = plan.modules.iter().map(|name| images.remove(name)).collect::<Option<Vec<_>>>()?;
    Some(System { plan, images, files })
}

/// Builds and reads every module that can be, and reports the others.
fn load_modules(
    manifest: &Manifest,
    path: &Path,
    source: &Arc<Source>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Image> {
    let mut images = BTreeMap::new();
    for entry in manifest.modules() {
        match load_entry(entry, path) {
            Ok(image) => {
                images.insert(entry.name.clone(), image);
            }
            Err(problem) => {
                problems.push(problem.with_place(source, entry.span.clone(), "this module"));
            }
        }
    }
    images
}

fn load_entry(entry: &ModuleEntry, manifest: &Path) -> Result<Image, Problem> {
    match &entry.source {
        ModuleSource::Elf(text) => {
            let text = text.replace("{arch}", std::env::consts::ARCH);
            let path = beside(manifest, &text);
            read_image(&entry.name, &path, Origin::Manifest(&text)).map(|(image, _)| image)
        }
        ModuleSource::Source(text) => {
            let output_folder = beside(manifest, OUTPUT_FOLDER);
            let path = build_module(&entry.name, &beside(manifest, text), &output_folder)?;
            read_image(&entry.name, &path, Origin::Source).map(|(image, _)| image)
        }
    }
}

/// Whether a path is that of a manifest, by its name.
pub(crate) fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// Loads a module by itself: an ELF file, a `.c` file, or a folder with a `Cargo.toml`.
pub(crate) fn load_module(path: &Path) -> Result<Image, Problem> {
    load_module_file(path).map(|(image, _)| image)
}

/// The same, and the bytes that it was read from.
pub(crate) fn load_module_file(path: &Path) -> Result<(Image, Vec<u8>), Problem> {
    let name = path.file_stem().map_or_else(String::new, |stem| stem.display().to_string());
    if path.join("Cargo.toml").is_file() || (is_c_source(path) && path.is_file()) {
        let path = build_module(&name, path, &beside(path, OUTPUT_FOLDER))?;
        return read_image(&name, &path, Origin::Source);
    }
    read_image(&name, path, Origin::CommandLine)
}

fn is_c_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "c")
}

/// A path that is relative to the folder of another.
fn beside(path: &Path, relative: &str) -> PathBuf {
    path.parent().map_or_else(|| PathBuf::from(relative), |folder| folder.join(relative))
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

fn read_manifest(path: &Path) -> Result<Vec<u8>, Problem> {
    let help = "give the system's manifest, such as system.toml";
    let problem = |code, message: String| Problem::error(code, message).with_help(help);
    match read_bounded(path, MAX_MANIFEST_BYTES) {
        Ok(bytes) if bytes.starts_with(b"\x7fELF") => {
            let message = format!("{} is an ELF file, not a manifest", show(path));
            Err(problem("SYSTEM-IS-A-MODULE", message))
        }
        Ok(_) if is_c_source(path) => {
            let message = format!("{} is a module's source, not a manifest", show(path));
            Err(problem("SYSTEM-IS-A-MODULE", message))
        }
        Ok(bytes) => Ok(bytes),
        Err(ReadError::Missing) => {
            Err(problem("SYSTEM-MISSING-FILE", format!("there is no {}", show(path))))
        }
        Err(ReadError::IsFolder) => {
            let message = format!("{} is a folder, not a manifest", show(path));
            Err(problem("SYSTEM-IS-A-DIRECTORY", message))
        }
        Err(ReadError::Other(error)) => {
            let message = format!("{} cannot be read: {error}", show(path));
            Err(problem("SYSTEM-UNREADABLE", message))
        }
    }
}

/// Who names an image: so different is the help.
#[derive(Clone, Copy, Debug)]
enum Origin<'a> {
    /// The manifest, by this text.
    Manifest(&'a str),
    /// `oro` has built it.
    Source,
    CommandLine,
}

fn read_image(name: &str, path: &Path, origin: Origin<'_>) -> Result<(Image, Vec<u8>), Problem> {
    let bytes = read_bounded(path, MAX_IMAGE_FILE_BYTES).map_err(|error| match error {
        ReadError::Missing => {
            let message = format!("module `{name}`: there is no {}", show(path));
            Problem::error("MODULE-MISSING-FILE", message).with_help(
                "paths are relative to the manifest's folder; `{ source = \"...\" }` builds a module",
            )
        }
        ReadError::IsFolder => {
            let message = format!("module `{name}`: {} is a folder, not an ELF file", show(path));
            Problem::error("MODULE-IS-A-DIRECTORY", message).with_help(
                "a folder with a Cargo.toml is a source: `name = { source = \"folder\" }`",
            )
        }
        ReadError::Other(error) => {
            let message = format!("module `{name}`: {} cannot be read: {error}", show(path));
            Problem::error("MODULE-UNREADABLE", message)
                .with_help("a module is an ELF file that can be read")
        }
    })?;
    if bytes.len() > MAX_IMAGE_FILE_BYTES {
        let message = format!("module `{name}`: {} is larger than 256 MiB", show(path));
        return Err(Problem::error("MODULE-TOO-LARGE", message)
            .with_help("strip its debugging information, or check the path"));
    }
    let image = Image::parse(&bytes).map_err(|error| {
        let message = format!("module `{name}`: {}: {error}", show(path));
        let mut problem = Problem::error(error.code(), message);
        problem.help =
            advise_on_image(name, path, origin, &error).map(|help| escape_controls(&help));
        problem
    })?;
    if image.machine.name() != std::env::consts::ARCH {
        let message = format!(
            "module `{name}`: {} is for {}, this machine is {}",
            show(path),
            image.machine.name(),
            std::env::consts::ARCH
        );
        return Err(Problem::error("MODULE-WRONG-MACHINE", message).with_help(
            "build it for this machine; `{arch}` in a path stands for the machine's name",
        ));
    }
    Ok((image, bytes))
}

/// What would be right instead of an image that is refused.
fn advise_on_image(
    name: &str,
    path: &Path,
    origin: Origin<'_>,
    error: &ImageError,
) -> Option<String> {
    match origin {
        Origin::Manifest(text) if is_c_source(path) => {
            Some(format!("to build it from source write `{name} = {{ source = \"{text}\" }}`"))
        }
        Origin::Manifest(_) => {
            Some(format!("`oro check {}` looks at this module alone", path.display()))
        }
        // Nothing that is built here has an entry point other than those of its notes.
        Origin::Source if error.code() == "NOTE-ENTRY-OUTSIDE" => Some(
            "declare it: in C with ORO_MODULE, ORO_ENTRY and ORO_PORT (oro/oro.h), in Rust with \
             `module!` (the crate oro)"
                .to_owned(),
        ),
        Origin::Source | Origin::CommandLine => None,
    }
}

enum ReadError {
    Missing,
    IsFolder,
    Other(io::Error),
}

/// Reads a file, at most one byte more than `limit`, so that the caller can tell that it is larger.
fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, ReadError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ReadError::Missing,
        _ => ReadError::Other(error),
    })?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(ReadError::IsFolder);
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(ReadError::Other)?;
    Ok(bytes)
}
