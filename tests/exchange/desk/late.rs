//! What is due becomes late, by a clock that the others confirm, and is escalated once for each
//! level at both ends.

use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use comity::{
    node::system_clock,
    wire::{
        node::{DueState, Escalation, RecordSummary, ReplyToRecordRequest, WatchRecordsRequest},
        record::{Record, situation::Kind},
    },
};
use futures_util::StreamExt as _;

use crate::support::{
    Country, acknowledge, alert, alert_to, amendment, comity, due, eventually, ledger_bodies,
    listed, neighbours, off, take_back, urgent,
};

const HOUR_US: i64 = 3_600_000_000;

/// An alert that is to be acknowledged within a time.
fn within(title: &str, time: Duration) -> Record {
    let mut record = alert(title);
    let situation = record.situation.as_mut().unwrap();
    if let Some(Kind::Alert(alert)) = &mut situation.kind {
        alert.acknowledge_by = Some((system_clock()() + time).into());
    }
    record
}

/// Starts both again, hours later by both clocks.
async fn later(a: &mut Country, b: &mut Country, hours: i64) {
    let by = Arc::new(AtomicI64::new(hours * HOUR_US));
    a.stop().await;
    b.stop().await;
    a.start_with(off(&by)).await;
    b.start_with(off(&by)).await;
}

async fn leaves(at: &Country, detail: &str) -> Vec<(String, u64)> {
    let bodies = ledger_bodies(at).await;
    let found = bodies.into_iter().filter(|leaf| leaf.detail == detail);
    found.map(|leaf| (leaf.reference, leaf.count)).collect()
}

fn state(of: &RecordSummary) -> DueState {
    of.due
        .as_ref()
        .map_or(DueState::Unspecified, |due| due.state())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_acknowledged_is_escalated_twice_at_both_ends() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let asking = a
        .submit(within("asks", Duration::from_secs(2 * 3600)))
        .await;
    let urgent = a.submit(urgent("urgent")).await;
    let routine = a.submit(alert("asks for nothing")).await;
    b.receives(&routine).await;
    b.receives(&urgent).await;
    for at in [&a, &b] {
        let open = due(at, false).await;
        let references: Vec<_> = open.iter().map(|of| &of.reference).collect();
        assert_eq!(references, [&asking, &urgent], "the earliest first");
        assert!(open.iter().all(|of| state(of) == DueState::Open));
        assert!(due(at, true).await.is_empty());
        assert!(listed(at, &routine).await.due.is_none());
    }
    assert_eq!(
        due(&a, false).await[0].due.as_ref().unwrap().awaited,
        ["UZ"]
    );

    // Half of the term later the first is escalated a second time; the other has three days.
    later(&mut a, &mut b, 4).await;
    for (at, word) in [(&a, "awaited-overdue"), (&b, "acknowledgement-overdue")] {
        let escalated = eventually("both levels are reached", async || {
            let found = leaves(at, word).await;
            (found.len() == 2).then_some(found)
        })
        .await;
        let expected = [(asking.clone(), 2), (asking.clone(), 1)];
        assert_eq!(escalated, expected, "newest first");
        let late = due(at, true).await;
        assert_eq!(late.len(), 1);
        assert_eq!(state(&late[0]), DueState::Overdue);
        assert_eq!(late[0].due.as_ref().unwrap().level, 2);
        let status = at.status().await.due.unwrap();
        let overdue = (status.overdue, status.awaited_overdue);
        assert_eq!(overdue, if at.code == "TJ" { (0, 1) } else { (1, 0) });
    }
    let table = comity(&["status", "--home", b.at()]).await.fine();
    assert!(
        table.contains("to acknowledge or answer: 2 records, 1 OVERDUE"),
        "{table}"
    );
    let table = comity(&["records", "list", "--overdue", "--home", a.at()])
        .await
        .fine();
    assert!(
        table.contains("OVERDUE by") && table.contains("(UZ)"),
        "{table}"
    );

    // Done late, at both ends, and nothing is left but the other.
    let mut officer = b.client().await;
    acknowledge(&mut officer, &asking, "").await.unwrap();
    assert_eq!(state(&listed(&b, &asking).await), DueState::MetLate);
    eventually("the origin knows", async || {
        let state = state(&listed(&a, &asking).await);
        (state == DueState::MetLate).then_some(())
    })
    .await;
    acknowledge(&mut officer, &urgent, "").await.unwrap();
    eventually("the origin knows", async || {
        let state = state(&listed(&a, &urgent).await);
        (state == DueState::Met).then_some(())
    })
    .await;
    drop(officer);
    // The same from the journals alone, and nothing is escalated again.
    for country in [&mut a, &mut b] {
        country.stop().await;
        std::fs::remove_dir_all(country.layout().index()).unwrap();
    }
    let by = Arc::new(AtomicI64::new(100 * HOUR_US));
    a.start_with(off(&by)).await;
    b.start_with(off(&by)).await;
    for (at, word) in [(&a, "awaited-overdue"), (&b, "acknowledgement-overdue")] {
        assert_eq!(state(&listed(at, &asking).await), DueState::MetLate);
        assert_eq!(state(&listed(at, &urgent).await), DueState::Met);
        assert!(due(at, false).await.is_empty());
        assert_eq!(leaves(at, word).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recalled_or_amended_is_not_due_any_more() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let recalled = a.submit(within("recalled", hours(1))).await;
    let first = a.submit(within("first", hours(1))).await;
    let new = amendment(&a, &first, within("second", hours(9))).await;
    let second = a.submit(new).await;
    b.receives(&second).await;
    b.receives(&recalled).await;
    take_back(&a, &[&recalled]).await.unwrap();
    eventually("UZ heard of the recall", async || {
        let held = b.references().await;
        (!held.contains(&recalled)).then_some(())
    })
    .await;
    later(&mut a, &mut b, 2).await;
    for at in [&a, &b] {
        let closed = eventually("the old version is not due any more", async || {
            let found = leaves(at, "no-longer-due").await;
            (!found.is_empty()).then_some(found)
        })
        .await;
        assert_eq!(closed, [(first.clone(), 0)]);
        let open: Vec<_> = due(at, false).await;
        let references: Vec<_> = open.iter().map(|of| &of.reference).collect();
        assert_eq!(references, [&second]);
        assert_eq!(state(&listed(at, &first).await), DueState::Over);
        assert!(leaves(at, "awaited-overdue").await.is_empty());
        assert!(leaves(at, "acknowledgement-overdue").await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_met_by_its_answer() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let mut question = alert("a question");
    question.situation.as_mut().unwrap().kind =
        Some(Kind::Message(comity::wire::record::Message {
            text: "EXERCISE: when?".to_owned(),
            answer_expected: true,
            answer_by: Some((system_clock()() + Duration::from_secs(3600)).into()),
        }));
    let asked = a.submit(question).await;
    b.receives(&asked).await;
    let mut officer = b.client().await;
    // To take charge of it is no answer.
    acknowledge(&mut officer, &asked, "").await.unwrap();
    assert!(due(&b, false).await[0].due.as_ref().unwrap().answer);
    let request = ReplyToRecordRequest {
        reference: asked.clone(),
        text: "EXERCISE: tomorrow".to_owned(),
        authority: "national-police".to_owned(),
        ..ReplyToRecordRequest::default()
    };
    officer.threads.reply_to_record(request).await.unwrap();
    assert_eq!(state(&listed(&b, &asked).await), DueState::Met);
    eventually("the origin has its answer", async || {
        let state = state(&listed(&a, &asked).await);
        (state == DueState::Met).then_some(())
    })
    .await;
    assert!(due(&a, false).await.is_empty());
    // The answer itself asks for nothing.
    assert!(due(&b, false).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_shows_what_becomes_late() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let asking = a.submit(within("soon late", Duration::from_secs(4))).await;
    b.receives(&asking).await;
    let mut client = b.client().await;
    let request = WatchRecordsRequest {
        only_new: true,
        ..WatchRecordsRequest::default()
    };
    let watched = client.records.watch_records(request).await.unwrap();
    let mut watched = watched.into_inner();
    let (record, escalation): (RecordSummary, Escalation) = loop {
        let answer = watched.next().await.unwrap().unwrap();
        if let Some(escalation) = answer.escalation {
            break (answer.record.unwrap(), escalation);
        }
    };
    assert_eq!((record.reference, escalation.level), (asking, 1));
    let other = a.submit(alert_to(&["UZ"], "afterwards")).await;
    let next = watched.next().await.unwrap().unwrap();
    assert_eq!(next.record.unwrap().reference, other);
    assert!(next.escalation.is_none());
}
