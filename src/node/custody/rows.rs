//! The own entries of each item's chain of custody, and where it ends.

use crate::{
    crypto::Digest,
    entry::{CustodyStated, Event},
    evidence::custody::{Last, MAX_ENTRIES},
    store::{Entry as Stored, Keyspace, Place, ProjectionError, ReadRows, Rows, Store, StoreError},
    wire::record::CustodyAct,
};

/// Id of an item.
pub(in crate::node) type ItemId = [u8; 16];

/// Where the signed entries stand.
const CUSTODY: Keyspace = Keyspace {
    prefix: 0xc4,
    name: "custody",
    key: "id of the item (16), number (u32 big endian)",
    value: "place of the entry (12 bytes); its blob 0 is the signed custody entry, encrypted under the storage key",
    written_by: "custody stated",
    goes_away: "never: who had an item in hand stays known when it is gone",
};

/// The last own entry of each item.
const ENDS: Keyspace = Keyspace {
    prefix: 0xc5,
    name: "ends of custody",
    key: "id of the item (16)",
    value: "number (u32 big endian), SHA-256 of the custody entry (32), what it states (u32 big endian)",
    written_by: "custody stated",
    goes_away: "never; replaced by the next entry",
};

/// The keyspaces of this file.
pub(in crate::node) const fn keyspaces() -> [&'static Keyspace; 2] {
    [&CUSTODY, &ENDS]
}

/// Keeps what was stated.
pub(in crate::node) fn apply(
    event: &Event,
    stored: &Stored<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), ProjectionError> {
    let Event::CustodyStated(CustodyStated {
        item,
        number,
        entry_digest,
        act,
        ..
    }) = event
    else {
        return Ok(());
    };
    if item.len() != 16 || entry_digest.len() != 32 {
        return Err(ProjectionError::Entry("custody_stated".to_owned()));
    }
    rows.put(
        CUSTODY.key(&[item, &number.to_be_bytes()]),
        stored.place.to_bytes().to_vec(),
    );
    let mut end = number.to_be_bytes().to_vec();
    end.extend_from_slice(entry_digest);
    end.extend_from_slice(&act.to_be_bytes());
    rows.put(ENDS.key(&[item]), end);
    Ok(())
}

/// Where the own chain of an item ends; `None` where none began.
///
/// # Errors
/// [`StoreError`].
pub(in crate::node) fn last(
    rows: &impl ReadRows,
    item: &ItemId,
) -> Result<Option<Last>, StoreError> {
    let Some(row) = rows.row(&ENDS.key(&[item]))? else {
        return Ok(None);
    };
    let read = || {
        let (number, rest) = row.split_first_chunk::<4>()?;
        let (digest, rest) = rest.split_first_chunk::<32>()?;
        let act = i32::from_be_bytes(rest.try_into().ok()?);
        Some(Last {
            number: u32::from_be_bytes(*number),
            digest: Digest::from_array(*digest),
            act: CustodyAct::try_from(act).ok()?,
        })
    };
    let last = read().ok_or_else(|| StoreError::Index("an end of custody".to_owned()))?;
    Ok(Some(last))
}

/// Where the own entries of an item stand, oldest first.
///
/// # Errors
/// [`StoreError`].
pub(super) fn places(store: &Store, item: &ItemId) -> Result<Vec<Place>, StoreError> {
    let prefix = CUSTODY.key(&[item]);
    let rows = store.scan(&prefix, &prefix, MAX_ENTRIES)?;
    rows.iter()
        .map(|(_, value)| {
            Place::from_bytes(value).ok_or_else(|| StoreError::Index("a place".to_owned()))
        })
        .collect()
}
