//! For which authority an officer takes charge.

use super::ChargeError;
use crate::{record::Country, wire::record::Record};

/// The authority meant, which must be one that the record goes to.
pub(super) fn authority_of(
    record: &Record,
    country: Country,
    named: String,
) -> Result<String, ChargeError> {
    let mut authorities: Vec<String> = record
        .destinations
        .iter()
        .filter(|of| of.country == country.code())
        .flat_map(|of| {
            let readers = of.readers.iter().flat_map(|readers| &readers.authorities);
            of.authorities.iter().chain(readers)
        })
        .cloned()
        .collect();
    authorities.sort_unstable();
    authorities.dedup();
    match (named.is_empty(), authorities.as_slice()) {
        (true, []) => Ok(String::new()),
        (true, [only]) => Ok(only.clone()),
        (true, _) => Err(ChargeError::AuthorityMissing(authorities)),
        (false, _) if authorities.contains(&named) => Ok(named),
        (false, _) => Err(ChargeError::NotItsAuthority {
            name: named.chars().take(64).collect(),
            authorities,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::record::{CompartmentReaders, Destination};

    fn record(authorities: &[&str], readers: &[&str]) -> Record {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Record {
            destinations: vec![
                Destination {
                    country: "KZ".to_owned(),
                    authorities: owned(&["interior-ministry"]),
                    ..Destination::default()
                },
                Destination {
                    country: "UZ".to_owned(),
                    authorities: owned(authorities),
                    readers: vec![CompartmentReaders {
                        authorities: owned(readers),
                        ..CompartmentReaders::default()
                    }],
                    ..Destination::default()
                },
            ],
            ..Record::default()
        }
    }

    #[test]
    fn an_authority_is_one_that_the_record_goes_to() {
        let of = |authorities: &[&str], readers: &[&str], named: &str| {
            let country = "UZ".parse().unwrap();
            authority_of(&record(authorities, readers), country, named.to_owned())
        };
        assert_eq!(of(&[], &[], "").unwrap(), "");
        assert_eq!(of(&["police"], &[], "").unwrap(), "police");
        assert_eq!(of(&["police"], &["police"], "").unwrap(), "police");
        assert_eq!(of(&["police"], &["shelter"], "shelter").unwrap(), "shelter");
        let several = of(&["police"], &["shelter"], "").unwrap_err();
        assert!(several.to_string().contains("police, shelter"), "{several}");
        for refused in [
            of(&["police"], &[], "interior-ministry").unwrap_err(),
            of(&[], &[], "police").unwrap_err(),
        ] {
            assert!(matches!(refused, ChargeError::NotItsAuthority { .. }));
        }
    }
}
