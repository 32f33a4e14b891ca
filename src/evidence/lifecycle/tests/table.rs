//! Every state, act and party.

use crate::evidence::lifecycle::{
    Act, Party, State, Void,
    table::{TABLE, allowed, goes, is_partys},
};

#[test]
fn no_state_act_and_party_are_in_two_rows() {
    for state in State::ALL {
        for act in Act::ALL {
            for party in Party::ALL {
                let rows = TABLE.iter().filter(|row| {
                    row.by == party && row.from.contains(state) && row.acts.contains(act)
                });
                assert!(rows.count() <= 1, "{state} {act} {party}");
            }
        }
    }
}

#[test]
fn every_act_is_one_partys_but_notes_and_arrivals() {
    for act in Act::ALL {
        let of = Party::ALL.map(|party| is_partys(*act, party));
        let both = matches!(act, Act::Note | Act::Arrived);
        assert_eq!(
            of.iter().filter(|is| **is).count(),
            1 + usize::from(both),
            "{act}"
        );
    }
}

#[test]
fn what_ended_goes_no_further_but_to_be_closed() {
    for state in State::ALL.iter().filter(|state| !state.is_open()) {
        for act in Act::ALL {
            for party in Party::ALL {
                use super::super::table::Goes::{Stays, To};
                let goes = goes(*state, *act, party);
                let fine = match goes {
                    None | Some(Stays) => true,
                    Some(To(State::Closed)) => *act == Act::Close && party == Party::Issuing,
                    Some(_) => false,
                };
                assert!(fine, "{state} {act} {party}: {goes:?}");
            }
        }
    }
}

#[test]
fn the_issuing_side_may_the_same_before_and_after_the_delivery() {
    // Whether the receipt is there yet is the one thing that the two sides know at different times.
    for act in Act::ALL.iter().filter(|act| act.is_step()) {
        let [before, after] =
            [State::Submitted, State::Delivered].map(|state| goes(state, *act, Party::Issuing));
        assert_eq!(before, after, "{act}");
        assert_eq!(
            goes(State::Submitted, *act, Party::Executing),
            None,
            "{act}"
        );
    }
}

#[test]
fn every_state_can_be_reached_and_every_open_one_left() {
    let mut reached = vec![State::Draft];
    let mut next = 0;
    while let Some(state) = reached.get(next).copied() {
        next += 1;
        for act in Act::ALL {
            for party in Party::ALL {
                if let Some(super::super::table::Goes::To(to)) = goes(state, *act, party)
                    && !reached.contains(&to)
                {
                    reached.push(to);
                }
            }
        }
    }
    for state in State::ALL {
        assert!(reached.contains(state), "{state}");
        if state.is_open() && *state != State::Draft {
            let issuing = allowed(*state, Party::Issuing);
            let ends = [Act::Withdraw, Act::Close]
                .iter()
                .any(|act| issuing.contains(act));
            assert!(ends, "{state}");
        }
    }
}

#[test]
fn the_documents_name_every_reason() {
    let page = super::super::page::lifecycle();
    for (word, _) in Void::WORDS {
        assert!(page.contains(&format!("| {word} |")), "{word}");
    }
    for state in State::ALL {
        assert!(page.contains(&format!("| {state} | ")), "{state}");
    }
}
