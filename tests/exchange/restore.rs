//! A node restored from an old backup: who notices, what it may still do, and how it goes on.

use comity::wire::ledger::LeafBody;

use crate::support::{
    Country, alert, alert_to, befriend, comity, eventually, ledger_bodies, neighbours, refusal_of,
};

/// Leaves that say that a peer fenced this node.
async fn fences(country: &Country) -> Vec<LeafBody> {
    let mut bodies = ledger_bodies(country).await;
    bodies.retain(|leaf| leaf.detail == "fenced-by-peer");
    bodies
}

/// A country whose data is a backup taken before its last record; `b` holds both records.
async fn restored(a: &mut Country, destinations: &[&str]) {
    a.start().await;
    a.submit(alert_to(destinations, "in the backup")).await;
    a.drained().await;
    a.stop().await;
    let backup = a.back_up();
    a.start().await;
    a.submit(alert_to(destinations, "after the backup")).await;
    a.drained().await;
    a.stop().await;
    a.restore(&backup);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_node_is_fenced_and_a_restart_does_not_forget_it() {
    let (mut a, mut b) = neighbours().await;
    b.start().await;
    restored(&mut a, &["UZ"]).await;
    a.start().await;
    eventually("A is told that it was restored", async || {
        a.status().await.fenced.then_some(())
    })
    .await;
    let refused = a.try_submit(alert("would be forked"), "").await;
    assert_eq!(refusal_of(&refused.unwrap_err()), "NODE_FENCED");
    assert_eq!(b.status().await.records, 2);
    b.stop().await;
    // Nobody is there to say it again.
    a.restart().await;
    let status = a.status().await;
    assert!(status.fenced && !status.accepting, "{status:?}");
    assert_eq!(status.fence_claims.len(), 1);
    assert_eq!(status.fence_claims[0].country, "UZ");
    assert_eq!(
        (status.fence_claims[0].theirs, status.fence_claims[0].ours),
        (2, 1)
    );
    let refused = a.try_submit(alert("would be forked"), "").await;
    let refused = refused.unwrap_err();
    assert_eq!(refusal_of(&refused), "NODE_FENCED");
    assert!(refused.message().contains("comity store incarnate"));
    assert_eq!(
        fences(&a).await.len(),
        1,
        "one leaf, however often it is said"
    );
    // A checkpoint is a signature too.
    comity(&["audit", "verify", "--home", a.at()])
        .await
        .fails(70, &["NODE_FENCED", "comity store incarnate"]);
    let said = comity(&["status", "--home", a.at()]).await.fine();
    assert!(
        said.contains("FENCED") && said.contains("UZ knows more"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_countries_fence_a_node_and_one_alone_ends_only_its_own_link() {
    let (mut a, mut b, mut c) = (
        Country::set_up("TJ"),
        Country::set_up("UZ"),
        Country::set_up("KZ"),
    );
    befriend(&[&a, &b, &c]).await;
    b.start().await;
    c.start().await;
    restored(&mut a, &["UZ", "KZ"]).await;
    c.stop().await;
    a.start().await;
    eventually("UZ says so", async || {
        (a.status().await.fence_claims.len() == 1).then_some(())
    })
    .await;
    let status = a.status().await;
    assert!(!status.fenced && status.accepting, "{status:?}");
    assert!(!a.node().links().is_up("UZ".parse().unwrap()));
    c.start().await;
    eventually("KZ says so too", async || {
        a.status().await.fenced.then_some(())
    })
    .await;
    let refused = a.try_submit(alert("would be forked"), "").await;
    assert_eq!(refusal_of(&refused.unwrap_err()), "NODE_FENCED");
    assert!(a.status().await.links.iter().all(|link| !link.up));
    assert_eq!(fences(&a).await.len(), 2);
}
