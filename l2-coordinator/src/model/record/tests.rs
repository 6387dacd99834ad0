//! What is recorded replays in any order; what was not is told apart; damage has a line.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use proptest::prelude::*;
use protocol::budget::{CacheUse, Usage, Used};
use protocol::time::Timestamp;

use super::{Cassette, Existing, Recorder, RecorderOptions, Replay};
use crate::model::{
    Effort, ErrorKind, Model, ModelError, ModelReply, ModelRequest, Progress, Role, Stop, Turn,
};

/// Never says the same twice; fails every fifth time.
struct Counting {
    said: AtomicU64,
    fixture: bool,
}

impl Counting {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            said: AtomicU64::new(0),
            fixture: false,
        })
    }
}

#[async_trait]
impl Model for Counting {
    fn provider(&self) -> &'static str {
        "anthropic"
    }

    fn cache(&self) -> CacheUse {
        CacheUse::FiveMinutes
    }

    fn is_fixture(&self) -> bool {
        self.fixture
    }

    async fn call(
        &self,
        request: &ModelRequest,
        _: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ModelReply, ModelError> {
        let said = self.said.fetch_add(1, Ordering::Relaxed);
        let usage = Usage {
            output: said,
            ..Usage::default()
        };
        let model = request.model.clone();
        let used = vec![Used { model, usage }];
        if said % 5 == 4 {
            let error = ModelError::new(ErrorKind::Transient, format!("overloaded {said}"));
            return Err(ModelError {
                retry_after: Some(Duration::from_millis(1500)),
                status: Some(529),
                used: Some(used),
                is_bound: true,
                ..error
            });
        }
        Ok(ModelReply {
            text: format!("answer {said} with sk-secret in it"),
            stop: Stop::Refusal {
                category: Some("cyber".into()),
                explanation: None,
            },
            used,
            model: request.model.clone(),
            id: Some(format!("msg_{said}")),
            request_id: None,
            tool_calls: vec!["bash".into()],
            findings: Vec::new(),
        })
    }
}

fn request(text: &str) -> ModelRequest {
    ModelRequest {
        model: "claude-opus-5-5".into(),
        system: format!("You plan.\n{}", "A long rule.\n".repeat(40)),
        messages: vec![Turn {
            role: Role::User,
            text: text.into(),
        }],
        schema: Some(serde_json::json!({"type": "object", "properties": {"x": {"const": 3}}})),
        max_tokens: 1000,
        effort: Some(Effort::High),
    }
}

fn ask(model: &dyn Model, request: &ModelRequest) -> Result<ModelReply, ModelError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(model.call(request, &|_| {}))
}

fn options(path: &Path, existing: Existing) -> RecorderOptions {
    RecorderOptions {
        path: path.to_owned(),
        existing,
        recorded_at: Timestamp::from_micros(0),
        redact: Arc::new(|text: &str| text.to_owned()),
    }
}

fn record(path: &Path, requests: &[ModelRequest]) -> Vec<Result<ModelReply, ModelError>> {
    let recorder = Recorder::start(Counting::new(), options(path, Existing::Refuse)).unwrap();
    requests.iter().map(|one| ask(&recorder, one)).collect()
}

fn replay(path: &Path) -> Replay {
    Replay::new(Cassette::open(path).unwrap())
}

fn miss(replay: &Replay, request: &ModelRequest) -> String {
    let error = ask(replay, request).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Miss);
    error.message
}

#[test]
fn a_long_prompt_is_kept_once_and_no_secret_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.jsonl");
    let hide = options(&path, Existing::Refuse);
    let hide = RecorderOptions {
        redact: Arc::new(|text: &str| text.replace("sk-secret", "[redacted]")),
        ..hide
    };
    let recorder = Recorder::start(Counting::new(), hide).unwrap();
    for text in ["one", "two", "three with sk-secret"] {
        ask(&recorder, &request(text)).unwrap();
    }
    let text = fs_err::read_to_string(&path).unwrap();
    assert_eq!(text.matches("A long rule.").count(), 40);
    assert!(!text.contains("sk-secret") && text.contains("[redacted]"));
    let first = text.lines().next().unwrap();
    assert_eq!(
        first,
        r#"{"schema":"orchestra.cassette/v1","provider":"anthropic","cache":"five_minutes","recorded_at":"1970-01-01T00:00:00.000000Z"}"#
    );
    // What was asked is found by what it was, not by what was written of it.
    let replay = replay(&path);
    let reply = ask(&replay, &request("three with sk-secret")).unwrap();
    assert_eq!(reply.text, "answer 2 with [redacted] in it");
    assert_eq!(
        (replay.provider(), replay.cache()),
        ("anthropic", CacheUse::FiveMinutes)
    );
}

#[test]
fn a_fixture_stays_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.jsonl");
    let model = Arc::new(Counting {
        said: AtomicU64::new(0),
        fixture: true,
    });
    let recorder = Recorder::start(model, options(&path, Existing::Refuse)).unwrap();
    ask(&recorder, &request("one")).unwrap();
    assert!(recorder.is_fixture() && replay(&path).is_fixture());
    // A recording of a model does not go on with what was made up.
    let error = Recorder::start(Counting::new(), options(&path, Existing::Append))
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .ends_with("is a recording of something else; name another file")
    );
}

#[test]
fn a_miss_names_what_changed_and_shows_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.jsonl");
    record(
        &path,
        &[request("List the files.\nThen stop."), request("Other.")],
    );
    let replay = replay(&path);
    let asked = request("List the files.\nThen go on.");
    assert_eq!(
        miss(&replay, &asked),
        "miss: this request was not recorded; against call 1 of the recording, the nearest one, \
         messages changed\n  - Then stop.\n  + Then go on."
    );
    let base = request("Other.");
    let cases = [
        (
            ModelRequest {
                model: "m".into(),
                ..base.clone()
            },
            "model",
        ),
        (
            ModelRequest {
                system: base.system.replace("plan", "answer"),
                ..base.clone()
            },
            "system",
        ),
        (
            ModelRequest {
                schema: None,
                ..base.clone()
            },
            "schema",
        ),
        (
            ModelRequest {
                max_tokens: 7,
                ..base.clone()
            },
            "max_tokens",
        ),
        (
            ModelRequest {
                effort: None,
                ..base.clone()
            },
            "effort",
        ),
        (
            ModelRequest {
                effort: None,
                model: "m".into(),
                max_tokens: 1,
                ..base.clone()
            },
            "model, max_tokens, effort",
        ),
    ];
    for (request, part) in cases {
        let message = miss(&replay, &request);
        let expected =
            format!("against call 2 of the recording, the nearest one, {part} changed\n");
        assert!(message.contains(&expected), "{message}");
    }
    assert!(miss(&replay, &cases_system(&base)).contains("  - You plan.\n  + You answer."));
}

fn cases_system(base: &ModelRequest) -> ModelRequest {
    let system = base.system.replace("plan", "answer");
    ModelRequest {
        system,
        ..base.clone()
    }
}

#[test]
fn a_miss_stays_short_and_quick_however_long_the_prompt() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.jsonl");
    let (long, other) = ("x".repeat(400_000), "word\n".repeat(100_000));
    record(
        &path,
        &[request(&format!("{long}a\u{1b}[2J")), request(&other)],
    );
    let replay = replay(&path);
    let message = miss(&replay, &request(&format!("{long}b")));
    assert!(message.contains('…') && message.contains("xb") && !message.contains('\u{1b}'));
    assert!(message.len() < 4_000, "{}", message.len());
    let many: String = (0..100_000).map(|n| format!("word {n}\n")).collect();
    let message = miss(&replay, &request(&many));
    assert!(
        message.len() < 8_000 && message.ends_with("\n  …"),
        "{message}"
    );
}

#[test]
fn asking_more_often_than_was_recorded_is_a_miss_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.jsonl");
    record(&path, &[request("one"), request("one")]);
    let first = replay(&path);
    first.skip(request("one").digest().unwrap());
    assert!(
        ask(&first, &request("one"))
            .unwrap()
            .text
            .starts_with("answer 1")
    );
    assert_eq!(
        miss(&first, &request("one")),
        "miss: the recording answers this request 2 times, and it was asked 3 times"
    );
    let empty = dir.path().join("empty.jsonl");
    record(&empty, &[]);
    assert_eq!(
        miss(&replay(&empty), &request("one")),
        "miss: the recording holds no call"
    );
}

#[test]
fn a_recording_is_not_overwritten_but_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.jsonl");
    record(&path, &[request("one")]);
    let there = Recorder::start(Counting::new(), options(&path, Existing::Refuse))
        .err()
        .unwrap();
    assert!(
        there
            .to_string()
            .ends_with("is there already; remove it, or name another file")
    );
    // A crash in the middle of a line.
    let whole = fs_err::read(&path).unwrap();
    let torn = [whole.as_slice(), br#"{"type":"call","req"#].concat();
    fs_err::write(&path, torn).unwrap();
    assert_eq!(Cassette::open(&path).unwrap().len(), 1);
    let recorder = Recorder::start(Counting::new(), options(&path, Existing::Append)).unwrap();
    ask(&recorder, &request("two")).unwrap();
    let cassette = Cassette::open(&path).unwrap();
    assert_eq!((cassette.len(), cassette.provider()), (2, "anthropic"));
    let text = fs_err::read_to_string(&path).unwrap();
    assert_eq!(
        text.matches("A long rule.").count(),
        40,
        "known texts are not written again"
    );
}

#[test]
fn damage_is_told_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.jsonl");
    record(&path, &[request("one"), request("two")]);
    let text = fs_err::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let says = |lines: &[&str]| {
        let text = lines.join("\n") + "\n";
        Cassette::parse(text.as_bytes()).unwrap_err().to_string()
    };
    assert_eq!(
        says(&[lines[0], lines[2]]),
        "line 2: a text of the call is neither there nor in a line before"
    );
    assert!(
        says(&[lines[0], lines[1], "{}", lines[2]]).starts_with("line 3: missing field `type`")
    );
    assert!(says(&lines[1..]).starts_with("line 1: the first line of a recording says what it is"));
    assert!(says(&[]).starts_with("line 1: "));
    let other = lines[0].replace("cassette/v1", "cassette/v2");
    assert_eq!(
        says(&[&other]),
        "line 1: `schema` is `orchestra.cassette/v2`, not `orchestra.cassette/v1`"
    );
    let other = lines[0].replace("anthropic", "acme");
    assert!(says(&[&other]).starts_with("line 1: `provider` is none of `anthropic`"));
    let both = lines[2].replace(
        "\"reply\":",
        "\"error\":{\"kind\":\"fatal\",\"message\":\"m\"},\"reply\":",
    );
    assert_eq!(
        says(&[lines[0], lines[1], &both]),
        "line 3: a call has either a `reply` or an `error`"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_recorded_replays_in_any_order(
        (asked, order) in proptest::collection::vec(0_usize..4, 0..12).prop_flat_map(|asked| {
            let places: Vec<_> = (0..asked.len()).collect();
            (Just(asked), Just(places).prop_shuffle())
        }),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.jsonl");
        let asked: Vec<_> = asked.iter().map(|n| request(&format!("question {n}"))).collect();
        let answers = record(&path, &asked);
        let replay = replay(&path);
        for place in order.iter().copied() {
            let again = ask(&replay, &asked[place]);
            // The n-th time it is asked, the n-th answer that was given to it.
            let nth = order.iter().take_while(|at| **at != place);
            let nth = nth.filter(|at| asked[**at] == asked[place]).count();
            let same = (0..asked.len()).filter(|at| asked[*at] == asked[place]);
            let recorded = same.clone().nth(nth).unwrap();
            prop_assert_eq!(&again, &answers[recorded]);
        }
    }

    #[test]
    fn any_bytes_are_a_cassette_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _either = Cassette::parse(&bytes).is_ok();
    }

    #[test]
    fn a_changed_cassette_is_read_or_refused(at in 0_usize..4_000, with in any::<u8>(), cut in any::<bool>()) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.jsonl");
        record(&path, &[request("one"), request("two")]);
        let mut bytes = fs_err::read(&path).unwrap();
        let at = at % bytes.len();
        bytes[at] = with;
        if cut {
            bytes.truncate(at);
        }
        if let Ok(cassette) = Cassette::parse(&bytes) {
            let replay = Replay::new(cassette);
            let _either = ask(&replay, &request("one")).is_ok();
        }
    }
}
