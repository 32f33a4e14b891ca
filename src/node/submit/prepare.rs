//! Prepares submissions outside the writer: validate, give the reference, seal, sign. Plaintext
//! stops here.

use std::sync::PoisonError;

use prost::Message as _;

use crate::{
    crypto::Digest,
    entry::EntryError,
    envelope::{self, Beside, Plain},
    inbox,
    record::{
        MAX_RECORD_BYTES, Moment, Reference, ValidationContext, Violations, compartments::split,
        handling_numbers, lane, validate,
    },
    wire::{
        envelope::{Receipt, ReceiptProof, ReceiptType},
        record::{CompartmentLabel, Record, SharingMatrix},
    },
};

use super::{
    super::{
        Node, NodeError,
        rules::{Facts, Prepared, SubmissionRefusal},
        steps::followed,
    },
    Accepted, Intent, MAX_KEY_CHARS, SubmitError,
};

/// A submission sealed, with its receipt still to be signed.
struct Draft {
    prepared: Prepared,
    receipt: Receipt,
    reference: Reference,
}

impl Node {
    pub(super) fn prepare_all(
        &self,
        intents: Vec<Intent>,
    ) -> Vec<Result<(Prepared, Accepted), SubmitError>> {
        let now = self.now();
        let open = self.accepting();
        let drafts: Vec<Result<Draft, SubmitError>> = intents
            .into_iter()
            .map(|intent| {
                // A full disk stops no recall and no answer to one.
                match &open {
                    Err(Closed::Disk { .. }) if intent.by_node => {}
                    Err(closed) => return Err(closed.error()),
                    Ok(()) => {}
                }
                self.prepare(intent, now)
            })
            .collect();
        let receipts: Vec<Receipt> = drafts
            .iter()
            .flatten()
            .map(|draft| draft.receipt.clone())
            .collect();
        let group = envelope::issue(receipts, &self.keys.signing);
        let mut acceptances = envelope::proofs(&group).into_iter();
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

    /// Validates, gives the reference, seals and signs. Plaintext stops here.
    fn prepare(&self, intent: Intent, now: Moment) -> Result<Draft, SubmitError> {
        let Intent {
            mut record,
            idempotency_key,
            actor,
            by_node,
        } = intent;
        let size = record.encoded_len();
        if size > MAX_RECORD_BYTES {
            return Err(SubmitError::TooLarge(size));
        }
        let key_chars = idempotency_key.chars().count();
        if key_chars > MAX_KEY_CHARS {
            return Err(SubmitError::KeyTooLong(key_chars));
        }
        if (record.step.is_some() || record.onward.is_some()) && !by_node {
            return Err(SubmitError::StepAsRecord);
        }
        self.check(&record, now).map_err(SubmitError::Invalid)?;
        self.check_follow(&record, self.country)?;
        let submission = (!idempotency_key.is_empty()).then(|| Digest::of(&record.encode_to_vec()));
        let idempotency_tag = (!idempotency_key.is_empty()).then(|| {
            self.keys.index.tag(
                "idempotency",
                format!("{actor}\0{idempotency_key}").as_bytes(),
            )
        });
        let sharing = self
            .sharing_of(&record, now)
            .map_err(SubmitError::Invalid)?;
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
        let sealed = envelope::seal(plain, self.country, &self.incarnation, &self.keys.signing)
            .map_err(|error| SubmitError::Seal(error.to_string()))?;
        let facts = Facts {
            effect: self.effect_of(&record, self.country)?,
            releases: self.releases_of(&record),
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
        let sealed_submission = match &submission {
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
            idempotency_tag,
            submission,
            sealed_submission,
            acceptance: Vec::new(),
            actor,
        };
        Ok(Draft {
            prepared,
            receipt,
            reference,
        })
    }

    /// Every rule the record breaks, against the vocabularies and the cards held.
    pub(in crate::node) fn check(&self, record: &Record, now: Moment) -> Result<(), Violations> {
        let book = self.book.load();
        let authorities = |country| {
            if country == self.country {
                Some(self.own_card.authorities.clone())
            } else {
                book.get(country).map(|card| card.authorities.clone())
            }
        };
        validate(
            record,
            &ValidationContext {
                now,
                origin: self.country,
                authorities: &authorities,
                received: false,
            },
        )
    }

    /// The next reference. Numbers in preparation are ahead of the store; one whose record never
    /// becomes durable leaves a gap, or is given again after a restart: nobody was told of it.
    fn next_reference(&self, now: Moment) -> Result<Reference, SubmitError> {
        let year = now
            .utc()
            .and_then(|at| u8::try_from(at.year().rem_euclid(100)).ok())
            .unwrap_or(0);
        let mut last = self
            .references
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last.0 != year {
            let stored =
                inbox::ask::last_reference(&self.store, year.into()).map_err(NodeError::from)?;
            *last = (year, u32::try_from(stored).unwrap_or(u32::MAX));
        }
        let number = last
            .1
            .checked_add(1)
            .ok_or(SubmitError::ReferencesExhausted)?;
        last.1 = number;
        Ok(Reference {
            country: self.country,
            year,
            number,
        })
    }

    /// The first answer again, for a repeated idempotency key and the same submission. Opens no
    /// compartment: the record may have been erased since, and then nothing tells any more what was
    /// submitted.
    pub(super) fn accepted_before(
        &self,
        number: u64,
        submission: Option<Digest>,
    ) -> Result<Accepted, SubmitError> {
        let stored = self.stored(number)?;
        let first = stored.submission(&self.slots).map_err(NodeError::from)?;
        if first.is_some() && first != submission {
            return Err(SubmissionRefusal::IdempotencyConflict.into());
        }
        let blob = stored
            .acceptance_blob
            .ok_or(NodeError::Task)
            .and_then(|blob| Ok(self.store.blob(stored.place, blob)?))?;
        let reference = stored
            .given
            .and_then(|(year, number)| {
                Some(Reference {
                    country: self.country,
                    year: u8::try_from(year).ok()?,
                    number: u32::try_from(number).ok()?,
                })
            })
            .ok_or(NodeError::Entry(EntryError::Field("reference_number")))?;
        Ok(Accepted {
            reference,
            digest: stored.digest,
            acceptance: ReceiptProof::decode(blob.as_slice())
                .map_err(|error| NodeError::Entry(error.into()))?,
            repeated: true,
        })
    }

    fn accepting(&self) -> Result<(), Closed> {
        if self.is_fenced() {
            return Err(Closed::Fenced);
        }
        let limit = self.config.store.disk_full_percent;
        let used = self.disk_used_percent().unwrap_or(0);
        if used > limit {
            return Err(Closed::Disk { used, limit });
        }
        Ok(())
    }

    /// How full the journal's disk is, in percent; `None` when it cannot be told.
    pub(crate) fn disk_used_percent(&self) -> Option<u64> {
        let space = self.store.space().ok()?;
        (space.total > 0)
            .then(|| 100_u64.saturating_sub(space.free.saturating_mul(100) / space.total.max(1)))
    }
}

/// Why no submission is accepted now.
enum Closed {
    Fenced,
    Disk { used: u64, limit: u64 },
}

impl Closed {
    fn error(&self) -> SubmitError {
        match self {
            Self::Fenced => SubmitError::Fenced,
            Self::Disk { used, limit } => SubmitError::DiskFull {
                used: *used,
                limit: *limit,
            },
        }
    }
}
