//! A pack's file, or the `policy` block of a project's settings, as a whole.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Problems};
use crate::nearest::nearest;
use crate::policy::{BUILTIN_PACKS, Pack, Tightening};
use crate::source::{SourceFile, Span};

use super::super::fields::{fits, read};
use super::super::keys::Shape;
use super::super::lower::{number, text};
use super::super::tree::{Kind, NodeId, Tree};
use super::super::{build, bytes};
use super::terms::terms;
use super::words::{BLOCK, PACK};

/// Bytes of a pack: far more than any list of programs.
const MAX_PACK_BYTES: usize = 1024 * 1024;

/// What came of reading a pack.
#[derive(Debug)]
pub struct ParsedPack {
    /// The pack, if nothing is wrong with it; there may be warnings.
    pub pack: Option<Pack>,
    /// Everything there is to say, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// The text, for excerpts.
    pub source: Arc<SourceFile>,
}

/// What came of reading a project's settings.
#[derive(Debug)]
pub struct ParsedTightening {
    /// The block, if there is one and nothing is wrong with it.
    pub tightening: Option<Tightening>,
    /// Everything there is to say of the block, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// The text, for excerpts.
    pub source: Arc<SourceFile>,
}

impl Pack {
    /// Reads a pack; `name` is the file as the user typed it.
    ///
    /// # Errors
    /// Every problem of the file, in its order.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        let ParsedPack {
            pack, diagnostics, ..
        } = parse_pack(name, bytes);
        pack.ok_or(diagnostics)
    }
}

/// Reads a pack with everything there is to say about it.
#[must_use]
pub fn parse_pack(name: &str, bytes: &[u8]) -> ParsedPack {
    let (pack, diagnostics, source) = with_tree(name, bytes, |tree, problems| {
        let root = tree.root.filter(|root| !tree.is_null(*root));
        let Some(root) = root else {
            if !problems.has_errors() {
                let problem = Diagnostic::error("empty-pack", "the file holds no pack");
                let help = "the smallest is `version: 1` and `pack: NAME`, with `use: default` to build on it";
                problems.push(problem.at(Span::new(0, 0)).help(help));
            }
            return None;
        };
        match fits(tree, root, &Shape::Object(&PACK), "pack", problems)
            && tree.kind(root) == Kind::Map
        {
            true => Some(pack(tree, root, problems)),
            false => None,
        }
    });
    ParsedPack {
        pack,
        diagnostics,
        source,
    }
}

/// Reads the `policy` of a project's settings. Their other keys are not looked at; a file that cannot be
/// read at all says so here, too.
#[must_use]
pub fn parse_tightening(name: &str, bytes: &[u8]) -> ParsedTightening {
    let (tightening, diagnostics, source) = with_tree(name, bytes, |tree, problems| {
        let (_, block) = tree.entry(tree.root?, "policy")?;
        let is_block = fits(tree, block, &Shape::Object(&BLOCK), "policy", problems);
        is_block.then(|| tightening(tree, block, problems))
    });
    ParsedTightening {
        tightening,
        diagnostics,
        source,
    }
}

/// Reads text with `read`; what comes of it is kept if nothing is wrong.
fn with_tree<T>(
    name: &str,
    text: &[u8],
    read: impl FnOnce(&Tree<'_>, &mut Problems) -> Option<T>,
) -> (Option<T>, Vec<Diagnostic>, Arc<SourceFile>) {
    if text.len() > MAX_PACK_BYTES {
        let message = format!(
            "the file has {} bytes; at most {MAX_PACK_BYTES} are read",
            text.len()
        );
        let problem = Diagnostic::error("file-too-big", message);
        return (None, vec![problem], Arc::new(SourceFile::new(name, "")));
    }
    let (source, problem) = bytes::read(name, text);
    let mut problems = Problems::default();
    let is_text = problem.is_none();
    problem
        .into_iter()
        .for_each(|problem| problems.push(problem));
    let value = is_text
        .then(|| {
            let tree = build::build(source.text(), &mut problems);
            read(&tree, &mut problems)
        })
        .flatten();
    let is_sound = !problems.has_errors();
    let mut diagnostics = problems.into_vec();
    diagnostics.sort_by_key(|found| (found.code == Problems::TOO_MANY, found.span));
    // What several aliases share is said once.
    diagnostics.dedup_by(|a, b| (a.span, a.code, &a.message) == (b.span, b.code, &b.message));
    (value.filter(|_| is_sound), diagnostics, Arc::new(source))
}

fn pack(tree: &Tree<'_>, root: NodeId, problems: &mut Problems) -> Pack {
    let fields = read(tree, root, &PACK, problems);
    let name = text(tree, &fields, "pack").unwrap_or_default();
    if let Some(id) = fields.get("pack").filter(|_| !is_name(&name)) {
        let shown: String = name.chars().take(60).collect();
        let message = format!("`{}` cannot name a pack", shown.escape_debug());
        let help = "lower-case letters, digits, `_` and `-`, at most 63, a letter first";
        problems.push(
            Diagnostic::error("invalid-name", message)
                .at(tree.span(id))
                .help(help),
        );
    }
    let base = text(tree, &fields, "use");
    if let (Some(id), Some(base)) = (fields.get("use"), &base) {
        check_base(tree, id, base, problems);
    }
    let version = fields.get("version").and_then(|id| number(tree, id));
    Pack {
        name,
        version: version
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or_default(),
        description: text(tree, &fields, "description"),
        base,
        terms: terms(tree, &fields, problems),
    }
}

fn tightening(tree: &Tree<'_>, block: NodeId, problems: &mut Problems) -> Tightening {
    let fields = read(tree, block, &BLOCK, problems);
    Tightening {
        pack: text(tree, &fields, "use"),
        terms: terms(tree, &fields, problems),
    }
}

fn check_base(tree: &Tree<'_>, id: NodeId, base: &str, problems: &mut Problems) {
    if BUILTIN_PACKS.contains(&base) {
        return;
    }
    let shown: String = base.chars().take(60).collect();
    let message = format!("`{}` is not a pack of this build", shown.escape_debug());
    let help = match nearest(base, BUILTIN_PACKS) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are `{}`", BUILTIN_PACKS.join("`, `")),
    };
    problems.push(
        Diagnostic::error("unknown-pack", message)
            .at(tree.span(id))
            .help(help),
    );
}

/// Whether a pack can have this name.
fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}
