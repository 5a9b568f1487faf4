//! The seal, seen from outside: what a module's process has mapped and open while it runs, and that
//! the examples' modules hold no system call in the first place.

#![expect(clippy::unwrap_used, reason = "a test whose files or processes fail has failed")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use support::Folder;
use support::processes::{MapLine, Page, list_sealed, read_maps, read_status, wait_for};

/// Passes its input on, and has a second thread that waits for ever.
const PASS_C: &str = r#"
#include <oro/oro.h>
ORO_MODULE("pass");
ORO_ENTRY(0, pass, 0, 0);
ORO_ENTRY(1, idle, 0, 0);
ORO_PORT(0, 0, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "in", 0, 1);
ORO_PORT(1, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "out", 0, 1);
ORO_PORT(2, 0, ORO_DIRECTION_PRODUCER, oro_bytes_head, ORO_BYTES_LAYOUT, "never", 0, 1);
ORO_PORT(3, 1, ORO_DIRECTION_CONSUMER, oro_bytes_head, ORO_BYTES_LAYOUT, "rest", 0, 1);
static char buffer[4096];
void pass(const struct oro_root *root) {
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
void idle(const struct oro_root *root) {
    struct oro_endpoint rest = oro_open(root, 3);
    (void)ORO_IN(struct oro_bytes_head, &rest)->length;
}
"#;

const PASS_TOML: &str = "\
oro = 1
[modules]
pass = { source = \"pass.c\" }
[instance.a]
module = \"pass\"
quota = { heap = \"64K\" }
[instance.b]
module = \"pass\"
[[wire]]
from = \"console.stdin\"
to = \"a.in\"
[[wire]]
from = \"a.out\"
to = \"b.in\"
[[wire]]
from = \"b.out\"
to = \"console.stdout\"
[[wire]]
from = \"a.never\"
to = \"a.rest\"
[[wire]]
from = \"b.never\"
to = \"b.rest\"
";

/// A system whose threads all wait for standard input, which the caller holds open.
fn start_waiting(folder: &Folder) -> (Child, ChildStdin, Vec<u32>) {
    folder.write("pass.c", PASS_C);
    folder.write("pass.toml", PASS_TOML);
    let mut child = Command::new(env!("CARGO_BIN_EXE_oro"))
        .args(["run", "--report"])
        .arg(folder.path("pass.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"hello").unwrap();
    // What has gone through both instances is proof that their modules run.
    let mut hello = [0; 5];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut hello).unwrap();
    assert_eq!(&hello, b"hello");
    let sealed = list_sealed(child.id());
    assert_eq!(sealed.len(), 4, "one process for each thread");
    (child, stdin, sealed)
}

/// `KRN-7`, `KRN-8`, `PORT-9`, `META-1`: what a running module has mapped is only what was planned,
/// from objects made for it; and it has nothing open but the userfaultfd that keeps it stopped.
#[test]
fn krn_7_a_running_module_has_only_what_was_planned() {
    let folder = Folder::new("seal");
    let (child, stdin, sealed) = start_waiting(&folder);
    let maps: Vec<Vec<MapLine>> = sealed.iter().map(|id| read_maps(*id)).collect();
    for (process_id, lines) in sealed.iter().zip(&maps) {
        check_mappings(lines);
        for (key, value) in [("Seccomp", "2"), ("NoNewPrivs", "1"), ("Threads", "1")] {
            assert_eq!(read_status(*process_id, key).as_deref(), Some(value), "{key}");
        }
        let open: Vec<PathBuf> = fs::read_dir(format!("/proc/{process_id}/fd"))
            .unwrap()
            .map(|entry| fs::read_link(entry.unwrap().path()).unwrap())
            .collect();
        assert_eq!(open, [Path::new("anon_inode:[userfaultfd]")]);
    }
    check_sharing(&maps);
    drop(stdin);
    let end = child.wait_with_output().unwrap();
    assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
    wait_for("the processes have gone", || {
        sealed.iter().all(|id| !Path::new(&format!("/proc/{id}")).exists()).then_some(())
    });
}

/// `END-1`, `META-1`, `IMG-3`: which objects may be written, which executed, and where they lie.
fn check_mappings(lines: &[MapLine]) {
    assert!(lines.len() > 10, "{lines:#?}");
    for line in lines {
        let name = line.name.strip_suffix(" (deleted)").unwrap_or(&line.name);
        let wanted: &[&str] = match name {
            "/memfd:oro-code" => &["r-xs"],
            "/memfd:oro-image" => &["r-xs", "r--s"],
            // Of the system's memory some is for the module to write, some to read.
            "/memfd:oro-memory" => &["rw-s", "r--s"],
            "/memfd:oro-metadata" | "/memfd:oro-ring" => &["r--s"],
            // No stack, heap, vDSO, library, stub.
            _ => panic!("{line:x?} was never planned"),
        };
        assert!(wanted.contains(&line.rights.as_str()), "{line:x?}, expected {wanted:?}");
        assert!(line.end <= 512 << 30, "LIM-10: {line:x?}");
    }
    let kinds: BTreeSet<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(kinds.len(), 5, "{kinds:?}");
}

/// `PORT-9`, `PORT-4`, `ENTRY-7`: a page that somebody may write is mapped by the threads of one
/// instance alone: by both (data, heap, stacks), or by one (its cells and request page). One that holds
/// what the kernel says is read by one thread (Root), or by the two ends of a Port (cursors).
fn check_sharing(maps: &[Vec<MapLine>]) {
    let mut users: BTreeMap<Page, BTreeSet<usize>> = BTreeMap::new();
    let mut written: BTreeSet<Page> = BTreeSet::new();
    for (index, lines) in maps.iter().enumerate() {
        for line in lines {
            for page in line.pages() {
                if line.rights.contains('w') {
                    written.insert(page.clone());
                }
                users.entry(page).or_default().insert(index);
            }
        }
    }
    let mut shared = BTreeSet::new();
    for (page, threads) in users {
        let instances: BTreeSet<usize> = threads.iter().map(|thread| thread / 2).collect();
        let most = match page.0.trim_start_matches("/memfd:oro-").trim_end_matches(" (deleted)") {
            "code" | "ring" | "image" => 4,
            "metadata" => 2,
            _ => 1,
        };
        let count = if most == 1 { instances.len() } else { threads.len() };
        assert!(count <= most, "{page:x?} is mapped by threads {threads:?}");
        if threads.len() == 2 && written.contains(&page) {
            shared.insert(threads);
        }
    }
    assert_eq!(shared, [[0, 1], [2, 3]].map(BTreeSet::from).into());
}

/// `KRN-8`: the examples' modules need nothing of the kind: no instruction that enters the operating
/// system, no symbol from anywhere else.
#[test]
fn krn_8_modules_of_the_examples_have_no_system_call() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for (example, modules) in [
        ("double", &["target/oro/source.elf", "target/oro/double.elf", "target/oro/print.elf"][..]),
        ("threads", &["modules/threads/target/oro/x86_64-unknown-linux-gnu/release/threads"]),
        ("sha256", &["modules/sha256/target/oro/x86_64-unknown-linux-gnu/release/sha256"]),
        ("png", &["modules/decoder/target/oro/x86_64-unknown-linux-gnu/release/decoder"]),
    ] {
        let manifest = examples.join(example).join("system.toml");
        let check = Command::new(env!("CARGO_BIN_EXE_oro")).arg("check").arg(&manifest).output();
        let check = check.unwrap();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
        for module in modules {
            let module = examples.join(example).join(module);
            let code = run_tool("objdump", &["-d"], &module);
            assert!(code.lines().count() > 20, "{code}");
            assert_eq!(find_entries(&code), Vec::<&str>::new(), "{}", module.display());
            assert_eq!(run_tool("nm", &["-u"], &module), "", "{}", module.display());
        }
    }
}

/// The search finds what it looks for: the offenders have such instructions.
#[test]
fn the_search_for_system_calls_finds_them() {
    let hostile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/hostile");
    let folder = Folder::new("entries");
    for name in ["syscall", "int80", "sysenter"] {
        let source = fs::read_to_string(hostile.join(format!("{name}.c"))).unwrap();
        folder.write(&format!("{name}.c"), source);
        folder.write("hostile.h", fs::read(hostile.join("hostile.h")).unwrap());
        folder.oro(&format!("check {name}.c")).ends(0);
        let module = folder.path(&format!("target/oro/{name}.elf"));
        assert_eq!(find_entries(&run_tool("objdump", &["-d"], &module)).len(), 1, "{name}");
    }
}

/// Lines of a disassembly with an instruction that enters the operating system.
fn find_entries(code: &str) -> Vec<&str> {
    code.lines()
        .filter(|line| {
            let words = line.split_ascii_whitespace().collect::<Vec<_>>();
            words.windows(2).any(|pair| pair == ["int", "$0x80"])
                || words.iter().any(|word| ["syscall", "sysenter"].contains(word))
        })
        .collect()
}

fn run_tool(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(program).args(arguments).arg(file).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
