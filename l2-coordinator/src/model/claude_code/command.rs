//! The command line, the environment and the prompt of a call.

use std::process::Stdio;

use tokio::process::Command;

use super::options::ClaudeCodeOptions;
use super::place::Place;
use super::tree::MARK;
use crate::model::{ErrorKind, ModelError, ModelRequest, Role};

/// Longest schema: the kernel takes no argument of 128 KiB or more.
const MAX_SCHEMA_BYTES: usize = 120 * 1024;
/// Turns of the program's own loop. One answers; a schema takes one more for each of its own repairs.
const MAX_TURNS: &str = "8";

/// The call as a process to be started: nothing inherited, no tools, no settings, no memory.
pub(super) fn command(
    options: &ClaudeCodeOptions,
    place: &Place,
    request: &ModelRequest,
) -> Result<Command, ModelError> {
    let mut command = Command::new(&options.program);
    command
        .args(["-p", "--output-format", "stream-json", "--verbose"])
        .arg("--include-partial-messages")
        .args(["--tools", "", "--strict-mcp-config"])
        .args(["--safe-mode", "--setting-sources", ""])
        .args([
            "--permission-mode",
            "dontAsk",
            "--permission-prompts",
            "none",
        ])
        .args(["--no-session-persistence", "--max-turns", MAX_TURNS])
        .args(["--model", &request.model])
        .arg("--system-prompt-file")
        .arg(place.system());
    if let Some(effort) = request.effort {
        command.args(["--effort", effort.as_str()]);
    }
    if let Some(schema) = &request.schema {
        let schema = schema.to_string();
        if schema.len() > MAX_SCHEMA_BYTES {
            let message = format!("the schema is larger than {MAX_SCHEMA_BYTES} bytes");
            return Err(ModelError::new(ErrorKind::Refused, message));
        }
        command.args(["--json-schema", &schema]);
    }
    command
        .env_clear()
        .envs(&options.env)
        .envs(
            options
                .secrets
                .iter()
                .map(|(name, secret)| (name, secret.expose())),
        )
        .env("HOME", &options.home)
        .env(
            "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
            request.max_tokens.to_string(),
        )
        .env(MARK, place.name())
        .current_dir(place.cwd())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    Ok(command)
}

/// What is written to its input: the one message as it is; of a longer conversation the whole, as JSON,
/// since the program takes no turns of the model.
pub(super) fn prompt(request: &ModelRequest) -> String {
    match &request.messages[..] {
        [only] if only.role == Role::User => only.text.clone(),
        turns => {
            let turns = serde_json::to_string(turns).expect("turns are text");
            format!(
                "This is a conversation between a user and you (the assistant), as JSON, oldest turn \
                 first. Answer its last turn, and nothing else.\n\n{turns}\n"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Turn;

    fn request(turns: &[(Role, &str)]) -> ModelRequest {
        let turn = |(role, text): &(Role, &str)| Turn {
            role: *role,
            text: (*text).to_owned(),
        };
        ModelRequest {
            model: "claude-opus-5-5".into(),
            system: "be brief".into(),
            messages: turns.iter().map(turn).collect(),
            schema: None,
            max_tokens: 100,
            effort: None,
        }
    }

    #[test]
    fn one_message_is_itself_and_more_are_json() {
        assert_eq!(
            prompt(&request(&[(Role::User, "hi\n\"you\"")])),
            "hi\n\"you\""
        );
        let text = prompt(&request(&[
            (Role::User, "a"),
            (Role::Assistant, "b\"},{"),
            (Role::User, "c"),
        ]));
        let json = text.split_once("\n\n").unwrap().1;
        let turns: Vec<Turn> = serde_json::from_str(json).unwrap();
        assert_eq!(turns[1].text, "b\"},{");
        assert_eq!(turns.len(), 3);
    }

    #[test]
    fn a_schema_that_is_no_argument_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let place = Place::make(scratch.path(), "").unwrap();
        let options = ClaudeCodeOptions::new("claude", "/", scratch.path());
        let mut request = request(&[(Role::User, "x")]);
        request.schema = Some(serde_json::json!({"description": "x".repeat(MAX_SCHEMA_BYTES)}));
        let error = command(&options, &place, &request).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        request.schema = Some(serde_json::json!({}));
        assert!(command(&options, &place, &request).is_ok());
    }
}
