//! `orchestra fmt`: aliases become canonical words, and nothing else changes.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::symlink;

use insta::assert_snapshot;

use crate::support::Place;

const OTHER: &str = "# depends_on: stays\nname: ci\n\ntasks:\n  a: { run: x }   # first\n\n  b:\n    \
                     depends_on:   [a]\n    run: |\n      when: x\n    \"when\": always()\n";
const CANONICAL: &str = "# depends_on: stays\nname: ci\n\ntasks:\n  a: { run: x }   # first\n\n  b:\n    \
                         needs:   [a]\n    run: |\n      when: x\n    \"if\": always()\n";

#[test]
fn words_are_rewritten_in_place() {
    let place = Place::with("ci.yaml", OTHER);
    let file = place.work().join("ci.yaml");
    fs_err::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    assert_snapshot!(place.orchestra(["fmt", "ci.yaml"]).run().render(), @r#"
    exit 0
    --- stdout
    ci.yaml
    --- stderr
    2 words in 1 file rewritten
    "#);
    assert_eq!(fs_err::read_to_string(&file).unwrap(), CANONICAL);
    let mode = fs_err::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_snapshot!(place.orchestra(["fmt", "ci.yaml"]).run().render(), @r#"
    exit 0
    --- stderr
    1 file of canonical words only
    "#);
    assert_eq!(place.listing().len(), 5, "nothing is left behind");
}

#[test]
fn check_writes_nothing_and_says_what_would_change() {
    let place = Place::with("ci.yaml", OTHER);
    place.write("ok.yaml", CANONICAL);
    let files = ["fmt", "--check", "ci.yaml", "ok.yaml"];
    assert_snapshot!(place.orchestra(files).run().render(), @r#"
    exit 1
    --- stdout
    ci.yaml
    --- stderr
    2 words in 1 file would be rewritten
    "#);
    let text = fs_err::read_to_string(place.work().join("ci.yaml")).unwrap();
    assert_eq!(text, OTHER);
    let json = place.orchestra(["fmt", "--check", "ci.yaml", "ok.yaml", "--json"]);
    let json = json.run().expect(1);
    assert_eq!(json.stderr, "");
    assert_snapshot!(json.stdout, @r#"{"check":true,"files":[{"changed":true,"file":"ci.yaml","words":[{"alias":"depends_on","canonical":"needs","line":8},{"alias":"when","canonical":"if","line":11}]},{"changed":false,"file":"ok.yaml","words":[]}],"schema":"orchestra.fmt/v1"}"#);
    place
        .orchestra(["fmt", "--check", "ok.yaml"])
        .run()
        .expect(0);
}

#[test]
fn a_file_with_problems_keeps_all_files_as_they_are() {
    let place = Place::with("ci.yaml", OTHER);
    place.write("bad.yaml", "tasks:\n  a: { rnu: x, depends_on: [b] }\n");
    assert_snapshot!(place.orchestra(["fmt", "ci.yaml", "bad.yaml"]).run().render(), @r#"
    exit 3
    --- stderr
    error[unknown-key]: a task has no key `rnu`
     --> bad.yaml:2:8
      |
    2 |   a: { rnu: x, depends_on: [b] }
      |        ^^^
    help: did you mean `run`?

    note: bad.yaml:2:16: `depends_on` is read as `needs`; `orchestra fmt bad.yaml` rewrites it
    error[unknown-task]: `needs` names a task that does not exist
     --> bad.yaml:2:29
      |
    2 |   a: { rnu: x, depends_on: [b] }
      |                             ^

    error: 2 problems in bad.yaml; nothing was written
    "#);
    let text = fs_err::read_to_string(place.work().join("ci.yaml")).unwrap();
    assert_eq!(text, OTHER);
    assert_snapshot!(place.orchestra(["fmt", "gone.yaml"]).run().render(), @r#"
    exit 3
    --- stderr
    error[scenario-unreadable]: gone.yaml cannot be read
      because: failed to open file `gone.yaml`: No such file or directory (os error 2)
    help: there are `bad.yaml`, `ci.yaml`
    "#);
}

#[test]
fn a_link_stays_a_link() {
    let place = Place::with("real/ci.yaml", OTHER);
    symlink("real/ci.yaml", place.work().join("ci.yaml")).unwrap();
    place.orchestra(["fmt", "ci.yaml", "-q"]).run().expect(0);
    assert!(place.work().join("ci.yaml").is_symlink());
    let text = fs_err::read_to_string(place.work().join("real/ci.yaml")).unwrap();
    assert_eq!(text, CANONICAL);
}

#[test]
fn stdin_comes_out_on_stdout() {
    let place = Place::with("ci.yaml", OTHER);
    let script = "\"$0\" fmt - < ci.yaml";
    let ended = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_orchestra")])
        .current_dir(place.work())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(ended.stdout).unwrap(), CANONICAL);
    assert_eq!(ended.status.code(), Some(0));
    assert_snapshot!(place.orchestra(["fmt", "-", "ci.yaml"]).run().render(), @r#"
    exit 2
    --- stderr
    error[too-many-files]: `-` stands alone
    help: format them one by one
    "#);
}

#[test]
fn a_byte_order_mark_and_line_ends_stay() {
    let text = format!("\u{feff}{}", OTHER.replace('\n', "\r\n"));
    let place = Place::with("ci.yaml", text);
    place.orchestra(["fmt", "ci.yaml"]).run().expect(0);
    let text = fs_err::read_to_string(place.work().join("ci.yaml")).unwrap();
    assert_eq!(text, format!("\u{feff}{}", CANONICAL.replace('\n', "\r\n")));
}
