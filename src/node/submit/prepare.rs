//! Prepares submissions outside the writer: validate, give the reference, seal, sign. Plaintext
//! stops here.

use std::{collections::btree_map::Entry, sync::PoisonError};

use prost::Message as _;

use crate::{
    crypto::Digest,
    entry::EntryError,
    envelope::{self, Beside, Plain, SealError},
    inbox::{self, StoredRecord},
    record::{Moment, Reference, compartments::split, handling_numbers, lane},
    wire::{
        envelope::{Receipt, ReceiptProof, ReceiptType},
        record::{CompartmentLabel, SharingMatrix},
    },
};

use super::{
    super::{
        Node, NodeError,
        rules::{Facts, Prepared, SubmissionRefusal},
        steps::followed,
    },
    Accepted, Intent, MAX_KEY_CHARS, Outcome, SubmitError, Unproposed,
    vet::{Closed, Vetted},
};

/// A submission sealed, with its receipt still to be signed.
struct Draft {
    prepared: Prepared,
    receipt: Receipt,
    reference: Reference,
}

/// A submission within its bounds.
struct Asked {
    /// Keyed tag of principal and idempotency key; `None` without a key.
    tag: Option<[u8; 16]>,
    /// SHA-256 of the record as it came; `None` without a key, unless it is an item of a feed.
    submission: Option<Digest>,
}

impl Node {
    /// Prepares submissions that came together; answers in their order.
    pub(super) fn prepare_all(&self, intents: Vec<Intent>) -> Vec<Outcome> {
        let now = self.now();
        // Before any question is asked: what becomes known later is the writer's to see.
        let unknown_at = self.store.position();
        let open = self.accepting();
        let drafts: Vec<Result<Draft, Unproposed>> = intents
            .into_iter()
            .map(|intent| {
                let asked = self.asked(&intent)?;
                if let Some(first) = self.first_answer(&asked)? {
                    return Err(Unproposed::Repeated(Box::new(first)));
                }
                // A full disk stops no recall and no answer to one.
                match &open {
                    Err(Closed::Disk { .. }) if intent.by_node => {}
                    Err(closed) => return Err(closed.error().into()),
                    Ok(()) => {}
                }
                Ok(self.prepare(intent, asked, unknown_at, now)?)
            })
            .collect();
        let receipts: Vec<Receipt> = drafts
            .iter()
            .flatten()
            .map(|draft| draft.receipt.clone())
            .collect();
        // Where nothing is accepted, as by a fenced node, nothing is signed either.
        let group = if receipts.is_empty() {
            None
        } else {
            match envelope::issue_by(receipts, &*self.keys.signing) {
                Ok(group) => Some(group),
                Err(fault) => {
                    // Nothing is durable, and nobody was told anything.
                    let failed = |draft: Result<Draft, Unproposed>| {
                        Err(draft
                            .map_or_else(|error| error, |_| NodeError::from(fault.clone()).into()))
                    };
                    return drafts.into_iter().map(failed).collect();
                }
            }
        };
        let mut acceptances = group.iter().flat_map(envelope::proofs);
        drafts
            .into_iter()
            .map(|draft| {
                let mut draft = draft?;
                let acceptance = acceptances.next().ok_or(NodeError::Task)?;
                draft.prepared.acceptance = acceptance.encode_to_vec();
                let accepted = Accepted {
                    reference: draft.reference,
                    digest: draft.prepared.digest,
                    acceptance,
                    repeated: false,
                };
                Ok((draft.prepared, accepted))
            })
            .collect()
    }

    /// What is asked for, within its bounds.
    fn asked(&self, intent: &Intent) -> Result<Asked, SubmitError> {
        let key = &intent.idempotency_key;
        let key_chars = key.chars().count();
        if key_chars > MAX_KEY_CHARS {
            return Err(SubmitError::KeyTooLong(key_chars));
        }
        let came = || Digest::of(&intent.record.encode_to_vec());
        Ok(Asked {
            tag: (!key.is_empty()).then(|| self.idempotency_tag(&intent.actor, key)),
            submission: match &intent.item {
                // The record follows another by now, maybe.
                Some((_, came)) => Some(*came),
                None => (!key.is_empty()).then(came),
            },
        })
    }

    /// Keyed tag of a client's idempotency key.
    pub(in crate::node) fn idempotency_tag(&self, actor: &str, key: &str) -> [u8; 16] {
        let name = format!("{actor}\0{key}");
        self.keys.index.tag("idempotency", name.as_bytes())
    }

    /// The first answer to a submission that was made durable before: a repeat gets it whatever
    /// would stand against the submission by now, and takes neither a reference nor a slot. The
    /// writer sees what becomes durable meanwhile.
    fn first_answer(&self, asked: &Asked) -> Result<Option<Accepted>, SubmitError> {
        let Some(tag) = &asked.tag else {
            return Ok(None);
        };
        inbox::ask::by_idempotency(&self.store, tag)
            .map_err(NodeError::from)?
            .map(|number| self.accepted_before(number, asked.submission))
            .transpose()
    }

    /// Validates, gives the reference, seals and signs. Plaintext stops here. `unknown_at` is a
    /// position of the store at which neither the reference nor the idempotency key was known.
    fn prepare(
        &self,
        intent: Intent,
        asked: Asked,
        unknown_at: u64,
        now: Moment,
    ) -> Result<Draft, SubmitError> {
        let Intent {
            mut record,
            actor,
            by_node,
            evidence,
            item,
            ..
        } = intent;
        let Vetted {
            sharing,
            evidence_followers,
            custody,
        } = self.vet(&mut record, by_node, evidence, &actor, now)?;
        let reference = self.next_reference(now)?;
        record.reference = reference.to_string();
        record.submitted_at = Some(now.into());
        let parts = split(&record);
        let labels: Vec<CompartmentLabel> = parts.iter().map(|(label, _)| *label).collect();
        let destinations = sharing
            .rows
            .iter()
            .map(|row| {
                let indexes = (0_u32..)
                    .zip(&labels)
                    .filter(|(_, label)| sharing.reads(row.country, **label))
                    .map(|(index, _)| index)
                    .collect();
                (row.country, indexes)
            })
            .collect();
        let marking = record.marking.clone().unwrap_or_default();
        let plain = Plain {
            lane: lane(&record),
            handling: handling_numbers(&marking),
            expires_at: record.expires_at.as_ref().map(Moment::from),
            follows: followed(&record),
            exercise: record.exercise,
            compartments: parts
                .into_iter()
                .map(|(label, content)| (label as u32, content))
                .collect(),
            destinations,
        };
        let exercise = plain.exercise;
        let record_lane = plain.lane;
        let sealed = envelope::seal(plain, self.country, &self.incarnation, &*self.keys.signing)
            .map_err(|error| match error {
                SealError::Signer(fault) => NodeError::from(fault).into(),
                error => SubmitError::Seal(error.to_string()),
            })?;
        let facts = Facts {
            effect: self.effect_of(&record, self.country)?,
            releases: self.releases_of(&record),
            evidence_followers,
            custody,
            ..self.facts_held(&record, &sealed.digest, self.country, now)?
        };
        let (slot, slot_key) = self.slots.take().map_err(NodeError::from)?;
        let sealed_keys = sealed
            .keys
            .seal_at_rest(&slot_key, &sealed.digest)
            .map_err(|error| SubmitError::Seal(error.to_string()))?;
        let as_sent = SharingMatrix::from(&sharing).encode_to_vec();
        let beside = |what, plain: &[u8]| {
            envelope::seal_beside(what, plain, &slot_key, &sealed.digest)
                .map_err(|error| SubmitError::Seal(error.to_string()))
        };
        let sealed_sharing = beside(Beside::Sharing, &as_sent)?;
        let sealed_submission = match &asked.submission {
            Some(digest) => beside(Beside::Submission, digest.as_bytes())?,
            None => Vec::new(),
        };
        let receipt = Receipt {
            r#type: ReceiptType::SubmissionAcceptance.into(),
            header_digest: sealed.digest.to_vec().into(),
            origin: self.country.code().to_owned(),
            issuer: self.country.code().to_owned(),
            time_us: now.micros(),
            ..Receipt::default()
        };
        let prepared = Prepared {
            digest: sealed.digest,
            record_id: sealed.record_id,
            reference,
            reference_tag: self.reference_tag(&reference),
            envelope: sealed.record.encode_to_vec(),
            slot,
            sealed_keys,
            sealed_sharing,
            exercise,
            facts,
            destinations: sealed
                .keys
                .entitlements
                .iter()
                .map(|entitlement| entitlement.country)
                .collect(),
            lane: record_lane,
            idempotency_tag: asked.tag,
            submission: asked.submission,
            sealed_submission,
            item: item.map(|(claim, _)| claim),
            unknown_at,
            acceptance: Vec::new(),
            actor,
        };
        Ok(Draft {
            prepared,
            receipt,
            reference,
        })
    }

    /// The next reference. Numbers in preparation are ahead of the store; one whose record never
    /// becomes durable leaves a gap, or is given again after a restart: nobody was told of it.
    /// Batches that are prepared side by side may stand on either side of a New Year.
    pub(super) fn next_reference(&self, now: Moment) -> Result<Reference, SubmitError> {
        let year = now
            .utc()
            .and_then(|at| u8::try_from(at.year().rem_euclid(100)).ok())
            .unwrap_or(0);
        let mut years = self
            .references
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let last = match years.entry(year) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let stored = inbox::ask::last_reference(&self.store, year.into())
                    .map_err(NodeError::from)?;
                new.insert(u32::try_from(stored).unwrap_or(u32::MAX))
            }
        };
        let number = last
            .checked_add(1)
            .ok_or(SubmitError::ReferencesExhausted)?;
        *last = number;
        Ok(Reference {
            country: self.country,
            year,
            number,
        })
    }

    /// The reference that this node gave to an own record.
    pub(in crate::node) fn reference_given(
        &self,
        stored: &StoredRecord,
    ) -> Result<Reference, NodeError> {
        let given = stored.given.and_then(|(year, number)| {
            Some(Reference {
                country: self.country,
                year: u8::try_from(year).ok()?,
                number: u32::try_from(number).ok()?,
            })
        });
        given.ok_or(NodeError::Entry(EntryError::Field("reference_number")))
    }

    /// The first answer again, for a repeated idempotency key and the same submission. Opens no
    /// compartment: the record may have been erased since, and then nothing tells any more what was
    /// submitted.
    pub(super) fn accepted_before(
        &self,
        number: u64,
        submission: Option<Digest>,
    ) -> Result<Accepted, SubmitError> {
        let stored = self.held(number)?;
        let first = stored.submission(&self.slots).map_err(NodeError::from)?;
        if first.is_some() && first != submission {
            return Err(SubmissionRefusal::IdempotencyConflict.into());
        }
        let blob = stored
            .acceptance_blob
            .ok_or(NodeError::Task)
            .and_then(|blob| Ok(self.store.blob(stored.place, blob)?))?;
        Ok(Accepted {
            reference: self.reference_given(&stored)?,
            digest: stored.digest,
            acceptance: ReceiptProof::decode(blob.as_slice())
                .map_err(|error| NodeError::Entry(error.into()))?,
            repeated: true,
        })
    }
}
