//! Who decided, under what, and how to check this report.

use super::page::{Page, escape};
use crate::report::words;

impl Page<'_> {
    pub(super) fn decisions(&mut self) {
        self.heading("Plan and approval");
        self.planning();
        let Some(approval) = self.summary.approval.clone() else {
            self.blank();
            self.line("No plan was approved.");
            return;
        };
        let plan = self.redact.sha256(&approval.plan);
        let by = words::origin(&approval.by);
        let at = self.redact.time(approval.at);
        self.line(&format!("- Plan digest: `{plan}` ([plan.json](plan.json))"));
        self.line(&format!("- Approved by: {by}, {at} UTC"));
        for resumed in self.summary.resumed.clone() {
            let at = self.redact.time(resumed.at);
            let epoch = resumed.epoch;
            self.line(&format!("- Resumed: {at} UTC, epoch {epoch}"));
        }
        for (torn_bytes, file) in self.summary.recovered.clone() {
            let file = escape(&file);
            self.line(&format!(
                "- Recovered: {torn_bytes} torn bytes kept as `{file}`"
            ));
        }
    }

    pub(super) fn verification(&mut self) {
        self.heading("Environment and verification");
        let summary = self.summary;
        let Some((at, started)) = &summary.started else {
            return;
        };
        let scenario = self.redact.sha256(&started.scenario_file);
        let version = self.redact.version(&started.orchestra);
        self.line(&format!(
            "- Run: `{}`",
            self.redact.run_full(&started.run_id)
        ));
        self.line(&format!(
            "- Started: {} UTC by orchestra {version}",
            self.redact.time(*at)
        ));
        self.inputs();
        self.line(&format!(
            "- Scenario: [scenario.yaml](scenario.yaml), SHA-256 `{scenario}`"
        ));
        self.line(
            "\nEvery line of this report follows from `events.jsonl`, a hash chain that `seal.json` \
             closes.\nTo recompute the chain and the digests of plan, scenario, logs and artifacts:\n",
        );
        let verify = self.view.run.command("verify", "");
        self.fenced("sh", &verify);
        self.line("By hand, one file at a time: `sha256sum` prints the digest in the table above.");
    }
}
