//! One POST over a connection of its own: the name is resolved once, every address is checked, and the very
//! address that was checked is connected to. Nothing of the answer but its status is used.

use std::{path::Path, sync::Arc};

use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    card::LinkAddress,
    config::WebhookConfig,
    rpc::tls::{DialError, dial_checked, explain},
};

/// Bytes of an answer's body that are read at most.
const MAX_ANSWER: usize = 64 * 1024;
/// Bytes of an answer's head at most.
const MAX_HEAD: usize = 16 * 1024;
/// Header fields of an answer at most.
const MAX_FIELDS: usize = 64;

/// Why a delivery was not answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    /// The configuration's address.
    #[error("`url`: {0}")]
    Url(String),
    /// No connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The file of the CA holds none that can be used.
    #[error("{0} holds no certificate that can vouch for a receiver")]
    Authorities(String),
    /// TLS cannot begin.
    #[error("TLS with {address} failed: {reason}")]
    Tls {
        /// With whom.
        address: String,
        /// Why.
        reason: String,
    },
    /// The request could not be sent, or the answer not be read.
    #[error("the connection to {address} broke: {reason}")]
    Http {
        /// With whom.
        address: String,
        /// Why.
        reason: String,
    },
    /// The answer is too large.
    #[error(
        "the receiver's answer is larger than {MAX_ANSWER} bytes; a delivery is answered by a status alone"
    )]
    Large,
    /// It took too long.
    #[error("the receiver did not answer within {0} ms")]
    Slow(u128),
}

/// A delivery to be sent.
pub(super) struct Posting<'a> {
    pub(super) webhook: &'a WebhookConfig,
    pub(super) authorities: Vec<CertificateDer<'static>>,
    pub(super) id: &'a str,
    pub(super) timestamp_s: i64,
    pub(super) attempt: u64,
    pub(super) signature: String,
    pub(super) body: Vec<u8>,
}

impl Posting<'_> {
    /// Sends it; the status of the answer, once its body ended within its bounds. The caller bounds the
    /// time.
    pub(super) async fn send(self, ca: &Path) -> Result<u16, PostError> {
        let (address, path) = self.webhook.target().map_err(PostError::Url)?;
        let tls = Arc::new(tls(&self.authorities, ca)?);
        let policy = self.webhook.address_policy();
        let stream = dial_checked(&address, &policy, self.webhook.timeout()).await?;
        let shown = address.to_string();
        let failed = |reason: String| PostError::Tls {
            address: shown.clone(),
            reason,
        };
        let name = ServerName::try_from(address.host().to_owned());
        let name = name.map_err(|fault| failed(fault.to_string()))?;
        let stream = TlsConnector::from(tls).connect(name, stream).await;
        let stream = stream.map_err(|fault| failed(explain(&fault)))?;
        let broke = |fault: &dyn std::fmt::Display| PostError::Http {
            address: shown.clone(),
            reason: fault.to_string(),
        };
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_FIELDS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|fault| broke(&fault))?;
        // Dropped with this call, however it ends.
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let request = self
            .request(&address, &path)
            .map_err(|fault| broke(&fault))?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|fault| broke(&fault))?;
        let status = answer.status().as_u16();
        let mut body = answer.into_body();
        let mut size = 0_usize;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|fault| broke(&fault))?;
            size = size.saturating_add(frame.data_ref().map_or(0, Bytes::len));
            if size > MAX_ANSWER {
                return Err(PostError::Large);
            }
        }
        Ok(status)
    }

    fn request(self, address: &LinkAddress, path: &str) -> http::Result<Request<Full<Bytes>>> {
        let host = match address.port() {
            443 => address.to_string().trim_end_matches(":443").to_owned(),
            _ => address.to_string(),
        };
        Request::post(path)
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::USER_AGENT,
                concat!("comity/", env!("CARGO_PKG_VERSION")),
            )
            .header(header::CONNECTION, "close")
            .header("webhook-id", self.id)
            .header("webhook-timestamp", self.timestamp_s)
            .header("webhook-signature", self.signature)
            .header("comity-attempt", self.attempt)
            .body(Full::new(Bytes::from(self.body)))
    }
}

/// TLS to a receiver for whom these vouch and nobody else: an operator says who, and no list of the world's
/// CAs does.
fn tls(authorities: &[CertificateDer<'static>], ca: &Path) -> Result<ClientConfig, PostError> {
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(authorities.iter().cloned());
    if taken == 0 {
        return Err(PostError::Authorities(ca.display().to_string()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|_| PostError::Authorities(ca.display().to_string()))?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
