//! Scenarios that use each other in a circle, or lie too deep within each other.

use crate::diagnostic::Diagnostic;
use crate::plan::MAX_DEPTH;

use super::load::Unit;

/// Says at a `uses` what closes a circle or goes one level too deep, with the way there.
pub(super) fn refuse(units: &mut [Unit]) {
    let mut walk = Walk {
        edges: units.iter().map(|unit| unit.uses.clone()).collect(),
        deepest: vec![0; units.len()],
        path: Vec::new(),
        found: Vec::new(),
    };
    walk.visit(0, 1);
    let paths: Vec<String> = units.iter().map(|unit| unit.path.clone()).collect();
    for (at, task, way) in walk.found {
        let is_circle = way
            .iter()
            .filter(|step| *step == way.last().unwrap_or(&at))
            .count()
            > 1;
        let from = match is_circle {
            true => way
                .iter()
                .position(|step| Some(step) == way.last())
                .unwrap_or(0),
            false => 0,
        };
        let shown: Vec<String> = way[from..]
            .iter()
            .map(|step| format!("`{}`", paths[*step]))
            .collect();
        let shown = shown.join(" → ");
        let problem = match is_circle {
            true => Diagnostic::error(
                "scenario-cycle",
                format!("scenarios use each other in a circle: {shown}"),
            )
            .help("remove one of these `uses`"),
            false => Diagnostic::error(
                "too-deep",
                format!("scenarios nested more than {MAX_DEPTH} deep: {shown}"),
            )
            .help("use the inner ones side by side"),
        };
        units[at].refuse_use(task, problem);
    }
}

struct Walk {
    edges: Vec<Vec<(usize, usize)>>,
    /// The greatest depth each file was seen at; it is walked again only when it lies deeper.
    deepest: Vec<usize>,
    /// Files from the first one to here.
    path: Vec<usize>,
    /// The file and task of a wrong `uses`, and the way to what it names.
    found: Vec<(usize, usize, Vec<usize>)>,
}

impl Walk {
    /// `depth` counts from 1 for the first file.
    fn visit(&mut self, at: usize, depth: usize) {
        self.deepest[at] = depth;
        self.path.push(at);
        for (task, nested) in self.edges[at].clone() {
            if self.path.contains(&nested) || depth > MAX_DEPTH {
                let is_new = self
                    .found
                    .iter()
                    .all(|(unit, other, _)| (*unit, *other) != (at, task));
                if is_new {
                    let way = self.path.iter().copied().chain([nested]).collect();
                    self.found.push((at, task, way));
                }
            } else if self.deepest[nested] <= depth {
                self.visit(nested, depth + 1);
            }
        }
        self.path.pop();
    }
}
