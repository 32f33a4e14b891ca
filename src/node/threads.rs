//! What belongs together: the versions of a record, and the thread it stands in.

use std::collections::HashSet;

use crate::{
    crypto::Digest,
    entry::{EntryError, Holding},
    inbox::{
        Follower, StoredRecord, ask, followers,
        life::{is_erased, is_readable},
        versions::{self, Version},
    },
    record::{EVIDENCE_STEP, LATE_RECEIPTS_STEP},
    wire::{node::RecordState, record::FollowType},
};

use super::{Node, NodeError};

/// Records of a thread shown at most.
pub const MAX_THREAD: usize = 500;
/// Steps up a thread at most.
const MAX_CLIMB: usize = 1000;

impl Node {
    /// Every version of a record, oldest first, whichever of them `number` is. One that does not
    /// count stands alone.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub fn versions(&self, number: u64) -> Result<Vec<Version>, NodeError> {
        let mut first = self.held(number)?;
        for _ in 0..MAX_CLIMB {
            match self.amended(&first)? {
                Some(before) => first = before,
                None => break,
            }
        }
        let all = versions::chain(version(&first)?, |digest| {
            followers::followers(&self.store, digest, |one| one.kind == FollowType::Amendment)
        })?;
        if all.iter().any(|version| version.number == number) {
            return Ok(all);
        }
        Ok(vec![version(&self.held(number)?)?])
    }

    /// A record with every record of its origin that amends it, or is amended by it, in turn, those
    /// that do not count included: whoever has one of them may have any. Oldest first.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub(super) fn family(&self, number: u64) -> Result<Vec<Version>, NodeError> {
        let mut first = self.held(number)?;
        for _ in 0..MAX_CLIMB {
            let Some((before, _)) = amendment_of(&first.holding) else {
                break;
            };
            let Some(number) = ask::by_digest(&self.store, &before)? else {
                break;
            };
            let target = self.held(number)?;
            if target.holding.origin != first.holding.origin {
                break;
            }
            first = target;
        }
        let mut family = versions::family(version(&first)?, |digest| {
            followers::followers(&self.store, digest, |one| one.kind == FollowType::Amendment)
        })?;
        family.sort_unstable_by_key(|version| version.number);
        Ok(family)
    }

    /// The version that a record amends, where it may.
    fn amended(&self, stored: &StoredRecord) -> Result<Option<StoredRecord>, NodeError> {
        let Some((before, tag)) = amendment_of(&stored.holding) else {
            return Ok(None);
        };
        let Some(number) = ask::by_digest(&self.store, &before)? else {
            return Ok(None);
        };
        let target = self.held(number)?;
        let fits = target.holding.origin == stored.holding.origin && target.holding.kind_tag == tag;
        Ok(fits.then_some(target))
    }

    /// Local number of the newest version after a record, whether earlier ones count or not: what amends
    /// it follows that one.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub(super) fn newest_from(&self, stored: &StoredRecord) -> Result<u64, NodeError> {
        let all = versions::chain(version(stored)?, |digest| {
            followers::followers(&self.store, digest, |one| one.kind == FollowType::Amendment)
        })?;
        Ok(Self::newest(&all).unwrap_or(stored.holding.number))
    }

    /// The version that stands for a record: the newest. What it replaced counts no more, so where
    /// the newest is locked there is nothing to show instead.
    pub(super) fn newest(versions: &[Version]) -> Option<u64> {
        versions.last().map(|version| version.number)
    }

    /// What became of a record.
    pub(super) fn state(&self, stored: &StoredRecord) -> Result<RecordState, NodeError> {
        if let Some(row) = &stored.life {
            if is_erased(row) {
                return Ok(RecordState::Erased);
            }
            if !is_readable(row) {
                return Ok(RecordState::Locked);
            }
        }
        let own = version(stored)?;
        if let Some((before, tag)) = amendment_of(&stored.holding) {
            let Some(number) = ask::by_digest(&self.store, &before)? else {
                return Ok(RecordState::Pending);
            };
            let target = version(&self.held(number)?)?;
            let rivals =
                followers::followers(&self.store, &before, |one| versions::amends(one, &target))?;
            let counts = target.kind.as_slice() == tag
                && versions::next(&target, &rivals).is_some_and(|next| next.digest == own.digest);
            if !counts {
                return Ok(RecordState::Void);
            }
        }
        let next =
            followers::followers(&self.store, &own.digest, |one| versions::amends(one, &own))?;
        Ok(if next.is_empty() {
            RecordState::Current
        } else {
            RecordState::Amended
        })
    }

    /// The thread a record stands in: what it follows, up to the beginning, and everything that
    /// follows that, by local numbers, oldest first.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub(super) fn thread(&self, number: u64) -> Result<Vec<u64>, NodeError> {
        // Receipts that came together follow whichever record was first of them; they are shown
        // as receipts.
        self.thread_of(number, MAX_THREAD, |one| {
            u32::from(one.step) != LATE_RECEIPTS_STEP
        })
    }

    /// The beginning of a thread and the steps of an evidence request in it, `most` records at most.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub(super) fn request_and_steps(
        &self,
        number: u64,
        most: usize,
    ) -> Result<Vec<u64>, NodeError> {
        self.thread_of(number, most, |one| u32::from(one.step) == EVIDENCE_STEP)
    }

    fn thread_of(
        &self,
        number: u64,
        most: usize,
        belongs: impl Fn(&Follower) -> bool,
    ) -> Result<Vec<u64>, NodeError> {
        let mut first = self.held(number)?;
        for _ in 0..MAX_CLIMB {
            let Some(before) = followed(&first.holding) else {
                break;
            };
            let Some(number) = ask::by_digest(&self.store, &before)? else {
                break;
            };
            first = self.held(number)?;
        }
        let mut open = vec![first.digest];
        let mut seen: HashSet<Digest> = open.iter().copied().collect();
        let mut numbers = vec![ask::by_digest(&self.store, &first.digest)?.unwrap_or(number)];
        while let Some(digest) = open.pop() {
            for follower in followers::followers(&self.store, &digest, &belongs)? {
                if numbers.len() < most && seen.insert(follower.digest) {
                    numbers.push(follower.number);
                    open.push(follower.digest);
                }
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// The header digest that a record follows.
fn followed(holding: &Holding) -> Option<Digest> {
    Digest::try_from(holding.follow.as_ref()?.header_digest.as_slice()).ok()
}

/// What a record amends, and the kind that must have; `None` when it is no amendment.
fn amendment_of(holding: &Holding) -> Option<(Digest, &[u8])> {
    let follow = holding.follow.as_ref()?;
    (follow.r#type == FollowType::Amendment as i32)
        .then(|| Some((followed(holding)?, follow.kind_tag.as_slice())))?
}

fn version(stored: &StoredRecord) -> Result<Version, NodeError> {
    Ok(Version {
        number: stored.holding.number,
        digest: stored.digest,
        origin: stored.holding.origin.parse().map_err(EntryError::from)?,
        kind: followers::tag(&stored.holding.kind_tag),
    })
}
