//! Failures that only the output tells apart: network at fault, or a question nobody can answer.
//!
//! Kept as data, each rule with outputs it must and must not match; a test runs them all. Only a
//! failed attempt's tail is looked at, so a wrong guess costs at most a retry.

use protocol::outcome::FailureClass;

/// A rule matches when the output, in lower case, holds one of the markers.
struct Rule {
    class: FailureClass,
    markers: &'static [&'static str],
    #[cfg(test)]
    matches: &'static [&'static str],
    #[cfg(test)]
    spares: &'static [&'static str],
}

macro_rules! rules {
    ($($class:ident { markers: $markers:expr, matches: $matches:expr, spares: $spares:expr, })*) => {
        const RULES: &[Rule] = &[$(Rule {
            class: FailureClass::$class,
            markers: $markers,
            #[cfg(test)]
            matches: $matches,
            #[cfg(test)]
            spares: $spares,
        },)*];
    };
}

// The first rule that matches wins: a prompt for a password after a lost connection is a prompt.
rules! {
    Interactive {
        markers: &[
            "could not read username for",
            "could not read password for",
            "terminal prompts disabled",
            "no tty present and no askpass program",
            "a terminal is required to read the password",
            "a password is required",
            "host key verification failed",
            "cannot perform an interactive login from a non tty device",
            "the input device is not a tty",
            "prompts can not be meaningfully rendered in non-tty environments",
            "eof when reading a line",
        ],
        matches: &[
            "fatal: could not read Username for 'https://forge.example.com': No such device or address",
            "fatal: could not read Username for 'https://x': terminal prompts disabled",
            "sudo: a terminal is required to read the password; either use the -S option",
            "sudo: a password is required",
            "Host key verification failed.\r\nfatal: Could not read from remote repository.",
            "the input device is not a TTY",
            "EOFError: EOF when reading a line",
        ],
        spares: &[
            "error: password is too short",
            "warning: username not set",
            "test prompts_for_password ... FAILED",
            "cannot open terminal settings file",
        ],
    }
    Network {
        markers: &[
            "could not resolve host",
            "temporary failure in name resolution",
            "name or service not known",
            "no address associated with hostname",
            "connection refused",
            "connection reset by peer",
            "connection timed out",
            "network is unreachable",
            "no route to host",
            "tls handshake timeout",
            "dns error",
            "the remote end hung up unexpectedly",
            "econnrefused",
            "econnreset",
            "etimedout",
            "enotfound",
            "eai_again",
        ],
        matches: &[
            "curl: (6) Could not resolve host: forge.example.com",
            "ssh: connect to host x port 22: Connection refused",
            "getaddrinfo: Temporary failure in name resolution",
            "npm ERR! code ECONNRESET",
            "Error: getaddrinfo EAI_AGAIN registry.example.com",
            "error sending request: dns error: failed to lookup address information",
            "fatal: the remote end hung up unexpectedly",
        ],
        spares: &[
            "error: connection pool has no test",
            "assertion failed: reset by peer review",
            "the network module is documented in network.md",
            "timed out waiting for the lock",
            "unresolved import `host`",
        ],
    }
}

/// What the end of a failed attempt's output says about the failure, if anything.
pub(crate) fn classify(output: &[u8]) -> Option<FailureClass> {
    let text = String::from_utf8_lossy(output).to_ascii_lowercase();
    let matching = RULES
        .iter()
        .find(|rule| rule.markers.iter().any(|marker| text.contains(marker)));
    matching.map(|rule| rule.class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_matches_its_examples_and_spares_the_others() {
        for rule in RULES {
            for example in rule.matches {
                assert_eq!(classify(example.as_bytes()), Some(rule.class), "{example}");
            }
            for example in rule.spares {
                assert_eq!(classify(example.as_bytes()), None, "{example}");
            }
            assert!(
                rule.markers
                    .iter()
                    .all(|marker| *marker == marker.to_ascii_lowercase())
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_looked_at_too() {
        assert_eq!(
            classify(b"\xff connection refused"),
            Some(FailureClass::Network)
        );
        assert_eq!(classify(b"\xff"), None);
    }
}
