//! The verb: kept streams one after the other, or all of them as they grow.

use super::chosen::Chosen;
use super::follow::follow;
use super::kept;
use crate::cli::args::Logs;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::settings;

pub(in crate::cli) fn logs(context: &Context, args: &Logs) -> Result<u8, CliError> {
    let entry = settings::runs_dir(&args.runs, &context.files).resolve(&args.run)?;
    let chosen = Chosen::of(args);
    if args.follow {
        follow(context, &entry, &chosen)
    } else {
        kept::print(context, &entry, &chosen, &args.paging)
    }
}
