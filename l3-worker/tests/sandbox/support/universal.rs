//! What must hold after every attempt, whatever it tried: U1 to U6 of the list of cases. (U7, that
//! it holds twenty times in a row, is `evals/soak sandbox`.)

use std::path::Path;

use protocol::outcome::FailureClass;
use protocol::policy::SandboxLevel;

use super::words::{Hello, Ran};

/// Descriptors a worker may hold more of than before: those of a fresh slot process.
const SLOT_DESCRIPTORS: i64 = 4;
/// A slot's directories: itself, home and workspace, and a place or two of its sandbox.
const SLOT_DIRECTORIES: usize = 6;

/// U3 to U6, and U2 where the sandbox was on.
#[track_caller]
pub fn check(hello: &Hello, secret: &str, asked: SandboxLevel, ran: &Ran) {
    let Ran { end, left, .. } = ran;
    assert!(left.processes.is_empty(), "U4: alive: {:?}", left.processes);
    assert!(!left.victim_dead, "a bystander was killed");
    assert!(left.mounts.is_empty(), "U5: mounts: {:?}", left.mounts);
    assert!(left.cgroups.is_empty(), "U5: groups: {:?}", left.cgroups);
    assert!(left.temporary.is_empty(), "U5: {:?}", left.temporary);
    assert!(
        left.descriptors <= SLOT_DESCRIPTORS,
        "U5: {} more descriptors",
        left.descriptors
    );
    let class = end.failure.as_ref().map(|failure| failure.class);
    let crashed = [FailureClass::Internal, FailureClass::WorkerLost];
    assert!(
        class.is_none_or(|class| !crashed.contains(&class)),
        "U6: {:?}",
        end.failure
    );
    if class != Some(FailureClass::SandboxUnavailable) {
        assert_eq!(
            end.level, asked,
            "the level in force is the level asked for"
        );
    }
    if asked == SandboxLevel::None {
        return;
    }
    assert!(left.work.len() <= SLOT_DIRECTORIES, "U5: {:?}", left.work);
    assert!(
        left.work.iter().all(|path| Path::new(path).is_dir()),
        "U5: {:?}",
        left.work
    );
    let result = serde_json::to_string(ran).unwrap();
    assert!(
        !result.contains(secret),
        "U2: the result tells the secret: {result}"
    );
    let told = holding(&hello.run, secret.as_bytes());
    assert!(told.is_empty(), "U2: these tell the secret: {told:?}");
    assert!(untouched(hello), "U3: a file outside was changed");
}

/// U3: what was outside is as it was.
pub fn untouched(hello: &Hello) -> bool {
    let names = fs_err::read_dir(&hello.out).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    let bashrc = fs_err::read(hello.home.join(".bashrc")).unwrap();
    names == ["target"]
        && fs_err::read(hello.out.join("target")).unwrap() == b"original\n"
        && bashrc == b"# mine\n"
}

/// Files beneath `dir` that hold these bytes.
fn holding(dir: &Path, bytes: &[u8]) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut queue = vec![dir.to_owned()];
    while let Some(dir) = queue.pop() {
        for entry in fs_err::read_dir(dir).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                queue.push(path);
            } else if kind.is_file() {
                let content = fs_err::read(&path).unwrap_or_default();
                if content.windows(bytes.len()).any(|window| window == bytes) {
                    found.push(path);
                }
            }
        }
    }
    found
}
