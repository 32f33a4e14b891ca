//! What is known of items, as rows: each item, those of a record, those that are not whole yet, and
//! those whose record was shredded.

use prost::Message as _;

use crate::{
    crypto::Digest,
    entry::{Entry, Event, ItemEnd, ItemRow, ItemStand, ItemTransfer},
    store::{Entry as Stored, Keyspace, Place, ProjectionError, ReadRows, Rows, Store, StoreError},
};

use super::ItemId;

/// Items.
const ITEMS: Keyspace = Keyspace {
    prefix: 0xb0,
    name: "items",
    key: "id (16)",
    value: "encoded ItemRow",
    written_by: "item begun, kept, arrived, gone; items awaited, transferred",
    goes_away: "item gone",
};

/// Items of a record.
const OF_RECORD: Keyspace = Keyspace {
    prefix: 0xb1,
    name: "items of a record",
    key: "SHA-256 of the header (32)",
    value: "ids, 16 bytes each, in the order in which they came",
    written_by: "item begun, gone; items awaited",
    goes_away: "with the last of its items",
};

/// Items that are not whole.
const OPEN: Keyspace = Keyspace {
    prefix: 0xb2,
    name: "items under way",
    key: "country that they come from (2; zeros: an upload), id (16)",
    value: "empty",
    written_by: "item begun, items awaited, item arrived that is to be fetched again",
    goes_away: "item kept, arrived, gone",
};

/// Items of records that were shredded, and uploads that were taken back.
const DOOMED: Keyspace = Keyspace {
    prefix: 0xb3,
    name: "items to be removed",
    key: "id (16)",
    value: "empty",
    written_by: "erased, item removed",
    goes_away: "item gone",
};

/// Items of which the country that sent them is to be told.
const UNTOLD: Keyspace = Keyspace {
    prefix: 0xb4,
    name: "items to be told of",
    key: "id (16)",
    value: "empty",
    written_by: "item arrived",
    goes_away: "items told, item gone",
};

/// Countries that own items were transferred to.
const TRANSFERRED: Keyspace = Keyspace {
    prefix: 0xb5,
    name: "items transferred",
    key: "country (2)",
    value: "empty",
    written_by: "items transferred",
    goes_away: "never",
};

/// Countries that items came from.
const CAME: Keyspace = Keyspace {
    prefix: 0xb6,
    name: "items that came whole",
    key: "country (2)",
    value: "empty",
    written_by: "item arrived whole",
    goes_away: "never",
};

/// Items that one answer looks at, at most.
pub(super) const MAX_ITEMS: usize = 65_536;
/// Items of one record.
pub(in crate::node) const MAX_OF_RECORD: usize = 256;

pub(in crate::node) const fn keyspaces() -> [&'static Keyspace; 7] {
    [
        &ITEMS,
        &OF_RECORD,
        &OPEN,
        &DOOMED,
        &UNTOLD,
        &TRANSFERRED,
        &CAME,
    ]
}

fn open_key(peer: &str, id: &[u8]) -> Vec<u8> {
    let peer = match peer.as_bytes() {
        [] => &[0, 0],
        code => code,
    };
    OPEN.key(&[peer, id])
}

pub(in crate::node) fn apply(
    entry: &Entry,
    stored: &Stored<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), ProjectionError> {
    let place = stored.place.to_bytes().to_vec();
    match &entry.event {
        Event::ItemBegun(begun) => {
            let row = ItemRow {
                stand: ItemStand::Uploading.into(),
                place,
                header_digest: begun.header_digest.clone(),
                size: begun.size,
                chunk_size: begun.chunk_size,
                slot: begun.slot,
                at_us: entry.time.micros(),
                until_us: begun.until_us,
                uploader_tag: begun.uploader_tag.clone(),
                resume_tag: begun.resume_tag.clone(),
                ..ItemRow::default()
            };
            add(&begun.item_id, &row, rows)?;
        }
        Event::ItemKept(kept) => change(&kept.item_id, rows, |row| {
            row.stand = ItemStand::Kept.into();
            row.kept_place = place;
        })?,
        Event::ItemsAwaited(awaited) => {
            for item in &awaited.items {
                let row = ItemRow {
                    stand: ItemStand::Awaited.into(),
                    place: place.clone(),
                    header_digest: awaited.header_digest.clone(),
                    peer: awaited.peer.clone(),
                    size: item.size,
                    chunk_size: item.chunk_size,
                    at_us: entry.time.micros(),
                    ..ItemRow::default()
                };
                add(&item.item_id, &row, rows)?;
            }
        }
        Event::ItemArrived(arrived) => {
            change(&arrived.item_id, rows, |row| {
                row.stand = match (arrived.whole, arrived.waits) {
                    (true, _) => ItemStand::Arrived,
                    (false, true) => ItemStand::Awaited,
                    (false, false) => ItemStand::Refused,
                }
                .into();
                row.fault.clone_from(&arrived.fault);
            })?;
            rows.put(UNTOLD.key(&[&arrived.item_id]), Vec::new());
            if arrived.whole {
                rows.put(CAME.key(&[arrived.peer.as_bytes()]), Vec::new());
            }
        }
        Event::ItemsTold(told) => {
            for id in &told.item_ids {
                rows.delete(UNTOLD.key(&[id]));
            }
        }
        Event::ItemsTransferred(transferred) => {
            for peer in &transferred.peers {
                rows.put(TRANSFERRED.key(&[peer.as_bytes()]), Vec::new());
            }
            for id in &transferred.item_ids {
                change(id, rows, |row| {
                    row.transfers
                        .extend(transferred.peers.iter().map(|peer| ItemTransfer {
                            peer: peer.clone(),
                            header_digest: transferred.header_digest.clone(),
                        }));
                })?;
            }
        }
        Event::ItemRemoved(removed) => {
            change(&removed.item_id, rows, |row| {
                row.stand = ItemStand::Removed.into();
            })?;
            rows.put(DOOMED.key(&[&removed.item_id]), Vec::new());
        }
        Event::ItemGone(gone) => remove(&gone.item_id, rows)?,
        Event::Erased(erased) if !erased.victims_only => {
            let ids = rows.get(&OF_RECORD.key(&[&erased.header_digest]))?;
            let (ids, _) = ids.as_deref().unwrap_or_default().as_chunks::<16>();
            for id in ids {
                rows.put(DOOMED.key(&[id]), Vec::new());
            }
        }
        _ => {}
    }
    Ok(())
}

fn add(id: &[u8], row: &ItemRow, rows: &mut Rows<'_>) -> Result<(), ProjectionError> {
    if let Some(before) = rows.get(&ITEMS.key(&[id]))? {
        let before = decode(&before)?;
        rows.delete(open_key(&before.peer, id));
        forget(&before.header_digest, id, rows)?;
    }
    rows.put(ITEMS.key(&[id]), row.encode_to_vec());
    rows.put(open_key(&row.peer, id), Vec::new());
    rows.update(OF_RECORD.key(&[&row.header_digest]), |ids| {
        ids.extend_from_slice(id);
    })?;
    Ok(())
}

fn change(
    id: &[u8],
    rows: &mut Rows<'_>,
    change: impl FnOnce(&mut ItemRow),
) -> Result<(), ProjectionError> {
    let Some(row) = rows.get(&ITEMS.key(&[id]))? else {
        return Ok(());
    };
    let mut row = decode(&row)?;
    change(&mut row);
    if is_open(&row) {
        rows.put(open_key(&row.peer, id), Vec::new());
    } else {
        rows.delete(open_key(&row.peer, id));
    }
    rows.put(ITEMS.key(&[id]), row.encode_to_vec());
    Ok(())
}

fn remove(id: &[u8], rows: &mut Rows<'_>) -> Result<(), ProjectionError> {
    if let Some(row) = rows.get(&ITEMS.key(&[id]))? {
        let row = decode(&row)?;
        rows.delete(open_key(&row.peer, id));
        forget(&row.header_digest, id, rows)?;
        rows.delete(ITEMS.key(&[id]));
    }
    rows.delete(DOOMED.key(&[id]));
    rows.delete(UNTOLD.key(&[id]));
    Ok(())
}

/// Takes an item out of the list of its record.
fn forget(header: &[u8], id: &[u8], rows: &mut Rows<'_>) -> Result<(), ProjectionError> {
    let key = OF_RECORD.key(&[header]);
    let ids = rows.get(&key)?.unwrap_or_default();
    let (ids, _) = ids.as_chunks::<16>();
    let left: Vec<u8> = ids
        .iter()
        .filter(|of| *of != id)
        .flatten()
        .copied()
        .collect();
    if left.is_empty() {
        rows.delete(key);
    } else {
        rows.put(key, left);
    }
    Ok(())
}

fn is_open(row: &ItemRow) -> bool {
    matches!(row.stand(), ItemStand::Uploading | ItemStand::Awaited)
}

fn decode(value: &[u8]) -> Result<ItemRow, ProjectionError> {
    ItemRow::decode(value).map_err(|error| ProjectionError::Entry(error.to_string()))
}

fn read(value: &[u8]) -> Result<ItemRow, StoreError> {
    ItemRow::decode(value).map_err(|error| StoreError::Index(format!("a row of an item: {error}")))
}

/// An item's row; `None` when there is none.
pub(in crate::node) fn item(
    rows: &impl ReadRows,
    id: &ItemId,
) -> Result<Option<ItemRow>, StoreError> {
    rows.row(&ITEMS.key(&[id]))?
        .as_deref()
        .map(read)
        .transpose()
}

/// The items of a record, in the order in which they came.
pub(in crate::node) fn of_record(
    rows: &impl ReadRows,
    header: &Digest,
) -> Result<Vec<ItemId>, StoreError> {
    let ids = rows.row(&OF_RECORD.key(&[header.as_bytes()]))?;
    Ok(ids.unwrap_or_default().as_chunks::<16>().0.to_vec())
}

/// Every item.
pub(super) fn all(store: &Store) -> Result<Vec<(ItemId, ItemRow)>, StoreError> {
    let prefix = ITEMS.key(&[]);
    let mut found = Vec::new();
    for (key, value) in store.scan(&prefix, &prefix, MAX_ITEMS)? {
        if let Some(id) = key.last_chunk::<16>() {
            found.push((*id, read(&value)?));
        }
    }
    Ok(found)
}

/// Uploads that are not finished (`None`), or what is awaited of a country.
pub(super) fn open(store: &Store, peer: Option<&str>) -> Result<Vec<ItemId>, StoreError> {
    let prefix = open_key(peer.unwrap_or_default(), &[]);
    let rows = store.scan(&prefix, &prefix, MAX_ITEMS)?;
    let ids = rows.iter().filter_map(|(key, _)| key.last_chunk::<16>());
    Ok(ids.copied().collect())
}

/// Whether any own item was transferred to a country.
pub(super) fn transferred(rows: &impl ReadRows, peer: &str) -> Result<bool, StoreError> {
    Ok(rows.row(&TRANSFERRED.key(&[peer.as_bytes()]))?.is_some())
}

/// Whether any item of a country arrived whole.
pub(super) fn came_from(rows: &impl ReadRows, peer: &str) -> Result<bool, StoreError> {
    Ok(rows.row(&CAME.key(&[peer.as_bytes()]))?.is_some())
}

/// Items of which the country that sent them is to be told.
pub(super) fn untold(store: &Store) -> Result<Vec<ItemId>, StoreError> {
    let prefix = UNTOLD.key(&[]);
    let rows = store.scan(&prefix, &prefix, MAX_ITEMS)?;
    let ids = rows.iter().filter_map(|(key, _)| key.last_chunk::<16>());
    Ok(ids.copied().collect())
}

/// Items whose record was shredded, and those that were taken back.
pub(super) fn doomed(store: &Store) -> Result<Vec<ItemId>, StoreError> {
    let prefix = DOOMED.key(&[]);
    let rows = store.scan(&prefix, &prefix, MAX_ITEMS)?;
    let ids = rows.iter().filter_map(|(key, _)| key.last_chunk::<16>());
    Ok(ids.copied().collect())
}

/// Where the entry stands that began an item.
pub(super) fn place(row: &ItemRow) -> Option<Place> {
    Place::from_bytes(&row.place)
}

/// Where the entry stands that says that it is kept.
pub(super) fn kept_place(row: &ItemRow) -> Option<Place> {
    Place::from_bytes(&row.kept_place)
}

/// As a leaf says why an item is gone.
pub(in crate::node) const fn end_word(why: ItemEnd) -> &'static str {
    match why {
        ItemEnd::Expired => "item-upload-expired",
        ItemEnd::Abandoned => "item-upload-abandoned",
        ItemEnd::Shredded => "item-shredded",
        ItemEnd::Removed => "item-erased",
        ItemEnd::Unspecified => "item-gone",
    }
}
