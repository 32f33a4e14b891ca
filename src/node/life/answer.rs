//! What origins are told of their records after delivery: that an officer opened one, that an
//! authority took charge of it, what became of it after a recall or at its end.
//!
//! Each is owed from the entry on that says it, and no longer owed from the step on that carries its
//! receipt: a crash in between leaves it owed, and a later round sends it.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use crate::{
    access::purpose_word,
    entry::{EntryError, Event, LifeRow},
    envelope::{MAX_DISCLOSURES, ReceiptType},
    inbox::{StoredRecord, due, life, life_rows::DueRow},
    ledger::rows,
    record::{Country, MAX_LATE_RECEIPTS, Moment},
    store::Place,
    wire::{
        envelope::DisclosureNotice,
        ledger::{Action, LeafBody},
        record::Record,
    },
};

use super::super::{
    Node, NodeError,
    read::blocking,
    rules::{Backups, ground_aad},
    steps::LateReceipt,
    submit::SubmitError,
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
        // A fenced node signs nothing: what it owes stays due.
        if rows.is_empty() || self.is_fenced() {
            return Ok(());
        }
        let node = Arc::clone(self);
        let (owed, failed) = blocking(move || Ok(node.owed(rows))).await?;
        for (row, error) in failed {
            self.not_done(Item::Due(row.number, row.due), &error).await;
        }
        let mut trouble = None;
        let book = self.book();
        for (origin, receipts) in owed {
            if book.get(origin).is_none() {
                // Nothing can be sealed to a country whose card is not held, or not any more.
                for (row, _) in &receipts {
                    self.resting
                        .failed(Item::Due(row.number, row.due), Instant::now());
                }
                continue;
            }
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
                Ok((origin, receipts)) => owed
                    .entry(origin)
                    .or_default()
                    .extend(receipts.into_iter().map(|receipt| (row, receipt))),
                Err(error) => failed.push((row, error)),
            }
        }
        (owed, failed)
    }

    fn owed_for(&self, number: u64) -> Result<(Country, Vec<LateReceipt>), NodeError> {
        let stored = self.held(number)?;
        let origin = stored.holding.origin.parse().map_err(EntryError::from)?;
        Ok((origin, self.answers_of(&stored)?))
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

    /// Everything that a record's origin is owed, what its officers did in the order in which they
    /// did it.
    fn answers_of(&self, stored: &StoredRecord) -> Result<Vec<LateReceipt>, NodeError> {
        let Some(row) = &stored.life else {
            return Ok(Vec::new());
        };
        let number = stored.holding.number;
        let mut owed = Vec::new();
        if due::owes_retrieval(row) {
            owed.push(LateReceipt {
                number,
                kind: ReceiptType::Retrieval,
                time: Some(Moment::from_micros(row.opened_us)),
                purpose: self.purpose_told(stored)?,
                ..LateReceipt::default()
            });
        }
        for place in &row.acknowledged_places {
            let place = Place::from_bytes(place).ok_or(EntryError::Field("acknowledged_places"))?;
            let given = self.charge_at(place)?;
            owed.push(LateReceipt {
                number,
                kind: ReceiptType::Acknowledged,
                authority: given.charge.authority,
                time: Some(given.time),
                ..LateReceipt::default()
            });
        }
        let Some(kind) = life::owed(row) else {
            owed.extend(self.victims_answer(stored, row)?);
            return Ok(owed);
        };
        let lock = row.whole.as_ref().ok_or(EntryError::Field("whole"))?;
        let erased = kind == ReceiptType::Erased;
        owed.push(LateReceipt {
            number,
            kind,
            recall: life::recall_of(row),
            backups: if erased {
                Backups::of(lock)
            } else {
                Backups::default()
            },
            ground: if erased {
                String::new()
            } else {
                self.hold_ground(row)?
            },
            disclosures: self.disclosures(stored)?,
            ..LateReceipt::default()
        });
        Ok(owed)
    }

    /// The purpose for which a record was opened first, as a word of the list, where its origin demands
    /// to be told; the case stays here. Empty where its text is gone.
    fn purpose_told(&self, stored: &StoredRecord) -> Result<String, NodeError> {
        // What is locked or rotted demands nothing any more.
        let text = self.stored(stored.holding.number);
        let text = text.and_then(|stored| Ok(stored.open(&self.slots)?));
        let demanded = |record: Record| record.marking.is_some_and(|of| of.tell_purpose);
        if !text.is_ok_and(demanded) {
            return Ok(String::new());
        }
        for index in rows::leaves_of(&self.store, &stored.digest, LEAVES)? {
            let Some(leaf) = self.leaf(index)? else {
                continue;
            };
            let body = <LeafBody as prost::Message>::decode(leaf.body.as_slice())
                .map_err(EntryError::from)?;
            if body.action() == Action::Consultation && body.detail == "read" {
                return Ok(purpose_word(body.reading_purpose()).to_owned());
            }
        }
        Ok(String::new())
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
    pub(super) fn disclosures(
        &self,
        stored: &StoredRecord,
    ) -> Result<Vec<DisclosureNotice>, NodeError> {
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
