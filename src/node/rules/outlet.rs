//! Rules for subscriptions and webhooks: made once, moved forwards only by what was sent since somebody
//! chose the place, and nothing delivered before its leaf.

use crate::{
    crypto::Domain,
    entry::{CursorMoved, Event, SubscriptionMade, SubscriptionRemoved, WebhookPaused},
    feed::subscription::Position,
    store::{Decline, Group},
    wire::ledger::{Action, LeafBody},
};

use super::{
    super::outlet::rows::{self, CursorRow, Tag},
    By, Declined, NodeRules, ReadOrder, Refusal, no_randomness,
};

/// What happens to a subscription or a webhook.
#[derive(Debug)]
pub enum OutletOrder {
    /// A subscription is made.
    Subscribe(Box<SubscribeOrder>),
    /// Somebody chooses the place of a cursor; of one that is not there yet too, where that is said.
    Seek {
        /// Of which subscription, or webhook.
        tag: Tag,
        /// Where.
        at: Position,
        /// Random number of this choice.
        epoch: u64,
        /// Last local number.
        backlog: u64,
        /// Whether it may begin by this.
        begins: bool,
        /// Who; `None` for the node, when a webhook begins.
        by: Option<By>,
    },
    /// Everything up to a position is acknowledged.
    Move {
        /// Of which subscription, or webhook.
        tag: Tag,
        /// Up to where.
        at: Position,
        /// Of the choice after which it was sent.
        epoch: u64,
    },
    /// A subscription is removed.
    Remove {
        /// Which.
        tag: Tag,
        /// Who.
        by: By,
    },
    /// A webhook is paused, or goes on.
    Pause {
        /// Which.
        tag: Tag,
        /// Its name.
        name: String,
        /// Whether it is paused.
        paused: bool,
        /// Who; `None` for its receiver.
        by: Option<By>,
    },
    /// Something is about to be delivered.
    Deliver {
        /// Each record, and all notices together.
        shown: Vec<ReadOrder>,
        /// Of a webhook: which, its epoch, and up to where the batch goes.
        batch: Option<(Tag, u64, Position)>,
    },
}

/// A subscription to make.
#[derive(Debug)]
pub struct SubscribeOrder {
    /// Keyed tag of authority and name.
    pub tag: Tag,
    /// Keyed tag of the authority.
    pub authority: Tag,
    /// Keyed tag of who makes it.
    pub owner: Tag,
    /// Encoded `SubscriptionTerms`.
    pub terms: Vec<u8>,
    /// Where it begins.
    pub at: Position,
    /// Random number of this choice.
    pub epoch: u64,
    /// Last local number.
    pub backlog: u64,
    /// How many its maker may have.
    pub most: u64,
    /// Who makes it.
    pub by: By,
}

/// Additional data of a subscription's terms at rest.
pub(in crate::node) fn terms_aad(tag: &Tag) -> Vec<u8> {
    [Domain::Storage.prefix(), b"subscription", tag].concat()
}

fn leaf(by: By, detail: &str) -> LeafBody {
    LeafBody {
        action: Action::Consultation.into(),
        detail: detail.to_owned(),
        ..by.leaf()
    }
}

impl NodeRules {
    /// A crash leaves all of an order or nothing: whoever was not answered asks again, and gets what it got
    /// before.
    pub(super) fn outlet(&self, order: OutletOrder, group: &mut Group<'_>) -> Result<(), Declined> {
        match order {
            OutletOrder::Subscribe(order) => self.subscribe(*order, group),
            OutletOrder::Seek {
                tag,
                at,
                epoch,
                backlog,
                begins,
                by,
            } => {
                let known = rows::cursor(group, &tag)?;
                if known.is_none() && !begins {
                    return Err(Decline::Refused(Refusal::NoSubscription));
                }
                if known.is_some() && by.is_none() {
                    return Ok(());
                }
                let event = cursor(
                    &tag,
                    &CursorRow {
                        at,
                        epoch,
                        backlog,
                        batch: at,
                        moved: (self.clock)(),
                    },
                );
                match by {
                    Some(by) => {
                        self.append(group, event, Vec::new(), leaf(by, "subscription-moved"))
                    }
                    None => self.append_leafless(event, group),
                }
            }
            OutletOrder::Move { tag, at, epoch } => {
                let row = self.cursor_of(&tag, epoch, group)?;
                if at.is_within(row.at) {
                    return Ok(());
                }
                let at = joined(row.at, at);
                let batch = joined(row.batch, at);
                self.append_leafless(cursor(&tag, &CursorRow { at, batch, ..row }), group)
            }
            OutletOrder::Remove { tag, by } => {
                let row = rows::subscription(group, &tag)?
                    .ok_or(Decline::Refused(Refusal::NoSubscription))?;
                let event = Event::SubscriptionRemoved(SubscriptionRemoved {
                    tag: tag.to_vec(),
                    owner_tag: row.owner.to_vec(),
                });
                self.append(group, event, Vec::new(), leaf(by, "subscription-removed"))
            }
            OutletOrder::Pause {
                tag,
                name,
                paused,
                by,
            } => {
                if rows::is_paused(group, &tag)? == paused {
                    return Ok(());
                }
                let by = by.unwrap_or_else(|| By::named(&self.own_actor()));
                let leaf = LeafBody {
                    action: Action::Node.into(),
                    detail: if paused {
                        "webhook-paused"
                    } else {
                        "webhook-resumed"
                    }
                    .to_owned(),
                    purpose: name,
                    ..by.leaf()
                };
                let tag = tag.to_vec();
                let event = Event::WebhookPaused(WebhookPaused { tag, paused });
                self.append(group, event, Vec::new(), leaf)
            }
            OutletOrder::Deliver { shown, batch } => {
                for order in shown {
                    self.read(order, group)?;
                }
                let Some((tag, epoch, end)) = batch else {
                    return Ok(());
                };
                let row = self.cursor_of(&tag, epoch, group)?;
                if row.batch == end {
                    return Ok(());
                }
                self.append_leafless(cursor(&tag, &CursorRow { batch: end, ..row }), group)
            }
        }
    }

    fn subscribe(&self, order: SubscribeOrder, group: &mut Group<'_>) -> Result<(), Declined> {
        if rows::subscription(group, &order.tag)?.is_some() {
            return Err(Decline::Refused(Refusal::SubscriptionExists));
        }
        if rows::count_of(group, &order.owner)? >= order.most {
            return Err(Decline::Refused(Refusal::TooManySubscriptions));
        }
        let sealed = self.storage.seal(&terms_aad(&order.tag), &order.terms);
        let row = CursorRow {
            at: order.at,
            epoch: order.epoch,
            backlog: order.backlog,
            batch: order.at,
            moved: (self.clock)(),
        };
        let event = Event::SubscriptionMade(SubscriptionMade {
            tag: order.tag.to_vec(),
            authority_tag: order.authority.to_vec(),
            owner_tag: order.owner.to_vec(),
            blob: 0,
            start: Some(moved(&order.tag, &row)),
        });
        let blobs = vec![sealed.map_err(no_randomness)?];
        self.append(group, event, blobs, leaf(order.by, "subscribes"))
    }

    /// A cursor, where nobody chose another place since.
    fn cursor_of(&self, tag: &Tag, epoch: u64, group: &Group<'_>) -> Result<CursorRow, Declined> {
        match rows::cursor(group, tag)? {
            Some(row) if row.epoch == epoch => Ok(row),
            Some(_) => Err(Decline::Refused(Refusal::CursorMoved)),
            None => Err(Decline::Refused(Refusal::NoSubscription)),
        }
    }
}

fn joined(one: Position, other: Position) -> Position {
    Position {
        number: one.number.max(other.number),
        gone: one.gone.max(other.gone),
    }
}

fn moved(tag: &Tag, row: &CursorRow) -> CursorMoved {
    CursorMoved {
        tag: tag.to_vec(),
        number: row.at.number,
        gone: row.at.gone,
        epoch: row.epoch,
        backlog: row.backlog,
        batch_number: row.batch.number,
        batch_gone: row.batch.gone,
    }
}

fn cursor(tag: &Tag, row: &CursorRow) -> Event {
    Event::CursorMoved(moved(tag, row))
}
