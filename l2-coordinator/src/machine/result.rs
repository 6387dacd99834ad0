//! Results: the one way a task ends by its own work.

use protocol::artifact::Artifact;
use protocol::event::{AttemptEnd, EventKind, LeaseEnd};
use protocol::message::{TaskOutcome, TaskResult};
use protocol::outcome::{Failure, FailureClass};
use protocol::plan::TaskIndex;
use protocol::policy::Constraints;
use protocol::run_dir;
use protocol::state::{Phase, TaskState};
use serde_json::{Map, Value};

use super::effect::{Decision, Effect, Gate};
use super::input::RequestId;
use super::leases::MAX_LATE;
use super::value::Machine;

impl Machine {
    pub(super) fn result(&self, id: RequestId, result: &TaskResult) -> Decision {
        let ack = |decision: Decision| decision.effect(Gate::Decision, Effect::AckResult(id));
        match self.current(&result.token, &result.worker) {
            Some(task) => ack(self.settle_result(task, result)),
            None => ack(self.late(result)),
        }
    }

    /// A result whose token is not current changes no task. It is recorded, unless it is only the
    /// bus telling again what is known, or the run is over.
    fn late(&self, result: &TaskResult) -> Decision {
        let Some(task) = self.task_of(&result.token) else {
            return Decision::default();
        };
        let lease = result.token.lease;
        let was_granted = lease.lease > 0
            && (1..=self.run.epoch()).contains(&lease.epoch)
            && (lease.epoch < self.run.epoch() || lease.lease <= self.leases.last);
        let is_known = self.leases.settled.get(&task) == Some(&lease)
            || self.leases.late.contains(&(task, lease));
        let is_open = matches!(
            self.run.phase(),
            Phase::Running | Phase::Paused | Phase::Cancelling
        );
        if is_known || !is_open || !was_granted || self.leases.late.len() >= MAX_LATE {
            return Decision::default();
        }
        Decision::default().event(EventKind::ResultLate {
            task: result.token.task.clone(),
            lease,
            worker: result.worker.clone(),
        })
    }

    fn settle_result(&self, task: TaskIndex, result: &TaskResult) -> Decision {
        let token = &result.token;
        let running = match self.run.task(task).state {
            TaskState::Running { attempt, .. } => Some(attempt),
            _ => None,
        };
        match &result.outcome {
            TaskOutcome::HandedBack => {
                let mut decision = Decision::default();
                self.lose(task, LeaseEnd::HandedBack, &mut decision);
                decision
            }
            TaskOutcome::Done {
                attempt,
                end,
                outputs,
                artifacts,
            } if running == Some(*attempt) => {
                let problem = self.check_done(task, end, outputs, artifacts);
                match problem {
                    None => self.ended(Decision::default(), token, *attempt, end).event(
                        EventKind::TaskDone {
                            task: token.task.clone(),
                            attempt: *attempt,
                            outputs: outputs.clone(),
                            artifacts: artifacts.clone(),
                        },
                    ),
                    Some(failure) => {
                        let mut end = end.clone();
                        end.failure = Some(failure);
                        self.fail(task, result, *attempt, &end)
                    }
                }
            }
            TaskOutcome::Failed { attempt, end } if running == Some(*attempt) => {
                self.fail(task, result, *attempt, end)
            }
            TaskOutcome::Yield {
                attempt,
                end,
                retry_after_ms,
            } if running == Some(*attempt) => {
                self.hand_back(task, result, *attempt, end, *retry_after_ms)
            }
            TaskOutcome::Done { .. } | TaskOutcome::Failed { .. } | TaskOutcome::Yield { .. } => {
                // The token is current but the attempt is not the one that runs. The lease ends, so
                // that the task is not held for ever.
                let mut decision = Decision::default();
                self.lose(task, self.out_of_step(token.lease), &mut decision);
                decision
            }
        }
    }

    fn fail(
        &self,
        task: TaskIndex,
        result: &TaskResult,
        attempt: u32,
        end: &AttemptEnd,
    ) -> Decision {
        let token = &result.token;
        let failure = end.failure.clone().unwrap_or_else(|| {
            Failure::new(
                FailureClass::Internal,
                "a failure was reported without its class",
            )
        });
        let end = AttemptEnd {
            failure: Some(failure.clone()),
            ..end.clone()
        };
        let decision = self.ended(Decision::default(), token, attempt, &end);
        let shown = token.task.clone();
        match (failure.class, self.run.phase()) {
            (FailureClass::Cancelled, Phase::Cancelling) => {
                decision.event(EventKind::TaskCancelled { task: shown })
            }
            // Stopped because the coordinator paused: the task goes on after a resume.
            (FailureClass::Cancelled, _) => decision.event(EventKind::AttemptRetrying {
                task: shown,
                attempt: attempt + 1,
                delay_ms: 0,
                in_place: false,
            }),
            _ => decision.event(EventKind::TaskFailed {
                task: shown,
                attempts: attempt,
                failure,
                tolerated: self.run.is_tolerated(task),
            }),
        }
    }

    fn hand_back(
        &self,
        task: TaskIndex,
        result: &TaskResult,
        attempt: u32,
        end: &AttemptEnd,
        retry_after_ms: u64,
    ) -> Decision {
        let record = self.run.task(task);
        let retry = self.run.bounds(task).retry.unwrap_or_default();
        let left = retry.max.saturating_sub(record.failed_attempts);
        if left == 0 || end.failure.is_none() {
            return self.fail(task, result, attempt, end);
        }
        let decision = self.ended(Decision::default(), &result.token, attempt, end);
        if *self.run.phase() == Phase::Cancelling {
            return decision.event(EventKind::TaskCancelled {
                task: result.token.task.clone(),
            });
        }
        decision.event(EventKind::AttemptRetrying {
            task: result.token.task.clone(),
            attempt: attempt + 1,
            delay_ms: retry_after_ms.min(retry.max_delay_ms),
            in_place: false,
        })
    }

    /// What a worker says about a success is checked before it becomes a fact.
    fn check_done(
        &self,
        task: TaskIndex,
        end: &AttemptEnd,
        outputs: &Map<String, Value>,
        artifacts: &[Artifact],
    ) -> Option<Failure> {
        if let Some(failure) = &end.failure {
            return Some(failure.clone());
        }
        let size = serde_json::to_vec(outputs).map_or(usize::MAX, |bytes| bytes.len());
        if size as u64 > Constraints::OUTPUTS_BYTES {
            let message =
                format!("outputs of {size} bytes are too large; write an artifact instead");
            return Some(Failure::new(FailureClass::InvalidOutput, message));
        }
        let home = format!("{}/", run_dir::artifact_dir(&self.run.id(task)));
        let stray = artifacts
            .iter()
            .flat_map(|artifact| &artifact.files)
            .find(|file| {
                let rest = file.path.strip_prefix(&home);
                rest.is_none_or(|rest| {
                    rest.is_empty()
                        || rest.contains('\0')
                        || rest.split('/').any(|part| matches!(part, "" | "." | ".."))
                })
            });
        stray.map(|file| {
            let message = format!(
                "artifact file {:?} is outside its task's directory",
                file.path
            );
            Failure::new(FailureClass::Internal, message)
        })
    }
}
