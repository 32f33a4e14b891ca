//! Steps of evidence requests that break the rules: each is answered, kept where it is a party's, and
//! changes nothing; the request goes on behind it.

use comity::{
    crypto::Digest,
    record::Moment,
    wire::{
        node::{EvidenceState, EvidenceStepOutcome as Outcome},
        record::{
            ClockExtended, EvidenceAcknowledged, ExecutionBegun, RequestClosed, RequestRecognised,
            evidence_step::Act,
        },
    },
};

use super::{Run, case};
use crate::{
    link::{Link, Seen},
    steps::{Asked, Place},
    world::{ADVERSARY, THIRD, World},
};

const DAY_US: i64 = 86_400_000_000;

fn acknowledged() -> Act {
    Act::Acknowledged(EvidenceAcknowledged::default())
}

fn recognised() -> Act {
    Act::Recognised(RequestRecognised::default())
}

fn extended(clock: &str, until: Moment) -> Act {
    Act::Extended(ClockExtended {
        clock: clock.to_owned(),
        reason: "EXERCISE: holidays".to_owned(),
        until: Some(until.into()),
    })
}

/// A request of the victim that the adversary received and acknowledged, as it should.
async fn acknowledged_request(world: &mut World) -> (Asked, Link, Digest) {
    world.agree().await;
    let asked = world.ask_for_evidence(ADVERSARY).await;
    let mut link = world.session().await;
    link.receive_honestly(world).await;
    let first = Place {
        number: 1,
        previous: None,
    };
    let (first, said) = world
        .take_step(&mut link, &asked, first, acknowledged())
        .await;
    assert_eq!(said, "DELIVERY");
    (asked, link, first)
}

/// A step behind the acknowledgement that does not count; a step after it does, and the request is
/// where it should be.
async fn void(world: &mut World, act: impl AsyncFnOnce(&World, &Asked) -> Act) -> Seen {
    let (asked, mut link, first) = acknowledged_request(world).await;
    let act = act(world, &asked).await;
    let second = Place {
        number: 2,
        previous: Some(first),
    };
    let (second, said) = world.take_step(&mut link, &asked, second, act).await;
    let outcomes = world.outcomes(&asked, 2).await;
    assert_eq!(outcomes[0].0, Outcome::Took);
    let (outcome, reason) = &outcomes[1];
    assert_eq!(*outcome, Outcome::Void, "{reason}");
    let third = Place {
        number: 3,
        previous: Some(second),
    };
    goes_on(world, &mut link, &asked, third, 3).await;
    Seen {
        said: reason.clone(),
        receipts: vec!["DELIVERY".to_owned(), said],
        ..link.still_serves(world).await
    }
}

/// An honest step counts.
async fn goes_on(world: &mut World, link: &mut Link, asked: &Asked, place: Place, steps: usize) {
    let (_, said) = world.take_step(link, asked, place, recognised()).await;
    assert_eq!(said, "DELIVERY");
    world.outcomes(asked, steps).await;
    let (case, _) = world.shown(asked).await;
    assert_eq!(case.state(), EvidenceState::Recognised);
}

case!(by_a_stranger, world, {
    world.agree().await;
    let asked = world.ask_for_evidence(THIRD).await;
    let mut link = world.session().await;
    let first = Place {
        number: 1,
        previous: None,
    };
    let (_, said) = world
        .take_step(&mut link, &asked, first, acknowledged())
        .await;
    let (case, steps) = world.shown(&asked).await;
    assert!(steps.is_empty(), "nothing of it is kept");
    assert_eq!(case.state(), EvidenceState::Submitted);
    Seen {
        receipts: vec![said],
        ..link.still_serves(world).await
    }
});

case!(by_the_wrong_side, world, {
    void(world, async |_, _| Act::Closed(RequestClosed::default())).await
});

case!(extension_too_far, world, {
    void(world, async |world, asked| {
        let due = world.due(asked, "decide").await;
        extended("decide", Moment::from_micros(due.micros() + 40 * DAY_US))
    })
    .await
});

case!(extension_of_no_clock, world, {
    void(world, async |world, _| {
        let until = Moment::from_micros(world.now().micros() + 9 * DAY_US);
        extended("rest", until)
    })
    .await
});

case!(beyond_a_gap, world, {
    let (asked, mut link, first) = acknowledged_request(world).await;
    let beyond = Place {
        number: 3,
        previous: Some(first),
    };
    let begun = Act::ExecutionBegun(ExecutionBegun::default());
    let (_, said) = world.take_step(&mut link, &asked, beyond, begun).await;
    let outcomes = world.outcomes(&asked, 2).await;
    let (outcome, reason) = &outcomes[1];
    assert_eq!(*outcome, Outcome::Waits, "{reason}");
    let (case, _) = world.shown(&asked).await;
    assert_eq!(case.state(), EvidenceState::Acknowledged);
    // The step that was left out comes: what it skipped over was none that follows it.
    let second = Place {
        number: 2,
        previous: Some(first),
    };
    goes_on(world, &mut link, &asked, second, 3).await;
    Seen {
        said: reason.clone(),
        receipts: vec!["DELIVERY".to_owned(), said],
        ..link.still_serves(world).await
    }
});

case!(two_with_one_number, world, {
    let (asked, mut link, _) = acknowledged_request(world).await;
    let again = Place {
        number: 1,
        previous: None,
    };
    let act = Act::Acknowledged(EvidenceAcknowledged {
        contact: "EXERCISE: another desk".to_owned(),
    });
    let (_, said) = world.take_step(&mut link, &asked, again, act).await;
    let outcomes = world.outcomes(&asked, 2).await;
    let counts = |wanted| outcomes.iter().filter(|(of, _)| *of == wanted).count();
    assert_eq!((counts(Outcome::Took), counts(Outcome::Void)), (1, 1));
    let void = outcomes.iter().find(|(of, _)| *of == Outcome::Void);
    Seen {
        said: void.unwrap().1.clone(),
        receipts: vec!["DELIVERY".to_owned(), said],
        ..link.still_serves(world).await
    }
});
