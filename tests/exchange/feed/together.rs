//! The same items at the same time, and more than once in a stream.

use std::collections::{BTreeMap, BTreeSet};

use comity::wire::node::FeedOutcome;
use tokio::task::JoinSet;

use super::{case_system, deleted, feed, named, says};
use crate::support::neighbours;

use FeedOutcome::{Amended, Outdated, Recalled, Submitted, Unchanged};

#[tokio::test(flavor = "multi_thread")]
async fn an_item_twice_in_a_stream_waits_for_itself() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut system = case_system(&a).await;
    let history = [
        (says("case-1", 1, "one"), Submitted),
        (says("case-1", 1, "one"), Unchanged),
        (says("case-1", 3, "three"), Amended),
        (says("case-1", 2, "two"), Outdated),
        (says("case-1", 4, "three"), Unchanged),
        (deleted("case-1", 5), Recalled),
        (deleted("case-1", 5), Unchanged),
        (says("case-1", 6, "six"), Submitted),
    ];
    // Beside another, so that what comes together is not one item alone.
    let items = history
        .iter()
        .enumerate()
        .flat_map(|(at, (item, _))| [item.clone(), says(&format!("other-{at}"), 1, "beside")]);
    let done = feed(&mut system, named("night"), items.collect()).await;
    for (pair, (item, outcome)) in done.chunks(2).zip(&history) {
        let (did, _) = pair[0].clone().unwrap();
        assert_eq!(did, *outcome, "version {}", item.version);
        assert_eq!(pair[1].clone().unwrap().0, Submitted);
    }
    assert_eq!(a.references().await.len(), 1 + history.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_with_the_same_items_at_once_make_each_once() {
    const ITEMS: usize = 120;
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let system = case_system(&a).await;
    let mut streams = JoinSet::new();
    for stream in 0..4_usize {
        let mut system = system.clone();
        streams.spawn(async move {
            let mut items = Vec::new();
            for at in 0..ITEMS {
                // Forwards and backwards, and each twice in its stream.
                let at = if stream % 2 == 0 { at } else { ITEMS - 1 - at };
                for version in [1, 2] {
                    let id = format!("case-{at}");
                    items.push(says(&id, version, &format!("{id} at {version}")));
                }
            }
            let ids: Vec<_> = items.iter().map(|item| item.own_id.clone()).collect();
            let done = feed(&mut system, named("night"), items).await;
            ids.into_iter().zip(done).collect::<Vec<_>>()
        });
    }
    let done: Vec<_> = streams.join_all().await.into_iter().flatten().collect();
    let mut references: BTreeMap<(FeedOutcome, &str), BTreeSet<&str>> = BTreeMap::new();
    let mut counts: BTreeMap<FeedOutcome, usize> = BTreeMap::new();
    for (id, done) in &done {
        let (outcome, reference) = done.as_ref().unwrap();
        *counts.entry(*outcome).or_default() += 1;
        references
            .entry((*outcome, id))
            .or_default()
            .insert(reference);
    }
    assert_eq!((counts[&Submitted], counts[&Amended]), (ITEMS, ITEMS));
    for ((outcome, id), references) in &references {
        if matches!(outcome, Submitted | Amended) {
            assert_eq!(references.len(), 1, "{outcome:?} {id}");
        }
    }
    assert_eq!(a.status().await.records as usize, 2 * ITEMS);
}
