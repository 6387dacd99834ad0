//! What the packs of this build open to tasks.

use std::collections::BTreeSet;

use super::support::{ask, builtin, codes, constraints, effects, id, pack, plan, site};
use crate::plan::Workspace;
use crate::policy::{
    Dispatch, Effects, FindingSeverity, Guarantee, Network, Policy, PolicyRequest, SandboxLevel,
    Site, TaskAsk, Tightening, UnixSockets,
};

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
        ["/p/.git", "/p/orchestra.yaml", "/p/runs"]
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
fn who_narrows_stays_within_what_the_policy_opens() {
    let policy = builtin("default");
    let of = |policy: &Policy, write| {
        let own = effects(None, write);
        constraints(policy, Workspace::Project, &own).unwrap()
    };
    let whole = of(&policy, None);
    let within = ["/home/u/.cargo/bin", "/home/u/.cargo/registry", "/p"];
    assert_eq!(whole.confine.within, within);
    let keys = of(&policy, Some(&["keys"]));
    assert_eq!(keys.confine.write, ["/p/keys"]);
    assert_eq!(keys.confine.within, within);
    assert_eq!(keys.confine.protect, whole.confine.protect);
    // A scenario that narrows its policy says no more than one that narrows a task.
    let mut narrowed = policy.clone();
    let request = PolicyRequest {
        read: Some(vec!["keys".to_owned()]),
        write: Some(vec!["keys".to_owned()]),
        ..PolicyRequest::default()
    };
    narrowed.tighten(&Tightening::of_request(&request), "the scenario");
    let keys = of(&narrowed, None);
    assert_eq!(keys.confine.write, ["/p/keys"]);
    assert_eq!(keys.confine.within, within);
    assert_eq!(keys.confine.protect, whole.confine.protect);
}

#[test]
fn effects_narrow_and_never_widen() {
    let policy = builtin("default");
    let of = |workspace, read, write| constraints(&policy, workspace, &effects(read, write));
    let narrow = of(Workspace::Project, Some(&[]), Some(&["out/"])).unwrap();
    assert_eq!(narrow.confine.write, ["/p/out"]);
    // A link in what is left may lead to what is protected.
    let whole = of(Workspace::Project, None, None).unwrap();
    assert_eq!(narrow.confine.protect, whole.confine.protect);
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
    let inside = [
        ".git",
        ".git/hooks",
        ".git/commondir",
        ".git/modules/a/config",
    ];
    for inside in inside.chunks(1) {
        let inside = of(Workspace::Project, None, Some(inside)).unwrap();
        assert_eq!(inside.confine.write, Vec::<String>::new());
    }
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
fn what_a_link_leads_to_is_neither_lent_nor_staged() {
    let of = |path: &str, real: &str| Site {
        real_home: Some("/var/home/u".into()),
        real: [(path.to_owned(), real.to_owned())].into(),
        ..site()
    };
    for (path, real) in [
        ("/p/data", "/home/u/.ssh/id"),
        ("/p/data", "/var/home/u/.ssh/id"),
        ("/var/home/u/.ssh", "/var/home/u/.ssh"),
        ("/data", "/var/home/u/.aws"),
        ("/data", "/etc/shadow"),
    ] {
        let mut policy = builtin("default");
        let site = of(path, real);
        policy.lend(path, "-i x", &site);
        assert!(policy.grants.is_empty(), "{path} {real}");
        let judged = policy.judge_staged(&id("a"), path, &[path], &site);
        let finding = judged.expect("it is told").finding;
        assert_eq!(finding.code, "path-not-allowed", "{path} {real}");
    }
    // Within the tree it may lead anywhere; elsewhere what a person names is lent.
    let mut policy = builtin("default");
    let inside = of("/p/data", "/p/other");
    let judged = policy.judge_staged(&id("a"), "/p/data", &["/p/data"], &inside);
    assert!(judged.is_none());
    policy.lend("/data", "-i x", &of("/data", "/mnt/data"));
    assert_eq!(policy.grants.len(), 1);
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
fn a_question_starts_no_program_and_is_shown_what_could_be_staged() {
    let text = "inputs: { f: { type: path, default: PATH } }\n\
                tasks: { a: { prompt: Why?, context: [inputs.f], timeout: 5m } }\n";
    let said = |path: &str, policy: &Policy| {
        let plan = plan(&text.replace("PATH", path), &[]);
        codes(&policy.check(&plan, &site()))
    };
    let policy = builtin("strict");
    assert_eq!(said("notes.md", &policy), Vec::<String>::new());
    assert_eq!(said("/srv/notes.md", &policy), ["a warning file-outside"]);
    assert_eq!(
        said("/home/u/.ssh/id_ed25519", &policy),
        ["a refused path-not-allowed"]
    );
    let mut silent = policy;
    silent.budgets.calls = Some(0);
    assert_eq!(said("notes.md", &silent), ["a refused budget-exceeded"]);
}
