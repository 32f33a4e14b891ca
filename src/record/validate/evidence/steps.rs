//! The rules of a step of an evidence request. Whether the state allows it is the lifecycle's to say.

use super::super::{
    At, Checker, MAX_LINE, MAX_LIST, MAX_NOTE, MAX_SUMMARY, Text, ValidationContext,
};
use super::{items::bytes, request::MAX_PROFILE_ID};
use crate::record::Rule;
use crate::wire::record::{
    EvidenceStep, ItemsArrived, PostponementGround, Record, RefusalGround, evidence_step::Act,
};

/// Most steps of one side of a request.
pub const MAX_STEPS: u32 = 1000;
/// Most questions of a step.
const MAX_QUESTIONS: usize = 64;

pub(in crate::record::validate) fn check(
    checker: &mut Checker,
    at: At<'_>,
    of: &EvidenceStep,
    record: &Record,
    context: &ValidationContext<'_>,
) {
    place(checker, at, of);
    if record.expires_at.is_some() {
        checker.found(
            At::RECORD.field("expiresAt"),
            Rule::NotAllowedHere,
            "a step does not expire: without it nobody could say any more where the request stands",
        );
    }
    if record.destinations.len() > 1 {
        checker.found(
            At::RECORD.field("destinations"),
            Rule::TooMany,
            "a step goes to the other party of the request, and to nobody else",
        );
    }
    let carries_items = matches!(
        of.act,
        Some(
            Act::Transferred(_)
                | Act::Executed(_)
                | Act::InformationRequested(_)
                | Act::InformationAnswered(_)
                | Act::Note(_)
        )
    );
    if record.evidence.is_some() && !carries_items {
        checker.found(
            At::RECORD.field("evidence"),
            Rule::NotAllowedHere,
            "goes along with questions, answers, notes, an execution or a transfer alone",
        );
    }
    let Some(act) = &of.act else {
        return checker.required(at, "what the step does, exactly one act,");
    };
    let line = Text::line(MAX_LINE);
    let note = Text::lines(MAX_NOTE);
    match act {
        Act::Acknowledged(of) => {
            checker.text(at.field("acknowledged").field("contact"), &of.contact, note);
        }
        Act::InformationRequested(of) => {
            let at = at.field("informationRequested");
            let list = at.field("questions");
            if of.questions.is_empty() {
                checker.required(list, "at least one question");
            }
            checker.at_most(list, of.questions.len(), MAX_QUESTIONS);
            for (index, question) in of.questions.iter().take(MAX_QUESTIONS).enumerate() {
                checker.text(list.item(index), question, note.required());
            }
            checker.deadline(at.field("answerBy"), of.answer_by.as_ref(), context);
        }
        Act::InformationAnswered(of) => {
            let at = at.field("informationAnswered");
            checker.text(
                at.field("answer"),
                &of.answer,
                Text::lines(MAX_SUMMARY).required(),
            );
        }
        Act::Recognised(of) => {
            let at = at.field("recognised");
            checker.text(at.field("conditions"), &of.conditions, note);
        }
        Act::Refused(of) => {
            let at = at.field("refused");
            checker.code::<RefusalGround>(at.field("ground"), of.ground, true);
            checker.text(at.field("reasons"), &of.reasons, note.required());
        }
        Act::Postponed(of) => {
            let at = at.field("postponed");
            checker.code::<PostponementGround>(at.field("ground"), of.ground, true);
            checker.text(at.field("reasons"), &of.reasons, note.required());
            checker.deadline(at.field("until"), of.until.as_ref(), context);
        }
        Act::ExecutionBegun(of) => {
            checker.text(at.field("executionBegun").field("note"), &of.note, note);
        }
        Act::Extended(of) => {
            let at = at.field("extended");
            let id = Text::line(MAX_PROFILE_ID).required();
            checker.text(at.field("clock"), &of.clock, id);
            checker.text(at.field("reason"), &of.reason, note.required());
            if of.until.is_none() {
                checker.required(at.field("until"), "until when the clock runs now");
            }
            checker.deadline(at.field("until"), of.until.as_ref(), context);
        }
        Act::Delay(of) => {
            let at = at.field("delay");
            let id = Text::line(MAX_PROFILE_ID).required();
            checker.text(at.field("clock"), &of.clock, id);
            checker.text(at.field("reason"), &of.reason, note.required());
            if of.estimate.is_none() {
                checker.required(at.field("estimate"), "an estimate of when it is expected");
            }
            checker.deadline(at.field("estimate"), of.estimate.as_ref(), context);
        }
        Act::Executed(of) => {
            let at = at.field("executed");
            let long = Text::lines(MAX_SUMMARY);
            checker.text(at.field("outcome"), &of.outcome, long.required());
            let not_done = if of.partial { long.required() } else { long };
            checker.text(at.field("notDone"), &of.not_done, not_done);
        }
        Act::Transferred(of) => {
            let at = at.field("transferred");
            checker.text(at.field("note"), &of.note, note);
            checker.text(at.field("manner"), &of.manner, line);
        }
        Act::OriginalsReturned(of) => {
            let at = at.field("originalsReturned");
            ids(checker, at.field("items"), &of.items);
            checker.text(at.field("manner"), &of.manner, line);
        }
        Act::OriginalsReceived(of) => {
            let at = at.field("originalsReceived");
            ids(checker, at.field("items"), &of.items);
            checker.text(at.field("condition"), &of.condition, note);
        }
        Act::Withdrawn(of) => {
            let at = at.field("withdrawn");
            checker.text(at.field("reason"), &of.reason, note.required());
        }
        Act::Closed(of) => checker.text(at.field("closed").field("note"), &of.note, note),
        Act::Reassigned(of) => {
            let at = at.field("reassigned");
            checker.text(at.field("authority"), &of.authority, line.required());
            checker.text(at.field("reason"), &of.reason, note);
        }
        Act::ItemsArrived(of) => arrivals(checker, at.field("itemsArrived"), of),
        Act::Note(of) => {
            let long = Text::lines(MAX_SUMMARY).required();
            checker.text(at.field("note").field("text"), &of.text, long);
        }
    }
}

/// The step's place: its number, the step before, and what was seen of the other side.
fn place(checker: &mut Checker, at: At<'_>, of: &EvidenceStep) {
    if !(1..=MAX_STEPS).contains(&of.number) {
        let allowed = format!("from 1 to {MAX_STEPS}");
        checker.out_of_range(at.field("number"), of.number, allowed);
    }
    let previous = if of.number <= 1 { 0 } else { 32 };
    bytes(checker, at.field("previous"), &of.previous, previous);
    if of.seen > MAX_STEPS {
        checker.out_of_range(at.field("seen"), of.seen, format!("at most {MAX_STEPS}"));
    }
    let seen = if of.seen == 0 { 0 } else { 32 };
    bytes(checker, at.field("seenDigest"), &of.seen_digest, seen);
}

fn ids(checker: &mut Checker, at: At<'_>, items: &[Vec<u8>]) {
    if items.is_empty() {
        checker.required(at, "at least one item");
    }
    checker.at_most(at, items.len(), MAX_LIST);
    for (index, id) in items.iter().take(MAX_LIST).enumerate() {
        bytes(checker, at.item(index), id, 16);
    }
}

fn arrivals(checker: &mut Checker, at: At<'_>, of: &ItemsArrived) {
    let list = at.field("items");
    if of.items.is_empty() {
        checker.required(list, "at least one item");
    }
    checker.at_most(list, of.items.len(), MAX_LIST);
    for (index, of) in of.items.iter().take(MAX_LIST).enumerate() {
        let here = list.item(index);
        bytes(checker, here.field("id"), &of.id, 16);
        let fault_at = here.field("fault");
        checker.text(fault_at, &of.fault, Text::line(MAX_LINE));
        if of.whole != of.fault.is_empty() {
            checker.found(
                fault_at,
                Rule::Mismatch,
                "a fault is named when the item is not whole, and only then",
            );
        }
    }
}
