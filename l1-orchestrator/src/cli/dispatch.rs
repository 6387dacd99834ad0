//! From the command line to a verb and from its result to an exit code.

use std::env;
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use clap::ArgMatches;

use super::args::{Cli, Command, Format};
use super::context::Context;
use super::error::CliError;
use super::usage::{self, Parsed};
use super::{
    cancel, completions, config, doctor, init, list, logs, man, pause, report, resume, retry, run,
    schema, show, trust, validate, verify, version, watch,
};
use crate::exit_code;
use crate::report::Redactor;
use crate::session::pressed_twice;
use crate::settings::{self, Files};
use crate::ui::{ColorChoice, ColorFacts, Io, Ui};

/// Runs one command line, program name included, and returns the exit code.
#[must_use]
pub fn main(args: Vec<OsString>, io: Io) -> u8 {
    let wants_json = usage::wants_json(&args, |name| env::var_os(name));
    match usage::parse(args) {
        Ok(Parsed::Verb(cli, matches)) => verb(*cli, &matches, io),
        Ok(Parsed::Text(text)) => {
            let ui = plain(io);
            let _read = ui.data(&text);
            written(&ui, exit_code::OK)
        }
        Ok(Parsed::Nothing(text)) => {
            plain(io).say(text.trim_end());
            exit_code::USAGE
        }
        Err(error) => {
            let ui = Ui::new(io, ColorChoice::Auto, color_facts(), false);
            fail(&ui, &error, wants_json)
        }
    }
}

fn plain(io: Io) -> Ui {
    Ui::new(io, ColorChoice::Never, ColorFacts::default(), false)
}

fn verb(cli: Cli, matches: &ArgMatches, io: Io) -> u8 {
    let output = cli.command.output();
    let format = output.format();
    let files = env::current_dir().ok().map(|dir| Files::load(&dir));
    let (files, broken) = match files {
        Some(Ok(files)) => (files, None),
        Some(Err(error)) => (Files::default(), Some(error)),
        None => (Files::default(), None),
    };
    let color = settings::color(output, &files);
    let ui = Arc::new(Ui::new(io, color, color_facts(), output.quiet));
    if let Some(error) = broken.filter(|_| cli.command.needs_settings()) {
        return fail(&ui, &error, format != Format::Text);
    }
    let redact = Redactor::new(env::var_os(Redactor::VARIABLE).is_some());
    let files = Arc::new(files);
    let context = Context {
        ui: Arc::clone(&ui),
        format,
        redact,
        files,
    };
    let (_, matches) = matches.subcommand().expect("clap requires a verb");
    // The default hook has printed where by the time this returns.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        dispatch(&context, cli.command, matches)
    }))
    .unwrap_or_else(|_| Err(CliError::internal("orchestra panicked")));
    ui.settle(pressed_twice);
    ui.end_paging();
    let code = outcome.unwrap_or_else(|error| fail(&ui, &error, format != Format::Text));
    written(&ui, code)
}

/// The exit code once it is known whether what was printed got anywhere.
fn written(ui: &Ui, code: u8) -> u8 {
    let Some(error) = ui.take_lost() else {
        return code;
    };
    CliError::not_ready(
        "output-unwritable",
        "what belongs on stdout cannot be written",
    )
    .because(error)
    .hint("make room where stdout goes, or send it elsewhere")
    .show(ui);
    match code {
        // These say more.
        exit_code::INTERRUPTED
        | exit_code::TERMINATED
        | exit_code::INTERNAL
        | exit_code::VERIFY_FAILED => code,
        _ => exit_code::NOT_READY,
    }
}

fn dispatch(context: &Context, command: Command, matches: &ArgMatches) -> Result<u8, CliError> {
    match command {
        Command::Run(args) => run::run(context, &args, matches),
        Command::Resume(args) => resume::resume(context, &args, matches),
        Command::Pause(args) => pause::pause(context, &args),
        Command::Retry(args) => retry::retry(context, &args, matches),
        Command::Cancel(args) => cancel::cancel(context, &args),
        Command::Validate(args) => validate::validate(context, &args, matches),
        Command::Fmt(args) => super::fmt::fmt(context, &args),
        Command::Verify(args) => verify::verify(context, &args),
        Command::List(args) => list::list(context, &args),
        Command::Clean(args) => super::clean::clean(context, &args),
        Command::Show(args) => show::show(context, &args),
        Command::Explain(args) => super::explain::explain(context, &args),
        Command::Watch(args) => watch::watch(context, &args, matches),
        Command::Logs(args) => logs::logs(context, &args),
        Command::Stats(args) => super::stats::stats(context, &args),
        Command::Report(args) => report::report(context, &args),
        Command::Graph(args) => super::graph::graph(context, &args),
        Command::Diff(args) => super::diff::diff(context, &args),
        Command::Schema(args) => schema::schema(context, &args),
        Command::Policy(args) => super::policy::policy(context, &args, matches),
        Command::Doctor(args) => doctor::doctor(context, &args, matches),
        Command::Config(args) => config::config(context, &args, matches),
        Command::Trust(args) => trust::trust(context, &args),
        Command::Completions(args) => completions::completions(context, &args),
        Command::Man(args) => man::man(context, &args),
        Command::Init(args) => init::init(context, &args),
        Command::Version(_) => version::version(context),
    }
}

fn fail(ui: &Ui, error: &CliError, json: bool) -> u8 {
    let code = error.kind.exit_code();
    if json {
        let _read = ui.data(&format!("{}\n", error.to_json()));
    } else {
        error.show(ui);
    }
    code
}

fn color_facts() -> ColorFacts {
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let asks =
        |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    ColorFacts {
        no_color: set("NO_COLOR"),
        forced: asks("CLICOLOR_FORCE") || asks("FORCE_COLOR"),
        dumb: env::var_os("TERM").is_some_and(|term| term == "dumb"),
        kept: asks("CI") && env::var_os("CI").is_none_or(|value| value != "false"),
    }
}
