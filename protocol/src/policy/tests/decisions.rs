//! What the packs of this build say of plans and tasks.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::support::{builtin, pack, plan, site};
use crate::ids::TaskId;
use crate::plan::Workspace;
use crate::policy::{
    Constraints, Dispatch, Effects, Finding, FindingSeverity, Guarantee, Network, Policy,
    SandboxLevel, Site, TaskAsk, Tightening, Timeout, UnixSockets, Verdict, builtin_pack,
};

fn id(text: &str) -> TaskId {
    text.parse().unwrap()
}

/// A task that asks for nothing but to run `true`.
fn ask<'a>(id: &'a TaskId, effects: &'a Effects) -> TaskAsk<'a> {
    TaskAsk {
        id,
        argv: vec![Some("true")],
        real_program: None,
        env: BTreeSet::new(),
        workspace: Workspace::Scratch,
        effects,
        secrets: &[],
        timeout: Timeout::default(),
    }
}

fn effects(read: Option<&[&str]>, write: Option<&[&str]>) -> Effects {
    let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
    Effects {
        read: read.map(texts),
        write: write.map(texts),
        ..Effects::default()
    }
}

fn constraints(
    policy: &Policy,
    workspace: Workspace,
    effects: &Effects,
) -> Result<Constraints, Finding> {
    let id = id("a");
    let ask = TaskAsk {
        workspace,
        ..ask(&id, effects)
    };
    policy.constraints(&ask, &site())
}

fn codes(verdict: &Verdict) -> Vec<String> {
    let said = verdict.findings.iter().map(|finding| {
        let task = finding
            .task
            .as_ref()
            .map(|task| format!("{task} "))
            .unwrap_or_default();
        format!("{task}{} {}", finding.severity.as_str(), finding.code)
    });
    said.collect()
}

#[test]
fn the_default_pack_opens_the_tree_to_read_and_the_workspace_to_write() {
    let policy = builtin("default");
    let scratch = constraints(&policy, Workspace::Scratch, &Effects::default()).unwrap();
    assert_eq!(scratch.level, SandboxLevel::Strict);
    let open = &scratch.confine;
    assert_eq!(
        open.read,
        ["/home/u/.cargo/bin", "/home/u/.cargo/registry", "/p"]
    );
    assert_eq!(open.write, Vec::<String>::new());
    assert_eq!(
        (open.network, open.unix_sockets, open.debug),
        (Network::None, UnixSockets::Deny, false)
    );
    let required = [
        "fs_write_confined",
        "fs_read_confined",
        "net_none",
        "tree_kill",
        "env_clean",
    ];
    let required: BTreeSet<Guarantee> = required.iter().map(|one| one.parse().unwrap()).collect();
    assert_eq!(open.require, required);
    assert_eq!(open.path, ["/home/u/.cargo/bin"]);
    assert_eq!(open.env["CARGO_HOME"], "/home/u/.cargo");
    assert!(
        !open.env.contains_key("PYENV_ROOT"),
        "nothing of it exists here"
    );
    let project = constraints(&policy, Workspace::Project, &Effects::default()).unwrap();
    assert_eq!(project.confine.write, ["/p"]);
    assert_eq!(
        project.confine.protect,
        [
            "/p/.git/config",
            "/p/.git/hooks",
            "/p/orchestra.yaml",
            "/p/runs"
        ]
    );
    assert!(scratch.is_within(&project) && !project.is_within(&scratch));
}

#[test]
fn packs_differ_in_what_they_open() {
    let of = |name: &str, workspace| {
        let constraints = constraints(&builtin(name), workspace, &Effects::default()).unwrap();
        (
            constraints.confine.write.clone(),
            constraints.confine.network,
        )
    };
    let tree = vec!["/p".to_owned()];
    assert_eq!(of("strict", Workspace::Project), (vec![], Network::None));
    assert_eq!(
        of("build", Workspace::Scratch),
        (tree.clone(), Network::None)
    );
    assert_eq!(of("open", Workspace::Scratch), (tree, Network::Full));
    let build = constraints(&builtin("build"), Workspace::Scratch, &Effects::default()).unwrap();
    assert_eq!(build.confine.unix_sockets, UnixSockets::Private);
    // With a network sockets are not sound, and there is no `net_none` to keep.
    let open = constraints(&builtin("open"), Workspace::Scratch, &Effects::default()).unwrap();
    assert_eq!(open.confine.unix_sockets, UnixSockets::Deny);
    assert!(!open.confine.require.contains(&Guarantee::NetNone));
    assert!(open.confine.require.contains(&Guarantee::FsWriteConfined));
}

#[test]
fn effects_narrow_and_never_widen() {
    let policy = builtin("default");
    let of = |workspace, read, write| constraints(&policy, workspace, &effects(read, write));
    let narrow = of(Workspace::Project, Some(&[]), Some(&["out/"])).unwrap();
    assert_eq!(narrow.confine.write, ["/p/out"]);
    assert_eq!(narrow.confine.protect, Vec::<String>::new());
    assert!(
        narrow.confine.read.contains(&"/p".to_owned()),
        "its workspace can be read"
    );
    let none = of(Workspace::Scratch, Some(&[]), None).unwrap();
    assert_eq!(
        none.confine.read,
        ["/home/u/.cargo/bin", "/home/u/.cargo/registry"]
    );
    let docs = of(Workspace::Scratch, Some(&["docs"]), None).unwrap();
    assert!(docs.confine.read.contains(&"/p/docs".to_owned()));
    // The system's own files can always be read.
    assert!(of(Workspace::Scratch, Some(&["/usr/share/dict"]), None).is_ok());
    for (workspace, read, write) in [
        (Workspace::Scratch, Some(&["~/.ssh"][..]), None),
        (Workspace::Scratch, Some(&["/etc/shadow"][..]), None),
        (Workspace::Scratch, None, Some(&["out"][..])),
        (Workspace::Project, None, Some(&["/opt"][..])),
    ] {
        let finding = of(workspace, read, write).unwrap_err();
        assert_eq!(
            (finding.code.as_str(), finding.severity),
            ("path-not-allowed", FindingSeverity::Refused)
        );
    }
    // What is protected is not opened by naming it.
    let hooks = of(Workspace::Project, None, Some(&[".git/hooks"])).unwrap();
    assert_eq!(hooks.confine.write, Vec::<String>::new());
    let network = Effects {
        network: Some(Network::Full),
        ..Effects::default()
    };
    assert_eq!(
        constraints(&policy, Workspace::Scratch, &network)
            .unwrap_err()
            .code,
        "network-not-allowed"
    );
    let offline = Effects {
        network: Some(Network::None),
        ..Effects::default()
    };
    let offline = constraints(&builtin("open"), Workspace::Scratch, &offline).unwrap();
    assert_eq!(offline.confine.network, Network::None);
    assert!(offline.confine.require.contains(&Guarantee::NetNone));
}

#[test]
fn a_tree_that_holds_the_home_is_not_opened() {
    let policy = builtin("default");
    let site = Site {
        root: Some("/home/u".into()),
        ..site()
    };
    let (id, nothing) = (id("a"), Effects::default());
    let scratch = policy.constraints(&ask(&id, &nothing), &site).unwrap();
    assert!(
        scratch
            .confine
            .read
            .iter()
            .all(|path| path.starts_with("/home/u/.cargo/"))
    );
    let project = TaskAsk {
        workspace: Workspace::Project,
        ..ask(&id, &nothing)
    };
    assert_eq!(
        policy.constraints(&project, &site).unwrap_err().code,
        "tree-holds-home"
    );
    let unconfined = policy.at_level(SandboxLevel::None, "--sandbox").unwrap();
    let unconfined = unconfined.constraints(&project, &site).unwrap();
    assert_eq!(unconfined.confine.require, BTreeSet::new());
}

#[test]
fn variables_that_run_other_code_are_refused_unless_named() {
    let (id, nothing) = (id("a"), Effects::default());
    let with = |policy: &Policy, name| {
        let ask = TaskAsk {
            env: [name].into(),
            ..ask(&id, &nothing)
        };
        policy
            .constraints(&ask, &site())
            .map_err(|finding| finding.code)
    };
    let policy = builtin("default");
    for name in [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "LD_AUDIT",
        "GCONV_PATH",
        "BASH_ENV",
        "ENV",
        "PYTHONSTARTUP",
        "PYTHONPATH",
        "NODE_OPTIONS",
        "BUN_OPTIONS",
        "PERL5OPT",
        "GIT_SSH_COMMAND",
        "PROMPT_COMMAND",
    ] {
        assert_eq!(
            with(&policy, name).unwrap_err(),
            "variable-not-allowed",
            "{name}"
        );
    }
    assert!(with(&policy, "SINCE").is_ok());
    let own = "version: 1\npack: own\nuse: default\nenvironment: { allow: [PYTHONPATH] }\n";
    let own = Policy::from_pack(&pack(own));
    assert!(with(&own, "PYTHONPATH").is_ok() && with(&own, "PYTHONHOME").is_err());
}

#[test]
fn a_level_is_lowered_by_a_person_only_and_not_under_every_pack() {
    let lower = |name: &str| builtin(name).at_level(SandboxLevel::None, "--sandbox");
    let lowered = lower("default").unwrap();
    assert_eq!(lowered.origin("sandbox.level"), "--sandbox");
    let finding = lower("strict").unwrap_err();
    assert_eq!(
        (finding.code.as_str(), finding.severity),
        ("level-too-low", FindingSeverity::Refused)
    );
    let lowers = "policy: { sandbox: { level: none } }";
    let mut policy = builtin("default");
    let block = crate::policy::parse_tightening("orchestra.yaml", lowers.as_bytes())
        .tightening
        .unwrap();
    let findings = policy.tighten(&block, "orchestra.yaml");
    assert_eq!(findings[0].code, "asks-for-more");
    assert_eq!(policy.sandbox.level, SandboxLevel::Strict);
}

const ASKING: &str = "
secrets: { TOKEN: { from: env }, KEY: { from: command, argv: [pass, show, x] } }
tasks:
  fine: { run: git status }
  net: { run: 'curl x', effects: { network: full } }
  keys: { run: deploy, secrets: [TOKEN, KEY] }
  lib: { command: [docker, ps], env: { LD_PRELOAD: ./x.so } }
  up: { command: [sudo, 'true'] }
";

#[test]
fn a_plan_is_judged_before_it_starts() {
    let verdict = builtin("default").check(&plan(ASKING, &[]), &site());
    let mut said = codes(&verdict);
    said.sort();
    assert_eq!(
        said,
        [
            "keys refused secret-not-allowed",
            "keys refused secret-not-allowed",
            "keys warning program-not-listed",
            "lib refused variable-not-allowed",
            "lib warning program-not-listed",
            "net refused network-not-allowed",
            "refused secret-source-not-allowed",
            "up refused privileged-program",
        ]
    );
    assert!(
        verdict.refused && !verdict.grantable,
        "nobody grants `sudo`"
    );
    assert_eq!(verdict.refusals().count(), 6);
    assert!(verdict.approval.is_empty());
    assert_eq!(
        (
            verdict.worst.tasks,
            verdict.worst.attempts,
            verdict.worst.seconds
        ),
        (5, 5, None)
    );
}

#[test]
fn an_approval_grants_what_was_shown_and_nothing_else() {
    let text = ASKING.replace("  up: { command: [sudo, 'true'] }\n", "");
    let (plan, policy) = (plan(&text, &[]), builtin("default"));
    let verdict = policy.check(&plan, &site());
    assert!(verdict.refused && verdict.grantable);
    let granted = policy.granting(&verdict, "ada");
    assert_ne!(granted.digest(), policy.digest());
    assert!(granted.grants.iter().all(|grant| grant.by == "ada"));
    let again = granted.check(&plan, &site());
    assert!(
        !again.refused && again.grants.is_empty(),
        "{:?}",
        again.findings
    );
    // A policy that comes from its file says the same.
    let back = Policy::from_json(&granted.to_json()).unwrap();
    assert_eq!(back.digest(), granted.digest());
    // Granted to one task, and to the items it expands into, not to others.
    let network = Effects {
        network: Some(Network::Full),
        ..Effects::default()
    };
    for (task, is_granted) in [
        ("net", true),
        ("net[7]", true),
        ("fine", false),
        ("other/net", false),
    ] {
        let id = id(task);
        assert_eq!(
            back.constraints(&ask(&id, &network), &site()).is_ok(),
            is_granted,
            "{task}"
        );
    }
    let silent = id("net");
    let nothing = Effects::default();
    let silent = back.constraints(&ask(&silent, &nothing), &site()).unwrap();
    assert_eq!(silent.confine.network, Network::Full, "granted to the task");
}

#[test]
fn strict_refuses_what_default_tells_and_has_every_plan_approved() {
    let text = "tasks:\n  a: { command: [docker, ps] }\n  b: { command: [git, push] }\n  c: { run: 'for x in 1; do docker; done' }\n";
    let verdict = builtin("strict").check(&plan(text, &[]), &site());
    let mut said = codes(&verdict);
    said.sort();
    assert_eq!(
        said,
        [
            "a refused program-not-listed",
            "b refused arguments-not-allowed",
            "c info shell-text"
        ]
    );
    assert_eq!(verdict.approval, ["strict@1 has every plan approved"]);
    assert!(verdict.grantable);
    let granted = builtin("strict")
        .granting(&verdict, "ada")
        .check(&plan(text, &[]), &site());
    assert!(!granted.refused && !granted.approval.is_empty());
    let told = builtin("default").check(&plan(text, &[]), &site());
    assert!(!told.refused && told.grants.is_empty());
}

#[test]
fn approvals_follow_warnings_and_patterns() {
    let policy = |approvals: &str| {
        let text = format!("version: 1\npack: own\nuse: default\napprovals: {approvals}\n");
        Policy::from_pack(&pack(&text))
    };
    let text = "tasks:\n  build: { run: make }\n  publish_site: { command: [docker, push] }\n";
    let plan = plan(text, &[]);
    let asks = |approvals: &str| policy(approvals).check(&plan, &site()).approval.len();
    assert_eq!(asks("{ plans: never }"), 0);
    assert_eq!(asks("{ plans: on_warning }"), 1);
    assert_eq!(asks("{ plans: always }"), 1);
    assert_eq!(
        asks("{ plans: never, tasks: [{ match: 'publish*', approve: always }] }"),
        1
    );
    assert_eq!(
        asks("{ plans: never, tasks: [{ match: 'build*', approve: on_warning }] }"),
        0
    );
    assert_eq!(
        asks("{ plans: never, tasks: [{ match: '*_site', approve: on_warning }] }"),
        1
    );
}

#[test]
fn the_worst_case_counts_items_retries_and_nested_tasks() {
    let inner =
        "tasks:\n  x: { run: make, timeout: 10s, retry: 1 }\n  y: { run: make, timeout: 1s }\n";
    let text = "tasks:\n  a: { run: make, timeout: 5s, for_each: [1, 2, 3], retry: 2 }\n  b: { uses: inner.yaml, for_each: [1, 2] }\n";
    let plan = plan(text, &[("inner.yaml", inner)]);
    let worst = builtin("default").check(&plan, &site()).worst;
    assert_eq!((worst.tasks, worst.attempts), (3 + 2 * 2, 9 + 2 * 3));
    assert_eq!(
        (worst.seconds, worst.open),
        (Some(9 * 5 + 2 * (20 + 1)), false)
    );
    let small =
        "version: 1\npack: small\nuse: default\nbudgets: { tasks: 6, depth: 1, width: 2 }\n";
    let small = Policy::from_pack(&pack(small));
    let verdict = small.check(&plan, &site());
    assert_eq!(
        codes(&verdict),
        [
            "a refused budget-exceeded",
            "b refused budget-exceeded",
            "refused budget-exceeded"
        ]
    );
    assert!(!verdict.grantable);
    assert!(small.check_expansion(&id("a"), 2, 6).is_ok());
    assert!(
        small.check_expansion(&id("a"), 3, 5).is_err()
            && small.check_expansion(&id("a"), 1, 7).is_err()
    );
}

#[test]
fn a_hundred_thousand_items_share_one_answer() {
    let inner = "policy: { read: [docs] }\ntasks:\n  x: { run: make }\n";
    let text = "tasks:\n  a: { run: make, for_each: [1] }\n  b: { uses: inner.yaml }\n";
    let plan = plan(text, &[("inner.yaml", inner)]);
    let dispatch = Dispatch::new(builtin("default"), &plan, site());
    let nothing = Effects::default();
    let first = id("a[0]");
    let first = dispatch.constraints(&ask(&first, &nothing)).unwrap();
    for item in 1..100_000 {
        let id = id(&format!("a[{item}]"));
        let own = dispatch.constraints(&ask(&id, &nothing)).unwrap();
        assert!(Arc::ptr_eq(&own.confine, &first.confine));
    }
    assert_eq!(dispatch.distinct(), 1);
    // A nested scenario's own `policy` narrows its tasks further.
    let nested = id("b/x");
    let nested = dispatch.constraints(&ask(&nested, &nothing)).unwrap();
    assert!(nested.confine.read.contains(&"/p/docs".to_owned()) && nested.is_within(&first));
    assert_eq!(dispatch.distinct(), 2);
    assert_eq!(dispatch.policy(&id("b[2]/x")).paths.read.len(), 1);
}

#[test]
fn what_a_scenario_asks_for_narrows_or_is_told() {
    let text = "policy: { use: strict, programs: [git, docker], read: [docs, ~/.ssh], network: full, limits: { wall: 5m, pids: 100000 } }\ntasks: { a: { run: git log } }\n";
    let plan = plan(text, &[]);
    let mut policy = builtin("default");
    let findings = policy.tighten(&Tightening::of_request(plan.policy().unwrap()), "scenario");
    let said: Vec<_> = findings
        .iter()
        .map(|one| (one.code.as_str(), one.message.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (
                "other-pack",
                "scenario was written for pack `strict`; the policy is `default@1`"
            ),
            (
                "asks-for-more",
                "scenario asks for more than the policy: `network: full`"
            ),
            (
                "asks-for-more",
                "scenario asks for more than the policy: `programs: docker`"
            ),
            (
                "asks-for-more",
                "scenario asks for more than the policy: `paths.read: ~/.ssh`"
            ),
            (
                "asks-for-more",
                "scenario asks for more than the policy: `limits.pids: 100000`"
            ),
        ]
    );
    assert_eq!(policy.programs.len(), 1);
    assert_eq!(policy.limits.wall_ms, Some(300_000));
    let lines = policy.lines();
    let line = |key: &str| {
        lines
            .iter()
            .find(|line| line.key == key)
            .map(|line| (line.value.as_str(), line.origin.as_str()))
    };
    assert_eq!(line("limits.wall"), Some(("5m", "scenario")));
    assert_eq!(line("limits.pids"), Some(("4096", "pack default@1")));
    assert_eq!(line("programs.git"), Some(("git", "scenario")));
    assert_eq!(line("network"), Some(("none", "pack default@1")));
    assert_eq!(line("limits.cpu"), Some(("none", "not said")));
}

#[test]
fn files_are_staged_from_where_a_task_may_read_or_a_person_pointed() {
    let staged = |path: &str, policy: &Policy| {
        let text = format!(
            "inputs: {{ data: {{ type: path, default: \"{path}\" }} }}
tasks: {{ a: {{ run: cat x, files: {{ x: '${{{{ inputs.data }}}}' }} }}, b: {{ run: 'true' }} }}
"
        );
        let plan = plan(&text, &[]);
        let verdict = policy.check(&plan, &site());
        let dispatch = Dispatch::new(policy.granting(&verdict, "ada"), &plan, site());
        (codes(&verdict), dispatch)
    };
    let policy = builtin("default");
    let nothing = Vec::<String>::new();
    assert_eq!(staged("data.csv", &policy).0, nothing);
    let (said, dispatch) = staged("/srv/data.csv", &policy);
    assert_eq!(said, ["a warning file-outside"]);
    // A path that a task came up with is none that a person pointed at.
    let may = |path: &str| dispatch.staged(&id("b"), path).is_ok();
    assert!(may("/srv/data.csv") && may("/p/x") && may("/srv/./data.csv"));
    for path in [
        "/srv",
        "/srv/data.csv/..",
        "/home/u/.ssh/id",
        "/p/../etc/shadow",
        "x",
        "",
        "/home/u/notes",
    ] {
        assert!(!may(path), "{path}");
    }
    for path in [
        "/etc/shadow",
        "/home/u/.ssh/id_ed25519",
        "/home/u",
        "/",
        "/proc/self/environ",
    ] {
        let (said, dispatch) = staged(path, &policy);
        assert_eq!(said, ["a refused path-not-allowed"], "{path}");
        assert!(
            dispatch.staged(&id("a"), path).is_ok() && dispatch.staged(&id("b"), path).is_err(),
            "granted to `a`"
        );
    }
    let unconfined = policy.at_level(SandboxLevel::None, "--sandbox").unwrap();
    assert_eq!(staged("/etc/hosts", &unconfined).0, nothing);
}

#[test]
fn declared_programs_are_compared_with_those_that_are_started() {
    let text = "tasks:
  less: { run: git log | cat, effects: { programs: [git] } }
  more: { command: [env, git, log], effects: { programs: [git, env, tar] } }
  dark: { run: 'for x in 1; do tar $x; done', effects: { programs: [tar] } }
  other: { run: git log, effects: { programs: [git, docker] } }
";
    let verdict = builtin("default").check(&plan(text, &[]), &site());
    let mut said = codes(&verdict);
    said.sort();
    assert_eq!(
        said,
        [
            "dark info shell-text",
            "less warning undeclared-program",
            "more info unused-grant",
            "other info unused-grant",
            "other warning program-not-listed",
        ]
    );
}

#[test]
fn packs_build_on_others() {
    let policy = builtin("open");
    assert_eq!(policy.origin("network"), "pack open@1");
    assert_eq!(policy.origin("limits.pids"), "pack build@1");
    assert_eq!(policy.origin("programs.git"), "pack default@1");
    // Of a list: where its parts come from.
    assert_eq!(
        policy.origin("programs"),
        "pack build@1, pack default@1, pack open@1"
    );
    assert_eq!(policy.origin("paths.read"), "pack default@1");
    assert_eq!(policy.origin("limits.cpu"), "not said");
    assert_eq!(policy.limits.memory_bytes, None);
    assert!(builtin_pack("open").unwrap().contains("use: build"));
}

#[test]
fn a_longer_time_limit_is_cut_and_told() {
    let text = "tasks: { a: { command: [cat, x], timeout: 2h } }";
    let strict = builtin("strict");
    let verdict = strict.check(&plan(text, &[]), &site());
    assert_eq!(codes(&verdict), ["a warning timeout-cut"]);
    let (id, nothing) = (id("a"), Effects::default());
    let own = TaskAsk {
        timeout: Timeout {
            wall_ms: Some(7_200_000),
            idle_ms: None,
        },
        argv: vec![Some("cat"), Some("x")],
        ..ask(&id, &nothing)
    };
    let constraints = strict.constraints(&own, &site()).unwrap();
    assert_eq!(constraints.timeout.wall_ms, Some(3_600_000));
    assert_eq!(constraints.timeout.idle_ms, Some(900_000));
}
