//! Files between nodes over gRPC: a stream of its own on the link port, dialled by the side that dialled
//! the link, while there is anything to fetch or to serve.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status, Streaming};

use super::{
    link::in_words,
    server::NodeTls,
    tls::{DialOptions, LinkConnection, Vouching, dial_link, link_config_to},
};
use crate::{
    crypto::random_bytes,
    node::{
        Node,
        items::{FilesEnd, files_hello, files_out, run_files},
        session::Presented,
    },
    record::Country,
    replication::progress::backoff,
    wire::link::{FileFrame, FilesRequest, FilesResponse, link_service_client::LinkServiceClient},
};

/// Largest frame: the largest chunk with what belongs to it.
pub(super) const MAX_FILE_FRAME: usize = crate::crypto::chunks::MAX_CHUNK as usize + 64 * 1024;
/// How often it is looked whether there is anything to carry.
const LOOK: Duration = Duration::from_secs(2);

/// What answers a peer's stream.
pub(super) type FilesAnswer =
    futures_util::stream::BoxStream<'static, Result<FilesResponse, Status>>;

/// Answers a peer that dialled.
pub(super) async fn answer(
    node: &Arc<Node>,
    peer: Country,
    presented: Presented,
    incoming: Streaming<FilesRequest>,
    stop: &CancellationToken,
) -> FilesAnswer {
    let incoming = incoming.map(|frame| match frame {
        Ok(request) => frame_of(request.frame),
        Err(status) => Err(in_words(&status)),
    });
    let (out, frames) = files_out();
    // There is room for it.
    let _ = out.try_send(files_hello());
    let (node, stop) = (Arc::clone(node), stop.clone());
    let (tell, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let incoming = Box::pin(incoming);
        let end = run_files(node, peer, presented, out, incoming, stop).await;
        tracing::info!(%peer, %end, "files flow no more");
        // Nobody listens where the peer has gone.
        let _ = tell.send(parting(&end));
    });
    let frames = ReceiverStream::new(frames).map(|frame| Ok(FilesResponse { frame: Some(frame) }));
    let parting =
        futures_util::stream::once(told).filter_map(async |told| told.ok().flatten().map(Err));
    Box::pin(frames.chain(parting))
}

/// How a stream that was answered ends for the peer: with why, where the peer can do something about it.
/// What failed here is this node's own matter.
fn parting(end: &FilesEnd) -> Option<Status> {
    let code = match end {
        FilesEnd::Closed => return None,
        FilesEnd::Refused(_) => Code::InvalidArgument,
        FilesEnd::Silent => Code::DeadlineExceeded,
        FilesEnd::Replaced => Code::Aborted,
        FilesEnd::Lapsed(_) => Code::FailedPrecondition,
        FilesEnd::Shutdown => Code::Unavailable,
        // What came could not be read.
        FilesEnd::Transport(_) => Code::InvalidArgument,
        FilesEnd::Unreachable(_) | FilesEnd::Failed(_) => {
            return Some(Status::internal("this node failed"));
        }
    };
    Some(Status::new(code, end.to_string()))
}

fn frame_of(frame: Option<FileFrame>) -> Result<FileFrame, String> {
    frame.ok_or_else(|| "an empty message".to_owned())
}

/// Keeps a stream of files to every peer whose link this node dialled, while there is anything to carry.
pub(super) async fn dial_all(
    node: Arc<Node>,
    tls: Arc<NodeTls>,
    options: DialOptions,
    stop: CancellationToken,
) {
    let mut changes = node.links().changes();
    let mut dialling = HashSet::new();
    let mut dialers = tokio::task::JoinSet::new();
    loop {
        changes.borrow_and_update();
        for card in node.book().iter() {
            let peer = card.country;
            if !card.link_addresses.is_empty() && dialling.insert(peer) {
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
        let mut attempt = 0;
        loop {
            let wanted = node.links().dialled(*peer)
                && !node.files_flow(*peer)
                && node.files_wanted(*peer).await;
            if !wanted {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = node.files_news() => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
                continue;
            }
            let begun = node.now();
            let end = self.dial(attempt).await;
            if stop.is_cancelled() {
                return;
            }
            tracing::info!(%peer, %end, "files flow no more");
            attempt = if node.now().since(begun) > LOOK {
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

    async fn dial(&self, attempt: u32) -> FilesEnd {
        let Self { node, peer, .. } = self;
        let Some(card) = node.book().get(*peer).cloned() else {
            return FilesEnd::Unreachable("no card is held any more".to_owned());
        };
        let addresses = &card.link_addresses;
        let turn = usize::try_from(attempt)
            .ok()
            .and_then(|attempt| attempt.checked_rem(addresses.len()))
            .unwrap_or(0);
        let Some(address) = addresses.get(turn) else {
            return FilesEnd::Unreachable("the card names no address any more".to_owned());
        };
        let tls = match link_config_to(&self.tls.link(), &Vouching::of(&card)) {
            Ok(tls) => Arc::new(tls),
            Err(error) => return FilesEnd::Failed(error.to_string()),
        };
        let LinkConnection {
            channel,
            until,
            key,
        } = match dial_link(address, *peer, tls, &self.options).await {
            Ok(connection) => connection,
            Err(error) => return FilesEnd::Unreachable(error.to_string()),
        };
        let (out, frames) = files_out();
        // There is room for it.
        let _ = out.try_send(files_hello());
        let mut client = LinkServiceClient::new(channel)
            .max_decoding_message_size(MAX_FILE_FRAME)
            .max_encoding_message_size(MAX_FILE_FRAME);
        let requests = ReceiverStream::new(frames).map(|frame| FilesRequest { frame: Some(frame) });
        let incoming = match client.files(Request::new(requests)).await {
            Ok(response) => response.into_inner(),
            Err(status) => return FilesEnd::Unreachable(in_words(&status)),
        };
        let incoming = incoming.map(|frame| match frame {
            Ok(response) => frame_of(response.frame),
            Err(status) => Err(in_words(&status)),
        });
        let presented = Presented {
            key,
            until: Some(until),
        };
        let incoming = Box::pin(incoming);
        let stop = self.stop.clone();
        run_files(Arc::clone(node), *peer, presented, out, incoming, stop).await
    }
}
