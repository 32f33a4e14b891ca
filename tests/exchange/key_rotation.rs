//! `comity keys rotate`, between real nodes.

use std::{fs, sync::Arc};

use arc_swap::ArcSwap;
use comity::{
    client::Client,
    home::{Home, TlsMaterial, leaf},
    rpc::{
        admission::Admission,
        tls::{AcceptLimits, ClientTrust, Door, Live, client_port_server_config, serve},
    },
    wire::{envelope::ReceiptType, ledger::Action},
};
use tokio::task::JoinHandle;

use crate::{
    doors::try_link_port,
    support::{
        Country, alert, alert_to, comity, eventually, ledger_bodies, neighbours, receipts_of,
    },
};

/// Answers on a country's client port with another certificate, as whoever has its key could.
async fn pose(as_whom: &Country, with: &TlsMaterial) -> JoinHandle<()> {
    let home = as_whom.home();
    let trust = ClientTrust {
        country: home.country(),
        ca: home.own_card().issuing_ca_der.clone(),
        revoked: None,
        issuers: Vec::new(),
        allow_tls12: false,
        http1: false,
        without_certificate: false,
    };
    let config = client_port_server_config(with, &trust).unwrap();
    let listen = home.config().client_listen;
    let listener = tokio::net::TcpListener::bind(listen).await.unwrap();
    let limits = AcceptLimits::within(&home.config().limits, 4096);
    let admission = Arc::new(Admission::new("clients", limits));
    tokio::spawn(async move {
        let config = Arc::new(ArcSwap::from_pointee(config));
        let routes = tonic::service::Routes::default();
        let live = Arc::new(Live::default());
        let served = serve(
            listener,
            config,
            live,
            Door::Clients,
            admission,
            std::future::pending(),
            routes,
        );
        served.await.unwrap();
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_signing_key_takes_over_and_the_old_ones_signatures_stay() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let before = a.submit(alert("before")).await;
    let back = b.submit(alert_to(&["TJ"], "back")).await;
    a.drained().await;
    b.drained().await;
    // Not while the node runs: it goes on signing.
    let home = a.at().to_owned();
    let rotate = ["keys", "rotate", "signing", "--home", &home];
    let refused = comity(&rotate).await;
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("another node runs"), "{refused:#?}");
    b.stop().await;
    // It waits in the outbox, signed by the old key.
    let waiting = a.submit(alert("waits")).await;
    a.stop().await;
    let old = fs::read(a.layout().signing_key()).unwrap();
    comity(&rotate).await.fine();
    let new = fs::read(a.layout().signing_key()).unwrap();
    assert_ne!(old, new);
    assert!(!a.layout().signing_key_next().exists());

    // As a crash leaves it between the card and the key's place, and the same command again.
    fs::copy(a.layout().signing_key(), a.layout().signing_key_next()).unwrap();
    fs::write(a.layout().signing_key(), &old).unwrap();
    let opened = Home::open(a.dir()).unwrap();
    let version = opened.own_card().version;
    drop(opened);
    comity(&rotate).await.fine();
    assert_eq!(fs::read(a.layout().signing_key()).unwrap(), new);
    assert_eq!(
        a.home().own_card().version,
        version,
        "no key was retired twice"
    );
    // As a crash leaves it before the card: a key that nothing names is no harm.
    fs::copy(a.layout().signing_key(), a.layout().signing_key_next()).unwrap();
    fs::write(a.layout().signing_key_next(), &old).unwrap();
    assert_eq!(a.home().own_card().version, version);
    fs::remove_file(a.layout().signing_key_next()).unwrap();

    a.start().await;
    b.start().await;
    let after = a.submit(alert("after")).await;
    for reference in [&before, &waiting, &after] {
        b.receives(reference).await;
    }
    a.drained().await;
    eventually("B holds the newer card", async || {
        let versions = b.card_versions().await;
        versions.contains(&("TJ".to_owned(), version)).then_some(())
    })
    .await;
    // What TJ received and confirmed before still has its receipt at UZ.
    let kinds: Vec<_> = receipts_of(&b, &back)
        .await
        .iter()
        .map(|receipt| receipt.r#type())
        .collect();
    assert_eq!(
        kinds,
        [ReceiptType::SubmissionAcceptance, ReceiptType::Delivery]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_tls_key_is_taken_up_while_the_node_runs() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    a.linked("UZ").await;
    let serial = || {
        leaf(a.home().link_material().unwrap().certificate())
            .unwrap()
            .serial
    };
    let (old, first) = (fs::read(a.layout().node_tls_key()).unwrap(), serial());
    comity(&["keys", "rotate", "tls", "--home", a.at()])
        .await
        .fine();
    assert_ne!(fs::read(a.layout().node_tls_key()).unwrap(), old);
    assert_ne!(serial(), first);
    // As a crash leaves it before the key is in its place.
    fs::copy(a.layout().node_tls_key(), a.layout().node_tls_key_next()).unwrap();
    fs::write(a.layout().node_tls_key(), &old).unwrap();
    a.restart().await;
    b.restart().await;
    let reference = a.submit(alert("with the new key")).await;
    b.receives(&reference).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_tls_key_is_refused_by_peers_and_clients_once_they_hold_the_card() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    a.linked("UZ").await;
    let stolen = a.home().link_material().unwrap();
    let old_port = a.home().client_port_material().unwrap();
    assert_eq!(try_link_port(&b, &stolen).await, None, "it counts before");
    let before = a.officer();
    comity(&["keys", "rotate", "tls", "--home", a.at()])
        .await
        .fine();
    eventually("UZ holds the card", async || {
        let versions = b.card_versions().await;
        versions.contains(&("TJ".to_owned(), 2)).then_some(())
    })
    .await;
    assert!(try_link_port(&b, &stolen).await.is_some());
    let renewed = a.home().link_material().unwrap();
    assert_eq!(
        try_link_port(&b, &renewed).await,
        None,
        "the new key counts"
    );
    // The link that was made with it ends by itself and comes back with the new one.
    eventually("the link is up again", async || {
        let leaves = ledger_bodies(&b).await;
        let ended = leaves.iter().any(|leaf| leaf.action() == Action::Link);
        (ended && b.node().links().is_up("TJ".parse().unwrap())).then_some(())
    })
    .await;
    let reference = a.submit(alert("over the new key")).await;
    b.receives(&reference).await;
    a.drained().await;
    a.stop().await;

    // Who poses as TJ's node with the old key: UZ does not dial it, and TJ's own clients refuse it.
    assert_eq!(a.home().own_card().revoked_link_keys.len(), 1);
    let posing = pose(&a, &old_port).await;
    let refused = Client::connect(&a.officer()).await.unwrap_err();
    assert!(refused.to_string().contains("taken back"), "{refused}");
    assert!(
        Client::connect(&before).await.is_ok(),
        "who does not know the card cannot tell"
    );
    posing.abort();
}
