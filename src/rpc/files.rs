//! Files between nodes over gRPC: a stream of its own on the link port, dialled by the side that dialled
//! the link, while there is anything to fetch or to serve.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status, Streaming};

use super::{
    dial::{Dialling, NotDialled, each, frames, in_words},
    server::NodeTls,
    tls::{DialOptions, LinkConnection},
};
use crate::{
    node::{
        Node,
        items::{FilesEnd, files_hello, files_out, run_files},
        session::Presented,
    },
    record::Country,
    wire::link::{FilesRequest, FilesResponse, link_service_client::LinkServiceClient},
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
    let incoming = frames(incoming, |request| request.frame);
    let (out, own) = files_out();
    // There is room for it.
    let _ = out.try_send(files_hello());
    let (node, stop) = (Arc::clone(node), stop.clone());
    let (tell, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let end = run_files(node, peer, presented, out, incoming, stop).await;
        tracing::info!(%peer, %end, "files flow no more");
        // Nobody listens where the peer has gone.
        let _ = tell.send(parting(&end));
    });
    let own = ReceiverStream::new(own).map(|frame| Ok(FilesResponse { frame: Some(frame) }));
    let parting =
        futures_util::stream::once(told).filter_map(async |told| told.ok().flatten().map(Err));
    Box::pin(own.chain(parting))
}

/// How a stream that was answered ends for the peer: with why, where the peer can do something about it.
/// What failed here is this node's own matter.
fn parting(end: &FilesEnd) -> Option<Status> {
    let code = match end {
        FilesEnd::Closed => return None,
        // Against the rules, or not to be read at all.
        FilesEnd::Refused(_) | FilesEnd::Transport(_) => Code::InvalidArgument,
        FilesEnd::Silent => Code::DeadlineExceeded,
        FilesEnd::Replaced => Code::Aborted,
        FilesEnd::Lapsed(_) => Code::FailedPrecondition,
        FilesEnd::Shutdown => Code::Unavailable,
        FilesEnd::Unreachable(_) | FilesEnd::Failed(_) => {
            return Some(Status::internal("this node failed"));
        }
    };
    Some(Status::new(code, end.to_string()))
}

/// Keeps a stream of files to every peer whose link this node dialled, while there is anything to carry.
pub(super) async fn dial_all(
    node: Arc<Node>,
    tls: Arc<NodeTls>,
    options: DialOptions,
    stop: CancellationToken,
) {
    each(node, tls, options, stop, |_| {}, keep_dialling).await;
}

async fn keep_dialling(dialling: Dialling) {
    let Dialling {
        node, peer, stop, ..
    } = &dialling;
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
        let end = dial(&dialling, attempt).await;
        if stop.is_cancelled() {
            return;
        }
        tracing::info!(%peer, %end, "files flow no more");
        attempt = if node.now().since(begun) > LOOK {
            0
        } else {
            attempt.saturating_add(1)
        };
        if !dialling.pause(attempt).await {
            return;
        }
    }
}

async fn dial(dialling: &Dialling, attempt: u32) -> FilesEnd {
    let Dialling {
        node, peer, stop, ..
    } = dialling;
    let Some(card) = node.book().get(*peer).cloned() else {
        return FilesEnd::Unreachable("no card is held any more".to_owned());
    };
    let (_, connection) = match dialling.connect(&card, attempt).await {
        Ok(connected) => connected,
        Err(NotDialled::Unreachable(why)) => return FilesEnd::Unreachable(why),
        Err(NotDialled::Failed(why)) => return FilesEnd::Failed(why),
    };
    let LinkConnection {
        channel,
        until,
        key,
    } = connection;
    let (out, own) = files_out();
    // There is room for it.
    let _ = out.try_send(files_hello());
    let mut client = LinkServiceClient::new(channel)
        .max_decoding_message_size(MAX_FILE_FRAME)
        .max_encoding_message_size(MAX_FILE_FRAME);
    let requests = ReceiverStream::new(own).map(|frame| FilesRequest { frame: Some(frame) });
    let incoming = match client.files(Request::new(requests)).await {
        Ok(response) => frames(response.into_inner(), |response| response.frame),
        Err(status) => return FilesEnd::Unreachable(in_words(&status)),
    };
    let presented = Presented {
        key,
        until: Some(until),
    };
    run_files(
        Arc::clone(node),
        *peer,
        presented,
        out,
        incoming,
        stop.clone(),
    )
    .await
}
