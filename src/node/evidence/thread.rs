//! A request with its steps, out of the store, and what follows from them.

use crate::{
    crypto::Digest,
    entry::EntryError,
    evidence::lifecycle::{Case, Matter, Outcome, Party, Step, case},
    inbox::{StoredRecord, followers},
    record::{Country, EVIDENCE_STEP, MAX_EVIDENCE_STEPS, Moment},
    wire::{
        envelope::{NonDeliveryReason, ReceiptType},
        node::DeliveryState,
        record::{FollowType, Record},
    },
};

use super::super::{Node, NodeError};

/// Steps of a request that are looked at, those of both sides and beside their chains: who sends more
/// under one number after the other is not listened to.
const MAX_LOOKED_AT: usize = 4 * MAX_EVIDENCE_STEPS as usize;

/// A request and what follows from its steps.
#[derive(Debug)]
pub(in crate::node) struct Thread {
    /// The request at rest.
    pub(in crate::node) stored: StoredRecord,
    /// The request.
    pub(in crate::node) record: Record,
    /// What its state depends on.
    pub(in crate::node) matter: Matter,
    /// The side that this country is.
    pub(in crate::node) own: Party,
    /// Its steps, in the order in which they became durable here, each with its local number.
    pub(in crate::node) steps: Vec<(u64, Step)>,
    /// What follows.
    pub(in crate::node) case: Case,
    /// How many records followed the request before its steps were read.
    pub(in crate::node) followers: u64,
    /// When the executing country's node received it, by its own receipt, microseconds since 1970; 0
    /// while that is not known.
    pub(in crate::node) delivered_us: i64,
    /// Why it was not delivered.
    pub(in crate::node) not_delivered: Option<NonDeliveryReason>,
}

impl Thread {
    /// The steps alone.
    pub(in crate::node) fn pure(&self) -> Vec<Step> {
        self.steps.iter().map(|(_, step)| step.clone()).collect()
    }

    /// The other country.
    pub(in crate::node) fn other(&self) -> Country {
        self.matter.side(self.own.other()).country
    }

    /// How many steps count, are void, and wait.
    pub(in crate::node) fn counts(&self) -> [u32; 3] {
        let mut counts = [0_u32; 3];
        for of in &self.case.settled {
            let at = match of.outcome {
                Outcome::Took { .. } => 0,
                Outcome::Void(_) => 1,
                Outcome::Waits(_) => 2,
            };
            if let Some(count) = counts.get_mut(at) {
                *count = count.saturating_add(1);
            }
        }
        counts
    }
}

impl Node {
    /// A request by its local number, with its steps; `None` for a record that is none.
    ///
    /// # Errors
    /// [`NodeError`] when it is locked, or the store cannot be read.
    pub(in crate::node) fn evidence_thread(
        &self,
        number: u64,
    ) -> Result<Option<Thread>, NodeError> {
        let held = self.held(number)?;
        if !held.holding.evidence_request {
            return Ok(None);
        }
        // What follows from here on is seen by whoever compares the count.
        let followers = followers::count(&self.store, &held.digest)?;
        let stored = self.stored(number)?;
        let record = self.open_stored(&stored)?;
        let origin: Country = stored.holding.origin.parse().map_err(EntryError::from)?;
        let (delivered_us, not_delivered) = self.delivered(&stored)?;
        let Some(mut matter) = Matter::of(&record, origin, delivered_us != 0) else {
            return Ok(None);
        };
        matter.received = matter.delivered.then(|| Moment::from_micros(delivered_us));
        let Some(own) = matter.party(self.country) else {
            return Ok(None);
        };
        let steps = self.evidence_steps(&stored.digest)?;
        let pure: Vec<Step> = steps.iter().map(|(_, step)| step.clone()).collect();
        Ok(Some(Thread {
            case: case(&matter, &pure),
            stored,
            record,
            matter,
            own,
            steps,
            followers,
            delivered_us,
            not_delivered,
        }))
    }

    /// When the executing country's node received a request, and why it did not. At that node the
    /// receipt is its own.
    fn delivered(
        &self,
        stored: &StoredRecord,
    ) -> Result<(i64, Option<NonDeliveryReason>), NodeError> {
        if stored.position.is_some() {
            let time = self.received_at(stored)?;
            return Ok((time, None));
        }
        let of = |wanted: ReceiptType| move |state: &&DeliveryState| state.receipt() == wanted;
        let states = self.deliveries(stored)?;
        if let Some(state) = states.iter().find(of(ReceiptType::Delivery)) {
            return Ok((state.time_us, None));
        }
        let refused = states.iter().find(of(ReceiptType::NonDelivery));
        Ok((0, refused.map(DeliveryState::reason)))
    }

    /// Steps of the request with this header, in the order in which they became durable here. One that
    /// cannot be opened any more is missing, as if it had not come.
    fn evidence_steps(&self, request: &Digest) -> Result<Vec<(u64, Step)>, NodeError> {
        // Each side has its own bound: what one floods the thread with confuses its own chain alone.
        let (mut own, mut others) = (0_usize, 0_usize);
        let is_step = |one: &followers::Follower| {
            if one.kind != FollowType::Step || u32::from(one.step) != EVIDENCE_STEP {
                return false;
            }
            let looked_at = if one.origin == self.country {
                &mut own
            } else {
                &mut others
            };
            *looked_at = looked_at.saturating_add(1);
            *looked_at <= MAX_LOOKED_AT
        };
        let mut steps = Vec::new();
        for follower in followers::followers(&self.store, request, is_step)? {
            let opened = self.stored(follower.number).and_then(|stored| {
                let record = self.open_stored(&stored)?;
                Ok(Step::of(&record, follower.digest, follower.origin))
            });
            match opened {
                Ok(step) => steps.extend(step.map(|step| (follower.number, step))),
                Err(error @ NodeError::Holding(_)) => {
                    tracing::debug!(number = follower.number, %error, "a step of a request cannot be opened");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(steps)
    }
}
