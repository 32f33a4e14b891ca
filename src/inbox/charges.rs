//! Who is in charge of a record, per authority, and every acknowledgement and assignment that led
//! there.

use crate::{
    entry::{ChargeChanged, EntryError},
    store::{Entry as Stored, Keyspace, Place, ReadRows, Rows, Store, StoreError},
};

use super::holding::HoldingError;

/// Who is in charge now.
pub(super) const CHARGES: Keyspace = Keyspace {
    prefix: 0x1d,
    name: "charges",
    key: "local number (u64 big endian), HMAC tag of the authority (16)",
    value: "HMAC tag of the officer in charge (16), place of the entry that says so (12), place of the first acknowledgement (12; absent before it)",
    written_by: "charge changed",
    goes_away: "never",
};

/// Every change.
pub(super) const CHARGE_STEPS: Keyspace = Keyspace {
    prefix: 0x63,
    name: "charge steps",
    key: "local number (u64 big endian), place of the entry (12)",
    value: "empty",
    written_by: "charge changed",
    goes_away: "never",
};

/// Authorities of a record looked at, at most.
const MAX_AUTHORITIES: usize = 256;

/// Who is in charge of a record within an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeRow {
    /// Keyed tag of the officer.
    pub officer: [u8; 16],
    /// The entry that says so.
    pub place: Place,
    /// The first acknowledgement; `None` when the record was only assigned.
    pub acknowledged: Option<Place>,
}

impl ChargeRow {
    fn encode(&self) -> Vec<u8> {
        let mut value = self.officer.to_vec();
        value.extend_from_slice(&self.place.to_bytes());
        if let Some(place) = self.acknowledged {
            value.extend_from_slice(&place.to_bytes());
        }
        value
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let (officer, rest) = value.split_first_chunk::<16>()?;
        let (place, rest) = rest.split_first_chunk::<12>()?;
        Some(Self {
            officer: *officer,
            place: Place::from_bytes(place)?,
            acknowledged: Place::from_bytes(rest),
        })
    }
}

/// Who is in charge of a record within an authority; `None` when nobody ever was.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn of(
    rows: &impl ReadRows,
    number: u64,
    authority: &[u8; 16],
) -> Result<Option<ChargeRow>, StoreError> {
    Ok(rows
        .row(&key(number, authority))?
        .and_then(|value| ChargeRow::decode(&value)))
}

/// Who is in charge of a record, for each authority of which somebody is.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn all(store: &Store, number: u64) -> Result<Vec<ChargeRow>, StoreError> {
    let prefix = CHARGES.key(&[&number.to_be_bytes()]);
    Ok(store
        .scan(&prefix, &prefix, MAX_AUTHORITIES)?
        .iter()
        .filter_map(|(_, value)| ChargeRow::decode(value))
        .collect())
}

/// Every record and authority for which an officer is in charge, by local number, `limit` at most.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn held_by(
    store: &Store,
    officer: &[u8; 16],
    limit: usize,
) -> Result<Vec<(u64, ChargeRow)>, StoreError> {
    const PAGE: usize = 1000;
    let prefix = CHARGES.key(&[]);
    let (mut from, mut held) = (prefix.clone(), Vec::new());
    loop {
        let page = store.scan(&prefix, &from, PAGE)?;
        for (key, value) in &page {
            let number = key
                .get(prefix.len()..)
                .and_then(|key| key.first_chunk::<8>())
                .map(|number| u64::from_be_bytes(*number));
            if let (Some(number), Some(row)) = (number, ChargeRow::decode(value))
                && row.officer == *officer
                && held.len() < limit
            {
                held.push((number, row));
            }
        }
        match page.last() {
            Some((last, _)) if page.len() == PAGE && held.len() < limit => {
                from = [last.as_slice(), &[0]].concat();
            }
            _ => return Ok(held),
        }
    }
}

/// Entries of every change of a record, oldest first, `limit` at most.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn steps(store: &Store, number: u64, limit: usize) -> Result<Vec<Place>, StoreError> {
    let prefix = CHARGE_STEPS.key(&[&number.to_be_bytes()]);
    Ok(store
        .scan(&prefix, &prefix, limit)?
        .iter()
        .filter_map(|(key, _)| Place::from_bytes(key.last_chunk::<12>()?))
        .collect())
}

fn key(number: u64, authority: &[u8]) -> Vec<u8> {
    CHARGES.key(&[&number.to_be_bytes(), authority])
}

pub(super) fn apply(
    changed: &ChargeChanged,
    stored: &Stored<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), HoldingError> {
    let tag = |bytes: &[u8], field| {
        <[u8; 16]>::try_from(bytes).map_err(|_| HoldingError::Entry(EntryError::Field(field)))
    };
    let authority = tag(&changed.authority_tag, "authority_tag")?;
    let before = of(rows, changed.number, &authority)?;
    let first = before.and_then(|row| row.acknowledged);
    let row = ChargeRow {
        officer: tag(&changed.officer_tag, "officer_tag")?,
        place: stored.place,
        acknowledged: first.or(changed.acknowledged.then_some(stored.place)),
    };
    rows.put(key(changed.number, &authority), row.encode());
    let number = changed.number.to_be_bytes();
    rows.put(
        CHARGE_STEPS.key(&[&number, &stored.place.to_bytes()]),
        Vec::new(),
    );
    Ok(())
}
