//! `orchestra diff`: two runs on one page.

use super::args::{Diff, Format};
use super::context::Context;
use super::driving::told_or_gone;
use super::error::CliError;
use crate::compare::{Comparison, Side, render};
use crate::exit_code;
use crate::settings;

pub(super) fn diff(context: &Context, args: &Diff) -> Result<u8, CliError> {
    let runs = settings::runs_dir(&args.runs, &context.files);
    let load = |text: &str| Side::load(&runs.resolve(text)?);
    let (a, b) = (load(&args.from)?, load(&args.to)?);
    let found = Comparison::of(&a, &b);
    let told = match context.format {
        Format::Text => {
            context.page(&args.paging);
            let page = render(&found, [&a, &b], context.redact);
            context.ui.data(&page).map_err(CliError::from)
        }
        Format::Json | Format::Jsonl => context.object(&found.to_json(&a, &b)),
    };
    let code = if found.is_equal() {
        exit_code::OK
    } else {
        exit_code::DIFFERENT
    };
    told_or_gone(told, code)
}
