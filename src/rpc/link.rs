//! The link over gRPC: answering peers that dial, and dialling them.

use std::{pin::Pin, sync::Arc, time::Duration};

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
    wire::link::{
        ExchangeRequest, ExchangeResponse, FilesRequest,
        link_service_client::LinkServiceClient,
        link_service_server::{LinkService, LinkServiceServer},
    },
};

use super::{
    dial::{Dialling, NotDialled, each, frames, in_words},
    files::{self, FilesAnswer},
    server::NodeTls,
    status::Refusal,
    tls::{DialOptions, LinkConnection, certificate_of, peer_of},
};

/// Largest frame: a full batch of records with room for its envelope.
const MAX_FRAME_BYTES: usize = 8 * 1024 * 1024;
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
        let incoming = frames(request.into_inner(), |request| request.frame);
        let (outlet, own) = Outlet::new();
        let node = Arc::clone(&self.node);
        let stop = self.stop.clone();
        tokio::spawn(async move {
            let end = session::run(node, peer, None, presented, outlet, incoming, stop).await;
            tracing::info!(%peer, %end, "link ended");
        });
        let own = own.map(|frame| Ok(ExchangeResponse { frame: Some(frame) }));
        Ok(Response::new(Box::pin(own)))
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
    let stranded = {
        let node = Arc::clone(&node);
        move |peer| {
            if !node.config().links.accept {
                tracing::warn!(%peer, "{NEITHER_DIALS}");
                node.links().failed(peer, NEITHER_DIALS);
            }
        }
    };
    each(node, tls, options, stop, stranded, keep_dialling).await;
}

/// Dials one peer whenever no session with it is up.
async fn keep_dialling(dialling: Dialling) {
    let Dialling {
        node, peer, stop, ..
    } = &dialling;
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
        let end = dial(&dialling, &card, attempt).await;
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
        if !dialling.pause(attempt).await {
            return;
        }
    }
}

/// Dials once, and runs the session.
async fn dial(dialling: &Dialling, card: &TrustedCard, attempt: u32) -> SessionEnd {
    let Dialling {
        node, peer, stop, ..
    } = dialling;
    let (address, connection) = match dialling.connect(card, attempt).await {
        Ok(connected) => connected,
        Err(NotDialled::Unreachable(why)) => return SessionEnd::Unreachable(why),
        Err(NotDialled::Failed(why)) => return SessionEnd::Failed(why),
    };
    let LinkConnection {
        channel,
        until,
        key,
    } = connection;
    let session = match random_bytes() {
        Ok(session) => session,
        Err(error) => return SessionEnd::Failed(error.to_string()),
    };
    let (outlet, own) = Outlet::new();
    // The peer answers once it has read our hello, so it must be on its way before we wait.
    let dialled = match session::hello_first(node, *peer, session, &outlet) {
        Ok(dialled) => dialled,
        Err(end) => return end,
    };
    let mut client = LinkServiceClient::new(channel)
        .max_decoding_message_size(MAX_FRAME_BYTES)
        .max_encoding_message_size(MAX_FRAME_BYTES);
    let requests = own.map(|frame| ExchangeRequest { frame: Some(frame) });
    let incoming = match client.exchange(requests).await {
        Ok(response) => frames(response.into_inner(), |response| response.frame),
        Err(status) => {
            return SessionEnd::Unreachable(format!("{address}: {}", in_words(&status)));
        }
    };
    session::run(
        Arc::clone(node),
        *peer,
        Some(dialled),
        Presented {
            key,
            until: Some(until),
        },
        outlet,
        incoming,
        stop.clone(),
    )
    .await
}
