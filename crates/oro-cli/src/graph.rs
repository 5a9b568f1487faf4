//! `oro graph`: the Rings of a system, their instances, and the Ports between them, as a drawing. Of a manifest
//! before it runs, or of a system that runs, then with states and modes.

mod dot;
mod svg;

use oro_kernel_linux::{Attachment, RingPicture};
use oro_system::{BuiltIn, PlanEnd};

use crate::args::{GraphArguments, GraphFormat};
use crate::attach::judge_error;
use crate::check::name_end;
use crate::exit;
use crate::load::{MissingFiles, System, is_manifest, load_system};
use crate::look::see;
use crate::output::{count_things, stderr_style, write_data};
use crate::picture::Sight;
use crate::problem::{has_error, show_problems};
use crate::reason::name_mode;

/// What is drawn.
#[derive(Debug, Default, PartialEq, Eq)]
struct Graph {
    /// The root Ring first, each parent before its children.
    rings: Vec<Ring>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

#[derive(Debug, PartialEq, Eq)]
struct Ring {
    name: String,
    parent: Option<usize>,
}

/// An instance, or an end of the kernel's own.
#[derive(Debug, PartialEq, Eq)]
struct Node {
    /// Its path, or what a manifest calls a built-in's end.
    path: String,
    /// A second line.
    detail: String,
    ring: usize,
    is_built_in: bool,
}

/// A Port.
#[derive(Debug, PartialEq, Eq)]
struct Edge {
    from: usize,
    to: usize,
    /// Its ends' ports, its slots, and if it runs its mode.
    label: String,
    colour: &'static str,
    /// Somebody has said that it is to stay synchronous.
    is_forced: bool,
}

/// Of a Port that does not run.
const GREY: &str = "#666666";

/// Runs the command and gives the exit code.
pub(crate) fn draw(arguments: &GraphArguments) -> u8 {
    let graph = match &arguments.system {
        Some(text) if is_manifest(text.as_ref()) => {
            let (system, problems) = load_system(text.as_ref(), &[], MissingFiles::Allow);
            show_problems(&problems, stderr_style());
            match system.filter(|_| !has_error(&problems)) {
                Some(system) => Graph::of_system(&system),
                None => return exit::BAD_INPUT,
            }
        }
        system => {
            let sight = Attachment::find(system.as_deref()).and_then(|mut attachment| {
                attachment.look()?;
                see(&attachment, true)
            });
            match sight {
                Ok(sight) => Graph::of_sight(&sight),
                Err(error) => {
                    let (problem, code) = judge_error(&error);
                    show_problems(std::slice::from_ref(&problem), stderr_style());
                    return code;
                }
            }
        }
    };
    let text = match arguments.format {
        GraphFormat::Dot => dot::show(&graph),
        GraphFormat::Svg => svg::show(&graph),
    };
    write_data(&text, exit::OK)
}

impl Graph {
    /// A system that has not started.
    fn of_system(system: &System) -> Self {
        let plan = &system.plan;
        let mut graph = Self::default();
        graph.rings.push(Ring { name: "root".to_owned(), parent: None });
        for ring in &plan.rings {
            graph.rings.push(Ring { name: ring.name.clone(), parent: to_index(ring.parent) });
        }
        for (index, instance) in plan.instances.iter().enumerate() {
            let module = to_index(instance.module).and_then(|index| plan.modules.get(index));
            graph.nodes.push(Node {
                path: plan.path(index),
                detail: module.cloned().unwrap_or_default(),
                ring: to_index(instance.ring).unwrap_or(0),
                is_built_in: false,
            });
        }
        for port in &plan.ports {
            // What is only read when it starts is no flow between anybody.
            if matches!(port.producer, PlanEnd::BuiltIn(BuiltIn::Params(_))) {
                continue;
            }
            let [from, to] = [&port.producer, &port.consumer].map(|end| name_end(system, end));
            let slots = show_slots(port.slot_count, port.slot_size_bytes);
            graph.add_edge(&from, &to, &slots, (GREY, port.is_forced_synchronous));
        }
        graph
    }

    /// A system that runs.
    fn of_sight(sight: &Sight) -> Self {
        let mut graph = Self::default();
        graph.add_ring(&sight.picture.root, None, "");
        for (port, names) in sight.picture.ports.iter().zip(&sight.names) {
            // One whose names nobody knows any more.
            if names.from.is_empty() || names.to.is_empty() || names.from.starts_with("params") {
                continue;
            }
            let slots = show_slots(port.slot_count, port.slot_size_bytes);
            let mode = name_mode(port);
            let colour = match mode {
                _ if port.state != "open" => GREY,
                "synchronous" => "#1f5fae",
                _ => "#1a7f37",
            };
            let mode = if port.is_forced { format!("forced {mode}") } else { mode.to_owned() };
            let drawn = (colour, port.is_forced);
            // Whoever is forgotten is not one and the same everywhere.
            let name = |end: &str| match end.starts_with('(') {
                true => format!("{end} {}", port.index),
                false => end.to_owned(),
            };
            graph.add_edge(
                &name(&names.from),
                &name(&names.to),
                &format!("{slots}, {mode}"),
                drawn,
            );
        }
        graph
    }

    fn add_ring(&mut self, ring: &RingPicture, parent: Option<usize>, path: &str) {
        let index = self.rings.len();
        self.rings.push(Ring { name: ring.name.clone(), parent });
        // The kernel's own instances, and those that are remounted, have no module there.
        for instance in ring.instances.iter().filter(|instance| !instance.module.is_empty()) {
            self.nodes.push(Node {
                path: format!("{path}{}", instance.name),
                detail: format!("{}, {}", instance.module, instance.state),
                ring: index,
                is_built_in: false,
            });
        }
        for child in &ring.children {
            self.add_ring(child, Some(index), &format!("{path}{}/", child.name));
        }
    }

    /// `from` and `to`: its ends, as they are called; `more`: what else there is to say.
    fn add_edge(
        &mut self,
        from: &str,
        to: &str,
        more: &str,
        (colour, is_forced): (&'static str, bool),
    ) {
        let (from, from_port) = self.find_node(from);
        let (to, to_port) = self.find_node(to);
        let label = match (from_port, to_port) {
            (Some(from), Some(to)) => format!("{from} to {to}, {more}"),
            (Some(port), None) | (None, Some(port)) => format!("{port}, {more}"),
            (None, None) => more.to_owned(),
        };
        self.edges.push(Edge { from, to, label, colour, is_forced });
    }

    /// The node that an end belongs to, and its port there; a built-in's end is a node of its own.
    fn find_node<'a>(&mut self, end: &'a str) -> (usize, Option<&'a str>) {
        if let Some((path, port)) = end.rsplit_once('.') {
            let is_it = |node: &Node| !node.is_built_in && node.path == path;
            if let Some(index) = self.nodes.iter().position(is_it) {
                return (index, Some(port));
            }
        }
        let known = self.nodes.iter().position(|node| node.is_built_in && node.path == end);
        let index = known.unwrap_or_else(|| {
            let detail = "built in".to_owned();
            self.nodes.push(Node { path: end.to_owned(), detail, ring: 0, is_built_in: true });
            self.nodes.len() - 1
        });
        (index, None)
    }

    fn children(&self, ring: usize) -> impl Iterator<Item = usize> + '_ {
        let rings = self.rings.iter().enumerate();
        rings.filter(move |(_, own)| own.parent == Some(ring)).map(|(index, _)| index)
    }

    fn nodes_of(&self, ring: usize) -> impl Iterator<Item = usize> + '_ {
        let nodes = self.nodes.iter().enumerate();
        nodes.filter(move |(_, node)| node.ring == ring).map(|(index, _)| index)
    }
}

fn show_slots(count: u32, size_bytes: u32) -> String {
    format!("{} of {size_bytes} B", count_things(count, "slot"))
}

fn to_index(number: u32) -> Option<usize> {
    usize::try_from(number).ok()
}
