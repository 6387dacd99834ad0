//! Connections to providers: TLS by rustls with ring, no redirects, no proxy but the one that was
//! asked for. Reads no environment.

use std::error::Error as _;

use protocol::policy::one_line;
use reqwest::redirect::Policy;
use reqwest::{Client, Proxy, RequestBuilder, Response};

use rustls::{ClientConfig, RootCertStore};

use super::address::Address;
use super::body::Deadline;
use super::limits::Limits;
use crate::model::{ErrorKind, ModelError};

/// What servers see in their logs.
const USER_AGENT: &str = concat!("orchestra/", env!("CARGO_PKG_VERSION"));

/// Longest part of a message that is not ours.
const MAX_CAUSE: usize = 200;

/// Idle connections that wait for the next call; a plan asks few models at once.
const MAX_IDLE_CONNECTIONS: usize = 8;

/// What all calls of the provider at this address share.
///
/// # Errors
/// This machine has no certificates to trust, or the proxy's address is none.
pub(crate) fn client(
    address: &Address,
    limits: &Limits,
    proxy: Option<&str>,
) -> Result<Client, ModelError> {
    // Whoever was first has installed the same one.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let fatal = |message: String| ModelError::new(ErrorKind::Fatal, message);
    let mut builder = Client::builder()
        .connect_timeout(limits.connect)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .user_agent(USER_AGENT)
        .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
        .tcp_nodelay(true);
    let is_tls = address.is_tls() || proxy.is_some_and(|proxy| proxy.starts_with("https:"));
    if !is_tls {
        // A model on this machine needs no certificates, and there may be none. Trusts nobody.
        let nobody = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
        builder = builder.tls_backend_preconfigured(nobody.with_no_client_auth());
    }
    if let Some(proxy) = proxy {
        let proxy = Proxy::all(proxy).map_err(|_| fatal("the proxy is not a URL".to_owned()))?;
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| {
        let message = format!("no connections can be made: {}", cause(&error));
        fatal(message).help("install the CA certificates of this system (package ca-certificates)")
    })
}

/// The head of the answer.
///
/// # Errors
/// There is none, or not in time. Nothing came back, so nothing is known to be billed.
pub(crate) async fn send(
    request: RequestBuilder,
    deadline: &Deadline,
) -> Result<Response, ModelError> {
    let answer = deadline.next(request.send()).await?;
    answer.map_err(|error| broken(&error))
}

/// A connection that did not come about, or ended.
pub(super) fn broken(error: &reqwest::Error) -> ModelError {
    let cause = cause(error);
    if is_distrusted(error) {
        let message = format!("the provider's certificate is not trusted: {cause}");
        let help = "check the base URL, and the CA certificates of this system";
        return ModelError::new(ErrorKind::Fatal, message).help(help);
    }
    let what = match () {
        () if error.is_builder() => {
            let message = format!("the request cannot be sent: {cause}");
            return ModelError::new(ErrorKind::Fatal, message);
        }
        () if error.is_connect() && error.is_timeout() => "no connection in time",
        () if error.is_connect() => "no connection",
        () => "the connection broke",
    };
    let mut broken = ModelError::new(ErrorKind::Transient, format!("{what}: {cause}"));
    if error.is_connect() {
        broken = broken.help("check the base URL and this machine's network");
    }
    broken
}

/// Whether a certificate was seen and found wanting: trying again shows the same one.
fn is_distrusted(error: &reqwest::Error) -> bool {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return matches!(tls, rustls::Error::InvalidCertificate(_));
        }
        // An I/O error names as its source not what it holds, but the source of that.
        let held = cause.downcast_ref::<std::io::Error>();
        next = match held.and_then(std::io::Error::get_ref) {
            Some(held) => Some(held),
            None => cause.source(),
        };
    }
    false
}

/// The innermost cause; the outer ones repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let Some(mut cause) = error.source() else {
        return "no reason is known".to_owned();
    };
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    one_line(&cause.to_string(), MAX_CAUSE)
}
