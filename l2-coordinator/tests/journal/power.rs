//! Power cuts: whatever was reported as synced is still there afterwards, or the reader refuses.

use std::collections::BTreeMap;
use std::sync::Arc;

use l2_coordinator::journal::{MemoryDisk, PowerCut, ReadError, SyncMode, Writer};
use protocol::event::Event;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

use crate::builder::{at, attempt, done, lease, recover, started};

const SEEDS: u64 = 500;

/// Writes for a while, loses power, recovers; and again, as often as the seed says.
fn live_and_die(seed: u64, cut: PowerCut) -> Result<(), ReadError> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let disk = Arc::new(MemoryDisk::new());
    let mut writer = Writer::create(disk.clone(), SyncMode::Inline).unwrap();
    let mut history = writer.append(at(1), vec![started()]).unwrap();
    writer.sync_now().unwrap();
    let mut n = 0;
    for _life in 0..rng.random_range(1..=3) {
        for _batch in 0..rng.random_range(1..=30) {
            n += 1;
            let kinds = match rng.random_range(0..4) {
                0 => vec![lease(n), attempt(n)],
                1 => vec![done(n, rng.random_range(0..6000))],
                2 => vec![attempt(n), done(n, 0), lease(n + 1), done(n + 1, 300)],
                _ => vec![lease(n)],
            };
            history.extend(writer.append(at(2), kinds).unwrap());
            if rng.random_bool(0.25) {
                writer.request_sync();
            }
        }
        let promised = writer.synced_seq();
        assert!(promised >= 1);
        drop(writer);
        disk.cut_power(cut, &mut rng);
        let (events, recovered) = recover(&disk)?;
        assert_kept(seed, &history, &events, promised);
        writer = recovered;
        history = events;
    }
    Ok(())
}

/// Every synced event is there, and nothing is there that was not written.
fn assert_kept(seed: u64, history: &[Event], events: &[Event], promised: u64) {
    let kept = events
        .iter()
        .zip(history)
        .take_while(|(now, before)| now == before)
        .count();
    assert!(
        kept as u64 >= promised,
        "seed {seed}: kept {kept} of {promised} synced events"
    );
    let rest = &events[kept..];
    assert!(
        rest.iter()
            .all(|event| event.kind.name() == "journal.recovered")
            && rest.len() <= 1,
        "seed {seed}: events out of nowhere: {rest:?}"
    );
}

#[test]
fn what_was_synced_survives_500_power_cuts_of_each_kind() {
    let mut outcomes: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for seed in 0..SEEDS {
        let cuts = [
            (PowerCut::Cut, "cut"),
            (PowerCut::Zero, "zero"),
            (PowerCut::Reorder, "reorder"),
        ];
        for (cut, name) in cuts {
            let outcome = match live_and_die(seed, cut) {
                Ok(()) => "recovered",
                Err(ReadError::Damaged { .. }) => "refused",
                Err(error) => panic!("seed {seed}, {name}: {error}"),
            };
            *outcomes.entry((name, outcome)).or_default() += 1;
        }
    }
    println!("{outcomes:?}");
    // A plain cut leaves no promise behind the damage, so it is always recovered.
    assert_eq!(outcomes.get(&("cut", "recovered")), Some(&SEEDS));
    for expected in [
        ("zero", "recovered"),
        ("zero", "refused"),
        ("reorder", "recovered"),
    ] {
        assert!(
            outcomes.contains_key(&expected),
            "{expected:?} never happened: {outcomes:?}"
        );
    }
}

#[test]
fn the_disk_does_lose_what_was_not_synced() {
    let disk = Arc::new(MemoryDisk::new());
    let mut writer = Writer::create(disk.clone(), SyncMode::Inline).unwrap();
    writer.append(at(1), vec![started()]).unwrap();
    writer.sync_now().unwrap();
    writer.append(at(2), (1..100).map(lease).collect()).unwrap();
    let (synced, before) = (disk.synced_len(), disk.content().len());
    disk.cut_power(PowerCut::Cut, &mut SmallRng::seed_from_u64(1));
    let after = disk.content().len();
    assert!(
        synced < after && after < before,
        "{synced} < {after} < {before}"
    );
}
