//! A person decides about a plan: the page, a question, and the page again after every edit.

use protocol::digest::Digest;

use super::answer::{Answer, answer};
use super::decide::{Decision, Wish, decide};
use super::details::details;
use super::editor;
use super::refusal;
use crate::cli::asked::Asked;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::judged::Judged;
use crate::cli::plan_page;
use crate::compare::PlanDiff;

/// A plan and what its policy says of it.
pub struct Ready {
    /// The plan.
    pub asked: Asked,
    /// Its policy.
    pub judged: Judged,
}

/// What the dialog needs.
pub struct Dialog<'a> {
    /// The printer.
    pub context: &'a Context,
    /// Slots of the run, for the page.
    pub slots: u32,
    /// The command line that asks again.
    pub command: String,
    /// The plan is in a run directory already.
    pub is_kept: bool,
    /// Reads the scenario again, as it was asked for.
    pub again: &'a dyn Fn(&Asked) -> Result<Ready, CliError>,
}

impl Dialog<'_> {
    /// Asks until the plan is approved or declined. What was approved is what comes back; no edit of
    /// it is approved with it.
    ///
    /// # Errors
    /// It was declined, or nobody can be asked any more.
    pub fn decide(&self, first: Ready) -> Result<Ready, CliError> {
        let ui = &self.context.ui;
        let page = plan_page::page(self.context, &first.asked, &first.judged, self.slots);
        ui.say(page.trim_end());
        let mut shown = first;
        // After an edit that is no plan, or one that is refused whoever approves it.
        let mut unfit: Option<CliError> = None;
        let mut edited = false;
        loop {
            let question = self.question(&shown, unfit.is_some());
            let said = answer(self.context, &question).map_err(|error| {
                let message = "the terminal cannot be read";
                CliError::not_ready("terminal-unreadable", message).because(error)
            })?;
            match (said, &unfit) {
                (Answer::No, _) => {
                    let kept = edited.then_some(shown.asked.path.as_path());
                    return Err(refusal::declined(kept));
                }
                (Answer::Later, _) => {
                    let kept = edited.then_some(shown.asked.path.as_path());
                    return Err(refusal::parked(&self.command, self.is_kept, kept));
                }
                (Answer::Edit, _) => match self.edit(&shown.asked, &mut edited) {
                    Ok(Some(new)) => {
                        self.show_new(&shown, &new);
                        unfit = unfit_of(&new);
                        shown = new;
                    }
                    Ok(None) => {}
                    Err(error) => unfit = Some(error),
                },
                (Answer::Yes | Answer::Details, Some(_)) => {}
                (Answer::Yes, None) => return Ok(shown),
                (Answer::Details, None) => {
                    ui.say(details(self.context, &shown).trim_end());
                }
            }
            if let Some(error) = &unfit {
                error.show(ui);
            }
        }
    }

    fn question(&self, shown: &Ready, is_unfit: bool) -> String {
        let digest = self.context.redact.digest(&shown.asked.plan.digest());
        let pack = &shown.judged.policy.pack;
        match (is_unfit, shown.judged.verdict.refused) {
            (true, _) => "The scenario as it stands is no plan to run. Edit it again?".into(),
            (false, true) => {
                format!("Approve plan {digest}, with what exceeds {pack}?")
            }
            (false, false) => format!("Approve plan {digest} under {pack}?"),
        }
    }

    /// Lets the person edit; the plan of what came of it, or none where the editor gave up.
    fn edit(&self, asked: &Asked, edited: &mut bool) -> Result<Option<Ready>, CliError> {
        let (ui, path) = (&self.context.ui, asked.path.as_path());
        if self.is_kept {
            ui.say(
                "a plan of a model cannot be edited here: change the goal or write the tasks, and run that",
            );
            return Ok(None);
        }
        if !path.is_file() {
            let shown = path.display();
            ui.say(&format!("there is no file {shown} that could be edited"));
            return Ok(None);
        }
        let stamp = || fs_err::read(path).ok().map(|bytes| Digest::of(&bytes));
        let before = stamp();
        let ended = editor::edit(path);
        *edited |= stamp() != before;
        match ended {
            Ok(status) if status.success() => (self.again)(asked).map(Some),
            Ok(status) => {
                let editor = editor::named();
                ui.say(&format!(
                    "`{editor}` ended with {status}; nothing was taken over"
                ));
                Ok(None)
            }
            Err(error) => {
                let editor = editor::named();
                ui.say(&format!("`{editor}` cannot be started: {error}"));
                Ok(None)
            }
        }
    }

    fn show_new(&self, before: &Ready, new: &Ready) {
        let ui = &self.context.ui;
        let diff = PlanDiff::between(&before.asked.plan, &new.asked.plan);
        if diff.is_empty() {
            ui.say("The plan is the same.");
            return;
        }
        let digest = self.context.redact.digest(&new.asked.plan.digest());
        let painter = ui.err_painter();
        let mut text = format!("The plan is now {digest}:\n{}", diff.full(painter));
        text.push_str(&plan_page::policy_lines(
            self.context,
            &new.asked,
            &new.judged,
        ));
        text.push_str(&plan_page::said(&new.judged, painter));
        ui.say(text.trim_end());
    }
}

fn unfit_of(new: &Ready) -> Option<CliError> {
    let nobody = Wish {
        approve: None,
        yes: false,
        is_saved: false,
        can_ask: true,
    };
    let Judged {
        policy, verdict, ..
    } = &new.judged;
    match decide(&new.asked.plan, policy, verdict, nobody) {
        Decision::Refused => Some(refusal::refused(verdict, &policy.pack)),
        _ => None,
    }
}
