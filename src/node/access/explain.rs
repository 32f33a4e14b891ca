//! Why somebody may do something, or what is missing: a decision of the table in force, in words.

use std::sync::Arc;

use crate::{
    access::{
        About, Action, Guarded, Missing, Permit, Principal, PrincipalKind, Refused, Role, Row,
        Scope, Table, UnknownAction, act, decide,
    },
    record::Reference,
    wire::{
        node::{AllowingRow, ExplainDecisionResponse},
        record::CompartmentLabel,
    },
};

use super::{
    super::{
        Node, NodeError,
        read::{ReadError, blocking},
    },
    withheld,
};

/// Why nothing is explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The action.
    #[error(transparent)]
    Action(#[from] UnknownAction),
    /// The person.
    #[error(
        "nobody here holds a certificate as `{0}`; say kind and name, such as officer/n.karimova, as \
         `comity officer list` shows them"
    )]
    Principal(String),
    /// Decisions about others are explained to some roles alone.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The record.
    #[error(transparent)]
    Record(#[from] ReadError),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl Node {
    /// Explains a decision of the table in force: about oneself, or about anybody to who has
    /// `explain-permissions`. A record that the caller may not know of is explained to auditors alone.
    ///
    /// # Errors
    /// [`ExplainError`].
    pub async fn explain(
        self: &Arc<Self>,
        permit: &Permit<act::SeePermissions>,
        who: &str,
        action: &str,
        reference: Option<Reference>,
    ) -> Result<ExplainDecisionResponse, ExplainError> {
        let action: Action = action.parse()?;
        let own = permit.principal();
        let is_own = who.is_empty()
            || who == own.to_string()
            || who == format!("{}/{}", own.kind(), own.name())
            || (own.kind() == PrincipalKind::Officer && who == own.name());
        if !is_own && let Err(refused) = permit.and::<act::ExplainPermissions>() {
            self.refused(&refused, permit.caller(), reference.as_ref());
            return Err(refused.into());
        }
        let principal = if is_own {
            own.clone()
        } else {
            self.principal_named(who)?
        };
        let (node, permit) = (Arc::clone(self), permit.clone());
        let explained =
            blocking(move || Ok(node.explained(&permit, &principal, action, reference.as_ref())));
        Ok(explained.await??)
    }

    fn principal_named(&self, who: &str) -> Result<Principal, ExplainError> {
        let unknown = || ExplainError::Principal(who.chars().take(64).collect());
        let plain = who.strip_prefix(self.country.code()).unwrap_or(who);
        let plain = plain.strip_prefix('/').unwrap_or(plain);
        let (kind, name) = plain.split_once('/').unwrap_or(("officer", plain));
        let kind: PrincipalKind = kind.parse().map_err(|_| unknown())?;
        let named = self.roster.named(name, self.now());
        let named = named.map_err(NodeError::from)?;
        let mut named = named.into_iter();
        named.find(|of| of.kind() == kind).ok_or_else(unknown)
    }

    fn explained(
        &self,
        permit: &Permit<act::SeePermissions>,
        principal: &Principal,
        action: Action,
        reference: Option<&Reference>,
    ) -> Result<ExplainDecisionResponse, ReadError> {
        let standing = self.access.standing();
        let table = &standing.table;
        let subject = match reference {
            None => None,
            Some(reference) => {
                let number = self.find(reference)?;
                let subject = self.subject_of_held(number)?;
                if !permit.has_one_of(&[Role::Auditor]) && !permit.sees(&subject) {
                    return Err(self.out_of_reach(permit, reference, &subject, Missing::Authority));
                }
                Some(subject)
            }
        };
        let decision = decide(principal, action, subject.as_ref(), table);
        let rows = decision.rows.iter().filter_map(|(label, number)| {
            let row = table.rows.get(number.checked_sub(1)?)?;
            Some(AllowingRow {
                compartment: label.unwrap_or(CompartmentLabel::Unspecified).into(),
                row: u32::try_from(*number).ok()?,
                says: says(row, action),
            })
        });
        let second = if decision.is_allowed() {
            second_persons(table, action)
        } else {
            Vec::new()
        };
        Ok(ExplainDecisionResponse {
            principal: principal.to_string(),
            authority: principal.authority().unwrap_or_default().to_owned(),
            roles: principal.roles().iter().map(ToString::to_string).collect(),
            allowed: decision.is_allowed(),
            missing: decision
                .refused
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            rows: rows.collect(),
            withheld: withheld(&decision),
            second_person: second,
            digest: standing.digest.to_vec(),
        })
    }
}

/// A row in words.
fn says(row: &Row, action: Action) -> String {
    if action.about() == About::Node {
        return format!("{} may `{action}`", row.role);
    }
    let whose = match row.scope {
        Scope::Country => "every record of the country",
        Scope::Authority => "records of the own authority and of the desk",
    };
    let kinds = row.kinds.as_ref().map_or_else(String::new, |kinds| {
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        format!(", kinds {}", kinds.join(", "))
    });
    format!(
        "{} may `{action}`: {}; {whose}{kinds}",
        row.role,
        row.compartments.names()
    )
}

/// Where an action needs a second person, and who that may be.
fn second_persons(table: &Table, action: Action) -> Vec<String> {
    let acts: &[Guarded] = match action {
        Action::Read => &[Guarded::OpenVictims, Guarded::ExportBulk],
        Action::ExportCourt => &[Guarded::ExportCourt, Guarded::OpenVictims],
        Action::List
        | Action::Watch
        | Action::Search
        | Action::Correlate
        | Action::ExportTable
        | Action::Subscribe
        | Action::Export => &[Guarded::ExportBulk],
        Action::Recall => &[Guarded::MassRecall],
        Action::Shred => &[Guarded::Shred],
        Action::ImportCard => &[Guarded::ImportCard],
        Action::ChangePermissions => &[Guarded::ChangePermissions],
        Action::AnswerDataSubject => &[Guarded::DataSubject],
        _ => &[],
    };
    let required = acts.iter().filter(|guarded| table.requires(**guarded));
    let lines = required.map(|guarded| {
        let rule = table.second(*guarded);
        let roles: Vec<&str> = rule.approvers.iter().map(|role| role.as_str()).collect();
        let more = match rule.records {
            0 => String::new(),
            records => format!(", beyond {records} records within an hour"),
        };
        format!(
            "`{}` ({}{more}): approved by another person with one of the roles {}, within {} hours",
            guarded.as_str(),
            guarded.says(),
            roles.join(", "),
            rule.hours
        )
    });
    lines.collect()
}
