//! What is said of a leaf: nothing that a person typed in words.

use crate::wire::{
    ledger::{Action, LeafBody},
    node::LoggedAct,
};

/// An act of which nothing is known any more.
pub(super) fn gone(leaf: u64) -> LoggedAct {
    LoggedAct {
        leaf,
        result: "the leaf's text is gone".to_owned(),
        ..LoggedAct::default()
    }
}

/// What a leaf says, without words that somebody typed.
pub(super) fn act_of(leaf: u64, body: &LeafBody) -> LoggedAct {
    LoggedAct {
        leaf,
        time_us: body.time_us,
        actor: body.actor.clone(),
        authority: body.authority.clone(),
        roles: body.roles.clone(),
        by_register: false,
        action: body.action,
        detail: body.detail.clone(),
        reference: body.reference.clone(),
        references: body.references.clone(),
        compartments: body.compartments.clone(),
        withheld: body.withheld.clone(),
        reading_purpose: body.reading_purpose,
        case_reference: body.case_reference.clone(),
        result: result_of(body),
        from: body.from.clone(),
        peer: body.peer.clone(),
        about: body.about.clone(),
        count: body.count,
    }
}

/// What came of an act, in words. Of a refusal of the permissions the reason is the node's own words.
fn result_of(body: &LeafBody) -> String {
    match body.action() {
        Action::Refusal if body.detail.starts_with("refused") => {
            format!("refused: {}", body.purpose)
        }
        Action::Refusal => "refused".to_owned(),
        Action::Consultation | Action::Combination => match (body.detail.as_str(), body.count) {
            ("read", _) if body.withheld.is_empty() => "shown".to_owned(),
            ("read", _) => "shown in part".to_owned(),
            ("listed" | "watched" | "searched" | "related", 0) => "nothing shown".to_owned(),
            ("listed" | "watched" | "searched" | "related", 1) => "1 record shown".to_owned(),
            ("listed" | "watched" | "searched" | "related", count) => {
                format!("{count} records shown")
            }
            ("watches" | "subject-scan-begun", _) => "begun".to_owned(),
            ("subject-scanned", count) => {
                format!("{count} of {} records name the person", body.scanned)
            }
            _ => "shown".to_owned(),
        },
        Action::Disclosure => "disclosed".to_owned(),
        _ => "done".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_somebody_typed_are_left_out() {
        let body = LeafBody {
            actor: "UZ/officer/a".to_owned(),
            action: Action::Consultation.into(),
            detail: "read".to_owned(),
            purpose: "typed by hand".to_owned(),
            withheld: vec![3],
            ..LeafBody::default()
        };
        let act = act_of(7, &body);
        assert_eq!((act.leaf, act.result.as_str()), (7, "shown in part"));
        assert!(!format!("{act:?}").contains("typed by hand"));
        // What a refusal says is the node's own words.
        let refused = LeafBody {
            action: Action::Refusal.into(),
            detail: "refused-read".to_owned(),
            purpose: "the record is another authority's".to_owned(),
            ..body
        };
        assert_eq!(
            result_of(&refused),
            "refused: the record is another authority's"
        );
    }
}
