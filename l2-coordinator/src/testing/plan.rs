//! Builders of small plans.

use std::sync::Arc;

use protocol::expr::Template;
use protocol::plan::{DraftPlan, DraftTask, Limits, OutputType, Plan};
use protocol::policy::{Backoff, RetryPolicy};
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
    let inputs = [("path", "/in".into()), ("n", Value::from(3))];
    let draft = DraftPlan {
        name: "test".into(),
        inputs: inputs.map(|(name, value)| (name.to_owned(), value)).into(),
        tasks: tasks.into_iter().map(|task| task.0).collect(),
        ..DraftPlan::default()
    };
    Arc::new(
        draft
            .check(&Limits::default())
            .expect("a plan without problems"),
    )
}

impl Tasks {
    pub(crate) fn needs<'a>(mut self, needs: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.needs = needs.into_iter().map(str::to_owned).collect();
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
