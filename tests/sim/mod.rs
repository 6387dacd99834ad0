//! Seeded simulation of the whole core: real coordinator, real workers, real journal format, on a
//! bus and a disk that fail, on virtual time. One seed is one run, killed and resumed until it ends.
//!
//! `ORCHESTRA_SIM_SEEDS=100..200` plays these seeds instead of the usual ones (`evals/soak sim` goes on
//! like that for as long as it is told); a failing seed is printed, and belongs into `seeds.rs` with
//! its story.

mod asking;
mod cut_bus;
mod fleet;
mod laws;
mod log;
mod mortal;
mod plan;
mod seeds;
mod setup;
mod tally;
mod world;

use tally::Tally;

/// Seeds of runs that ask models; they keep files, which takes longer.
const ASKING: std::ops::Range<u64> = 0..150;

/// Seeds of an ordinary run of the suite.
const SEEDS: std::ops::Range<u64> = 0..2_000;

#[test]
fn every_seed_ends_and_keeps_its_promises() {
    let mut tally = Tally::default();
    if let Some(range) = seed_range() {
        play_all(range, &mut tally);
    } else {
        play_all(SEEDS, &mut tally);
        tally.check();
    }
    println!("{tally}");
}

/// Losing an answer now and then is no crash: the worker asks again within its lease.
#[test]
fn a_lossy_bus_alone_poisons_no_task() {
    let mut tally = Tally::default();
    for seed in 0..300 {
        let played = world::play_lossy(seed);
        tally.add(
            &played
                .unwrap_or_else(|problem| panic!("seed {seed}: {problem}"))
                .tally,
        );
    }
    println!("{tally}");
    assert!(tally.of("bus: ReplyLost") > 100, "{tally}");
    // A lease ends when four heartbeats in a row are lost, one in 400,000: 0.05 of them are expected here.
    assert!(tally.of("event: lease.lost WorkerLost") <= 2, "{tally}");
}

/// Calls of models: within their budget, settled once, and none paid twice.
#[test]
fn questions_keep_their_promises_too() {
    let mut tally = Tally::default();
    let range = seed_range().unwrap_or(ASKING);
    let failed: Vec<_> = range
        .filter(|seed| match world::play_asking(*seed) {
            Ok(played) => {
                tally.add(&played.tally);
                false
            }
            Err(problem) => {
                println!("seed {seed}: {problem}");
                true
            }
        })
        .collect();
    println!("{tally}");
    assert!(failed.is_empty(), "failing seeds: {failed:?}");
    for met in [
        "death: local-ai-c",
        "settled: in full",
        "settled: no reply",
        "settled: reply",
    ] {
        assert!(
            seed_range().is_some() || tally.of(met) > 20,
            "{met}\n{tally}"
        );
    }
}

#[test]
fn seeds_that_once_failed_still_hold() {
    play_all(
        seeds::REGRESSIONS.iter().map(|(seed, _story)| *seed),
        &mut Tally::default(),
    );
}

#[test]
fn the_same_seed_plays_the_same_run() {
    for seed in 0..5 {
        let (one, two) = (world::play(seed), world::play(seed));
        let (one, two) = (one.expect("it holds"), two.expect("it holds"));
        assert!(one.journal == two.journal, "seed {seed} differs");
    }
}

fn play_all(seeds: impl IntoIterator<Item = u64>, tally: &mut Tally) {
    let failed: Vec<_> = seeds
        .into_iter()
        .filter(|seed| !holds(*seed, tally))
        .collect();
    assert!(failed.is_empty(), "failing seeds: {failed:?}");
}

fn holds(seed: u64, tally: &mut Tally) -> bool {
    match world::play(seed) {
        Ok(played) => {
            tally.add(&played.tally);
            true
        }
        Err(problem) => {
            println!("seed {seed}: {problem}");
            false
        }
    }
}

fn seed_range() -> Option<std::ops::Range<u64>> {
    let text = std::env::var("ORCHESTRA_SIM_SEEDS").ok()?;
    let parse = |text: &str| text.parse().expect("a seed, or a range such as 5..9");
    Some(match text.split_once("..") {
        Some((from, to)) => parse(from)..parse(to),
        None => parse(&text)..parse(&text) + 1,
    })
}
