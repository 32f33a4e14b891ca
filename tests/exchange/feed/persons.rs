//! Who may feed what, and what a second person has to approve.

use comity::{
    access::{Action, Guarded, PrincipalKind, Role, Table},
    client::Client,
    wire::node::{ApproveRequest, FeedOutcome, IngestBegin},
};

use super::{case_system, deleted, feed, holds, named, one, says, try_feed};
use crate::support::{
    Country, Settings, alert, befriend, client_as, colleague, neighbours, take_back,
};

use FeedOutcome::{Recalled, Submitted, Unchanged};

fn refused(word: &str) -> super::Done {
    Err(word.to_owned())
}

/// A case system of another authority.
async fn of_the_prosecutor(at: &Country, name: &str) -> Client {
    client_as(
        at,
        PrincipalKind::CaseSystem,
        name,
        "prosecutor-general",
        &[],
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_or_another_feed_has_items_of_its_own() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut police = case_system(&a).await;
    let mut prosecutor = of_the_prosecutor(&a, "theirs").await;
    let theirs = || {
        let mut record = alert("theirs");
        record.authority = "prosecutor-general".to_owned();
        holds("case-1", 1, record)
    };
    let (outcome, first) = one(&mut police, says("case-1", 1, "ours")).await.unwrap();
    assert_eq!(outcome, Submitted);
    // Under the name that the police's feed has, too.
    let same = vec![theirs()];
    let (outcome, second) = feed(&mut prosecutor, named("cases"), same)
        .await
        .remove(0)
        .unwrap();
    assert_eq!(outcome, Submitted);
    let other = vec![says("case-1", 1, "ours")];
    let (outcome, third) = feed(&mut police, named("other"), other)
        .await
        .remove(0)
        .unwrap();
    assert_eq!(outcome, Submitted);
    assert!(first != second && first != third && second != third);
    // Another machine of the authority goes on with the feed that it names.
    let mut heir = client_as(
        &a,
        PrincipalKind::CaseSystem,
        "heir",
        "national-police",
        &[],
    )
    .await;
    let same = vec![says("case-1", 1, "ours")];
    let same = feed(&mut heir, named("cases"), same).await.remove(0);
    assert_eq!(same, Ok((Unchanged, first)));
    // And cannot say anything in another authority's name.
    let foreign = feed(
        &mut heir,
        named("cases"),
        vec![theirs(), deleted("case-2", 1)],
    )
    .await;
    assert_eq!(
        foreign,
        [refused("VERSION_REUSED"), refused("ITEM_UNKNOWN")]
    );
    let foreign = one(&mut heir, theirs()).await;
    assert_eq!(foreign, refused("ACCESS_DENIED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn feeding_is_allowed_and_so_is_each_thing_that_it_does() {
    let (mut a, b) = (Country::set_up("TJ"), Country::set_up("UZ"));
    let mut table = Table::default().by_one(&[Guarded::ImportCard]);
    let systems = table
        .rows
        .iter_mut()
        .filter(|row| row.role == Role::CaseSystem);
    for row in systems {
        row.actions.remove(&Action::Recall);
        row.actions.remove(&Action::Amend);
    }
    a.permit(&table);
    befriend(&[&a, &b]).await;
    a.start().await;
    for kind in [PrincipalKind::Operator, PrincipalKind::Auditor] {
        let mut nobody = client_as(&a, kind, "nobody", "", &[]).await;
        let denied = try_feed(&mut nobody, IngestBegin::default(), Vec::new()).await;
        let denied = denied.unwrap_err();
        assert_eq!(denied.refused().unwrap().reason(), "ACCESS_DENIED");
    }
    let mut system = case_system(&a).await;
    let (outcome, reference) = one(&mut system, says("case-1", 1, "one")).await.unwrap();
    assert_eq!(outcome, Submitted);
    let denied = refused("ACCESS_DENIED");
    assert_eq!(one(&mut system, says("case-1", 2, "two")).await, denied);
    assert_eq!(one(&mut system, deleted("case-1", 2)).await, denied);
    let dry = IngestBegin {
        dry_run: true,
        ..IngestBegin::default()
    };
    let items = vec![says("case-1", 2, "two"), deleted("case-1", 2)];
    assert_eq!(
        feed(&mut system, dry, items).await,
        [denied.clone(), denied]
    );
    let same = one(&mut system, says("case-1", 1, "one")).await;
    assert_eq!(same, Ok((Unchanged, reference)));
    assert_eq!(a.status().await.records, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_beyond_what_one_recalls_alone_wait_for_a_second_person() {
    let settings = Settings {
        two_persons: true,
        ..Settings::default()
    };
    let (mut a, b) = (Country::with("TJ", settings), Country::set_up("UZ"));
    a.configure(|config| config.life.recall_alone = 2);
    befriend(&[&a, &b]).await;
    a.start().await;
    let mut system = case_system(&a).await;
    let ids = ["case-1", "case-2", "case-3", "case-4"];
    let items = ids.map(|id| says(id, 1, id)).to_vec();
    let fed = feed(&mut system, named("night"), items).await;
    let references: Vec<String> = fed.into_iter().map(|done| done.unwrap().1).collect();
    let deletions = || ids.map(|id| deleted(id, 2)).to_vec();
    let dry = IngestBegin {
        feed: "night".to_owned(),
        dry_run: true,
    };
    let would = feed(&mut system, dry, deletions()).await;
    assert_eq!(would[0], Ok((Recalled, references[0].clone())));
    let done = feed(&mut system, named("night"), deletions()).await;
    let taken = done.iter().filter(|done| done.is_ok()).count();
    assert_eq!(taken, 2, "{done:?}");
    let left: Vec<usize> = (0..ids.len()).filter(|at| done[*at].is_err()).collect();
    for at in &left {
        assert_eq!(done[*at], refused("RECALL_NEEDS_SECOND"));
    }
    // One asks for the recall of what is left, another approves it, and the deletions are taken.
    let named_left: Vec<&str> = left.iter().map(|at| references[*at].as_str()).collect();
    // Three at once are beyond it, whoever asks.
    let more = feed(&mut system, named("night"), vec![says("case-5", 1, "five")]).await;
    let fifth = more[0].clone().unwrap().1;
    let asked = take_back(&a, &[&named_left[..], &[fifth.as_str()]].concat())
        .await
        .unwrap();
    assert!(!asked.approval_id.is_empty());
    let mut second = colleague(&a, "second").await;
    let approve = ApproveRequest {
        id: asked.approval_id,
    };
    second.life.approve(approve).await.unwrap();
    let done = feed(&mut system, named("night"), deletions()).await;
    for (at, done) in done.into_iter().enumerate() {
        let (outcome, reference) = done.unwrap();
        let expected = if left.contains(&at) {
            Recalled
        } else {
            Unchanged
        };
        assert_eq!((outcome, &reference), (expected, &references[at]));
    }
}
