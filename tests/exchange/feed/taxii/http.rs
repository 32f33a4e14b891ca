//! A client of TAXII that writes every byte itself.

use std::{fmt::Write as _, sync::Arc};

use comity::{
    home::{TlsMaterial, node_name},
    rpc::tls::client_config,
};
use rustls::{SignatureScheme, client::ResolvesClientCert, sign::CertifiedKey};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::Country;

pub(super) const TAXII: &str = "application/taxii+json;version=2.1";

#[derive(Debug)]
struct Nobody;

impl ResolvesClientCert for Nobody {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Who calls.
#[derive(Clone)]
pub(super) enum By {
    Certificate(TlsMaterial),
    Header(String),
    Nobody,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(of, _)| of.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
    }

    pub(super) fn objects(&self) -> &[Value] {
        self.body["objects"].as_array().map_or(&[], Vec::as_slice)
    }
}

/// A connection that speaks HTTP/1.1.
pub(super) async fn connect(at: &Country, by: &By) -> std::io::Result<TlsStream<TcpStream>> {
    let home = at.home();
    let own = match by {
        By::Certificate(own) => own.clone(),
        By::Header(_) | By::Nobody => home.operator_material().unwrap(),
    };
    let ca = &home.own_card().issuing_ca_der;
    let mut config = client_config(&own, home.country(), ca).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if !matches!(by, By::Certificate(_)) {
        config.client_auth_cert_resolver = Arc::new(Nobody);
    }
    let stream = TcpStream::connect(home.config().client_listen).await?;
    let name = node_name(home.country()).try_into().unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// Sends these very bytes and reads until the node ends the connection.
pub(super) async fn send(at: &Country, by: &By, bytes: &[u8]) -> std::io::Result<Answer> {
    let mut stream = connect(at, by).await?;
    stream.write_all(bytes).await?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    if answer.is_empty() {
        read?;
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok(Answer {
        status: status.unwrap_or(0),
        head: head.to_owned(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    })
}

/// A request as a client of TAXII makes it.
pub(super) async fn ask(at: &Country, by: &By, method: &str, path: &str, body: &str) -> Answer {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: {TAXII}\r\n"
    );
    if let By::Header(header) = by {
        write!(head, "Authorization: {header}\r\n").unwrap();
    }
    if !body.is_empty() {
        write!(
            head,
            "Content-Type: {TAXII}\r\nContent-Length: {}\r\n",
            body.len()
        )
        .unwrap();
    }
    let bytes = format!("{head}\r\n{body}");
    send(at, by, bytes.as_bytes()).await.unwrap()
}

pub(super) async fn get(at: &Country, by: &By, path: &str) -> Answer {
    ask(at, by, "GET", path, "").await
}
