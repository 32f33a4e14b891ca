//! What is checked of a bundle, one kind of claim per file. Each adds its claims to the report and what it
//! established to the ground that the next stands on.

mod cards;
mod consents;
mod custody;
mod items;
mod ledger;
mod receipts;
mod records;
mod steps;

use std::collections::BTreeMap;

use super::{Report, Shown};
use crate::{
    card::{Place, TrustBook},
    crypto::Digest,
    envelope::Receipt,
    record::{Country, Moment},
    wire::bundle::{Bundle, BundleParts},
};

use custody::item_custody;
pub(super) use items::items;

/// A bundle's parts as they were read, and the parties it names.
pub(super) struct Given<'a> {
    pub(super) bundle: &'a Bundle,
    pub(super) parts: &'a BundleParts,
    /// The text of each record, as the bundle shows it; none where there is no such file.
    pub(super) contents: &'a [Option<Vec<u8>>],
    pub(super) issuing: Country,
    pub(super) executing: Country,
    pub(super) exporter: Country,
    pub(super) exported_at: Moment,
}

/// What was established so far.
#[derive(Default)]
pub(super) struct Ground {
    pub(super) book: TrustBook,
    /// Records that verify, by their number in the bundle.
    pub(super) records: BTreeMap<usize, Shown>,
    /// Receipts that verify.
    pub(super) receipts: Vec<Receipt>,
    /// Where records stand on their lanes, by the receipts of their delivery.
    pub(super) places: BTreeMap<Digest, Place>,
    /// Leaves about something that is named by a digest of its own, by that digest.
    pub(super) leaves: BTreeMap<Digest, u64>,
    /// Records that the ledger says were exported for court.
    pub(super) exported: Vec<Digest>,
}

impl Ground {
    /// A verified record by its number.
    pub(super) fn record(&self, number: usize) -> Option<&Shown> {
        self.records.get(&number)
    }
}

/// Everything but files, items and what is made of the rest.
pub(super) fn all(given: &Given<'_>, pinned: &super::Pinned, report: &mut Report) -> Ground {
    let mut ground = Ground::default();
    cards::check(given, pinned, &mut ground, report);
    receipts::verify(given, &mut ground, report);
    records::check(given, &mut ground, report);
    steps::check(given, &ground, report);
    receipts::deliveries(given, &ground, report);
    ledger::check(given, &mut ground, report);
    consents::check(given, &ground, report);
    ground
}

/// A fault's name as reasons are written.
pub(super) fn word(prefix: &str, name: &str) -> String {
    format!("{prefix}-{}", name.replace('_', "-"))
}

/// How a record is called: its reference, or its place in the bundle.
pub(super) fn called(given: &Given<'_>, number: usize) -> String {
    match given.bundle.records.get(number) {
        Some(entry) if !entry.reference.is_empty() => super::names::shown(&entry.reference),
        _ => format!("record {}", number.saturating_add(1)),
    }
}
