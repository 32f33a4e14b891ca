//! Certificate profiles: what a certificate makes its holder, read strictly.
//!
//! | profile | extended key usage | subject alternative names |
//! |---|---|---|
//! | link | server and client | exactly one DNS name, `uz.link.comity.internal` |
//! | client port | server | `uz.node.comity.internal` first, then host names and addresses |
//! | client | client | URIs alone, `comity://UZ/<kind>/<name>` first ([`crate::access::Principal`]) |
//!
//! The three exclude each other, so a certificate of one port is worth nothing at another.

use x509_parser::{
    extensions::{ExtendedKeyUsage, GeneralName},
    prelude::{FromDer as _, X509Certificate},
};

use crate::{
    access::{Principal, PrincipalError},
    record::{Country, Moment},
};

const LINK_SUFFIX: &str = ".link.comity.internal";
const NODE_SUFFIX: &str = ".node.comity.internal";

/// The DNS name in the link certificate of a country.
pub fn link_name(country: Country) -> String {
    format!("{}{LINK_SUFFIX}", country.code().to_ascii_lowercase())
}

/// The first DNS name in the client-port certificate of a country.
pub fn node_name(country: Country) -> String {
    format!("{}{NODE_SUFFIX}", country.code().to_ascii_lowercase())
}

/// What a certificate makes its holder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CertifiedIdentity {
    /// The node of a country, on links.
    Link(Country),
    /// The node of a country, on its client port.
    ClientPort(Country),
    /// A client of a country's node.
    Client(Principal),
}

/// Why a certificate or a client's name fits no profile. The fault is the issuing country's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Not a certificate.
    #[error("these bytes are no X.509 certificate")]
    Certificate,
    /// No profile has these names and usages.
    #[error(
        "the certificate fits no profile: neither a link's, nor a client port's, nor a client's"
    )]
    NoProfile,
    /// The certificate is of another profile.
    #[error("the certificate is for {presented}, but this connection is for {expected}")]
    WrongProfile {
        /// What the certificate is for.
        presented: &'static str,
        /// What is needed here.
        expected: &'static str,
    },
    /// The certificate is of another country.
    #[error("the certificate is {presented}'s, but {expected} was expected")]
    WrongCountry {
        /// Whose it is.
        presented: Country,
        /// Whose it should be.
        expected: Country,
    },
    /// No card of that country is held.
    #[error("no card of {0} is held, so its certificates are not believed")]
    UnknownCountry(Country),
    /// The certificate's key was taken back.
    #[error(
        "the key of this certificate was taken back by the card of {0}: its node has another one, and \
         whoever shows this certificate may have stolen it"
    )]
    RevokedKey(Country),
    /// The CA does not count now.
    #[error(
        "the issuing CA of {country} counts from {from} until {until}; check this machine's clock, or \
         have {country} renew its CA and issue a new card"
    )]
    CaTime {
        /// Whose CA.
        country: Country,
        /// Its beginning.
        from: Moment,
        /// Its end.
        until: Moment,
    },
    /// A card without a name that counts.
    #[error("the card has no name, or several, where the trusted issuer `{0}` is said to put it")]
    Unnamed(String),
    /// A card that no rule is for.
    #[error("no rule of the trusted issuer `{0}` is for this card")]
    Unmapped(String),
    /// The client is no principal.
    #[error(transparent)]
    Principal(#[from] PrincipalError),
}

/// What of a certificate decides whether it still counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Serial number, without leading zeros.
    pub serial: Vec<u8>,
    /// When it begins.
    pub from: Moment,
    /// When it ends.
    pub until: Moment,
}

/// Serial number, beginning and end of a certificate. Says nothing about who signed it.
///
/// # Errors
/// [`ProfileError::Certificate`].
pub fn leaf(der: &[u8]) -> Result<Leaf, ProfileError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| ProfileError::Certificate)?;
    let moment = |seconds: i64| Moment::from_micros(seconds.saturating_mul(1_000_000));
    let validity = certificate.validity();
    Ok(Leaf {
        serial: plain_serial(certificate.raw_serial()),
        from: moment(validity.not_before.timestamp()),
        until: moment(validity.not_after.timestamp()),
    })
}

/// A DER integer's bytes without leading zeros.
pub(super) fn plain_serial(serial: &[u8]) -> Vec<u8> {
    let bytes = serial.iter().copied();
    bytes.skip_while(|byte| *byte == 0).collect()
}

impl CertifiedIdentity {
    /// Reads the profile of a certificate. Says nothing about who signed it.
    ///
    /// # Errors
    /// [`ProfileError::Certificate`] or [`ProfileError::NoProfile`].
    pub fn of(der: &[u8]) -> Result<Self, ProfileError> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| ProfileError::Certificate)?;
        if !rest.is_empty() {
            return Err(ProfileError::Certificate);
        }
        let names = certificate
            .subject_alternative_name()
            .ok()
            .flatten()
            .ok_or(ProfileError::NoProfile)?;
        let usage = certificate
            .extended_key_usage()
            .ok()
            .flatten()
            .ok_or(ProfileError::NoProfile)?;
        Self::from_parts(usages(usage.value), &names.value.general_names)
            .ok_or(ProfileError::NoProfile)
    }

    fn from_parts(usages: Option<(bool, bool)>, names: &[GeneralName<'_>]) -> Option<Self> {
        match (usages?, names) {
            ((true, true), [GeneralName::DNSName(name)]) => {
                country_in(name, LINK_SUFFIX).map(Self::Link)
            }
            ((true, false), [GeneralName::DNSName(name), rest @ ..]) => {
                // No second country's name may hide behind the first.
                let plain = rest.iter().all(|other| match other {
                    GeneralName::DNSName(name) => !name.ends_with(".comity.internal"),
                    GeneralName::IPAddress(_) => true,
                    _ => false,
                });
                country_in(name, NODE_SUFFIX)
                    .filter(|_| plain)
                    .map(Self::ClientPort)
            }
            ((false, true), names) => {
                let uris: Option<Vec<&str>> = names
                    .iter()
                    .map(|name| match name {
                        GeneralName::URI(uri) => Some(*uri),
                        _ => None,
                    })
                    .collect();
                Principal::from_uris(&uris?).ok().map(Self::Client)
            }
            _ => None,
        }
    }

    /// The country that must vouch for it.
    pub const fn country(&self) -> Country {
        match self {
            Self::Link(country) | Self::ClientPort(country) => *country,
            Self::Client(client) => client.country(),
        }
    }

    /// What the certificate is for, in words.
    pub const fn purpose(&self) -> &'static str {
        match self {
            Self::Link(_) => "links",
            Self::ClientPort(_) => "a client port",
            Self::Client(_) => "clients",
        }
    }
}

/// Whether server and client authentication are named; `None` when anything else is.
fn usages(usage: &ExtendedKeyUsage<'_>) -> Option<(bool, bool)> {
    let more = usage.any
        || usage.code_signing
        || usage.email_protection
        || usage.time_stamping
        || usage.ocsp_signing
        || !usage.other.is_empty();
    (!more).then_some((usage.server_auth, usage.client_auth))
}

fn country_in(name: &str, suffix: &str) -> Option<Country> {
    let code = name.strip_suffix(suffix)?;
    let lower = code.bytes().all(|byte| byte.is_ascii_lowercase());
    lower.then(|| code.to_ascii_uppercase().parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::PrincipalKind;

    fn dns(name: &'static str) -> GeneralName<'static> {
        GeneralName::DNSName(name)
    }

    #[test]
    fn profiles_exclude_each_other() {
        let uz: Country = "UZ".parse().unwrap();
        let link = [dns("uz.link.comity.internal")];
        let port = [
            dns("uz.node.comity.internal"),
            dns("localhost"),
            GeneralName::IPAddress(&[127, 0, 0, 1]),
        ];
        let client = [GeneralName::URI("comity://UZ/operator/local")];
        let (both, server, only_client) = ((true, true), (true, false), (false, true));
        let of =
            |usages, names: &[GeneralName<'_>]| CertifiedIdentity::from_parts(Some(usages), names);
        assert_eq!(of(both, &link), Some(CertifiedIdentity::Link(uz)));
        assert_eq!(of(server, &port), Some(CertifiedIdentity::ClientPort(uz)));
        assert_eq!(
            of(only_client, &client),
            Some(CertifiedIdentity::Client(
                Principal::new(uz, PrincipalKind::Operator, "local").unwrap()
            ))
        );
        for (usages, names) in [
            (server, &link[..]),
            (only_client, &link),
            (both, &port),
            (only_client, &port),
            (both, &client),
            (server, &client),
            ((false, false), &link),
        ] {
            assert_eq!(of(usages, names), None, "{usages:?} {names:?}");
        }
    }

    #[test]
    fn odd_names_fit_no_profile() {
        let of =
            |usages, names: &[GeneralName<'_>]| CertifiedIdentity::from_parts(Some(usages), names);
        for name in [
            "UZ.link.comity.internal",
            "xx.link.comity.internal",
            "a.uz.link.comity.internal",
            ".link.comity.internal",
            "uz.link.comity.internal.example",
        ] {
            assert_eq!(of((true, true), &[dns(name)]), None, "{name}");
        }
        let two = [
            dns("uz.link.comity.internal"),
            dns("kz.link.comity.internal"),
        ];
        assert_eq!(of((true, true), &two), None);
        let hidden = [
            dns("uz.node.comity.internal"),
            dns("kz.node.comity.internal"),
        ];
        assert_eq!(of((true, false), &hidden), None);
        for uri in ["comity://UZ/operator", "https://UZ/operator/local"] {
            assert_eq!(of((false, true), &[GeneralName::URI(uri)]), None, "{uri}");
        }
        // Another kind of name beside the URIs, or none at all.
        let uri = GeneralName::URI("comity://UZ/operator/local");
        assert_eq!(of((false, true), &[uri, dns("uz.example")]), None);
        assert_eq!(of((false, true), &[]), None);
    }
}
