//! The link over gRPC: answering peers that dial, and dialling them.

use std::{collections::HashSet, pin::Pin, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status, Streaming, service::Routes};

use crate::{
    card::TrustedCard,
    crypto::random_bytes,
    home::link_key,
    node::{
        Node,
        session::{self, Outlet, Presented, SessionEnd},
    },
    record::Country,
    replication::progress::backoff,
    wire::link::{
        ExchangeRequest, ExchangeResponse, FilesRequest,
        link_service_client::LinkServiceClient,
        link_service_server::{LinkService, LinkServiceServer},
    },
};

use super::{
    files::{self, FilesAnswer},
    server::NodeTls,
    status::Refusal,
    tls::{
        DialOptions, LinkConnection, Vouching, certificate_of, dial_link, link_config_to, peer_of,
    },
};

/// Largest frame: a full batch of records with room for its envelope.
const MAX_FRAME_BYTES: usize = 8 * 1024 * 1024;
/// Causes told beneath an error.
const MAX_CAUSES: usize = 8;
/// A session this long lets the back-off begin anew.
const SETTLED: Duration = Duration::from_secs(30);

/// Said of a link that can never come up.
const NEITHER_DIALS: &str = "this node accepts no links (`links.accept`) and the peer's card names \
    no address, so neither can dial the other; one of the two has to accept";

/// The service of the link port.
pub fn routes(node: &Arc<Node>, stop: &CancellationToken) -> Routes {
    let service = Answering {
        node: Arc::clone(node),
        stop: stop.clone(),
    };
    Routes::new(
        LinkServiceServer::new(service)
            .max_decoding_message_size(MAX_FRAME_BYTES)
            .max_encoding_message_size(MAX_FRAME_BYTES),
    )
}

struct Answering {
    node: Arc<Node>,
    stop: CancellationToken,
}

#[tonic::async_trait]
impl LinkService for Answering {
    type ExchangeStream = Pin<Box<dyn Stream<Item = Result<ExchangeResponse, Status>> + Send>>;

    async fn exchange(
        &self,
        request: Request<Streaming<ExchangeRequest>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let (peer, presented) = self.caller(&request)?;
        let incoming = request.into_inner().map(|frame| match frame {
            Ok(request) => request.frame.ok_or_else(|| "an empty message".to_owned()),
            Err(status) => Err(status.message().to_owned()),
        });
        let (outlet, frames) = Outlet::new();
        let node = Arc::clone(&self.node);
        let stop = self.stop.clone();
        tokio::spawn(async move {
            let frames = Box::pin(incoming);
            let end = session::run(node, peer, None, presented, outlet, frames, stop).await;
            tracing::info!(%peer, %end, "link ended");
        });
        let frames = frames.map(|frame| Ok(ExchangeResponse { frame: Some(frame) }));
        Ok(Response::new(Box::pin(frames)))
    }

    type FilesStream = FilesAnswer;

    async fn files(
        &self,
        request: Request<Streaming<FilesRequest>>,
    ) -> Result<Response<Self::FilesStream>, Status> {
        let (peer, presented) = self.caller(&request)?;
        let incoming = request.into_inner();
        let answer = files::answer(&self.node, peer, presented, incoming, &self.stop);
        Ok(Response::new(answer.await))
    }
}

impl Answering {
    /// Who calls, by the connection's certificate: a country whose card is held.
    fn caller<T>(&self, request: &Request<T>) -> Result<(Country, Presented), Status> {
        let peer = peer_of(request)?;
        if self.node.book().get(peer).is_none() {
            return Err(Refusal::new(
                Code::PermissionDenied,
                "CARD_UNKNOWN",
                "this country's card was not imported here",
            )
            .into());
        }
        let certificate = certificate_of(request)?;
        let presented = Presented {
            key: link_key(&certificate)
                .map_err(|fault| Status::unauthenticated(fault.to_string()))?,
            until: None,
        };
        Ok((peer, presented))
    }
}

/// Keeps a link to every imported country that has addresses, until `stop`.
pub async fn dial_all(
    node: Arc<Node>,
    tls: Arc<NodeTls>,
    options: DialOptions,
    stop: CancellationToken,
) {
    let mut changes = node.links().changes();
    let mut dialling = HashSet::new();
    let mut stranded = HashSet::new();
    let mut dialers = tokio::task::JoinSet::new();
    loop {
        for card in node.book().iter() {
            let peer = card.country;
            if card.link_addresses.is_empty() {
                if !node.config().links.accept && stranded.insert(peer) {
                    tracing::warn!(%peer, "{NEITHER_DIALS}");
                    node.links().failed(peer, NEITHER_DIALS);
                }
            } else if dialling.insert(peer) {
                let mut options = options.clone();
                options.proxy = tls.proxies().to(peer).cloned();
                let dialer = Dialer {
                    node: Arc::clone(&node),
                    peer,
                    tls: Arc::clone(&tls),
                    options,
                    stop: stop.clone(),
                };
                dialers.spawn(dialer.keep_dialling());
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            changed = changes.changed() => if changed.is_err() { break },
        }
    }
    while dialers.join_next().await.is_some() {}
}

/// Dials one peer whenever no session with it is up.
struct Dialer {
    node: Arc<Node>,
    peer: Country,
    tls: Arc<NodeTls>,
    options: DialOptions,
    stop: CancellationToken,
}

impl Dialer {
    async fn keep_dialling(self) {
        let Self {
            node, peer, stop, ..
        } = &self;
        let mut changes = node.links().changes();
        let mut attempt = 0;
        loop {
            changes.borrow_and_update();
            if node.links().is_up(*peer) {
                tokio::select! {
                    () = stop.cancelled() => return,
                    changed = changes.changed() => if changed.is_err() { return },
                }
                continue;
            }
            let Some(card) = node.book().get(*peer).cloned() else {
                return;
            };
            let begun = node.now();
            let end = self.dial(&card, attempt).await;
            if stop.is_cancelled() {
                return;
            }
            tracing::info!(%peer, %end, "link ended");
            node.links().failed(*peer, &end.to_string());
            attempt = if node.now().since(begun) > SETTLED {
                0
            } else {
                attempt.saturating_add(1)
            };
            let dial = &node.config().dial;
            let jitter = random_bytes::<8>().map_or(0, u64::from_be_bytes);
            let pause = backoff(attempt, dial.min_backoff(), dial.max_backoff(), jitter);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Dials once, at the next of the card's addresses, and runs the session.
    async fn dial(&self, card: &TrustedCard, attempt: u32) -> SessionEnd {
        let Self { node, peer, .. } = self;
        let addresses = &card.link_addresses;
        let turn = usize::try_from(attempt)
            .ok()
            .and_then(|attempt| attempt.checked_rem(addresses.len()))
            .unwrap_or(0);
        let Some(address) = addresses.get(turn) else {
            return SessionEnd::Unreachable("the card names no address any more".to_owned());
        };
        let tls = match link_config_to(&self.tls.link(), &Vouching::of(card)) {
            Ok(tls) => Arc::new(tls),
            Err(error) => return SessionEnd::Failed(error.to_string()),
        };
        let LinkConnection {
            channel,
            until,
            key,
        } = match dial_link(address, *peer, tls, &self.options).await {
            Ok(connection) => connection,
            Err(error) => return SessionEnd::Unreachable(error.to_string()),
        };
        let session = match random_bytes() {
            Ok(session) => session,
            Err(error) => return SessionEnd::Failed(error.to_string()),
        };
        let (outlet, frames) = Outlet::new();
        // The peer answers once it has read our hello, so it must be on its way before we wait.
        let dialled = match session::hello_first(node, *peer, session, &outlet) {
            Ok(dialled) => dialled,
            Err(end) => return end,
        };
        let mut client = LinkServiceClient::new(channel)
            .max_decoding_message_size(MAX_FRAME_BYTES)
            .max_encoding_message_size(MAX_FRAME_BYTES);
        let requests = frames.map(|frame| ExchangeRequest { frame: Some(frame) });
        let incoming = match client.exchange(requests).await {
            Ok(response) => response.into_inner(),
            Err(status) => {
                return SessionEnd::Unreachable(format!("{address}: {}", in_words(&status)));
            }
        };
        let incoming = incoming.map(|frame| match frame {
            Ok(response) => response.frame.ok_or_else(|| "an empty message".to_owned()),
            Err(status) => Err(in_words(&status)),
        });
        session::run(
            Arc::clone(node),
            *peer,
            Some(dialled),
            Presented {
                key,
                until: Some(until),
            },
            outlet,
            Box::pin(incoming),
            self.stop.clone(),
        )
        .await
    }
}

/// A status with what lies beneath it: tonic's "transport error" alone does not tell an operator
/// that the peer refused this node's certificate. A peer may have chosen the words, so control
/// characters are escaped.
pub(super) fn in_words(status: &Status) -> String {
    let mut words = vec![status.message().to_owned()];
    let mut beneath = std::error::Error::source(status);
    while let Some(cause) = beneath
        && words.len() < MAX_CAUSES
    {
        let cause_words = cause.to_string();
        if words.last() != Some(&cause_words) {
            words.push(cause_words);
        }
        beneath = cause.source();
    }
    let words = words.join(": ");
    words
        .chars()
        .flat_map(|c| {
            let escaped: Box<dyn Iterator<Item = char>> = if c.is_control() {
                Box::new(c.escape_default())
            } else {
                Box::new(std::iter::once(c))
            };
            escaped
        })
        .collect()
}
