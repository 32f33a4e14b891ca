//! Agreements with other countries and the sharing matrix: what they allow to be sent and accepted,
//! previews, and the matrix of a record as it was sent.

use std::{path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use time::Date;

use crate::{
    access::{Permit, act},
    config::{agreements, evidence},
    crypto::Digest,
    evidence::terms::TermsSet,
    home::Layout,
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

/// Where agreements, profiles and calendars of a home lie.
#[derive(Clone, Debug)]
pub struct Folders {
    /// Agreements with other countries.
    pub agreements: PathBuf,
    /// Agreement profiles.
    pub profiles: PathBuf,
    /// Working-day calendars.
    pub calendars: PathBuf,
}

impl Folders {
    /// Those of a home.
    pub fn of(layout: &Layout) -> Self {
        Self {
            agreements: layout.agreements(),
            profiles: layout.profiles(),
            calendars: layout.calendars(),
        }
    }
}

/// The agreements in force with the profiles and calendars that they count by, and where they come
/// from.
#[derive(Debug)]
pub struct InForce {
    folders: Folders,
    agreements: ArcSwap<Agreements>,
    terms: ArcSwap<TermsSet>,
    /// Serialises changes, so that the ledger has them in the order in which they apply.
    change: tokio::sync::Mutex<()>,
}

/// What was read: for the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// SHA-256 over each file's name, length and content: agreements, then profiles, then calendars.
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

/// What the folders hold.
struct Held {
    agreements: Agreements,
    terms: TermsSet,
    loaded: Loaded,
}

fn read(folders: &Folders) -> Result<Held, NodeError> {
    let (agreements, files) = agreements::load(&folders.agreements)?;
    let (terms, others) = evidence::load(&folders.profiles, &folders.calendars)?;
    evidence::check_agreements(&agreements, &terms)?;
    let mut bytes = Vec::new();
    for (name, content) in files.iter().chain(&others) {
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
    Ok(Held {
        agreements,
        terms,
        loaded,
    })
}

impl InForce {
    /// Reads the files of a home.
    ///
    /// # Errors
    /// [`NodeError::Agreements`] and [`NodeError::Profiles`] naming file and line.
    pub fn load(folders: Folders) -> Result<(Self, Loaded), NodeError> {
        let held = read(&folders)?;
        let in_force = Self {
            folders,
            agreements: ArcSwap::from_pointee(held.agreements),
            terms: ArcSwap::from_pointee(held.terms),
            change: tokio::sync::Mutex::default(),
        };
        Ok((in_force, held.loaded))
    }

    /// The agreements now.
    pub fn now(&self) -> Arc<Agreements> {
        self.agreements.load_full()
    }

    /// The profiles and calendars now.
    pub fn terms(&self) -> Arc<TermsSet> {
        self.terms.load_full()
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

    /// Reads the agreements, profiles and calendars again; the change is in the ledger before it applies.
    ///
    /// # Errors
    /// [`NodeError::Agreements`], [`NodeError::Profiles`]: those in force stay.
    pub async fn reload_agreements(
        self: &Arc<Self>,
        permit: &Permit<act::ReloadAgreements>,
    ) -> Result<Loaded, NodeError> {
        let _one_at_a_time = self.agreements.change.lock().await;
        let node = Arc::clone(self);
        let held = blocking(move || read(&node.agreements.folders)).await?;
        self.writer
            .propose(held.loaded.proposal(Some(permit.actor())))
            .await?;
        self.agreements.agreements.store(Arc::new(held.agreements));
        self.agreements.terms.store(Arc::new(held.terms));
        Ok(held.loaded)
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
