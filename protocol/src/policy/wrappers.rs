//! Programs that start another program named among their arguments: which argument it is. A table;
//! an option that is not in it makes the command line unreadable, which is said.

use super::shell_text;

/// What a program starts, as far as its arguments say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Starts {
    /// Nothing but itself.
    Nothing,
    /// These command lines, too.
    These(Vec<Vec<Option<String>>>),
    /// Something that cannot be told.
    Unread,
}

/// How the arguments of such a program are read.
struct Wrapper {
    name: &'static str,
    /// Options of one letter without a value.
    flags: &'static str,
    /// Options of one letter with a value.
    valued: &'static str,
    /// Long options with a value that may be the next argument.
    long_valued: &'static [&'static str],
    /// Long options without a value.
    long_flags: &'static [&'static str],
    /// Arguments before the program.
    operands: usize,
    /// Whether `NAME=value` may stand before the program.
    assignments: bool,
    /// Whether arguments are added that are not on the command line.
    adds: bool,
}

const PLAIN: Wrapper = Wrapper {
    name: "",
    flags: "",
    valued: "",
    long_valued: &[],
    long_flags: &[],
    operands: 0,
    assignments: false,
    adds: false,
};

const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        name: "env",
        flags: "i0v",
        valued: "uC",
        long_valued: &["unset", "chdir"],
        long_flags: &["ignore-environment", "null", "debug"],
        assignments: true,
        ..PLAIN
    },
    Wrapper {
        name: "nice",
        valued: "n",
        flags: "0123456789",
        long_valued: &["adjustment"],
        ..PLAIN
    },
    Wrapper {
        name: "ionice",
        flags: "t",
        valued: "cn",
        long_valued: &["class", "classdata"],
        long_flags: &["ignore"],
        ..PLAIN
    },
    Wrapper {
        name: "nohup",
        ..PLAIN
    },
    Wrapper {
        name: "setsid",
        flags: "cfw",
        long_flags: &["ctty", "fork", "wait"],
        ..PLAIN
    },
    Wrapper {
        name: "stdbuf",
        valued: "ioe",
        long_valued: &["input", "output", "error"],
        ..PLAIN
    },
    Wrapper {
        name: "time",
        flags: "pvaq",
        valued: "fo",
        long_valued: &["format", "output"],
        long_flags: &["portability", "verbose", "append", "quiet"],
        ..PLAIN
    },
    Wrapper {
        name: "timeout",
        flags: "vfp",
        valued: "ks",
        long_valued: &["kill-after", "signal"],
        long_flags: &["preserve-status", "foreground", "verbose"],
        operands: 1,
        ..PLAIN
    },
    Wrapper {
        name: "xargs",
        flags: "0rtpxo",
        valued: "nPLIsdEa",
        long_valued: &[
            "max-args",
            "max-procs",
            "max-lines",
            "replace",
            "max-chars",
            "delimiter",
            "eof",
            "arg-file",
        ],
        long_flags: &[
            "null",
            "no-run-if-empty",
            "verbose",
            "interactive",
            "exit",
            "open-tty",
        ],
        adds: true,
        ..PLAIN
    },
    Wrapper {
        name: "busybox",
        ..PLAIN
    },
    Wrapper {
        name: "catchsegv",
        ..PLAIN
    },
];

/// Programs that run a shell text, or a command line in a way of their own.
const UNREADABLE: &[&str] = &[
    "watch", "parallel", "script", "flock", "su", "expect", "at", "batch",
];

/// What a program starts by these arguments. Shells are read elsewhere.
pub(super) fn starts(name: &str, arguments: &[Option<String>]) -> Starts {
    if name == "find" {
        return find(arguments);
    }
    if UNREADABLE.contains(&name) {
        return Starts::Unread;
    }
    let wrapper = WRAPPERS.iter().find(|wrapper| wrapper.name == name);
    wrapper.map_or(Starts::Nothing, |wrapper| wrapper.read(arguments))
}

impl Wrapper {
    fn read(&self, arguments: &[Option<String>]) -> Starts {
        let Some(at) = self.operand(arguments) else {
            return Starts::Unread;
        };
        let rest = &arguments[at.min(arguments.len())..];
        let is_assignment = |word: &&Option<String>| {
            let text = word.as_deref().unwrap_or_default();
            self.assignments
                && text
                    .split_once('=')
                    .is_some_and(|(name, _)| !name.is_empty())
        };
        let (set, rest) = rest.split_at(rest.iter().take_while(is_assignment).count());
        let decides = |word: &Option<String>| {
            let name = word.as_deref().and_then(|word| word.split('=').next());
            name.is_some_and(shell_text::decides)
        };
        if set.iter().any(decides) {
            return Starts::Unread;
        }
        let mut command = rest.iter().skip(self.operands).cloned().collect::<Vec<_>>();
        if command.is_empty() {
            return Starts::Nothing;
        }
        if self.adds {
            command.push(None);
        }
        Starts::These(vec![command])
    }

    /// The position of the first argument that is no option; `None` if that cannot be told.
    fn operand(&self, arguments: &[Option<String>]) -> Option<usize> {
        let mut at = 0;
        while let Some(argument) = arguments.get(at) {
            let argument = argument.as_deref()?;
            if argument == "--" {
                return Some(at + 1);
            }
            // `env -` is `env -i`.
            if argument == "-" && self.name == "env" {
                at += 1;
                continue;
            }
            let Some(option) = argument.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
                return Some(at);
            };
            at += match option.strip_prefix('-') {
                Some(long) => self.long(long)?,
                None => self.short(option)?,
            };
        }
        Some(at)
    }

    /// How many arguments a long option is.
    fn long(&self, option: &str) -> Option<usize> {
        match option.split_once('=') {
            Some((name, _)) => self.long_valued.contains(&name).then_some(1),
            None if self.long_flags.contains(&option) => Some(1),
            None => self.long_valued.contains(&option).then_some(2),
        }
    }

    /// How many arguments a word of short options is.
    fn short(&self, options: &str) -> Option<usize> {
        for (at, letter) in options.char_indices() {
            if self.valued.contains(letter) {
                let attached = at + letter.len_utf8() < options.len();
                return Some(if attached { 1 } else { 2 });
            }
            if !self.flags.contains(letter) {
                return None;
            }
        }
        Some(1)
    }
}

/// The command lines of `-exec` and its like.
fn find(arguments: &[Option<String>]) -> Starts {
    let mut commands = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if matches!(
            argument.as_deref(),
            Some("-exec" | "-execdir" | "-ok" | "-okdir")
        ) {
            let ends = |word: &&Option<String>| !matches!(word.as_deref(), Some(";" | "+"));
            let command: Vec<_> = arguments.by_ref().take_while(ends).cloned().collect();
            // What is found takes the place of `{}`.
            let found = |word: Option<String>| word.filter(|word| !word.contains("{}"));
            commands.push(command.into_iter().map(found).collect());
        }
    }
    match commands.is_empty() {
        true => Starts::Nothing,
        false => Starts::These(commands),
    }
}
