//! For each guardrail a plan that fails it, and beside it one that looks alike and is honest.

use protocol::diagnostic::Diagnostic;
use protocol::plan::{DraftPlan, DraftTask};

use super::{check, check_chain};
use crate::planner::Caps;

const GOAL: &str = "Draft release notes from the commits since the last release.";

fn task(id: &str, run: &str) -> DraftTask {
    DraftTask {
        id: id.into(),
        description: Some(format!("Make part {id} of the page.")),
        run: Some(run.into()),
        artifacts: [(id.to_owned(), format!("{id}.md"))].into(),
        ..DraftTask::default()
    }
}

fn found(tasks: impl IntoIterator<Item = DraftTask>) -> Vec<String> {
    let draft = DraftPlan {
        tasks: tasks.into_iter().collect(),
        ..DraftPlan::default()
    };
    let line = |one: &Diagnostic| format!("{} {}", one.code, one.place.as_ref().unwrap());
    check(GOAL, &draft).iter().map(line).collect()
}

fn described(text: &str) -> DraftTask {
    DraftTask {
        description: Some(text.into()),
        ..task("a", "git log > a.md")
    }
}

#[test]
fn empty_duplicated_and_goal_echoing_descriptions() {
    for text in ["", "  ", "Task.", "…", "1"] {
        assert_eq!(
            found([described(text)]),
            ["empty-description tasks.a.description"],
            "{text}"
        );
    }
    for text in [
        "Draft release notes from the commits since the last release.",
        "Drafting: the release notes! draft, from commits since last release",
        "Draft the release notes for our last commits since a release",
    ] {
        assert!(
            found([described(text)])[0].starts_with("goal-echoed"),
            "{text}"
        );
    }
    let other = DraftTask {
        id: "b".into(),
        ..described("list the commits, since the release!")
    };
    assert_eq!(
        found([described("List the commits since the release."), other]),
        ["duplicate-description tasks.b.description"]
    );
    let other = DraftTask {
        id: "b".into(),
        ..described("List the commits of each author.")
    };
    assert_eq!(
        found([described("List the commits since the release."), other]),
        Vec::<String>::new()
    );
}

#[test]
fn characters_that_are_not_seen() {
    assert_eq!(
        found([described("List the \u{202e}stimmoc of the release.")]),
        ["unseen-characters tasks.a.description"]
    );
    for run in [
        "rm x; #\rgit log > a.md",
        "git log > a.md # \u{1b}[8m",
        "git \u{200b}log > a.md",
        "git log\u{8} > a.md",
    ] {
        assert_eq!(
            found([task("a", run)]),
            ["unseen-characters tasks.a.run"],
            "{run:?}"
        );
    }
    let draft = DraftPlan {
        description: Some("All \u{1b}[2Jwell.".into()),
        ..DraftPlan::default()
    };
    assert_eq!(
        check(GOAL, &draft)[0].to_string(),
        "error[unseen-characters]: `description` holds characters that are not seen (at description)"
    );
}

#[test]
fn commands_that_only_pretend() {
    for run in [
        "echo done",
        "true",
        ":",
        "sleep 5",
        "echo a; echo b && true",
        "printf 'all tests passed\\n'",
        "exit 0",
        "echo done > /dev/null",
        "cd src; echo 'Report written'",
        "X=1 # nothing",
        "echo done > other.txt",
        "echo \"hello\" 2>&1",
        "set -e\nsleep 1\ntrue",
    ] {
        assert_eq!(found([task("a", run)]), ["pretends tasks.a.run"], "{run}");
    }
    for command in [
        vec!["true"],
        vec!["echo", "done"],
        vec!["sh", "-c", "echo done"],
        vec!["sleep", "1"],
    ] {
        let command: Vec<_> = command
            .into_iter()
            .map(protocol::expr::Template::new)
            .collect();
        let task = DraftTask {
            run: None,
            command: Some(command),
            ..task("a", "")
        };
        assert_eq!(found([task]), ["pretends tasks.a.command"]);
    }
    for run in [
        "echo 'All tests passed' > a.md",
        "echo status=success >> \"$ORCHESTRA_OUTPUT\"",
        "printf 'verified: yes' > ./a.md",
        "sleep 3; echo done >> a.md",
        "echo 'All tests passed' | tee a.md",
    ] {
        assert_eq!(
            found([task("a", run)]),
            ["claimed-result tasks.a.run"],
            "{run}"
        );
    }
    for run in [
        "echo hello > a.md",
        "printf '# Notes\\n' > a.md",
        "echo \"count=$(wc -l < x)\" >> \"$ORCHESTRA_OUTPUT\"",
        "echo \"$SINCE\" > a.md",
        "make && echo done",
        "git log > a.md; echo done",
    ] {
        assert_eq!(found([task("a", run)]), Vec::<String>::new(), "{run}");
    }
}

#[test]
fn what_the_goal_wants_said_is_no_claim() {
    let draft = |run: &str| DraftPlan {
        tasks: vec![task("a", run)],
        ..DraftPlan::default()
    };
    let codes = |goal: &str, run: &str| -> Vec<_> {
        check(goal, &draft(run))
            .iter()
            .map(|one| one.code)
            .collect()
    };
    assert_eq!(
        codes("Keep the word done in a file", "echo done > a.md"),
        Vec::<&str>::new()
    );
    assert_eq!(
        codes("Keep a word in a file", "echo done > a.md"),
        ["claimed-result"]
    );
    assert_eq!(codes("Say the word done", "echo done"), ["pretends"]);
}

#[test]
fn leaves_that_are_still_goals() {
    for run in [
        "Analyze the commits and write a summary",
        "# list the commits\n",
        "draft the release notes from the commits since the last release",
        "make part a of the page",
    ] {
        assert_eq!(
            found([task("a", run)]),
            ["still-a-goal tasks.a.run"],
            "{run}"
        );
    }
    for run in [
        "make page",
        "Rscript a.R b > a.md",
        "git shortlog -sn > a.md",
        "R -f x.R > a.md",
    ] {
        assert_eq!(found([task("a", run)]), Vec::<String>::new(), "{run}");
    }
    for run in [
        "cat /path/to/input > a.md",
        "python3 x.py <your-file> > a.md",
        "git log > a.md # TODO: more",
    ] {
        assert_eq!(
            found([task("a", run)]),
            ["placeholder tasks.a.run"],
            "{run}"
        );
    }
    assert_eq!(
        found([task("a", "grep -rn TODO src > a.md")]),
        Vec::<String>::new()
    );
}

#[test]
fn tasks_without_output() {
    let bare = |id: &str| DraftTask {
        artifacts: [].into(),
        ..task(id, "cargo test")
    };
    assert_eq!(found([bare("a")]), ["no-result tasks.a"]);
    let waits = DraftTask {
        needs: vec!["a".into()],
        ..task("b", "cargo doc")
    };
    assert_eq!(found([bare("a"), waits.clone()]), Vec::<String>::new());
    let last = DraftTask {
        needs: vec!["b".into()],
        ..bare("c")
    };
    assert_eq!(found([bare("a"), waits, last]), ["no-result tasks.c"]);
}

#[test]
fn secrets_asked_for() {
    let with = |name: &str, value: &str| DraftTask {
        env: [(name.to_owned(), protocol::expr::Template::new(value))].into(),
        ..task("a", "forge publish > a.md")
    };
    assert_eq!(
        found([with("X", "${{ secrets.FORGE }}")]),
        ["secret-asked-for tasks.a.env"]
    );
    for run in [
        "curl -H \"x: $FORGE_TOKEN\" x > a.md",
        "x ${ANTHROPIC_API_KEY} > a.md",
        "cat ~/.ssh/config > a.md",
        "cp $HOME/.aws/credentials a.md",
        "mail \"$PASSWORD\" | x > a.md",
    ] {
        assert_eq!(
            found([task("a", run)]),
            ["secret-asked-for tasks.a.run"],
            "{run}"
        );
    }
    let own = DraftTask {
        run: Some("x \"$PAGE_TOKEN\" > a.md".into()),
        ..with("PAGE_TOKEN", "3")
    };
    assert_eq!(found([own]), Vec::<String>::new());
    assert_eq!(
        found([task("a", "wc -w $TOKENS > a.md")]),
        Vec::<String>::new()
    );
}

#[test]
fn chains_that_are_too_long() {
    let chain = |length: usize| {
        let tasks = (0..length).map(|at| DraftTask {
            needs: (at > 0)
                .then(|| format!("t{}", at - 1))
                .into_iter()
                .collect(),
            ..task(&format!("t{at}"), "date > x")
        });
        let draft = DraftPlan {
            name: "x".into(),
            tasks: tasks.collect(),
            ..DraftPlan::default()
        };
        draft.check(&protocol::plan::Limits::default()).unwrap()
    };
    let caps = Caps {
        chain: 3,
        ..Caps::default()
    };
    assert_eq!(check_chain(&chain(3), &caps), None);
    let problem = check_chain(&chain(4), &caps).unwrap();
    assert_eq!(
        problem.message,
        "a chain of 4 tasks; at most 3 may follow each other"
    );
}

#[test]
fn what_nobody_reads_is_not_approved() {
    for (run, fits) in [
        ("a\n".repeat(60), true),
        ("a\n".repeat(61), false),
        (format!("echo x > a.md # {}", "y".repeat(300)), true),
        (format!("echo x > a.md # {}", "y".repeat(500)), false),
        (format!("git log > a.md;{}rm -rf src", " ".repeat(30)), true),
        (
            format!("git log > a.md;{}rm -rf src", " ".repeat(41)),
            false,
        ),
        (
            format!("git log > a.md;{}rm -rf src", "\t".repeat(800)),
            false,
        ),
    ] {
        let found = found([task("a", &run)]);
        let is_refused = found.contains(&"too-long-to-read tasks.a.run".to_owned());
        assert_eq!(!is_refused, fits, "{run:?}: {found:?}");
    }
    let long = DraftTask {
        env: [(
            "X".to_owned(),
            protocol::expr::Template::new("y".repeat(401)),
        )]
        .into(),
        ..task("a", "git log > a.md")
    };
    assert_eq!(found([long]), ["too-long-to-read tasks.a.env"]);
}
