//! Many files at once.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::repository::{audit, holds, repository};
use crate::support::Place;

const FILES: usize = 50_000;

#[test]
fn fifty_thousand_files() {
    let place = Place::new();
    let root = repository(&place, "true");
    let mut stream =
        String::from("commit refs/heads/main\ncommitter a <a@b> 1700000000 +0000\ndata 1\nx\n");
    for n in 0..FILES {
        let text = format!("{n}\n// TODO\n");
        writeln!(
            stream,
            "M 644 inline {}/{}/file{n}.rs\ndata {}\n{text}",
            n / 2500,
            n / 50,
            text.len()
        )
        .unwrap();
    }
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(&root)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    import
        .stdin
        .take()
        .unwrap()
        .write_all(stream.as_bytes())
        .unwrap();
    assert!(import.wait().unwrap().success());

    let page = audit(&place, &root);
    holds(
        &page,
        &[
            "- Files: 50000\n",
            "   100000 lines  50000 files  Rust\n",
            "50000 blobs in history",
            "Lines with TODO, FIXME, XXX or HACK: 50000; files: 50000.",
        ],
    );
}
