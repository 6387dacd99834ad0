//! The shape of the table of keys. [`super::words`] fills it; the lowering and the JSON Schema both
//! read it, so neither can know a key that the other does not.

/// What a key's value looks like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Any scalar but null, taken as it is written.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number within bounds.
    Count {
        /// Least.
        min: i64,
        /// Most.
        max: i64,
    },
    /// A duration with its unit.
    Duration,
    /// A number of bytes with its unit.
    Size,
    /// An amount of dollars.
    Dollars,
    /// A scalar of that shape, or `none`.
    OrNone(&'static Self),
    /// One of these words; `later` ones are known but not built.
    Word {
        /// Built.
        now: &'static [&'static str],
        /// Not built yet.
        later: &'static [&'static str],
    },
    /// A list.
    ListOf(&'static Self),
    /// A map with any keys; `keys` is their pattern.
    MapOf {
        /// A regular expression, for the schema; the plan check has the messages.
        keys: &'static str,
        /// Of each value.
        values: &'static Self,
    },
    /// A map with known keys.
    Object(&'static Table),
    /// A scalar form, or a map.
    Either(&'static Self, &'static Self),
    /// Whatever the type beside it says.
    Any,
    /// A list of any values, or one expression that comes out as one.
    Items,
}

/// Most words a message lists.
pub(super) const MAX_LISTED: usize = 8;

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) about: &'static str,
    pub(super) required: bool,
}

/// All words of one kind of map.
#[derive(Debug)]
pub(super) struct Table {
    /// What the map is, for messages: `a task`.
    pub(super) what: &'static str,
    pub(super) keys: &'static [Key],
    /// Words whose engine is not built yet.
    pub(super) later: &'static [&'static str],
    /// Other accepted words, each with the key it stands for; `orchestra fmt` rewrites them.
    pub(super) aliases: &'static [(&'static str, &'static str)],
    /// Words of other tools and what to do about them.
    pub(super) hints: &'static [(&'static str, &'static str)],
}

impl Table {
    /// The position of a key.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.keys.iter().position(|key| key.name == name)
    }

    /// The key that a word stands for, itself or as an alias.
    pub(super) fn canonical(&self, word: &str) -> Option<&'static Key> {
        let alias = self.aliases.iter().find(|(alias, _)| *alias == word);
        let name = alias.map_or(word, |(_, canonical)| canonical);
        self.keys.iter().find(|key| key.name == name)
    }

    /// Every word that could have been meant.
    pub(super) fn words(&self) -> impl Iterator<Item = &'static str> {
        self.keys
            .iter()
            .map(|key| key.name)
            .chain(self.later.iter().copied())
    }
}

impl Shape {
    /// What it expects, completing "expects …".
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Count { min, .. } if *min < i64::from(i32::MIN) => "a whole number".to_owned(),
            Self::Count { min, max } => format!("a whole number from {min} to {max}"),
            Self::Dollars => "an amount of dollars, such as `1.50`".to_owned(),
            Self::Duration => "a duration with its unit, such as `5m`".to_owned(),
            Self::Size => "a size with its unit, such as `512MiB`".to_owned(),
            Self::Word { now: [one], .. } => format!("`{one}`"),
            Self::Word { now, .. } if now.len() > MAX_LISTED => {
                format!("one of {} words", now.len())
            }
            Self::Word { now, .. } => {
                let words: Vec<String> = now.iter().map(|word| format!("`{word}`")).collect();
                format!("one of {}", words.join(", "))
            }
            Self::ListOf(_) => "a list".to_owned(),
            Self::MapOf { .. } | Self::Object(_) => "a map".to_owned(),
            Self::Either(scalar, map) => format!("{}, or {}", scalar.expected(), map.expected()),
            Self::OrNone(scalar) => format!("{}, or `none`", scalar.expected()),
            Self::Any => "a value".to_owned(),
            Self::Items => "a list, or an expression that is one".to_owned(),
        }
    }
}
