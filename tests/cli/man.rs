//! `orchestra man`: pages that `man` takes without a word, with everything that help says.

use std::io::Write as _;
use std::process::{Command, Stdio};

use l1_orchestrator::exit_code;

use crate::support::Place;

fn page(args: &[&str]) -> String {
    // Its source writes `-` as `\-`: as JSON it is not taken for proposals.
    let outcome = Place::new()
        .orchestra(["man", "-o", "json"].iter().chain(args))
        .run();
    outcome.expect(0).json()["page"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The page as it is read, and what the formatter had to say about its source; none where there is no
/// formatter.
fn formatted(page: &str) -> Option<(String, String)> {
    let mut child = Command::new("groff")
        .args(["-man", "-Tutf8", "-ww", "-rLL=100n", "-P-cbou"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Some((text(output.stdout), text(output.stderr)))
}

#[test]
fn every_page_is_formatted_without_warnings() {
    let mut verbs: Vec<Vec<String>> = vec![vec![]];
    let tree = l1_orchestrator::tree();
    verbs.extend(
        tree.get_subcommands()
            .map(|verb| vec![verb.get_name().to_owned()]),
    );
    for verb in verbs {
        let verb: Vec<&str> = verb.iter().map(String::as_str).collect();
        let page = page(&verb);
        for section in ["NAME", "SYNOPSIS", "OPTIONS", "EXIT STATUS", "ENVIRONMENT"] {
            let quoted = [format!(".SH {section}\n"), format!(".SH \"{section}\"\n")];
            assert!(
                quoted.iter().any(|head| page.contains(head)),
                "{verb:?} has no {section}:\n{page}"
            );
        }
        let Some((text, warnings)) = formatted(&page) else {
            return;
        };
        assert_eq!(warnings, "", "{verb:?}");
        assert!(text.contains("SYNOPSIS"), "{verb:?}:\n{text}");
    }
}

#[test]
fn the_page_has_every_exit_code_and_verb() {
    let page = page(&[]);
    let Some((text, _)) = formatted(&page) else {
        return;
    };
    for (code, _) in exit_code::TABLE {
        let head = format!("\n       {code} ");
        assert!(text.contains(&head), "{code}:\n{text}");
    }
    for verb in l1_orchestrator::tree()
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set())
    {
        assert!(
            text.contains(&format!("orchestra-{}(1)", verb.get_name())),
            "{text}"
        );
    }
    assert!(
        text.contains("ORCHESTRA_RUNS_DIR") && text.contains("NO_COLOR"),
        "{text}"
    );
    assert!(
        text.contains("orchestra init build --template build-matrix"),
        "{text}"
    );
}

#[test]
fn unknown_verb() {
    let outcome = Place::new().orchestra(["man", "rum"]).run().expect(2);
    insta::assert_snapshot!(outcome.stderr, @r#"
error[unknown-command]: there is no command `rum`
help: did you mean `run`?
"#);
    let json = Place::new()
        .orchestra(["man", "run", "-o", "json"])
        .run()
        .expect(0)
        .json();
    assert_eq!(json["schema"], "orchestra.man/v1");
    assert_eq!(json["name"], "orchestra-run");
}
