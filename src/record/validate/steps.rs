//! The rules of each step.

use super::{At, Checker, MAX_NOTE, Text, ValidationContext, evidence};
use crate::record::{
    Rule,
    handling::{Beneficiary, MAX_BENEFICIARY},
};
use crate::wire::envelope::ConsentUse;
use crate::wire::record::{
    CompartmentLabel, ConsentAnswer, ConsentRequest, LateReceipts, Recall, RecallReason, Record,
    Step, step,
};

/// Longest note of a recall, in characters.
const MAX_RECALL_NOTE: usize = 500;
/// Most late receipts of a step.
pub const MAX_LATE_RECEIPTS: usize = 64;

pub(super) fn check(
    checker: &mut Checker,
    step: &Step,
    record: &Record,
    context: &ValidationContext<'_>,
) {
    let at = At::RECORD.field("step");
    match &step.step {
        Some(step::Step::Recall(of)) => recall(checker, at.field("recall"), of),
        Some(step::Step::ConsentRequest(of)) => {
            consent_request(checker, at.field("consentRequest"), of, context);
        }
        Some(step::Step::ConsentAnswer(of)) => {
            consent_answer(checker, at.field("consentAnswer"), of);
        }
        Some(step::Step::LateReceipts(of)) => {
            late_receipts(checker, at.field("lateReceipts"), of);
        }
        Some(step::Step::Evidence(of)) => {
            evidence::step(checker, at.field("evidence"), of, record, context);
        }
        None => checker.required(
            at,
            "a step, exactly one of recall, consentRequest, consentAnswer, lateReceipts, evidence,",
        ),
    }
}

fn recall(checker: &mut Checker, at: At<'_>, recall: &Recall) {
    checker.code::<RecallReason>(at.field("reason"), recall.reason, true);
    checker.text(at.field("note"), &recall.note, Text::lines(MAX_RECALL_NOTE));
    if !matches!(recall.original_digest.len(), 0 | 32) {
        checker.found(
            at.field("originalDigest"),
            Rule::FormatInvalid,
            "must be the SHA-256 of the original's header, 32 bytes",
        );
    }
}

fn consent_request(
    checker: &mut Checker,
    at: At<'_>,
    request: &ConsentRequest,
    context: &ValidationContext<'_>,
) {
    let ground = Text::lines(MAX_NOTE).required();
    checker.text(at.field("ground"), &request.ground, ground);
    if !matches!(
        ConsentUse::try_from(request.r#use),
        Ok(ConsentUse::Court | ConsentUse::Onward)
    ) {
        checker.found(
            at.field("use"),
            Rule::UnknownCode,
            "a use is court or onward",
        );
    }
    // The origin's officer reads it, and grants by it.
    let for_at = at.field("beneficiary");
    let before = checker.count();
    let line = Text::line(MAX_BENEFICIARY).required();
    checker.text(for_at, &request.beneficiary, line);
    if checker.count() == before
        && request.r#use() == ConsentUse::Onward
        && request.beneficiary.parse::<Beneficiary>().is_err()
    {
        checker.found(
            for_at,
            Rule::FormatInvalid,
            "a country, or one authority in it: KG or KG/state-prosecutor",
        );
    }
    let labels = at.field("compartments");
    checker.codes::<CompartmentLabel>(labels, &request.compartments, true);
    let by_at = at.field("answerBy");
    checker.deadline(by_at, request.answer_by.as_ref(), context);
}

fn consent_answer(checker: &mut Checker, at: At<'_>, answer: &ConsentAnswer) {
    if answer.request_digest.len() != 32 {
        checker.found(
            at.field("requestDigest"),
            Rule::FormatInvalid,
            "must be the SHA-256 of the request's header, 32 bytes",
        );
    }
    if answer.granted != answer.token.is_some() {
        checker.found(
            at.field("token"),
            Rule::Mismatch,
            "a token is there when consent is granted, and only then",
        );
    }
    let reason = Text::lines(MAX_NOTE);
    let reason = if answer.granted {
        reason
    } else {
        reason.required()
    };
    checker.text(at.field("reason"), &answer.reason, reason);
}

fn late_receipts(checker: &mut Checker, at: At<'_>, late: &LateReceipts) {
    let list = at.field("receipts");
    let count = late.receipts.len().saturating_add(late.passed_on.len());
    if count == 0 {
        checker.required(list, "at least one receipt");
    }
    checker.at_most(list, count, MAX_LATE_RECEIPTS);
}
