//! Replies taken apart: text, JSON, one block of code.

use proptest::prelude::*;
use protocol::plan::Parse;
use serde_json::json;

use crate::ai_task::fences::{Unclosed, blocks};
use crate::ai_task::parse::{Parsed, parse};

fn json(text: &str) -> Result<serde_json::Value, &'static str> {
    match parse(text, &Parse::Json) {
        Ok(Parsed::Json(value)) => Ok(value),
        Ok(Parsed::Text(text)) => panic!("a text: {text}"),
        Err(problem) => Err(problem.code),
    }
}

fn code(text: &str, language: Option<&str>) -> Result<String, &'static str> {
    match parse(text, &Parse::CodeBlock(language.map(str::to_owned))) {
        Ok(Parsed::Text(text)) => Ok(text),
        Ok(Parsed::Json(value)) => panic!("a value: {value}"),
        Err(problem) => Err(problem.code),
    }
}

#[test]
fn one_value_is_taken_however_it_stands() {
    for (text, value) in [
        ("{\"a\":1}", json!({"a": 1})),
        (" [1, 2] \n", json!([1, 2])),
        ("\"x\"", json!("x")),
        ("true", json!(true)),
        ("```json\n[1]\n```", json!([1])),
        ("```JSON\n{\"a\":1}\n```\n", json!({"a": 1})),
        ("```\n[1]\n```", json!([1])),
        (
            "Here it is:\n\n```json\n[1]\n```\nAnd how to use it:\n```sh\nls\n```",
            json!([1]),
        ),
        ("The answer is {\"a\":1}, as asked.", json!({"a": 1})),
        ("{\"a\":\"```\\nx\"}", json!({"a": "```\nx"})),
    ] {
        assert_eq!(json(text), Ok(value), "{text}");
    }
}

#[test]
fn two_values_a_part_or_none_are_refused() {
    for (text, rule) in [
        ("", "reply-empty"),
        ("  \n", "reply-empty"),
        ("I cannot do that.", "reply-no-object"),
        ("1. first", "reply-no-object"),
        ("{\"a\":1", "reply-truncated"),
        ("[1, 2", "reply-truncated"),
        ("{\"a\":1}{\"a\":2}", "reply-two-objects"),
        ("```json\n[1]\n```\n```json\n[2]\n```", "reply-two-values"),
        ("```json\n[1] [2]\n```", "reply-two-values"),
        ("```json\n[1]", "reply-truncated"),
        ("```json\n[1,\n```", "reply-truncated"),
        ("{\"a\":1,\"a\":2}", "json-duplicate-key"),
        ("{\"a\":NaN}", "json-not-a-number"),
        ("{'a':1}", "reply-not-json"),
        ("Here: [1, 2]", "reply-no-object"),
    ] {
        assert_eq!(json(text), Err(rule), "{text}");
    }
}

#[test]
fn the_one_block_of_its_language_is_taken() {
    let two = "```sh\nls\n```\ntext\n```python\nprint()\n```";
    assert_eq!(code(two, Some("sh")).unwrap(), "ls\n");
    assert_eq!(code(two, Some("Python")).unwrap(), "print()\n");
    assert_eq!(code(two, None), Err("reply-two-code-blocks"));
    assert_eq!(code(two, Some("rust")), Err("reply-no-code-block"));
    assert_eq!(code("~~~\na\n~~~", None).unwrap(), "a\n");
    assert_eq!(code("```sh\n\n```", Some("sh")), Err("reply-empty"));
    assert_eq!(code("```sh\nls", Some("sh")), Err("reply-truncated"));
    assert_eq!(code("`ls`", None), Err("reply-no-code-block"));
}

#[test]
fn fences_close_as_they_were_opened() {
    let nested = "````md\na\n```sh\nls\n```\n````";
    let found = blocks(nested).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].text, "a\n```sh\nls\n```\n");
    let indented = blocks("  ```sh x=1\n    ls\n  pwd\n  ```").unwrap();
    assert_eq!(
        (indented[0].language, &*indented[0].text),
        ("sh", "  ls\npwd\n")
    );
    assert_eq!(blocks("```a`b\n"), Ok(Vec::new()));
    assert_eq!(
        blocks("    ```\n"),
        Ok(Vec::new()),
        "an indented block is text"
    );
    assert_eq!(blocks("```\n~~~\n"), Err(Unclosed));
    assert_eq!(blocks("```\nx\n``` y\n"), Err(Unclosed));
}

#[test]
fn replies_of_fences_and_brackets_cost_little() {
    for unit in [
        "```\n",
        "~~~\n",
        "[",
        "{\"a\":",
        "```json\n[",
        "````md\n```\n",
    ] {
        let text = unit.repeat(1024 * 1024 / unit.len());
        for how in [
            Parse::Json,
            Parse::CodeBlock(None),
            Parse::CodeBlock(Some("json".into())),
        ] {
            assert!(parse(&text, &how).is_err(), "{unit}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused(text in "([`~\\[\\]{}\":, \n]|json|sh|\\PC){0,80}") {
        for how in [Parse::Text, Parse::Json, Parse::CodeBlock(None), Parse::CodeBlock(Some("sh".into()))] {
            if let Err(refused) = parse(&text, &how) {
                prop_assert!(refused.is_error());
            }
        }
    }

    #[test]
    fn any_value_comes_back(n in any::<i64>(), word in "\\PC{0,20}", before in "[a-z .\n]{0,20}") {
        let value = json!({"n": n, "list": [word, null, {"x": true}]});
        prop_assert_eq!(json(&value.to_string()), Ok(value.clone()));
        let fenced = format!("{before}\n```json\n{value:#}\n```\n");
        prop_assert_eq!(json(&fenced), Ok(value.clone()));
        prop_assert_eq!(json(&format!("{before}{value}")), Ok(value));
    }

    #[test]
    fn no_part_of_a_value_is_taken(cut in 1_usize..43) {
        let whole = r#"{"a":[{"id":"b","c":[1,2,3]}],"x":{"y":12}}"#;
        prop_assert!(json(&whole[..cut]).is_err());
    }

    #[test]
    fn any_code_comes_back(lines in proptest::collection::vec("[^`~\r\n\u{b}\u{c}\u{85}\u{2028}\u{2029}]{0,20}[a-z]", 1..6), before in "[a-z .\n]{0,20}") {
        let text = format!("{}\n", lines.join("\n"));
        let reply = format!("{before}\n```sh\n{text}```\nafter");
        prop_assert_eq!(code(&reply, Some("sh")), Ok(text));
    }
}
