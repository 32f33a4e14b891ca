//! Steps that the clocks of the profile do not allow.

use super::{counted, digest, happened, hours, matter, step};
use crate::evidence::{
    lifecycle::{Act, Matter, State, Step, Void, case, judge},
    terms::{Event, ExtensionFault, Happened},
};

fn at(of: u8, act: Act, after: i64) -> Step {
    let previous = of.saturating_sub(1);
    Step {
        at: hours(after),
        happened: happened(act, after),
        ..step("KZ", of, u32::from(of), previous, (0, 0), act)
    }
}

fn judged(matter: &Matter, steps: &[Step], new: &Step) -> Result<State, Void> {
    judge(matter, steps, new)
}

#[test]
fn an_extension_counts_as_far_as_the_profile_allows() {
    let begun = [at(1, Act::Acknowledge, 1)];
    // 31 days and 20 hours after receipt; the clock ends after 30.
    let fair = at(2, Act::Extend, 2);
    assert_eq!(judged(&counted(), &begun, &fair), Ok(State::Acknowledged));
    // 72 days after it: 60 is the most.
    let far = at(2, Act::Extend, 100);
    let refused = judged(&counted(), &begun, &far).unwrap_err();
    assert!(
        matches!(
            &refused,
            Void::Clock(ExtensionFault::TooFar { days: 30, .. })
        ),
        "{refused}"
    );
    assert_eq!(refused.word(), "clock");
    // A received one that goes too far changes nothing, and the next that is fair counts.
    let mut after = at(3, Act::Extend, 3);
    after.number = 3;
    let thread = [begun[0].clone(), far, after];
    let found = case(&counted(), &thread);
    let kept: Vec<&Happened> = found.history.events.iter().map(|of| &of.what).collect();
    assert_eq!(kept.len(), 2);
    assert!(matches!(kept[1], Happened::Extended { .. }));
}

#[test]
fn without_a_profile_that_can_be_read_no_clock_is_extended_or_late() {
    let begun = [at(1, Act::Acknowledge, 1)];
    for act in [Act::Extend, Act::Delay] {
        let refused = judged(&matter(), &begun, &at(2, act, 2)).unwrap_err();
        assert!(
            matches!(&refused, Void::Clock(ExtensionFault::NoClock(_))),
            "{refused}"
        );
    }
    assert!(judged(&counted(), &begun, &at(2, Act::Delay, 2)).is_ok());
}

#[test]
fn an_answer_that_leaves_a_question_open_ends_no_waiting() {
    let ours = |of: u8, number, previous, seen, act| Step {
        at: hours(i64::from(of)),
        happened: happened(act, 0),
        ..step("UZ", of, number, previous, seen, act)
    };
    let asked = [at(1, Act::Ask, 1), at(2, Act::Ask, 2)];
    // It had seen the first question only.
    let first = ours(11, 1, 0, (1, 1), Act::Answer);
    let thread = [asked[0].clone(), asked[1].clone(), first];
    let found = case(&counted(), &thread);
    assert_eq!(found.state, State::InformationRequested);
    let answered = |events: &[Event]| {
        let is = |event: &&Event| event.what == Happened::InformationAnswered;
        events.iter().filter(is).count()
    };
    assert_eq!(answered(&found.history.events), 0);
    let second = ours(12, 2, 11, (2, 2), Act::Answer);
    let found = case(&counted(), &[&thread[..], &[second]].concat());
    assert_eq!(found.state, State::Delivered);
    assert_eq!(answered(&found.history.events), 1);
    assert_eq!(digest(12), found.settled.last().unwrap().digest);
}
