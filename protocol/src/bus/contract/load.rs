//! Many at once.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Fixture;
use super::work::{PATIENCE, Setup, text};

const PUBLISHERS: usize = 8;
const EACH: usize = 100;

/// Every message reaches one of the pullers, and, acknowledged promptly, just one.
pub async fn many_publishers_lose_nothing(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let work = work.clone();
        publishers.spawn(async move {
            for n in 0..EACH {
                work.publish(&format!("{publisher}-{n}")).await;
            }
        });
    }
    let mut pullers = JoinSet::new();
    for _ in 0..4 {
        let work = work.clone();
        pullers.spawn(async move {
            let mut seen = Vec::new();
            loop {
                let found = work.pull(3, Duration::from_secs(1)).await;
                if found.is_empty() {
                    return seen;
                }
                for delivery in found {
                    seen.push(text(&delivery).to_owned());
                    delivery.acker.double_ack().await.expect("the bus is there");
                }
            }
        });
    }
    publishers.join_all().await;
    let seen: Vec<_> = pullers.join_all().await.into_iter().flatten().collect();
    let distinct: BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), PUBLISHERS * EACH, "none lost");
    assert_eq!(seen.len(), distinct.len(), "none twice");
    work.assert_idle().await;
}

/// However publishers interleave, each one's messages keep their order.
pub async fn one_publishers_order_holds(fixture: &dyn Fixture) {
    let work = Setup::new(fixture).patient().open().await;
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let work = work.clone();
        publishers.spawn(async move {
            for n in 0..EACH {
                work.publish(&format!("{publisher}-{n}")).await;
            }
        });
    }
    let mut next = [0; PUBLISHERS];
    for _ in 0..PUBLISHERS * EACH {
        let mut found = work.pull(1, PATIENCE).await;
        let delivery = found.pop().expect("as many come as were sent");
        let (publisher, n) = text(&delivery).split_once('-').expect("as published");
        let publisher: usize = publisher.parse().expect("a number");
        assert_eq!(n.parse(), Ok(next[publisher]), "of publisher {publisher}");
        next[publisher] += 1;
        delivery.acker.ack().await.expect("the bus is there");
    }
    publishers.join_all().await;
}
