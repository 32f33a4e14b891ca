//! The rules of what a record follows and what it belongs with, and that it is one thing only: a
//! situation, a step, or another country's record passed on.

use super::{At, Checker, MAX_LIST, ValidationContext, checker::Fault};
use crate::record::{Reference, ReferenceError, Rule, is_evidence_step};
use crate::wire::record::{FollowType, Follows, Record, RelationType, step::Step};

pub(super) fn check(checker: &mut Checker, record: &Record, context: &ValidationContext<'_>) {
    one_thing_only(checker, record);
    let at = At::RECORD.field("follows");
    match &record.follows {
        Some(follows) => {
            follow(checker, at, follows, record, context);
        }
        None if record.step.is_some() => {
            checker.required(at, "the record that the step acts on");
        }
        None => {}
    }
    relations(checker, record);
}

fn one_thing_only(checker: &mut Checker, record: &Record) {
    let alone = if record.step.is_some() {
        "step"
    } else if record.onward.is_some() {
        "onward"
    } else {
        return;
    };
    let others = [
        ("situation", record.situation.is_some()),
        ("onward", alone == "step" && record.onward.is_some()),
        ("suspects", record.suspects.is_some()),
        ("identifiers", record.identifiers.is_some()),
        ("victims", record.victims.is_some()),
        ("source", record.source.is_some()),
        // Items and persons go along with a step of an evidence request.
        (
            "evidence",
            record.evidence.is_some() && !is_evidence_step(record),
        ),
    ];
    for (name, _) in others.into_iter().filter(|(_, there)| *there) {
        checker.found(
            At::RECORD.field(name),
            Rule::NotAllowedHere,
            format!("the record carries `{alone}`, and nothing else goes along with it"),
        );
    }
}

fn follow(
    checker: &mut Checker,
    at: At<'_>,
    follows: &Follows,
    record: &Record,
    context: &ValidationContext<'_>,
) {
    checker.code::<FollowType>(at.field("type"), follows.r#type, true);
    if follows.header_digest.len() != 32 {
        checker.found(
            at.field("headerDigest"),
            Rule::FormatInvalid,
            "must be the SHA-256 of the followed record's header, 32 bytes",
        );
    }
    let reference = reference(checker, at.field("reference"), &follows.reference);
    let kind = FollowType::try_from(follows.r#type).unwrap_or_default();
    if (kind == FollowType::Step) != record.step.is_some() && kind != FollowType::Unspecified {
        checker.found(
            at.field("type"),
            Rule::Mismatch,
            "FOLLOW_TYPE_STEP and `step` belong together: one is here without the other",
        );
    }
    if record.onward.is_some() {
        checker.found(
            at,
            Rule::NotAllowedHere,
            "a record passed on opens a thread of its own",
        );
    }
    let step = record.step.as_ref().and_then(|step| step.step.as_ref());
    let own = match step {
        Some(Step::Recall(_)) => Some("recalls"),
        _ if kind == FollowType::Amendment => Some("amends"),
        _ => None,
    };
    if let (Some(own), Some(reference)) = (own, reference)
        && reference.country != context.origin
    {
        checker.found(
            at.field("reference"),
            Rule::Mismatch,
            format!(
                "{reference} is a record of {}; only {} {own} it",
                reference.country, reference.country
            ),
        );
    }
    if reference.is_some() && follows.reference == record.reference {
        checker.found(
            at.field("reference"),
            Rule::Mismatch,
            "a record cannot follow itself",
        );
    }
}

fn relations(checker: &mut Checker, record: &Record) {
    let at = At::RECORD.field("relations");
    checker.at_most(at, record.relations.len(), MAX_LIST);
    let mut seen = std::collections::HashSet::new();
    for (index, relation) in record.relations.iter().take(MAX_LIST).enumerate() {
        let item = at.item(index);
        checker.code::<RelationType>(item.field("type"), relation.r#type, true);
        let reference = reference(checker, item.field("reference"), &relation.reference);
        if reference.is_some() && !seen.insert((relation.r#type, &relation.reference)) {
            checker.found(item, Rule::Duplicate, "this relation is given twice");
        }
        if reference.is_some() && relation.reference == record.reference {
            checker.found(
                item.field("reference"),
                Rule::Mismatch,
                "a record is not related to itself",
            );
        }
    }
}

/// A reference in its canonical form.
pub(super) fn reference(checker: &mut Checker, at: At<'_>, text: &str) -> Option<Reference> {
    if text.is_empty() {
        checker.required(at, "a reference, such as UZ-26-000412-H,");
        return None;
    }
    match text.parse::<Reference>() {
        Ok(reference) if reference.to_string() == text => Some(reference),
        Ok(reference) => {
            checker.found(
                at,
                Rule::FormatInvalid,
                format!("must be written {reference}"),
            );
            None
        }
        Err(error) => {
            checker.not_a_reference(at, text, &error);
            None
        }
    }
}

impl Checker {
    /// What is wrong with a reference; in words that repeat it only where it could be one.
    pub(super) fn not_a_reference(&mut self, at: At<'_>, text: &str, error: &ReferenceError) {
        let value = self.code_of(text);
        let message = match &value {
            Some(_) => error.to_string(),
            None => "the value is not a reference, such as UZ-26-000412-H".to_owned(),
        };
        let allowed = "a reference, such as UZ-26-000412-H".to_owned();
        let fault = Fault::new(message).value(value).allowed([allowed]);
        self.refuse(at, Rule::FormatInvalid, fault);
    }
}
