//! Whether one policy grants nothing that another does not. Says no where it is not sure.

use protocol::policy::{LimitTerms, Policy, ProgramRule, Terms, Tightening, Toolchain};

/// Whether everything that `inner` grants, `outer` grants, and all that `outer` insists on, `inner` does:
/// one that takes the place of the other must not lose a bound, a protected path or an approval.
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
    let chains = inner.toolchains.iter().all(|(name, chain)| {
        let own = outer.toolchains.get(name);
        own.is_some_and(|own| opens_no_more(chain, own))
    });
    inner.programs.iter().all(rules)
        && lists
        && chains
        && outer.clone().tighten(&rest, "").is_empty()
        && is_as_demanding(inner, outer)
}

/// Whether what `outer` demands changes nothing of `inner`. Nothing that is bounded there is unbounded here.
fn is_as_demanding(inner: &Policy, outer: &Policy) -> bool {
    let Terms {
        mode,
        level,
        may_lower,
        require,
        protect,
        limits,
        budgets,
        plans,
        planned,
        tasks,
        ..
    } = terms(outer);
    let demands = Tightening {
        pack: None,
        terms: Terms {
            mode,
            level,
            may_lower,
            require,
            protect,
            limits,
            budgets,
            plans,
            planned,
            tasks,
            ..Terms::default()
        },
    };
    let mut tightened = inner.clone();
    // What it says is what the outer one does not demand.
    let _more = tightened.tighten(&demands, "");
    tightened == *inner
}

/// Whether a toolchain opens and sets nothing that another of its name does not.
fn opens_no_more(one: &Toolchain, other: &Toolchain) -> bool {
    let Toolchain { read, path, env } = one;
    read.is_subset(&other.read)
        && path.iter().all(|dir| other.path.contains(dir))
        && env
            .iter()
            .all(|(name, value)| other.env.get(name) == Some(value))
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
        planned: Some(approvals.planned),
        tasks: Some(approvals.tasks),
        ..Terms::default()
    }
}

#[cfg(test)]
mod tests {
    use protocol::policy::Pack;

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
    fn what_a_user_insists_on_is_not_lost() {
        let default = crate::policy::load("default").unwrap();
        let own = |more: &str| {
            let text = format!("version: 1\npack: mine\nuse: default\n{more}\n");
            Policy::from_pack(&Pack::parse("mine.yaml", text.as_bytes()).unwrap())
        };
        assert!(is_within(&default, &own("")));
        for demand in [
            "mode: enforce",
            "approvals: { plans: always }",
            "approvals: { plans: on_warning }",
            "approvals: { tasks: [{ match: deploy*, approve: always }] }",
            "paths: { protect: [secrets] }",
            "limits: { wall: 5m }",
            "limits: { memory: 1GiB }",
            "limits: { files: 1000 }",
            "budgets: { attempts: 10 }",
            "budgets: { tasks: 10 }",
            "sandbox: { may_lower: false }",
            "sandbox: { allow_degraded: [] }",
            "sandbox: { require: [fs_write_confined, fs_read_confined, net_none, tree_kill, env_clean, disk_quota] }",
        ] {
            let own = own(demand);
            assert!(!is_within(&default, &own), "{demand}");
            assert!(is_within(&own, &own), "{demand}");
            assert!(is_within(&own, &default), "{demand}");
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
