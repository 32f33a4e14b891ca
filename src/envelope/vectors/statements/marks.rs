//! Lane marks: how far a lane reaches, by its origin's word.

use prost::bytes::Bytes;

use super::{
    Statement, StatementVector,
    make::{fails, holds, incarnation, key, last_place, mark_bytes, sign_as_mark},
};
use crate::{
    crypto::{Digest, Domain},
    envelope::{Lane, LaneMark, sign_mark, vectors::VectorError},
};

use super::super::make::NOW;

fn plain() -> LaneMark {
    LaneMark {
        origin: "UZ".to_owned(),
        destination: "KZ".to_owned(),
        incarnation: incarnation("UZ"),
        lane: Lane::Bulk.into(),
        sequence: 7,
        running_hash: Bytes::copy_from_slice(Digest::of(b"running hash at 7").as_bytes()),
        time_us: NOW.micros(),
    }
}

pub(super) fn all() -> Result<Vec<StatementVector>, VectorError> {
    let mut vectors = good()?;
    vectors.extend(carried()?);
    vectors.extend(malformed()?);
    Ok(vectors)
}

fn signed(mark: &LaneMark) -> Result<Statement, VectorError> {
    Ok(Statement::mark(&sign_mark(mark, &key("UZ")?)))
}

fn good() -> Result<Vec<StatementVector>, VectorError> {
    let never = LaneMark {
        lane: Lane::Control.into(),
        sequence: 0,
        running_hash: Bytes::copy_from_slice(Digest::ZERO.as_bytes()),
        ..plain()
    };
    let before = LaneMark {
        sequence: 6,
        running_hash: Bytes::copy_from_slice(Digest::of(b"running hash at 6").as_bytes()),
        ..plain()
    };
    let last = Some(last_place("KZ"));
    Ok(vec![
        holds(
            "holds",
            "a lane of seven records",
            "UZ",
            None,
            signed(&plain())?,
        )?,
        holds(
            "holds-of-an-unused-lane",
            "sequence 0, a running hash of zero bytes",
            "UZ",
            None,
            signed(&never)?,
        )?,
        holds(
            "holds-under-a-retired-key-at-its-last-sequence",
            "the running hash is the card's",
            "UZ",
            last.clone(),
            signed(&plain())?,
        )?,
        holds(
            "holds-under-a-retired-key-before-its-last-sequence",
            "below the last sequence the card has no running hash to compare",
            "UZ",
            last,
            signed(&before)?,
        )?,
    ])
}

/// Keys and signatures that do not hold.
fn carried() -> Result<Vec<StatementVector>, VectorError> {
    let plain = plain();
    let sound = sign_mark(&plain, &key("UZ")?);
    let mut flipped = sound.clone();
    flipped.mark = mark_bytes(&plain, |mark| mark.sequence = 8).into();
    let mut short = sound.clone();
    short.key_id = short.key_id.slice(1..);
    let foreign = sign_mark(&plain, &key("KZ")?);
    let mut header = sound.clone();
    header.signature = Bytes::copy_from_slice(&key("UZ")?.sign(Domain::Header, &sound.mark));
    let beyond = LaneMark {
        sequence: 8,
        ..plain.clone()
    };
    let other_tail = LaneMark {
        running_hash: Bytes::copy_from_slice(Digest::of(b"another tail").as_bytes()),
        ..plain
    };
    let retired = |name, about, mark: &LaneMark| {
        Ok::<_, VectorError>(StatementVector {
            retired: Some(last_place("KZ")),
            ..fails(name, about, "UZ", signed(mark)?, "retired", None)?
        })
    };
    let carried = |name, about, statement, fault| fails(name, about, "UZ", statement, fault, None);
    Ok(vec![
        carried(
            "altered",
            "a sequence more than was signed",
            Statement::mark(&flipped),
            "bad_signature",
        )?,
        carried(
            "signed-in-another-domain",
            "the signature of a header over the bytes of a mark",
            Statement::mark(&header),
            "bad_signature",
        )?,
        carried(
            "short-key-id",
            "a key id of seven bytes",
            Statement::mark(&short),
            "unknown_key",
        )?,
        carried(
            "signed-by-another-country",
            "KZ signs how far the lane of UZ reaches",
            Statement::mark(&foreign),
            "unknown_key",
        )?,
        retired(
            "retired-key-beyond-its-last-sequence",
            "the card ends the key at sequence 7",
            &beyond,
        )?,
        retired(
            "retired-key-with-another-tail",
            "at the last sequence with another running hash than the card's",
            &other_tail,
        )?,
    ])
}

/// UZ signed what is no mark.
fn malformed() -> Result<Vec<StatementVector>, VectorError> {
    type Change = fn(&mut LaneMark);
    let changes: [(&str, &str, &str, Change); 7] = [
        (
            "origin-is-another",
            "the mark names KG as origin",
            "origin",
            |mark| {
                mark.origin = "KG".to_owned();
            },
        ),
        ("destination-is-no-country", "XX", "destination", |mark| {
            mark.destination = "XX".to_owned();
        }),
        ("incarnation-short", "15 bytes", "incarnation", |mark| {
            mark.incarnation = mark.incarnation.slice(1..);
        }),
        ("no-lane", "lane 0", "lane", |mark| mark.lane = 0),
        ("unknown-lane", "a fourth lane", "lane", |mark| {
            mark.lane = 4
        }),
        ("running-hash-short", "31 bytes", "running_hash", |mark| {
            mark.running_hash = mark.running_hash.slice(1..);
        }),
        ("too-long", "more than 128 bytes", "too long", |mark| {
            mark.running_hash = vec![1; 129].into();
        }),
    ];
    let mut vectors = Vec::new();
    for (name, about, field, change) in changes {
        let signed = sign_as_mark("UZ", mark_bytes(&plain(), change))?;
        let statement = Statement::mark(&signed);
        vectors.push(fails(
            name,
            about,
            "UZ",
            statement,
            "malformed",
            Some(field),
        )?);
    }
    let mut surplus = mark_bytes(&plain(), |_| {});
    surplus.extend_from_slice(&[0x40, 1]);
    for (name, about, bytes, field) in [
        (
            "not-a-message",
            "bytes that do not decode",
            vec![0xff; 12],
            "encoding",
        ),
        (
            "unknown-field",
            "a field that version 1 does not have",
            surplus,
            "not in canonical form",
        ),
    ] {
        let statement = Statement::mark(&sign_as_mark("UZ", bytes)?);
        vectors.push(fails(
            name,
            about,
            "UZ",
            statement,
            "malformed",
            Some(field),
        )?);
    }
    Ok(vectors)
}
