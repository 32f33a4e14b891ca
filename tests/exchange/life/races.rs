//! What happens at the same time: a hold and a shredding, a record and its recall. Whatever is durable
//! first decides, and nothing is said that is not so.

use std::{collections::HashSet, sync::Arc};

use comity::{
    crypto::Digest,
    entry::LaneId,
    envelope::{Header, Lane, Receipt, ReceivingEpoch, SendingEpoch},
    inbox::{StoredRecord, ask},
    node::{
        Node,
        holds::HoldError,
        read::{ReadError, Reading},
        submit::Intent,
        system_clock,
    },
    record::Reference,
    wire::{
        envelope::ReceiptType,
        node::{ComplianceState, ReleaseHoldRequest},
        record::RecallReason,
    },
};
use prost::Message as _;

use crate::support::{
    Country, alert, complied, eventually, ledger_bodies, neighbours, officer, receipts_of,
    take_back,
};

const GROUND: &str = "EXERCISE: case 17";

/// What the reader's ledger says of a record's life, oldest first.
async fn life_of(at: &Country, header: &Digest) -> Vec<String> {
    let words = ["hold-set", "hold-released", "shredded"];
    let mut leaves = ledger_bodies(at).await;
    leaves.retain(|leaf| leaf.header_digest == header.as_bytes() && words.contains(&&*leaf.detail));
    leaves.sort_by_key(|leaf| leaf.time_us);
    leaves.into_iter().map(|leaf| leaf.detail).collect()
}

fn stored(node: &Node, reference: &Reference) -> StoredRecord {
    let number = node.find(reference).unwrap();
    let row = ask::record(node.store(), number).unwrap().unwrap();
    StoredRecord::read(node.store(), number, row).unwrap()
}

async fn hold(node: &Arc<Node>, reference: Reference) -> Result<(), HoldError> {
    node.hold(reference, Some(GROUND.to_owned()), officer(node))
        .await
}

/// Records that are due to be shredded while holds are set on them: some held before, some shredded
/// before, the others at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_and_a_shredding_at_the_same_time_end_in_one_of_both() {
    const RACING: usize = 20;
    let (mut a, mut b) = neighbours().await;
    b.configure(|config| config.life.shred_delay_s = 0);
    a.configure(|config| config.life.recall_alone = 1000);
    a.start().await;
    b.start().await;
    let mut references = Vec::new();
    for at in 0..RACING + 2 {
        references.push(a.submit(alert(&format!("number {at}"))).await);
    }
    b.receives(references.last().unwrap()).await;
    b.receives(&references[0]).await;
    let typed: Vec<Reference> = references.iter().map(|of| of.parse().unwrap()).collect();
    let digests: Vec<Digest> = typed.iter().map(|of| stored(b.node(), of).digest).collect();

    // In either order, one after the other.
    hold(b.node(), typed[0]).await.unwrap();
    take_back(&a, &[&references[0]]).await.unwrap();
    complied(&a, &references[0], "UZ", ComplianceState::Held).await;
    take_back(&a, &[&references[1]]).await.unwrap();
    complied(&a, &references[1], "UZ", ComplianceState::Erased).await;
    let refused = hold(b.node(), typed[1]).await.unwrap_err();
    assert!(matches!(refused, HoldError::State { .. }), "{refused}");

    // At once: every hold is set at another moment of the rounds that shred.
    let mut racing = Vec::new();
    for (reference, typed) in references.iter().zip(&typed).skip(2) {
        let node = Arc::clone(b.node());
        let typed = *typed;
        racing.push(tokio::spawn(async move {
            // From the moment at which the recall has locked it.
            while stored(&node, &typed).locked().is_none() {
                tokio::task::yield_now().await;
            }
            let (tended, held) = tokio::join!(node.tend(), hold(&node, typed));
            tended.unwrap();
            held
        }));
        take_back(&a, &[reference]).await.unwrap();
    }
    let mut ended = vec![Ok(()), Err(refused)];
    for one in racing {
        ended.push(one.await.unwrap());
    }
    for (at, held) in ended.iter().enumerate() {
        let life = life_of(&b, &digests[at]).await;
        match held {
            Ok(()) => {
                complied(&a, &references[at], "UZ", ComplianceState::Held).await;
                assert_eq!(life, ["hold-set"], "shredded after a durable hold");
            }
            Err(HoldError::State { .. }) => {
                complied(&a, &references[at], "UZ", ComplianceState::Erased).await;
                let said = receipts_of(&a, &references[at]).await;
                let held = said.iter().any(|of| of.r#type() == ReceiptType::Held);
                assert!(!held, "HELD was said of a shredded record");
                let life = life_of(&b, &digests[at]).await;
                assert_eq!(life, ["shredded"]);
            }
            Err(other) => panic!("{other}"),
        }
    }
    // What was held is there still, and goes once nothing holds it; also after a rebuild.
    b.stop().await;
    std::fs::remove_dir_all(b.layout().index()).unwrap();
    b.start().await;
    for (at, _) in ended.iter().enumerate().filter(|(_, held)| held.is_ok()) {
        assert_eq!(life_of(&b, &digests[at]).await, ["hold-set"]);
        let request = ReleaseHoldRequest {
            reference: references[at].clone(),
        };
        let mut client = b.client().await;
        client.life.release_hold(request).await.unwrap();
        complied(&a, &references[at], "UZ", ComplianceState::Erased).await;
    }
}

/// The record and its recall are judged before either is durable, and committed together, in both
/// orders: nobody ever reads it. What a recall decided before saw nothing of the record.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_and_its_recall_committed_together_leave_nothing_to_read() {
    for recall_first in [false, true] {
        together(recall_first).await;
    }
}

async fn together(recall_first: bool) {
    let (a, b) = neighbours().await;
    let origin = Node::open(a.home(), system_clock(), &mut |_| {})
        .await
        .unwrap();
    let reader = Node::open(b.home(), system_clock(), &mut |_| {})
        .await
        .unwrap();
    let intent = Intent {
        record: alert("together"),
        idempotency_key: String::new(),
        actor: "TJ/officer/local".to_owned(),
        by_node: false,
        evidence: false,
        item: None,
    };
    let reference = origin.submit_intent(intent).await.unwrap().reference;
    let stored = stored(&origin, &reference);
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
    let mut judged = Vec::new();
    for (which, batch) in [(Lane::Bulk, whole), (Lane::Control, taken_back)] {
        let one = reader
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
        judged.push(one);
    }
    if recall_first {
        judged.reverse();
    }
    let [first, second] = judged.try_into().ok().unwrap();
    // Joined, both are with the writer before either is answered: it takes them in one group, or one
    // right after the other, and the end is the same.
    let (first, second) = tokio::join!(reader.finish_receive(first), reader.finish_receive(second));
    for group in [first.unwrap(), second.unwrap()] {
        let receipt = Receipt::decode(group.receipts[0].clone()).unwrap();
        assert_eq!(receipt.r#type(), ReceiptType::Delivery);
    }
    let reading = Reading {
        exact: true,
        ..Reading::of(reference, None)
    };
    let refused = reader
        .read(officer(&reader), reading.clone())
        .await
        .unwrap_err();
    assert!(matches!(refused, ReadError::Locked { .. }), "{refused}");
    // Neither a restart nor another index brings it back.
    reader.close().await.unwrap();
    let left = Arc::downgrade(&reader);
    drop(reader);
    eventually("the reader lets go of its store", async || {
        left.upgrade().is_none().then_some(())
    })
    .await;
    std::fs::remove_dir_all(b.layout().index()).unwrap();
    let reader = Node::open(b.home(), system_clock(), &mut |_| {})
        .await
        .unwrap();
    let refused = reader.read(officer(&reader), reading).await.unwrap_err();
    assert!(matches!(refused, ReadError::Locked { .. }), "{refused}");
    for node in [origin, reader] {
        node.close().await.unwrap();
    }
}
