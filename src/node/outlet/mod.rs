//! Subscriptions: made, listed, moved and removed by principals of their authority; what they deliver and
//! how it is acknowledged is in `batch` and `live`, webhooks are in `webhooks`.
//!
//! A cursor says up to where everything is acknowledged. It is durable, and nothing else of a
//! subscription is needed: whatever was sent and not acknowledged is sent again.

mod batch;
mod error;
mod kept;
mod live;
mod notices;
mod pull;
pub(super) mod rows;
mod webhooks;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use prost::Message as _;

use crate::{
    access::{Permit, Purpose, act},
    crypto::random_bytes,
    entry::SubscriptionTerms,
    feed::subscription::{Filter, Position, check_name},
    inbox::ask,
    search::codes,
    wire::node::{CreateSubscriptionRequest, Subscription, SubscriptionFilter, SubscriptionStart},
};

use super::{
    Node, NodeError,
    read::blocking,
    rules::{By, OutletOrder, Proposal, Refusal, SubscribeOrder},
};

pub use error::OutletError;
pub use live::Following;
pub use pull::Page;
pub use webhooks::{Batch, WebhookState};

use self::{live::Live, rows::Tag, webhooks::Going};

/// Who follows which subscription, and how webhooks go. In memory: a restart ends every stream, and
/// cursors are durable.
#[derive(Debug, Default)]
pub(crate) struct Outlet {
    live: Mutex<HashMap<Tag, Arc<Live>>>,
    webhooks: Mutex<HashMap<String, Going>>,
    /// Wakes webhooks that wait.
    resumed: tokio::sync::Notify,
}

impl Outlet {
    fn live(&self, tag: &Tag) -> Option<Arc<Live>> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.get(tag).cloned()
    }

    /// Puts somebody in the place of whoever followed before, who is cut off.
    fn replace(&self, tag: Tag, with: Option<Arc<Live>>) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match with {
            Some(new) => live.insert(tag, new),
            None => live.remove(&tag),
        };
        if let Some(before) = before {
            before.ended.cancel();
        }
    }

    /// Forgets whoever followed, unless somebody else does already.
    fn leave(&self, tag: &Tag, session: u64) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if live.get(tag).is_some_and(|of| of.session == session) {
            live.remove(tag);
        }
    }
}

/// What a subscription or a webhook delivers, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) filter: Filter,
    pub(super) purpose: Option<Purpose>,
}

/// The one form of a code, or why it is none.
fn code(text: &str) -> Result<String, String> {
    let code = codes::parse(text).map_err(|fault| fault.to_string())?;
    Ok(format!("{}={}", code.list, code.value))
}

/// Reads a filter.
///
/// # Errors
/// [`OutletError::Filter`].
pub fn filter_of(asked: &SubscriptionFilter) -> Result<Filter, OutletError> {
    Ok(Filter::read(asked, code)?)
}

/// A random number.
fn chance() -> Result<u64, NodeError> {
    Ok(u64::from_be_bytes(random_bytes::<8>()?).max(1))
}

impl Node {
    fn subscription_tag(&self, authority: Option<&str>, name: &str) -> Tag {
        let text = format!("{}\n{name}", authority.unwrap_or_default());
        self.keys.index.tag("subscription", text.as_bytes())
    }

    fn outlet_authority(&self, authority: Option<&str>) -> Tag {
        let authority = authority.unwrap_or_default();
        self.keys
            .index
            .tag("subscription authority", authority.as_bytes())
    }

    /// Everything that there is to deliver.
    fn outlet_end(&self) -> Result<Position, NodeError> {
        Ok(Position {
            number: ask::last_number(&self.store)?,
            gone: rows::gone_count(&self.store)?,
        })
    }

    /// Makes a subscription. Durable when this answers. The same again is no second one.
    ///
    /// # Errors
    /// [`OutletError`]; there is none then.
    pub async fn subscribe(
        self: &Arc<Self>,
        permit: &Permit<act::Subscribe>,
        asked: CreateSubscriptionRequest,
    ) -> Result<(Subscription, bool), OutletError> {
        check_name(&asked.name)?;
        let filter = filter_of(&asked.filter.unwrap_or_default())?;
        let purpose = Purpose::given(asked.reading_purpose, &asked.case_reference)?;
        let end = self.outlet_end()?;
        let at = self.start_of(asked.start.unwrap_or_default(), end).await?;
        let authority = permit.principal().authority();
        let tag = self.subscription_tag(authority, &asked.name);
        let shown = filter.shown();
        let terms = SubscriptionTerms {
            name: asked.name.clone(),
            authority: authority.unwrap_or_default().to_owned(),
            owner: permit.actor(),
            created_us: self.now().micros(),
            kinds: shown.kinds,
            origins: shown.origins,
            countries: shown.countries,
            urgencies: shown.urgencies,
            codes: shown.codes,
            exercise: shown.exercise,
            steps: shown.steps,
            reading_purpose: purpose.as_ref().map_or(0, |of| of.code().into()),
            case_reference: purpose
                .as_ref()
                .map(|of| of.case().to_owned())
                .unwrap_or_default(),
        };
        let order = SubscribeOrder {
            tag,
            authority: self.outlet_authority(authority),
            owner: self.person(&permit.actor()),
            terms: terms.encode_to_vec(),
            at,
            epoch: chance()?,
            backlog: end.number,
            most: self.config.outlet.subscriptions_per_principal,
            by: By::of(permit).reading_for(purpose.clone(), String::new()),
        };
        let proposal = Proposal::Outlet(OutletOrder::Subscribe(Box::new(order)));
        let repeated = match self.writer.propose(proposal).await.map_err(NodeError::from) {
            Ok(_) => false,
            Err(NodeError::Refused(Refusal::SubscriptionExists)) => true,
            Err(NodeError::Refused(Refusal::TooManySubscriptions)) => {
                let most = self.config.outlet.subscriptions_per_principal;
                return Err(OutletError::TooMany(most));
            }
            Err(error) => return Err(error.into()),
        };
        let (kept, known) = self.terms(&tag).await?.ok_or(OutletError::Unknown)?;
        if repeated && known != (Terms { filter, purpose }) {
            return Err(OutletError::Exists(asked.name));
        }
        Ok((self.shown_subscription(&tag, kept, &known)?, repeated))
    }

    /// The subscriptions of the caller's authority, by name.
    ///
    /// # Errors
    /// [`OutletError::Node`].
    pub async fn subscriptions(
        self: &Arc<Self>,
        permit: &Permit<act::Subscribe>,
    ) -> Result<Vec<Subscription>, OutletError> {
        let authority = self.outlet_authority(permit.principal().authority());
        let node = Arc::clone(self);
        let all = blocking(move || Ok(rows::of_authority(&node.store, &authority)?)).await?;
        let mut shown = Vec::with_capacity(all.len());
        for (tag, _) in all {
            // One that is being removed is not listed.
            if let Some((kept, terms)) = self.terms(&tag).await? {
                shown.push(self.shown_subscription(&tag, kept, &terms)?);
            }
        }
        shown.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(shown)
    }

    /// Moves a cursor, forwards or back. Durable when this answers; whoever follows is cut off.
    ///
    /// # Errors
    /// [`OutletError`]; it stands where it stood then.
    pub async fn seek(
        self: &Arc<Self>,
        permit: &Permit<act::Subscribe>,
        name: &str,
        start: SubscriptionStart,
    ) -> Result<Position, OutletError> {
        let tag = self.own_tag(permit, name)?;
        let end = self.outlet_end()?;
        let at = self.start_of(start, end).await?;
        self.writer
            .propose(Proposal::Outlet(OutletOrder::Seek {
                tag,
                at,
                epoch: chance()?,
                backlog: end.number,
                begins: false,
                by: Some(By::of(permit)),
            }))
            .await
            .map_err(NodeError::from)?;
        self.outlet.replace(tag, None);
        Ok(at)
    }

    /// Removes a subscription. Durable when this answers; whoever follows is cut off.
    ///
    /// # Errors
    /// [`OutletError`].
    pub async fn unsubscribe(
        self: &Arc<Self>,
        permit: &Permit<act::Subscribe>,
        name: &str,
    ) -> Result<(), OutletError> {
        let tag = self.own_tag(permit, name)?;
        let by = By::of(permit);
        self.writer
            .propose(Proposal::Outlet(OutletOrder::Remove { tag, by }))
            .await
            .map_err(NodeError::from)?;
        self.outlet.replace(tag, None);
        Ok(())
    }

    fn shown_subscription(
        &self,
        tag: &Tag,
        kept: SubscriptionTerms,
        terms: &Terms,
    ) -> Result<Subscription, OutletError> {
        let cursor = rows::cursor(&self.store, tag).map_err(NodeError::from)?;
        let cursor = cursor.ok_or(OutletError::Unknown)?;
        let stands = self.outlet.live(tag).map(|live| live.stands());
        let stands = stands.unwrap_or_default();
        let looked = stands.idle.unwrap_or(cursor.at);
        let patience = self.config.outlet.stalled_after();
        let late = |since| self.now().since(since) > patience;
        Ok(Subscription {
            name: kept.name,
            filter: Some(terms.filter.shown()),
            reading_purpose: kept.reading_purpose,
            case_reference: kept.case_reference,
            owner: kept.owner,
            created_us: kept.created_us,
            cursor: Some(cursor.at.into()),
            moved_us: cursor.moved.micros(),
            lag: looked.to(self.outlet_end()?),
            unacknowledged: u64::try_from(stands.unacknowledged).unwrap_or(u64::MAX),
            unacknowledged_since_us: stands.since.map_or(0, |since| since.micros()),
            followed: stands.streams,
            stalled: stands.full && stands.since.is_some_and(late),
        })
    }
}
