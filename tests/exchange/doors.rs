//! Two doors, two kinds of certificate, and no way in with the other's.

use std::sync::Arc;

use comity::{
    client::Client,
    home::{Home, TlsMaterial},
    rpc::tls::{DialOptions, dial_link, link_client_config},
    wire::{
        link::link_service_client::LinkServiceClient, node::GetStatusRequest,
        node::status_service_client::StatusServiceClient,
    },
};

use crate::support::{Country, eventually, neighbours, permit};

/// Tries the link port of `at` with a certificate; what stopped it, `None` when it got in.
pub(crate) async fn try_link_port(at: &Country, own: &TlsMaterial) -> Option<String> {
    let home = at.home();
    let tls = link_client_config(own, home.country(), &home.own_card().issuing_ca_der).unwrap();
    let address = home.config().listen.to_string().parse().unwrap();
    let options = DialOptions::from(home.config());
    let channel = match dial_link(&address, home.country(), Arc::new(tls), &options).await {
        Ok(connection) => connection.channel,
        Err(error) => return Some(error.to_string()),
    };
    let mut client = LinkServiceClient::new(channel);
    let asked = client.exchange(tokio_stream::pending()).await;
    asked.err().map(|status| status.to_string())
}

fn link_material(home: &Home) -> TlsMaterial {
    home.link_material().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_certificate_does_not_open_the_link_port() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let operator = a.home().operator_material().unwrap();
    assert!(try_link_port(&a, &operator).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_certificate_does_not_open_the_client_port() {
    let (mut a, b) = neighbours().await;
    a.start().await;
    for home in [a.home(), b.home()] {
        let answered = comity::rpc::tls::connect_client(
            &a.home().config().client_listen.to_string().parse().unwrap(),
            a.home().country(),
            &a.home().own_card().issuing_ca_der,
            &link_material(&home),
            std::time::Duration::from_secs(5),
        )
        .await;
        let refused = match answered {
            Ok(channel) => StatusServiceClient::new(channel)
                .get_status(GetStatusRequest {})
                .await
                .is_err(),
            Err(_) => true,
        };
        assert!(refused);
    }
    // The right certificate does.
    assert!(Client::connect(&a.operator()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_countrys_operator_is_no_client() {
    let (mut a, b) = neighbours().await;
    a.start().await;
    let answered = comity::rpc::tls::connect_client(
        &a.home().config().client_listen.to_string().parse().unwrap(),
        a.home().country(),
        &a.home().own_card().issuing_ca_der,
        &b.home().operator_material().unwrap(),
        std::time::Duration::from_secs(5),
    )
    .await;
    let refused = match answered {
        Ok(channel) => StatusServiceClient::new(channel)
            .get_status(GetStatusRequest {})
            .await
            .is_err(),
        Err(_) => true,
    };
    assert!(refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_whose_card_was_not_imported_is_refused() {
    let (mut a, _b) = neighbours().await;
    let mut stranger = Country::set_up("KZ");
    // KZ knows TJ, TJ does not know KZ.
    a.start().await;
    stranger.start().await;
    let card = a.home().own_card().clone();
    stranger
        .node()
        .import_card(
            card.signed.clone(),
            card.fingerprint(),
            &permit(stranger.node()),
        )
        .await
        .unwrap();
    // A refused dial may also end as a connection reset; one of the next brings the alert.
    eventually("KZ reads that its certificate is refused", async || {
        let status = stranger.status().await;
        let why = &status.links[0].last_error;
        why.contains("received fatal alert").then_some(())
    })
    .await;
    let status = a.status().await;
    assert!(status.links.iter().all(|link| link.country != "KZ"));
    assert!(
        try_link_port(&a, &link_material(&stranger.home()))
            .await
            .is_some()
    );

    // Imported, it is let in: the refusal was about the card and nothing else.
    let card = stranger.home().own_card().clone();
    a.node()
        .import_card(card.signed.clone(), card.fingerprint(), &permit(a.node()))
        .await
        .unwrap();
    stranger.linked("TJ").await;
}
