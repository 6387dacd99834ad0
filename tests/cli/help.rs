//! Help: a first screen that fits, an entry for every verb, and the promises it makes.
//!
//! Pages of verbs are not copied here: rules over the whole tree hold for verbs that do not exist yet.

use insta::assert_snapshot;

use crate::support::Place;

fn help(args: &[&str]) -> String {
    Place::new().orchestra(args).run().expect(0).stdout
}

/// Every verb that help shows.
fn verbs() -> Vec<clap::Command> {
    let mut tree = l1_orchestrator::tree();
    tree.build();
    let shown = tree.get_subcommands().filter(|verb| !verb.is_hide_set());
    shown.cloned().collect()
}

#[test]
fn first_screen() {
    let text = help(&["-h"]);
    assert!(text.lines().count() <= 25, "{text}");
    assert_snapshot!(text, @r#"
    Run a scenario's tasks; keep a run directory anyone can read, resume and verify

    Usage: orchestra <COMMAND>

    Commands:
      Write       init  validate  fmt  graph  schema
      Run         run  resume  retry  pause  cancel
      Look        list  show  watch  logs  report
      Understand  explain  diff  stats  verify
      Set up      doctor  policy  config  trust  completions  man  clean

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Examples:
      orchestra init build --template build-matrix
      orchestra run build.yaml
    "#);
}

#[test]
fn long_help_has_every_verb_the_exit_codes_and_the_environment() {
    let text = help(&["--help"]);
    assert_snapshot!(text, @r#"
    Run a scenario's tasks; keep a run directory anyone can read, resume and verify

    Usage: orchestra <COMMAND>

    Write:
      init         Write a scenario to start from
      validate     Say everything that is wrong with a scenario
      fmt          Rewrite a scenario's words to the canonical ones
      graph        Draw a scenario, a plan or a run
      schema       Print a JSON Schema

    Run:
      run          Run a scenario to its end
      resume       Continue an interrupted run
      retry        Run failed or chosen tasks of a finished run again
      pause        Stop a run for now; resume goes on
      cancel       Stop a run and close its record

    Look:
      list         List runs, newest first
      show         Show a run: verdict, failures, tasks
      watch        Follow a run that another process drives
      logs         Print what tasks wrote
      report       Render a run's report from its journal

    Understand:
      explain      Say why a task went the way it went
      diff         Compare two runs
      stats        Success rates and durations over many runs
      verify       Check a run directory against its journal and seal

    Set up:
      doctor       Say whether this machine is ready, and what to fix
      policy       Show, list, test and explain what tasks may do
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
      orchestra init build --template build-matrix
      orchestra run build.yaml

    Exit codes:
        0  every required task succeeded, or what was asked for was done
        1  a required task failed; `fmt --check` or `diff` found a difference
        2  bad command line
        3  scenario, plan or settings invalid; nothing was run
        4  refused by policy, or the plan is not the approved one; nothing was run
        6  budget reached; what was done by then is kept
        7  environment not ready, journal not writable, or the run is held elsewhere
        8  verification failed: a digest, the journal chain or the signature
        9  a rule of a policy is not as its examples say
       10  parked: the run is paused and resume goes on, or its plan waits for approval
       70  internal error (a bug)
      130  cancelled by Ctrl-C; the record is complete
      143  cancelled by SIGTERM or `orchestra cancel`; the record is complete

    Environment:
      Every flag can be given as ORCHESTRA_<FLAG>, such as ORCHESTRA_RUNS_DIR=/var/runs.
      NO_COLOR, CLICOLOR_FORCE, FORCE_COLOR and TERM=dumb decide on color; CI and TERM on progress.

    A RUN is an id, a unique prefix of one, @last, @failed, or a run directory's path.
    "#);
    for verb in verbs() {
        let line = format!("\n  {} ", verb.get_name());
        assert!(text.contains(&line), "{}: {text}", verb.get_name());
    }
}

#[test]
fn no_command_shows_the_first_screen_on_stderr() {
    let outcome = Place::new().orchestra::<&str>([]).run().expect(2);
    assert_eq!(outcome.stdout, "");
    assert_eq!(outcome.stderr.trim_end(), help(&["-h"]).trim_end());
}

#[test]
fn one_page_short_and_long() {
    assert_snapshot!(help(&["trust", "-h"]), @r#"
    Accept what a project's orchestra.yaml asks for

    Usage: orchestra trust [OPTIONS] [DIR]

    Arguments:
      [DIR]  A project's folder, or one in it [default: the working directory]

    Options:
          --list    List the projects you trust
          --remove  Trust it no longer
      -h, --help    Print help (see more with '--help')

    Output:
      -o, --output-format <FORMAT>  What stdout carries [default: text] [possible values: text, json,
                                    jsonl]
          --json                    Same as `-o json`
      -q, --quiet                   Say only errors and the final line
          --color <WHEN>            When to color [default: auto] [possible values: auto, always, never]

    Examples:
      orchestra trust
      orchestra trust --list
    "#);
    assert_snapshot!(help(&["trust", "--help"]), @r#"
    Accept what a project's orchestra.yaml asks for

    A project's `orchestra.yaml` comes with a clone, so on its own it may change looks and tighten.
    Trust accepts what the file asks for beyond that, exactly as it stands now: when one of those values
    changes, you are asked again.

    Usage: orchestra trust [OPTIONS] [DIR]

    Arguments:
      [DIR]
              A project's folder, or one in it [default: the working directory]

    Options:
          --list
              List the projects you trust

          --remove
              Trust it no longer

      -h, --help
              Print help (see a summary with '-h')

    Output:
      -o, --output-format <FORMAT>
              What stdout carries [default: text]

              Possible values:
              - text:  For people
              - json:  Exactly one object, on errors too
              - jsonl: One object a line: events of a run, or one line an item

          --json
              Same as `-o json`

      -q, --quiet
              Say only errors and the final line

          --color <WHEN>
              When to color [default: auto]

              Possible values:
              - auto:   On a terminal, unless `NO_COLOR` is set
              - always: Always
              - never:  Never

    Examples:
      orchestra trust
      orchestra trust --list
    "#);
    assert_eq!(help(&["help", "trust"]), help(&["trust", "--help"]));
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

#[test]
fn every_verb_has_a_short_and_a_long_page() {
    for verb in verbs() {
        let name = verb.get_name().to_owned();
        let about = verb.get_about().expect(&name).to_string();
        assert!(
            about.len() <= 60 && !about.ends_with('.'),
            "{name}: {about}"
        );
        let long = verb.get_long_about().map(ToString::to_string);
        let long = long.unwrap_or_default();
        let more = long.strip_prefix(&format!("{about}\n\n"));
        assert!(
            more.is_some_and(|more| more.ends_with('.')),
            "{name} says no more: {long:?}"
        );
        let mut verb = verb.clone();
        let short = verb.render_help().to_string();
        let long = verb.render_long_help().to_string();
        for page in [&short, &long] {
            assert!(page.starts_with(&about), "{name}: {page}");
            assert!(
                page.contains(&format!("\nUsage: orchestra {name}")),
                "{name}: {page}"
            );
            let wide = page.lines().find(|line| line.chars().count() > 100);
            assert!(wide.is_none(), "{name}: {wide:?}");
        }
        assert!(short.lines().count() < long.lines().count(), "{name}");
        assert!(short.lines().count() <= 60, "{name}: {short}");
    }
}

/// Every flag has a variable named after it and a word of help.
#[test]
fn every_flag_has_its_variable() {
    for verb in verbs() {
        for arg in verb.get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            if ["help", "version"].contains(&long) {
                continue;
            }
            let (name, variable) = (verb.get_name(), long.replace('-', "_").to_uppercase());
            let variable = format!("ORCHESTRA_{variable}");
            let given = arg
                .get_env()
                .map(|given| given.to_string_lossy().into_owned());
            assert_eq!(given.as_deref(), Some(&*variable), "{name} --{long}");
            assert!(arg.get_help().is_some(), "{name} --{long}");
        }
    }
}

#[test]
fn every_verb_has_the_output_flags_and_values_have_names() {
    for verb in verbs() {
        let name = verb.get_name();
        for flag in ["output-format", "json", "quiet", "color"] {
            let found = verb
                .get_arguments()
                .find(|arg| arg.get_long() == Some(flag));
            let heading = found.and_then(|arg| arg.get_help_heading());
            assert_eq!(heading, Some("Output"), "{name} --{flag}");
        }
        let of_values = verb
            .get_arguments()
            .filter(|arg| arg.get_action().takes_values());
        for arg in of_values {
            for value in arg.get_value_names().unwrap_or_default() {
                let is_capital = |c: char| c.is_ascii_uppercase() || "=_|@".contains(c);
                assert!(value.chars().all(is_capital), "{name} {value}");
            }
        }
    }
}

#[test]
fn every_example_parses() {
    let mut seen = 0;
    for verb in verbs() {
        let examples = verb.get_after_help().map(ToString::to_string);
        let examples = examples.unwrap_or_default();
        let lines = examples
            .lines()
            .filter(|line| line.starts_with("  orchestra "));
        for command in lines.flat_map(|line| line.split("&&")) {
            let command = command.split(" > ").next().unwrap_or(command);
            let parsed = l1_orchestrator::tree().try_get_matches_from(command.split_whitespace());
            assert!(parsed.is_ok(), "{command}");
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}
