//! Opening: what the wrap names, all of it, and nothing that the origin did not commit to.

use std::fmt;

use prost::Message as _;
use zeroize::Zeroizing;

use super::{
    ContentKeys, Defect, Fault, Header, LinkFault, ReceivingEpoch, SealedCompartment, SealedRecord,
    Verified,
    epoch::read_wrap_content,
    header::{self, CheckedHeader},
    layout,
    seal::content_prefix,
    verify::check_ciphertexts,
};
use crate::{
    crypto::{ContentKey, Digest, unpad},
    record::Country,
    wire::envelope::CompartmentContent,
};

/// A record opened at its reader.
#[derive(Clone)]
pub struct Opened {
    /// The header.
    pub header: Header,
    /// SHA-256 of the header's bytes.
    pub digest: Digest,
    /// The record's id.
    pub record_id: [u8; 16],
    /// This reader's content keys and entitlement, to be kept under a slot of its own.
    pub keys: ContentKeys,
    /// Label and encoded content of each compartment, in manifest order.
    pub parts: Vec<(u32, Vec<u8>)>,
    /// The record as it is kept: header, signature, this reader's ciphertexts, no wrap.
    pub record: SealedRecord,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({}, {} parts)", self.digest, self.parts.len())
    }
}

impl Verified {
    /// Opens every compartment that the wrap names.
    ///
    /// # Errors
    /// [`Fault::Link`] when the wrap does not open, names something else than the header entitles
    /// this reader to, or compartments and keys do not fit it; [`Fault::Terminal`] when the text
    /// under the committed key is not as it must be.
    pub fn open(self, epoch: &ReceivingEpoch) -> Result<Opened, Fault> {
        let Self {
            mut record,
            header,
            digest,
            record_id,
            origin,
            reader,
        } = self;
        let keys = unwrap_keys(&mut record, &digest, origin, reader, epoch)?;
        check_entitlement(&keys, &header, &record_id, reader)?;
        check_presence(&record, &keys)?;
        let parts = open_compartments(&record, &header, &record_id, origin, &keys)?;
        Ok(Opened {
            header,
            digest,
            record_id,
            keys,
            parts,
            record,
        })
    }
}

/// Takes the wrap out of the record and opens it.
fn unwrap_keys(
    record: &mut SealedRecord,
    digest: &Digest,
    origin: Country,
    reader: Country,
    epoch: &ReceivingEpoch,
) -> Result<ContentKeys, LinkFault> {
    let wrap = record.wrap.take().ok_or(LinkFault::NoWrap)?;
    if epoch.origin != origin || epoch.reader != reader {
        return Err(LinkFault::ForeignEpoch);
    }
    if wrap.epoch != epoch.id[..] {
        return Err(LinkFault::WrongEpoch);
    }
    let content = epoch
        .key
        .open_sealed(&layout::wrap_aad(digest, reader), &wrap.nonce, &wrap.sealed)
        .map_err(|_| LinkFault::WrapSealed)?;
    read_wrap_content(&content, reader).ok_or(LinkFault::WrapContent)
}

/// The wrap is not signed; the digest in the header is. So stripping shows even when the relay is
/// itself a reader and could make a wrap.
fn check_entitlement(
    keys: &ContentKeys,
    header: &Header,
    record_id: &[u8; 16],
    reader: Country,
) -> Result<(), Fault> {
    let entitlement = keys.entitlement(reader).ok_or(LinkFault::WrapContent)?;
    let digest =
        layout::entitlement_digest(&entitlement.salt, record_id, reader, &entitlement.indexes);
    let signed = header
        .destinations
        .iter()
        .find(|destination| destination.country == reader.code())
        .ok_or(Defect::NotADestination(reader))?;
    if signed.entitlement_digest != digest.as_bytes()[..] {
        return Err(LinkFault::Entitlement.into());
    }
    if entitlement.indexes.is_empty() {
        return Err(Defect::ContentNone.into());
    }
    Ok(())
}

/// Exactly the compartments that the wrap names are here.
fn check_presence(record: &SealedRecord, keys: &ContentKeys) -> Result<(), LinkFault> {
    let mut here = record.compartments.iter().map(|each| each.index).peekable();
    for (index, _) in &keys.keys {
        match here.next() {
            Some(found) if found == *index => {}
            Some(found) if found < *index => return Err(LinkFault::SurplusCompartment(found)),
            _ => return Err(LinkFault::MissingCompartment(*index)),
        }
    }
    here.next()
        .map_or(Ok(()), |found| Err(LinkFault::SurplusCompartment(found)))
}

pub(super) fn open_compartments(
    record: &SealedRecord,
    header: &Header,
    record_id: &[u8; 16],
    origin: Country,
    keys: &ContentKeys,
) -> Result<Vec<(u32, Vec<u8>)>, Fault> {
    let mut parts = Vec::with_capacity(keys.keys.len());
    for (index, key) in &keys.keys {
        let index = *index;
        let entry = header
            .manifest
            .get(index as usize)
            .ok_or(LinkFault::UnknownCompartment(index))?;
        let compartment = record
            .compartments
            .iter()
            .find(|compartment| compartment.index == index)
            .ok_or(LinkFault::MissingCompartment(index))?;
        if entry.key_commitment != key.commitment(record_id, index).as_bytes()[..] {
            return Err(LinkFault::Commitment(index).into());
        }
        parts.push(open_compartment(compartment, record_id, origin, key)?);
    }
    Ok(parts)
}

/// From here on the ciphertext is the signed one and the key the committed one: what is wrong now,
/// the origin did.
fn open_compartment(
    compartment: &SealedCompartment,
    record_id: &[u8; 16],
    origin: Country,
    key: &ContentKey,
) -> Result<(u32, Vec<u8>), Defect> {
    let index = compartment.index;
    let aad = layout::compartment_aad(record_id, origin, index);
    let padded: Zeroizing<Vec<u8>> = key
        .decrypt(&aad, &compartment.ciphertext)
        .map_err(|_| Defect::ContentSealed(index))?;
    let text = unpad(&padded).map_err(|_| Defect::ContentPadding(index))?;
    let content = CompartmentContent::decode(text).map_err(|_| Defect::ContentEncoding(index))?;
    let prefix = content_prefix(content.label, content.content.len());
    if text.strip_prefix(&*prefix) != Some(&*content.content) {
        return Err(Defect::ContentEncoding(index));
    }
    if content.label == 0 {
        return Err(Defect::ContentLabel(index));
    }
    Ok((content.label, content.content.into()))
}

/// Opens a record from its holder's own store: the compartments it holds, with the content keys
/// from under its slot. The signature was verified before it was stored; digests and commitments
/// are checked again, so that a store that rots cannot show another text.
///
/// # Errors
/// [`Fault::Link`] when a ciphertext is missing or damaged or a key is not the committed one, and
/// [`Fault::Terminal`] as [`Verified::open`].
pub fn open_at_rest(
    sealed: &SealedRecord,
    keys: &ContentKeys,
) -> Result<Vec<(u32, Vec<u8>)>, Fault> {
    let CheckedHeader {
        header,
        origin,
        record_id,
        ..
    } = header::decode(&sealed.header)?;
    check_ciphertexts(sealed, &header)?;
    open_compartments(sealed, &header, &record_id, origin, keys)
}

/// Opens a record from its holder's own store to be indexed, not to be shown: as [`open_at_rest`],
/// but neither digests nor commitments are compared again. They were when it was stored, its bytes
/// are those that its entry names, and AES-GCM takes no others under the keys from its slot; what an
/// index proposes is opened by [`open_at_rest`] before anybody sees it.
///
/// # Errors
/// [`Fault::Link`] when a ciphertext is missing, and [`Fault::Terminal`] as [`Verified::open`].
pub fn open_to_index(
    sealed: &SealedRecord,
    keys: &ContentKeys,
) -> Result<Vec<(u32, Vec<u8>)>, Fault> {
    let header = Header::decode(sealed.header.clone()).map_err(|_| Defect::HeaderEncoding)?;
    let record_id = <[u8; 16]>::try_from(&*header.id).map_err(|_| Defect::HeaderId)?;
    let origin = header.origin.parse().map_err(|_| Defect::HeaderOrigin)?;
    let mut parts = Vec::with_capacity(keys.keys.len());
    for (index, key) in &keys.keys {
        let compartment = sealed
            .compartments
            .iter()
            .find(|compartment| compartment.index == *index)
            .ok_or(LinkFault::MissingCompartment(*index))?;
        parts.push(open_compartment(compartment, &record_id, origin, key)?);
    }
    Ok(parts)
}
