//! One entry: signed, verified, and only then decoded.
//!
//! Signed bytes: the domain's prefix and the entry's encoding, which is canonical.

use std::fmt;

use prost::Message as _;

use crate::{
    card::{Place, Vouched},
    crypto::{Digest, Domain, KeyId, Signer, SigningFault},
    envelope::OriginKeys,
    record::{Country, Moment, unseen::is_unseen},
    wire::record::{CustodyAct, CustodyEntry, SignedCustody},
};

/// Most bytes of an encoded entry: four texts of 200 characters and one of 1000, four bytes each.
pub const MAX_ENTRY_BYTES: usize = 8 * 1024;
/// Most characters of a place, an authority or a person.
pub(super) const MAX_NAME: usize = 200;
/// Most characters of a reason.
pub(super) const MAX_REASON: usize = 1000;

/// An entry in which every field keeps its rule.
#[derive(Clone, PartialEq)]
pub struct Stated {
    /// Id of the item.
    pub item: [u8; 16],
    /// Country that states it.
    pub country: Country,
    /// Number within the chain of this country, from 1; once under each renewal.
    pub number: u32,
    /// Number of the renewal under which the node states it; 0 before any.
    pub renewal: u64,
    /// SHA-256 of the encoded entry: what the next one names.
    pub digest: Digest,
    /// The entry before it in the chain of this country; none for its first.
    pub previous: Option<Digest>,
    /// The last entry of the other country's chain that was known; none where none was.
    pub builds_on: Option<Digest>,
    /// What was done.
    pub act: CustodyAct,
    /// When it was done.
    pub at: Moment,
    /// When the node was told.
    pub told_at: Moment,
    /// Where.
    pub place: String,
    /// The authority.
    pub authority: String,
    /// In whose hand.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Digest of what was in hand.
    pub found: Digest,
    /// The entry as it was signed.
    pub signed: SignedCustody,
}

impl fmt::Debug for Stated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stated({} {} {:?})", self.country, self.number, self.act)
    }
}

/// What shows that an entry is older than the retirement of the key that signed it. Entries carry no
/// trusted time, so a date cannot.
#[derive(Clone, Copy, Debug)]
pub enum Anchor<'a> {
    /// A record on a lane carried it.
    Carried(&'a Place),
    /// It is in the country's ledger, at this index.
    Leaf(u64),
}

/// An entry does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustodyFault {
    /// Longer than [`MAX_ENTRY_BYTES`].
    #[error("the custody entry has {0} bytes, more than {MAX_ENTRY_BYTES}")]
    TooLong(usize),
    /// No card has this signing key.
    #[error("no card at hand has the key that signed the custody entry")]
    UnknownKey,
    /// The signature does not hold.
    #[error("the signature does not hold over the custody entry")]
    BadSignature,
    /// The key was retired, and nothing shows that the entry is older.
    #[error(
        "{0} retired the key that signed the custody entry, and neither a record nor the ledger \
         shows that the entry is older"
    )]
    Retired(Country),
    /// Signed by another country than it names.
    #[error("the custody entry is signed by {signer}, and names another country")]
    ForeignCountry {
        /// Who signed it.
        signer: Country,
    },
    /// Stated under a renewal that nobody knows of.
    #[error("the custody entry names a renewal of the node of {0} that no card at hand has")]
    Renewal(Country),
    /// Not a message in canonical form.
    #[error("the custody entry is not an entry in canonical form")]
    Encoding,
    /// A field that breaks its rule.
    #[error("the custody entry's `{0}` breaks its rule")]
    Field(&'static str),
}

impl CustodyFault {
    /// A stable word for the fault.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLong(_) => "custody-too-long",
            Self::UnknownKey => "custody-unknown-key",
            Self::BadSignature => "custody-signature",
            Self::Retired(_) => "custody-retired-key",
            Self::ForeignCountry { .. } => "custody-foreign-country",
            Self::Renewal(_) => "custody-unknown-renewal",
            Self::Encoding => "custody-encoding",
            Self::Field(_) => "custody-field",
        }
    }
}

/// Signs an entry.
///
/// # Errors
/// [`SigningFault`] when whoever keeps the node's key does not sign.
pub fn sign_by(entry: &CustodyEntry, signer: &dyn Signer) -> Result<SignedCustody, SigningFault> {
    let bytes = entry.encode_to_vec();
    Ok(SignedCustody {
        key_id: signer.public().id().to_vec(),
        signature: signer.sign(Domain::Custody, &bytes)?.to_vec(),
        entry: bytes,
    })
}

/// Verifies an entry with the cards: signature, the country it names, every field's rule. `anchors`
/// are where it was seen; without any no retired key counts.
///
/// # Errors
/// [`CustodyFault`], by what does not hold first.
pub fn verify(
    signed: &SignedCustody,
    anchors: &[Anchor<'_>],
    trust: &(impl OriginKeys + ?Sized),
) -> Result<Stated, CustodyFault> {
    check_length(signed)?;
    let id = KeyId::try_from(signed.key_id.as_slice()).map_err(|_| CustodyFault::UnknownKey)?;
    let mut signers = trust.signers(&id);
    if signers.is_empty() {
        return Err(CustodyFault::UnknownKey);
    }
    signers.retain(|(_, vouched)| holds(signed, *vouched));
    let Some((signer, _)) = signers.first().copied() else {
        return Err(CustodyFault::BadSignature);
    };
    let stated = stated(signed)?;
    let own = signers
        .into_iter()
        .find(|(country, _)| *country == stated.country);
    let Some((country, vouched)) = own else {
        return Err(CustodyFault::ForeignCountry { signer });
    };
    // A number may be given twice where the country's root let its node begin anew, and nowhere else.
    if stated.renewal > trust.renewal(country) {
        return Err(CustodyFault::Renewal(country));
    }
    if !counts(vouched, anchors) {
        return Err(CustodyFault::Retired(country));
    }
    Ok(stated)
}

/// What an entry says, its form checked and its signature not: for what the own node signed.
///
/// # Errors
/// [`CustodyFault::TooLong`], [`CustodyFault::Encoding`] or [`CustodyFault::Field`].
pub fn stated(signed: &SignedCustody) -> Result<Stated, CustodyFault> {
    check_length(signed)?;
    let entry =
        CustodyEntry::decode(signed.entry.as_slice()).map_err(|_| CustodyFault::Encoding)?;
    if entry.encode_to_vec() != signed.entry {
        return Err(CustodyFault::Encoding);
    }
    let field = CustodyFault::Field;
    let act = match CustodyAct::try_from(entry.act) {
        Err(_) | Ok(CustodyAct::Unspecified) => return Err(field("act")),
        Ok(act) => act,
    };
    let time = |stamp: Option<&prost_types::Timestamp>, name| {
        let stamp = stamp.ok_or(field(name))?;
        let whole = (0..1_000_000_000).contains(&stamp.nanos) && stamp.nanos % 1000 == 0;
        if !whole || !(0..=LAST_SECOND).contains(&stamp.seconds) {
            return Err(field(name));
        }
        Ok(Moment::from(stamp))
    };
    let at = time(entry.at.as_ref(), "at")?;
    let told_at = time(entry.told_at.as_ref(), "told_at")?;
    for (text, most, name) in [
        (&entry.place, MAX_NAME, "place"),
        (&entry.authority, MAX_NAME, "authority"),
        (&entry.by, MAX_NAME, "by"),
        (&entry.reason, MAX_REASON, "reason"),
    ] {
        if !fits(text, most) {
            return Err(field(name));
        }
    }
    if entry.by.is_empty() {
        return Err(field("by"));
    }
    let digest = |bytes: &[u8], name| match bytes {
        [] => Ok(None),
        bytes => Digest::try_from(bytes).map(Some).map_err(|_| field(name)),
    };
    if entry.number == 0 {
        return Err(field("number"));
    }
    Ok(Stated {
        item: entry
            .item
            .as_slice()
            .try_into()
            .map_err(|_| field("item"))?,
        country: entry.country.parse().map_err(|_| field("country"))?,
        number: entry.number,
        renewal: entry.renewal,
        digest: Digest::of(&signed.entry),
        previous: digest(&entry.previous, "previous")?,
        builds_on: digest(&entry.builds_on, "builds_on")?,
        act,
        at,
        told_at,
        place: entry.place,
        authority: entry.authority,
        by: entry.by,
        reason: entry.reason,
        found: digest(&entry.digest, "digest")?.ok_or(field("digest"))?,
        signed: signed.clone(),
    })
}

/// 9999-12-31T23:59:59Z, the last second of google.protobuf.Timestamp.
const LAST_SECOND: i64 = 253_402_300_799;

/// Whether a text is one line that anybody sees, of at most so many characters.
pub(super) fn fits(text: &str, most: usize) -> bool {
    text.chars().count() <= most && !text.chars().any(is_unseen)
}

fn check_length(signed: &SignedCustody) -> Result<(), CustodyFault> {
    let length = signed.entry.len();
    if length > MAX_ENTRY_BYTES {
        return Err(CustodyFault::TooLong(length));
    }
    Ok(())
}

fn holds(signed: &SignedCustody, vouched: Vouched<'_>) -> bool {
    vouched
        .key
        .verify(Domain::Custody, &signed.entry, &signed.signature)
        .is_ok()
}

/// A retired key's entry counts where a record carried it that came before the retirement, or where
/// it lies in the part of the ledger that the card names.
fn counts(vouched: Vouched<'_>, anchors: &[Anchor<'_>]) -> bool {
    let Some(retired) = vouched.retired else {
        return true;
    };
    anchors.iter().any(|anchor| match anchor {
        Anchor::Carried(place) => retired.covers(place),
        Anchor::Leaf(index) => retired.ledger().is_some_and(|(size, _)| *index < size),
    })
}
