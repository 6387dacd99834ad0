//! Shell texts that are simple commands and nothing else, with where their output goes. What is more than
//! that is not read: a guard that guesses would refuse honest work.

/// A simple command.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    pub(super) words: Vec<String>,
    /// Files it writes to by `>` and `>>`.
    pub(super) targets: Vec<String>,
    /// Whether any word holds a variable or a pattern, so that its text is not all there is.
    pub(super) is_open: bool,
}

/// Words that begin what is no simple command.
const RESERVED: &[&str] = &[
    "!", "[[", "case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if",
    "select", "then", "time", "until", "while", "{", "}",
];

#[derive(Default)]
struct Reader {
    commands: Vec<Simple>,
    current: Simple,
    word: Option<String>,
    /// The next word is the target of `>`; of `<` it is dropped.
    target: Option<bool>,
}

impl Reader {
    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        match self.target.take() {
            Some(true) => self.current.targets.push(word),
            Some(false) => {}
            None => self.current.words.push(word),
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        let command = std::mem::take(&mut self.current);
        if command != Simple::default() {
            self.commands.push(command);
        }
    }
}

/// The commands of a text; `None` if it is more than simple commands.
pub(super) fn commands(text: &str) -> Option<Vec<Simple>> {
    let mut reader = Reader::default();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' => reader.end_word(),
            '\n' | ';' | '|' | '&' => {
                reader.end_command();
                if matches!(chars.peek(), Some('>')) {
                    return None;
                }
            }
            '#' if reader.word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            '\'' => {
                reader.word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => reader.push(c),
                    }
                }
            }
            '"' => {
                reader.word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '`' => return None,
                        '\\' => reader.push(chars.next()?),
                        '$' if chars.peek() == Some(&'(') => return None,
                        c => {
                            reader.current.is_open |= c == '$' && reader.target.is_none();
                            reader.push(c);
                        }
                    }
                }
            }
            '\\' => match chars.next()? {
                '\n' => {}
                c => reader.push(c),
            },
            '$' if chars.peek() == Some(&'(') => return None,
            '`' | '(' | ')' => return None,
            '>' | '<' => {
                let number = |word: &String| word.bytes().all(|b| b.is_ascii_digit());
                match reader.word.take_if(|word| number(word)) {
                    Some(_) => {}
                    None => reader.end_word(),
                }
                chars.next_if_eq(&'>');
                if matches!(chars.peek(), Some('<' | '(')) {
                    return None;
                }
                if chars.next_if_eq(&'&').is_some() {
                    while chars.next_if(|c| c.is_ascii_digit() || *c == '-').is_some() {}
                } else {
                    reader.target = Some(c == '>');
                }
            }
            c => {
                let is_open = matches!(c, '$' | '*' | '?') && reader.target.is_none();
                reader.current.is_open |= is_open;
                reader.push(c);
            }
        }
    }
    reader.end_command();
    let simple = |command: &Simple| {
        let first = command.words.first();
        !first.is_some_and(|word| RESERVED.contains(&word.as_str()))
    };
    reader
        .commands
        .iter()
        .all(simple)
        .then_some(reader.commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        let commands = commands(text).unwrap();
        commands.into_iter().map(|command| command.words).collect()
    }

    #[test]
    fn simple_commands_are_read() {
        assert_eq!(
            words("echo 'a b' \"c\" d\\ e # no\n: && true; x|y"),
            [
                vec!["echo", "a b", "c", "d e"],
                vec![":"],
                vec!["true"],
                vec!["x"],
                vec!["y"]
            ]
        );
        let read = commands("echo done 2>&1 >> \"$OUT\" < in; cat $x").unwrap();
        assert_eq!(
            (read[0].targets.as_slice(), read[0].is_open),
            (&["$OUT".to_owned()][..], false)
        );
        assert_eq!(read[0].words, ["echo", "done"]);
        assert!(read[1].is_open);
        assert!(commands("# nothing\n\n").unwrap().is_empty());
    }

    #[test]
    fn more_is_not_read() {
        for text in [
            "echo $(date)",
            "if x; then y; fi",
            "cat <<E\nx\nE",
            "(x)",
            "echo `x`",
            "echo 'a",
        ] {
            assert_eq!(commands(text), None, "{text}");
        }
    }
}
