//! What a task may do, question by question, each answer with where it comes from.

use protocol::budget::Money;
use protocol::plan::Prompt;
use protocol::plan::Workspace;
use protocol::policy::{Constraints, Network, Policy, Ruling, SandboxLevel, Site, UnixSockets};

use super::allowed::{Allowed, argv};
use crate::report::{Redactor, bytes};

/// Paths and variables that are listed one by one.
const MAX_NAMED: usize = 40;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it is about.
    pub name: &'static str,
    /// What may be done.
    pub value: String,
    /// Where that is written: a pack, a file, the task.
    pub origin: String,
}

/// Every answer about one task; only what is known without constraints where it does not start.
#[must_use]
pub fn answers(policy: &Policy, one: &Allowed<'_>) -> Vec<Answer> {
    let mut all = Vec::new();
    let mut say = |name, value: String, origin: String| {
        all.push(Answer {
            name,
            value,
            origin,
        });
    };
    if let Some(prompt) = one.task.prompt() {
        // No process of its own: nothing is confined, and nothing of it could be.
        for (name, value) in question(prompt) {
            say(name, value, "the scenario".to_owned());
        }
        let budgets = &policy.budgets;
        let dollars = |nanos| Money::from_nanos(nanos).to_string();
        for (key, most) in [
            ("calls", budgets.calls.map(|most| most.to_string())),
            ("tokens", budgets.tokens.map(|most| most.to_string())),
            ("usd", budgets.usd_nanos.map(dollars)),
        ] {
            let value = most.map_or("unbounded".to_owned(), |most| {
                format!("{most} in the whole run")
            });
            say(key, value, policy.origin(&format!("budgets.{key}")));
        }
        return all;
    }
    say("programs", programs(policy, one), policy.origin("programs"));
    let Ok(constraints) = &one.constraints else {
        return all;
    };
    say(
        "sandbox",
        constraints.level.to_string(),
        policy.origin("sandbox.level"),
    );
    let effects = one.task.effects();
    let of_task = |is_said: bool, key: &str| match is_said {
        true => "the task's `effects`".to_owned(),
        false => policy.origin(key),
    };
    let confine = &constraints.confine;
    if constraints.level == SandboxLevel::None {
        let value = "everything that you can reach: nothing is confined";
        say("reads", value.into(), policy.origin("sandbox.level"));
    } else {
        let is_said = effects.is_some_and(|own| own.network.is_some());
        let value = network(confine.network, confine.unix_sockets);
        say("network", value, of_task(is_said, "network"));
        let is_said = effects.is_some_and(|own| own.read.is_some());
        let value = list(&confine.read, "the system's own files");
        say("reads", value, of_task(is_said, "paths.read"));
        let is_said = effects.is_some_and(|own| own.write.is_some());
        let own = match one.task.workspace() {
            Workspace::Project => "its home",
            _ => "its workspace and home",
        };
        say(
            "writes",
            list(&confine.write, own),
            of_task(is_said, "paths.write"),
        );
        if !confine.protect.is_empty() {
            let value = list(&confine.protect, "");
            say("protected", value, policy.origin("paths.protect"));
        }
    }
    let pass: Vec<String> = confine.pass.iter().cloned().collect();
    say(
        "variables",
        variables(one, &pass),
        policy.origin("environment.pass"),
    );
    let secrets = match one.task.secrets() {
        [] => "none".to_owned(),
        some => some.join(", "),
    };
    say("secrets", secrets, policy.origin("secrets.allow"));
    for (key, value) in limits(constraints) {
        let own = (key == "wall" && one.task.timeout().wall_ms == constraints.timeout.wall_ms)
            || (key == "idle" && one.task.timeout().idle_ms == constraints.timeout.idle_ms);
        let origin = match own {
            true => "the task's `timeout`".to_owned(),
            false => policy.origin(&format!("limits.{key}")),
        };
        say(key, value, origin);
    }
    let require: Vec<&str> = confine.require.iter().map(|one| one.as_str()).collect();
    let require = match require.is_empty() {
        true => "nothing".to_owned(),
        false => require.join(", "),
    };
    say("requires", require, policy.origin("sandbox.require"));
    all
}

/// Who is asked, what it gets to see, and how its reply is read.
fn question(prompt: &Prompt) -> Vec<(&'static str, String)> {
    let seen: Vec<String> = prompt.context.iter().map(ToString::to_string).collect();
    let seen = match (seen.is_empty(), prompt.context_tokens) {
        (true, _) => "the prompt alone".to_owned(),
        (false, None) => list(&seen, "the prompt"),
        (false, Some(most)) => format!("{}; at most {most} tokens", list(&seen, "the prompt")),
    };
    let reply = match &prompt.schema {
        Some(_) => "json, held against a schema".to_owned(),
        None => prompt.parse.to_string(),
    };
    vec![
        ("asks", format!("the {} model", prompt.model.tier)),
        ("sees", seen),
        ("reply", reply),
    ]
}

/// What its command line starts, and whether that may be.
fn programs(policy: &Policy, one: &Allowed<'_>) -> String {
    let admission = policy.admit(&argv(one.task), None, &Site::default());
    let told = admission.programs.iter().map(|found| {
        let ruling = match &found.ruling {
            Ruling::Allowed => "may start",
            Ruling::Missing => "names no program",
            Ruling::Privileged => "is refused: it is there to gain rights",
            Ruling::NotListed => "is not listed",
            Ruling::Open => "is known when it starts",
            Ruling::Arguments { .. } => "may not start with these arguments",
            _ => "may not start from there",
        };
        format!("`{}` {ruling}", found.program)
    });
    // A script starts the same program more than once.
    let mut told: Vec<String> = told.collect();
    let mut seen = std::collections::HashSet::new();
    told.retain(|line| seen.insert(line.clone()));
    told.truncate(MAX_NAMED);
    if let Some(shell) = &admission.unread {
        told.push(format!("what `{shell}` starts was not read"));
    }
    match told.is_empty() {
        true => "none".to_owned(),
        false => told.join("; "),
    }
}

fn network(network: Network, sockets: UnixSockets) -> String {
    match sockets {
        UnixSockets::Deny => network.to_string(),
        UnixSockets::Private => format!("{network}; unix sockets among its own processes"),
    }
}

fn variables(one: &Allowed<'_>, pass: &[String]) -> String {
    let own: Vec<String> = one.task.env().keys().cloned().collect();
    let mut parts = vec!["those every task has".to_owned()];
    if !own.is_empty() {
        parts.push(format!("its own {}", list(&own, "")));
    }
    if !pass.is_empty() {
        parts.push(format!("handed through {}", list(pass, "")));
    }
    parts.join("; ")
}

fn list(names: &[String], first: &str) -> String {
    let own = (!first.is_empty()).then(|| first.to_owned());
    let more = names.len().saturating_sub(MAX_NAMED);
    let shown = names.iter().take(MAX_NAMED).cloned();
    let more = (more > 0).then(|| format!("{more} more"));
    let words: Vec<String> = own.into_iter().chain(shown).chain(more).collect();
    words.join(", ")
}

fn limits(constraints: &Constraints) -> Vec<(&'static str, String)> {
    let span = |ms: u64| Redactor::default().duration(std::time::Duration::from_millis(ms));
    let limits = &constraints.limits;
    let all = [
        ("wall", constraints.timeout.wall_ms.map(span)),
        ("idle", constraints.timeout.idle_ms.map(span)),
        ("cpu", limits.cpu_ms.map(span)),
        ("memory", limits.memory_bytes.map(bytes)),
        ("pids", limits.pids.map(|count| count.to_string())),
        ("output", Some(bytes(constraints.output_bytes))),
        ("disk", limits.disk_bytes.map(bytes)),
        ("files", limits.files.map(|count| count.to_string())),
        ("file_size", limits.file_bytes.map(bytes)),
        ("tmp", limits.tmp_bytes.map(bytes)),
    ];
    let told = all.into_iter();
    told.filter_map(|(name, value)| Some((name, value?)))
        .collect()
}
