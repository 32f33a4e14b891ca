//! A node that is killed while it is fed: every item once, whatever was answered.

use std::collections::BTreeMap;

use comity::{client::Client, wire::node::FeedOutcome};

use super::{case_system, done, feed, named, says};
use crate::support::{Country, neighbours};

const ITEMS: usize = 240;

fn items() -> Vec<comity::wire::node::FeedItem> {
    let item = |at| says(&format!("case-{at}"), 1, &format!("number {at}"));
    (0..ITEMS).map(item).collect()
}

/// Feeds everything and kills the node after so many answers; what was answered.
async fn killed_after(
    a: &mut Country,
    system: &mut Client,
    answers: usize,
) -> Vec<(String, String)> {
    let (mut sender, mut answered) = system.feed(named("night")).await.unwrap().split();
    let sending = tokio::spawn(async move {
        for item in items() {
            if sender.send(item).await.is_err() {
                return;
            }
        }
    });
    let mut known = Vec::new();
    while known.len() < answers {
        let answer = answered.next().await.unwrap().unwrap();
        let id = answer.own_id.clone();
        known.push((id, done(answer).unwrap().1));
    }
    a.kill().await;
    // What was on its way when the node died counts too.
    while let Ok(Some(answer)) = answered.next().await {
        let id = answer.own_id.clone();
        known.push((id, done(answer).unwrap().1));
    }
    sending.await.unwrap();
    known
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_killed_in_the_stream_has_every_item_once() {
    let (mut a, _b) = neighbours().await;
    a.start_process().await;
    let mut system = case_system(&a).await;
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for answers in [1, 37, 150] {
        for (id, reference) in killed_after(&mut a, &mut system, answers).await {
            let before = known.insert(id.clone(), reference.clone());
            assert!(before.is_none_or(|before| before == reference), "{id}");
        }
        a.start_process().await;
        system.reconnect().await.unwrap();
    }
    let last = feed(&mut system, named("night"), items()).await;
    for (item, done) in items().iter().zip(last) {
        let (outcome, reference) = done.unwrap();
        if let Some(before) = known.get(&item.own_id) {
            assert_eq!((outcome, &reference), (FeedOutcome::Unchanged, before));
        }
    }
    assert_eq!(a.status().await.records, ITEMS as u64);
    let again = feed(&mut system, named("night"), items()).await;
    let unchanged = |done: &super::Done| matches!(done, Ok((FeedOutcome::Unchanged, _)));
    assert!(again.iter().all(unchanged));
    a.terminate().await;
}
