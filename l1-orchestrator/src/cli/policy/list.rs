//! `orchestra policy list`: the packs there are, and which one holds here.

use clap::ArgMatches;
use serde_json::json;

use crate::cli::args::Policy as Args;
use crate::cli::columns::{self, Cell, Column};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::exit_code;
use crate::policy::{self, PackPlace};
use crate::settings;
use crate::ui::sanitize;

/// One pack.
struct Listed {
    name: String,
    /// `name@version`, or what is wrong with it.
    id: String,
    place: String,
    about: String,
    is_chosen: bool,
}

pub(super) fn list(context: &Context, args: &Args, matches: &ArgMatches) -> Result<u8, CliError> {
    let chosen = settings::policy(&args.policing, matches, &context.files).value;
    let listed: Vec<Listed> = policy::names()
        .into_iter()
        .map(|name| listed(name, &chosen))
        .collect();
    let json = json!({
        "schema": "orchestra.policy-list/v1",
        "packs": listed.iter().map(|pack| json!({
            "name": pack.name,
            "pack": pack.id,
            "place": pack.place,
            "description": pack.about,
            "chosen": pack.is_chosen,
        })).collect::<Vec<_>>(),
        "chosen": chosen,
        "folder": policy::own_folder().map(|dir| dir.display().to_string()),
    });
    context.answer(|| page(context, &listed, &chosen), json)?;
    Ok(exit_code::OK)
}

fn listed(name: String, chosen: &str) -> Listed {
    let place = match policy::find(&name) {
        Ok(PackPlace::File(path)) => path.display().to_string(),
        Ok(PackPlace::BuiltIn(_)) | Err(_) => "built in".to_owned(),
    };
    let (id, about) = match policy::load_pack(&name) {
        Ok(pack) => (pack.id(), pack.description.unwrap_or_default()),
        Err(error) => (name.clone(), format!("unusable: {}", error.message)),
    };
    Listed {
        is_chosen: name == chosen,
        name,
        id,
        place,
        about,
    }
}

fn page(context: &Context, listed: &[Listed], chosen: &str) -> String {
    let column = |cell: &dyn Fn(&Listed) -> String| -> Vec<Cell> {
        let cells = listed.iter().map(cell);
        cells
            .map(|text| Cell::from(sanitize(&text).into_owned()))
            .collect()
    };
    let mark = |pack: &Listed| if pack.is_chosen { "*" } else { " " };
    let columns = vec![
        Column::text(column(&|pack| format!("{} {}", mark(pack), pack.id))),
        Column::text(column(&|pack| pack.place.clone())).spare(1),
        Column::text(column(&|pack| pack.about.clone())),
    ];
    let width = columns::width(&context.ui);
    let mut text = columns::render(columns, width, context.ui.out_painter());
    if !listed.iter().any(|pack| pack.is_chosen) {
        text.push_str(&format!("* {}\n", sanitize(chosen)));
    }
    text
}
