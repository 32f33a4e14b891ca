//! Joint cases among the records held: what belongs to each, and which version of it is the newest.

use crate::{
    crypto::Digest,
    entry::{EntryError, Holding},
    store::{Keyspace, ReadRows, Rows, Store, StoreError},
};

use super::holding::HoldingError;

/// Keyed tag of a joint case: of reference and header of its first version.
pub type CaseTag = [u8; 16];

/// What belongs to each joint case.
pub(super) const BELONGS: Keyspace = Keyspace {
    prefix: 0xc8,
    name: "records of joint cases",
    key: "HMAC tag of the joint case (16), local number (u64 big endian)",
    value: "empty",
    written_by: "submitted, received",
    goes_away: "never",
};

/// The newest version of each joint case: the highest edition; of two with one edition the one whose
/// header has the smaller digest, at every holder.
pub(super) const NEWEST: Keyspace = Keyspace {
    prefix: 0xc9,
    name: "joint cases",
    key: "HMAC tag of the joint case (16)",
    value: "edition (u32 big endian), SHA-256 of the header (32), local number (u64 big endian) of the newest version",
    written_by: "submitted, received",
    goes_away: "never; replaced by a newer version",
};

/// A version of a joint case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseVersion {
    /// Which.
    pub edition: u32,
    /// SHA-256 of its header.
    pub digest: Digest,
    /// Its local number.
    pub number: u64,
}

impl CaseVersion {
    fn encode(&self) -> Vec<u8> {
        [
            &self.edition.to_be_bytes()[..],
            self.digest.as_bytes(),
            &self.number.to_be_bytes(),
        ]
        .concat()
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let (edition, rest) = value.split_first_chunk::<4>()?;
        let (digest, number) = rest.split_first_chunk::<32>()?;
        Some(Self {
            edition: u32::from_be_bytes(*edition),
            digest: Digest::from_array(*digest),
            number: u64::from_be_bytes(number.try_into().ok()?),
        })
    }

    /// Whether it counts instead of another.
    fn replaces(&self, other: &Self) -> bool {
        (self.edition, other.digest.as_bytes()) > (other.edition, self.digest.as_bytes())
    }
}

/// Notes what belongs to a joint case.
pub(super) fn add(holding: &Holding, rows: &mut Rows<'_>) -> Result<(), HoldingError> {
    if holding.joint_case_tag.is_empty() {
        return Ok(());
    }
    let tag: CaseTag = holding
        .joint_case_tag
        .as_slice()
        .try_into()
        .map_err(|_| EntryError::Field("joint_case_tag"))?;
    rows.put(
        BELONGS.key(&[&tag, &holding.number.to_be_bytes()]),
        Vec::new(),
    );
    if holding.joint_case_edition == 0 {
        return Ok(());
    }
    let version = CaseVersion {
        edition: holding.joint_case_edition,
        digest: Digest::try_from(holding.header_digest.as_slice())
            .map_err(|_| EntryError::Field("header_digest"))?,
        number: holding.number,
    };
    let known = rows.get(&NEWEST.key(&[&tag]))?;
    let known = known.and_then(|value| CaseVersion::decode(&value));
    if known.is_none_or(|known| version.replaces(&known)) {
        rows.put(NEWEST.key(&[&tag]), version.encode());
    }
    Ok(())
}

/// The newest version of a joint case.
///
/// # Errors
/// [`StoreError`] when the store cannot be read; so for every question here.
pub fn newest(rows: &impl ReadRows, tag: &CaseTag) -> Result<Option<CaseVersion>, StoreError> {
    let value = rows.row(&NEWEST.key(&[tag]))?;
    Ok(value.and_then(|value| CaseVersion::decode(&value)))
}

/// Joint cases from a tag on (exclusive; `None`: from the first), `limit` at most.
///
/// # Errors
/// As [`newest`].
pub fn cases(
    store: &Store,
    after: Option<&CaseTag>,
    limit: usize,
) -> Result<Vec<(CaseTag, CaseVersion)>, StoreError> {
    // The key that follows is the tag with one byte more.
    let from = after.map_or_else(Vec::new, |tag| NEWEST.key(&[tag, &[0]]));
    let rows = store.scan(&NEWEST.key(&[]), &from, limit)?;
    let each = rows
        .iter()
        .filter_map(|(key, value)| Some((*key.last_chunk::<16>()?, CaseVersion::decode(value)?)));
    Ok(each.collect())
}

/// Local numbers of what belongs to a joint case, above a number, oldest first, `limit` at most.
///
/// # Errors
/// As [`newest`].
pub fn records(
    store: &Store,
    tag: &CaseTag,
    after: u64,
    limit: usize,
) -> Result<Vec<u64>, StoreError> {
    let from = BELONGS.key(&[tag, &after.saturating_add(1).to_be_bytes()]);
    let rows = store.scan(&BELONGS.key(&[tag]), &from, limit)?;
    let each = rows
        .iter()
        .filter_map(|(key, _)| Some(u64::from_be_bytes(*key.last_chunk::<8>()?)));
    Ok(each.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(edition: u32, digest: u8, number: u64) -> CaseVersion {
        CaseVersion {
            edition,
            digest: Digest::from_array([digest; 32]),
            number,
        }
    }

    #[test]
    fn a_version_comes_back_from_its_row() {
        let version = version(7, 3, 9);
        assert_eq!(CaseVersion::decode(&version.encode()), Some(version));
        assert_eq!(CaseVersion::decode(&[0; 43]), None);
    }

    proptest! {
        #[test]
        fn every_holder_takes_the_same_version(
            versions in prop::collection::vec((1..5_u32, 0..5_u8), 1..10), turn in 0..10_usize
        ) {
            let all: Vec<_> = (0..).zip(&versions).map(|(number, (edition, digest))| version(*edition, *digest, number)).collect();
            let last = |all: &[CaseVersion]| {
                let mut kept = all[0];
                for one in all {
                    if one.replaces(&kept) { kept = *one; }
                }
                (kept.edition, kept.digest)
            };
            let mut turned = all.clone();
            turned.rotate_left(turn % all.len());
            prop_assert_eq!(last(&all), last(&turned));
            turned.reverse();
            prop_assert_eq!(last(&all), last(&turned));
        }
    }
}
