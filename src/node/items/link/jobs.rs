//! What is to be fetched from a peer next, and what came of it.

use std::sync::Arc;

use crate::evidence::items::Owner;
use crate::record::Country;

use super::{
    super::{
        super::{
            Node, NodeError,
            read::blocking,
            rules::{ItemOrder, Proposal},
        },
        ItemId,
        known::Known,
        plan_of, rows,
    },
    fetch::Outcome,
};

/// What is fetched.
#[derive(Clone, Copy)]
pub(super) enum Job {
    Item(ItemId),
    Repair(ItemId, u64),
}

impl Job {
    pub(super) const fn id(&self) -> &ItemId {
        let (Self::Item(id) | Self::Repair(id, _)) = self;
        id
    }
}

impl Node {
    /// What to fetch next from a peer: a chunk that is damaged here, else the item that waits longest.
    pub(super) fn next_job(&self, peer: Country) -> Result<Option<Job>, NodeError> {
        let streams = &self.items.streams;
        if let Some((id, index)) = streams.to_repair(peer) {
            return Ok(Some(Job::Repair(id, index)));
        }
        let mut oldest: Option<(i64, ItemId)> = None;
        for id in rows::open(&self.store, Some(peer.code()))? {
            if streams.rests(&id) {
                continue;
            }
            let Some(row) = self.item_row(&id)? else {
                continue;
            };
            if oldest.is_none_or(|(at, _)| row.at_us < at) {
                oldest = Some((row.at_us, id));
            }
        }
        Ok(oldest.map(|(_, id)| Job::Item(id)))
    }

    /// Opens what is to be fetched and gives it room.
    pub(super) fn prepare_fetch(
        &self,
        id: ItemId,
        peer: Country,
        job: Job,
    ) -> Result<Result<Known, Outcome>, NodeError> {
        let Some(row) = self.item_row(&id)? else {
            return Ok(Err(Outcome::Later));
        };
        if plan_of(&row).is_none() {
            return Ok(Err(Outcome::Refused("size")));
        }
        // Another holder's chunk is being put in its place: two would end each other in turn.
        if matches!(job, Job::Repair(..)) && self.items.is_written(&id) {
            return Ok(Err(Outcome::Later));
        }
        let known = match self.known(id, row) {
            Ok(Some(known)) => known,
            Ok(None) => return Ok(Err(Outcome::Refused("named"))),
            // Its record is locked: recalled, or expired. It goes when the record does.
            Err(NodeError::Holding(_)) => return Ok(Err(Outcome::Later)),
            Err(error) => return Err(error),
        };
        if let Job::Item(_) = job {
            let room = self.items.take_room(id, Owner::Peer(peer), known.plan)?;
            if let Err(full) = room {
                tracing::warn!(%peer, item = hex::encode(id), "{full}");
                return Ok(Err(Outcome::Waits(full.word())));
            }
        }
        Ok(Ok(known))
    }

    /// Makes durable what became of an item. A fault that is known already is not written again.
    pub(in crate::node::items) async fn conclude_fetch(
        self: &Arc<Self>,
        id: ItemId,
        fault: Option<&'static str>,
        waits: bool,
    ) -> Result<(), NodeError> {
        let Some(row) = self.item_row(&id)? else {
            return Ok(());
        };
        if let Some(fault) = fault {
            self.items.streams.failed(id);
            if waits && row.fault == fault {
                return Ok(());
            }
        } else {
            self.items.streams.went_on(&id);
            self.items.room().left(&id, 0);
        }
        let number = self.number_of(&row)?;
        let reference = number.and_then(|number| self.reference_of(&self.held(number).ok()?).ok());
        let mut custody = Vec::new();
        if let (None, Some(number)) = (fault, number) {
            let node = Arc::clone(self);
            custody.extend(blocking(move || node.delivered_entry(number, &id)).await?);
        }
        let order = ItemOrder::Arrive {
            id,
            reference: reference.map(|of| of.to_string()).unwrap_or_default(),
            fault,
            waits,
            custody,
        };
        self.writer.propose(Proposal::Item(order)).await?;
        if fault.is_some() && !waits {
            self.items.chunks.remove(&id)?;
            self.items.room().give_back(&id);
        }
        self.items.streams.wake.notify_waiters();
        Ok(())
    }
}
