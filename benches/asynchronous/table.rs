//! The results as text, Markdown and JSON.

use std::fmt::Write as _;

use crate::common::{put, stats};
use crate::goals;
use crate::results::{Results, Series};
use crate::rows::Group;

/// The whole table.
pub(crate) fn show(results: &Results, machine: &[String], footer: &str) -> String {
    let mut text = String::new();
    for line in machine {
        put(&mut text, line);
    }
    for group in Group::ALL {
        if results.list_group(group).next().is_some() {
            show_group(&mut text, results, group);
        }
    }
    put(&mut text, "\nGoals of Oro's asynchronous mode");
    for line in goals::judge(results) {
        put(&mut text, &line);
    }
    put(&mut text, &format!("\n{footer} {NOTES}"));
    text
}

fn show_group(text: &mut String, results: &Results, group: Group) {
    let symbol = group.unit().symbol();
    let headings = [format!("median {symbol}"), format!("min .. max {symbol}")];
    let mut head = format!("\n{:<42} {:>12} {:>22}", group.title(), headings[0], headings[1]);
    for base in group.bases() {
        write!(head, " {:>13}", format!("x {base}")).expect("a text");
    }
    put(text, &head);
    for series in results.list_group(group) {
        let Some(median) = series.median() else {
            put(text, &format!("  {:<40} {:>12}", series.name, "not measured"));
            continue;
        };
        let (low, high) = stats::range(&series.list_values());
        let span = format!("{low:.1} .. {high:.1}");
        let mut line = format!("  {:<40} {median:>12.1} {span:>22}", series.name);
        for base in group.bases() {
            let ratio = results.find(group, base).and_then(|base| series.ratio(base));
            let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
            write!(line, " {ratio:>13}").expect("a text");
        }
        put(text, &line);
    }
}

/// The same for programs: every row with its values, round by round.
pub(crate) fn to_json(results: &Results, machine: &[String]) -> String {
    let show = |series: &Series| {
        let (group, unit, name) = (series.group.title(), series.group.unit().symbol(), series.name);
        let values = series.values.iter().map(|value| match value {
            Some(value) => format!("{value:?}"),
            None => "null".to_owned(),
        });
        let values = values.collect::<Vec<_>>().join(", ");
        format!(
            "{{\"section\":{group:?},\"name\":{name:?},\"unit\":{unit:?},\"values\":[{values}]}}"
        )
    };
    let rows = results.series.iter().map(show).collect::<Vec<_>>().join(",\n");
    format!("{{\"schema\":\"oro.bench.v2\",\"machine\":{machine:?},\"rows\":[\n{rows}\n]}}\n")
}

const NOTES: &str = "Medians of the rounds; ratios are medians of the ratios within a round.
All queues have 1024 slots; every word of every message is written and read; the producer, the
client and the sender are on the first CPU. Oro runs between two sealed instances, its supervisor
where Linux puts it, for wake-ups on the sender's CPU; \"send and recv\" are the calls that sleep
after some spinning, the other row polls as the peers do, by try_send and try_recv, and writes and
reads batches in place by try_reserve and try_peek. rtrb, ringbuf and crossbeam-channel run between
two threads of one process, iceoryx2 between two processes that map each other's memory. One by one,
rtrb and ringbuf are given each message and give it back by value (push, pop), crossbeam-channel by
try_send and try_recv, iceoryx2 lends its memory; batches are written and read in place (rtrb by
write_chunk_uninit and read_chunk, ringbuf by push_iter and as_slices). Whoever waits spins. A wake-
up is from just before the send to just after the sleeper runs again; before it the sleeper was
asleep for some 200 us. MB/s are 10^6 bytes a second.";

/// A document of its own.
pub(crate) fn wrap_in_markdown(text: &str) -> String {
    format!(
        "# Asynchronous Ports\n\n\
         Written by `cargo bench --bench asynchronous -- --markdown docs/benchmarks/asynchronous.md`;\n\
         what it says about the goals is in [README.md](README.md).\n\n```text\n{text}```\n"
    )
}
