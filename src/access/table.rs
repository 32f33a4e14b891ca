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
/// Most records within an hour that a table lets an officer get at alone.
pub const MAX_RECORDS: u32 = 1_000_000;

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

/// How a guarded act goes on once a second person agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Approval carries it out.
    Order,
    /// Approval is a leave: who asked may do the one thing named, for some hours.
    Warrant,
}

macro_rules! guarded {
    ($($name:ident $word:literal $shape:ident $says:literal;)*) => {
        /// What needs a second person.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Guarded {
            $(#[doc = $says] $name,)*
        }

        impl Guarded {
            /// All of them, in the order of the documents.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As `access.toml` and the list of approvals have it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// What it is, in words.
            pub const fn says(self) -> &'static str {
                match self {
                    $(Self::$name => $says,)*
                }
            }

            /// How it goes on once a second person agreed.
            pub const fn shape(self) -> Shape {
                match self {
                    $(Self::$name => Shape::$shape,)*
                }
            }
        }
    };
}

guarded! {
    MassRecall "mass-recall" Order "recalling more records than one person may alone";
    Shred "shred" Order "destroying the keys of locked records before their delay is over";
    OpenVictims "open-victims" Warrant "opening compartment `victims` of a record";
    ExportCourt "export-court" Warrant "exporting a record for court";
    ExportBulk "export-bulk" Warrant "exporting a table of statistics, or getting at many records within an hour";
    ChangePermissions "change-permissions" Order "putting other permissions in force";
    ImportCard "import-card" Order "trusting a country's card";
    DataSubject "data-subject" Warrant "scanning everything held for a data subject's request";
}

impl Guarded {
    /// The guarded thing of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|of| of.as_str() == name)
    }

    /// Every word, as a sentence lists them.
    pub fn words() -> String {
        let words: Vec<&str> = Self::ALL.iter().map(|of| of.as_str()).collect();
        words.join(", ")
    }
}

/// Who approves what needs a second person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecondPerson {
    /// Whether it needs a second person at all.
    pub required: bool,
    /// Roles that approve.
    pub approvers: BTreeSet<Role>,
    /// Hours that it waits for approval, and that a leave counts once it is given.
    pub hours: u32,
    /// Of [`Guarded::ExportBulk`]: distinct records within an hour that an officer gets at alone; 0 of
    /// every other.
    pub records: u32,
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
    /// Nobody could ever change it.
    #[error(
        "nobody could ever change this table: give a role `change-permissions`, and one of those that \
         approve it `approve`"
    )]
    ForEver,
}

impl Table {
    /// Who approves something that needs a second person.
    pub fn second(&self, guarded: Guarded) -> SecondPerson {
        self.second.get(&guarded).cloned().unwrap_or_default()
    }

    /// Whether something needs a second person.
    pub fn requires(&self, guarded: Guarded) -> bool {
        self.second.get(&guarded).is_none_or(|rule| rule.required)
    }

    /// The same table, in which these need no second person.
    #[must_use]
    pub fn by_one(mut self, acts: &[Guarded]) -> Self {
        for (guarded, rule) in &mut self.second {
            rule.required &= !acts.contains(guarded);
        }
        self
    }

    /// Whether any of these roles may do something.
    fn may(&self, roles: impl IntoIterator<Item = Role>, action: Action) -> bool {
        let may = |role| {
            let mut rows = self.rows.iter();
            rows.any(|row| row.role == role && row.actions.contains(&action))
        };
        roles.into_iter().any(may)
    }

    /// Checks what the format alone cannot.
    ///
    /// # Errors
    /// [`TableFault`].
    pub fn check(&self) -> Result<(), TableFault> {
        let rule = self.second(Guarded::ChangePermissions);
        let approved = self.may(rule.approvers.iter().copied(), Action::Approve);
        if !self.may(Role::ALL, Action::ChangePermissions) || (rule.required && !approved) {
            return Err(TableFault::ForEver);
        }
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
