//! Tokens by model, from `modelUsage` of a result: the one account that holds all the program asked.

use protocol::budget::Usage;
use protocol::policy::one_line;
use serde_json::{Map, Value};

use crate::model::Used;

/// Most models of one call.
const MAX_MODELS: usize = 16;
/// Most characters of a model's name.
const MAX_NAME: usize = 120;

/// What a result says was used; nothing if it says nothing that can be read.
pub(super) fn used(result: &Value, model: &str) -> Vec<Used> {
    let by_model = result["modelUsage"].as_object();
    let used = by_model.into_iter().flatten().take(MAX_MODELS);
    let used = used.filter_map(|(name, account)| {
        Some(Used {
            model: one_line(name, MAX_NAME),
            usage: camel(account.as_object()?),
        })
    });
    // An entry for a model that was only thought of says nothing.
    let used: Vec<Used> = used.filter(|one| one.usage.total() > 0).collect();
    let main = result["usage"].as_object().map(snake).unwrap_or_default();
    if used.is_empty() && main.total() > 0 {
        // Of the main loop only; there was no other, with no tools.
        return vec![Used {
            model: model.to_owned(),
            usage: main,
        }];
    }
    used
}

fn camel(account: &Map<String, Value>) -> Usage {
    let read = |key: &str| account.get(key).map_or(0, count);
    let written = read("cacheCreationInputTokens");
    // The parts are named at length, here or one level deeper; what is in no part lives five minutes.
    let hour = part(account, "ephemeral1h").min(written);
    Usage {
        input: read("inputTokens"),
        cache_write_5m: written - hour,
        cache_write_1h: hour,
        cache_read: read("cacheReadInputTokens"),
        output: read("outputTokens"),
        thinking: read("thinkingTokens").min(read("outputTokens")),
    }
}

fn snake(account: &Map<String, Value>) -> Usage {
    let read = |key: &str| account.get(key).map_or(0, count);
    let written = read("cache_creation_input_tokens");
    let hour = account
        .get("cache_creation")
        .map_or(0, |parts| count(&parts["ephemeral_1h_input_tokens"]))
        .min(written);
    Usage {
        input: read("input_tokens"),
        cache_write_5m: written - hour,
        cache_write_1h: hour,
        cache_read: read("cache_read_input_tokens"),
        output: read("output_tokens"),
        thinking: account
            .get("output_tokens_details")
            .map_or(0, |details| count(&details["thinking_tokens"])),
    }
}

/// The number under a key that holds `word` in any case, in this account or an object in it.
fn part(account: &Map<String, Value>, word: &str) -> u64 {
    let named = |key: &str| key.to_ascii_lowercase().contains(word);
    let inner = account.values().filter_map(Value::as_object).flatten();
    let mut all = account.iter().chain(inner);
    all.find(|(key, value)| named(key) && !value.is_object())
        .map_or(0, |(_, value)| count(value))
}

/// A count of tokens; what is none is nothing.
pub(super) fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn two_models_and_both_kinds_of_cache_are_told_apart() {
        let result = json!({"modelUsage": {
            "claude-opus-5-5": {"inputTokens": 10, "outputTokens": 20, "thinkingTokens": 5,
                "cacheReadInputTokens": 30, "cacheCreationInputTokens": 100,
                "cacheCreationEphemeral1hInputTokens": 60, "cacheCreationEphemeral5mInputTokens": 40,
                "costUSD": 0.5},
            "claude-haiku-5-5": {"inputTokens": 7, "outputTokens": 1,
                "cacheCreationInputTokens": 9, "cacheCreation": {"ephemeral1hInputTokens": 4}},
            "idle": {"inputTokens": 0}, "odd": 3},
            "usage": {"input_tokens": 1}});
        let used = used(&result, "x");
        let names: Vec<&str> = used.iter().map(|one| &*one.model).collect();
        assert_eq!(names, ["claude-haiku-5-5", "claude-opus-5-5"]);
        assert_eq!(
            used[1].usage,
            Usage {
                input: 10,
                cache_write_5m: 40,
                cache_write_1h: 60,
                cache_read: 30,
                output: 20,
                thinking: 5
            }
        );
        assert_eq!(
            (used[0].usage.cache_write_5m, used[0].usage.cache_write_1h),
            (5, 4)
        );
    }

    #[test]
    fn the_main_loop_stands_in_and_nonsense_is_nothing() {
        let result = json!({"usage": {"input_tokens": 3, "output_tokens": 4,
            "cache_creation_input_tokens": 5, "cache_creation": {"ephemeral_1h_input_tokens": 2}}});
        let used_by = used(&result, "m");
        assert_eq!((&*used_by[0].model, used_by[0].usage.total()), ("m", 12));
        assert_eq!(used_by[0].usage.cache_write_1h, 2);
        for nonsense in [
            json!({}),
            json!({"modelUsage": [1]}),
            json!({"modelUsage": {"m": {"inputTokens": -1, "outputTokens": "9"}}}),
            json!({"usage": {"input_tokens": 1.5}}),
        ] {
            assert_eq!(used(&nonsense, "m"), []);
        }
    }
}
