//! A recall locks at every reader at once, whatever came first.

use std::{collections::HashSet, sync::Arc};

use comity::{
    crypto::Digest,
    entry::LaneId,
    envelope::{Header, Lane, Receipt, ReceivingEpoch, SendingEpoch},
    inbox::{StoredRecord, ask},
    node::{
        Node,
        read::{ReadError, Reading},
        submit::Intent,
        system_clock,
    },
    wire::{
        envelope::{NonDeliveryReason, ReceiptType},
        record::RecallReason,
    },
};
use prost::Message as _;

use crate::support::{
    alert, eventually, ledger_bodies, neighbours, officer, recall, receipts_of, refusal_of, show,
    take_back, try_show,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_recall_locks_the_record_at_both_ends() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let kept = a.submit(alert("kept")).await;
    let reference = a.submit(alert("wrong")).await;
    b.receives(&reference).await;
    show(&b, &reference).await;
    let step = recall(&a, &reference, &["UZ"]).await.unwrap();
    b.receives(&step).await;
    for at in [&a, &b] {
        let refused = try_show(at, &reference).await.unwrap_err();
        assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
        assert_eq!(at.references().await, std::slice::from_ref(&kept));
    }
    let leaf = ledger_bodies(&b)
        .await
        .into_iter()
        .find(|leaf| leaf.detail == "recalled")
        .unwrap();
    assert_eq!((&*leaf.reference, &*leaf.actor), (&*reference, "TJ/node"));
    // Once is enough.
    let again = recall(&a, &reference, &["UZ"]).await.unwrap_err();
    assert!(again.to_string().contains("recalled before"), "{again}");
    // The lock is in the journal, not only in the index.
    b.stop().await;
    std::fs::remove_dir_all(b.layout().index()).unwrap();
    b.start().await;
    let refused = try_show(&b, &reference).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_was_offline_hears_of_the_recall_first_and_never_gets_the_text() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    let before = a.submit(alert("before")).await;
    let reference = a.submit(alert("wrong")).await;
    let after = a.submit(alert("after")).await;
    let step = recall(&a, &reference, &["UZ"]).await.unwrap();
    b.start().await;
    b.receives(&after).await;
    b.receives(&before).await;
    // Control first: the recall is the first record that B holds.
    let first = ledger_bodies(&b)
        .await
        .into_iter()
        .rev()
        .find(|leaf| leaf.detail == "received")
        .unwrap();
    assert_eq!(first.reference, step);
    assert_eq!(b.references().await, [before, after]);
    let refused = try_show(&b, &reference).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_UNKNOWN");
    let receipt = eventually("the withdrawn record is receipted", async || {
        receipts_of(&a, &reference).await.into_iter().nth(1)
    })
    .await;
    assert_eq!(receipt.r#type(), ReceiptType::NonDelivery);
    assert_eq!(receipt.reason(), NonDeliveryReason::Withdrawn);
}

/// What is handed from node to node here, in the order in which no honest link brings it: the
/// recall first, then the whole record.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_comes_after_its_recall_is_never_readable() {
    recall_comes_first(false).await;
}

/// The recall waits among the followers, on disk: neither a restart nor another index forgets it.
#[tokio::test(flavor = "multi_thread")]
async fn a_recall_that_came_first_outlives_a_restart() {
    recall_comes_first(true).await;
}

async fn recall_comes_first(restarts: bool) {
    let (a, b) = neighbours().await;
    let origin = Node::open(a.home(), system_clock(), &mut |_| {})
        .await
        .unwrap();
    let mut reader = Node::open(b.home(), system_clock(), &mut |_| {})
        .await
        .unwrap();
    let intent = Intent {
        record: alert("too late"),
        idempotency_key: String::new(),
        actor: "TJ/officer/local".to_owned(),
        by_node: false,
        evidence: false,
        item: None,
    };
    let reference = origin.submit_intent(intent).await.unwrap().reference;
    let number = origin.find(&reference).unwrap();
    let row = ask::record(origin.store(), number).unwrap().unwrap();
    let stored = StoredRecord::read(origin.store(), number, row).unwrap();
    let header = Header::decode(stored.sealed.header.clone()).unwrap();
    let lane = |peer: &str, lane| LaneId {
        peer: peer.parse().unwrap(),
        incarnation: <[u8; 16]>::try_from(&*header.incarnation).unwrap(),
        lane,
    };
    let (tj, uz) = ("TJ".parse().unwrap(), "UZ".parse().unwrap());
    let key = b.home().own_card().sealing_keys[0].clone();
    let (epoch, announced) = SendingEpoch::establish(tj, uz, &key, origin.now()).unwrap();
    let epoch = Arc::new(epoch);
    let whole = origin
        .load(lane("UZ", Lane::Bulk), 1, 9, 1 << 20, Arc::clone(&epoch))
        .await
        .unwrap();
    let reason = RecallReason::EndangersPerson.into();
    origin
        .recall(
            vec![reference],
            None,
            reason,
            String::new(),
            officer(&origin),
        )
        .await
        .unwrap();
    let taken_back = origin
        .load(lane("UZ", Lane::Control), 1, 9, 1 << 20, epoch)
        .await
        .unwrap();
    let opened =
        ReceivingEpoch::open(&announced, tj, uz, &b.home().sealing_secrets().unwrap()).unwrap();
    let epochs = vec![Arc::new(opened)];
    for (which, batch) in [(Lane::Control, taken_back), (Lane::Bulk, whole)] {
        assert_eq!(batch.records.len(), 1);
        let judged = reader
            .begin_receive(
                lane("TJ", which),
                1,
                Digest::ZERO,
                batch.records,
                epochs.clone(),
                HashSet::new(),
            )
            .answer()
            .await
            .unwrap()
            .unwrap();
        let receipts = reader.finish_receive(judged).await.unwrap();
        let receipt = Receipt::decode(receipts.receipts[0].clone()).unwrap();
        assert_eq!(receipt.r#type(), ReceiptType::Delivery);
        if restarts && which == Lane::Control {
            reader.close().await.unwrap();
            let left = Arc::downgrade(&reader);
            drop(reader);
            eventually("the reader lets go of its store", async || {
                left.upgrade().is_none().then_some(())
            })
            .await;
            std::fs::remove_dir_all(b.layout().index()).unwrap();
            reader = Node::open(b.home(), system_clock(), &mut |_| {})
                .await
                .unwrap();
        }
    }
    let reading = Reading {
        exact: true,
        ..Reading::of(reference, None)
    };
    let refused = reader.read(officer(&reader), reading).await.unwrap_err();
    assert!(
        matches!(refused, ReadError::Locked { expired: false, .. }),
        "{refused}"
    );
    for node in [origin, reader] {
        node.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_recalls_what_another_country_sent() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let reference = a.submit(alert("of TJ")).await;
    b.receives(&reference).await;
    let refused = take_back(&b, &[&reference]).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECALL_OF_ANOTHERS_RECORD");
    let refused = recall(&b, &reference, &["TJ"]).await.unwrap_err();
    assert!(
        refused.to_string().contains("only TJ recalls it"),
        "{refused}"
    );
    show(&b, &reference).await;
    let nothing = take_back(&a, &[]).await.unwrap_err();
    assert_eq!(refusal_of(&nothing), "NOTHING_MEANT");
}
