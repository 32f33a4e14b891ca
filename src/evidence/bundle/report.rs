//! What a verification says: claim by claim, proved, not proved, or contradicted.

use std::collections::BTreeSet;

use super::SourceFault;
use crate::{card::Fingerprint, record::Country, wire::bundle::Bundle};

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It follows from signatures under a root whose fingerprint was given, or from the bytes themselves.
    Proved,
    /// Nothing speaks against it, and something is missing to prove it.
    NotProved,
    /// Something speaks against it.
    Contradicted,
}

impl Verdict {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::NotProved => "not proved",
            Self::Contradicted => "contradicted",
        }
    }
}

/// A claim that a bundle makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What kind: `files`, `card`, `record`, `steps`, `delivery`, `receipts`, `ledger`, `consent`, `custody`,
    /// `item`, `report`, `case-uco`.
    pub kind: &'static str,
    /// What about: a country, a reference, a file.
    pub about: String,
    /// What became of it.
    pub verdict: Verdict,
    /// In words.
    pub says: String,
    /// A stable word for why it is not proved or contradicted; empty where it is proved.
    pub reason: String,
    /// Countries whose root it leans on.
    pub leans_on: Vec<Country>,
}

/// A country root that a card in the bundle leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRoot {
    /// The country.
    pub country: Country,
    /// The fingerprint to compare.
    pub fingerprint: Fingerprint,
    /// Whether it is the one that was given.
    pub confirmed: bool,
}

/// What a bundle comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every root was confirmed, and nothing speaks against anything.
    Proved,
    /// Nothing speaks against anything, and a root at least was not confirmed.
    Consistent,
    /// Something speaks against it.
    Contradicted,
}

impl Outcome {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Consistent => "consistent",
            Self::Contradicted => "contradicted",
        }
    }
}

/// What no bundle proves, whatever its signatures.
pub const LIMITS: [&str; 5] = [
    "That what a record, a custody entry or an item says is true: a signature proves which country's node stated \
     it, and that nobody changed it since.",
    "That nothing else exists: steps and custody entries that came after the last one shown, and records beside the \
     request, leave no gap in the numbers.",
    "The times, beyond the clock of the node that stated them, the order that the chains fix, and the checkpoint.",
    "That the keys of a country's node were in nobody else's hands while its card named them.",
    "Who the persons named are: the nodes name them by their certificates, which stay in their country.",
];

/// Everything that a verification found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What the bundle says that it is, where that could be read.
    pub bundle: Option<Bundle>,
    /// Claims, in the order of the bundle.
    pub claims: Vec<Claim>,
    /// Roots found.
    pub roots: Vec<FoundRoot>,
}

impl Report {
    /// Of a folder or archive that is no bundle.
    pub fn refused(fault: &SourceFault) -> Self {
        let mut report = Self::default();
        report.against(
            "files",
            "bundle",
            fault.name(),
            format!("The bundle is refused: {fault}."),
        );
        report
    }

    pub(super) fn proved(
        &mut self,
        kind: &'static str,
        about: &str,
        says: impl Into<String>,
        on: &[Country],
    ) {
        self.add(kind, about, Verdict::Proved, says, "", on);
    }

    pub(super) fn open(
        &mut self,
        kind: &'static str,
        about: &str,
        reason: &str,
        says: impl Into<String>,
        on: &[Country],
    ) {
        self.add(kind, about, Verdict::NotProved, says, reason, on);
    }

    pub(super) fn against(
        &mut self,
        kind: &'static str,
        about: &str,
        reason: &str,
        says: impl Into<String>,
    ) {
        self.add(kind, about, Verdict::Contradicted, says, reason, &[]);
    }

    fn add(
        &mut self,
        kind: &'static str,
        about: &str,
        verdict: Verdict,
        says: impl Into<String>,
        reason: &str,
        on: &[Country],
    ) {
        self.claims.push(Claim {
            kind,
            about: about.to_owned(),
            verdict,
            says: says.into(),
            reason: reason.to_owned(),
            leans_on: on.to_vec(),
        });
    }

    /// What leans on a root that nobody confirmed is not proved.
    pub(super) fn settle(&mut self) {
        let confirmed: BTreeSet<Country> = self
            .roots
            .iter()
            .filter(|root| root.confirmed)
            .map(|root| root.country)
            .collect();
        for claim in &mut self.claims {
            let unsure: Vec<&str> = claim
                .leans_on
                .iter()
                .filter(|country| !confirmed.contains(*country))
                .map(Country::code)
                .collect();
            if claim.verdict == Verdict::Proved && !unsure.is_empty() {
                claim.verdict = Verdict::NotProved;
                "root-unconfirmed".clone_into(&mut claim.reason);
                claim.says = format!(
                    "{} Consistent in itself; nobody confirmed the root of {}.",
                    claim.says,
                    unsure.join(" and ")
                );
            }
        }
    }

    /// What the bundle comes to.
    pub fn outcome(&self) -> Outcome {
        let any = |verdict| self.claims.iter().any(|of| of.verdict == verdict);
        if self.claims.is_empty() || any(Verdict::Contradicted) {
            Outcome::Contradicted
        } else if self.roots.is_empty() || self.roots.iter().any(|root| !root.confirmed) {
            Outcome::Consistent
        } else {
            Outcome::Proved
        }
    }

    /// Stable words of everything that speaks against the bundle.
    pub fn contradictions(&self) -> Vec<&str> {
        self.claims
            .iter()
            .filter(|of| of.verdict == Verdict::Contradicted)
            .map(|of| of.reason.as_str())
            .collect()
    }
}
