//! The one projection the store replays: every room's, one after the other.

use crate::{
    crypto::Digest,
    entry::{Entry, EntryError, Event, Fenced},
    inbox, ledger,
    record::{Country, Moment},
    replication::lanes,
    store::{
        Entry as Stored, Keyspace, Layout, Place, Projection, ProjectionError, ReadRows, Rows,
        Store,
    },
    wire,
};

use super::{NodeError, custody, heard, intake, items, lives, told};

/// Cards held, by country.
const CARDS: Keyspace = Keyspace {
    prefix: 0x40,
    name: "cards",
    key: "country (2)",
    value: "place of the entry (12 bytes)",
    written_by: "card accepted",
    goes_away: "never; replaced by a newer version",
};

/// Checkpoints of peers, the newest found consistent.
const CHECKPOINTS: Keyspace = Keyspace {
    prefix: 0x41,
    name: "peers' checkpoints",
    key: "country (2)",
    value: "place of the entry (12 bytes)",
    written_by: "checkpoint seen",
    goes_away: "never; replaced by a newer one",
};

/// Who this node is.
const IDENTITY: Keyspace = Keyspace {
    prefix: 0x50,
    name: "identity",
    key: "empty",
    value: "place of the entry (12 bytes)",
    written_by: "node created",
    goes_away: "never",
};

/// Peers that know more of this node than the node itself does.
const FENCES: Keyspace = Keyspace {
    prefix: 0x51,
    name: "fences",
    key: "country (2)",
    value: "place of the entry (12 bytes)",
    written_by: "fenced",
    goes_away: "node renewed",
};

/// The permissions in force.
const PERMISSIONS: Keyspace = Keyspace {
    prefix: 0xa1,
    name: "permissions in force",
    key: "empty",
    value: "place of the entry (12 bytes), SHA-256 of the table (32)",
    written_by: "permissions changed",
    goes_away: "never; replaced by the next",
};

/// Every keyspace of a node, for the documentation and the test that no two share a prefix.
pub fn keyspaces() -> Vec<&'static Keyspace> {
    let mut all = vec![&CARDS, &CHECKPOINTS, &IDENTITY, &FENCES, &PERMISSIONS];
    all.extend(lives::keyspaces());
    all.extend(heard::keyspaces());
    all.extend(told::keyspaces());
    all.extend(items::rows::keyspaces());
    all.push(intake::rows::keyspace());
    all.extend(custody::rows::keyspaces());
    all.extend(inbox::keyspaces());
    all.extend(lanes::keyspaces());
    all.extend(ledger::rows::keyspaces());
    all.sort_by_key(|keyspace| keyspace.prefix);
    all
}

/// Raised when rows change their meaning while their keyspaces' words stay the same.
const ROWS_VERSION: u32 = 1;

/// Names the layout of the rows by what the keyspaces say of keys and values, so that no change of
/// these can be forgotten.
fn layout() -> Layout {
    let mut text = format!("rows {ROWS_VERSION}\n");
    for space in keyspaces() {
        let Keyspace {
            prefix, key, value, ..
        } = space;
        text.push_str(&format!("{prefix:02x} {key} = {value}\n"));
    }
    let digest = Digest::of(text.as_bytes());
    digest.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// Cards held at most: ISO 3166-1 assigns 249 codes.
const MAX_CARDS: usize = 300;

/// Applies entries to the keyspaces of every room.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rooms;

impl Projection for Rooms {
    fn layout(&self) -> Layout {
        layout()
    }

    fn apply(&self, stored: &Stored<'_>, rows: &mut Rows<'_>) -> Result<(), ProjectionError> {
        apply(&Entry::decode(stored.body).map_err(invalid)?, stored, rows)
    }
}

/// Applies a decoded entry to the keyspaces of every room, as a replay does and as the writer does
/// with the entry it has just made.
pub(super) fn apply(
    entry: &Entry,
    stored: &Stored<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), ProjectionError> {
    inbox::apply(entry, stored, rows).map_err(invalid)?;
    lanes::apply(&entry.event, stored, rows).map_err(invalid)?;
    lives::apply(&entry.event, stored, rows)?;
    heard::apply(&entry.event, stored.place, rows)?;
    told::apply(&entry.event, rows)?;
    items::rows::apply(entry, stored, rows)?;
    intake::rows::apply(&entry.event, rows)?;
    custody::rows::apply(&entry.event, stored, rows)?;
    let about = about(&entry.event).map_err(invalid)?;
    ledger::rows::apply(entry, about.as_slice(), stored, rows).map_err(invalid)?;
    match &entry.event {
        Event::CardAccepted(accepted) => rows.put(
            CARDS.key(&[accepted.country.as_bytes()]),
            stored.place.to_bytes().to_vec(),
        ),
        Event::CheckpointSeen(seen) => rows.put(
            CHECKPOINTS.key(&[seen.peer.as_bytes()]),
            stored.place.to_bytes().to_vec(),
        ),
        Event::Fenced(fenced) => rows.put(
            FENCES.key(&[fenced.peer.as_bytes()]),
            stored.place.to_bytes().to_vec(),
        ),
        Event::NodeRenewed(renewed) => {
            for country in &renewed.lifted {
                rows.delete(FENCES.key(&[country.as_bytes()]));
            }
        }
        Event::AccessChanged(changed) if changed.lasting => {
            let mut value = stored.place.to_bytes().to_vec();
            value.extend_from_slice(&changed.digest);
            rows.put(PERMISSIONS.key(&[]), value);
        }
        Event::NodeCreated(_) => {
            rows.put(IDENTITY.key(&[]), stored.place.to_bytes().to_vec());
        }
        _ => {}
    }
    Ok(())
}

fn invalid(error: impl std::fmt::Display) -> ProjectionError {
    ProjectionError::Entry(error.to_string())
}

/// The record an entry's leaf is about, where the entry is not the record's own.
fn about(event: &Event) -> Result<Option<Digest>, EntryError> {
    let bytes = match event {
        Event::Refused(refused) => Some(&refused.header_digest),
        Event::Read(read) if !read.header_digest.is_empty() => Some(&read.header_digest),
        Event::Locked(locked) => Some(&locked.header_digest),
        Event::HoldChanged(changed) => Some(&changed.header_digest),
        Event::Rekeyed(rekeyed) => Some(&rekeyed.header_digest),
        Event::Erased(erased) => Some(&erased.header_digest),
        Event::Disclosed(disclosed) => Some(&disclosed.header_digest),
        Event::ChargeChanged(changed) => Some(&changed.header_digest),
        Event::Escalated(escalated) => Some(&escalated.header_digest),
        Event::CustodyStated(stated) => Some(&stated.header_digest),
        Event::ItemKept(kept) => Some(&kept.header_digest),
        Event::ItemGone(gone) => Some(&gone.header_digest),
        Event::ItemArrived(arrived) => Some(&arrived.header_digest),
        Event::ItemDamaged(damaged) => Some(&damaged.header_digest),
        Event::ClockTold(told) => Some(&told.header_digest),
        _ => None,
    };
    bytes
        .map(|bytes| Digest::try_from(bytes.as_slice()))
        .transpose()
        .map_err(|_| EntryError::Field("header_digest"))
}

/// The node-created entry; `None` in a new store.
pub(super) fn identity(store: &Store) -> Result<Option<crate::entry::NodeCreated>, NodeError> {
    let Some(place) = store
        .row(&IDENTITY.key(&[]))?
        .and_then(|v| Place::from_bytes(&v))
    else {
        return Ok(None);
    };
    match Entry::decode(&store.body(place)?)?.event {
        Event::NodeCreated(created) => Ok(Some(created)),
        _ => Err(EntryError::Field("node_created").into()),
    }
}

/// The newest checkpoint of a peer that was found consistent.
pub(super) fn checkpoint_of(
    store: &Store,
    peer: Country,
) -> Result<Option<crate::entry::CheckpointSeen>, NodeError> {
    let Some(place) = store
        .row(&CHECKPOINTS.key(&[peer.code().as_bytes()]))?
        .and_then(|value| Place::from_bytes(&value))
    else {
        return Ok(None);
    };
    match Entry::decode(&store.body(place)?)?.event {
        Event::CheckpointSeen(seen) => Ok(Some(seen)),
        _ => Err(EntryError::Field("checkpoint_seen").into()),
    }
}

/// SHA-256 of the permissions in force, as the writer sees it; `None` before the first.
pub(super) fn permissions_digest(
    rows: &impl ReadRows,
) -> Result<Option<Digest>, crate::store::StoreError> {
    let row = rows.row(&PERMISSIONS.key(&[]))?;
    Ok(row.and_then(|value| Digest::try_from(value.get(12..)?).ok()))
}

/// The entry by which the permissions in force came, with when, and the table; `None` before the
/// first.
pub(super) fn permissions(
    store: &Store,
) -> Result<Option<(Moment, crate::entry::AccessChanged, String)>, NodeError> {
    let Some(place) = store
        .row(&PERMISSIONS.key(&[]))?
        .and_then(|value| Place::from_bytes(value.get(..12)?))
    else {
        return Ok(None);
    };
    let entry = Entry::decode(&store.body(place)?)?;
    let Event::AccessChanged(changed) = entry.event else {
        return Err(EntryError::Field("access_changed").into());
    };
    let text = store.blob(place, changed.blob)?;
    let text = String::from_utf8(text.to_vec()).map_err(|_| EntryError::Field("access table"))?;
    Ok(Some((entry.time, changed, text)))
}

/// Whether a store was created already, as the writer sees it.
pub(super) fn is_created(rows: &impl ReadRows) -> Result<bool, crate::store::StoreError> {
    Ok(rows.row(&IDENTITY.key(&[]))?.is_some())
}

/// Where it stands that a peer fenced this node, as the writer sees it.
pub(super) fn fence_place(
    rows: &impl ReadRows,
    peer: Country,
) -> Result<Option<Place>, crate::store::StoreError> {
    let row = rows.row(&FENCES.key(&[peer.code().as_bytes()]))?;
    Ok(row.and_then(|value| Place::from_bytes(&value)))
}

/// Who fenced this node, with when.
pub(super) fn fences(store: &Store) -> Result<Vec<(Moment, Fenced)>, NodeError> {
    let prefix = FENCES.key(&[]);
    let mut fences = Vec::new();
    for (_, value) in store.scan(&prefix, &prefix, MAX_CARDS)? {
        let place = Place::from_bytes(&value).ok_or(EntryError::Field("place"))?;
        let entry = Entry::decode(&store.body(place)?)?;
        if let Event::Fenced(fenced) = entry.event {
            fences.push((entry.time, fenced));
        }
    }
    Ok(fences)
}

/// Every card accepted, newest version per country.
pub(super) fn cards(store: &Store) -> Result<Vec<wire::card::SignedCard>, NodeError> {
    use prost::Message as _;
    let prefix = CARDS.key(&[]);
    let mut cards = Vec::new();
    for (_, value) in store.scan(&prefix, &prefix, MAX_CARDS)? {
        let place = Place::from_bytes(&value).ok_or(EntryError::Field("place"))?;
        if let Event::CardAccepted(accepted) = Entry::decode(&store.body(place)?)?.event {
            cards.push(
                wire::card::SignedCard::decode(accepted.signed_card.as_slice())
                    .map_err(EntryError::from)?,
            );
        }
    }
    Ok(cards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_keyspaces_share_a_prefix() {
        let all = keyspaces();
        let mut prefixes: Vec<u8> = all.iter().map(|keyspace| keyspace.prefix).collect();
        prefixes.dedup();
        assert_eq!(prefixes.len(), all.len());
        assert!(!prefixes.contains(&0), "0 is the store's own");
    }
}
