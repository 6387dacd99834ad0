//! How a model made the plan, and every call of a model with what it cost.

use super::page::{Page, escape};
use crate::report::{modelled, spend};

impl Page<'_> {
    /// Goal, prompt, examples and refusals, where a model was asked for a plan.
    pub(super) fn planning(&mut self) {
        for (name, text) in modelled::planning(self.summary, self.redact) {
            self.line(&format!("- {name}: {}", escape(&text)));
        }
    }

    pub(super) fn models(&mut self) {
        let Some(spent) = spend::spent(self.summary) else {
            return;
        };
        self.heading("Model calls");
        self.line(&format!("{}.\n", escape(&spent)));
        self.line(
            "| call | for | task | model | prompt tokens | reply tokens | cost | how | reply |",
        );
        self.line("|--:|---|---|---|--:|--:|--:|---|---|");
        let (rows, more) = modelled::rows(self.summary, self.redact);
        for row in rows {
            let task = match row.task.is_empty() {
                true => String::new(),
                false => format!("`{}`", row.task),
            };
            let model = escape(&row.model);
            let how = match row.request_id.is_empty() {
                true => escape(&row.notes),
                false => escape(&format!("{}, request {}", row.notes, row.request_id)),
            };
            let file = row.file.map_or_else(String::new, |(href, digest)| {
                format!("[{}]({href})", escape(&digest))
            });
            let (call, purpose) = (row.call, row.purpose);
            let (prompt, output, usd) = (row.prompt, row.output, row.usd);
            self.line(&format!(
                "| {call} | {purpose} | {task} | {model} | {prompt} | {output} | {usd} | {how} | {file} |"
            ));
        }
        if more > 0 {
            self.line(&format!("\n… and {more} more; see `report.json`."));
        }
        let prices = modelled::prices(self.summary);
        if !prices.is_empty() {
            self.blank();
        }
        for price in prices {
            self.line(&format!("- {}", escape(&price)));
        }
    }
}
