//! Rules for paths that must stay beneath a directory. Text only; nothing is looked up.

use super::limits::MAX_PATH_BYTES;

/// Why a text is no path beneath a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// Nothing there.
    #[error("an empty path")]
    Empty,
    /// Starts with `/` or `~`.
    #[error("not a relative path")]
    Absolute,
    /// Holds `..`.
    #[error("`..` leads out of the directory")]
    Upward,
    /// Holds `.` or two slashes in a row.
    #[error("`.` and `//` have no place in it")]
    NotPlain,
    /// Holds NUL or another control character.
    #[error("a control character in a path")]
    Control,
    /// Longer than a file system takes.
    #[error("longer than {MAX_PATH_BYTES} bytes, or a part longer than 255")]
    TooLong,
}

/// Checks that `path` names something beneath a directory; a final `/` (a directory) is allowed.
///
/// # Errors
/// The first rule it breaks.
pub fn check_relative(path: &str) -> Result<(), PathProblem> {
    if path.is_empty() {
        return Err(PathProblem::Empty);
    }
    if path.starts_with(['/', '~']) {
        return Err(PathProblem::Absolute);
    }
    if path.chars().any(char::is_control) {
        return Err(PathProblem::Control);
    }
    if path.len() > MAX_PATH_BYTES {
        return Err(PathProblem::TooLong);
    }
    for part in path.strip_suffix('/').unwrap_or(path).split('/') {
        match part {
            ".." => return Err(PathProblem::Upward),
            "" | "." => return Err(PathProblem::NotPlain),
            long if long.len() > 255 => return Err(PathProblem::TooLong),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        let long = "a/".repeat(600);
        let part = "a".repeat(256);
        let cases = [
            ("a", Ok(())),
            ("a/b.txt", Ok(())),
            ("in/", Ok(())),
            ("a b/é", Ok(())),
            (".hidden", Ok(())),
            ("a/..b", Ok(())),
            ("", Err(PathProblem::Empty)),
            ("/etc/passwd", Err(PathProblem::Absolute)),
            ("~/x", Err(PathProblem::Absolute)),
            ("..", Err(PathProblem::Upward)),
            ("a/../b", Err(PathProblem::Upward)),
            ("../a", Err(PathProblem::Upward)),
            ("./a", Err(PathProblem::NotPlain)),
            ("a//b", Err(PathProblem::NotPlain)),
            (".", Err(PathProblem::NotPlain)),
            ("a\0b", Err(PathProblem::Control)),
            ("a\nb", Err(PathProblem::Control)),
            (long.as_str(), Err(PathProblem::TooLong)),
            (part.as_str(), Err(PathProblem::TooLong)),
        ];
        for (path, expected) in cases {
            assert_eq!(check_relative(path), expected, "{path:?}");
        }
    }
}
