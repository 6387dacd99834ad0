//! Help: a first screen that fits, an entry for every verb, and the promises it makes.

use insta::assert_snapshot;

use crate::support::Place;

fn help(args: &[&str]) -> String {
    Place::new().orchestra(args).run().expect(0).stdout
}

#[test]
fn first_screen() {
    let text = help(&["-h"]);
    assert!(text.lines().count() <= 25, "{text}");
    assert_snapshot!(text, @r#"
    Run a scenario's tasks; keep a run directory anyone can read, resume and verify

    Usage: orchestra <COMMAND>

    Commands:
      Write       validate  schema
      Run         run  resume  pause  cancel
      Look        list  show  logs  report
      Understand  stats  verify
      Set up      doctor  config  trust  completions  man  clean

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Examples:
      orchestra run scenarios/hello.yaml
      orchestra run scenarios/repo-audit.yaml -i root=.
    "#);
}

#[test]
fn long_help_has_the_exit_codes() {
    assert_snapshot!(help(&["--help"]), @r#"
    Run a scenario's tasks; keep a run directory anyone can read, resume and verify

    Usage: orchestra <COMMAND>

    Write:
      validate     Say everything that is wrong with a scenario
      schema       Print a JSON Schema

    Run:
      run          Run a scenario to its end
      resume       Continue an interrupted run
      pause        Stop a run for now; resume goes on
      cancel       Stop a run and close its record

    Look:
      list         List runs, newest first
      show         Show a run: verdict, failures, tasks
      logs         Print what tasks wrote
      report       Render a run's report from its journal

    Understand:
      stats        Success rates and durations over many runs
      verify       Check a run directory against its journal and seal

    Set up:
      doctor       Say whether this machine is ready, and what to fix
      config       Show settings, and where each value comes from
      trust        Accept what a project's orchestra.yaml asks for
      completions  Print a completion script for your shell
      man          Print the manual page of orchestra or of one verb
      clean        Remove old runs

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Examples:
      orchestra run scenarios/hello.yaml
      orchestra run scenarios/repo-audit.yaml -i root=.

    Exit codes:
        0  every required task succeeded, or what was asked for was done
        1  the run finished and a required task failed
        2  bad command line
        3  scenario, plan or settings invalid; nothing was run
        4  refused by policy, or the plan is not the approved one; nothing was run
        7  environment not ready, journal not writable, or the run is held elsewhere
        8  verification failed: a digest, the journal chain or the signature
       10  parked: the run is paused; resume goes on
       70  internal error (a bug)
      130  cancelled by Ctrl-C; the record is complete
      143  cancelled by SIGTERM or `orchestra cancel`; the record is complete

    Environment:
      Every flag can be given as ORCHESTRA_<FLAG>, such as ORCHESTRA_RUNS_DIR=/var/runs.
      NO_COLOR, CLICOLOR_FORCE, FORCE_COLOR and TERM=dumb decide on color; CI and TERM on progress.

    A RUN is an id, a unique prefix of one, @last, @failed, or a run directory's path.
    "#);
}

#[test]
fn no_command_shows_the_first_screen_on_stderr() {
    let outcome = Place::new().orchestra::<&str>([]).run().expect(2);
    assert_eq!(outcome.stdout, "");
    assert!(
        outcome.stderr.starts_with("Run a scenario's tasks"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn run() {
    assert_snapshot!(help(&["run", "-h"]), @r#"
    Run a scenario to its end

    Usage: orchestra run [OPTIONS] <SCENARIO>

    Arguments:
      <SCENARIO>  The scenario file

    Options:
      -i, --input <KEY=VALUE>  Value of one of the scenario's inputs; may be repeated
          --max-parallel <N>   Attempts that run at once [default: the scenario's, else the number of
                               cores]
          --fail-fast          Cancel what runs as soon as a required task has failed
          --sandbox <LEVEL>    Confinement of tasks; `none` is the only level of this build [default:
                               none]
          --runs-dir <DIR>     Where runs are kept [default: runs]
      -h, --help               Print help (see more with '--help')

    Output:
          --progress <HOW>          Progress on stderr [default: auto] [possible values: auto, bar,
                                    lines, none]
      -v, --verbose...              Show what tasks write, as they write it; -vv adds orchestra's own
                                    log
          --log-level <LEVEL>       Detail of log.jsonl in the run directory [default: info] [possible
                                    values: off, error, warn, info, debug, trace]
      -o, --output-format <FORMAT>  What stdout carries [default: text] [possible values: text, json,
                                    jsonl]
          --json                    Same as `-o json`
      -q, --quiet                   Say only errors and the final line
          --color <WHEN>            When to color [default: auto] [possible values: auto, always, never]

    Examples:
      orchestra run scenarios/hello.yaml -i name=world
      orchestra run scenarios/diamond.yaml --max-parallel 2 -o jsonl
    "#);
}

#[test]
fn resume() {
    assert_snapshot!(help(&["resume", "-h"]), @r#"
    Continue an interrupted run

    Usage: orchestra resume [OPTIONS] <RUN>

    Arguments:
      <RUN>  The run: id, unique prefix, @last, @failed or its directory

    Options:
          --max-parallel <N>  Attempts that run at once [default: the scenario's, else the number of
                              cores]
          --fail-fast         Cancel what runs as soon as a required task has failed
          --sandbox <LEVEL>   Confinement of tasks; `none` is the only level of this build [default:
                              none]
          --runs-dir <DIR>    Where runs are kept [default: runs]
      -h, --help              Print help (see more with '--help')

    Output:
          --progress <HOW>          Progress on stderr [default: auto] [possible values: auto, bar,
                                    lines, none]
      -v, --verbose...              Show what tasks write, as they write it; -vv adds orchestra's own
                                    log
          --log-level <LEVEL>       Detail of log.jsonl in the run directory [default: info] [possible
                                    values: off, error, warn, info, debug, trace]
      -o, --output-format <FORMAT>  What stdout carries [default: text] [possible values: text, json,
                                    jsonl]
          --json                    Same as `-o json`
      -q, --quiet                   Say only errors and the final line
          --color <WHEN>            When to color [default: auto] [possible values: auto, always, never]
    "#);
}

#[test]
fn cancel() {
    assert_snapshot!(help(&["cancel", "-h"]), @r#"
    Stop a run and close its record

    Usage: orchestra cancel [OPTIONS] <RUN>

    Arguments:
      <RUN>  The run: id, unique prefix, @last, @failed or its directory

    Options:
          --runs-dir <DIR>  Where runs are kept [default: runs]
      -h, --help            Print help (see more with '--help')

    Output:
      -o, --output-format <FORMAT>  What stdout carries [default: text] [possible values: text, json,
                                    jsonl]
          --json                    Same as `-o json`
      -q, --quiet                   Say only errors and the final line
          --color <WHEN>            When to color [default: auto] [possible values: auto, always, never]
    "#);
}

#[test]
fn validate() {
    assert_snapshot!(help(&["validate", "-h"]), @r#"
    Say everything that is wrong with a scenario

    Usage: orchestra validate [OPTIONS] <SCENARIO>

    Arguments:
      <SCENARIO>  The scenario file

    Options:
      -h, --help  Print help (see more with '--help')

    Output:
      -o, --output-format <FORMAT>  What stdout carries [default: text] [possible values: text, json,
                                    jsonl]
          --json                    Same as `-o json`
      -q, --quiet                   Say only errors and the final line
          --color <WHEN>            When to color [default: auto] [possible values: auto, always, never]
    "#);
}

#[test]
fn verify() {
    assert_snapshot!(help(&["verify", "-h"]), @r#"
    Check a run directory against its journal and seal

    Usage: orchestra verify [OPTIONS] [RUN]

    Arguments:
      [RUN]  The run: id, unique prefix, @last, @failed or its directory [default: @last]

    Options:
          --runs-dir <DIR>  Where runs are kept [default: runs]
      -h, --help            Print help (see more with '--help')

    Output:
      -o, --output-format <FORMAT>  What stdout carries [default: text] [possible values: text, json,
                                    jsonl]
          --json                    Same as `-o json`
      -q, --quiet                   Say only errors and the final line
          --color <WHEN>            When to color [default: auto] [possible values: auto, always, never]
    "#);
}

#[test]
fn list() {
    assert_snapshot!(help(&["list", "-h"]), @r#"
    List runs, newest first

    Usage: orchestra list [OPTIONS] [SCENARIO]

    Arguments:
      [SCENARIO]  Only runs of this scenario: its name or its file

    Options:
          --scenario <NAME>  Only runs of this scenario; may be repeated
          --since <WHEN>     Only runs begun since: a span such as 2d or 12h, a day, or an RFC 3339
                             time, UTC
          --status <STATUS>  Only runs in this state; may be repeated [possible values: passed, failed,
                             cancelled, running, paused, interrupted, never-began, damaged]
          --limit <N>        At most this many, 0 for all [default: 50 on a terminal, else all]
          --runs-dir <DIR>   Where runs are kept [default: runs]
      -h, --help             Print help (see more with '--help')

    Output:
      -o, --output-format <FORMAT>  What stdout carries [default: text] [possible values: text, json,
                                    jsonl]
          --json                    Same as `-o json`
      -q, --quiet                   Say only errors and the final line
          --color <WHEN>            When to color [default: auto] [possible values: auto, always, never]

    Examples:
      orchestra list --status failed --since 2d
      orchestra list release-notes --limit 5 -o json
    "#);
}

#[test]
fn show() {
    assert_snapshot!(help(&["show", "-h"]), @r#"
    Show a run: verdict, failures, tasks

    Usage: orchestra show [OPTIONS] [RUN]

    Arguments:
      [RUN]  The run: id, unique prefix, @last, @failed or its directory [default: @last]

    Options:
          --runs-dir <DIR>  Where runs are kept [default: runs]
      -h, --help            Print help (see more with '--help')

    Output:
      -o, --output-format <FORMAT>  What stdout carries [default: text] [possible values: text, json,
                                    jsonl]
          --json                    Same as `-o json`
      -q, --quiet                   Say only errors and the final line
          --color <WHEN>            When to color [default: auto] [possible values: auto, always, never]
    "#);
}

#[test]
fn logs() {
    assert_snapshot!(help(&["logs", "-h"]), @r#"
    Print what tasks wrote

    Usage: orchestra logs [OPTIONS] <RUN> [TASK]

    Arguments:
      <RUN>   The run: id, unique prefix, @last, @failed or its directory
      [TASK]  One task

    Options:
          --attempt <N>     Only this attempt
          --failed          Only attempts that failed
          --runs-dir <DIR>  Where runs are kept [default: runs]
      -h, --help            Print help (see more with '--help')

    Output:
      -o, --output-format <FORMAT>  What stdout carries [default: text] [possible values: text, json,
                                    jsonl]
          --json                    Same as `-o json`
      -q, --quiet                   Say only errors and the final line
          --color <WHEN>            When to color [default: auto] [possible values: auto, always, never]

    Examples:
      orchestra logs @last build
      orchestra logs @failed --failed
    "#);
}

#[test]
fn report() {
    assert_snapshot!(help(&["report", "-h"]), @r#"
    Render a run's report from its journal

    Usage: orchestra report [OPTIONS] [RUN]

    Arguments:
      [RUN]  The run: id, unique prefix, @last, @failed or its directory [default: @last]

    Options:
          --runs-dir <DIR>  Where runs are kept [default: runs]
      -h, --help            Print help (see more with '--help')

    Output:
      -o, --output-format <FORMAT>  What stdout carries [default: text] [possible values: text, json,
                                    jsonl]
          --json                    Same as `-o json`
      -q, --quiet                   Say only errors and the final line
          --color <WHEN>            When to color [default: auto] [possible values: auto, always, never]
    "#);
}

#[test]
fn schema() {
    assert_snapshot!(help(&["schema", "-h"]), @r#"
    Print a JSON Schema

    Usage: orchestra schema [OPTIONS] [WHAT]

    Arguments:
      [WHAT]  Of what [default: scenario] [possible values: scenario, events, messages]

    Options:
      -h, --help  Print help (see more with '--help')

    Output:
      -o, --output-format <FORMAT>  What stdout carries [default: text] [possible values: text, json,
                                    jsonl]
          --json                    Same as `-o json`
      -q, --quiet                   Say only errors and the final line
          --color <WHEN>            When to color [default: auto] [possible values: auto, always, never]
    "#);
}

#[test]
fn version() {
    let outcome = Place::new().orchestra(["--version"]).run().expect(0);
    assert_eq!(
        outcome.stdout,
        concat!("orchestra ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let outcome = Place::new().orchestra(["version"]).run().expect(0);
    assert_snapshot!(outcome.render(), @r#"
    exit 0
    --- stdout
    orchestra <version>
    "#);
}

/// Every flag has a variable named after it, every verb a line of help, every example parses.
#[test]
fn the_tree_keeps_its_promises() {
    let tree = l1_orchestrator::tree();
    for verb in tree.get_subcommands() {
        assert!(verb.get_about().is_some(), "{}", verb.get_name());
        for arg in verb.get_arguments().chain(tree.get_arguments()) {
            let Some(long) = arg.get_long() else { continue };
            if ["help", "version"].contains(&long) {
                continue;
            }
            let variable = format!("ORCHESTRA_{}", long.replace('-', "_").to_uppercase());
            let given = arg
                .get_env()
                .map(|name| name.to_string_lossy().into_owned());
            assert_eq!(given.as_deref(), Some(variable.as_str()), "--{long}");
            assert!(arg.get_help().is_some(), "--{long}");
        }
        let examples = verb
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        for line in examples
            .lines()
            .filter(|line| line.starts_with("  orchestra "))
        {
            let parsed = l1_orchestrator::tree().try_get_matches_from(line.split_whitespace());
            assert!(parsed.is_ok(), "{line}");
        }
    }
}
