//! `orchestra completions`: a script each shell can read, and real completions where bash is there.

use std::process::{Command, Stdio};

use crate::support::Place;

fn script(shell: &str) -> String {
    Place::new()
        .orchestra(["completions", shell])
        .run()
        .expect(0)
        .stdout
}

#[test]
fn every_shell_has_its_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = script(shell);
        for word in ["validate", "max-parallel", "doctor"] {
            assert!(script.contains(word), "{shell} misses {word}");
        }
        let json = Place::new()
            .orchestra(["completions", shell, "-o", "json"])
            .run()
            .expect(0)
            .json();
        assert_eq!(json["schema"], "orchestra.completions/v1");
        assert_eq!(json["script"], script, "{shell}");
    }
    let outcome = Place::new()
        .orchestra(["completions", "bsh"])
        .run()
        .expect(2);
    assert!(
        outcome.stderr.contains("did you mean `bash`?"),
        "{}",
        outcome.stderr
    );
}

/// What bash offers for a command line whose last word is being typed.
fn offered(script: &std::path::Path, words: &[&str]) -> Vec<String> {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let last = words.len() - 1;
    let program = format!(
        ". {}; COMP_WORDS=({}); COMP_CWORD={last}; COMP_LINE='{}'; COMP_POINT=${{#COMP_LINE}}; \
         _orchestra orchestra '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        quoted.join(" "),
        words.join(" "),
        words[last],
        words[last - 1],
    );
    let output = Command::new("bash")
        .args(["--norc", "-c", &program])
        .stderr(Stdio::piped())
        .output();
    let output = output.expect("bash is there");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn bash_reads_it_and_completes() {
    if Command::new("bash").arg("--version").output().is_err() {
        return;
    }
    let place = Place::with("orchestra.bash", script("bash"));
    let path = place.work().join("orchestra.bash");
    let checked = Command::new("bash").arg("-n").arg(&path).status();
    assert!(checked.unwrap().success());
    assert_eq!(offered(&path, &["orchestra", "val"]), ["validate"]);
    assert!(offered(&path, &["orchestra", "run", "--max"]).contains(&"--max-parallel".to_owned()));
    let colors = offered(&path, &["orchestra", "list", "--color", ""]);
    assert_eq!(colors, ["auto", "always", "never"]);
}
