//! Shell texts that are plain: simple commands joined by `;`, `&&`, `||`, `|`, `&` and line ends. What
//! is more than that (substitutions, blocks, functions, here-documents) is not read at all: half a
//! reading would be a wrong one.

/// A word: its text where it is known, and whether it may be several words or none.
#[derive(Debug, Default)]
struct Word {
    text: String,
    is_there: bool,
    /// Holds a variable.
    is_open: bool,
    /// Any part of it is in quotes, so that it is no reserved word.
    is_quoted: bool,
    /// What stands before the first `=` is more than plain letters, so that it is no assignment.
    is_no_name: bool,
}

/// Words with which something begins that is no simple command.
const RESERVED: &[&str] = &[
    "!", "[[", "]]", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for",
    "function", "if", "in", "select", "then", "time", "until", "while", "{", "}",
];

/// Variables that decide what a name means.
const DECIDING: &[&str] = &["PATH", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "BASHOPTS"];

/// Whether a variable decides what a name means.
pub(super) fn decides(variable: &str) -> bool {
    DECIDING.contains(&variable) || variable.starts_with("LD_")
}

/// The command lines of a text, a `None` where a word is known only when it runs; `None` if the text is
/// more than simple commands.
pub(super) fn commands(text: &str) -> Option<Vec<Vec<Option<String>>>> {
    let mut reader = Reader::default();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => reader.end_word()?,
            '\n' | ';' => reader.end_command()?,
            '&' | '|' => {
                // `|&` and `&>` are not everywhere what they are in bash.
                if chars.peek() == Some(&c) {
                    chars.next();
                }
                if matches!(chars.peek(), Some('>' | '&' | '|')) {
                    return None;
                }
                reader.end_command()?;
            }
            '\'' => {
                reader.quote();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => reader.word.text.push(c),
                    }
                }
            }
            '"' => reader.double_quoted(&mut chars)?,
            '\\' => match chars.next()? {
                '\n' => {}
                c => {
                    reader.quote();
                    reader.word.text.push(c);
                }
            },
            '$' => {
                variable(&mut chars)?;
                reader.open();
            }
            // `[` alone is a program, `{` alone a reserved word.
            '[' | '{'
                if !reader.word.is_there && chars.peek().is_none_or(|c| c.is_whitespace()) =>
            {
                reader.word.is_there = true;
                reader.word.text.push(c);
            }
            '*' | '?' | '[' | '{' => reader.open(),
            '~' if !reader.word.is_there => reader.open(),
            '#' if !reader.word.is_there => {
                while chars.peek().is_some_and(|c| *c != '\n') {
                    chars.next();
                }
            }
            '>' | '<' => {
                if reader.word.is_there && !reader.word.is_descriptor() {
                    reader.end_word()?;
                }
                reader.word = Word::default();
                match chars.peek() {
                    Some('>') if c == '>' => {
                        chars.next();
                    }
                    Some('&' | '|') => {
                        chars.next();
                    }
                    _ => {}
                }
                if matches!(chars.peek(), Some('<' | '>' | '(' | '&')) || reader.is_redirected {
                    return None;
                }
                reader.is_redirected = true;
            }
            '(' | ')' | '`' => return None,
            c => {
                reader.word.is_there = true;
                reader.word.text.push(c);
            }
        }
    }
    reader.end_command()?;
    Some(reader.commands)
}

/// Passes over the name of a variable behind `$`; `None` if there is more than a name.
fn variable(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<()> {
    let is_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    match chars.peek()? {
        '{' => {
            chars.next();
            loop {
                match chars.next()? {
                    '}' => return Some(()),
                    c if is_name(&c) => {}
                    _ => return None,
                }
            }
        }
        '@' | '*' | '?' | '#' | '$' | '!' | '-' => {
            chars.next();
            Some(())
        }
        c if is_name(c) => {
            while chars.peek().is_some_and(is_name) {
                chars.next();
            }
            Some(())
        }
        _ => None,
    }
}

#[derive(Default)]
struct Reader {
    commands: Vec<Vec<Option<String>>>,
    command: Vec<Option<String>>,
    word: Word,
    /// The next word is a file to redirect to or from.
    is_redirected: bool,
}

impl Reader {
    fn quote(&mut self) {
        self.word.is_there = true;
        self.word.is_quoted = true;
        self.word.is_no_name |= !self.word.text.contains('=');
    }

    /// What stands here is known only when it runs.
    fn open(&mut self) {
        self.word.is_there = true;
        self.word.is_open = true;
        self.word.is_no_name |= !self.word.text.contains('=');
    }

    fn double_quoted(
        &mut self,
        chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    ) -> Option<()> {
        self.quote();
        loop {
            match chars.next()? {
                '"' => return Some(()),
                '`' => return None,
                '$' => {
                    variable(chars)?;
                    self.word.is_open = true;
                }
                '\\' => match chars.next()? {
                    c @ ('"' | '\\' | '$' | '`') => self.word.text.push(c),
                    '\n' => {}
                    c => self.word.text.extend(['\\', c]),
                },
                c => self.word.text.push(c),
            }
        }
    }

    fn end_word(&mut self) -> Option<()> {
        let word = std::mem::take(&mut self.word);
        if !word.is_there {
            return Some(());
        }
        if std::mem::take(&mut self.is_redirected) {
            return Some(());
        }
        if self.command.is_empty() {
            if !word.is_quoted && RESERVED.contains(&word.text.as_str()) {
                return None;
            }
            if let Some(name) = assigned(&word) {
                return (!decides(name)).then_some(());
            }
            // A program that only its run names.
            if word.is_open {
                return None;
            }
        }
        self.command.push((!word.is_open).then_some(word.text));
        Some(())
    }

    fn end_command(&mut self) -> Option<()> {
        self.end_word()?;
        if self.is_redirected {
            return None;
        }
        let command = std::mem::take(&mut self.command);
        if !command.is_empty() {
            self.commands.push(command);
        }
        Some(())
    }
}

impl Word {
    /// Whether it is the number of a descriptor before a redirection.
    fn is_descriptor(&self) -> bool {
        let is_plain = !self.is_quoted && !self.is_open && !self.text.is_empty();
        is_plain && self.text.bytes().all(|b| b.is_ascii_digit())
    }
}

/// The variable that a word before a command sets.
fn assigned(word: &Word) -> Option<&str> {
    let (name, _) = word.text.split_once('=').filter(|_| !word.is_no_name)?;
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then_some(name)
}
