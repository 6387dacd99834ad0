//! `orchestra init`: a scenario to start from, and the schema that its editor reads.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use protocol::nearest::nearest;
use serde_json::{Value, json};

use super::args::Init;
use super::columns::{self, Cell, Column};
use super::context::Context;
use super::error::CliError;
use crate::exit_code;
use crate::runs::quoted;
use crate::templates::{Template, all, find};

/// Where the schema lies beside a scenario; the first line of every template points there.
const SCHEMA: &str = ".orchestra/scenario-v1.json";
/// The template of those who name none.
const DEFAULT: &str = "minimal";
/// Longest schema that is looked at before it is replaced, bytes.
const MAX_SCHEMA_BYTES: u64 = 4 * 1024 * 1024;

pub(super) fn init(context: &Context, args: &Init) -> Result<u8, CliError> {
    if args.list {
        list(context)?;
        return Ok(exit_code::OK);
    }
    let template = template(args.template.as_deref().unwrap_or(DEFAULT))?;
    let path = path(args.name.as_deref().unwrap_or(template.name))?;
    let name = name(&path)?;
    write_new(&path, &template.named(&name))?;
    let schema = path.parent().unwrap_or(Path::new("")).join(SCHEMA);
    write_schema(&schema)?;
    let shown = path.display().to_string();
    let next = format!("orchestra run {}", quoted(&path));
    let json = json!({
        "schema": "orchestra.init/v1",
        "file": shown,
        "template": template.name,
        "editor_schema": schema.display().to_string(),
        "next": next,
    });
    context.answer(|| format!("{shown}\n"), json)?;
    let about = template.about;
    context.ui.note(&format!(
        "{about} Editors complete it by {}.",
        schema.display()
    ));
    context.ui.note(&format!("  next: {next}"));
    Ok(exit_code::OK)
}

fn template(name: &str) -> Result<&'static Template, CliError> {
    find(name).ok_or_else(|| {
        let near = nearest(name, all().iter().map(|template| template.name));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`orchestra init --list` lists what there is".to_owned(),
        };
        CliError::usage("unknown-template", format!("there is no template `{name}`")).hint(hint)
    })
}

/// `nightly`, `nightly.yaml` and `scenarios/nightly` are all names of files.
fn path(typed: &str) -> Result<PathBuf, CliError> {
    let bare = typed
        .strip_suffix(".yaml")
        .or_else(|| typed.strip_suffix(".yml"))
        .unwrap_or(typed);
    if bare.is_empty() || bare.ends_with('/') {
        let message = format!("`{typed}` names no file");
        return Err(CliError::usage("bad-name", message).hint("give it a name, such as `nightly`"));
    }
    let ending = if typed.ends_with(".yml") {
        "yml"
    } else {
        "yaml"
    };
    Ok(PathBuf::from(format!("{bare}.{ending}")))
}

/// The scenario's name, which is the file's.
fn name(path: &Path) -> Result<String, CliError> {
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    if stem.parse::<protocol::ids::ScenarioName>().is_ok() {
        return Ok(stem.to_owned());
    }
    let plain = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9' | '_' | '-') => c,
        _ => '-',
    };
    let near: String = stem.chars().map(plain).collect();
    let near = near
        .trim_matches(['-', '_'])
        .chars()
        .take(63)
        .collect::<String>();
    let message = format!("`{stem}` is no name of a scenario: it has `a-z`, `0-9`, `_` and `-`");
    let hint = (!near.is_empty()).then(|| format!("write `{near}`"));
    Err(CliError::usage("bad-name", message).maybe_hint(hint))
}

/// Writes a file that was not there before.
fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    let shown = path.display();
    let mut options = fs_err::OpenOptions::new();
    let made = options.write(true).create_new(true).open(path);
    let written = made.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => CliError::usage(
            "file-exists",
            format!("{shown} is there already; nothing was written"),
        )
        .hint("give another name, or move that file away"),
        io::ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(path);
            let message = format!("there is no folder {}", folder.display());
            CliError::usage("no-such-folder", message)
                .hint(format!("make it: `mkdir -p {}`", quoted(folder)))
        }
        _ => unwritable(path, error),
    })
}

/// Writes the schema, over an older one of ours but never over anything else.
fn write_schema(path: &Path) -> Result<(), CliError> {
    let schema = protocol::scenario::schema();
    let mut text = serde_json::to_string_pretty(&schema)
        .map_err(|error| CliError::internal("the schema is no JSON").because(error))?;
    text.push('\n');
    if let Some(there) = read_schema(path)? {
        if there == text {
            return Ok(());
        }
        let is_ours = serde_json::from_str::<Value>(&there)
            .is_ok_and(|there| there["title"] == schema["title"]);
        if !is_ours {
            let message = format!("{} is no schema of orchestra", path.display());
            return Err(CliError::usage("file-exists", message)
                .hint("move it away, then run `orchestra init` again"));
        }
    }
    let folder = path.parent().unwrap_or(path);
    let made = fs_err::create_dir_all(folder).and_then(|()| fs_err::write(path, text));
    made.map_err(|error| unwritable(path, error))
}

fn read_schema(path: &Path) -> Result<Option<String>, CliError> {
    match fs_err::metadata(path) {
        Ok(meta) if meta.is_file() && meta.len() <= MAX_SCHEMA_BYTES => {}
        Ok(_) => return Ok(Some(String::new())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unwritable(path, error)),
    }
    let bytes = fs_err::read(path).map_err(|error| unwritable(path, error))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn unwritable(path: &Path, error: io::Error) -> CliError {
    let message = format!("{} cannot be written", path.display());
    CliError::not_ready("unwritable", message).because(error)
}

fn list(context: &Context) -> Result<(), CliError> {
    let templates = all();
    let json: Vec<Value> = templates
        .iter()
        .map(|template| json!({ "name": template.name, "about": template.about }))
        .collect();
    let json = json!({ "schema": "orchestra.template-list/v1", "templates": json });
    let text = || {
        let cells = |of: fn(&Template) -> &'static str| -> Vec<Cell> {
            templates
                .iter()
                .map(|template| of(template).into())
                .collect()
        };
        let columns = vec![
            Column::text(cells(|template| template.name)),
            Column::text(cells(|template| template.about)),
        ];
        columns::render(
            columns,
            columns::width(&context.ui),
            context.ui.out_painter(),
        )
    };
    context.answer(text, json)
}
