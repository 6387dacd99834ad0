//! Files in, artifacts and outputs out, with hostile workspaces.

use protocol::artifact::SealedFile;
use protocol::digest::Digest;
use protocol::message::{FileSource, StagedFile};
use protocol::outcome::{Bound, FailureClass};
use protocol::plan::OutputType;
use serde_json::json;

use crate::support::bench::{Bench, argv, artifacts, failed, message, sh};

fn paths(result: &l3_worker::AttemptResult) -> Vec<&str> {
    result
        .artifacts
        .iter()
        .flat_map(|artifact| &artifact.files)
        .map(|file| file.path.as_str())
        .collect()
}

#[test]
fn files_and_directories_are_sealed_under_their_own_paths() {
    let bench = Bench::new();
    let script =
        "mkdir -p out/sub; echo '# r' > out/report.md; echo x > out/sub/x; echo top > top.txt";
    let task = artifacts(
        sh(script),
        [
            ("all", "out/"),
            ("report", "out/report.md"),
            ("top", "top.txt"),
        ],
    );
    let result = bench.run(&task);
    assert_eq!(result.end.failure, None);
    let [all, report, top] = result.artifacts.as_slice() else {
        panic!("{result:?}")
    };
    assert_eq!((all.directory, all.files.len(), all.bytes()), (true, 2, 6));
    assert_eq!(
        (report.media_type.as_str(), top.media_type.as_str()),
        ("text/markdown", "text/plain")
    );
    let expected = SealedFile {
        path: "artifacts/t/top.txt".into(),
        bytes: 4,
        sha256: Digest::of(b"top\n"),
    };
    assert_eq!(top.files, [expected]);
    assert_eq!(
        fs_err::read(bench.path("artifacts/t/out/sub/x")).unwrap(),
        b"x\n"
    );
    let tree = ["out", "out/report.md", "out/sub", "out/sub/x", "top.txt"]
        .map(|path| format!("artifacts/t/{path}"));
    assert_eq!(bench.tree("artifacts/t"), tree);
}

#[test]
fn only_regular_files_beneath_the_workspace_are_collected() {
    let bench = Bench::new();
    let script = "mkdir -p out; ln -s /etc/passwd out/link; ln -s /proc/self/environ out/env; \
        ln -s ../../../../../etc/hosts out/rel; ln -s /etc out/dir; ln -s out/loop out/loop; \
        mkfifo out/fifo; echo ok > out/real; ln out/real out/hard";
    let result = bench.run(&artifacts(sh(script), [("all", "out/**")]));
    assert_eq!(result.end.failure, None);
    assert_eq!(
        paths(&result),
        ["artifacts/t/out/hard", "artifacts/t/out/real"]
    );
    assert_eq!(result.artifacts[0].left_out, 6, "and that is said");
    assert_eq!(bench.tree("artifacts").len(), 4);
}

#[test]
fn what_cannot_be_sealed_fails_the_attempt_and_leaves_nothing() {
    let bench = Bench::new();
    let script = "mkdir -p out/real; ln -s /etc out/d; ln -s /proc/self out/hop; ln -s real out/in; \
        mkfifo out/fifo; ln -s /etc/passwd out/link; echo x > out/real/f; echo good > good; \
        touch \"$(printf 'out/real/\\377')\"";
    let cases = [
        ("out/d/passwd", "symbolic link"),
        ("out/hop/environ", "symbolic link"),
        ("out/in/f", "symbolic link"),
        ("out/link", "symbolic link"),
        ("out/fifo", "not a regular file"),
        ("absent", "was not produced"),
        ("good/", "is not a directory"),
        ("../t", "leaves the workspace"),
        ("/etc/passwd", "leaves the workspace"),
        ("out/real/", "not UTF-8"),
    ];
    for (path, why) in cases {
        let result = bench.run(&artifacts(sh(script), [("a_good", "good"), ("bad", path)]));
        assert_eq!(failed(&result).0, FailureClass::ArtifactMissing, "{path}");
        assert!(
            message(&result).contains(why),
            "{path}: {}",
            message(&result)
        );
        assert_eq!(bench.tree("artifacts"), [""; 0], "{path}");
        assert_eq!(result.artifacts, []);
    }
}

#[test]
fn sparse_giants_and_too_many_files_are_refused_unread() {
    let bench = Bench::new();
    let giant = artifacts(
        sh("mkdir out; truncate -s 1T out/sparse"),
        [("out", "out/")],
    );
    let result = bench.run(&giant);
    assert_eq!(
        failed(&result),
        (FailureClass::LimitExceeded, Some(Bound::Disk))
    );
    let mut many = artifacts(sh("mkdir out; cd out; touch 1 2 3 4"), [("out", "out/")]);
    many.constraints.artifact_files = 3;
    assert_eq!(
        failed(&bench.run(&many)),
        (FailureClass::LimitExceeded, Some(Bound::Files))
    );
    let mut bytes = artifacts(
        sh("printf 123 > a; printf 456 > b"),
        [("a", "a"), ("b", "b")],
    );
    bytes.constraints.artifact_bytes = 5;
    assert_eq!(
        failed(&bench.run(&bytes)),
        (FailureClass::LimitExceeded, Some(Bound::Disk))
    );
    bytes.constraints.artifact_bytes = 6;
    assert_eq!(bench.run(&bytes).end.failure, None);
}

#[test]
fn the_list_of_files_fits_in_a_message() {
    let bench = Bench::new();
    let long = "x".repeat(200);
    let script = format!("mkdir out; cd out; for i in $(seq 1000); do : > $i-{long}; done");
    let result = bench.run(&artifacts(sh(&script), [("out", "out/")]));
    assert_eq!(
        failed(&result),
        (FailureClass::LimitExceeded, Some(Bound::Files))
    );
    assert!(message(&result).contains("archive"), "{}", message(&result));
    let result = bench.run(&artifacts(
        sh("mkdir out; cd out; touch $(seq 1000)"),
        [("out", "out/")],
    ));
    assert_eq!(result.artifacts[0].files.len(), 1000);
    let listed = serde_json::to_vec(&result.artifacts).unwrap();
    assert!(listed.len() < 160 * 1024, "{}", listed.len());
}

#[test]
fn a_socket_is_no_artifact_and_blocks_nothing() {
    let bench = Bench::new();
    // A socket of the test's own, moved in by the task: no tool is needed to make one.
    let listener = std::os::unix::net::UnixListener::bind(bench.path("sock")).unwrap();
    let mut task = artifacts(argv(&["mv", "sock", "placed"]), [("s", "placed")]);
    task.argv[1] = bench.path("sock").display().to_string();
    let result = bench.run(&task);
    assert_eq!(failed(&result).0, FailureClass::ArtifactMissing);
    assert!(
        message(&result).contains("not a regular file"),
        "{}",
        message(&result)
    );
    drop(listener);
}

#[test]
fn strange_but_textual_names_survive() {
    let bench = Bench::new();
    let script = "mkdir out; cd out; touch -- '-rf' 'a\"b' \"$(printf 'new\\nline')\" \"$(printf '\\342\\200\\256x')\"";
    let result = bench.run(&artifacts(sh(script), [("out", "out/")]));
    assert_eq!(result.end.failure, None);
    let expected =
        ["-rf", "a\"b", "new\nline", "\u{202e}x"].map(|name| format!("artifacts/t/out/{name}"));
    assert_eq!(paths(&result), expected);
}

#[test]
fn a_later_attempt_replaces_what_an_unfinished_one_left() {
    let bench = Bench::new();
    bench.run(&artifacts(
        sh("echo 1 > a; echo 1 > b"),
        [("a", "a"), ("b", "b")],
    ));
    bench.run(&artifacts(sh("echo 2 > a"), [("a", "a")]));
    assert_eq!(bench.tree("artifacts/t"), ["artifacts/t/a"]);
    assert_eq!(fs_err::read(bench.path("artifacts/t/a")).unwrap(), b"2\n");
}

#[test]
fn sealed_files_are_staged_into_the_next_task_and_checked() {
    let bench = Bench::new();
    let made = bench.run(&artifacts(
        sh("mkdir out; echo one > out/one; echo two > out/two"),
        [("out", "out/")],
    ));
    let files = made.artifacts[0].files.clone();
    let source = FileSource::Artifact {
        files,
        directory: true,
        strip: "artifacts/t/out".into(),
    };
    let mut task = sh("cat in/one in/two; mkdir -p deep; pwd | grep -c '/sub/dir$'");
    task.files = vec![StagedFile {
        to: "sub/dir/in/".into(),
        source,
    }];
    task.working_dir = Some("sub/dir".into());
    assert_eq!(bench.run(&task).end.failure, None);
    assert_eq!(bench.log("out"), b"one\ntwo\n1\n");

    fs_err::write(bench.path("artifacts/t/out/two"), "tampered").unwrap();
    let result = bench.run(&task);
    assert_eq!(failed(&result).0, FailureClass::ArtifactCorrupt);
    fs_err::remove_file(bench.path("artifacts/t/out/two")).unwrap();
    assert_eq!(failed(&bench.run(&task)).0, FailureClass::InputMissing);
}

#[test]
fn a_program_stays_a_program() {
    let bench = Bench::new();
    let script = "printf '#!/bin/sh\\necho ran' > tool; chmod 4755 tool; echo x > data";
    let made = bench.run(&artifacts(sh(script), [("data", "data"), ("tool", "tool")]));
    let staged = |index: usize, to: &str| {
        let files = made.artifacts[index].files.clone();
        let source = FileSource::Artifact {
            files,
            directory: false,
            strip: String::new(),
        };
        StagedFile {
            to: to.into(),
            source,
        }
    };
    let mut task = sh("./bin/tool; stat -c %a bin/tool data");
    task.files = vec![staged(0, "data"), staged(1, "bin/tool")];
    assert_eq!(bench.run(&task).end.failure, None);
    assert_eq!(bench.log("out"), b"ran\n755\n644\n");
}

#[test]
fn outputs_are_typed_and_bounded() {
    let bench = Bench::new();
    let with = |script: &str| {
        let mut task = sh(script);
        task.outputs = [
            ("count".to_owned(), OutputType::Int),
            ("note".to_owned(), OutputType::String),
        ]
        .into();
        task
    };
    let good =
        "echo count=3 >> $ORCHESTRA_OUTPUT; printf 'note<<E\\na\\nb\\nE\\n' >> $ORCHESTRA_OUTPUT";
    let result = bench.run(&with(good));
    assert_eq!(
        serde_json::Value::Object(result.outputs),
        json!({"count": 3, "note": "a\nb"})
    );
    let cases = [
        ("true", "`count` is not set; `note` is not set"),
        ("echo count=x > $ORCHESTRA_OUTPUT", "not a whole number"),
        (
            "head -c 70000 /dev/zero > $ORCHESTRA_OUTPUT",
            "more than 65536 bytes",
        ),
        ("ln -s /etc/passwd $ORCHESTRA_OUTPUT", "$ORCHESTRA_OUTPUT"),
        ("mkfifo $ORCHESTRA_OUTPUT", "not a regular file"),
        ("rm -r $HOME; touch ../home", "$ORCHESTRA_OUTPUT"),
    ];
    for (script, why) in cases {
        let result = bench.run(&with(script));
        assert_eq!(failed(&result).0, FailureClass::InvalidOutput, "{script}");
        assert!(
            message(&result).contains(why),
            "{script}: {}",
            message(&result)
        );
    }
    let undeclared = bench.run(&sh("echo x=1 > $ORCHESTRA_OUTPUT"));
    assert!(message(&undeclared).contains("`x` is not a declared output"));
}
