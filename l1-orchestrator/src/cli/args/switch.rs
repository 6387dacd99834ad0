//! The value of a flag that takes none, as its variable says it: yes, no, or a mistake.

/// Reads `ORCHESTRA_FAIL_FAST=1` and the like; an empty variable says no.
///
/// # Errors
/// It says neither, which is not to be guessed.
pub fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true),
        "" | "false" | "f" | "no" | "n" | "off" | "0" => Ok(false),
        _ => Err("expected `true` or `false`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_no_and_neither() {
        assert_eq!(["1", "TRUE", "on"].map(switch), [const { Ok(true) }; 3]);
        assert_eq!(["", "0", "No"].map(switch), [const { Ok(false) }; 3]);
        assert!(switch("maybe").is_err() && switch("2").is_err());
    }
}
