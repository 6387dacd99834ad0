//! Arguments against a rule's patterns, where some of the arguments may not be known yet.

use super::pattern::matches;
use super::rule::ArgumentRule;

/// Whether arguments pass a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Passing {
    /// They do.
    Yes,
    /// They do not: a pattern denies them, or none of those given allows them.
    No {
        /// The denying pattern.
        denied_by: Option<String>,
    },
    /// It depends on what is not known.
    Open,
}

/// Whether a pattern's words are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    No,
    Perhaps,
    Yes,
}

/// Holds arguments against a rule. `None` is an argument that is not known, or any number of them.
pub(super) fn passing(rule: &ArgumentRule, arguments: &[Option<String>]) -> Passing {
    let mut open = false;
    for pattern in &rule.deny {
        match anywhere(pattern, arguments) {
            Found::Yes => {
                return Passing::No {
                    denied_by: Some(pattern.clone()),
                };
            }
            Found::Perhaps => open = true,
            Found::No => {}
        }
    }
    let allowed = rule
        .allow
        .iter()
        .map(|pattern| at_start(pattern, arguments))
        .max();
    match allowed {
        Some(Found::No) => Passing::No { denied_by: None },
        Some(Found::Perhaps) => Passing::Open,
        Some(Found::Yes) | None if open => Passing::Open,
        Some(Found::Yes) | None => Passing::Yes,
    }
}

/// Whether the arguments begin with the pattern's words.
fn at_start(pattern: &str, arguments: &[Option<String>]) -> Found {
    let mut arguments = arguments.iter();
    for word in pattern.split_whitespace() {
        match arguments.next() {
            None => return Found::No,
            Some(None) => return Found::Perhaps,
            Some(Some(argument)) if !matches(word, argument) => return Found::No,
            Some(Some(_)) => {}
        }
    }
    Found::Yes
}

/// Whether the pattern's words are among the arguments, in this order.
fn anywhere(pattern: &str, arguments: &[Option<String>]) -> Found {
    let mut words = pattern.split_whitespace().peekable();
    let mut unknown = false;
    for argument in arguments {
        let Some(word) = words.peek() else { break };
        match argument {
            None => unknown = true,
            Some(argument) if matches(word, argument) => {
                words.next();
            }
            Some(_) => {}
        }
    }
    match (words.peek(), unknown) {
        (None, _) => Found::Yes,
        (Some(_), true) => Found::Perhaps,
        (Some(_), false) => Found::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(allow: &[&str], deny: &[&str], arguments: &[&str]) -> Passing {
        let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        let rule = ArgumentRule {
            allow: texts(allow),
            deny: texts(deny),
        };
        let known = |text: &&str| (*text != "?").then(|| (*text).to_owned());
        passing(&rule, &arguments.iter().map(known).collect::<Vec<_>>())
    }

    #[test]
    fn allow_is_from_the_start_and_deny_is_anywhere() {
        let no = |by: Option<&str>| Passing::No {
            denied_by: by.map(str::to_owned),
        };
        assert_eq!(ask(&[], &[], &["x"]), Passing::Yes);
        assert_eq!(ask(&["status", "log"], &[], &["log", "-1"]), Passing::Yes);
        assert_eq!(ask(&["status"], &[], &["-c", "status"]), no(None));
        assert_eq!(ask(&["status"], &[], &[]), no(None));
        assert_eq!(ask(&["remote -v"], &[], &["remote"]), no(None));
        let forced = ["-C", "x", "push", "origin", "--force"];
        assert_eq!(
            ask(&[], &["push --force*"], &forced),
            no(Some("push --force*"))
        );
        assert_eq!(ask(&[], &["--force push"], &forced), Passing::Yes);
        assert_eq!(ask(&["push"], &["--force"], &["push", "x"]), Passing::Yes);
    }

    #[test]
    fn what_is_not_known_decides_nothing() {
        assert_eq!(ask(&["status"], &[], &["?"]), Passing::Open);
        assert_eq!(ask(&["status"], &[], &["status", "?"]), Passing::Yes);
        assert_eq!(ask(&["status"], &["-x"], &["status", "?"]), Passing::Open);
        assert_eq!(
            ask(&["status"], &[], &["log", "?"]),
            Passing::No { denied_by: None }
        );
    }
}
