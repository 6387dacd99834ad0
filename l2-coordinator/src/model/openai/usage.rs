//! Tokens as this interface counts them, where a prompt includes what a cache held, brought to
//! disjoint classes.

use protocol::budget::Usage;
use serde_json::Value;

/// What a `usage` object says; nothing if it says neither prompt nor reply.
pub(super) fn read(from: &Value) -> Option<Usage> {
    let (prompt, output) = (
        from["prompt_tokens"].as_u64(),
        from["completion_tokens"].as_u64(),
    );
    if prompt.is_none() && output.is_none() {
        return None;
    }
    let (prompt, output) = (prompt.unwrap_or(0), output.unwrap_or(0));
    let details = &from["prompt_tokens_details"];
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    // Parts of the prompt, whatever they claim to be.
    let cache_read = count(&details["cached_tokens"]).min(prompt);
    let written = count(&details["cache_write_tokens"]).min(prompt - cache_read);
    let thinking = count(&from["completion_tokens_details"]["reasoning_tokens"]);
    Some(Usage {
        input: prompt - cache_read - written,
        cache_write_5m: written,
        cache_write_1h: 0,
        cache_read,
        output,
        thinking: thinking.min(output),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_prompt_is_split_and_never_counted_twice() {
        let usage = read(&json!({
            "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30},
            "completion_tokens_details": {"reasoning_tokens": 20},
        }))
        .unwrap();
        assert_eq!(
            usage,
            Usage {
                input: 10,
                cache_write_5m: 30,
                cache_write_1h: 0,
                cache_read: 60,
                output: 50,
                thinking: 20
            }
        );
        assert_eq!((usage.prompt(), usage.total()), (100, 150));
        let liar = json!({"prompt_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 9},
            "completion_tokens_details": {"reasoning_tokens": 20}});
        let usage = read(&liar).unwrap();
        assert_eq!(
            (usage.prompt(), usage.cache_read, usage.thinking),
            (5, 5, 0)
        );
    }

    #[test]
    fn what_counts_nothing_is_not_known() {
        for nothing in [
            json!(null),
            json!({}),
            json!([1]),
            json!({"prompt_tokens": -1}),
            json!({"prompt_tokens": "9", "completion_tokens": 1.5}),
        ] {
            assert_eq!(read(&nothing), None, "{nothing}");
        }
    }
}
