//! What follows what: under each header digest the records that follow it, in the order in which
//! they became durable here, whether the followed record is here or not.

use crate::{
    crypto::Digest,
    entry::{EntryError, Holding},
    record::Country,
    store::{Keyspace, ReadRows, Rows, Run, StoreError},
    wire::record::FollowType,
};

use super::holding::HoldingError;

/// Followers of a header digest.
pub(super) const FOLLOWERS: Run<76> = Run {
    space: Keyspace {
        prefix: 0x16,
        name: "followers",
        key: "SHA-256 of the followed header, index / 16 (u64 big endian)",
        value: "16 times: local number (u64 be), follow type (1), step (1), origin (2), SHA-256 of the follower's header (32), tag of the kind bound to the followed header (16), the follower's own kind tag (16)",
        written_by: "submitted, received",
        goes_away: "never",
    },
    per_row: 16,
};

/// How many followers a header digest has.
pub(super) const FOLLOWED: Keyspace = Keyspace {
    prefix: 0x17,
    name: "followed",
    key: "SHA-256 of the followed header",
    value: "count, u64 big endian",
    written_by: "submitted, received",
    goes_away: "never",
};

/// Followers read at a time.
const PAGE: usize = 256;

/// A record that follows another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follower {
    /// Its local number.
    pub number: u64,
    /// How it follows.
    pub kind: FollowType,
    /// Field number of its step; 0 without one.
    pub step: u8,
    /// Country that sealed it.
    pub origin: Country,
    /// SHA-256 of its header.
    pub digest: Digest,
    /// Tag of its kind, bound to the followed header; zeros but for amendments.
    pub follows_kind: [u8; 16],
    /// Tag of its kind, bound to its own header.
    pub own_kind: [u8; 16],
}

impl Follower {
    fn encode(&self) -> [u8; 76] {
        let mut value = [0; 76];
        let parts = self
            .number
            .to_be_bytes()
            .into_iter()
            .chain([u8::try_from(self.kind as i32).unwrap_or(0), self.step])
            .chain(self.origin.code().bytes())
            .chain(*self.digest.as_bytes())
            .chain(self.follows_kind)
            .chain(self.own_kind);
        for (to, from) in value.iter_mut().zip(parts) {
            *to = from;
        }
        value
    }

    fn decode(value: &[u8; 76]) -> Option<Self> {
        let (number, rest) = value.split_first_chunk::<8>()?;
        let ([kind, step], rest) = rest.split_first_chunk::<2>()?;
        let (origin, rest) = rest.split_first_chunk::<2>()?;
        let (digest, rest) = rest.split_first_chunk::<32>()?;
        let (follows_kind, own_kind) = rest.split_first_chunk::<16>()?;
        Some(Self {
            number: u64::from_be_bytes(*number),
            kind: FollowType::try_from(i32::from(*kind)).ok()?,
            step: *step,
            origin: std::str::from_utf8(origin).ok()?.parse().ok()?,
            digest: Digest::from_array(*digest),
            follows_kind: *follows_kind,
            own_kind: own_kind.try_into().ok()?,
        })
    }
}

/// Adds a record to the followers of what it follows.
pub(super) fn add(holding: &Holding, rows: &mut Rows<'_>) -> Result<(), HoldingError> {
    let Some(follow) = &holding.follow else {
        return Ok(());
    };
    let field = |name| HoldingError::Entry(EntryError::Field(name));
    let followed = Digest::try_from(follow.header_digest.as_slice())
        .map_err(|_| field("follow.header_digest"))?;
    let follower = Follower {
        number: holding.number,
        kind: FollowType::try_from(follow.r#type).map_err(|_| field("follow.type"))?,
        step: u8::try_from(follow.step).map_err(|_| field("follow.step"))?,
        origin: holding.origin.parse().map_err(EntryError::from)?,
        digest: Digest::try_from(holding.header_digest.as_slice())
            .map_err(|_| field("header_digest"))?,
        follows_kind: tag(&follow.kind_tag),
        own_kind: tag(&holding.kind_tag),
    };
    let count = count(rows, &followed)?;
    FOLLOWERS.put(rows, followed.as_bytes(), count, &follower.encode())?;
    rows.put(
        FOLLOWED.key(&[followed.as_bytes()]),
        count.saturating_add(1).to_be_bytes().to_vec(),
    );
    Ok(())
}

/// A tag of 16 bytes; zeros for none.
pub fn tag(bytes: &[u8]) -> [u8; 16] {
    bytes.try_into().unwrap_or_default()
}

/// How many records follow a header.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn count(rows: &impl ReadRows, followed: &Digest) -> Result<u64, StoreError> {
    Ok(rows
        .row(&FOLLOWED.key(&[followed.as_bytes()]))?
        .and_then(|value| value.as_slice().try_into().ok())
        .map_or(0, u64::from_be_bytes))
}

/// Followers of a header for which `wanted` holds, oldest first.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn followers(
    rows: &impl ReadRows,
    followed: &Digest,
    mut wanted: impl FnMut(&Follower) -> bool,
) -> Result<Vec<Follower>, StoreError> {
    let count = count(rows, followed)?;
    let mut found = Vec::new();
    let mut next = 0;
    while next < count {
        let page = FOLLOWERS.from(rows, followed.as_bytes(), next, PAGE)?;
        if page.is_empty() {
            break;
        }
        next = next.saturating_add(u64::try_from(page.len()).unwrap_or(u64::MAX));
        found.extend(
            page.iter()
                .filter_map(|(_, value)| Follower::decode(value))
                .filter(|follower| wanted(follower)),
        );
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_comes_back_from_its_row() {
        let follower = Follower {
            number: 7,
            kind: FollowType::Step,
            step: 1,
            origin: "UZ".parse().unwrap(),
            digest: Digest::from_array([3; 32]),
            follows_kind: [4; 16],
            own_kind: [5; 16],
        };
        assert_eq!(Follower::decode(&follower.encode()), Some(follower));
        assert_eq!(Follower::decode(&[0; 76]), None);
    }
}
