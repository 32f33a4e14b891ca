//! Rules for items: each at its stand, against the group in hand.

use crate::{
    crypto::Digest,
    entry::{
        AwaitedItem, Event, ItemArrived, ItemBegun, ItemDamaged, ItemEnd, ItemGone, ItemKept,
        ItemRemoved, ItemRow, ItemStand, ItemsAwaited, ItemsTold, ItemsTransferred,
    },
    record::Country,
    store::{Decline, Group},
    wire::ledger::{Action, LeafBody},
};

use super::{
    super::items::{ItemId, rows},
    By, CustodyDraft, Declined, NodeRules, Refusal,
};

/// What happens to an item.
#[derive(Clone, Debug)]
pub enum ItemOrder {
    /// Its upload begins.
    Begin(Box<ItemBegun>),
    /// It was uploaded whole.
    Keep {
        /// Which.
        id: ItemId,
        /// Its root, under its slot.
        sealed_root: Vec<u8>,
        /// As officers say the record that it belongs to.
        reference: String,
        /// Who uploaded it.
        by: By,
        /// What is stated of it.
        custody: Vec<CustodyDraft>,
    },
    /// An officer takes it back before it is handed over.
    Remove {
        /// Which.
        id: ItemId,
        /// As officers say the record that it was uploaded to.
        reference: String,
        /// Who.
        by: By,
        /// What is stated of it.
        custody: Vec<CustodyDraft>,
    },
    /// It is gone.
    Gone {
        /// Which.
        id: ItemId,
        /// Why.
        why: ItemEnd,
    },
    /// It arrived whole, or is refused for good.
    Arrive {
        /// Which.
        id: ItemId,
        /// As officers say the record that names it.
        reference: String,
        /// Why it is not whole; `None` when it is.
        fault: Option<&'static str>,
        /// Whether it is not given up.
        waits: bool,
        /// What is stated of it.
        custody: Vec<CustodyDraft>,
    },
    /// Nobody is to be told of these any more.
    Told(Vec<ItemId>),
    /// A chunk of it does not open.
    Damaged {
        /// Which.
        id: ItemId,
        /// The country that sent it so; empty where it is damaged on the own disk.
        peer: String,
        /// Number of the chunk.
        chunk: u64,
    },
}

/// The items that a record names with their keys.
#[derive(Clone, Debug, Default)]
pub struct NamedItems {
    /// Each of them.
    pub items: Vec<AwaitedItem>,
    /// Of a step that says what became of items: their ids.
    pub told: Vec<Vec<u8>>,
}

fn header_of(row: &ItemRow) -> Option<Digest> {
    Digest::try_from(row.header_digest.as_slice()).ok()
}

impl NodeRules {
    /// A crash leaves the entry or nothing: chunks without an entry that names them are removed at the
    /// next start.
    pub(super) fn item(&self, order: ItemOrder, group: &mut Group<'_>) -> Result<(), Declined> {
        match order {
            ItemOrder::Begin(begun) => {
                let known: Option<&ItemId> = begun.item_id.first_chunk();
                if let Some(id) = known
                    && rows::item(group, id)?.is_some()
                {
                    return Err(Decline::Refused(Refusal::Raced));
                }
                self.append_leafless(Event::ItemBegun(*begun), group)
            }
            ItemOrder::Keep {
                id,
                sealed_root,
                reference,
                by,
                custody,
            } => {
                let row = standing(&id, &[ItemStand::Uploading], group)?;
                let leaf = LeafBody {
                    action: Action::Collection.into(),
                    header_digest: row.header_digest.clone(),
                    reference,
                    detail: "item-uploaded".to_owned(),
                    subject: id.to_vec(),
                    ..by.leaf()
                };
                let event = Event::ItemKept(ItemKept {
                    item_id: id.to_vec(),
                    header_digest: row.header_digest,
                    sealed_root,
                });
                self.append(group, event, Vec::new(), leaf)?;
                self.custody(custody, group)
            }
            ItemOrder::Remove {
                id,
                reference,
                by,
                custody,
            } => {
                let row = standing(&id, &[ItemStand::Kept], group)?;
                // Handed over meanwhile: the caller is told so.
                if !row.transfers.is_empty() {
                    return Err(Decline::Refused(Refusal::Raced));
                }
                let leaf = LeafBody {
                    action: Action::Erasure.into(),
                    header_digest: row.header_digest.clone(),
                    reference,
                    detail: "item-removed".to_owned(),
                    subject: id.to_vec(),
                    ..by.leaf()
                };
                let event = Event::ItemRemoved(ItemRemoved {
                    item_id: id.to_vec(),
                    header_digest: row.header_digest,
                });
                self.append(group, event, Vec::new(), leaf)?;
                self.custody(custody, group)
            }
            ItemOrder::Gone { id, why } => {
                let Some(row) = rows::item(group, &id)? else {
                    return Ok(());
                };
                let leaf = LeafBody {
                    actor: self.own_actor(),
                    action: Action::Erasure.into(),
                    header_digest: row.header_digest.clone(),
                    detail: rows::end_word(why).to_owned(),
                    subject: id.to_vec(),
                    ..LeafBody::default()
                };
                let event = Event::ItemGone(ItemGone {
                    item_id: id.to_vec(),
                    header_digest: row.header_digest,
                    why: why.into(),
                });
                self.append(group, event, Vec::new(), leaf)
            }
            ItemOrder::Arrive {
                id,
                reference,
                fault,
                waits,
                custody,
            } => {
                // What arrived and was lost since is fetched again.
                let stands: &[ItemStand] = if waits {
                    &[ItemStand::Awaited, ItemStand::Arrived]
                } else {
                    &[ItemStand::Awaited]
                };
                let row = standing(&id, stands, group)?;
                let leaf = LeafBody {
                    actor: self.own_actor(),
                    peer: row.peer.clone(),
                    action: match fault {
                        None => Action::Collection,
                        Some(_) => Action::Refusal,
                    }
                    .into(),
                    header_digest: row.header_digest.clone(),
                    reference,
                    detail: match fault {
                        None => "item-arrived".to_owned(),
                        Some(fault) if waits => format!("item-waits-{fault}"),
                        Some(fault) => format!("item-refused-{fault}"),
                    },
                    subject: id.to_vec(),
                    ..LeafBody::default()
                };
                let event = Event::ItemArrived(ItemArrived {
                    item_id: id.to_vec(),
                    header_digest: row.header_digest,
                    peer: row.peer,
                    whole: fault.is_none(),
                    fault: fault.unwrap_or_default().to_owned(),
                    waits,
                });
                self.append(group, event, Vec::new(), leaf)?;
                self.custody(custody, group)
            }
            ItemOrder::Told(ids) => {
                let event = Event::ItemsTold(ItemsTold {
                    header_digest: Vec::new(),
                    item_ids: ids.iter().map(|id| id.to_vec()).collect(),
                });
                self.append_leafless(event, group)
            }
            ItemOrder::Damaged { id, peer, chunk } => {
                let Some(row) = rows::item(group, &id)? else {
                    return Ok(());
                };
                let leaf = LeafBody {
                    actor: self.own_actor(),
                    action: Action::Alarm.into(),
                    peer: peer.clone(),
                    header_digest: row.header_digest.clone(),
                    detail: "item-chunk-damaged".to_owned(),
                    purpose: format!("chunk {chunk}"),
                    subject: id.to_vec(),
                    ..LeafBody::default()
                };
                let event = Event::ItemDamaged(ItemDamaged {
                    item_id: id.to_vec(),
                    header_digest: row.header_digest,
                    peer,
                    chunk,
                });
                self.append(group, event, Vec::new(), leaf)
            }
        }
    }

    /// Items that another country's record names, in the group that makes the record durable. An id that
    /// another record or this country has already is not taken: ids are random, so whoever names one a
    /// second time sends the same again or lies. One that was refused before is tried again.
    pub(super) fn await_items(
        &self,
        named: NamedItems,
        digest: Digest,
        peer: Country,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let mut items = Vec::new();
        for item in named.items {
            let Some(id) = item.item_id.first_chunk() else {
                continue;
            };
            let known = rows::item(group, id)?;
            let again = known
                .as_ref()
                .is_none_or(|row| row.stand() == ItemStand::Refused && row.peer == peer.code());
            if again {
                items.push(item);
            }
        }
        if items.is_empty() {
            return Ok(());
        }
        let event = Event::ItemsAwaited(ItemsAwaited {
            header_digest: digest.to_vec(),
            peer: peer.code().to_owned(),
            items,
        });
        self.append_leafless(event, group)
    }

    /// Own items that a record transfers, in the group that makes it durable: from then on its
    /// destinations may ask for their chunks.
    pub(super) fn transfer_items(
        &self,
        named: NamedItems,
        digest: Digest,
        peers: &[&str],
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        if !named.told.is_empty() {
            let event = Event::ItemsTold(ItemsTold {
                header_digest: digest.to_vec(),
                item_ids: named.told,
            });
            self.append_leafless(event, group)?;
        }
        let mut ids = Vec::new();
        for item in named.items {
            let Some(id) = item.item_id.first_chunk() else {
                continue;
            };
            // What came from elsewhere is named again, and not served from here.
            if rows::item(group, id)?.is_some_and(|row| row.stand() == ItemStand::Kept) {
                ids.push(item.item_id);
            }
        }
        if ids.is_empty() {
            return Ok(());
        }
        let event = Event::ItemsTransferred(ItemsTransferred {
            header_digest: digest.to_vec(),
            peers: peers.iter().map(|peer| (*peer).to_owned()).collect(),
            item_ids: ids,
        });
        self.append_leafless(event, group)
    }
}

/// The row of an item that stands where the order needs it.
fn standing(id: &ItemId, stands: &[ItemStand], group: &Group<'_>) -> Result<ItemRow, Declined> {
    let row = rows::item(group, id)?
        .filter(|row| header_of(row).is_some() && stands.contains(&row.stand()));
    row.ok_or(Decline::Refused(Refusal::Raced))
}
