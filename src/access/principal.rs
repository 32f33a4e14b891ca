//! A principal: an officer, a case system, an auditor or an operator of one country.
//!
//! A certificate says who holds it in up to ten URIs, in this order:
//!
//! ```text
//! comity://UZ/officer/n.karimova              country, kind and name: exactly one, the first
//! comity://UZ/authority/prosecutor-general    at most one
//! comity://UZ/role/liaison-officer            up to eight, none twice
//! ```
//!
//! The ledger names a principal `UZ/officer/n.karimova`. Whoever was vouched for by a trusted issuer
//! has that issuer's label before the name, `UZ/officer/eid:n.karimova`; the country's own
//! certificates have no colon in a name, so that one can never be taken for the other.

use std::{collections::BTreeSet, fmt};

use super::{PrincipalKind, Role};
use crate::{
    card::{AuthorityError, check_authority},
    record::Country,
};

/// Longest name, in bytes, a trusted issuer's label included.
pub const MAX_NAME_BYTES: usize = 64;
/// Most roles of one principal.
pub const MAX_ROLES: usize = 8;
/// Name of the principals that `comity init` issues certificates to.
const FIRST: &str = "local";
/// Longest label of a trusted issuer, in bytes.
const MAX_LABEL_BYTES: usize = 16;

/// Who asks: from a certificate, never from a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal {
    country: Country,
    kind: PrincipalKind,
    name: String,
    authority: Option<String>,
    roles: BTreeSet<Role>,
}

/// Why somebody cannot be a principal. The fault is of whoever named them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    /// The kind is none.
    #[error("`{0}` is no kind of principal; use officer, system, auditor or operator")]
    Kind(String),
    /// The role is none.
    #[error("`{0}` is no role; use one of {all}", all = Role::ALL.map(Role::as_str).join(", "))]
    Role(String),
    /// The name is refused.
    #[error("a name is 1 to {MAX_NAME_BYTES} of the characters a-z, 0-9, dot, dash and underscore")]
    Name,
    /// The label of a trusted issuer, or a name under it, is refused.
    #[error(
        "a trusted issuer's label is 1 to {MAX_LABEL_BYTES} of a-z, 0-9 and dash, and a name under it \
         has a-z, 0-9, dot, dash, underscore and @, {MAX_NAME_BYTES} bytes with the label"
    )]
    IssuedName,
    /// The authority's name is refused.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A role that does not go with the kind.
    #[error("the role {role} is not for {kind}; it is for {fits}", fits = role.kind())]
    Unfit {
        /// The role.
        role: Role,
        /// The kind.
        kind: PrincipalKind,
    },
    /// The URIs of a certificate are not those of a principal.
    #[error(
        "the certificate's URIs name no principal: first comity://COUNTRY/KIND/NAME, then at most one \
         authority, then up to {MAX_ROLES} roles, all of one country and none twice"
    )]
    Uris,
}

impl Principal {
    /// Names a principal of a country, without an authority and with the roles that its kind implies.
    ///
    /// # Errors
    /// [`PrincipalError::Name`].
    pub fn new(country: Country, kind: PrincipalKind, name: &str) -> Result<Self, PrincipalError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let sound = (1..=MAX_NAME_BYTES).contains(&name.len())
            && name
                .bytes()
                .all(|byte| plain(byte) || b".-_".contains(&byte));
        if !sound {
            return Err(PrincipalError::Name);
        }
        Ok(Self::of(country, kind, name.to_owned()))
    }

    /// Names a principal for whom a trusted issuer vouches, under the issuer's label.
    ///
    /// # Errors
    /// [`PrincipalError::IssuedName`].
    pub fn issued_by(
        country: Country,
        kind: PrincipalKind,
        label: &str,
        name: &str,
    ) -> Result<Self, PrincipalError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let whole = format!("{label}:{name}");
        let sound = (1..=MAX_LABEL_BYTES).contains(&label.len())
            && label.bytes().all(|byte| plain(byte) || byte == b'-')
            && !name.is_empty()
            && whole.len() <= MAX_NAME_BYTES
            && name
                .bytes()
                .all(|byte| plain(byte) || b".-_@".contains(&byte));
        if !sound {
            return Err(PrincipalError::IssuedName);
        }
        Ok(Self::of(country, kind, whole))
    }

    /// The operator that a home has from its beginning.
    pub fn first_operator(country: Country) -> Self {
        Self::of(country, PrincipalKind::Operator, FIRST.to_owned())
    }

    fn of(country: Country, kind: PrincipalKind, name: String) -> Self {
        Self {
            country,
            kind,
            name,
            authority: None,
            roles: kind.implied().into_iter().collect(),
        }
    }

    /// The same principal, acting for an authority.
    ///
    /// # Errors
    /// [`PrincipalError::Authority`].
    pub fn with_authority(mut self, authority: Option<&str>) -> Result<Self, PrincipalError> {
        authority.map_or(Ok(()), check_authority)?;
        self.authority = authority.map(str::to_owned);
        Ok(self)
    }

    /// The same principal with these roles; with none, those that its kind implies.
    ///
    /// # Errors
    /// [`PrincipalError::Unfit`] for a role of another kind.
    pub fn with_roles(mut self, roles: BTreeSet<Role>) -> Result<Self, PrincipalError> {
        let kind = self.kind;
        if let Some(role) = roles.iter().find(|role| role.kind() != kind) {
            return Err(PrincipalError::Unfit { role: *role, kind });
        }
        self.roles = if roles.is_empty() {
            kind.implied().into_iter().collect()
        } else {
            roles
        };
        Ok(self)
    }

    /// Reads a principal from the URIs of a certificate, in their order.
    ///
    /// # Errors
    /// [`PrincipalError`] when anything is missing, twice, out of its place or of another country.
    pub fn from_uris(uris: &[&str]) -> Result<Self, PrincipalError> {
        let (first, rest) = uris.split_first().ok_or(PrincipalError::Uris)?;
        let (country, kind, name) = parts(first).ok_or(PrincipalError::Uris)?;
        let country: Country = country.parse().map_err(|_| PrincipalError::Uris)?;
        let mut principal = Self::new(country, kind.parse()?, name)?;
        let mut roles = BTreeSet::new();
        for uri in rest {
            match parts(uri) {
                Some((of, "authority", name))
                    if of == country.code()
                        && principal.authority.is_none()
                        && roles.is_empty() =>
                {
                    principal = principal.with_authority(Some(name))?;
                }
                Some((of, "role", name)) if of == country.code() && roles.len() < MAX_ROLES => {
                    if !roles.insert(name.parse()?) {
                        return Err(PrincipalError::Uris);
                    }
                }
                _ => return Err(PrincipalError::Uris),
            }
        }
        principal.with_roles(roles)
    }

    /// The URIs of a certificate of this principal. A role that the kind implies is left out where it
    /// is the only one.
    pub fn uris(&self) -> Vec<String> {
        let mut uris = vec![self.uri()];
        let country = self.country;
        if let Some(authority) = &self.authority {
            uris.push(format!("comity://{country}/authority/{authority}"));
        }
        if !self.roles.iter().copied().eq(self.kind.implied()) {
            let role = |role| format!("comity://{country}/role/{role}");
            uris.extend(self.roles.iter().map(role));
        }
        uris
    }

    /// The first of the URIs, which names the principal alone.
    pub fn uri(&self) -> String {
        format!("comity://{self}")
    }

    /// The country whose CA, or whose trusted issuer, vouches.
    pub const fn country(&self) -> Country {
        self.country
    }

    /// What it is.
    pub const fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// Its own name, unique among its kind.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The authority it belongs to, as cards name it; `None` for the country's liaison desk.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Its roles.
    pub const fn roles(&self) -> &BTreeSet<Role> {
        &self.roles
    }

    /// Whether it has a role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// As the ledger names it: `UZ/officer/n.karimova`.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.country, self.kind, self.name)
    }
}

/// Country, kind and name in a URI.
fn parts(uri: &str) -> Option<(&str, &str, &str)> {
    let (country, rest) = uri.strip_prefix("comity://")?.split_once('/')?;
    let (kind, name) = rest.split_once('/')?;
    Some((country, kind, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KARIMOVA: &str = "comity://UZ/officer/n.karimova";

    fn read(rest: &[&str]) -> Result<Principal, PrincipalError> {
        let uris: Vec<&str> = [KARIMOVA].iter().chain(rest).copied().collect();
        Principal::from_uris(&uris)
    }

    #[test]
    fn uris_say_who_somebody_is_and_back() {
        let read = read(&[
            "comity://UZ/authority/prosecutor-general",
            "comity://UZ/role/judicial-authority",
            "comity://UZ/role/liaison-officer",
        ])
        .unwrap();
        assert_eq!(read.to_string(), "UZ/officer/n.karimova");
        assert_eq!(read.authority(), Some("prosecutor-general"));
        assert!(read.has(Role::LiaisonOfficer) && read.has(Role::JudicialAuthority));
        assert!(!read.has(Role::Analyst));
        let uris = read.uris();
        let uris: Vec<&str> = uris.iter().map(String::as_str).collect();
        assert_eq!(Principal::from_uris(&uris), Ok(read));
    }

    #[test]
    fn a_kind_implies_its_role_and_an_officer_none() {
        for (uri, implied) in [
            ("comity://UZ/operator/local", vec![Role::Operator]),
            ("comity://UZ/auditor/a", vec![Role::Auditor]),
            ("comity://UZ/system/c", vec![Role::CaseSystem]),
            (KARIMOVA, vec![]),
        ] {
            let read = Principal::from_uris(&[uri]).unwrap();
            assert!(read.roles().iter().eq(&implied), "{uri}");
            assert_eq!(read.uris(), [uri]);
        }
    }

    #[test]
    fn what_is_out_of_place_is_refused() {
        let authority = "comity://UZ/authority/national-police";
        let role = "comity://UZ/role/analyst";
        for rest in [
            &[authority, authority][..],
            &[role, authority],
            &[role, role],
            &[KARIMOVA],
            &["comity://KZ/role/analyst"],
            &["comity://KZ/authority/national-police"],
            &["https://UZ/role/analyst"],
            &["comity://UZ/role"],
        ] {
            assert_eq!(read(rest), Err(PrincipalError::Uris), "{rest:?}");
        }
        assert_eq!(
            read(&["comity://UZ/role/king"]),
            Err(PrincipalError::Role("king".to_owned()))
        );
        assert_eq!(
            read(&["comity://UZ/role/operator"]),
            Err(PrincipalError::Unfit {
                role: Role::Operator,
                kind: PrincipalKind::Officer
            })
        );
        assert!(matches!(
            read(&["comity://UZ/authority/National Police"]),
            Err(PrincipalError::Authority(_))
        ));
    }

    #[test]
    fn odd_names_are_no_principals() {
        for uri in [
            "comity://UZ/operator",
            "comity://UZ/operator/",
            "comity://UZ//local",
            "comity://uz/operator/local",
            "comity://UZ/operator/a/b",
            "comity://UZ/Operator/local",
            "comity://UZ/authority/national-police",
            "comity://UZ/officer/eid:n.karimova",
            "comity://UZ/officer/n karimova",
            "https://UZ/operator/local",
        ] {
            assert!(Principal::from_uris(&[uri]).is_err(), "{uri}");
        }
        assert_eq!(Principal::from_uris(&[]), Err(PrincipalError::Uris));
        let long = "a".repeat(MAX_NAME_BYTES + 1);
        let uz = "UZ".parse().unwrap();
        let named = |name| Principal::new(uz, PrincipalKind::Officer, name);
        assert_eq!(named(&long), Err(PrincipalError::Name));
        assert!(named(&long[1..]).is_ok());
    }

    #[test]
    fn a_trusted_issuers_name_is_never_an_own_one() {
        let uz: Country = "UZ".parse().unwrap();
        let of = |label, name| Principal::issued_by(uz, PrincipalKind::Officer, label, name);
        let issued = of("eid", "n.karimova@mvd.uz").unwrap();
        assert_eq!(issued.to_string(), "UZ/officer/eid:n.karimova@mvd.uz");
        let uri = issued.uri();
        assert_eq!(Principal::from_uris(&[&uri]), Err(PrincipalError::Name));
        for (label, name) in [
            ("", "x"),
            ("eid", ""),
            ("e:d", "x"),
            ("eid", "a:b"),
            ("eid", "A"),
        ] {
            assert_eq!(
                of(label, name),
                Err(PrincipalError::IssuedName),
                "{label} {name}"
            );
        }
    }
}
