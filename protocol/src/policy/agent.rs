//! What an agent CLI says it was denied: `permission_denials` of its result. Detection only.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::codes::AGENT_DENIED;
use super::finding::{Finding, one_line};
use crate::ids::TaskId;

/// Most denials of one result that are told one by one; an agent in a loop says the same again.
const MAX_TOLD: usize = 16;
/// Most characters of a tool's name.
const MAX_NAME: usize = 80;
/// What a result calls them.
const DENIALS: &[u8] = b"permission_denials";
/// Most of a result that is looked at.
pub const MAX_RESULT_BYTES: usize = 4 * 1024 * 1024;

/// A tool that an agent wanted to use and was denied by its own rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct DeniedTool {
    /// Its name; one line, ≤ 80 characters.
    pub tool: String,
    /// How often.
    pub times: u32,
}

impl DeniedTool {
    /// What there is to say about it. What the tool was to do is not quoted: it may hold anything.
    #[must_use]
    pub fn finding(&self, task: Option<&TaskId>) -> Finding {
        let often = match self.times {
            1 => String::new(),
            times => format!(" ({times} times)"),
        };
        let name = one_line(&self.tool, MAX_NAME);
        let said = format!("the agent wanted to use {name}{often} and was denied it");
        AGENT_DENIED.finding(said, task)
    }
}

/// What an agent CLI was denied, from the end of its output (`claude -p --output-format json` or
/// `stream-json`): its last line is a result, or a list that ends with one. Nothing of any other output.
#[must_use]
pub fn denied_tools(output: &[u8]) -> Vec<DeniedTool> {
    let start = output.len().saturating_sub(MAX_RESULT_BYTES);
    let output = output[start..].trim_ascii_end();
    let line = output.rsplit(|&byte| byte == b'\n').next();
    let line = line.unwrap_or_default().trim_ascii_start();
    // Cheap before dear: most output is no result.
    let names_it = |line: &[u8]| line.windows(DENIALS.len()).any(|part| part == DENIALS);
    if !matches!(line.first(), Some(b'{' | b'[')) || !names_it(line) {
        return Vec::new();
    }
    // With `--verbose` all messages are one list.
    let result = match serde_json::from_slice(line) {
        Ok(Value::Array(mut messages)) => messages.pop().unwrap_or_default(),
        Ok(value) => value,
        Err(_) => return Vec::new(),
    };
    match result["type"] == "result" {
        true => denials(&result["permission_denials"]),
        false => Vec::new(),
    }
}

/// The tools that `permission_denials` of a result names, with how often.
#[must_use]
pub fn denials(denials: &Value) -> Vec<DeniedTool> {
    let mut tools: Vec<DeniedTool> = Vec::new();
    for denial in denials.as_array().map_or(&[][..], Vec::as_slice) {
        let name = denial["tool_name"].as_str();
        let tool = one_line(name.unwrap_or("a tool without a name"), MAX_NAME);
        match tools.iter().position(|known| known.tool == tool) {
            Some(at) => tools[at].times = tools[at].times.saturating_add(1),
            None if tools.len() < MAX_TOLD => tools.push(DeniedTool { tool, times: 1 }),
            None => {}
        }
    }
    tools
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(output: &str) -> Vec<String> {
        let tools = denied_tools(output.as_bytes());
        let findings = tools.iter().map(|tool| tool.finding(None));
        findings
            .inspect(|one| assert_eq!(one.code, "agent-denied"))
            .map(|one| one.message)
            .collect()
    }

    #[test]
    fn denials_are_counted_by_tool() {
        let output = r#"{"type":"system","subtype":"init"}
{"type":"result","subtype":"success","permission_denials":[{"tool_name":"Bash","tool_input":{"command":"rm -rf x"}},{"tool_name":"Write"},{"tool_name":"Bash"}]}
"#;
        assert_eq!(
            messages(output),
            [
                "the agent wanted to use Bash (2 times) and was denied it",
                "the agent wanted to use Write and was denied it"
            ]
        );
    }

    #[test]
    fn a_list_of_messages_ends_with_the_result() {
        let output =
            r#"[{"type":"system"},{"type":"result","permission_denials":[{"tool_name":"Edit"}]}]"#;
        assert_eq!(
            messages(output),
            ["the agent wanted to use Edit and was denied it"]
        );
    }

    #[test]
    fn what_is_no_result_says_nothing() {
        for output in [
            "",
            "plain text",
            r#"{"permission_denials":[{"tool_name":"Bash"}]}"#,
            r#"{"type":"result","permission_denials":[]}"#,
            r#"{"type":"result","permission_denials":"Bash"}"#,
            r#"{"type":"result""#,
            r#"{"type":"result","permission_denials":[{"tool_name":"Bash"}]"#,
            "{\"type\":\"result\",\"permission_denials\":[{\"tool_name\":\"Bash\"}]}\nand more",
        ] {
            assert_eq!(messages(output), [""; 0], "{output}");
        }
    }

    #[test]
    fn names_are_made_safe_and_many_are_cut() {
        let output =
            r#"{"type":"result","permission_denials":[{"tool_name":"a\u001b[31m\nb"},{}]}"#;
        assert_eq!(
            messages(output),
            [
                "the agent wanted to use a [31m b and was denied it",
                "the agent wanted to use a tool without a name and was denied it"
            ]
        );
        let many: Vec<String> = (0..100)
            .map(|n| format!(r#"{{"tool_name":"T{n}"}}"#))
            .collect();
        let output = format!(
            r#"{{"type":"result","permission_denials":[{}]}}"#,
            many.join(",")
        );
        assert_eq!(messages(&output).len(), MAX_TOLD);
    }
}
