//! Whether one policy grants nothing that another does not. Says no where it is not sure.

use protocol::policy::{LimitTerms, Policy, ProgramRule, Terms, Tightening};

/// Whether everything that `inner` grants, `outer` grants.
#[must_use]
pub fn is_within(inner: &Policy, outer: &Policy) -> bool {
    let rules = |one: &ProgramRule| outer.programs.iter().any(|rule| admits(rule, one));
    let lists = [
        (&inner.environment.pass, &outer.environment.pass),
        (&inner.environment.allow, &outer.environment.allow),
        (&inner.secrets.allow, &outer.secrets.allow),
    ];
    let lists = lists.into_iter().all(|(inner, outer)| {
        let is_covered = |name: &String| outer.iter().any(|pattern| covers(pattern, name));
        inner.iter().all(is_covered)
    });
    let rest = Tightening {
        pack: None,
        terms: terms(inner),
    };
    inner.programs.iter().all(rules) && lists && outer.clone().tighten(&rest, "").is_empty()
}

/// Whether a rule lets everything pass that another does.
fn admits(rule: &ProgramRule, one: &ProgramRule) -> bool {
    covers(&rule.program, &one.program) && (rule.args.is_empty() || rule.args == one.args)
}

/// Whether a name with at most one `*`, at its end, stands for all that another stands for.
fn covers(pattern: &str, name: &str) -> bool {
    let begins = |stem: &str| !stem.contains('*') && name.starts_with(stem);
    pattern == name || pattern.strip_suffix('*').is_some_and(begins)
}

/// A policy in the words of a pack, but for what may hold a `*`.
fn terms(policy: &Policy) -> Terms {
    let Policy {
        mode,
        sandbox,
        workspace_programs,
        paths,
        toolchains,
        network,
        secrets,
        limits,
        budgets,
        approvals,
        ..
    } = policy.clone();
    Terms {
        mode: Some(mode),
        level: Some(sandbox.level),
        may_lower: Some(sandbox.may_lower),
        require: Some(sandbox.require),
        allow_degraded: Some(sandbox.allow_degraded),
        unix_sockets: Some(sandbox.unix_sockets),
        debug: Some(sandbox.debug),
        workspace_programs: Some(workspace_programs),
        read: Some(paths.read),
        write: Some(paths.write),
        protect: Some(paths.protect),
        toolchains: Some(toolchains),
        network: Some(network),
        secret_sources: Some(secrets.sources),
        limits: LimitTerms {
            given: limits,
            ..LimitTerms::default()
        },
        budgets,
        plans: Some(approvals.plans),
        tasks: Some(approvals.tasks),
        ..Terms::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_of_this_build_are_ordered() {
        let of = |name: &str| crate::policy::load(name).unwrap();
        for (inner, outer) in [
            ("strict", "strict"),
            ("strict", "default"),
            ("default", "default"),
            ("default", "build"),
            ("open", "open"),
        ] {
            assert!(is_within(&of(inner), &of(outer)), "{inner} {outer}");
        }
        for (wider, narrower) in [
            ("default", "strict"),
            ("open", "default"),
            ("open", "strict"),
            ("build", "default"),
        ] {
            assert!(!is_within(&of(wider), &of(narrower)), "{wider} {narrower}");
        }
    }

    #[test]
    fn one_star_at_the_end() {
        for (pattern, name, covered) in [
            ("*", "x", true),
            ("gcc-*", "gcc-13", true),
            ("gcc-*", "gcc-*", true),
            ("gcc-1*", "gcc-*", false),
            ("git", "git", true),
            ("git", "gitk", false),
            ("a*b", "axb", false),
        ] {
            assert_eq!(covers(pattern, name), covered, "{pattern} {name}");
        }
    }
}
