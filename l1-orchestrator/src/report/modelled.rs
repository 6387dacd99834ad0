//! Calls of models and how a plan came about, as texts that every report shows: one place for their
//! words. Not what was said: a reply is a file of the run directory.

use l2_coordinator::model::known_prices;
use protocol::budget::Usage;
use protocol::run_dir;

use super::calls::Call;
use super::redact::Redactor;
use super::summary::RunSummary;
use super::words;

/// Calls in a table; `report.json` has a thousand.
const MAX_ROWS: usize = 200;
/// Rounds, requests and models that are told.
const MAX_TOLD: usize = 20;
/// Characters of a goal on a page; the scenario has all of it.
const MAX_GOAL: usize = 600;

/// One call.
#[derive(serde::Serialize)]
pub struct Row {
    /// Its number.
    pub call: u64,
    /// `plan`, and the round of a repair.
    pub purpose: String,
    /// The task it is for, if it is for one.
    pub task: String,
    /// Provider and model.
    pub model: String,
    /// Tokens of the prompt, by class.
    pub prompt: String,
    /// Tokens of the reply.
    pub output: String,
    /// Dollars, or why there are none.
    pub usd: String,
    /// What else is to be known of it.
    pub notes: String,
    /// The provider's id of the request.
    pub request_id: String,
    /// The file that holds request and reply, and the beginning of its digest.
    pub file: Option<(String, String)>,
}

/// The table of calls, and how many are left out of it.
#[must_use]
pub fn rows(summary: &RunSummary, redact: Redactor) -> (Vec<Row>, u64) {
    let list = summary.calls.list.iter().take(MAX_ROWS);
    let rows: Vec<Row> = list.map(|call| row(call, redact)).collect();
    let ledger = &summary.calls.ledger;
    let all = ledger.settled().calls + ledger.in_flight().count() as u64;
    let more = all.saturating_sub(rows.len() as u64);
    (rows, more)
}

fn row(call: &Call, redact: Redactor) -> Row {
    let reserved = &call.reserved;
    let purpose = match reserved.round {
        0 => reserved.purpose.as_str().to_owned(),
        round => format!("{}, repair {round}", reserved.purpose.as_str()),
    };
    let mut row = Row {
        call: reserved.call.0,
        purpose,
        task: reserved
            .task
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
        model: format!("{}/{}", reserved.provider, reserved.model),
        prompt: format!("≤ {}", reserved.prompt),
        output: format!("≤ {}", reserved.output),
        usd: match reserved.usd {
            Some(usd) => format!("≤ {usd}"),
            None => UNPRICED.into(),
        },
        notes: "under way".into(),
        request_id: String::new(),
        file: None,
    };
    let Some((ended, settled)) = &call.ended else {
        return row;
    };
    let usage = settled.usage();
    row.prompt = prompt(usage);
    row.output = match usage.thinking {
        0 => usage.output.to_string(),
        thinking => format!("{} ({thinking} thinking)", usage.output),
    };
    row.usd = match settled.usd {
        Some(usd) => usd.to_string(),
        None => UNPRICED.into(),
    };
    let mut notes = vec![redact.duration(ended.since(call.began))];
    if settled.estimated {
        notes.push("estimated".into());
    }
    if settled.fixture {
        notes.push("from a fixture".into());
    }
    if let Some(failure) = &settled.failure {
        notes.push(format!("{}: {}", failure.class, failure.message));
    }
    row.notes = notes.join(", ");
    row.request_id = settled.request_id.clone().unwrap_or_default();
    row.file = settled.reply.map(|reply| {
        let href = format!("{}/{}.json", run_dir::CALLS, redact.sha256(&reply));
        (href, redact.digest(&reply))
    });
    row
}

const UNPRICED: &str = "unpriced";

fn prompt(usage: Usage) -> String {
    let written = usage.cache_write_5m.saturating_add(usage.cache_write_1h);
    let classes = [
        (usage.cache_read, "from a cache"),
        (written, "into a cache"),
    ];
    let classes = classes.iter().filter(|(count, _)| *count > 0);
    let classes: Vec<String> = classes
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    match classes.is_empty() {
        true => usage.prompt().to_string(),
        false => format!("{} ({})", usage.prompt(), classes.join(", ")),
    }
}

/// Where the prices are from, one line a model that has one.
#[must_use]
pub fn prices(summary: &RunSummary) -> Vec<String> {
    let table = known_prices();
    let mut models: Vec<&str> = Vec::new();
    for call in &summary.calls.list {
        let own = std::iter::once(call.reserved.model.as_str());
        let used = call.ended.iter().flat_map(|(_, settled)| &settled.used);
        for model in own.chain(used.map(|used| used.model.as_str())) {
            if !models.contains(&model) && models.len() < MAX_TOLD {
                models.push(model);
            }
        }
    }
    let priced = models.into_iter().filter_map(|model| {
        let row = table.row(model)?;
        let secondary = match row.is_secondary() {
            true => ", not told by the provider itself",
            false => "",
        };
        let as_of = table.as_of();
        Some(format!(
            "Prices of {model}: {}{secondary}, as of {as_of}",
            row.source()
        ))
    });
    priced.collect()
}

/// A fact about how the plan came about: its name, and its text.
pub type Fact = (&'static str, String);

/// Goal, prompt, examples, and what was refused on the way; nothing for a plan that a person wrote.
#[must_use]
pub fn planning(summary: &RunSummary, redact: Redactor) -> Vec<Fact> {
    let mut facts = Vec::new();
    let calls = &summary.calls;
    for requested in calls.requested.iter().take(MAX_TOLD) {
        let goal = cut(&requested.goal);
        let goal = match &requested.task {
            Some(task) => format!("{goal} (task {task})"),
            None => goal,
        };
        facts.push(("Goal", goal));
        facts.push(("Planned by", requested.model.clone()));
        let digest = redact.digest(&requested.prompt_digest);
        facts.push(("Prompt", format!("{}, digest {digest}", requested.prompt)));
        let examples = requested.examples.iter();
        let examples: Vec<String> = examples
            .map(|example| format!("{} {}", example.name, redact.digest(&example.digest)))
            .collect();
        if !examples.is_empty() {
            facts.push(("Examples", examples.join(", ")));
        }
    }
    for rejected in calls.rejected.iter().take(MAX_TOLD) {
        let problems = rejected.problems.join("; ");
        let more = match rejected.more {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        let told = format!(
            "reply {} by {}: {problems}{more}",
            rejected.round + 1,
            rejected.rule
        );
        facts.push(("Refused", told));
    }
    let more = [
        (calls.requested.len(), "more request for a plan"),
        (calls.rejected.len(), "more refusal"),
    ];
    for (count, what) in more {
        if let Some(more) = count.checked_sub(MAX_TOLD).filter(|more| *more > 0) {
            facts.push(("And", words::count(more, what)));
        }
    }
    facts
}

fn cut(goal: &str) -> String {
    match goal.char_indices().nth(MAX_GOAL) {
        Some((end, _)) => format!("{}…", &goal[..end]),
        None => goal.to_owned(),
    }
}

/// Whether what was asked for is a plan, and there is none.
#[must_use]
pub fn is_unplanned(summary: &RunSummary) -> bool {
    let for_the_run = summary.calls.requested.iter().any(|one| one.task.is_none());
    summary.approval.is_none() && for_the_run
}

/// Why there is none, in a line: what refused the last reply, or why there was no reply.
#[must_use]
pub fn why_unplanned(summary: &RunSummary) -> String {
    let calls = &summary.calls;
    let settled = calls.list.last().and_then(|call| call.ended.as_ref());
    let failure = settled.and_then(|(_, settled)| settled.failure.as_ref());
    match (failure, calls.rejected.last()) {
        (Some(failure), _) => format!("{}: {}", failure.class, failure.message),
        (None, Some(rejected)) => {
            let problem = rejected.problems.first();
            let problem = problem.map_or_else(String::new, |text| format!(": {text}"));
            format!("the last reply is refused by {}{problem}", rejected.rule)
        }
        (None, None) => "no model was asked".into(),
    }
}
