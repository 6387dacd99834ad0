//! Material of a prompt, made to fit a budget of tokens. Small pieces are whole before large ones are cut,
//! and what would shrink to nothing of use is left out from the end. Whatever is missing is said.

use protocol::policy::one_line;

use crate::model::BYTES_PER_TOKEN;
use crate::planner::{fenced_part, plain};

/// Tokens of material unless a task says otherwise: half of what the smallest context of today's models
/// takes, so that task and answer have room as well.
pub const CONTEXT_TOKENS: u32 = 100_000;
/// Pieces that are looked at; a directory of more files wants a task that picks some.
pub const MAX_PIECES: usize = 256;
/// A piece that would get less than this is left out: a few lines of a file mislead more than they tell.
const MIN_PIECE_BYTES: usize = 600;
/// Bytes that a piece takes beside its text: tags, label, line breaks.
const PIECE_OVERHEAD: usize = 640;
/// Characters of a label in what is said.
const MAX_LABEL: usize = 120;
/// Bytes in which a NUL is looked for.
const LOOKED_AT: usize = 8 * 1024;

/// Something a prompt is given, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Material {
    /// What it is, such as `tasks.build.artifacts.log`.
    pub label: String,
    /// Its beginning; all of it where `total` says so.
    pub bytes: Vec<u8>,
    /// How long it is.
    pub total: u64,
}

/// What goes into the question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Context {
    /// Behind fences, in the order they were named.
    pub(super) pieces: Vec<String>,
    /// How many are left out.
    pub(super) dropped: usize,
    /// What was cut and what was left out, one line each.
    pub(super) said: Vec<String>,
}

/// Bytes of one material that can be of use: nobody needs to read more.
#[must_use]
pub fn room_for_context(tokens: Option<u32>) -> usize {
    let bytes = u64::from(tokens.unwrap_or(CONTEXT_TOKENS)).saturating_mul(BYTES_PER_TOKEN);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// A text that can be shown, and how many bytes of its source are not in it.
struct Piece<'a> {
    label: &'a str,
    text: String,
    unread: u64,
}

/// Fits material into so many tokens.
pub(super) fn fit(material: &[Material], tokens: Option<u32>) -> Context {
    let mut context = Context::default();
    let mut pieces = Vec::new();
    for one in material.iter().take(MAX_PIECES) {
        match text_of(one) {
            Some(text) => pieces.push(Piece {
                label: &one.label,
                text,
                unread: one.total.saturating_sub(one.bytes.len() as u64),
            }),
            None => context.leave_out(&one.label, "it is no text"),
        }
    }
    for one in material.iter().skip(MAX_PIECES) {
        let why = format!("a prompt takes {MAX_PIECES} pieces");
        context.leave_out(&one.label, &why);
    }
    let sizes: Vec<usize> = pieces.iter().map(|piece| piece.text.len()).collect();
    let (kept, level) = share(&sizes, room_for_context(tokens));
    for (index, piece) in pieces.iter().enumerate() {
        match index < kept {
            true => context.take(piece, level),
            false => context.leave_out(piece.label, "there is no room for it"),
        }
    }
    context
}

impl Context {
    fn leave_out(&mut self, label: &str, why: &str) {
        self.dropped += 1;
        let label = one_line(label, MAX_LABEL);
        self.said
            .push(format!("`{label}` was left out of the prompt: {why}"));
    }

    fn take(&mut self, piece: &Piece<'_>, level: usize) {
        let kept = cut(&piece.text, level);
        let left = (piece.text.len() - kept.len()) as u64 + piece.unread;
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        self.pieces.push(fenced_part(piece.label, kept, left));
        if left > 0 {
            let label = one_line(piece.label, MAX_LABEL);
            let kept = kept.len();
            self.said.push(format!(
                "`{label}` was cut for the prompt: {kept} bytes of it are there, {left} are not"
            ));
        }
    }
}

/// How many of the first pieces are taken, and how many bytes each may have at most.
fn share(sizes: &[usize], room: usize) -> (usize, usize) {
    for kept in (1..=sizes.len()).rev() {
        let Some(room) = room.checked_sub(kept.saturating_mul(PIECE_OVERHEAD)) else {
            continue;
        };
        let sizes = &sizes[..kept];
        let level = level(sizes, room);
        let is_useful = |size: &usize| *size <= level || level >= MIN_PIECE_BYTES;
        if sizes.iter().all(is_useful) {
            return (kept, level);
        }
    }
    (0, 0)
}

/// The most that each may have so that all together fit: what small ones do not need goes to the others.
fn level(sizes: &[usize], room: usize) -> usize {
    let mut ascending = sizes.to_vec();
    ascending.sort_unstable();
    let mut left = room;
    for (index, size) in ascending.iter().enumerate() {
        let each = left / (ascending.len() - index);
        if *size > each {
            return each;
        }
        left -= size;
    }
    usize::MAX
}

/// The beginning, at the end of a line where one is near.
fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let kept = &text[..text.floor_char_boundary(most)];
    match kept.rfind('\n') {
        Some(at) if at >= kept.len() / 2 => &kept[..=at],
        _ => kept,
    }
}

/// As text, without control characters; none of bytes that are no text.
fn text_of(material: &Material) -> Option<String> {
    let bytes = &material.bytes;
    if bytes[..bytes.len().min(LOOKED_AT)].contains(&0) {
        return None;
    }
    let is_part = material.total > bytes.len() as u64;
    let whole = match std::str::from_utf8(bytes) {
        // Cut in the middle of a character.
        Err(error) if is_part && error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    };
    Some(plain(&String::from_utf8_lossy(whole)))
}
