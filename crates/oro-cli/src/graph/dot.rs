//! A [`Graph`] in the language of Graphviz: `oro graph SYSTEM.toml | dot -Tsvg`.

use std::fmt::Write as _;

use super::Graph;

pub(super) fn show(graph: &Graph) -> String {
    let mut text = String::from(
        "digraph oro {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n",
    );
    text.push_str("  edge [fontname=\"sans-serif\", fontsize=10];\n");
    show_ring(graph, 0, 1, &mut text);
    for edge in &graph.edges {
        let style = if edge.is_forced { ", style=dashed" } else { "" };
        let (label, colour) = (quote(&edge.label), edge.colour);
        let _ = writeln!(
            text,
            "  n{} -> n{} [label={label}, color=\"{colour}\"{style}];",
            edge.from, edge.to
        );
    }
    text.push_str("}\n");
    text
}

fn show_ring(graph: &Graph, ring: usize, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let _ = writeln!(text, "{indent}subgraph cluster_{ring} {{");
    let _ =
        writeln!(text, "{indent}  label={};", quote(&format!("Ring {}", graph.rings[ring].name)));
    for index in graph.nodes_of(ring) {
        let node = &graph.nodes[index];
        let label = quote(&format!("{}\n{}", node.path, node.detail));
        let style = if node.is_built_in { ", style=rounded" } else { "" };
        let _ = writeln!(text, "{indent}  n{index} [label={label}{style}];");
    }
    for child in graph.children(ring) {
        show_ring(graph, child, depth + 1, text);
    }
    let _ = writeln!(text, "{indent}}}");
}

/// A string of the language. Names from a running system's tables can be anything.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            other if other.is_control() => quoted.push('?'),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
