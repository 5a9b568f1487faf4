//! Holds the pages of `docs/book` to what they say: makes the files that a page shows, runs its
//! commands, and compares what they print.
//!
//! A code block whose first line is ```` ```LANGUAGE PATH ```` is a file; ```` ```sh ```` is a
//! script for `sh -e`, with `oro` on the path; ```` ```text ```` right after it is its output. Other
//! blocks are only to be read. In files, `/path/to/oro` stands for this repository.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::workspace::{list_files, read, root, shorten, target_folder};

/// Runs every page; `oro_folder` is where the program `oro` is. Gives how many scripts ran.
pub(crate) fn check(oro_folder: &Path) -> Result<String, String> {
    let mut script_count = 0;
    for page in list_files(&root().join("docs/book"))? {
        let name = page.file_stem().unwrap_or_default();
        let folder = target_folder().join("book").join(name);
        for block in list_blocks(&read(&page)?) {
            let context = |error: String| format!("{}: {error}", shorten(&page));
            match block {
                Block::File { path, text } => {
                    write_file(&folder.join(path), &text).map_err(context)?;
                }
                Block::Script { text, output } => {
                    run_script(&folder, oro_folder, &text, &output).map_err(context)?;
                    script_count += 1;
                }
            }
        }
    }
    Ok(format!("{script_count} scripts of docs/book print what it says"))
}

/// What a page asks for.
#[derive(Debug, PartialEq, Eq)]
enum Block {
    File { path: String, text: String },
    Script { text: String, output: String },
}

fn list_blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let text: String = lines
            .by_ref()
            .take_while(|line| !line.starts_with("```"))
            .flat_map(|line| [line, "\n"])
            .collect();
        match (info.split_once(' '), info, blocks.last_mut()) {
            (Some((_, path)), ..) => blocks.push(Block::File { path: path.to_owned(), text }),
            (None, "sh", _) => blocks.push(Block::Script { text, output: String::new() }),
            (None, "text", Some(Block::Script { output, .. })) if output.is_empty() => {
                *output = text;
            }
            _ => {}
        }
    }
    blocks
}

fn write_file(path: &Path, text: &str) -> Result<(), String> {
    let text = text.replace("/path/to/oro", &root().display().to_string());
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(path, text))
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn run_script(folder: &Path, oro: &Path, text: &str, wanted: &str) -> Result<(), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(oro.to_owned()).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).map_err(|error| error.to_string())?;
    let mut command = Command::new("sh");
    command.args(["-e", "-c", text]).current_dir(folder).env("PATH", path);
    let output = command.output().map_err(|error| format!("cannot run sh: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && printed == wanted {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{}\n{text}printed\n{printed}instead of\n{wanted}and to standard error\n{errors}",
        output.status
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found() {
        let page = "a\n```c x/y.c\nint x;\n```\n```sh\ncat x/y.c\n```\nso:\n```text\nint x;\n```\n\
                    ```text\nmore\n```\n```c\nnothing\n```\n";
        let file = Block::File { path: "x/y.c".to_owned(), text: "int x;\n".to_owned() };
        let script =
            Block::Script { text: "cat x/y.c\n".to_owned(), output: "int x;\n".to_owned() };
        assert_eq!(list_blocks(page), [file, script]);
    }

    #[test]
    fn another_output_or_status_is_an_error() {
        let run = |text, wanted| run_script(root(), Path::new("/"), text, wanted);
        assert_eq!(run("echo 1", "1\n"), Ok(()));
        assert!(run("echo 1", "2\n").is_err());
        assert!(run("echo 1; false", "1\n").is_err());
    }
}
