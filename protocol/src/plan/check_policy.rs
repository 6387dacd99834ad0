//! Rules for what a scenario asks of the policy: a plan's `policy` and the `effects` of its tasks. Whether
//! a pack grants any of it is decided elsewhere.

use crate::diagnostic::{Diagnostic, Place, Problems};
use crate::policy::{BUDGET_BOUNDS, Budgets, Effects, LimitsRequest, PolicyRequest};

use super::check_head::is_scenario_name;
use super::check_task::check_text;
use super::draft::{DraftPlan, DraftTask};
use super::limits::{MAX_ENTRIES, MAX_INTEGER, MAX_PATH_BYTES, MAX_TIMEOUT_MS};
use super::paths::{PathProblem, check_relative};

/// A plan's `policy`.
pub(super) fn check_policy(draft: &DraftPlan, problems: &mut Problems) {
    let Some(policy) = &draft.policy else { return };
    let place = Place::plan;
    if *policy == PolicyRequest::default() {
        problems.push(
            Diagnostic::error("missing-key", "`policy` says nothing")
                .in_place(place().field("policy"))
                .help("name a pack or narrow it, such as `policy: { use: strict, network: none }`"),
        );
    }
    if let Some(pack) = policy.pack.as_deref().filter(|it| !is_scenario_name(it)) {
        let shown: String = pack.chars().take(60).collect();
        let help = match pack.contains(['/', '.']) {
            true => "a pack's name, such as `strict`; a file of your own is for `--policy`",
            false => "lower-case letters, digits, `-` and `_`, at most 63, a letter or digit first",
        };
        problems.push(
            Diagnostic::error("invalid-name", format!("`{shown}` is not a pack's name"))
                .in_place(place().field("policy.use"))
                .help(help),
        );
    }
    check_paths(
        policy.read.as_deref(),
        &place().field("policy.read"),
        problems,
    );
    check_paths(
        policy.write.as_deref(),
        &place().field("policy.write"),
        problems,
    );
    let programs = place().field("policy.programs");
    check_programs(policy.programs.as_deref(), &programs, problems);
    if let Some(limits) = &policy.limits {
        check_limits(limits, problems);
    }
    if let Some(budget) = &policy.budget {
        check_budget(budget, problems);
    }
}

/// A plan's `budget`.
fn check_budget(budget: &Budgets, problems: &mut Problems) {
    let place = || Place::plan().field("budget");
    if *budget == Budgets::default() {
        problems.push(
            Diagnostic::error("missing-key", "`budget` says nothing")
                .in_place(place())
                .help("bound the run, such as `budget: { usd: 1.50, tokens: 150000 }`"),
        );
    }
    for bound in BUDGET_BOUNDS {
        let most = MAX_INTEGER.unsigned_abs();
        if (bound.get)(budget).is_some_and(|value| value > most) {
            let message = format!("the budget of `{}` is too large", bound.name);
            problems.push(Diagnostic::error("out-of-range", message).in_place(place()));
        }
    }
}

/// What a scenario that others use cannot say: its run is theirs. Who knows where says so.
pub(crate) fn nested_budget(draft: &DraftPlan) -> Option<Diagnostic> {
    draft.policy.as_ref()?.budget?;
    let message = "a nested scenario has no `budget`: it is for the whole run";
    let help = "write it in the outermost scenario";
    Some(Diagnostic::error("nested-budget", message).help(help))
}

/// A task's `effects`.
pub(super) fn check_effects(task: &DraftTask, problems: &mut Problems) {
    let Some(effects) = &task.effects else { return };
    let place = |field| Place::task(&task.id).field(field);
    if task.uses.is_some() {
        problems.push(
            Diagnostic::error(
                "unsupported-yet",
                "`effects` beside `uses` is not supported yet",
            )
            .in_place(place("effects"))
            .help("write it in the tasks of the nested scenario, or `policy` at its top level"),
        );
        return;
    }
    if *effects == Effects::default() {
        problems.push(
            Diagnostic::error("missing-key", "`effects` says nothing")
                .in_place(place("effects"))
                .help(
                    "say what the task touches, such as `effects: { write: [out], network: none }`",
                ),
        );
    }
    check_paths(effects.read.as_deref(), &place("effects.read"), problems);
    check_paths(effects.write.as_deref(), &place("effects.write"), problems);
    let programs = place("effects.programs");
    check_programs(effects.programs.as_deref(), &programs, problems);
}

fn check_paths(paths: Option<&[String]>, list: &Place, problems: &mut Problems) {
    for (at, path) in check_list(paths, list, problems) {
        if let Some((code, message, help)) = path_problem(path) {
            let problem = Diagnostic::error(code, message).help(help);
            problems.push(problem.in_place(list.clone().index(at)));
        }
    }
}

/// What is wrong with a path of the host: relative to the scenario's root, absolute, or in the home.
pub(super) fn path_problem(path: &str) -> Option<(&'static str, String, &'static str)> {
    let shown: String = path.chars().take(80).collect();
    let shown = shown.escape_debug();
    if path.contains("${{") {
        let message = "a path cannot hold an expression".to_owned();
        let help = "write the path out; the plan must show what is touched";
        return Some(("expression-not-allowed", message, help));
    }
    let rest = match path.strip_prefix("~/").or_else(|| path.strip_prefix('/')) {
        // The home, the root of the file system, the scenario's root.
        Some("") => return None,
        None if matches!(path, "~" | ".") => return None,
        Some(rest) => rest,
        None => path,
    };
    let problem = match check_relative(rest) {
        Ok(()) if path.contains(['*', '?']) => {
            let message = format!("`{shown}`: patterns in paths are not supported yet");
            let help = "name a directory: all beneath it is meant";
            return Some(("unsupported-yet", message, help));
        }
        Ok(()) if path.len() > MAX_PATH_BYTES => PathProblem::TooLong,
        Ok(()) => return None,
        Err(problem) => problem,
    };
    let (message, help) = match problem {
        PathProblem::Upward => (
            format!("`{shown}`: `..` has no place in it"),
            "write where it leads, absolute or with `~/`",
        ),
        PathProblem::NotPlain if path.starts_with("./") => (
            format!("`{shown}`: a path is from the scenario's root anyway"),
            "leave out the `./`; the root itself is `.`",
        ),
        PathProblem::Absolute if path.starts_with('~') && !path.starts_with("~/") => (
            format!("`{shown}`: another user's home"),
            "write the path out; `~/` is your own home",
        ),
        PathProblem::Absolute => (
            format!("`{shown}`: {}", PathProblem::NotPlain),
            "write it plain",
        ),
        other => (
            format!("`{shown}`: {other}"),
            "from the scenario's root such as `out`, absolute such as `/opt/tool`, or `~/.cargo`",
        ),
    };
    Some(("invalid-path", message, help))
}

fn check_programs(programs: Option<&[String]>, list: &Place, problems: &mut Problems) {
    for (at, program) in check_list(programs, list, problems) {
        let place = list.clone().index(at);
        check_text(program, MAX_PATH_BYTES, &place, problems);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
        if program.chars().all(plain) && !program.is_empty() && !program.starts_with(['-', '.']) {
            continue;
        }
        let shown: String = program.chars().take(60).collect();
        let first = program.split_whitespace().next().unwrap_or_default();
        let base = first.rsplit('/').next().unwrap_or_default();
        let help = match base.chars().all(plain)
            && base.starts_with(|c: char| c.is_ascii_alphanumeric())
        {
            true => format!("write `{base}`: the name alone, without path or arguments"),
            false => "a program's name, such as `git`".to_owned(),
        };
        problems.push(
            Diagnostic::error(
                "invalid-program",
                format!("`{}` is not a program's name", shown.escape_debug()),
            )
            .in_place(place)
            .help(help),
        );
    }
}

/// The entries of a list, each once.
fn check_list<'a>(
    list: Option<&'a [String]>,
    place: &Place,
    problems: &mut Problems,
) -> Vec<(usize, &'a str)> {
    let list = list.unwrap_or_default();
    let word = place.field.as_deref().unwrap_or_default();
    let word = word.rsplit('.').next().unwrap_or_default();
    if list.len() > MAX_ENTRIES {
        let message = format!("{} entries in `{word}`; at most {MAX_ENTRIES}", list.len());
        let problem = Diagnostic::error("too-many-entries", message);
        problems.push(problem.in_place(place.clone()));
        return Vec::new();
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut once = Vec::with_capacity(list.len());
    for (at, entry) in list.iter().enumerate() {
        if seen.insert(entry.as_str()) {
            once.push((at, entry.as_str()));
            continue;
        }
        let shown: String = entry.chars().take(60).collect();
        let message = format!("`{word}` names `{}` twice", shown.escape_debug());
        let problem = Diagnostic::error("duplicate-entry", message).help("keep one of them");
        problems.push(problem.in_place(place.clone().index(at)));
    }
    once
}

fn check_limits(limits: &LimitsRequest, problems: &mut Problems) {
    let LimitsRequest {
        wall_ms,
        idle_ms,
        cpu_ms,
        memory_bytes,
        pids,
        output_bytes,
        disk_bytes,
        files,
        file_bytes,
        tmp_bytes,
    } = *limits;
    let place = |word| Place::plan().field("policy.limits").key(word);
    if *limits == LimitsRequest::default() {
        problems.push(
            Diagnostic::error("missing-key", "`limits` says nothing")
                .in_place(Place::plan().field("policy.limits"))
                .help("name one, such as `limits: { memory: 2GiB }`"),
        );
    }
    for (word, value) in [("wall", wall_ms), ("idle", idle_ms), ("cpu", cpu_ms)] {
        if value.is_some_and(|ms| ms == 0 || ms > MAX_TIMEOUT_MS) {
            let message = format!("the {word} time limit is between 1ms and 365d");
            problems.push(Diagnostic::error("out-of-range", message).in_place(place(word)));
        }
    }
    let most = MAX_INTEGER.unsigned_abs();
    let sizes = [
        ("memory", memory_bytes),
        ("output", output_bytes),
        ("disk", disk_bytes),
        ("file_size", file_bytes),
        ("tmp", tmp_bytes),
    ];
    for (word, value) in sizes {
        if value.is_some_and(|bytes| bytes == 0 || bytes > most) {
            let message = format!("the limit `{word}` is between 1B and 8191TiB");
            problems.push(Diagnostic::error("out-of-range", message).in_place(place(word)));
        }
    }
    for (word, value) in [("pids", pids.map(u64::from)), ("files", files)] {
        if value.is_some_and(|count| count == 0 || count > most) {
            let message = format!("the limit `{word}` is at least 1 and at most 2^53 - 1");
            problems.push(Diagnostic::error("out-of-range", message).in_place(place(word)));
        }
    }
}
