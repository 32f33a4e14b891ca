//! What was recalled is destroyed: the keys go, the proofs stay, and no copy of the disk opens it.

use std::fs;

use comity::{
    node::{Node, NodeError, system_clock},
    store::StoreError,
    wire::{envelope::ReceiptType, node::ComplianceState},
};

use crate::support::{
    Country, alert, amendment, comity, complied, copy, ledger_bodies, neighbours, officer,
    receipts_of, refusal_of, show, status_of, take_back, try_show,
};

fn at_once(country: &Country) {
    country.configure(|config| config.life.shred_delay_s = 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recalled_record_is_shredded_everywhere_and_the_reader_proves_it() {
    let (mut a, mut b) = neighbours().await;
    at_once(&a);
    at_once(&b);
    b.configure(|config| config.life.backups_days = Some(30));
    a.start().await;
    b.start().await;
    let kept = a.submit(alert("kept")).await;
    let first = a.submit(alert("first")).await;
    let second = a.submit(amendment(&a, &first, alert("second")).await).await;
    b.receives(&second).await;
    show(&b, &kept).await;

    let answer = take_back(&a, &[&second]).await.unwrap();
    assert_eq!(answer.recalled.len(), 2, "every version");
    for reference in [&first, &second] {
        let said = complied(&a, reference, "UZ", ComplianceState::Erased).await;
        assert!(said.since_us > 0 && said.backups_until_us > said.since_us);
        let erased = receipts_of(&a, reference).await.pop().unwrap();
        assert_eq!(erased.r#type(), ReceiptType::Erased);
        assert_eq!((&*erased.issuer, erased.recall_digest.len()), ("UZ", 32));
        // The reader keeps the proof of what it said.
        assert_eq!(receipts_of(&b, reference).await.pop().unwrap(), erased);
        let refused = try_show(&b, reference).await.unwrap_err();
        assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
        let own = status_of(&a, reference).await;
        assert!(own.iter().all(|version| version.erased_us > 0));
    }
    assert_eq!(a.references().await, std::slice::from_ref(&kept));
    show(&a, &kept).await;
    show(&b, &kept).await;
    let twice = take_back(&a, &[&first]).await.unwrap_err();
    assert_eq!(refusal_of(&twice), "ALREADY_RECALLED");

    // Nothing comes back with a new index, and what is proved stays proved.
    b.stop().await;
    fs::remove_dir_all(b.layout().index()).unwrap();
    b.start().await;
    let refused = try_show(&b, &first).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
    assert!(receipts_of(&b, &first).await.len() >= 2);
    assert!(
        ledger_bodies(&b)
            .await
            .iter()
            .any(|leaf| leaf.detail == "shredded")
    );
    comity(&["audit", "verify", "--home", b.at()]).await.fine();
}

/// The proof: a copy of the whole data disk from before, and every key from after.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_disk_from_before_opens_nothing_with_the_keys_from_after() {
    let (mut a, mut b) = neighbours().await;
    at_once(&b);
    a.start().await;
    b.start().await;
    let reference = a.submit(alert("to be destroyed")).await;
    b.receives(&reference).await;
    show(&b, &reference).await;
    b.stop().await;
    let before = b.dir().with_extension("before");
    copy(b.dir(), &before);
    // The copy is good: with its own keys it opens.
    let whole = b.dir().with_extension("whole");
    copy(&before, &whole);
    let node = Node::open(
        comity::home::Home::open(&whole).unwrap(),
        system_clock(),
        &mut |_| {},
    )
    .await
    .unwrap();
    assert!(node.find(&reference.parse().unwrap()).is_ok());
    node.close().await.unwrap();

    b.start().await;
    take_back(&a, &[&reference]).await.unwrap();
    complied(&a, &reference, "UZ", ComplianceState::Erased).await;
    b.stop().await;
    fs::remove_dir_all(before.join("keys")).unwrap();
    copy(&b.dir().join("keys"), &before.join("keys"));
    let home = comity::home::Home::open(&before).unwrap();
    let opened = Node::open(home, system_clock(), &mut |_| {}).await;
    let Err(NodeError::Store(StoreError::FileKey { problem, .. })) = opened else {
        panic!("the old slots open with the new key");
    };
    assert!(problem.contains("older than an erasure"), "{problem}");
    // Nor does the newer slot file hold what the old journal needs.
    fs::copy(b.layout().slots(), before.join("data/slots")).unwrap();
    let home = comity::home::Home::open(&before).unwrap();
    let node = Node::open(home, system_clock(), &mut |_| {}).await.unwrap();
    let reading = comity::node::read::Reading {
        exact: true,
        ..comity::node::read::Reading::of(reference.parse().unwrap(), None)
    };
    let refused = node
        .read(officer(&node), reading)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("erased"), "{refused}");
    node.close().await.unwrap();
}
