//! `orchestra diff`: equal runs, and every part that can differ.

use insta::assert_snapshot;

use crate::cli::run::HELLO;
use crate::support::Place;

const BEFORE: &str = "\
version: 1
name: build
inputs:
  flags: { type: string, default: fast }
tasks:
  fetch:
    run: echo fetched
  compile:
    needs: [fetch]
    env: { FLAGS: \"${{ inputs.flags }}\", CC: cc }
    run: |
      echo compiling
      echo \"$FLAGS\" > out.txt
      echo \"flags=$FLAGS\" >> \"$ORCHESTRA_OUTPUT\"
    outputs: { flags: string }
    artifacts: { binary: out.txt }
  lint:
    run: echo linted
";

const AFTER: &str = "\
version: 1
name: build
inputs:
  flags: { type: string, default: fast }
tasks:
  fetch:
    run: echo fetched
  compile:
    needs: [fetch]
    env: { FLAGS: \"${{ inputs.flags }}\", CC: clang }
    retry: 2
    run: |
      echo compiling twice
      echo \"$FLAGS\" > out.txt
      echo \"flags=$FLAGS\" >> \"$ORCHESTRA_OUTPUT\"
    outputs: { flags: string }
    artifacts: { binary: out.txt }
  check:
    needs: [compile]
    run: exit 3
";

fn two(first: &str, second: &[&str], code: i32) -> (Place, String) {
    let place = Place::with("build.yaml", first);
    let run = ["run", "build.yaml"];
    let ran = place.orchestra(run).unredacted().run().expect(0);
    if second.is_empty() {
        place.write("build.yaml", AFTER);
    }
    let args = [&run[..], second].concat();
    place.orchestra(args).run().expect(code);
    (place, ran.stdout.trim().to_owned())
}

#[test]
fn equal_runs() {
    let place = Place::with("hello.yaml", HELLO);
    let first = place.orchestra(["run", "hello.yaml"]).unredacted().run();
    place.write("hello.yaml", format!("{HELLO}# the same\n"));
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    let first = first.expect(0).stdout.trim().to_owned();
    assert_snapshot!(place.orchestra(["diff", &first]).run().render(), @r#"
    exit 0
    --- stdout
    # EQUAL: hello <run> and hello <run>

    The same: outcomes, plan, inputs, environment, outputs, artifacts.
    Ids, times and durations always differ and do not count.

    | | from | to |
    |---|---|---|
    | run | hello <run> | hello <run> |
    | started | <time> | <time> |
    | verdict | passed | passed |
    | plan | <digest> | <digest> |

    ## Scenario as written

    The text differs, the plan it makes does not.

    ```diff
    @@ -8,2 +8,3 @@
         run: echo "hello, $NAME" | tee greeting.txt
         artifacts: { greeting: greeting.txt }
    +# the same
    ```

    ## Durations

    | task | from | to | attempts |
    |---|--:|--:|--:|
    | *the run* | <s> | <s> |  |
    | greet | <s> | <s> | 1 |
    "#);
    let object = place
        .orchestra(["diff", &first, "--json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(object["schema"], "orchestra.diff/v1");
    assert_eq!(object["equal"], true);
    assert_eq!(object["durations"][1]["task"], "greet");
}

#[test]
fn another_plan_that_ends_otherwise() {
    let (place, first) = two(BEFORE, &[], 1);
    let outcome = place.orchestra(["diff", &first, "@last"]).run().expect(1);
    let (page, durations) = outcome.stdout.split_once("## Durations\n").unwrap();
    // The furthest apart is first, and which one that is is luck.
    assert!(
        durations.contains("\n| compile | <s> | <s> | 1 |\n"),
        "{durations}"
    );
    assert_snapshot!(page, @r#"
    # DIFFERENT: build <run> and build <run>

    Different: outcomes, plan.
    The same: inputs, environment, outputs, artifacts.
    Ids, times and durations always differ and do not count.

    | | from | to |
    |---|---|---|
    | run | build <run> | build <run> |
    | started | <time> | <time> |
    | verdict | passed | failed |
    | plan | <digest> | <digest> |

    ## Outcomes

    |  | from | to |
    |---|---|---|
    | run | passed | failed |
    | check | *absent* | failed: exit 3 |

    ## Plan

    - Added: check
    - Removed: lint
    - Changed: compile: env.CC, run, retry

    ### compile

    | field | from | to |
    |---|---|---|
    | env.CC | cc | clang |
    | retry | *absent* | `{"backoff":"exponential","delay_ms":1000,"max":2,"max_delay_ms":60000}` |

    run:

    ```diff
    @@ -1,3 +1,3 @@
    -echo compiling
    +echo compiling twice
     echo "$FLAGS" > out.txt
     echo "flags=$FLAGS" >> "$ORCHESTRA_OUTPUT"
    ```

    ## Scenario as written

    ```diff
    @@ -8,11 +8,13 @@
       compile:
         needs: [fetch]
    -    env: { FLAGS: "${{ inputs.flags }}", CC: cc }
    +    env: { FLAGS: "${{ inputs.flags }}", CC: clang }
    +    retry: 2
         run: |
    -      echo compiling
    +      echo compiling twice
           echo "$FLAGS" > out.txt
           echo "flags=$FLAGS" >> "$ORCHESTRA_OUTPUT"
         outputs: { flags: string }
         artifacts: { binary: out.txt }
    -  lint:
    -    run: echo linted
    +  check:
    +    needs: [compile]
    +    run: exit 3
    ```
    "#);
}

#[test]
fn other_inputs_and_settings() {
    let (place, first) = two(BEFORE, &["-i", "flags=slow", "--max-parallel", "7"], 0);
    let outcome = place
        .orchestra(["diff", &first, "-o", "json"])
        .run()
        .expect(1);
    let object = outcome.json();
    let changes = |part: &str| object[part].to_string();
    assert_eq!(
        changes("inputs"),
        r#"[{"from":"fast","to":"slow","what":"flags"}]"#
    );
    assert_eq!(
        changes("outputs"),
        r#"[{"from":"fast","to":"slow","what":"compile.flags"}]"#
    );
    assert_eq!(
        object["plan"]["equal"], true,
        "inputs have a part of their own"
    );
    assert_eq!(object["outcomes"].as_array().unwrap().len(), 0);
    assert_eq!(object["artifacts"][0]["what"], "artifacts/compile/out.txt");
    assert_eq!(object["artifacts"][0]["from"]["bytes"], 5);
    let environment = changes("environment");
    assert!(
        environment.contains("setting max_parallel"),
        "{environment}"
    );
    assert!(environment.contains("7"), "{environment}");
}

#[test]
fn a_run_of_something_else_and_one_that_is_not_over() {
    let (place, first) = two(BEFORE, &["-i", "flags=slow"], 0);
    let other = place.past("other", "exit 0", 0);
    place.interrupt(&other, 3);
    let page = place
        .orchestra(["diff", &first, "@last"])
        .run()
        .expect(1)
        .stdout;
    assert!(page.contains("| verdict | passed | unfinished |"), "{page}");
    assert!(page.contains("- Removed: compile, fetch, lint"), "{page}");
    assert!(page.contains("| scenario | build | other |"), "{page}");
}

#[test]
fn without_a_plan_that_can_be_read() {
    let (place, first) = two(BEFORE, &["-i", "flags=slow"], 0);
    fs_err::write(place.work().join(&first).join("plan.json"), "{}").unwrap();
    let page = place.orchestra(["diff", &first]).run().expect(1).stdout;
    assert!(
        page.contains("One of the plans is not what its run approved"),
        "{page}"
    );
}

#[test]
fn names_of_no_run() {
    let place = Place::with("hello.yaml", HELLO);
    place.orchestra(["run", "hello.yaml"]).run().expect(0);
    assert_snapshot!(place.orchestra(["diff", "@last", "zzz"]).run().render(), @r#"
    exit 2
    --- stderr
    error[unknown-run]: no run matches `zzz` in runs
    help: `orchestra list` shows what there is
    "#);
    let object = place
        .orchestra(["diff", "zzz", "--json"])
        .run()
        .expect(2)
        .json();
    assert_eq!(object["error"]["code"], "unknown-run");
}
