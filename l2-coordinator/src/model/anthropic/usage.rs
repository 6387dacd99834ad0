//! Tokens as Claude counts them, brought to disjoint classes.

use protocol::budget::Usage;
use serde_json::Value;

/// Takes over what a `usage` object says. Its numbers are cumulative: each replaces what an earlier
/// event said, and what it leaves out stays. What is no count is as if it were left out.
pub(super) fn replace(usage: &mut Usage, from: &Value) {
    let set = |field: &mut u64, value: &Value| {
        if let Some(tokens) = value.as_u64() {
            *field = tokens;
        }
    };
    set(&mut usage.input, &from["input_tokens"]);
    set(&mut usage.cache_read, &from["cache_read_input_tokens"]);
    set(&mut usage.output, &from["output_tokens"]);
    set(
        &mut usage.thinking,
        &from["output_tokens_details"]["thinking_tokens"],
    );
    let split = &from["cache_creation"];
    set(
        &mut usage.cache_write_5m,
        &split["ephemeral_5m_input_tokens"],
    );
    set(
        &mut usage.cache_write_1h,
        &split["ephemeral_1h_input_tokens"],
    );
    if let Some(written) = from["cache_creation_input_tokens"].as_u64() {
        // The sum is the billed number; what no part of it explains has the default's five minutes.
        usage.cache_write_1h = usage.cache_write_1h.min(written);
        usage.cache_write_5m = written - usage.cache_write_1h;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_are_disjoint_and_replaced() {
        let mut usage = Usage::default();
        replace(
            &mut usage,
            &json!({
                "input_tokens": 21, "cache_creation_input_tokens": 188, "cache_read_input_tokens": 7,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 88,
                },
                "output_tokens": 1,
            }),
        );
        let mut wanted = Usage {
            input: 21,
            cache_write_5m: 100,
            cache_write_1h: 88,
            cache_read: 7,
            output: 1,
            thinking: 0,
        };
        assert_eq!(usage, wanted);
        let end = json!({"output_tokens": 393, "output_tokens_details": {"thinking_tokens": 120}});
        replace(&mut usage, &end);
        replace(&mut usage, &end);
        wanted.output = 393;
        wanted.thinking = 120;
        assert_eq!(usage, wanted);
    }

    #[test]
    fn writes_that_are_not_split_are_of_five_minutes() {
        for (from, five, hour) in [
            (json!({"cache_creation_input_tokens": 9}), 9, 0),
            (
                json!({"cache_creation_input_tokens": 9,
                    "cache_creation": {"ephemeral_1h_input_tokens": 4}}),
                5,
                4,
            ),
            (
                json!({"cache_creation_input_tokens": 9,
                    "cache_creation": {"ephemeral_1h_input_tokens": 40}}),
                0,
                9,
            ),
            (
                json!({"cache_creation": {"ephemeral_5m_input_tokens": 4}}),
                4,
                0,
            ),
        ] {
            let mut usage = Usage::default();
            replace(&mut usage, &from);
            assert_eq!(
                (usage.cache_write_5m, usage.cache_write_1h),
                (five, hour),
                "{from}"
            );
        }
    }

    #[test]
    fn what_is_no_count_changes_nothing() {
        let mut usage = Usage {
            input: 5,
            ..Usage::default()
        };
        for wrong in [
            json!(null),
            json!("x"),
            json!(-1),
            json!(1.5),
            json!([]),
            json!({}),
        ] {
            replace(&mut usage, &json!({"input_tokens": wrong}));
            replace(&mut usage, &wrong);
            assert_eq!(usage.input, 5, "{wrong}");
        }
    }
}
