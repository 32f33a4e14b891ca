//! The certificate that a port answers with.

use std::{net::SocketAddr, sync::Arc};

use comity::{home::Home, rpc::tls::client_config};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The certificate, DER, that the client port at `address` of a home's node shows its operator.
pub(crate) async fn certificate_of(address: SocketAddr, home: &Home) -> Vec<u8> {
    let own = home.operator_material().unwrap();
    let ca = &home.own_card().issuing_ca_der;
    let tls = client_config(&own, home.country(), ca).unwrap();
    let name = ServerName::try_from(comity::home::node_name(home.country())).unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let stream = TlsConnector::from(Arc::new(tls))
        .connect(name, stream)
        .await
        .unwrap();
    let chain = stream.get_ref().1.peer_certificates().unwrap();
    chain[0].to_vec()
}
