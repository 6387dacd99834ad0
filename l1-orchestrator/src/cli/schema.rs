//! `orchestra schema`

use protocol::seal::Seal;
use protocol::{scenario, schema};
use serde_json::{Map, Value, json};

use super::args::{Format, Schema, SchemaOf};
use super::context::Context;
use super::error::CliError;
use crate::exit_code;
use crate::report::{json as report, manifest};
use crate::runs::RunRecord;
use protocol::policy::Policy;

pub(super) fn schema(context: &Context, args: &Schema) -> Result<u8, CliError> {
    let value = match args.what.unwrap_or_default() {
        SchemaOf::Scenario => scenario::schema(),
        SchemaOf::Events => schema::event_line(),
        SchemaOf::Messages => messages(),
        SchemaOf::Run => schema::of_written::<RunRecord>(),
        SchemaOf::Policy => schema::of_written::<Policy>(),
        SchemaOf::Pack => scenario::pack_schema(),
        SchemaOf::Report => report::schema(),
        SchemaOf::Artifacts => manifest::schema(),
        SchemaOf::Seal => schema::of_written::<Seal>(),
    };
    if context.format == Format::Text {
        let mut text = serde_json::to_string_pretty(&value)
            .map_err(|error| CliError::internal("a schema is no JSON").because(error))?;
        text.push('\n');
        context.ui.data(&text)?;
    } else {
        context.object(&value)?;
    }
    Ok(exit_code::OK)
}

/// All messages in one object, each with its own definitions.
fn messages() -> Value {
    let all: Map<String, Value> = schema::messages()
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    json!({ "title": "orchestra.messages/v1", "messages": all })
}
