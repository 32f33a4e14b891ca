//! What comes after a position, for one caller: records opened and narrowed, notices, and the leaves that
//! are durable before anything is delivered.

use prost::Message as _;

use crate::{
    access::{Compartments, Permit, Subject, act},
    feed::subscription::Position,
    inbox::{HoldingError, ask},
    ledger::Shown,
    node::{
        Node, NodeError,
        access::{for_purpose, withheld},
        onward::{original_of, without_openings},
        rules::{By, ReadOrder},
    },
    record::kind_name,
    wire::{
        node::{
            Delivered, DeliveredRecord, Notice, NoticeKind, WithheldCompartment, delivered::What,
        },
        record::Record,
    },
};

use super::{
    Terms,
    notices::{notice, of_notice, opens_no_more},
    rows,
};

/// Records, and locks, looked at in one go.
pub(super) const LOOKED_AT: usize = 256;

/// How much is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) items: usize,
    pub(super) bytes: usize,
}

impl Room {
    /// Whatever there is.
    pub(super) const ALL: Self = Self {
        items: usize::MAX,
        bytes: usize::MAX,
    };
}

/// One thing to deliver, with what its leaf says.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) delivered: Delivered,
    pub(super) at: Position,
    pub(super) bytes: usize,
    /// Of a record: its leaf.
    leaf: Option<ReadOrder>,
    /// Local number and header, as leaves name them.
    named: (u64, Vec<u8>),
}

/// Local number of a record, and labels of the compartments that are shown; `None` of a notice.
pub(super) type ShownRecord = (u64, Option<Vec<u32>>);

/// What comes next.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) items: Vec<Item>,
    /// Up to where everything was looked at.
    pub(super) looked: Position,
}

impl Gathered {
    /// Local numbers of what was there before somebody chose the cursor's place.
    pub(super) fn of_backlog(&self, backlog: u64) -> Vec<u64> {
        let numbers = self.items.iter().map(|item| item.named.0);
        numbers.filter(|number| *number <= backlog).collect()
    }

    /// Which records are shown, which of their compartments, and of which records there are notices.
    pub(super) fn shown(&self) -> Vec<ShownRecord> {
        let shown = self.items.iter().map(|item| {
            let leaf = item.leaf.as_ref();
            (item.named.0, leaf.map(|leaf| leaf.compartments.clone()))
        });
        shown.collect()
    }

    /// The leaves: one for each record, one for all notices.
    pub(super) fn leaves(&mut self, by: &By, terms: &Terms) -> Vec<ReadOrder> {
        let by = by.clone().reading_for(terms.purpose.clone(), String::new());
        let mut leaves = Vec::new();
        let mut noticed = Vec::new();
        for item in &mut self.items {
            match item.leaf.take() {
                Some(leaf) => leaves.push(ReadOrder {
                    by: by.clone(),
                    ..leaf
                }),
                None => noticed.push(item.named.clone()),
            }
        }
        if !noticed.is_empty() {
            leaves.push(ReadOrder {
                by,
                detail: "delivered",
                shown: Shown::of(noticed),
                ..ReadOrder::default()
            });
        }
        leaves
    }
}

impl Node {
    /// What comes after a position, in order, as much as there is room for, and up to `until` where that is
    /// said. What is locked by then is a notice at its record's place; what was passed before and is locked
    /// since comes as a notice of its own.
    pub(super) fn gather(
        &self,
        permit: &Permit<act::Subscribe>,
        terms: &Terms,
        from: Position,
        until: Option<Position>,
        room: Room,
    ) -> Result<Gathered, NodeError> {
        let mut gathered = Gathered {
            items: Vec::new(),
            looked: from,
        };
        let mut bytes = 0_usize;
        // What was begun is looked at as a whole, however far it goes.
        let most = until.map_or(LOOKED_AT, |until| {
            usize::try_from(from.to(until)).unwrap_or(usize::MAX)
        });
        let person = self.person(&permit.actor());
        let origins = &terms.filter.origins;
        for (index, number, _) in rows::gone(&self.store, from.gone, most)? {
            if until.is_some_and(|until| index >= until.gone) {
                break;
            }
            if gathered.items.len() >= room.items {
                return Ok(gathered);
            }
            let at = Position {
                gone: index.saturating_add(1),
                ..gathered.looked
            };
            // One that was not passed yet is told of in its own place.
            if number <= at.number {
                let stored = self.held(number)?;
                let cause = stored.locked().unwrap_or_default();
                let found = self.gone_item(number, &stored, cause, at, permit, terms, &person)?;
                bytes = bytes.saturating_add(found.as_ref().map_or(0, |item| item.bytes));
                gathered.items.extend(found);
            }
            gathered.looked = at;
        }
        for (number, row) in ask::following(&self.store, from.number, most)? {
            if until.is_some_and(|until| number > until.number) {
                break;
            }
            if gathered.items.len() >= room.items {
                return Ok(gathered);
            }
            let at = Position {
                number,
                ..gathered.looked
            };
            let wanted = origins.is_empty() || origins.contains(&row.origin);
            let item = match wanted {
                true => self.item(number, at, permit, terms, &person)?,
                false => None,
            };
            if let Some(item) = item {
                let more = bytes.saturating_add(item.bytes);
                if more > room.bytes && !gathered.items.is_empty() {
                    return Ok(gathered);
                }
                bytes = more;
                gathered.items.push(item);
            }
            gathered.looked = at;
        }
        Ok(gathered)
    }

    fn item(
        &self,
        number: u64,
        at: Position,
        permit: &Permit<act::Subscribe>,
        terms: &Terms,
        person: &[u8; 16],
    ) -> Result<Option<Item>, NodeError> {
        let opened = self
            .stored(number)
            .map(|stored| (self.open_stored(&stored), stored));
        let (record, stored) = match opened {
            Ok((Ok(record), stored)) => (record, stored),
            Ok((Err(NodeError::Holding(HoldingError::Locked(cause))), stored)) => {
                return self.gone_item(number, &stored, cause, at, permit, terms, person);
            }
            Ok((Err(error), _)) | Err(error) if opens_no_more(&error) => {
                return self.damaged_item(number, at, permit, terms);
            }
            Ok((Err(error), _)) | Err(error) => return Err(error),
        };
        let subject = match self.subject_of(&stored, &record) {
            Err(error) if opens_no_more(&error) => {
                return self.damaged_item(number, at, permit, terms);
            }
            subject => subject?,
        };
        let decision = permit.reach(&subject);
        if !permit.sees(&subject) || decision.refused.is_some() {
            return Ok(None);
        }
        let readable = decision.allowed.and(permit.readable(&subject).allowed);
        let shown = for_purpose(readable, terms.purpose.as_ref());
        if !terms
            .filter
            .lets_through(&self.outlet_facts(&stored, &record, shown, terms)?)
        {
            return Ok(None);
        }
        if stored.is_step() {
            let notice = Notice {
                step: kind_name(&record).unwrap_or_default().to_owned(),
                follows: record.follows.clone(),
                reference: record.reference.clone(),
                ..notice(number, &stored, NoticeKind::Step, stored.time)
            };
            return Ok(Some(of_notice(at, notice)));
        }
        let told = record.marking.as_ref().is_some_and(|of| of.tell_purpose);
        if told && terms.purpose.is_none() {
            let notice = Notice {
                reference: record.reference.clone(),
                ..notice(number, &stored, NoticeKind::PurposeNeeded, stored.time)
            };
            return Ok(Some(of_notice(at, notice)));
        }
        let mut summary = self.summary(number, &stored, &record)?;
        self.personal(&mut summary, person)?;
        let mut summary = self.narrowed(permit, &subject, summary).unwrap_or_default();
        summary.read = true;
        let mut withheld = withheld(&decision);
        for label in decision.allowed.iter().filter(|label| !shown.has(*label)) {
            withheld.push(WithheldCompartment {
                compartment: label.into(),
                reason: match readable.has(label) {
                    true => "the subscription states no purpose".to_owned(),
                    false => "no role allows to read it".to_owned(),
                },
            });
        }
        let known = stored.life.as_ref().is_some_and(|row| row.opened_us != 0);
        let leaf = ReadOrder {
            number,
            digest: Some(stored.digest),
            reference: record.reference.clone(),
            compartments: shown.numbers(),
            withheld: withheld
                .iter()
                .filter_map(|of| u32::try_from(of.compartment).ok())
                .collect(),
            detail: "delivered",
            officer: Some(*person),
            retrieval: stored.position.is_some() && !known,
            ..ReadOrder::default()
        };
        let delivered = taken_out(record, shown, &subject)?;
        let delivered = DeliveredRecord {
            summary: Some(summary),
            withheld,
            ..delivered
        };
        Ok(Some(of(
            at,
            What::Record(delivered),
            Some(leaf),
            (number, stored.digest.to_vec()),
        )))
    }
}

/// A record without what its reader may not see.
fn taken_out(
    mut record: Record,
    shown: Compartments,
    subject: &Subject,
) -> Result<DeliveredRecord, NodeError> {
    let mut original = original_of(&record)?;
    if let Some((_, original)) = &mut original {
        Subject::remove(original, shown);
        if shown != subject.present {
            // With its openings, the original says everything.
            record.onward = record.onward.map(without_openings);
        }
    }
    Subject::remove(&mut record, shown);
    let (origin, original) = original.unzip();
    Ok(DeliveredRecord {
        record: Some(record),
        original,
        original_origin: origin
            .map(|origin| origin.code().to_owned())
            .unwrap_or_default(),
        ..DeliveredRecord::default()
    })
}

/// One thing to deliver at a position.
pub(super) fn of(at: Position, what: What, leaf: Option<ReadOrder>, named: (u64, Vec<u8>)) -> Item {
    let delivered = Delivered {
        position: Some(at.into()),
        what: Some(what),
    };
    Item {
        bytes: delivered.encoded_len(),
        delivered,
        at,
        leaf,
        named,
    }
}
