//! A node restored from an old backup: who notices, what it may still do, and how it goes on.

mod asking;
mod custody;

use comity::{
    node::NodeError,
    wire::{
        ledger::{Action, LeafBody},
        node::StartCheck,
    },
};

use crate::support::{
    Country, PASSPHRASE, alert, alert_to, befriend, comity, eventually, ledger_bodies, neighbours,
    receipts_of, refusal_of, urgent_to,
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
        .fails(77, &["NODE_FENCED", "comity store incarnate"]);
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

/// Takes a new incarnation, with the root at hand, and starts the node again.
async fn incarnate(a: &mut Country) {
    let passphrase = a.dir().with_extension("passphrase");
    std::fs::write(&passphrase, PASSPHRASE).unwrap();
    let said = comity(&[
        "store",
        "incarnate",
        "--home",
        a.at(),
        "--passphrase-file",
        passphrase.to_str().unwrap(),
    ])
    .await
    .fine();
    assert!(
        said.contains("incarnation") && said.contains("card version"),
        "{said}"
    );
    a.start().await;
}

/// Sorted references of everything a country holds.
async fn held(country: &Country) -> Vec<String> {
    let mut references = country.references().await;
    references.sort();
    references
}

fn sorted<const N: usize>(references: [&String; N]) -> Vec<String> {
    let mut references = references.map(String::clone).to_vec();
    references.sort();
    references
}

/// Attack 17 of the list of threats: a day-old copy in the place of a node's data.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_old_copy_signs_nothing_then_catches_up_without_losing_or_doubling() {
    let (mut a, mut b, mut c) = (
        Country::set_up("TJ"),
        Country::set_up("UZ"),
        Country::set_up("KZ"),
    );
    befriend(&[&a, &b, &c]).await;
    a.start().await;
    b.start().await;
    c.start().await;
    let everywhere = a
        .submit(alert_to(&["UZ", "KZ"], "receipted in the backup"))
        .await;
    a.drained().await;
    let from_b = b.submit(alert_to(&["TJ"], "in the backup")).await;
    b.drained().await;
    c.stop().await;
    let waiting = a
        .submit(alert_to(&["UZ", "KZ"], "KZ has not got it yet"))
        .await;
    b.receives(&waiting).await;
    eventually("UZ's receipt is there", async || {
        (receipts_of(&a, &waiting).await.len() == 2).then_some(())
    })
    .await;
    a.stop().await;
    let backup = a.back_up();

    // The day that is lost.
    a.start().await;
    let lost = a.submit(alert_to(&["UZ"], "lost at its origin")).await;
    b.receives(&lost).await;
    let again_1 = b.submit(alert_to(&["TJ"], "lost at its reader")).await;
    let again_2 = b
        .submit(urgent_to(&["TJ"], "lost at its reader, urgent"))
        .await;
    b.drained().await;
    a.stop().await;
    a.restore(&backup);

    // KZ is away, and UZ alone does not fence: the question stays open, and nothing is signed.
    a.configure(|config| config.store.ask_peers_s = 600);
    a.start().await;
    assert_eq!(a.status().await.start_check(), StartCheck::Asking);
    comity(&["audit", "verify", "--home", a.at()])
        .await
        .fails(69, &["ASKING_PEERS"]);
    let said = comity(&["status", "--home", a.at()]).await.fine();
    assert!(said.contains("ASKING PEERS"), "{said}");
    eventually("UZ says that it knows more", async || {
        (a.status().await.fence_claims.len() == 1).then_some(())
    })
    .await;
    let new_for_a = b.submit(alert_to(&["TJ"], "after the restore")).await;
    assert_eq!(held(&a).await, sorted([&everywhere, &from_b, &waiting]));
    a.stop().await;

    incarnate(&mut a).await;
    c.start().await;
    for reference in [&again_1, &again_2, &new_for_a] {
        a.receives(reference).await;
    }
    c.receives(&waiting).await;
    let after = a
        .submit(alert_to(&["UZ", "KZ"], "under the new incarnation"))
        .await;
    b.receives(&after).await;
    c.receives(&after).await;
    a.drained().await;
    b.drained().await;
    assert!(after.len() > lost.len(), "numbers skip ahead: {after}");
    assert_eq!(
        held(&b).await,
        sorted([
            &everywhere,
            &from_b,
            &waiting,
            &lost,
            &again_1,
            &again_2,
            &new_for_a,
            &after
        ])
    );
    assert_eq!(held(&c).await, sorted([&everywhere, &waiting, &after]));
    assert_eq!(
        held(&a).await,
        sorted([
            &everywhere,
            &from_b,
            &waiting,
            &again_1,
            &again_2,
            &new_for_a,
            &after
        ])
    );
    // Every receipt of before and after is there, and what is lost is named.
    for reference in [&everywhere, &waiting, &after] {
        assert_eq!(receipts_of(&a, reference).await.len(), 3, "{reference}");
    }
    let status = a.status().await;
    assert!(!status.fenced && status.accepting && status.fence_claims.is_empty());
    assert_eq!(status.start_check(), StartCheck::NotNeeded);
    assert_eq!(status.lost.len(), 1, "{:?}", status.lost);
    assert_eq!(
        (status.lost[0].country.as_str(), status.lost[0].count),
        ("UZ", 1)
    );
    let lost_digest = b
        .records()
        .await
        .into_iter()
        .find(|record| record.reference == lost)
        .unwrap()
        .header_digest;
    assert_eq!(status.lost[0].header_digests, [lost_digest]);

    // As if it had never been restored, also after another restart of everybody.
    for country in [&mut a, &mut b, &mut c] {
        country.restart().await;
    }
    let last = b.submit(alert_to(&["TJ", "KZ"], "after all")).await;
    a.receives(&last).await;
    b.drained().await;
    a.drained().await;
    for country in [&a, &b, &c] {
        comity(&["audit", "verify", "--home", country.at()])
            .await
            .fine();
        let alarms: Vec<_> = ledger_bodies(country)
            .await
            .into_iter()
            .filter(|leaf| leaf.action() == Action::Alarm)
            .map(|leaf| leaf.detail)
            .collect();
        let expected: &[&str] = match country.code {
            "TJ" => &["fenced-by-peer", "records-lost"],
            _ => &[],
        };
        let mut told = alarms.clone();
        told.retain(|detail| detail != "fenced-by-peer" || country.code == "TJ");
        told.dedup();
        assert!(
            told.iter()
                .all(|detail| expected.contains(&detail.as_str())),
            "{}: {alarms:?}",
            country.code
        );
    }
    let renewed = ledger_bodies(&b).await;
    assert_eq!(
        renewed
            .iter()
            .filter(|leaf| leaf.detail == "peer-renewed")
            .count(),
        1
    );
}

/// The root is elsewhere: what it signs is carried there and back. Wrong things on the way.
#[tokio::test(flavor = "multi_thread")]
async fn the_root_signs_where_it_is() {
    let (mut a, mut b) = neighbours().await;
    b.start().await;
    restored(&mut a, &["UZ"]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(file("passphrase"), PASSPHRASE).unwrap();
    let root = file("root.age");
    std::fs::rename(a.layout().country_root(), &root).unwrap();
    let (request, word, forged) = (file("request"), file("word"), file("forged"));
    comity(&["store", "incarnate", "--home", a.at()])
        .await
        .fails(65, &["--request", "comity root authorise"]);
    comity(&[
        "store",
        "incarnate",
        "--home",
        a.at(),
        "--request",
        &request,
    ])
    .await
    .fine();
    let stranger = b.layout().country_root();
    let passphrase = file("passphrase");
    let authorise = async |root: &str, to: &str| {
        comity(&[
            "root",
            "authorise",
            &request,
            "--root",
            root,
            "--to",
            to,
            "--passphrase-file",
            &passphrase,
        ])
        .await
    };
    authorise(stranger.to_str().unwrap(), &forged)
        .await
        .fails(65, &["not the country root of TJ"]);
    let said = authorise(&root, &word).await;
    assert!(said.stderr.contains("number"), "{said:?}");
    said.fine();
    let at = a.at().to_owned();
    let take = async |from: &str| {
        comity(&["store", "incarnate", "--home", &at, "--authorisation", from]).await
    };
    take(&request)
        .await
        .fails(65, &["is not an authorised renewal"]);
    let changed = std::fs::read_to_string(&word)
        .unwrap()
        .replacen("Q", "R", 1);
    std::fs::write(&forged, changed).unwrap();
    assert_eq!(take(&forged).await.code, 65);
    take(&word).await.fine();
    // Again, as after a crash between store and card: nothing changes.
    let said = take(&word).await.fine();
    assert!(said.contains("card version 2"), "{said}");
    a.start().await;
    a.linked("UZ").await;
    a.drained().await;
    a.submit(alert("under the new incarnation")).await;
    a.drained().await;
    assert_eq!(b.status().await.records, 3);
    // Restored once more from before: card and store belong to different incarnations now.
    a.stop().await;
    let backup = a.dir().with_extension("backup");
    a.restore(&backup);
    assert!(matches!(a.refuses_to_open().await, NodeError::HalfRenewed));
    take(&word)
        .await
        .fails(65, &["not for this node as it is now"]);
    std::fs::copy(&root, a.layout().country_root()).unwrap();
    incarnate(&mut a).await;
    a.linked("UZ").await;
    a.submit(alert("under the third")).await;
    a.drained().await;
    assert_eq!(b.status().await.records, 4);
    comity(&["audit", "verify", "--home", a.at()]).await.fine();
}
