//! `orchestra doctor` on the model that plans: what is known without asking, and what its provider says.

use insta::assert_snapshot;
use l2_coordinator::testing::stub_api::{Failure, KEY, Stub};

use crate::support::{Command, Outcome, Place};

fn doctor(place: &Place, more: &[&str]) -> Command {
    place.orchestra(["doctor"].iter().chain(more))
}

/// The lines about models.
fn lines(outcome: &Outcome) -> String {
    let (_, rest) = outcome
        .stdout
        .split_once("model access\n")
        .expect("a group");
    let lines = rest.lines().take_while(|line| line.starts_with(' '));
    lines.map(|line| format!("{line}\n")).collect()
}

fn online(place: &Place, stub: &Stub, more: &[&str]) -> Command {
    let words = [&["--quick", "--online"], more].concat();
    doctor(place, &words)
        .env("ANTHROPIC_API_KEY", KEY)
        .env("ANTHROPIC_BASE_URL", stub.base_url())
}

#[test]
fn without_a_word_nobody_is_asked() {
    let place = Place::new();
    let stub = Stub::start();
    let found = doctor(&place, &[])
        .env("ANTHROPIC_API_KEY", KEY)
        .env("ANTHROPIC_BASE_URL", stub.base_url())
        .run()
        .expect(0);
    let told = lines(&found).replace(&stub.base_url(), "<stub>");
    assert_snapshot!(told, @r##"
    ok    model              anthropic/claude-opus-5-5 (default)
    ok    key                in $ANTHROPIC_API_KEY
    ok    address            <stub>
    "##);
    assert_eq!(stub.connections(), 0);
    assert!(!found.stdout.contains(KEY) && !found.stderr.contains(KEY));
    // A machine that plans nothing is ready without a key.
    let found = doctor(&place, &[]).run().expect(0);
    assert_snapshot!(lines(&found), @r##"
    ok    model              anthropic/claude-opus-5-5 (default)
    warn  key                there is no key for anthropic
          fix: set ANTHROPIC_API_KEY, or name its place with `--model-key env:NAME`
    ok    address            https://api.anthropic.com
    "##);
}

#[test]
fn a_provider_that_answers_costs_no_token() {
    let (place, stub) = (Place::new(), Stub::start());
    let found = online(&place, &stub, &[]).run().expect(0);
    let told = lines(&found).replace(&stub.base_url(), "<stub>");
    assert_snapshot!(told, @r##"
    ok    model              anthropic/claude-opus-5-5 (default)
    ok    key                in $ANTHROPIC_API_KEY
    ok    address            <stub>
    ok    provider           it answers: claude-opus-5-5
    "##);
    let asked = stub.requests();
    assert!(asked.iter().all(|one| one.method == "GET"), "{asked:?}");
    assert!(!found.stdout.contains(KEY), "{}", found.stdout);
}

#[test]
fn what_a_provider_has_against_it_is_told_with_a_fix() {
    let (place, stub) = (Place::new(), Stub::start());
    let wrong = online(&place, &stub, &[]).env("ANTHROPIC_API_KEY", "sk-ant-wrong-key-0123456789");
    let wrong = wrong.run().expect(7);
    assert!(!wrong.stdout.contains("wrong-key"), "{}", wrong.stdout);
    let unknown = online(&place, &stub, &["--model", "anthropic/claude-opus-9"]);
    let unknown = unknown.run().expect(7);
    stub.queue_lookup(Failure::overloaded());
    let busy = online(&place, &stub, &[]).run().expect(7);
    let told: Vec<String> = [wrong, unknown, busy].iter().map(lines).collect();
    let told = told.concat().replace(&stub.base_url(), "<stub>");
    assert_snapshot!(told, @r##"
    ok    model              anthropic/claude-opus-5-5 (default)
    ok    key                in $ANTHROPIC_API_KEY
    ok    address            <stub>
    fail  provider           the provider answered 401 authentication_error: invalid x-api-key
          fix: the key was not accepted; check where it comes from, and that it is not revoked
    ok    model              anthropic/claude-opus-9 (flag --model)
    ok    key                in $ANTHROPIC_API_KEY
    ok    address            <stub>
    fail  provider           the provider answered 404 not_found_error: model: claude-opus-9
          fix: check the model's name and the base URL
    ok    model              anthropic/claude-opus-5-5 (default)
    ok    key                in $ANTHROPIC_API_KEY
    ok    address            <stub>
    fail  provider           the provider answered 529 overloaded_error: Overloaded
          fix: ask again later
    "##);
}

#[test]
fn a_provider_that_is_not_there() {
    let place = Place::new();
    let stub = Stub::start();
    let address = stub.base_url();
    drop(stub);
    let found = doctor(&place, &["--quick", "--online", "--json"])
        .env("ANTHROPIC_API_KEY", KEY)
        .env("ANTHROPIC_BASE_URL", &address)
        .run()
        .expect(7)
        .json();
    let all = found["findings"].as_array().expect("a list");
    let one = all
        .iter()
        .find(|one| one["name"] == "provider")
        .expect("it");
    assert_eq!(one["level"], "fail");
    assert!(one["fix"].is_string(), "{one}");
    let missing = doctor(&place, &["--quick", "--online"]).run().expect(7);
    assert_snapshot!(lines(&missing), @r##"
    ok    model              anthropic/claude-opus-5-5 (default)
    fail  key                there is no key for anthropic
          fix: set ANTHROPIC_API_KEY, or name its place with `--model-key env:NAME`
    ok    address            https://api.anthropic.com
    "##);
}

#[test]
fn what_can_be_read_on_its_way_is_said() {
    let place = Place::new();
    let words = ["--model-url", "http://models.example.com:8000/v1"];
    let found = doctor(&place, &words).env("ANTHROPIC_API_KEY", KEY);
    let found = lines(&found.run().expect(0));
    assert_snapshot!(found, @r##"
    ok    model              anthropic/claude-opus-5-5 (default)
    ok    key                in $ANTHROPIC_API_KEY
    warn  address            http://models.example.com:8000/v1: no TLS; your key and all that models read can be read on the way to models.example.com:8000
          fix: name an address that begins with `https://`
    "##);
    let none = doctor(&place, &[]).env("ANTHROPIC_BASE_URL", "models.example.com");
    assert_snapshot!(lines(&none.run().expect(7)), @r##"
    ok    model              anthropic/claude-opus-5-5 (default)
    warn  key                there is no key for anthropic
          fix: set ANTHROPIC_API_KEY, or name its place with `--model-key env:NAME`
    fail  address            the provider's address is none: the base URL is not a URL like https://host/path
          fix: see the settings of models: `orchestra config show`
    "##);
}

#[test]
fn a_program_is_found_and_says_its_version() {
    let place = Place::new();
    let claude = ["--quick", "--online", "--model", "claude-code/sonnet"];
    let missing = doctor(&place, &claude).env("PATH", "/nowhere:/bin:/usr/bin");
    let missing = missing.run().expect(7).stdout;
    assert!(missing.contains("`claude` is not in PATH"), "{missing}");
    let folder = place.dir("home").join("bin");
    fs_err::create_dir(&folder).expect("a folder");
    let program = folder.join("claude");
    let path = format!("{}:/bin:/usr/bin", folder.display());
    for (text, code) in [("echo 2.1.327", 0), ("exit 3", 7)] {
        fs_err::write(&program, format!("#!/bin/sh\n{text}\n")).expect("a program");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs_err::set_permissions(&program, mode).expect("it may run");
        let found = doctor(&place, &claude).env("PATH", &path).run();
        let told = lines(&found.expect(code));
        let told = told.lines().last().expect("a line").trim().to_owned();
        let expected = match code {
            0 => "ok    provider           it answers: 2.1.327",
            _ => "fix: run `claude --version` yourself, and mend what it says",
        };
        assert_eq!(told, expected);
    }
}

#[test]
fn a_script_answers_for_nobody() {
    let place = Place::with("replies.jsonl", "");
    let words = ["--quick", "--online", "--model", "scripted/replies.jsonl"];
    assert_snapshot!(lines(&doctor(&place, &words).run().expect(0)), @r##"
    ok    model              scripted/replies.jsonl (flag --model)
    ok    script             replies.jsonl
    "##);
}
