//! Other accepted words of a scenario, rewritten to the canonical ones. Edits by place: every other byte
//! of the file stays as it is.

use std::collections::BTreeMap;

use crate::diagnostic::Problems;
use crate::source::SourceFile;

use super::build;
use super::keys::{Shape, Table};
use super::tree::{Kind, NodeId, Tree};
use super::words::SCENARIO;

/// A scenario's text with canonical words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The text.
    pub text: String,
    /// What was rewritten, in the order of the file.
    pub words: Vec<RewrittenWord>,
}

/// One word that was rewritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewrittenWord {
    /// Its line, from 1.
    pub line: u32,
    /// What stood there.
    pub alias: &'static str,
    /// What stands there now.
    pub canonical: &'static str,
}

/// Rewrites a scenario that [`super::parse`] has nothing against; a wrong one may come back unchanged.
#[must_use]
pub fn rewrite(source: &SourceFile) -> Rewritten {
    let tree = build::build(source.text(), &mut Problems::default());
    let mut edits = BTreeMap::new();
    if let Some(root) = tree.root {
        object(&tree, root, &SCENARIO, &mut edits);
    }
    let mut rewritten = Rewritten {
        text: String::with_capacity(source.text().len()),
        words: Vec::new(),
    };
    let mut copied = 0;
    for ((start, end), (alias, canonical)) in edits {
        rewritten.text.push_str(&source.text()[copied..start]);
        rewritten.text.push_str(canonical);
        copied = end;
        rewritten.words.push(RewrittenWord {
            line: source
                .location(u32::try_from(start).unwrap_or(u32::MAX))
                .line,
            alias,
            canonical,
        });
    }
    rewritten.text.push_str(&source.text()[copied..]);
    rewritten
}

/// Bytes of the text, and the words that stand and shall stand there. What several aliases of YAML share
/// is found more than once and edited once.
type Edits = BTreeMap<(usize, usize), (&'static str, &'static str)>;

fn object(tree: &Tree<'_>, map: NodeId, table: &'static Table, edits: &mut Edits) {
    for (key, value) in tree.entries(map) {
        let Some(word) = tree.text(key) else { continue };
        let Some(spec) = table.canonical(word) else {
            continue;
        };
        let alias = table.aliases.iter().find(|(alias, _)| *alias == word);
        if let (Some((alias, canonical)), Some(place)) = (alias, place(tree, key)) {
            edits.insert(place, (*alias, *canonical));
        }
        value_of(tree, value, &spec.shape, edits);
    }
}

fn value_of(tree: &Tree<'_>, value: NodeId, shape: &'static Shape, edits: &mut Edits) {
    match shape {
        Shape::Object(table) => object(tree, value, table, edits),
        Shape::Either(_, map) => value_of(tree, value, map, edits),
        Shape::MapOf {
            values: Shape::Object(table),
            ..
        } => {
            for (_, entry) in tree.entries(value) {
                object(tree, entry, table, edits);
            }
        }
        _ => {}
    }
}

/// Where the letters of a key stand, without its quotes. In quotes they may be escapes.
fn place(tree: &Tree<'_>, key: NodeId) -> Option<(usize, usize)> {
    let span = tree.span(key);
    let (start, end) = (span.start as usize, span.end as usize);
    match tree.kind(key) {
        Kind::Plain => Some((start, end)),
        Kind::Quoted => Some((start + 1, end - 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scenario::parse;

    fn fmt(text: &str) -> Rewritten {
        rewrite(&SourceFile::new("x.yaml", text))
    }

    /// What a scenario means, or what is wrong with it; notes aside.
    fn meaning(text: &str) -> Result<Vec<u8>, String> {
        let parsed = parse("x.yaml", text.as_bytes());
        match parsed.scenario {
            Some(scenario) => {
                let inputs = BTreeMap::new();
                Ok(scenario.plan(inputs).expect("a valid scenario").to_json())
            }
            None => Err("invalid".to_owned()),
        }
    }

    #[test]
    fn everything_else_stays() {
        let before = "# depends_on: kept\r\ntasks:\r\n  a: { run: 'when: x' }   \r\n  b:\r\n\
            \x20   \"depends_on\"  :   [ a ] # depends_on\r\n    'when': always()\r\n\r\n\
            \x20   foreach: [1,\t2 , {depends_on: x}]\n    run: |\n      depends_on: [a]\n      \n\
            \x20   working-directory: x\n    allow_failure:    true\n";
        let after = "# depends_on: kept\r\ntasks:\r\n  a: { run: 'when: x' }   \r\n  b:\r\n\
            \x20   \"needs\"  :   [ a ] # depends_on\r\n    'if': always()\r\n\r\n\
            \x20   for_each: [1,\t2 , {depends_on: x}]\n    run: |\n      depends_on: [a]\n      \n\
            \x20   working_dir: x\n    continue_on_error:    true\n";
        let found = fmt(before);
        assert_eq!(found.text, after);
        let words: Vec<_> = found.words.iter().map(|it| (it.line, it.alias)).collect();
        assert_eq!(
            words,
            [
                (5, "depends_on"),
                (6, "when"),
                (8, "foreach"),
                (12, "working-directory"),
                (13, "allow_failure"),
            ]
        );
        assert!(meaning(before).is_ok());
        assert_eq!(meaning(before), meaning(after));
    }

    #[test]
    fn shared_blocks_escapes_and_json() {
        let cases = [
            (
                "tasks:\n  a: { run: x }\n  b: &b { run: x, depends: [a] }\n  c: *b\n  d: { <<: *b }\n",
                "tasks:\n  a: { run: x }\n  b: &b { run: x, needs: [a] }\n  c: *b\n  d: { <<: *b }\n",
            ),
            (
                r#"{"tasks": {"a": {"run": "x", "wh\u0065n": "always()"}}}"#,
                r#"{"tasks": {"a": {"run": "x", "if": "always()"}}}"#,
            ),
            (
                "defaults: { working-directory: x }\ntasks:\n  a:\n    ? when\n    : failure()\n    ? run\n    : x\n",
                "defaults: { working_dir: x }\ntasks:\n  a:\n    ? if\n    : failure()\n    ? run\n    : x\n",
            ),
            (
                "secrets: { when: { from: env, name: depends } }\ntasks:\n  a: { run: x, when: always(), secrets: [when], \
                 effects: { read: [foreach] } }\n",
                "secrets: { when: { from: env, name: depends } }\ntasks:\n  a: { run: x, if: always(), secrets: [when], \
                 effects: { read: [foreach] } }\n",
            ),
        ];
        for (before, after) in cases {
            assert_eq!(fmt(before).text, after);
            assert_eq!(meaning(before), meaning(after));
            assert!(meaning(before).is_ok(), "{before}");
        }
    }

    fn task() -> impl Strategy<Value = String> {
        let key = |words: &'static [&'static str], value: &'static str| {
            let word = proptest::sample::select(words);
            let quote = proptest::sample::select(&["", "'", "\""][..]);
            let gap = proptest::sample::select(&[" ", "  ", "\t", " # when: x\n        "][..]);
            (word, quote, gap, any::<bool>()).prop_map(move |(word, quote, gap, is_there)| {
                match is_there {
                    true => format!("    {quote}{word}{quote}:{gap}{value}\n"),
                    false => String::new(),
                }
            })
        };
        (
            key(&["needs", "depends_on", "depends"], "[first]"),
            key(&["if", "when"], "always()"),
            key(&["working_dir", "working-directory"], "depends_on/when"),
            key(&["continue_on_error", "allow_failure"], "true"),
            key(&["for_each", "foreach"], "[when, {when: 1}]"),
            proptest::sample::select(&["run: |\n      when: x\n\n", "run: 'when'\n"][..]),
        )
            .prop_map(|(a, b, c, d, e, run)| format!("{a}{b}{c}    {run}{d}{e}"))
    }

    proptest! {
        #[test]
        fn rewriting_keeps_the_meaning_and_is_done_once(
            tasks in proptest::collection::vec(task(), 1..5),
            crlf: bool,
        ) {
            let mut text = "tasks:\n  first: { run: x }\n".to_owned();
            for (at, task) in tasks.iter().enumerate() {
                text += &format!("  t{at}:\n{task}");
            }
            if crlf {
                text = text.replace('\n', "\r\n");
            }
            let once = fmt(&text);
            let twice = fmt(&once.text);
            prop_assert_eq!(&twice.text, &once.text);
            prop_assert_eq!(twice.words, []);
            prop_assert_eq!(meaning(&text), meaning(&once.text));
            prop_assert!(meaning(&text).is_ok(), "{}", text);
            prop_assert_eq!(parse("x.yaml", once.text.as_bytes()).diagnostics, []);
        }

        #[test]
        fn any_text_is_rewritten_or_left(text in "\\PC{0,200}") {
            let once = fmt(&text).text;
            prop_assert_eq!(fmt(&once).text, once);
        }
    }
}
