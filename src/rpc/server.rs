//! The node's two ports and its dialers, from the first connection to the last.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{config::Config, home::HomeError, node::Node};

use super::{
    admission::Admission,
    files, link, services,
    taxii::Taxii,
    tls::{AcceptLimits, DialOptions, Door, Served, TlsError, serve as serve_door},
    webhooks,
};

pub use super::node_tls::{NodeTls, SOON};

/// Longest wait for sessions to say goodbye before their connections close.
const FAREWELL: Duration = Duration::from_millis(200);

/// Why the ports cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A port cannot be bound.
    #[error(
        "cannot listen on {address} for {door}: {source}; is another node or program using it? change `{field}` in config.toml"
    )]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// What it is for.
        door: &'static str,
        /// The field of the configuration.
        field: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The node's own certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The node's folder.
    #[error(transparent)]
    Home(#[from] HomeError),
}

/// The node's two ports, bound.
#[derive(Debug)]
pub struct Ports {
    /// Absent in a node that only dials out.
    links: Option<TcpListener>,
    clients: TcpListener,
}

impl Ports {
    /// Where links are answered; `None` in a node that only dials out.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn links_address(&self) -> io::Result<Option<SocketAddr>> {
        self.links.as_ref().map(TcpListener::local_addr).transpose()
    }

    /// Where clients are answered.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn clients_address(&self) -> io::Result<SocketAddr> {
        self.clients.local_addr()
    }
}

/// Binds the ports that the configuration asks for, before anything of the store is touched.
///
/// # Errors
/// [`ServeError::Bind`] names the port and the field that chooses it.
pub async fn bind(config: &Config) -> Result<Ports, ServeError> {
    let one = |address, door, field| async move {
        TcpListener::bind(address)
            .await
            .map_err(|source| ServeError::Bind {
                address,
                door,
                field,
                source,
            })
    };
    let links = if config.links.accept {
        Some(one(config.listen, "links", "listen").await?)
    } else {
        None
    };
    Ok(Ports {
        links,
        clients: one(config.client_listen, "clients", "client_listen").await?,
    })
}

/// Serves both ports and keeps the links, until `stop`; then takes nothing new, says goodbye and
/// drains.
///
/// # Errors
/// [`ServeError::Tls`] when the own certificates cannot be used.
pub async fn serve(
    node: Arc<Node>,
    tls: Arc<NodeTls>,
    ports: Ports,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let limits = AcceptLimits::within(&node.config().limits, descriptors());
    let of_links = Arc::new(Admission::new("links", limits.clone().of_links()));
    let of_clients = Arc::new(Admission::new("clients", limits));
    let ports_used = [Arc::clone(&of_links), Arc::clone(&of_clients)];
    let links = Arc::new(ArcSwap::from_pointee(tls.links_config(&node)?));
    let clients = Arc::new(ArcSwap::from_pointee(tls.clients_config()?));
    let close = CancellationToken::new();
    let closed = |close: &CancellationToken| close.clone().cancelled_owned();
    let link_port = async {
        match ports.links {
            Some(port) => {
                let routes = link::routes(&node, &stop);
                let links = Arc::clone(&links);
                let live = Arc::default();
                let closed = closed(&close);
                serve_door(port, links, live, Door::Links, of_links, closed, routes).await
            }
            None => Ok(()),
        }
    };
    let client_port = serve_door(
        ports.clients,
        Arc::clone(&clients),
        Arc::clone(tls.clients()),
        Door::Clients,
        of_clients,
        closed(&close),
        Served {
            routes: services::routes(&node, &tls, ports_used),
            http1: Taxii::of(&node, &tls),
        },
    );
    let dialling = link::dial_all(
        Arc::clone(&node),
        Arc::clone(&tls),
        DialOptions::from(node.config()),
        stop.clone(),
    );
    let files = files::dial_all(
        Arc::clone(&node),
        Arc::clone(&tls),
        DialOptions::from(node.config()),
        stop.clone(),
    );
    let sending = webhooks::run(Arc::clone(&node), tls.webhooks().to_vec(), stop.clone());
    let following = follow_book(
        Arc::clone(&node),
        Arc::clone(&tls),
        Arc::clone(&links),
        stop.clone(),
    );
    let renewing = tls.follow(&node, &stop, || {
        match tls.links_config(&node) {
            Ok(config) => links.store(Arc::new(config)),
            Err(error) => tracing::error!(%error, "the certificate for links cannot be taken up"),
        }
        match tls.clients_config() {
            Ok(config) => clients.store(Arc::new(config)),
            Err(error) => tracing::error!(%error, "the client port's certificate or revocations cannot be taken up"),
        }
    });
    let closing = async {
        stop.cancelled().await;
        tokio::time::sleep(FAREWELL).await;
        close.cancel();
    };
    let (links_end, clients_end, (), (), (), (), (), ()) = tokio::join!(
        link_port,
        client_port,
        dialling,
        files,
        sending,
        following,
        renewing,
        closing
    );
    for (door, end) in [("links", links_end), ("clients", clients_end)] {
        if let Err(error) = end {
            tracing::error!(%error, door, "a port stopped");
        }
    }
    Ok(())
}

/// How many files this process may open: as many as it may ask for.
fn descriptors() -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let soft = limit.current;
        limit.current = limit.maximum;
        if setrlimit(Resource::Nofile, limit).is_err() {
            limit.current = soft;
        }
    }
    limit.current.unwrap_or(u64::MAX)
}

/// Takes up the CAs of new cards: they count from the next connection on.
async fn follow_book(
    node: Arc<Node>,
    tls: Arc<NodeTls>,
    links: Arc<ArcSwap<ServerConfig>>,
    stop: CancellationToken,
) {
    let mut changes = node.links().changes();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
        match tls.links_config(&node) {
            Ok(config) => links.store(Arc::new(config)),
            Err(error) => tracing::error!(%error, "the cards' CAs cannot be taken up"),
        }
    }
}
