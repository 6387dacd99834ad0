//! Small journals, made and read back.

use std::sync::Arc;

use l2_coordinator::journal::{End, MemoryDisk, ReadError, Reader, SyncMode, Writer};
use protocol::digest::Digest;
use protocol::event::{Event, EventKind, JOURNAL_VERSION, RunStarted};
use protocol::ids::LeaseId;
use protocol::outcome::RunOutcome;
use protocol::policy::SandboxLevel;
use protocol::time::Timestamp;
use serde_json::{Map, Value};

pub const RUN: &str = "0197f0e2-7c1a-7cc3-9d51-3a5a4be1c07a";

pub fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

pub fn started() -> EventKind {
    EventKind::RunStarted(Box::new(RunStarted {
        version: JOURNAL_VERSION,
        run_id: RUN.parse().unwrap(),
        scenario: "hello".parse().unwrap(),
        run_file: None,
        scenario_file: Digest::of(b"scenario"),
        policy: "default@0".to_owned(),
        policy_digest: Digest::of(b"policy"),
        coordinator: "c1".parse().unwrap(),
        slots: 2,
        level: SandboxLevel::None,
        trace_id: "0".repeat(32),
        orchestra: "0.1.0".to_owned(),
        retry_of: None,
        unplanned: None,
    }))
}

pub fn lease(n: u32) -> EventKind {
    EventKind::TaskLeased {
        task: format!("t{n}").parse().unwrap(),
        lease: LeaseId { epoch: 1, lease: n },
        worker: "w".parse().unwrap(),
    }
}

pub fn attempt(n: u32) -> EventKind {
    EventKind::AttemptStarted {
        task: format!("t{n}").parse().unwrap(),
        lease: LeaseId { epoch: 1, lease: n },
        attempt: 1,
    }
}

/// A `task.done` whose line is about `padding` bytes longer than it must be.
pub fn done(n: u32, padding: usize) -> EventKind {
    let mut outputs = Map::new();
    if padding > 0 {
        outputs.insert("text".to_owned(), Value::String("x".repeat(padding)));
    }
    let task = format!("t{n}").parse().unwrap();
    EventKind::TaskDone {
        task,
        attempt: 1,
        outputs,
        artifacts: Vec::new(),
    }
}

pub fn finished() -> EventKind {
    EventKind::RunFinished {
        outcome: RunOutcome::Completed,
        exit_code: 0,
        outputs: serde_json::Map::new(),
    }
}

/// A whole run of `tasks` tasks, four events each where it counts.
pub fn whole_run(tasks: u32) -> Vec<EventKind> {
    let mut kinds = vec![started()];
    for n in 1..=tasks {
        kinds.extend([lease(n), attempt(n), done(n, 0)]);
    }
    kinds.push(finished());
    kinds
}

/// The journal of [`whole_run`] as bytes.
pub fn bytes_of(kinds: Vec<EventKind>) -> Vec<u8> {
    let disk = Arc::new(MemoryDisk::new());
    let mut writer = Writer::create(disk.clone(), SyncMode::Inline).unwrap();
    writer.append(at(1), kinds).unwrap();
    writer.close().unwrap();
    disk.content()
}

pub fn read(bytes: &[u8]) -> Result<(Vec<Event>, End), ReadError> {
    let mut reader = Reader::new(bytes);
    let mut events = Vec::new();
    while let Some(event) = reader.next_event()? {
        events.push(event);
    }
    Ok((events, reader.finish()?))
}

/// Reads `disk` and goes on writing, as a resumed coordinator does; the events it starts from.
pub fn recover(disk: &Arc<MemoryDisk>) -> Result<(Vec<Event>, Writer), ReadError> {
    let (mut events, end) = read(&disk.content())?;
    let resumed = Writer::resume(disk.clone(), &end, at(9), SyncMode::Inline);
    let (writer, recovered) = resumed.expect("the disk works again");
    events.extend(recovered);
    Ok((events, writer))
}
