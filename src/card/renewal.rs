//! What a country root signs when its node was restored from an older state: that the node goes on
//! under a new incarnation and a new ledger origin, and what it still knows of the old ones.

use prost::Message as _;

use super::check_ledger_origin;
use crate::{
    crypto::{Digest, Domain, PublicKey, SigningKey},
    record::{Country, Moment},
    wire::card as wire,
};

/// Largest encoded renewal in bytes.
pub const MAX_RENEWAL_BYTES: usize = 4096;
/// Incarnations that a renewal gives up at most.
pub const MAX_RETIRED: usize = 64;

/// A new incarnation of a country's node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The country.
    pub country: Country,
    /// The country root.
    pub root_key: PublicKey,
    /// Grows with every renewal of the country, from 1.
    pub number: u64,
    /// The new incarnation.
    pub incarnation: [u8; 16],
    /// Every incarnation given up so far, oldest first.
    pub retired: Vec<[u8; 16]>,
    /// Origin line of the ledger from now on.
    pub ledger_origin: String,
    /// The ledger before.
    pub predecessor: Predecessor,
    /// When it was asked for; informs, decides nothing.
    pub issued_at: Moment,
}

/// What is known of the ledger that a renewal ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predecessor {
    /// Its origin line.
    pub origin: String,
    /// Leaves of it that the restored node has.
    pub size: u64,
    /// RFC 6962 root of these leaves.
    pub root: Digest,
    /// Largest size of which a peer said that it holds a checkpoint; 0 when none did.
    pub known_size: u64,
}

/// What is wrong with a renewal. The fault is the country's that shows it, or of who altered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenewalFault {
    /// Larger than [`MAX_RENEWAL_BYTES`].
    #[error("it has {0} bytes, {max} at most", max = MAX_RENEWAL_BYTES)]
    TooLarge(usize),
    /// The bytes are no renewal, or not in the encoding that this version writes.
    #[error("it does not decode")]
    Undecodable,
    /// It is for another country.
    #[error("it is for another country")]
    Country,
    /// It names another root than the card.
    #[error("it names another root than the card")]
    Root,
    /// Renewals are counted from 1.
    #[error("its number is 0")]
    Number,
    /// An incarnation is not 16 bytes, given twice, or there are none or too many.
    #[error("its incarnations are not 16 bytes each, or named twice, or none or more than {max} are given up", max = MAX_RETIRED)]
    Incarnations,
    /// The ledger's origins are malformed or the same.
    #[error("its ledger origins are malformed, or the same")]
    LedgerOrigin,
    /// The old ledger's root is not 32 bytes.
    #[error("the root of the ledger before is not 32 bytes")]
    PredecessorRoot,
    /// It has no time.
    #[error("its time is missing")]
    Time,
    /// The root's signature does not hold.
    #[error("the root's signature on it does not hold")]
    Signature,
}

impl Renewal {
    /// The bytes that the root signs.
    pub fn encode(&self) -> Vec<u8> {
        wire::Renewal {
            country: self.country.code().to_owned(),
            root_key: self.root_key.as_bytes().to_vec(),
            number: self.number,
            incarnation: self.incarnation.to_vec(),
            retired: self.retired.iter().map(|life| life.to_vec()).collect(),
            ledger_origin: self.ledger_origin.clone(),
            predecessor_origin: self.predecessor.origin.clone(),
            predecessor_size: self.predecessor.size,
            predecessor_root: self.predecessor.root.to_vec(),
            known_size: self.predecessor.known_size,
            issued_at: Some(self.issued_at.into()),
        }
        .encode_to_vec()
    }

    /// Reads what [`Self::encode`] wrote, unsigned: a request.
    ///
    /// # Errors
    /// One [`RenewalFault`] per defect.
    pub fn decode(bytes: &[u8]) -> Result<Self, RenewalFault> {
        if bytes.len() > MAX_RENEWAL_BYTES {
            return Err(RenewalFault::TooLarge(bytes.len()));
        }
        let renewal = wire::Renewal::decode(bytes).map_err(|_| RenewalFault::Undecodable)?;
        let country = renewal.country.parse().map_err(|_| RenewalFault::Country)?;
        let root_key = PublicKey::parse(&renewal.root_key).map_err(|_| RenewalFault::Root)?;
        if renewal.number == 0 {
            return Err(RenewalFault::Number);
        }
        let lives: Vec<[u8; 16]> = renewal
            .retired
            .iter()
            .chain([&renewal.incarnation])
            .map(|life| life.as_slice().try_into())
            .collect::<Result<_, _>>()
            .map_err(|_| RenewalFault::Incarnations)?;
        let mut sorted = lives.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let Some((incarnation, retired)) = lives.split_last() else {
            return Err(RenewalFault::Incarnations);
        };
        if sorted.len() != lives.len() || retired.is_empty() || retired.len() > MAX_RETIRED {
            return Err(RenewalFault::Incarnations);
        }
        let origins = [&renewal.ledger_origin, &renewal.predecessor_origin];
        if origins.iter().any(|origin| !check_ledger_origin(origin))
            || renewal.ledger_origin == renewal.predecessor_origin
        {
            return Err(RenewalFault::LedgerOrigin);
        }
        let read = Self {
            country,
            root_key,
            number: renewal.number,
            incarnation: *incarnation,
            retired: retired.to_vec(),
            ledger_origin: renewal.ledger_origin,
            predecessor: Predecessor {
                origin: renewal.predecessor_origin,
                size: renewal.predecessor_size,
                root: Digest::try_from(renewal.predecessor_root.as_slice())
                    .map_err(|_| RenewalFault::PredecessorRoot)?,
                known_size: renewal.known_size,
            },
            issued_at: renewal
                .issued_at
                .as_ref()
                .map(Moment::from)
                .ok_or(RenewalFault::Time)?,
        };
        // One encoding only, so that its digest names it.
        if read.encode() != bytes {
            return Err(RenewalFault::Undecodable);
        }
        Ok(read)
    }

    /// Names the renewal: SHA-256 of its encoding.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.encode())
    }

    /// Signs the renewal with the country root.
    pub fn sign(&self, root: &SigningKey) -> wire::SignedRenewal {
        let bytes = self.encode();
        wire::SignedRenewal {
            signature: root.sign(Domain::Renewal, &bytes).to_vec(),
            renewal: bytes,
        }
    }
}

/// Checks a renewal of `country` by its `root`.
///
/// # Errors
/// One [`RenewalFault`] per defect.
pub fn verify_renewal(
    signed: &wire::SignedRenewal,
    root: &PublicKey,
    country: Country,
) -> Result<Renewal, RenewalFault> {
    if signed.renewal.len() > MAX_RENEWAL_BYTES {
        return Err(RenewalFault::TooLarge(signed.renewal.len()));
    }
    root.verify(Domain::Renewal, &signed.renewal, &signed.signature)
        .map_err(|_| RenewalFault::Signature)?;
    let renewal = Renewal::decode(&signed.renewal)?;
    if renewal.country != country {
        return Err(RenewalFault::Country);
    }
    if renewal.root_key != *root {
        return Err(RenewalFault::Root);
    }
    Ok(renewal)
}

/// Origin line of a country's ledger: with the root's id, so that a country that starts anew has
/// another ledger, and with the incarnation once there was more than one.
pub fn ledger_origin(country: Country, root: &PublicKey, incarnation: Option<&[u8; 16]>) -> String {
    let first = format!(
        "comity.internal/{}/{}",
        country.code().to_ascii_lowercase(),
        hex::encode(root.id()),
    );
    match incarnation {
        Some(incarnation) => format!("{first}/{}", hex::encode(incarnation)),
        None => first,
    }
}
