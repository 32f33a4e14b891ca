//! What a decision is about: the kind of a record, its compartments, and whose it is.

use super::{
    compartments::{self, Compartments},
    decide::Missing,
    shared_case::SharedCase,
    table::STEP_KIND,
};
use crate::{
    record::{Country, Moment, kind_name, sharing::labels},
    wire::record::{CompartmentLabel, Record},
};

/// Whose a record is within the country.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Whose {
    /// It cannot be read, so nobody knows: only who sees the whole country gets it.
    #[default]
    Unknown,
    /// The country's desk: every authority's.
    Desk,
    /// These authorities'.
    Authorities(Vec<String>),
}

impl Whose {
    fn of(names: Vec<String>) -> Self {
        if names.is_empty() {
            Self::Desk
        } else {
            Self::Authorities(names)
        }
    }

    /// Whether it is an authority's.
    fn is(&self, authority: &str) -> bool {
        match self {
            Self::Unknown => false,
            Self::Desk => true,
            Self::Authorities(names) => names.iter().any(|name| name == authority),
        }
    }
}

/// What a decision is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Its kind, such as `Route`, or `Step`; `None` when it cannot be read.
    pub kind: Option<String>,
    /// The compartments it has here, the situation always among them.
    pub present: Compartments,
    /// Whose it is as a whole.
    pub whose: Whose,
    /// Whose single compartments are, where not the whole record's.
    apart: Vec<(CompartmentLabel, Whose)>,
    /// The joint case that it belongs to, and when it was submitted.
    case: Option<(SharedCase, Moment)>,
    /// Of an own submission: the authority that made it; empty for the country's desk.
    submitter: Option<String>,
}

impl Subject {
    /// A record whose text nobody can read any more: locked, or damaged.
    pub fn closed() -> Self {
        Self {
            present: Compartments::situation(),
            ..Self::default()
        }
    }

    /// A record held by `country`, its own or another's. `content` is what its compartments are
    /// looked for in: the record, or the one that it passes on.
    pub fn of(record: &Record, content: &Record, country: Country, own: bool) -> Self {
        let kind = if record.step.is_some() {
            Some(STEP_KIND.to_owned())
        } else {
            kind_name(content).map(str::to_owned)
        };
        let mut present: Compartments = labels(content).into_iter().collect();
        present.insert(CompartmentLabel::Situation);
        if own {
            // Who submitted it; a step of the node itself is the country's.
            let by = Some(record.authority.clone()).filter(|name| !name.is_empty());
            let submitter = Some(record.authority.clone());
            return Self {
                kind,
                present,
                whose: Whose::of(by.into_iter().collect()),
                submitter,
                ..Self::default()
            };
        }
        let here = record
            .destinations
            .iter()
            .find(|of| of.country == country.code());
        let Some(here) = here else {
            // Steps name no authorities.
            return Self {
                kind,
                present,
                whose: Whose::Desk,
                ..Self::default()
            };
        };
        // Every authority of the destination reads the situation, whichever compartment names it.
        let mut everyone = here.authorities.clone();
        if !everyone.is_empty() {
            everyone.extend(here.readers.iter().flat_map(|of| of.authorities.clone()));
        }
        let apart = compartments::ALL.into_iter().filter_map(|label| {
            let named = here.readers.iter().find(|of| of.compartment() == label);
            match (label, named) {
                (CompartmentLabel::Situation, _) => None,
                (_, Some(named)) => Some((label, Whose::of(named.authorities.clone()))),
                (_, None) => Some((label, Whose::of(here.authorities.clone()))),
            }
        });
        Self {
            kind,
            present,
            whose: Whose::of(everyone),
            apart: apart.collect(),
            ..Self::default()
        }
    }

    /// The same, which belongs to a joint case: only its members reach it.
    #[must_use]
    pub fn in_case(mut self, case: SharedCase, submitted: Moment) -> Self {
        if self.submitter.is_some()
            && let Whose::Authorities(names) = &mut self.whose
        {
            let submitter = names.clone();
            for member in case.members() {
                if !names.contains(member) {
                    names.push(member.clone());
                }
            }
            self.apart = [CompartmentLabel::Victims, CompartmentLabel::Source]
                .map(|label| (label, Whose::Authorities(submitter.clone())))
                .to_vec();
        }
        self.case = Some((case, submitted));
        self
    }

    /// Whether it is an own submission of this authority, or of whom a desk without one speaks for.
    fn is_own(&self, authority: Option<&str>) -> bool {
        let submitter = self.submitter.as_deref();
        submitter.is_some_and(|by| authority.is_none_or(|authority| authority == by))
    }

    /// Whether it was submitted by this authority of the own country; `None` stands for its desk.
    pub fn is_submitted_by(&self, authority: Option<&str>) -> bool {
        self.submitter.as_deref() == Some(authority.unwrap_or_default())
    }

    /// Whether an authority is among those it was sent to, or submitted it.
    pub fn is_for(&self, authority: Option<&str>) -> bool {
        self.is_of(CompartmentLabel::Situation, authority)
    }

    /// Why the joint case keeps it from somebody of an authority, whatever the row.
    pub(super) fn barred(&self, authority: Option<&str>) -> Option<Missing> {
        let (case, _) = self.case.as_ref().filter(|_| !self.is_own(authority))?;
        case.bars(authority)
    }

    /// The same as it was before a membership ended, where that is why it is out of reach and it was
    /// submitted before: whoever could see it then may be told why it is gone.
    pub fn before(&self, missing: &Missing) -> Option<Self> {
        let (_, submitted) = self.case.as_ref()?;
        match missing {
            Missing::MembershipEnded(_, until) if submitted < until => Some(Self {
                case: None,
                ..self.clone()
            }),
            _ => None,
        }
    }

    /// Whether it counts that the record names an authority: where it belongs to a joint case, while the
    /// authority does.
    pub(super) fn counts(&self, authority: Option<&str>) -> bool {
        let Some((case, _)) = &self.case else {
            return true;
        };
        self.is_own(authority)
            || authority.is_none_or(|own| case.members().iter().any(|name| name == own))
    }

    /// The same, which is another authority's of this country too: it executes a request now that the
    /// destination named for others. Victim data stays with those that the origin named.
    #[must_use]
    pub fn also_of(mut self, authority: &str) -> Self {
        let apart = self.apart.iter_mut();
        let apart = apart.filter(|(label, _)| *label != CompartmentLabel::Victims);
        for whose in apart.map(|(_, whose)| whose).chain([&mut self.whose]) {
            if let Whose::Authorities(names) = whose
                && !names.iter().any(|name| name == authority)
            {
                names.push(authority.to_owned());
            }
        }
        self
    }

    /// Whether a compartment is an authority's. Victim data is nobody's but of authorities named one
    /// by one, never the desk's.
    pub(super) fn is_of(&self, label: CompartmentLabel, authority: Option<&str>) -> bool {
        let Some(authority) = authority else {
            // Whoever belongs to no authority works at the country's desk.
            return label != CompartmentLabel::Victims && *self.whose_is(label) == Whose::Desk;
        };
        match self.whose_is(label) {
            Whose::Desk if label == CompartmentLabel::Victims => false,
            whose => whose.is(authority),
        }
    }

    fn whose_is(&self, label: CompartmentLabel) -> &Whose {
        let apart = self.apart.iter().find(|(of, _)| *of == label);
        apart.map_or(&self.whose, |(_, whose)| whose)
    }

    /// Takes away the compartments that a record must not have.
    pub fn remove(record: &mut Record, keep: Compartments) {
        let has = |label| keep.has(label);
        if !has(CompartmentLabel::Suspects) {
            record.suspects = None;
        }
        if !has(CompartmentLabel::Identifiers) {
            record.identifiers = None;
        }
        if !has(CompartmentLabel::Victims) {
            record.victims = None;
        }
        if !has(CompartmentLabel::Source) {
            record.source = None;
        }
        if !has(CompartmentLabel::Evidence) {
            record.evidence = None;
        }
        // Whoever may have an item downloads it; its key stays in the node.
        for item in record.evidence.iter_mut().flat_map(|of| &mut of.items) {
            item.key.clear();
        }
        if !has(CompartmentLabel::Situation) {
            record.situation = None;
        }
    }
}
