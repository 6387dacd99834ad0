//! `orchestra doctor`

use std::env;
use std::num::NonZero;
use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::{Value, json};

use super::args::Doctor;
use super::columns;
use super::context::Context;
use super::error::CliError;
use crate::doctor::{Finding, Level, Places, Terminal, examine};
use crate::exit_code;
use crate::report::words;
use crate::settings::{self, Files, Key, Models};
use crate::ui::{Painter, Tone, sanitize};

/// Between a group's lines and the margin.
const NAME_WIDTH: usize = 17;

pub(super) fn doctor(
    context: &Context,
    args: &Doctor,
    matches: &ArgMatches,
) -> Result<u8, CliError> {
    let (places, models) = places(args, matches);
    let terminal = terminal(context);
    let found = examine(&places, &models, &terminal, args.quick, args.online);
    let worst = found.iter().map(|finding| finding.level).max();
    let list: Vec<Value> = found.iter().map(object).collect();
    let json = json!({
        "schema": "orchestra.doctor/v1",
        "verdict": worst.unwrap_or(Level::Ok).word(),
        "findings": list,
    });
    context.answer(|| text(&found, context.ui.out_painter()), json)?;
    Ok(match worst {
        Some(Level::Fail) => exit_code::NOT_READY,
        _ => exit_code::OK,
    })
}

/// What settings say, as far as they can be read; why not is a finding of its own.
fn places(args: &Doctor, matches: &ArgMatches) -> (Places, Models) {
    let loaded = match env::current_dir() {
        Ok(dir) => Files::load(&dir),
        Err(error) => Err(
            CliError::not_ready("no-working-dir", "there is no working directory").because(error),
        ),
    };
    let none = Files::default();
    let files = loaded.as_ref().unwrap_or(&none);
    let runs = settings::runs_dir(&args.runs, files).dir().to_owned();
    let told = |key: &Key| {
        let said = files.last_first();
        said.into_iter()
            .find_map(|layer| layer.value(key)?.parse::<u64>().ok())
    };
    let cores = env::var("ORCHESTRA_MAX_PARALLEL")
        .ok()
        .and_then(|text| text.parse().ok())
        .or_else(|| Key::find("max_parallel").and_then(told))
        .unwrap_or_else(|| {
            let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
            u64::try_from(cores).unwrap_or(1)
        });
    let models = settings::models(&args.modelling, matches, files);
    let places = Places {
        runs,
        state: settings::state_dir().map(|state| state.join("orchestra")),
        key: settings::user_key().ok(),
        slots: cores,
        settings: loaded.map(|files| -> Vec<PathBuf> {
            let there = files
                .last_first()
                .into_iter()
                .filter(|file| file.is_there());
            there.map(|file| file.path.clone()).collect()
        }),
    };
    (places, models)
}

fn terminal(context: &Context) -> Terminal {
    // The first of them that says anything decides.
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(env::var_os)
        .find(|value| !value.is_empty());
    let locale = locale.unwrap_or_default().to_string_lossy().to_lowercase();
    let paints = context.ui.err_painter().paint(Tone::Strong, "x") != "x";
    Terminal {
        is_terminal: std::io::IsTerminal::is_terminal(&std::io::stderr()),
        columns: columns::width(&context.ui),
        color: paints,
        utf8: locale.contains("utf-8") || locale.contains("utf8"),
    }
}

fn text(found: &[Finding], painter: Painter) -> String {
    let mut text = String::new();
    let mut group = "";
    for finding in found {
        if finding.group != group {
            group = finding.group;
            text.push_str(&format!("{}\n", painter.paint(Tone::Strong, group)));
        }
        let tone = match finding.level {
            Level::Ok => Tone::Good,
            Level::Warn => Tone::Warn,
            Level::Fail => Tone::Bad,
        };
        let word = painter.paint(tone, &format!("{:<4}", finding.level.word()));
        let said = sanitize(&finding.said);
        text.push_str(&format!(
            "  {word}  {:<NAME_WIDTH$}  {said}\n",
            finding.name
        ));
        if let Some(fix) = &finding.fix {
            let label = painter.paint(Tone::Strong, "fix");
            text.push_str(&format!("        {label}: {}\n", sanitize(fix)));
        }
    }
    let count = |level| found.iter().filter(|one| one.level == level).count();
    let (fails, warns) = (count(Level::Fail), count(Level::Warn));
    let verdict = match fails {
        0 => "ready",
        _ => "not ready",
    };
    let (fails, warns) = (
        words::count(fails, "failure"),
        words::count(warns, "warning"),
    );
    text.push_str(&format!("{verdict}: {fails}, {warns}\n"));
    text
}

fn object(finding: &Finding) -> Value {
    let mut object = json!({
        "group": finding.group,
        "name": finding.name,
        "level": finding.level.word(),
        "said": finding.said,
    });
    if let Some(fix) = &finding.fix {
        object["fix"] = json!(fix);
    }
    if let Some(state) = finding.state {
        object["state"] = json!(state);
    }
    object
}
