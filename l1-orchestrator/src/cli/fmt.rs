//! `orchestra fmt`: reads all files first, and writes none if one of them is wrong.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err::os::unix::fs::OpenOptionsExt as _;
use protocol::scenario::{Parsed, Rewritten, parse, rewrite};
use serde_json::{Value, json};

use super::args::{Fmt, Format};
use super::context::Context;
use super::error::CliError;
use super::scenario_file;
use crate::exit_code;
use crate::report::words;
use crate::ui::sanitize;

/// Files of one call; a shell passes more than that only by accident.
const MAX_FILES: usize = 10_000;
/// What UTF-8 files of some editors start with.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A file and what becomes of it.
struct Formatted {
    path: PathBuf,
    name: String,
    rewritten: Rewritten,
    has_mark: bool,
}

impl Formatted {
    fn is_changed(&self) -> bool {
        !self.rewritten.words.is_empty()
    }

    fn is_stdin(&self) -> bool {
        self.path == Path::new("-")
    }

    fn text(&self) -> String {
        let mark = if self.has_mark { BYTE_ORDER_MARK } else { "" };
        format!("{mark}{}", self.rewritten.text)
    }

    fn to_json(&self, check: bool) -> Value {
        let words = self.rewritten.words.iter();
        let words = words.map(
            |word| json!({ "line": word.line, "alias": word.alias, "canonical": word.canonical }),
        );
        let mut file = json!({
            "file": self.name,
            "changed": self.is_changed(),
            "words": words.collect::<Vec<_>>(),
        });
        if self.is_stdin() && !check {
            file["text"] = json!(self.text());
        }
        file
    }
}

pub(super) fn fmt(context: &Context, args: &Fmt) -> Result<u8, CliError> {
    let stdin = args.files.iter().filter(|path| *path == Path::new("-"));
    let several = stdin.count() > 0 && args.files.len() > 1;
    if several || args.files.len() > MAX_FILES {
        let message = match several {
            true => "`-` stands alone".to_owned(),
            false => format!("more than {MAX_FILES} files"),
        };
        return Err(CliError::usage("too-many-files", message).hint("format them one by one"));
    }
    let files = read_all(context, &args.files)?;
    let changed: Vec<&Formatted> = files.iter().filter(|file| file.is_changed()).collect();
    if !args.check {
        for file in changed.iter().filter(|file| !file.is_stdin()) {
            replace(&file.path, file.text().as_bytes()).map_err(|error| {
                let message = format!("{} cannot be written", file.name);
                CliError::not_ready("file-unwritable", message).because(error)
            })?;
        }
    }
    let code = match args.check && !changed.is_empty() {
        true => exit_code::DIFFERENT,
        false => exit_code::OK,
    };
    match context.format {
        Format::Text => text(context, &files, args.check)?,
        Format::Json => {
            let files: Vec<Value> = files.iter().map(|file| file.to_json(args.check)).collect();
            context.object(
                &json!({ "schema": "orchestra.fmt/v1", "check": args.check, "files": files }),
            )?;
        }
        Format::Jsonl => {
            for file in &files {
                let mut line = file.to_json(args.check);
                line["schema"] = json!("orchestra.fmt-file/v1");
                context.object(&line)?;
            }
        }
    }
    Ok(code)
}

/// Stdout has the files that are changed, a line each, or the text of stdin.
fn text(context: &Context, files: &[Formatted], check: bool) -> Result<(), CliError> {
    for file in files {
        if file.is_stdin() && !check {
            context.ui.data(&file.text())?;
        } else if file.is_changed() {
            context.ui.data(&format!("{}\n", sanitize(&file.name)))?;
        }
    }
    let changed: Vec<&Formatted> = files.iter().filter(|file| file.is_changed()).collect();
    let count = |files: usize| words::count(files, "file");
    let rewritten = changed.iter().map(|file| file.rewritten.words.len()).sum();
    let rewritten = words::count(rewritten, "word");
    let line = match (changed.len(), check) {
        (0, _) => format!("{} of canonical words only", count(files.len())),
        (some, true) => format!("{rewritten} in {} would be rewritten", count(some)),
        (some, false) => format!("{rewritten} in {} rewritten", count(some)),
    };
    context.ui.note(&line);
    Ok(())
}

fn read_all(context: &Context, paths: &[PathBuf]) -> Result<Vec<Formatted>, CliError> {
    let mut files = Vec::with_capacity(paths.len());
    let mut wrong = Vec::new();
    let mut first = None;
    for path in paths {
        let is_stdin = path == Path::new("-");
        let name = match is_stdin {
            true => "stdin".to_owned(),
            false => path.display().to_string(),
        };
        let source = if is_stdin {
            Path::new("/dev/stdin")
        } else {
            path
        };
        let bytes = scenario_file::read_bytes(context, source)?;
        let Parsed {
            scenario,
            diagnostics,
            source,
        } = parse(&name, &bytes);
        if scenario.is_some() {
            files.push(Formatted {
                path: path.clone(),
                name,
                rewritten: rewrite(&source),
                has_mark: bytes.starts_with(BYTE_ORDER_MARK.as_bytes()),
            });
        } else {
            first.get_or_insert_with(|| Arc::clone(&source));
            wrong.extend(diagnostics.into_iter().map(|problem| problem.of(&source)));
        }
    }
    match first {
        None => Ok(files),
        Some(source) => {
            let mut error = CliError::problems(source, wrong);
            error.message = error
                .message
                .replace("nothing was run", "nothing was written");
            Err(error)
        }
    }
}

/// Puts new content in a file's place in one step: whoever reads it sees the old one or the new one.
/// A link stays a link, and the file keeps its mode.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = fs_err::canonicalize(path)?;
    let mode = fs_err::metadata(&path)?.permissions();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = path.with_file_name(format!(".{name}.{}.fmt", std::process::id()));
    let mut options = fs_err::OpenOptions::new();
    // Readable for nobody else until it has the mode of what it replaces.
    let opened = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh);
    let written = opened.and_then(|mut file| {
        file.write_all(bytes)?;
        fs_err::set_permissions(&fresh, mode)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs_err::rename(&fresh, &path));
    if renamed.is_err() {
        // It may never have been made; then there is nothing to remove.
        let _gone = fs_err::remove_file(&fresh);
    }
    renamed
}
