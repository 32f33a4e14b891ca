//! Synthetic records for exercises, demonstrations and measurements: seeded, so that a run can be
//! repeated, and realistic, with real codes, towns and border crossings. Persons, numbers and events
//! are made up; every record is marked as an exercise and says so in its title.

mod cases;
mod corridor;
mod kinds;
mod persons;
mod random;
pub mod story;
#[cfg(test)]
mod tests;

pub use cases::{CTDC, CaseLayout, case_file};

use std::time::Duration;

use prost::Message as _;
use random::SplitMix64;

use crate::{
    record::{Country, Moment},
    wire::record::{
        CompartmentLabel, CountryRole, Destination, ExternalReference, HandlingCode, Marking,
        Record, Tlp, Urgency, situation::Kind,
    },
};

/// The authorities that the exercise expects every country's card to name.
pub const AUTHORITIES: [&str; 3] = [POLICE, PROSECUTOR, VICTIM_SUPPORT];

const POLICE: &str = "national-police";
const PROSECUTOR: &str = "prosecutor-general";
/// The authority to which the exercise refers victims.
pub const VICTIM_SUPPORT: &str = "victim-support";

/// A synthetic record and the country that submits it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExerciseRecord {
    /// The country at whose node it is to be submitted.
    pub origin: Country,
    /// The record, as it is submitted.
    pub record: Record,
}

/// An exercise between countries.
#[derive(Clone, Debug)]
pub struct Exercise {
    seed: u64,
    countries: Vec<(Country, CountryRole)>,
    now: Option<Moment>,
}

impl Exercise {
    /// An exercise between `countries`, each with its role on the corridor. The same seed and
    /// countries give the same records. With fewer than two countries there are none.
    pub fn new(seed: u64, countries: &[(Country, CountryRole)]) -> Self {
        let mut once: Vec<(Country, CountryRole)> = Vec::new();
        for &(country, role) in countries {
            let role = match role {
                CountryRole::Unspecified => CountryRole::Transit,
                role => role,
            };
            if !once.iter().any(|(known, _)| *known == country) {
                once.push((country, role));
            }
        }
        Self {
            seed,
            countries: once,
            now: None,
        }
    }

    /// Gives alerts deadlines, and some records an expiry, after `now`. Without it there are none,
    /// so that the records do not depend on the time.
    #[must_use]
    pub const fn starting_at(mut self, now: Moment) -> Self {
        self.now = Some(now);
        self
    }

    /// The records, without end. About one in ten is urgent, three in ten carry suspects and
    /// identifiers, one in ten victims, one in twenty its source.
    pub fn records(&self) -> impl Iterator<Item = ExerciseRecord> + use<> {
        let exercise = self.clone();
        (0_u64..).map_while(move |index| exercise.record(index))
    }

    /// Routine alerts from the first country to every other, without further compartments, each
    /// within four bytes of `bytes` when encoded. The smallest have about 150 bytes and 8 for every
    /// destination, the largest about 500 kB; beyond either the record has that size instead.
    pub fn sized(&self, bytes: usize) -> impl Iterator<Item = ExerciseRecord> + use<> {
        let exercise = self.clone();
        (0_u64..).map_while(move |index| exercise.sized_record(index, bytes))
    }

    fn record(&self, index: u64) -> Option<ExerciseRecord> {
        let mut random = SplitMix64::new(self.seed, index);
        let random = &mut random;
        let origin = self.origin(random)?;
        let urgent = random.chance(10);
        let mut record = Record {
            authority: random.pick(&[POLICE, POLICE, PROSECUTOR]).to_owned(),
            urgency: if urgent {
                random.pick(&[Urgency::Urgent, Urgency::UrgentDirect, Urgency::Emergency])
            } else {
                Urgency::Routine
            }
            .into(),
            marking: Some(marking(random)),
            exercise: true,
            situation: Some(kinds::situation(random, index)),
            ..Record::default()
        };
        if random.chance(30) {
            record.suspects = Some(persons::suspects(random));
            record.identifiers = Some(persons::identifiers(random));
        }
        if random.chance(10) {
            record.victims = Some(persons::victims(random));
        }
        if random.chance(5) {
            record.source = Some(persons::source(random));
        }
        record.destinations = self.destinations(random, origin, &record);
        self.deadlines(random, &mut record, urgent);
        Some(ExerciseRecord { origin, record })
    }

    /// Countries of origin submit half of the records.
    fn origin(&self, random: &mut SplitMix64) -> Option<Country> {
        if self.countries.len() < 2 {
            return None;
        }
        let all: Vec<_> = self.countries.iter().map(|of| Some(of.0)).collect();
        let origins: Vec<_> = self
            .countries
            .iter()
            .filter(|(_, role)| *role == CountryRole::Origin)
            .map(|(country, _)| Some(*country))
            .collect();
        if random.chance(50) && !origins.is_empty() {
            random.pick(&origins)
        } else {
            random.pick(&all)
        }
    }

    fn destinations(
        &self,
        random: &mut SplitMix64,
        origin: Country,
        record: &Record,
    ) -> Vec<Destination> {
        let others: Vec<_> = self
            .countries
            .iter()
            .filter(|(country, _)| *country != origin)
            .copied()
            .collect();
        // Everyone on the corridor learns of a route; of the rest, those concerned.
        let percent = match record.situation.as_ref().and_then(|s| s.kind.as_ref()) {
            Some(Kind::Route(_)) | None => 100,
            Some(Kind::Network(_)) => 75,
            Some(Kind::ModusOperandi(_)) => 65,
            Some(Kind::Alert(_) | Kind::Trend(_)) => 50,
            Some(
                Kind::Tip(_)
                | Kind::VictimReferral(_)
                | Kind::CaseRecord(_)
                | Kind::Message(_)
                | Kind::EvidenceRequest(_)
                | Kind::SpontaneousInformation(_)
                | Kind::JointCase(_)
                | Kind::Meeting(_),
            ) => 0,
        };
        // Victims are referred to the country where they are, the source is named to one country.
        let where_victims_are = others
            .iter()
            .find(|(_, role)| *role == CountryRole::Destination)
            .or(others.last());
        let victims_to = where_victims_are.filter(|_| record.victims.is_some());
        let others_as_options: Vec<_> = others.iter().map(|of| Some(*of)).collect();
        let always = random.pick(&others_as_options);
        others
            .iter()
            .filter_map(|&(country, role)| {
                let gets_victims = victims_to == Some(&(country, role));
                let concerned = always == Some((country, role)) || gets_victims;
                if !random.chance(percent) && !concerned {
                    return None;
                }
                let gets_source = record.source.is_some() && always == Some((country, role));
                Some(destination(
                    random,
                    country,
                    role,
                    gets_victims,
                    gets_source,
                ))
            })
            .collect()
    }

    fn deadlines(&self, random: &mut SplitMix64, record: &mut Record, urgent: bool) {
        let expires = random.chance(20);
        let Some(now) = self.now else { return };
        let hour = Duration::from_secs(3600);
        if expires {
            record.expires_at = Some((now + hour * 24 * 365).into());
        }
        if let Some(Kind::Alert(alert)) = record.situation.as_mut().and_then(|s| s.kind.as_mut()) {
            let hours = if urgent { 8 } else { 7 * 24 };
            alert.acknowledge_by = Some((now + hour * hours).into());
        }
    }

    fn sized_record(&self, index: u64, bytes: usize) -> Option<ExerciseRecord> {
        let mut random = SplitMix64::new(self.seed, index);
        let (&(origin, _), others) = self.countries.split_first()?;
        if others.is_empty() {
            return None;
        }
        let mut situation = kinds::situation(&mut random, index);
        situation.title = format!("EXERCISE alert {index:06}");
        situation.summary = String::new();
        situation.kind = Some(Kind::Alert(kinds::plain_alert()));
        let mut record = Record {
            authority: POLICE.to_owned(),
            urgency: Urgency::Routine.into(),
            marking: Some(Marking {
                tlp: Tlp::Amber.into(),
                ..Marking::default()
            }),
            exercise: true,
            situation: Some(situation),
            destinations: others
                .iter()
                .map(|(country, role)| Destination {
                    country: country.to_string(),
                    role: (*role).into(),
                    ..Destination::default()
                })
                .collect(),
            ..Record::default()
        };
        fill(&mut record, bytes);
        Some(ExerciseRecord { origin, record })
    }
}

fn destination(
    random: &mut SplitMix64,
    country: Country,
    role: CountryRole,
    gets_victims: bool,
    gets_source: bool,
) -> Destination {
    let mut authorities = match random.below(3) {
        0 => vec![],
        1 => vec![POLICE],
        _ => vec![POLICE, PROSECUTOR],
    };
    // Naming compartments narrows to those named, so the defaults are named along.
    let mut compartments = Vec::new();
    if gets_victims || gets_source {
        compartments.extend([CompartmentLabel::Situation, CompartmentLabel::Suspects]);
        compartments.push(CompartmentLabel::Identifiers);
    }
    if gets_victims {
        authorities.push(VICTIM_SUPPORT);
        compartments.push(CompartmentLabel::Victims);
    }
    if gets_source {
        compartments.push(CompartmentLabel::Source);
    }
    Destination {
        country: country.to_string(),
        role: role.into(),
        authorities: authorities.into_iter().map(str::to_owned).collect(),
        compartments: compartments.into_iter().map(i32::from).collect(),
        ..Destination::default()
    }
}

fn marking(random: &mut SplitMix64) -> Marking {
    let handling: &[HandlingCode] = random.pick(&[
        &[][..],
        &[HandlingCode::H0],
        &[HandlingCode::H0, HandlingCode::H1],
        &[HandlingCode::H2],
        &[HandlingCode::H3],
    ]);
    let note = if handling.contains(&HandlingCode::H3) {
        "EXERCISE: ask the submitting authority before any measure is taken."
    } else {
        ""
    };
    Marking {
        tlp: random
            .pick(&[Tlp::Green, Tlp::Amber, Tlp::AmberStrict, Tlp::Red])
            .into(),
        handling: handling.iter().map(|code| (*code).into()).collect(),
        handling_note: note.to_owned(),
        tell_purpose: false,
    }
}

/// Longest text that fills one field, in bytes: below the bounds of `record`.
const FILL_SUMMARY: usize = 19_000;
const FILL_ADDRESS: usize = 2_000;
const FILL_ADDRESSES: usize = 240;

/// Makes the record `bytes` long with words in its summary and, beyond, with external references.
fn fill(record: &mut Record, bytes: usize) {
    let Some(mut situation) = record.situation.take() else {
        return;
    };
    let filler = |len: usize| -> String { "exercise ".chars().cycle().take(len).collect() };
    let length = |record: &mut Record, situation: &crate::wire::record::Situation| {
        record.situation = Some(situation.clone());
        record.encoded_len()
    };
    let base = length(record, &situation);
    // An external reference has at most 24 bytes beside its address.
    let beyond = bytes.saturating_sub(base + FILL_SUMMARY);
    let addresses = beyond.div_ceil(FILL_ADDRESS).min(FILL_ADDRESSES);
    situation.external_references = (0..addresses)
        .map(|_| ExternalReference {
            source_name: "exercise".to_owned(),
            external_id: String::new(),
            url: format!("https://exercise.example/{}", "x".repeat(FILL_ADDRESS)),
            sha256: String::new(),
        })
        .collect();
    // Length prefixes grow with the text: the second round finds the exact length.
    let mut fits = 0_usize;
    for _ in 0..3 {
        situation.summary = filler(fits.min(FILL_SUMMARY + 500));
        let now = length(record, &situation);
        fits = fits.saturating_add(bytes).saturating_sub(now);
    }
    record.situation = Some(situation);
}
