//! Leaves and checkpoints.

use prost::Message as _;

use super::{
    LedgerVector, Subject, VectorError, VectorKey,
    make::{
        ORIGIN, SIZE, body, fails, head, holds, key, leaf_of, leaves, note, on_card, settled,
        vector_head,
    },
};
use crate::{
    ledger::{Checkpoint, MAX_BODY_BYTES, checkpoint},
    wire::ledger::Leaf,
};

pub(super) fn all() -> Result<Vec<LedgerVector>, VectorError> {
    let mut vectors = single_leaves()?;
    vectors.extend(notes()?);
    vectors.extend(altered_notes()?);
    vectors.extend(retired()?);
    Ok(vectors)
}

fn subject(leaf: &Leaf) -> Subject {
    Subject::Leaf {
        index: leaf.index,
        salt: hex::encode(&leaf.salt),
        body: hex::encode(&leaf.body),
        digest: hex::encode(&leaf.digest),
    }
}

fn single_leaves() -> Result<Vec<LedgerVector>, VectorError> {
    let sound = leaf_of(4, &body(4).encode_to_vec());
    let change = |change: fn(&mut Leaf)| {
        let mut changed = sound.clone();
        change(&mut changed);
        subject(&changed)
    };
    let fault = |name, about, change: fn(&mut Leaf), fault| {
        let mut changed = sound.clone();
        change(&mut changed);
        fails(name, about, subject(&changed), fault, Some(4))
    };
    let undecodable = subject(&leaf_of(4, &[0xff; 12]));
    let long = subject(&leaf_of(4, &vec![0; MAX_BODY_BYTES + 1]));
    Ok(vec![
        holds("leaf", "salt, body and digest", subject(&sound))?,
        holds(
            "leaf-without-its-body",
            "shredded; the salt was kept",
            change(|leaf| leaf.body.clear()),
        )?,
        holds(
            "leaf-of-a-digest-alone",
            "shredded with its salt",
            change(|leaf| {
                leaf.body.clear();
                leaf.salt.clear();
            }),
        )?,
        fault(
            "leaf-body-altered",
            "another time than the tree vouches for",
            |leaf| leaf.body = body(5).encode_to_vec(),
            "body",
        )?,
        fault(
            "leaf-salt-altered",
            "one bit of the salt",
            |leaf| {
                if let Some(first) = leaf.salt.first_mut() {
                    *first ^= 1;
                }
            },
            "body",
        )?,
        fault(
            "leaf-body-without-its-salt",
            "a body that nothing vouches for",
            |leaf| leaf.salt.clear(),
            "length",
        )?,
        fault(
            "leaf-shredded-with-a-short-salt",
            "31 bytes where 32 or none stand",
            |leaf| {
                leaf.body.clear();
                leaf.salt.truncate(31);
            },
            "length",
        )?,
        fault(
            "leaf-digest-short",
            "a digest of 31 bytes",
            |leaf| leaf.digest.truncate(31),
            "length",
        )?,
        fails(
            "leaf-body-too-long",
            "more than 16 KiB",
            long,
            "length",
            Some(4),
        )?,
        fails(
            "leaf-body-not-a-message",
            "the tree vouches for bytes that do not decode",
            undecodable,
            "undecodable",
            Some(4),
        )?,
    ])
}

fn written(note: String) -> Subject {
    Subject::Checkpoint { note }
}

fn notes() -> Result<Vec<LedgerVector>, VectorError> {
    let full = head(&leaves(SIZE), SIZE)?;
    let sound = note(&full)?;
    let empty = note(&head(&[], 0)?)?;
    // A witness's line beside the country's: its key is nobody's on the card.
    let witness = checkpoint::sign(&full, "witness.example", &key("witness")?)?;
    let witness = witness.rsplit("\n\n").next().unwrap_or_default().to_owned();
    let extended = signed_text(&format!("{full}an extension line\n"))?;
    Ok(vec![
        holds("checkpoint", "eleven leaves", written(sound.clone()))?,
        holds(
            "checkpoint-of-nothing",
            "the root is SHA-256 of nothing",
            written(empty),
        )?,
        holds(
            "checkpoint-with-a-witness",
            "signatures by others are passed over",
            written(format!("{sound}{witness}")),
        )?,
        holds(
            "checkpoint-with-an-extension",
            "lines after the root are signed and passed over",
            written(extended),
        )?,
    ])
}

/// A note of any text, under the card's key.
fn signed_text(text: &str) -> Result<String, VectorError> {
    let key = key("UZ")?;
    let plain = checkpoint::sign(&head(&[], 0)?, ORIGIN, &key)?;
    // A signature line is a dash, the name, and base64 of four bytes of key id and the signature.
    let line = plain.rsplit("\n\n").next().unwrap_or_default();
    let encoded = line.trim_end().rsplit(' ').next().unwrap_or_default();
    let id = unbase64(encoded).into_iter().take(4).collect::<Vec<_>>();
    let signature = [id, key.sign_text(text.as_bytes()).to_vec()].concat();
    Ok(format!(
        "{text}\n\u{2014} {ORIGIN} {}\n",
        base64(&signature)
    ))
}

fn altered_notes() -> Result<Vec<LedgerVector>, VectorError> {
    let full = head(&leaves(SIZE), SIZE)?;
    let sound = note(&full)?;
    let (_, signatures) = sound.split_once("\n\n").unwrap_or_default();
    let other = Checkpoint {
        origin: "comity.ledger/UZ/00000000".to_owned(),
        ..full.clone()
    };
    let stranger = checkpoint::sign(&full, ORIGIN, &key("stranger")?)?;
    let renamed = checkpoint::sign(&full, &other.origin, &key("UZ")?)?;
    let padded = format!("{sound}{}", "x".repeat(checkpoint::MAX_NOTE_BYTES));
    let case = |name, about, note, fault| fails(name, about, written(note), fault, None);
    let malformed =
        |name, about, text: &str| case(name, about, signed_text(text)?, "checkpoint_malformed");
    let root = full.root.to_string();
    let text = full.to_string();
    let root64 = text.lines().nth(2).unwrap_or_default().to_owned();
    Ok(vec![
        case(
            "checkpoint-altered",
            "one leaf more than was signed",
            sound.replacen("\n11\n", "\n12\n", 1),
            "checkpoint_signature",
        )?,
        case(
            "checkpoint-of-another-ledger",
            "the same country, another origin line",
            note(&other)?,
            "checkpoint_origin",
        )?,
        case(
            "checkpoint-by-a-stranger",
            "the ledger's name, a key that is not on the card",
            stranger,
            "checkpoint_unknown_key",
        )?,
        case(
            "checkpoint-key-of-another-name",
            "the card's key under the name of another ledger",
            renamed,
            "checkpoint_unknown_key",
        )?,
        case(
            "checkpoint-too-long",
            "more than 16 KiB",
            padded,
            "checkpoint_too_long",
        )?,
        case(
            "checkpoint-without-a-signature",
            "the text alone",
            format!("{text}\n"),
            "checkpoint_malformed",
        )?,
        case(
            "checkpoint-without-an-empty-line",
            "the signature directly after the root",
            format!("{text}{signatures}"),
            "checkpoint_malformed",
        )?,
        malformed(
            "checkpoint-size-with-a-zero",
            "011",
            &format!("{ORIGIN}\n011\n{root64}\n"),
        )?,
        malformed(
            "checkpoint-size-beyond-the-bound",
            "2^48 + 1 leaves",
            &format!("{ORIGIN}\n281474976710657\n{root64}\n"),
        )?,
        malformed(
            "checkpoint-root-in-hex",
            "base64 is wanted",
            &format!("{ORIGIN}\n11\n{root}\n"),
        )?,
        malformed(
            "checkpoint-without-a-root",
            "two lines",
            &format!("{ORIGIN}\n11\n"),
        )?,
    ])
}

/// A card whose second key is the one in use, and whose first is retired.
fn with_retired(until: Option<Checkpoint>) -> Result<Vec<VectorKey>, VectorError> {
    Ok(vec![
        VectorKey {
            retired: true,
            until: until.as_ref().map(vector_head),
            ..on_card("UZ")?
        },
        on_card("UZ after")?,
    ])
}

fn retired() -> Result<Vec<LedgerVector>, VectorError> {
    let leaves = leaves(SIZE);
    let at = |size| head(&leaves, size);
    let good = |name, about, size| {
        let vector = holds(name, about, written(note(&at(size)?)?))?;
        let keys = with_retired(Some(at(7)?))?;
        settled(LedgerVector { keys, ..vector })
    };
    let bad = |name, about, note, until| {
        let vector = fails(name, about, written(note), "checkpoint_retired", None)?;
        let keys = with_retired(until)?;
        Ok::<_, VectorError>(LedgerVector { keys, ..vector })
    };
    let forged = Checkpoint {
        root: at(6)?.root,
        ..at(7)?
    };
    Ok(vec![
        good(
            "checkpoint-retired-key-below-its-end",
            "the card ends the key at seven leaves",
            6,
        )?,
        good(
            "checkpoint-retired-key-at-its-end",
            "with the root that the card names",
            7,
        )?,
        bad(
            "checkpoint-retired-key-with-another-root",
            "at its end with another root than the card's",
            note(&forged)?,
            Some(at(7)?),
        )?,
        bad(
            "checkpoint-retired-key-beyond-its-end",
            "eight leaves",
            note(&at(8)?)?,
            Some(at(7)?),
        )?,
        bad(
            "checkpoint-retired-key-without-a-ledger",
            "the card names no ledger: none counts any more",
            note(&at(1)?)?,
            None,
        )?,
    ])
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

fn unbase64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD
        .decode(text)
        .unwrap_or_default()
}
