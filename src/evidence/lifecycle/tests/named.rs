//! Single cases by name.

use super::{digest, matter, step};
use crate::evidence::lifecycle::{
    Act, Case, Matter, Outcome, Party, State, Step, Void, Wait, case, judge,
};

fn void(case: &Case, of: u8) -> Void {
    match case.outcome(&digest(of)) {
        Some(Outcome::Void(void)) => void.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_goes_its_way() {
    let steps = [
        step("KZ", 1, 1, 0, (0, 0), Act::Acknowledge),
        step("KZ", 2, 2, 1, (0, 0), Act::Ask),
        step("UZ", 3, 1, 0, (2, 2), Act::Answer),
        step("KZ", 4, 3, 2, (1, 3), Act::Recognise),
        step("KZ", 5, 4, 4, (1, 3), Act::Begin),
        step("KZ", 6, 5, 5, (1, 3), Act::Execute),
        step("KZ", 7, 6, 6, (1, 3), Act::Transfer),
        step("UZ", 8, 2, 3, (6, 7), Act::Close),
    ];
    let states: Vec<State> = (0..=steps.len())
        .map(|to| case(&matter(), &steps[..to]).state)
        .collect();
    assert_eq!(
        states,
        [
            State::Delivered,
            State::Acknowledged,
            State::InformationRequested,
            State::Acknowledged,
            State::Recognised,
            State::Executing,
            State::Executed,
            State::Transferred,
            State::Closed,
        ]
    );
    let end = case(&matter(), &steps);
    assert_eq!(end.executing_authority.as_deref(), Some("prosecutor"));
    assert!(end.settled.iter().all(|of| of.crossed.is_empty()));
    assert_eq!((end.issuing.number, end.executing.number), (2, 6));
}

#[test]
fn a_withdrawal_that_crossed_an_execution_withdraws_and_shows_it() {
    for last in [Act::Execute, Act::Transfer] {
        let mut steps = vec![
            step("KZ", 1, 1, 0, (0, 0), Act::Acknowledge),
            step("KZ", 2, 2, 1, (0, 0), Act::Execute),
        ];
        if last == Act::Transfer {
            steps.push(step("KZ", 3, 3, 2, (0, 0), last));
        }
        steps.push(step("UZ", 9, 1, 0, (1, 1), Act::Withdraw));
        let end = case(&matter(), &steps);
        assert_eq!(end.state, State::Withdrawn);
        assert!(
            end.settled
                .iter()
                .all(|of| matches!(of.outcome, Outcome::Took { .. }))
        );
        let withdrawal = end.settled.last().unwrap();
        let crossed: Vec<_> = steps[1..steps.len() - 1]
            .iter()
            .map(|of| of.digest)
            .collect();
        assert_eq!(withdrawal.crossed, crossed);
    }
}

#[test]
fn what_was_transferred_and_seen_is_closed_and_not_withdrawn() {
    let steps = [
        step("KZ", 1, 1, 0, (0, 0), Act::Acknowledge),
        step("KZ", 2, 2, 1, (0, 0), Act::Execute),
        step("KZ", 3, 3, 2, (0, 0), Act::Transfer),
        step("UZ", 9, 1, 0, (3, 3), Act::Withdraw),
    ];
    let end = case(&matter(), &steps);
    assert_eq!(end.state, State::Transferred);
    let expected = Void::State {
        act: Act::Withdraw,
        by: Party::Issuing,
        state: State::Transferred,
    };
    assert_eq!(void(&end, 9), expected);
}

#[test]
fn an_execution_after_the_withdrawal_was_seen_is_void() {
    let steps = [
        step("KZ", 1, 1, 0, (0, 0), Act::Acknowledge),
        step("UZ", 2, 1, 0, (1, 1), Act::Withdraw),
        step("KZ", 3, 2, 1, (1, 2), Act::Execute),
    ];
    let end = case(&matter(), &steps);
    assert_eq!(end.state, State::Withdrawn);
    assert_eq!(void(&end, 3).word(), "wrong-state");
}

#[test]
fn an_answer_that_crossed_another_question_leaves_that_one_open() {
    let mut steps = vec![
        step("KZ", 1, 1, 0, (0, 0), Act::Acknowledge),
        step("KZ", 2, 2, 1, (0, 0), Act::Ask),
        step("KZ", 3, 3, 2, (0, 0), Act::Ask),
        step("UZ", 4, 1, 0, (2, 2), Act::Answer),
    ];
    let asked = case(&matter(), &steps);
    assert_eq!(asked.state, State::InformationRequested);
    assert_eq!(asked.questions, [3]);
    steps.push(step("UZ", 5, 2, 4, (3, 3), Act::Answer));
    let answered = case(&matter(), &steps);
    assert_eq!(answered.state, State::Acknowledged);
    assert!(answered.questions.is_empty());
}

#[test]
fn the_wrong_party_and_the_wrong_authority_are_named() {
    let wrong_party = step("UZ", 1, 1, 0, (0, 0), Act::Acknowledge);
    let party = Void::Party {
        act: Act::Acknowledge,
        by: Party::Issuing,
    };
    assert_eq!(judge(&matter(), &[], &wrong_party), Err(party));
    let mut stranger = step("KZ", 1, 1, 0, (0, 0), Act::Acknowledge);
    stranger.authority = "customs".to_owned();
    let refused = judge(&matter(), &[], &stranger).unwrap_err();
    assert_eq!(
        refused,
        Void::Authority {
            authority: "customs".to_owned(),
            by: Party::Executing,
            competent: vec!["prosecutor".to_owned(), "interior-ministry".to_owned()],
        }
    );
    // Once one has it in hand, no other has; unless it was reassigned.
    let mut steps = vec![step("KZ", 1, 1, 0, (0, 0), Act::Acknowledge)];
    let mut other = step("KZ", 2, 2, 1, (0, 0), Act::Recognise);
    other.authority = "interior-ministry".to_owned();
    let refused = judge(&matter(), &steps, &other).unwrap_err();
    assert_eq!(refused.word(), "wrong-authority");
    assert!(
        refused
            .to_string()
            .contains("`prosecutor` is the authority"),
        "{refused}"
    );
    steps.push(step("KZ", 3, 2, 1, (0, 0), Act::Reassign));
    other = Step {
        number: 3,
        previous: Some(digest(3)),
        ..other
    };
    assert_eq!(judge(&matter(), &steps, &other), Ok(State::Recognised));
    let back = step("KZ", 4, 3, 3, (0, 0), Act::Recognise);
    assert_eq!(
        judge(&matter(), &steps, &back).unwrap_err().word(),
        "wrong-authority"
    );
    let mut issuing = step("UZ", 5, 1, 0, (0, 0), Act::Withdraw);
    issuing.authority = "customs".to_owned();
    assert_eq!(
        judge(&matter(), &[], &issuing).unwrap_err().word(),
        "wrong-authority"
    );
}

#[test]
fn a_ground_that_the_profile_leaves_out_is_refused() {
    let matter = Matter {
        refusal_grounds: vec![23],
        ..matter()
    };
    let mut refusal = step("KZ", 1, 1, 0, (0, 0), Act::Refuse);
    refusal.ground = 6;
    let refused = judge(&matter, &[], &refusal).unwrap_err();
    assert_eq!(refused, Void::Ground(6));
    assert!(refused.to_string().contains("REFUSAL_GROUND_P_F_HARM"));
    refusal.ground = 23;
    assert_eq!(judge(&matter, &[], &refusal), Ok(State::Refused));
}

#[test]
fn steps_beyond_a_gap_wait_for_it() {
    let steps = [
        step("KZ", 1, 1, 0, (0, 0), Act::Acknowledge),
        step("KZ", 3, 3, 2, (0, 0), Act::Execute),
        step("UZ", 4, 1, 0, (3, 3), Act::Close),
    ];
    let waits = case(&matter(), &steps);
    assert_eq!(waits.state, State::Acknowledged);
    let gap = Outcome::Waits(Wait {
        side: Party::Executing,
        number: 2,
    });
    assert_eq!(waits.outcome(&digest(3)), Some(&gap));
    assert_eq!(waits.outcome(&digest(4)), Some(&gap));
    assert_eq!((waits.issuing.number, waits.issuing.placed), (1, 0));
    let filled: Vec<Step> = steps
        .iter()
        .cloned()
        .chain([step("KZ", 2, 2, 1, (0, 0), Act::Recognise)])
        .collect();
    assert_eq!(case(&matter(), &filled).state, State::Closed);
}

#[test]
fn of_two_steps_with_one_number_the_smaller_digest_counts() {
    let steps = [
        step("KZ", 5, 1, 0, (0, 0), Act::Acknowledge),
        step("KZ", 3, 1, 0, (0, 0), Act::Refuse),
        step("KZ", 6, 2, 5, (0, 0), Act::Recognise),
        step("KZ", 7, 2, 3, (0, 0), Act::Note),
    ];
    let end = case(&matter(), &steps);
    assert_eq!(end.state, State::Refused);
    let double = Void::Double {
        number: 1,
        counts: digest(3),
    };
    assert_eq!(void(&end, 5), double);
    assert_eq!(void(&end, 6), Void::Previous(1));
    assert_eq!(end.executing.number, 2);
}

#[test]
fn what_was_never_seen_a_stranger_and_a_number_beyond_are_void() {
    let mut steps = vec![
        step("KZ", 1, 1, 0, (0, 0), Act::Acknowledge),
        step("UZ", 2, 1, 0, (1, 9), Act::Withdraw),
        step("TJ", 3, 1, 0, (0, 0), Act::Note),
        step("KZ", 4, 1001, 0, (0, 0), Act::Note),
        step("KZ", 5, 0, 0, (0, 0), Act::Note),
    ];
    let end = case(&matter(), &steps);
    assert_eq!(end.state, State::Acknowledged);
    assert_eq!(void(&end, 2), Void::Seen(1));
    assert_eq!(void(&end, 3), Void::Stranger("TJ".parse().unwrap()));
    assert_eq!(void(&end, 4), Void::Number(1001));
    assert_eq!(void(&end, 5), Void::Number(0));
    // Less than before.
    steps.truncate(1);
    steps.push(step("UZ", 6, 1, 0, (1, 1), Act::Note));
    steps.push(step("UZ", 7, 2, 6, (0, 0), Act::Withdraw));
    assert_eq!(void(&case(&matter(), &steps), 7), Void::Seen(0));
}

#[test]
fn two_steps_that_claim_to_have_seen_each_other_get_an_order() {
    // The executing side took a second first step after it had seen the answer to the first.
    let steps = [
        step("KZ", 9, 1, 0, (0, 0), Act::Acknowledge),
        step("UZ", 4, 1, 0, (1, 9), Act::Note),
        step("KZ", 2, 1, 0, (1, 4), Act::Refuse),
    ];
    let end = case(&matter(), &steps);
    assert_eq!(end.state, State::Refused);
    assert!(matches!(
        end.outcome(&digest(4)),
        Some(Outcome::Took { .. })
    ));
}

#[test]
fn a_step_of_the_executing_side_proves_the_delivery() {
    let matter = Matter {
        delivered: false,
        ..matter()
    };
    assert_eq!(case(&matter, &[]).state, State::Submitted);
    let note = [step("KZ", 1, 1, 0, (0, 0), Act::Note)];
    assert_eq!(case(&matter, &note).state, State::Delivered);
    // It waits for nothing that the withdrawal of what never arrived would need.
    let withdrawn = [step("UZ", 1, 1, 0, (0, 0), Act::Withdraw)];
    assert_eq!(case(&matter, &withdrawn).state, State::Withdrawn);
}
