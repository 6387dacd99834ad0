//! Microseconds per bus operation, in the product's shape: one runtime thread, sixteen slot threads.
//!
//! `cargo run --release -p protocol --features bus,testing --example bus_cost`

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::bus::{Bus, ConsumerSpec, Headers, MemoryBus, PublishOptions, StreamSpec};

const SLOTS: usize = 16;
const TASKS: usize = 200_000;
const STORED: usize = 100_000;
const FOREVER: Duration = Duration::from_secs(3600);

async fn open(bus: &MemoryBus, name: &str, max_ack_pending: usize) {
    let root = name.to_lowercase();
    let stream = StreamSpec {
        name: name.into(),
        subjects: format!("orc.v1.{root}.>"),
        max_messages: 1_000_000,
        max_bytes: 1024 * 1024 * 1024,
        max_per_subject: Some(1),
        dedup_window: Duration::from_secs(60),
    };
    let consumer = ConsumerSpec {
        stream: name.into(),
        name: "pool".into(),
        filter: format!("orc.v1.{root}.cpu.>"),
        ack_wait: Duration::from_secs(30),
        max_deliver: None,
        max_ack_pending,
    };
    bus.ensure_stream(&stream).await.expect("a new stream");
    bus.ensure_consumer(&consumer)
        .await
        .expect("a new consumer");
}

async fn publish(bus: &MemoryBus, root: &str, n: usize) {
    let id = format!("0199c6a0-3f5e-7c11-8a43-5b1d2e3f4a5b:task-{n}:1-{n}");
    let subject = format!("orc.v1.{root}.cpu.5.c0ffee.0199c6a03f5e7c11.task-{n}.1-{n}");
    let headers: Headers = vec![("Orc-Token".into(), format!("1-{n}"))];
    let options = PublishOptions {
        msg_id: Some(id),
        expect_last_seq: None,
    };
    bus.publish(&subject, headers, Bytes::from_static(&[b'x'; 700]), options)
        .await
        .expect("room");
}

fn report(out: &mut String, what: &str, started: Instant, operations: usize) {
    let micros = started.elapsed().as_secs_f64() * 1e6 / operations as f64;
    out.push_str(&format!("{what:<58} {micros:>8.2} us\n"));
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("runtime");
    let mut out = String::new();
    one_thread(&runtime, &mut out);
    sixteen_slots(&runtime, &mut out);
    use std::io::Write as _;
    std::io::stdout()
        .write_all(out.as_bytes())
        .expect("stdout takes a few lines");
}

/// The bare cost of each operation, with many messages stored.
fn one_thread(runtime: &tokio::runtime::Runtime, out: &mut String) {
    runtime.block_on(async {
        let bus = MemoryBus::new();
        open(&bus, "TASKS", usize::MAX).await;
        let started = Instant::now();
        for n in 0..STORED {
            publish(&bus, "tasks", n).await;
        }
        report(
            out,
            "publish with id, up to 100,000 stored",
            started,
            STORED,
        );
        let started = Instant::now();
        let mut held = Vec::with_capacity(STORED);
        for _ in 0..STORED {
            held.extend(bus.pull("TASKS", "pool", 1, FOREVER).await.expect("stored"));
        }
        report(out, "pull one, 100,000 stored", started, STORED);
        let started = Instant::now();
        for delivery in &held {
            delivery.acker.double_ack().await.expect("open");
        }
        report(out, "ack", started, STORED);
        let mut claims = bus
            .subscribe("orc.v1.ctl.claim.c0ffee.*", 64)
            .await
            .expect("a pattern");
        let started = Instant::now();
        for _ in 0..STORED {
            let asking = bus.request("orc.v1.ctl.claim.c0ffee.w1", Bytes::new(), FOREVER);
            let answering = async {
                let reply = claims.next().await.expect("open").reply.expect("a request");
                reply.reply(Bytes::new()).await.expect("open");
            };
            let (answer, ()) = tokio::join!(asking, answering);
            answer.expect("answered");
        }
        report(out, "request and reply, same thread", started, STORED);
    });
}

/// Dispatch, claim, result, both acks: wall time per task with threads that hand over.
fn sixteen_slots(runtime: &tokio::runtime::Runtime, out: &mut String) {
    let bus = Arc::new(MemoryBus::new());
    let handle = runtime.handle().clone();
    runtime.block_on(async {
        open(&bus, "TASKS", usize::MAX).await;
        open(&bus, "RESULTS", usize::MAX).await;
    });
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..SLOTS {
            let (bus, handle) = (Arc::clone(&bus), handle.clone());
            scope.spawn(move || {
                while let Ok(found) = handle.block_on(bus.pull("TASKS", "pool", 1, FOREVER)) {
                    for delivery in found {
                        let claim = bus.request("claim", Bytes::new(), FOREVER);
                        handle.block_on(claim).expect("answered");
                        let n = delivery.seq as usize;
                        handle.block_on(publish(&bus, "results", n));
                        handle.block_on(delivery.acker.double_ack()).expect("open");
                    }
                }
            });
        }
        runtime.block_on(coordinate(&bus));
        bus.close();
    });
    report(
        out,
        "task on 16 slot threads: 2 publish, 2 pull, 2 ack, 1 claim",
        started,
        TASKS,
    );
}

async fn coordinate(bus: &MemoryBus) {
    let mut claims = bus.subscribe("claim", 64).await.expect("a pattern");
    let (mut sent, mut finished) = (0, 0);
    while finished < TASKS {
        while sent < TASKS && sent - finished < SLOTS * 5 / 4 {
            publish(bus, "tasks", sent).await;
            sent += 1;
        }
        tokio::select! {
            biased;
            claim = claims.next() => {
                let reply = claim.expect("open").reply.expect("a request");
                reply.reply(Bytes::new()).await.expect("open");
            }
            results = bus.pull("RESULTS", "pool", 64, FOREVER) => {
                for result in results.expect("open") {
                    result.acker.double_ack().await.expect("open");
                    finished += 1;
                }
            }
        }
    }
}
