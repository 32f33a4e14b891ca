use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use rustls::{ClientConfig, ServerConfig, pki_types::ServerName};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tonic::{Code, Request, Response, Status, service::Routes, transport::Channel};

use super::{super::*, Party, kz, own_clients, trust, uz};
use crate::{
    card::{AddressPolicy, LinkAddress},
    home::{TlsMaterial, link_name},
    limits::{Patience, Rate, Rules},
    rpc::admission::Admission,
    wire::node::{
        GetStatusRequest, GetStatusResponse,
        status_service_client::StatusServiceClient,
        status_service_server::{StatusService, StatusServiceServer},
    },
};

pub(super) const SHORT: Duration = Duration::from_millis(300);
pub(super) const LONG: Duration = Duration::from_secs(10);

/// Answers with who asked; or never, when the request says `x-wait`.
#[derive(Clone, Default)]
struct WhoAsks {
    waiting: Arc<Notify>,
}

#[tonic::async_trait]
impl StatusService for WhoAsks {
    async fn get_status(
        &self,
        request: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        if request.metadata().contains_key("x-wait") {
            self.waiting.notify_one();
            std::future::pending::<()>().await;
        }
        let country = match peer_of(&request) {
            Ok(country) => country.to_string(),
            Err(_) => client_of(&request)?.to_string(),
        };
        Ok(Response::new(GetStatusResponse {
            country,
            ..Default::default()
        }))
    }
}

pub(super) struct Served {
    pub(super) address: SocketAddr,
    pub(super) admission: Arc<Admission>,
    config: Arc<ArcSwap<ServerConfig>>,
    pub(super) live: Arc<Live>,
    stop: Arc<Notify>,
    pub(super) waiting: Arc<Notify>,
    task: JoinHandle<Result<(), AcceptError>>,
}

pub(super) fn limits() -> AcceptLimits {
    AcceptLimits {
        max_handshakes: 16,
        max_handshakes_per_address: 16,
        handshake_rate: Rate {
            per_second: 1000,
            burst: 1000,
        },
        // Nobody pauses, unless a test is about it.
        patience: Patience {
            first: Duration::ZERO,
            longest: LONG,
            shared: Rate {
                per_second: 1000,
                burst: 1000,
            },
            good: LONG,
        },
        max_connections: 8,
        max_connections_per_identity: 4,
        max_streams: 8,
        rules: Rules {
            rate: Rate {
                per_second: 1000,
                burst: 1000,
            },
            calls: 16,
            streams: 8,
        },
        handshake_timeout: SHORT,
        call_timeout: LONG,
        message_timeout: LONG,
        idle_timeout: LONG,
        keepalive: LONG,
        drain_timeout: SHORT,
    }
}

pub(super) async fn served(door: Door, config: ServerConfig, limits: AcceptLimits) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = Arc::new(ArcSwap::from_pointee(config));
    let stop = Arc::new(Notify::new());
    let service = WhoAsks::default();
    let waiting = Arc::clone(&service.waiting);
    let (used, stopped) = (Arc::clone(&config), Arc::clone(&stop));
    let live = Arc::new(Live::default());
    let known = Arc::clone(&live);
    let admission = Arc::new(Admission::new("test", limits));
    let of = Arc::clone(&admission);
    let task = tokio::spawn(async move {
        let routes = Routes::new(StatusServiceServer::new(service));
        let shutdown = async move { stopped.notified().await };
        serve(listener, used, known, door, of, shutdown, routes).await
    });
    Served {
        address,
        admission,
        config,
        live,
        stop,
        waiting,
        task,
    }
}

pub(super) fn link_port() -> ServerConfig {
    link_server_config(&uz().link, &trust(&[kz()])).unwrap()
}

pub(super) async fn links() -> Served {
    served(Door::Links, link_port(), limits()).await
}

pub(super) fn dialling() -> Arc<ClientConfig> {
    Arc::new(link_client_config(&kz().link, uz().country, &uz().ca).unwrap())
}

pub(super) fn options(allow_private: bool) -> DialOptions {
    DialOptions {
        policy: AddressPolicy {
            allow_private,
            permitted: Vec::new(),
        },
        connect_timeout: LONG,
        proxy: None,
    }
}

pub(super) fn at(address: SocketAddr) -> LinkAddress {
    address.to_string().parse().unwrap()
}

async fn dial(served: &Served) -> Result<Channel, DialError> {
    dial_as(served, &kz().link).await
}

/// Dials UZ with a certificate.
pub(super) async fn dial_as(served: &Served, own: &TlsMaterial) -> Result<Channel, DialError> {
    let tls = Arc::new(link_client_config(own, uz().country, &uz().ca).unwrap());
    dial_link(&at(served.address), uz().country, tls, &options(true))
        .await
        .map(|connection| connection.channel)
}

/// The client port of a country.
pub(super) async fn client_port_of(party: &Party) -> Served {
    let own = party.client_port.clone();
    let config = client_port_server_config(&own, &own_clients(&party.ca, party.country)).unwrap();
    served(Door::Clients, config, limits()).await
}

pub(super) async fn who(
    channel: Channel,
    request: Request<GetStatusRequest>,
) -> Result<String, Status> {
    StatusServiceClient::new(channel)
        .get_status(request)
        .await
        .map(|answer| answer.into_inner().country)
}

pub(super) fn ask() -> Request<GetStatusRequest> {
    Request::new(GetStatusRequest {})
}

#[tokio::test]
async fn handlers_know_the_peer_from_its_connection() {
    let served = links().await;
    let channel = dial(&served).await.unwrap();
    let mut request = ask();
    // Headers say nothing about who asks.
    for name in ["x-forwarded-client-cert", "authorization", "x-country"] {
        request.metadata_mut().insert(name, "UZ".parse().unwrap());
    }
    assert_eq!(who(channel, request).await.unwrap(), "KZ");
}

#[tokio::test]
async fn handlers_know_the_client_from_its_connection() {
    let own = uz().client_port.clone();
    let config = client_port_server_config(&own, &own_clients(&uz().ca, uz().country)).unwrap();
    let served = served(Door::Clients, config, limits()).await;
    let operator = uz().operator.clone();
    let channel = connect_client(&at(served.address), uz().country, &uz().ca, &operator, LONG)
        .await
        .unwrap();
    let asked = who(channel, ask()).await.unwrap();
    assert_eq!(asked, "UZ/operator/local");
}

#[tokio::test]
async fn the_wrong_configuration_does_not_open_a_door() {
    let served = served(Door::Clients, link_port(), limits()).await;
    let channel = dial(&served).await;
    let refused = match channel {
        Ok(channel) => who(channel, ask()).await.is_err(),
        Err(_) => true,
    };
    assert!(refused);
}

#[tokio::test]
async fn a_card_accepted_later_counts_from_the_next_connection() {
    let nobody = link_server_config(&uz().link, &trust(&[])).unwrap();
    let served = served(Door::Links, nobody, limits()).await;
    let refused = match dial(&served).await {
        Ok(channel) => who(channel, ask()).await.is_err(),
        Err(_) => true,
    };
    assert!(refused);
    served.config.store(Arc::new(link_port()));
    let channel = dial(&served).await.unwrap();
    assert_eq!(who(channel, ask()).await.unwrap(), "KZ");
}

/// How long until the other end closes.
pub(super) async fn closed_after(mut stream: impl tokio::io::AsyncRead + Unpin) -> Duration {
    let begun = Instant::now();
    let mut buffer = [0; 1024];
    let ended = timeout(LONG, async {
        while matches!(stream.read(&mut buffer).await, Ok(bytes) if bytes > 0) {}
    });
    ended.await.expect("the connection stays open");
    begun.elapsed()
}

#[tokio::test]
async fn a_slow_handshake_is_cut() {
    let served = links().await;
    let silent = TcpStream::connect(served.address).await.unwrap();
    let lasted = closed_after(silent).await;
    assert!(lasted >= SHORT / 2 && lasted < LONG / 2, "{lasted:?}");
}

#[tokio::test]
async fn a_peer_that_says_nothing_after_its_handshake_is_cut() {
    let served = links().await;
    let tcp = TcpStream::connect(served.address).await.unwrap();
    let name = ServerName::try_from(link_name(uz().country)).unwrap();
    let silent = TlsConnector::from(dialling())
        .connect(name, tcp)
        .await
        .unwrap();
    let lasted = closed_after(silent).await;
    assert!(lasted >= SHORT / 2 && lasted < LONG / 2, "{lasted:?}");
}

#[tokio::test]
async fn stalled_handshakes_keep_nobody_out() {
    let mut patient = limits();
    patient.handshake_timeout = LONG;
    let served = served(Door::Links, link_port(), patient).await;
    let mut stalled = Vec::new();
    for _ in 0..100 {
        stalled.push(TcpStream::connect(served.address).await.unwrap());
    }
    let begun = Instant::now();
    let channel = dial(&served).await.unwrap();
    assert_eq!(who(channel, ask()).await.unwrap(), "KZ");
    assert!(begun.elapsed() < LONG / 2);
    // The oldest gave way.
    closed_after(stalled.remove(0)).await;
}

#[tokio::test]
async fn one_identity_has_its_share_of_connections_and_gets_them_back() {
    let served = links().await;
    let mut channels = Vec::new();
    for _ in 0..4 {
        let channel = dial(&served).await.unwrap();
        who(channel.clone(), ask()).await.unwrap();
        channels.push(channel);
    }
    let fifth = async || match dial(&served).await {
        Ok(channel) => who(channel, ask()).await.is_ok(),
        Err(_) => false,
    };
    assert!(!fifth().await);
    channels.clear();
    let mut let_in = false;
    for _ in 0..50 {
        let_in = fifth().await;
        if let_in {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(let_in);
}

#[tokio::test]
async fn shutdown_lets_calls_end_and_cuts_what_does_not() {
    let served = links().await;
    let channel = dial(&served).await.unwrap();
    who(channel.clone(), ask()).await.unwrap();
    let mut request = ask();
    request
        .metadata_mut()
        .insert("x-wait", "1".parse().unwrap());
    let call = tokio::spawn(who(channel, request));
    served.waiting.notified().await;
    let begun = Instant::now();
    served.stop.notify_one();
    timeout(LONG, served.task).await.unwrap().unwrap().unwrap();
    assert!(begun.elapsed() >= SHORT / 2 && begun.elapsed() < LONG / 2);
    call.await.unwrap().unwrap_err();
    // Nothing listens any more.
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn an_idle_port_shuts_down_at_once() {
    let served = links().await;
    let channel = dial(&served).await.unwrap();
    who(channel.clone(), ask()).await.unwrap();
    let begun = Instant::now();
    served.stop.notify_one();
    timeout(LONG, served.task).await.unwrap().unwrap().unwrap();
    assert!(begun.elapsed() < SHORT, "{:?}", begun.elapsed());
    // The channel does not dial again behind its user's back.
    let status = who(channel, ask()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}

#[tokio::test]
async fn addresses_are_checked_when_dialled() {
    let served = links().await;
    let refused = dial_link(
        &at(served.address),
        uz().country,
        dialling(),
        &options(false),
    )
    .await;
    assert!(matches!(refused, Err(DialError::Refused { .. })));
    // A name is checked by what it resolves to.
    let name: LinkAddress = format!("localhost:{}", served.address.port())
        .parse()
        .unwrap();
    let refused = dial_link(&name, uz().country, dialling(), &options(false)).await;
    assert!(matches!(refused, Err(DialError::Refused { .. })));
    let metadata = "169.254.169.254:80".parse().unwrap();
    let refused = dial_link(&metadata, uz().country, dialling(), &options(true)).await;
    assert!(matches!(refused, Err(DialError::Refused { .. })));
}

#[tokio::test]
async fn failed_dials_say_why() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = at(unused.local_addr().unwrap());
    let mut hasty = options(true);
    hasty.connect_timeout = SHORT;
    let slow = dial_link(&address, uz().country, dialling(), &hasty).await;
    assert!(matches!(slow, Err(DialError::Slow { .. })));
    drop(unused);
    let closed = dial_link(&address, uz().country, dialling(), &hasty).await;
    assert!(matches!(closed, Err(DialError::Connect { .. })));
    let served = links().await;
    let to_kz = Arc::new(link_client_config(&uz().link, kz().country, &kz().ca).unwrap());
    let other = dial_link(&at(served.address), kz().country, to_kz, &options(true)).await;
    let fault = other.unwrap_err();
    assert!(matches!(fault, DialError::Handshake { .. }), "{fault}");
    assert!(fault.to_string().contains("KZ was expected"), "{fault}");
}
