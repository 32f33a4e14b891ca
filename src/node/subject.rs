//! A data subject's request: under a second person's leave everything that the country holds is opened
//! in memory, the compartments that are in no index too, and looked into for one person. The answer says
//! which records, where in them, who else has them and what may restrict telling the person; never what
//! they say. The scan is a leaf before it begins and another, with what was found, before that leaves.

mod found;
mod texts;

use std::sync::Arc;

use tokio::sync::{OwnedMutexGuard, mpsc};

use crate::{
    access::{Permit, Purpose, act},
    crypto::Digest,
    inbox::{HoldingError, ask},
    ledger::Shown,
    search::{
        extract,
        subject::{Subject, canonical},
        text::Normaliser,
    },
    store::StoreError,
    wire::{
        ledger::ReadingPurpose,
        node::{SubjectFound, SubjectProgress, SubjectScanned, scan_for_subject_response::Step},
        record::CompartmentLabel,
    },
};

pub use crate::search::subject::SubjectFault;

use super::{
    Node, NodeError,
    approvals::Matter,
    onward::original_of,
    purpose::check_purpose,
    read::ReadError,
    rules::{By, Proposal, ScanOrder},
};

/// Records named to whoever asked, at most.
pub const MAX_FOUND: usize = 1000;
/// Records looked into between two words on how far it is.
const PROGRESS: u64 = 200;
/// References of records that cannot be read, at most.
const MAX_UNREADABLE: usize = 100;
/// References in the leaf, the first of those found.
const MAX_NAMED: usize = 32;

/// Why nothing is scanned, or nothing answered.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// Whom it is about.
    #[error(transparent)]
    Subject(#[from] SubjectFault),
    /// Another purpose than a data subject's request, or none.
    #[error(
        "a scan is for a data subject's request alone: give --purpose data-subject and the case (--case)"
    )]
    Purpose,
    /// The case, the words, the leave, or the store.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Another scan is under way.
    #[error("another scan is under way; try again when it has ended")]
    Busy,
    /// Whoever asked has gone.
    #[error("whoever asked for the scan has gone")]
    Gone,
}

impl From<NodeError> for ScanError {
    fn from(error: NodeError) -> Self {
        Self::Read(error.into())
    }
}

/// Whom to look for, and why.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    /// Names.
    pub names: Vec<String>,
    /// Identifiers.
    pub identifiers: Vec<String>,
    /// Day, month or year of birth; empty when it is not known.
    pub born: String,
    /// For what, and for which case.
    pub purpose: Option<Purpose>,
    /// The same in words.
    pub note: String,
}

/// What a leave for a scan is for: equal for equal requests.
///
/// # Errors
/// [`SubjectFault`] when nobody can be looked for so.
pub fn query_of(
    names: &[String],
    identifiers: &[String],
    born: &str,
) -> Result<Vec<u8>, SubjectFault> {
    Subject::read(names, identifiers, born)?;
    Ok(canonical(names, identifiers, born))
}

/// A scan that was let in.
pub struct Scan {
    node: Arc<Node>,
    permit: Permit<act::AnswerDataSubject>,
    subject: Subject,
    query: Vec<u8>,
    purpose: Purpose,
    note: String,
    _alone: OwnedMutexGuard<()>,
}

/// Every compartment there is.
const EVERY: [CompartmentLabel; 6] = [
    CompartmentLabel::Situation,
    CompartmentLabel::Suspects,
    CompartmentLabel::Victims,
    CompartmentLabel::Source,
    CompartmentLabel::Identifiers,
    CompartmentLabel::Evidence,
];

/// What a scan saw.
struct Seen {
    found: Vec<SubjectFound>,
    shown: Vec<(u64, Vec<u8>)>,
    /// Running hash over the header digests of what was looked into.
    digest: Digest,
    scanned: SubjectScanned,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            found: Vec::new(),
            shown: Vec::new(),
            digest: Digest::from_array([0; 32]),
            scanned: SubjectScanned::default(),
        }
    }
}

impl Node {
    /// Lets a scan in: the request makes sense, a second person gave the leave for exactly this, and no
    /// other scan is under way. Durable as a leaf before this answers.
    ///
    /// # Errors
    /// [`ScanError`]; nothing was opened then.
    pub async fn begin_scan(
        self: &Arc<Self>,
        permit: Permit<act::AnswerDataSubject>,
        request: ScanRequest,
    ) -> Result<Scan, ScanError> {
        let ScanRequest {
            names,
            identifiers,
            born,
            purpose,
            note,
        } = request;
        let subject = Subject::read(&names, &identifiers, &born)?;
        check_purpose(&note)?;
        let purpose = purpose
            .filter(|purpose| purpose.code() == ReadingPurpose::DataSubject)
            .ok_or(ScanError::Purpose)?;
        let alone = Arc::clone(&self.scanning);
        let alone = alone.try_lock_owned().map_err(|_| ScanError::Busy)?;
        let scan = Scan {
            node: Arc::clone(self),
            permit,
            subject,
            query: canonical(&names, &identifiers, &born),
            purpose,
            note,
            _alone: alone,
        };
        let begun = scan.order("subject-scan-begun")?;
        self.writer
            .propose(Proposal::Scanned(Box::new(begun)))
            .await
            .map_err(NodeError::from)?;
        Ok(scan)
    }
}

impl Scan {
    /// Looks into everything, says how far it is, and once the leaf that names what was found is durable
    /// tells it. Ends early when whoever asked has gone.
    ///
    /// # Errors
    /// [`ScanError`]; nothing of what was found was told then.
    pub async fn carry_out(self, answers: mpsc::Sender<Step>) -> Result<(), ScanError> {
        let scan = Arc::new(self);
        let (looking, to) = (Arc::clone(&scan), answers.clone());
        let mut seen = tokio::task::spawn_blocking(move || looking.look(&to))
            .await
            .map_err(|_| NodeError::Task)??;
        // The leave may have been taken back, or its time be over, while everything was looked into.
        let order = ScanOrder {
            scanned: seen.scanned.scanned,
            scanned_digest: seen.digest.to_vec(),
            references: seen
                .found
                .iter()
                .take(MAX_NAMED)
                .map(|found| found.reference.clone())
                .collect(),
            shown: Shown::of(std::mem::take(&mut seen.shown)),
            ..scan.order("subject-scanned")?
        };
        scan.node
            .writer
            .propose(Proposal::Scanned(Box::new(order)))
            .await
            .map_err(NodeError::from)?;
        let found = seen.found.into_iter().map(Step::Found);
        for step in found.chain([Step::Scanned(seen.scanned)]) {
            answers.send(step).await.map_err(|_| ScanError::Gone)?;
        }
        Ok(())
    }

    /// The leaf of a step, under the leave as it counts now.
    fn order(&self, detail: &'static str) -> Result<ScanOrder, ScanError> {
        let matter = Matter::DataSubject(&self.query);
        let leave = self
            .node
            .leave(&self.permit, &matter, Some(&self.purpose))?;
        let by = By::of(&self.permit)
            .reading_for(Some(self.purpose.clone()), self.note.clone())
            .under(leave.as_ref());
        Ok(ScanOrder {
            by,
            detail,
            query: self
                .node
                .keys
                .index
                .tag("data-subject", &self.query)
                .to_vec(),
            compartments: EVERY.map(|label| label as u32).to_vec(),
            scanned: 0,
            scanned_digest: Vec::new(),
            shown: Shown::default(),
            references: Vec::new(),
        })
    }

    /// Looks into every record there is now, one after the other.
    fn look(&self, answers: &mpsc::Sender<Step>) -> Result<Seen, ScanError> {
        let total = ask::last_number(&self.node.store).map_err(NodeError::from)?;
        let mut normaliser = Normaliser::default();
        let mut seen = Seen::default();
        for number in 1..=total {
            if number % PROGRESS == 1 {
                let progress = SubjectProgress {
                    scanned: number.saturating_sub(1),
                    total,
                };
                let sent = answers.blocking_send(Step::Progress(progress));
                sent.map_err(|_| ScanError::Gone)?;
            }
            self.look_into(number, &mut seen, &mut normaliser)?;
        }
        Ok(seen)
    }

    fn look_into(
        &self,
        number: u64,
        seen: &mut Seen,
        normaliser: &mut Normaliser,
    ) -> Result<(), NodeError> {
        let unreadable = |seen: &mut Seen| {
            let scanned = &mut seen.scanned;
            scanned.unreadable = scanned.unreadable.saturating_add(1);
            if scanned.unreadable_references.len() < MAX_UNREADABLE {
                let reference = self.node.damaged_summary(number).map(|of| of.reference);
                scanned.unreadable_references.extend(reference);
            }
        };
        let stored = match self.node.stored(number) {
            Ok(stored) => stored,
            Err(error) if error.is_damage() => {
                unreadable(seen);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if stored
            .life
            .as_ref()
            .is_some_and(crate::inbox::life::is_erased)
        {
            seen.scanned.erased = seen.scanned.erased.saturating_add(1);
            return Ok(());
        }
        // What is locked is still held, until it is shredded.
        let record = match stored.open_for_subject(&self.node.slots) {
            Ok(record) => record,
            Err(HoldingError::Keys | HoldingError::Store(StoreError::Damaged { .. })) => {
                unreadable(seen);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        seen.scanned.scanned = seen.scanned.scanned.saturating_add(1);
        seen.digest = Digest::of(
            &[
                seen.digest.as_bytes().as_slice(),
                stored.digest.as_bytes().as_slice(),
            ]
            .concat(),
        );
        let original = original_of(&record)?;
        let content = original.as_ref().map_or(&record, |(_, original)| original);
        let beside = texts::beside(content);
        let Some(mentioned) = self.subject.find(&extract(content), &beside, normaliser) else {
            return Ok(());
        };
        seen.scanned.matched = seen.scanned.matched.saturating_add(1);
        if seen.found.len() >= MAX_FOUND {
            seen.scanned.more = true;
            return Ok(());
        }
        seen.shown.push((number, stored.digest.to_vec()));
        let origin = original.as_ref().map(|(origin, _)| *origin);
        let found = self
            .node
            .subject_found(&stored, &record, content, origin, mentioned)?;
        seen.found.push(found);
        Ok(())
    }
}
