//! Connections that speak HTTP/1.1: TAXII's, and nobody else's.

use std::{pin::Pin, sync::Arc};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::Connection;
use crate::rpc::taxii::Taxii;

/// Bytes of a request's head.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Header fields of a request.
const MAX_HEADERS: usize = 64;

type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves the connections that come until there are no more; told to stop, each ends after the call in
/// hand.
pub(super) fn serve(
    mut coming: mpsc::Receiver<Connection>,
    taxii: Option<Arc<Taxii>>,
) -> impl FnOnce(CancellationToken) -> Serving {
    move |stop| {
        Box::pin(async move {
            let Some(taxii) = taxii else {
                return;
            };
            let mut going = JoinSet::new();
            loop {
                tokio::select! {
                    connection = coming.recv() => match connection {
                        Some(connection) => {
                            going.spawn(one(connection, Arc::clone(&taxii), stop.clone()));
                        }
                        None => break,
                    },
                    Some(_) = going.join_next(), if !going.is_empty() => {}
                }
            }
            while going.join_next().await.is_some() {}
        })
    }
}

async fn one(connection: Connection, taxii: Arc<Taxii>, stop: CancellationToken) {
    let admitted = connection.admitted();
    let admission = connection.admission();
    let time = admission.limits().message_timeout;
    let service = service_fn(move |request| {
        let (taxii, admitted) = (Arc::clone(&taxii), admitted.clone());
        let admission = Arc::clone(&admission);
        async move { taxii.answer(request, admitted, &admission).await }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(time)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(connection.without_pings()), service);
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = &mut served => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(fault) = ended {
        tracing::debug!(%fault, "a connection of TAXII ended");
    }
}
