//! `claude -p` as a model, against a stand-in that behaves in every way the real one was seen to, and
//! some more.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use l2_coordinator::model::{
    ClaudeCode, ClaudeCodeOptions, Effort, ErrorKind, Model as _, ModelError, ModelReply,
    ModelRequest, Progress, Role, Secret, Stop, Turn,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything here takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
const KEY: &str = "sk-stub-is-no-key-0123456789";

struct Place {
    scratch: TempDir,
    notes: TempDir,
    options: ClaudeCodeOptions,
}

impl Place {
    fn new(stub: &str) -> Self {
        let (scratch, notes) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let program = env!("CARGO_BIN_EXE_l2-coordinator-claude-fixture");
        let mut options = ClaudeCodeOptions::new(program, "/home/nobody", scratch.path());
        let notes_path = notes.path().to_str().unwrap().to_owned();
        options.env.insert("STUB".into(), stub.into());
        options.env.insert("STUB_NOTES".into(), notes_path);
        options
            .secrets
            .insert("ANTHROPIC_API_KEY".into(), Secret::new(KEY).unwrap());
        options.wall = PATIENCE;
        options.idle = PATIENCE;
        Self {
            scratch,
            notes,
            options,
        }
    }

    async fn ask(&self) -> Result<ModelReply, ModelError> {
        self.call(&request(), &|_| {}).await
    }

    async fn call(
        &self,
        request: &ModelRequest,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ModelReply, ModelError> {
        let model = ClaudeCode::new(self.options.clone());
        assert_eq!(model.provider(), "claude-code");
        let answer = model.call(request, progress).await;
        assert!(self.is_clean(), "a call left its directory");
        answer
    }

    fn is_clean(&self) -> bool {
        fs_err::read_dir(self.scratch.path()).unwrap().count() == 0
    }

    fn note(&self) -> Value {
        serde_json::from_slice(&fs_err::read(self.notes.path().join("note.json")).unwrap()).unwrap()
    }

    /// Whether the process that noted its number under this name is there.
    fn lives(&self, name: &str) -> bool {
        let pid = fs_err::read_to_string(self.notes.path().join(name)).unwrap();
        is_alive(pid.trim())
    }
}

fn is_alive(pid: &str) -> bool {
    let stat = fs_err::read_to_string(Path::new("/proc").join(pid).join("stat"));
    // A dead one may wait to be reaped by whoever inherited it.
    stat.is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap()
            .trim()
            .starts_with(['Z', 'X'])
    })
}

fn request() -> ModelRequest {
    ModelRequest {
        model: "claude-opus-5-5".into(),
        system: "Be brief.".into(),
        messages: vec![Turn {
            role: Role::User,
            text: "What is up?".into(),
        }],
        schema: None,
        max_tokens: 1000,
        effort: None,
    }
}

#[tokio::test]
async fn an_answer_with_tokens_of_two_models() {
    let told = Mutex::new(Vec::new());
    let place = Place::new("");
    let reply = place
        .call(&request(), &|one| told.lock().unwrap().push(one))
        .await
        .unwrap();
    assert_eq!((&*reply.text, &reply.stop), ("done", &Stop::End));
    assert_eq!(reply.model, "claude-opus-5-5");
    assert_eq!(reply.id.as_deref(), Some("msg_stub"));
    assert_eq!(reply.request_id.as_deref(), Some("req_stub"));
    let used: Vec<_> = reply
        .used
        .iter()
        .map(|one| (&*one.model, one.usage.input, one.usage.output))
        .collect();
    assert_eq!(
        used,
        [("claude-haiku-5-5", 3, 4), ("claude-opus-5-5", 11, 22)]
    );
    assert!(reply.tool_calls.is_empty() && reply.findings.is_empty());
    assert_eq!(
        *told.lock().unwrap(),
        [Progress::Began { prompt: 13 }, Progress::Text { bytes: 4 }]
    );
}

#[tokio::test]
async fn it_is_given_no_tools_no_settings_and_nothing_of_this_machine() {
    let place = Place::new("structured");
    let mut request = request();
    request.effort = Some(Effort::High);
    request.schema = Some(json!({"type": "object"}));
    let reply = place.call(&request, &|_| {}).await.unwrap();
    assert_eq!((&*reply.text, reply.stop), (r#"{"ok":true}"#, Stop::End));
    let note = place.note();
    let args: Vec<&str> = note["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|arg| arg.as_str().unwrap())
        .collect();
    let value = |flag: &str| {
        let at = args.iter().position(|arg| *arg == flag);
        at.map(|at| args[at + 1])
    };
    assert_eq!(args[0], "-p");
    assert_eq!(value("--output-format"), Some("stream-json"));
    assert_eq!(value("--tools"), Some(""));
    assert_eq!(value("--setting-sources"), Some(""));
    assert_eq!(value("--permission-prompts"), Some("none"));
    assert_eq!(value("--model"), Some("claude-opus-5-5"));
    assert_eq!(value("--effort"), Some("high"));
    assert_eq!(value("--json-schema"), Some(r#"{"type":"object"}"#));
    for flag in [
        "--verbose",
        "--strict-mcp-config",
        "--safe-mode",
        "--no-session-persistence",
    ] {
        assert!(args.contains(&flag), "{flag}");
    }
    assert!(!args.contains(&"--mcp-config") && !args.contains(&"--bare"));
    assert_eq!(note["system"], "Be brief.");
    assert_eq!(note["prompt"], "What is up?");
    assert_eq!(note["files"], 0, "its directory is empty");
    assert!(Path::new(note["cwd"].as_str().unwrap()).starts_with(place.scratch.path()));
    assert_eq!(
        (&note["home"], &note["max_tokens"]),
        (&json!("/home/nobody"), &json!("1000"))
    );
    let mut variables: Vec<&str> = note["variables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        [
            "ANTHROPIC_API_KEY",
            "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
            "HOME",
            "ORCHESTRA_MODEL_CALL",
            "STUB",
            "STUB_NOTES"
        ]
    );
}

#[tokio::test]
async fn long_texts_and_conversations_arrive_whole() {
    let place = Place::new("echo");
    let mut request = request();
    request.system = "s".repeat(300_000);
    request.messages[0].text = "p".repeat(3_000_000);
    let reply = place.call(&request, &|_| {}).await.unwrap();
    assert_eq!(reply.text.len(), 3_000_000);
    assert_eq!(place.note()["system"].as_str().unwrap().len(), 300_000);
    request.messages.push(Turn {
        role: Role::Assistant,
        text: "no".into(),
    });
    request.messages.push(Turn {
        role: Role::User,
        text: "yes".into(),
    });
    let reply = place.call(&request, &|_| {}).await.unwrap();
    assert!(reply.text.ends_with(
        "{\"role\":\"assistant\",\"text\":\"no\"},{\"role\":\"user\",\"text\":\"yes\"}]\n"
    ));
}

#[tokio::test]
async fn what_it_says_counts_however_it_is_written() {
    for (stub, text) in [
        ("half-lines", "done"),
        ("two-results", "late"),
        ("complain", "done"),
        ("flood-then-result", "done"),
    ] {
        assert_eq!(Place::new(stub).ask().await.unwrap().text, text, "{stub}");
    }
}

#[tokio::test]
async fn failures_are_told_apart_and_none_that_may_be_billed_is_repeated() {
    for (stub, kind, said, repeat) in [
        (
            "empty",
            ErrorKind::Transient,
            "claude ended without an answer",
            false,
        ),
        (
            "nothing",
            ErrorKind::Transient,
            "claude ended (exit status: 0) without a result",
            false,
        ),
        (
            "killed",
            ErrorKind::Transient,
            "claude ended (signal: 9 (SIGKILL)) without a result",
            false,
        ),
        (
            "exit-1",
            ErrorKind::Transient,
            "claude ended (exit status: 1) without a result: [31merror: unknown [0m option [key]",
            false,
        ),
        (
            "liar",
            ErrorKind::Transient,
            "claude failed: API Error: 429",
            true,
        ),
        (
            "liar-exit-1",
            ErrorKind::Transient,
            "claude failed: API Error",
            false,
        ),
    ] {
        let error = Place::new(stub).ask().await.unwrap_err();
        assert_eq!((error.kind, &*error.message), (kind, said), "{stub}");
        assert_eq!(error.may_repeat(), repeat, "{stub}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_said_to_be() {
    let mut place = Place::new("");
    place.options.program = "/nowhere/claude".into();
    let error = place.ask().await.unwrap_err();
    assert_eq!((error.kind, error.used), (ErrorKind::Fatal, None));
    assert!(
        error
            .message
            .starts_with("`/nowhere/claude` cannot be started: ")
    );
    assert_eq!(
        error.help.as_deref(),
        Some("install Claude Code, or say where its program is")
    );
    place.options.scratch = "/nowhere".into();
    let model = ClaudeCode::new(place.options.clone());
    let error = model.call(&request(), &|_| {}).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Fatal);
}

#[tokio::test]
async fn silence_and_slowness_have_limits_of_their_own() {
    for (stub, said) in [
        ("hang", "silent for longer"),
        ("deaf", "silent for longer"),
        ("complain-forever", "silent for longer"),
    ] {
        let mut place = Place::new(stub);
        place.options.idle = Duration::from_millis(300);
        let error = place.ask().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TimedOut, "{stub}");
        assert!(error.message.contains(said), "{}", error.message);
        assert_eq!(error.used, Some(Vec::new()), "it may be billed");
    }
    let mut place = Place::new("hang");
    place.options.wall = Duration::from_millis(300);
    let error = place.ask().await.unwrap_err();
    assert!(
        error.message.contains("longer than allowed"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn a_flood_ends_and_costs_no_memory() {
    let error = Place::new("flood").ask().await.unwrap_err();
    assert!(
        error.message.starts_with("claude wrote more than allowed"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn what_stays_after_its_result_is_killed_and_the_result_counts() {
    let begun = Instant::now();
    let reply = Place::new("hang-after-result").ask().await.unwrap();
    assert_eq!(reply.text, "done");
    let error = Place::new("hang-after-close").ask().await.unwrap_err();
    assert!(error.message.contains("did not end"), "{}", error.message);
    assert!(begun.elapsed() < PATIENCE);
}

#[tokio::test]
async fn what_it_left_behind_is_gone_with_it() {
    let place = Place::new("linger");
    assert_eq!(place.ask().await.unwrap().text, "done");
    assert!(!place.lives("child") && !place.lives("orphan"));

    let mut place = Place::new("linger-and-hang");
    place.options.idle = Duration::from_secs(3);
    assert_eq!(place.ask().await.unwrap_err().kind, ErrorKind::TimedOut);
    assert!(!place.lives("child") && !place.lives("orphan"));
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_nothing() {
    let place = Place::new("linger-and-hang");
    let model = ClaudeCode::new(place.options.clone());
    let request = request();
    let noted = async {
        while !place.notes.path().join("orphan").exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        answer = model.call(&request, &|_| {}) => panic!("{answer:?}"),
        () = noted => {}
    }
    assert!(!place.lives("child") && !place.lives("orphan"));
    assert!(place.is_clean());
}

#[tokio::test]
async fn denials_are_findings_and_tools_are_named() {
    let reply = Place::new("denied").ask().await.unwrap();
    assert_eq!((&*reply.text, reply.stop), ("done", Stop::End));
    assert_eq!(reply.findings[0].code, "agent-denied");
    assert!(reply.tool_calls.is_empty());
    let reply = Place::new("tools").ask().await.unwrap();
    assert_eq!(reply.tool_calls, ["Bash", "Edit"]);
}

#[tokio::test]
async fn its_own_retries_are_told() {
    let told = Mutex::new(Vec::new());
    let place = Place::new("retries");
    let reply = place
        .call(&request(), &|one| told.lock().unwrap().push(one))
        .await;
    assert_eq!(reply.unwrap().text, "done");
    let waiting = Progress::Waiting {
        next: 2,
        delay_ms: 700,
    };
    assert_eq!(told.lock().unwrap()[0], waiting);
}

#[tokio::test]
async fn no_secret_is_shown() {
    let place = Place::new("exit-1");
    let shown = format!("{:?}", ClaudeCode::new(place.options.clone()));
    assert!(
        shown.contains("ANTHROPIC_API_KEY") && !shown.contains(KEY),
        "{shown}"
    );
    let error = place.ask().await.unwrap_err();
    assert!(!format!("{error:?}").contains(KEY), "{error:?}");
    let error = Place::new("exit-1-at-length").ask().await.unwrap_err();
    let shown = format!("{error:?}");
    assert!(!shown.contains(&KEY[KEY.len() / 2..]), "{shown}");
    let mut request = request();
    request.messages[0].text = format!("the key is {KEY}");
    let reply = Place::new("echo").call(&request, &|_| {}).await.unwrap();
    assert_eq!(reply.text, "the key is [key]");
}
