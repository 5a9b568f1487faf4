//! A running system as people see it: `oro ports`, a table, and `oro inspect`, a tree.

use std::fmt::Write as _;

use oro_kernel_linux::{
    Counters, EndPicture, InstancePicture, Picture, PortNames, PortPicture, RingPicture,
};

use crate::output::{Style, count_things, escape_controls};
use crate::reason::{explain_mode, name_mode};

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// The Ports.
    Ports,
    /// Everything.
    Inspect,
}

/// A running system at one moment, with the names of its Ports.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    pub(crate) counters: Counters,
    pub(crate) picture: Picture,
    /// Of each Port of the picture, in its order.
    pub(crate) names: Vec<PortNames>,
    /// False: this is how it ended.
    pub(crate) is_running: bool,
}

/// Shows it.
pub(crate) fn show_sight(sight: &Sight, view: View, style: Style) -> String {
    let mut text = show_head(sight);
    match view {
        View::Ports => {
            show_table(&mut text, sight, style);
            show_ends(&mut text, sight);
        }
        View::Inspect => show_tree(&mut text, sight, style),
    }
    escape_controls(&text)
        // The only controls are those of `paint`.
        .replace("\\u{1b}[1m", "\u{1b}[1m")
        .replace("\\u{1b}[0m", "\u{1b}[0m")
}

fn show_head(sight: &Sight) -> String {
    let Counters { name, process_id, uptime, fault_count, wakeup_count } = &sight.counters;
    let verb = if sight.is_running { "has been running for" } else { "has ended after" };
    format!(
        "system `{name}` (process {process_id}) {verb} {}.{} s: {} served, {} of the kernel\n",
        uptime.as_secs(),
        uptime.subsec_millis() / 100,
        count_things(*fault_count, "fault"),
        count_things(*wakeup_count, "wake-up"),
    )
}

/// Makes a heading stand out where that can be done.
fn paint(style: Style, text: &str) -> String {
    match style {
        Style::Colour => format!("\u{1b}[1m{text}\u{1b}[0m"),
        Style::Lines | Style::Plain => text.to_owned(),
    }
}

const COLUMNS: [&str; 12] = [
    "#",
    "PORT",
    "TYPE",
    "FILL",
    "COMMITTED",
    "FAULTS",
    "UP",
    "DOWN",
    "REFUSED",
    "BELLS",
    "MODE",
    "WHY",
];
/// Those of numbers, which end at the same place.
const NUMBERS: [bool; 12] =
    [true, false, false, true, true, true, true, true, true, true, false, false];

fn show_table(text: &mut String, sight: &Sight, style: Style) {
    if sight.picture.ports.is_empty() {
        text.push_str("it has no Ports\n");
        return;
    }
    let rows: Vec<[String; 12]> = list_ports(sight).map(list_cells).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([COLUMNS[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; 12] = std::array::from_fn(width);
    let show_row = |cells: &[String; 12]| {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let width = widths[column];
            let _ = match NUMBERS[column] {
                true => write!(line, "{cell:>width$}  "),
                false => write!(line, "{cell:width$}  "),
            };
        }
        line.trim_end().to_owned()
    };
    let _ = writeln!(text, "{}", paint(style, &show_row(&COLUMNS.map(str::to_owned))));
    for row in &rows {
        let _ = writeln!(text, "{}", show_row(row));
    }
}

/// How the instances have ended that did not end well, once all have; the tree shows it by itself.
fn show_ends(text: &mut String, sight: &Sight) {
    if sight.is_running {
        return;
    }
    let is_bad = |instance: &&InstancePicture| {
        instance.id != 0 && (instance.state, instance.status) != ("ended", 0)
    };
    let mut bad = list_instances(&sight.picture.root).into_iter().filter(is_bad).peekable();
    if bad.peek().is_none() {
        text.push_str("all instances ended well\n");
    }
    for instance in bad {
        let end = match instance.state {
            "ended" | "faulted" => describe(instance),
            // The kernel was killed.
            _ => "how it ended is not known".to_owned(),
        };
        let _ = writeln!(text, "instance `{}`: {end}", instance.name);
    }
}

/// Every Port with its index and names.
fn list_ports(sight: &Sight) -> impl Iterator<Item = (usize, &PortPicture, PortNames)> {
    let ports = sight.picture.ports.iter().zip(&sight.names);
    ports.map(|(port, names)| (port.index, port, names.clone()))
}

fn list_cells((index, port, names): (usize, &PortPicture, PortNames)) -> [String; 12] {
    [
        index.to_string(),
        format!("{} -> {}", names.from, names.to),
        names.type_name.clone(),
        format!("{}/{}", port.waiting_count(), port.slot_count),
        port.producer.cursor.to_string(),
        (port.producer.fault_count.saturating_add(port.consumer.fault_count)).to_string(),
        port.upgrade_count.to_string(),
        port.downgrade_count.to_string(),
        port.refusal_count.to_string(),
        port.doorbell_count.to_string(),
        name_mode(port).to_owned(),
        explain_mode(port, &names),
    ]
}

fn show_tree(text: &mut String, sight: &Sight, style: Style) {
    let root = &sight.picture.root;
    let _ = writeln!(text, "{}", paint(style, &format!("Ring {}", root.name)));
    show_ring(text, sight, root, "", style);
}

/// What is in a Ring: its instances, then its child Rings. `margin` is what stands before each line.
fn show_ring(text: &mut String, sight: &Sight, ring: &RingPicture, margin: &str, style: Style) {
    let is_root = ring.id == sight.picture.root.id;
    let has_ports = |instance: &InstancePicture| ports_of(sight, instance).next().is_some();
    let instances: Vec<&InstancePicture> = ring
        .instances
        .iter()
        .filter(|instance| !is_root || instance.id != 0 || has_ports(instance))
        .collect();
    let count = instances.len() + ring.children.len();
    let lines = |index: usize| match index + 1 == count {
        true => ("`-", "  "),
        false => ("|-", "| "),
    };
    for (index, instance) in instances.iter().enumerate() {
        let (branch, trunk) = lines(index);
        let is_remounted = !is_root && instance.module.is_empty();
        let what = if is_remounted { "granted".to_owned() } else { describe(instance) };
        let _ = writeln!(text, "{margin}{branch} {}: {what}", paint(style, &instance.name));
        if !is_remounted {
            show_ports(text, sight, instance, &format!("{margin}{trunk} "));
        }
    }
    for (index, child) in ring.children.iter().enumerate() {
        let (branch, trunk) = lines(instances.len() + index);
        let name = paint(style, &format!("Ring {}", child.name));
        let _ = writeln!(text, "{margin}{branch} {name}");
        show_ring(text, sight, child, &format!("{margin}{trunk} "), style);
    }
}

/// The instances of a Ring and of those below it, remounted ones left out.
fn list_instances(ring: &RingPicture) -> Vec<&InstancePicture> {
    let own = ring.instances.iter().filter(|instance| !instance.module.is_empty());
    own.chain(ring.children.iter().flat_map(list_instances)).collect()
}

fn show_ports(text: &mut String, sight: &Sight, instance: &InstancePicture, margin: &str) {
    let ports: Vec<_> = ports_of(sight, instance).collect();
    for (index, port) in ports.iter().enumerate() {
        let is_last = index + 1 == ports.len();
        let (branch, more) = if is_last { ("`-", "  ") } else { ("|-", "| ") };
        let [head, lines @ ..] = &describe_port(port, instance.id == 0)[..] else { continue };
        let _ = writeln!(text, "{margin}{branch} {head}");
        for line in lines {
            let _ = writeln!(text, "{margin}{more}   {line}");
        }
    }
}

fn describe(instance: &InstancePicture) -> String {
    let mut text = match instance.id {
        0 => return "the kernel's own".to_owned(),
        _ => format!("module `{}`, {}", instance.module, instance.state),
    };
    let _ = match instance.state {
        "ended" => write!(text, " with status {}", instance.status),
        "faulted" => write!(text, " ({})", instance.reason),
        _ => write!(text, ", {}", count_things(instance.thread_count, "thread")),
    };
    if instance.restarts > 0 {
        let _ = write!(text, ", {}", count_things(instance.restarts, "restart"));
    }
    text
}

/// A Port as one of its ends has it.
struct PortAtEnd<'a> {
    index: usize,
    port: &'a PortPicture,
    names: PortNames,
    is_producer: bool,
}

/// The ends that an instance owns.
fn ports_of<'a>(
    sight: &'a Sight,
    instance: &'a InstancePicture,
) -> impl Iterator<Item = PortAtEnd<'a>> {
    list_ports(sight).flat_map(move |(index, port, names)| {
        let owns = |end: &EndPicture, name: &str| match instance.id {
            0 => {
                end.instance_id == 0
                    && name.split_once('.').is_some_and(|(owner, _)| owner == instance.name)
            }
            id => end.instance_id == id,
        };
        let ends = [(&port.producer, &names.from, true), (&port.consumer, &names.to, false)];
        let owned: Vec<PortAtEnd<'a>> = ends
            .into_iter()
            .filter(|(end, name, _)| owns(end, name))
            .map(|(_, _, is_producer)| PortAtEnd { index, port, names: names.clone(), is_producer })
            .collect();
        owned
    })
}

/// A heading and more lines; of an end of the kernel's own the heading alone, since the other end says
/// the rest.
fn describe_port(at: &PortAtEnd<'_>, is_brief: bool) -> Vec<String> {
    let PortAtEnd { index, port, names, is_producer } = at;
    let (own, arrow, other) = match is_producer {
        true => (&names.from, "->", &names.to),
        false => (&names.to, "<-", &names.from),
    };
    let head = format!("{own} {arrow} {other}  (Port {index}, {})", names.type_name);
    if is_brief {
        return vec![head];
    }
    let (end, peer, done) = match is_producer {
        true => (&port.producer, &port.consumer, "committed"),
        false => (&port.consumer, &port.producer, "released"),
    };
    let mode = if end.is_asynchronous { "asynchronous" } else { "synchronous" };
    let mixed = if name_mode(port) == "mixed" { ", its peer is not" } else { "" };
    vec![
        head,
        format!("{mode}{mixed}: {}", explain_mode(port, names)),
        format!(
            "{} of {} of {} filled; {} {done}",
            port.waiting_count(),
            count_things(port.slot_count, "slot"),
            count_things(port.slot_size_bytes, "byte"),
            count_things(end.cursor, "message"),
        ),
        format!(
            "{} here, {} at the peer; {}, {}, {}, {}",
            count_things(end.fault_count, "fault"),
            peer.fault_count,
            count_things(port.upgrade_count, "upgrade"),
            count_things(port.downgrade_count, "downgrade"),
            count_things(port.refusal_count, "refusal"),
            count_things(port.doorbell_count, "doorbell"),
        ),
    ]
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;

    /// Console to `a` to the console.
    pub(crate) fn example() -> Sight {
        let port = |from: &str, to: &str, [producer, consumer]: [u64; 2]| {
            let mut port = PortPicture {
                slot_count: 4,
                slot_size_bytes: 8,
                state: "open",
                type_id: 0xab,
                ..PortPicture::default()
            };
            (port.producer.instance_id, port.consumer.instance_id) = (producer, consumer);
            let (from, to, type_name) = (from.to_owned(), to.to_owned(), "demo.num.v1".to_owned());
            (port, PortNames { from, to, type_name, is_forced_by_manifest: false })
        };
        let id = 1 << 32;
        let (mut first, first_names) = port("console.stdin", "a.in", [0, id]);
        (first.producer.cursor, first.consumer.cursor, first.consumer.fault_count) = (3, 2, 1);
        let (mut second, second_names) = port("a.out", "console.stdout", [id, 0]);
        second.is_forced = true;
        for end in [&mut second.producer, &mut second.consumer] {
            end.reason = oro_kernel_linux::ModeReason::Forced;
        }
        let instance = |id, name: &str, module: &str| InstancePicture {
            id,
            name: name.to_owned(),
            module: module.to_owned(),
            state: "running",
            reason: "none",
            thread_count: 1,
            ..InstancePicture::default()
        };
        let instances =
            vec![instance(id, "a", "filter"), instance(0, "console", ""), instance(0, "null", "")];
        second.index = 1;
        let name = "root".to_owned();
        let root = RingPicture { id, name, instances, children: Vec::new() };
        Sight {
            counters: Counters {
                name: "sys".to_owned(),
                process_id: 17,
                uptime: Duration::from_millis(1250),
                fault_count: 1,
                wakeup_count: 2,
            },
            picture: Picture { root, ports: vec![first, second] },
            names: vec![first_names, second_names],
            is_running: true,
        }
    }

    #[test]
    fn ports_are_a_table() {
        let text = show_sight(&example(), View::Ports, Style::Plain);
        let expected = "\
system `sys` (process 17) has been running for 1.2 s: 1 fault served, 2 wake-ups of the kernel
#  PORT                     TYPE         FILL  COMMITTED  FAULTS  UP  DOWN  REFUSED  BELLS  MODE         WHY
0  console.stdin -> a.in    demo.num.v1   1/4          3       1   0     0        0      0  synchronous  no reason is given
1  a.out -> console.stdout  demo.num.v1   0/4          0       0   0     0        0      0  synchronous  forced by an operator
";
        assert_eq!(text, expected);
        let text = show_sight(&example(), View::Ports, Style::Colour);
        assert!(text.contains("\u{1b}[1m#  PORT") && text.contains("WHY\u{1b}[0m"), "{text}");
    }

    #[test]
    fn a_system_is_a_tree() {
        let text = show_sight(&example(), View::Inspect, Style::Plain);
        let expected = "\
system `sys` (process 17) has been running for 1.2 s: 1 fault served, 2 wake-ups of the kernel
Ring root
|- a: module `filter`, running, 1 thread
|  |- a.in <- console.stdin  (Port 0, demo.num.v1)
|  |    synchronous: no reason is given
|  |    1 of 4 slots of 8 bytes filled; 2 messages released
|  |    1 fault here, 0 at the peer; 0 upgrades, 0 downgrades, 0 refusals, 0 doorbells
|  `- a.out -> console.stdout  (Port 1, demo.num.v1)
|       synchronous: forced by an operator
|       0 of 4 slots of 8 bytes filled; 0 messages committed
|       0 faults here, 0 at the peer; 0 upgrades, 0 downgrades, 0 refusals, 0 doorbells
`- console: the kernel's own
   |- console.stdin -> a.in  (Port 0, demo.num.v1)
   `- console.stdout <- a.out  (Port 1, demo.num.v1)
";
        assert_eq!(text, expected);
    }

    /// The table says nothing of instances, so that a watch would end without saying how the system did.
    #[test]
    fn an_ended_system_says_who_did_not_end_well() {
        let mut sight = example();
        let last = |sight: &Sight| {
            let text = show_sight(sight, View::Ports, Style::Plain);
            text.lines().last().unwrap().to_owned()
        };
        assert!(last(&sight).starts_with("1  a.out"), "it runs");
        sight.is_running = false;
        assert_eq!(last(&sight), "instance `a`: how it ended is not known");
        sight.picture.root.instances[0].state = "ended";
        assert_eq!(last(&sight), "all instances ended well");
        sight.picture.root.instances[0].status = 7;
        assert_eq!(last(&sight), "instance `a`: module `filter`, ended with status 7");
        (sight.picture.root.instances[0].state, sight.picture.root.instances[0].reason) =
            ("faulted", "trap");
        assert_eq!(last(&sight), "instance `a`: module `filter`, faulted (trap)");
    }

    #[test]
    fn ends_of_instances_are_told() {
        let mut instance = example().picture.root.instances[0].clone();
        (instance.state, instance.status, instance.restarts) = ("ended", 7, 1);
        assert_eq!(describe(&instance), "module `filter`, ended with status 7, 1 restart");
        (instance.state, instance.reason, instance.restarts) = ("faulted", "trap", 0);
        assert_eq!(describe(&instance), "module `filter`, faulted (trap)");
    }
}
