//! Finds the commands that a text proposes and checks them against the tree of this build.

/// Commands in backticks, behind `next:` and on lines of their own that this build does not have.
pub fn unparsable(text: &str) -> Vec<String> {
    let mut found: Vec<&str> = Vec::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            found.push(part);
        }
    }
    for line in text.lines() {
        if let Some((_, next)) = line.split_once("next: ") {
            found.extend(next.split(" · "));
        } else if line.trim_start().starts_with("orchestra ") && !is_version(line) {
            found.push(line.trim());
        }
    }
    let of_ours = found
        .into_iter()
        .filter(|command| command.starts_with("orchestra "));
    of_ours
        .filter(|command| !parses(command))
        .map(str::to_owned)
        .collect()
}

/// The line that `orchestra version` prints.
fn is_version(line: &str) -> bool {
    let second = line.split_whitespace().nth(1).unwrap_or_default();
    second.starts_with(|c: char| c.is_ascii_digit() || c == '<')
}

fn parses(command: &str) -> bool {
    // Placeholders stand for a run, as in the snapshots.
    let command = command.replace("<run>", "4be1c07a");
    let words = words(&command.replace("<digest>", "7f3a91c27f3a91c2"));
    // A verb alone is talked about, not proposed.
    if let [_, verb] = words.as_slice()
        && l1_orchestrator::tree().find_subcommand(verb).is_some()
    {
        return true;
    }
    match l1_orchestrator::tree().try_get_matches_from(words) {
        Ok(_) => true,
        Err(error) => error.kind() == clap::error::ErrorKind::DisplayHelp,
    }
}

/// The words of a command with single quotes, as a shell sees them.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words
}

#[test]
fn wrong_proposals_are_found() {
    let text = "  orchestra x\nhelp: `orchestra shwo` shows it\n  next: orchestra logs <run> a · orchestra serve x\n\
                help: `orchestra list --help` and `orchestra resume` are `other`\norchestra 1.0";
    let wrong = unparsable(text);
    assert_eq!(
        wrong,
        ["orchestra shwo", "orchestra x", "orchestra serve x"]
    );
}
