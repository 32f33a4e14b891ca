//! The keyspace of receipts for what happened after delivery.

use crate::{
    crypto::Digest,
    entry::LateReceipt,
    store::{Keyspace, Place, ReadRows as _, Rows, Store, StoreError},
    wire::envelope::ReceiptType,
};

/// Receipts for what happened after delivery.
pub(super) const LATE: Keyspace = Keyspace {
    prefix: 0x1a,
    name: "late receipts",
    key: "SHA-256 of the header, issuer (2), type (1), time (u64 big endian)",
    value: "place of the entry (12 bytes), blob (u32 big endian), index in it (u32 big endian)",
    written_by: "late receipts kept",
    goes_away: "never",
};

/// A late receipt in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateRow {
    /// The entry.
    pub place: Place,
    /// Its blob.
    pub blob: u32,
    /// Which receipt of it.
    pub index: u32,
}

/// Late receipts about a record, by issuer, type and time, `limit` at most.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn late_receipts(
    store: &Store,
    header: &Digest,
    limit: usize,
) -> Result<Vec<LateRow>, StoreError> {
    let prefix = LATE.key(&[header.as_bytes()]);
    Ok(store
        .scan(&prefix, &prefix, limit)?
        .iter()
        .filter_map(|(_, value)| {
            let (place, rest) = value.split_first_chunk::<12>()?;
            let (blob, index) = rest.split_first_chunk::<4>()?;
            Some(LateRow {
                place: Place::from_bytes(place)?,
                blob: u32::from_be_bytes(*blob),
                index: u32::from_be_bytes(index.try_into().ok()?),
            })
        })
        .collect())
}

/// Whether a late receipt about a record is kept.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn is_kept(
    store: &Store,
    header: &Digest,
    issuer: &str,
    kind: ReceiptType,
    time_us: i64,
) -> Result<bool, StoreError> {
    Ok(store.row(&key(header, issuer, kind, time_us))?.is_some())
}

fn key(header: &Digest, issuer: &str, kind: ReceiptType, time_us: i64) -> Vec<u8> {
    let time = u64::try_from(time_us).unwrap_or(0);
    LATE.key(&[
        header.as_bytes(),
        issuer.as_bytes(),
        &[u8::try_from(kind as i32).unwrap_or(0)],
        &time.to_be_bytes(),
    ])
}

/// Writes the row of a late receipt.
pub(super) fn put(
    header: &Digest,
    receipt: &LateReceipt,
    kind: ReceiptType,
    row: &LateRow,
    rows: &mut Rows<'_>,
) {
    let mut value = row.place.to_bytes().to_vec();
    value.extend_from_slice(&row.blob.to_be_bytes());
    value.extend_from_slice(&row.index.to_be_bytes());
    rows.put(key(header, &receipt.issuer, kind, receipt.time_us), value);
}
