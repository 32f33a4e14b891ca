//! Custody: the signature of every entry, the chain that they make, and that none is missing which a
//! signed record or the ledger names.

use std::collections::BTreeSet;

use super::{Given, Ground};
use crate::{
    card::Place,
    crypto::Digest,
    evidence::{
        bundle::{Report, view::item_of},
        custody::{self, Anchor, Chain, CustodyFault, MAX_ENTRIES, Stated, Weight},
    },
    record::Country,
    wire::{
        bundle::ItemEntry,
        record::{EvidenceItem, SignedCustody, evidence_step::Act},
    },
};

/// Checks the chain of one item.
pub(super) fn item_custody(
    given: &Given<'_>,
    ground: &Ground,
    number: usize,
    (entry, item): (&ItemEntry, &EvidenceItem),
    about: &str,
    report: &mut Report,
) {
    let bundled = given.parts.custody.get(number).cloned().unwrap_or_default();
    if bundled.item != entry.id {
        report.against(
            "custody",
            about,
            "index-differs",
            "The custody file is of another item.",
        );
        return;
    }
    if bundled.entries.len() > MAX_ENTRIES {
        report.against(
            "custody",
            about,
            "custody-too-many",
            "There are too many custody entries.",
        );
        return;
    }
    let carried = carried(ground, &entry.id);
    let mut entries: Vec<Stated> = Vec::new();
    let mut sound = true;
    for (at, signed) in bundled.entries.iter().enumerate() {
        match verified(given, ground, &carried, signed) {
            Ok(stated) => entries.push(stated),
            Err(fault @ CustodyFault::Retired(_)) => {
                sound = false;
                let says = format!(
                    "Entry {} is signed, and does not count: {fault}.",
                    at.saturating_add(1)
                );
                report.open("custody", about, fault.name(), says, &[]);
                // It has its place in the chain all the same.
                entries.extend(custody::stated(signed).ok());
            }
            Err(fault) => {
                sound = false;
                let says = format!(
                    "Entry {} of the custody file does not hold: {fault}.",
                    at.saturating_add(1)
                );
                report.against("custody", about, fault.name(), says);
            }
        }
    }
    let here: BTreeSet<Digest> = bundled
        .entries
        .iter()
        .map(|of| Digest::of(&of.entry))
        .collect();
    if carried.iter().any(|(of, _)| !here.contains(of)) {
        sound = false;
        report.against(
            "custody",
            about,
            "custody-entry-missing",
            "A signed record carries a custody entry of this item that the custody file lacks.",
        );
    }
    let by: BTreeSet<Country> = entries.iter().map(|of| of.country).collect();
    let by: Vec<Country> = by.into_iter().collect();
    let chain = Chain::of(&item_of(item), entries);
    for finding in chain.findings() {
        let says = format!("{finding}.");
        match finding.weight() {
            Weight::Breach => report.against("custody", about, finding.name(), says),
            Weight::Gap => report.open("custody", about, finding.name(), says, &[]),
            Weight::Remark => report.proved("custody", about, says, &by),
        }
    }
    let links = chain.weight().is_none_or(|weight| weight < Weight::Breach);
    if sound && links && !chain.hands().is_empty() {
        let says = format!(
            "{} signed entries of {} follow one another without a missing number, and every hand found the same digest.",
            chain.hands().len(),
            by.iter()
                .map(Country::code)
                .collect::<Vec<_>>()
                .join(" and ")
        );
        report.proved("custody", about, says, &by);
    }
}

/// An entry that holds. The ledger shown is the exporter's, so it says nothing about keys of the other
/// country.
fn verified(
    given: &Given<'_>,
    ground: &Ground,
    carried: &[(Digest, Option<&Place>)],
    signed: &SignedCustody,
) -> Result<Stated, custody::CustodyFault> {
    let digest = Digest::of(&signed.entry);
    let mut anchors: Vec<Anchor<'_>> = carried
        .iter()
        .filter(|(of, _)| *of == digest)
        .filter_map(|(_, place)| place.map(Anchor::Carried))
        .collect();
    let exporters = custody::stated(signed).is_ok_and(|of| of.country == given.exporter);
    let leaf = ground.leaves.get(&digest).filter(|_| exporters);
    anchors.extend(leaf.map(|index| Anchor::Leaf(*index)));
    custody::verify(signed, &anchors, &ground.book)
}

/// Entries of an item that verified records carry, with the places of these records.
fn carried<'a>(ground: &'a Ground, id: &[u8]) -> Vec<(Digest, Option<&'a Place>)> {
    let mut all = Vec::new();
    for shown in ground.records.values() {
        let place = ground.places.get(&shown.digest);
        let mut add = |signed: &SignedCustody| all.push((Digest::of(&signed.entry), place));
        for item in shown.items().iter().filter(|item| item.id == id) {
            item.custody.iter().for_each(&mut add);
        }
        if let Some(Act::ItemsArrived(arrived)) = shown.step().and_then(|step| step.act.as_ref()) {
            let arrivals = arrived.items.iter().filter(|arrival| arrival.id == id);
            arrivals
                .filter_map(|of| of.custody.as_ref())
                .for_each(&mut add);
        }
    }
    all
}
