//! The product's shape: one thread drives a runtime, plain threads block on the same bus.

use std::collections::BTreeSet;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Builder;

use crate::bus::{
    Bus as _, BusError, ConsumerSpec, Headers, MemoryBus, PublishOptions, StreamSpec,
};

const SLOTS: usize = 16;
const TASKS: usize = 2000;

fn stream() -> StreamSpec {
    StreamSpec {
        name: "TASKS".into(),
        subjects: "task.>".into(),
        max_messages: 64,
        max_bytes: 1024 * 1024,
        max_per_subject: Some(1),
        dedup_window: Duration::from_secs(10),
    }
}

fn consumer() -> ConsumerSpec {
    ConsumerSpec {
        stream: "TASKS".into(),
        name: "pool".into(),
        filter: "task.pool.>".into(),
        ack_wait: Duration::MAX,
        max_deliver: None,
        max_ack_pending: SLOTS,
    }
}

#[test]
fn plain_threads_block_on_a_current_thread_runtime() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let (bus, handle) = (Arc::new(MemoryBus::new()), runtime.handle().clone());
    let (sender, done) = mpsc::channel();
    runtime.block_on(async {
        bus.ensure_stream(&stream()).await.unwrap();
        bus.ensure_consumer(&consumer()).await.unwrap();
    });
    std::thread::scope(|scope| {
        for _ in 0..SLOTS {
            let (bus, handle, sender) = (Arc::clone(&bus), handle.clone(), sender.clone());
            scope.spawn(move || {
                loop {
                    let pull = bus.pull("TASKS", "pool", 1, Duration::from_secs(60));
                    let found = match handle.block_on(pull) {
                        Ok(found) => found,
                        Err(BusError::Closed) => return,
                        Err(other) => panic!("{other}"),
                    };
                    for delivery in found {
                        sender.send(delivery.message.subject).unwrap();
                        let claim = bus.request("claim", Bytes::new(), Duration::from_secs(60));
                        assert_eq!(handle.block_on(claim), Ok(Bytes::from_static(b"go")));
                        handle.block_on(delivery.acker.double_ack()).unwrap();
                    }
                }
            });
        }
        runtime.block_on(async {
            let mut claims = bus.subscribe("claim", SLOTS).await.unwrap();
            let answering = async {
                for _ in 0..TASKS {
                    let reply = claims.next().await.unwrap().reply.unwrap();
                    reply.reply(Bytes::from_static(b"go")).await.unwrap();
                }
            };
            let publishing = async {
                let mut next = 0;
                while next < TASKS {
                    let (subject, options) =
                        (format!("task.pool.{next}"), PublishOptions::default());
                    match bus
                        .publish(&subject, Headers::new(), Bytes::new(), options)
                        .await
                    {
                        Ok(_) => next += 1,
                        Err(BusError::Full(_)) => tokio::task::yield_now().await,
                        Err(other) => panic!("{other}"),
                    }
                }
            };
            tokio::join!(answering, publishing);
        });
        // Every claim was answered; the last acks may be under way. Waiting pulls end by `close`.
        let seen: BTreeSet<_> = done.iter().take(TASKS).collect();
        assert_eq!(seen.len(), TASKS);
        while bus.stored("TASKS") > 0 {
            std::thread::yield_now();
        }
        bus.close();
    });
}
