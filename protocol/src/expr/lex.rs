//! Tokens of an expression, just enough to find names and the closing delimiter. Grammar is
//! minijinja's business.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier or keyword.
    Name,
    /// A number or a string literal.
    Literal,
    /// One character of punctuation, or a doubled one (`==`, `**`, `//`, `!=`, `<=`, `>=`).
    Op,
}

/// A token: bytes `start..end` of the lexed text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    pub(super) fn text<'a>(&self, source: &'a str) -> &'a str {
        &source[self.start..self.end]
    }
}

/// What stopped the lexer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The end of the text.
    End,
    /// A `}}` outside of any bracket, at this byte.
    Close(usize),
    /// A string literal without its closing quote, from this byte.
    OpenString(usize),
}

/// Splits `source` from byte `from` up to its end or a closing `}}`.
pub(super) fn lex(source: &str, from: usize) -> (Vec<Token>, Stop) {
    let bytes = source.as_bytes();
    let mut tokens = Vec::new();
    let mut braces = 0_usize;
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        let kind = match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                at += 1;
                continue;
            }
            b'\'' | b'"' => {
                let Some(end) = string_end(bytes, at) else {
                    return (tokens, Stop::OpenString(start));
                };
                at = end;
                Kind::Literal
            }
            b'0'..=b'9' => {
                at += run_of(&bytes[at..], |b| b.is_ascii_alphanumeric() || b == b'_');
                // A fraction, but not a method on a number and not a range of attributes.
                if bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
                {
                    at += 1 + run_of(&bytes[at + 1..], |b| b.is_ascii_alphanumeric());
                }
                Kind::Literal
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => {
                at += run_of(&bytes[at..], |b| {
                    b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80
                });
                Kind::Name
            }
            b'}' if braces == 0 && bytes.get(at + 1) == Some(&b'}') => {
                return (tokens, Stop::Close(at));
            }
            _ => {
                match byte {
                    b'{' => braces += 1,
                    b'}' => braces = braces.saturating_sub(1),
                    _ => {}
                }
                let doubled = matches!(
                    (byte, bytes.get(at + 1)),
                    (b'=' | b'!' | b'<' | b'>', Some(b'='))
                        | (b'*', Some(b'*'))
                        | (b'/', Some(b'/'))
                );
                at += 1 + usize::from(doubled);
                Kind::Op
            }
        };
        tokens.push(Token {
            kind,
            start,
            end: at,
        });
    }
    (tokens, Stop::End)
}

fn run_of(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes
        .iter()
        .position(|b| !belongs(*b))
        .unwrap_or(bytes.len())
}

/// One past the closing quote of the literal that opens at `open`.
fn string_end(bytes: &[u8], open: usize) -> Option<usize> {
    let quote = bytes[open];
    let mut at = open + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            _ if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        lex(source, 0)
            .0
            .iter()
            .map(|token| token.text(source))
            .collect()
    }

    #[test]
    fn splits() {
        assert_eq!(
            texts("a.b1 >= 1.5 ~ 'x\\'}}'"),
            ["a", ".", "b1", ">=", "1.5", "~", "'x\\'}}'"]
        );
        assert_eq!(texts("tasks.a-b"), ["tasks", ".", "a", "-", "b"]);
    }

    #[test]
    fn closes_outside_of_brackets_and_strings() {
        let source = " {'a': {'b': 1}}['}}'] }} rest";
        assert_eq!(lex(source, 0).1, Stop::Close(23));
        assert_eq!(lex("'abc", 0).1, Stop::OpenString(0));
        assert_eq!(lex("abc", 0).1, Stop::End);
        assert_eq!(lex("'\\", 0).1, Stop::OpenString(0));
    }
}
