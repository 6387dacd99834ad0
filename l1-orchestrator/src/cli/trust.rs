//! `orchestra trust`: what a project may do beyond looks and tightening.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::Trust as Args;
use super::context::Context;
use super::error::CliError;
use crate::exit_code;
use crate::runs::quoted;
use crate::settings::{PROJECT, Trust, bound, folder_name, project_as_written, project_dir};
use crate::ui::sanitize;

pub(super) fn trust(context: &Context, args: &Args) -> Result<u8, CliError> {
    if args.list {
        list(context)?;
    } else if args.remove {
        remove(context, &folder(args)?)?;
    } else {
        accept(context, &folder(args)?)?;
    }
    Ok(exit_code::OK)
}

fn folder(args: &Args) -> Result<PathBuf, CliError> {
    let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    env::current_dir()
        .map(|here| here.join(dir))
        .map_err(|error| {
            CliError::not_ready("no-working-dir", "there is no working directory").because(error)
        })
}

fn accept(context: &Context, dir: &Path) -> Result<(), CliError> {
    let shown = dir.display();
    // Ancestors of what `..` means, not of how it is written.
    let canonical = fs_err::canonicalize(dir).map_err(|error| {
        CliError::usage("no-such-folder", format!("{shown} is no folder")).because(error)
    })?;
    let root = project_dir(&canonical)?.ok_or_else(|| {
        CliError::usage("no-settings", format!("no {PROJECT} holds for {shown}"))
            .hint("name the folder of a project that has one")
    })?;
    let name = folder_name(&root).ok_or_else(|| {
        let message = format!("{} has a path that is not UTF-8", root.display());
        CliError::usage("path-not-utf8", message)
    })?;
    let layer = project_as_written(&root)?;
    let wanted: BTreeMap<String, String> = layer
        .widening()
        .map(|(key, entry)| (key.name.to_owned(), bound(&root, key, entry)))
        .collect();
    if !wanted.is_empty() {
        let mut trust = Trust::load()?;
        trust.accept(name.clone(), wanted.clone());
        trust.store()?;
    }
    let json = json!({
        "schema": "orchestra.trust/v1",
        "project": name,
        "accepted": wanted,
    });
    let text = || {
        if wanted.is_empty() {
            return format!("{}: nothing in {PROJECT} needs trust\n", sanitize(&name));
        }
        let mut text = format!("{}: trusted with\n", sanitize(&name));
        for (key, value) in &wanted {
            text.push_str(&format!("  {key}: {}\n", sanitize(value)));
        }
        text
    };
    context.answer(text, json)
}

fn remove(context: &Context, dir: &Path) -> Result<(), CliError> {
    let mut trust = Trust::load()?;
    let Some(name) = trust.forget(dir) else {
        let shown = sanitize(&dir.display().to_string()).into_owned();
        return Err(CliError::usage(
            "not-trusted",
            format!("{shown} is not among your trusted projects"),
        )
        .hint("`orchestra trust --list` lists them"));
    };
    trust.store()?;
    let json = json!({ "schema": "orchestra.trust/v1", "project": name, "accepted": {} });
    context.answer(|| format!("{}: no longer trusted\n", sanitize(&name)), json)
}

fn list(context: &Context) -> Result<(), CliError> {
    let trust = Trust::load()?;
    let projects = trust.projects();
    if projects.is_empty() {
        context.ui.note("you trust no project yet");
    }
    let json = json!({ "schema": "orchestra.trust-list/v1", "projects": projects });
    let text = || {
        let mut text = String::new();
        for (dir, values) in projects {
            let gone = if Path::new(dir).exists() {
                ""
            } else {
                "  (gone)"
            };
            text.push_str(&format!("{}{gone}\n", sanitize(dir)));
            for (key, value) in values {
                text.push_str(&format!("  {key}: {}\n", sanitize(value)));
            }
            if !gone.is_empty() {
                let word = quoted(Path::new(dir));
                text.push_str(&format!("  forget it: orchestra trust --remove {word}\n"));
            }
        }
        text
    };
    context.answer(text, json)
}
