//! Silence, slowness, and calls that somebody drops.

use std::time::{Duration, Instant};

use super::support::{options, request, watched};
use crate::model::anthropic::{Anthropic, Options};
use crate::model::{ErrorKind, Limits, Model as _, ModelError};
use crate::testing::stub_api::{Act, Said, Stub};

/// Much longer than any test takes, even on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// Short, so that tests are.
const SHORT: Duration = Duration::from_millis(40);

async fn error_with(stub: &Stub, limits: Limits) -> ModelError {
    let client = Anthropic::new(Options {
        limits,
        ..options(stub)
    });
    let (reply, _) = watched(&client.unwrap(), &request("x")).await;
    reply.unwrap_err()
}

fn idle(limit: Duration) -> Limits {
    Limits {
        idle: limit,
        wall: LONG,
        ..Limits::default()
    }
}

fn wall(limit: Duration) -> Limits {
    Limits {
        idle: LONG,
        wall: limit,
        ..Limits::default()
    }
}

/// The error of a call that is met with this, where the limit was long enough for a request to arrive
/// and, if wanted, for the reply to begin. Busy machines need more than one try.
async fn silenced(act: &Act, limits: fn(Duration) -> Limits, begins: bool) -> ModelError {
    for doubled in 0..10 {
        let stub = Stub::start();
        stub.queue(act.clone());
        let error = error_with(&stub, limits(SHORT * 2_u32.pow(doubled))).await;
        assert_eq!(error.kind, ErrorKind::TimedOut, "{act:?}");
        // The provider may be at work on it.
        assert!(stub.requests().len() <= 1, "sent again: {act:?}");
        let has_begun = error.used.as_ref().is_some_and(|used| !used.is_empty());
        if stub.requests().len() == 1 && has_begun == begins {
            return error;
        }
    }
    panic!("never: {act:?}")
}

#[tokio::test]
async fn silence_ends_a_call_before_and_within_the_reply() {
    for limits in [idle, wall] {
        for (act, begins) in [
            (Act::Silence, false),
            (Said::text("half").hang_after(0).into(), false),
            (Said::text("half").hang_after(3).into(), true),
        ] {
            let error = silenced(&act, limits, begins).await;
            assert!(error.used.is_some() && error.is_bound, "it may be billed");
            assert!(!error.may_repeat());
        }
    }
}

#[tokio::test]
async fn pings_are_life_but_not_for_ever() {
    let stub = Stub::start();
    let pings = "event: ping\ndata: {\"type\":\"ping\"}\n\n".repeat(99_999);
    let slow = Said::text("never").insert(1, pings).split(40);
    stub.queue(slow.slowly(Duration::from_millis(1)));
    let error = error_with(&stub, wall(SHORT * 3)).await;
    assert_eq!(error.kind, ErrorKind::TimedOut);
    assert!(
        error.message.starts_with("no whole reply within"),
        "{error}"
    );
}

#[tokio::test]
async fn a_dropped_call_leaves_no_connection() {
    let stub = Stub::start();
    for act in [Act::Silence, Said::text("half").hang_after(3).into()] {
        stub.queue(act);
        let client = Anthropic::new(options(&stub)).unwrap();
        let asked = request("x");
        let call = client.call(&asked, &|_| {});
        assert!(tokio::time::timeout(SHORT, call).await.is_err());
        let began = Instant::now();
        drop(client);
        while stub.connections() > 0 {
            assert!(began.elapsed() < LONG, "the connection stayed");
            tokio::task::yield_now().await;
        }
    }
}
