//! Whether the model that plans goals can be asked. Files, variables and permissions only; the provider
//! itself is asked where somebody says so, and even then no token is spent.

use std::path::Path;

use super::finding::Finding;
use super::tools::which;
use crate::cli::error::CliError;
use crate::models;
use crate::settings::{Models, Provider, task_path};

const GROUP: &str = "model access";

/// Runs without a goal need no model: what is missing is worth a look, unless somebody wants to know.
pub(super) fn examine(settings: &Models, online: bool) -> Vec<Finding> {
    let provider = settings.model.value.provider;
    let said = format!("{} ({})", settings.model.value, settings.model.origin);
    let mut found = vec![Finding::ok(GROUP, "model", said)];
    match provider {
        Provider::Anthropic | Provider::Openai => {
            let key = models::key_place(settings);
            let is_sent = key.as_ref().is_ok_and(|place| place.starts_with("in "));
            found.push(judged("key", key, online));
            found.push(address(settings, is_sent));
        }
        Provider::ClaudeCode => found.push(program(online)),
        Provider::Scripted => {
            found.push(script(&settings.model.value.name));
            return found;
        }
    }
    // What cannot even be tried has been said.
    let is_ready = found.iter().all(|one| one.level < super::Level::Fail);
    if online && is_ready {
        found.push(judged("provider", models::look_up(settings), true));
    }
    found
}

fn judged(name: &'static str, result: Result<String, CliError>, is_wanted: bool) -> Finding {
    match result {
        Ok(said) => Finding::ok(GROUP, name, said),
        Err(error) => failed(name, error, is_wanted),
    }
}

fn failed(name: &'static str, error: CliError, is_wanted: bool) -> Finding {
    let cause = error
        .source
        .map_or_else(String::new, |source| format!(": {source}"));
    let finding = Finding::ok(GROUP, name, format!("{}{cause}", error.message));
    let usual = "see the settings of models: `orchestra config show`";
    let fix = error.hints.into_iter().next();
    let fix = fix.unwrap_or_else(|| usual.to_owned());
    match is_wanted {
        true => finding.fail(fix),
        false => finding.warn(fix),
    }
}

fn address(settings: &Models, key_is_sent: bool) -> Finding {
    let address = match models::address(settings) {
        Ok(address) => address,
        Err(error) => return failed("address", error, true),
    };
    let finding = Finding::ok(GROUP, "address", address.to_string());
    if !address.is_open() {
        return finding;
    }
    let what = match key_is_sent {
        true => "your key and all that models read",
        false => "all that models read",
    };
    let said = format!(
        "{address}: no TLS; {what} can be read on the way to {}",
        address.host()
    );
    Finding::ok(GROUP, "address", said).warn("name an address that begins with `https://`")
}

fn program(online: bool) -> Finding {
    let path = task_path();
    if let Some(file) = which(&path, "claude") {
        return Finding::ok(GROUP, "program", file.display().to_string());
    }
    let finding = Finding::ok(GROUP, "program", "`claude` is not in PATH");
    let fix = format!("install Claude Code, or put its folder into PATH; searched: {path}");
    match online {
        true => finding.fail(fix),
        false => finding.warn(fix),
    }
}

fn script(name: &str) -> Finding {
    match fs_err::File::open(Path::new(name)) {
        Ok(_) => Finding::ok(GROUP, "script", name),
        Err(error) => Finding::ok(GROUP, "script", error.to_string())
            .warn("name a file of replies as `scripted/FILE`"),
    }
}
