//! Who did what with a record, and what a person did: found by the index over leaves, said by their
//! bodies, without words that somebody typed. The question itself is a leaf before this answers.

mod said;

use std::{collections::HashMap, ops::Range, sync::Arc};

use prost::Message as _;

use crate::{
    access::{Permit, act},
    entry::EntryError,
    ledger::{rows, seen},
    record::Reference,
    store::StoreError,
    wire::{ledger::LeafBody, node::LoggedAct},
};

use super::super::{
    Node, NodeError,
    read::{ReadError, blocking},
    rules::{By, Proposal, ReadOrder},
};

use said::{act_of, gone};

/// Acts a page answers at most.
pub const MAX_ACTS: usize = 500;
/// Leaves of a person looked for at a time.
const CHUNK: usize = 512;
/// Longest name of a person that is asked for, in bytes.
const MAX_PERSON: usize = 128;

/// Why acts are not listed.
#[derive(Debug, thiserror::Error)]
pub enum ActsError {
    /// The record.
    #[error(transparent)]
    Record(#[from] ReadError),
    /// The person.
    #[error(
        "`person` is an officer's name, a kind and a name such as auditor/s.lee, or the whole such as \
         UZ/officer/n.karimova; {MAX_PERSON} bytes at most"
    )]
    Person,
    /// The time.
    #[error("the time ends before it begins; give the earlier one as the beginning")]
    Time,
    /// Somebody else has a report made.
    #[error("a report is being made for somebody else; try again in a moment")]
    Busy,
}

impl From<NodeError> for ActsError {
    fn from(error: NodeError) -> Self {
        Self::Record(error.into())
    }
}

/// A page of acts.
#[derive(Debug)]
pub struct Acts {
    /// The acts, newest first.
    pub acts: Vec<LoggedAct>,
    /// Below which leaf the next page goes on; `None` at the end.
    pub next: Option<u64>,
}

/// What a person did, and when.
#[derive(Clone, Debug, Default)]
pub struct ActsOf {
    /// As typed.
    pub person: String,
    /// From then on, microseconds since 1970.
    pub from_us: i64,
    /// To before then, microseconds since 1970; 0: to the end.
    pub to_us: i64,
    /// Whether `from_us` is a midnight in UTC and stands for that of the country's own time.
    pub from_local_day: bool,
    /// The same of `to_us`.
    pub to_local_day: bool,
}

/// Who is known by the register of certificates: authority and roles by the ledger's name.
pub(super) type Register = HashMap<String, (String, Vec<String>)>;

impl Node {
    /// Who did what with a record: newest first, below leaf `before`.
    ///
    /// # Errors
    /// [`ActsError`] when nothing here has the reference, or the store cannot be read.
    pub async fn acts_on(
        self: &Arc<Self>,
        permit: &Permit<act::SeeLedger>,
        reference: Reference,
        before: u64,
        limit: usize,
    ) -> Result<Acts, ActsError> {
        let number = self.find(&reference)?;
        let limit = limit.clamp(1, MAX_ACTS);
        let node = Arc::clone(self);
        let page = blocking(move || {
            let leaves = node.leaves_on(number, before, limit)?;
            let next = (leaves.len() >= limit).then(|| leaves.last().copied());
            let acts = node.acts(leaves.into_iter())?;
            Ok(Acts {
                acts,
                next: next.flatten().filter(|leaf| *leaf > 0),
            })
        })
        .await?;
        self.audited(ReadOrder {
            number,
            digest: Some(self.header_digest(number)?),
            reference: reference.to_string(),
            ..looked(permit, "audit-record")
        })
        .await?;
        Ok(page)
    }

    /// What a person did, refused attempts included: newest first, below leaf `before`; with the
    /// person as the ledger names it.
    ///
    /// # Errors
    /// [`ActsError`] when it is no name, the time is none, or the store cannot be read.
    pub async fn acts_of(
        self: &Arc<Self>,
        permit: &Permit<act::SeeLedger>,
        of: ActsOf,
        before: u64,
        limit: usize,
    ) -> Result<(Acts, String), ActsError> {
        let person = self.person_named(&of.person)?;
        let from_us = self.local_midnight(of.from_us, of.from_local_day);
        let to_us = match of.to_us {
            0 => i64::MAX,
            to => self.local_midnight(to, of.to_local_day),
        };
        if to_us <= from_us {
            return Err(ActsError::Time);
        }
        let limit = limit.clamp(1, MAX_ACTS);
        let (node, name) = (Arc::clone(self), person.clone());
        let page = blocking(move || node.page_of(&name, from_us..to_us, before, limit)).await?;
        self.audited(ReadOrder {
            about: person.clone(),
            ..looked(permit, "audit-person")
        })
        .await?;
        Ok((page, person))
    }

    /// Leaves of an earlier version that are in no index of persons yet.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub fn unindexed_leaves(&self) -> Result<u64, NodeError> {
        let left = seen::unindexed(&self.store)?;
        Ok(left.end.saturating_sub(left.start))
    }

    /// The midnight of the country's own time for one in UTC; anything else as it is.
    pub(super) fn local_midnight(&self, at_us: i64, is_local_day: bool) -> i64 {
        let minutes = i64::from(self.config.reading_log.utc_offset_minutes);
        match is_local_day {
            true => at_us.saturating_sub(minutes.saturating_mul(60_000_000)),
            false => at_us,
        }
    }

    /// Writes the leaf of a look at the ledger.
    pub(super) async fn audited(&self, order: ReadOrder) -> Result<(), NodeError> {
        self.writer.propose(Proposal::Read(Box::new(order))).await?;
        Ok(())
    }

    /// A person as the ledger names it.
    fn person_named(&self, typed: &str) -> Result<String, ActsError> {
        let typed = typed.trim();
        let parts: Vec<&str> = typed.split('/').collect();
        let sound = typed.len() <= MAX_PERSON
            && parts.iter().all(|part| !part.is_empty())
            && typed.bytes().all(|byte| byte.is_ascii_graphic());
        let country = self.country;
        match parts.as_slice() {
            [name] if sound => Ok(format!("{country}/officer/{name}")),
            [kind, name] if sound && kind.parse::<crate::record::Country>().is_err() => {
                Ok(format!("{country}/{kind}/{name}"))
            }
            [_, _] | [_, _, _] if sound => Ok(typed.to_owned()),
            _ => Err(ActsError::Person),
        }
    }

    /// Leaves about a record, its own and those of the receipts that answer it included, and those of
    /// answers that showed it among others.
    fn leaves_on(&self, number: u64, before: u64, limit: usize) -> Result<Vec<u64>, NodeError> {
        let stored = self.held(number)?;
        let mut leaves = rows::newest_leaves_of(&self.store, &stored.digest, before, limit)?;
        leaves.extend(seen::showing(&self.store, number, before, limit)?);
        leaves.push(stored.leaf);
        leaves.extend(self.receipt_leaves(&stored)?);
        leaves.retain(|leaf| *leaf < before);
        leaves.sort_unstable_by(|one, other| other.cmp(one));
        leaves.dedup();
        leaves.truncate(limit);
        Ok(leaves)
    }

    fn page_of(
        &self,
        person: &str,
        time: Range<i64>,
        before: u64,
        limit: usize,
    ) -> Result<Acts, NodeError> {
        let tag = self.person(person);
        let size = self.ledger_size()?;
        let ranges = seen::between(&self.store, size, time.start, time.end)?;
        let first = ranges.first().map_or(u64::MAX, |range| range.start);
        let mut before = before.min(ranges.last().map_or(0, |range| range.end));
        let mut found = Vec::new();
        loop {
            let leaves = seen::of_person(&self.store, &tag, before, CHUNK)?;
            let Some(oldest) = leaves.last().copied() else {
                break;
            };
            before = oldest;
            let wanted = leaves
                .into_iter()
                .filter(|leaf| ranges.iter().any(|range| range.contains(leaf)));
            for leaf in wanted {
                // A body that is gone has no time: it is shown rather than hidden.
                let when = self.body_of(leaf)?.map(|body| body.time_us);
                if when.is_none_or(|when| time.contains(&when)) {
                    found.push(leaf);
                }
                if found.len() >= limit {
                    let acts = self.acts(found.into_iter())?;
                    return Ok(Acts {
                        acts,
                        next: Some(leaf).filter(|leaf| *leaf > 0),
                    });
                }
            }
            if before <= first {
                break;
            }
        }
        Ok(Acts {
            acts: self.acts(found.into_iter())?,
            next: None,
        })
    }

    /// The body of a leaf; `None` when it is gone or rotted.
    pub(super) fn body_of(&self, leaf: u64) -> Result<Option<LeafBody>, NodeError> {
        let found = match self.leaf(leaf) {
            Ok(found) => found.filter(|leaf| !leaf.body.is_empty()),
            Err(NodeError::Store(StoreError::Gone | StoreError::Damaged { .. })) => None,
            Err(error) => return Err(error),
        };
        Ok(found
            .map(|leaf| LeafBody::decode(leaf.body.as_slice()))
            .transpose()
            .map_err(EntryError::from)?)
    }

    fn acts(&self, leaves: impl Iterator<Item = u64>) -> Result<Vec<LoggedAct>, NodeError> {
        let mut register = None;
        leaves
            .map(|leaf| {
                let Some(body) = self.body_of(leaf)? else {
                    return Ok(gone(leaf));
                };
                let mut act = act_of(leaf, &body);
                if act.authority.is_empty() && act.roles.is_empty() {
                    let register = register.get_or_insert_with(|| self.register());
                    if let Some((authority, roles)) = register.get(&act.actor) {
                        act.authority.clone_from(authority);
                        act.roles.clone_from(roles);
                        act.by_register = true;
                    }
                }
                Ok(act)
            })
            .collect()
    }

    /// Authority and roles by the register of certificates as it is now; empty when it cannot be read.
    pub(super) fn register(&self) -> Register {
        let issued = self.roster.principals().unwrap_or_else(|error| {
            tracing::error!(%error, "the register of certificates cannot be read");
            Vec::new()
        });
        // The newest certificate of a name comes last and stays.
        issued
            .into_iter()
            .map(|principal| {
                let roles = principal.roles().iter();
                let roles = roles.map(|role| role.as_str().to_owned()).collect();
                let authority = principal.authority().unwrap_or_default().to_owned();
                (principal.to_string(), (authority, roles))
            })
            .collect()
    }
}

/// A look at the ledger.
pub(super) fn looked(permit: &Permit<act::SeeLedger>, detail: &'static str) -> ReadOrder {
    ReadOrder {
        by: By::of(permit),
        detail,
        ..ReadOrder::default()
    }
}
