//! What is kept of a subscription, and the positions at which one begins.

use std::sync::Arc;

use prost::Message as _;

use crate::{
    access::{Permit, Purpose, act},
    entry::{Entry, EntryError, Event, SubscriptionTerms},
    feed::subscription::{Position, check_name},
    node::{Node, NodeError, read::blocking, rules::terms_aad},
    wire::node::{SubscriptionFilter, SubscriptionStart, subscription_start::At},
};

use super::{OutletError, Terms, filter_of, rows, rows::Tag};

impl Node {
    /// A subscription of the caller's authority, whatever it delivers: also where that is none any more.
    pub(super) fn own_tag(
        &self,
        permit: &Permit<act::Subscribe>,
        name: &str,
    ) -> Result<Tag, OutletError> {
        check_name(name)?;
        let tag = self.subscription_tag(permit.principal().authority(), name);
        let kept = rows::subscription(&self.store, &tag).map_err(NodeError::from)?;
        kept.map(|_| tag).ok_or(OutletError::Unknown)
    }

    /// A subscription of the caller's authority.
    pub(super) async fn own_subscription(
        self: &Arc<Self>,
        permit: &Permit<act::Subscribe>,
        name: &str,
    ) -> Result<(Tag, Terms, rows::CursorRow), OutletError> {
        let tag = self.own_tag(permit, name)?;
        let (_, terms) = self.terms(&tag).await?.ok_or(OutletError::Unknown)?;
        let cursor = rows::cursor(&self.store, &tag).map_err(NodeError::from)?;
        Ok((tag, terms, cursor.ok_or(OutletError::Unknown)?))
    }

    /// What a subscription delivers; `None` where there is none.
    pub(super) async fn terms(
        self: &Arc<Self>,
        tag: &Tag,
    ) -> Result<Option<(SubscriptionTerms, Terms)>, OutletError> {
        let (node, tag) = (Arc::clone(self), *tag);
        let kept = blocking(move || {
            let Some(row) = rows::subscription(&node.store, &tag)? else {
                return Ok(None);
            };
            let Event::SubscriptionMade(made) = Entry::decode(&node.store.body(row.place)?)?.event
            else {
                return Err(EntryError::Field("subscription_made").into());
            };
            let sealed = node.store.blob(row.place, made.blob)?;
            let plain = node.keys.storage.open(&terms_aad(&tag), &sealed);
            let plain = plain.map_err(|_| EntryError::Field("subscription terms"))?;
            let terms = SubscriptionTerms::decode(plain.as_slice()).map_err(EntryError::from)?;
            Ok(Some(terms))
        });
        let Some(kept) = kept.await? else {
            return Ok(None);
        };
        let filter = filter_of(&SubscriptionFilter {
            kinds: kept.kinds.clone(),
            origins: kept.origins.clone(),
            countries: kept.countries.clone(),
            urgencies: kept.urgencies.clone(),
            codes: kept.codes.clone(),
            exercise: kept.exercise,
            steps: kept.steps,
        })?;
        let purpose = Purpose::given(kept.reading_purpose, &kept.case_reference)?;
        Ok(Some((kept, Terms { filter, purpose })))
    }

    /// The position that a start names.
    pub(super) async fn start_of(
        self: &Arc<Self>,
        start: SubscriptionStart,
        end: Position,
    ) -> Result<Position, OutletError> {
        match start.at {
            None | Some(At::Now(_)) => Ok(end),
            // What was locked before is told of where its record comes.
            Some(At::Beginning(_)) => Ok(Position { number: 0, ..end }),
            Some(At::After(position)) => {
                let position = Position::from(position);
                if position.is_within(end) {
                    return Ok(position);
                }
                Err(OutletError::PositionUnknown(end))
            }
            Some(At::TimeUs(time)) => {
                let node = Arc::clone(self);
                Ok(blocking(move || node.place_at(time, end)).await?)
            }
        }
    }

    /// The position after everything that became durable before a time.
    fn place_at(&self, time_us: i64, end: Position) -> Result<Position, NodeError> {
        let (mut first, mut last) = (0, end.number);
        while first < last {
            // The middle, upwards.
            let middle = last - (last - first) / 2;
            match self.held(middle)?.time.micros() < time_us {
                true => first = middle,
                false => last = middle.saturating_sub(1),
            }
        }
        let number = first;
        let (mut first, mut last) = (0, end.gone);
        while first < last {
            let middle = first + (last - first) / 2;
            let found = rows::gone(&self.store, middle, 1)?;
            let before = found
                .first()
                .is_some_and(|(_, _, at)| at.micros() < time_us);
            match before {
                true => first = middle.saturating_add(1),
                false => last = middle,
            }
        }
        Ok(Position {
            number,
            gone: first,
        })
    }
}
