//! Hostile and huge files: bounded, located, never a panic.

use std::path::Path;

use proptest::prelude::*;

use super::refusal_tests::said;
use super::{NestedBytes, Surroundings, load, parse, rewrite, schema};
use crate::plan::Plan;
use crate::source::SourceFile;

fn code_of(bytes: &[u8]) -> String {
    let parsed = parse("x.yaml", bytes);
    let found = parsed.diagnostics.first().expect("a diagnostic");
    let at = found.span.map(|span| parsed.source.location(span.start));
    assert!(parsed.scenario.is_none());
    if let Some(span) = found.span {
        assert!(parsed.source.excerpt(span).text.len() < 4000);
    }
    match at {
        Some(at) => format!("{}:{} {}", at.line, at.column, found.code),
        None => found.code.to_owned(),
    }
}

#[test]
fn bytes_that_are_no_text() {
    assert_eq!(
        code_of(b"tasks:\n  a: { run: \"\xff\" }\n"),
        "2:14 not-utf8"
    );
    assert_eq!(code_of(b"\xff\xfet\0a\0"), "not-utf8");
    assert_eq!(code_of(b"tasks:\n  a: { run: x\0 }\n"), "2:14 nul-byte");
    assert_eq!(code_of(b"a: \x1b[31m\n"), "1:4 control-character");
    assert_eq!(code_of(&vec![b' '; 32 * 1024 * 1024 + 1]), "file-too-big");
}

#[test]
fn a_line_of_ten_megabytes() {
    let mut text = b"tasks:\n  a:\n    run: ".to_vec();
    text.resize(10 * 1024 * 1024, b'x');
    assert_eq!(code_of(&text), "3:1 line-too-long");
}

#[test]
fn depth_is_bounded() {
    let flow = format!("tasks: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(code_of(flow.as_bytes()), "1:72 too-deep");
    let maps = format!("tasks: {}", "{a: ".repeat(60_000));
    assert_eq!(code_of(maps.as_bytes()), "1:264 too-deep");
    let block: String = (0..200)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    assert!(code_of(block.as_bytes()).ends_with("too-deep"));
    let dashes = "- ".repeat(10_000);
    assert!(code_of(dashes.as_bytes()).ends_with("too-deep"));
}

#[test]
fn alias_bombs_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(9);
        bomb += &format!("a{level}: &a{level} [{}]\n", before.trim_end_matches(", "));
    }
    assert!(code_of(bomb.as_bytes()).ends_with("yaml-alias"));

    let long = "x".repeat(100_000);
    let mut copies = format!("a: &a \"{long}\"\nb: [");
    copies += &"*a, ".repeat(5000);
    copies += "]\n";
    assert_eq!(code_of(copies.as_bytes()), "2:81 yaml-alias");

    let merge: String = (1..40)
        .map(|n| format!("m{n}: &m{n} {{ <<: [*m{0}, *m{0}], k{n}: 1 }}\n", n - 1))
        .collect();
    let merge = format!("m0: &m0 {{ a: 1 }}\n{merge}");
    assert!(code_of(merge.as_bytes()).ends_with("yaml-alias"));
}

#[test]
fn an_honest_shared_block_fits_the_budget() {
    let mut source =
        String::from("tasks:\n  t0: &base { run: x, env: { A: 1, B: 2, C: 3 }, retry: 1 }\n");
    for n in 1..5000 {
        source += &format!("  t{n}: *base\n");
    }
    assert_eq!(said(&source), "");
}

#[test]
fn floods_of_problems_are_cut() {
    let mut source = String::from("tasks:\n");
    for n in 0..5000 {
        let reference = format!("${{{{ tasks.v{n}.outputs.o }}}}");
        source += &format!(
            "  t{n}: {{ run: x, needs: [u{n}], bogus: 1, env: {{ A: \"{reference}\" }} }}\n"
        );
    }
    let parsed = parse("x.yaml", source.as_bytes());
    assert_eq!(parsed.diagnostics.len(), 201);
    let last = parsed.diagnostics.last().unwrap();
    assert_eq!(last.message, "14800 more problems are not shown");

    let repeated = format!("tasks:\n{}", "  a: { run: x }\n".repeat(20_000));
    assert_eq!(parse("x.yaml", repeated.as_bytes()).diagnostics.len(), 201);
}

#[test]
fn a_wide_fan_in_with_references_to_everything() {
    let mut source = String::from("tasks:\n");
    let n = 5000;
    for i in 0..n {
        source += &format!("  t{i}: {{ run: x, outputs: {{ o: int }}, artifacts: {{ f: f }} }}\n");
    }
    source += "  last:\n    run: x\n    needs:\n";
    (0..n).for_each(|i| source += &format!("      - t{i}\n"));
    source += "    files:\n";
    (0..n)
        .for_each(|i| source += &format!("      in/{i}: \"${{{{ tasks.t{i}.artifacts.f }}}}\"\n"));
    assert_eq!(said(&source), "");
}

#[test]
fn a_long_chain_with_distant_references() {
    let mut source = String::from("tasks:\n  t0: { run: x, outputs: { o: int } }\n");
    for i in 1..20_000 {
        source += &format!(
            "  t{i}: {{ run: x, needs: [t{}], env: {{ O: \"${{{{ tasks.t0.outputs.o }}}}\" }} }}\n",
            i - 1
        );
    }
    assert_eq!(said(&source), "");
}

#[test]
fn fan_outs_are_bounded() {
    let list = |count: usize| format!("[{}]", " 1,\n".repeat(count));
    let each = |count| {
        said(&format!(
            "tasks: {{ a: {{ run: x, for_each: {} }} }}\n",
            list(count)
        ))
    };
    assert_eq!(each(100_000), "");
    let expected = "1:33 too-many-items: 100001 items in `for_each`; at most 100000\n";
    assert_eq!(each(100_001), expected);
    let axis = list(400);
    let matrix = format!("tasks:\n  a: {{ run: x, matrix: {{ a: {axis}, b: {axis} }} }}\n");
    let expected = "2:24 too-many-items: a matrix of 160000 combinations; at most 100000\n";
    assert_eq!(said(&matrix), expected);
}

#[test]
fn fields_of_many_items_are_not_looked_up_again_and_again() {
    let items = " { name: a },\n".repeat(20_000);
    let arguments = " \"${{ item.nmae }}\",\n".repeat(4000);
    let source = format!("tasks: {{ a: {{ command: [x, {arguments}], for_each: [{items}] }} }}\n");
    assert_eq!(said(&source), "");
}

/// A cheap word in one file must not buy minutes of work, nor many warnings hide an error.
#[test]
fn floods_of_secrets_are_cut() {
    let declared: String = (0..100_000)
        .map(|n| format!(" S{n}: {{from: env}},\n"))
        .collect();
    let tasks: String = (0..2_000)
        .map(|n| format!(" t{n}: {{run: x, secrets: [X{n}]}},\n"))
        .collect();
    let source = format!("secrets: {{{declared}}}\ntasks: {{{tasks}}}\n");
    let parsed = parse("x.yaml", source.as_bytes());
    assert!(parsed.scenario.is_none());
    let errors = parsed.diagnostics.iter().filter(|found| found.is_error());
    assert!(errors.clone().count() > 100);
    let codes: Vec<_> = errors.map(|found| found.code).collect();
    assert!(codes.contains(&"too-many-entries") && codes.contains(&"unknown-secret"));
    let nested = format!("secrets: {{{declared}}}\ntasks: {{ t: {{ run: x }} }}\n");
    let uses: String = (0..2_000)
        .map(|n| format!(" t{n}: {{uses: ./n.yaml}},\n"))
        .collect();
    let mut surroundings = Surroundings {
        root: Path::new("/"),
        path: "x.yaml",
        read: &mut |path| {
            Ok(NestedBytes {
                name: path.to_owned(),
                bytes: nested.clone().into_bytes(),
            })
        },
    };
    let source = format!("tasks: {{{uses}}}\n");
    let parsed = load("x.yaml", source.as_bytes(), &mut surroundings);
    assert!(parsed.scenario.is_none());
    assert!(
        parsed
            .diagnostics
            .iter()
            .any(|found| found.code == "missing-secret")
    );
}

#[test]
fn the_schema_lists_what_the_parser_takes() {
    let schema = schema();
    let task = &schema["properties"]["tasks"]["additionalProperties"];
    for key in task["properties"].as_object().unwrap().keys() {
        let wrong = if key.replace('_', "") == "foreach" {
            "x"
        } else {
            "[[]]"
        };
        let found = said(&format!("tasks:\n  a:\n    {key}: {wrong}\n"));
        assert!(found.contains("wrong-type"), "{key}: {found}");
        assert!(!found.contains("unknown-key"), "{key}: {found}");
    }
    assert!(task["properties"].get("goal").is_none());
}

const VALID: &str = "version: 1\nname: x\ninputs: { since: { default: \"v1\" }, l: { type: list, default: [a] } }\n\
tasks:\n  a: &a\n    run: |\n      echo hi\n    outputs: { n: int }\n  b:\n    needs: [a]\n    <<: *a\n    \
if: tasks.a.outputs.n > 2\n    env: { S: \"${{ inputs.since }}\" }\n    retry: { max: 2, delay: 1s }\n  \
c: { depends_on: [b], uses: ./d/e.yaml, with: { x: [1, \"${{ inputs.since }}\"] }, max_parallel: 2 }\n  \
d: { run: x, for_each: [1, { a: b }], as: i, env: { S: \"${{ i.a }}${{ item }}\" }, outputs: { o: int } }\n  \
e: { run: x, matrix: { os: [a, b], n: \"${{ inputs.l }}\" }, when: matrix.os == 'a', refers: [d] }\n  \
f: { run: x, secrets: [K, L], effects: { read: [., ~/x], write: [], network: none, programs: [sh] } }\n  \
g: { prompt: \"x ${{ inputs.since }}\", needs: [a], context: [tasks.a.outputs.n, inputs.l], context_tokens: 9, \
output_schema: { type: object, properties: { k: { type: string } } }, outputs: { k: string }, model: { tier: fast, \
max_tokens: 9, effort: low }, parse: json, fallback: { prompt: y, tier: smart }, artifacts: { r: r } }\n\
defaults: { timeout: 5m, shell: bash, priority: -5, effects: { write: [out] } }\n\
secrets: { K: { from: env, name: Q }, L: { from: command, argv: [p, q] } }\n\
policy: { use: strict, read: [/x], network: none, limits: { wall: 5m, memory: 2GiB, pids: 9 } }\noutputs: { o: \"${{ tasks.d.outputs.o }}\" }\n";

const NESTED: &[u8] = b"inputs: { x: { type: list } }\ntasks: { a: { run: x } }\n";

fn never_panics(bytes: &[u8]) {
    let mut surroundings = Surroundings {
        root: Path::new("/"),
        path: "a/x.yaml",
        read: &mut |path| {
            Ok(NestedBytes {
                name: path.to_owned(),
                bytes: NESTED.to_vec(),
            })
        },
    };
    let parsed = load("x.yaml", bytes, &mut surroundings);
    assert_eq!(
        parsed.scenario.is_none(),
        parsed.diagnostics.iter().any(|found| found.is_error())
    );
    for found in &parsed.diagnostics {
        let line = found.line(&parsed.source);
        assert!(line.len() < 4000, "{line}");
        let source = found.source_or(&parsed.source);
        let span = found.span.into_iter();
        span.for_each(|span| drop(source.excerpt(span)));
    }
    let once = rewrite(&parsed.source).text;
    assert_eq!(rewrite(&SourceFile::new("x.yaml", once.as_str())).words, []);
    if let Some(scenario) = parsed.scenario {
        let root = Path::new("/");
        let Ok(inputs) = scenario.resolve(&[], root, root) else {
            return;
        };
        let plan = scenario.plan(inputs).expect("what parses checks");
        let again = Plan::from_json(&plan.to_json()).expect("what was written");
        assert_eq!(again, plan);
    }
}

#[test]
fn what_is_mutated_is_right_at_first() {
    let expected =
        "15:8 alias: `depends_on` is read as `needs`\n17:62 alias: `when` is read as `if`\n";
    let found = said(VALID);
    assert_eq!(found, expected);
    never_panics(VALID.as_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        never_panics(&bytes);
    }

    #[test]
    fn arbitrary_text(text in "[\\[\\]{}:,&*!|>'\"%@`#?\\- \n\ta-c$.0<é]{0,120}") {
        never_panics(text.as_bytes());
    }

    #[test]
    fn mutated_scenarios(edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6, any::<u8>()), 1..6)) {
        let mut bytes = VALID.as_bytes().to_vec();
        for (at, kind, byte) in edits {
            let at = at.index(bytes.len().max(1));
            match kind {
                0 => bytes[at] = byte,
                1 => bytes[at] = b" \n:-{}[]'\"&*#|>$,"[usize::from(byte) % 17],
                2 if bytes.len() > 1 => drop(bytes.remove(at)),
                3 => bytes.insert(at, b" \n:-{}[]'\"&*#|>$,"[usize::from(byte) % 17]),
                4 => bytes.truncate(at.max(1)),
                _ => {
                    let tail = bytes[at..].to_vec();
                    bytes.extend(tail);
                }
            }
        }
        never_panics(&bytes);
    }

    #[test]
    fn arbitrary_expressions(text in "[a-z.(){}|'\"$ +*~<>=\\[\\]0-9,é-]{0,60}") {
        let source = serde_json::json!({"tasks": {"a": {"run": "x", "if": text, "env": {"X": format!("${{{{ {text} }}}}")}}}});
        never_panics(source.to_string().as_bytes());
    }
}

#[test]
fn hints_about_long_files_are_not_slow() {
    let started = std::time::Instant::now();
    let flow = format!(
        "tasks: {{\n{}  b: {{ run: x\n  c: y\n",
        "  a: {},\n".repeat(300_000)
    );
    assert!(code_of(flow.as_bytes()).ends_with("yaml-syntax"));
    let quote = format!(
        "tasks:\n  a:\n    run: \"{}\n b: c\n",
        "     x\n".repeat(300_000)
    );
    assert!(code_of(quote.as_bytes()).ends_with("yaml-syntax"));
    let deep = format!("tasks:\n  a:\n{}   b: c\n", "    # x\n".repeat(300_000));
    assert!(!code_of(deep.as_bytes()).is_empty());
    let paths: String = (0..20_000)
        .map(|at| format!("      {}{at}: x\n", "a/".repeat(400)))
        .collect();
    let files = format!("tasks:\n  a:\n    run: x\n    files:\n{paths}");
    assert!(!code_of(files.as_bytes()).is_empty());
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
}

#[test]
fn hints_end_where_the_text_does() {
    let slips = [
        "\"é", "'é\n", "{é", "[é: ", "\"\\é", "\"\\", "&", "*", "!", "!é", "| é", "- é", "&é é",
    ];
    for slip in slips {
        for around in [
            "",
            "a: ",
            "é:\n  ",
            "tasks: {\n é: ",
            "tasks:\n   a:\n  b: ",
        ] {
            for tail in ["", "é", "\n é", "\n\té: é\n", "\" é"] {
                let text = format!("{around}{slip}{tail}");
                assert!(!code_of(text.as_bytes()).is_empty(), "{text:?}");
            }
        }
    }
}
