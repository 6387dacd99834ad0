//! What is told of an attempt that is over.

use std::time::Duration;

use protocol::event::AttemptEnd;
use protocol::outcome::Failure;
use protocol::policy::{DeniedAction, DeniedTool, Guarantee, ObservedWrite, SandboxLevel};
use serde_json::Map;

use super::api::AttemptResult;
use super::verdict;
use crate::capture::Captured;
use crate::launcher::Exit;
use crate::secrets::Guard;

/// How an attempt was confined and what was measured, as far as it came.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) level: SandboxLevel,
    pub(super) degraded: Vec<Guarantee>,
    pub(super) exit: Option<Exit>,
    pub(super) failure: Option<Failure>,
    pub(super) wall: Duration,
    pub(super) peak_disk_bytes: Option<u64>,
    /// What was seen of the paths that its task declares to write.
    pub(super) writes: Vec<ObservedWrite>,
    /// Tools that an agent CLI was denied, by its own word.
    pub(super) agent_denied: Vec<DeniedTool>,
    /// Bounds that the kernel held it to, and that did not make it fail.
    pub(super) coped_with: Vec<DeniedAction>,
}

impl Ending {
    /// An attempt that started nothing.
    pub(super) fn unstarted(level: SandboxLevel, failure: Failure, wall: Duration) -> Self {
        Self {
            failure: Some(failure),
            ..Self::without_process(level, wall)
        }
    }

    /// An attempt without a process, and without anything to say yet.
    pub(super) const fn without_process(level: SandboxLevel, wall: Duration) -> Self {
        Self {
            level,
            degraded: Vec::new(),
            exit: None,
            failure: None,
            wall,
            peak_disk_bytes: None,
            writes: Vec::new(),
            agent_denied: Vec::new(),
            coped_with: Vec::new(),
        }
    }

    /// With what it wrote.
    pub(super) fn with_output(self, out: Captured, err: Captured) -> AttemptEnd {
        let tail = self.failure.as_ref().and_then(|_| {
            let rendered = [&err, &out].map(|stream| stream.tail.render());
            rendered.into_iter().find(|text| !text.trim().is_empty())
        });
        let exit = self.exit.as_ref();
        let mut denied = exit.map_or_else(Vec::new, |exit| exit.denied.clone());
        denied.extend(self.coped_with);
        AttemptEnd {
            level: self.level,
            degraded: self.degraded,
            denied,
            writes: self.writes,
            agent_denied: self.agent_denied,
            model: None,
            exit: exit.and_then(|exit| verdict::exit_code(exit.status)),
            signal: exit.and_then(|exit| verdict::signal(exit.status)),
            failure: self.failure,
            wall_us: u64::try_from(self.wall.as_micros()).unwrap_or(u64::MAX),
            cpu_us: exit.map_or(0, |exit| exit.user_us.saturating_add(exit.system_us)),
            peak_rss_bytes: exit.map_or(0, |exit| exit.peak_rss_bytes),
            peak_memory_bytes: exit.and_then(|exit| exit.peak_memory_bytes),
            peak_disk_bytes: self.peak_disk_bytes,
            out: out.log,
            err: err.log,
            tail,
        }
    }
}

/// Takes secrets out of what orchestra itself says about an attempt: a task chooses names and addresses.
pub(super) fn discreet(end: &mut AttemptEnd, secrets: &Guard) {
    let patterns = secrets.patterns();
    if patterns.is_empty() {
        return;
    }
    let said = end.failure.iter_mut().map(|failure| &mut failure.message);
    let tried = end.denied.iter_mut().map(|denied| &mut denied.target);
    for text in said.chain(tried) {
        *text = patterns.redact(text);
    }
}

/// An attempt that produced nothing.
pub(super) fn silent(end: AttemptEnd) -> AttemptResult {
    AttemptResult {
        end,
        outputs: Map::new(),
        artifacts: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::secrets::{Secret, SecretError, SecretStore};
    use crate::stop::Stop;
    use protocol::outcome::FailureClass;

    struct Fixed;

    impl SecretStore for Fixed {
        fn get(
            &self,
            _name: &str,
            _stop: &Stop,
            _within: Duration,
        ) -> Result<Arc<Secret>, SecretError> {
            Ok(Arc::new(Secret::new(b"p4ss word").unwrap()))
        }
    }

    #[test]
    fn what_a_task_named_is_told_without_secrets() {
        let guard = Guard::new(Fixed);
        assert!(
            guard
                .grant(&["NAME".to_owned()], &Stop::new().unwrap(), Duration::MAX)
                .is_ok()
        );
        let failure = Failure::new(FailureClass::ToolFailed, "no `p4ss%20word` here");
        let ending = Ending::unstarted(SandboxLevel::Strict, failure, Duration::ZERO);
        let mut end = ending.with_output(Captured::default(), Captured::default());
        end.denied.push(DeniedAction {
            action: "write".into(),
            target: "/x/p4ss word/y".into(),
            times: 1,
        });
        discreet(&mut end, &guard);
        assert_eq!(end.failure.unwrap().message, "no `***` here");
        assert_eq!(end.denied[0].target, "/x/***/y");
    }
}
