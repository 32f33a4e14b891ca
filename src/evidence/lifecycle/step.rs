//! A request and a step of it, as far as the state depends on them, and why a step is void.

use std::sync::Arc;

use super::{Act, Party, State};
use crate::{
    crypto::Digest,
    evidence::terms::{self, ExtensionFault, Happened, Terms},
    record::{Country, MAX_EVIDENCE_STEPS, Moment},
    wire::record::{Record, RefusalGround, evidence_step::Act as Wire, step::Step as Kind},
};

/// Most steps that a side of a request takes.
pub const MAX_STEPS: u32 = MAX_EVIDENCE_STEPS;

/// One side of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Its country.
    pub country: Country,
    /// Authorities that may take the first step: of the issuing side the one that issued, of the
    /// executing side those that the destination names. Empty: any of the country.
    pub authorities: Vec<String>,
}

/// What of a request its state depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matter {
    /// Who asks.
    pub issuing: Side,
    /// Who is asked.
    pub executing: Side,
    /// Refusal grounds that the profile allows, by number; empty: all.
    pub refusal_grounds: Vec<i32>,
    /// Whether the executing country's node is known to have it.
    pub delivered: bool,
    /// By what its clocks count; `None` where the profile that came with it cannot be read.
    pub counted: Option<Arc<Counted>>,
    /// When the executing country's node received it, by the time in its receipt.
    pub received: Option<Moment>,
}

/// By what the clocks of a request count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Profile and calendar, as they came with it.
    pub terms: Terms,
    /// What it says itself.
    pub case: terms::Case,
}

impl Matter {
    /// Of a request that `origin` submitted; `None` where the record is none, or names no country.
    pub fn of(record: &Record, origin: Country, delivered: bool) -> Option<Self> {
        use crate::wire::record::situation::Kind::EvidenceRequest;
        let Some(EvidenceRequest(request)) = record.situation.as_ref()?.kind.as_ref() else {
            return None;
        };
        let destination = record.destinations.first()?;
        let terms = request.terms.as_ref();
        Some(Self {
            issuing: Side {
                country: origin,
                authorities: vec![record.authority.clone()],
            },
            executing: Side {
                country: destination.country.parse().ok()?,
                authorities: destination.authorities.clone(),
            },
            refusal_grounds: terms
                .map(|terms| terms.refusal_grounds.clone())
                .unwrap_or_default(),
            delivered,
            counted: terms
                .and_then(|terms| Terms::try_from(terms).ok())
                .map(|terms| {
                    let urgency = record.urgency();
                    let case = terms::Case::new(urgency, &request.execute_by);
                    Arc::new(Counted { terms, case })
                }),
            received: None,
        })
    }

    /// The side of a country; `None` for a country that is none of the two.
    pub fn party(&self, country: Country) -> Option<Party> {
        Party::ALL
            .into_iter()
            .find(|party| self.side(*party).country == country)
    }

    /// One of the sides.
    pub const fn side(&self, party: Party) -> &Side {
        match party {
            Party::Issuing => &self.issuing,
            Party::Executing => &self.executing,
        }
    }
}

/// A step, as far as the state depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// SHA-256 of its header.
    pub digest: Digest,
    /// Country that sealed it.
    pub origin: Country,
    /// The authority that took it; empty for the node, or a country without named authorities.
    pub authority: String,
    /// Its number on its side, from 1.
    pub number: u32,
    /// Header of its side's step before; `None` for the first.
    pub previous: Option<Digest>,
    /// How many steps of the other side were known.
    pub seen: u32,
    /// Header of the last of them; `None` for none.
    pub seen_digest: Option<Digest>,
    /// What it does.
    pub act: Act,
    /// Of a refusal, its ground by number.
    pub ground: i32,
    /// Of a reassignment, to whom.
    pub to: String,
    /// When its country sealed it.
    pub at: Moment,
    /// What it means for clocks.
    pub happened: Option<Happened>,
}

impl Step {
    /// Of a record that `origin` sealed; `None` where it is no valid step of a request.
    pub fn of(record: &Record, digest: Digest, origin: Country) -> Option<Self> {
        let Some(Kind::Evidence(step)) = record.step.as_ref()?.step.as_ref() else {
            return None;
        };
        Some(Self {
            digest,
            origin,
            authority: record.authority.clone(),
            number: step.number,
            previous: optional(&step.previous)?,
            seen: step.seen,
            seen_digest: optional(&step.seen_digest)?,
            act: Act::of(step)?,
            ground: match &step.act {
                Some(Wire::Refused(of)) => of.ground,
                _ => 0,
            },
            to: match &step.act {
                Some(Wire::Reassigned(of)) => of.authority.clone(),
                _ => String::new(),
            },
            at: record
                .submitted_at
                .as_ref()
                .map_or_else(|| Moment::from_micros(0), Moment::from),
            happened: Happened::of(step),
        })
    }
}

/// A digest or none; nothing for what is neither.
fn optional(bytes: &[u8]) -> Option<Option<Digest>> {
    if bytes.is_empty() {
        return Some(None);
    }
    Digest::try_from(bytes).ok().map(Some)
}

/// Why a step is void: it is kept, shown, and changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Void {
    /// It is of a country that is no party.
    #[error("{0} is neither the issuing nor the executing country")]
    Stranger(Country),
    /// Its number is not one that a step has.
    #[error("{0} is no number of a step: they go from 1 to {MAX_STEPS}")]
    Number(u32),
    /// Another step of its side has its number, and counts.
    #[error("its side took two steps with number {number}; the other one counts")]
    Double {
        /// Which number.
        number: u32,
        /// Header of the one that counts.
        counts: Digest,
    },
    /// It does not follow the step before it.
    #[error("it does not follow step {0} of its side")]
    Previous(u32),
    /// It claims to have seen what is none of the other side's steps, or less than before.
    #[error("what it says it had seen of the other side, {0} steps, does not hold")]
    Seen(u32),
    /// The other party does this.
    #[error("`{act}` is for the {} side, and the {by} side took it", .by.other())]
    Party {
        /// What.
        act: Act,
        /// Who took it.
        by: Party,
    },
    /// Another authority of its side does this.
    #[error("`{authority}` took it, but {} of the {by} side", who(.competent))]
    Authority {
        /// Who took it.
        authority: String,
        /// Which side.
        by: Party,
        /// Who may.
        competent: Vec<String>,
    },
    /// It is not allowed in the state.
    #[error("`{act}` by the {by} side is not allowed in state {state}")]
    State {
        /// What.
        act: Act,
        /// Who.
        by: Party,
        /// In which state.
        state: State,
    },
    /// The profile does not allow the ground.
    #[error("the request's profile does not allow the refusal ground {}", named(*.0))]
    Ground(i32),
    /// The profile's clocks do not allow the extension, or know nothing of the clock.
    #[error(transparent)]
    Clock(#[from] ExtensionFault),
}

impl Void {
    /// A stable word for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Stranger(_) => "stranger",
            Self::Number(_) => "number",
            Self::Double { .. } => "double",
            Self::Previous(_) => "previous",
            Self::Seen(_) => "seen",
            Self::Party { .. } => "wrong-party",
            Self::Authority { .. } => "wrong-authority",
            Self::State { .. } => "wrong-state",
            Self::Ground(_) => "ground",
            Self::Clock(_) => "clock",
        }
    }

    /// Every word with what it means, for the documents.
    pub const WORDS: &[(&'static str, &'static str)] = &[
        (
            "stranger",
            "The country that took it is no party to the request.",
        ),
        ("number", "Its number is not one that a step has."),
        (
            "double",
            "Its side took two steps with one number; the one with the smaller header digest counts, and the ledger has an alarm.",
        ),
        ("previous", "It does not name its side's step before it."),
        (
            "seen",
            "It names as the last step seen what is none of the other side's, or fewer than its side's step before.",
        ),
        ("wrong-party", "Only the other side does this."),
        (
            "wrong-authority",
            "Another authority of its side does this: the one that issued, or the one that acknowledged or got the request reassigned.",
        ),
        (
            "wrong-state",
            "It is not allowed in the state that the request had.",
        ),
        (
            "ground",
            "The request's agreement profile does not allow this refusal ground.",
        ),
        (
            "clock",
            "The request's agreement profile has no such clock, or does not let it be extended so far, so often, or now.",
        ),
    ];
}

fn who(names: &[String]) -> String {
    match names {
        [] => "no authority was named".to_owned(),
        [only] => format!("`{only}` is the authority"),
        several => format!("one of {} is the authority", several.join(", ")),
    }
}

fn named(number: i32) -> String {
    RefusalGround::try_from(number).map_or_else(
        |_| number.to_string(),
        |ground| ground.as_str_name().to_owned(),
    )
}
