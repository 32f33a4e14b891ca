//! What principals are, and what they do.

use std::{fmt, str::FromStr};

use super::PrincipalError;

/// What a principal is. Which calls each may make at all follows from it and from the roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalKind {
    /// A person who works with records.
    Officer,
    /// A case management system.
    CaseSystem,
    /// A person who checks the ledger.
    Auditor,
    /// A person who runs the node.
    Operator,
}

/// What a principal does for its country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Exchanges records with other countries.
    LiaisonOfficer,
    /// Searches and correlates.
    Analyst,
    /// Takes what serves as evidence.
    JudicialAuthority,
    /// Works with the compartments of victims.
    VictimProtectionOfficer,
    /// Submits and reads on behalf of a case system.
    CaseSystem,
    /// Sees the ledger, never contents.
    Auditor,
    /// Runs the node, never reads contents.
    Operator,
}

impl PrincipalKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::Officer,
        Self::CaseSystem,
        Self::Auditor,
        Self::Operator,
    ];

    /// As certificates and the ledger have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Officer => "officer",
            Self::CaseSystem => "system",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }

    /// The roles of a principal of whom a certificate names none. An officer without roles has none.
    pub const fn implied(self) -> Option<Role> {
        match self {
            Self::Officer => None,
            Self::CaseSystem => Some(Role::CaseSystem),
            Self::Auditor => Some(Role::Auditor),
            Self::Operator => Some(Role::Operator),
        }
    }
}

impl FromStr for PrincipalKind {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let of = |kind: &Self| kind.as_str() == text;
        let found = Self::ALL.into_iter().find(of);
        found.ok_or_else(|| PrincipalError::Kind(shown(text)))
    }
}

impl fmt::Display for PrincipalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 7] = [
        Self::LiaisonOfficer,
        Self::Analyst,
        Self::JudicialAuthority,
        Self::VictimProtectionOfficer,
        Self::CaseSystem,
        Self::Auditor,
        Self::Operator,
    ];

    /// As certificates, configuration and the command line have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LiaisonOfficer => "liaison-officer",
            Self::Analyst => "analyst",
            Self::JudicialAuthority => "judicial-authority",
            Self::VictimProtectionOfficer => "victim-protection-officer",
            Self::CaseSystem => "case-system",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }

    /// The kind of principal that may have it. One alone, so that who runs the node or checks the
    /// ledger never also reads contents under the same certificate.
    pub const fn kind(self) -> PrincipalKind {
        match self {
            Self::LiaisonOfficer
            | Self::Analyst
            | Self::JudicialAuthority
            | Self::VictimProtectionOfficer => PrincipalKind::Officer,
            Self::CaseSystem => PrincipalKind::CaseSystem,
            Self::Auditor => PrincipalKind::Auditor,
            Self::Operator => PrincipalKind::Operator,
        }
    }
}

impl FromStr for Role {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let of = |role: &Self| role.as_str() == text;
        let found = Self::ALL.into_iter().find(of);
        found.ok_or_else(|| PrincipalError::Role(shown(text)))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text from outside, short and without control characters.
fn shown(text: &str) -> String {
    text.chars().take(32).flat_map(char::escape_debug).collect()
}
