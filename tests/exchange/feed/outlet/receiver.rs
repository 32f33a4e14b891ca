//! A receiver of webhooks: a small HTTP server over TLS that answers as it is told.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::support::eventually;

/// How a delivery is answered.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Status(u16),
    Redirect(String),
    /// The connection is cut before an answer.
    Cut,
    /// An answer whose body never ends.
    Endless,
    /// An answer whose body is larger than anybody needs.
    Big,
    /// None at all.
    Silent,
}

/// A delivery as it came.
#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) id: String,
    pub(super) attempt: String,
    timestamp: String,
    signature: String,
    body: Vec<u8>,
}

impl Got {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// References of what it delivers.
    pub(super) fn references(&self) -> Vec<String> {
        let json = self.json();
        let all = json["delivered"].as_array().unwrap().iter();
        all.map(|of| {
            let record = of["record"]["record"]["reference"].as_str();
            record
                .or(of["notice"]["reference"].as_str())
                .unwrap()
                .to_owned()
        })
        .collect()
    }

    /// Whether the signature is that of a secret, as a receiver would check it.
    pub(super) fn is_signed_with(&self, secret: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let signed = [
            format!("{}.{}.", self.id, self.timestamp).as_bytes(),
            &self.body,
        ]
        .concat();
        self.signature.split(' ').any(|one| {
            let tag = one
                .strip_prefix("v1,")
                .and_then(|tag| STANDARD.decode(tag).ok());
            tag.is_some_and(|tag| hmac::verify(&key, &signed, &tag).is_ok())
        })
    }
}

#[derive(Debug, Default)]
struct State {
    got: Vec<Got>,
    replies: VecDeque<Reply>,
}

/// A receiver that runs; what is not told is answered with 204.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    pub(super) ca_pem: String,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = Arc::new(Mutex::new(State {
            got: Vec::new(),
            replies: replies.into_iter().collect(),
        }));
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            ca_pem: made.cert.pem(),
            state: Arc::clone(&state),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, &state).await;
                    }
                });
            }
        });
        receiver
    }

    pub(super) fn got(&self) -> Vec<Got> {
        self.state.lock().unwrap().got.clone()
    }

    /// Waits for so many deliveries.
    pub(super) async fn gets(&self, count: usize) -> Vec<Got> {
        eventually("so many deliveries came", async || {
            Some(self.got()).filter(|got| got.len() >= count)
        })
        .await
    }
}

async fn serve(mut stream: TlsStream<tokio::net::TcpStream>, state: &Mutex<State>) {
    let Some(got) = read(&mut stream).await else {
        return;
    };
    let reply = {
        let mut state = state.lock().unwrap();
        state.got.push(got);
        state.replies.pop_front().unwrap_or(Reply::Status(204))
    };
    let head =
        |status: u16, more: &str| format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{more}\r\n");
    let answer = match reply {
        Reply::Status(status) => head(status, "content-length: 0\r\n"),
        Reply::Redirect(to) => head(307, &format!("location: {to}\r\ncontent-length: 0\r\n")),
        Reply::Cut => return,
        Reply::Endless => {
            let _ = stream.write_all(head(200, "").as_bytes()).await;
            while stream.write_all(b"x").await.is_ok() && stream.flush().await.is_ok() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            return;
        }
        Reply::Big => {
            let _ = stream.write_all(head(200, "").as_bytes()).await;
            let _ = stream.write_all(&vec![b'x'; 1 << 20]).await;
            String::new()
        }
        Reply::Silent => return std::future::pending().await,
    };
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TlsStream<tokio::net::TcpStream>) -> Option<Got> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|of| of == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    assert!(head.starts_with("POST /hook?x=1 HTTP/1.1\r\n"), "{head}");
    let field = |name: &str| {
        let line = head.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        });
        line.unwrap_or_else(|| panic!("no {name} in {head}"))
    };
    let length: usize = field("content-length").parse().unwrap();
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Got {
        id: field("webhook-id"),
        attempt: field("comity-attempt"),
        timestamp: field("webhook-timestamp"),
        signature: field("webhook-signature"),
        body: bytes[end..end + length].to_vec(),
    })
}
