//! The codes of diagnostics and what they mean, for `oro explain`.

/// What a diagnostic's code means; `None` if there is no such code.
///
/// ```
/// assert!(oro_system::explain("SYS-TYPE").is_some());
/// assert!(oro_system::explain("SYS-TYP").is_none());
/// ```
#[must_use]
pub fn explain(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, text)| *text)
}

/// All codes, sorted.
pub fn list_codes() -> impl Iterator<Item = &'static str> {
    CODES.iter().map(|(code, _)| *code)
}

const CODES: &[(&str, &str)] = &[
    (
        "SYS-BUILT-IN-PAIR",
        "A wire joins two built-in ends. The kernel does not copy on its own account: at least one \
         end of a wire is a port of a module's instance (SYS-5).",
    ),
    (
        "SYS-DEADLOCK",
        "A warning. All threads of a cycle of wires are naive and, as far as the order of their \
         declared ports tells, read from the cycle before they write to it: each waits for the \
         one before (SYS-8). Let one write first and declare that port first, or make it managed.",
    ),
    (
        "SYS-DIRECTION",
        "`from` names a port that consumes, or `to` one that produces. Messages go from a producer \
         to a consumer.",
    ),
    (
        "SYS-DUPLICATE",
        "A key or a table is given twice; TOML allows each once. Or a name stands for two of a \
         Ring's Rings, instances and grants (SYS-3).",
    ),
    (
        "SYS-ELEMENT",
        "An array of ports needs the element's number, `server.client[2]`, below the number of \
         elements; a plain port has none (SYS-4).",
    ),
    ("SYS-EMPTY", "No instance is declared, so nothing would run."),
    ("SYS-ENCODING", "A manifest is a text file in UTF-8; these bytes are no character."),
    (
        "SYS-ENDPOINT",
        "An end of a wire is written `instance.port`, or `instance.port[2]` for an element of an \
         array; in a Ring `ring/instance.port` (SYS-4).",
    ),
    (
        "SYS-FILE",
        "`files.NAME` stands for a file that the command line gives: `--file NAME=PATH` \
         (BUILTIN-3).",
    ),
    (
        "SYS-GRANT",
        "A Ring is granted what its parent has: instances of it, and what it has been granted \
         itself; the root has the built-in ones (RING-6). A remounted name in a path needs that \
         grant, and is wired to an instance of that Ring or of a Ring in it. A path to the \
         instance itself needs none (RING-8).",
    ),
    ("SYS-KIND", "A key has a value of another kind: a text, an integer, a boolean, a table."),
    ("SYS-LIMIT", "A number is over one of the limits of the ABI or of the manifest (LIM)."),
    ("SYS-MISSING", "A key that has no default is missing."),
    ("SYS-MISSING-PARAM", "A parameter without a default is not given (SYS-6)."),
    ("SYS-MODE", "A wire's mode is \"auto\", the default, or \"synchronous\" (SYS-4)."),
    (
        "SYS-NAME",
        "Names have 1 to 31 characters of a-z A-Z 0-9 _ - (NOTE-6), and those of instances and \
         Rings are not those of built-in instances (SYS-3).",
    ),
    (
        "SYS-NOT-YET",
        "The design has this, ABI 0.2 does not: platforms, devices, includes, and the built-in \
         instance `entropy`. The asynchronous mode is there, but no manifest asks for it: a Port of two managed threads earns it (SYS-4, MODE-1).",
    ),
    (
        "SYS-PARAM-PORT",
        "PARAM notes of the module name this port: the system wires it itself. Give the values as \
         `params` of the instance (SYS-5).",
    ),
    (
        "SYS-PARAM-VALUE",
        "A parameter's value is not of the kind that its note declares, is out of range, or is \
         longer than 248 bytes together with its name (SYS-6, TYPE-11).",
    ),
    (
        "SYS-PATH",
        "A module's path is a text, relative to the manifest. `{arch}` is its only placeholder, \
         and only ELF files have it (SYS-2).",
    ),
    (
        "SYS-QUOTA",
        "An instance's memory quota is less than what its heap, stacks, cells and the queues that it \
         pays for take, or 0 (SYS-3). A Ring's quota is less than what is in it has together, more \
         than that of a Ring around it, or 0 (RING-9).",
    ),
    (
        "SYS-RESTART",
        "`restart` says on which ends an instance is restarted, how often, and when; `on_restart` \
         says what becomes of the messages that wait for it (SYS-10).",
    ),
    (
        "SYS-RING-CONTROL",
        "An instance that is wired to `ring.requests` is wired to `ring.replies` as well, and the \
         other way round: every request is answered (CTL-1, CTL-2).",
    ),
    (
        "SYS-SELF-WIRE",
        "A wire joins a thread to itself. A Port joins two threads (SYS-5); within one thread a \
         variable does.",
    ),
    ("SYS-SIZE", "A size is a number of bytes or a text such as \"64K\", \"8M\", \"1G\" (SYS-7)."),
    (
        "SYS-SLOT-SIZE",
        "`slot_size` is for types with a flexible tail: more than the fixed part, at most 16M, a \
         multiple of the type's alignment; the default is 4096 (TYPE-4).",
    ),
    (
        "SYS-SLOTS",
        "A Port has a power of two of slots, from 1 to 1048576 (LIM-3); the default is 16.",
    ),
    ("SYS-SYNTAX", "The text is not TOML here."),
    ("SYS-TOO-LARGE", "A manifest has at most 1 MiB."),
    ("SYS-TOO-MANY", "There are more findings than are shown. Mend the first ones."),
    (
        "SYS-TYPE",
        "The two ends of a wire carry messages of different types: their layout texts, which are \
         both shown, must be equal (SYS-5, TYPE-3).",
    ),
    ("SYS-UNKNOWN-INSTANCE", "A wire names an instance that its Ring does not have."),
    ("SYS-UNKNOWN-KEY", "The manifest's format has no such key here."),
    (
        "SYS-UNKNOWN-MODULE",
        "An instance names a module, to run or to mount, that `[modules]` does not have.",
    ),
    ("SYS-UNKNOWN-PARAM", "The module declares no parameter of this name (SYS-6)."),
    ("SYS-UNKNOWN-PORT", "The instance's module declares no port of this name."),
    (
        "SYS-UNKNOWN-RING",
        "The path of an end names a Ring that is not there. Paths begin at the root: \
         `outer/inner/instance.port` (SYS-4).",
    ),
    (
        "SYS-UNUSED",
        "A warning. A module is named that no instance runs or may mount, nothing is in a Ring, or \
         an instance may mount modules and does not hold Ring control (CTL-5).",
    ),
    (
        "SYS-UNWIRED",
        "A port that its module does not declare optional has no wire (SYS-5). Of an array, one \
         element at least is wired.",
    ),
    ("SYS-VERSION", "The manifest's first key is its version: `oro = 1`."),
    (
        "SYS-WIRED-TWICE",
        "A port has one wire. `console.stdin` and `console.stdout` have one each; a file is \
         written by one wire, or read by any number (SYS-5, BUILTIN-3); an instance is wired to \
         each end of `ring` once (CTL-1).",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_unique() {
        assert!(list_codes().zip(list_codes().skip(1)).all(|(code, next)| code < next));
    }
}
