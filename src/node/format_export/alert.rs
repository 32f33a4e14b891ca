//! Alerts as messages of CAP: what an update refers to, and the recall of an alert as its cancellation.

use crate::{
    access::{Permit, Warrant, act},
    crypto::Digest,
    feed::cap::{self, Earlier, Unwritable},
    inbox::ask,
    record::{Reference, kind_name},
    wire::record::{CompartmentLabel, Record, step::Step},
};

use super::{
    super::{Node, NodeError, read::ReadError, rules::DiscloseOrder, steps::numbers},
    FormatOrder, Leaving, NotExported, Ready,
    judge::{by, judge},
};

/// Most earlier messages that one refers to.
const MAX_EARLIER: usize = 16;

impl Node {
    /// The message of an alert.
    pub(super) fn message_of(&self, record: &Record) -> Result<Vec<u8>, NotExported> {
        let mut earlier = self.versions_before(record)?;
        for relation in record.relations.iter().take(MAX_EARLIER) {
            let related = relation.reference.parse::<Reference>().ok();
            if let Some(number) = related.and_then(|of| self.find(&of).ok())
                && let Some(alert) = self.opened_alert(number)?
            {
                earlier.extend(Earlier::of(&alert));
            }
        }
        Ok(cap::write(record, &earlier)?.into_bytes())
    }

    /// The versions of an alert before one, the newest first.
    fn versions_before(&self, record: &Record) -> Result<Vec<Earlier>, NodeError> {
        let mut found = Vec::new();
        let mut follows = record.follows.clone();
        while let Some(of) = follows.take()
            && found.len() < MAX_EARLIER
            && let Ok(digest) = Digest::try_from(of.header_digest.as_slice())
            && let Some(number) = ask::by_digest(&self.store, &digest)?
            && let Some(alert) = self.opened_alert(number)?
        {
            found.extend(Earlier::of(&alert));
            follows = alert.follows;
        }
        Ok(found)
    }

    /// An alert for its name alone, whether it is locked or not; `None` for what is none, or can be opened
    /// no more.
    fn opened_alert(&self, number: u64) -> Result<Option<Record>, NodeError> {
        let stored = match self.stored(number) {
            Err(error) if error.is_damage() => return Ok(None),
            other => other?,
        };
        let record = stored.open(&self.slots).ok();
        Ok(record.filter(|record| kind_name(record) == Some("Alert")))
    }

    /// Where a reference names the recall of an alert, its message; `None` where it names none.
    pub(super) fn recalled(
        &self,
        reference: Reference,
        order: &FormatOrder,
        permit: &Permit<act::Export>,
        warrant: Option<&Warrant>,
    ) -> Result<Option<Ready>, NotExported> {
        let number = self.find(&reference)?;
        let subject = self.seen(permit, &reference, number)?;
        let stored = self.stored(number)?;
        let step = match self.open_stored(&stored) {
            Ok(step) => step,
            Err(error) => return Err(ReadError::of(reference, error).into()),
        };
        let recall = step.step.as_ref().and_then(|step| step.step.as_ref());
        if !matches!(recall, Some(Step::Recall(_))) {
            return Ok(None);
        }
        self.reached(permit, &reference, &subject)?;
        let sender = stored.holding.origin.parse().map_err(|_| NodeError::Task)?;
        self.check_heard(sender)?;
        let marking = step.marking.clone().unwrap_or_default();
        judge("Alert", &marking, &subject, permit.principal().authority())?;
        let earlier = self.versions_before(&step)?.into_iter().next();
        let message = cap::cancel(&step, &earlier.ok_or(Unwritable::Earlier)?)?;
        let situation = vec![CompartmentLabel::Situation];
        Ok(Some(Ready {
            order: DiscloseOrder {
                number,
                digest: stored.digest,
                reference: reference.to_string(),
                manner: order.format.manner(),
                compartments: numbers(&situation),
                token: None,
                by: by(permit, order, warrant),
                // Of a step its origin is told nothing.
                retrieval: false,
                export: None,
            },
            leaving: Leaving {
                reference,
                compartments: situation,
                withheld: Vec::new(),
            },
            content: message.into_bytes(),
        }))
    }
}
