//! What an agent CLI says it was denied: `permission_denials` of its result. Detection only.

use serde_json::Value;

use super::codes::AGENT_DENIED;
use super::finding::{Finding, one_line};
use crate::ids::TaskId;

/// Most denials of one result that are told one by one; an agent in a loop says the same again.
const MAX_TOLD: usize = 16;
/// Most characters of a tool's name.
const MAX_NAME: usize = 80;
/// Most of a result that is looked at.
const MAX_RESULT_BYTES: usize = 4 * 1024 * 1024;

/// Findings from the output of a task that is an agent CLI (`claude -p --output-format json` or
/// `stream-json`): the last result object in it, if there is one.
#[must_use]
pub fn agent_findings(output: &[u8], task: Option<&TaskId>) -> Vec<Finding> {
    let start = output.len().saturating_sub(MAX_RESULT_BYTES);
    let lines = output[start..].split(|&byte| byte == b'\n').rev();
    // Cheap before dear: most output is no JSON at all.
    let found = lines.filter(|line| matches!(line.trim_ascii_start().first(), Some(b'{' | b'[')));
    let values = found.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    // With `--verbose` all messages are one array.
    let messages = values.map(|value| match value {
        Value::Array(mut messages) => messages.pop().unwrap_or_default(),
        value => value,
    });
    let mut results = messages.filter(|message| message["type"] == "result");
    results.next().map_or_else(Vec::new, |result| {
        denial_findings(&result["permission_denials"], task)
    })
}

/// One finding for each tool that `permission_denials` names, with how often. What the tool was to
/// do is not quoted: it may hold anything.
#[must_use]
pub fn denial_findings(denials: &Value, task: Option<&TaskId>) -> Vec<Finding> {
    let mut tools: Vec<(String, u32)> = Vec::new();
    for denial in denials.as_array().map_or(&[][..], Vec::as_slice) {
        let name = denial["tool_name"]
            .as_str()
            .unwrap_or("a tool without a name");
        let name = one_line(name, MAX_NAME);
        match tools.iter().position(|(known, _)| *known == name) {
            Some(at) => tools[at].1 = tools[at].1.saturating_add(1),
            None if tools.len() < MAX_TOLD => tools.push((name, 1)),
            None => {}
        }
    }
    let findings = tools.into_iter().map(|(name, times)| {
        let often = match times {
            1 => String::new(),
            times => format!(" ({times} times)"),
        };
        let said = format!("the agent wanted to use {name}{often} and was denied it");
        AGENT_DENIED.finding(said, task)
    });
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(output: &str) -> Vec<String> {
        let findings = agent_findings(output.as_bytes(), None);
        assert!(findings.iter().all(|one| one.code == "agent-denied"));
        findings.into_iter().map(|one| one.message).collect()
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
