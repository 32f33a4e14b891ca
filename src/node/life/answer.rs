//! What origins are told of what became of their records.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    entry::{EntryError, Event, LifeRow},
    envelope::{MAX_DISCLOSURES, ReceiptType},
    inbox::{StoredRecord, life, life_rows::DueRow},
    ledger::rows,
    record::{Country, MAX_LATE_RECEIPTS},
    wire::{
        envelope::DisclosureNotice,
        ledger::{Action, LeafBody},
    },
};

use super::super::{
    Node, NodeError, read::blocking, rules::ground_aad, steps::LateReceipt, submit::SubmitError,
};
use super::resting::Item;

/// Leaves of a record looked at for disclosures.
const LEAVES: usize = 10_000;

/// What is owed to origins, and what cannot be told.
type Owed = (
    BTreeMap<Country, Vec<(DueRow, LateReceipt)>>,
    Vec<(DueRow, NodeError)>,
);

impl Node {
    /// Tells origins what became of their records. A record of which nothing can be said keeps no
    /// other from being answered, nor does an origin that cannot be told.
    pub(super) async fn answer(self: &Arc<Self>, rows: Vec<DueRow>) -> Result<(), SubmitError> {
        if rows.is_empty() {
            return Ok(());
        }
        let node = Arc::clone(self);
        let (owed, failed) = blocking(move || Ok(node.owed(rows))).await?;
        for (row, error) in failed {
            self.not_done(Item::Due(row.number, row.due), &error).await;
        }
        let mut trouble = None;
        for (origin, receipts) in owed {
            for batch in receipts.chunks(MAX_LATE_RECEIPTS) {
                if let Err(error) = self.tell(origin, batch).await {
                    tracing::warn!(%origin, %error, "the origin is not told yet");
                    trouble = Some(error);
                    break;
                }
            }
        }
        trouble.map_or(Ok(()), Err)
    }

    fn owed(&self, rows: Vec<DueRow>) -> Owed {
        let mut owed: BTreeMap<Country, Vec<_>> = BTreeMap::new();
        let mut failed = Vec::new();
        for row in rows {
            match self.owed_for(row.number) {
                Ok(Some((origin, receipt))) => owed.entry(origin).or_default().push((row, receipt)),
                Ok(None) => {}
                Err(error) => failed.push((row, error)),
            }
        }
        (owed, failed)
    }

    fn owed_for(&self, number: u64) -> Result<Option<(Country, LateReceipt)>, NodeError> {
        let stored = self.held(number)?;
        let origin = stored.holding.origin.parse().map_err(EntryError::from)?;
        Ok(self.answer_of(&stored)?.map(|answer| (origin, answer)))
    }

    /// Sends receipts together, and one by one where one of them is refused.
    async fn tell(
        self: &Arc<Self>,
        origin: Country,
        batch: &[(DueRow, LateReceipt)],
    ) -> Result<(), SubmitError> {
        let together = batch.iter().map(|(_, receipt)| receipt.clone()).collect();
        match self.send_late_receipts(origin, together).await {
            Err(error) if is_of_records(&error) => {}
            told => return told,
        }
        for (row, receipt) in batch {
            match self.send_late_receipts(origin, vec![receipt.clone()]).await {
                Err(error) if is_of_records(&error) => {
                    self.not_done(Item::Due(row.number, row.due), &error).await;
                }
                told => told?,
            }
        }
        Ok(())
    }

    fn answer_of(&self, stored: &StoredRecord) -> Result<Option<LateReceipt>, NodeError> {
        let Some(row) = &stored.life else {
            return Ok(None);
        };
        let Some(kind) = life::owed(row) else {
            return Ok(None);
        };
        let lock = row.whole.as_ref().ok_or(EntryError::Field("whole"))?;
        let erased = kind == ReceiptType::Erased;
        Ok(Some(LateReceipt {
            number: stored.holding.number,
            kind,
            recall: life::recall_of(row),
            backups_until_us: if erased { lock.backups_until_us } else { 0 },
            ground: if erased {
                String::new()
            } else {
                self.hold_ground(row)?
            },
            disclosures: self.disclosures(stored)?,
            ..LateReceipt::default()
        }))
    }

    /// The ground of a hold that stands.
    pub(in crate::node) fn hold_ground(&self, row: &LifeRow) -> Result<String, NodeError> {
        let place = crate::store::Place::from_bytes(&row.hold_place)
            .ok_or(EntryError::Field("hold_place"))?;
        let Event::HoldChanged(changed) =
            crate::entry::Entry::decode(&self.store.body(place)?)?.event
        else {
            return Err(EntryError::Field("hold_changed").into());
        };
        let digest = crate::crypto::Digest::try_from(changed.header_digest.as_slice())
            .map_err(|_| EntryError::Field("header_digest"))?;
        let sealed = self.store.blob(place, changed.ground_blob)?;
        let plain = self
            .keys
            .storage
            .open(&ground_aad(&digest), &sealed)
            .map_err(|_| EntryError::Field("ground"))?;
        String::from_utf8(plain.to_vec()).map_err(|_| EntryError::Field("ground").into())
    }

    /// What left this node in plain text of a record, as far as the ledger knows.
    fn disclosures(&self, stored: &StoredRecord) -> Result<Vec<DisclosureNotice>, NodeError> {
        let mut notices = Vec::new();
        for index in rows::leaves_of(&self.store, &stored.digest, LEAVES)? {
            let Some(leaf) = self.leaf(index)? else {
                continue;
            };
            let body = <LeafBody as prost::Message>::decode(leaf.body.as_slice())
                .map_err(EntryError::from)?;
            if body.action() == Action::Disclosure && notices.len() < MAX_DISCLOSURES {
                notices.push(DisclosureNotice {
                    time_us: body.time_us,
                    manner: body.detail.chars().take(32).collect(),
                    country: match body.peer.parse::<Country>() {
                        Ok(country) => country.code().to_owned(),
                        Err(_) => String::new(),
                    },
                });
            }
        }
        Ok(notices)
    }
}

/// Whether an error is about the records in hand; the others would meet it too otherwise.
fn is_of_records(error: &SubmitError) -> bool {
    match error {
        SubmitError::Invalid(_)
        | SubmitError::TooLarge(_)
        | SubmitError::Conflict(_)
        | SubmitError::Follows(_) => true,
        SubmitError::Node(error) => matches!(
            error,
            NodeError::Entry(_) | NodeError::Holding(_) | NodeError::Ledger(_)
        ),
        _ => false,
    }
}
