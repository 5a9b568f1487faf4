//! What `oro` finds when it is started must not change what it does: signals that its parent ignores,
//! files that are there already, limits on files, images and ports at odd places, large heaps, and
//! pages that Linux takes away.

#![expect(clippy::unwrap_used, reason = "a test whose files or processes fail has failed")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use support::processes::{list_sealed, wait_for};
use support::running::{make_fifo, make_pipe};
use support::{COPY_C, Folder};

/// Stores to where nothing is.
const TRAP_C: &str = r#"
#include <oro/oro.h>
ORO_MODULE("trap");
ORO_ENTRY(0, run, 0, 0);
static __attribute__((noinline)) void store_to_nothing(volatile uint64_t *word) { *word = 1; }
void run(const struct oro_root *root) {
    store_to_nothing((volatile uint64_t *)(uintptr_t)(root->heap_end + 64));
}
"#;

/// `BLAME-2`: a parent that ignores SIGCHLD hides no trap, and no compiler's end.
#[test]
fn blame_2_ignored_child_signals_hide_no_trap() {
    let folder = Folder::new("ignored-signals");
    folder.write_system("trap.toml", &[("trap", TRAP_C)], &[]);
    let launcher = "env --ignore-signal=CHLD";
    for (flag, signal) in [("", ""), ("--without-ptrace", "was ended by SIGSEGV")] {
        let end = folder.run(launcher, &format!("run trap.toml {flag} --json=record.json"));
        end.ends(1).says(&["instance `trap` faulted", signal]);
        let record = folder.record();
        let fault = &record["instances"][0]["fault"];
        assert_eq!((&fault["kind"], &fault["signal"]), (&"trap".into(), &11.into()), "{record}");
    }
    folder.run(launcher, "check trap.c").ends(0);
    folder.write("wrong.c", "int main(void) { return x; }");
    let end = folder.run(launcher, "check wrong.c");
    end.ends(2).says(&["x"]);
}

/// `BUILTIN-3`, `BLAME-3`: an output file is emptied when the system runs, and not when it does not.
#[test]
fn builtin_3_a_file_is_emptied_only_when_the_system_starts() {
    let folder = Folder::new("kept-file");
    let copies = [("one", COPY_C), ("two", COPY_C)];
    let wires = ["files.from -> one.in", "one.out -> files.first", "null.bytes -> two.in"];
    folder.write_system(
        "files.toml",
        &copies,
        &[&wires[..], &["two.out -> files.second"]].concat(),
    );
    make_fifo(&folder, "fifo");
    folder.write("empty", "");
    folder.write("kept", "what was there before");
    for arguments in [
        "--file from=empty --file first=kept --file second=fifo",
        "--file from=empty --file first=fifo --file second=kept",
        "--file from=missing --file first=kept --file second=other",
        "--file from=empty --file first=kept --file second=.",
    ] {
        folder.run("", &format!("run files.toml {arguments}")).ends(2);
        assert_eq!(fs::read_to_string(folder.path("kept")).unwrap(), "what was there before");
    }
    folder
        .run("", "run files.toml --file from=empty --file first=kept --file second=other")
        .ends(0);
    assert_eq!(fs::read_to_string(folder.path("kept")).unwrap(), "");
}

/// `NOTE-4`, `BIND-1`: indices may be as high as 256 times the number of entries allows.
#[test]
fn note_4_a_high_port_index_has_its_binding() {
    let folder = Folder::new("high-index");
    let mut source = "#include <oro/oro.h>\nORO_MODULE(\"high\");\n".to_owned();
    let count = 40;
    for index in 0..count {
        source.push_str(&format!("ORO_ENTRY_STATUS({index}, entry{index}, 0, 0);\n"));
    }
    let ports = [(0, 0), (10_000, 0), (count * 256 - 1, count - 1)];
    for (port, entry) in ports {
        source.push_str(&format!(
            "ORO_PORT({port}, {entry}, ORO_DIRECTION_CONSUMER, oro_time, ORO_TIME_LAYOUT, \
             \"port{port}\", ORO_NOTE_PORT_OPTIONAL, 1);\n"
        ));
    }
    source.push_str(
        "static uint32_t read_state(const struct oro_root *root, uint32_t port) {
            struct oro_endpoint end = oro_open(root, port);
            return oro_state(&end);
        }
        uint64_t entry0(const struct oro_root *root) {
            if (root->binding_count != 10240) return 1;
            if (read_state(root, 0) != ORO_STATE_WIRED) return 2;
            if (read_state(root, 10000) != ORO_STATE_UNWIRED) return 3;
            if (read_state(root, 10239) != ORO_STATE_FOREIGN) return 4;
            struct oro_endpoint clock = oro_open(root, 0);
            return ORO_IN(struct oro_time, &clock)->realtime_ns == 0 ? 5 : 0;
        }\n",
    );
    for index in 1..count {
        let [mine, other] =
            if index == count - 1 { ["UNWIRED", "FOREIGN"] } else { ["FOREIGN"; 2] };
        source.push_str(&format!(
            "uint64_t entry{index}(const struct oro_root *root) {{
                if (read_state(root, 10239) != ORO_STATE_{mine}) return 6;
                if (read_state(root, 10000) != ORO_STATE_{other}) return 7;
                return read_state(root, 0) != ORO_STATE_FOREIGN ? 8 : 0;
            }}\n"
        ));
    }
    folder.write_system("high.toml", &[("high", &source)], &["clock.now -> high.port0"]);
    let end = folder.run("", "run high.toml");
    assert_eq!(end.ends(0).stderr, "");
}

/// `IMG-4`, `BLAME-2`: the kernel places a static PIE where it likes, wherever its file says that it
/// is, and finds the symbols of what it has moved.
#[test]
fn img_4_an_image_linked_high_runs_and_has_symbols() {
    let folder = Folder::new("linked-high");
    folder.write("trap.c", TRAP_C);
    folder.write("copy.c", COPY_C);
    folder.oro("check trap.c").ends(0);
    for name in ["trap", "copy"] {
        link_high(&folder, name);
    }
    folder.write(
        "high.toml",
        "oro = 1\nmodules = { copy = \"copy.elf\", trap = \"trap.elf\" }\n\
         instance = { copy.module = \"copy\", trap.module = \"trap\" }\n\
         [[wire]]\nfrom = \"console.stdin\"\nto = \"copy.in\"\n\
         [[wire]]\nfrom = \"copy.out\"\nto = \"console.stdout\"\n",
    );
    folder.write("data", "from a high place");
    let mut command = folder.prepare("", "run high.toml --json=record.json");
    command.stdin(fs::File::open(folder.path("data")).unwrap());
    let end = folder.start(command).end();
    assert_eq!(end.ends(1).stdout, "from a high place");
    let record = folder.record();
    let (copy, trap) = (&record["instances"][0], &record["instances"][1]);
    assert_eq!(copy["status"], 0, "{record}");
    assert_eq!(trap["fault"]["kind"], "trap", "{record}");
    let symbol = trap["fault"]["symbol"].as_str().unwrap_or_default();
    assert!(symbol.starts_with("store_to_nothing"), "{record}");
}

/// Links a module as `oro` does, but at 40 GiB; linkers disagree about how to say that.
fn link_high(folder: &Folder, name: &str) {
    for option in ["-Wl,-Ttext-segment=0xa00000000", "-Wl,--image-base=0xa00000000"] {
        let mut command = Command::new("cc");
        command.args(["-O1", "-g", "-ffreestanding", "-fPIE", "-fno-stack-protector"]);
        command.args(["-static-pie", "-nostdlib", "-nostartfiles", "-Wl,--entry=0"]);
        command.args(["-Wl,-z,separate-code", "-Wl,-z,noexecstack", option]);
        command.arg("-I").arg(folder.path("target/oro/include"));
        command.arg("-o").arg(folder.path(&format!("{name}.elf")));
        command.arg(folder.path(&format!("{name}.c")));
        command.arg(folder.path("target/oro/include/oro/runtime.c"));
        if command.output().unwrap().status.success() {
            let path = folder.path(&format!("{name}.elf"));
            let mut image = fs::read(&path).unwrap();
            // The address of the first program header: the test must test what it says.
            let address = u64::from_le_bytes(image[64 + 16..64 + 24].try_into().unwrap());
            assert!(address >= 0xa_0000_0000, "linked at {address:#x}");
            // ET_DYN: GNU ld calls what does not lie at 0 ET_EXEC, though it has all that a PIE has.
            image[16] = 3;
            fs::write(&path, image).unwrap();
            return;
        }
    }
    panic!("no way to link {name}.c at 40 GiB");
}

/// `SYS-7`: a heap is as large as the manifest says, to the byte.
#[test]
fn sys_7_a_large_heap_is_whole() {
    let folder = Folder::new("large-heap");
    folder.write(
        "heap.c",
        r#"
#include <oro/oro.h>
ORO_MODULE("heap");
ORO_ENTRY_STATUS(0, run, 0, 0);
uint64_t run(const struct oro_root *root) {
    uint64_t size = root->heap_end - root->heap_start;
    volatile uint64_t *first = (volatile uint64_t *)(uintptr_t)root->heap_start;
    volatile uint64_t *last = (volatile uint64_t *)(uintptr_t)(root->heap_end - 8);
    *first = 1;
    *last = 2;
    return *first + *last == 3 ? size >> 20 : 0;
}
"#,
    );
    folder.write(
        "heap.toml",
        "oro = 1\nmodules.heap.source = \"heap.c\"\n[instance.heap]\nmodule = \"heap\"\n\
         quota = { heap = \"64G\" }\n",
    );
    let end = folder.run("", "run heap.toml --json=record.json");
    end.ends(1);
    assert_eq!(folder.record()["instances"][0]["status"], 64 << 10, "{end:#?}");
}

/// `BUILTIN-6`: a limit on the size of files is a failure of what writes them, not the end of `oro`.
#[test]
fn builtin_6_a_limit_on_files_is_told() {
    let folder = Folder::new("file-limit");
    folder.write_system(
        "copy.toml",
        &[("copy", COPY_C)],
        &["files.from -> copy.in", "copy.out -> console.stdout"],
    );
    // Of one MiB, since it counts for the memory of modules too.
    folder.write("from", vec![7; 3 << 20]);
    folder.run("", "check copy.toml --file from=from").ends(0);
    let launcher = "prlimit --fsize=1048576";
    let end = folder.run(launcher, "run copy.toml --file from=from");
    end.ends(1).says(&["error[BUILTIN-6]: console.stdout: cannot write: File too large"]);
    assert_eq!(end.stdout.len(), 1 << 20);
}

/// Takes the pages of all memfds of a process away, each time a line comes, as Linux does when memory
/// is short; says how many mappings that was done to.
const RECLAIM_C: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
int main(int count, char **words) {
    char line[4096], path[64];
    int pidfd = count > 1 ? (int)syscall(SYS_pidfd_open, atoi(words[1]), 0) : -1;
    if (pidfd < 0) return 1;
    snprintf(path, sizeof path, "/proc/%s/maps", words[1]);
    while (fgets(line, sizeof line, stdin) != NULL) {
        FILE *maps = fopen(path, "r");
        int taken = 0, error = 0;
        while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
            unsigned long start, end;
            if (strstr(line, "/memfd:") == NULL) continue;
            if (sscanf(line, "%lx-%lx", &start, &end) != 2) return 1;
            struct iovec range = {(void *)start, end - start};
            if (syscall(SYS_process_madvise, pidfd, &range, 1ul, MADV_PAGEOUT, 0) > 0) taken++;
            else error = errno;
        }
        if (maps != NULL) fclose(maps);
        if (taken == 0 && error == EPERM) printf("forbidden\n");
        else printf("%d\n", taken);
        fflush(stdout);
    }
    return 0;
}
"#;

/// `KRN-9`, `BUILTIN-2`: pages that Linux takes from a running module come back as they were, cells
/// included: no message is lost, repeated or changed.
#[test]
fn krn_9_pages_taken_away_come_back() {
    let folder = Folder::new("reclaim");
    folder.write("reclaim.c", RECLAIM_C);
    let mut compiler = Command::new("cc");
    compiler.args(["-O1", "-o"]).arg(folder.path("reclaim")).arg(folder.path("reclaim.c"));
    assert!(compiler.status().unwrap().success());
    folder.write_system(
        "copy.toml",
        &[("one", COPY_C), ("two", COPY_C)],
        &["console.stdin -> one.in", "one.out -> two.in", "two.out -> console.stdout"],
    );
    let (mut stdout, stdout_writer) = make_pipe();
    let mut command = folder.prepare("", "run copy.toml");
    command.stdin(Stdio::piped()).stdout(stdout_writer);
    let mut run = folder.start(command);
    wait_for("both are sealed", || (list_sealed(run.id()).len() == 2).then_some(()));
    let mut reclaimers: Vec<Reclaimer> =
        list_sealed(run.id()).into_iter().map(|id| Reclaimer::start(&folder, id)).collect();
    let mut stdin = run.child.stdin.take().unwrap();
    let mut taken = 0;
    for round in 0..300_u32 {
        let words = round * 1000..round * 1000 + 125 + round * 5;
        let chunk: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        stdin.write_all(&chunk).unwrap();
        for reclaimer in &mut reclaimers {
            match reclaimer.take() {
                Some(count) => taken += count,
                None => {
                    eprintln!("SKIPPED: this user may not take pages away (CAP_SYS_NICE)");
                    return;
                }
            }
        }
        let mut echo = vec![0; chunk.len()];
        stdout.read_exact(&mut echo).unwrap();
        assert!(echo == chunk, "round {round}");
    }
    assert!(taken > 300, "only {taken} mappings lost pages: nothing was shown");
    drop(stdin);
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty());
    assert_eq!(run.end().ends(0).stderr, "");
}

/// A process that takes pages from another.
struct Reclaimer {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Reclaimer {
    fn start(folder: &Folder, process_id: u32) -> Self {
        let mut command = Command::new(folder.path("reclaim"));
        command.arg(process_id.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { stdin: child.stdin.take(), stdout, child }
    }

    /// Once; from how many mappings. `None`: it may not.
    fn take(&mut self) -> Option<u64> {
        self.stdin.as_ref().unwrap().write_all(b"\n").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        if line == "forbidden\n" { None } else { Some(line.trim().parse().unwrap()) }
    }
}

impl Drop for Reclaimer {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.child.wait();
    }
}
