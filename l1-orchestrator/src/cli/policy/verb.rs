//! From what was typed to one of the four.

use clap::ArgMatches;

use super::{explain, list, show, test};
use crate::cli::args::{Policy, PolicyVerb};
use crate::cli::context::Context;
use crate::cli::error::CliError;

pub(in crate::cli) fn policy(
    context: &Context,
    args: &Policy,
    matches: &ArgMatches,
) -> Result<u8, CliError> {
    let what = args.what.unwrap_or_default();
    let most = match what {
        PolicyVerb::List => 0,
        PolicyVerb::Show | PolicyVerb::Test => 1,
        PolicyVerb::Explain => 2,
    };
    let given = usize::from(args.subject.is_some()) + usize::from(args.task.is_some());
    if given > most {
        let word = args
            .task
            .as_ref()
            .filter(|_| most > 0)
            .or(args.subject.as_ref());
        let word = crate::ui::sanitize(word.map_or("", String::as_str)).into_owned();
        return Err(
            CliError::usage("unexpected-word", format!("`{word}` is one word too many"))
                .hint("`orchestra policy --help` says what each of the four takes"),
        );
    }
    context.page(&args.paging);
    match what {
        PolicyVerb::Show => show::show(context, args, matches),
        PolicyVerb::List => list::list(context, args, matches),
        PolicyVerb::Test => test::test(context, args, matches),
        PolicyVerb::Explain => explain::explain(context, args, matches),
    }
}
