//! Certificate profiles: what a certificate makes its holder, read strictly.
//!
//! | profile | extended key usage | subject alternative names |
//! |---|---|---|
//! | link | server and client | exactly one DNS name, `uz.link.comity.internal` |
//! | client port | server | `uz.node.comity.internal` first, then host names and addresses |
//! | client | client | exactly one URI, `comity://UZ/<role>/<name>` |
//!
//! The three exclude each other, so a certificate of one port is worth nothing at another.

use std::fmt;

use x509_parser::{
    extensions::{ExtendedKeyUsage, GeneralName},
    prelude::{FromDer as _, X509Certificate},
};

use crate::record::{Country, Moment};

const LINK_SUFFIX: &str = ".link.comity.internal";
const NODE_SUFFIX: &str = ".node.comity.internal";
const MAX_ROLE_BYTES: usize = 32;
const MAX_NAME_BYTES: usize = 64;

/// The DNS name in the link certificate of a country.
pub fn link_name(country: Country) -> String {
    format!("{}{LINK_SUFFIX}", country.code().to_ascii_lowercase())
}

/// The first DNS name in the client-port certificate of a country.
pub fn node_name(country: Country) -> String {
    format!("{}{NODE_SUFFIX}", country.code().to_ascii_lowercase())
}

/// Who a client is, as its country's CA says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientName {
    country: Country,
    role: String,
    name: String,
}

/// What a certificate makes its holder.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CertifiedIdentity {
    /// The node of a country, on links.
    Link(Country),
    /// The node of a country, on its client port.
    ClientPort(Country),
    /// A client of a country's node.
    Client(ClientName),
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
    /// The role is refused.
    #[error("a role is 1 to {MAX_ROLE_BYTES} lower-case letters and dashes")]
    Role,
    /// The name is refused.
    #[error(
        "a client's name is 1 to {MAX_NAME_BYTES} of the characters a-z, 0-9, dot, dash and underscore"
    )]
    Name,
}

impl ClientName {
    /// Names a client of a country by its role, such as `operator`, and its own name.
    ///
    /// # Errors
    /// [`ProfileError::Role`] or [`ProfileError::Name`].
    pub fn new(country: Country, role: &str, name: &str) -> Result<Self, ProfileError> {
        let within = |text: &str, most: usize| (1..=most).contains(&text.len());
        if !within(role, MAX_ROLE_BYTES)
            || !role
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        {
            return Err(ProfileError::Role);
        }
        if !within(name, MAX_NAME_BYTES)
            || !name.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte)
            })
        {
            return Err(ProfileError::Name);
        }
        Ok(Self {
            country,
            role: role.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The country whose CA vouches.
    pub const fn country(&self) -> Country {
        self.country
    }

    /// The role.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn parse(uri: &str) -> Option<Self> {
        let mut parts = uri.strip_prefix("comity://")?.splitn(3, '/');
        let country = parts.next()?.parse().ok()?;
        Self::new(country, parts.next()?, parts.next()?).ok()
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "comity://{}/{}/{}", self.country, self.role, self.name)
    }
}

/// What of a certificate decides whether it still counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Serial number, without leading zeros.
    pub serial: Vec<u8>,
    /// When it ends.
    pub until: Moment,
}

/// Serial number and end of a certificate. Says nothing about who signed it.
///
/// # Errors
/// [`ProfileError::Certificate`].
pub fn leaf(der: &[u8]) -> Result<Leaf, ProfileError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| ProfileError::Certificate)?;
    let until = certificate.validity().not_after.timestamp();
    Ok(Leaf {
        serial: plain_serial(certificate.raw_serial()),
        until: Moment::from_micros(until.saturating_mul(1_000_000)),
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
            ((false, true), [GeneralName::URI(uri)]) => ClientName::parse(uri).map(Self::Client),
            _ => None,
        }
    }

    /// The country that must vouch for it.
    pub const fn country(&self) -> Country {
        match self {
            Self::Link(country) | Self::ClientPort(country) => *country,
            Self::Client(client) => client.country,
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
                ClientName::new(uz, "operator", "local").unwrap()
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
        for uri in [
            "comity://UZ/operator",
            "comity://UZ/operator/",
            "comity://UZ//local",
            "comity://uz/operator/local",
            "comity://UZ/operator/a/b",
            "comity://UZ/Operator/local",
            "https://UZ/operator/local",
        ] {
            assert_eq!(of((false, true), &[GeneralName::URI(uri)]), None, "{uri}");
        }
    }
}
