//! Receipts, confirmations and credit that do not stand.

use comity::{
    crypto::{Digest, SigningKey},
    envelope::{issue, running_hash},
    wire::{
        envelope::{Lane, NonDeliveryReason, Receipt, ReceiptGroup, ReceiptType},
        link::{Ack, Credit, ReceiptsDurable, frame},
    },
};

use super::{Run, case};
use crate::{
    link::{Link, Seen, bulk, receipt},
    world::{ADVERSARY, THIRD, World, country},
};

/// A session in which the victim sent two records, and honest receipts for them.
async fn two_received(world: &mut World) -> (Link, Vec<Receipt>) {
    world.submit_at_victim().await.unwrap();
    world.submit_at_victim().await.unwrap();
    let mut link = world.session().await;
    let records = link.take_records(world).await;
    let receipts = link.answer(world, &records);
    (link, receipts)
}

/// Both receipts, changed before they are signed.
async fn changed(world: &mut World, change: impl FnOnce(&mut Vec<Receipt>)) -> Seen {
    let (mut link, mut receipts) = two_received(world).await;
    change(&mut receipts);
    link.acknowledge(world, 1, issue(receipts, &world.key));
    link.end().await.into()
}

/// Both receipts, changed after they were signed.
async fn tampered(world: &mut World, change: impl FnOnce(&mut Ack)) -> Seen {
    let (mut link, receipts) = two_received(world).await;
    let mut ack = Ack {
        lane: Lane::Bulk.into(),
        incarnation: world.victim_incarnation.to_vec(),
        first_sequence: 1,
        receipts: Some(issue(receipts, &world.key)),
    };
    change(&mut ack);
    link.send(frame::Frame::Ack(ack));
    link.end().await.into()
}

case!(never_assigned, world, {
    let third = receipt_for(world, 3);
    changed(world, |receipts| receipts.push(third)).await
});

fn receipt_for(world: &World, sequence: u64) -> Receipt {
    Receipt {
        incarnation: vec![1; 16].into(),
        ..receipt(world, sequence, &Digest::of(b"never"))
    }
}

case!(of_another_record, world, {
    changed(world, |receipts| {
        let first = receipts[0].header_digest.clone();
        receipts[0].header_digest = receipts[1].header_digest.clone();
        receipts[1].header_digest = first;
    })
    .await
});

case!(of_another_origin, world, {
    changed(world, |receipts| receipts[1].origin = THIRD.to_owned()).await
});

case!(of_an_acceptance, world, {
    changed(world, |receipts| {
        receipts[0] = Receipt {
            r#type: ReceiptType::SubmissionAcceptance.into(),
            incarnation: Vec::new().into(),
            lane: 0,
            sequence: 0,
            reason: NonDeliveryReason::Unspecified.into(),
            ..receipts[0].clone()
        };
    })
    .await
});

fn group(ack: &mut Ack) -> &mut ReceiptGroup {
    ack.receipts.as_mut().unwrap()
}

case!(signature_flipped, world, {
    tampered(world, |ack| {
        let mut bytes = group(ack).signature.to_vec();
        bytes[9] ^= 1;
        group(ack).signature = bytes.into();
    })
    .await
});

case!(signing_key_unknown, world, {
    let (key, _) = SigningKey::generate().unwrap();
    let (mut link, receipts) = two_received(world).await;
    link.acknowledge(world, 1, issue(receipts, &key));
    link.end().await.into()
});

case!(gap, world, {
    let (mut link, receipts) = two_received(world).await;
    link.acknowledge(world, 2, issue(receipts[1..].to_vec(), &world.key));
    link.end().await.into()
});

case!(other_incarnation, world, {
    tampered(world, |ack| ack.incarnation = vec![2; 16]).await
});

case!(none_at_all, world, {
    tampered(world, |ack| ack.receipts = None).await
});

case!(empty_group, world, {
    tampered(world, |ack| group(ack).receipts.clear()).await
});

case!(lane_malformed, world, {
    tampered(world, |ack| ack.lane = -1).await
});

/// Takes honest receipts into account, as the node did.
fn take(world: &mut World, receipts: &[Receipt]) {
    for receipt in receipts {
        world.received.0 = receipt.sequence;
        let digest = Digest::try_from(receipt.header_digest.as_ref()).unwrap();
        world.received.1 = running_hash(&world.received.1, world.received.0, &digest);
    }
}

case!(again, world, {
    let (mut link, receipts) = two_received(world).await;
    let leaves = |world: &World| {
        let all = world.leaves();
        all.iter()
            .filter(|leaf| leaf.detail == "receipts-arrived")
            .count()
    };
    for _ in 0..3 {
        link.acknowledge(world, 1, issue(receipts.clone(), &world.key));
    }
    take(world, &receipts);
    let seen = link.still_serves(world).await;
    assert_eq!(leaves(world), 1, "receipts count once");
    seen
});

case!(overlapping, world, {
    let (mut link, receipts) = two_received(world).await;
    link.acknowledge(world, 1, issue(receipts[..1].to_vec(), &world.key));
    link.acknowledge(world, 1, issue(receipts.clone(), &world.key));
    let end = link.end().await;
    take(world, &receipts[..1]);
    end.into()
});

case!(confirmations_never_read, world, {
    let (mut link, receipts) = two_received(world).await;
    link.acknowledge(world, 1, issue(receipts.clone(), &world.key));
    take(world, &receipts);
    // A known receipt is confirmed again, whatever it says.
    let again = crate::link::message(frame::Frame::Ack(Ack {
        lane: Lane::Bulk.into(),
        incarnation: world.victim_incarnation.to_vec(),
        first_sequence: 1,
        receipts: Some(ReceiptGroup {
            receipts: vec![vec![0].into()],
            ..ReceiptGroup::default()
        }),
    }));
    for _ in 0..150_000 {
        link.raw(again.clone());
    }
    eventually_down(world).await;
    link.end().await.into()
});

/// Waits until the victim has ended the session.
async fn eventually_down(world: &World) {
    for _ in 0..6000 {
        if !world.node().links().is_up(country(ADVERSARY)) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the session goes on");
}

async fn confirmed(world: &mut World, change: impl FnOnce(&mut ReceiptsDurable)) -> Seen {
    let mut link = world.session().await;
    let parcel = world.parcel();
    link.deliver_honestly(world, &[parcel]).await;
    let mut durable = ReceiptsDurable {
        positions: vec![bulk(&world.incarnation, &world.sent)],
    };
    change(&mut durable);
    link.send(frame::Frame::ReceiptsDurable(durable));
    link.end().await.into()
}

case!(durable_never_issued, world, {
    confirmed(world, |durable| durable.positions[0].sequence = 2).await
});

case!(durable_of_another_incarnation, world, {
    confirmed(world, |durable| {
        durable.positions[0].incarnation = vec![3; 16]
    })
    .await
});

case!(durable_too_many, world, {
    confirmed(world, |durable| {
        durable.positions = vec![durable.positions[0].clone(); 4]
    })
    .await
});

case!(credit_without_end, world, {
    let mut link = world.session().await;
    for _ in 0..8 {
        link.send(frame::Frame::Credit(Credit {
            lane: Lane::Bulk.into(),
            records: u32::MAX,
            bytes: u64::MAX,
        }));
    }
    link.still_serves(world).await
});

case!(credit_for_no_lane, world, {
    let mut link = world.session().await;
    link.send(frame::Frame::Credit(Credit {
        lane: 4,
        records: 1,
        bytes: 1,
    }));
    link.end().await.into()
});
