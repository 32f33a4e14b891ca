//! Submissions at a node of their own that serves nobody.

use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::{
    access::{Guarded, Table},
    exercise::{AUTHORITIES, Exercise},
    home::{self, Home, InitOptions},
    node::{rules::SubmissionRefusal, system_clock},
    record::{Country, Moment},
    wire::record::CountryRole,
};

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

fn home(above: &TempDir, code: &str) -> Home {
    let dir = above.path().join(code);
    home::init(InitOptions {
        country: country(code),
        dir: dir.clone(),
        authorities: AUTHORITIES.map(str::to_owned).to_vec(),
        listen: "127.0.0.1:0".parse().unwrap(),
        client_listen: None,
        address: None,
        passphrase: "for tests only".to_owned().into(),
        work_factor: Some(2),
        now: system_clock()(),
    })
    .unwrap();
    let home = Home::open(&dir).unwrap();
    // One operator imports cards here.
    let alone = Table::default().by_one(&[Guarded::ImportCard]);
    std::fs::write(home.layout().access(), alone.to_toml()).unwrap();
    home
}

/// A node of TJ that holds the card of UZ.
async fn node() -> (TempDir, Arc<Node>) {
    let above = tempfile::tempdir().unwrap();
    let (own, other) = (home(&above, "TJ"), home(&above, "UZ"));
    let node = Node::open(own, system_clock(), &mut |_| {}).await.unwrap();
    let card = other.own_card();
    let operator = node.enter(node.local_operator()).unwrap();
    node.import_card(card.signed.clone(), card.fingerprint(), &operator)
        .await
        .unwrap();
    (above, node)
}

/// Alerts to UZ of about so many bytes.
fn intents(bytes: usize) -> impl Iterator<Item = Intent> {
    let countries = [
        (country("TJ"), CountryRole::Origin),
        (country("UZ"), CountryRole::Destination),
    ];
    let records = Exercise::new(7, &countries).sized(bytes);
    records.map(|record| Intent {
        record: record.record,
        idempotency_key: String::new(),
        actor: "TJ/operator/test".to_owned(),
        by_node: false,
        evidence: false,
        item: None,
    })
}

fn prepared(node: &Node, intents: Vec<Intent>) -> Vec<Prepared> {
    let outcomes = node.prepare_all(intents);
    let prepared = outcomes.into_iter().map(|outcome| match outcome {
        Ok((prepared, _)) => prepared,
        Err(Unproposed::Repeated(_)) => panic!("nothing was submitted before"),
        Err(Unproposed::Refused(error)) => panic!("{error}"),
    });
    prepared.collect()
}

async fn propose(node: &Node, batch: Vec<Prepared>) -> Vec<Result<u64, SubmissionRefusal>> {
    match node.writer.propose(Proposal::Submit(batch)).await {
        Ok(Answer::Submitted(outcomes)) => outcomes
            .into_iter()
            .map(|outcome| outcome.map(|submission| submission.number))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn batches_on_both_sides_of_a_new_year_get_no_reference_twice() {
    let (_above, node) = node().await;
    let at = |text: &str| -> Moment {
        let format = &time::format_description::well_known::Rfc3339;
        time::OffsetDateTime::parse(text, format).unwrap().into()
    };
    let (before, after) = (at("2031-12-31T23:59:59Z"), at("2032-01-01T00:00:00Z"));
    let given: Vec<_> = [before, after, before, before, after]
        .map(|now| node.next_reference(now).unwrap())
        .map(|reference| (reference.year, reference.number))
        .to_vec();
    assert_eq!(given, [(31, 1), (32, 1), (31, 2), (31, 3), (32, 2)]);
}

#[tokio::test]
async fn the_writer_refuses_a_reference_that_another_record_has() {
    let (_above, node) = node().await;
    let mut batch = prepared(&node, intents(300).take(4).collect());
    let (reference, tag) = (batch[0].reference, batch[0].reference_tag);
    for twin in [1, 3] {
        batch[twin].reference = reference;
        batch[twin].reference_tag = tag;
    }
    let later = batch.pop().unwrap();
    let taken = || Err(SubmissionRefusal::ReferenceTaken);
    assert_eq!(propose(&node, batch).await, [Ok(1), taken(), Ok(2)]);
    assert_eq!(propose(&node, vec![later]).await, [taken()]);
    // Where nothing is remembered, as after a restart, the index is asked.
    let mut old = prepared(&node, intents(300).take(1).collect());
    old[0].reference_tag = tag;
    old[0].unknown_at = 0;
    assert_eq!(propose(&node, old).await, [taken()]);
    assert_eq!(node.last_number().unwrap(), 2);
}

#[test]
fn batches_are_bounded_in_bytes_and_keep_their_order() {
    let batches = |mut sizes: &[usize]| {
        let mut batches = Vec::new();
        while !sizes.is_empty() {
            let count = together(sizes.iter().copied());
            batches.push(sizes[..count].iter().sum::<usize>());
            sizes = &sizes[count..];
        }
        batches
    };
    let mib = 1 << 20;
    assert_eq!(batches(&[mib; 18]), [8 * mib, 8 * mib, 2 * mib]);
    assert_eq!(batches(&[1024; 256]), [256 * 1024]);
    assert_eq!(batches(&[1, BATCH_BYTES, 1]), [1, BATCH_BYTES, 1]);
    assert_eq!(batches(&[BATCH_BYTES + 1, 0, 5]), [BATCH_BYTES + 1, 5]);
}

#[tokio::test]
async fn what_is_under_way_is_bounded_in_bytes_and_what_waits_for_it_too() {
    let room = room::Room::default();
    let mib = 1 << 20;
    let (under_way, waiting) = (room::UNDER_WAY_KIB / 1024, room::WAITING_KIB / 1024);
    let mut taken = Vec::new();
    for _ in 0..under_way {
        taken.push(room.take(mib, false).await.unwrap());
    }
    let mut queue = futures_util::stream::FuturesOrdered::new();
    for _ in 0..waiting {
        queue.push_back(Box::pin(room.take(mib, false)));
    }
    // They wait once they are looked at.
    assert!(futures_util::poll!(queue.next()).is_pending());
    assert!(matches!(room.take(1, false).await, Err(SubmitError::Busy)));
    // A recall waits; it is never sent away.
    let mut recall = Box::pin(room.take(mib, true));
    assert!(futures_util::poll!(&mut recall).is_pending());
    // Whoever asked first has room first.
    taken.pop();
    assert!(queue.next().await.unwrap().is_ok());
    assert!(futures_util::poll!(&mut recall).is_pending());
    drop((taken, queue));
    assert!(recall.await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn large_records_go_beside_each_other_and_give_their_room_back() {
    let (_above, node) = node().await;
    // Twice what may be under way: none is refused, whoever waits.
    let mut small = intents(300);
    let calls: Vec<_> = intents(500_000)
        .take(2 * (room::UNDER_WAY_KIB as usize) / 512)
        .flat_map(|large| [large, small.next().unwrap()])
        .map(|intent| {
            let node = Arc::clone(&node);
            tokio::spawn(async move { node.submit_intent(intent).await })
        })
        .collect();
    let count = calls.len();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(node.last_number().unwrap(), count as u64);
    for _ in 0..room::UNDER_WAY_KIB / 1024 {
        let room = node.intake.room.clone();
        let whole = room.take(1 << 20, false);
        std::mem::forget(whole.await.unwrap());
    }
}
