//! The permissions of a country: rows that allow, and what needs two persons. What no row allows is
//! refused.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Role,
    action::{About, Action},
    compartments::Compartments,
};

/// Rows that a table may have.
pub const MAX_ROWS: usize = 256;
/// Longest wait for a second person, in hours.
pub const MAX_HOURS: u32 = 24 * 7;

/// Which records of the country a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Those of the own authority: submitted by it, addressed to it, or to the country's desk.
    Authority,
    /// All.
    Country,
}

impl Scope {
    /// As `access.toml` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Country => "country",
        }
    }
}

/// The kind by which rows name steps: recalls, consent, late receipts.
pub const STEP_KIND: &str = "Step";

/// One row: a role may do these actions, with records of these kinds, in these compartments, within
/// this scope. Kinds, compartments and scope count for contents only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Whose.
    pub role: Role,
    /// What.
    pub actions: BTreeSet<Action>,
    /// Kinds such as `Route`; `None` for every kind.
    pub kinds: Option<BTreeSet<String>>,
    /// Compartments.
    pub compartments: Compartments,
    /// Of which records.
    pub scope: Scope,
}

impl Row {
    /// Whether it is about a kind; one that is not known is only in a row of every kind.
    pub fn takes_kind(&self, kind: Option<&str>) -> bool {
        match (&self.kinds, kind) {
            (None, _) => true,
            (Some(kinds), Some(kind)) => kinds.contains(kind),
            (Some(_), None) => false,
        }
    }
}

/// What needs a second person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Guarded {
    /// Recalling more records than one person may alone.
    MassRecall,
    /// Destroying the keys of locked records before their delay is over.
    Shred,
}

impl Guarded {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::MassRecall, Self::Shred];

    /// As `access.toml` and the list of approvals have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MassRecall => "mass-recall",
            Self::Shred => "shred",
        }
    }

    /// What it is, in words.
    pub const fn says(self) -> &'static str {
        match self {
            Self::MassRecall => "recalling more records than one person may alone",
            Self::Shred => "destroying the keys of locked records before their delay is over",
        }
    }

    /// The guarded thing of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|of| of.as_str() == name)
    }
}

/// Who approves what needs a second person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecondPerson {
    /// Roles that approve.
    pub approvers: BTreeSet<Role>,
    /// Hours that it waits for approval.
    pub hours: u32,
}

/// The permissions of a country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What is allowed.
    pub rows: Vec<Row>,
    /// Who approves what needs two persons.
    pub second: BTreeMap<Guarded, SecondPerson>,
}

/// A table that mixes duties. The fault is of whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableFault {
    /// A role that keeps away from contents would get at them.
    #[error(
        "the role {role} keeps away from contents and may not have `{action}`; give the action to an officer's role"
    )]
    Separation {
        /// The role.
        role: Role,
        /// The action.
        action: Action,
    },
}

impl Table {
    /// Who approves something that needs a second person.
    pub fn second(&self, guarded: Guarded) -> SecondPerson {
        self.second.get(&guarded).cloned().unwrap_or_default()
    }

    /// Checks what the format alone cannot.
    ///
    /// # Errors
    /// [`TableFault`].
    pub fn check(&self) -> Result<(), TableFault> {
        for row in &self.rows {
            let apart = matches!(row.role, Role::Operator | Role::Auditor);
            let contents = row
                .actions
                .iter()
                .find(|action| action.about() == About::Contents);
            if let Some(action) = contents.filter(|_| apart) {
                return Err(TableFault::Separation {
                    role: row.role,
                    action: *action,
                });
            }
        }
        Ok(())
    }
}
