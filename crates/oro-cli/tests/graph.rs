//! `oro graph`: drawings of a manifest and of a system that runs.

mod support;

use std::path::PathBuf;
use std::process::Command;

use support::place::Place;
use support::{End, Folder};

fn graph(arguments: &str) -> End {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_oro"));
    command.arg("graph").args(arguments.split_ascii_whitespace()).current_dir(root);
    let output = command.output().expect("oro is there");
    End {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Rings lie in each other, and a Port has a line with what is known of it before anything runs.
#[test]
fn a_manifest_is_drawn_with_its_rings() {
    let end = graph("examples/png/system.toml");
    end.ends(0);
    let text = &end.stdout;
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no `{part}`: {text}"));
    assert!(at("label=\"Ring root\"") < at("\"gallery\\ngallery\""));
    assert!(at("\"gallery\\ngallery\"") < at("label=\"Ring cell\""));
    assert!(at("label=\"Ring cell\"") < at("\"cell/decoder\\ndecoder\""));
    for label in
        ["images to images, 1 slot of 4096 B", "pixels to pixels, 1 slot of 4096 B", "archive, "]
    {
        assert!(text.contains(label), "{label}: {text}");
    }
    // Each of its four Ports, once.
    assert_eq!(text.matches(" -> ").count(), 4, "{text}");
}

/// The SVG has a box for each Ring and instance, an arrow for each Port, and is well-formed as far as it can be told
/// without a parser: every element is closed.
#[test]
fn a_manifest_is_drawn_without_graphviz() {
    let end = graph("examples/png/system.toml --format svg");
    end.ends(0);
    let text = &end.stdout;
    assert!(text.starts_with("<svg xmlns=") && text.ends_with("</svg>\n"), "{text}");
    for part in
        [">Ring root<", ">Ring cell<", ">cell/decoder<", ">console.stdin<", ">console.stdout<"]
    {
        assert_eq!(text.matches(part).count(), 1, "{part}: {text}");
    }
    assert_eq!(text.matches(" z\" fill=").count(), 4, "an arrow head for each Port: {text}");
    for line in text.lines().filter(|line| line.starts_with('<') && !line.starts_with("<svg")) {
        let is_closed = line.ends_with("/>") || line.ends_with("</text>") || line == "</svg>";
        assert!(is_closed, "{line}");
    }
    // The one that the book shows.
    assert_eq!(text, include_str!("../../../docs/book/images/png.svg"), "docs/book/images");
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}

/// A running system: states, modes, and what an operator has said.
#[test]
fn a_running_system_is_drawn_with_states_and_modes() {
    let place = Place::new("graph-live");
    let _running = place.start("run copy.toml");
    let end = place.oro("graph copy");
    end.ends(0);
    assert!(end.stdout.contains("\"copy\\ncopy, running\""), "{end:?}");
    assert!(end.stdout.contains("synchronous\", color="), "{end:?}");
    assert!(!end.stdout.contains("style=dashed"), "{end:?}");
    place.oro("force-sync copy.out").ends(0);
    let end = place.oro("graph");
    end.ends(0);
    assert!(
        end.stdout.contains("forced synchronous\", color=\"#1f5fae\", style=dashed"),
        "{end:?}"
    );
    assert_eq!(end.stdout.matches(" -> ").count(), 2, "{end:?}");
}

/// What cannot be drawn is told as by the other commands.
#[test]
fn what_cannot_be_drawn_is_named() {
    let folder = Folder::new("graph-bad");
    folder.write("bad.toml", "oro = 1\n[instance.a]\nmodule = \"none\"\n");
    let end = folder.oro_with("graph bad.toml", &[]);
    end.ends(2);
    assert!(end.stdout.is_empty() && end.stderr.contains("none"), "{end:?}");
    let place = Place::new("graph-none");
    let end = place.oro("graph nowhere");
    assert!(end.code != Some(0) && end.stderr.contains("nowhere"), "{end:?}");
}
