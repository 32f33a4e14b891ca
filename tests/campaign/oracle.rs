//! What the nodes said, kept outside them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, MutexGuard},
};

use comity::{
    card::TrustBook,
    envelope,
    record::Country,
    wire::{
        envelope::{Receipt, ReceiptProof, ReceiptType},
        node::SubmitRecordResponse,
        record::Record,
    },
};

/// A submission that a node acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) origin: Country,
    pub(crate) key: String,
    pub(crate) record: Record,
    pub(crate) reference: String,
    pub(crate) digest: Vec<u8>,
    pub(crate) destinations: BTreeSet<String>,
}

/// What went wrong, by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    /// Acknowledged, and not there.
    pub(crate) lost: Vec<String>,
    /// There twice, or under two names.
    pub(crate) doubled: Vec<String>,
    /// There, and not what it was; stores and ledgers that are not sound.
    pub(crate) torn: Vec<String>,
}

#[derive(Default)]
struct State {
    order: Vec<String>,
    by_key: HashMap<String, Acknowledged>,
    references: HashMap<String, String>,
    /// Receipts seen at an origin, by reference and issuer.
    receipts: BTreeMap<(String, String), Vec<u8>>,
    repeats: u64,
    findings: Findings,
}

/// What the nodes said.
pub(crate) struct Oracle {
    pub(crate) book: TrustBook,
    state: Mutex<State>,
}

impl Oracle {
    pub(crate) fn new(book: TrustBook) -> Self {
        Self {
            book,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Keeps an acknowledgement; a second one for the same key must say the same.
    pub(crate) fn acknowledged(
        &self,
        origin: Country,
        key: &str,
        record: Record,
        answer: SubmitRecordResponse,
    ) {
        let acceptance = answer
            .acceptance
            .as_ref()
            .map(|proof| envelope::verify_stated(proof, &self.book));
        let holds = matches!(&acceptance, Some(Ok(receipt))
            if receipt.header_digest == answer.header_digest
                && receipt.issuer == origin.code()
                && receipt.r#type() == ReceiptType::SubmissionAcceptance);
        let mut state = self.state();
        if !holds {
            state.findings.torn.push(format!(
                "{origin} {key}: the acceptance does not hold: {acceptance:?}"
            ));
        }
        state.repeats += u64::from(answer.repeated);
        let known = state
            .by_key
            .get(key)
            .map(|of| (of.reference.clone(), of.digest.clone()));
        if let Some((reference, digest)) = known {
            if reference != answer.reference || digest != answer.header_digest {
                state.findings.doubled.push(format!(
                    "{origin} {key}: {reference} when first answered, {} when repeated",
                    answer.reference
                ));
            } else if !answer.repeated {
                state.findings.doubled.push(format!(
                    "{origin} {key}: {reference} was taken for new when repeated"
                ));
            }
            return;
        }
        if let Some(other) = state
            .references
            .insert(answer.reference.clone(), key.to_owned())
        {
            state.findings.doubled.push(format!(
                "{origin}: {} was given to {other} and to {key}",
                answer.reference
            ));
        }
        let destinations = record
            .destinations
            .iter()
            .map(|of| of.country.clone())
            .collect();
        state.order.push(key.to_owned());
        state.by_key.insert(
            key.to_owned(),
            Acknowledged {
                origin,
                key: key.to_owned(),
                record,
                reference: answer.reference,
                digest: answer.header_digest,
                destinations,
            },
        );
    }

    /// Keeps the receipts that an origin showed: what was durable once stays, byte for byte.
    pub(crate) fn showed(&self, reference: &str, receipts: &[ReceiptProof]) {
        use prost::Message as _;
        let mut state = self.state();
        for proof in receipts {
            let issuer = Receipt::decode(proof.receipt.as_ref())
                .map(|of| of.issuer)
                .unwrap_or_default();
            let before = state.receipts.insert(
                (reference.to_owned(), issuer.clone()),
                proof.receipt.to_vec(),
            );
            if before.is_some_and(|before| before != proof.receipt) {
                state.findings.torn.push(format!(
                    "{reference}: the receipt of {issuer} is not what it was"
                ));
            }
        }
    }

    /// Issuers whose receipt for a record was seen.
    pub(crate) fn issuers(&self, reference: &str) -> Vec<String> {
        let from = (reference.to_owned(), String::new());
        let state = self.state();
        let seen = state.receipts.range(from..);
        seen.take_while(|((of, _), _)| of == reference)
            .map(|((_, issuer), _)| issuer.clone())
            .collect()
    }

    /// What an origin acknowledged so far, oldest first.
    pub(crate) fn of(&self, origin: Country) -> Vec<Acknowledged> {
        let mut all = self.newest(origin, usize::MAX);
        all.reverse();
        all
    }

    /// What an origin acknowledged last, newest first.
    pub(crate) fn newest(&self, origin: Country, limit: usize) -> Vec<Acknowledged> {
        let state = self.state();
        let keys = state.order.iter().rev().map(|key| &state.by_key[key]);
        let own = keys.filter(|of| of.origin == origin);
        own.take(limit).cloned().collect()
    }

    /// One acknowledged submission of an origin, chosen by a number.
    pub(crate) fn one_of(&self, origin: Country, choice: u64) -> Option<Acknowledged> {
        let state = self.state();
        let index = usize::try_from(choice).unwrap() % state.order.len().max(1);
        let found = state.by_key.get(state.order.get(index)?)?;
        (found.origin == origin).then(|| found.clone())
    }

    /// How many submissions were acknowledged.
    pub(crate) fn count(&self) -> usize {
        self.state().order.len()
    }

    /// How many answers were repeats of the first, and receipts seen.
    pub(crate) fn repeats_and_receipts(&self) -> (u64, usize) {
        let state = self.state();
        (state.repeats, state.receipts.len())
    }

    pub(crate) fn lost(&self, what: String) {
        self.state().findings.lost.push(what);
    }

    pub(crate) fn doubled(&self, what: String) {
        self.state().findings.doubled.push(what);
    }

    pub(crate) fn torn(&self, what: String) {
        self.state().findings.torn.push(what);
    }

    pub(crate) fn findings(&self) -> Findings {
        self.state().findings.clone()
    }
}
