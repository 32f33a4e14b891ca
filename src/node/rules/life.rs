//! Rules for the life of a record: locked when its time is over, held, rekeyed, erased.

use std::sync::Arc;

use crate::{
    crypto::{Digest, Domain},
    entry::{Erased, Event, HoldChanged, LockCause, Locked, Rekeyed},
    inbox::{ask, life, life_rows},
    record::Moment,
    store::{Decline, Group},
    wire::ledger::{Action, LeafBody},
};

use super::super::{clocks::Clocks, search::Withdrawn};
use super::{
    Backups, Declined, ErasedOrder, LockOrder, NodeRules, Refusal, Rekeying, no_randomness,
};

/// Additional data of a hold's ground at rest.
pub(in crate::node) fn ground_aad(digest: &Digest) -> Vec<u8> {
    [Domain::Storage.prefix(), b"ground", digest.as_bytes()].concat()
}

impl NodeRules {
    /// Tells the search index what is locked.
    pub(crate) fn telling(mut self, withdrawn: &Withdrawn) -> Self {
        self.withdrawn = withdrawn.clone();
        self
    }

    /// Lets delays begin only while the clock agrees with the peers'.
    pub(crate) fn comparing(mut self, clocks: &Arc<Clocks>) -> Self {
        self.clocks = Arc::clone(clocks);
        self
    }

    /// When a record is shredded that is locked now.
    pub(super) fn shred_us(&self, now: Moment) -> i64 {
        if self.clocks.agrees(now) {
            (now + self.shred_delay).micros()
        } else {
            life::NOT_BEGUN
        }
    }

    /// Whether a record held here is another country's.
    fn is_foreign(&self, number: u64, group: &Group<'_>) -> Result<bool, Declined> {
        ask::record(group, number)?
            .map(|row| row.origin != self.country)
            .ok_or(Decline::Refused(Refusal::Life("not here")))
    }

    pub(super) fn lock_all(
        &self,
        orders: Vec<LockOrder>,
        actor: &str,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        for order in orders {
            let row = life_rows::of(group, order.number)?.unwrap_or_default();
            let over = order.cause != LockCause::Recall;
            if life::is_erased(&row) || (over && row.whole.is_some()) {
                continue;
            }
            let begins = row
                .whole
                .as_ref()
                .is_some_and(|lock| lock.shred_us == life::NOT_BEGUN && order.shred_us != 0);
            let detail = match order.cause {
                LockCause::Recall if begins => "delay-begun",
                LockCause::Recall => "shredding-hastened",
                LockCause::Expiry => "expired",
                LockCause::Retention => "retention-over",
                LockCause::Unspecified => continue,
            };
            let leaf = LeafBody {
                actor: actor.to_owned(),
                action: Action::Erasure.into(),
                header_digest: order.digest.to_vec(),
                detail: detail.to_owned(),
                ..LeafBody::default()
            };
            let event = Event::Locked(Locked {
                number: order.number,
                header_digest: order.digest.to_vec(),
                cause: order.cause.into(),
                recall_digest: Vec::new(),
                shred_us: order.shred_us,
                victims_only: order.victims_only,
                locked_us: (self.clock)().micros(),
                foreign: self.is_foreign(order.number, group)?,
            });
            self.append(group, event, Vec::new(), leaf)?;
        }
        Ok(())
    }

    pub(super) fn hold(
        &self,
        number: u64,
        digest: Digest,
        ground: Option<String>,
        leaf: LeafBody,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let row = life_rows::of(group, number)?.unwrap_or_default();
        if life::is_erased(&row) {
            return Err(Decline::Refused(Refusal::Life("erased already")));
        }
        if row.held == ground.is_some() {
            return Err(Decline::Refused(Refusal::Life(if row.held {
                "held already; release the hold first to change its ground"
            } else {
                "not held"
            })));
        }
        let (detail, blobs) = match &ground {
            Some(ground) => {
                let sealed = self
                    .storage
                    .seal(&ground_aad(&digest), ground.as_bytes())
                    .map_err(no_randomness)?;
                ("hold-set", vec![sealed])
            }
            None => ("hold-released", Vec::new()),
        };
        let leaf = LeafBody {
            detail: detail.to_owned(),
            purpose: ground.clone().unwrap_or_default(),
            ..leaf
        };
        let event = Event::HoldChanged(HoldChanged {
            number,
            header_digest: digest.to_vec(),
            held: ground.is_some(),
            ground_blob: 0,
            foreign: self.is_foreign(number, group)?,
        });
        self.append(group, event, blobs, leaf)
    }

    pub(super) fn rekey(&self, rekeying: Rekeying, group: &mut Group<'_>) -> Result<(), Declined> {
        let leaf = LeafBody {
            actor: self.own_actor(),
            action: Action::Key.into(),
            header_digest: rekeying.digest.to_vec(),
            detail: "record-rekeyed".to_owned(),
            ..LeafBody::default()
        };
        let event = Event::Rekeyed(Rekeyed {
            number: rekeying.number,
            header_digest: rekeying.digest.to_vec(),
            slot: rekeying.slot,
            sealed_keys: rekeying.sealed_keys,
            sealed_sharing: rekeying.sealed_sharing,
            sealed_submission: rekeying.sealed_submission,
        });
        self.append(group, event, Vec::new(), leaf)
    }

    pub(super) fn erased_all(
        &self,
        orders: Vec<ErasedOrder>,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        for order in orders {
            let leaf = LeafBody {
                actor: self.own_actor(),
                action: Action::Erasure.into(),
                header_digest: order.digest.to_vec(),
                detail: if order.victims_only {
                    "victims-shredded".to_owned()
                } else {
                    "shredded".to_owned()
                },
                ..LeafBody::default()
            };
            let event = Event::Erased(Erased {
                number: order.number,
                header_digest: order.digest.to_vec(),
                victims_only: order.victims_only,
                backups_until_us: order.backups.until_us(),
                backups_unknown: order.backups == Backups::Unknown,
                erased_us: (self.clock)().micros(),
                foreign: self.is_foreign(order.number, group)?,
            });
            self.append(group, event, Vec::new(), leaf)?;
        }
        Ok(())
    }
}
