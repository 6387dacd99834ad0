//! Lines that stay and a panel beneath them, on a real terminal and beside it.

use std::io::{BufRead as _, BufReader};
use std::time::{Duration, Instant};

use protocol::time::Timestamp;

use super::screen::Terminal;
use crate::support::{Outcome, Place};

/// One task that is quick, and one that waits for a file.
pub const WAITING: &str = "\
version: 1
name: waiting
inputs:
  gate: { type: path, default: gate }
tasks:
  quick: { run: 'true' }
  slow:
    needs: [quick]
    env: { GATE: \"${{ inputs.gate }}\" }
    run: |
      echo said by the task
      until [ -e \"$GATE\" ]; do sleep 0.02; done
";

const HELLO: &str = "\
version: 1
name: hello
tasks:
  greet: { run: echo hello }
";

const FAILING: &str = "\
version: 1
name: failing
tasks:
  prepare: { run: 'true' }
  build: { needs: [prepare], run: exit 3 }
  test: { needs: [build], run: 'true' }
  publish: { needs: [test], run: 'true' }
";

/// No sandbox: what these tests look at is the terminal.
fn is_banner(line: &str) -> bool {
    line.starts_with("SANDBOX none: ")
}

#[test]
fn lines_stay_a_bar_says_what_runs_and_nothing_of_it_is_left() {
    let place = Place::with("waiting.yaml", WAITING);
    let mut terminal = Terminal::run(&place, &["run", "waiting.yaml"]);
    terminal.wait_for("] slow");
    let text = terminal.text();
    let lines: Vec<&str> = text.lines().filter(|line| !is_banner(line)).collect();
    assert!(lines[0].starts_with("Run "), "{text}");
    assert!(
        lines[2].starts_with("    PASS [") && lines[2].ends_with("] quick"),
        "{text}"
    );
    assert!(lines[3].starts_with(" Running [00:0"), "{text}");
    assert!(lines[3].contains("1/2   1 running · 0 failed"), "{text}");
    assert!(lines[4].starts_with("         [00:0"), "{text}");
    terminal.wait_for("[00:02] slow");
    place.write("gate", "");
    let (code, text) = terminal.end();
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("Running"), "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| !is_banner(line)).collect();
    assert!(lines[3].ends_with("] slow"), "{text}");
    assert!(lines[4].starts_with("    SEAL"), "{text}");
    assert!(text.contains("  PASSED in"), "{text}");
    let sent = terminal.sent();
    for never in ["\x1b[2J", "\x1b[3J", "\x1b[?1049h", "\x1b[?25l"] {
        assert!(!sent.contains(never), "{never:?}");
    }
}

#[test]
fn the_usual_duration_comes_from_earlier_runs() {
    let place = Place::with("waiting.yaml", WAITING);
    place.write("gate", "");
    place.orchestra(["run", "waiting.yaml"]).run().expect(0);
    // As if it had taken a minute.
    let path = place.run_dir().join("run.json");
    let record = fs_err::read_to_string(&path).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let started: Timestamp = record["started"].as_str().unwrap().parse().unwrap();
    let earlier = Timestamp::from_micros(started.as_micros() - 60_000_000);
    record["started"] = earlier.to_string().into();
    fs_err::write(&path, record.to_string()).unwrap();
    fs_err::remove_file(place.work().join("gate")).unwrap();
    let mut terminal = Terminal::run(&place, &["run", "waiting.yaml"]);
    terminal.wait_for("0 failed · ~5");
    place.write("gate", "");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn output_of_tasks_comes_above_the_panel() {
    let place = Place::with("waiting.yaml", WAITING);
    let mut terminal = Terminal::run(&place, &["run", "waiting.yaml", "-v"]);
    terminal.wait_for("slow | said by the task\n Running [");
    place.write("gate", "");
    let (code, text) = terminal.end();
    assert_eq!((code, text.matches("Running").count()), (0, 0), "{text}");
}

#[test]
fn a_terminal_may_change_its_size() {
    let place = Place::with("waiting.yaml", WAITING);
    let mut terminal = Terminal::run(&place, &["run", "waiting.yaml"]);
    terminal.wait_for("1/2   1 running · 0 failed");
    terminal.resize(40, 10);
    terminal.wait_for("1/2   0 failed");
    terminal.resize(100, 30);
    terminal.wait_for("1/2   1 running · 0 failed");
    place.write("gate", "");
    let (code, text) = terminal.end();
    assert_eq!((code, text.matches("Running").count()), (0, 0), "{text}");
    assert!(
        text.contains("] quick\n") && text.contains("] slow\n"),
        "{text}"
    );
}

#[test]
fn without_a_cursor_to_move_lines_are_counted() {
    let place = Place::with("failing.yaml", FAILING);
    let plain = |args: &[&str], env: &[(&str, &str)]| {
        let (code, text) = {
            let mut terminal = Terminal::run_with(&place, args, env);
            let ended = terminal.end();
            let sent = terminal.sent();
            let moves = ["\x1b[K", "\x1b[J", "\x1b[?7", "\x1b[1A"];
            assert!(moves.iter().all(|one| !sent.contains(one)), "{sent:?}");
            ended
        };
        assert_eq!(code, 1, "{text}");
        text
    };
    let counted = |args: &[&str], env: &[(&str, &str)]| {
        let text = plain(args, env);
        assert!(text.contains("] (1/4) prepare"), "{env:?}: {text}");
    };
    let run = ["run", "failing.yaml"];
    counted(&["run", "failing.yaml", "--progress", "lines"], &[]);
    counted(&run, &[("CI", "true")]);
    counted(&run, &[("TERM", "dumb")]);
    counted(&run, &[("ORCHESTRA_PROGRESS", "lines")]);
    let quiet = plain(&["run", "failing.yaml", "-q"], &[]);
    let (banner, rest) = quiet.split_once('\n').unwrap();
    assert!(banner.starts_with("SANDBOX none: "), "{quiet}");
    assert!(rest.starts_with("────"), "{quiet}");
    let text = plain(&["run", "failing.yaml", "--progress", "none"], &[]);
    assert!(!text.contains("PASS"), "{text}");
}

#[test]
fn a_bar_in_ci_is_for_those_who_ask_for_it() {
    let place = Place::with("waiting.yaml", WAITING);
    let args = ["run", "waiting.yaml", "--progress", "bar"];
    let mut terminal = Terminal::run_with(&place, &args, &[("CI", "true")]);
    terminal.wait_for("1/2   1 running · 0 failed");
    place.write("gate", "");
    assert_eq!(terminal.end().0, 0);
    // Into a pipe it would be garbage.
    let piped = place.orchestra(args).run().expect(0);
    assert!(piped.stderr.contains("(2/2) slow"), "{}", piped.render());
    assert!(!piped.stderr.contains('\x1b'), "{}", piped.render());
}

/// The best of some tries: how loaded the machine is says nothing about us.
#[test]
fn the_first_line_comes_within_a_tenth_of_a_second() {
    const WITHIN: Duration = Duration::from_millis(100);
    const TRIES: u32 = 30;
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let first = || {
        let begun = Instant::now();
        let mut child = place.orchestra(["run", "hello.yaml"]).start();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let taken = begun.elapsed();
        assert!(line.starts_with("Run <run> hello"), "{line}");
        // Read to its end, so that nobody writes into the void.
        std::io::copy(&mut lines, &mut std::io::sink()).unwrap();
        Outcome::of(child.wait_with_output().unwrap()).expect(0);
        taken
    };
    let best = (0..TRIES).map(|_| first()).find(|taken| *taken <= WITHIN);
    assert!(best.is_some(), "never within {WITHIN:?} in {TRIES} tries");
}

#[test]
fn followed_output_cannot_move_the_cursor() {
    let task =
        "version: 1\nname: rude\ntasks:\n  rude: { run: \"printf '\\\\033[2Jcleared\\n'\" }\n";
    let place = Place::with("rude.yaml", task);
    place.orchestra(["run", "rude.yaml"]).run().expect(0);
    let mut terminal = Terminal::run(&place, &["logs", "@last", "-f"]);
    let (code, text) = terminal.end();
    assert_eq!((code, text.trim_end()), (0, "rude | \\x1b[2Jcleared"));
}

#[test]
fn long_text_goes_through_a_pager_on_a_terminal_only() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let paged = |args: &[&str], pager: &str| {
        let mut terminal = Terminal::run_with(&place, args, &[("PAGER", pager)]);
        let (code, text) = terminal.end();
        assert_eq!(code, 0, "{text}");
        text
    };
    let mark = "sed 's/^/paged: /'";
    for verb in [["show", "@last"], ["report", "@last"], ["logs", "@last"]] {
        let text = paged(&verb, mark);
        assert!(text.contains("paged: "), "{text}");
        let [verb, run] = verb;
        assert!(!paged(&[verb, run, "--no-pager"], mark).contains("paged"));
    }
    // A reader who had enough at once, and one that is not there, are no errors.
    assert_eq!(paged(&["show"], "true").trim(), "");
    assert!(paged(&["logs", "@last"], "").contains("hello"));
    let piped = place.orchestra(["show"]).env("PAGER", mark).run().expect(0);
    assert!(!piped.stdout.contains("paged"), "{}", piped.render());
    let object = place.orchestra(["show", "--json"]).env("PAGER", mark);
    assert_eq!(object.run().expect(0).json()["status"], "passed");
}
