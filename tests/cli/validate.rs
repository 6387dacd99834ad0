//! `orchestra validate`: every problem at once, where it is, with one remedy each.

use insta::assert_snapshot;

use crate::support::Place;

const GOOD: &str = "version: 1\nname: good\ninputs:\n  who: { type: string, default: me }\n\
                    tasks:\n  a:\n    run: echo a\n  b:\n    needs: [a]\n    run: echo b\n";

const BAD: &str = "\
version: 1
name: notes
tasks:
  collect:
    run: git log
    retires: 2
  publish:
    needs: [colect]
    run: echo ${{ inputs.x }}
";

#[test]
fn a_valid_file() {
    let place = Place::with("good.yaml", GOOD);
    let before = place.listing();
    assert_snapshot!(place.orchestra(["validate", "good.yaml"]).run().render(), @r#"
    exit 0
    --- stdout
    good.yaml: good is valid: 2 tasks, 1 input
    "#);
    assert_eq!(place.listing(), before, "it writes nothing");
}

#[test]
fn rules_are_held_against_each_other_and_values_of_secrets_stay_unsaid() {
    let text = "secrets:\n  TOKEN: ghp_0123456789\n  KEY: { value: hunter2 }\n  PASS: { from: env }\n\
                policy: { network: [\"forge.example.com:443\"] }\ntasks:\n  a:\n    run: make\n    \
                secrets: [TOKEN, KEY, PAS]\n    effects: { write: [../out] }\n    env: { P: \"${{ \
                secrets.PASS }}\" }\n";
    let place = Place::with("rules.yaml", text);
    let outcome = place.orchestra(["validate", "rules.yaml"]).run();
    assert!(!outcome.stderr.contains("ghp_") && !outcome.stderr.contains("hunter2"));
    assert_snapshot!(outcome.render(), @r#"
    exit 3
    --- stderr
    error[secret-value]: `TOKEN` stands for where the value comes from, never for the value
      --> rules.yaml:2:10
    help: write `TOKEN: { from: env }`

    error[secret-value]: a secret has no key `value`
      --> rules.yaml:3:10
    help: write `from`, such as `from: env`: a value has no place in a scenario

    warning[unused-secret]: secret `PASS` is granted to no task
     --> rules.yaml:4:3
      |
    4 |   PASS: { from: env }
      |   ^^^^
    help: grant it: `secrets: [PASS]` in a task; or remove it

    error[unsupported-yet]: `network` with a list of hosts is not supported yet
     --> rules.yaml:5:20
      |
    5 | policy: { network: ["forge.example.com:443"] }
      |                    ^^^^^^^^^^^^^^^^^^^^^^^^^
    help: this build has `none` and `full`: write one of them

    error[unknown-secret]: there is no secret `PAS`
     --> rules.yaml:9:27
      |
    9 |     secrets: [TOKEN, KEY, PAS]
      |                           ^^^
    help: did you mean `PASS`?

    error[invalid-path]: `../out`: `..` has no place in it
      --> rules.yaml:10:24
       |
    10 |     effects: { write: [../out] }
       |                        ^^^^^^
    help: write where it leads, absolute or with `~/`

    error[secret-in-expression]: secrets reach a task through its environment only
      --> rules.yaml:11:20
       |
    11 |     env: { P: "${{ secrets.PASS }}" }
       |                    ^^^^^^^^^^^^
    help: grant it: `secrets: [PASS]`; the task finds it as the variable `PASS`

    error: 6 problems in rules.yaml; nothing was run
    "#);
}

#[test]
fn every_problem_at_once() {
    let place = Place::with("bad.yaml", BAD);
    assert_snapshot!(place.orchestra(["validate", "bad.yaml"]).run().render(), @r#"
    exit 3
    --- stderr
    error[unknown-key]: a task has no key `retires`
     --> bad.yaml:6:5
      |
    6 |     retires: 2
      |     ^^^^^^^
    help: write `retry`

    error[unknown-task]: `needs` names a task that does not exist
     --> bad.yaml:8:13
      |
    8 |     needs: [colect]
      |             ^^^^^^
    help: did you mean `collect`?

    error[expression-in-run]: `${{ }}` inside `run` is refused: a value could become shell code
     --> bad.yaml:9:15
      |
    9 |     run: echo ${{ inputs.x }}
      |               ^^^^^^^^^^^^^^^
    help: pass it through the environment: `env: { VALUE: "${{ inputs.x }}" }`, then use "$VALUE"

    error: 3 problems in bad.yaml; nothing was run
    "#);
}

#[test]
fn as_json() {
    let place = Place::with("bad.yaml", BAD);
    let outcome = place
        .orchestra(["validate", "bad.yaml", "--json"])
        .run()
        .expect(3);
    assert_eq!(outcome.stderr, "");
    let object = outcome.json();
    assert_eq!(object["schema"], "orchestra.validate/v1");
    assert_eq!(object["valid"], false);
    let codes: Vec<_> = object["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["code"])
        .collect();
    assert_eq!(codes.len(), 3, "{codes:?}");
    assert_eq!(object["problems"][0]["line"], 6);
    let good = Place::with("good.yaml", GOOD);
    let object = good
        .orchestra(["validate", "good.yaml", "-o", "json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(
        (&object["valid"], &object["tasks"]),
        (&true.into(), &2.into())
    );
}

#[test]
fn a_missing_file_names_its_neighbor() {
    let place = Place::with("hello.yaml", GOOD);
    assert_snapshot!(place.orchestra(["validate", "helo.yaml"]).run().render(), @r#"
    exit 3
    --- stderr
    error[scenario-unreadable]: helo.yaml cannot be read
      because: failed to open file `helo.yaml`: No such file or directory (os error 2)
    help: did you mean `hello.yaml`?
    "#);
    assert_snapshot!(place.orchestra(["validate", "hello"]).run().render(), @r#"
    exit 3
    --- stderr
    error[scenario-unreadable]: hello cannot be read
      because: failed to open file `hello`: No such file or directory (os error 2)
    help: did you mean `hello.yaml`?
    "#);
}

#[test]
fn hostile_bytes_are_refused_quietly() {
    for bytes in [
        &b"\xff\xfe"[..],
        b"a: \0",
        b"",
        b"[",
        b"&a [*a]",
        b"- - - -",
    ] {
        let place = Place::with("x.yaml", bytes);
        let outcome = place.orchestra(["validate", "x.yaml"]).run().expect(3);
        assert!(outcome.stderr.starts_with("error["), "{}", outcome.render());
        assert!(
            outcome.stderr.contains("nothing was run"),
            "{}",
            outcome.render()
        );
    }
}

#[test]
fn a_saved_plan_is_one_and_no_scenario() {
    let place = Place::with("good.yaml", GOOD);
    let args = ["run", "good.yaml", "--plan-only", "--save", "plan.json"];
    place.orchestra(args).run().expect(0);
    let valid = place.orchestra(["validate", "plan.json"]).run().expect(0);
    let scenario = place.work().join("good.yaml");
    assert_eq!(
        valid.stdout,
        format!(
            "plan.json: good is a valid saved plan: 2 tasks, of {}\n",
            scenario.display()
        )
    );
    let object = place
        .orchestra(["validate", "plan.json", "-o", "json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(object["tasks"], 2);
    let text = fs_err::read_to_string(place.work().join("plan.json")).unwrap();
    place.write("plan.json", text.replace("echo a", "echo c"));
    assert_snapshot!(place.orchestra(["validate", "plan.json"]).run().render(), @r#"
    exit 3
    --- stderr
    error[plan-invalid]: plan.json is no plan to run
      because: its scenario was changed since it was saved
    help: save it again with `--plan-only --save FILE`
    "#);
    place.orchestra(["run", "good.yaml"]).run().expect(0);
    let of_run = place.run_dir().join("plan.json").display().to_string();
    let refused = place.orchestra(["validate", &of_run]).run().expect(3);
    assert!(
        refused.stderr.starts_with("error[not-a-saved-plan]"),
        "{}",
        refused.render()
    );
}
