//! What a step does, in the same group in which it becomes durable: here for each kind of step, or
//! named from here. A step may come before the record that it acts on; then it is carried out when
//! the record comes.

use crate::{
    crypto::{Digest, Domain},
    entry::{Event, LateReceiptsKept, LockCause},
    inbox::{Follower, ask, followers, life, life_rows, requests},
    record::{Country, RECALL_STEP},
    store::Group,
    wire::{
        ledger::{Action, LeafBody},
        record::FollowType,
    },
};

use super::{Declined, Effect, Facts, KeptReceipts, NodeRules, SubmissionRefusal, no_randomness};

/// Additional data of late receipts at rest: they are bound to the step that carried them.
pub(in crate::node) fn late_aad(step: &Digest) -> Vec<u8> {
    [Domain::Storage.prefix(), b"late", step.as_bytes()].concat()
}

/// A record that is durable from this group on and follows another.
pub(super) struct Taken {
    /// SHA-256 of its header.
    pub(super) digest: Digest,
    /// Country that sealed it.
    pub(super) origin: Country,
    /// SHA-256 of the header that it follows.
    pub(super) followed: Digest,
}

impl Taken {
    /// `None` for a record that opens a thread.
    pub(super) fn of(facts: &Facts, digest: Digest, origin: Country) -> Option<Self> {
        let follow = facts.follow.as_ref()?;
        Some(Self {
            digest,
            origin,
            followed: Digest::try_from(follow.header_digest.as_slice()).ok()?,
        })
    }
}

/// The record that a step acts on.
pub(super) struct Target {
    /// Its local number.
    pub(super) number: u64,
    /// SHA-256 of its header.
    pub(super) digest: Digest,
    /// Country that sealed it.
    pub(super) origin: Country,
    /// As officers say it.
    pub(super) reference: String,
}

impl NodeRules {
    /// Why a record of this node that follows another is refused; `None` when it may.
    pub(super) fn refuses_step(
        &self,
        facts: &Facts,
        group: &Group<'_>,
    ) -> Result<Option<SubmissionRefusal>, Declined> {
        let Some(follow) = &facts.follow else {
            return Ok(None);
        };
        let Ok(followed) = Digest::try_from(follow.header_digest.as_slice()) else {
            return Ok(None);
        };
        if let Some(known) = facts.evidence_followers
            && followers::count(group, &followed)? != known
        {
            return Ok(Some(SubmissionRefusal::EvidenceMoved));
        }
        let number = ask::by_digest(group, &followed)?;
        let life = match number {
            Some(number) => life_rows::of(group, number)?,
            None => None,
        };
        // Preparation looked before; a recall may have become durable since.
        let continues = [FollowType::Amendment as i32, FollowType::Reply as i32];
        if continues.contains(&follow.r#type)
            && life.as_ref().is_some_and(|row| !life::is_readable(row))
        {
            return Ok(Some(SubmissionRefusal::FollowsLocked));
        }
        if follow.r#type == FollowType::Amendment as i32 {
            let tag = followers::tag(&follow.kind_tag);
            let forks = |known: &Follower| {
                known.kind == FollowType::Amendment
                    && known.origin == self.country
                    && known.follows_kind == tag
            };
            if !followers::followers(group, &followed, forks)?.is_empty() {
                return Ok(Some(SubmissionRefusal::AlreadyAmended));
            }
        }
        if let Some(Effect::Recall { .. }) = &facts.effect
            && life.as_ref().and_then(life::recall_of).is_some()
        {
            return Ok(Some(SubmissionRefusal::AlreadyRecalled));
        }
        Ok(None)
    }

    /// Carries out what a record does that has just been appended.
    pub(super) fn carry_out(
        &self,
        taken: &Taken,
        effect: Effect,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        match effect {
            Effect::Recall { reference } => {
                let Some(target) = self.target(&taken.followed, reference, group)? else {
                    // It waits for its record among the followers.
                    return Ok(());
                };
                self.recalled(&target, taken.origin, &taken.digest, group)
            }
            Effect::LateReceipts(kept) => self.keep_late(taken, kept, group),
        }
    }

    /// Raises an alarm where a side of an evidence request took a second step with one number. Which of
    /// them counts does not depend on which came first.
    pub(super) fn notice_double(
        &self,
        taken: &Taken,
        step: u32,
        local: u64,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let first = requests::numbered(group, &taken.followed, taken.origin, step)?;
        if step == 0 || first.is_none_or(|first| first == local) {
            return Ok(());
        }
        let peer = taken.origin.code().to_owned();
        let leaf = LeafBody {
            actor: self.own_actor(),
            action: Action::Alarm.into(),
            header_digest: taken.followed.to_vec(),
            peer: peer.clone(),
            detail: "evidence-step-twice".to_owned(),
            subject: taken.digest.to_vec(),
            ..LeafBody::default()
        };
        let event = Event::Alarm(crate::entry::Alarm {
            peer,
            kind: "evidence-step-twice".to_owned(),
        });
        self.append(group, event, Vec::new(), leaf)
    }

    /// Carries out the steps that waited for a record.
    pub(super) fn carry_out_awaited(
        &self,
        target: &Target,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let recalls = |follower: &Follower| {
            follower.kind == FollowType::Step && u32::from(follower.step) == RECALL_STEP
        };
        for step in followers::followers(group, &target.digest, recalls)? {
            self.recalled(target, step.origin, &step.digest, group)?;
        }
        Ok(())
    }

    fn target(
        &self,
        followed: &Digest,
        reference: String,
        group: &Group<'_>,
    ) -> Result<Option<Target>, Declined> {
        let Some(number) = ask::by_digest(group, followed)? else {
            return Ok(None);
        };
        Ok(ask::record(group, number)?.map(|row| Target {
            number,
            digest: *followed,
            origin: row.origin,
            reference,
        }))
    }

    /// Locks a recalled record at once. Only its origin recalls it: a step of another country that
    /// came before the record has no effect.
    fn recalled(
        &self,
        target: &Target,
        by: Country,
        recall: &Digest,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        if target.origin != by {
            let leaf = LeafBody {
                actor: format!("{by}/node"),
                action: Action::Refusal.into(),
                header_digest: target.digest.to_vec(),
                reference: target.reference.clone(),
                peer: by.code().to_owned(),
                detail: "recall-of-anothers-record".to_owned(),
                subject: recall.to_vec(),
                ..LeafBody::default()
            };
            let event = Event::Alarm(crate::entry::Alarm {
                peer: by.code().to_owned(),
                kind: "recall-of-anothers-record".to_owned(),
            });
            return self.append(group, event, Vec::new(), leaf);
        }
        let now = (self.clock)();
        let leaf = LeafBody {
            actor: format!("{by}/node"),
            action: Action::Erasure.into(),
            header_digest: target.digest.to_vec(),
            reference: target.reference.clone(),
            peer: by.code().to_owned(),
            detail: "recalled".to_owned(),
            subject: recall.to_vec(),
            ..LeafBody::default()
        };
        let event = Event::Locked(crate::entry::Locked {
            number: target.number,
            header_digest: target.digest.to_vec(),
            cause: LockCause::Recall.into(),
            recall_digest: recall.to_vec(),
            shred_us: self.shred_us(now),
            victims_only: false,
            locked_us: now.micros(),
            foreign: target.origin != self.country,
        });
        self.append(group, event, Vec::new(), leaf)
    }

    fn keep_late(
        &self,
        taken: &Taken,
        kept: KeptReceipts,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let leaf = LeafBody {
            actor: format!("{}/node", taken.origin),
            action: Action::Disclosure.into(),
            header_digest: taken.followed.to_vec(),
            peer: taken.origin.code().to_owned(),
            detail: "late-receipts".to_owned(),
            subject: Digest::of(&kept.encoded).to_vec(),
            ..LeafBody::default()
        };
        let event = Event::LateReceiptsKept(LateReceiptsKept {
            blob: 0,
            receipts: kept.receipts,
            step_digest: taken.digest.to_vec(),
        });
        // The step itself goes with its slot; what it said of a record is a proof that stays.
        let sealed = self
            .storage
            .seal(&late_aad(&taken.digest), &kept.encoded)
            .map_err(no_randomness)?;
        self.append(group, event, vec![sealed], leaf)
    }
}
