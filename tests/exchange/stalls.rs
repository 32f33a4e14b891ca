//! Connections that come to nothing, at a running node: who made them waits, and nobody else does.

use std::{io, net::Ipv4Addr, sync::Arc};

use comity::{
    home::{TlsMaterial, node_name},
    rpc::tls::client_config,
    wire::node::{GetStatusRequest, GetStatusResponse, status_service_client::StatusServiceClient},
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::{Status, transport::Endpoint};
use tower::service_fn;

use crate::support::{Country, eventually};

/// An address that the honest clients of other tests do not have.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 77);

/// A country whose node soon finds that a connection stalls, and then wants a pause long enough for a
/// busy machine.
async fn impatient() -> Country {
    let mut country = Country::set_up("UZ");
    country.configure(|config| {
        config.limits.handshake_timeout_ms = 200;
        config.limits.stall_pause_ms = 8_000;
    });
    country.start().await;
    country
}

async fn connect(to: &Country, from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(to.home().config().client_listen).await
}

async fn handshake(
    to: &Country,
    from: Ipv4Addr,
    own: &TlsMaterial,
) -> io::Result<TlsStream<TcpStream>> {
    let home = to.home();
    let tls = client_config(own, home.country(), &home.own_card().issuing_ca_der).unwrap();
    let name = ServerName::try_from(node_name(home.country())).unwrap();
    let tcp = connect(to, from).await?;
    TlsConnector::from(Arc::new(tls)).connect(name, tcp).await
}

/// Says nothing more until the node closes the connection.
async fn until_closed(mut stream: impl AsyncRead + Unpin) {
    let mut heard = [0; 1024];
    while matches!(stream.read(&mut heard).await, Ok(bytes) if bytes > 0) {}
}

/// A call over a new connection from an address.
async fn call(
    to: &Country,
    from: Ipv4Addr,
    own: &TlsMaterial,
) -> Result<GetStatusResponse, Status> {
    let stream = handshake(to, from, own).await;
    let mut stream = Some(stream.map_err(|fault| Status::unavailable(fault.to_string()))?);
    let connector = service_fn(move |_| {
        let stream = stream.take().map(TokioIo::new);
        async move { stream.ok_or_else(|| io::Error::other("one connection is enough")) }
    });
    let channel = Endpoint::from_static("http://node")
        .connect_with_connector(connector)
        .await
        .map_err(|fault| Status::unavailable(fault.to_string()))?;
    let mut client = StatusServiceClient::new(channel);
    let answer = client.get_status(GetStatusRequest {}).await?;
    Ok(answer.into_inner())
}

/// How often the client port made somebody wait after a connection that came to nothing.
async fn waited(at: &Country) -> u64 {
    let status = at.status().await;
    let port = status.ports.iter().find(|of| of.port == "clients").unwrap();
    let of = port.refused.iter().find(|of| of.limit == "stall_pause_ms");
    of.map_or(0, |of| of.count)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_stalls_waits_and_an_honest_client_there_gets_in_after_it() {
    let node = impatient().await;
    let own = node.home().operator_material().unwrap();
    assert_eq!(waited(&node).await, 0);
    until_closed(connect(&node, ELSEWHERE).await.unwrap()).await;
    // The certificate is good and is not asked for; from other addresses it gets in.
    call(&node, ELSEWHERE, &own).await.unwrap_err();
    assert!(waited(&node).await >= 1);
    call(&node, Ipv4Addr::LOCALHOST, &own).await.unwrap();
    eventually("the pause ends", async || {
        call(&node, ELSEWHERE, &own).await.ok()
    })
    .await;
    // From now on the address is good, whoever else stalls there.
    let before = waited(&node).await;
    for _ in 0..3 {
        until_closed(connect(&node, ELSEWHERE).await.unwrap()).await;
        call(&node, ELSEWHERE, &own).await.unwrap();
    }
    assert_eq!(waited(&node).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_stalls_waits_at_every_address_and_others_there_do_not() {
    let node = impatient().await;
    let own = node.home().operator_material().unwrap();
    // Another principal makes the address good.
    waited(&node).await;
    let stalled = handshake(&node, Ipv4Addr::LOCALHOST, &own).await.unwrap();
    until_closed(stalled).await;
    call(&node, ELSEWHERE, &own).await.unwrap_err();
    call(&node, Ipv4Addr::LOCALHOST, &own).await.unwrap_err();
    assert!(waited(&node).await >= 1);
    eventually("the pause ends", async || {
        call(&node, Ipv4Addr::LOCALHOST, &own).await.ok()
    })
    .await;
}
