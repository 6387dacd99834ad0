//! Ways to make a graph small enough to be read, the mildest first: twins, chains, levels.

use std::collections::HashMap;

use super::sketch::Sketch;

/// Tasks that are drawn one by one; above it, tasks that are alike are drawn as one.
pub(super) const MAX_TASKS: usize = 60;
/// Edges of a graph that can still be read.
pub(super) const MAX_EDGES: usize = 400;
/// Groups of a graph that can still be read.
pub(super) const MAX_GROUPS: usize = 150;

/// The smallest change that makes it readable; `None` when even levels are too many.
pub(super) fn readable(sketch: Sketch) -> Option<Sketch> {
    let sketch = in_order(sketch);
    if sketch.groups.len() <= MAX_TASKS && sketch.edges.len() <= MAX_EDGES {
        return Some(sketch);
    }
    let mut small = sketch;
    for step in [twins, chains, levels] {
        small = step(&small);
        if small.groups.len() <= MAX_GROUPS && small.edges.len() <= MAX_EDGES {
            return Some(small);
        }
    }
    None
}

/// Groups with the same needs, the same dependents and the same look.
fn twins(sketch: &Sketch) -> Sketch {
    let (needs, dependents) = (sketch.needs(), sketch.dependents());
    let mut seen = HashMap::new();
    let marks: Vec<usize> = (0..sketch.groups.len())
        .map(|at| {
            let key = (&needs[at], &dependents[at], sketch.groups[at].look());
            *seen.entry(key).or_insert(at)
        })
        .collect();
    in_order(sketch.merged(&marks))
}

/// Groups one after the other with nothing beside them.
fn chains(sketch: &Sketch) -> Sketch {
    let (needs, dependents) = (sketch.needs(), sketch.dependents());
    let mut marks: Vec<usize> = (0..sketch.groups.len()).collect();
    for at in 0..marks.len() {
        if let [need] = needs[at][..]
            && dependents[need as usize].len() == 1
        {
            marks[at] = marks[need as usize];
        }
    }
    in_order(sketch.merged(&marks))
}

/// Groups that are equally far from the beginning.
fn levels(sketch: &Sketch) -> Sketch {
    let mut first = HashMap::new();
    let depths = sketch.depths();
    let marks = depths.iter().enumerate();
    let marks: Vec<usize> = marks
        .map(|(at, depth)| *first.entry(*depth).or_insert(at))
        .collect();
    in_order(sketch.merged(&marks))
}

/// Groups after what they need. What is merged is so far apart at times that its first task no longer
/// says where it belongs.
fn in_order(sketch: Sketch) -> Sketch {
    let (needs, dependents) = (sketch.needs(), sketch.dependents());
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut ready: std::collections::BTreeSet<u32> = (0..)
        .zip(&open)
        .filter_map(|(at, needs)| (*needs == 0).then_some(at))
        .collect();
    let mut order = Vec::with_capacity(open.len());
    while let Some(at) = ready.pop_first() {
        order.push(at);
        for next in &dependents[at as usize] {
            open[*next as usize] -= 1;
            if open[*next as usize] == 0 {
                ready.insert(*next);
            }
        }
    }
    let mut place = vec![0_u32; order.len()];
    for (to, from) in (0..).zip(&order) {
        place[*from as usize] = to;
    }
    Sketch {
        groups: order
            .iter()
            .map(|at| sketch.groups[*at as usize].clone())
            .collect(),
        edges: sketch
            .edges
            .iter()
            .map(|(from, to)| (place[*from as usize], place[*to as usize]))
            .collect(),
    }
}
