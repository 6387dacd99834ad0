//! A thread of its own that sends spans in batches. Nobody waits for it while the run is driven: what
//! finds the queue full is dropped and counted. At the end it gets a moment.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio_util::sync::CancellationToken;

/// Spans that wait to be sent; about a kilobyte each. A burst beyond it is dropped.
const MAX_QUEUE: usize = 8192;
/// Spans in one request, as OpenTelemetry's own batches are by default.
const MAX_BATCH: usize = 512;
/// How long the first span of a batch waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// What the end of the run waits for a collector that takes its time.
const FLUSH: Duration = Duration::from_secs(3);
/// After that the thread has nothing left to wait for.
const WIND_UP: Duration = Duration::from_millis(500);

/// Spans that did not get there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Losses {
    /// Spans that came.
    pub(super) of: u64,
    /// Spans that were lost.
    pub(super) lost: u64,
    /// Why, of the last request that failed.
    pub(super) cause: Option<String>,
}

/// Takes spans; gone with [`Sender::close`].
pub(super) struct Sender {
    queue: SyncSender<SpanData>,
    ended: Receiver<()>,
    thread: JoinHandle<()>,
    stop: CancellationToken,
    losses: Arc<Mutex<Losses>>,
}

impl Sender {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no room for a thread or its runtime.
    pub(super) fn start(
        build: impl FnOnce() -> Result<SpanExporter, String> + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, spans) = sync_channel(MAX_QUEUE);
        let (end, ended) = sync_channel(1);
        let stop = CancellationToken::new();
        let losses = Arc::new(Mutex::new(Losses::default()));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (theirs, token) = (Arc::clone(&losses), stop.clone());
        let work = move || {
            let exporter = {
                // The client looks for a runtime when it is made.
                let _within = runtime.enter();
                build()
            };
            send_all(&spans, &runtime, exporter, &token, &theirs);
            // A name that is being looked up holds a thread, and nobody waits for it.
            runtime.shutdown_background();
            // Nobody listens any more when it took too long.
            let _heard = end.send(());
        };
        let thread = std::thread::Builder::new()
            .name("otlp".into())
            .spawn(work)?;
        Ok(Self {
            queue,
            ended,
            thread,
            stop,
            losses,
        })
    }

    /// Queues a span, or drops it where there is no room.
    pub(super) fn send(&self, span: SpanData) {
        let is_queued = self.queue.try_send(span).is_ok();
        let mut losses = lock(&self.losses);
        losses.of += 1;
        if !is_queued {
            losses.lost += 1;
            losses
                .cause
                .get_or_insert_with(|| "too many at once".into());
        }
    }

    /// Sends what is queued, as far as there is time for it, and ends the thread.
    pub(super) fn close(self) -> Losses {
        let Self {
            queue,
            ended,
            thread,
            stop,
            losses,
        } = self;
        drop(queue);
        let mut is_over = ended.recv_timeout(FLUSH) != Err(RecvTimeoutError::Timeout);
        if !is_over {
            stop.cancel();
            is_over = ended.recv_timeout(WIND_UP) != Err(RecvTimeoutError::Timeout);
        }
        if is_over && thread.join().is_err() {
            let mut losses = lock(&losses);
            losses.lost = losses.of;
            losses.cause = Some("a fault of the exporter".into());
        }
        lock(&losses).clone()
    }
}

fn lock(losses: &Mutex<Losses>) -> std::sync::MutexGuard<'_, Losses> {
    losses.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send_all(
    spans: &Receiver<SpanData>,
    runtime: &tokio::runtime::Runtime,
    exporter: Result<SpanExporter, String>,
    stop: &CancellationToken,
    losses: &Mutex<Losses>,
) {
    while let Some(batch) = next_batch(spans) {
        let count = batch.len() as u64;
        let sent = match &exporter {
            Err(cause) => Err(cause.clone()),
            // Whichever is first: the request has a timeout of its own, the end of the run another.
            Ok(exporter) => runtime.block_on(async {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => Err("it took too long".into()),
                    sent = exporter.export(batch) => sent.map_err(|error| error.to_string()),
                }
            }),
        };
        if let Err(cause) = sent {
            tracing::warn!(spans = count, cause, "spans were not sent");
            let mut losses = lock(losses);
            losses.lost += count;
            losses.cause = Some(cause);
        }
    }
}

/// The next spans; none once nobody sends any more.
fn next_batch(spans: &Receiver<SpanData>) -> Option<Vec<SpanData>> {
    let mut batch = vec![spans.recv().ok()?];
    let until = Instant::now() + GATHER;
    while batch.len() < MAX_BATCH {
        let left = until.saturating_duration_since(Instant::now());
        match spans.recv_timeout(left) {
            Ok(span) => batch.push(span),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    Some(batch)
}
