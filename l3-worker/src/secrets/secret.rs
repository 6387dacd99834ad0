//! One value: never printed, wiped when it is dropped.

use std::fmt;

use zeroize::Zeroizing;

use super::error::Why;
use crate::capture::MIN_SECRET_BYTES;

/// Longest value: a private key or a service account's file has room, and looking for all forms of it in
/// all output stays cheap.
pub const MAX_SECRET_BYTES: usize = 16 * 1024;

/// A value nobody but tasks it is granted to may see. There is no way to print one by accident.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// From the bytes of a variable.
    ///
    /// # Errors
    /// It could not be found again in output, or is no value for an environment.
    pub fn new(value: &[u8]) -> Result<Self, Why> {
        if value.len() > MAX_SECRET_BYTES {
            return Err(Why::TooLong);
        }
        let text = std::str::from_utf8(value).map_err(|_| Why::NotText)?;
        if text.contains('\0') {
            return Err(Why::NotText);
        }
        if text.trim().len() < MIN_SECRET_BYTES {
            return Err(Why::TooShort);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// From what a file holds or a program printed: one final line break is not part of the value.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) fn of_text(text: &[u8]) -> Result<Self, Why> {
        let value = text.strip_suffix(b"\n");
        let value = value.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        Self::new(value.unwrap_or(text))
    }

    /// The value, for the environment of a task it is granted to.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(text: &[u8]) -> Result<String, Why> {
        Secret::of_text(text).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn one_final_line_break_is_not_part_of_a_value() {
        for text in ["12345678", "12345678\n", "12345678\r\n"] {
            assert_eq!(of_text(text.as_bytes()), Ok("12345678".to_owned()));
        }
        assert_eq!(of_text(b"12345678\n\n"), Ok("12345678\n".to_owned()));
        assert_eq!(of_text(b" 1234\n5678 "), Ok(" 1234\n5678 ".to_owned()));
    }

    #[test]
    fn what_cannot_be_kept_secret_is_refused() {
        for short in [&b""[..], b"1234567", b"1234567\n", b"            1        "] {
            assert_eq!(of_text(short), Err(Why::TooShort));
        }
        assert_eq!(of_text(b"1234567\x008"), Err(Why::NotText));
        assert_eq!(of_text(b"1234567\xff8"), Err(Why::NotText));
        assert_eq!(of_text(&[b'a'; MAX_SECRET_BYTES + 1]), Err(Why::TooLong));
        assert!(of_text(&[b'a'; MAX_SECRET_BYTES]).is_ok());
    }

    #[test]
    fn it_does_not_print() {
        let secret = Secret::new(b"tok_0123456789").unwrap();
        assert_eq!(
            format!("{secret:?} {:?}", Some(&secret)),
            "Secret(***) Some(Secret(***))"
        );
    }
}
