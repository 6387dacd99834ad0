//! What follows `run.finished`: manifest, reports, seal. All of it can be made again from the journal,
//! so a crash in between is mended by `resume`.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use l2_coordinator::journal::write_seal;
use protocol::digest::{Digest, HashingWriter};
use protocol::event::Chain;
use protocol::ids::RunId;
use protocol::run_dir;
use protocol::seal::{Seal, UserKey};
use serde_json::json;

use super::phases::{Moment, reached};
use crate::cli::error::CliError;
use crate::report::{Redactor, RunSummary, Standing, html, json, junit, manifest, markdown};
use crate::runs::{RunEntry, Status, Stored};
use crate::settings;

/// Writes everything that closes a finished run, the seal last.
///
/// # Errors
/// The disk takes no more.
pub fn close(
    dir: &Path,
    stored: &Stored,
    run: RunId,
    end: Chain,
    key: &UserKey,
) -> Result<Seal, CliError> {
    reached(Moment::Reporting);
    // An attempt may have sealed what no event took any more.
    let cleared = clear_leftovers(dir, &stored.summary);
    let closed = cleared
        .and_then(|()| write_reports(dir, stored))
        .and_then(|()| {
            let seal = key.seal(run, end);
            write_seal(dir, &seal)?;
            Ok(seal)
        });
    closed.map_err(|error| {
        CliError::not_ready(
            "run-unclosed",
            "the run is over, but its reports cannot be written",
        )
        .because(error)
        .hint("`orchestra resume` with this run writes them")
    })
}

/// Writes the reports and the seal of a finished run where a crash left none.
///
/// # Errors
/// The disk takes no more, or there is no key to seal with.
pub fn mend(dir: &Path, stored: &Stored) -> Result<(), CliError> {
    let Some((_, started)) = &stored.summary.started else {
        return Ok(());
    };
    if dir.join(run_dir::SEAL).exists() {
        return Ok(());
    }
    // Its last event may be written and not synced: nothing is said about it, and no seal vouches for
    // it, before it is certain.
    let synced = fs_err::File::open(dir.join(run_dir::EVENTS))
        .and_then(|journal| journal.sync_all())
        .and_then(|()| fs_err::File::open(dir)?.sync_all());
    synced.map_err(|error| {
        CliError::not_ready("journal-unsynced", "the journal cannot be synced").because(error)
    })?;
    let key = l2_coordinator::load_or_create_key(&settings::user_key()?).map_err(|error| {
        CliError::not_ready("key-unusable", "your signing key cannot be used").because(error)
    })?;
    close(dir, stored, started.run_id, stored.end, &key).map(drop)
}

/// Removes workspaces and the artifacts of tasks that are not done. Call it while nothing of the run
/// lives.
///
/// # Errors
/// The kernel refuses.
pub fn clear_leftovers(dir: &Path, summary: &RunSummary) -> io::Result<()> {
    let done = summary
        .tasks
        .iter()
        .filter(|task| task.standing == Standing::Done);
    let done = done.map(|task| task.id.clone()).collect();
    l3_worker::clear_leftovers(dir, &done)
}

fn write_reports(dir: &Path, stored: &Stored) -> io::Result<()> {
    for name in run_dir::REPORTS {
        let temporary = dir.join(format!("{name}.tmp"));
        let mut file = BufWriter::new(fs_err::File::create(&temporary)?);
        render(stored, name, &mut file)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        fs_err::rename(&temporary, dir.join(name))?;
    }
    fs_err::File::open(dir)?.sync_all()
}

fn render(stored: &Stored, name: &str, out: &mut impl io::Write) -> io::Result<()> {
    let summary: &RunSummary = &stored.summary;
    match name {
        run_dir::MANIFEST => manifest::write(summary, out),
        run_dir::REPORT_JSON => json::write(summary, stored.plan.as_deref(), out),
        run_dir::JUNIT => junit::write(summary, UNREDACTED, out),
        run_dir::REPORT_HTML => {
            let page = html::render(summary, stored.plan.as_ref(), None, UNREDACTED);
            out.write_all(page.map_err(io::Error::other)?.as_bytes())
        }
        _ => {
            let text = markdown::render(summary, stored.plan.as_ref(), None, UNREDACTED);
            out.write_all(text.as_bytes())
        }
    }
}

/// Files are never redacted: placeholders are for snapshots of what is printed.
const UNREDACTED: Redactor = Redactor::new(false);

/// SHA-256 of what this orchestra renders as the file `name`; none for a file that is no report, or
/// when another version began the run.
///
/// # Errors
/// None in practice: nothing is written.
pub fn rendered_digest(stored: &Stored, name: &str) -> io::Result<Option<Digest>> {
    let started = stored.summary.started.as_ref();
    let is_ours = started.is_some_and(|(_, own)| own.orchestra == env!("CARGO_PKG_VERSION"));
    if !is_ours || !run_dir::REPORTS.contains(&name) {
        return Ok(None);
    }
    let mut hashing = HashingWriter::new(io::sink());
    render(stored, name, &mut hashing)?;
    let (_, digest, _) = hashing.finish();
    Ok(Some(digest))
}

/// The one object that `run`, `resume` and `show` print: where, how, and the whole report.
///
/// # Errors
/// None in practice: the report is JSON.
pub fn result_object(
    entry: &RunEntry,
    stored: &Stored,
    status: Status,
) -> Result<String, CliError> {
    let mut report = Vec::new();
    json::write(&stored.summary, stored.plan.as_deref(), &mut report)
        .map_err(|error| CliError::internal("the report is no JSON").because(error))?;
    let report = String::from_utf8_lossy(&report);
    let dir = json!(entry.dir.display().to_string());
    let (status, torn) = (status.word(), stored.torn_bytes);
    // The report is JSON already, and may be large: it is put in as it is.
    Ok(format!(
        "{{\"schema\":\"orchestra.show/v1\",\"status\":\"{status}\",\"dir\":{dir},\
         \"torn_bytes\":{torn},\"report\":{}}}\n",
        report.trim_end()
    ))
}
