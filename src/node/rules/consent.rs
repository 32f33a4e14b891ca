//! Rules for consent: a request is answered once, a token that serves once serves once, and what is
//! locked is neither exported nor passed on. All of it against the group in hand, so that nothing
//! races.

use crate::{
    entry::{Disclosed, Event, Holding},
    inbox::{
        ask,
        consents::{self, ExportNow},
        life_rows,
    },
    store::{Decline, Group},
    wire::ledger::{Action, LeafBody},
};

use super::{By, CustodyDraft, Declined, Facts, NodeRules, Refusal, SubmissionRefusal};
use crate::crypto::Digest;

/// A record of another country that a record passes on.
#[derive(Clone, Copy, Debug)]
pub struct PassesOn {
    /// SHA-256 of the original's header.
    pub original: Digest,
    /// SHA-256 of the consent token used, where it serves once.
    pub token: Option<Digest>,
}

/// A record that is to leave the node in plain text.
#[derive(Clone, Debug)]
pub struct DiscloseOrder {
    /// Local number.
    pub number: u64,
    /// SHA-256 of the header.
    pub digest: Digest,
    /// As officers say it.
    pub reference: String,
    /// How: a stable word, such as `court-export`.
    pub manner: &'static str,
    /// Labels of the compartments.
    pub compartments: Vec<u32>,
    /// SHA-256 of the consent token used, where it serves once.
    pub token: Option<Digest>,
    /// Who, from where, why and for whom; into the ledger.
    pub by: By,
    /// Whether the origin is to be told that an officer opened it.
    pub retrieval: bool,
    /// Keyed tag of an export that may be done again when it breaks off; `None` for what may not.
    pub export: Option<[u8; 16]>,
}

/// An evidence request that is to leave the node in plain text, with its steps.
#[derive(Clone, Debug)]
pub struct ExportedEvidence {
    /// The disclosure of each record.
    pub disclosures: Vec<DiscloseOrder>,
    /// What is stated of each item.
    pub custody: Vec<CustodyDraft>,
}

impl NodeRules {
    /// All of the disclosures and entries, or none.
    pub(super) fn export_evidence(
        &self,
        order: ExportedEvidence,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        for disclosure in order.disclosures {
            self.disclose(disclosure, group)?;
        }
        self.custody(order.custody, group)
    }

    /// Why an answer, or a record that passes another on, is refused; `None` when it may be taken.
    pub(super) fn refuses_consent(
        &self,
        facts: &Facts,
        group: &Group<'_>,
    ) -> Result<Option<SubmissionRefusal>, Declined> {
        if let Some(follow) = &facts.follow
            && let Ok(request) = Digest::try_from(follow.answers.as_slice())
            && let Some(number) = ask::by_digest(group, &request)?
            && consents::request(group, number)?.is_some_and(|row| row.answer.is_some())
        {
            return Ok(Some(SubmissionRefusal::AlreadyAnswered));
        }
        let Some(PassesOn { original, token }) = facts.passes_on else {
            return Ok(None);
        };
        if let Some(number) = ask::by_digest(group, &original)?
            && self.is_locked(number, group)?
        {
            return Ok(Some(SubmissionRefusal::OriginalLocked));
        }
        if let Some(token) = token
            && consents::is_used(group, &token)?
        {
            return Ok(Some(SubmissionRefusal::ConsentUsed));
        }
        Ok(None)
    }

    fn is_locked(&self, number: u64, group: &Group<'_>) -> Result<bool, Declined> {
        let life = life_rows::of(group, number)?;
        Ok(life.is_some_and(|row| row.whole.is_some()))
    }

    /// Whether a received record uses a token that served before, or passes on what was recalled.
    pub(super) fn is_replayed(&self, facts: &Facts, group: &Group<'_>) -> Result<bool, Declined> {
        let Some(PassesOn { original, token }) = facts.passes_on else {
            return Ok(false);
        };
        if consents::is_revoked(group, &original)? {
            return Ok(true);
        }
        match token {
            Some(token) => Ok(consents::is_used(group, &token)?),
            None => Ok(false),
        }
    }

    /// Writes into a holding what it passes on.
    pub(super) fn passing_on(holding: Holding, passes_on: Option<PassesOn>) -> Holding {
        let digest = |digest: Option<Digest>| digest.map(|of| of.to_vec()).unwrap_or_default();
        Holding {
            passes_on: digest(passes_on.map(|of| of.original)),
            token_digest: digest(passes_on.and_then(|of| of.token)),
            ..holding
        }
    }

    /// The disclosure of the record that an own record passes on, in the same group.
    pub(super) fn passed_on(
        &self,
        passes_on: PassesOn,
        actor: &str,
        peers: &str,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        let Some(number) = ask::by_digest(group, &passes_on.original)? else {
            return Ok(());
        };
        let leaf = LeafBody {
            actor: actor.to_owned(),
            action: Action::Disclosure.into(),
            header_digest: passes_on.original.to_vec(),
            peer: peers.to_owned(),
            detail: "onward".to_owned(),
            subject: passes_on.token.map(|of| of.to_vec()).unwrap_or_default(),
            ..LeafBody::default()
        };
        let event = Event::Disclosed(Disclosed {
            number,
            header_digest: passes_on.original.to_vec(),
            manner: "onward".to_owned(),
            token_digest: Vec::new(),
            time_us: (self.clock)().micros(),
            retrieval: false,
            export_tag: Vec::new(),
        });
        self.append(group, event, Vec::new(), leaf)
    }

    /// All of the disclosures, or none.
    pub(super) fn disclose_all(
        &self,
        orders: Vec<DiscloseOrder>,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        orders
            .into_iter()
            .try_for_each(|order| self.disclose(order, group))
    }

    pub(super) fn disclose(
        &self,
        order: DiscloseOrder,
        group: &mut Group<'_>,
    ) -> Result<(), Declined> {
        if self.is_locked(order.number, group)? {
            return Err(Decline::Refused(Refusal::Life("locked")));
        }
        let now = (self.clock)();
        let export = order.export.map(|tag| ExportNow {
            tag,
            at_us: now.micros(),
        });
        if let Some(token) = &order.token
            && consents::is_used_by_another(group, token, export.as_ref())?
        {
            return Err(Decline::Refused(Refusal::ConsentUsed));
        }
        let token = order.token.map(|of| of.to_vec()).unwrap_or_default();
        let leaf = LeafBody {
            action: Action::Disclosure.into(),
            header_digest: order.digest.to_vec(),
            reference: order.reference,
            detail: order.manner.to_owned(),
            subject: token.clone(),
            compartments: order.compartments,
            ..order.by.leaf()
        };
        let event = Event::Disclosed(Disclosed {
            number: order.number,
            header_digest: order.digest.to_vec(),
            manner: order.manner.to_owned(),
            token_digest: token,
            time_us: now.micros(),
            retrieval: order.retrieval,
            export_tag: order.export.map(|tag| tag.to_vec()).unwrap_or_default(),
        });
        self.append(group, event, Vec::new(), leaf)
    }
}
