//! `orchestra man`: manual pages made of the same tree that reads the command line.

use std::io;

use clap::Command;
use clap_mangen::Man as Page;
use clap_mangen::roff::{Roff, bold, roman};
use protocol::nearest::nearest;
use serde_json::json;

use super::args::Man;
use super::context::Context;
use super::error::CliError;
use crate::exit_code;
use crate::settings::KEYS;

pub(super) fn man(context: &Context, args: &Man) -> Result<u8, CliError> {
    let mut tree = super::tree();
    tree.build();
    let name = match &args.verb {
        Some(verb) => format!("orchestra-{verb}"),
        None => "orchestra".to_owned(),
    };
    let page = match &args.verb {
        Some(verb) => page(of_verb(&tree, verb)?, &name, Whole::No),
        None => page(tree, &name, Whole::Yes),
    };
    let page =
        page.map_err(|error| CliError::internal("a manual page cannot be made").because(error))?;
    let json = json!({ "schema": "orchestra.man/v1", "name": name, "page": page });
    context.answer(|| page.clone(), json)?;
    Ok(exit_code::OK)
}

fn of_verb(tree: &Command, verb: &str) -> Result<Command, CliError> {
    if let Some(found) = tree.find_subcommand(verb) {
        return Ok(found.clone());
    }
    let names = tree.get_subcommands().map(Command::get_name);
    let hint = match nearest(verb, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`orchestra --help` lists what there is".to_owned(),
    };
    Err(CliError::usage("unknown-command", format!("there is no command `{verb}`")).hint(hint))
}

/// Whether the page is that of orchestra itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Yes,
    No,
}

/// One page. What `--help` ends with becomes sections of its own.
fn page(command: Command, name: &str, whole: Whole) -> io::Result<String> {
    let after = command.get_after_help().map(ToString::to_string);
    // Clap's own sections come without what we put into ours.
    let command = command
        .name(name.to_owned())
        .after_help("")
        .after_long_help("");
    let man = Page::new(command)
        .title(name.to_uppercase())
        .source(format!("orchestra {}", env!("CARGO_PKG_VERSION")))
        .manual("orchestra");
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    man.render_options_section(&mut out)?;
    if whole == Whole::Yes {
        man.render_subcommands_section(&mut out)?;
    }
    exit_status().to_writer(&mut out)?;
    environment(whole).to_writer(&mut out)?;
    if let Some(after) = after.as_deref().filter(|text| !text.is_empty()) {
        notes(after).to_writer(&mut out)?;
    }
    String::from_utf8(out).map_err(io::Error::other)
}

fn exit_status() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in exit_code::TABLE {
        roff.control("TP", ["6"]);
        roff.text([bold(code.to_string())]);
        roff.text([roman(*meaning)]);
    }
    roff
}

fn environment(whole: Whole) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["ENVIRONMENT"]);
    roff.text([roman(
        "Every flag can be given as ORCHESTRA_<FLAG>, in capitals and with _ for -.",
    )]);
    if whole == Whole::No {
        return roff;
    }
    for key in KEYS.iter() {
        roff.control("TP", []);
        roff.text([bold(key.variable())]);
        roff.text([roman(format!("{} Default: {}.", key.about, key.default))]);
    }
    for (name, about) in super::usage::OTHER_VARIABLES {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*about)]);
    }
    roff
}

/// `Examples:` and its like, each a section, lines kept as they are.
fn notes(text: &str) -> Roff {
    let mut roff = Roff::new();
    for part in text.split("\n\n") {
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        roff.control("SH", [head.trim_end_matches(':').to_uppercase().as_str()]);
        roff.control("nf", []);
        roff.text([roman(body)]);
        roff.control("fi", []);
    }
    roff
}
