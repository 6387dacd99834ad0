//! Every setting that can stand in a file: its words, its default, and what a project may do with it.
//!
//! One table: files are checked against it, values resolved by it, `config` and the reference printed
//! from it, so none of them can know a setting that the others do not.

use std::sync::LazyLock;

use clap::ValueEnum;

use crate::cli::args::{LogLevel, Progress};
use crate::ui::ColorChoice;

/// Most attempts at once that anybody may ask for; beyond it threads cost more than they bring.
pub const MAX_PARALLEL: u32 = 4096;

/// What a value looks like.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A path.
    Path,
    /// A whole number within bounds, or `auto`.
    CountOrAuto {
        /// Least.
        min: u32,
        /// Most.
        max: u32,
    },
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(fn() -> Vec<String>),
    /// A text that this says fits.
    Checked {
        /// What it has to be, completing "it is …".
        expected: &'static str,
        /// Whether it is.
        fits: fn(&str) -> bool,
    },
    /// A policy: a pack's name or file, or a map that narrows whichever holds.
    Policy,
}

/// What the file of a project that nobody trusts may do with a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InProject {
    /// Anything: it only changes how things look.
    Cosmetic,
    /// Lower it: a larger value has no effect.
    Lowers,
    /// Turn it on: that only stops things earlier.
    TurnsOn,
    /// Nothing, before `orchestra trust`.
    Trusted,
}

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// The word in a file; flag and variable follow from it.
    pub name: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// The value when nobody says anything, as it would be written.
    pub default: &'static str,
    /// What a project may do with it.
    pub in_project: InProject,
    /// What it is, one sentence.
    pub about: &'static str,
}

/// All settings, in the order they are shown.
pub static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let [head @ .., progress, color, log] = GENERAL;
    let looks = [progress, color, log];
    head.into_iter()
        .chain(super::model_words::KEYS)
        .chain(looks)
        .collect()
});

const GENERAL: [Key; 8] = [
    Key {
        name: "runs_dir",
        shape: Shape::Path,
        default: "runs",
        in_project: InProject::Trusted,
        about: "Where runs are kept: from the working directory, in a project's file from its folder.",
    },
    Key {
        name: "max_parallel",
        shape: Shape::CountOrAuto {
            min: 1,
            max: MAX_PARALLEL,
        },
        default: "auto",
        in_project: InProject::Lowers,
        about: "Attempts that run at once; `auto` is the scenario's number, else one a core.",
    },
    Key {
        name: "fail_fast",
        shape: Shape::Flag,
        default: "false",
        in_project: InProject::TurnsOn,
        about: "Cancel what runs as soon as a required task has failed.",
    },
    Key {
        name: "sandbox",
        shape: Shape::Word(sandbox_levels),
        default: "auto",
        in_project: InProject::Trusted,
        about: "Confinement of tasks; `auto` is what the policy says.",
    },
    Key {
        name: "policy",
        shape: Shape::Policy,
        default: "default",
        in_project: InProject::Trusted,
        about: "What tasks may do: a pack's name or its file; a map narrows it, and any project's may.",
    },
    Key {
        name: "progress",
        shape: Shape::Word(words::<Progress>),
        default: "auto",
        in_project: InProject::Cosmetic,
        about: "Progress on stderr.",
    },
    Key {
        name: "color",
        shape: Shape::Word(words::<ColorChoice>),
        default: "auto",
        in_project: InProject::Cosmetic,
        about: "When to color.",
    },
    Key {
        name: "log_level",
        shape: Shape::Word(words::<LogLevel>),
        default: "info",
        in_project: InProject::Cosmetic,
        about: "Detail of log.jsonl in the run directory.",
    },
];

/// `auto` and every level.
fn sandbox_levels() -> Vec<String> {
    let levels = protocol::policy::SandboxLevel::ALL.iter();
    let auto = std::iter::once("auto".to_owned());
    auto.chain(levels.map(ToString::to_string)).collect()
}

/// The words of an enum, as they are typed.
fn words<T: ValueEnum>() -> Vec<String> {
    let named = T::value_variants()
        .iter()
        .filter_map(ValueEnum::to_possible_value);
    named.map(|value| value.get_name().to_owned()).collect()
}

impl Key {
    /// The setting of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The flag that says the same.
    #[must_use]
    pub fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }

    /// The variable that says the same.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("ORCHESTRA_{}", self.name.to_uppercase())
    }

    /// What a value has to be, completing "it is …".
    #[must_use]
    pub fn expected(&self) -> String {
        match self.shape {
            Shape::Path => "a path".to_owned(),
            Shape::Policy => {
                "a pack's name, its file, or a map as `policy` in a scenario".to_owned()
            }
            Shape::CountOrAuto { min, max } => format!("a number from {min} to {max}, or `auto`"),
            Shape::Flag => "`true` or `false`".to_owned(),
            Shape::Word(words) => match words().as_slice() {
                [one] => format!("`{one}`"),
                many => {
                    let quoted: Vec<String> = many.iter().map(|word| format!("`{word}`")).collect();
                    format!("one of {}", quoted.join(", "))
                }
            },
            Shape::Checked { expected, .. } => expected.to_owned(),
        }
    }

    /// Whether a file may say `value`.
    #[must_use]
    pub fn takes(&self, value: &str) -> bool {
        match self.shape {
            Shape::Path | Shape::Policy => !value.is_empty() && !value.contains('\0'),
            Shape::CountOrAuto { min, max } => {
                value == "auto"
                    || (value.bytes().all(|digit| digit.is_ascii_digit())
                        && value
                            .parse()
                            .is_ok_and(|number| (min..=max).contains(&number)))
            }
            Shape::Flag => matches!(value, "true" | "false"),
            Shape::Word(words) => words().iter().any(|word| word == value),
            Shape::Checked { fits, .. } => fits(value),
        }
    }

    /// Whether a value that does not fit is repeated to nobody: keys get pasted into such places.
    #[must_use]
    pub fn is_private(&self) -> bool {
        matches!(self.name, "model_key" | "model_url")
    }

    /// Whether it may be a map.
    #[must_use]
    pub const fn takes_block(&self) -> bool {
        matches!(self.shape, Shape::Policy)
    }

    /// Whether a project that says `value` asks for more than an untrusted one may.
    #[must_use]
    pub fn widens(&self, value: &str) -> bool {
        match self.in_project {
            InProject::Cosmetic | InProject::Lowers => false,
            InProject::TurnsOn => value != "true",
            InProject::Trusted => true,
        }
    }
}

/// All defaults as a settings file with comments: the reference, and something to start from.
#[must_use]
pub fn as_file() -> String {
    let mut text = String::from(
        "# Settings of orchestra. Yours go to ~/.config/orchestra/config.yaml, a project's to its\n\
         # orchestra.yaml. These are the defaults; keep only what you change.\n",
    );
    for key in KEYS.iter() {
        let name = key.name;
        let (flag, variable) = (key.flag(), key.variable());
        text.push_str(&format!("\n# {}\n", key.about));
        text.push_str(&format!("# It is {}.\n", key.expected()));
        text.push_str(&format!("# Also {flag} and {variable}. "));
        text.push_str(&format!("A project {}.\n", key.in_project.rule()));
        text.push_str(&format!("{name}: {}\n", key.default));
    }
    text
}

impl InProject {
    /// What a project may do with such a setting, for the reference.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Cosmetic => "may set it",
            Self::Lowers => "may lower it",
            Self::TurnsOn => "may turn it on",
            Self::Trusted => "may set it when it is trusted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_fit_and_names_are_words() {
        for key in KEYS.iter() {
            assert!(key.takes(key.default), "{}", key.name);
            assert!(key.about.ends_with('.'), "{}", key.name);
            assert!(
                key.name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{}",
                key.name
            );
            assert!(std::ptr::eq(Key::find(key.name).unwrap(), key), "twice");
        }
    }

    #[test]
    fn values_are_held_against_their_shape() {
        let takes = |name: &str, value: &str| Key::find(name).unwrap().takes(value);
        for (name, value, fits) in [
            ("max_parallel", "1", true),
            ("max_parallel", "4096", true),
            ("max_parallel", "auto", true),
            ("max_parallel", "0", false),
            ("max_parallel", "4097", false),
            ("max_parallel", "+2", false),
            ("max_parallel", "99999999999999999999", false),
            ("fail_fast", "true", true),
            ("fail_fast", "yes", false),
            ("color", "never", true),
            ("color", "blue", false),
            ("runs_dir", "", false),
            ("sandbox", "none", true),
            ("sandbox", "auto", true),
            ("sandbox", "Strict", false),
        ] {
            assert_eq!(takes(name, value), fits, "{name}: {value}");
        }
    }

    #[test]
    fn only_what_changes_more_than_looks_wants_trust() {
        let widens = |name: &str, value: &str| Key::find(name).unwrap().widens(value);
        assert!(
            widens("runs_dir", "x")
                && widens("sandbox", "none")
                && widens("fail_fast", "false")
                && widens("policy", "strict")
        );
        assert!(!widens("fail_fast", "true") && !widens("max_parallel", "4096"));
        assert!(!widens("color", "always") && !widens("log_level", "off"));
    }
}
