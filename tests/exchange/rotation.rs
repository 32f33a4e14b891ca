//! Signing keys that were retired: what they signed before counts, what they sign after does not.

use std::{collections::HashSet, sync::Arc};

use comity::{
    card::{TrustBook, verify_card, verify_stored_card},
    crypto::Digest,
    entry::LaneId,
    envelope::{self, Lane, LinkFault, ReceiptError, ReceivingEpoch, SendingEpoch},
    node::{Node, receive::ReceiveError, submit::Intent, system_clock},
    replication::lanes,
    wire::{
        card::Retirement,
        envelope::{ReceiptProof, ReceiptType},
        ledger::Action,
        node::{ListCardsRequest, ListReceiptsRequest},
    },
};

use crate::support::{
    Country, alert, alert_to, eventually, incarnation_of, ledger_bodies, neighbours, permit,
    position, positions, receipts_of,
};

/// Up to everything that the running node and `peer` exchanged, and its ledger.
fn up_to_now(at: &Country, peer: &str, incarnations: &[[u8; 16]]) -> Retirement {
    let (head, _) = at.node().checkpoint().unwrap();
    Retirement {
        positions: positions(at.node(), peer, incarnations),
        ledger_size: head.size,
        ledger_root: head.root.to_vec(),
    }
}

async fn proofs_of(at: &Country, reference: &str) -> (TrustBook, Vec<ReceiptProof>) {
    let mut client = at.client().await;
    let request = ListReceiptsRequest {
        reference: reference.to_owned(),
    };
    let proofs = client.records.list_receipts(request).await.unwrap();
    let cards = client.cards.list_cards(ListCardsRequest {}).await.unwrap();
    let mut book = TrustBook::new();
    for signed in &cards.into_inner().cards {
        book.accept(verify_stored_card(signed).unwrap()).unwrap();
    }
    (book, proofs.into_inner().receipts)
}

async fn alarms(at: &Country) -> Vec<String> {
    let bodies = ledger_bodies(at).await;
    let alarms = bodies.iter().filter(|leaf| leaf.action() == Action::Alarm);
    alarms.map(|leaf| leaf.detail.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_wait_in_the_outbox_are_delivered_after_a_rotation() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    let waiting = [
        a.submit(alert("first")).await,
        a.submit(alert("second")).await,
    ];
    let incarnation = incarnation_of(a.node(), &waiting[0]);
    let retirement = up_to_now(&a, "UZ", &[incarnation]);
    assert_eq!(retirement.positions.len(), 1);
    a.stop().await;
    a.rotate_signing_key(retirement);

    b.start().await;
    a.start().await;
    let after = a.submit(alert("after the rotation")).await;
    a.drained().await;
    for reference in waiting.iter().chain([&after]) {
        b.receives(reference).await;
        let (book, proofs) = proofs_of(&a, reference).await;
        let kinds: Vec<_> = proofs
            .iter()
            .map(|proof| envelope::verify_stated(proof, &book).map(|receipt| receipt.r#type()))
            .collect();
        let accepted = if *reference == after {
            Ok(ReceiptType::SubmissionAcceptance)
        } else {
            Err(ReceiptError::RetiredAcceptance("TJ".parse().unwrap()))
        };
        assert_eq!(kinds, [accepted, Ok(ReceiptType::Delivery)]);
    }
    assert_eq!(alarms(&b).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_signed_before_a_rotation_prove_what_they_proved() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let before = a.submit(alert("before")).await;
    let back = b.submit(alert_to(&["TJ"], "back")).await;
    a.drained().await;
    b.drained().await;
    let (ours, theirs) = (
        incarnation_of(a.node(), &before),
        incarnation_of(b.node(), &back),
    );
    let retirement = up_to_now(&b, "TJ", &[ours, theirs]);
    assert_eq!(retirement.positions.len(), 2);
    b.stop().await;
    b.rotate_signing_key(retirement);
    b.start().await;
    let after = a.submit(alert("after")).await;
    a.drained().await;
    eventually("A holds the newer card", async || {
        let versions = a.card_versions().await;
        versions.contains(&("UZ".to_owned(), 2)).then_some(())
    })
    .await;
    for reference in [&before, &after] {
        let kinds: Vec<_> = receipts_of(&a, reference)
            .await
            .iter()
            .map(|receipt| receipt.r#type())
            .collect();
        assert_eq!(
            kinds,
            [ReceiptType::SubmissionAcceptance, ReceiptType::Delivery]
        );
    }
    assert_eq!(alarms(&a).await, [""; 0]);
}

/// Threat 11: B holds a card that ends TJ's key after the first record; whoever still has the key
/// sends a second.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stolen_key_signs_beyond_its_last_position_is_refused() {
    let (a, b) = neighbours().await;
    let thief = Node::open(a.home(), system_clock(), &mut |_| {})
        .await
        .unwrap();
    let reader = Node::open(b.home(), system_clock(), &mut |_| {})
        .await
        .unwrap();
    let mut references = Vec::new();
    for text in ["before the theft", "after the theft"] {
        let intent = Intent {
            record: alert(text),
            idempotency_key: String::new(),
            actor: "TJ/officer/local".to_owned(),
            by_node: false,
            evidence: false,
            item: None,
        };
        references.push(
            thief
                .submit_intent(intent)
                .await
                .unwrap()
                .reference
                .to_string(),
        );
    }
    let incarnation = incarnation_of(&thief, &references[0]);
    let lane = |peer: &str| LaneId {
        peer: peer.parse().unwrap(),
        incarnation,
        lane: Lane::Bulk,
    };
    let (_, first_hash) = lanes::outbox(thief.store(), &lane("UZ"), 1)
        .unwrap()
        .unwrap();
    let (tj, uz) = ("TJ".parse().unwrap(), "UZ".parse().unwrap());
    let key = b.home().own_card().sealing_keys[0].clone();
    let (epoch, announced) = SendingEpoch::establish(tj, uz, &key, thief.now()).unwrap();
    let sent = thief
        .load(lane("UZ"), 1, 9, 1 << 20, Arc::new(epoch))
        .await
        .unwrap();
    let opened =
        ReceivingEpoch::open(&announced, tj, uz, &b.home().sealing_secrets().unwrap()).unwrap();
    let epochs = vec![Arc::new(opened)];
    let judged = async |records: Vec<_>, first, before| {
        let judging = reader.begin_receive(
            lane("TJ"),
            first,
            before,
            records,
            epochs.clone(),
            HashSet::new(),
        );
        judging.answer().await.unwrap()
    };
    let card = |hash: Digest| {
        let (signed, _) = a.card_that_retires(Retirement {
            positions: vec![position(&lane("UZ"), 1, hash)],
            ..Retirement::default()
        });
        verify_card(&signed, system_clock()()).unwrap()
    };

    // Another history than the card's: not even the first counts.
    let other = card(Digest::of(b"another history"));
    let fingerprint = other.fingerprint();
    let mut book = TrustBook::new();
    book.accept(other).unwrap();
    let place = comity::card::Place {
        peer: uz,
        incarnation,
        lane: Lane::Bulk as u32,
        sequence: 1,
        running_hash: Some(first_hash),
    };
    let verified =
        envelope::verify(&sent.records[0], uz, tj, Some(&place), &book, reader.now()).unwrap_err();
    assert_eq!(verified.name(), "retired_key");

    let ending = card(first_hash);
    reader
        .import_card(ending.signed.clone(), fingerprint, &permit(&reader))
        .await
        .unwrap();
    let refused = judged(sent.records.clone(), 1, Digest::ZERO)
        .await
        .unwrap_err();
    assert!(
        matches!(
            refused,
            ReceiveError::Link {
                sequence: 2,
                fault: LinkFault::RetiredKey { .. }
            }
        ),
        "{refused}"
    );
    let first = judged(sent.records[..1].to_vec(), 1, Digest::ZERO)
        .await
        .unwrap();
    reader.finish_receive(first).await.unwrap();
    assert!(reader.find(&references[0].parse().unwrap()).is_ok());
    for node in [thief, reader] {
        node.close().await.unwrap();
    }
}
