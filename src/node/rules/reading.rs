//! Rules for looking at records: readings, listings, searches. Each is a leaf before data leaves.

use crate::{
    access::{ApprovalId, Caller, Permit, Principal, Purpose, Verb, Warrant},
    crypto::Digest,
    entry::{AttemptsRefused, Event, Read},
    ledger::Shown,
    store::Group,
    wire::ledger::{Action, LeafBody},
};

use super::{super::access::RefusedAttempts, Declined, NodeRules};

/// Who looks at something, from where and why, as a leaf says it.
#[derive(Clone, Debug, Default)]
pub struct By {
    actor: String,
    authority: String,
    roles: Vec<String>,
    from: String,
    purpose: Option<Purpose>,
    note: String,
    approvals: Vec<ApprovalId>,
}

impl By {
    /// Whoever holds a permit.
    pub fn of<A: Verb>(permit: &Permit<A>) -> Self {
        Self::caller(permit.caller())
    }

    /// Whoever calls.
    pub fn caller(caller: &Caller) -> Self {
        Self {
            from: caller.from.clone(),
            ..Self::principal(&caller.principal)
        }
    }

    /// Somebody of whom no more is known than a name.
    pub fn named(actor: &str) -> Self {
        Self {
            actor: actor.to_owned(),
            ..Self::default()
        }
    }

    /// Somebody, wherever they call from.
    pub fn principal(principal: &Principal) -> Self {
        let roles = principal.roles().iter();
        Self {
            actor: principal.to_string(),
            authority: principal.authority().unwrap_or_default().to_owned(),
            roles: roles.map(|role| role.as_str().to_owned()).collect(),
            ..Self::default()
        }
    }

    /// The same, for a purpose and with what is said of it in words.
    #[must_use]
    pub fn reading_for(self, purpose: Option<Purpose>, note: String) -> Self {
        Self {
            purpose,
            note,
            ..self
        }
    }

    /// The same, under a second person's leave.
    #[must_use]
    pub fn under(mut self, warrant: Option<&Warrant>) -> Self {
        self.approvals.extend(warrant.map(Warrant::approval));
        self
    }

    /// Who, as the ledger names persons.
    pub(in crate::node) fn actor(&self) -> &str {
        &self.actor
    }

    /// The authority of who it is; empty without one.
    pub(in crate::node) fn authority(&self) -> &str {
        &self.authority
    }

    /// The part of a leaf that says so.
    pub(super) fn leaf(self) -> LeafBody {
        LeafBody {
            actor: self.actor,
            authority: self.authority,
            roles: self.roles,
            from: self.from,
            purpose: self.note,
            reading_purpose: self
                .purpose
                .as_ref()
                .map_or(0, |purpose| purpose.code().into()),
            case_reference: self
                .purpose
                .map(|purpose| purpose.case().to_owned())
                .unwrap_or_default(),
            approvals: self.approvals.iter().map(|id| id.to_vec()).collect(),
            ..LeafBody::default()
        }
    }
}

/// A reading or a listing, before data leaves.
#[derive(Clone, Debug, Default)]
pub struct ReadOrder {
    /// Local number; 0 for a listing.
    pub number: u64,
    /// Header; `None` for a listing.
    pub digest: Option<Digest>,
    /// As officers say it; empty for a listing.
    pub reference: String,
    /// Labels opened.
    pub compartments: Vec<u32>,
    /// Labels withheld.
    pub withheld: Vec<u32>,
    /// Who, from where and why.
    pub by: By,
    /// A stable word, such as `read` or `listed`.
    pub detail: &'static str,
    /// Keyed tag of the officer to whom the text is shown; `None` when it is not.
    pub officer: Option<[u8; 16]>,
    /// Whether the origin is to be told that an officer opened it.
    pub retrieval: bool,
    /// Records shown beside it, or by a listing.
    pub shown: Shown,
    /// The person of this country that is asked about; empty when none is.
    pub about: String,
    /// The item that is shown; empty when none is.
    pub subject: Vec<u8>,
    /// Whether what is shown leaves for another tool: a disclosure, where it would be a consultation.
    pub leaves: bool,
}

/// A search or a correlation, before data leaves.
#[derive(Clone, Debug)]
pub struct SearchOrder {
    /// Number, header and reference of the record whose relations were asked; `None` for a search.
    pub of: Option<(u64, Digest, String)>,
    /// Labels searched.
    pub compartments: Vec<u32>,
    /// Keyed tag of what was asked; empty for a correlation.
    pub query: Vec<u8>,
    /// Who, from where and why.
    pub by: By,
    /// The records that the answer shows.
    pub shown: Shown,
}

impl NodeRules {
    /// A crash after this leaves a leaf for a reading that nobody received, and an origin that is
    /// told of it: the ledger may say too much, never too little.
    pub(super) fn read(&self, order: ReadOrder, group: &mut Group<'_>) -> Result<(), Declined> {
        let header_digest = order
            .digest
            .map(|digest| digest.to_vec())
            .unwrap_or_default();
        let leaf = LeafBody {
            action: if order.leaves {
                Action::Disclosure.into()
            } else {
                Action::Consultation.into()
            },
            header_digest: header_digest.clone(),
            reference: order.reference,
            detail: order.detail.to_owned(),
            compartments: order.compartments,
            withheld: order.withheld,
            about: order.about,
            subject: order.subject,
            ..order.shown.leaf(order.by.leaf())
        };
        let event = Event::Read(Read {
            number: order.number,
            header_digest,
            officer_tag: order.officer.map(|tag| tag.to_vec()).unwrap_or_default(),
            retrieval: order.retrieval,
        });
        self.append(group, event, Vec::new(), leaf)
    }

    pub(super) fn searched(
        &self,
        order: SearchOrder,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let (number, header_digest, reference) = match order.of {
            Some((number, digest, reference)) => (number, digest.to_vec(), reference),
            None => (0, Vec::new(), String::new()),
        };
        let (action, detail) = if header_digest.is_empty() {
            (Action::Consultation, "searched")
        } else {
            (Action::Combination, "related")
        };
        let leaf = LeafBody {
            action: action.into(),
            header_digest: header_digest.clone(),
            reference,
            detail: detail.to_owned(),
            subject: order.query,
            compartments: order.compartments,
            ..order.shown.leaf(order.by.leaf())
        };
        let event = Event::Read(Read {
            number,
            header_digest,
            ..Read::default()
        });
        self.append(group, event, Vec::new(), leaf)
    }

    /// Attempts that were refused, one leaf for each sum.
    pub(super) fn attempts_refused(
        &self,
        sums: Vec<RefusedAttempts>,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        for sum in sums {
            let leaf = LeafBody {
                action: Action::Refusal.into(),
                detail: sum.detail,
                purpose: sum.why,
                references: sum.references,
                // How many attempts, not how many records.
                ..sum.shown.leaf(sum.by.leaf())
            };
            let leaf = LeafBody {
                count: sum.count,
                ..leaf
            };
            let event = Event::AttemptsRefused(AttemptsRefused { count: sum.count });
            self.append(group, event, Vec::new(), leaf)?;
        }
        Ok(())
    }
}
