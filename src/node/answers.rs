//! What origins are told of their records after delivery: that an officer opened one, that an
//! authority took charge of it, what became of it after a recall or at its end.
//!
//! Each is owed from the entry on that says it, and no longer owed from the step on that carries its
//! receipt: a crash in between leaves it owed, and the next round sends it.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    entry::EntryError,
    envelope::{MAX_DISCLOSURES, ReceiptType},
    inbox::{StoredRecord, due, life, life_rows::DueRow},
    ledger::rows,
    record::{Country, Moment},
    store::Place,
    wire::{
        envelope::DisclosureNotice,
        ledger::{Action, LeafBody},
    },
};

use super::{Node, NodeError, read::blocking, steps::LateReceipt, submit::SubmitError};

/// Leaves of a record looked at for disclosures.
const LEAVES: usize = 10_000;

impl Node {
    /// Tells origins what became of their records.
    pub(super) async fn answer(self: &Arc<Self>, rows: Vec<DueRow>) -> Result<(), SubmitError> {
        // A fenced node signs nothing: what it owes stays due.
        if rows.is_empty() || self.is_fenced() {
            return Ok(());
        }
        let node = Arc::clone(self);
        let answers = blocking(move || {
            let mut answers: BTreeMap<Country, Vec<LateReceipt>> = BTreeMap::new();
            for row in rows {
                let Some(stored) = node.due_record(row.number) else {
                    continue;
                };
                let origin: Country = stored.holding.origin.parse().map_err(EntryError::from)?;
                let owed = node.answers_of(&stored)?;
                if !owed.is_empty() {
                    answers.entry(origin).or_default().extend(owed);
                }
            }
            Ok(answers)
        })
        .await?;
        let mut failed = None;
        let book = self.book();
        // Nothing can be sealed to a country whose card is not held, or not any more.
        let reachable = answers
            .into_iter()
            .filter(|(to, _)| book.get(*to).is_some());
        for (origin, receipts) in reachable {
            // One origin that cannot be told does not keep the others from it.
            if let Err(error) = self.send_late_receipts(origin, receipts).await {
                tracing::warn!(%origin, %error, "the origin is not told yet");
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
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
            return Ok(owed);
        };
        let lock = row.whole.as_ref().ok_or(EntryError::Field("whole"))?;
        let erased = kind == ReceiptType::Erased;
        owed.push(LateReceipt {
            number,
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
        });
        Ok(owed)
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
                });
            }
        }
        Ok(notices)
    }
}
