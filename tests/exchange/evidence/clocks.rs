//! Clocks of requests: by the profile that came along, seen alike at both ends, told of once, and only
//! by clocks that the peers confirm.

use std::{
    fs,
    sync::{Arc, atomic::AtomicI64},
};

use comity::{
    record::Moment,
    wire::{
        ledger::LeafBody,
        node::{EvidenceClock, EvidenceClockState, ListEvidenceRequest, ListLeavesRequest},
        record::{ClockExtended, Record, evidence_step::Act, situation::Kind},
    },
};
use icalendar::{Calendar, CalendarComponent, Component as _};
use prost::Message as _;

use super::{
    acknowledged, agree, answered, asked, neighbours, refusal, request_to, shown, stands, submit,
    take, take_by,
};
use crate::support::{Country, comity, eventually, ledger_bodies, off};

const HOUR_US: i64 = 3_600_000_000;

/// A profile whose clocks run by hours, so that a test can move them.
fn by_hours(acknowledge: u32) -> String {
    format!(
        r#"
id = "by-hours"
title = "EXERCISE: a treaty that counts hours"
source = "made up"

[[clock]]
id = "acknowledge"
goal = "ACKNOWLEDGED"
starts = "RECEIVED"
hours = {acknowledge}
warn_hours = 2
escalate_hours = 4
source = "Art. 1"

[[clock]]
id = "decide"
goal = "DECIDED"
starts = "RECEIVED"
hours = 48
pauses = true
extension_days = 2
source = "Art. 2"
"#
    )
}

fn write(at: &Country, acknowledge: u32) {
    let dir = at.layout().profiles();
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("hours.toml"), by_hours(acknowledge)).unwrap();
}

/// TJ asks and UZ executes, by a profile that UZ has with another number.
pub(super) async fn agreed() -> (Country, Country) {
    let (tj, uz) = crate::support::neighbours().await;
    for (at, with, acknowledge) in [(&tj, "UZ", 10), (&uz, "TJ", 12)] {
        write(at, acknowledge);
        agree(at, with, &["by-hours"]);
    }
    (tj, uz)
}

pub(super) fn request() -> Record {
    let mut record = request_to("national-police");
    let situation = record.situation.as_mut().unwrap();
    if let Some(Kind::EvidenceRequest(request)) = &mut situation.kind {
        request.profile = "by-hours".to_owned();
        request.execute_by = String::new();
    }
    record
}

/// Starts both again, hours after the present by both clocks.
pub(super) async fn later(a: &mut Country, b: &mut Country, hours: i64) {
    let by = Arc::new(AtomicI64::new(hours * HOUR_US));
    a.stop().await;
    b.stop().await;
    a.start_with(off(&by)).await;
    b.start_with(off(&by)).await;
}

async fn clock(at: &Country, reference: &str, id: &str) -> EvidenceClock {
    let case = shown(at, reference).await.case.unwrap();
    case.clocks.into_iter().find(|of| of.id == id).unwrap()
}

/// Waits until a clock shows a state, and answers it.
async fn shows(
    at: &Country,
    reference: &str,
    id: &str,
    state: EvidenceClockState,
) -> EvidenceClock {
    let what = format!("clock {id} at {} is {}", at.code, state.as_str_name());
    eventually(&what, async || {
        let clock = clock(at, reference, id).await;
        (clock.state() == state).then_some(clock)
    })
    .await
}

/// References and clocks of the leaves with this word.
pub(super) async fn told(at: &Country, word: &str) -> Vec<(String, String)> {
    let mut client = at.operating().await;
    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let asked = ListLeavesRequest {
            page_size: 500,
            page_token,
        };
        let page = client.audit.list_leaves(asked).await.unwrap().into_inner();
        for leaf in &page.leaves {
            let body = LeafBody::decode(leaf.body.as_slice()).unwrap();
            if body.detail == word {
                found.push((body.reference, body.purpose));
            }
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

async fn will_tell(at: &Country, word: &str, expected: &[(&str, &str)]) {
    let expected: Vec<(String, String)> = expected
        .iter()
        .map(|(reference, clock)| ((*reference).to_owned(), (*clock).to_owned()))
        .collect();
    eventually(&format!("{} tells {word}", at.code), async || {
        (told(at, word).await == expected).then_some(())
    })
    .await;
}

async fn due(at: &Country, within_hours: u32, overdue: bool) -> Vec<String> {
    let asked = ListEvidenceRequest {
        due: true,
        within_hours,
        overdue,
        ..ListEvidenceRequest::default()
    };
    let listed = at.client().await.list_evidence(asked).await.unwrap();
    listed.cases.into_iter().map(|of| of.reference).collect()
}

/// What both ends must show alike.
fn alike(mut clock: EvidenceClock) -> EvidenceClock {
    // When each node told of it is its own.
    (
        clock.warned_us,
        clock.escalated_us,
        clock.escalated_again_us,
    ) = (0, 0, 0);
    clock
}

fn extended(until_us: i64) -> Act {
    Act::Extended(ClockExtended {
        clock: "decide".to_owned(),
        reason: "EXERCISE: holidays".to_owned(),
        until: Some(Moment::from_micros(until_us).into()),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_late_is_seen_and_told_of_at_both_ends_once() {
    let (mut tj, mut uz) = agreed().await;
    tj.start().await;
    uz.start().await;
    let reference = submit(&tj, request()).await.unwrap();
    uz.receives(&reference).await;
    let running = shows(&tj, &reference, "acknowledge", EvidenceClockState::Running).await;
    let there = shows(&uz, &reference, "acknowledge", EvidenceClockState::Running).await;
    assert_eq!(running, there, "by the profile of the issuing country");
    assert_eq!(running.due_us - running.started_us, 10 * HOUR_US);
    let notices = shown(&uz, &reference).await.case.unwrap().terms_notices;
    assert_eq!(
        notices,
        [
            "the profile that came with it differs from ours: clock `acknowledge`: limit is 10 hours there and 12 hours here"
        ]
    );
    assert!(
        shown(&tj, &reference)
            .await
            .case
            .unwrap()
            .terms_notices
            .is_empty()
    );
    for at in [&tj, &uz] {
        eventually("the clock is known", async || {
            (due(at, 0, false).await == [reference.clone()]).then_some(())
        })
        .await;
        assert_eq!(due(at, 11, false).await, std::slice::from_ref(&reference));
        assert!(due(at, 9, false).await.is_empty());
        assert!(due(at, 0, true).await.is_empty());
    }

    later(&mut tj, &mut uz, 9).await;
    for at in [&tj, &uz] {
        will_tell(at, "clock-warning", &[(&reference, "acknowledge")]).await;
        assert!(told(at, "clock-late").await.is_empty());
    }
    later(&mut tj, &mut uz, 11).await;
    for at in [&tj, &uz] {
        will_tell(at, "clock-late", &[(&reference, "acknowledge")]).await;
        let late = shows(at, &reference, "acknowledge", EvidenceClockState::Late).await;
        assert_eq!(late.since_us, running.due_us);
        assert!(late.warned_us != 0 && late.escalated_us != 0);
        assert_eq!(due(at, 0, true).await, std::slice::from_ref(&reference));
        let counted = at.status().await.evidence.unwrap();
        assert_eq!((counted.running, counted.overdue), (1, 1));
        assert_eq!(counted.oldest_us, running.due_us);
    }
    later(&mut tj, &mut uz, 15).await;
    for at in [&tj, &uz] {
        let once = [(reference.as_str(), "acknowledge")];
        will_tell(at, "clock-still-late", &once).await;
        will_tell(at, "clock-late", &once).await;
        will_tell(at, "clock-warning", &once).await;
    }
    let listed = comity(&["evidence", "list", "--overdue", "--home", uz.at()])
        .await
        .fine();
    assert!(listed.contains("acknowledge LATE since"), "{listed}");
    let status = comity(&["status", "--home", uz.at()]).await.fine();
    assert!(status.contains("1 OVERDUE"), "{status}");

    take(&uz, &reference, acknowledged()).await;
    for at in [&tj, &uz] {
        let met = shows(at, &reference, "acknowledge", EvidenceClockState::Met).await;
        assert!(met.late);
        eventually("nothing is late any more", async || {
            due(at, 0, true).await.is_empty().then_some(())
        })
        .await;
    }
    tj.stop().await;
    uz.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_stands_still_while_information_is_awaited_and_is_extended_as_far_as_agreed() {
    let (mut tj, mut uz) = agreed().await;
    tj.start().await;
    uz.start().await;
    let reference = submit(&tj, request()).await.unwrap();
    uz.receives(&reference).await;
    take(&uz, &reference, acknowledged()).await;
    take(&uz, &reference, asked("EXERCISE: which floor?")).await;
    for at in [&tj, &uz] {
        shows(at, &reference, "decide", EvidenceClockState::Paused).await;
        eventually("what stands still is not due", async || {
            due(at, 0, false).await.is_empty().then_some(())
        })
        .await;
    }
    let mut at_uz = uz.client().await;
    let far = clock(&uz, &reference, "decide").await.due_us + 12 * HOUR_US;
    let (word, why) = refusal(take_by(&mut at_uz, &reference, extended(far)).await);
    assert_eq!(word, "EVIDENCE_CLOCK");
    assert!(why.contains("clock `decide` stands still"), "{why}");

    // It would have ended after 48 hours.
    later(&mut tj, &mut uz, 60).await;
    for at in [&tj, &uz] {
        let paused = shows(at, &reference, "decide", EvidenceClockState::Paused).await;
        assert!(!paused.late && paused.stood_still_s > 59 * 3600);
        assert!(told(at, "clock-late").await.is_empty());
    }
    take(&tj, &reference, answered("EXERCISE: the third")).await;
    let ours = shows(&tj, &reference, "decide", EvidenceClockState::Running).await;
    let theirs = shows(&uz, &reference, "decide", EvidenceClockState::Running).await;
    assert_eq!(alike(ours.clone()), alike(theirs));
    let moved = ours.due_us - ours.first_due_us;
    assert!((59 * HOUR_US..61 * HOUR_US).contains(&moved), "{moved}");

    let mut at_uz = uz.client().await;
    let too_far = extended(ours.due_us + 49 * HOUR_US);
    let (word, why) = refusal(take_by(&mut at_uz, &reference, too_far).await);
    assert_eq!(word, "EVIDENCE_CLOCK");
    assert!(why.contains("by 2 days in all"), "{why}");
    let until = ours.due_us + 20 * HOUR_US;
    take(&uz, &reference, extended(until)).await;
    for at in [&tj, &uz] {
        let what = format!("{} knows of the extension", at.code);
        let clock = eventually(&what, async || {
            let clock = clock(at, &reference, "decide").await;
            (clock.extensions == 1).then_some(clock)
        })
        .await;
        assert_eq!((clock.due_us, clock.extension_days_left), (until, 1));
    }

    // The calendar that an officer takes along is read back by a reader of its own.
    let file = tj.dir().with_extension("due.ics");
    let path = file.to_str().unwrap();
    comity(&[
        "evidence",
        "calendar-export",
        "--to",
        path,
        "--home",
        tj.at(),
    ])
    .await
    .fine();
    let read: Calendar = fs::read_to_string(&file).unwrap().parse().unwrap();
    let [CalendarComponent::Event(event)] = read.components.as_slice() else {
        panic!("{read}");
    };
    let summary = format!("{reference} decide");
    assert_eq!(event.property_value("SUMMARY"), Some(summary.as_str()));
    assert_eq!(event.property_value("SEQUENCE"), Some("1"));
    tj.stop().await;
    uz.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumped_makes_nobody_late() {
    let (mut tj, mut uz) = agreed().await;
    tj.start().await;
    uz.start().await;
    let reference = submit(&tj, request()).await.unwrap();
    uz.receives(&reference).await;
    stands(
        &uz,
        &reference,
        comity::wire::node::EvidenceState::Delivered,
        0,
    )
    .await;
    // Only TJ is a day ahead.
    let by = Arc::new(AtomicI64::new(24 * HOUR_US));
    tj.stop().await;
    tj.start_with(off(&by)).await;
    eventually("TJ sees that its clock is off", async || {
        let bodies = ledger_bodies(&tj).await;
        let alarm = |detail: &str| ["clock-apart", "clock-jumped"].contains(&detail);
        bodies.iter().any(|leaf| alarm(&leaf.detail)).then_some(())
    })
    .await;
    assert!(told(&tj, "clock-late").await.is_empty());
    assert!(told(&uz, "clock-late").await.is_empty());
    tj.stop().await;
    uz.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_agreement_that_names_the_profile_nothing_is_asked() {
    let (mut tj, _uz) = crate::support::neighbours().await;
    tj.start().await;
    let (word, why) = refusal(submit(&tj, request_to("national-police")).await);
    assert_eq!(word, "EVIDENCE_NOT_AGREED");
    assert!(
        why.contains("there is no agreement with UZ") && why.contains("agreements/UZ.toml"),
        "{why}"
    );
    agree(&tj, "UZ", &["eio-2014-41"]);
    comity(&["agreements", "reload", "--home", tj.at()])
        .await
        .fine();
    let (word, why) = refusal(submit(&tj, request_to("national-police")).await);
    assert_eq!(word, "EVIDENCE_NOT_AGREED");
    assert!(
        why.contains("field `evidence` of agreements/UZ.toml:2 names eio-2014-41"),
        "{why}"
    );
    agree(&tj, "UZ", &["eio-2041-14"]);
    comity(&["agreements", "reload", "--home", tj.at()])
        .await
        .fails(
            65,
            &["agreements/UZ.toml:2: `evidence`: there is no profile `eio-2041-14`"],
        );
    tj.stop().await;

    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = submit(&tj, request_to("national-police")).await.unwrap();
    uz.receives(&reference).await;
    tj.stop().await;
    uz.stop().await;
}
