//! Resend: give a country again what it may have, and make a damaged record whole with what comes.

use std::sync::Arc;

use prost::Message as _;

use crate::{
    crypto::Digest,
    entry::{Entry, EntryError, Event},
    envelope::for_destination,
    inbox::{HoldingError, ask},
    record::Country,
    store::{DamagedBlob, StoreError},
    wire::{
        envelope::{Header, SealedCompartment, SealedRecord, Wrap},
        node::RecordSummary,
    },
};

use super::{Node, NodeError, read::blocking, scrub::Wanted};

/// Title in a list of a record whose text is damaged.
const DAMAGED_TITLE: &str = "(text damaged on this node's disk, see `comity status`)";

/// What came of a record that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mended {
    /// It is whole again, durably.
    Whole,
    /// Something is still missing.
    Partly,
    /// Nothing that could be used.
    Not,
}

impl Node {
    /// The record with this header as `peer` may have it, without wrap: whole to its origin, to a
    /// destination its compartments. `None` when it is not held, not readable any more, or not for
    /// this country.
    pub(crate) async fn resend(
        self: &Arc<Self>,
        peer: Country,
        digest: Digest,
    ) -> Option<SealedRecord> {
        let node = Arc::clone(self);
        let found = blocking(move || node.resend_now(peer, &digest)).await;
        found.unwrap_or_else(|error| {
            tracing::warn!(%peer, %error, "a record asked for again cannot be given");
            None
        })
    }

    /// What a record whose text is damaged says outside of it.
    pub(super) fn damaged_summary(&self, number: u64) -> Result<RecordSummary, NodeError> {
        let row = ask::record(&self.store, number)?.ok_or(HoldingError::NotARecord(number))?;
        let entry = Entry::decode(&self.store.body(row.place)?)?;
        let holding = match entry.event {
            Event::Submitted(submitted) => submitted.holding,
            Event::Received(received) => received.holding,
            _ => None,
        }
        .ok_or(EntryError::Field("holding"))?;
        let leaf = entry.leaf.ok_or(EntryError::Field("leaf"))?;
        // The leaf may be damaged with it; then even the reference is gone.
        let reference = self.reference_in(leaf.index);
        Ok(RecordSummary {
            reference: reference.map_or_else(|_| String::new(), |reference| reference.to_string()),
            header_digest: holding.header_digest,
            origin: holding.origin,
            title: DAMAGED_TITLE.to_owned(),
            stored_us: entry.time.micros(),
            exercise: holding.exercise,
            number,
            ..RecordSummary::default()
        })
    }

    fn resend_now(
        &self,
        peer: Country,
        digest: &Digest,
    ) -> Result<Option<SealedRecord>, NodeError> {
        let Some(number) = ask::by_digest(&self.store, digest)? else {
            return Ok(None);
        };
        let Some(row) = ask::record(&self.store, number)? else {
            return Ok(None);
        };
        if row.origin != peer && row.origin != self.country {
            return Ok(None);
        }
        let stored = self.stored(number)?;
        // What can no longer be read here is not given on either.
        let keys = stored.keys(&self.slots)?;
        if row.origin == peer {
            return Ok(Some(stored.sealed));
        }
        if stored.outbox.iter().all(|place| place.peer != peer.code()) {
            return Ok(None);
        }
        let copy = for_destination(&stored.sealed, &keys, peer, Wrap::default());
        Ok(Some(SealedRecord { wrap: None, ..copy }))
    }

    /// Takes a record that was asked for. Whatever comes: only bytes of the digest that the own
    /// entry names are written.
    pub(crate) async fn mend(
        self: &Arc<Self>,
        peer: Country,
        digest: Digest,
        record: SealedRecord,
    ) -> Mended {
        let Some((damaged, wanted)) = self.damaged_record(&digest) else {
            // Another peer was quicker.
            return Mended::Whole;
        };
        let node = Arc::clone(self);
        let mended = blocking(move || Ok(node.mend_now(&damaged, wanted, record)?)).await;
        match mended {
            Ok(Mended::Whole) => {
                tracing::warn!(%peer, %damaged, "a damaged record is whole again");
                self.repaired(&damaged);
                self.alarm(Some(peer), "journal-repaired").await;
                Mended::Whole
            }
            Ok(other) => other,
            Err(error) => {
                tracing::error!(%damaged, %error, "a damaged record cannot be mended");
                Mended::Not
            }
        }
    }

    fn mend_now(
        &self,
        damaged: &DamagedBlob,
        mut wanted: Wanted,
        record: SealedRecord,
    ) -> Result<Mended, StoreError> {
        let Ok(header) = Header::decode(record.header.as_ref() as &[u8]) else {
            return Ok(Mended::Not);
        };
        if Digest::of(&record.header) != wanted.digest {
            return Ok(Mended::Not);
        }
        for compartment in &record.compartments {
            if belongs(&header, compartment) {
                wanted.parts.insert(compartment.index, compartment.clone());
            }
        }
        let whole = SealedRecord {
            compartments: wanted.parts.values().cloned().collect(),
            wrap: None,
            ..record
        };
        let bytes = whole.encode_to_vec();
        if bytes.len() != damaged.length || Digest::of(&bytes) != damaged.digest {
            self.keep_parts(damaged, wanted.parts);
            return Ok(Mended::Partly);
        }
        self.store.repair_blob(damaged, &bytes)?;
        Ok(Mended::Whole)
    }
}

/// Whether the signed header names this very ciphertext.
fn belongs(header: &Header, compartment: &SealedCompartment) -> bool {
    let named = usize::try_from(compartment.index)
        .ok()
        .and_then(|index| header.manifest.get(index));
    named.is_some_and(|entry| {
        let digest: &[u8] = entry.ciphertext_sha256.as_ref();
        Digest::of(&compartment.ciphertext).as_bytes() as &[u8] == digest
    })
}
