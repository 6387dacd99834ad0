//! Everything that differs between two runs, as data.

use protocol::plan::Plan;
use serde_json::{Map, Value, json};

use super::outcomes::{self, Durations};
use super::plans::{self, PlanChanges, fields};
use super::side::Side;
use super::text;

/// Something that is not the same on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What it is.
    pub what: String,
    /// In the first run; absent: not there.
    pub from: Option<Value>,
    /// In the second.
    pub to: Option<Value>,
}

impl Change {
    fn to_json(&self) -> Value {
        json!({ "what": self.what, "from": self.from, "to": self.to })
    }
}

/// Two runs compared.
pub struct Comparison {
    /// How they and their tasks ended.
    pub outcomes: Vec<Change>,
    /// What was planned; `None`: a plan cannot be read.
    pub plan: Option<PlanChanges>,
    /// What was asked for.
    pub inputs: Vec<Change>,
    /// What it ran under: version, policy, settings.
    pub environment: Vec<Change>,
    /// Files it left.
    pub artifacts: Vec<Change>,
    /// Small results.
    pub outputs: Vec<Change>,
    /// How long it took; never counts.
    pub durations: Vec<Durations>,
    /// The scenario's text; counts by the plan it makes only.
    pub scenario: Option<String>,
}

impl Comparison {
    /// Compares two runs.
    #[must_use]
    pub fn of(a: &Side, b: &Side) -> Self {
        let scenario = a.text.as_deref().zip(b.text.as_deref());
        Self {
            outcomes: outcomes::compare(a, b),
            plan: a
                .plan
                .as_ref()
                .zip(b.plan.as_ref())
                .map(|(a, b)| plans::compare(a, b)),
            inputs: fields(&inputs(a), &inputs(b)),
            environment: fields(&environment(a), &environment(b)),
            artifacts: outcomes::artifacts(a, b),
            outputs: outcomes::outputs(a, b),
            durations: outcomes::durations(a, b),
            scenario: scenario.and_then(|(a, b)| text::unified(a, b)),
        }
    }

    /// Each part that counts, and whether it is the same.
    #[must_use]
    pub fn parts(&self) -> [(&'static str, bool); 6] {
        [
            ("outcomes", self.outcomes.is_empty()),
            (
                "plan",
                self.plan.as_ref().is_some_and(PlanChanges::is_empty),
            ),
            ("inputs", self.inputs.is_empty()),
            ("environment", self.environment.is_empty()),
            ("outputs", self.outputs.is_empty()),
            ("artifacts", self.artifacts.is_empty()),
        ]
    }

    /// Whether nothing differs that counts.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.parts().iter().all(|(_, is_same)| *is_same)
    }

    /// For machines.
    #[must_use]
    pub fn to_json(&self, a: &Side, b: &Side) -> Value {
        let list = |changes: &[Change]| changes.iter().map(Change::to_json).collect::<Value>();
        let plan = self.plan.as_ref().map(|plan| {
            let changed = plan.changed.iter();
            let changed =
                changed.map(|(task, fields)| json!({ "task": task, "fields": list(fields) }));
            json!({
                "equal": plan.is_empty(),
                "added": plan.added,
                "removed": plan.removed,
                "changed": changed.collect::<Value>(),
                "other": list(&plan.other),
            })
        });
        let durations = self.durations.iter().map(|one| {
            let micros = |at: usize| u64::try_from(one.took[at].as_micros()).unwrap_or(u64::MAX);
            json!({
                "task": (!one.task.is_empty()).then_some(&one.task),
                "from_us": micros(0),
                "to_us": micros(1),
                "attempts": one.attempts,
            })
        });
        json!({
            "schema": "orchestra.diff/v1",
            "equal": self.is_equal(),
            "from": run(a),
            "to": run(b),
            "outcomes": list(&self.outcomes),
            "plan": plan,
            "inputs": list(&self.inputs),
            "environment": list(&self.environment),
            "outputs": list(&self.outputs),
            "artifacts": list(&self.artifacts),
            "durations": durations.collect::<Value>(),
            "scenario": self.scenario,
        })
    }
}

fn run(side: &Side) -> Value {
    let started = side.summary.started.as_ref();
    json!({
        "run_id": started.map(|(_, started)| started.run_id),
        "scenario": side.scenario,
        "started": started.map(|(at, _)| at),
        "plan": side.plan.as_deref().map(Plan::digest),
    })
}

/// Resolved inputs; as typed where the plan cannot be read.
fn inputs(side: &Side) -> Map<String, Value> {
    match (&side.plan, &side.record) {
        (Some(plan), _) => plan.inputs().clone().into_iter().collect(),
        (None, Some(record)) => {
            let typed = record.inputs.iter();
            typed
                .map(|(name, text)| (name.clone(), json!(text)))
                .collect()
        }
        (None, None) => Map::new(),
    }
}

fn environment(side: &Side) -> Map<String, Value> {
    let mut facts = Map::new();
    facts.insert("scenario".into(), json!(side.scenario));
    if let Some((_, started)) = &side.summary.started {
        facts.insert("orchestra".into(), json!(started.orchestra));
        facts.insert("policy".into(), json!(started.policy));
        facts.insert("policy digest".into(), json!(started.policy_digest));
        facts.insert("sandbox".into(), json!(started.level.to_string()));
        facts.insert("attempts at once".into(), json!(side.summary.slots()));
    }
    for (name, setting) in side.record.iter().flat_map(|record| &record.settings) {
        facts.insert(format!("setting {name}"), setting.value.clone());
    }
    facts
}
