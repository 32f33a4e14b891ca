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
/// Most versions that are gone back through.
const MAX_LOOKED_AT: usize = 1000;

impl Node {
    /// The message of an alert.
    pub(super) fn message_of(&self, record: &Record) -> Result<Vec<u8>, NotExported> {
        let mut earlier = self.versions_before(record)?;
        // What an alert relates to stands in for what a stated update would follow.
        let alone = earlier.is_empty();
        let related = record.relations.iter().filter(|_| alone);
        for relation in related.take(MAX_EARLIER) {
            let related = relation.reference.parse::<Reference>().ok();
            if let Some(number) = related.and_then(|of| self.find(&of).ok())
                && let Some(alert) = self.opened_alert(number)?
            {
                earlier.extend(Earlier::of(&alert));
            }
        }
        Ok(cap::write(record, &earlier)?.into_bytes())
    }

    /// The versions of an alert before one, the newest first: of many the last ones and the first.
    fn versions_before(&self, record: &Record) -> Result<Vec<Earlier>, NodeError> {
        let mut found = Vec::new();
        let mut before = self.followed_alert(record)?;
        for _ in 0..MAX_LOOKED_AT {
            let Some(alert) = before else {
                break;
            };
            if found.len() >= MAX_EARLIER {
                found.pop();
            }
            found.extend(Earlier::of(&alert));
            before = self.followed_alert(&alert)?;
        }
        Ok(found)
    }

    /// The alert that a record follows, where it is known here.
    fn followed_alert(&self, record: &Record) -> Result<Option<Record>, NodeError> {
        if let Some(of) = &record.follows
            && let Ok(digest) = Digest::try_from(of.header_digest.as_slice())
            && let Some(number) = ask::by_digest(&self.store, &digest)?
        {
            return self.opened_alert(number);
        }
        Ok(None)
    }

    /// An alert for its name and its marking alone, whether it is locked or not; `None` for what is none,
    /// or can be opened no more.
    fn opened_alert(&self, number: u64) -> Result<Option<Record>, NodeError> {
        let stored = match self.stored(number) {
            Err(error) if error.is_damage() => return Ok(None),
            other => other?,
        };
        let record = stored.open_for_subject(&self.slots).ok();
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
        // The recall names the alert: it leaves where the alert would have left.
        let alert = self.followed_alert(&step)?.ok_or(Unwritable::Earlier)?;
        let marking = alert.marking.clone().unwrap_or_default();
        judge("Alert", &marking, &subject, permit.principal().authority())?;
        let earlier = self.versions_before(&step)?;
        let message = cap::cancel(&step, &marking, &earlier)?;
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
