//! Every order in which things can happen to something that needs two persons.

use proptest::{collection::vec, prelude::*};

use super::*;

const ASKER: PersonTag = [1; 16];
const OTHER: PersonTag = [2; 16];
const THIRD: PersonTag = [3; 16];
/// When what is asked for at 0 expires, and how long a leave counts.
const HOURS: i64 = 10;

const fn asked() -> State {
    State {
        stage: Stage::Asked,
        until_us: HOURS,
        asker: ASKER,
    }
}

/// A move at a moment; of a leave the end is counted from the moment.
fn a_move() -> impl Strategy<Value = (Move, i64)> {
    let by = prop_oneof![Just(ASKER), Just(OTHER), Just(THIRD)];
    (0..7_u8, by, 0..4_i64).prop_map(|(which, by, later)| {
        let step = match which {
            0 => Move::Approve { by },
            1 => Move::Grant { by, until_us: 0 },
            2 => Move::Refuse,
            3 => Move::Void,
            4 => Move::Done,
            5 => Move::Fail,
            _ => Move::Approve { by: OTHER },
        };
        (step, later)
    })
}

proptest! {
    /// Whatever is asked in whatever order, it goes along the arrows alone, ends once, and nobody's own
    /// approval counts, nor one that comes late.
    #[test]
    fn every_interleaving_ends_in_one_state(moves in vec(a_move(), 0..24)) {
        let (mut state, mut now) = (asked(), 0);
        let mut ended = 0;
        for (step, later) in moves {
            now += later;
            let step = match step {
                Move::Grant { by, .. } => Move::Grant { by, until_us: now + HOURS },
                other => other,
            };
            let before = state;
            match before.after(step, now) {
                Err(_) => continue,
                Ok(after) => state = after,
            }
            // The arrows.
            let allowed = match (before.stage, state.stage) {
                (Stage::Asked, Stage::Approved | Stage::Granted) => {
                    let (Move::Approve { by } | Move::Grant { by, .. }) = step else {
                        return Err(TestCaseError::fail("approved by nobody"));
                    };
                    by != ASKER
                }
                (Stage::Asked | Stage::Granted, Stage::Refused | Stage::Void) => true,
                (Stage::Approved, Stage::Done | Stage::Failed) => true,
                _ => false,
            };
            prop_assert!(allowed, "{:?} -> {:?}", before.stage, state.stage);
            // In time, where there is one.
            prop_assert!(!before.is_over(now));
            prop_assert_eq!(state.asker, ASKER);
            ended += u32::from(!state.stage.is_open());
        }
        prop_assert!(ended <= 1);
        prop_assert_eq!(ended == 1, !state.stage.is_open());
        // What ended stays so, whatever comes.
        if !state.stage.is_open() {
            for step in [
                Move::Approve { by: OTHER },
                Move::Grant { by: OTHER, until_us: i64::MAX },
                Move::Refuse,
                Move::Void,
                Move::Done,
                Move::Fail,
            ] {
                prop_assert!(state.after(step, now).is_err());
            }
        }
    }
}

#[test]
fn each_refusal_says_why() {
    let by = OTHER;
    assert_eq!(
        asked().after(Move::Approve { by: ASKER }, 0),
        Err(Fault::Own)
    );
    // Late, whoever it is.
    for by in [ASKER, OTHER] {
        assert_eq!(
            asked().after(Move::Approve { by }, HOURS),
            Err(Fault::Expired)
        );
    }
    assert_eq!(asked().after(Move::Refuse, HOURS), Err(Fault::Expired));
    assert_eq!(
        asked().after(Move::Done, 0),
        Err(Fault::NotApproved(Stage::Asked))
    );
    let approved = asked().after(Move::Approve { by }, HOURS - 1).unwrap();
    assert_eq!(
        approved.after(Move::Approve { by }, 0),
        Err(Fault::Closed(Stage::Approved))
    );
    // What was approved is carried out, however late; a refusal comes too late for it.
    assert!(!approved.is_over(i64::MAX));
    assert!(approved.after(Move::Done, i64::MAX).is_ok());
    assert_eq!(
        approved.after(Move::Refuse, 0),
        Err(Fault::Closed(Stage::Approved))
    );
    let granted = asked().after(Move::Grant { by, until_us: 20 }, 9).unwrap();
    assert!(!granted.is_over(19) && granted.is_over(20));
    assert_eq!(
        granted.after(Move::Refuse, 19).unwrap().stage,
        Stage::Refused
    );
    assert_eq!(granted.after(Move::Void, 20), Err(Fault::Expired));
    assert_eq!(
        granted.after(Move::Done, 10),
        Err(Fault::NotApproved(Stage::Granted))
    );
}

#[test]
fn rows_keep_every_stage() {
    for stage in [
        Stage::Asked,
        Stage::Approved,
        Stage::Granted,
        Stage::Done,
        Stage::Refused,
        Stage::Failed,
        Stage::Void,
    ] {
        assert_eq!(Stage::of(stage.number()), Some(stage));
    }
    assert_eq!(Stage::of(0), None);
}
