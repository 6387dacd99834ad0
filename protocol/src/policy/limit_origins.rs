//! Who set the limits of an attempt, so that whoever runs into one is told what to change. Said for people;
//! nothing is decided by it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bound::LIMITS;
use super::effective::Policy;
use super::limits::Timeout;

/// Who set each limit: mostly one, such as `pack default@1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
pub struct LimitOrigins {
    /// Who set those that are not named below.
    pub most: String,
    /// Who set the others, by the names that packs use.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, String>,
    /// Times that the task's own `timeout` set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub task: Vec<String>,
}

impl LimitOrigins {
    /// Of a policy that still knows; one that was read from a run does not.
    pub(super) fn of(policy: &Policy) -> Option<Self> {
        let of = |name: &str| policy.known_origin(&format!("limits.{name}"));
        let all = LIMITS
            .iter()
            .filter(|limit| (limit.get)(&policy.limits).is_some());
        let all: Vec<(&str, String)> = all
            .filter_map(|one| Some((one.name, of(one.name)?)))
            .collect();
        let count = |origin: &str| all.iter().filter(|(_, own)| own == origin).count();
        let most = all
            .iter()
            .map(|(_, origin)| origin)
            .max_by_key(|origin| count(origin))?;
        let others = all.iter().filter(|(_, origin)| origin != most);
        Some(Self {
            most: most.clone(),
            others: others
                .map(|(name, origin)| ((*name).to_owned(), origin.clone()))
                .collect(),
            task: Vec::new(),
        })
    }

    /// Whether a task's own `timeout` has a say in what holds.
    pub(super) fn is_own(own: Timeout, held: Timeout) -> bool {
        owned(own, held).next().is_some()
    }

    /// The same for a task whose own `timeout` has a say in what holds.
    pub(super) fn with_own(&self, own: Timeout, held: Timeout) -> Self {
        Self {
            task: owned(own, held).map(str::to_owned).collect(),
            ..self.clone()
        }
    }

    /// What to change for another limit of this name: `limits.memory of pack default@1`.
    #[must_use]
    pub fn of_limit(&self, name: &str) -> String {
        if self.task.iter().any(|own| own == name) {
            return "the task's `timeout`".to_owned();
        }
        let origin = self.others.get(name).unwrap_or(&self.most);
        format!("limits.{name} of {origin}")
    }
}

fn owned(own: Timeout, held: Timeout) -> impl Iterator<Item = &'static str> {
    let pairs = [
        ("wall", own.wall_ms, held.wall_ms),
        ("idle", own.idle_ms, held.idle_ms),
    ];
    let own = pairs
        .into_iter()
        .filter(|(_, own, held)| own.is_some() && own == held);
    own.map(|(name, ..)| name)
}

#[cfg(all(test, feature = "author"))]
mod tests {
    use super::super::{Pack, PolicyRequest, Tightening};
    use super::*;

    #[test]
    fn each_limit_has_its_own_origin() {
        let text = "version: 3\npack: p\nlimits: { wall: 1h, idle: 1m, pids: 64, memory: 1GiB }\n";
        let pack = Pack::parse("p.yaml", text.as_bytes()).unwrap();
        let mut policy = Policy::from_pack(&pack);
        let request: PolicyRequest =
            serde_json::from_str(r#"{"limits":{"memory_bytes":1048576}}"#).unwrap();
        policy.tighten(&Tightening::of_request(&request), "nested.yaml");
        let origins = LimitOrigins::of(&policy).unwrap();
        assert_eq!(origins.of_limit("pids"), "limits.pids of pack p@3");
        assert_eq!(origins.of_limit("memory"), "limits.memory of nested.yaml");
        let own = Timeout {
            wall_ms: Some(5),
            idle_ms: Some(9),
        };
        let held = Timeout {
            wall_ms: Some(5),
            idle_ms: Some(7),
        };
        let origins = origins.with_own(own, held);
        assert_eq!(origins.of_limit("wall"), "the task's `timeout`");
        assert_eq!(origins.of_limit("idle"), "limits.idle of pack p@3");
        // What a run recorded does not say.
        let recorded = Policy::from_json(&policy.to_json()).unwrap();
        assert_eq!(LimitOrigins::of(&recorded), None);
        assert_eq!(LimitOrigins::of(&Policy::of_pack(&Pack::default())), None);
    }
}
