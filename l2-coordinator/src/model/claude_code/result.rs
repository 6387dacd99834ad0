//! What the output, and the way the program ended, come to: a reply, or why there is none.

use std::process::ExitStatus;

use protocol::policy::{denials, one_line};
use serde_json::Value;

use super::reader::Said;
use super::usage::used;
use crate::model::wire::by_status;
use crate::model::{ErrorKind, ModelError, ModelReply, ModelRequest, Stop, Used};

/// Most characters of what the program said went wrong.
const MAX_SAID: usize = 300;

/// How it ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// By itself, or by a signal that was not ours; `stderr` is the end of what it complained.
    Alone { status: ExitStatus, stderr: String },
    /// It was killed: it took longer than allowed.
    Wall,
    /// It was killed: it was silent for longer than allowed.
    Idle,
    /// It was killed: it wrote more than allowed.
    Flood,
    /// It was killed: it did not end once everything was said.
    Lingered,
}

/// The reply, if there is one. A result counts, however the program ended after it.
pub(super) fn reply(
    mut said: Said,
    request: &ModelRequest,
    ended: &Ended,
) -> Result<ModelReply, ModelError> {
    let Some(result) = said.result.take() else {
        return Err(without_result(&said, ended));
    };
    let model = said.model.clone().unwrap_or_else(|| request.model.clone());
    let used = used(&result, &model);
    // The word `success` is no promise.
    let is_error = result["is_error"].as_bool().unwrap_or(false);
    let subtype = result["subtype"].as_str().unwrap_or("success");
    if is_error || subtype != "success" {
        return Err(failed(&said, &result, used));
    }
    let structured = request
        .schema
        .as_ref()
        .map(|_| &result["structured_output"]);
    let structured = structured.filter(|value| !value.is_null());
    let text = match structured {
        Some(value) => value.to_string(),
        None => result["result"].as_str().unwrap_or_default().to_owned(),
    };
    let stop = stop(&result, structured.is_some());
    if text.is_empty() && stop == Stop::End {
        let mut error = ModelError::new(ErrorKind::Transient, "claude ended without an answer");
        error.used = Some(used);
        error.request_id = said.request_id;
        return Err(error);
    }
    let denied = denials(&result["permission_denials"]);
    let findings = denied.iter().map(|tool| tool.finding(None)).collect();
    Ok(ModelReply {
        text,
        stop,
        used,
        model,
        id: said.id,
        request_id: said.request_id,
        tool_calls: said.tools,
        findings,
    })
}

fn stop(result: &Value, is_structured: bool) -> Stop {
    match result["stop_reason"].as_str() {
        None | Some("end_turn" | "stop_sequence") => Stop::End,
        // Its own tool is how the program keeps a reply to a schema.
        Some("tool_use") if is_structured => Stop::End,
        Some("tool_use") => Stop::ToolUse,
        Some("max_tokens") => Stop::MaxTokens,
        Some("model_context_window_exceeded") => Stop::ContextFull,
        Some("pause_turn") => Stop::Paused,
        Some("refusal") => {
            let details = &result["stop_details"];
            let said = |key: &str| details[key].as_str().map(|text| one_line(text, MAX_SAID));
            Stop::Refusal {
                category: said("category"),
                explanation: said("explanation"),
            }
        }
        Some(word) => Stop::Other {
            word: one_line(word, MAX_SAID),
        },
    }
}

/// The result says that it failed.
fn failed(said: &Said, result: &Value, used: Vec<Used>) -> ModelError {
    let status = &result["api_error_status"];
    let status = status.as_u64().or_else(|| status.as_str()?.parse().ok());
    let status = status.and_then(|status| u16::try_from(status).ok());
    let subtype = result["subtype"].as_str().unwrap_or_default();
    let terminal = result["terminal_reason"].as_str().unwrap_or_default();
    let kind = match (status, said.error.as_deref(), terminal, subtype) {
        (Some(status), ..) => by_status(status).0,
        (None, Some("authentication_failed" | "billing_error"), ..) => ErrorKind::Fatal,
        (None, Some("invalid_request"), ..) => ErrorKind::Refused,
        (None, _, "prompt_too_long", _) => ErrorKind::Refused,
        // Its own limits, and a schema it could not keep to in its own repairs: no better next time.
        (.., "error_max_turns" | "error_max_budget_usd") => ErrorKind::Fatal,
        (.., "error_max_structured_output_retries") => ErrorKind::Fatal,
        _ => ErrorKind::Transient,
    };
    let errors = result["errors"].as_array().into_iter().flatten();
    let mut words = errors.chain([&result["result"]]).filter_map(Value::as_str);
    let word = words.find(|word| !word.trim().is_empty());
    let word = word.unwrap_or(if terminal.is_empty() {
        subtype
    } else {
        terminal
    });
    let message = format!("claude failed: {}", one_line(word, MAX_SAID));
    let mut error = ModelError::new(kind, message);
    if status == Some(401) || said.error.as_deref() == Some("authentication_failed") {
        error = error.help("start `claude` once and log in, or give it a key");
    }
    error.status = status;
    error.code = match said.error.clone() {
        None if subtype == "success" || subtype.is_empty() => None,
        None => Some(one_line(subtype, MAX_SAID)),
        code => code,
    };
    error.request_id.clone_from(&said.request_id);
    // Where the model never began, nothing was billed.
    error.used = (said.began || !used.is_empty()).then_some(used);
    error
}

/// Nothing is known of what was asked and answered, so it counts as billed.
fn without_result(said: &Said, ended: &Ended) -> ModelError {
    let (kind, message) = match ended {
        Ended::Wall => (
            ErrorKind::TimedOut,
            "claude took longer than allowed and was killed".to_owned(),
        ),
        Ended::Idle => (
            ErrorKind::TimedOut,
            "claude was silent for longer than allowed and was killed".to_owned(),
        ),
        Ended::Flood => (
            ErrorKind::Transient,
            "claude wrote more than allowed and was killed".to_owned(),
        ),
        Ended::Lingered => (
            ErrorKind::Transient,
            "claude closed its output without a result, did not end, and was killed".to_owned(),
        ),
        Ended::Alone { status, stderr } => {
            let complaint = match stderr.as_str() {
                "" => String::new(),
                said => format!(": {said}"),
            };
            (
                ErrorKind::Transient,
                format!("claude ended ({status}) without a result{complaint}"),
            )
        }
    };
    let message = match said.long_lines {
        0 => message,
        many => format!("{message}; {many} of its lines were too long to be read"),
    };
    let mut error = ModelError::new(kind, message);
    error.request_id.clone_from(&said.request_id);
    error.used = Some(Vec::new());
    error
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(schema: Option<Value>) -> ModelRequest {
        ModelRequest {
            model: "m".into(),
            system: String::new(),
            messages: Vec::new(),
            schema,
            max_tokens: 1,
            effort: None,
        }
    }

    fn of(result: Value, schema: Option<Value>) -> Result<ModelReply, ModelError> {
        let said = Said {
            result: Some(result),
            ..Said::default()
        };
        reply(said, &request(schema), &Ended::Lingered)
    }

    #[test]
    fn structured_output_is_preferred_where_there_is_a_schema() {
        let result = json!({"type": "result", "subtype": "success", "result": "prose",
            "stop_reason": "tool_use", "structured_output": {"b": 1, "a": 2}});
        let with = of(result.clone(), Some(json!({}))).unwrap();
        assert_eq!((&*with.text, with.stop), (r#"{"a":2,"b":1}"#, Stop::End));
        let without = of(result, None).unwrap();
        assert_eq!((&*without.text, without.stop), ("prose", Stop::ToolUse));
        let older = of(json!({"result": "{}"}), Some(json!({}))).unwrap();
        assert_eq!(older.text, "{}");
    }

    #[test]
    fn every_reason_to_stop_has_its_word() {
        let stop_of = |reason: &str| {
            let result = json!({"result": "", "stop_reason": reason,
                "stop_details": {"category": "cyber", "explanation": "no\nno"}});
            of(result, None).map(|reply| reply.stop)
        };
        assert_eq!(stop_of("max_tokens"), Ok(Stop::MaxTokens));
        assert_eq!(
            stop_of("model_context_window_exceeded"),
            Ok(Stop::ContextFull)
        );
        assert_eq!(stop_of("pause_turn"), Ok(Stop::Paused));
        assert_eq!(stop_of("tool_use"), Ok(Stop::ToolUse));
        assert_eq!(
            stop_of("later"),
            Ok(Stop::Other {
                word: "later".into()
            })
        );
        assert_eq!(
            stop_of("refusal"),
            Ok(Stop::Refusal {
                category: Some("cyber".into()),
                explanation: Some("no no".into())
            })
        );
        let empty = stop_of("end_turn").unwrap_err();
        assert_eq!(
            (empty.kind, empty.may_repeat()),
            (ErrorKind::Transient, false)
        );
    }

    #[test]
    fn every_failure_has_its_kind() {
        for (result, kind, code) in [
            (
                json!({"is_error": true, "subtype": "success", "api_error_status": 401}),
                ErrorKind::Fatal,
                None,
            ),
            (
                json!({"is_error": true, "api_error_status": "429"}),
                ErrorKind::Transient,
                None,
            ),
            (
                json!({"is_error": true, "api_error_status": 529}),
                ErrorKind::Transient,
                None,
            ),
            (
                json!({"is_error": true, "api_error_status": 404}),
                ErrorKind::Fatal,
                None,
            ),
            (
                json!({"is_error": true, "api_error_status": 413}),
                ErrorKind::Refused,
                None,
            ),
            (
                json!({"is_error": true, "terminal_reason": "prompt_too_long"}),
                ErrorKind::Refused,
                None,
            ),
            (
                json!({"is_error": true, "api_error_status": {"odd": 1}}),
                ErrorKind::Transient,
                None,
            ),
            (
                json!({"subtype": "error_during_execution"}),
                ErrorKind::Transient,
                Some("error_during_execution"),
            ),
            (
                json!({"subtype": "error_max_turns"}),
                ErrorKind::Fatal,
                Some("error_max_turns"),
            ),
            (
                json!({"subtype": "error_max_budget_usd"}),
                ErrorKind::Fatal,
                Some("error_max_budget_usd"),
            ),
            (
                json!({"subtype": "error_max_structured_output_retries"}),
                ErrorKind::Fatal,
                Some("error_max_structured_output_retries"),
            ),
            (
                json!({"subtype": "error_of_tomorrow"}),
                ErrorKind::Transient,
                Some("error_of_tomorrow"),
            ),
        ] {
            let error = of(result.clone(), None).unwrap_err();
            assert_eq!(
                (error.kind, error.code.as_deref()),
                (kind, code),
                "{result}"
            );
            assert_eq!(error.used, None, "nothing began: {result}");
        }
        let billed = json!({"is_error": true, "errors": ["", "it\nbroke"],
            "modelUsage": {"m": {"outputTokens": 3}}});
        let error = of(billed, None).unwrap_err();
        assert_eq!(error.message, "claude failed: it broke");
        assert_eq!(error.used.map(|used| used[0].usage.output), Some(3));
    }

    #[test]
    fn words_of_a_message_decide_where_there_is_no_status() {
        for (word, kind) in [
            ("authentication_failed", ErrorKind::Fatal),
            ("billing_error", ErrorKind::Fatal),
            ("invalid_request", ErrorKind::Refused),
            ("server_error", ErrorKind::Transient),
        ] {
            let said = Said {
                result: Some(json!({"is_error": true, "subtype": "success", "result": "x"})),
                error: Some(word.into()),
                ..Said::default()
            };
            let error = reply(said, &request(None), &Ended::Lingered).unwrap_err();
            assert_eq!((error.kind, error.code.as_deref()), (kind, Some(word)));
        }
    }
}
