//! Builders of small plans.

use std::sync::Arc;

use protocol::expr::Template;
use protocol::plan::{
    DraftPlan, DraftTask, InputType, Limits, OutputType, Parameter, Plan, Workspace,
};
use protocol::policy::{Backoff, RetryPolicy, SecretSource};
use serde_json::Value;

/// A task under construction.
#[derive(Clone)]
pub(crate) struct Tasks(pub(crate) DraftTask);

/// A task that does nothing and needs nothing.
pub(crate) fn task(id: &str) -> Tasks {
    Tasks(DraftTask {
        id: id.into(),
        run: Some("true".into()),
        ..DraftTask::default()
    })
}

/// A task that asks a model this and needs nothing.
pub(crate) fn prompt(id: &str, text: &str) -> Tasks {
    Tasks(DraftTask {
        id: id.into(),
        prompt: Some(Template::new(text)),
        ..DraftTask::default()
    })
}

/// `max` more attempts, one second apart.
pub(crate) fn retry(max: u32) -> RetryPolicy {
    RetryPolicy {
        max,
        backoff: Backoff::Fixed,
        ..RetryPolicy::default()
    }
}

/// A checked plan of these tasks, with inputs `path` and `n`.
pub(crate) fn plan_of(tasks: impl IntoIterator<Item = Tasks>) -> Arc<Plan> {
    scenario(tasks).plan()
}

impl Tasks {
    pub(crate) fn needs<'a>(mut self, needs: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.needs = needs.into_iter().map(str::to_owned).collect();
        self
    }

    pub(crate) fn secrets<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.secrets = names.into_iter().map(str::to_owned).collect();
        self
    }

    pub(crate) fn retry(mut self, policy: RetryPolicy) -> Self {
        self.0.retry = Some(policy);
        self
    }

    pub(crate) fn condition(mut self, text: &str) -> Self {
        self.0.condition = Some(text.into());
        self
    }

    pub(crate) fn tolerant(mut self) -> Self {
        self.0.continue_on_error = true;
        self
    }

    pub(crate) fn command(mut self, words: &[&str]) -> Self {
        self.0.run = None;
        self.0.command = Some(words.iter().map(|word| Template::new(*word)).collect());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env.insert(name.into(), Template::new(value));
        self
    }

    pub(crate) fn output(mut self, name: &str, of: OutputType) -> Self {
        self.0.outputs.insert(name.into(), of);
        self
    }

    pub(crate) fn artifact(mut self, name: &str, path: &str) -> Self {
        self.0.artifacts.insert(name.into(), path.into());
        self
    }

    pub(crate) fn file(mut self, to: &str, source: &str) -> Self {
        self.0.files.insert(to.into(), Template::new(source));
        self
    }
}

impl Tasks {
    /// One child for each of these, or for each of what the expression gives.
    pub(crate) fn for_each(mut self, items: Value) -> Self {
        self.0.for_each = Some(items);
        self
    }

    pub(crate) fn axis(mut self, name: &str, items: Value) -> Self {
        self.0.matrix.insert(name.into(), items);
        self
    }

    pub(crate) fn called(mut self, name: &str) -> Self {
        self.0.item_name = Some(name.into());
        self
    }

    pub(crate) fn uses(mut self, file: &str) -> Self {
        self.0.run = None;
        self.0.uses = Some(file.into());
        self
    }

    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.0.with.insert(name.into(), value);
        self
    }

    pub(crate) fn priority(mut self, priority: i32) -> Self {
        self.0.priority = Some(priority);
        self
    }

    pub(crate) fn at_once(mut self, most: u32) -> Self {
        self.0.max_parallel = Some(most);
        self
    }

    pub(crate) fn crash_limit(mut self, limit: u32) -> Self {
        self.0.crash_limit = Some(limit);
        self
    }

    pub(crate) fn wall_ms(mut self, ms: u64) -> Self {
        self.0.timeout.wall_ms = Some(ms);
        self
    }

    pub(crate) fn in_project(mut self) -> Self {
        self.0.workspace = Workspace::Project;
        self
    }
}

/// A scenario that others use, or the one that uses them, under construction.
#[derive(Clone)]
pub(crate) struct Scenario(pub(crate) DraftPlan);

/// A scenario of these tasks, with the secrets they name, and with inputs `path` and `n` where nobody uses
/// it.
pub(crate) fn scenario(tasks: impl IntoIterator<Item = Tasks>) -> Scenario {
    let tasks: Vec<DraftTask> = tasks.into_iter().map(|task| task.0).collect();
    let secrets = tasks.iter().flat_map(|task| task.secrets.clone());
    Scenario(DraftPlan {
        name: "test".into(),
        secrets: secrets
            .map(|name| (name, SecretSource::Env { name: None }))
            .collect(),
        tasks,
        ..DraftPlan::default()
    })
}

impl Scenario {
    pub(crate) fn takes(mut self, name: &str, kind: InputType, default: Option<Value>) -> Self {
        let parameter = Parameter {
            default,
            optional: false,
            kind,
        };
        self.0.parameters.insert(name.into(), parameter);
        self
    }

    /// Has input `n`, as a plan that nobody uses does.
    pub(crate) fn with_n(self) -> Self {
        self.takes("n", InputType::Int, Some(Value::from(3)))
    }

    pub(crate) fn gives(mut self, name: &str, value: &str) -> Self {
        self.0.outputs.insert(name.into(), Template::new(value));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env.insert(name.into(), Template::new(value));
        self
    }

    pub(crate) fn at_once(mut self, most: u32) -> Self {
        self.0.max_parallel = Some(most);
        self
    }

    pub(crate) fn nested(mut self, file: &str, scenario: Self) -> Self {
        self.0.scenarios.insert(file.into(), scenario.0);
        self
    }

    pub(crate) fn plan(mut self) -> Arc<Plan> {
        self.0.inputs = [("path", "/in".into()), ("n", Value::from(3))]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        Arc::new(
            self.0
                .check(&Limits::default())
                .expect("a plan without problems"),
        )
    }
}
