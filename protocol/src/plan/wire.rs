//! The JSON form of a plan, written as canonical JSON without building it in memory first: fields
//! stand in the order of their names, maps are sorted, absent means default.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer};
use serde_json::Value;

use crate::digest::{Digest, HashingWriter};
use crate::expr::{Condition, Template};
use crate::ids::TaskId;
use crate::outcome::FailureClass;
use crate::policy::{Backoff, RetryPolicy, Timeout};

use super::checked::Plan;
use super::draft::Parameter;
use super::expansion::{FanOut, Items};
use super::graph::TaskIndex;
use super::prompt::Parse;
use super::task::{Action, FileSource};
use super::types::{OutputType, Workspace};
use super::wire_policy::{WireEffects, WirePolicy, WireSecrets};
use super::wire_prompt::{Context, WireFallback, WireModel, written_parse};

/// What `schema` says in the JSON form.
pub(super) const SCHEMA: &str = "orchestra.plan/v1";

/// Writes the canonical JSON.
pub(super) fn write(plan: &Plan, out: impl io::Write) -> io::Result<()> {
    let wire = WirePlan::of(plan, Some(SCHEMA));
    serde_json::to_writer(out, &wire).map_err(io::Error::from)
}

/// The digest of the canonical JSON.
pub(super) fn digest(plan: &Plan) -> Digest {
    use std::io::Write as _;
    let mut out = io::BufWriter::new(HashingWriter::new(io::sink()));
    let written = out
        .write_all(Plan::DIGEST_DOMAIN.as_bytes())
        .and_then(|()| out.write_all(&[0]))
        .and_then(|()| write(plan, &mut out));
    written.expect("a sink takes every write and all keys are text");
    let writer = out
        .into_inner()
        .map_err(|_| ())
        .expect("a sink takes every write");
    writer.finish().1
}

#[derive(Serialize)]
struct WirePlan<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    env: &'a BTreeMap<String, Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    inputs: &'a BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_parallel: Option<u32>,
    name: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    outputs: &'a BTreeMap<String, Template>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    parameters: &'a BTreeMap<String, Parameter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<WirePolicy<'a>>,
    #[serde(skip_serializing_if = "Scenarios::is_empty")]
    scenarios: Scenarios<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a str>,
    #[serde(skip_serializing_if = "WireSecrets::is_empty")]
    secrets: WireSecrets<'a>,
    tasks: Tasks<'a>,
}

impl<'a> WirePlan<'a> {
    /// Nested scenarios name no schema: they are parts of a plan.
    fn of(plan: &'a Plan, schema: Option<&'a str>) -> Self {
        Self {
            description: plan.description.as_deref(),
            env: &plan.env,
            goal: plan.goal(),
            inputs: &plan.inputs,
            max_parallel: plan.max_parallel,
            name: &plan.name,
            outputs: &plan.outputs,
            parameters: &plan.parameters,
            policy: plan.policy().map(WirePolicy::of),
            scenarios: Scenarios(&plan.scenarios),
            schema,
            secrets: WireSecrets(&plan.secrets),
            tasks: Tasks(plan),
        }
    }
}

struct Scenarios<'a>(&'a BTreeMap<String, Arc<Plan>>);

impl Scenarios<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Scenarios<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nested = self.0.iter();
        serializer.collect_map(nested.map(|(file, plan)| (file, WirePlan::of(plan, None))))
    }
}

struct Tasks<'a>(&'a Plan);

impl Serialize for Tasks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        for index in self.0.order() {
            seq.serialize_element(&wire_task(self.0, index))?;
        }
        seq.end()
    }
}

#[derive(Serialize)]
struct WireTask<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    artifacts: &'a BTreeMap<String, String>,
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    item_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a [Template]>,
    #[serde(skip_serializing_if = "Context::is_empty")]
    context: Context<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_tokens: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    continue_on_error: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    crash_limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effects: Option<WireEffects<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    env: &'a BTreeMap<String, Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback: Option<WireFallback<'a>>,
    #[serde(skip_serializing_if = "Files::is_empty")]
    files: Files<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    for_each: Option<WireItems<'a>>,
    id: &'a TaskId,
    #[serde(rename = "if", skip_serializing_if = "Option::is_none")]
    condition: Option<&'a Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matrix: Option<BTreeMap<&'a str, WireItems<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_parallel: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<WireModel>,
    #[serde(skip_serializing_if = "Needs::is_empty")]
    needs: Needs<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_schema: Option<&'a Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    outputs: &'a BTreeMap<String, OutputType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<&'a TaskId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parse: Option<&'a Parse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a Template>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    refers: &'a [TaskId],
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<WireRetry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    secrets: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    shell: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<WireTimeout>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uses: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<&'a BTreeMap<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace: Option<Workspace>,
}

fn wire_task(plan: &Plan, index: TaskIndex) -> WireTask<'_> {
    let task = plan.task(index);
    let (mut run, mut command, mut prompt, mut nested) = (None, None, None, None);
    match task.action() {
        Action::Run(text) => run = Some(&**text),
        Action::Command(items) => command = Some(&**items),
        Action::Prompt(asked) => prompt = Some(&**asked),
        Action::Uses(uses) => nested = Some(&**uses),
    }
    let (for_each, matrix) = match task.fan_out() {
        None => (None, None),
        Some(FanOut::ForEach(items)) => (Some(WireItems(items)), None),
        Some(FanOut::Matrix(axes)) => {
            let axes = axes.iter();
            let axes = axes.map(|(axis, items)| (axis.as_str(), WireItems(items)));
            (None, Some(axes.collect()))
        }
    };
    let extra = task.extra.as_deref();
    let timeout = task.timeout();
    WireTask {
        artifacts: task.artifacts(),
        item_name: task.item_name(),
        command,
        context: Context(prompt.map_or(&[], |prompt| &prompt.context)),
        context_tokens: prompt.and_then(|prompt| prompt.context_tokens),
        continue_on_error: task.continue_on_error(),
        crash_limit: task.crash_limit(),
        description: task.description(),
        effects: task.effects().map(WireEffects::of),
        env: task.env(),
        fallback: prompt
            .and_then(|prompt| prompt.fallback.as_ref())
            .map(WireFallback::new),
        files: Files(task.files()),
        for_each,
        id: task.id(),
        condition: task.condition(),
        matrix,
        max_parallel: task.max_parallel(),
        model: prompt.and_then(|prompt| WireModel::new(&prompt.model)),
        needs: Needs {
            plan,
            needs: plan.needs(index),
        },
        output_schema: prompt.and_then(|prompt| prompt.schema.as_ref()),
        outputs: task.outputs(),
        parent_id: task.parent_id(),
        parse: prompt.and_then(written_parse),
        priority: task.priority(),
        prompt: prompt.map(|prompt| &prompt.text),
        refers: task.refers(),
        retry: task.own_retry().map(WireRetry::new),
        run,
        secrets: task.secrets(),
        shell: extra.and_then(|extra| extra.shell.as_deref()),
        timeout: (timeout != Timeout::default()).then(|| WireTimeout::new(timeout)),
        uses: nested.map(|uses| &*uses.file),
        with: nested
            .map(|uses| &uses.with)
            .filter(|with| !with.is_empty()),
        working_dir: task.working_dir(),
        workspace: (task.workspace() != Workspace::default()).then(|| task.workspace()),
    }
}

struct WireItems<'a>(&'a Items);

impl Serialize for WireItems<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Items::List(items) => serializer.collect_seq(items.iter()),
            Items::Expression(template) => template.serialize(serializer),
        }
    }
}

struct Files<'a>(&'a BTreeMap<String, FileSource>);

impl Files<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0
                .iter()
                .map(|(path, source)| (path, source.to_string())),
        )
    }
}

struct Needs<'a> {
    plan: &'a Plan,
    needs: &'a [TaskIndex],
}

impl Needs<'_> {
    fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }
}

impl Serialize for Needs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.needs.iter().map(|index| self.plan.task(*index).id()))
    }
}

/// [`RetryPolicy`] with its fields in canonical order.
#[derive(Serialize)]
struct WireRetry<'a> {
    backoff: Backoff,
    delay_ms: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    exit_codes: &'a [i32],
    max: u32,
    max_delay_ms: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    when: &'a [FailureClass],
}

impl<'a> WireRetry<'a> {
    fn new(retry: &'a RetryPolicy) -> Self {
        let RetryPolicy {
            max,
            delay_ms,
            backoff,
            max_delay_ms,
            when,
            exit_codes,
        } = retry;
        Self {
            backoff: *backoff,
            delay_ms: *delay_ms,
            exit_codes,
            max: *max,
            max_delay_ms: *max_delay_ms,
            when,
        }
    }
}

/// [`Timeout`] with its fields in canonical order.
#[derive(Serialize)]
struct WireTimeout {
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_ms: Option<u64>,
}

impl WireTimeout {
    fn new(timeout: Timeout) -> Self {
        let Timeout { wall_ms, idle_ms } = timeout;
        Self { idle_ms, wall_ms }
    }
}
