//! Another question, or another model, when the first comes to nothing.

use protocol::message::FallbackMessage;
use protocol::outcome::FailureClass;
use protocol::plan::{OutputType, Parse, Tier};
use serde_json::json;

use super::support::{Bench, texts};

fn bench(text: Option<&str>, tier: Tier) -> Bench {
    let mut bench = Bench::new(Parse::Json).output("n", OutputType::Int);
    bench.prompt.tier = Tier::Fast;
    bench.prompt.fallback = Some(FallbackMessage {
        text: text.map(str::to_owned),
        tier,
    });
    bench
}

#[tokio::test]
async fn the_other_prompt_comes_before_the_other_model() {
    let bench = bench(Some("Just a number."), Tier::Smart);
    let mut replies = vec!["no"; 8];
    replies.push("{\"n\":1}");
    let outcome = bench.attempt(&texts(&replies)).await;
    assert_eq!(outcome.outputs["n"], json!(1), "{:?}", outcome.said);
    let mut models = vec!["quick"; 6];
    models.extend(["clever"; 3]);
    assert_eq!(bench.models(), models);
    let asks = |index: usize, text: &str| bench.request(index).messages[0].text.contains(text);
    assert!(asks(0, "Say what is new.") && asks(3, "Just a number.") && asks(6, "Just a number."));
    assert!(
        outcome
            .said
            .contains(&"falling back to the other prompt".to_owned())
    );
    assert_eq!(outcome.end.model, "clever");
}

#[tokio::test]
async fn a_model_that_cannot_be_had_is_not_asked_another_question() {
    let bench = bench(Some("Just a number."), Tier::Smart);
    let script = r#"{"error":{"kind":"fatal","message":"no such model"}}
{"json":{"n":2}}"#;
    let outcome = bench.attempt(script).await;
    assert_eq!(outcome.outputs["n"], json!(2));
    assert_eq!(bench.models(), ["quick", "clever"]);
}

#[tokio::test]
async fn without_another_model_the_providers_failure_is_the_tasks() {
    let bench = bench(Some("Just a number."), Tier::Fast);
    let script = r#"{"error":{"kind":"transient","message":"overloaded","status":529}}"#;
    let failure = bench.attempt(script).await.failure.unwrap();
    assert_eq!(failure.class, FailureClass::ProviderTransient);
    assert_eq!(failure.message, "overloaded");
    assert_eq!(bench.models().len(), 1);
}

#[tokio::test]
async fn a_miss_of_a_recording_is_the_end() {
    let bench = bench(None, Tier::Smart);
    let outcome = bench.attempt("").await;
    assert_eq!(outcome.failure.unwrap().class, FailureClass::ReplayMiss);
    assert_eq!(bench.models().len(), 1);
}

#[tokio::test]
async fn the_last_failure_is_told_when_nothing_fits() {
    let bench = bench(None, Tier::Smart);
    let failure = bench.attempt(&texts(&["no"; 6])).await.failure.unwrap();
    assert_eq!(failure.class, FailureClass::InvalidOutput);
    assert_eq!(bench.models().len(), 6);
}
