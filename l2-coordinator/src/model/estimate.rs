//! Tokens of a text before anybody counted them: for reservations, never for bills.

use super::request::ModelRequest;

/// Bytes of text a token stands for, at least. English has about four, code and other scripts fewer;
/// an estimate that is too high reserves too much for a moment, one too low breaks a budget.
pub const BYTES_PER_TOKEN: u64 = 3;

/// Tokens of one message beyond its text: role, and marks around it.
const PER_TURN: u64 = 8;

/// Tokens of a text, rounded up.
#[must_use]
pub const fn estimate_text(text: &str) -> u64 {
    (text.len() as u64).div_ceil(BYTES_PER_TOKEN)
}

/// Tokens of a request's prompt, rounded up: everything that is sent counts, the schema too.
#[must_use]
pub fn estimate_prompt(request: &ModelRequest) -> u64 {
    let messages = request.messages.iter();
    let turns: u64 = messages
        .map(|turn| estimate_text(&turn.text) + PER_TURN)
        .sum();
    let schema = request.schema.as_ref().map(serde_json::Value::to_string);
    let schema = schema.as_deref().map_or(0, estimate_text);
    estimate_text(&request.system) + PER_TURN + turns + schema
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Role, Turn};

    #[test]
    fn an_estimate_counts_bytes_and_rounds_up() {
        for (text, tokens) in [("", 0), ("a", 1), ("abc", 1), ("abcd", 2), ("\u{1f980}", 2)] {
            assert_eq!(estimate_text(text), tokens, "{text}");
        }
    }

    #[test]
    fn every_part_of_a_prompt_counts() {
        let turn = |text: &str| Turn {
            role: Role::User,
            text: text.to_owned(),
        };
        let bare = ModelRequest {
            model: "m".to_owned(),
            system: String::new(),
            messages: vec![turn("")],
            schema: None,
            max_tokens: 1,
            effort: None,
        };
        let least = estimate_prompt(&bare);
        let system = ModelRequest {
            system: "x".repeat(300),
            ..bare.clone()
        };
        let messages = ModelRequest {
            messages: vec![turn(""), turn(&"x".repeat(300))],
            ..bare.clone()
        };
        let schema = ModelRequest {
            schema: Some(json!("x".repeat(300))),
            ..bare
        };
        assert_eq!(estimate_prompt(&system), least + 100);
        assert_eq!(estimate_prompt(&messages), least + 100 + PER_TURN);
        assert_eq!(estimate_prompt(&schema), least + 101);
    }
}
