//! What the codes of the command itself mean, of running systems and of starts: for `oro explain`.
//! Those of manifests are in `oro-system`, those of images in `oro-image`.

/// What a code means.
pub(crate) fn explain(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, text)| *text)
}

/// All of them.
pub(crate) fn list_codes() -> impl Iterator<Item = &'static str> {
    CODES.iter().map(|(code, _)| *code)
}

const CODES: &[(&str, &str)] = &[
    ("ATTACH-ENDED", "The system has ended while it was being looked at."),
    ("ATTACH-FORBIDDEN", "A system can be attached to by its own user and by root alone."),
    ("ATTACH-NONE-RUNS", "No system of this user's runs, so there is nothing to look at."),
    (
        "ATTACH-NO-SYSTEM",
        "The process that was given does not exist, or is no `oro run` that can be attached to: \
         another program, a process of a module, a run without a place for its socket \
         ($ORO_RUNTIME_DIR, else $XDG_RUNTIME_DIR/oro, /run/user/UID/oro or /tmp/oro-UID, which \
         must belong to its user alone).",
    ),
    ("ATTACH-NOT-FOUND", "Systems run, but none has the name that was given."),
    (
        "ATTACH-REFUSED",
        "The system refuses what it was asked for, and says why. What the manifest forces \
         (`mode = \"synchronous\"`) no operator can allow.",
    ),
    (
        "ATTACH-SEVERAL",
        "More than one running system fits: name one, best by the process id of its `oro run`.",
    ),
    ("ATTACH-SILENT", "The system's supervisor did not answer in 5 seconds: it may be stopped."),
    (
        "ATTACH-STRANGE",
        "What the system says or shows makes no sense: a bug of `oro`, or no `oro`.",
    ),
    ("ATTACH-VERSION", "The system was started by an `oro` that speaks another protocol."),
    (
        "DEADLOCK",
        "Every thread waited for another, so nothing could ever go on, and the system was ended \
         (KRN-5, KRN-10). The report says who waited where. Naive threads that read before they \
         write cannot stand in a cycle of wires; who waits at a gate has had no answer.",
    ),
    (
        "FILE-IS-A-DIRECTORY",
        "`--file` gives a folder where a wire reads or writes a file (BUILTIN-3).",
    ),
    (
        "FILE-MISSING",
        "A file of `--file` that a wire reads is not there, or the folder of one that it writes.",
    ),
    (
        "FILE-READ-AND-WRITTEN",
        "A file is both read and written by wires, and would be emptied before it is read. Write \
         to another file, and rename it afterwards.",
    ),
    ("FILE-TWICE", "`--file` gives a name twice. A name stands for one file."),
    ("FILE-UNREADABLE", "A file of `--file` that a wire reads cannot be opened."),
    ("FILE-UNUSED", "A warning. No wire of the manifest names this file of `--file`."),
    ("FILE-UNWRITABLE", "A file of `--file` that a wire writes cannot be opened for writing."),
    (
        "FILE-WRITTEN-TWICE",
        "Two names of `--file` are one file, and wires write to both: each would destroy what the \
         other wrote.",
    ),
    ("JSON-UNWRITABLE", "The file of `--json=PATH` cannot be created or replaced."),
    (
        "KILLED",
        "An instance did not end by itself: the time limit, a signal or Ctrl-C, a deadlock, or \
         somebody who killed its process, such as Linux when memory ran out.",
    ),
    (
        "MODULE-BUILD-FAILED",
        "The compiler failed, and what it said stands before the message; or what it made could \
         not be put into `target/oro` beside the source.",
    ),
    (
        "MODULE-IS-A-DIRECTORY",
        "A folder stands where an ELF file belongs, or a source folder has no Cargo.toml.",
    ),
    (
        "MODULE-MISSING-FILE",
        "A module's file or source is not there. Paths are relative to the manifest's folder \
         (SYS-2).",
    ),
    (
        "MODULE-NOT-ONE-BINARY",
        "A module's package builds no executable, or more than one: it has one src/main.rs.",
    ),
    ("MODULE-TOO-LARGE", "A module's file is larger than 256 MiB, which no image needs to be."),
    (
        "MODULE-UNKNOWN-SOURCE",
        "A source is a folder with a Cargo.toml, or a .c file (SYS-2). An ELF file that is built \
         already needs no `source`.",
    ),
    ("MODULE-UNREADABLE", "A module's file is there, but cannot be read."),
    (
        "MODULE-WRONG-MACHINE",
        "The module is a good image, for another machine than this. `{arch}` in a path stands for \
         the machine's name (SYS-2).",
    ),
    (
        "ORO-BUG",
        "`oro` itself is wrong here, not what it was given. Please report it, with the manifest.",
    ),
    (
        "PORT-UNKNOWN",
        "No Port of the running system has this number or such an end, or several have it: then \
         their numbers say which is meant.",
    ),
    ("RING-BAD-REQUEST", "A request of `oro ring` contradicts itself, or a value in it is none."),
    (
        "RING-BUSY",
        "The element of a port is wired already and its Port is not over (CTL-8), or the thread \
         that is to give an end away stays in its queue (END-14).",
    ),
    (
        "RING-DENIED",
        "The system has no module of that name, the Ring is not granted what a wire or a grant needs \
         (RING-6: `oro ring grant`), or it is what nobody may do, such as forget the root Ring.",
    ),
    (
        "RING-IMAGE",
        "The image that came along is none, or is for another machine; or the one that is to \
         replace another differs from it in its ports or entry points (CTL-9).",
    ),
    (
        "RING-NAME",
        "A name has 1 to 31 of a-z A-Z 0-9 _ - (NOTE-6), and in a Ring it is free: instances, \
         Rings and grants share their names (SYS-3).",
    ),
    (
        "RING-PORT",
        "The instance has no such port or parameter, or the port is used on the wrong side of a \
         wire or for what it is not there for.",
    ),
    (
        "RING-QUOTA",
        "There is no room: a Ring's or an instance's quota (RING-9), or a limit of the system, \
         would be exceeded. `oro ring describe` says what a Ring has, and may have.",
    ),
    (
        "RING-STATE",
        "The instance, the Ring or the system is not in a state in which this can be done: it \
         runs, has ended, or has not started; or the system was not started so that it can be \
         changed (`oro run --growable`, CTL-14).",
    ),
    ("RING-SYSTEM", "Linux has refused a call that the request needs. Nothing has changed."),
    (
        "RING-TYPE",
        "The two ends of a wire carry different types, or slots of another size (SYS-5).",
    ),
    (
        "RING-UNKNOWN",
        "The running system has no such Ring or instance: `oro inspect` shows what there is.",
    ),
    ("RING-UNSUPPORTED", "The kernel cannot do that."),
    (
        "RUN-SYSTEM",
        "Linux has refused a call that the kernel needs, while the system ran: all of it has been \
         ended (KRN-12). What it has written stays.",
    ),
    ("START-CPU", "The CPU of `--pin` does not exist, or this process may not use it."),
    ("START-FILE", "A file of `--file` could not be opened when the system was to start."),
    ("START-MACHINE", "A module is for another machine than the one that this kernel runs on."),
    (
        "START-QUOTA",
        "What an instance needs from the start is more than its memory quota (SYS-3): raise \
         `quota = { memory = ... }`.",
    ),
    (
        "START-SEAL",
        "A process could not be made one that makes no system call. `oro doctor` says what this \
         machine lacks.",
    ),
    (
        "START-SYSTEM",
        "Linux refuses a call that the kernel needs. `oro doctor` says what this machine lacks.",
    ),
    (
        "START-UNPLANNED",
        "A process is not as the plan wants it once it is sealed, so nothing of it was run.",
    ),
    (
        "START-WINDOWS",
        "The windows of a thread's Ports need more address space than there is room for (LIM-6): \
         fewer or smaller slots, or more threads.",
    ),
    (
        "STATUS",
        "An instance ended with another status than 0, as its code wanted (END-4). What the \
         status means its author knows.",
    ),
    ("SYSTEM-IS-A-DIRECTORY", "A folder was given where a manifest belongs: name the file in it."),
    (
        "SYSTEM-IS-A-MODULE",
        "An ELF file or a .c file was given, which `oro check` takes; `oro run` takes a manifest \
         that names it.",
    ),
    ("SYSTEM-MISSING-FILE", "The manifest is not there."),
    ("SYSTEM-UNREADABLE", "The manifest is there, but cannot be read."),
    (
        "TIMEOUT",
        "The time of `--timeout` was over, and what still ran was ended. The exit code is 124.",
    ),
    (
        "TOOL-MISSING",
        "A module is to be built from source, and there is no `cargo` or `cc` on the path.",
    ),
    ("TOOL-UNUSABLE", "`cargo` or `cc` is on the path, but cannot be run."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique() {
        let codes: std::collections::BTreeSet<&str> = list_codes().collect();
        assert_eq!(codes.len(), CODES.len());
    }
}
