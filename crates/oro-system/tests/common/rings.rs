//! A manifest with Rings, and ways to change it.

use crate::common::check;
use crate::marks::split_marks;

/// A Ring with a remounted clock and server, and a Ring in it to which the server is granted on.
pub(crate) const RINGS: &str = r#"oro = 1
[modules]
server = "server.elf"
watch = "watch.elf"
source = "source.elf"
[instance.main]
module = "server"
[ring.sandbox]
grant = ["clock", "main"]
[ring.sandbox.instance.time]
module = "watch"
[ring.sandbox.ring.inner]
grant = ["main"]
[ring.sandbox.ring.inner.instance.x]
module = "source"
[[wire]]
from = "sandbox/clock.now"
to = "sandbox/time.time"
[[wire]]
from = "sandbox/time.lines"
to = "console.log"
[[wire]]
from = "sandbox/inner/x.out"
to = "sandbox/inner/main.request[2]"
"#;

/// [`RINGS`] with changes.
pub(crate) fn change(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(RINGS.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "`{from}` is not there");
        text.replacen(from, to, 1)
    })
}

/// A text with something before its first wire.
pub(crate) fn before_wires(text: &str, more: &str) -> String {
    text.replacen("[[wire]]", &format!("{more}[[wire]]"), 1)
}

pub(crate) fn add_module(text: &str, name: &str) -> String {
    text.replace("[modules]\n", &format!("[modules]\n{name} = \"{name}.elf\"\n"))
}

/// An instance, by the rest of its table's name.
pub(crate) fn instance(table: &str, module: &str) -> String {
    format!("[{table}]\nmodule = \"{module}\"\n")
}

/// A wire; `@@` before an end is before its quotes.
pub(crate) fn wire(from: &str, to: &str) -> String {
    let quote = |end: &str| match end.strip_prefix("@@") {
        Some(end) => format!("@@\"{end}\""),
        None => format!("\"{end}\""),
    };
    format!("[[wire]]\nfrom = {}\nto = {}\n", quote(from), quote(to))
}

/// What the findings say, without the marks.
pub(crate) fn messages(marked: &str) -> Vec<String> {
    let (_, found) = check(split_marks(marked).0.as_bytes());
    found.into_iter().map(|found| found.message).collect()
}
