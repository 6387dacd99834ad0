//! `orchestra config`: what holds, who says so, and where it is written.

use std::path::Path;

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde_json::{Value, json};

use super::args::{Config, ConfigOf};
use super::columns::{self, Cell, Column};
use super::context::Context;
use super::error::CliError;
use super::usage::OTHER_VARIABLES;
use crate::exit_code;
use crate::settings::{
    self, KEYS, Key, Layered, Origin, PROJECT, Said, Shape, layers, project_dir, trust_file,
    user_key, user_settings,
};
use crate::ui::Tone;

pub(super) fn config(
    context: &Context,
    args: &Config,
    matches: &ArgMatches,
) -> Result<u8, CliError> {
    let what = args.what.unwrap_or_default();
    if what != ConfigOf::Show {
        refuse_flags_of_show(matches, what)?;
    }
    match what {
        ConfigOf::Show => show(context, args.origin, &layers(matches, &context.files))?,
        ConfigOf::Path => path(context)?,
        ConfigOf::Default => default(context)?,
    }
    Ok(exit_code::OK)
}

/// A flag that changes nothing is a misunderstanding.
fn refuse_flags_of_show(matches: &ArgMatches, what: ConfigOf) -> Result<(), CliError> {
    let own = ["what", "output_format", "json", "quiet", "color"];
    let typed = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    // Groups of flattened flags are ids, too, named after their structs.
    let is_flag = |id: &&str| id.starts_with(|first: char| first.is_ascii_lowercase());
    let ids = matches.ids().map(clap::Id::as_str).filter(is_flag);
    let Some(id) = ids.filter(|id| !own.contains(id)).find(|id| typed(id)) else {
        return Ok(());
    };
    let flag = format!("--{}", id.replace('_', "-"));
    let word = match what {
        ConfigOf::Path => "path",
        ConfigOf::Default | ConfigOf::Show => "default",
    };
    Err(CliError::usage(
        "conflict",
        format!("`config {word}` and {flag} exclude each other"),
    )
    .hint("`orchestra config show` takes the flags of a run"))
}

fn show(context: &Context, with_losers: bool, all: &[Layered]) -> Result<(), CliError> {
    let list: Vec<Value> = all
        .iter()
        .map(|layered| object(layered, with_losers))
        .collect();
    let json = json!({ "schema": "orchestra.config/v1", "settings": list });
    let text = || {
        let mut columns: [Vec<Cell>; 3] = Default::default();
        for layered in all {
            for (at, said) in layered.said.iter().enumerate() {
                if at > 0 && !with_losers {
                    break;
                }
                let name = if at == 0 { layered.key.name } else { "" };
                let tone = (at > 0).then_some(Tone::Dim);
                let value = crate::ui::sanitize(&said.value).into_owned();
                let cell = |text: String| Cell { text, tone };
                columns[0].push(cell(name.to_owned()));
                columns[1].push(cell(value));
                let overruled = if at == 0 { "" } else { ", overruled" };
                columns[2].push(cell(format!("{}{overruled}", origin(said))));
            }
        }
        let columns = columns.map(Column::text).into();
        columns::render(
            columns,
            columns::width(&context.ui),
            context.ui.out_painter(),
        )
    };
    context.answer(text, json)
}

/// Where a value comes from, with the line if it is a file's.
fn origin(said: &Said) -> String {
    let text = match (&said.origin, said.place) {
        (Origin::File(path), Some((line, column))) => {
            format!("{}:{line}:{column}", path.display())
        }
        (origin, _) => origin.to_string(),
    };
    crate::ui::sanitize(&text).into_owned()
}

fn object(layered: &Layered, with_losers: bool) -> Value {
    let mut said = layered.said.iter();
    let holds = said.next().map(|said| one(layered.key, said));
    let mut object = json!({ "name": layered.key.name });
    if let (Some(Value::Object(holds)), Some(object)) = (holds, object.as_object_mut()) {
        object.extend(holds);
    }
    if with_losers {
        object["overruled"] = said.map(|said| one(layered.key, said)).collect();
    }
    object
}

fn one(key: &Key, said: &Said) -> Value {
    let mut object = json!({
        "value": typed(key, &said.value),
        "origin": said.origin.to_string(),
    });
    if let Some((line, column)) = said.place {
        object["line"] = json!(line);
        object["column"] = json!(column);
    }
    object
}

/// A value with the type it has in a file.
fn typed(key: &Key, value: &str) -> Value {
    match key.shape {
        Shape::Flag => json!(value == "true"),
        Shape::CountOrAuto { .. } => value
            .parse::<u32>()
            .map_or_else(|_| json!(value), |number| json!(number)),
        Shape::Path | Shape::Policy | Shape::Word(_) | Shape::Checked { .. } => json!(value),
    }
}

fn path(context: &Context) -> Result<(), CliError> {
    let here = std::env::current_dir().ok();
    let project = here.as_deref().map(project_dir).transpose()?.flatten();
    let places = [
        ("your settings", user_settings()),
        (
            "the project's settings",
            project.map(|dir| dir.join(PROJECT)),
        ),
        ("trusted projects", trust_file()),
        ("your signing key", user_key().ok()),
    ];
    let state = |path: &Path| match path.exists() {
        true => "there",
        false => "not there",
    };
    let list = places.iter().map(|(what, path)| {
        json!({
            "what": what,
            "path": path,
            "exists": path.as_deref().is_some_and(Path::exists),
        })
    });
    let json = json!({ "schema": "orchestra.config-path/v1", "files": list.collect::<Vec<_>>() });
    let text = || {
        let mut columns: [Vec<Cell>; 3] = Default::default();
        for (what, path) in &places {
            let shown = path.as_ref().map(|path| path.display().to_string());
            columns[0].push((*what).into());
            columns[1].push(path.as_deref().map_or("none", state).into());
            columns[2].push(
                crate::ui::sanitize(&shown.unwrap_or_default())
                    .into_owned()
                    .into(),
            );
        }
        columns::render(
            columns.map(Column::text).into(),
            None,
            context.ui.out_painter(),
        )
    };
    context.answer(text, json)
}

fn default(context: &Context) -> Result<(), CliError> {
    let settings = KEYS.iter().map(|key| {
        json!({
            "name": key.name,
            "default": key.default,
            "expected": key.expected().replace('`', ""),
            "flag": key.flag(),
            "variable": key.variable(),
            "in_project": key.in_project.rule(),
            "about": key.about,
        })
    });
    let variables = OTHER_VARIABLES
        .iter()
        .map(|(name, about)| json!({ "name": name, "about": about }));
    let json = json!({
        "schema": "orchestra.config-default/v1",
        "settings": settings.collect::<Vec<_>>(),
        "environment": variables.collect::<Vec<_>>(),
    });
    context.answer(settings::as_file, json)
}
