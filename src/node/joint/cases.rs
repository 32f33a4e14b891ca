//! Which joint case a record belongs to, and who its members are.
//!
//! What a version says never changes, so it is kept in memory once it was opened; whether it may still be
//! read is asked each time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    access::{SharedCase, Subject},
    crypto::Digest,
    entry::EntryError,
    inbox::{
        StoredRecord, ask,
        joint_cases::{self, CaseTag},
        life_rows,
    },
    record::{
        Country, EVIDENCE_STEP, Moment, Reference,
        joint::{Members, Standing, is_same, joint_case},
    },
    wire::record::{JointCaseReference, Record},
};

use super::super::{Node, NodeError};

/// Versions kept in memory; beyond it all are let go and opened again as they are asked for.
const MOST: usize = 4096;
/// Steps that follow steps, at most: an answer follows a question.
const MAX_CLIMB: usize = 8;

/// A version of a joint case, opened.
#[derive(Debug)]
pub(in crate::node) struct Version {
    /// Its local number.
    pub(in crate::node) number: u64,
    /// Its country.
    pub(in crate::node) origin: Country,
    /// The joint case, by its first version.
    pub(in crate::node) first: JointCaseReference,
    /// Who belongs to it.
    pub(in crate::node) members: Members,
    /// When it expires, microseconds since 1970; 0: it does not.
    expires_us: i64,
}

/// Versions opened, by their local numbers.
#[derive(Debug, Default)]
pub(crate) struct JointCases(Mutex<HashMap<u64, Arc<Version>>>);

/// What the entry of a record says of its joint case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseFact {
    /// The joint case.
    pub tag: CaseTag,
    /// Which version of it the record is; 0: none.
    pub edition: u32,
}

/// What a record belongs to.
enum Belongs {
    /// To no joint case.
    Nowhere,
    /// To this one.
    To(CaseTag),
    /// It follows what is not here.
    Unknown,
}

impl Node {
    /// The present by which memberships begin and end: the peers', where they say that this clock is
    /// wrong.
    ///
    /// A wrong clock ends nothing early, for it is corrected by the peers' median. Where no peer was heard
    /// since the start, the own clock counts although nobody confirms it: to close a case early destroys
    /// nothing and is undone with the first peer that is heard, while to keep it open would let whoever
    /// cuts the links read on for ever.
    pub(in crate::node) fn membership_now(&self) -> Moment {
        self.clocks.corrected(self.now())
    }

    /// Keyed tag of a joint case, by the reference of its first version: only the country that gave it
    /// sends versions under it.
    pub(in crate::node) fn case_tag(&self, first: &str) -> CaseTag {
        self.keys.index.tag("joint-case", first.as_bytes())
    }

    /// What the entry of a record says of its joint case.
    pub(in crate::node) fn case_fact(&self, record: &Record) -> Option<CaseFact> {
        let edition = joint_case(record).map(|of| of.edition);
        let first = match (&record.joint_case, edition) {
            (Some(first), _) => &first.reference,
            (None, Some(_)) => &record.reference,
            (None, None) => return None,
        };
        Some(CaseFact {
            tag: self.case_tag(first),
            edition: edition.unwrap_or(0),
        })
    }

    /// The joint case of a record held; that of a step is its record's.
    fn belongs(&self, stored: &StoredRecord) -> Result<Belongs, NodeError> {
        let tag = |of: &StoredRecord| of.holding.joint_case_tag.as_slice().try_into().ok();
        if let Some(tag) = tag(stored) {
            return Ok(Belongs::To(tag));
        }
        let mut follow = stored.holding.follow.clone();
        for _ in 0..MAX_CLIMB {
            let Some(of) = follow.filter(|of| of.step != 0) else {
                return Ok(Belongs::Nowhere);
            };
            let followed = Digest::try_from(of.header_digest.as_slice())
                .map_err(|_| EntryError::Field("follow.header_digest"))?;
            let Some(number) = ask::by_digest(&self.store, &followed)? else {
                // A step of a request may say much, and its request may belong to a case.
                return Ok(match of.step {
                    EVIDENCE_STEP => Belongs::Unknown,
                    _ => Belongs::Nowhere,
                });
            };
            let target = self.held(number)?;
            if let Some(tag) = tag(&target) {
                return Ok(Belongs::To(tag));
            }
            follow = target.holding.follow;
        }
        Ok(Belongs::Unknown)
    }

    /// How this country stands to the joint case of a record, and when the record was submitted; `None`
    /// of a record that belongs to none. The one place where access learns of joint cases.
    pub(in crate::node) fn shared_case(
        &self,
        stored: &StoredRecord,
        record: &Record,
    ) -> Result<Option<(SharedCase, Moment)>, NodeError> {
        let tag = match self.belongs(stored)? {
            Belongs::Nowhere => return Ok(None),
            Belongs::To(tag) => Some(tag),
            Belongs::Unknown => None,
        };
        let submitted = record.submitted_at.as_ref();
        let submitted = match joint_case(record) {
            // Whoever was sent a version may know that the case is there, and why it is closed now.
            Some(_) => Moment::from_micros(i64::MIN),
            None => submitted.map_or(stored.time, Moment::from),
        };
        let newest = match tag {
            Some(tag) => self.newest_case(&tag)?,
            None => None,
        };
        let named = record.joint_case.as_ref().map_or(0, |of| of.edition);
        let case = match newest {
            Some(version) if named <= version.members.edition => {
                let own = stored.holding.origin == self.country.code();
                let judged = own || stored.is_step() || joint_case(record).is_some();
                if judged || version.takes(&stored.holding.origin, record) {
                    SharedCase::of(&version.members, self.country, self.membership_now())
                } else {
                    SharedCase::Foreign
                }
            }
            _ => SharedCase::Unknown,
        };
        Ok(Some((case, submitted)))
    }

    /// Whether a record belongs to a joint case of which a country is no member now, or nobody here can tell.
    pub(in crate::node) fn is_outside_case(
        &self,
        stored: &StoredRecord,
        country: Country,
    ) -> Result<bool, NodeError> {
        let newest = match self.belongs(stored)? {
            Belongs::Nowhere => return Ok(false),
            Belongs::To(tag) => self.newest_case(&tag)?,
            Belongs::Unknown => None,
        };
        Ok(newest.is_none_or(|version| {
            let now = self.membership_now();
            version.members.of_country(country, now) != Standing::Member
        }))
    }

    /// The newest version of the joint case that a record held belongs to.
    pub(in crate::node) fn case_of(
        &self,
        stored: &StoredRecord,
    ) -> Result<Option<Arc<Version>>, NodeError> {
        match self.belongs(stored)? {
            Belongs::To(tag) => self.newest_case(&tag),
            Belongs::Nowhere | Belongs::Unknown => Ok(None),
        }
    }

    /// A subject, narrowed where the record belongs to a joint case.
    pub(in crate::node) fn within_case(
        &self,
        subject: Subject,
        stored: &StoredRecord,
        record: &Record,
    ) -> Result<Subject, NodeError> {
        Ok(match self.shared_case(stored, record)? {
            Some((case, submitted)) => subject.in_case(case, submitted),
            None => subject,
        })
    }

    /// The newest version of a joint case; `None` when there is none here, or it may not be read any
    /// more.
    pub(in crate::node) fn newest_case(
        &self,
        tag: &CaseTag,
    ) -> Result<Option<Arc<Version>>, NodeError> {
        match joint_cases::newest(&self.store, tag)? {
            Some(newest) => self.case_version(newest.number),
            None => Ok(None),
        }
    }

    /// A version, by its local number.
    pub(in crate::node) fn case_version(
        &self,
        number: u64,
    ) -> Result<Option<Arc<Version>>, NodeError> {
        let known = self.joint_cases.get(number);
        if let Some(known) = known {
            let locked = life_rows::of(&self.store, number)?.is_some_and(|row| row.whole.is_some());
            let over = known.expires_us != 0 && known.expires_us <= self.now().micros();
            return Ok((!locked && !over).then_some(known));
        }
        let opened = self.stored(number).and_then(|stored| {
            let record = self.open_stored(&stored)?;
            Ok((stored, record))
        });
        let (stored, record) = match opened {
            Ok(opened) => opened,
            // Recalled, expired, erased or damaged: nobody knows who belongs to it any more.
            Err(NodeError::Holding(error)) => {
                tracing::debug!(number, %error, "a joint case cannot be opened");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let Some(members) = Members::read(&record) else {
            return Ok(None);
        };
        let own = JointCaseReference {
            header_digest: stored.digest.to_vec(),
            reference: record.reference,
            ..JointCaseReference::default()
        };
        let version = Arc::new(Version {
            number,
            origin: stored.holding.origin.parse().map_err(EntryError::from)?,
            first: record.joint_case.unwrap_or(own),
            members,
            expires_us: stored.holding.expires_us,
        });
        self.joint_cases.keep(&version);
        Ok(Some(version))
    }

    /// The joint case of which a record is a version, with the number of its newest; `None` when it is
    /// none. Who joined later does not hold the first version, and finds it by its reference all the
    /// same.
    pub(in crate::node) fn case_named(
        &self,
        reference: &Reference,
    ) -> Result<Option<(CaseTag, u64)>, NodeError> {
        let tag = self.case_tag(&reference.to_string());
        if let Some(newest) = joint_cases::newest(&self.store, &tag)? {
            return Ok(Some((tag, newest.number)));
        }
        let Some(number) = ask::by_reference(&self.store, &self.reference_tag(reference))? else {
            return Ok(None);
        };
        let holding = self.held(number)?.holding;
        if holding.joint_case_edition == 0 {
            return Ok(None);
        }
        let tag: CaseTag = holding
            .joint_case_tag
            .as_slice()
            .try_into()
            .map_err(|_| EntryError::Field("joint_case_tag"))?;
        let newest = joint_cases::newest(&self.store, &tag)?;
        Ok(newest.map(|newest| (tag, newest.number)))
    }
}

impl Version {
    /// Whether a record is of this joint case: it names its first version, and the authority that
    /// submitted it was a member then.
    pub(in crate::node) fn takes(&self, origin: &str, record: &Record) -> bool {
        let (Ok(country), Some(submitted)) = (origin.parse::<Country>(), &record.submitted_at)
        else {
            return false;
        };
        if record
            .joint_case
            .as_ref()
            .is_none_or(|of| !is_same(of, &self.first))
        {
            return false;
        }
        let at = Moment::from(submitted);
        self.members.of_authority(country, &record.authority, at) == Standing::Member
    }
}

impl JointCases {
    fn get(&self, number: u64) -> Option<Arc<Version>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&number).cloned()
    }

    fn keep(&self, version: &Arc<Version>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(version.number, Arc::clone(version));
    }
}
