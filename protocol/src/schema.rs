//! JSON Schemas of messages and events, for people who write another worker or read a journal.
//!
//! Ids and digests are texts with a pattern; everything else is derived from the Rust types.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::digest::Digest;
use crate::event::EventKind;
use crate::ids::{CoordinatorId, Incarnation, LeaseId, RunId, ScenarioName, TaskId, WorkerId};
use crate::message::{
    AttemptReply, AttemptReport, Cancel, ClaimReply, ClaimRequest, Heartbeat, HeartbeatReply,
    TaskMessage, TaskResult, WorkerHello,
};
use crate::time::Timestamp;

macro_rules! text_schema {
    ($($type:ty, $name:literal, $pattern:literal, $description:literal;)*) => {
        $(impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $description })
            }
        })*
    };
}

text_schema! {
    RunId, "RunId", "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$", "a UUIDv7";
    TaskId, "TaskId", "^[a-z][a-z0-9_]{0,62}(\\[[0-9]+\\])?(/[a-z][a-z0-9_]{0,62}(\\[[0-9]+\\])?)*$", "a task as shown";
    WorkerId, "WorkerId", "^[a-z0-9_-]{1,64}$", "a worker's name";
    Incarnation, "Incarnation", "^[a-z0-9_-]{1,64}$", "one life of a worker";
    CoordinatorId, "CoordinatorId", "^[a-z0-9_-]{1,64}$", "a coordinator";
    ScenarioName, "ScenarioName", "^[a-z0-9][a-z0-9_-]{0,62}$", "a scenario's name";
    LeaseId, "LeaseId", "^[0-9]+-[0-9]+$", "epoch and lease number";
    Digest, "Digest", "^[0-9a-f]{64}$", "SHA-256";
    Timestamp, "Timestamp", "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?Z$", "RFC 3339, UTC";
}

#[cfg(feature = "seal")]
text_schema! {
    crate::seal::PublicKey, "PublicKey", "^[0-9a-f]{64}$", "Ed25519 public key";
}

/// Draft-07 schema of a type as it is written: what is left out when empty is not required.
#[must_use]
pub fn of_written<T: JsonSchema>() -> Value {
    SchemaSettings::draft07()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// Draft-07 schema of a type as it is read.
#[must_use]
pub fn of<T: JsonSchema>() -> Value {
    SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// Schema of every message between coordinator and worker, by name.
#[must_use]
pub fn messages() -> Vec<(&'static str, Value)> {
    vec![
        ("task", of::<TaskMessage>()),
        ("claim-request", of::<ClaimRequest>()),
        ("claim-reply", of::<ClaimReply>()),
        ("attempt-report", of::<AttemptReport>()),
        ("attempt-reply", of::<AttemptReply>()),
        ("result", of::<TaskResult>()),
        ("heartbeat", of::<Heartbeat>()),
        ("heartbeat-reply", of::<HeartbeatReply>()),
        ("hello", of::<WorkerHello>()),
        ("cancel", of::<Cancel>()),
    ]
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "the envelope's keys, for the schema alone")]
struct Envelope {
    /// Position, from 1.
    seq: u64,
    /// When it was decided.
    ts: Timestamp,
    /// SHA-256 of the previous hash and this line without its `hash`.
    hash: Digest,
}

/// Schema of one line of `events.jsonl`: the envelope and the event in one object.
#[must_use]
pub fn event_line() -> Value {
    let mut schema = of::<EventKind>();
    let envelope = of::<Envelope>();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".into(), "orchestra.event/v1".into());
        object.insert(
            "allOf".into(),
            Value::Array(vec![serde_json::json!({
                "type": "object",
                "properties": envelope["properties"],
                "required": envelope["required"],
            })]),
        );
        let definitions = object
            .entry("definitions")
            .or_insert_with(|| serde_json::json!({}));
        if let (Some(all), Some(more)) = (
            definitions.as_object_mut(),
            envelope["definitions"].as_object(),
        ) {
            all.extend(more.clone());
        }
    }
    schema
}
