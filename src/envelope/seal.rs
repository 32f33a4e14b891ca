//! Sealing a record: each compartment once under its own key, then one signature.

use prost::{Message as _, bytes::Bytes, encoding};
use zeroize::Zeroizing;

use super::{
    ContentKeys, Entitlement, Header, Lane, MAX_COMPARTMENTS, MAX_CONTENT_BYTES, MAX_DESTINATIONS,
    MAX_HANDLING, MAX_HEADER_BYTES, SealedCompartment, SealedRecord, VERSION, layout,
};
use crate::{
    crypto::{ContentKey, Digest, Domain, Signer, SigningFault, fill_random, pad},
    record::{Country, Moment},
    wire::envelope::{HeaderDestination, ManifestEntry},
};

/// What shall be sealed.
pub struct Plain {
    /// The lane it travels on.
    pub lane: Lane,
    /// Handling codes by number, 0 (H0) to 3 (H3).
    pub handling: Vec<u32>,
    /// When it expires at every holder.
    pub expires_at: Option<Moment>,
    /// Digest of the header it follows.
    pub follows: Option<Digest>,
    /// True for exercises.
    pub exercise: bool,
    /// Label and encoded content of each compartment, in manifest order.
    pub compartments: Vec<(u32, Vec<u8>)>,
    /// Each destination with the manifest indexes it reads.
    pub destinations: Vec<(Country, Vec<u32>)>,
}

/// A sealed record as its origin holds it.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// All compartments, no wrap.
    pub record: SealedRecord,
    /// The header, decoded.
    pub header: Header,
    /// SHA-256 of the header's bytes.
    pub digest: Digest,
    /// The record's id.
    pub record_id: [u8; 16],
    /// All content keys and entitlements.
    pub keys: ContentKeys,
}

/// A record cannot be sealed; but for the last, the caller's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No compartment or more than 16.
    #[error("a record has 1 to 16 compartments, this one has {0}")]
    Compartments(usize),
    /// A compartment without a label.
    #[error("compartment {0} has no label")]
    Label(u32),
    /// More than 1 MiB.
    #[error("the record has {0} bytes, more than 1048576; put large material into evidence")]
    TooLarge(usize),
    /// No destination or more than 250.
    #[error("a record has 1 to 250 destinations, this one has {0}")]
    Destinations(usize),
    /// A destination twice, or the origin itself.
    #[error("{0} is named twice or is the origin itself")]
    Destination(Country),
    /// A destination that reads nothing, or a compartment that is not there.
    #[error("{0} is entitled to no compartment, or to one that does not exist")]
    Entitlement(Country),
    /// The lane is not stated.
    #[error("the record has no lane")]
    Lane,
    /// A handling code above H3.
    #[error("handling code {0} does not exist; the codes are 0 to 3")]
    Handling(u32),
    /// The expiry is before 1970 or after 9999.
    #[error("the expiry is not between the years 1970 and 9999")]
    Expiry,
    /// The operating system gave no randomness, or a cipher refused its input.
    #[error("the operating system gave no randomness; nothing was sealed")]
    Random,
    /// Whoever keeps the signing key does not sign.
    #[error(transparent)]
    Signer(#[from] SigningFault),
}

/// Everything random in a sealed record. Vectors give it; [`seal`] draws it.
pub(super) struct Draw {
    pub(super) record_id: [u8; 16],
    /// One per compartment.
    pub(super) keys: Vec<ContentKey>,
    /// One per destination, in the order of countries.
    pub(super) salts: Vec<[u8; 16]>,
}

/// Encrypts each compartment, fixes who may read which, and signs the header. The compartments'
/// text is wiped, whatever comes of it.
///
/// # Errors
/// [`SealError`], by what is wrong with `plain`.
pub fn seal(
    plain: Plain,
    origin: Country,
    incarnation: &[u8; 16],
    key: &dyn Signer,
) -> Result<Sealed, SealError> {
    let draw = draw(plain.compartments.len(), plain.destinations.len())?;
    seal_with(plain, origin, incarnation, key, draw)
}

fn draw(compartments: usize, destinations: usize) -> Result<Draw, SealError> {
    let mut record_id = [0; 16];
    fill_random(&mut record_id).map_err(|_| SealError::Random)?;
    let keys = (0..compartments.min(MAX_COMPARTMENTS))
        .map(|_| ContentKey::generate().map_err(|_| SealError::Random))
        .collect::<Result<_, _>>()?;
    // One call for all salts: a record to 190 countries needs 190 of them.
    let mut salts = vec![0; destinations.min(MAX_DESTINATIONS) * 16];
    fill_random(&mut salts).map_err(|_| SealError::Random)?;
    let (salts, _) = salts.as_chunks::<16>();
    Ok(Draw {
        record_id,
        keys,
        salts: salts.to_vec(),
    })
}

pub(super) fn seal_with(
    plain: Plain,
    origin: Country,
    incarnation: &[u8; 16],
    key: &dyn Signer,
    draw: Draw,
) -> Result<Sealed, SealError> {
    let Plain {
        lane,
        handling,
        expires_at,
        follows,
        exercise,
        compartments,
        destinations,
    } = plain;
    let compartments: Vec<(u32, Zeroizing<Vec<u8>>)> = compartments
        .into_iter()
        .map(|(label, content)| (label, Zeroizing::new(content)))
        .collect();
    let handling = check_header_fields(lane, handling, expires_at)?;
    check_compartments(&compartments)?;
    let entitlements = entitlements(destinations, origin, compartments.len(), draw.salts)?;

    let id = draw.record_id;
    let mut sealed = Vec::with_capacity(compartments.len());
    let mut manifest = Vec::with_capacity(compartments.len());
    let mut keys = Vec::with_capacity(compartments.len());
    for ((index, (label, content)), key) in (0_u32..).zip(&compartments).zip(draw.keys) {
        let padded = pad(&[&content_prefix(*label, content.len()), content])
            .map_err(|_| SealError::TooLarge(content.len()))?;
        let padded_size = padded.len() as u64;
        let ciphertext = key
            .encrypt(&layout::compartment_aad(&id, origin, index), padded)
            .map_err(|_| SealError::Random)?;
        manifest.push(ManifestEntry {
            ciphertext_sha256: bytes_of(&Digest::of(&ciphertext)),
            padded_size,
            key_commitment: bytes_of(&key.commitment(&id, index)),
        });
        sealed.push(SealedCompartment {
            index,
            ciphertext: ciphertext.into(),
        });
        keys.push((index, key));
    }

    let header = Header {
        version: VERSION,
        id: Bytes::copy_from_slice(&id),
        origin: origin.to_string(),
        incarnation: Bytes::copy_from_slice(incarnation),
        destinations: entitlements
            .iter()
            .map(|entitlement| destination(entitlement, &id))
            .collect(),
        lane: lane.into(),
        handling,
        expires_at: expires_at.map(Into::into),
        follows: follows.as_ref().map_or_else(Bytes::new, bytes_of),
        exercise,
        manifest,
    };
    let encoded = header.encode_to_vec();
    if encoded.len() > MAX_HEADER_BYTES {
        return Err(SealError::TooLarge(encoded.len()));
    }
    Ok(Sealed {
        digest: Digest::of(&encoded),
        record: SealedRecord {
            key_id: Bytes::copy_from_slice(&key.public().id()),
            signature: Bytes::copy_from_slice(&key.sign(Domain::Header, &encoded)?),
            header: encoded.into(),
            compartments: sealed,
            wrap: None,
        },
        header,
        record_id: id,
        keys: ContentKeys { keys, entitlements },
    })
}

fn check_header_fields(
    lane: Lane,
    mut handling: Vec<u32>,
    expires_at: Option<Moment>,
) -> Result<Vec<u32>, SealError> {
    if lane == Lane::Unspecified {
        return Err(SealError::Lane);
    }
    handling.sort_unstable();
    handling.dedup();
    if let Some(code) = handling.last().filter(|code| **code > MAX_HANDLING) {
        return Err(SealError::Handling(*code));
    }
    let year = |at: Moment| at.utc().map(time::OffsetDateTime::year);
    match expires_at {
        Some(at) if at.micros() < 0 || year(at).is_none() => Err(SealError::Expiry),
        _ => Ok(handling),
    }
}

fn check_compartments(compartments: &[(u32, Zeroizing<Vec<u8>>)]) -> Result<(), SealError> {
    if compartments.is_empty() || compartments.len() > MAX_COMPARTMENTS {
        return Err(SealError::Compartments(compartments.len()));
    }
    if let Some((index, _)) = (0..).zip(compartments).find(|(_, (label, _))| *label == 0) {
        return Err(SealError::Label(index));
    }
    let size = compartments.iter().map(|(_, content)| content.len()).sum();
    if size > MAX_CONTENT_BYTES {
        return Err(SealError::TooLarge(size));
    }
    Ok(())
}

fn entitlements(
    mut destinations: Vec<(Country, Vec<u32>)>,
    origin: Country,
    compartments: usize,
    salts: Vec<[u8; 16]>,
) -> Result<Vec<Entitlement>, SealError> {
    if destinations.is_empty() || destinations.len() > MAX_DESTINATIONS {
        return Err(SealError::Destinations(destinations.len()));
    }
    destinations.sort_unstable_by_key(|(country, _)| *country);
    let mut previous = origin;
    let mut entitlements = Vec::with_capacity(destinations.len());
    for ((country, mut indexes), salt) in destinations.into_iter().zip(salts) {
        if country == origin || country == previous {
            return Err(SealError::Destination(country));
        }
        previous = country;
        indexes.sort_unstable();
        indexes.dedup();
        let last = indexes.last().map(|index| *index as usize);
        if last.is_none_or(|last| last >= compartments) {
            return Err(SealError::Entitlement(country));
        }
        entitlements.push(Entitlement {
            country,
            salt,
            indexes,
        });
    }
    Ok(entitlements)
}

pub(super) fn destination(entitlement: &Entitlement, id: &[u8; 16]) -> HeaderDestination {
    HeaderDestination {
        country: entitlement.country.to_string(),
        entitlement_digest: bytes_of(&layout::entitlement_digest(
            &entitlement.salt,
            id,
            entitlement.country,
            &entitlement.indexes,
        )),
    }
}

pub(super) fn bytes_of(digest: &Digest) -> Bytes {
    Bytes::copy_from_slice(digest.as_bytes())
}

/// The encoding of a `CompartmentContent` up to its content, so that the content is copied once,
/// into the buffer where it is encrypted.
pub(super) fn content_prefix(label: u32, length: usize) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(16);
    // A default is left out, as every implementation does; a label of zero is refused elsewhere.
    if label != 0 {
        encoding::uint32::encode(1, &label, &mut prefix);
    }
    if length > 0 {
        encoding::encode_key(2, encoding::WireType::LengthDelimited, &mut prefix);
        encoding::encode_varint(length as u64, &mut prefix);
    }
    prefix
}
