//! A credential that is wiped when it goes, and that nothing prints.

use std::fmt;

use zeroize::Zeroizing;

/// Shortest credential; anything shorter could be part of honest text, which is searched for it.
const MIN_BYTES: usize = 8;

/// Longest; tokens of identity providers have a few thousand.
const MAX_BYTES: usize = 16 * 1024;

/// A credential. Its debug form says only that it is one.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// A text that cannot be a credential. Does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Too short or too long.
    #[error("a key has {MIN_BYTES} to {MAX_BYTES} characters, this one has {0}")]
    Length(usize),
    /// Characters that no header carries.
    #[error("a key is made of visible ASCII characters only")]
    Characters,
}

impl Secret {
    /// From its text; blanks around it are not part of it.
    ///
    /// # Errors
    /// The text cannot be a credential.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretError> {
        let text = Zeroizing::new(text.into());
        let plain = text.trim();
        if !(MIN_BYTES..=MAX_BYTES).contains(&plain.len()) {
            return Err(SecretError::Length(plain.len()));
        }
        if !plain.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SecretError::Characters);
        }
        Ok(Self(Zeroizing::new(plain.to_owned())))
    }

    /// The text itself, for the header that carries it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// `text` without it, however often it was in there.
    #[must_use]
    pub fn scrub(&self, text: String) -> String {
        if text.contains(self.expose()) {
            text.replace(self.expose(), "[key]")
        } else {
            text
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_header_value_and_shows_nothing_of_itself() {
        let secret = Secret::new("  sk-0123456789\n").unwrap();
        assert_eq!(secret.expose(), "sk-0123456789");
        assert_eq!(
            format!("{secret:?} {:#?}", Some(&secret)),
            "[key] Some(\n    [key],\n)"
        );
        assert_eq!(secret.scrub("a sk-0123456789 b".to_owned()), "a [key] b");
        for (text, error) in [
            ("short", SecretError::Length(5)),
            ("", SecretError::Length(0)),
            ("two\r\nlines-of-it", SecretError::Characters),
            ("grün-und-lang", SecretError::Characters),
        ] {
            let refused = Secret::new(text).unwrap_err();
            assert_eq!(refused, error);
            assert!(text.is_empty() || !refused.to_string().contains(text));
        }
    }
}
