//! Connections that do not come about, or lead elsewhere.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use rustls::pki_types::PrivateKeyDer;

use super::support::{call, options, request, watched};
use crate::model::anthropic::{Anthropic, Options};
use crate::model::{Address, ErrorKind, ModelError, Secret};
use crate::testing::stub_api::{Act, Failure, Said, Stub};

async fn error_at(base_url: &str) -> ModelError {
    let stub = Stub::start();
    let client = Anthropic::new(Options {
        base_url: Address::new(base_url).unwrap(),
        ..options(&stub)
    });
    let (reply, _) = watched(&client.unwrap(), &request("x")).await;
    reply.unwrap_err()
}

#[tokio::test]
async fn nobody_there_may_be_somebody_later() {
    // Bound and never accepted from would hang; bound and dropped refuses.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = error_at(&format!("http://{address}")).await;
    assert_eq!(
        (error.kind, error.used.clone()),
        (ErrorKind::Transient, None)
    );
    assert_eq!(
        error.message,
        "no connection: Connection refused (os error 111) (tried 3 times)"
    );
    assert!(error.help.is_some());
}

#[tokio::test]
async fn a_server_without_tls_is_no_provider() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = std::thread::spawn(move || {
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut hello = [0; 16];
            stream.read_exact(&mut hello).unwrap();
            assert_eq!(hello[0], 22, "a handshake of TLS, and nothing in the open");
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .unwrap();
        }
    });
    let error = error_at(&format!("https://{address}")).await;
    assert_eq!(error.kind, ErrorKind::Transient, "{error}");
    assert!(error.message.starts_with("no connection: "), "{error}");
    serve.join().unwrap();
}

/// A certificate by nobody, for `localhost`, and its key.
const CERTIFICATE: &[u8] = include_bytes!("untrusted/certificate.der");
const KEY_OF_IT: &[u8] = include_bytes!("untrusted/key.der");

#[tokio::test]
async fn a_certificate_by_nobody_ends_the_call_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = std::thread::spawn(move || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CERTIFICATE.to_vec().into()],
                PrivateKeyDer::try_from(KEY_OF_IT.to_vec()).unwrap(),
            );
        let mut tls = rustls::ServerConnection::new(Arc::new(config.unwrap())).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let ended = loop {
            if let Err(ended) = tls.complete_io(&mut stream) {
                break ended;
            }
        };
        assert!(ended.to_string().contains("UnknownCA"), "{ended}");
    });
    let error = error_at(&format!("https://localhost:{}", address.port())).await;
    assert_eq!(error.kind, ErrorKind::Fatal, "{error:?}");
    let wanted =
        "the provider's certificate is not trusted: invalid peer certificate: UnknownIssuer";
    assert_eq!(error.message, wanted);
    assert!(error.help.is_some());
    serve.join().unwrap();
}

#[tokio::test]
async fn a_connection_that_breaks_before_any_answer_is_tried_again() {
    let stub = Stub::start();
    for bytes in ["", "HTTP/1.1 ", "nonsense\r\n\r\n", "\u{0}\u{1}"] {
        stub.queue(Act::Bytes(bytes.into()));
        stub.queue(Said::text("now"));
        let before = stub.requests().len();
        assert_eq!(call(&stub, "x").await.unwrap().text, "now", "{bytes:?}");
        assert_eq!(stub.requests().len(), before + 2, "{bytes:?}");
    }
}

#[tokio::test]
async fn the_key_follows_no_redirect() {
    let (stub, elsewhere) = (Stub::start(), Stub::start());
    for status in [301, 302, 307, 308] {
        let target = format!("{}/v1/messages", elsewhere.base_url());
        stub.queue(Failure::new(status, "", "").header("location", target));
        let error = call(&stub, "x").await.unwrap_err();
        assert_eq!((error.kind, error.status), (ErrorKind::Fatal, Some(status)));
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_proxy_is_used_when_it_is_given() {
    let proxy = Stub::start();
    let client = Anthropic::new(Options {
        base_url: Address::new("http://claude.invalid").unwrap(),
        proxy: Some(Secret::new(proxy.base_url()).unwrap()),
        ..options(&proxy)
    });
    let (reply, _) = watched(&client.unwrap(), &request("x")).await;
    assert_eq!(reply.unwrap_err().status, Some(404), "the stub is no proxy");
    assert_eq!(
        proxy.requests()[0].path,
        "http://claude.invalid/v1/messages"
    );
}

#[tokio::test]
async fn a_path_of_the_base_url_stays() {
    let stub = Stub::start();
    let error = error_at(&format!("{}/gateway/", stub.base_url())).await;
    assert_eq!(error.status, Some(404));
    assert_eq!(stub.requests()[0].path, "/gateway/v1/messages");
}
