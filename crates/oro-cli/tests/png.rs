//! `examples/png`: images of strangers, in a Ring that has nothing but two Ports. Hostile ones crash
//! their decoder, which is restarted, and those that come after them are decoded as if nothing had been.

#![expect(clippy::unwrap_used, reason = "a test whose files or processes fail has failed")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use support::place::Place;
use support::{Folder, example, oro_run};

fn images() -> PathBuf {
    example("png").with_file_name("images")
}

/// An archive of these images of the example, one after the other.
fn pack(names: &[&str]) -> Vec<u8> {
    let output = Command::new("tar").arg("-C").arg(images()).arg("-c").args(names).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// What is to be said of these images, by `images/make.py`: its hashes are those of another decoder.
fn expect(names: &[&str]) -> String {
    let known = fs::read_to_string(images().join("expected.txt")).unwrap();
    let line_of = |name: &&str| {
        let start = format!("{name}: ");
        let line = known.lines().find(|line| line.starts_with(&start));
        format!("{}\n", line.unwrap_or_else(|| panic!("{name} is not expected")))
    };
    names.iter().map(line_of).collect()
}

/// Runs a manifest over an archive: exit code, standard output, standard error.
fn run(manifest: &Path, folder: &Folder, archive: &[u8]) -> (Option<i32>, String, String) {
    folder.write("images.tar", archive);
    let input = fs::File::open(folder.path("images.tar")).unwrap();
    let mut command = oro_run(manifest);
    let output = command.args(["--timeout", "60s"]).stdin(Stdio::from(input)).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// `END-7`, `END-12`: a line for each image, of whatever kind it is, and the replacements decode what
/// another decoder decodes.
#[test]
fn end_12_the_png_example_goes_on_after_every_hostile_image() {
    let known = fs::read_to_string(images().join("expected.txt")).unwrap();
    let names: Vec<&str> = known.lines().filter_map(|line| line.split(": ").next()).collect();
    let crashes = known.lines().filter(|line| line.ends_with(": the decoder crashed")).count();
    assert!(names.len() == 16 && crashes == 5, "{known}");
    let folder = Folder::new("png");
    let (code, stdout, stderr) = run(&example("png"), &folder, &pack(&names));
    assert_eq!((code, stdout.as_str()), (Some(0), known.as_str()), "{stderr}");
    assert!(stderr.contains("`cell/decoder` was restarted 5 times"), "{stderr}");
    // No crash at all: nothing is said.
    let good: Vec<&str> =
        names.iter().copied().filter(|name| expect(&[name]).contains("sha256")).collect();
    let (code, stdout, stderr) = run(&example("png"), &folder, &pack(&good));
    assert_eq!((code, stdout, stderr.as_str()), (Some(0), expect(&good), ""));
}

/// `RING-1`, `RING-2`, `RING-6`: the decoder's Ring has the decoder and no grant; the decoder has two
/// Ports, also as the one that has come after a crash.
#[test]
fn ring_2_the_png_decoder_has_nothing_but_two_ports() {
    let place = Place::new("png-ring");
    let mut command = place.prepare("run");
    command.arg(example("png")).args(["--timeout", "60s"]);
    let mut running = place.start_command(command);
    let before = place.system("inspect --json");
    let mut input = running.child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, &pack(&["04-no-rows.png"])).unwrap();
    let after = support::processes::wait_for("it is restarted", || {
        let system = place.system("inspect --json");
        (system["ring"]["rings"][0]["instances"][0]["restarts"] == 1).then_some(system)
    });
    for system in [before, after] {
        assert_eq!(system["ring"]["rings"].as_array().unwrap().len(), 1);
        let cell = &system["ring"]["rings"][0];
        assert_eq!((&cell["name"], &cell["rings"]), (&"cell".into(), &Value::Array(Vec::new())));
        let instances = cell["instances"].as_array().unwrap();
        let names: Vec<_> =
            instances.iter().map(|one| (&one["name"], &one["thread_count"])).collect();
        assert_eq!(names, [(&"decoder".into(), &1.into())]);
        let ports = system["ports"].as_array().unwrap().iter();
        let ends = ports.map(|port| [&port["from"]["name"], &port["to"]["name"]].map(as_text));
        let own: Vec<_> =
            ends.filter(|ends| ends.iter().any(|end| end.starts_with("cell/"))).collect();
        assert_eq!(
            own,
            [["gallery.images", "cell/decoder.images"], ["cell/decoder.pixels", "gallery.pixels"]]
        );
    }
    drop(input);
    let end = running.end();
    end.ends(0).prints(&["04-no-rows.png: the decoder crashed\n"]);
}

/// `END-7`: without `on_restart = "drop"` an image that the decoder has crashed on comes again, until
/// the restarts are at their end; so that line of the manifest is what lets it go on.
#[test]
fn end_7_an_image_that_is_kept_crashes_every_replacement() {
    let folder = Folder::new("png-kept");
    let keep = ("on_restart = \"drop\"", "on_restart = \"keep\"");
    write_changed(&folder, &[keep, ("max = 4294967295", "max = 6")]);
    let names = ["01-rgb.png", "10-no-palette.png", "03-interlaced.png"];
    let (code, stdout, stderr) = run(&folder.path("system.toml"), &folder, &pack(&names));
    let first = format!("{}{}", expect(&names[..1]), "10-no-palette.png: the decoder crashed\n");
    assert_eq!((code, stdout), (Some(1), first), "{stderr}");
    assert!(stderr.contains("`cell/decoder` was restarted 6 times"), "{stderr}");
    assert!(stderr.contains("decoder: the server has ended"), "{stderr}");
}

/// Without a heap, or with one that is too small, allocating panics, and the panic says how much was
/// wanted.
#[test]
fn end_8_a_decoder_without_a_heap_says_what_it_lacks() {
    let folder = Folder::new("png-heap");
    for (change, image, words) in [
        (("{ heap = \"4M\" }", "{}"), "01-rgb.png", "memory allocation of 3081 bytes failed"),
        (("\"4M\"", "\"16K\""), "06-huge.png", "memory allocation of 4800000000 bytes failed"),
    ] {
        write_changed(&folder, &[change]);
        let (code, stdout, stderr) = run(&folder.path("system.toml"), &folder, &pack(&[image]));
        assert_eq!(
            (code, stdout),
            (Some(0), format!("{image}: the decoder crashed\n")),
            "{stderr}"
        );
        assert!(stderr.contains("faulted: panicked") && stderr.contains(words), "{stderr}");
    }
}

/// The example's manifest with these texts replaced, as `system.toml`.
fn write_changed(folder: &Folder, changes: &[(&str, &str)]) {
    let mut text = fs::read_to_string(example("png")).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "`{from}` is not in\n{text}");
        text = text.replace(from, to);
    }
    let modules = example("png").with_file_name("modules");
    folder.write("system.toml", text.replace("\"modules/", &format!("\"{}/", modules.display())));
}

/// The gallery's own input is looked at, too.
#[test]
fn the_png_example_says_what_is_wrong_with_an_archive() {
    let folder = Folder::new("png-archive");
    let archive = pack(&["01-rgb.png"]);
    for (bytes, words) in [
        (&b"not an archive, and too short for one"[..], "the input is not a tar archive"),
        (&[b'x'; 1024], "the input is not a tar archive"),
        (&archive[..1024], "the input ends in the middle of a file"),
    ] {
        let (code, stdout, stderr) = run(&example("png"), &folder, bytes);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert!(stderr.contains(words), "{stderr}");
    }
}

fn as_text(value: &Value) -> &str {
    value.as_str().unwrap()
}
