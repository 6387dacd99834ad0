//! Which programs a command line starts, and what the rules say of each. Admission, not containment:
//! an admitted program can start others, and the sandbox confines them all the same.

use super::arguments::{Passing, passing};
use super::effective::Policy;
use super::location::{Location, locate};
use super::place::Site;
use super::shell_text;
use super::tighten::best;
use super::wrappers::{self, Starts};

/// What the rules say of one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Start it.
    Allowed,
    /// No rule names it.
    NotListed,
    /// Its rule does not let these arguments pass.
    Arguments {
        /// The pattern that denies them; none: no pattern allows them.
        denied_by: Option<String>,
        /// What the rule says why.
        why: Option<String>,
    },
    /// It depends on arguments that are known only when it starts.
    Open,
    /// It is neither one of the system's programs nor in the workspace.
    Outside,
    /// It is in the workspace, and such programs are not allowed.
    InWorkspace,
    /// It is there to gain rights.
    Privileged,
    /// There is no program.
    Missing,
}

/// One program of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramRuling {
    /// As the command line names it.
    pub program: String,
    /// What the rules say.
    pub ruling: Ruling,
}

/// The programs of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Those that can be told, in their order.
    pub programs: Vec<ProgramRuling>,
    /// The program beyond which nothing could be told: a shell with more than plain commands, or a
    /// program with options that are not known here.
    pub unread: Option<String>,
}

/// Programs within each other: `env nice timeout 5 sh -c 'xargs git'` is five.
const MAX_DEPTH: usize = 16;
/// Programs of one command line that are told.
const MAX_PROGRAMS: usize = 256;

const PRIVILEGED: &[&str] = &[
    "sudo", "sudoedit", "su", "doas", "pkexec", "runuser", "run0",
];
const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "rbash"];

/// What a shell does itself.
const BUILTINS: &[&str] = &[
    ":", "[", "bg", "break", "cd", "continue", "echo", "exit", "false", "fg", "getopts", "jobs",
    "kill", "printf", "pwd", "return", "set", "shift", "test", "times", "true", "type", "ulimit",
    "umask", "unset", "wait",
];
/// What a shell does itself, and what changes the meaning of what follows.
const UNREADABLE: &[&str] = &[
    ".",
    "alias",
    "builtin",
    "declare",
    "enable",
    "eval",
    "hash",
    "let",
    "local",
    "mapfile",
    "popd",
    "pushd",
    "read",
    "readarray",
    "readonly",
    "shopt",
    "source",
    "trap",
    "typeset",
    "unalias",
];

/// Whether a program is there to gain rights. No rule lets one in.
#[must_use]
pub fn is_privileged_program(name: &str) -> bool {
    PRIVILEGED.contains(&name)
}

impl Policy {
    /// The programs of a command line, and what the rules say of each. `None` is an argument that is not
    /// known yet. `real` is what the first program's path comes to once symbolic links are followed.
    #[must_use]
    pub fn admit(&self, argv: &[Option<&str>], real: Option<&str>, site: &Site) -> Admission {
        let mut reading = Reading {
            policy: self,
            site,
            admission: Admission::default(),
        };
        let argv: Vec<_> = argv.iter().map(|word| word.map(str::to_owned)).collect();
        reading.command(&argv, real, 0);
        reading.admission
    }
}

struct Reading<'p> {
    policy: &'p Policy,
    site: &'p Site,
    admission: Admission,
}

impl Reading<'_> {
    fn command(&mut self, argv: &[Option<String>], real: Option<&str>, depth: usize) {
        let Some((program, arguments)) = argv.split_first() else {
            return self.rule("", Ruling::Missing);
        };
        let Some(program) = program.as_deref() else {
            return self.rule("?", Ruling::Open);
        };
        if program.is_empty() {
            return self.rule(program, Ruling::Missing);
        }
        if depth >= MAX_DEPTH || self.admission.programs.len() >= MAX_PROGRAMS {
            return self.unread(program);
        }
        let (name, ruling) = self.one(program, arguments, real);
        self.rule(program, ruling);
        if let Some(name) = name {
            self.inner(&name, program, arguments, depth);
        }
    }

    /// The name a program is known by, if its name says what it is, and what the rules say.
    fn one(
        &self,
        program: &str,
        arguments: &[Option<String>],
        real: Option<&str>,
    ) -> (Option<String>, Ruling) {
        let location = locate(program, real, self.policy, self.site);
        let name = match &location {
            Location::Named { name } => name.clone(),
            Location::Workspace | Location::Outside { .. } => {
                return (None, self.elsewhere(&location, arguments));
            }
        };
        if is_privileged_program(&name) {
            return (None, Ruling::Privileged);
        }
        let ruling = self.by_rule(&name, arguments);
        (Some(name), ruling)
    }

    fn by_rule(&self, name: &str, arguments: &[Option<String>]) -> Ruling {
        let Some(rule) = best(&self.policy.programs, name) else {
            return Ruling::NotListed;
        };
        match passing(&rule.args, arguments) {
            Passing::Yes => Ruling::Allowed,
            Passing::Open => Ruling::Open,
            Passing::No { denied_by } => Ruling::Arguments {
                denied_by,
                why: rule.why.clone(),
            },
        }
    }

    /// A program that its place tells apart, not its name.
    fn elsewhere(&self, location: &Location, arguments: &[Option<String>]) -> Ruling {
        let Location::Outside { path } = location else {
            return match self.policy.workspace_programs {
                true => Ruling::Allowed,
                false => Ruling::InWorkspace,
            };
        };
        // A name stands for programs of the system; elsewhere a rule has to say where.
        let rules = self.policy.programs.iter();
        let rules = rules.filter(|rule| rule.program == "*" || rule.program.starts_with('/'));
        let rules: Vec<_> = rules.cloned().collect();
        match (path, rules.iter().any(|rule| rule.program == "*")) {
            (Some(path), _) if best(&rules, path).is_some() => self.by_rule(path, arguments),
            (None, true) => Ruling::Allowed,
            _ => Ruling::Outside,
        }
    }

    fn inner(&mut self, name: &str, program: &str, arguments: &[Option<String>], depth: usize) {
        if SHELLS.contains(&name) {
            return match shell(arguments).and_then(|text| shell_text::commands(&text)) {
                Some(commands) => self.shell_commands(&commands, program, depth),
                None => self.unread(program),
            };
        }
        match wrappers::starts(name, arguments) {
            Starts::Nothing => {}
            Starts::Unread => self.unread(program),
            Starts::These(commands) => {
                for command in commands {
                    self.command(&command, None, depth + 1);
                }
            }
        }
    }

    fn shell_commands(&mut self, commands: &[Vec<Option<String>>], shell: &str, depth: usize) {
        let program = |command: &Vec<Option<String>>| command.first().cloned().flatten();
        let moves = commands
            .iter()
            .any(|one| program(one).as_deref() == Some("cd"));
        for command in commands {
            let name = program(command).unwrap_or_default();
            let rest = command.get(1..).unwrap_or_default();
            // Behind a `cd` a relative path may lead anywhere.
            let is_lost = moves && name.contains('/') && !name.starts_with('/');
            let sets = ["export"].contains(&name.as_str()) && !exports_plainly(rest);
            if UNREADABLE.contains(&name.as_str()) || is_lost || sets {
                self.unread(shell);
            } else if matches!(name.as_str(), "exec" | "command") {
                match rest.first().map(Option::as_deref) {
                    None | Some(Some("-v" | "-V")) => {}
                    Some(Some(first)) if !first.starts_with('-') => {
                        self.command(rest, None, depth + 1);
                    }
                    Some(_) => self.unread(shell),
                }
            } else if !BUILTINS.contains(&name.as_str()) && name != "export" {
                self.command(command, None, depth + 1);
            }
        }
    }

    fn rule(&mut self, program: &str, ruling: Ruling) {
        let program = program.to_owned();
        self.admission
            .programs
            .push(ProgramRuling { program, ruling });
    }

    fn unread(&mut self, program: &str) {
        let unread = &mut self.admission.unread;
        unread.get_or_insert_with(|| program.to_owned());
    }
}

/// Whether `export` sets nothing that decides what a name means.
fn exports_plainly(arguments: &[Option<String>]) -> bool {
    arguments.iter().all(|argument| {
        let Some(argument) = argument.as_deref() else {
            return false;
        };
        let name = argument.split('=').next().unwrap_or_default();
        !argument.starts_with('-') && !shell_text::decides(name)
    })
}

/// The text that a shell is started with by `-c`.
fn shell(arguments: &[Option<String>]) -> Option<String> {
    let mut arguments = arguments.iter();
    let mut is_text = false;
    loop {
        let argument = arguments.next()?.as_deref()?;
        let Some(option) = argument
            .strip_prefix(['-', '+'])
            .filter(|rest| !rest.is_empty())
        else {
            return is_text.then(|| argument.to_owned());
        };
        if argument == "--" {
            return arguments.next()?.clone().filter(|_| is_text);
        }
        if let Some(long) = option.strip_prefix('-') {
            match long {
                "norc" | "noprofile" | "posix" | "login" | "restricted" | "verbose" => continue,
                _ => return None,
            }
        }
        is_text |= argument.starts_with('-') && option.contains('c');
        // `-o pipefail`, once for each `o`.
        for _ in option.chars().filter(|c| matches!(c, 'o' | 'O')) {
            arguments.next()?;
        }
    }
}
