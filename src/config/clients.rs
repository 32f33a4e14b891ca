//! Who else vouches for clients of this node, and what their cards need.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
    path::PathBuf,
};

use serde::Deserialize;

use super::{
    Config, ConfigError,
    bounds::at_most,
    commented::{list, text},
};
use crate::access::{Principal, PrincipalKind, Role};

const MAX_ISSUERS: usize = 8;
const MAX_RULES: usize = 32;
const MAX_NAMES: usize = 4096;
const MAX_TEXT_BYTES: usize = 256;

/// What the client port takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientsConfig {
    /// Whether TLS 1.2 is taken, for smart cards whose software knows no better.
    pub allow_tls12: bool,
}

/// A CA of the country that issues its cards, trusted to name clients of this node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedIssuerConfig {
    /// Stands before the names that it vouches for: `UZ/officer/eid:n.karimova`.
    pub label: String,
    /// Certificate of the CA that signs the cards themselves, PEM; relative to the home or absolute.
    pub ca: PathBuf,
    /// Its list of revoked certificates, PEM or DER; relative to the home or absolute.
    pub crl: PathBuf,
    /// Where the name stands.
    pub name: NameSource,
    /// Who becomes what: the first rule of which everything holds counts, and nobody else is let in.
    pub rules: Vec<MappingRule>,
}

/// Where in a certificate the name stands. What is not of a name's characters is refused; letters are
/// made small, so that one person is not two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameSource {
    /// `serialNumber` of the subject.
    SerialNumber,
    /// `CN` of the subject.
    CommonName,
    /// `UID` of the subject.
    UserId,
    /// The e-mail address among the subject alternative names.
    Email,
}

/// What a card must have, and what its holder is then.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingRule {
    /// A certificate policy (OID) that it must name.
    #[serde(default)]
    pub policy: Option<String>,
    /// An organisational unit that its subject must have.
    #[serde(default)]
    pub unit: Option<String>,
    /// Names, one of which it must have, without the label.
    #[serde(default)]
    pub names: BTreeSet<String>,
    /// `officer`, `system` or `auditor`.
    pub kind: String,
    /// One of the country's authorities.
    #[serde(default)]
    pub authority: Option<String>,
    /// Roles; empty for those that the kind implies.
    #[serde(default)]
    pub roles: BTreeSet<String>,
}

impl NameSource {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SerialNumber => "serial-number",
            Self::CommonName => "common-name",
            Self::UserId => "user-id",
            Self::Email => "email",
        }
    }
}

impl MappingRule {
    /// The principal of a name under this rule.
    ///
    /// # Errors
    /// [`crate::access::PrincipalError`] for what a configuration that was checked no longer has, and
    /// for names.
    pub fn principal(
        &self,
        config: &Config,
        label: &str,
        name: &str,
    ) -> Result<Principal, crate::access::PrincipalError> {
        let kind: PrincipalKind = self.kind.parse()?;
        let roles = self.roles.iter().map(|role| role.parse::<Role>());
        Principal::issued_by(config.country, kind, label, name)?
            .with_authority(self.authority.as_deref())?
            .with_roles(roles.collect::<Result<_, _>>()?)
    }
}

impl Config {
    pub(super) fn check_issuers(&self) -> Result<(), ConfigError> {
        at_most("trusted_issuers", self.trusted_issuers.len(), MAX_ISSUERS)?;
        let mut labels = BTreeSet::new();
        for (index, issuer) in self.trusted_issuers.iter().enumerate() {
            let refuse = |fault: String| ConfigError::Issuer { index, fault };
            if !labels.insert(issuer.label.as_str()) {
                return Err(refuse("another one has the same `label`".to_owned()));
            }
            at_most("trusted_issuers.rules", issuer.rules.len(), MAX_RULES)?;
            if issuer.rules.is_empty() {
                return Err(refuse("without `rules` it lets nobody in".to_owned()));
            }
            for rule in &issuer.rules {
                at_most("trusted_issuers.rules.names", rule.names.len(), MAX_NAMES)?;
                let texts = rule.policy.iter().chain(&rule.unit).chain(&rule.names);
                if texts
                    .clone()
                    .any(|text| text.is_empty() || text.len() > MAX_TEXT_BYTES)
                {
                    let fault =
                        format!("`policy`, `unit` and `names` have 1 to {MAX_TEXT_BYTES} bytes");
                    return Err(refuse(fault));
                }
                if rule.policy.is_none() && rule.unit.is_none() && rule.names.is_empty() {
                    return Err(refuse(
                        "a rule without `policy`, `unit` and `names` would let in everybody who has a card"
                            .to_owned(),
                    ));
                }
                let one = rule
                    .principal(self, &issuer.label, "x")
                    .map_err(|fault| refuse(fault.to_string()))?;
                if one.kind() == PrincipalKind::Operator {
                    return Err(refuse(
                        "operators have certificates of this node's own CA: `comity operator add`"
                            .to_owned(),
                    ));
                }
                if let Some(authority) = &rule.authority
                    && !self.authorities.contains(authority)
                {
                    return Err(refuse(format!("`{authority}` is none of `authorities`")));
                }
                for name in &rule.names {
                    rule.principal(self, &issuer.label, name)
                        .map_err(|fault| refuse(fault.to_string()))?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn write_clients(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "[clients]\n\
             # TLS 1.2 for smart cards whose software knows no better: ECDHE with AES-GCM or ChaCha20 only.\n\
             # Card holders' certificates cross the network in the clear then. Links are TLS 1.3 always.\n\
             allow_tls12 = {}\n\n\
             # A CA of the country that issues cards, trusted to name clients of this node:\n\
             # [[trusted_issuers]]\n\
             # label = \"eid\"                 # names become UZ/officer/eid:...\n\
             # ca = \"certs/eid-ca.pem\"       # the CA that signs the cards themselves\n\
             # crl = \"certs/eid.crl\"         # its list of revoked ones; replaced while the node runs\n\
             # name = \"serial-number\"        # or common-name, user-id, email\n\
             # [[trusted_issuers.rules]]     # the first of which everything holds counts\n\
             # policy = \"1.2.3.4\"            # and, or instead, unit = \"...\" and names = [...]\n\
             # kind = \"officer\"\n\
             # authority = \"national-police\"\n\
             # roles = [\"liaison-officer\"]\n",
            self.clients.allow_tls12,
        )?;
        for issuer in &self.trusted_issuers {
            writeln!(
                out,
                "[[trusted_issuers]]\nlabel = {}\nca = {}\ncrl = {}\nname = {}\n",
                text(&issuer.label),
                text(&issuer.ca.to_string_lossy()),
                text(&issuer.crl.to_string_lossy()),
                text(issuer.name.as_str()),
            )?;
            for rule in &issuer.rules {
                writeln!(out, "[[trusted_issuers.rules]]")?;
                let texts = [
                    ("policy", &rule.policy),
                    ("unit", &rule.unit),
                    ("authority", &rule.authority),
                ];
                for (field, value) in texts {
                    if let Some(value) = value {
                        writeln!(out, "{field} = {}", text(value))?;
                    }
                }
                writeln!(
                    out,
                    "names = {}\nkind = {}\nroles = {}\n",
                    list(rule.names.iter()),
                    text(&rule.kind),
                    list(rule.roles.iter()),
                )?;
            }
        }
        Ok(())
    }
}
