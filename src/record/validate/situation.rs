//! The rules of the situation: what every kind shares.

use super::{At, Checker, MAX_LINE, MAX_LIST, MAX_SUMMARY, MAX_TITLE, MAX_URL, Text};
use super::{ValidationContext, checker::Fault, kinds};
use crate::record::Rule;
use crate::wire::record::{
    ExternalReference, InformationCredibility, Record, Situation, SourceReliability,
};

/// Most languages into which title and summary are translated.
const MAX_TRANSLATIONS: usize = 16;

pub(super) fn check(checker: &mut Checker, record: &Record, context: &ValidationContext<'_>) {
    let at = At::RECORD.field("situation");
    let Some(situation) = &record.situation else {
        return checker.required(at, "the situation");
    };
    let title = Text::line(MAX_TITLE).required();
    checker.text(at.field("title"), &situation.title, title);
    let summary = Text::lines(MAX_SUMMARY);
    checker.text(at.field("summary"), &situation.summary, summary);
    checker.language(at.field("language"), &situation.language);

    let grading_at = at.field("grading");
    let grading = situation.grading.unwrap_or_default();
    checker.code::<SourceReliability>(grading_at.field("source"), grading.source, true);
    checker.code::<InformationCredibility>(
        grading_at.field("information"),
        grading.information,
        true,
    );
    checker.percent(at.field("confidence"), situation.confidence);
    checker.date_span(
        (at.field("validFrom"), &situation.valid_from),
        (at.field("validUntil"), &situation.valid_until),
    );
    let references_at = at.field("externalReferences");
    let references = &situation.external_references;
    checker.at_most(references_at, references.len(), MAX_LIST);
    for (index, reference) in references.iter().take(MAX_LIST).enumerate() {
        external_reference(checker, references_at.item(index), reference);
    }
    translations(checker, at.field("translations"), situation);
    match &situation.kind {
        Some(kind) => kinds::check(checker, at, kind, record, context),
        None => checker.required(
            at,
            "a kind, exactly one of route, network, modusOperandi, alert, trend, tip, victimReferral, caseRecord, message, evidenceRequest, spontaneousInformation, jointCase, meeting,",
        ),
    }
}

fn external_reference(checker: &mut Checker, at: At<'_>, reference: &ExternalReference) {
    let line = Text::line(MAX_LINE);
    checker.text(
        at.field("sourceName"),
        &reference.source_name,
        line.required(),
    );
    checker.text(at.field("externalId"), &reference.external_id, line);
    let url_at = at.field("url");
    checker.text(url_at, &reference.url, Text::line(MAX_URL));
    let web = ["https://", "http://"]
        .iter()
        .any(|scheme| reference.url.starts_with(scheme));
    if reference.url.is_empty() {
        if reference.external_id.is_empty() {
            checker.required(at.field("externalId"), "an identifier or an address");
        }
    } else if !web || reference.url.contains(char::is_whitespace) {
        let fault = Fault::new("must begin with https:// or http:// and hold no blanks");
        let allowed = "beginning with https:// or http://, without blanks".to_owned();
        checker.refuse(url_at, Rule::FormatInvalid, fault.allowed([allowed]));
    }
    let digest = &reference.sha256;
    let hexadecimal = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if !digest.is_empty() && (digest.len() != 64 || !digest.bytes().all(hexadecimal)) {
        let fault = Fault::new(
            "must be 64 hexadecimal digits in lower case, the SHA-256 of what is found there",
        );
        let allowed = "64 hexadecimal digits in lower case".to_owned();
        checker.refuse(
            at.field("sha256"),
            Rule::FormatInvalid,
            fault.allowed([allowed]),
        );
    }
}

fn translations(checker: &mut Checker, at: At<'_>, situation: &Situation) {
    let all = &situation.translations;
    checker.at_most(at, all.len(), MAX_TRANSLATIONS);
    for (tag, translation) in all.iter().take(MAX_TRANSLATIONS) {
        // A key is named in the path only when it could be a tag.
        let shown = tag.len() <= 16 && super::language::is_well_formed(tag);
        let item = at.key(if shown { tag } else { "…" });
        if tag.is_empty() {
            checker.required(item, "a language tag (BCP 47) as the key");
        } else {
            checker.language(item, tag);
        }
        if *tag == situation.language {
            checker.found(
                item,
                Rule::Duplicate,
                "title and summary themselves are in this language; give other languages here",
            );
        }
        let title = Text::line(MAX_TITLE).required();
        checker.text(item.field("title"), &translation.title, title);
        let summary = Text::lines(MAX_SUMMARY);
        checker.text(item.field("summary"), &translation.summary, summary);
    }
}
