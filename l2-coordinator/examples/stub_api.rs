//! The stand-in for a provider of models, by hand: `cargo run -p l2-coordinator --features testing
//! --example stub_api -- ACT…`. Says where it listens and its key, gives each request the next act, and
//! tells what it was asked when its input ends.
//!
//! Acts: a file whose text is the reply; `fail:STATUS` or `fail:STATUS:CODE`; `cut:FILE`, a reply that
//! breaks off in its middle; `slow:FILE`; `silence`. When they are used up, every request gets `ok`.

use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use l2_coordinator::testing::stub_api::{Act, Failure, KEY, Said, Stub};

/// Events of a reply before its end that a cut keeps.
const KEPT_EVENTS: usize = 3;

fn main() -> io::Result<()> {
    let stub = Stub::start();
    for word in std::env::args().skip(1) {
        stub.queue(act(&word)?);
    }
    let mut out = io::stdout();
    writeln!(out, "{}\n{KEY}", stub.base_url())?;
    out.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    for request in stub.requests() {
        let text = request.last_text();
        let text: String = text.chars().take(60).collect();
        writeln!(out, "{} {} {text:?}", request.method, request.path)?;
    }
    Ok(())
}

fn act(word: &str) -> io::Result<Act> {
    let reply = |path: &str| fs_err::read_to_string(path).map(Said::text);
    let act = match word.split_once(':').unwrap_or((word, "")) {
        ("silence", "") => Act::Silence,
        ("cut", path) => reply(path)?.cut_after(KEPT_EVENTS).into(),
        ("slow", path) => {
            let reply = reply(path)?.split(16);
            reply.slowly(Duration::from_millis(50)).into()
        }
        ("fail", how) => {
            let (status, code) = how.split_once(':').unwrap_or((how, ""));
            let status = status.parse().map_err(io::Error::other)?;
            let failure = Failure::new(status, kind_of(status), "as asked");
            let failure = if code.is_empty() {
                failure
            } else {
                failure.code(code)
            };
            failure.into()
        }
        _ => reply(word)?.into(),
    };
    Ok(act)
}

fn kind_of(status: u16) -> &'static str {
    match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        _ => "api_error",
    }
}
