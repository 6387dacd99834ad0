//! What a task expands into once its needs are over: one child for each item, or the tasks of a nested
//! scenario. Together with their bounds this is the plan's envelope: nothing outside of it ever runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::expr::Template;
use crate::policy::{RetryPolicy, Timeout};

use super::checked::Plan;
use super::limits::MAX_ITEMS;
use super::task::PlanTask;

/// What a list of items is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Items {
    /// As written; texts among them may hold expressions.
    List(Box<[Value]>),
    /// One expression whose value is a list.
    Expression(Template),
}

impl Items {
    /// From the form people write.
    pub(super) fn of(value: Value) -> Option<Self> {
        match value {
            Value::Array(items) => Some(Self::List(items.into())),
            Value::String(text) => Some(Self::Expression(Template::new(text))),
            _ => None,
        }
    }

    /// Most items there can be.
    #[must_use]
    pub fn most(&self) -> usize {
        match self {
            Self::List(items) => items.len(),
            Self::Expression(_) => MAX_ITEMS,
        }
    }
}

/// What a task is repeated over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FanOut {
    /// `for_each`: the item is the value itself.
    ForEach(Items),
    /// `matrix`: the item is a map with a value of every axis. Axes count in the order of their names,
    /// the last one fastest.
    Matrix(BTreeMap<String, Items>),
}

impl FanOut {
    /// Most children there can be.
    #[must_use]
    pub fn most(&self) -> usize {
        let most = match self {
            Self::ForEach(items) => items.most(),
            Self::Matrix(axes) => axes
                .values()
                .map(Items::most)
                .fold(1, usize::saturating_mul),
        };
        most.min(MAX_ITEMS)
    }

    /// Whether the number of children is known before the run.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        let fixed = |items: &Items| matches!(items, Items::List(_));
        match self {
            Self::ForEach(items) => fixed(items),
            Self::Matrix(axes) => axes.values().all(fixed),
        }
    }
}

/// A nested scenario as a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uses {
    /// Its file, by the path from the scenario's root.
    pub file: Box<str>,
    /// Its inputs; texts may hold expressions.
    pub with: BTreeMap<String, Value>,
    /// The checked plan of its tasks.
    pub scenario: Arc<Plan>,
}

/// What a task hands down to its children, who can only tighten it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Time limits of one attempt.
    pub timeout: Timeout,
    /// Repetition, where one is written.
    pub retry: Option<RetryPolicy>,
    /// Workers that may die under a task, where a number is written.
    pub crash_limit: Option<u32>,
    /// Order among the ready, where one is written.
    pub priority: Option<i32>,
}

impl Bounds {
    /// As the task itself says.
    #[must_use]
    pub fn of(task: &PlanTask) -> Self {
        Self {
            timeout: task.timeout(),
            retry: task.own_retry().cloned(),
            crash_limit: task.crash_limit(),
            priority: task.priority(),
        }
    }

    /// The same inside of `outer`: limits are the smaller ones, what is not said is inherited. The
    /// priority is no limit: the inner one wins.
    #[must_use]
    pub fn within(self, outer: &Self) -> Self {
        let smaller = |inner: Option<u64>, outer: Option<u64>| match (inner, outer) {
            (Some(inner), Some(outer)) => Some(inner.min(outer)),
            (one, other) => one.or(other),
        };
        let retry = match (self.retry, &outer.retry) {
            (Some(inner), Some(outer)) => Some(RetryPolicy {
                max: inner.max.min(outer.max),
                ..inner
            }),
            (inner, outer) => inner.or_else(|| outer.clone()),
        };
        let crash_limit = match (self.crash_limit, outer.crash_limit) {
            (Some(inner), Some(outer)) => Some(inner.min(outer)),
            (inner, outer) => inner.or(outer),
        };
        Self {
            timeout: Timeout {
                wall_ms: smaller(self.timeout.wall_ms, outer.timeout.wall_ms),
                idle_ms: smaller(self.timeout.idle_ms, outer.timeout.idle_ms),
            },
            retry,
            crash_limit,
            priority: self.priority.or(outer.priority),
        }
    }
}
