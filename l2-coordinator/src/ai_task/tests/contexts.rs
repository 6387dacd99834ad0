//! What fits into the budget of tokens, and what is said of the rest.

use proptest::prelude::*;

use super::support::material;
use crate::ai_task::context::{MAX_PIECES, Material, fit};
use crate::model::estimate_text;

fn kept(material: &[Material], tokens: u32) -> (Vec<usize>, Vec<String>) {
    let context = fit(material, Some(tokens));
    let sizes = context.pieces.iter().map(String::len).collect();
    (sizes, context.said)
}

#[test]
fn what_fits_is_whole_and_nothing_is_said() {
    let context = fit(&[material("a", "one\n"), material("b", "two")], None);
    assert_eq!(context.pieces.len(), 2);
    assert!(context.pieces[0].contains("label=\"a\">\none\n</data-"));
    assert!(context.said.is_empty());
    assert_eq!(fit(&[], None).pieces.len(), 0);
}

#[test]
fn small_ones_are_whole_before_a_large_one_is_cut() {
    let large = "line of text\n".repeat(1000);
    let pieces = [material("large", &large), material("small", "all of it")];
    let (sizes, said) = kept(&pieces, 1000);
    assert_eq!(sizes.len(), 2);
    assert!(
        said[0].starts_with("`large` was cut for the prompt: "),
        "{said:?}"
    );
    let context = fit(&pieces, Some(1000));
    assert!(context.pieces[0].contains(" cut-bytes=\""));
    assert!(
        context.pieces[0].contains("line of text\n</data-"),
        "at the end of a line"
    );
    assert!(context.pieces[1].contains("all of it"));
}

#[test]
fn what_would_be_a_few_words_is_left_out_from_the_end() {
    let large = "x".repeat(10_000);
    let pieces: Vec<_> = (0..10)
        .map(|n| material(&format!("m{n}"), &large))
        .collect();
    let (sizes, said) = kept(&pieces, 1500);
    assert_eq!(sizes.len(), 3, "{said:?}");
    assert!(said.contains(&"`m9` was left out of the prompt: there is no room for it".to_owned()));
    assert_eq!(kept(&pieces, 100).0.len(), 0);
}

#[test]
fn bytes_that_are_no_text_are_left_out_and_a_cut_character_is_not_shown() {
    let binary = Material {
        bytes: vec![0x7f, b'E', b'L', b'F', 0, 1],
        ..material("tool", "")
    };
    let part = Material {
        label: "part".into(),
        bytes: "grün".as_bytes()[..3].to_vec(),
        total: 1_000,
    };
    let context = fit(&[binary, part], None);
    assert_eq!(context.dropped, 1);
    assert_eq!(
        context.said[0],
        "`tool` was left out of the prompt: it is no text"
    );
    assert!(
        context.pieces[0].contains("cut-bytes=\"997\">\ngr\n"),
        "{:?}",
        context.pieces
    );
}

#[test]
fn more_pieces_than_anyone_reads_are_left_out() {
    let pieces: Vec<_> = (0..=MAX_PIECES)
        .map(|n| material(&format!("m{n}"), "x"))
        .collect();
    let context = fit(&pieces, Some(1_000_000));
    assert_eq!((context.pieces.len(), context.dropped), (MAX_PIECES, 1));
}

proptest! {
    #[test]
    fn nothing_exceeds_its_budget_and_nothing_is_missing_unsaid(
        sizes in proptest::collection::vec(0_usize..20_000, 0..12),
        tokens in 0_u32..20_000,
        text in "(\\PC|\n|\u{1}){1,8}",
    ) {
        let pieces: Vec<_> = sizes.iter().map(|size| material("m", &text.repeat(size / text.len()))).collect();
        let context = fit(&pieces, Some(tokens));
        let used: u64 = context.pieces.iter().map(|piece| estimate_text(piece)).sum();
        prop_assert!(used <= u64::from(tokens) + context.pieces.len() as u64, "{used} of {tokens}");
        prop_assert_eq!(context.pieces.len() + context.dropped, pieces.len());
        let cut = context.pieces.iter().filter(|piece| piece.contains(" cut-bytes=")).count();
        prop_assert_eq!(context.said.len(), cut + context.dropped);
    }
}
