//! Places of a home that hold keys and tokens. A toolchain never reaches one; a path of a pack may, and
//! is told so. A data table, which cannot be complete: packs name what is open, not what is closed.

use super::place::{PolicyPath, Site, covers};

/// In the home, as [`PolicyPath`]s.
const CREDENTIALS: &[&str] = &[
    "~/.ssh",
    "~/.gnupg",
    "~/.aws",
    "~/.azure",
    "~/.kube",
    "~/.netrc",
    "~/.git-credentials",
    "~/.config/git/credentials",
    "~/.config/gcloud",
    "~/.config/gh",
    "~/.config/glab-cli",
    "~/.config/hub",
    "~/.config/containers/auth.json",
    "~/.config/google-chrome",
    "~/.config/chromium",
    "~/.config/orchestra",
    "~/.local/state/orchestra",
    "~/.local/share/keyrings",
    "~/.docker/config.json",
    "~/.cargo/credentials",
    "~/.cargo/credentials.toml",
    "~/.cargo/config",
    "~/.cargo/config.toml",
    "~/.gem/credentials",
    "~/.gradle/gradle.properties",
    "~/.m2/settings.xml",
    "~/.mozilla",
    "~/.npmrc",
    "~/.password-store",
    "~/.pgpass",
    "~/.my.cnf",
    "~/.pypirc",
    "~/.terraform.d",
    "~/.vault-token",
    "~/.yarnrc.yml",
    "~/.claude",
    "~/.claude.json",
];

/// What of a host is its own matter, whoever may read it.
const OF_HOST: &[&str] = &[
    "/etc",
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/boot",
    "/var/lib",
    "/var/run",
    "/var/spool",
];

/// Whether an absolute path holds, or lies in, a place with credentials or what is the host's own, as it
/// is spelled or once links are followed.
pub(super) fn is_sensitive(path: &str, site: &Site) -> bool {
    let real = site.real.get(path).map(String::as_str);
    let spelled = [Some(path), real];
    let touches = |place: &str| {
        let mut spelled = spelled.iter().flatten();
        spelled.any(|path| covers(place, path) || covers(path, place))
    };
    let resolved = site.resolved();
    let places = CREDENTIALS
        .iter()
        .filter_map(|place| place.parse::<PolicyPath>().ok());
    let mut homes = places.flat_map(|place| [place.expanded(site), place.expanded(&resolved)]);
    OF_HOST.iter().any(|place| touches(place))
        || homes.any(|place| place.is_some_and(|place| touches(&place)))
}

/// The first place with credentials that a path holds, or lies in.
#[cfg(feature = "author")]
pub(crate) fn credentials_in(path: &PolicyPath) -> Option<PolicyPath> {
    let places = CREDENTIALS
        .iter()
        .filter_map(|place| place.parse::<PolicyPath>().ok());
    let mut places = places.filter(|place| path.covers(place) || place.covers(path));
    places.next()
}

#[cfg(test)]
#[cfg(feature = "author")]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_the_home_and_stand_once() {
        let mut seen = std::collections::BTreeSet::new();
        for place in CREDENTIALS {
            assert_eq!(place.parse::<PolicyPath>().unwrap().as_str(), *place);
            assert!(place.starts_with("~/") && seen.insert(place), "{place}");
        }
    }

    #[test]
    fn what_holds_them_is_found() {
        let found = |path: &str| credentials_in(&path.parse().unwrap()).is_some();
        for path in ["~", "~/.ssh", "~/.ssh/id_ed25519", "~/.cargo", "~/.config"] {
            assert!(found(path), "{path}");
        }
        for path in [
            "~/.cargo/registry",
            "~/.cargo/bin",
            "~/.rustup",
            "tree",
            "/usr",
        ] {
            assert!(!found(path), "{path}");
        }
    }
}
