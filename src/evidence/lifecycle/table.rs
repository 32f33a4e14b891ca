//! The transition table: which act leads where, in which state and by which party. The fold, the
//! questions what may be done next, and the diagram in docs/EVIDENCE.md are all made from it.

use super::{
    Act, Party, State,
    state::{
        Party::{Executing as E, Issuing as I},
        State as S,
    },
};

/// Where an allowed act leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    /// The state stays.
    Stays,
    /// To another state.
    To(State),
    /// Back to the state in which was asked, once every question was answered by somebody who had
    /// seen it; until then the state stays.
    Resumes,
    /// To another state, where the act crossed the step that led to the present one; otherwise it is
    /// not allowed.
    Crossing(State),
}

/// Rows of the table that are alike.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// In which states.
    pub from: &'static [State],
    /// By which party.
    pub by: Party,
    /// Which acts.
    pub acts: &'static [Act],
    /// Where they lead.
    pub goes: Goes,
}

const fn row(from: &'static [State], by: Party, acts: &'static [Act], goes: Goes) -> Row {
    Row {
        from,
        by,
        acts,
        goes,
    }
}

/// At the executing country's node, not yet finished there.
const IN_HAND: &[State] = &[
    S::Acknowledged,
    S::InformationRequested,
    S::Recognised,
    S::Postponed,
    S::Executing,
    S::PartiallyExecuted,
    S::Executed,
];

/// Every state in which the executing country's node has the request.
const ARRIVED: &[State] = &[
    S::Delivered,
    S::Acknowledged,
    S::InformationRequested,
    S::Recognised,
    S::Refused,
    S::Postponed,
    S::Executing,
    S::PartiallyExecuted,
    S::Executed,
    S::Transferred,
    S::Closed,
    S::Withdrawn,
];

/// Every state after the request was submitted.
const SENT: &[State] = &[
    S::Submitted,
    S::Delivered,
    S::Acknowledged,
    S::InformationRequested,
    S::Recognised,
    S::Refused,
    S::Postponed,
    S::Executing,
    S::PartiallyExecuted,
    S::Executed,
    S::Transferred,
    S::Closed,
    S::Withdrawn,
];

/// The table. No state, act and party are in two rows.
pub const TABLE: &[Row] = &[
    row(&[S::Draft], I, &[Act::Request], Goes::To(S::Submitted)),
    row(&[S::Submitted], E, &[Act::Delivery], Goes::To(S::Delivered)),
    // In hand.
    row(
        &[S::Delivered],
        E,
        &[Act::Acknowledge],
        Goes::To(S::Acknowledged),
    ),
    row(IN_HAND, E, &[Act::Acknowledge], Goes::Stays),
    row(
        &[
            S::Delivered,
            S::Acknowledged,
            S::Recognised,
            S::Postponed,
            S::Executing,
            S::PartiallyExecuted,
            S::Executed,
        ],
        E,
        &[Act::Ask],
        Goes::To(S::InformationRequested),
    ),
    row(&[S::InformationRequested], E, &[Act::Ask], Goes::Stays),
    row(&[S::InformationRequested], I, &[Act::Answer], Goes::Resumes),
    row(
        &[
            S::Submitted,
            S::Delivered,
            S::Acknowledged,
            S::Recognised,
            S::Postponed,
            S::Executing,
            S::PartiallyExecuted,
            S::Executed,
        ],
        I,
        &[Act::Answer],
        Goes::Stays,
    ),
    // Decided.
    row(
        &[S::Acknowledged, S::Postponed],
        E,
        &[Act::Recognise],
        Goes::To(S::Recognised),
    ),
    row(
        &[
            S::Delivered,
            S::Acknowledged,
            S::InformationRequested,
            S::Recognised,
            S::Postponed,
            S::Executing,
        ],
        E,
        &[Act::Refuse],
        Goes::To(S::Refused),
    ),
    row(
        &[
            S::Acknowledged,
            S::InformationRequested,
            S::Recognised,
            S::Executing,
            S::PartiallyExecuted,
        ],
        E,
        &[Act::Postpone],
        Goes::To(S::Postponed),
    ),
    row(&[S::Postponed], E, &[Act::Postpone], Goes::Stays),
    // Executed.
    row(
        &[
            S::Acknowledged,
            S::Recognised,
            S::Postponed,
            S::PartiallyExecuted,
        ],
        E,
        &[Act::Begin],
        Goes::To(S::Executing),
    ),
    row(
        &[S::Acknowledged, S::Recognised, S::Postponed, S::Executing],
        E,
        &[Act::ExecutePart],
        Goes::To(S::PartiallyExecuted),
    ),
    row(&[S::PartiallyExecuted], E, &[Act::ExecutePart], Goes::Stays),
    row(
        &[
            S::Acknowledged,
            S::Recognised,
            S::Postponed,
            S::Executing,
            S::PartiallyExecuted,
        ],
        E,
        &[Act::Execute],
        Goes::To(S::Executed),
    ),
    // Clocks and who executes.
    row(IN_HAND, E, &[Act::Extend], Goes::Stays),
    row(
        &[
            S::Delivered,
            S::Acknowledged,
            S::InformationRequested,
            S::Recognised,
            S::Postponed,
            S::Executing,
            S::PartiallyExecuted,
            S::Executed,
        ],
        E,
        &[Act::Delay, Act::Reassign],
        Goes::Stays,
    ),
    row(&[S::Transferred], E, &[Act::Reassign], Goes::Stays),
    // Handed over. Items that did not arrive whole are handed over again.
    row(
        &[
            S::Executing,
            S::PartiallyExecuted,
            S::Executed,
            S::Transferred,
        ],
        E,
        &[Act::TransferPart],
        Goes::Stays,
    ),
    row(
        &[S::PartiallyExecuted, S::Executed],
        E,
        &[Act::Transfer],
        Goes::To(S::Transferred),
    ),
    row(&[S::Transferred], E, &[Act::Transfer], Goes::Stays),
    row(
        &[
            S::Executing,
            S::PartiallyExecuted,
            S::Executed,
            S::Transferred,
            S::Closed,
            S::Withdrawn,
        ],
        I,
        &[Act::ReturnOriginals],
        Goes::Stays,
    ),
    row(
        &[
            S::Executing,
            S::PartiallyExecuted,
            S::Executed,
            S::Transferred,
            S::Closed,
            S::Withdrawn,
        ],
        E,
        &[Act::ReceiveOriginals],
        Goes::Stays,
    ),
    // Ended.
    row(
        &[
            S::Submitted,
            S::Delivered,
            S::Acknowledged,
            S::InformationRequested,
            S::Recognised,
            S::Postponed,
            S::Executing,
            S::PartiallyExecuted,
            S::Executed,
        ],
        I,
        &[Act::Withdraw],
        Goes::To(S::Withdrawn),
    ),
    row(
        &[S::Transferred],
        I,
        &[Act::Withdraw],
        Goes::Crossing(S::Withdrawn),
    ),
    row(
        &[S::Executed, S::Transferred, S::Refused, S::Withdrawn],
        I,
        &[Act::Close],
        Goes::To(S::Closed),
    ),
    // At any time.
    row(SENT, I, &[Act::Note, Act::Arrived], Goes::Stays),
    row(ARRIVED, E, &[Act::Note, Act::Arrived], Goes::Stays),
];

/// Where an act by a party leads in a state; `None` where it is not allowed.
pub fn goes(state: State, act: Act, by: Party) -> Option<Goes> {
    TABLE
        .iter()
        .find(|row| row.by == by && row.from.contains(&state) && row.acts.contains(&act))
        .map(|row| row.goes)
}

/// Whether a party ever does this, in whatever state.
pub fn is_partys(act: Act, by: Party) -> bool {
    TABLE
        .iter()
        .any(|row| row.by == by && row.acts.contains(&act))
}

/// What the officers of a party may do in a state, in the order of the documents; without what needs a
/// crossing, and without what the node does.
pub fn allowed(state: State, by: Party) -> Vec<Act> {
    let may = |act: &Act| {
        !act.is_nodes() && !matches!(goes(state, *act, by), None | Some(Goes::Crossing(_)))
    };
    Act::ALL.iter().copied().filter(may).collect()
}
