//! Words and signs of other languages, and how expressions here say the same.

/// Signs of two tokens side by side, and what to do about them.
const PAIRS: &[(&str, &str, &str)] = &[
    ("&", "&", "write `and`"),
    ("|", "|", "write `or`"),
    ("==", "=", "write `==`"),
    ("!=", "=", "write `!=`"),
    ("<", ">", "write `!=`"),
    ("=", "!", "write `!=`"),
    ("=", "<", "write `<=`"),
    ("=", ">", "write `>=`"),
];

/// Signs of one token.
const SIGNS: &[(&str, &str)] = &[
    ("=", "write `==`"),
    ("&", "write `and`"),
    ("!", "write `not`"),
];

/// Words where a value is expected.
const WORDS: &[(&str, &str)] = &[
    ("AND", "write `and`"),
    ("And", "write `and`"),
    ("OR", "write `or`"),
    ("Or", "write `or`"),
    ("NOT", "write `not`"),
    ("Not", "write `not`"),
    ("TRUE", "write `true`"),
    ("FALSE", "write `false`"),
    ("yes", "write `true`"),
    ("Yes", "write `true`"),
    ("on", "write `true`"),
    ("no", "write `false`"),
    ("No", "write `false`"),
    ("off", "write `false`"),
    ("null", "write `none`"),
    ("nil", "write `none`"),
    ("always", "write `always()`"),
    ("failure", "write `failure()`"),
    ("success", SUCCESS),
    ("steps", "write `tasks`"),
    ("needs", "write `tasks`"),
    ("jobs", "write `tasks`"),
];

const SUCCESS: &str =
    "drop it: without `always()` or `failure()` a task runs only after its needs succeeded";
const CANCELLED: &str = "drop it: no task of a cancelled run starts, whatever its `if` says";

/// Functions of other tools.
const FUNCTIONS: &[(&str, &str)] = &[
    ("success", SUCCESS),
    ("succeeded", SUCCESS),
    ("cancelled", CANCELLED),
    ("canceled", CANCELLED),
    ("failed", "write `failure()`"),
    ("contains", "write `part in whole`"),
    ("startsWith", "write `text is startingwith 'start'`"),
    ("startswith", "write `text is startingwith 'start'`"),
    ("endsWith", "write `text is endingwith 'end'`"),
    ("endswith", "write `text is endingwith 'end'`"),
    ("len", "write `value | length`"),
    ("size", "write `value | length`"),
];

/// The fix of two signs side by side.
pub(super) fn of_pair(first: &str, second: &str) -> Option<&'static str> {
    let found = PAIRS
        .iter()
        .find(|pair| (pair.0, pair.1) == (first, second));
    found.map(|pair| pair.2)
}

/// The fix of one sign.
pub(super) fn of_sign(sign: &str) -> Option<&'static str> {
    find(SIGNS, sign)
}

/// The fix of a word that stands for a value or an operator.
pub(super) fn of_word(word: &str) -> Option<&'static str> {
    find(WORDS, word)
}

/// The fix of a function.
pub(super) fn of_function(word: &str) -> Option<&'static str> {
    find(FUNCTIONS, word)
}

fn find(table: &'static [(&str, &'static str)], word: &str) -> Option<&'static str> {
    let found = table.iter().find(|(other, _)| *other == word);
    found.map(|(_, fix)| *fix)
}
