//! An item of a case system becomes a record once, and follows its system.

use std::time::Duration;

use comity::{
    crypto::Digest,
    node::system_clock,
    wire::{
        node::{
            FeedDeletion, FeedItem, FeedOutcome, IngestBegin, IngestRequest, feed_item::Content,
            ingest_request::Part,
        },
        record::{FollowType, Record},
    },
};
use prost::Message as _;

use super::{case_system, deleted, done, feed, holds, named, one, says, try_feed};
use crate::support::{
    Country, alert, amendment, eventually, ledger_bodies, lies_in, neighbours, refusal_of, show,
    status_of, take_back, try_show,
};

use FeedOutcome::{Amended, Outdated, Recalled, Submitted, Unchanged};

/// What the case system did, by the ledger.
async fn acts(at: &Country) -> usize {
    let bodies = ledger_bodies(at).await;
    let own = bodies.iter().filter(|leaf| leaf.actor == "TJ/system/cases");
    own.count()
}

fn word<T>(word: &str) -> Result<T, String> {
    Err(word.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_a_record_once_and_follows_its_system() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let mut system = case_system(&a).await;
    let (outcome, first) = one(&mut system, says("case-1", 1, "one")).await.unwrap();
    assert_eq!(outcome, Submitted);
    let unchanged = Ok((Unchanged, first.clone()));
    assert_eq!(one(&mut system, says("case-1", 1, "one")).await, unchanged);
    // Also after a restart, and by an index made anew from the journal.
    a.stop().await;
    std::fs::remove_dir_all(a.layout().index()).unwrap();
    a.start().await;
    system.reconnect().await.unwrap();
    assert_eq!(one(&mut system, says("case-1", 1, "one")).await, unchanged);

    let (outcome, second) = one(&mut system, says("case-1", 2, "two")).await.unwrap();
    assert_eq!(outcome, Amended);
    b.receives(&second).await;
    let shown = show(&b, &first).await;
    assert_eq!(shown.summary.unwrap().title, "EXERCISE two");
    let held = |outcome| Ok((outcome, second.clone()));
    assert_eq!(
        one(&mut system, says("case-1", 1, "one")).await,
        held(Outdated)
    );
    assert_eq!(
        one(&mut system, says("case-1", 2, "three")).await,
        word("VERSION_REUSED")
    );
    // Another version that says the same is noted, so that the one before it is old.
    assert_eq!(
        one(&mut system, says("case-1", 4, "two")).await,
        held(Unchanged)
    );
    assert_eq!(
        one(&mut system, says("case-1", 3, "three")).await,
        held(Outdated)
    );
    assert_eq!(one(&mut system, deleted("case-1", 3)).await, held(Outdated));

    assert_eq!(one(&mut system, deleted("case-1", 5)).await, held(Recalled));
    for reference in [&first, &second] {
        eventually("both versions are recalled at the reader", async || {
            let refused = try_show(&b, reference).await.err()?;
            (refusal_of(&refused) == "RECORD_LOCKED").then_some(())
        })
        .await;
    }
    assert_eq!(
        one(&mut system, deleted("case-1", 5)).await,
        held(Unchanged)
    );
    assert_eq!(
        one(&mut system, deleted("case-1", 0)).await,
        held(Unchanged)
    );
    for version in [0, 1, 5] {
        assert_eq!(
            one(&mut system, says("case-1", version, "two")).await,
            word("ITEM_DELETED")
        );
    }
    let (outcome, third) = one(&mut system, says("case-1", 6, "six")).await.unwrap();
    assert_eq!(outcome, Submitted);
    assert_eq!(a.references().await, std::slice::from_ref(&third));
    let shown = show(&a, &third).await.record.unwrap();
    assert_eq!(shown.follows, None);
    // The ledger says which feed it was.
    let bodies = ledger_bodies(&a).await;
    let leaf = bodies
        .iter()
        .find(|leaf| leaf.reference == third && leaf.detail == "submitted")
        .unwrap();
    assert_eq!(
        (&*leaf.purpose, &*leaf.actor),
        ("feed cases", "TJ/system/cases")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_versions_the_content_alone_tells() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut system = case_system(&a).await;
    let steps = [("one", Submitted), ("one", Unchanged), ("two", Amended)];
    for (title, outcome) in steps.into_iter().chain([("one", Amended)]) {
        let done = one(&mut system, says("case-1", 0, title)).await.unwrap();
        assert_eq!(done.0, outcome, "{title}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_items_lie_between_good_ones_and_keep_none_of_them() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut system = case_system(&a).await;
    let untitled = {
        let mut record = alert("");
        record.situation.as_mut().unwrap().title.clear();
        record
    };
    let amending = {
        let other = a.submit(alert("by hand")).await;
        amendment(&a, &other, alert("by the feed")).await
    };
    let step = Record {
        step: Some(comity::wire::record::Step::default()),
        ..alert("a step")
    };
    let reason = FeedItem {
        own_id: "reason".to_owned(),
        version: 0,
        content: Some(Content::Deleted(FeedDeletion {
            reason: "x".repeat(501),
        })),
    };
    let bad = [
        (says("", 1, "no id"), "OWN_ID_INVALID"),
        (says(&"i".repeat(129), 1, "a long id"), "OWN_ID_INVALID"),
        (says("a\nb", 1, "two lines"), "OWN_ID_INVALID"),
        (
            FeedItem {
                own_id: "empty".to_owned(),
                ..FeedItem::default()
            },
            "ITEM_EMPTY",
        ),
        (holds("untitled", 1, untitled), "RECORD_INVALID"),
        (holds("amending", 1, amending), "FOLLOWS_INVALID"),
        (holds("step", 1, step), "STEP_AS_RECORD"),
        (deleted("never-fed", 1), "ITEM_UNKNOWN"),
        (reason, "REASON_INVALID"),
    ];
    let mut items = Vec::new();
    for (at, (item, _)) in bad.iter().enumerate() {
        items.push(says(&format!("good-{at}"), 1, "good"));
        items.push(item.clone());
    }
    let done = feed(&mut system, named("night"), items).await;
    for (pair, (item, refusal)) in done.chunks(2).zip(&bad) {
        assert!(matches!(pair[0], Ok((Submitted, _))), "{pair:?}");
        assert_eq!(pair[1], word(refusal), "{}", item.own_id);
    }
    assert_eq!(a.status().await.records, 1 + bad.len() as u64);
    // What was refused is new when it comes right.
    let (outcome, _) = feed(
        &mut system,
        named("night"),
        vec![says("untitled", 1, "now")],
    )
    .await
    .remove(0)
    .unwrap();
    assert_eq!(outcome, Submitted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_would_be_and_keeps_nothing() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut system = case_system(&a).await;
    let night = |dry_run| IngestBegin {
        feed: "night".to_owned(),
        dry_run,
    };
    let begun = [says("kept", 1, "one"), says("gone", 1, "one")].to_vec();
    let begun = feed(&mut system, night(false), begun).await;
    let reference = |at: usize| begun[at].clone().unwrap().1;
    let before = acts(&a).await;
    let untitled = {
        let mut record = alert("");
        record.situation.as_mut().unwrap().title.clear();
        record
    };
    let unknown = crate::support::alert_to(&["KZ"], "to a country without a card");
    let items = vec![
        says("new", 1, "new"),
        says("kept", 2, "two"),
        says("kept", 1, "one"),
        says("kept", 1, "other"),
        deleted("gone", 2),
        deleted("never-fed", 2),
        holds("untitled", 1, untitled),
        holds("unknown", 1, unknown),
    ];
    for _ in 0..2 {
        assert_eq!(
            feed(&mut system, night(true), items.clone()).await,
            [
                Ok((Submitted, String::new())),
                Ok((Amended, reference(0))),
                Ok((Unchanged, reference(0))),
                word("VERSION_REUSED"),
                Ok((Recalled, reference(1))),
                word("ITEM_UNKNOWN"),
                word("RECORD_INVALID"),
                word("RECORD_INVALID"),
            ]
        );
    }
    assert_eq!(acts(&a).await, before);
    assert_eq!(a.status().await.records, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_version_of_what_was_recalled_here_is_a_record_of_its_own() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut system = case_system(&a).await;
    let (_, first) = one(&mut system, says("case-1", 1, "one")).await.unwrap();
    take_back(&a, &[&first]).await.unwrap();
    let same = one(&mut system, says("case-1", 1, "one")).await;
    assert_eq!(same, Ok((Unchanged, first.clone())));
    let (outcome, second) = one(&mut system, says("case-1", 2, "two")).await.unwrap();
    assert_eq!(outcome, Submitted);
    assert_eq!(show(&a, &second).await.record.unwrap().follows, None);
    // And a deletion of what was recalled is noted.
    take_back(&a, &[&second]).await.unwrap();
    let gone = one(&mut system, deleted("case-1", 0)).await;
    assert_eq!(gone, Ok((Recalled, second)));
    let again = one(&mut system, says("case-1", 2, "two")).await;
    assert_eq!(again, word("ITEM_DELETED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_officer_amended_is_amended_from_there() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut system = case_system(&a).await;
    let (_, first) = one(&mut system, says("case-1", 1, "one")).await.unwrap();
    let by_hand = amendment(&a, &first, alert("by hand")).await;
    let by_hand = a.submit(by_hand).await;
    // What came is what was fed before: nothing takes the officer's word back.
    let same = one(&mut system, says("case-1", 1, "one")).await;
    assert_eq!(same, Ok((Unchanged, first)));
    let (outcome, second) = one(&mut system, says("case-1", 2, "two")).await.unwrap();
    assert_eq!(outcome, Amended);
    let follows = show(&a, &second).await.record.unwrap().follows.unwrap();
    assert_eq!(follows.r#type(), FollowType::Amendment);
    assert_eq!(follows.reference, by_hand);
    assert_eq!(a.references().await.last(), Some(&second));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_item_can_be_guessed_once_it_is_shredded() {
    let (mut a, mut b) = neighbours().await;
    a.configure(|config| config.life.shred_delay_s = 0);
    a.start().await;
    b.start().await;
    let mut system = case_system(&a).await;
    let record = alert("one of few that it could be");
    let item = holds("Aktenzeichen-4711", 1, record.clone());
    let (_, reference) = one(&mut system, item.clone()).await.unwrap();
    take_back(&a, &[&reference]).await.unwrap();
    eventually("it is shredded", async || {
        let own = status_of(&a, &reference).await;
        own.iter().all(|of| of.erased_us > 0).then_some(())
    })
    .await;
    // A repeat brings nothing back, with a version and without one.
    for version in [1, 0] {
        let again = holds("Aktenzeichen-4711", version, alert("another"));
        let again = one(&mut system, again).await;
        assert_eq!(again, Ok((Unchanged, reference.clone())));
    }
    a.stop().await;
    let digest = Digest::of(&record.encode_to_vec());
    assert!(!lies_in(a.dir(), digest.as_bytes()));
    assert!(!lies_in(a.dir(), b"Aktenzeichen"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_outlives_the_newest_version_of_an_item_is_recalled_before_it_is_submitted_anew() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let mut system = case_system(&a).await;
    let (_, first) = one(&mut system, says("case-1", 1, "one")).await.unwrap();
    b.receives(&first).await;
    let soon = system_clock()() + Duration::from_secs(3);
    let short = Record {
        expires_at: Some(soon.into()),
        ..alert("two")
    };
    let amended = one(&mut system, holds("case-1", 2, short)).await;
    assert_eq!(amended.unwrap().0, Amended);
    eventually("the amendment expired", async || {
        let bodies = ledger_bodies(&a).await;
        bodies.into_iter().find(|leaf| leaf.detail == "expired")
    })
    .await;
    let (outcome, third) = one(&mut system, says("case-1", 3, "three")).await.unwrap();
    assert_eq!(outcome, Submitted);
    assert_eq!(a.references().await, std::slice::from_ref(&third));
    eventually("the reader locks what was left", async || {
        let bodies = ledger_bodies(&b).await;
        let mut recalled = bodies.iter().filter(|leaf| leaf.detail == "recalled");
        recalled.find(|leaf| leaf.reference == first).map(|_| ())
    })
    .await;
    // A later deletion finds the new record alone.
    let gone = one(&mut system, deleted("case-1", 4)).await;
    assert_eq!(gone, Ok((Recalled, third)));
    eventually("nothing of it is left at the reader", async || {
        b.references().await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_begins_once_and_has_a_name() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut system = case_system(&a).await;
    for name in ["Night", "a b", &"a".repeat(65)] {
        let refused = try_feed(&mut system, named(name), Vec::new()).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.refused().unwrap().reason(), "FEED_NAME_INVALID");
    }
    let begin = IngestRequest {
        part: Some(Part::Begin(named("night"))),
    };
    let item = IngestRequest {
        part: Some(Part::Item(says("case-1", 1, "one"))),
    };
    for stream in [vec![], vec![item.clone(), begin.clone()]] {
        let refused = system.feeds.ingest(tokio_stream::iter(stream)).await;
        assert_eq!(refusal_of(&refused.unwrap_err()), "BEGIN_MISPLACED");
    }
    let stream = tokio_stream::iter([begin.clone(), item, begin]);
    let mut answers = system.feeds.ingest(stream).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().unwrap();
    assert!(matches!(done(first), Ok((Submitted, _))));
    let ended = answers.message().await.unwrap_err();
    assert_eq!(refusal_of(&ended), "BEGIN_MISPLACED");
}
