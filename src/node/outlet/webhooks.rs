//! What webhooks deliver: a batch whose ends are durable before its first attempt, so that it has the same
//! id after a crash; what it holds is opened again for each attempt, by the permissions as they are then.

use std::sync::{Arc, PoisonError};

use crate::{
    access::{Caller, Permit, PrincipalKind, Purpose, act},
    config::WebhookConfig,
    feed::subscription::Position,
    node::{
        Node, NodeError,
        read::blocking,
        rules::{By, OutletOrder, Proposal},
    },
    record::Moment,
    wire::node::{Delivered, Webhook},
};

use super::{
    OutletError, Terms,
    batch::{Room, ShownRecord},
    chance, filter_of,
    live::IDLE,
    rows,
    rows::Tag,
};

/// Bytes of a batch at most; one record goes whatever its size.
const BATCH_BYTES: usize = 4 << 20;

/// How the attempts of a webhook go. In memory: after a restart the batch is tried at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Going {
    attempts: u64,
    last_error: String,
    next_us: i64,
    /// Up to where nothing matched, behind the cursor of an epoch.
    looked: Option<(u64, Position)>,
    /// The batch whose leaves are durable since the start, and what they say is shown.
    told: Option<((Position, Position), Vec<ShownRecord>)>,
}

/// A batch to deliver.
#[derive(Debug)]
pub struct Batch {
    /// The same at each attempt at the same batch.
    pub id: String,
    /// What it delivers, in order; empty when nothing matched.
    pub delivered: Vec<Delivered>,
    /// Up to where it goes.
    pub end: Position,
    epoch: u64,
}

/// How a webhook is before its next attempt.
#[derive(Debug)]
pub enum WebhookState {
    /// An operator has to let it go on.
    Paused,
    /// There is nothing to deliver.
    Idle,
    /// This is to be delivered.
    Ready(Batch),
}

impl Node {
    fn webhook_tag(&self, name: &str) -> Tag {
        self.keys.index.tag("webhook", name.as_bytes())
    }

    /// Who a webhook delivers for, by its newest certificate that counts.
    async fn webhook_permit(
        self: &Arc<Self>,
        webhook: &WebhookConfig,
    ) -> Result<Permit<act::Subscribe>, OutletError> {
        let (node, name) = (Arc::clone(self), webhook.system.clone());
        let named = blocking(move || Ok(node.roster.named(&name, node.now())?)).await?;
        let mut systems = named.into_iter();
        let system = systems.rfind(|of| of.kind() == PrincipalKind::CaseSystem);
        let principal = system.ok_or_else(|| OutletError::NoSystem(webhook.system.clone()))?;
        let from = format!("webhook {}", webhook.name);
        Ok(self.enter(Caller { principal, from })?)
    }

    fn webhook_terms(webhook: &WebhookConfig) -> Result<Terms, OutletError> {
        Ok(Terms {
            filter: filter_of(&webhook.filter())?,
            purpose: Purpose::given(webhook.purpose_code(), webhook.case_reference())?,
        })
    }

    /// Makes sure that a webhook has a cursor: at the first start with it, where its configuration says.
    ///
    /// # Errors
    /// [`OutletError`] when its filter or purpose is refused, or nothing can be made durable.
    pub async fn begin_webhook(
        self: &Arc<Self>,
        webhook: &WebhookConfig,
    ) -> Result<(), OutletError> {
        Self::webhook_terms(webhook)?;
        let tag = self.webhook_tag(&webhook.name);
        if rows::cursor(&self.store, &tag)
            .map_err(NodeError::from)?
            .is_some()
        {
            return Ok(());
        }
        let end = self.outlet_end()?;
        let at = match webhook.from_beginning() {
            true => Position { number: 0, ..end },
            false => end,
        };
        self.writer
            .propose(Proposal::Outlet(OutletOrder::Seek {
                tag,
                at,
                epoch: chance()?,
                backlog: end.number,
                begins: true,
                by: None,
            }))
            .await
            .map_err(NodeError::from)?;
        Ok(())
    }

    /// What a webhook has to deliver now. Its leaves, and where the batch ends, are durable then. What does
    /// not match is passed over.
    ///
    /// # Errors
    /// [`OutletError`] when nobody is delivered for, or the node fails.
    pub async fn webhook_batch(
        self: &Arc<Self>,
        webhook: &WebhookConfig,
    ) -> Result<WebhookState, OutletError> {
        let tag = self.webhook_tag(&webhook.name);
        if rows::is_paused(&self.store, &tag).map_err(NodeError::from)? {
            return Ok(WebhookState::Paused);
        }
        let terms = Self::webhook_terms(webhook)?;
        loop {
            let cursor = rows::cursor(&self.store, &tag).map_err(NodeError::from)?;
            let cursor = cursor.ok_or(OutletError::Unknown)?;
            let looked = self.going(&webhook.name, |going| going.looked);
            let looked = looked.filter(|(epoch, at)| {
                *epoch == cursor.epoch && cursor.batch == cursor.at && cursor.at.is_within(*at)
            });
            let from = looked.map_or(cursor.at, |(_, at)| at);
            if from == self.outlet_end()? {
                return Ok(WebhookState::Idle);
            }
            // Asked for again before each look.
            let permit = self.webhook_permit(webhook).await?;
            // A batch that was begun ends where it ended then.
            let begun = (cursor.batch != cursor.at).then_some(cursor.batch);
            let room = match begun {
                Some(_) => Room::ALL,
                None => Room {
                    items: webhook.batch(),
                    bytes: BATCH_BYTES,
                },
            };
            let (node, by, wanted) = (Arc::clone(self), permit.clone(), terms.clone());
            let mut gathered =
                blocking(move || node.gather(&by, &wanted, from, begun, room)).await?;
            // Never past what was not looked at.
            let end = gathered.looked;
            if gathered.items.is_empty() && end == from {
                return Ok(WebhookState::Idle);
            }
            if gathered.items.is_empty() {
                // Of what does not match, the cursor is made durable now and then.
                match begun.is_some() || cursor.at.to(end) >= IDLE {
                    true => self.move_webhook(&tag, end, cursor.epoch).await?,
                    false => self.going(&webhook.name, |going| {
                        going.looked = Some((cursor.epoch, end));
                    }),
                }
                continue;
            }
            let ends = (cursor.at, end);
            // What is shown at another attempt, and was not before, has its leaf first too.
            let told = Some((ends, gathered.shown()));
            if self.going(&webhook.name, |going| going.told != told) {
                let warrant = self.gets_at(&permit, &gathered.of_backlog(cursor.backlog))?;
                let by = By::of(&permit).under(warrant.as_ref());
                let shown = gathered.leaves(&by, &terms);
                let batch = Some((tag, cursor.epoch, end));
                self.writer
                    .propose(Proposal::Outlet(OutletOrder::Deliver { shown, batch }))
                    .await
                    .map_err(NodeError::from)?;
                self.going(&webhook.name, |going| going.told = told);
            }
            let id = self.delivery_id(&tag, cursor.epoch, ends);
            let delivered = gathered.items.into_iter().map(|of| of.delivered).collect();
            return Ok(WebhookState::Ready(Batch {
                id,
                delivered,
                end,
                epoch: cursor.epoch,
            }));
        }
    }

    fn delivery_id(&self, tag: &Tag, epoch: u64, (from, to): (Position, Position)) -> String {
        let mut text = tag.to_vec();
        for part in [epoch, from.number, from.gone, to.number, to.gone] {
            text.extend_from_slice(&part.to_be_bytes());
        }
        let id = self.keys.index.tag("webhook delivery", &text);
        format!("msg_{}", hex::encode(id))
    }

    async fn move_webhook(
        self: &Arc<Self>,
        tag: &Tag,
        at: Position,
        epoch: u64,
    ) -> Result<(), OutletError> {
        self.writer
            .propose(Proposal::Outlet(OutletOrder::Move {
                tag: *tag,
                at,
                epoch,
            }))
            .await
            .map_err(NodeError::from)?;
        Ok(())
    }

    fn going<T>(&self, name: &str, change: impl FnOnce(&mut Going) -> T) -> T {
        let all = self.outlet.webhooks.lock();
        let mut all = all.unwrap_or_else(PoisonError::into_inner);
        change(all.entry(name.to_owned()).or_default())
    }

    /// The receiver took a batch. Durable when this answers; a crash before has it delivered again, with
    /// the same id.
    ///
    /// # Errors
    /// [`OutletError::Node`].
    pub async fn webhook_taken(
        self: &Arc<Self>,
        webhook: &WebhookConfig,
        batch: &Batch,
    ) -> Result<(), OutletError> {
        let tag = self.webhook_tag(&webhook.name);
        self.move_webhook(&tag, batch.end, batch.epoch).await?;
        self.going(&webhook.name, |going| *going = Going::default());
        Ok(())
    }

    /// The number of the attempt that is made now, from 1.
    pub fn webhook_attempt(&self, webhook: &WebhookConfig) -> u64 {
        self.going(&webhook.name, |going| {
            going.attempts = going.attempts.saturating_add(1);
            going.next_us = 0;
            going.attempts
        })
    }

    /// An attempt failed, and the next one is then.
    pub fn webhook_failed(&self, webhook: &WebhookConfig, why: &str, next: Moment) {
        self.going(&webhook.name, |going| {
            why.clone_into(&mut going.last_error);
            going.next_us = next.micros();
        });
    }

    /// The receiver said that it is gone: nothing is sent until an operator lets it go on. Durable when this
    /// answers.
    ///
    /// # Errors
    /// [`OutletError::Node`].
    pub async fn pause_webhook(
        self: &Arc<Self>,
        webhook: &WebhookConfig,
        why: &str,
    ) -> Result<(), OutletError> {
        self.going(&webhook.name, |going| {
            why.clone_into(&mut going.last_error);
            going.next_us = 0;
        });
        let tag = self.webhook_tag(&webhook.name);
        self.set_paused(tag, webhook.name.clone(), true, None).await
    }

    async fn set_paused(
        self: &Arc<Self>,
        tag: Tag,
        name: String,
        paused: bool,
        by: Option<By>,
    ) -> Result<(), OutletError> {
        self.writer
            .propose(Proposal::Outlet(OutletOrder::Pause {
                tag,
                name,
                paused,
                by,
            }))
            .await
            .map_err(NodeError::from)?;
        Ok(())
    }

    /// Lets a webhook go on at once. Durable when this answers.
    ///
    /// # Errors
    /// [`OutletError::NoWebhook`].
    pub async fn resume_webhook(
        self: &Arc<Self>,
        permit: &Permit<act::OperateWebhooks>,
        name: &str,
    ) -> Result<(), OutletError> {
        if !self.config.webhooks.iter().any(|of| of.name == name) {
            return Err(OutletError::NoWebhook);
        }
        let tag = self.webhook_tag(name);
        let by = Some(By::of(permit));
        self.set_paused(tag, name.to_owned(), false, by).await?;
        self.outlet.resumed.notify_waiters();
        Ok(())
    }

    /// Told when an operator lets webhooks go on.
    pub async fn webhooks_resumed(&self) {
        self.outlet.resumed.notified().await;
    }

    /// The webhooks of the configuration, and how far each is.
    ///
    /// # Errors
    /// [`OutletError::Node`].
    pub fn webhooks(&self, _: &Permit<act::OperateWebhooks>) -> Result<Vec<Webhook>, OutletError> {
        let end = self.outlet_end()?;
        let shown = self.config.webhooks.iter().map(|webhook| {
            let tag = self.webhook_tag(&webhook.name);
            let cursor = rows::cursor(&self.store, &tag)?;
            let paused = rows::is_paused(&self.store, &tag)?;
            let going = self.going(&webhook.name, |going| going.clone());
            Ok(Webhook {
                name: webhook.name.clone(),
                address: webhook.address(),
                system: webhook.system.clone(),
                cursor: cursor.map(|cursor| cursor.at.into()),
                moved_us: cursor.map_or(0, |cursor| cursor.moved.micros()),
                lag: cursor.map_or(0, |cursor| {
                    let looked = going.looked.filter(|(epoch, _)| *epoch == cursor.epoch);
                    looked.map_or(cursor.at, |(_, at)| at).to(end)
                }),
                attempts: going.attempts,
                last_error: going.last_error,
                next_attempt_us: going.next_us,
                paused,
            })
        });
        let shown: Result<Vec<_>, NodeError> = shown.collect();
        Ok(shown?)
    }
}
