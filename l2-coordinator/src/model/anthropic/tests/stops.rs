//! Every reason why a reply ends.

use super::support::call;
use crate::model::Stop;
use crate::testing::stub_api::{Said, Stub};

#[tokio::test]
async fn every_stop_reason_has_its_word() {
    let stub = Stub::start();
    let other = |word: &str| Stop::Other {
        word: word.to_owned(),
    };
    for (word, stop) in [
        ("end_turn", Stop::End),
        ("max_tokens", Stop::MaxTokens),
        ("model_context_window_exceeded", Stop::ContextFull),
        ("tool_use", Stop::ToolUse),
        ("pause_turn", Stop::Paused),
        ("stop_sequence", other("stop_sequence")),
        ("a_reason_to_come", other("a_reason_to_come")),
        ("two\nlines\u{1b}[31m", other("two lines [31m")),
    ] {
        stub.queue(Said::text("{\"half\":").stop(word));
        let reply = call(&stub, "x").await.unwrap();
        assert_eq!(
            (reply.stop, reply.text.as_str()),
            (stop, "{\"half\":"),
            "{word}"
        );
    }
}

#[tokio::test]
async fn a_refusal_says_why_as_far_as_it_does() {
    let stub = Stub::start();
    for (category, explanation) in [
        (Some("cyber"), Some("not this")),
        (Some("bio"), None),
        (Some("frontier_llm"), None),
        (Some("reasoning_extraction"), None),
        (Some("general_harms"), Some("")),
        (Some("a_category_to_come"), None),
        (None, Some("no")),
        (None, None),
    ] {
        stub.queue(Said::text("").refusal(category, explanation));
        let stop = call(&stub, "x").await.unwrap().stop;
        let wanted = Stop::Refusal {
            category: category.map(str::to_owned),
            explanation: explanation.map(str::to_owned),
        };
        assert_eq!(stop, wanted);
    }
}

#[tokio::test]
async fn tools_that_nobody_offered_are_reported_by_name() {
    let stub = Stub::start();
    stub.queue(
        Said::text("I will")
            .tool_call("bash")
            .tool_call("web\nsearch"),
    );
    let reply = call(&stub, "x").await.unwrap();
    assert_eq!(reply.stop, Stop::ToolUse);
    assert_eq!(reply.tool_calls, ["bash", "web search"]);
    assert_eq!(reply.text, "I will");

    let many = (0..99).fold(Said::text(""), |said, _| said.tool_call("bash"));
    stub.queue(many);
    assert_eq!(call(&stub, "x").await.unwrap().tool_calls.len(), 16);
}
