//! Decisions: what a principal may do, of what, and why.
//!
//! A use case of the node asks for a [`Permit`] of its own action. Only [`enter`] makes one, so that a
//! call whose check was forgotten does not compile. What the permit reaches of a record is decided
//! when the record is open: [`Permit::reach`].

use std::{fmt, marker::PhantomData, sync::Arc};

use super::{
    Principal, Role,
    action::{About, Action, Verb},
    compartments::Compartments,
    subject::Subject,
    table::{Guarded, Scope, Table},
    warrant::Warrant,
};
use crate::{
    record::{Moment, compartments::label_name},
    wire::record::CompartmentLabel,
};

/// Who calls, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who, by a verified certificate.
    pub principal: Principal,
    /// From where, such as `10.0.0.7:51514`; empty when it is not known.
    pub from: String,
}

/// Why something is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The principal has no role.
    Role,
    /// No row of its roles has the action.
    Action(Action),
    /// No row of its roles has the action for this kind.
    Kind(Option<String>),
    /// No row has the action for this compartment.
    Compartment(CompartmentLabel),
    /// The rows are for the own authority, and the record is another's.
    Authority,
    /// Victim data is read by authorities named one by one, and the own one is not.
    NotNamed,
    /// The membership in the joint case ended: the own authority's, or with `None` the country's.
    MembershipEnded(Option<String>, Moment),
    /// The record belongs to a joint case, and the own authority does not.
    NotAMember,
    /// The record belongs to a joint case, or to a version of it, that is not here.
    CaseUnknown,
    /// The record belongs to a joint case of which its submitter was no member.
    CaseForeign,
    /// None of the roles approves this.
    Approver(Guarded),
    /// A second person has to agree first.
    SecondPerson(Guarded),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role => f.write_str("no role is in the certificate"),
            Self::Action(action) => write!(f, "no role allows `{action}`"),
            Self::Kind(Some(kind)) => write!(f, "no role allows it for records of kind {kind}"),
            Self::Kind(None) => f.write_str("a record that cannot be read has no kind"),
            Self::Compartment(label) => {
                write!(f, "no role allows it for compartment `{}`", label_name(*label))
            }
            Self::Approver(guarded) => write!(f, "no role approves {}", guarded.says()),
            Self::SecondPerson(Guarded::DataSubject) => write!(
                f,
                "{} needs a second person: ask with `comity subject request`",
                Guarded::DataSubject.says()
            ),
            Self::SecondPerson(guarded) => write!(
                f,
                "{} needs a second person: ask with `comity approvals request {}`",
                guarded.says(),
                guarded.as_str()
            ),
            Self::Authority => f.write_str("the record is another authority's"),
            Self::MembershipEnded(authority, until) => {
                let whose = authority.as_deref().unwrap_or("this country");
                write!(f, "the membership of {whose} in the joint case ended at {until}")
            }
            Self::NotAMember => f.write_str(
                "the record belongs to a joint case, and the own authority is no member of it now",
            ),
            Self::CaseUnknown => f.write_str(
                "the record belongs to a joint case whose members are not known here yet",
            ),
            Self::CaseForeign => f.write_str(
                "the record belongs to a joint case of which its submitter was no member",
            ),
            Self::NotNamed => f.write_str(
                "the origin named the authorities that read the victims' compartment, and this is none of them",
            ),
        }
    }
}

const VICTIMS_NEED_SECOND: Missing = Missing::SecondPerson(Guarded::OpenVictims);

/// A call that no row allows. Says nothing about any record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{who} may not `{action}`: {missing}; docs/ACCESS.md explains the permissions")]
pub struct Refused {
    /// Who, as the ledger names it.
    pub who: String,
    /// What.
    pub action: Action,
    /// Why not.
    pub missing: Missing,
}

/// What a decision lets through, and what it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Compartments that are allowed; of an action about the node, none.
    pub allowed: Compartments,
    /// For each compartment allowed, or that a second person's leave would open, the row that does it, from 1; for an action about the node one
    /// row, under no compartment.
    pub rows: Vec<(Option<CompartmentLabel>, usize)>,
    /// Compartments that the record has and that are withheld, with the reason.
    pub withheld: Vec<(CompartmentLabel, Missing)>,
    /// Why nothing at all is allowed.
    pub refused: Option<Missing>,
    /// The leave under which compartment `victims` is among those allowed.
    pub under: Option<Warrant>,
}

impl Decision {
    fn refused(missing: Missing) -> Self {
        Self {
            allowed: Compartments::NONE,
            rows: Vec::new(),
            withheld: Vec::new(),
            refused: Some(missing),
            under: None,
        }
    }

    /// Whether nothing but a second person's leave keeps compartment `victims` closed.
    pub fn victims_need_second(&self) -> bool {
        self.withheld
            .contains(&(CompartmentLabel::Victims, VICTIMS_NEED_SECOND))
    }

    /// Opens compartment `victims` under a leave, where nothing else is missing.
    pub fn open_victims(&mut self, warrant: Warrant) {
        if warrant.guarded() == Guarded::OpenVictims && self.victims_need_second() {
            let victims = CompartmentLabel::Victims;
            self.withheld.retain(|(label, _)| *label != victims);
            self.allowed.insert(victims);
            self.under = Some(warrant);
        }
    }

    /// Whether anything is allowed.
    pub const fn is_allowed(&self) -> bool {
        self.refused.is_none()
    }
}

/// Decides what a principal may do of a record; without a record, whether it may at all.
pub fn decide(
    principal: &Principal,
    action: Action,
    subject: Option<&Subject>,
    table: &Table,
) -> Decision {
    if principal.roles().is_empty() {
        return Decision::refused(Missing::Role);
    }
    let rows: Vec<_> = table
        .rows
        .iter()
        .enumerate()
        .filter(|(_, row)| principal.has(row.role) && row.actions.contains(&action))
        .map(|(index, row)| (index.saturating_add(1), row))
        .collect();
    let Some((first, _)) = rows.first() else {
        return Decision::refused(Missing::Action(action));
    };
    let (About::Contents, Some(subject)) = (action.about(), subject) else {
        return Decision {
            allowed: Compartments::NONE,
            rows: vec![(None, *first)],
            withheld: Vec::new(),
            refused: None,
            under: None,
        };
    };
    let kind = subject.kind.as_deref();
    if !rows.iter().any(|(_, row)| row.takes_kind(kind)) {
        return Decision::refused(Missing::Kind(subject.kind.clone()));
    }
    let mut decision = Decision {
        allowed: Compartments::NONE,
        rows: Vec::new(),
        withheld: Vec::new(),
        refused: None,
        under: None,
    };
    let authority = principal.authority();
    if let Some(missing) = subject.barred(authority) {
        return Decision::refused(missing);
    }
    let second = action.shows() && table.requires(Guarded::OpenVictims);
    for label in subject.present.iter() {
        let named = subject.is_of(label, authority);
        let own = named && subject.counts(authority);
        let mut missing = Missing::Compartment(label);
        let row = rows.iter().find(|(_, row)| {
            if !row.takes_kind(kind) || !row.compartments.has(label) {
                return false;
            }
            // The origin named who reads victims' data; no row of the country goes beyond that.
            if label == CompartmentLabel::Victims && !own && !action.hands_in() {
                missing = if named {
                    Missing::NotAMember
                } else {
                    Missing::NotNamed
                };
                return false;
            }
            let reached = row.scope == Scope::Country || own;
            if !reached {
                missing = if named {
                    Missing::NotAMember
                } else {
                    Missing::Authority
                };
            }
            reached
        });
        match row {
            // Opened under a leave alone: `Decision::open_victims`.
            Some((index, _)) if second && label == CompartmentLabel::Victims => {
                decision.rows.push((Some(label), *index));
                decision.withheld.push((label, VICTIMS_NEED_SECOND));
            }
            Some((index, _)) => {
                decision.allowed.insert(label);
                decision.rows.push((Some(label), *index));
            }
            None => decision.withheld.push((label, missing)),
        }
    }
    // Who does not see the situation sees nothing of the record: there is no telling of it.
    if !decision.allowed.has(CompartmentLabel::Situation) {
        let missing = decision.withheld.into_iter().next();
        return Decision::refused(missing.map_or(
            Missing::Compartment(CompartmentLabel::Situation),
            |(_, missing)| missing,
        ));
    }
    decision
}

struct Inner {
    caller: Caller,
    table: Arc<Table>,
}

/// Proof that a principal may do something: who, from where, by which table.
pub struct Permit<A> {
    inner: Arc<Inner>,
    action: PhantomData<fn() -> A>,
}

impl<A> Clone for Permit<A> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            action: PhantomData,
        }
    }
}

impl<A: Verb> fmt::Debug for Permit<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Permit({} by {})",
            A::ACTION,
            self.inner.caller.principal
        )
    }
}

/// Lets a caller do something if a row allows it.
///
/// # Errors
/// [`Refused`] with what is missing.
pub fn enter<A: Verb>(caller: Caller, table: &Arc<Table>) -> Result<Permit<A>, Refused> {
    let decision = decide(&caller.principal, A::ACTION, None, table);
    if let Some(missing) = decision.refused {
        return Err(Refused {
            who: caller.principal.to_string(),
            action: A::ACTION,
            missing,
        });
    }
    Ok(Permit {
        inner: Arc::new(Inner {
            caller,
            table: Arc::clone(table),
        }),
        action: PhantomData,
    })
}

impl<A: Verb> Permit<A> {
    /// Who, as the ledger names it.
    pub fn actor(&self) -> String {
        self.inner.caller.principal.to_string()
    }

    /// Who.
    pub fn principal(&self) -> &Principal {
        &self.inner.caller.principal
    }

    /// From where.
    pub fn from(&self) -> &str {
        &self.inner.caller.from
    }

    /// The table by which it was given.
    pub fn table(&self) -> &Table {
        &self.inner.table
    }

    /// Whether the principal has one of these roles.
    pub fn has_one_of<'a>(&self, roles: impl IntoIterator<Item = &'a Role>) -> bool {
        let mut roles = roles.into_iter();
        roles.any(|role| self.inner.caller.principal.has(*role))
    }

    /// What the permit reaches of a record.
    pub fn reach(&self, subject: &Subject) -> Decision {
        decide(
            &self.inner.caller.principal,
            A::ACTION,
            Some(subject),
            &self.inner.table,
        )
    }

    /// What the principal may see of a record in lists, whatever this permit is for. A record that
    /// one may not even list is for that person not there.
    pub fn sees(&self, subject: &Subject) -> bool {
        decide(
            &self.inner.caller.principal,
            Action::List,
            Some(subject),
            &self.inner.table,
        )
        .is_allowed()
    }

    /// What the principal may read of a record, whatever this permit is for.
    pub fn readable(&self, subject: &Subject) -> Decision {
        decide(
            &self.inner.caller.principal,
            Action::Read,
            Some(subject),
            &self.inner.table,
        )
    }

    /// The caller.
    pub fn caller(&self) -> &Caller {
        &self.inner.caller
    }

    /// Says that a record is out of reach.
    pub fn refusal(&self, missing: Missing) -> Refused {
        Refused {
            who: self.actor(),
            action: A::ACTION,
            missing,
        }
    }

    /// The same caller's permit for another action.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn and<B: Verb>(&self) -> Result<Permit<B>, Refused> {
        enter(self.inner.caller.clone(), &self.inner.table)
    }
}

#[cfg(test)]
mod tests;
