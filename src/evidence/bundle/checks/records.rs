//! Records: the signature over the exact header, the ciphertexts and keys that it fixes, and the text that
//! they open to.

use std::collections::BTreeSet;

use super::{Given, Ground, called, word};
use crate::{
    crypto::{Digest, KeyId},
    envelope::{Fault, LinkFault, PassedOn, verify_passed_on},
    evidence::bundle::{Report, Shown, layout, view::opened_record},
    wire::bundle::{BundledRecord, RecordEntry},
};

pub(super) fn check(given: &Given<'_>, ground: &mut Ground, report: &mut Report) {
    let mut seen = BTreeSet::new();
    for (number, (entry, bundled)) in given
        .bundle
        .records
        .iter()
        .zip(&given.parts.records)
        .enumerate()
    {
        let about = called(given, number);
        let shown = match opened(given, ground, bundled) {
            Ok(shown) => shown,
            Err((reason, says)) => {
                report.against("record", &about, &reason, says);
                continue;
            }
        };
        if !seen.insert(shown.digest) {
            report.against(
                "record",
                &about,
                "record-twice",
                "The same record is in the bundle twice.",
            );
            continue;
        }
        if let Some((reason, says)) = differs(given, number, entry, &shown) {
            report.against("record", &about, reason, says);
            continue;
        }
        claim(ground, bundled, &shown, &about, report);
        ground.records.insert(number, shown);
    }
    match ground.record(0) {
        Some(request) if request.digest.as_bytes()[..] == given.bundle.request_digest => {
            let parties = request.origin == given.issuing
                && request
                    .header
                    .destinations
                    .iter()
                    .any(|of| of.country == given.executing.code());
            if !parties {
                report.against(
                    "record",
                    &called(given, 0),
                    "index-differs",
                    "bundle.json names other parties than the request was sealed by and for.",
                );
            }
        }
        Some(_) => report.against(
            "record",
            &called(given, 0),
            "index-differs",
            "bundle.json names another request.",
        ),
        None => {}
    }
}

type Fails = (String, String);

fn opened(given: &Given<'_>, ground: &Ground, bundled: &BundledRecord) -> Result<Shown, Fails> {
    let sealed = bundled.sealed.clone().unwrap_or_default();
    let tried = |forwarder| verify_passed_on(&sealed, &bundled.openings, forwarder, &ground.book);
    // Who received it decides only whether a retired key's signature counts.
    let opened: Result<PassedOn, Fault> = match tried(given.executing) {
        Err(Fault::Link(LinkFault::RetiredKey { .. })) => tried(given.issuing),
        other => other,
    };
    let opened = opened.map_err(|fault| {
        (
            word("record", fault.name()),
            format!("The record does not verify: {fault}."),
        )
    })?;
    if ![given.issuing, given.executing].contains(&opened.origin) {
        let says = format!(
            "The record was sealed by {}, which is no party.",
            opened.origin
        );
        return Err(("record-other-country".to_owned(), says));
    }
    opened_record(opened).map_err(|fault| {
        (
            "record-content".to_owned(),
            format!("The record's compartments are none: {fault}."),
        )
    })
}

/// What the bundle says beside the record, and is not so.
fn differs(
    given: &Given<'_>,
    number: usize,
    entry: &RecordEntry,
    shown: &Shown,
) -> Option<(&'static str, String)> {
    if entry.header_digest != shown.digest.as_bytes()[..]
        || entry.reference != shown.record.reference
    {
        return Some((
            "index-differs",
            "bundle.json names another record than the one that was signed.".to_owned(),
        ));
    }
    let closed = shown
        .header
        .manifest
        .len()
        .saturating_sub(shown.labels.len());
    if closed > 0 && given.bundle.left_out.is_empty() {
        let says = format!(
            "{closed} compartments of the record are not here, and bundle.json does not say that any was left out."
        );
        return Some(("compartment-missing", says));
    }
    let expected = layout::text("comity.record.v1.Record", &shown.record).ok();
    if given.contents.get(number).cloned().flatten() != expected {
        let says = format!(
            "{} shows another text than the one that was signed.",
            layout::content(number)
        );
        return Some(("content-differs", says));
    }
    None
}

fn claim(
    ground: &Ground,
    bundled: &BundledRecord,
    shown: &Shown,
    about: &str,
    report: &mut Report,
) {
    let origin = shown.origin;
    let id = bundled
        .sealed
        .as_ref()
        .and_then(|of| KeyId::try_from(&*of.key_id).ok());
    let vouched = id.and_then(|id| ground.book.signing_key(origin, id));
    let counts = vouched.is_some_and(|vouched| vouched.counts(ground.places.get(&shown.digest)));
    if !counts {
        report.open(
            "record",
            about,
            "record-retired-key",
            format!(
                "{origin} signed the record with a key that it retired since, and no receipt shows that the record \
                 came before."
            ),
            &[],
        );
        return;
    }
    let closed = shown
        .header
        .manifest
        .len()
        .saturating_sub(shown.labels.len());
    let closed = match closed {
        0 => String::new(),
        more => format!(" {more} of its compartments were left out and stay closed."),
    };
    report.proved(
        "record",
        about,
        format!(
            "{origin} signed the record with the header {}, and its text is the one shown.{closed}",
            short(&shown.digest)
        ),
        &[origin],
    );
}

/// The beginning of a digest.
fn short(digest: &Digest) -> String {
    digest.to_string().chars().take(16).collect()
}
