//! Rules for a task that asks a model: what means nothing beside a question, what a reply can become, and
//! bounds. Whether what it gets to see exists is checked with the other references.

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::expr::Template;

use super::check_schema::check_schema;
use super::check_task::{check_count, check_template, check_text};
use super::draft::DraftTask;
use super::limits::{MAX_CONTEXT, MAX_CONTEXT_TOKENS, MAX_PROMPT_BYTES, MAX_REPLY_TOKENS};
use super::prompt::{Parse, Prompt};
use super::types::{OutputType, Workspace};

pub(super) fn check_prompt(task: &DraftTask, problems: &mut Problems) {
    let Some(prompt) = &task.prompt else {
        return check_unasked(task, problems);
    };
    // Of two kinds nobody can say which one the other keys are meant for.
    if task.run.is_some() || task.command.is_some() || task.uses.is_some() {
        return;
    }
    let place = |field| Place::task(&task.id).field(field);
    check_question(prompt, &place("prompt"), problems);
    check_meaningless(task, problems);
    check_bounds(task, problems);
    if let Some(fallback) = &task.fallback {
        match &fallback.prompt {
            Some(other) => check_question(other, &place("fallback.prompt"), problems),
            None if fallback.tier.is_none() => problems.push(
                Diagnostic::error("missing-key", "a fallback needs `prompt`, `tier` or both")
                    .in_place(place("fallback")),
            ),
            None => {}
        }
        let same = task.model.unwrap_or_default().tier;
        if fallback.prompt.is_none() && fallback.tier == Some(same) {
            let message = format!("the fallback asks the same of the same model, `{same}`");
            problems.push(
                Diagnostic::error("unused-key", message)
                    .in_place(place("fallback"))
                    .help("write another `tier`, or another `prompt`"),
            );
        }
    }
    match &task.output_schema {
        // Whoever reads a scenario's files has put the schema in its place; a plan is refused elsewhere.
        None | Some(Value::String(_)) => {}
        Some(schema) => check_schema(schema, &place("output_schema"), problems),
    }
    check_parse(task, problems);
}

/// Keys of a question on a task that asks none.
fn check_unasked(task: &DraftTask, problems: &mut Problems) {
    let given = [
        ("context", !task.context.is_empty()),
        ("context_tokens", task.context_tokens.is_some()),
        ("output_schema", task.output_schema.is_some()),
        ("parse", task.parse.is_some()),
        ("model", task.model.is_some()),
        ("fallback", task.fallback.is_some()),
    ];
    for (field, _) in given.into_iter().filter(|(_, given)| *given) {
        let help = match field {
            "context" => {
                "files for a program are staged with `files`, values come in through `env`"
            }
            _ => "remove it, or write `prompt`",
        };
        problems.push(
            Diagnostic::error(
                "unused-key",
                format!("`{field}` means nothing without `prompt`"),
            )
            .in_place(Place::task(&task.id).field(field))
            .help(help),
        );
    }
}

fn check_question(text: &Template, place: &Place, problems: &mut Problems) {
    if text.as_str().trim().is_empty() {
        let message = "there is nothing to ask";
        problems.push(Diagnostic::error("empty-prompt", message).in_place(place.clone()));
    }
    check_template(text, place, problems);
    if text.as_str().len() > MAX_PROMPT_BYTES {
        let message = format!("{} bytes; at most {MAX_PROMPT_BYTES}", text.as_str().len());
        problems.push(
            Diagnostic::error("value-too-long", message)
                .in_place(place.clone())
                .help("make it a file and name that in `context`"),
        );
    }
}

fn check_meaningless(task: &DraftTask, problems: &mut Problems) {
    let no_process = "no program is started";
    let exits = task
        .retry
        .as_ref()
        .map(|retry| !retry.exit_codes.is_empty());
    let meaningless = [
        ("shell", task.shell.is_some(), no_process),
        (
            "env",
            !task.env.is_empty(),
            "write values into the prompt as `${{ … }}`",
        ),
        (
            "secrets",
            !task.secrets.is_empty(),
            "no secret is ever shown to a model",
        ),
        (
            "files",
            !task.files.is_empty(),
            "name in `context` what the model gets to see",
        ),
        ("working_dir", task.working_dir.is_some(), no_process),
        (
            "workspace",
            task.workspace != Workspace::default(),
            "a model works in no directory; name in `context` what it gets to see",
        ),
        ("effects", task.effects.is_some(), no_process),
        (
            "retry",
            exits == Some(true),
            "a model has no `exit_codes`; write `when: [invalid_output]`",
        ),
    ];
    for (field, _, help) in meaningless.into_iter().filter(|(_, given, _)| *given) {
        let place = Place::task(&task.id).field(field);
        let (place, named) = match field {
            "retry" => (place.key("exit_codes"), "exit_codes"),
            _ => (place, field),
        };
        problems.push(
            Diagnostic::error(
                "unused-key",
                format!("`{named}` means nothing beside `prompt`"),
            )
            .in_place(place)
            .help(format!("remove it: {help}")),
        );
    }
}

fn check_bounds(task: &DraftTask, problems: &mut Problems) {
    let owner = Place::task(&task.id);
    let place = |field| Place::task(&task.id).field(field);
    check_count(task.context.len(), MAX_CONTEXT, &owner, "context", problems);
    let mut refuse = |most: u32, field, found: Option<u32>, place: Place| {
        if found.is_some_and(|found| found == 0 || found > most) {
            let message = format!("`{field}` is 1 to {most}");
            problems.push(Diagnostic::error("out-of-range", message).in_place(place));
        }
    };
    refuse(
        MAX_CONTEXT_TOKENS,
        "context_tokens",
        task.context_tokens,
        place("context_tokens"),
    );
    let reply = task.model.and_then(|model| model.max_tokens);
    refuse(
        MAX_REPLY_TOKENS,
        "max_tokens",
        reply,
        place("model").key("max_tokens"),
    );
    if task.context_tokens.is_some() && task.context.is_empty() {
        let message = "`context_tokens` means nothing without `context`";
        problems.push(
            Diagnostic::error("unused-key", message)
                .in_place(place("context_tokens"))
                .help("remove it, or name in `context` what the model gets to see"),
        );
    }
}

/// What a reply that is read in some way can fill.
fn check_parse(task: &DraftTask, problems: &mut Problems) {
    let place = |field| Place::task(&task.id).field(field);
    let has_schema = task.output_schema.is_some();
    let parse = task.parse.clone();
    let parse = parse.unwrap_or_else(|| Prompt::default_parse(has_schema));
    if let Parse::CodeBlock(Some(lang)) = &parse {
        check_text(lang, MAX_LANGUAGE_BYTES, &place("parse"), problems);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '.' | '-' | '_');
        if lang.is_empty() || !lang.chars().all(plain) {
            let message = "a code block's language is one word";
            problems.push(
                Diagnostic::error("invalid-name", message)
                    .in_place(place("parse"))
                    .help("as it stands behind the fence, such as `python`"),
            );
        }
    }
    if has_schema && parse != Parse::Json {
        let message = format!("`parse: {parse}` makes a text, and `output_schema` is of JSON");
        problems.push(
            Diagnostic::error("unused-key", message)
                .in_place(place("parse"))
                .help("remove one of them"),
        );
        return;
    }
    for (name, path) in task
        .artifacts
        .iter()
        .filter(|(_, path)| path.ends_with('/'))
    {
        let message = format!("a reply is one file, and `{path}` is a directory");
        problems.push(
            Diagnostic::error("artifact-shape", message)
                .in_place(place("artifacts").key(name))
                .help("name a file"),
        );
    }
    match parse {
        Parse::Json => check_members(task, problems),
        Parse::Text | Parse::CodeBlock(_) => check_whole(task, &parse, problems),
    }
}

/// Bytes of the word behind a fence.
const MAX_LANGUAGE_BYTES: usize = 32;

/// One text fills one output and one file.
fn check_whole(task: &DraftTask, parse: &Parse, problems: &mut Problems) {
    let place = |field| Place::task(&task.id).field(field);
    let help = "write `parse: json` or an `output_schema`: its members are told apart by name";
    for (field, names) in [
        ("outputs", task.outputs.keys().collect::<Vec<_>>()),
        ("artifacts", task.artifacts.keys().collect()),
    ] {
        if let Some(second) = names.get(1) {
            let message = format!("`parse: {parse}` makes one text, and `{field}` are several");
            problems.push(
                Diagnostic::error("reply-shape", message)
                    .in_place(place(field).key_name(second))
                    .help(help),
            );
        }
    }
    for (name, kind) in &task.outputs {
        if *kind != OutputType::String && task.outputs.len() == 1 {
            let message =
                format!("`parse: {parse}` makes a text, and `{name}` is of type `{kind}`");
            problems.push(
                Diagnostic::error("reply-shape", message)
                    .in_place(place("outputs").key(name))
                    .help("write `string`, or `parse: json` above"),
            );
        }
    }
}

/// Members of a JSON object fill outputs, and files if there are several, by their names.
fn check_members(task: &DraftTask, problems: &mut Problems) {
    let Some(members) = task.output_schema.as_ref().and_then(|schema| {
        let members = schema.get("properties")?.as_object()?;
        // What another part of the schema adds is not looked for.
        (schema.get("allOf").is_none() && schema.get("$ref").is_none()).then_some(members)
    }) else {
        return;
    };
    let several = task.artifacts.len() > 1;
    let outputs = task.outputs.keys().map(|name| ("outputs", name));
    let artifacts = task.artifacts.keys().map(|name| ("artifacts", name));
    for (field, name) in outputs.chain(artifacts.filter(|_| several)) {
        if members.contains_key(name) {
            continue;
        }
        let message = format!("the schema has no member `{name}`");
        let near = crate::nearest::nearest(name, members.keys().map(String::as_str));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "members of the reply are told apart by the names of its schema".to_owned(),
        };
        problems.push(
            Diagnostic::error("unknown-member", message)
                .in_place(Place::task(&task.id).field(field).key_name(name))
                .help(help),
        );
    }
}
