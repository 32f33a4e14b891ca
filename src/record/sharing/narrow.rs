//! Naming readers on the command line: `COMPARTMENT=COUNTRY[/AUTHORITY][,…]`.
//!
//! ```text
//! share       = compartment "=" ( "none" / reader *( "," reader ) )
//! compartment = "suspects" / "identifiers" / "victims" / "source"
//! reader      = country [ "/" authority ]
//! ```
//!
//! The compartment is read by the readers named and by no other destination. `victims` needs an
//! authority at each. What is not spoken of stays as the record or the roles have it.

use std::str::FromStr;

use crate::{
    record::{Country, MAX_DESTINATIONS, compartments::label_name},
    wire::record::{CompartmentLabel, CompartmentReaders, Destination, Record},
};

use super::{TABLE, granted, is_present};
use crate::wire::record::CountryRole;

/// Longest share that is read, in bytes: every country with a long authority fits.
const MAX_SHARE_BYTES: usize = 32 * 1024;

/// Who reads one compartment, and nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which compartment.
    pub label: CompartmentLabel,
    /// Countries with the authorities named; none for the country's desk.
    pub readers: Vec<(Country, Vec<String>)>,
}

/// Why a share does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// Not built as it must be.
    #[error(
        "write COMPARTMENT=COUNTRY[/AUTHORITY][,…] or COMPARTMENT=none, such as victims=AE/referral"
    )]
    Form,
    /// Not a compartment that can be narrowed.
    #[error(
        "`{0}` is not one of suspects, identifiers, victims, source; every destination reads the situation"
    )]
    Compartment(String),
    /// Not a country.
    #[error("`{0}` is not an ISO 3166-1 alpha-2 country code; readers are named one by one")]
    Country(String),
    /// Not the name of one authority.
    #[error(
        "`{0}` is not the name of one authority (lower-case letters, digits and hyphens); readers are named one by one"
    )]
    Authority(String),
    /// Victim data without an authority.
    #[error("victims={0} names no authority; write victims={0}/AUTHORITY")]
    VictimsUnnamed(Country),
    /// The same twice.
    #[error("`{0}` is given twice")]
    Twice(String),
    /// The record does not go there.
    #[error(
        "{0} is not a destination of the record; add it to `destinations` with its role on the corridor"
    )]
    NotADestination(Country),
    /// The record has no such compartment.
    #[error("the record has no compartment `{}`", label_name(*.0))]
    Absent(CompartmentLabel),
}

fn shown(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        if text.len() > MAX_SHARE_BYTES {
            return Err(ShareError::Form);
        }
        let (name, readers) = text.split_once('=').ok_or(ShareError::Form)?;
        let label = [
            CompartmentLabel::Suspects,
            CompartmentLabel::Identifiers,
            CompartmentLabel::Victims,
            CompartmentLabel::Source,
            CompartmentLabel::Evidence,
        ]
        .into_iter()
        .find(|label| label_name(*label) == name)
        .ok_or_else(|| ShareError::Compartment(shown(name)))?;
        let mut share = Self {
            label,
            readers: Vec::new(),
        };
        if readers == "none" {
            return Ok(share);
        }
        for reader in readers.split(',') {
            share.add(reader)?;
        }
        Ok(share)
    }
}

impl Share {
    fn add(&mut self, reader: &str) -> Result<(), ShareError> {
        let (code, authority) = match reader.split_once('/') {
            Some((code, authority)) => (code, Some(authority)),
            None => (reader, None),
        };
        let country: Country = code.parse().map_err(|_| ShareError::Country(shown(code)))?;
        if authority.is_none() && self.label == CompartmentLabel::Victims {
            return Err(ShareError::VictimsUnnamed(country));
        }
        if let Some(name) = authority
            && !is_authority(name)
        {
            return Err(ShareError::Authority(shown(name)));
        }
        let Some((_, known)) = self.readers.iter_mut().find(|(of, _)| *of == country) else {
            self.readers
                .push((country, authority.map(str::to_owned).into_iter().collect()));
            return Ok(());
        };
        // A country's desk and its authorities cannot both be meant.
        match authority {
            Some(name) if !known.is_empty() && !known.iter().any(|of| of == name) => {
                known.push(name.to_owned());
                Ok(())
            }
            _ => Err(ShareError::Twice(shown(reader))),
        }
    }
}

/// An authority's name as cards write it: words of lower-case letters and digits, with hyphens
/// between them. No wildcard is one.
fn is_authority(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

/// Narrows a record's destinations to what `shares` say.
///
/// # Errors
/// [`ShareError`]; the record may be changed in part then and must not be used.
pub fn narrow(record: &mut Record, shares: &[Share]) -> Result<(), ShareError> {
    for (at, share) in shares.iter().enumerate() {
        if shares
            .iter()
            .take(at)
            .any(|other| other.label == share.label)
        {
            return Err(ShareError::Twice(label_name(share.label).to_owned()));
        }
        if !is_present(record, share.label) {
            return Err(ShareError::Absent(share.label));
        }
        for (country, _) in &share.readers {
            let known = record.destinations.iter().take(MAX_DESTINATIONS);
            if !known.into_iter().any(|of| of.country == country.code()) {
                return Err(ShareError::NotADestination(*country));
            }
        }
    }
    let present: Vec<_> = TABLE
        .iter()
        .filter(|(label, _)| is_present(record, *label))
        .collect();
    for destination in &mut record.destinations {
        let role = CountryRole::try_from(destination.role).unwrap_or_default();
        let before: Vec<CompartmentLabel> = present
            .iter()
            .filter(|(label, access)| {
                matches!(
                    granted(*access, role, *label, &destination.compartments),
                    Some(Ok(_))
                )
            })
            .map(|(label, _)| *label)
            .collect();
        let mut after = before.clone();
        for share in shares {
            narrow_one(destination, share, &mut after);
        }
        if after != before {
            after.sort_by_key(|label| *label as i32);
            destination.compartments = after.iter().map(|label| *label as i32).collect();
            if destination.compartments.is_empty() {
                destination.compartments = vec![CompartmentLabel::Situation as i32];
            }
        }
    }
    Ok(())
}

fn narrow_one(destination: &mut Destination, share: &Share, reads: &mut Vec<CompartmentLabel>) {
    let number = share.label as i32;
    let named = share
        .readers
        .iter()
        .find(|(country, _)| country.code() == destination.country);
    let Some((_, authorities)) = named else {
        reads.retain(|label| *label != share.label);
        destination.readers.retain(|of| of.compartment != number);
        return;
    };
    if !reads.contains(&share.label) {
        reads.push(share.label);
    }
    if !authorities.is_empty() {
        destination.readers.retain(|of| of.compartment != number);
        destination.readers.push(CompartmentReaders {
            compartment: number,
            authorities: authorities.clone(),
        });
    }
}
