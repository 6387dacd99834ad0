//! What is staged arrives verified, and from where it may.

use protocol::policy::SandboxLevel;

use super::*;

fn sealed(path: &str, content: &[u8]) -> SealedFile {
    SealedFile {
        path: path.into(),
        bytes: content.len() as u64,
        sha256: Digest::of(content),
    }
}

struct Setup {
    _dir: tempfile::TempDir,
    run: PathBuf,
    workspace: PathBuf,
}

fn setup() -> Setup {
    let dir = tempfile::tempdir().unwrap();
    let [run, workspace] = ["run", "workspace"].map(|name| dir.path().join(name));
    fs_err::create_dir_all(run.join("artifacts/a/out/sub")).unwrap();
    fs_err::write(run.join("artifacts/a/out/x"), "x").unwrap();
    fs_err::write(run.join("artifacts/a/out/sub/y"), "y").unwrap();
    fs_err::create_dir(&workspace).unwrap();
    Setup {
        _dir: dir,
        run,
        workspace,
    }
}

impl Setup {
    fn stage(&self, to: &str, source: FileSource) -> Result<(), StageError> {
        stage(
            &[StagedFile {
                to: to.into(),
                source,
            }],
            &self.run,
            &self.workspace,
            &Constraints {
                level: SandboxLevel::Strict,
                ..Constraints::unconfined()
            },
        )
    }

    fn read(&self, path: &str) -> String {
        fs_err::read_to_string(self.workspace.join(path)).unwrap()
    }
}

fn one(file: SealedFile) -> FileSource {
    FileSource::Artifact {
        files: vec![file],
        directory: false,
        strip: String::new(),
    }
}

#[test]
fn files_and_directories_arrive_verified() {
    let setup = setup();
    setup
        .stage("in/first", one(sealed("artifacts/a/out/x", b"x")))
        .unwrap();
    let files = vec![
        sealed("artifacts/a/out/x", b"x"),
        sealed("artifacts/a/out/sub/y", b"y"),
    ];
    let strip = "artifacts/a/out".to_owned();
    setup
        .stage(
            "all/",
            FileSource::Artifact {
                files,
                directory: true,
                strip,
            },
        )
        .unwrap();
    assert_eq!(
        [
            setup.read("in/first"),
            setup.read("all/x"),
            setup.read("all/sub/y")
        ],
        ["x", "x", "y"]
    );
    let local = FileSource::Local {
        path: setup.run.display().to_string(),
    };
    setup.stage("copy", local).unwrap();
    assert_eq!(setup.read("copy/artifacts/a/out/sub/y"), "y");
}

#[test]
fn changed_bytes_missing_files_and_ways_out_are_refused() {
    let setup = setup();
    let changed = setup.stage("f", one(sealed("artifacts/a/out/x", b"other")));
    assert!(
        matches!(changed, Err(StageError::Corrupt { .. })),
        "{changed:?}"
    );
    let absent = setup.stage("f", one(sealed("artifacts/a/nope", b"")));
    assert!(
        matches!(absent, Err(StageError::Missing { .. })),
        "{absent:?}"
    );
    let directory = setup.stage("f", one(sealed("artifacts/a/out", b"")));
    assert!(
        matches!(directory, Err(StageError::Missing { .. })),
        "{directory:?}"
    );
    for to in ["../f", "/f", "a/../../f", "a\0"] {
        let out = setup.stage(to, one(sealed("artifacts/a/out/x", b"x")));
        assert!(matches!(out, Err(StageError::Outside(_))), "{to}: {out:?}");
    }
    let out = setup.stage("f", one(sealed("../run/artifacts/a/out/x", b"x")));
    assert!(matches!(out, Err(StageError::Outside(_))), "{out:?}");
    let local = setup.stage(
        "f",
        FileSource::Local {
            path: "/no/such".into(),
        },
    );
    assert!(
        matches!(local, Err(StageError::Missing { .. })),
        "{local:?}"
    );
}

#[test]
fn links_in_a_directory_stay_behind_and_pipes_are_not_waited_for() {
    let setup = setup();
    let input = setup.run.join("input");
    fs_err::create_dir_all(input.join("real")).unwrap();
    fs_err::write(input.join("real/file"), "file").unwrap();
    for (target, link) in [
        ("real", "dir"),
        ("real/file", "link"),
        ("/etc/passwd", "far"),
    ] {
        fs_err::os::unix::fs::symlink(target, input.join(link)).unwrap();
    }
    let pipe = (FileType::Fifo, Mode::RUSR);
    rustix::fs::mknodat(CWD, input.join("pipe"), pipe.0, pipe.1, 0).unwrap();
    let local = |path: &Path| FileSource::Local {
        path: path.display().to_string(),
    };
    setup.stage("in", local(&input)).unwrap();
    assert_eq!(setup.read("in/real/file"), "file");
    let entries = fs_err::read_dir(setup.workspace.join("in")).unwrap();
    assert_eq!(entries.count(), 1);
    for refused in ["link", "dir/file", "far"] {
        let staged = setup.stage("one", local(&input.join(refused)));
        assert!(matches!(staged, Err(StageError::Astray(_))), "{staged:?}");
    }
    let staged = setup.stage("one", local(&input.join("pipe")));
    assert!(
        matches!(staged, Err(StageError::Missing { .. })),
        "{staged:?}"
    );
    assert!(!setup.workspace.join("one").exists());
}
