//! `comity keys rotate`, between real nodes.

use std::fs;

use comity::{
    home::{Home, leaf},
    wire::envelope::ReceiptType,
};

use crate::support::{alert, alert_to, comity, eventually, neighbours, receipts_of};

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
