//! Which items belong to a record and to its thread.

use std::sync::Arc;

use crate::{
    access::{Permit, Purpose, act},
    crypto::Digest,
    entry::{ItemRow, ItemStand},
    evidence::bundle::MAX_RECORDS,
    inbox::ask,
    ledger::Shown,
    record::Reference,
    wire::{node::Item, record::CompartmentLabel},
};

use super::{
    super::{
        Node, NodeError,
        read::ReadError,
        rules::{By, Proposal, ReadOrder},
    },
    ItemError, ItemId,
    known::outline,
    plan_of, rows,
    upload::off,
};

/// The items of a thread, as far as somebody may see them.
struct ListedItems {
    /// The record that was asked about.
    number: u64,
    digest: Digest,
    /// The records that they belong to.
    of: Vec<(u64, Digest)>,
    items: Vec<Item>,
}

impl Node {
    /// Numbers of the records whose items belong to one of them: the request and its steps, and every version,
    /// since an item stands with the one that it was uploaded to or came with.
    pub(super) fn item_records(&self, number: u64) -> Result<Vec<u64>, NodeError> {
        let mut numbers = self.request_and_steps(number, MAX_RECORDS)?;
        if !numbers.contains(&number) {
            numbers.push(number);
        }
        for version in self.versions(number)? {
            if !numbers.contains(&version.number) {
                numbers.push(version.number);
            }
        }
        Ok(numbers)
    }

    /// Number of the record that an item belongs to; `None` when it is not here.
    pub(super) fn number_of(&self, row: &ItemRow) -> Result<Option<u64>, NodeError> {
        let Ok(digest) = Digest::try_from(row.header_digest.as_slice()) else {
            return Ok(None);
        };
        Ok(ask::by_digest(&self.store, &digest)?)
    }

    /// Lists the items of a record and of its thread. Names and descriptions are shown for a purpose, to
    /// whoever may download them; the leaf is durable before this answers.
    ///
    /// # Errors
    /// [`ItemError`].
    pub async fn list_items(
        self: &Arc<Self>,
        permit: Permit<act::Track>,
        reference: Reference,
        purpose: Option<Purpose>,
    ) -> Result<Vec<Item>, ItemError> {
        let (node, by) = (Arc::clone(self), permit.clone());
        let named = purpose.is_some();
        let listed = off(move || node.items_listed(&by, reference, named)).await?;
        let ListedItems {
            number,
            digest,
            of,
            items,
        } = listed;
        let shown = items.iter().any(|item| !item.name.is_empty());
        let all = of.iter().map(|(number, _)| *number).chain([number]);
        let bulk = self.gets_at(&permit, &all.collect::<Vec<_>>())?;
        // The record that was asked about stands in the leaf by itself.
        let beside = of.into_iter().filter(|(of, _)| *of != number);
        self.writer
            .propose(Proposal::Read(Box::new(ReadOrder {
                number,
                digest: Some(digest),
                reference: reference.to_string(),
                compartments: if shown {
                    vec![CompartmentLabel::Evidence as u32]
                } else {
                    Vec::new()
                },
                by: By::of(&permit)
                    .reading_for(purpose, String::new())
                    .under(bulk.as_ref()),
                detail: "items-listed",
                shown: Shown::of(beside),
                ..ReadOrder::default()
            })))
            .await
            .map_err(NodeError::from)?;
        Ok(items)
    }

    fn items_listed(
        &self,
        permit: &Permit<act::Track>,
        reference: Reference,
        named: bool,
    ) -> Result<ListedItems, ItemError> {
        let asked = self.find(&reference)?;
        self.reached_number(permit, &reference, asked)?;
        let stored = self.held(asked)?;
        self.check_open(&stored)
            .map_err(|error| ReadError::of(reference, error))?;
        // Who may not download may not see names.
        let download = permit.and::<act::DownloadEvidence>().ok();
        let download = download.filter(|_| named);
        let mut items: Vec<(i64, Item)> = Vec::new();
        let mut of = Vec::new();
        for number in self.item_records(asked)? {
            let stored = self.held(number)?;
            let ids = rows::of_record(&self.store, &stored.digest).map_err(NodeError::from)?;
            if ids.is_empty() {
                continue;
            }
            let mut subject = self.subject_of_held(number)?;
            if !permit.sees(&subject) {
                continue;
            }
            subject.present.insert(CompartmentLabel::Evidence);
            // Of a record that is locked nothing more is told than that there are items.
            let is_open = self.check_open(&stored).is_ok();
            let opens = download.as_ref().filter(|_| is_open).is_some_and(|permit| {
                permit
                    .reach(&subject)
                    .allowed
                    .has(CompartmentLabel::Evidence)
            });
            of.push((number, stored.digest));
            for id in ids {
                items.extend(self.item_listed(id, opens)?);
            }
        }
        items.sort_by_key(|(at, _)| *at);
        Ok(ListedItems {
            number: asked,
            digest: stored.digest,
            of,
            items: items.into_iter().map(|(_, item)| item).collect(),
        })
    }

    fn item_listed(&self, id: ItemId, opens: bool) -> Result<Option<(i64, Item)>, NodeError> {
        let row = self.item_row(&id)?;
        let Some(row) = row.filter(|row| row.stand() != ItemStand::Removed) else {
            return Ok(None);
        };
        let at = row.at_us;
        let plan = plan_of(&row);
        let chunks = plan.map_or(0, |plan| self.chunks_of(id, plan, &row));
        let country = self.country.code();
        let mut item = outline(id, &row, country, chunks);
        // Of one whose record is locked or shredded nothing more is known.
        if opens && let Ok(Some(known)) = self.known(id, row) {
            item = known.shown(country, chunks);
        }
        Ok(Some((at, item)))
    }
}
