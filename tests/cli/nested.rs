//! Scenarios of several files, and notes, as `validate` shows them.

use std::os::unix::fs::symlink;

use insta::assert_snapshot;

use crate::support::Place;

const MAIN: &str = "tasks:\n  build:\n    uses: ./parts/build.yaml\n    with: { nmae: x }\n  test:\n    \
                    needs: [build]\n    run: x\n    env: { V: \"${{ tasks.build.outputs.versoin }}\" }\n";
const PART: &str = "inputs: { name: {} }\ntasks:\n  make: { run: x, outputs: { version: string }, tiemout: 5m }\n\
                    outputs: { version: \"${{ tasks.make.outputs.version }}\" }\n";

#[test]
fn problems_of_every_file_come_out_together() {
    let place = Place::with("ci/main.yaml", MAIN);
    place.write("ci/parts/build.yaml", PART);
    assert_snapshot!(place.orchestra(["validate", "ci/main.yaml"]).run().render(), @r#"
    exit 3
    --- stderr
    error[missing-input]: `parts/build.yaml` needs input `name`
     --> ci/main.yaml:3:11
      |
    3 |     uses: ./parts/build.yaml
      |           ^^^^^^^^^^^^^^^^^^
    help: give it: `with: { name: … }`

    error[unknown-input]: `parts/build.yaml` has no input `nmae`
     --> ci/main.yaml:4:13
      |
    4 |     with: { nmae: x }
      |             ^^^^
    help: did you mean `name`?

    error[unknown-output]: task `build` has no output `versoin`
     --> ci/main.yaml:8:20
      |
    8 |     env: { V: "${{ tasks.build.outputs.versoin }}" }
      |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^
    help: did you mean `version`?

    error[unknown-key]: a task has no key `tiemout`
     --> ci/parts/build.yaml:3:49
      |
    3 |   make: { run: x, outputs: { version: string }, tiemout: 5m }
      |                                                 ^^^^^^^
    help: did you mean `timeout`?

    error: 4 problems in 2 files; nothing was run
    "#);
    let json = place
        .orchestra(["validate", "ci/main.yaml", "--json"])
        .run()
        .expect(3)
        .json();
    let problems = json["problems"].as_array().unwrap();
    let files: Vec<_> = problems
        .iter()
        .map(|it| it["file"].as_str().unwrap())
        .collect();
    assert_eq!(files.last(), Some(&"ci/parts/build.yaml"));
    assert_eq!(problems.last().unwrap()["line"], 3);
}

#[test]
fn what_is_right_is_said_with_all_its_files() {
    let place = Place::with(
        "main.yaml",
        MAIN.replace("nmae", "name").replace("versoin", "version"),
    );
    place.write("parts/build.yaml", PART.replace(", tiemout: 5m", ""));
    assert_snapshot!(place.orchestra(["validate", "main.yaml"]).run().render(), @r#"
    exit 0
    --- stdout
    main.yaml: main is valid: 2 tasks, 0 inputs, 1 nested file
    "#);
    let json = place
        .orchestra(["validate", "main.yaml", "--json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(json["files"], serde_json::json!(["parts/build.yaml"]));
}

#[test]
fn nothing_outside_of_the_root_is_read() {
    let place = Place::with(
        "project/main.yaml",
        "tasks: { a: { uses: ./link.yaml }, b: { uses: ../out.yaml } }",
    );
    place.write("out.yaml", "tasks: { a: { run: x } }");
    place.write("project/folder/x", "");
    symlink("../out.yaml", place.work().join("project/link.yaml")).unwrap();
    assert_snapshot!(place.orchestra(["validate", "project/main.yaml"]).run().render(), @r#"
    exit 3
    --- stderr
    error[invalid-path]: project/link.yaml is a link out of the scenario's root
     --> project/main.yaml:1:21
      |
    1 | tasks: { a: { uses: ./link.yaml }, b: { uses: ../out.yaml } }
      |                     ^^^^^^^^^^^
    help: put the file itself beneath the root

    error[invalid-path]: `..` leads out of the scenario's root
     --> project/main.yaml:1:47
      |
    1 | tasks: { a: { uses: ./link.yaml }, b: { uses: ../out.yaml } }
      |                                               ^^^^^^^^^^^
    help: the root is the nearest folder above with `orchestra.yaml` or `.git`, else the scenario's own; move the file beneath it

    error: 2 problems in project/main.yaml; nothing was run
    "#);
    place.write("orchestra.yaml", "");
    place
        .orchestra(["validate", "project/main.yaml"])
        .run()
        .expect(0);
}

#[test]
fn files_that_cannot_be_read() {
    let main = "tasks: { a: { uses: ./prats/a.yaml }, b: { uses: ./parts/aa.yaml }, c: { uses: ./parts } }";
    let place = Place::with("main.yaml", main);
    place.write("parts/a.yaml", "");
    assert_snapshot!(place.orchestra(["validate", "main.yaml"]).run().render(), @r#"
    exit 3
    --- stderr
    error[scenario-unreadable]: there is no file prats/a.yaml
     --> main.yaml:1:21
      |
    1 | tasks: { a: { uses: ./prats/a.yaml }, b: { uses: ./parts/aa.yaml }, c: { uses: ./parts } }
      |                     ^^^^^^^^^^^^^^

    error[scenario-unreadable]: there is no file parts/aa.yaml
     --> main.yaml:1:50
      |
    1 | tasks: { a: { uses: ./prats/a.yaml }, b: { uses: ./parts/aa.yaml }, c: { uses: ./parts } }
      |                                                  ^^^^^^^^^^^^^^^
    help: did you mean `a.yaml`?

    error[scenario-unreadable]: parts cannot be read: it is a folder
     --> main.yaml:1:80
      |
    1 | tasks: { a: { uses: ./prats/a.yaml }, b: { uses: ./parts/aa.yaml }, c: { uses: ./parts } }
      |                                                                                ^^^^^^^

    error: 3 problems in main.yaml; nothing was run
    "#);
}

#[test]
fn another_word_is_noted_in_one_line() {
    let text = "tasks:\n  a: { run: x }\n  b: { run: x, depends_on: [a] }\n  c: { run: x, depends_on: [a], when: always() }\n  d: { run: x, if: true }\n";
    let place = Place::with("ci.yaml", text);
    assert_snapshot!(place.orchestra(["validate", "ci.yaml"]).run().render(), @r#"
    exit 0
    --- stdout
    ci.yaml: ci is valid: 4 tasks, 0 inputs
    --- stderr
    note: ci.yaml:3:16: `depends_on` is read as `needs`; `orchestra fmt ci.yaml` rewrites it
    note: ci.yaml:4:33: `when` is read as `if`; `orchestra fmt ci.yaml` rewrites it
    warning[constant-condition]: `if` is true in every run
     --> ci.yaml:5:20
      |
    5 |   d: { run: x, if: true }
      |                    ^^^^
    help: remove it
    "#);
    let quiet = place
        .orchestra(["validate", "ci.yaml", "-q"])
        .run()
        .expect(0);
    assert_eq!(quiet.stderr, "");
}
