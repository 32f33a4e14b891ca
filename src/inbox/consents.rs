//! Consent as it stands: requests and their answers, tokens used, and what was passed on. What was
//! disclosed of a record, its leaves in the ledger say.

use crate::{
    crypto::Digest,
    entry::{Disclosed, EntryError, Holding},
    store::{Keyspace, ReadRows, Rows, Store, StoreError},
};

use super::{ask, holding::HoldingError};

/// Field number of a consent request in comity.record.v1.Step.
const REQUEST_STEP: u32 = 2;
/// Field number of a consent answer in comity.record.v1.Step.
const ANSWER_STEP: u32 = 3;

/// Consent requests, sent and received.
const REQUESTS: Keyspace = Keyspace {
    prefix: 0x60,
    name: "consent requests",
    key: "local number of the request, u64 big endian",
    value: "SHA-256 of the header of the record asked about (32), local number of the answer (u64 big endian; 0: none)",
    written_by: "submitted, received",
    goes_away: "never",
};

/// Consent tokens that serve once and were used.
const TOKENS: Keyspace = Keyspace {
    prefix: 0x61,
    name: "consent tokens used",
    key: "SHA-256 of the token",
    value: "local number of the record it was used for, u64 big endian; of an export of an evidence request also its keyed tag (16) and when it was first, microseconds (i64 big endian)",
    written_by: "submitted, received, disclosed",
    goes_away: "never: a token must not serve again",
};

/// Own records that pass another country's record on.
const PASSED_ON: Keyspace = Keyspace {
    prefix: 0x62,
    name: "passed on",
    key: "SHA-256 of the original's header (32), local number of the record that passes it on (u64 big endian)",
    value: "empty",
    written_by: "submitted",
    goes_away: "never",
};

/// Records of other countries that their origins recalled, as those say who passed them on to here.
const REVOKED: Keyspace = Keyspace {
    prefix: 0x81,
    name: "originals revoked",
    key: "SHA-256 of the original's header (32)",
    value: "local number of the recall, u64 big endian",
    written_by: "received",
    goes_away: "never: what was recalled must not come back by another way",
};

/// The keyspaces of this file.
pub(super) const fn keyspaces() -> [&'static Keyspace; 4] {
    [&REQUESTS, &TOKENS, &PASSED_ON, &REVOKED]
}

/// A consent request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRow {
    /// Local number of the request.
    pub number: u64,
    /// SHA-256 of the header of the record asked about.
    pub about: Digest,
    /// Local number of the answer; `None` before there is one.
    pub answer: Option<u64>,
}

fn decode(number: u64, value: &[u8]) -> Option<RequestRow> {
    let (about, answer) = value.split_first_chunk::<32>()?;
    let answer = u64::from_be_bytes(answer.try_into().ok()?);
    Some(RequestRow {
        number,
        about: Digest::from_array(*about),
        answer: (answer != 0).then_some(answer),
    })
}

fn put(row: &RequestRow, rows: &mut Rows<'_>) {
    let mut value = row.about.to_vec();
    value.extend_from_slice(&row.answer.unwrap_or(0).to_be_bytes());
    rows.put(REQUESTS.key(&[&row.number.to_be_bytes()]), value);
}

/// The request with a local number; `None` when that is none.
///
/// # Errors
/// [`StoreError`] when the store cannot be read; so for every question here.
pub fn request(rows: &impl ReadRows, number: u64) -> Result<Option<RequestRow>, StoreError> {
    let key = REQUESTS.key(&[&number.to_be_bytes()]);
    Ok(rows.row(&key)?.and_then(|value| decode(number, &value)))
}

/// Requests with a local number below `before`, newest first, `limit` at most.
///
/// # Errors
/// As [`request`].
pub fn requests(store: &Store, before: u64, limit: usize) -> Result<Vec<RequestRow>, StoreError> {
    let before = REQUESTS.key(&[&before.to_be_bytes()]);
    let found = store.scan_back(&REQUESTS.key(&[]), &before, limit)?;
    Ok(found
        .iter()
        .filter_map(|(key, value)| {
            let number = key.get(1..).and_then(|number| number.try_into().ok())?;
            decode(u64::from_be_bytes(number), value)
        })
        .collect())
}

/// Whether a token that serves once was used.
///
/// # Errors
/// As [`request`].
pub fn is_used(rows: &impl ReadRows, token: &Digest) -> Result<bool, StoreError> {
    Ok(rows.row(&TOKENS.key(&[token.as_bytes()]))?.is_some())
}

/// How long an export of an evidence request may be done again with consent that served it once, in
/// microseconds: a day.
pub const EXPORT_AGAIN_US: i64 = 86_400_000_000;

/// An export of an evidence request that is done now, and may be one that broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportNow {
    /// Keyed tag of who exports, for which court, purpose and case, which compartments, under which leave.
    pub tag: [u8; 16],
    /// Now, microseconds since 1970.
    pub at_us: i64,
}

impl ExportNow {
    /// Whether it is the one that a used token served, and not too late.
    fn is_again(&self, used: &[u8]) -> bool {
        let read = || {
            let (_, rest) = used.split_first_chunk::<8>()?;
            let (tag, first) = rest.split_first_chunk::<16>()?;
            Some((*tag, i64::from_be_bytes(first.try_into().ok()?)))
        };
        read().is_some_and(|(tag, first)| {
            tag == self.tag && self.at_us.saturating_sub(first) <= EXPORT_AGAIN_US
        })
    }
}

/// Whether a token that serves once was used, and by another export than the one that is done now.
///
/// # Errors
/// As [`request`].
pub fn is_used_by_another(
    rows: &impl ReadRows,
    token: &Digest,
    export: Option<&ExportNow>,
) -> Result<bool, StoreError> {
    let used = rows.row(&TOKENS.key(&[token.as_bytes()]))?;
    Ok(used.is_some_and(|used| !export.is_some_and(|export| export.is_again(&used))))
}

/// Whether a record of another country, once passed on to here, was recalled by its origin.
///
/// # Errors
/// As [`request`].
pub fn is_revoked(rows: &impl ReadRows, original: &Digest) -> Result<bool, StoreError> {
    Ok(rows.row(&REVOKED.key(&[original.as_bytes()]))?.is_some())
}

/// Headers of records that this country passed on, with the local number of the record that passes
/// each on, in the order of the headers, beginning after one of them, `limit` at most.
///
/// # Errors
/// As [`request`].
pub fn passed_on(
    store: &Store,
    after: Option<&(Digest, u64)>,
    limit: usize,
) -> Result<Vec<(Digest, u64)>, StoreError> {
    let prefix = PASSED_ON.key(&[]);
    let from = match after {
        Some((original, number)) => {
            // The next key after this one.
            let number = number.to_be_bytes();
            PASSED_ON.key(&[original.as_bytes(), &number, &[0]])
        }
        None => prefix.clone(),
    };
    let found = store.scan(&prefix, &from, limit)?;
    Ok(found
        .iter()
        .filter_map(|(key, _)| passed_on_of(key))
        .collect())
}

/// Local numbers of the records that pass one original on, oldest first, `limit` at most.
///
/// # Errors
/// As [`request`].
pub fn passing_on(store: &Store, original: &Digest, limit: usize) -> Result<Vec<u64>, StoreError> {
    let prefix = PASSED_ON.key(&[original.as_bytes()]);
    let found = store.scan(&prefix, &prefix, limit)?;
    Ok(found
        .iter()
        .filter_map(|(key, _)| passed_on_of(key).map(|(_, number)| number))
        .collect())
}

/// The original's header and the number of the record that passes it on.
fn passed_on_of(key: &[u8]) -> Option<(Digest, u64)> {
    let (original, number) = key.get(1..)?.split_first_chunk::<32>()?;
    let number = u64::from_be_bytes(number.try_into().ok()?);
    Some((Digest::from_array(*original), number))
}

fn digest(bytes: &[u8], field: &'static str) -> Result<Digest, HoldingError> {
    Digest::try_from(bytes).map_err(|_| HoldingError::Entry(EntryError::Field(field)))
}

/// Writes what a record that is held from now on changes.
pub(super) fn begin(
    holding: &Holding,
    foreign: bool,
    rows: &mut Rows<'_>,
) -> Result<(), HoldingError> {
    if !holding.token_digest.is_empty() {
        let token = digest(&holding.token_digest, "token_digest")?;
        rows.put(
            TOKENS.key(&[token.as_bytes()]),
            holding.number.to_be_bytes().to_vec(),
        );
    }
    if !holding.passes_on.is_empty() && !foreign {
        let original = digest(&holding.passes_on, "passes_on")?;
        rows.put(
            PASSED_ON.key(&[original.as_bytes(), &holding.number.to_be_bytes()]),
            Vec::new(),
        );
    }
    let Some(follow) = &holding.follow else {
        return Ok(());
    };
    if foreign && !follow.revokes.is_empty() {
        let original = digest(&follow.revokes, "follow.revokes")?;
        rows.put(
            REVOKED.key(&[original.as_bytes()]),
            holding.number.to_be_bytes().to_vec(),
        );
    }
    let about = digest(&follow.header_digest, "follow.header_digest")?;
    match follow.step {
        REQUEST_STEP => put(
            &RequestRow {
                number: holding.number,
                about,
                answer: None,
            },
            rows,
        ),
        // The first answer counts, and only about the record that was asked about.
        ANSWER_STEP if !follow.answers.is_empty() => {
            let asked = digest(&follow.answers, "follow.answers")?;
            if let Some(number) = ask::by_digest(rows, &asked)?
                && let Some(mut row) = request(rows, number)?
                && row.about == about
                && row.answer.is_none()
            {
                row.answer = Some(holding.number);
                put(&row, rows);
            }
        }
        _ => {}
    }
    Ok(())
}

/// Writes the rows of a disclosure: a token that serves once has served. Of an export that is done again the
/// first time counts.
pub(super) fn disclosed(disclosed: &Disclosed, rows: &mut Rows<'_>) -> Result<(), HoldingError> {
    if disclosed.token_digest.is_empty() {
        return Ok(());
    }
    let token = digest(&disclosed.token_digest, "token_digest")?;
    let key = TOKENS.key(&[token.as_bytes()]);
    if rows.get(&key)?.is_some() {
        return Ok(());
    }
    let mut used = disclosed.number.to_be_bytes().to_vec();
    if !disclosed.export_tag.is_empty() {
        used.extend_from_slice(&disclosed.export_tag);
        used.extend_from_slice(&disclosed.time_us.to_be_bytes());
    }
    rows.put(key, used);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_export_is_done_again_for_a_day_and_no_other() {
        let first = 1_780_315_200_000_000_i64;
        let used = [&9_u64.to_be_bytes()[..], &[7; 16], &first.to_be_bytes()].concat();
        let export = |tag, after| ExportNow {
            tag: [tag; 16],
            at_us: first + after,
        };
        assert!(export(7, 0).is_again(&used));
        assert!(export(7, EXPORT_AGAIN_US).is_again(&used));
        assert!(!export(7, EXPORT_AGAIN_US + 1).is_again(&used));
        assert!(!export(8, 0).is_again(&used));
        // What passed a record on, or exported one alone, or is damaged, serves nothing again.
        for used in [&used[..8], &used[..31], &[]] {
            assert!(!export(7, 0).is_again(used));
        }
    }
}
