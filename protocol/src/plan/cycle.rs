//! Names the cycles of a graph that has some.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;

use crate::diagnostic::{Diagnostic, Place, Problems};

use super::draft::DraftPlan;
use super::graph::{Graph, TaskIndex};

/// Cycles named; the rest goes away or comes up again once these are fixed.
const MAX_CYCLES: usize = 20;
/// Tasks shown of one cycle.
const MAX_SHOWN: usize = 12;

/// Adds one problem for each knot of tasks that wait for each other. `order` is the part of the
/// graph that is in order.
pub(super) fn cycles(
    draft: &DraftPlan,
    graph: &Graph,
    order: &[TaskIndex],
    problems: &mut Problems,
) {
    let mut in_order = vec![false; graph.len()];
    order.iter().for_each(|index| in_order[index.get()] = true);
    let mut rest = DiGraph::<TaskIndex, ()>::new();
    let nodes: Vec<_> = (0..graph.len())
        .map(|at| (!in_order[at]).then(|| rest.add_node(TaskIndex::new(at))))
        .collect();
    for (at, node) in nodes.iter().enumerate() {
        let Some(node) = node else { continue };
        for need in graph.needs(TaskIndex::new(at)) {
            if let Some(need) = nodes[need.get()] {
                rest.add_edge(*node, need, ());
            }
        }
    }
    // Kosaraju's is the iterative one: a long chain must not end our stack.
    let mut knots: Vec<Vec<TaskIndex>> = kosaraju_scc(&rest)
        .into_iter()
        .filter(|knot| knot.len() > 1)
        .map(|knot| knot.into_iter().map(|node| rest[node]).collect())
        .collect();
    let id = |index: &TaskIndex| draft.tasks[index.get()].id.as_str();
    for knot in &mut knots {
        knot.sort_unstable_by(|a, b| id(a).cmp(id(b)));
    }
    knots.sort_unstable_by(|a, b| id(&a[0]).cmp(id(&b[0])));
    for knot in knots.iter().take(MAX_CYCLES) {
        let path = shortest(graph, knot);
        problems.push(describe(draft, &path));
    }
}

/// A shortest way from the first task of a knot back to it, along needs.
fn shortest(graph: &Graph, knot: &[TaskIndex]) -> Vec<TaskIndex> {
    let start = knot[0];
    let inside: std::collections::HashSet<TaskIndex> = knot.iter().copied().collect();
    let mut came_from = std::collections::HashMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for need in graph.needs(at) {
            if *need == start {
                let mut path = vec![start];
                let mut step = at;
                while step != start {
                    path.push(step);
                    step = came_from[&step];
                }
                path[1..].reverse();
                return path;
            }
            if inside.contains(need) && !came_from.contains_key(need) {
                came_from.insert(*need, at);
                queue.push_back(*need);
            }
        }
    }
    vec![start]
}

fn describe(draft: &DraftPlan, path: &[TaskIndex]) -> Diagnostic {
    let id = |index: TaskIndex| draft.tasks[index.get()].id.as_str();
    let mut shown: Vec<String> = path
        .iter()
        .take(MAX_SHOWN)
        .map(|index| format!("`{}`", id(*index)))
        .collect();
    if path.len() > MAX_SHOWN {
        shown.push(format!("… {} more …", path.len() - MAX_SHOWN));
    }
    shown.push(format!("`{}`", id(path[0])));
    let next = path.get(1).copied().unwrap_or(path[0]);
    let first = &draft.tasks[path[0].get()];
    let item = first.needs.iter().position(|need| need == id(next));
    let place = Place::task(&first.id).field("needs");
    Diagnostic::error(
        "cycle",
        format!("tasks need each other in a circle: {}", shown.join(" → ")),
    )
    .in_place(item.map_or(place.clone(), |item| place.index(item)))
    .help("remove one of these needs")
}
