//! What a slot process answers: how an attempt ended, or why nothing can run in it.

use protocol::policy::{DeniedAction, Guarantee};

use super::wire::{Cursor, put_bytes, put_list, put_option, put_u32, put_u64};

/// How an attempt's processes ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Raw wait status of the payload.
    pub status: i32,
    /// User CPU time of the payload and what it waited for, microseconds.
    pub user_us: u64,
    /// System CPU time of the same, microseconds.
    pub system_us: u64,
    /// Largest resident set of any one of these processes, bytes.
    pub peak_rss_bytes: u64,
    /// Processes still alive when the payload ended, all ended since.
    pub leftovers: u32,
    /// False when something survived SIGKILL for the whole deadline (uninterruptible sleep).
    pub tree_dead: bool,
    /// What the sandbox denied, as far as it was seen.
    pub denied: Vec<DeniedAction>,
    /// Peak memory of all processes together, where a control group counts it.
    pub peak_memory_bytes: Option<u64>,
    /// The kernel killed a process because the attempt's memory limit was reached.
    pub out_of_memory: bool,
    /// A process could not be started because the attempt's limit of processes was reached.
    pub out_of_pids: bool,
}

/// The confinement asked for cannot be set up here; nothing was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// The promise that cannot be kept; `None`: set-up failed as a whole.
    pub guarantee: Option<Guarantee>,
    /// Which step failed, why, and what helps.
    pub message: String,
}

impl Exit {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend_from_slice(&self.status.to_le_bytes());
        for number in [self.user_us, self.system_us, self.peak_rss_bytes] {
            put_u64(&mut out, number);
        }
        put_u32(&mut out, self.leftovers);
        for flag in [self.tree_dead, self.out_of_memory, self.out_of_pids] {
            out.push(u8::from(flag));
        }
        put_option(&mut out, self.peak_memory_bytes);
        put_list(&mut out, self.denied.iter(), |out, denied| {
            put_bytes(out, denied.action.as_bytes());
            put_bytes(out, denied.target.as_bytes());
            put_u32(out, denied.times);
        });
        out
    }

    pub(super) fn decode(body: &[u8]) -> Option<Self> {
        let mut rest = Cursor(body);
        let exit = Self {
            status: i32::from_le_bytes(rest.array()?),
            user_us: rest.u64()?,
            system_us: rest.u64()?,
            peak_rss_bytes: rest.u64()?,
            leftovers: rest.u32()?,
            tree_dead: rest.flag()?,
            out_of_memory: rest.flag()?,
            out_of_pids: rest.flag()?,
            peak_memory_bytes: rest.option()?,
            denied: rest.list(|rest| {
                Some(DeniedAction {
                    action: rest.string()?,
                    target: rest.string()?,
                    times: rest.u32()?,
                })
            })?,
        };
        rest.end()?;
        Some(exit)
    }
}

impl Unavailable {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        put_bytes(
            &mut out,
            self.guarantee.map_or("", |one| one.as_str()).as_bytes(),
        );
        put_bytes(&mut out, self.message.as_bytes());
        out
    }

    pub(super) fn decode(body: &[u8]) -> Option<Self> {
        let mut rest = Cursor(body);
        let guarantee = match rest.string()?.as_str() {
            "" => None,
            word => Some(word.parse().ok()?),
        };
        let message = rest.string()?;
        rest.end()?;
        Some(Self { guarantee, message })
    }
}

/// The promises that a slot process cannot keep.
pub(super) fn encode_degraded(degraded: &[Guarantee]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    put_list(&mut out, degraded.iter(), |out, one| {
        put_bytes(out, one.as_str().as_bytes());
    });
    out
}

/// What [`encode_degraded`] wrote.
pub(super) fn decode_degraded(body: &[u8]) -> Option<Vec<Guarantee>> {
    let mut rest = Cursor(body);
    let degraded = rest.list(|rest| rest.string()?.parse().ok())?;
    rest.end()?;
    Some(degraded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn denied() -> impl Strategy<Value = DeniedAction> {
        (".{0,9}", ".{0,30}", any::<u32>()).prop_map(|(action, target, times)| DeniedAction {
            action,
            target,
            times,
        })
    }

    proptest! {
        #[test]
        fn exits_round_trip(
            status in any::<i32>(), user_us in any::<u64>(), leftovers in any::<u32>(),
            flags in any::<[bool; 3]>(), peak_memory_bytes in any::<Option<u64>>(),
            denied in proptest::collection::vec(denied(), 0..4),
        ) {
            let [tree_dead, out_of_memory, out_of_pids] = flags;
            let exit = Exit {
                status, user_us, system_us: 7, peak_rss_bytes: 9, leftovers, tree_dead, denied,
                peak_memory_bytes, out_of_memory, out_of_pids,
            };
            prop_assert_eq!(Exit::decode(&exit.encode()), Some(exit));
        }

        #[test]
        fn any_bytes_decode_or_not_but_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(exit) = Exit::decode(&body) {
                prop_assert_eq!(exit.encode(), body.clone());
            }
            if let Some(unavailable) = Unavailable::decode(&body) {
                prop_assert_eq!(unavailable.encode(), body.clone());
            }
            if let Some(degraded) = decode_degraded(&body) {
                prop_assert_eq!(encode_degraded(&degraded), body);
            }
        }

        #[test]
        fn what_is_unavailable_round_trips(
            guarantee in proptest::option::of(proptest::sample::select(Guarantee::ALL)),
            message in ".*",
        ) {
            let unavailable = Unavailable { guarantee, message };
            prop_assert_eq!(Unavailable::decode(&unavailable.encode()), Some(unavailable));
            prop_assert_eq!(decode_degraded(&encode_degraded(Guarantee::ALL)).unwrap(), Guarantee::ALL);
        }
    }
}
