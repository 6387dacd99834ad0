//! What confines a slot process's attempts, as bytes.

use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use protocol::policy::Confine;

use super::wire::{Cursor, put_bytes, put_list};
use crate::sandbox::Confinement;

pub(super) fn encode(confinement: &Confinement) -> Vec<u8> {
    let Confinement {
        level,
        confine,
        work,
    } = confinement;
    let Confine {
        require,
        network,
        unix_sockets,
        debug,
        read,
        write,
        protect,
        within,
        path,
        // The environment travels with each attempt.
        env: _,
        pass: _,
    } = &**confine;
    let mut out = Vec::with_capacity(1024);
    for word in [level.as_str(), network.as_str(), unix_sockets.as_str()] {
        put_bytes(&mut out, word.as_bytes());
    }
    out.push(u8::from(*debug));
    put_bytes(&mut out, work.as_os_str().as_bytes());
    put_list(&mut out, require.iter(), |out, one| {
        put_bytes(out, one.as_str().as_bytes());
    });
    for paths in [read, write, protect, within, path] {
        put_list(&mut out, paths.iter(), |out, one| {
            put_bytes(out, one.as_bytes());
        });
    }
    out
}

pub(super) fn decode(body: &[u8]) -> Option<Confinement> {
    let mut rest = Cursor(body);
    let level = rest.string()?.parse().ok()?;
    let network = rest.string()?.parse().ok()?;
    let unix_sockets = rest.string()?.parse().ok()?;
    let debug = rest.flag()?;
    let work = rest.os_string()?.into();
    let require = rest.list(|rest| rest.string()?.parse().ok())?;
    let confine = Confine {
        require: require.into_iter().collect(),
        network,
        unix_sockets,
        debug,
        read: rest.list(Cursor::string)?,
        write: rest.list(Cursor::string)?,
        protect: rest.list(Cursor::string)?,
        within: rest.list(Cursor::string)?,
        path: rest.list(Cursor::string)?,
        ..Confine::CLOSED
    };
    rest.end()?;
    Some(Confinement {
        level,
        confine: Arc::new(confine),
        work,
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use proptest::sample::select;
    use protocol::policy::{Guarantee, Network, SandboxLevel, UnixSockets};

    use super::*;

    proptest! {
        #[test]
        fn confinements_round_trip(
            level in select(SandboxLevel::ALL), network in select(Network::ALL),
            unix_sockets in select(UnixSockets::ALL), debug in any::<bool>(),
            require in btree_set(select(Guarantee::ALL), 0..4),
            lists in proptest::array::uniform5(vec(".{0,20}", 0..4)), work in ".{0,20}",
        ) {
            let [read, write, protect, within, path] = lists;
            let confine = Confine { require, network, unix_sockets, debug, read, write, protect, within, path, ..Confine::CLOSED };
            let confinement = Confinement { level, confine: Arc::new(confine), work: PathBuf::from(work) };
            prop_assert_eq!(decode(&encode(&confinement)), Some(confinement));
        }

        #[test]
        fn any_bytes_decode_or_not_but_never_panic(body in vec(any::<u8>(), 0..200)) {
            let _decoded = decode(&body);
        }

        #[test]
        fn what_is_cut_short_is_refused(cut in 1_usize..30) {
            let confinement = Confinement {
                level: SandboxLevel::Strict, confine: Arc::default(), work: "/somewhere/far".into(),
            };
            let whole = encode(&confinement);
            prop_assert_eq!(decode(&whole[..whole.len() - cut.min(whole.len())]), None);
        }
    }
}
