//! A peer whose operator changed its node: steps out of order, twice, and without a place are void on
//! both sides alike, and the ledger has an alarm.

use comity::{
    crypto::Digest,
    node::submit::Intent,
    wire::{
        node::{EvidenceState, EvidenceStepOutcome},
        record::{
            CountryRole, Destination, EvidenceStep, FollowType, Follows, Marking, Record, Step,
            Tlp, Urgency, evidence_step::Act, step::Step as Kind,
        },
    },
};

use super::{acknowledged, executed, neighbours, note, recognised, requested, take, the_same};
use crate::support::{Country, digest_of, eventually, ledger_bodies};

/// A step as a changed node would make it.
struct Forged<'a> {
    request: &'a str,
    number: u32,
    previous: Option<Digest>,
    seen: u32,
    seen_digest: Option<Digest>,
    act: Act,
}

async fn forge(at: &Country, to: &str, forged: Forged<'_>) -> String {
    let bytes = |digest: Option<Digest>| digest.map(|of| of.to_vec()).unwrap_or_default();
    let step = EvidenceStep {
        number: forged.number,
        previous: bytes(forged.previous),
        seen: forged.seen,
        seen_digest: bytes(forged.seen_digest),
        act: Some(forged.act),
    };
    let record = Record {
        authority: "national-police".to_owned(),
        destinations: vec![Destination {
            country: to.to_owned(),
            role: CountryRole::Destination.into(),
            ..Destination::default()
        }],
        urgency: Urgency::Urgent.into(),
        marking: Some(Marking {
            tlp: Tlp::Amber.into(),
            ..Marking::default()
        }),
        exercise: true,
        follows: Some(Follows {
            r#type: FollowType::Step.into(),
            header_digest: digest_of(at, forged.request).await.to_vec(),
            reference: forged.request.to_owned(),
        }),
        step: Some(Step {
            step: Some(Kind::Evidence(step)),
        }),
        ..Record::default()
    };
    let intent = Intent {
        record,
        idempotency_key: String::new(),
        actor: "test".to_owned(),
        by_node: true,
        evidence: false,
        item: None,
    };
    let accepted = at.node().submit_intent(intent).await.unwrap();
    accepted.reference.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_without_a_place_are_void_on_both_sides_and_raise_an_alarm() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = requested(&tj, &uz).await;
    let first = take(&uz, &reference, acknowledged()).await;
    let first = Digest::try_from(first.header_digest.as_slice()).unwrap();
    the_same(&tj, &uz, &reference, 1).await;
    let forged = |number, previous, seen, seen_digest, act| Forged {
        request: &reference,
        number,
        previous,
        seen,
        seen_digest,
        act,
    };
    // A second one with number 1, one beyond a gap, one that saw what never was.
    let twice = forge(&uz, "TJ", forged(1, None, 0, None, executed())).await;
    let beyond = forge(&uz, "TJ", forged(5, Some(first), 0, None, executed())).await;
    let standing = the_same(&tj, &uz, &reference, 3).await;
    let outcome = |reference: &str| {
        let step = standing.steps.iter().find(|of| of.0 == reference).unwrap();
        (
            EvidenceStepOutcome::try_from(step.2).unwrap(),
            step.4.clone(),
        )
    };
    let (waits, why) = outcome(&beyond);
    assert_eq!(waits, EvidenceStepOutcome::Waits);
    assert!(why.contains("step 2 of the executing side"), "{why}");
    let doubles = standing
        .steps
        .iter()
        .filter(|of| of.4.contains("two steps with number 1"));
    assert_eq!(doubles.count(), 1, "{standing:?}");
    for at in [&tj, &uz] {
        eventually("an alarm", async || {
            let bodies = ledger_bodies(at).await;
            bodies
                .iter()
                .any(|of| of.detail == "evidence-step-twice")
                .then_some(())
        })
        .await;
    }
    // Whichever counts, both say so; and the node goes on in its own chain from there.
    let counts = standing.state;
    assert!(
        [EvidenceState::Acknowledged, EvidenceState::Delivered].contains(&counts),
        "{counts:?}"
    );
    let _ = twice;
    tj.stop().await;
    uz.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_seen_is_void_and_the_chain_goes_on_behind_it() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = requested(&tj, &uz).await;
    let first = take(&uz, &reference, acknowledged()).await;
    let noted = take(&tj, &reference, note("EXERCISE: progress?")).await;
    the_same(&tj, &uz, &reference, 2).await;
    let [first, noted] =
        [first, noted].map(|of| Digest::try_from(of.header_digest.as_slice()).unwrap());
    let unseen = Digest::of(b"nothing");
    let forged = Forged {
        request: &reference,
        number: 2,
        previous: Some(first),
        seen: 1,
        seen_digest: Some(unseen),
        act: executed(),
    };
    let forged = forge(&uz, "TJ", forged).await;
    let standing = the_same(&tj, &uz, &reference, 3).await;
    assert_eq!(standing.state, EvidenceState::Acknowledged);
    let void = standing.steps.iter().find(|of| of.0 == forged).unwrap();
    assert_eq!(void.2, i32::from(EvidenceStepOutcome::Void));
    assert!(void.4.contains("had seen of the other side"), "{}", void.4);
    let taken = take(&uz, &reference, recognised()).await;
    assert_eq!(
        (taken.number, taken.state()),
        (3, EvidenceState::Recognised)
    );
    the_same(&tj, &uz, &reference, 4).await;
    let _ = noted;
    tj.stop().await;
    uz.stop().await;
}
