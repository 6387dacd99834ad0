//! What holds for any policy, tightening and task.

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::ids::TaskId;
use crate::plan::Workspace;
use crate::policy::place::covers;
use crate::policy::{
    ApproveWhen, ArgumentRule, Budgets, Effects, Grant, Granted, Guarantee, LimitTerms,
    LimitsRequest, Mode, Network, Pack, Policy, PolicyPath, ProgramRule, SandboxLevel,
    SecretSourceKind, Site, TaskApproval, TaskAsk, Terms, Tightening, Timeout, Toolchain,
    UnixSockets, parse_pack, parse_tightening,
};

const PATHS: &[&str] = &[
    "tree",
    "tree/a",
    "tree/a/b",
    "tree/b",
    "~",
    "~/x",
    "~/x/y",
    "/opt",
    "/opt/t",
    "/",
    ".git/hooks",
    "~/*/bin",
];
const PROGRAMS: &[&str] = &[
    "git", "g*", "*", "sh", "python3", "python3*", "cargo", "sudoku",
];
const NAMES: &[&str] = &["A", "B", "LC_ALL", "LD_PRELOAD", "PYTHON*", "*"];

fn names() -> impl Strategy<Value = BTreeSet<String>> {
    subsequence(NAMES, 0..NAMES.len()).prop_map(|all| all.into_iter().map(str::to_owned).collect())
}

fn paths(workspace: bool) -> impl Strategy<Value = BTreeSet<PolicyPath>> {
    let mut all = PATHS.to_vec();
    if workspace {
        all.extend(["workspace", "workspace/a"]);
    }
    subsequence(all, 0..5)
        .prop_map(|all| all.into_iter().map(|path| path.parse().unwrap()).collect())
}

fn limits() -> impl Strategy<Value = LimitsRequest> {
    let one = || option::of(1_u64..50);
    (
        (one(), one(), one(), one()),
        (one(), one(), one(), one(), one()),
        option::of(1_u32..50),
    )
        .prop_map(
            |(
                (wall_ms, idle_ms, cpu_ms, memory_bytes),
                (output_bytes, disk_bytes, files, file_bytes, tmp_bytes),
                pids,
            )| {
                LimitsRequest {
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
                }
            },
        )
}

fn programs() -> impl Strategy<Value = Vec<ProgramRule>> {
    let args = || {
        (
            vec(select(&["status", "log -1"][..]), 0..2),
            vec(select(&["-x", "push -f"][..]), 0..2),
        )
    };
    let rules = subsequence(PROGRAMS, 0..PROGRAMS.len()).prop_flat_map(move |names| {
        let count = names.len();
        (Just(names), vec(args(), count))
    });
    rules.prop_map(|(names, args)| {
        let texts = |all: Vec<&str>| all.into_iter().map(str::to_owned).collect();
        let rule = |(name, (allow, deny)): (&str, (Vec<&str>, Vec<&str>))| ProgramRule {
            args: ArgumentRule {
                allow: texts(allow),
                deny: texts(deny),
            },
            ..ProgramRule::any_arguments(name)
        };
        names.into_iter().zip(args).map(rule).collect()
    })
}

type Confinement = (
    Option<SandboxLevel>,
    Option<bool>,
    Option<BTreeSet<Guarantee>>,
    Option<BTreeSet<Guarantee>>,
    Option<UnixSockets>,
    Option<bool>,
    Option<Network>,
);

fn confinement() -> impl Strategy<Value = Confinement> {
    let guarantees = || option::of(btree_set(select(Guarantee::ALL), 0..8));
    (
        option::of(select(SandboxLevel::ALL)),
        option::of(any::<bool>()),
        guarantees(),
        guarantees(),
        option::of(select(UnixSockets::ALL)),
        option::of(any::<bool>()),
        option::of(select(Network::ALL)),
    )
}

fn toolchain() -> impl Strategy<Value = Toolchain> {
    (paths(false), subsequence(PATHS, 0..3)).prop_map(|(read, path)| Toolchain {
        read,
        path: path.into_iter().map(|path| path.parse().unwrap()).collect(),
        env: [("T".to_owned(), "~/t".to_owned())].into(),
    })
}

/// Anything a pack can say; a project the same, `is_pack` being false.
fn terms(is_pack: bool) -> impl Strategy<Value = Terms> {
    let when = || {
        select(
            &[
                ApproveWhen::Never,
                ApproveWhen::OnWarning,
                ApproveWhen::Always,
            ][..],
        )
    };
    let open = (
        option::of(paths(false)),
        option::of(paths(true)),
        option::of(paths(false)),
        option::of(programs()),
    );
    let kinds = select(
        &[
            SecretSourceKind::Env,
            SecretSourceKind::File,
            SecretSourceKind::Command,
        ][..],
    );
    let more = (
        option::of(names()),
        option::of(names()),
        option::of(names()),
        option::of(btree_set(kinds, 0..3)),
        option::of(proptest::collection::btree_map(
            select(&["rust", "go"][..]),
            toolchain(),
            0..2,
        )),
        option::of(any::<bool>()),
    );
    let asks = (
        (option::of(when()), option::of(when())),
        option::of(select(&[Mode::Warn, Mode::Enforce][..])),
        vec((select(&["a", "b*"][..]), when()), 0..2),
    );
    (
        confinement(),
        open,
        more,
        limits(),
        option::of(1_u64..20),
        asks,
    )
        .prop_map(
            move |(
                confinement,
                (read, write, protect, programs),
                more,
                given,
                tasks,
                ((plans, planned), mode, approvals),
            )| {
                let (level, may_lower, require, allow_degraded, unix_sockets, debug, network) =
                    confinement;
                let (
                    pass,
                    allow_variables,
                    secrets,
                    secret_sources,
                    toolchains,
                    workspace_programs,
                ) = more;
                let pass = pass.map(|names: BTreeSet<String>| {
                    names
                        .into_iter()
                        .filter(|name| !name.contains('*'))
                        .collect()
                });
                let whole = |rule: &ProgramRule| is_pack || !rule.program.contains('*');
                Terms {
                    mode,
                    level,
                    may_lower,
                    require,
                    allow_degraded,
                    unix_sockets,
                    debug,
                    programs: programs.map(|rules| rules.into_iter().filter(whole).collect()),
                    workspace_programs,
                    read,
                    write,
                    protect,
                    toolchains: toolchains.map(|all| {
                        all.into_iter()
                            .map(|(name, it)| (name.to_owned(), it))
                            .collect()
                    }),
                    network,
                    pass,
                    allow_variables,
                    secrets,
                    secret_sources,
                    limits: LimitTerms {
                        given,
                        ..LimitTerms::default()
                    },
                    budgets: Budgets {
                        tasks,
                        // Of every kind of unit one.
                        usd_nanos: tasks.map(|n| n * 7),
                        tokens: tasks,
                        ..Budgets::default()
                    },
                    plans,
                    planned,
                    tasks: Some(
                        approvals
                            .into_iter()
                            .map(|(pattern, approve)| TaskApproval {
                                pattern: pattern.to_owned(),
                                approve,
                            })
                            .collect(),
                    ),
                }
            },
        )
}

fn policy() -> impl Strategy<Value = Policy> {
    let grants = vec((any::<bool>(), select(PATHS)), 0..2);
    (terms(true), grants).prop_map(|(terms, grants)| {
        let pack = Pack {
            name: "p".into(),
            version: 1,
            terms,
            ..Pack::default()
        };
        let mut policy = Policy::from_pack(&pack);
        for (read, path) in grants {
            let path: PolicyPath = path.parse().unwrap();
            let what = if read {
                Granted::Read { path }
            } else {
                Granted::Write { path }
            };
            policy.grants.insert(Grant {
                what,
                task: None,
                by: "x".into(),
            });
        }
        policy
    })
}

fn tightening() -> impl Strategy<Value = Tightening> {
    terms(false).prop_map(|terms| Tightening { pack: None, terms })
}

#[derive(Clone, Debug)]
struct Asked {
    argv: Vec<String>,
    env: BTreeSet<String>,
    project: bool,
    effects: Effects,
    secrets: Vec<String>,
    wall_ms: Option<u64>,
}

fn asked() -> impl Strategy<Value = Asked> {
    let effects = || {
        option::of(subsequence(
            &["a", "a/b", "b", "~/x", "/opt/t", "/usr/x", "."][..],
            0..4,
        ))
    };
    let words = vec(
        select(
            &[
                "git",
                "sh",
                "-c",
                "status",
                "push",
                "-f",
                "./x",
                "cargo",
                "sudo",
                "git log; rm x",
            ][..],
        ),
        0..4,
    );
    let names = || subsequence(&["A", "LD_PRELOAD", "PYTHONPATH"][..], 0..3);
    (
        words,
        names(),
        any::<bool>(),
        (effects(), effects(), option::of(select(Network::ALL))),
        names(),
        option::of(1_u64..60),
    )
        .prop_map(
            |(argv, env, project, (read, write, network), secrets, wall_ms)| {
                let texts = |all: Vec<&str>| all.into_iter().map(str::to_owned).collect::<Vec<_>>();
                Asked {
                    argv: texts(argv),
                    env: texts(env).into_iter().collect(),
                    project,
                    effects: Effects {
                        read: read.map(texts),
                        write: write.map(texts),
                        network,
                        programs: None,
                    },
                    secrets: texts(secrets),
                    wall_ms,
                }
            },
        )
}

impl Asked {
    fn ask<'a>(&'a self, id: &'a TaskId) -> TaskAsk<'a> {
        TaskAsk {
            id,
            argv: self.argv.iter().map(|word| Some(word.as_str())).collect(),
            real_program: None,
            env: self.env.iter().map(String::as_str).collect(),
            workspace: if self.project {
                Workspace::Project
            } else {
                Workspace::Scratch
            },
            effects: &self.effects,
            secrets: &self.secrets,
            timeout: Timeout {
                wall_ms: self.wall_ms,
                idle_ms: None,
            },
        }
    }
}

fn site() -> impl Strategy<Value = Site> {
    let root = select(
        &[
            Some("/p"),
            Some("/home/u/p"),
            Some("/home/u"),
            Some("/opt/t"),
            None,
        ][..],
    );
    (
        root,
        any::<bool>(),
        option::of(select(&["/p/runs", "/opt"][..])),
    )
        .prop_map(|(root, home, runs)| {
            let mut site = Site {
                root: root.map(str::to_owned),
                home: home.then(|| "/home/u".to_owned()),
                runs: runs.map(str::to_owned),
                ..Site::default()
            };
            for path in PATHS {
                let expanded = path.parse::<PolicyPath>().unwrap().expanded(&site);
                if let Some(path) = expanded {
                    let names = if path.contains('*') {
                        &["n", "x", "a", "b"][..]
                    } else {
                        &["n"]
                    };
                    let found = names.iter().map(|name| path.replace('*', name));
                    site.found.insert(path.clone(), found.collect());
                }
            }
            site
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn tightening_never_widens(policy in policy(), by in tightening(), asked in asked(), site in site()) {
        let id: TaskId = "a[3]".parse().unwrap();
        let ask = asked.ask(&id);
        let mut tightened = policy.clone();
        tightened.tighten(&by, "test");
        let (before, after) = (policy.compile(&ask, &site), tightened.compile(&ask, &site));
        prop_assert!(after.is_within(&before), "{after:#?}\nis not within\n{before:#?}");
        // What was refused stays refused.
        if let Err(finding) = policy.constraints(&ask, &site) {
            prop_assert!(tightened.constraints(&ask, &site).is_err(), "{finding:?}");
        }
    }

    #[test]
    fn the_order_of_tightenings_does_not_matter(policy in policy(), one in tightening(), other in tightening()) {
        let tightened = |first: &Tightening, second: &Tightening| {
            let mut policy = policy.clone();
            policy.tighten(first, "first");
            policy.tighten(second, "second");
            policy
        };
        let (there, back) = (tightened(&one, &other), tightened(&other, &one));
        prop_assert_eq!(there.digest(), back.digest(), "{:#?} {:#?}", there, back);
        // Once more changes nothing.
        let mut again = there.clone();
        again.tighten(&one, "again");
        prop_assert_eq!(again.digest(), there.digest());
    }

    #[test]
    fn effects_never_widen(policy in policy(), asked in asked(), site in site()) {
        let id: TaskId = "a".parse().unwrap();
        let silent = Asked { effects: Effects::default(), wall_ms: None, ..asked.clone() };
        let (all, own) = (policy.compile(&silent.ask(&id), &site), policy.compile(&asked.ask(&id), &site));
        prop_assert!(own.is_within(&all), "{own:#?}\nis not within\n{all:#?}");
    }

    #[test]
    fn what_is_open_is_what_the_policy_opens(policy in policy(), asked in asked(), site in site()) {
        let id: TaskId = "a".parse().unwrap();
        let constraints = policy.compile(&asked.ask(&id), &site);
        {
            let confine = &constraints.confine;
            prop_assert!(constraints.is_within(&constraints));
            for path in confine.read.iter().chain(&confine.write) {
                prop_assert!(confine.within.iter().any(|open| covers(open, path)), "{path} {confine:?}");
            }
            let runs = site.runs.iter();
            for runs in runs.filter(|_| !confine.write.is_empty()) {
                let reaches = confine.write.iter().any(|open| runs == open || runs.starts_with(&format!("{open}/")) || open == "/");
                prop_assert!(!reaches || confine.protect.iter().any(|own| runs.starts_with(own.as_str())), "{confine:?}");
            }
            if site.tree_holds_home() && !policy.paths.read.iter().chain(&policy.paths.write).any(|path| !path.is_of_tree()) && policy.grants.is_empty() && policy.toolchains.is_empty() {
                prop_assert!(confine.read.is_empty() && confine.write.is_empty(), "{confine:?}");
            }
        }
    }

    #[test]
    fn the_file_of_a_policy_round_trips(policy in policy()) {
        let json = policy.to_json();
        let back = Policy::from_json(&json).unwrap();
        prop_assert_eq!(back.digest(), policy.digest());
        prop_assert_eq!(back.to_json(), json);
        prop_assert!(!policy.lines().is_empty());
    }

    #[test]
    fn any_bytes_are_a_pack_or_are_refused(bytes in vec(any::<u8>(), 0..400)) {
        let parsed = parse_pack("x", &bytes);
        prop_assert!(parsed.pack.is_some() || !parsed.diagnostics.is_empty());
        let block = parse_tightening("x", &bytes);
        prop_assert!(block.tightening.is_none() || block.diagnostics.iter().all(|one| !one.is_error()));
        prop_assert!(Policy::from_json(&bytes).is_err());
    }

    #[test]
    fn any_text_made_of_a_packs_words_is_read(lines in vec(select(PIECES), 0..30)) {
        let text = lines.concat();
        let parsed = parse_pack("x", text.as_bytes());
        prop_assert!(parsed.pack.is_some() || !parsed.diagnostics.is_empty(), "{text}");
        for problem in &parsed.diagnostics {
            prop_assert!(!problem.line(&parsed.source).contains('\n'));
        }
        if let Some(pack) = parsed.pack {
            let rules = pack.terms.programs.iter().flatten();
            let lines = rules.map(|rule| rule.examples.matching.len() + rule.examples.no_match.len());
            prop_assert_eq!(pack.test().len(), lines.sum::<usize>());
            let policy = Policy::from_pack(&pack);
            prop_assert_eq!(Policy::from_json(&policy.to_json()).unwrap().digest(), policy.digest());
        }
        let block = format!("policy:\n  {}", text.replace('\n', "\n  "));
        let block = parse_tightening("x", block.as_bytes());
        prop_assert!(block.tightening.is_none() || block.diagnostics.iter().all(|one| !one.is_error()));
    }

    #[test]
    fn any_command_line_is_decided(argv in vec(option::weighted(0.9, word()), 0..8), policy in policy(), site in site()) {
        let argv: Vec<Option<&str>> = argv.iter().map(Option::as_deref).collect();
        let admission = policy.admit(&argv, None, &site);
        prop_assert!(admission.programs.len() <= 300);
        prop_assert!(!admission.programs.is_empty());
    }
}

/// Words as they stand in command lines, and anything else.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        select(
            &[
                "env", "sh", "-c", "--", "-", "xargs", "find", "-exec", ";", "timeout", "5",
                "nice", "git", "X=1", "a; b | c", "'", "\"$x\"", "$(x)", "exec", ">", "\\"
            ][..]
        )
        .prop_map(str::to_owned),
        "[ -~\\n]{0,30}",
        any::<String>(),
    ]
}

/// Parts of packs.
const PIECES: &[&str] = &[
    "version: 1\n",
    "pack: x\n",
    "use: default\n",
    "mode: enforce\n",
    "programs:\n",
    "  - sh\n",
    "  - program: git\n",
    "    args: { allow: [status], deny: [-x] }\n",
    "    examples: { match: [git status], no_match: [git 'x] }\n",
    "paths:\n",
    "  read: [tree, ~/x]\n",
    "  write: [workspace]\n",
    "network: full\n",
    "limits: { wall: 5m, pids: none }\n",
    "sandbox: { level: strict }\n",
    "secrets: { allow: [\"*\"] }\n",
    "toolchains:\n",
    "  rust: { read: [~/.rustup] }\n",
    "approvals: { plans: always, tasks: [{ match: x, approve: always }] }\n",
    "- ",
    "  ",
    "{",
    "]",
    "&a ",
    "*a",
    ": ",
    "\n",
];

#[test]
fn the_order_of_keys_does_not_matter() {
    let one = "version: 1\npack: x\nprograms: [sh, git]\nlimits: { wall: 5m, pids: 5 }\npaths: { read: [tree, ~/x], write: [workspace] }\n";
    let other = "paths: { write: [workspace], read: [~/x, tree] }\nlimits: { pids: 5, wall: 300s }\nprograms: [git, sh]\npack: x\nversion: 1\n";
    let digest =
        |text: &str| Policy::from_pack(&Pack::parse("x", text.as_bytes()).unwrap()).digest();
    assert_eq!(digest(one), digest(other));
    assert_ne!(digest(one), digest(&one.replace("5m", "6m")));
}
