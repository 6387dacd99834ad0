//! The stub itself: a thread with its own runtime, so that tests of any kind can use it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::act::{Act, End, Failure, Said};
use super::http::{MAX_BODY, Recorded, Wire};
use super::{anthropic, anthropic_said, openai};

/// The key that it takes; no provider would.
pub const KEY: &str = "sk-stub-0123456789abcdef-this-is-no-key";

/// A provider that listens until it is dropped.
pub struct Stub {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

type Answer = Box<dyn Fn(&Recorded) -> Act + Send>;

/// What tests and connections share.
pub(super) struct Shared {
    state: Mutex<State>,
}

struct State {
    queue: VecDeque<Act>,
    lookups: VecDeque<Failure>,
    answer: Answer,
    requests: Vec<Recorded>,
    connections: usize,
}

impl Stub {
    /// Listens on a free port.
    ///
    /// # Panics
    /// This machine has no port left, or no thread.
    #[must_use]
    pub fn start() -> Self {
        // Bound here, so that it listens when this returns; used by the thread's own runtime.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let unblocked = listener.set_nonblocking(true);
        unblocked.expect("a socket may be asked without waiting");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                lookups: VecDeque::new(),
                answer: Box::new(|_| Said::text("ok").into()),
                requests: Vec::new(),
                connections: 0,
            }),
        });
        let (stop, stopped) = oneshot::channel();
        let theirs = Arc::clone(&shared);
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a test may have a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a runtime takes sockets");
                serve(listener, theirs, stopped).await;
            });
        };
        let thread = std::thread::Builder::new().name("stub-api".to_owned());
        Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread.spawn(serve).expect("a test may have a thread")),
        }
    }

    /// `http://127.0.0.1:…`, without a path.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request for a reply that has no act yet gets this one.
    pub fn queue(&self, act: impl Into<Act>) {
        self.shared.with(|state| state.queue.push_back(act.into()));
    }

    /// The next request of another kind (counting tokens, looking at a model) fails so.
    pub fn queue_lookup(&self, failure: Failure) {
        self.shared.with(|state| state.lookups.push_back(failure));
    }

    /// What requests get for which nothing is queued; `ok` until told otherwise.
    pub fn answer(&self, answer: impl Fn(&Recorded) -> Act + Send + 'static) {
        self.shared.with(|state| state.answer = Box::new(answer));
    }

    /// All requests so far, refused ones included.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.with(|state| state.requests.clone())
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.with(|state| state.connections)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the stub failed");
        }
    }
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // A test that failed inside its own answer has said so already.
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a request for a reply gets.
    fn next(&self, request: &Recorded) -> Act {
        self.with(|state| {
            let queued = state.queue.pop_front();
            queued.unwrap_or_else(|| (state.answer)(request))
        })
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    // Dropped with all its connections when the test is over.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { break };
                connections.spawn(converse(stream, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Every request of one connection; ends as the other side does, or as an act wants.
async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    let _already = stream.set_nodelay(true);
    shared.with(|state| state.connections += 1);
    let mut wire = Wire::new(stream);
    while let Ok(Some(request)) = wire.read().await {
        shared.with(|state| state.requests.push(request.clone()));
        match respond(&mut wire, &request, &shared).await {
            Ok(true) => {}
            Ok(false) | Err(_) => break,
        }
    }
    shared.with(|state| state.connections -= 1);
}

/// Whether the connection goes on.
async fn respond(wire: &mut Wire, request: &Recorded, shared: &Shared) -> io::Result<bool> {
    let number = shared.with(|state| state.requests.len());
    let number = format!("req_stub_{number:04}");
    if request.body.len() > MAX_BODY {
        let failure = Failure::new(413, "request_too_large", "more than 32 MB");
        return fail(wire, &number, request, &failure).await;
    }
    let route = match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/v1/messages") => anthropic::check(request).map(|()| Route::Messages),
        ("POST", "/v1/messages/count_tokens") => anthropic::check_count(request).map(Route::Known),
        ("GET", path) if path.starts_with("/v1/models/") => {
            anthropic::look_up(request).map(Route::Known)
        }
        ("POST", "/v1/chat/completions" | "/local/v1/chat/completions") => {
            openai::check(request).map(|()| Route::Messages)
        }
        ("GET", "/v1/models" | "/local/v1/models") => openai::list(request).map(Route::Known),
        _ => Err(Failure::new(404, "not_found_error", "no such endpoint")),
    };
    let route = match route {
        Ok(route) => route,
        Err(failure) => return fail(wire, &number, request, &failure).await,
    };
    if let Route::Known(body) = route {
        let failure = shared.with(|state| state.lookups.pop_front());
        return match failure {
            Some(failure) => fail(wire, &number, request, &failure).await,
            None => {
                page(
                    wire,
                    &number,
                    200,
                    "application/json",
                    body.to_string().as_bytes(),
                )
                .await
            }
        };
    }
    match shared.next(request) {
        Act::Say(said) => say(wire, &number, request, &said).await,
        Act::Fail(failure) => fail(wire, &number, request, &failure).await,
        Act::Page(status, kind, body) => page(wire, &number, status, kind, &body).await,
        Act::Bytes(bytes) => wire.raw(&bytes).await.map(|()| false),
        Act::Silence => {
            wire.wait_for_end().await;
            Ok(false)
        }
    }
}

/// Where a request goes.
enum Route {
    /// To the model.
    Messages,
    /// Nowhere: this is the answer.
    Known(serde_json::Value),
}

async fn say(wire: &mut Wire, number: &str, request: &Recorded, said: &Said) -> io::Result<bool> {
    let mut events = match is_chat(request) {
        true => openai::events(request, said),
        false => anthropic_said::events(request, said),
    };
    let (whole, hangs) = match said.end {
        End::Whole => (events.len(), false),
        End::CutAfter(events) => (events, false),
        End::HangAfter(events) => (events, true),
    };
    let is_whole = said.end == End::Whole;
    events.truncate(whole);
    // From the back, so that numbers stay true.
    let mut inserted: Vec<_> = said.inserted.iter().collect();
    inserted.sort_by_key(|(before, _)| *before);
    for (before, raw) in inserted.into_iter().rev() {
        events.insert((*before).min(events.len()), raw.clone());
    }
    wire.begin(&headers(number, "text/event-stream")).await?;
    let body = events.concat();
    wire.send(body.as_bytes(), said.split, said.pause).await?;
    if hangs {
        wire.wait_for_end().await;
    }
    if is_whole {
        wire.finish().await?;
    }
    Ok(is_whole)
}

async fn fail(
    wire: &mut Wire,
    number: &str,
    request: &Recorded,
    failure: &Failure,
) -> io::Result<bool> {
    let mut all = headers(number, "application/json");
    all.extend(failure.headers.iter().cloned());
    let body = match (failure.kind.is_empty(), is_chat(request)) {
        (true, _) => "no words".to_owned(),
        (false, true) => openai::error(failure).to_string(),
        (false, false) => anthropic_said::error(failure, number).to_string(),
    };
    wire.respond(failure.status, &all, body.as_bytes()).await?;
    Ok(true)
}

/// Whether it is of the other interface than Claude's.
fn is_chat(request: &Recorded) -> bool {
    request.path.ends_with("/chat/completions") || request.path.ends_with("/v1/models")
}

async fn page(
    wire: &mut Wire,
    number: &str,
    status: u16,
    kind: &str,
    body: &[u8],
) -> io::Result<bool> {
    wire.respond(status, &headers(number, kind), body).await?;
    Ok(true)
}

fn headers(number: &str, kind: &str) -> Vec<(String, String)> {
    [
        ("content-type", kind),
        ("request-id", number),
        ("x-request-id", number),
        ("anthropic-ratelimit-requests-limit", "1000"),
        ("anthropic-ratelimit-requests-remaining", "999"),
        ("anthropic-ratelimit-requests-reset", "2026-11-20T12:00:00Z"),
        ("anthropic-ratelimit-input-tokens-remaining", "80000"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
