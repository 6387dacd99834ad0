//! Paths as packs and requests name them: `tree`, `tree/x`, `workspace`, `~/x`, `/x`. What they are on
//! a host is said by a [`Site`]; nothing here looks at a file system.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest path of a policy.
const MAX_BYTES: usize = 1024;

/// A path of a policy, in its one canonical form. `*` as a whole part stands for any one name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "author", schemars(transparent))]
pub struct PolicyPath(String);

/// Where what a policy names is on one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// The scenario's tree (`tree`), absolute.
    pub root: Option<String>,
    /// The user's home (`~`), absolute.
    pub home: Option<String>,
    /// The tree once links are followed, where that is another spelling: `/home` may be a link.
    pub real_root: Option<String>,
    /// The home once links are followed, where that is another spelling.
    pub real_home: Option<String>,
    /// Absolute paths that inputs name and that are spelled otherwise once links are followed.
    pub real: BTreeMap<String, String>,
    /// Where runs are kept, absolute: protected wherever it can be reached.
    pub runs: Option<String>,
    /// What exists of [`Policy::looks_for`](super::Policy::looks_for): the existing paths that each of those
    /// stands for. One that is not listed stands for nothing.
    pub found: BTreeMap<String, Vec<String>>,
}

impl Site {
    /// Whether the scenario's tree holds the user's home: then it is not opened to any task, because a
    /// home holds keys and tokens of everything.
    #[must_use]
    pub fn tree_holds_home(&self) -> bool {
        let trimmed = |path: &String| match path.trim_end_matches('/') {
            "" => "/".to_owned(),
            path => path.to_owned(),
        };
        let roots = [&self.root, &self.real_root].into_iter().flatten();
        roots.map(trimmed).any(|root| {
            let mut homes = [&self.home, &self.real_home].into_iter().flatten();
            homes.any(|home| covers(&root, &trimmed(home)))
        })
    }

    /// The same place once links are followed.
    pub(super) fn resolved(&self) -> Self {
        Self {
            root: self.real_root.clone().or_else(|| self.root.clone()),
            home: self.real_home.clone().or_else(|| self.home.clone()),
            ..self.clone()
        }
    }
}

impl PolicyPath {
    /// The word for the scenario's tree.
    pub const TREE: &'static str = "tree";
    /// The word for wherever a task works.
    pub const WORKSPACE: &'static str = "workspace";

    /// The scenario's tree.
    #[must_use]
    pub fn tree() -> Self {
        Self(Self::TREE.to_owned())
    }

    /// Wherever a task works.
    #[must_use]
    pub fn workspace() -> Self {
        Self(Self::WORKSPACE.to_owned())
    }

    /// As a scenario writes it: what is neither absolute nor in the home is in the tree, whatever its
    /// name.
    ///
    /// # Errors
    /// What is wrong with it, completing "the path … ".
    pub fn of_scenario(text: &str) -> Result<Self, String> {
        if text.starts_with(['/', '~']) {
            return text.parse();
        }
        format!("./{text}").parse()
    }

    /// Its canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this path or beneath it. A workspace, where it is one that others have a part
    /// in, is the tree.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        covers(&self.0, &other.0) || covers(&self.0, &other.in_tree().0)
    }

    /// What is beneath both, if anything is: `workspace` and `tree/x` have `workspace/x` in common.
    pub(super) fn meet(&self, other: &Self) -> Option<Self> {
        let (mut one, mut two) = (parts(&self.0), parts(&other.0));
        let base = match (one.next()?, two.next()?) {
            (Self::TREE, Self::WORKSPACE) | (Self::WORKSPACE, Self::TREE) => Self::WORKSPACE,
            (one, two) if one == two => one,
            _ => return None,
        };
        let mut path = base.to_owned();
        loop {
            let part = match (one.next(), two.next()) {
                (None, None) if path.is_empty() => return Some(Self("/".to_owned())),
                (None, None) => return Some(Self(path)),
                (Some(part), None) | (None, Some(part)) => part,
                (Some("*"), Some(part)) | (Some(part), Some("*")) => part,
                (Some(one), Some(two)) if one == two => one,
                (Some(_), Some(_)) => return None,
            };
            path.push('/');
            path.push_str(part);
        }
    }

    /// The same where the workspace is the tree.
    #[must_use]
    pub(super) fn in_tree(&self) -> Self {
        match self.0.strip_prefix(Self::WORKSPACE) {
            Some(rest) => Self(format!("{}{rest}", Self::TREE)),
            None => self.clone(),
        }
    }

    /// Whether it is in the tree, or in a workspace that may be the tree.
    #[must_use]
    pub fn is_of_tree(&self) -> bool {
        !self.0.starts_with(['/', '~'])
    }

    /// Whether it is in a workspace.
    #[must_use]
    pub fn is_of_workspace(&self) -> bool {
        self.0.starts_with(Self::WORKSPACE)
    }

    /// Whether any of its parts is `*`.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        self.0.split('/').any(|part| part == "*")
    }

    /// The absolute path, its `*` unresolved; `None` where the site does not have what it starts from.
    #[must_use]
    pub fn expanded(&self, site: &Site) -> Option<String> {
        let beneath = |base: &Option<String>, rest: &str| {
            let base = base.as_deref()?.trim_end_matches('/');
            Some(format!("{base}{rest}")).map(|path| match path.is_empty() {
                true => "/".to_owned(),
                false => path,
            })
        };
        match &self.0 {
            text if text.starts_with('/') => Some(text.clone()),
            text if text.starts_with('~') => beneath(&site.home, &text[1..]),
            text => beneath(&site.root, text.strip_prefix(Self::TREE)?),
        }
    }

    /// The existing paths it stands for on a site, as far as the site was asked for it.
    #[must_use]
    pub fn existing(&self, site: &Site) -> Vec<String> {
        let path = self.expanded(site);
        path.and_then(|path| site.found.get(&path).cloned())
            .unwrap_or_default()
    }

    /// The absolute paths it stands for on a site.
    #[must_use]
    pub fn resolve(&self, site: &Site) -> Vec<String> {
        match self.is_pattern() {
            true => self.existing(site),
            false => self.expanded(site).into_iter().collect(),
        }
    }
}

/// What a path starts from, and the names behind it.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    let path = if path == "/" { "" } else { path };
    path.split('/')
}

/// Whether `path` is `above` or beneath it; both canonical. `*` in `above` stands for any one name.
pub(super) fn covers(above: &str, path: &str) -> bool {
    if above == "/" {
        return path.starts_with('/');
    }
    let mut parts = path.split('/');
    above.split('/').all(|part| {
        parts
            .next()
            .is_some_and(|other| part == other || part == "*")
    })
}

impl FromStr for PolicyPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("has {} bytes; at most {MAX_BYTES}", text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err("holds a control character".to_owned());
        }
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        let (base, rest) = match text {
            "~" => ("~", ""),
            _ if text.starts_with("~/") => ("~", &text[2..]),
            _ if text.starts_with('~') => {
                return Err("names another user's home; write it absolute".to_owned());
            }
            _ if text.starts_with('/') => ("", &text[1..]),
            Self::WORKSPACE => return Ok(Self::workspace()),
            Self::TREE => return Ok(Self::tree()),
            _ if text.starts_with("workspace/") => (Self::WORKSPACE, &text["workspace/".len()..]),
            _ => (Self::TREE, text.strip_prefix("tree/").unwrap_or(text)),
        };
        let mut path = base.to_owned();
        for part in rest.split('/').filter(|part| !matches!(*part, "" | ".")) {
            if part == ".." {
                return Err("holds `..`; write where it leads".to_owned());
            }
            if part.contains('*') && part != "*" {
                return Err("holds `*` within a name; it stands for whole names only".to_owned());
            }
            path.push('/');
            path.push_str(part);
        }
        match path.is_empty() {
            true => Ok(Self("/".to_owned())),
            false => Ok(Self(path)),
        }
    }
}

impl fmt::Display for PolicyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for PolicyPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PolicyPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> PolicyPath {
        text.parse().unwrap()
    }

    #[test]
    fn one_form_for_each_path() {
        for (text, canonical) in [
            ("tree", "tree"),
            ("tree/", "tree"),
            ("tree/out/", "tree/out"),
            ("out", "tree/out"),
            ("./tree", "tree/tree"),
            ("./tree/out", "tree/tree/out"),
            (".", "tree"),
            (".git/hooks", "tree/.git/hooks"),
            ("~", "~"),
            ("~/", "~"),
            ("~/.cargo//bin/", "~/.cargo/bin"),
            ("/", "/"),
            ("//opt/./x/", "/opt/x"),
            ("workspace", "workspace"),
            ("workspace/out/", "workspace/out"),
            ("./workspace", "tree/workspace"),
            ("~/.nvm/versions/node/*/bin", "~/.nvm/versions/node/*/bin"),
        ] {
            assert_eq!(path(text).as_str(), canonical, "{text}");
            assert_eq!(path(canonical).as_str(), canonical, "{canonical}");
        }
        for wrong in ["", "..", "a/../b", "~root/x", "/a\nb", "~/x*/y"] {
            assert!(wrong.parse::<PolicyPath>().is_err(), "{wrong}");
        }
        assert_eq!(
            PolicyPath::of_scenario("tree").unwrap().as_str(),
            "tree/tree"
        );
        assert_eq!(
            PolicyPath::of_scenario("workspace").unwrap().as_str(),
            "tree/workspace"
        );
    }

    #[test]
    fn what_is_beneath() {
        for (above, below) in [
            ("tree", "tree/a"),
            ("/", "/x"),
            ("~", "~"),
            ("/a", "/a/b/c"),
            ("~/*/b", "~/a/b/c"),
        ] {
            assert!(path(above).covers(&path(below)), "{above} {below}");
        }
        for (above, beside) in [
            ("tree", "~"),
            ("/a", "/ab"),
            ("~/a", "~"),
            ("/", "tree"),
            ("~/*/b", "~/a"),
        ] {
            assert!(!path(above).covers(&path(beside)), "{above} {beside}");
        }
    }

    #[test]
    fn what_two_have_in_common() {
        for (one, other, common) in [
            ("tree", "tree/a", Some("tree/a")),
            ("workspace", "tree/a", Some("workspace/a")),
            ("workspace/a", "tree", Some("workspace/a")),
            ("workspace/a", "tree/a/b", Some("workspace/a/b")),
            ("workspace/a", "tree/b", None),
            ("workspace", "~", None),
            ("tree/a", "tree/b", None),
            ("/", "/usr", Some("/usr")),
            ("/", "tree", None),
            ("~/*/b", "~/a", Some("~/a/b")),
            ("~/*/b", "~/a/b/c", Some("~/a/b/c")),
            ("~/*", "~/a/*", Some("~/a/*")),
        ] {
            let common = common.map(path);
            assert_eq!(path(one).meet(&path(other)), common, "{one} {other}");
            assert_eq!(path(other).meet(&path(one)), common, "{other} {one}");
        }
    }

    #[test]
    fn a_home_behind_a_link_is_held_in_either_spelling() {
        let site = |root: &str, real_root: Option<&str>, real_home: Option<&str>| Site {
            root: Some(root.into()),
            home: Some("/home/u".into()),
            real_root: real_root.map(str::to_owned),
            real_home: real_home.map(str::to_owned),
            ..Site::default()
        };
        let real = Some("/var/home/u");
        assert!(site("/var/home/u", None, real).tree_holds_home());
        assert!(site("/var/home/", None, real).tree_holds_home());
        assert!(site("/t", real, real).tree_holds_home());
        assert!(site("/t", Some("/home"), None).tree_holds_home());
        assert!(!site("/var/home/u/p", None, real).tree_holds_home());
        assert!(!site("/var/home/u", None, None).tree_holds_home());
    }

    #[test]
    fn a_site_says_where() {
        let mut site = Site {
            root: Some("/p/".into()),
            ..Site::default()
        };
        assert_eq!(path("tree").resolve(&site), ["/p"]);
        assert_eq!(path("out").resolve(&site), ["/p/out"]);
        assert_eq!(path("~/x").resolve(&site), Vec::<String>::new());
        assert_eq!(path("workspace").resolve(&site), Vec::<String>::new());
        site.home = Some("/home/u".into());
        site.found
            .insert("/home/u/n/*/bin".into(), vec!["/home/u/n/1/bin".into()]);
        assert_eq!(path("~/n/*/bin").resolve(&site), ["/home/u/n/1/bin"]);
        assert_eq!(path("~/m/*/bin").resolve(&site), Vec::<String>::new());
        site.root = Some("/".into());
        assert_eq!(path("tree").resolve(&site), ["/"]);
    }
}
