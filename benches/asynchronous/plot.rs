//! The results as a picture: bars, one panel for each question, as SVG.

use std::fmt::Write as _;

use crate::common::stats;
use crate::results::{Results, Series};
use crate::rows::{Group, Kind, Unit};

const WIDTH: f64 = 1000.0;
/// Where bars begin, and how long the longest may be; what is right of it is for the values.
const LEFT: f64 = 250.0;
const SPAN: f64 = 620.0;
const BAR: f64 = 17.0;
const STEP: f64 = 22.0;

const PANELS: [(&str, &[Group]); 4] = [
    (
        "Throughput one way, two CPUs: ns per message (log scale, less is better)",
        &[
            Group::Single { bytes: 8 },
            Group::Single { bytes: 64 },
            Group::Single { bytes: 1024 },
            Group::Batch { bytes: 8 },
            Group::Batch { bytes: 64 },
            Group::Batch { bytes: 1024 },
        ],
    ),
    ("Round trip, two CPUs: ns (log scale, less is better)", &[Group::RoundTrip]),
    (
        "Wake-up from idle, one way: ns (log scale, less is better)",
        &[Group::WakeAcross, Group::WakeSame],
    ),
    ("SHA-256: MB/s (more is better)", &[Group::Hash]),
];

/// What the colours mean.
const LEGEND: [(Kind, &str, &str); 5] = [
    (Kind::Oro, "Oro, sealed processes", "#d9480f"),
    (Kind::Thread, "within one process", "#3b6ea5"),
    (Kind::Process, "shared memory between processes", "#2f9e76"),
    (Kind::Kernel, "system calls between processes", "#8d6fb8"),
    (Kind::Floor, "the machine's floor", "#868e96"),
];

/// The whole picture.
pub(crate) fn draw(results: &Results, machine: &[String]) -> String {
    let mut body = String::new();
    let mut y = 40.0;
    text(&mut body, [30.0, y], "title", "Asynchronous Ports beside their peers");
    for line in machine.iter().take(2).chain([&format!("Date: {}", today())]) {
        y += 20.0;
        text(&mut body, [30.0, y], "note", line);
    }
    y += 30.0;
    draw_legend(&mut body, results, y);
    y += 20.0;
    for (title, groups) in PANELS {
        y = draw_panel(&mut body, results, title, groups, y);
    }
    y += 8.0;
    text(
        &mut body,
        [30.0, y],
        "note",
        "Bars are medians of the rounds, thin lines go from the smallest to the largest value.",
    );
    let height = y + 24.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\">\n<style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

const STYLE: &str = "text{font-family:'DejaVu Sans',Helvetica,Arial,sans-serif;fill:#212529}\
.title{font-size:22px;font-weight:bold}.panel{font-size:16px;font-weight:bold}\
.group,.value{paint-order:stroke;stroke:#ffffff;stroke-width:4px}\
.group{font-size:13px;font-weight:bold}.name{font-size:13px;text-anchor:end}\
.value{font-size:12px}.note{font-size:12px;fill:#495057}\
.tick{font-size:11px;fill:#495057;text-anchor:middle}";

fn draw_legend(body: &mut String, results: &Results, y: f64) {
    let mut x = 30.0;
    for (kind, label, colour) in LEGEND {
        if results.series.iter().any(|series| series.kind == kind) {
            rectangle(body, [x, y - 11.0, 13.0, 13.0], colour);
            text(body, [x + 18.0, y], "note", label);
            x += 36.0 + 6.9 * stats::to_float(label.len() as u64);
        }
    }
}

/// Draws a panel below `y`; where the next one begins.
fn draw_panel(body: &mut String, results: &Results, title: &str, groups: &[Group], y: f64) -> f64 {
    let measured = |group: &Group| {
        let series = results.list_group(*group).filter(|series| series.median().is_some());
        series.collect::<Vec<_>>()
    };
    let all: Vec<&Series> = groups.iter().flat_map(measured).collect();
    if all.is_empty() {
        return y;
    }
    let scale = Scale::fit(&all);
    text(body, [30.0, y + 26.0], "panel", title);
    let top = y + 42.0;
    let mut rows = String::new();
    let mut y = top;
    for group in groups {
        let series = measured(group);
        if series.is_empty() {
            continue;
        }
        if groups.len() > 1 {
            text(&mut rows, [LEFT + 4.0, y + 14.0], "group", &group.title());
            y += STEP;
        }
        for series in series {
            draw_bar(&mut rows, &scale, series, y);
            y += STEP;
        }
        y += 6.0;
    }
    scale.draw_axis(body, top, y);
    body.push_str(&rows);
    y + 36.0
}

fn draw_bar(body: &mut String, scale: &Scale, series: &Series, y: f64) {
    let Some(median) = series.median() else { return };
    let (low, high) = stats::range(&series.list_values());
    let colour = LEGEND.iter().find(|(kind, ..)| *kind == series.kind).map_or("#000", |it| it.2);
    let middle = y + BAR / 2.0;
    text(body, [LEFT - 8.0, middle + 4.5], "name", series.name);
    let end = scale.place(median);
    rectangle(body, [LEFT, y, (end - LEFT).max(1.0), BAR], colour);
    let [from, to] = [scale.place(low), scale.place(high)];
    line(body, [from, middle, to, middle], "#212529");
    for x in [from, to] {
        line(body, [x, middle - 3.0, x, middle + 3.0], "#212529");
    }
    let label = format!("{} {}", round(median), series.group.unit().symbol());
    text(body, [end.max(to) + 8.0, middle + 4.5], "value", &label);
}

/// Three digits, as many as anybody compares.
fn round(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

/// Places values on a panel's axis.
struct Scale {
    ticks: Vec<f64>,
    is_log: bool,
}

impl Scale {
    /// An axis that holds all values, with round numbers at its ends.
    fn fit(all: &[&Series]) -> Self {
        let values: Vec<f64> = all.iter().flat_map(|series| series.list_values()).collect();
        let (low, high) = stats::range(&values);
        let is_log = all[0].group.unit() == Unit::Nanoseconds;
        let mut ticks = Vec::new();
        if is_log {
            // 1, 2, 5, 10 and so on.
            let mut factors = [2.0, 2.5, 2.0].iter().cycle();
            let mut tick = 10_f64.powf((low * 0.8).log10().floor());
            while ticks.last().is_none_or(|last| *last < high) {
                ticks.push(tick);
                tick *= factors.next().expect("an endless sequence");
            }
            while ticks.get(1).is_some_and(|tick| *tick <= low * 0.8) {
                ticks.remove(0);
            }
        } else {
            let rough = high / 5.0;
            let power = 10_f64.powf(rough.log10().floor());
            let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough);
            let step = factor.unwrap_or(10.0) * power;
            ticks.push(0.0);
            while ticks.last().is_some_and(|last| *last < high) {
                ticks.push(step * stats::to_float(ticks.len() as u64));
            }
        }
        Self { ticks, is_log }
    }

    fn place(&self, value: f64) -> f64 {
        let (first, last) = (self.ticks[0], self.ticks[self.ticks.len() - 1]);
        let part = if self.is_log {
            (value / first).ln() / (last / first).ln()
        } else {
            (value - first) / (last - first)
        };
        LEFT + SPAN * part.clamp(0.0, 1.0)
    }

    fn draw_axis(&self, body: &mut String, top: f64, bottom: f64) {
        for tick in &self.ticks {
            let x = self.place(*tick);
            line(body, [x, top, x, bottom], "#dee2e6");
            text(body, [x, bottom + 14.0], "tick", &format!("{tick}"));
        }
        line(body, [LEFT, top, LEFT, bottom], "#868e96");
    }
}

fn text(body: &mut String, [x, y]: [f64; 2], class: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(body, "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{words}</text>")
        .expect("a text");
}

fn rectangle(body: &mut String, [x, y, width, height]: [f64; 4], colour: &str) {
    writeln!(
        body,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
         fill=\"{colour}\"/>"
    )
    .expect("a text");
}

fn line(body: &mut String, [x1, y1, x2, y2]: [f64; 4], colour: &str) {
    writeln!(
        body,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>"
    )
    .expect("a text");
}

/// The date, by the proleptic Gregorian calendar.
fn today() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let mut days = now.map_or(0, |time| time.as_secs() / 86_400);
    let mut year = 1970_u64;
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}
