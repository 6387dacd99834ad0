//! What models were asked and answered, against what the journal says was paid for.

use std::io;
use std::path::Path;

use protocol::run_dir;

use super::findings::{Code, Verification};
use super::ledger::Ledger;
use super::tree;

/// Each settled reply is in the file that is named by its digest. A file that no event names is no
/// problem: a process that died between keeping a reply and telling of it leaves one.
pub(super) fn check_calls(dir: &Path, ledger: &Ledger, found: &mut Verification) -> io::Result<()> {
    for expected in &ledger.calls {
        let path = run_dir::call_file(*expected);
        let named = format!("SHA-256 {expected}");
        match tree::hash(dir, &path)? {
            Some((_, digest)) if digest == *expected => {}
            Some((_, digest)) => {
                let there = format!("SHA-256 {digest}");
                found.problem(Code::CallChanged, path, named, there);
            }
            None => found.problem(Code::CallMissing, path, named, "nothing"),
        }
    }
    Ok(())
}
