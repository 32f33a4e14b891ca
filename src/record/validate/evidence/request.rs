//! The rules of a request: complete the first time, after UNTOC Art. 18(15).

use super::super::{
    At, Checker, MAX_LINE, MAX_LIST, MAX_NOTE, MAX_SUMMARY, Text, ValidationContext,
};
use super::terms;
use crate::record::Rule;
use crate::wire::record::{
    AssistanceType, EvidenceRequest, LegalBasis, LegalInstrument, Proceeding, ProceedingNature,
    Record, SpontaneousInformation, Urgency, UrgencyGround,
};

/// Most languages into which a request is translated.
const MAX_TRANSLATIONS: usize = 16;
/// Longest id of an agreement profile, in characters.
pub(in crate::record) const MAX_PROFILE_ID: usize = 64;

pub(in crate::record::validate) fn check(
    checker: &mut Checker,
    at: At<'_>,
    of: &EvidenceRequest,
    record: &Record,
    context: &ValidationContext<'_>,
) {
    checker.codes::<AssistanceType>(at.field("assistance"), &of.assistance, true);
    legal_basis(
        checker,
        at.field("legalBasis"),
        of.legal_basis.as_ref(),
        true,
    );
    profile(checker, at, of, context);
    urgency(checker, at, of, record);
    proceeding(checker, at.field("proceeding"), of.proceeding.as_ref());
    let long = Text::lines(MAX_SUMMARY);
    let sought_at = at.field("assistanceSought");
    checker.text(sought_at, &of.assistance_sought, long.required());
    checker.text(at.field("procedure"), &of.procedure, long);
    checker.text(at.field("purpose"), &of.purpose, long.required());
    let note = Text::lines(MAX_NOTE);
    let note_at = at.field("confidentialityNote");
    checker.text(note_at, &of.confidentiality_note, note);
    if !of.confidential && !of.confidentiality_note.is_empty() {
        checker.found(
            note_at,
            Rule::NotAllowedHere,
            "says what confidentiality means; set `confidential`, or leave it out",
        );
    }
    checker.date(at.field("executeBy"), &of.execute_by);
    translations(checker, at.field("translations"), of, record);
    facts(checker, of, record);
    one_destination(checker, record);
    follows_nothing(checker, record);
}

/// Steps follow the request's header, so there is one version of it.
fn follows_nothing(checker: &mut Checker, record: &Record) {
    if record.follows.is_some() {
        checker.found(
            At::RECORD.field("follows"),
            Rule::NotAllowedHere,
            "a request opens a thread and is never amended: add to it by an answer, or withdraw it and send another",
        );
    }
}

/// Facts may be left out where nothing but the service of documents is sought (Art. 18(15)(c)).
fn facts(checker: &mut Checker, of: &EvidenceRequest, record: &Record) {
    let only_service = of
        .assistance
        .iter()
        .all(|code| *code == AssistanceType::Service as i32);
    let summary = record.situation.as_ref().map(|of| of.summary.trim());
    if !only_service && summary.is_none_or(str::is_empty) {
        checker.required(
            At::RECORD.field("situation").field("summary"),
            "a summary of the relevant facts (UNTOC Art. 18(15)(c))",
        );
    }
}

fn one_destination(checker: &mut Checker, record: &Record) {
    let at = At::RECORD.field("destinations");
    if record.destinations.len() > 1 {
        checker.found(
            at,
            Rule::TooMany,
            "a request goes to one country; send another country a request of its own",
        );
    }
    for (index, of) in record.destinations.iter().take(1).enumerate() {
        if of.authorities.len() > 1 {
            checker.found(
                at.item(index).field("authorities"),
                Rule::TooMany,
                "a request has one executing authority; name it, or leave the choice to the country",
            );
        }
    }
}

fn profile(
    checker: &mut Checker,
    at: At<'_>,
    of: &EvidenceRequest,
    context: &ValidationContext<'_>,
) {
    let profile_at = at.field("profile");
    let line = Text::line(MAX_PROFILE_ID).required();
    checker.text(profile_at, &of.profile, line);
    let terms_at = at.field("terms");
    match (&of.terms, context.received) {
        (None, false) => {}
        // The node puts them in and validates the record again as its reader would.
        (Some(terms), _) => {
            terms::check(checker, terms_at, terms);
            if terms.id != of.profile {
                checker.found(
                    terms_at.field("id"),
                    Rule::Mismatch,
                    "names another profile than `profile` does",
                );
            }
        }
        (None, true) => checker.required(terms_at, "the agreement profile's terms"),
    }
}

fn urgency(checker: &mut Checker, at: At<'_>, of: &EvidenceRequest, record: &Record) {
    let above_routine = !matches!(
        Urgency::try_from(record.urgency),
        Ok(Urgency::Unspecified | Urgency::Routine) | Err(_)
    );
    let ground_at = at.field("urgencyGround");
    checker.code::<UrgencyGround>(ground_at, of.urgency_ground, above_routine);
    let reason_at = at.field("urgencyReason");
    let reason = Text::lines(MAX_NOTE);
    let reason = if above_routine {
        reason.required()
    } else {
        reason
    };
    checker.text(reason_at, &of.urgency_reason, reason);
    if !above_routine && of.urgency_ground != 0 {
        checker.found(
            ground_at,
            Rule::Mismatch,
            "is a ground for urgency, and `urgency` is ROUTINE; raise it, or leave the ground out",
        );
    }
}

fn legal_basis(checker: &mut Checker, at: At<'_>, of: Option<&LegalBasis>, offences: bool) {
    let Some(of) = of else {
        return checker.required(at, "the legal basis");
    };
    checker.code::<LegalInstrument>(at.field("instrument"), of.instrument, true);
    let named = matches!(
        LegalInstrument::try_from(of.instrument),
        Ok(LegalInstrument::Bilateral | LegalInstrument::Regional | LegalInstrument::Other)
    );
    let provision = Text::line(MAX_LINE);
    let provision = if named {
        provision.required()
    } else {
        provision
    };
    checker.text(at.field("provision"), &of.provision, provision);
    let list_at = at.field("offences");
    if offences && of.offences.is_empty() {
        checker.required(list_at, "at least one offence");
    }
    checker.at_most(list_at, of.offences.len(), MAX_LIST);
    for (index, offence) in of.offences.iter().take(MAX_LIST).enumerate() {
        let text = Text::lines(MAX_NOTE).required();
        checker.text(list_at.item(index), offence, text);
    }
}

fn proceeding(checker: &mut Checker, at: At<'_>, of: Option<&Proceeding>) {
    let Some(of) = of else {
        return checker.required(
            at,
            "the investigation, prosecution or proceeding (UNTOC Art. 18(15)(b))",
        );
    };
    checker.code::<ProceedingNature>(at.field("nature"), of.nature, true);
    let note = Text::lines(MAX_NOTE).required();
    checker.text(at.field("subject"), &of.subject, note);
    checker.text(at.field("conductedBy"), &of.conducted_by, note);
    let line = Text::line(MAX_LINE);
    checker.text(at.field("caseReference"), &of.case_reference, line);
}

fn translations(checker: &mut Checker, at: At<'_>, of: &EvidenceRequest, record: &Record) {
    checker.at_most(at, of.translations.len(), MAX_TRANSLATIONS);
    let language = record.situation.as_ref().map(|of| of.language.as_str());
    for (tag, words) in of.translations.iter().take(MAX_TRANSLATIONS) {
        // A key is named in the path only when it could be a tag.
        let shown = tag.len() <= 16 && super::super::language::is_well_formed(tag);
        let item = at.key(if shown { tag } else { "…" });
        if tag.is_empty() {
            checker.required(item, "a language tag (BCP 47) as the key");
        } else {
            checker.language(item, tag);
        }
        if language == Some(tag.as_str()) {
            checker.found(
                item,
                Rule::Duplicate,
                "the request itself is in this language; give other languages here",
            );
        }
        let long = Text::lines(MAX_SUMMARY);
        let sought_at = item.field("assistanceSought");
        checker.text(sought_at, &words.assistance_sought, long.required());
        checker.text(item.field("procedure"), &words.procedure, long);
        checker.text(item.field("purpose"), &words.purpose, long.required());
    }
}

/// Information given without a request, Art. 18(4).
pub(in crate::record::validate) fn spontaneous(
    checker: &mut Checker,
    at: At<'_>,
    of: &SpontaneousInformation,
    record: &Record,
) {
    legal_basis(
        checker,
        at.field("legalBasis"),
        of.legal_basis.as_ref(),
        false,
    );
    let note = Text::lines(MAX_NOTE);
    checker.text(at.field("relevance"), &of.relevance, note.required());
    checker.text(at.field("restrictions"), &of.restrictions, note);
    let summary = record.situation.as_ref().map(|of| of.summary.trim());
    if record.evidence.is_none() && summary.is_none_or(str::is_empty) {
        checker.required(
            At::RECORD.field("situation").field("summary"),
            "the information in words, or items in `evidence`,",
        );
    }
}
