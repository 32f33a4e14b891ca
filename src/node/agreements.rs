//! Agreements with other countries and the sharing matrix: what they allow to be sent and accepted,
//! previews, and the matrix of a record as it was sent.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use time::Date;

use crate::{
    access::{Permit, act},
    config::agreements::{self, AgreementError},
    crypto::Digest,
    record::{
        Country, Moment, Reference, Violations,
        sharing::{self, Agreements, Limits, Matrix},
    },
    wire::{
        envelope::NonDeliveryReason,
        record::{Record, SharingMatrix, TransferPurpose},
    },
};

use super::{
    Node, NodeError,
    read::{ReadError, blocking},
    rules::{By, Proposal, ReadOrder},
    submit::SubmitError,
};

/// The agreements in force, and where they come from.
#[derive(Debug)]
pub struct InForce {
    dir: PathBuf,
    agreements: ArcSwap<Agreements>,
    /// Serialises changes, so that the ledger has them in the order in which they apply.
    change: tokio::sync::Mutex<()>,
}

/// What was read: for the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// SHA-256 over each file's name, length and content.
    pub digest: Digest,
    /// How many agreements.
    pub count: u32,
}

impl Loaded {
    /// What the ledger is told.
    pub fn proposal(self, actor: Option<String>) -> Proposal {
        Proposal::Agreements {
            digest: self.digest,
            count: self.count,
            actor,
        }
    }
}

fn read(dir: &Path) -> Result<(Agreements, Loaded), AgreementError> {
    let (agreements, files) = agreements::load(dir)?;
    let mut bytes = Vec::new();
    for (name, content) in &files {
        for part in [name.as_bytes(), content] {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(part);
        }
    }
    let loaded = Loaded {
        digest: Digest::of(&bytes),
        count: u32::try_from(files.len()).unwrap_or(u32::MAX),
    };
    Ok((agreements, loaded))
}

impl InForce {
    /// Reads the files of a folder.
    ///
    /// # Errors
    /// [`AgreementError`] naming file and line.
    pub fn load(dir: PathBuf) -> Result<(Self, Loaded), AgreementError> {
        let (agreements, loaded) = read(&dir)?;
        let in_force = Self {
            dir,
            agreements: ArcSwap::from_pointee(agreements),
            change: tokio::sync::Mutex::default(),
        };
        Ok((in_force, loaded))
    }

    /// The agreements now.
    pub fn now(&self) -> Arc<Agreements> {
        self.agreements.load_full()
    }
}

/// The day by UTC; a clock beyond every calendar is after the end of every agreement.
fn day(now: Moment) -> Date {
    now.utc().map_or(Date::MAX, |at| at.date())
}

impl Node {
    /// Who reads what of a valid record, within the agreements in force.
    ///
    /// # Errors
    /// As [`sharing::matrix_within`].
    pub(super) fn sharing_of(&self, record: &Record, now: Moment) -> Result<Matrix, Violations> {
        if record.step.is_some() {
            // A recall must reach whoever holds the record, whatever was agreed since.
            return sharing::matrix(record);
        }
        let agreements = self.agreements.now();
        let limits = Limits {
            agreements: &agreements,
            day: day(now),
        };
        sharing::matrix_within(record, limits)
    }

    /// Whether the agreement with `origin` accepts a record as it was opened here. Why not stays
    /// out of the log: the kind is content.
    pub(super) fn accepts(
        &self,
        record: &Record,
        origin: Country,
        now: Moment,
    ) -> Result<(), NonDeliveryReason> {
        if record.step.is_some() {
            return Ok(());
        }
        let agreements = self.agreements.now();
        let Some(agreement) = agreements.with(origin) else {
            return Ok(());
        };
        let purpose = TransferPurpose::try_from(record.purpose).unwrap_or_default();
        let labels = sharing::labels(record);
        agreement
            .accepts(sharing::shared_kind(record), purpose, &labels, day(now))
            .map_err(|bar| {
                tracing::warn!(%origin, rule = %bar.place, "a record is not accepted by agreement");
                NonDeliveryReason::NotAccepted
            })
    }

    /// Checks a record as a submission would and answers who would read what. Nothing becomes
    /// durable.
    ///
    /// # Errors
    /// [`SubmitError::Invalid`] as a submission would give; [`SubmitError::Refused`].
    pub fn preview(
        &self,
        permit: &Permit<act::Preview>,
        record: &Record,
    ) -> Result<Matrix, SubmitError> {
        self.check_own(permit, record)?;
        let now = self.now();
        let mut record = record.clone();
        self.complete_joint_case(&mut record, now)?;
        let record = &record;
        self.check(record, now).map_err(SubmitError::Invalid)?;
        // A store that cannot be read says so at the submission.
        if let Ok(Some(violations)) = self.gives_away(record) {
            return Err(SubmitError::Invalid(violations));
        }
        self.sharing_of(record, now).map_err(SubmitError::Invalid)
    }

    /// The agreements in force, and today, for whoever may see them.
    pub fn agreements_shown(
        &self,
        _permit: &Permit<act::SeeAgreements>,
    ) -> (Arc<Agreements>, Date) {
        self.agreements_in_force()
    }

    /// The agreements in force, and today.
    pub(super) fn agreements_in_force(&self) -> (Arc<Agreements>, Date) {
        (self.agreements.now(), day(self.now()))
    }

    /// Reads the agreements again; the change is in the ledger before it applies.
    ///
    /// # Errors
    /// [`NodeError::Agreements`]: those in force stay.
    pub async fn reload_agreements(
        self: &Arc<Self>,
        permit: &Permit<act::ReloadAgreements>,
    ) -> Result<Loaded, NodeError> {
        let _one_at_a_time = self.agreements.change.lock().await;
        let node = Arc::clone(self);
        let (agreements, loaded) = blocking(move || Ok(read(&node.agreements.dir)?)).await?;
        self.writer
            .propose(loaded.proposal(Some(permit.actor())))
            .await?;
        self.agreements.agreements.store(Arc::new(agreements));
        Ok(loaded)
    }

    /// The sharing matrix of a record: as sent at its origin, as the record itself says at a
    /// reader; and whether it is the one kept. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`ReadError`]; nothing was shown then.
    pub async fn sharing_as_sent(
        self: &Arc<Self>,
        reference: Reference,
        permit: Permit<act::Track>,
    ) -> Result<(SharingMatrix, bool), ReadError> {
        let number = self.find(&reference)?;
        self.reached_number(&permit, &reference, number)?;
        let node = Arc::clone(self);
        let looked = blocking(move || {
            let stored = node.stored(number)?;
            // Labels, countries and the authorities named for victims are content too.
            node.check_open(&stored)?;
            if let Some(matrix) = stored.sharing(&node.slots)? {
                return Ok((matrix, true, stored.digest));
            }
            let record = node.open_stored(&stored)?;
            let matrix = sharing::matrix(&record).map(|matrix| SharingMatrix::from(&matrix));
            Ok((matrix.unwrap_or_default(), false, stored.digest))
        });
        let looked = looked
            .await
            .map_err(|error| ReadError::of(reference, error));
        let (matrix, as_sent, digest) = looked?;
        self.writer
            .propose(Proposal::Read(Box::new(ReadOrder {
                number,
                digest: Some(digest),
                reference: reference.to_string(),
                by: By::of(&permit),
                detail: "sharing",
                ..ReadOrder::default()
            })))
            .await
            .map_err(NodeError::from)?;
        Ok((matrix, as_sent))
    }
}
