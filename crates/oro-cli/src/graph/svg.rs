//! A [`Graph`] as an SVG, without help: a column for each instance, Rings as boxes around theirs, and a row for each
//! Port, so that nothing ever lies on anything else.

use std::fmt::Write as _;

use super::{Edge, Graph};

const NODE_HEIGHT: f64 = 44.0;
const ROW_HEIGHT: f64 = 36.0;
const GAP: f64 = 36.0;
const PADDING: f64 = 16.0;
const TITLE: f64 = 24.0;
/// Width of a letter of a node's font, about.
const LETTER: f64 = 7.8;
/// The same of a label's.
const SMALL_LETTER: f64 = 6.4;

/// From where to where something goes, from left to right.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Span {
    left: f64,
    right: f64,
}

/// Where everything is.
struct Layout {
    /// By Ring, and how deep it lies.
    rings: Vec<(Span, usize)>,
    nodes: Vec<Span>,
    /// Where the nodes are.
    top: f64,
    bottom: f64,
}

pub(super) fn show(graph: &Graph) -> String {
    let layout = Layout::new(graph);
    // A label may be longer than its arrow, at the edge.
    let labels = graph.edges.iter().map(|edge| {
        let (from, to) = (layout.nodes[edge.from].middle(), layout.nodes[edge.to].middle());
        f64::midpoint(from, to) + half_width(edge)
    });
    let width = labels.fold(layout.rings[0].0.right, f64::max) + PADDING;
    let height = layout.bottom + PADDING;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (ring, (span, depth)) in graph.rings.iter().zip(&layout.rings) {
        let (x, y) = (span.left, PADDING + count(*depth) * TITLE);
        let (width, height) = (span.right - x, layout.bottom - count(*depth) * 6.0 - y);
        let _ = writeln!(
            text,
            "<rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" rx=\"8\" fill=\"#000\" \
             fill-opacity=\"0.03\" stroke=\"#999\"/>\n<text x=\"{:.0}\" y=\"{:.0}\" fill=\"#555\">Ring {}</text>",
            x + 10.0,
            y + 17.0,
            escape(&ring.name)
        );
    }
    for (node, span) in graph.nodes.iter().zip(&layout.nodes) {
        let (radius, fill) = if node.is_built_in { (20, "#f4f0e6") } else { (3, "#ffffff") };
        let (x, middle, y) = (span.left, span.middle(), layout.top);
        let _ = writeln!(
            text,
            "<line x1=\"{middle:.0}\" y1=\"{y:.0}\" x2=\"{middle:.0}\" y2=\"{:.0}\" stroke=\"#bbb\"/>\n\
             <rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{:.0}\" height=\"{NODE_HEIGHT}\" rx=\"{radius}\" \
             fill=\"{fill}\" stroke=\"#333\"/>\n\
             <text x=\"{middle:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>\n\
             <text x=\"{middle:.0}\" y=\"{:.0}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#666\">{}</text>",
            layout.last_row(graph),
            span.right - x,
            y + 19.0,
            escape(&node.path),
            y + 35.0,
            escape(&node.detail)
        );
    }
    for index in 0..graph.edges.len() {
        show_edge(graph, &layout, index, &mut text);
    }
    text.push_str("</svg>\n");
    text
}

/// A Port: an arrow from its producer's column to its consumer's, in a row of its own.
fn show_edge(graph: &Graph, layout: &Layout, index: usize, text: &mut String) {
    let edge = &graph.edges[index];
    let y = layout.row(index);
    let (from, to) = (layout.nodes[edge.from].middle(), layout.nodes[edge.to].middle());
    let dashes = if edge.is_forced { " stroke-dasharray=\"6 4\"" } else { "" };
    let colour = edge.colour;
    // One to itself goes out a little, and comes back.
    let (path, tip) = if edge.from == edge.to {
        let (out, up) = (from + 24.0, y - 10.0);
        (format!("M{from:.0},{up:.0} L{out:.0},{up:.0} L{out:.0},{y:.0} L{to:.0},{y:.0}"), 8.0)
    } else {
        (format!("M{from:.0},{y:.0} L{to:.0},{y:.0}"), if to < from { 8.0 } else { -8.0 })
    };
    let (back, above, below) = (to + tip, y - 4.0, y + 4.0);
    let _ = writeln!(
        text,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"{dashes}/>\n\
         <path d=\"M{to:.0},{y:.0} L{back:.0},{above:.0} L{back:.0},{below:.0} z\" fill=\"{colour}\"/>\n\
         <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\" font-size=\"11\" fill=\"{colour}\">{}</text>",
        f64::midpoint(from, to).max(PADDING + half_width(edge)),
        y - 7.0,
        escape(&edge.label),
    );
}

impl Span {
    fn middle(self) -> f64 {
        f64::midpoint(self.left, self.right)
    }
}

impl Layout {
    fn new(graph: &Graph) -> Self {
        let mut layout = Self {
            rings: vec![(Span::default(), 0); graph.rings.len()],
            nodes: vec![Span::default(); graph.nodes.len()],
            top: 0.0,
            bottom: 0.0,
        };
        let ranks = rank(graph);
        layout.add_ring(graph, &ranks, 0, 0, PADDING);
        let depth = layout.rings.iter().map(|(_, depth)| *depth).max().unwrap_or(0);
        layout.top = PADDING + count(depth + 1) * TITLE + 6.0;
        layout.bottom = layout.last_row(graph) + PADDING + count(depth) * 6.0;
        layout
    }

    /// Gives a Ring's instances their columns, by the flow of their messages, then its children's; gives where
    /// it ends.
    fn add_ring(
        &mut self,
        graph: &Graph,
        ranks: &[usize],
        ring: usize,
        depth: usize,
        left: f64,
    ) -> f64 {
        let mut nodes: Vec<usize> = graph.nodes_of(ring).collect();
        nodes.sort_by_key(|index| (ranks[*index], *index));
        let mut x = left + PADDING;
        for index in nodes {
            let node = &graph.nodes[index];
            let letters = node.path.chars().count().max(node.detail.chars().count());
            let right = x + count(letters) * LETTER + 24.0;
            self.nodes[index] = Span { left: x, right };
            x = right + GAP;
        }
        for child in graph.children(ring) {
            x = self.add_ring(graph, ranks, child, depth + 1, x) + GAP;
        }
        let title = count(graph.rings[ring].name.chars().count() + 5) * LETTER + 20.0;
        let right = (x - GAP + PADDING).max(left + title);
        self.rings[ring] = (Span { left, right }, depth);
        right
    }

    /// Height of a Port's arrow.
    fn row(&self, index: usize) -> f64 {
        self.top + NODE_HEIGHT + count(index + 1) * ROW_HEIGHT
    }

    fn last_row(&self, graph: &Graph) -> f64 {
        self.row(graph.edges.len().saturating_sub(1)) + 10.0
    }
}

/// How many others each node's messages have passed, at most. In a circle somebody is first.
fn rank(graph: &Graph) -> Vec<usize> {
    let mut ranks = vec![0; graph.nodes.len()];
    for _ in 0..graph.nodes.len() {
        let mut has_changed = false;
        for edge in &graph.edges {
            let least = ranks[edge.from] + 1;
            if ranks[edge.to] < least && least < graph.nodes.len() {
                ranks[edge.to] = least;
                has_changed = true;
            }
        }
        if !has_changed {
            break;
        }
    }
    ranks
}

/// Half of what a Port's label takes.
fn half_width(edge: &Edge) -> f64 {
    count(edge.label.chars().count()) * SMALL_LETTER / 2.0
}

/// Small numbers: of letters and of lines.
fn count(number: usize) -> f64 {
    u32::try_from(number).unwrap_or(u32::MAX).into()
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            other if other.is_control() => escaped.push('?'),
            other => escaped.push(other),
        }
    }
    escaped
}
