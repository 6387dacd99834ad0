//! A collector on a port of its own: takes OTLP over HTTP, keeps what came, and answers or does not.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// Nobody here needs more; a request that stalls fails its test instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(30);

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// `POST /v1/traces HTTP/1.1`.
    pub line: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// Listens until it is dropped.
pub(super) struct Collector {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Collector {
    /// One that answers every request with this status; with none, it takes connections and says nothing.
    pub(super) fn start(status: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, over) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (theirs, stop): (Arc<Mutex<Vec<Request>>>, _) =
            (Arc::clone(&requests), Arc::clone(&over));
        let serve = move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let stream = stream.unwrap();
                match status {
                    Some(status) => answer(stream, status, &theirs),
                    None => held.push(stream),
                }
            }
        };
        Self {
            address,
            requests,
            over,
            thread: Some(std::thread::spawn(serve)),
        }
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came so far.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes it; it looks at the flag before it reads.
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(
                ended.is_ok() || std::thread::panicking(),
                "the collector failed"
            );
        }
    }
}

/// Every request of one connection.
fn answer(stream: TcpStream, status: &str, into: &Mutex<Vec<Request>>) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        into.lock().unwrap().push(request);
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n"
        );
        reader.get_mut().write_all(head.as_bytes()).unwrap();
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    // A sender that ends may reset the connection instead of closing it.
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return None;
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers["content-length"].parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Some(Request {
        line: line.trim_end().to_owned(),
        headers,
        body,
    })
}

/// All spans of all requests, by name, and the attributes of the resource that they name.
pub(super) fn decode(requests: &[Request]) -> (BTreeMap<String, Span>, BTreeMap<String, String>) {
    let (mut spans, mut resource) = (BTreeMap::new(), BTreeMap::new());
    for request in requests {
        let export = ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap();
        for of_resource in export.resource_spans {
            resource.extend(attributes(&of_resource.resource.unwrap().attributes));
            for span in of_resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans)
            {
                let mut told = attributes(&span.attributes);
                let task = told.remove("orchestra.task.id");
                let call = told.remove("orchestra.call.id");
                // Attempts are called alike, and calls.
                let name = match task.or(call).filter(|of| *of != span.name) {
                    Some(of) => format!("{of} {}", span.name),
                    None => span.name.clone(),
                };
                let twice = spans.insert(name, span);
                assert_eq!(twice, None, "a span is sent once");
            }
        }
    }
    (spans, resource)
}

/// Attributes as texts.
pub(super) fn attributes(list: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    list.iter()
        .map(|pair| (pair.key.clone(), text(&pair.value)))
        .collect()
}
