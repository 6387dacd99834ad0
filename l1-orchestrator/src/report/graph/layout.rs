//! Where everything goes: layers from left to right, few crossings, straight ways.
//!
//! Long edges pass through a waypoint in every layer between, which takes its place as a node does.
//! Everything is decided by order and sums, so that the same picture gets the same places on every
//! machine.

use super::picture::Picture;

/// Between layers.
const GAP_X: f64 = 44.0;
/// Between the middles of neighbors in a layer.
const STEP_Y: f64 = 56.0;
/// The same where one of them is only passed.
const STEP_WAYPOINT: f64 = 28.0;
/// Rounds of ordering and of straightening; more change little.
const ROUNDS: usize = 8;
/// Waypoints of a layout; beyond, long edges are drawn without.
const MAX_WAYPOINTS: usize = 6_000;

/// A point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// Places of nodes, by their middles, and ways of edges.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layout {
    pub(super) middles: Vec<Point>,
    /// Points between the two ends, for each edge.
    pub(super) ways: Vec<Vec<Point>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Something that has a place in a layer.
struct Spot {
    layer: usize,
    width: f64,
    is_waypoint: bool,
    left: Vec<usize>,
    right: Vec<usize>,
    y: f64,
}

/// Lays a picture out; its edges lead from earlier nodes to later ones.
pub(super) fn layout(picture: &Picture, widths: &[f64]) -> Layout {
    let (mut spots, ways) = spots(picture, widths);
    let mut layers: Vec<Vec<usize>> = Vec::new();
    for (at, spot) in spots.iter().enumerate() {
        if layers.len() <= spot.layer {
            layers.resize(spot.layer + 1, Vec::new());
        }
        layers[spot.layer].push(at);
    }
    order(&spots, &mut layers);
    place(&mut spots, &layers);
    let top = spots.iter().map(|spot| spot.y).fold(f64::MAX, f64::min);
    let bottom = spots.iter().map(|spot| spot.y).fold(f64::MIN, f64::max);
    let mut x = 0.0;
    let mut xs = Vec::with_capacity(layers.len());
    for layer in &layers {
        let width = layer.iter().map(|at| spots[*at].width).fold(0.0, f64::max);
        xs.push(x + width / 2.0);
        x += width + GAP_X;
    }
    let point = |at: usize| Point {
        x: xs[spots[at].layer].round(),
        y: (spots[at].y - top + STEP_Y / 2.0).round(),
    };
    Layout {
        middles: (0..picture.nodes.len()).map(point).collect(),
        ways: ways
            .iter()
            .map(|way| way.iter().map(|at| point(*at)).collect())
            .collect(),
        width: (x - GAP_X).max(0.0).round(),
        height: (bottom - top + STEP_Y).max(0.0).round(),
    }
}

/// Nodes, then waypoints; and for each edge the waypoints it passes.
fn spots(picture: &Picture, widths: &[f64]) -> (Vec<Spot>, Vec<Vec<usize>>) {
    let mut layer = vec![0_usize; picture.nodes.len()];
    let mut by_end = picture.edges.clone();
    by_end.sort_unstable_by_key(|(from, to)| (*to, *from));
    for (from, to) in &by_end {
        layer[*to as usize] = layer[*to as usize].max(layer[*from as usize] + 1);
    }
    let spot = |layer, width, is_waypoint| Spot {
        layer,
        width,
        is_waypoint,
        left: Vec::new(),
        right: Vec::new(),
        y: 0.0,
    };
    let mut spots: Vec<Spot> = layer
        .iter()
        .zip(widths)
        .map(|(layer, width)| spot(*layer, *width, false))
        .collect();
    let mut ways = Vec::with_capacity(picture.edges.len());
    let mut waypoints = 0;
    for (from, to) in &picture.edges {
        let (from, to) = (*from as usize, *to as usize);
        let between = layer[to] - layer[from] - 1;
        let mut way = Vec::new();
        let mut last = from;
        if waypoints + between <= MAX_WAYPOINTS {
            waypoints += between;
            for passed in layer[from] + 1..layer[to] {
                let at = spots.len();
                spots.push(spot(passed, 0.0, true));
                spots[last].right.push(at);
                spots[at].left.push(last);
                way.push(at);
                last = at;
            }
            spots[last].right.push(to);
            spots[to].left.push(last);
        }
        ways.push(way);
    }
    (spots, ways)
}

/// Orders each layer by the mean place of what it is connected to, back and forth.
fn order(spots: &[Spot], layers: &mut [Vec<usize>]) {
    let mut place = vec![0_usize; spots.len()];
    let note = |layer: &[usize], place: &mut Vec<usize>| {
        for (n, at) in layer.iter().enumerate() {
            place[*at] = n;
        }
    };
    layers.iter().for_each(|layer| note(layer, &mut place));
    let mut best = (crossings(spots, layers, &place), layers.to_vec());
    for round in 0..ROUNDS {
        let forth = round % 2 == 0;
        for n in 0..layers.len() {
            let n = if forth { n } else { layers.len() - 1 - n };
            let layer = &mut layers[n];
            let mean = |at: usize| {
                let near = if forth {
                    &spots[at].left
                } else {
                    &spots[at].right
                };
                let sum: usize = near.iter().map(|at| place[*at]).sum();
                match near.len() {
                    0 => place[at] as f64,
                    count => sum as f64 / count as f64,
                }
            };
            let mut keyed: Vec<(f64, usize)> = layer.iter().map(|at| (mean(*at), *at)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            *layer = keyed.into_iter().map(|(_, at)| at).collect();
            note(layer, &mut place);
        }
        let now = crossings(spots, layers, &place);
        if now < best.0 {
            best = (now, layers.to_vec());
        }
    }
    layers.clone_from_slice(&best.1);
}

/// Pairs of edges between neighboring layers that cross.
fn crossings(spots: &[Spot], layers: &[Vec<usize>], place: &[usize]) -> usize {
    let mut count = 0;
    for layer in layers {
        let mut ends: Vec<usize> = Vec::new();
        for at in layer {
            let mut right: Vec<usize> = spots[*at].right.iter().map(|to| place[*to]).collect();
            right.sort_unstable();
            for end in &right {
                count += ends.iter().filter(|earlier| *earlier > end).count();
            }
            ends.extend(right);
        }
    }
    count
}

/// Heights: each spot near the mean of what it is connected to, neighbors apart.
fn place(spots: &mut [Spot], layers: &[Vec<usize>]) {
    for layer in layers {
        settle(spots, layer, |_| None);
    }
    for round in 0..ROUNDS {
        let forth = round % 2 == 0;
        for n in 0..layers.len() {
            let n = if forth { n } else { layers.len() - 1 - n };
            settle(spots, &layers[n], |spot| {
                let near = if forth { &spot.left } else { &spot.right };
                (!near.is_empty()).then(|| near.clone())
            });
        }
    }
}

/// Puts a layer in order, apart, and as a whole where its spots want to be.
fn settle(spots: &mut [Spot], layer: &[usize], near: impl Fn(&Spot) -> Option<Vec<usize>>) {
    let wanted: Vec<f64> = layer
        .iter()
        .map(|at| match near(&spots[*at]) {
            Some(near) => near.iter().map(|at| spots[*at].y).sum::<f64>() / near.len() as f64,
            None => spots[*at].y,
        })
        .collect();
    let apart = |a: usize, b: usize, spots: &[Spot]| {
        if spots[a].is_waypoint || spots[b].is_waypoint {
            STEP_WAYPOINT
        } else {
            STEP_Y
        }
    };
    let mut ys: Vec<f64> = Vec::with_capacity(layer.len());
    for (n, at) in layer.iter().enumerate() {
        let least = ys.last().map(|y| y + apart(layer[n - 1], *at, spots));
        ys.push(least.map_or(wanted[n], |least| wanted[n].max(least)));
    }
    let drift: f64 = ys.iter().zip(&wanted).map(|(y, wanted)| wanted - y).sum();
    let drift = drift / layer.len().max(1) as f64;
    for (at, y) in layer.iter().zip(ys) {
        spots[*at].y = y + drift;
    }
}
