//! Rules for statistics: what is released must not give away, beside everything released before, a
//! count that may not be shown. Decided here, so that two tables submitted at once cannot slip past
//! each other.

use prost::Message as _;

use crate::{
    crypto::{Domain, StorageKey},
    entry::{Event, ReleasedTable, TableExported},
    inbox::released::{MAX_RELEASED, released},
    ledger::Shown,
    record::{
        Rule, Violation, Violations,
        trend::{YearTable, differenced},
    },
    store::{Decline, Group, ReadRows, StoreError},
    wire::{ledger::LeafBody, record::Trend},
};

use super::{By, Declined, NodeRules, Refusal, no_randomness};

/// A year's table that is to be released.
#[derive(Clone, Debug)]
pub struct Release {
    /// Keyed tag of exercise flag, country, indicator and year.
    pub tag: [u8; 16],
    /// The table.
    pub year: YearTable,
}

/// A table of statistics that is to leave the node.
#[derive(Clone, Debug)]
pub struct ExportedTable {
    /// What it shows, year by year.
    pub releases: Vec<Release>,
    /// SHA-256 over the headers of the records that it is made of.
    pub sources: crate::crypto::Digest,
    /// How many these are.
    pub count: u64,
    /// Who exports it, from where and why.
    pub by: By,
    /// The records that it is made of.
    pub shown: Shown,
}

/// Additional data of a released table at rest.
fn released_aad(tag: &[u8; 16]) -> Vec<u8> {
    [Domain::Storage.prefix(), b"released", tag].concat()
}

/// The tables released before under a tag, oldest first; `None` when one of them cannot be read.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub(in crate::node) fn released_before(
    storage: &StorageKey,
    rows: &impl ReadRows,
    tag: &[u8; 16],
) -> Result<Option<Vec<Trend>>, StoreError> {
    let sealed = released(rows, tag)?;
    let tables = sealed.iter().map(|sealed| {
        let plain = storage.open(&released_aad(tag), sealed).ok()?;
        Trend::decode(plain.as_slice()).ok()
    });
    Ok(tables.collect())
}

/// What the releases of one record give away; `None` when they may be released.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub(in crate::node) fn refuses_release(
    storage: &StorageKey,
    rows: &impl ReadRows,
    releases: &[Release],
) -> Result<Option<Violations>, StoreError> {
    let mut found = Vec::new();
    for Release { tag, year } in releases {
        let list = |rule, message| Violation {
            field: "situation.trend.values".to_owned(),
            rule,
            message,
            value: None,
            allowed: Vec::new(),
        };
        match released_before(storage, rows, tag)? {
            None => found.push(list(
                Rule::CanBeComputed,
                format!(
                    "what was released of {} before cannot be read, so nothing more is",
                    year.year
                ),
            )),
            Some(earlier)
                if earlier.len() >= MAX_RELEASED as usize && !earlier.contains(&year.table) =>
            {
                found.push(list(
                    Rule::TooMany,
                    format!(
                        "tables of {} were released {MAX_RELEASED} times; no more are",
                        year.year
                    ),
                ));
            }
            Some(earlier) => found.extend(differenced(year, &earlier)),
        }
    }
    Ok(Violations::of(found))
}

impl NodeRules {
    /// The releases as an entry keeps them, without what was released before just so.
    pub(super) fn sealed_releases(
        &self,
        releases: &[Release],
        group: &Group<'_>,
    ) -> Result<Vec<ReleasedTable>, Declined> {
        let mut sealed = Vec::new();
        for Release { tag, year } in releases {
            let earlier = released_before(&self.storage, group, tag)?.unwrap_or_default();
            if earlier.contains(&year.table) {
                continue;
            }
            sealed.push(ReleasedTable {
                table_tag: tag.to_vec(),
                sealed: self
                    .storage
                    .seal(&released_aad(tag), &year.table.encode_to_vec())
                    .map_err(no_randomness)?,
            });
        }
        Ok(sealed)
    }

    pub(super) fn export_table(
        &self,
        table: ExportedTable,
        leaf: LeafBody,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        if refuses_release(&self.storage, group, &table.releases)?.is_some() {
            // What was released meanwhile: the table is protected anew.
            return Err(Decline::Refused(Refusal::Raced));
        }
        let leaf = LeafBody {
            action: leaf.action,
            detail: leaf.detail,
            subject: table.sources.to_vec(),
            shown: table.shown.runs,
            shown_digest: table.shown.digest,
            count: table.count,
            ..table.by.leaf()
        };
        let released = self.sealed_releases(&table.releases, group)?;
        let event = Event::TableExported(TableExported { released });
        self.append(group, event, Vec::new(), leaf)
    }
}
