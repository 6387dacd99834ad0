//! `orchestra policy`: what holds here, what packs there are, whether their rules are as they say, what a
//! task may do and why not more.

use insta::assert_snapshot;

use crate::cli::approve::WIDE;
use crate::support::{Outcome, Place};

const MINE: &str = "\
version: 3
pack: mine
use: strict
description: Only what the notes need.
programs:
  - program: git
    args: { allow: [log, show], deny: ['--output*'] }
    why: history is read, never written
    examples:
      match: [git log --oneline]
      no_match: [git push, git log --output=x]
";

fn run(place: &Place, args: &[&str]) -> Outcome {
    let words = ["policy"].iter().chain(args);
    place.orchestra(words).run()
}

fn place() -> Place {
    let place = Place::with("mine.yaml", MINE);
    place.write("wide.yaml", WIDE);
    place
}

#[test]
fn packs_are_listed_with_their_places() {
    let place = place();
    assert_snapshot!(run(&place, &["list"]).render(), @r#"
    exit 0
    --- stdout
    * default@1  built in  Everyday tools without a network, confined to the workspace.
      strict@1   built in  Few programs, a tree that can only be read, every plan approved.
      build@1    built in  Builds and tests that write the tree, without a network.
      open@1     built in  Any program and the network, still confined to the workspace and the tree.
    "#);
    place.write("../config/orchestra/policies/mine.yaml", MINE);
    place.write("../config/orchestra/config.yaml", "policy: mine\n");
    let own = run(&place, &["list", "-o", "json"]).expect(0).json();
    assert_eq!(own["schema"], "orchestra.policy-list/v1");
    assert_eq!(own["packs"][0]["pack"], "mine@3");
    assert_eq!(own["packs"][0]["chosen"], true);
    assert_eq!(own["packs"][1]["place"], "built in");
    run(&place, &["list", "mine"]).expect(2);
}

#[test]
fn a_policy_is_shown_with_where_it_comes_from() {
    let place = place();
    let text = run(&place, &["show", "./mine.yaml", "--origin"])
        .expect(0)
        .stdout;
    let line = |key: &str| -> String {
        let key = format!("  {key} ");
        let found = text.lines().find(|line| line.starts_with(&key));
        let words: Vec<&str> = found
            .unwrap_or_else(|| panic!("{text}"))
            .split("  ")
            .collect();
        let words = words.iter().map(|word| word.trim());
        words
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" | ")
    };
    assert_snapshot!(line("network"), @r#"network | none | pack strict@1"#);
    assert_snapshot!(line("sandbox.level"), @r#"sandbox.level | strict | pack strict@1"#);
    assert!(line("programs.git").ends_with("| pack mine@3"), "{text}");
    let object = run(&place, &["show", "mine.yaml", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(object["pack"], "mine@3");
    assert_eq!(object["policy"]["schema"], "orchestra.policy/v1");
    // What holds here is the user's choice as the project narrows it.
    place.write(
        "orchestra.yaml",
        "policy:\n  limits: { pids: 7 }\n  network: full\n",
    );
    let here = run(&place, &["--origin"]).expect(0).stdout;
    assert!(here.starts_with("policy default@"), "{here}");
    let pids = here.lines().find(|line| line.contains("limits.pids"));
    assert!(pids.unwrap().contains("orchestra.yaml"), "{here}");
    assert!(here.contains("warning[asks-for-more]"), "{here}");
}

#[test]
fn what_is_wrong_with_a_pack_is_told_at_its_place() {
    let place = place();
    place.write(
        "wrong.yaml",
        "version: 1\npack: wrong\nnetwrk: none\nlimits: { pids: many }\n",
    );
    assert_snapshot!(run(&place, &["show", "./wrong.yaml"]).render(), @r#"
    exit 3
    --- stderr
    error[unknown-key]: a pack has no key `netwrk`
     --> ./wrong.yaml:3:1
      |
    3 | netwrk: none
      | ^^^^^^
    help: did you mean `network`?

    error[wrong-type]: `pids` expects a whole number from 1 to 4000000000, or `none`, found `many`
     --> ./wrong.yaml:4:17
      |
    4 | limits: { pids: many }
      |                 ^^^^

    error: 2 problems in ./wrong.yaml; nothing was run
    "#);
    assert_snapshot!(run(&place, &["show", "strct"]).render(), @r#"
    exit 2
    --- stderr
    error[unknown-pack]: there is no pack `strct`
    help: did you mean `strict`?
    "#);
    assert_snapshot!(run(&place, &["show", "./none.yaml"]).render(), @r#"
    exit 3
    --- stderr
    error[pack-unreadable]: the pack ./none.yaml cannot be read
      because: failed to open file `./none.yaml`: No such file or directory (os error 2)
    help: `orchestra policy list` names the packs there are
    "#);
}

#[test]
fn rules_are_held_against_their_examples() {
    let place = place();
    assert_snapshot!(run(&place, &["test", "mine.yaml"]).render(), @r#"
    exit 0
    --- stdout
    mine@3: 3 examples, all as they say
    "#);
    for pack in ["default", "strict", "build", "open"] {
        run(&place, &["test", pack]).expect(0);
    }
    place.write(
        "mine.yaml",
        MINE.replace("match: [git log", "match: [git push, git log"),
    );
    assert_snapshot!(run(&place, &["test", "mine.yaml"]).render(), @r#"
    exit 9
    --- stdout
    FAIL git   `git push` is to match
         no pattern allows it
    mine@3: 4 examples, 1 not as they say
    "#);
    let object = run(&place, &["test", "mine.yaml", "-o", "json"])
        .expect(9)
        .json();
    assert_eq!(object["passed"], false);
    assert_eq!(object["wrong"], 1);
}

#[test]
fn a_task_is_explained() {
    let place = place();
    let explain = |args: &[&str]| {
        let args = [&["explain", "wide.yaml"], args].concat();
        let outcome = run(&place, &args);
        let work = fs_err::canonicalize(place.work()).unwrap();
        outcome.render().replace(work.to_str().unwrap(), "<work>")
    };
    let sandbox = ["--sandbox", "strict", "--policy", "strict"];
    assert_snapshot!(explain(&[&["use"], &sandbox[..]].concat()), @r#"
    exit 0
    --- stdout
    use under strict@1
      programs     `sh` may start   (pack strict@1)
      sandbox      strict   (pack strict@1)
      network      none   (pack strict@1)
      reads        the system's own files, <work>   (pack strict@1)
      writes       its workspace and home   (not said)
      variables    those every task has; handed through LC_ALL, LC_CTYPE, TZ   (pack strict@1)
      secrets      none   (not said)
      wall         1h00m   (pack strict@1)
      idle         15m00s   (pack strict@1)
      cpu          30m00s   (pack strict@1)
      memory       4.0 GiB   (pack strict@1)
      pids         512   (pack strict@1)
      output       4.0 MiB   (pack strict@1)
      disk         4.0 GiB   (pack strict@1)
      files        100000   (pack strict@1)
      file_size    1.0 GiB   (pack strict@1)
      tmp          512.0 MiB   (pack strict@1)
      requires     fs_write_confined, fs_read_confined, net_none, tree_kill, env_clean   (pack strict@1)

    Lists of programs say what a plan may start. They confine nothing: what an admitted program starts in its turn is confined by the sandbox alone.
    "#);
    let refused = run(&place, &["explain", "wide.yaml", "fetch", "-o", "json"])
        .expect(0)
        .json();
    assert_eq!(refused["starts"], false);
    assert_eq!(refused["refused"]["code"], "network-not-allowed");
    assert_snapshot!(explain(&["fetc"]), @r#"
    exit 2
    --- stderr
    error[unknown-task]: the scenario has no task `fetc` that starts a program or asks a model
    help: did you mean `fetch`?
    "#);
    run(&place, &["explain", "wide.yaml"]).expect(2);
}

/// A nested file narrows for its own tasks, in every verb alike; and who narrowed is who is named.
#[test]
fn a_nested_policy_is_judged_and_explained_alike() {
    let place = place();
    let outer = "version: 1\nname: outer\ntasks: { part: { uses: ./inner.yaml } }\n";
    let inner = "version: 1\nname: inner\npolicy: { network: none, programs: [sh, env], limits: { pids: 9 } }\n\
                 tasks:\n  a: { run: 'true; true; true', effects: { network: full } }\n  b: { command: [env, sh, -c, env true] }\n";
    place.write("outer.yaml", outer);
    place.write("inner.yaml", inner);
    let policy = ["--policy", "open", "-o", "json"];
    let words = [&["validate", "outer.yaml"], &policy[..]].concat();
    let judged = place.orchestra(words).run().expect(4).json();
    let wanted = "inner.yaml does not open the network `full`";
    let of_a = |all: &serde_json::Value| {
        let all = all.as_array().unwrap().iter();
        let own: Vec<_> = all.filter(|one| one["task"] == "part/a").cloned().collect();
        own
    };
    let own = of_a(&judged["policy"]["findings"]);
    let refusal = own
        .iter()
        .find(|one| one["code"] == "network-not-allowed")
        .unwrap();
    assert_eq!(refusal["message"], wanted, "{judged}");
    let fix = refusal["suggested_fix"].as_str().unwrap();
    assert!(
        fix.starts_with("Widen `policy` in inner.yaml, which narrowed"),
        "{fix}"
    );
    let explain = |task: &str| {
        let words = [&["explain", "outer.yaml", task], &policy[..]].concat();
        run(&place, &words).expect(0).json()
    };
    let explained = explain("part/a");
    assert_eq!(explained["starts"], false);
    assert_eq!(of_a(&explained["findings"]), own);
    assert_eq!(explained["refused"]["message"], wanted);
    let explained = explain("part/b");
    let answer = |name: &str| {
        let all = explained["answers"].as_array().unwrap();
        let found = all.iter().find(|one| one["name"] == name).unwrap();
        (found["value"].clone(), found["origin"].clone())
    };
    assert_eq!(answer("pids"), ("9".into(), "inner.yaml".into()));
    // A program that is started more than once is told once.
    let programs = answer("programs").0;
    let programs = programs.as_str().unwrap();
    assert_eq!(programs.matches("`env`").count(), 1, "{programs}");
}

#[test]
fn origins_fit_the_reader() {
    let place = place();
    let words = ["policy", "show", "--origin"];
    for (columns, most) in [(None, 100), (Some("60"), 60)] {
        let mut command = place.orchestra(words);
        if let Some(columns) = columns {
            command = command.env("COLUMNS", columns);
        }
        let text = command.run().expect(0).stdout;
        let widest = text.lines().skip(1).map(|line| line.chars().count()).max();
        assert!(widest.unwrap() <= most, "{text}");
    }
}

#[test]
fn validate_says_what_a_policy_has_against_a_plan() {
    let place = place();
    let words = ["validate", "wide.yaml", "--policy", "strict"];
    assert_snapshot!(place.orchestra(words).run().render(), @r#"
    exit 4
    --- stdout
    wide.yaml: wide is valid; strict@1: 1 refused
      refused[network-not-allowed] fetch: strict@1 does not open the network `full`
          fix: Choose a pack with `network: full`, or approve the plan by its digest.
    "#);
    let words = ["validate", "wide.yaml", "--policy", "open", "-o", "json"];
    let object = place.orchestra(words).run().expect(4).json();
    assert_eq!(object["valid"], true);
    assert_eq!(object["policy"]["pack"], "open@1");
}

#[test]
fn a_pack_that_a_scenario_was_written_for_holds_where_it_is_stricter() {
    let place = place();
    let inside = "version: 1\nname: a\npolicy: { use: PACK }\ntasks: { a: { run: 'true' } }\n";
    for (wanted, holds) in [("strict", "strict@1"), ("open", "default@1")] {
        place.write("a.yaml", inside.replace("PACK", wanted));
        let words = ["run", "a.yaml", "--plan-only", "-o", "json"];
        let outcome = place.orchestra(words).sandboxed().run();
        let object = outcome.expect(0).json();
        assert_eq!(object["policy"]["pack"], holds);
        let told = object["policy"]["findings"]
            .to_string()
            .contains("other-pack");
        assert_eq!(told, wanted == "open", "{object}");
    }
}

/// A pack of one's own that insists on more than the one of this build that it is built on.
#[test]
fn a_pack_that_insists_on_more_is_replaced_by_nobody() {
    let place = place();
    let own = "version: 1\npack: own\nuse: default\nmode: enforce\npaths: { protect: [keys] }\n\
               limits: { wall: 5m }\napprovals: { plans: always }\n";
    place.write("own.yaml", own);
    let tasks = "tasks: { a: { run: 'true' } }\n";
    let asks = "policy: { use: default }\n";
    let judged = || {
        let words = "run a.yaml --policy ./own.yaml --plan-only -o json";
        let outcome = place.orchestra(words.split(' ')).sandboxed().run();
        let object = outcome.expect(0).json();
        assert_eq!(object["policy"]["pack"], "own@1", "{object}");
        let told = object["policy"]["findings"].to_string();
        assert!(told.contains("other-pack"), "{object}");
    };
    place.write("a.yaml", format!("version: 1\nname: a\n{asks}{tasks}"));
    judged();
    place.write("a.yaml", format!("version: 1\nname: a\n{tasks}"));
    place.write("orchestra.yaml", asks);
    judged();
}

#[test]
fn completions_know_the_packs() {
    let place = place();
    let script = place
        .orchestra(["completions", "bash"])
        .run()
        .expect(0)
        .stdout;
    assert!(script.contains("default strict build open"), "no names");
}

/// Who names a path wants it read. What stands in the file is nobody's word, and keys are not lent at all.
#[test]
fn a_path_named_on_the_command_line_can_be_read() {
    let place = Place::new();
    place.write("../other/file", "elsewhere");
    place.write("../home/.ssh/id", "a key");
    let other = place.work().parent().unwrap().join("other");
    let home = place.dir("home");
    let scenario = format!(
        "name: reader\ninputs:\n  dir: {{ type: path, default: {} }}\ntasks:\n  read:\n    env: {{ DIR: \"${{{{ inputs.dir }}}}\" }}\n    run: cat \"$DIR\"/*\n",
        other.display()
    );
    place.write("reader.yaml", &scenario);
    let run = |dir: Option<&std::path::Path>| {
        let mut args = vec!["run".to_owned(), "reader.yaml".to_owned()];
        if let Some(dir) = dir {
            args.extend(["-i".to_owned(), format!("dir={}", dir.display())]);
        }
        place.orchestra(args).sandboxed().run()
    };
    run(None).expect(1);
    run(Some(&home.join(".ssh"))).expect(1);
    // Nor by a link that leads to them.
    let link = other.with_file_name("link");
    std::os::unix::fs::symlink(home.join(".ssh"), &link).unwrap();
    fs_err::remove_dir_all(place.work().join("runs")).unwrap();
    run(Some(&link)).expect(1);
    let policy: serde_json::Value = serde_json::from_str(&place.run_file("policy.json")).unwrap();
    assert!(policy["grants"].is_null(), "{policy}");
    fs_err::remove_dir_all(place.work().join("runs")).unwrap();
    run(Some(&other)).expect(0);
    assert_eq!(place.run_file("logs/read.1.out"), "elsewhere");
    let policy: serde_json::Value = serde_json::from_str(&place.run_file("policy.json")).unwrap();
    assert_eq!(policy["grants"][0]["by"], "-i dir");
}

/// A name that a pack allows is no word for any file or variable that a scenario calls by it.
#[test]
fn a_secret_is_taken_from_where_the_pack_allows_it() {
    let place = Place::new();
    let pack =
        "version: 1\npack: mine\nuse: default\nsecrets: { allow: [TOKEN], sources: [env, file] }\n";
    place.write("mine.yaml", pack);
    place.write("key", "a value of some length");
    for (source, code) in [
        ("{ from: env }", 0),
        ("{ from: env, name: OTHER }", 4),
        ("{ from: file, path: key }", 4),
    ] {
        let scenario = format!(
            "name: s\nsecrets:\n  TOKEN: {source}\ntasks:\n  a:\n    secrets: [TOKEN]\n    run: 'true'\n"
        );
        place.write("s.yaml", &scenario);
        let run = place.orchestra(["run", "s.yaml", "--policy", "./mine.yaml"]);
        let run = run
            .sandboxed()
            .env("TOKEN", "long enough")
            .env("OTHER", "long enough");
        let outcome = run.run().expect(code);
        assert_eq!(
            outcome.stderr.contains("the scenario takes it from"),
            code == 4
        );
    }
}
