//! Real processes: one attempt from fresh workspace to sealed artifacts.
//!
//! Blocks its thread, by design: a slot is a thread of its own, and `poll` on five descriptors is
//! cheaper than any reactor between them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use protocol::outcome::{Failure, FailureClass};
use protocol::policy::{Guarantee, SandboxLevel};
use protocol::run_dir;
use serde_json::{Map, Value};

use super::api::{Attempt, AttemptResult, Executor};
use super::ending::{Ending, discreet, silent};
use super::observed::Watch;
use super::prepare::{Phase, Prepared, prepare, storage_failure};
use super::processes::Processes;
use super::pump::{Ended, OutputChunk, OutputObserver, Pipe, Pump, StreamName, Tap};
use super::verdict;
use super::{agent, bound};
use crate::artifacts::{Harvest, seal};
use crate::capture::{Captured, Stream};
use crate::launcher::{Launcher, Report, SlotProcess, make_room};
use crate::outputs;
use crate::secrets::Guard;
use crate::workspace::{Gauge, Paths, Scratch};

/// Reads from a pipe; its default capacity.
const READ_BYTES: usize = 64 * 1024;
/// A payload that ended has said what it had to say: what it left running gets a moment to tidy
/// up, no more.
const LEFTOVER_GRACE: Duration = Duration::from_secs(1);

/// What a command executor needs to know.
pub struct CommandOptions {
    /// The run's directory; exists.
    pub run_dir: PathBuf,
    /// `PATH` of every task.
    pub path: String,
    /// Attempts at once.
    pub slots: usize,
    /// Grants secrets, and keeps them out of everything that is told.
    pub secrets: Guard,
    /// Sees output while it comes.
    pub observer: Option<OutputObserver>,
    /// Told where every attempt is, on the slot's thread, before it goes on.
    pub on_phase: Option<Arc<dyn Fn(Phase) + Send + Sync>>,
}

/// Runs attempts as processes of a [`Launcher`], confined as their constraints say.
pub struct CommandExecutor {
    launcher: Launcher,
    options: CommandOptions,
    slots: Vec<Mutex<Slot>>,
}

/// What came of a started attempt.
struct Watched {
    report: Option<Report>,
    ended: Option<Ended>,
    degraded: Vec<Guarantee>,
}

struct Slot {
    processes: Processes,
    scratch: Scratch,
    buffer: Box<[u8]>,
}

impl CommandExecutor {
    /// Makes room for `options.slots` attempts; starts nothing.
    ///
    /// # Errors
    /// The run directory cannot be written, or so many slots need more open files than allowed.
    pub fn new(launcher: Launcher, options: CommandOptions) -> io::Result<Self> {
        make_room(options.slots)?;
        fs_err::create_dir_all(options.run_dir.join(run_dir::LOGS))?;
        let work = options.run_dir.join(run_dir::WORK);
        let slot = |number: usize| Slot {
            processes: Processes::default(),
            scratch: Scratch::new(work.clone(), format!("slot{number}")),
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
        };
        let slots = (0..options.slots)
            .map(|number| Mutex::new(slot(number)))
            .collect();
        Ok(Self {
            launcher,
            options,
            slots,
        })
    }

    fn phase(&self, phase: Phase) {
        if let Some(on_phase) = &self.options.on_phase {
            on_phase(phase);
        }
    }

    fn show(&self, attempt: Attempt<'_>, stream: StreamName, bytes: &[u8]) {
        if let Some(observer) = &self.options.observer
            && !bytes.is_empty()
        {
            observer(&OutputChunk {
                task: &attempt.task.task_id,
                attempt: attempt.number,
                stream,
                bytes,
            });
        }
    }

    fn attempt(&self, attempt: Attempt<'_>) -> AttemptResult {
        let mut slot = self.slots[attempt.slot]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let slot = &mut *slot;
        let begun = Instant::now();
        self.phase(Phase::Staging);
        let prepared = slot
            .scratch
            .fresh()
            .map_err(|error| storage_failure("workspace", &error))
            .and_then(|paths| Ok((self.prepare(attempt, &paths)?, paths)));
        let mut result = match prepared {
            Ok((prepared, paths)) => {
                let result = self.run(attempt, slot, &prepared, &paths, begun);
                // Before anybody hears of the result: the next task may need the place.
                drop(prepared.guests);
                result
            }
            Err(failure) => {
                let level = attempt.task.constraints.level;
                let ending = Ending::unstarted(level, failure, begun.elapsed());
                silent(ending.with_output(Captured::default(), Captured::default()))
            }
        };
        discreet(&mut result.end, &self.options.secrets);
        if let Err(error) = slot.scratch.release() {
            tracing::warn!(%error, "workspace not removed");
        }
        result
    }

    fn prepare(&self, attempt: Attempt<'_>, paths: &Paths) -> Result<Prepared, Failure> {
        let (run_dir, path) = (&self.options.run_dir, &self.options.path);
        // Whoever waits for a secret waits no longer than the attempt may take.
        let wall = attempt.task.constraints.timeout.wall_ms;
        let within = wall.map_or(Duration::MAX, Duration::from_millis);
        let granted = self
            .options
            .secrets
            .grant(&attempt.task.secrets, attempt.stop, within)?;
        prepare(
            attempt.task,
            attempt.number,
            paths,
            run_dir,
            path,
            LEFTOVER_GRACE,
            &granted,
        )
    }

    fn run(
        &self,
        attempt: Attempt<'_>,
        slot: &mut Slot,
        prepared: &Prepared,
        paths: &Paths,
        begun: Instant,
    ) -> AttemptResult {
        let Attempt { task, number, .. } = attempt;
        let log = run_dir::stdout_log(&task.task_id, number);
        let mut streams = [log.clone(), run_dir::stderr_log(&task.task_id, number)].map(|log| {
            let path = self.options.run_dir.join(log);
            Stream::new(
                path,
                task.constraints.output_bytes,
                self.options.secrets.filter(),
            )
        });
        let limits = &task.constraints.limits;
        let mut gauge = Gauge::new(&paths.root, Paths::DIRECTORIES, limits, Instant::now());
        let declared = Watch::begin(&task.constraints, task.project.as_deref());
        let watched = self.watch(attempt, slot, prepared, &mut streams, &mut gauge);
        let writes = declared.end();
        let wall = begun.elapsed();
        let [out, err] = streams;
        let (out, out_refused) = out.finish(|rest| self.show(attempt, StreamName::Out, rest));
        let (err, err_refused) = err.finish(|rest| self.show(attempt, StreamName::Err, rest));
        let level = task.constraints.level;
        let watched = match watched {
            Ok(watched) => watched,
            // What it wrote so far is kept, and told of.
            Err(failure) => {
                return silent(Ending::unstarted(level, failure, wall).with_output(out, err));
            }
        };
        let Watched {
            report,
            ended,
            degraded,
        } = watched;
        let program = task.argv.first().map_or("", String::as_str);
        let refused = out_refused.or(err_refused);
        let mut failure = verdict::judge(
            report.as_ref(),
            ended,
            program,
            &task.constraints,
            gauge.peak,
            [&out, &err],
        )
        .or_else(|| refused.map(|error| storage_failure("output", &error)));
        let mut produced = (Map::new(), Vec::new());
        if failure.is_none() {
            self.phase(Phase::Sealing);
            match self.collect(attempt, slot, paths, &prepared.workspace) {
                Ok(found) => produced = found,
                Err(found) => failure = Some(found),
            }
        }
        let exit = match report {
            Some(Report::Exited(exit)) => Some(exit),
            _ => None,
        };
        let coped_with = match (&exit, &failure) {
            (Some(exit), None) => bound::coped_with(exit, &task.constraints),
            _ => Vec::new(),
        };
        let ending = Ending {
            coped_with,
            level,
            degraded,
            exit,
            failure,
            wall,
            peak_disk_bytes: gauge.is_wanted().then_some(gauge.peak.bytes),
            writes,
            agent_denied: agent::denied(&self.options.run_dir.join(log), &out),
        };
        AttemptResult {
            end: ending.with_output(out, err),
            outputs: produced.0,
            artifacts: produced.1,
        }
    }

    /// Starts the payload and stays with it until its tree is dead.
    fn watch(
        &self,
        attempt: Attempt<'_>,
        slot: &mut Slot,
        prepared: &Prepared,
        streams: &mut [Stream; 2],
        gauge: &mut Gauge<'_>,
    ) -> Result<Watched, Failure> {
        let Attempt { task, stop, .. } = attempt;
        let internal = |what: &str, error: &io::Error| {
            Failure::new(FailureClass::Internal, format!("{what}: {error}"))
        };
        let pipe = || Pipe::new().map_err(|error| internal("no pipe", &error));
        let pipes = [pipe()?, pipe()?];
        self.phase(Phase::Running);
        if stop.level().is_some() {
            // Ordered while inputs were staged: a program that never ran needs no grace.
            return Err(Failure::new(FailureClass::Cancelled, "cancelled"));
        }
        slot.processes
            .start(
                &self.launcher,
                &prepared.confinement,
                &prepared.spawn,
                &pipes,
            )
            .map_err(|error| match error.kind() {
                io::ErrorKind::ArgumentListTooLong => {
                    verdict::spawn_failure("", rustix::io::Errno::TOOBIG.raw_os_error())
                }
                _ => internal("no process to run in", &error),
            })?;
        let Some(process) = slot.processes.current() else {
            return Err(Failure::new(FailureClass::Internal, "no process to run in"));
        };
        let show = |stream, bytes: &[u8]| self.show(attempt, stream, bytes);
        let [out_pipe, err_pipe] = pipes;
        let [out, err] = streams;
        let (report, ended) = Pump {
            process,
            taps: [
                Tap {
                    name: StreamName::Out,
                    pipe: out_pipe,
                    stream: out,
                },
                Tap {
                    name: StreamName::Err,
                    pipe: err_pipe,
                    stream: err,
                },
            ],
            stop,
            timeout: task.constraints.timeout,
            grace: Duration::from_millis(task.constraints.grace_ms),
            buffer: &mut slot.buffer,
            show: &show,
            gauge,
            ended: None,
            started: Instant::now(),
        }
        .run();
        let degraded = slot
            .processes
            .current()
            .map_or_else(Vec::new, |process| process.degraded().to_vec());
        let lost = |slot: &mut Slot| slot.processes.take_current();
        let proven_dead = match &report {
            Some(Report::Exited(exit)) if exit.tree_dead => true,
            Some(Report::SpawnFailed { .. }) => true,
            // The slot process gave up and leaves what survives to the launcher.
            Some(Report::Exited(_)) => {
                drop(lost(slot));
                true
            }
            // Where it could not be set up, a later one may find things mended.
            Some(Report::Lost | Report::Unavailable(_)) => lost(slot).is_none_or(SlotProcess::bury),
            None => lost(slot).is_none_or(|process| self.launcher.end(process)),
        };
        if !proven_dead {
            let message = "a process of the attempt survives SIGKILL";
            return Err(Failure::new(FailureClass::Internal, message));
        }
        let untouched = slot.scratch.untouched();
        let last = || gauge.last_look(untouched).map(Ended::Exceeded);
        Ok(Watched {
            report,
            ended: ended.or_else(last),
            degraded,
        })
    }

    /// Outputs and artifacts of a program that succeeded.
    fn collect(
        &self,
        attempt: Attempt<'_>,
        slot: &mut Slot,
        paths: &Paths,
        workspace: &Path,
    ) -> Result<(Map<String, Value>, Vec<protocol::artifact::Artifact>), Failure> {
        let task = attempt.task;
        let invalid = |message: String| Failure::new(FailureClass::InvalidOutput, message);
        let written = (!slot.scratch.home_untouched()).then_some(paths.output.as_path());
        let secrets = self.options.secrets.patterns();
        let limit = task.constraints.outputs_bytes;
        let outputs = outputs::collect(written, &task.outputs, limit, &secrets).map_err(invalid)?;
        let sealed = seal(&Harvest {
            declared: &task.artifacts,
            workspace,
            run_dir: &self.options.run_dir,
            task: &task.task_id,
            attempt: attempt.number,
            limits: &task.constraints,
            secrets: &secrets,
        });
        let artifacts = sealed.map_err(|error| verdict::seal_failure(&error))?;
        Ok((outputs, artifacts))
    }
}

#[async_trait]
impl Executor for CommandExecutor {
    fn level(&self) -> SandboxLevel {
        SandboxLevel::Strict
    }

    fn blocks(&self) -> bool {
        true
    }

    async fn execute(&self, attempt: Attempt<'_>) -> AttemptResult {
        self.attempt(attempt)
    }
}
