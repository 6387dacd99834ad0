//! Packs are read with every problem at once.

use crate::policy::{BUILTIN_PACKS, Guarantee, Pack, Policy, builtin_pack, pack_schema};

use super::words::GUARANTEES;
use super::{parse_pack, parse_tightening};

fn builtin(name: &str) -> Pack {
    let text = builtin_pack(name).unwrap();
    let parsed = parse_pack(name, text.as_bytes());
    let said: Vec<_> = parsed
        .diagnostics
        .iter()
        .map(|one| one.line(&parsed.source))
        .collect();
    assert_eq!(said, Vec::<String>::new());
    parsed.pack.unwrap()
}

#[test]
fn the_packs_of_this_build_are_read_without_a_word() {
    for name in BUILTIN_PACKS {
        let pack = builtin(name);
        assert_eq!(pack.name, name);
        let policy = Policy::from_pack(&pack);
        let back = Policy::from_json(&policy.to_json()).unwrap();
        assert_eq!(back.digest(), policy.digest(), "{name}");
        assert_eq!(back, policy, "{name}");
    }
    assert!(builtin_pack("other").is_none());
}

#[test]
fn guarantees_are_the_enum() {
    let all: Vec<_> = Guarantee::ALL.iter().map(|one| one.as_str()).collect();
    assert_eq!(GUARANTEES, all);
}

#[test]
fn the_schema_takes_the_packs_of_this_build() {
    let schema = pack_schema();
    assert!(jsonschema::draft7::meta::is_valid(&schema));
    let validator = jsonschema::draft7::new(&schema).unwrap();
    for name in BUILTIN_PACKS {
        let value: serde_json::Value = serde_saphyr::from_str(builtin_pack(name).unwrap()).unwrap();
        let wrong: Vec<_> = validator
            .iter_errors(&value)
            .map(|e| e.to_string())
            .collect();
        assert_eq!(wrong, Vec::<String>::new(), "{name}");
    }
    for wrong in [
        "version: 1",
        "{ version: 1, pack: x, programz: [] }",
        "{ version: 1, pack: x, network: allowlist }",
        "{ version: 1, pack: x, limits: { pids: none, wall: 5 } }",
        "{ version: 1, pack: x, sandbox: { require: [net] } }",
    ] {
        let value: serde_json::Value = serde_saphyr::from_str(wrong).unwrap();
        assert!(!validator.is_valid(&value), "{wrong}");
    }
}

fn said(text: &str) -> Vec<String> {
    let parsed = parse_pack("p.yaml", text.as_bytes());
    let lines = parsed.diagnostics.iter().map(|one| {
        let help = one
            .help
            .as_deref()
            .map(|help| format!(" | {help}"))
            .unwrap_or_default();
        format!("{}{help}", one.line(&parsed.source))
    });
    lines.collect()
}

#[test]
fn every_problem_comes_out_with_its_place() {
    let text = "\
version: 0
pack: My Pack
use: defualt
programz: [sh]
programs:
  - sh
  - sh
  - sudo
  - ./x
  - git status
  - { args: { allow: [x] } }
  - { program: git, arg: 1, args: { allow: [\" \"], denied: [y] } }
paths: { read: [workspace, a/../b, ~/.ssh], write: [tree] }
toolchains: { rust: { read: [~/.cargo] } }
network: allowlist
environment: { pass: [\"A=B\"] }
sandbox: { level: strikt, require: [net_none], allow_degraded: [net_none, tree_kil] }
limits: { wall: 0s, pids: 0, memory: 5GB, cpu: none }
budgets: { tokens: 5.5, usd: five, calls: 3, money: 4 }
approvals: { plans: sometimes, planned: asked, tasks: [{ match: x }] }
";
    let expected: Vec<&str> = include_str!("problems.txt").lines().collect();
    assert_eq!(said(text), expected);
    assert_eq!(
        said(
            "{ version: 1, pack: x, sandbox: { require: [net_none], allow_degraded: [net_none] } }"
        ),
        [
            "p.yaml:1:73: error[contradiction]: `net_none` is required and let go at once | keep it in one of the lists"
        ],
    );
    assert_eq!(
        said("{ version: 1, pack: x, sandbox: { level: none, require: [net_none] } }"),
        [
            "p.yaml:1:57: error[contradiction]: `level: none` keeps none of the guarantees that `require` names | choose `strict` or `landlock`, or write `require: []`"
        ],
    );
    assert!(said("{ version: 1, pack: x, sandbox: { level: none, require: [] } }").is_empty());
    assert_eq!(
        said(""),
        [
            "p.yaml:1:1: error[empty-pack]: the file holds no pack | the smallest is `version: 1` and `pack: NAME`, with `use: default` to build on it"
        ],
    );
    assert_eq!(said("[]").len(), 1);
    assert_eq!(said("pack: x\n").len(), 1);
}

#[test]
fn a_project_tightens_by_the_same_words() {
    let text = "runs_dir: x\npolicy:\n  use: strict\n  programs: [sh]\n  toolchains: [rust]\n  limits: { wall: 5m }\n";
    let parsed = parse_tightening("orchestra.yaml", text.as_bytes());
    assert!(parsed.diagnostics.is_empty());
    let tightening = parsed.tightening.unwrap();
    assert_eq!(tightening.pack.as_deref(), Some("strict"));
    assert_eq!(tightening.terms.limits.given.wall_ms, Some(300_000));
    assert_eq!(tightening.terms.toolchains.unwrap().len(), 1);
    assert!(parse_tightening("x", b"runs_dir: y\n").tightening.is_none());
    let wrong = parse_tightening("x", b"policy: { programz: [sh] }\n");
    assert!(wrong.tightening.is_none() && wrong.diagnostics.len() == 1);
}

#[test]
fn no_list_of_paths_is_longer_than_attempts_can_bear() {
    let list = |count: usize| {
        let paths: Vec<String> = (0..count).map(|at| format!("/srv/{at}")).collect();
        format!(
            "{{ version: 1, pack: x, paths: {{ read: [{}] }} }}",
            paths.join(", ")
        )
    };
    assert_eq!(said(&list(1000)), Vec::<String>::new());
    assert_eq!(
        said(&list(20_000)),
        [
            "p.yaml:1:39: error[too-many-entries]: a list of 20000 paths; at most 1000 are read | \
             name the directory around them, or a pattern such as `tree/data/*/cache`"
        ]
    );
}
