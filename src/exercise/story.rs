//! One record of an exercise as a story: a route along the whole corridor whose readers each read
//! another part of it, and the same record corrected.

use super::{
    POLICE, PROSECUTOR, VICTIM_SUPPORT,
    corridor::{self, TRAILS},
};
use crate::wire::record::{
    AgeBand, CompartmentLabel, CompartmentReaders, CountryRole, Destination, Grading, HandlingCode,
    Identifier, IdentifierType, Identifiers, InformationCredibility, Marking, Name, ProcessRole,
    Purpose, Record, Route, Sector, Sex, Situation, Source, SourceReliability, Suspect, Suspects,
    Tlp, TransferPurpose, Urgency, Victim, Victims, VolumeBand, situation::Kind,
};

/// The suspect's surname as somebody in another country would type it; the record has it in
/// Cyrillic letters alone.
pub const SUSPECT: &str = "Namoishiev";

/// A route from TJ through UZ and KZ to AE, as TJ submits it, with every compartment: UZ is also
/// told of the source, KZ only of identifiers, AE of the victims. Its use in court needs the
/// origin's consent (H1).
pub fn corridor_route() -> Record {
    use CompartmentLabel::{
        Identifiers as Ids, Situation as What, Source as From, Suspects as Who,
    };
    Record {
        authority: POLICE.to_owned(),
        purpose: TransferPurpose::Investigation.into(),
        destinations: vec![
            destination("UZ", CountryRole::Transit, &[What, Who, Ids, From]),
            destination("KZ", CountryRole::Transit, &[What, Ids]),
            Destination {
                authorities: vec![PROSECUTOR.to_owned(), VICTIM_SUPPORT.to_owned()],
                readers: vec![CompartmentReaders {
                    compartment: CompartmentLabel::Victims.into(),
                    authorities: vec![VICTIM_SUPPORT.to_owned()],
                }],
                ..destination(
                    "AE",
                    CountryRole::Destination,
                    &[What, Who, Ids, CompartmentLabel::Victims],
                )
            },
        ],
        urgency: Urgency::Urgent.into(),
        marking: Some(Marking {
            tlp: Tlp::Green.into(),
            handling: vec![HandlingCode::H1.into()],
            ..Marking::default()
        }),
        exercise: true,
        situation: Some(situation()),
        suspects: Some(Suspects {
            suspects: vec![Suspect {
                names: vec![Name {
                    text: "Раҳим Намоишиев".to_owned(),
                    language: "tg-Cyrl".to_owned(),
                }],
                roles: vec![ProcessRole::RecruiterOrIntermediary.into()],
                nationalities: vec!["TJ".to_owned()],
                born: "1984".to_owned(),
                note: "EXERCISE: this person does not exist.".to_owned(),
                ..Suspect::default()
            }],
        }),
        identifiers: Some(Identifiers {
            identifiers: vec![
                identifier(IdentifierType::Phone, "+992 000 000 4711"),
                identifier(IdentifierType::VehiclePlate, "EX 4711 TJ"),
            ],
        }),
        victims: Some(Victims {
            purpose: "EXERCISE: referral for protection and assistance".to_owned(),
            retention_days: 180,
            victims: vec![Victim {
                pseudonym: "EX-V-04711".to_owned(),
                age: AgeBand::Adult.into(),
                sex: Sex::Female.into(),
                nationalities: vec!["TJ".to_owned()],
                needs: "EXERCISE: shelter, an interpreter, a safe way home.".to_owned(),
                consent: true,
                ..Victim::default()
            }],
        }),
        source: Some(Source {
            description: "EXERCISE: statement of a returned worker".to_owned(),
            protection: "EXERCISE: contact only through the submitting authority.".to_owned(),
        }),
        ..Record::default()
    }
}

/// The record with one correction in each of its compartments.
#[must_use]
pub fn corrected(record: &Record) -> Record {
    let mut record = record.clone();
    if let Some(situation) = &mut record.situation {
        situation.confidence = 90;
        if let Some(Kind::Route(route)) = &mut situation.kind
            && let Some(leg) = route.legs.first_mut()
        {
            "BCP-TJ-UZ-47".clone_into(&mut leg.crossing_id);
        }
    }
    if let Some(suspect) = record
        .suspects
        .iter_mut()
        .flat_map(|of| &mut of.suspects)
        .next()
    {
        "1986".clone_into(&mut suspect.born);
    }
    if let Some(plate) = record
        .identifiers
        .iter_mut()
        .flat_map(|of| &mut of.identifiers)
        .last()
    {
        "EX 4717 TJ".clone_into(&mut plate.value);
    }
    if let Some(victims) = &mut record.victims {
        victims.retention_days = 90;
    }
    if let Some(source) = &mut record.source {
        "EXERCISE: statements of two returned workers".clone_into(&mut source.description);
    }
    record
}

fn destination(country: &str, role: CountryRole, compartments: &[CompartmentLabel]) -> Destination {
    Destination {
        country: country.to_owned(),
        role: role.into(),
        compartments: compartments.iter().map(|label| (*label).into()).collect(),
        ..Destination::default()
    }
}

fn situation() -> Situation {
    let trail = TRAILS.first().copied().unwrap_or_default();
    Situation {
        title: "EXERCISE route: Khujand to Dubai, one group a month".to_owned(),
        summary: "EXERCISE. All facts are made up. Passports are taken on arrival and a debt for \
                  travel is announced."
            .to_owned(),
        language: "en".to_owned(),
        grading: Some(Grading {
            source: SourceReliability::B.into(),
            information: InformationCredibility::InformationCredibility2.into(),
        }),
        confidence: 70,
        valid_from: "2026-01-01".to_owned(),
        valid_until: "2027-12-31".to_owned(),
        kind: Some(Kind::Route(Route {
            legs: trail.iter().map(corridor::leg).collect(),
            purposes: vec![Purpose::ForcedLabourOrServices.into()],
            sectors: vec![Sector::FConstruction.into()],
            volume: VolumeBand::From11To50.into(),
            first_seen: "2025-09-01".to_owned(),
            last_seen: "2026-02-01".to_owned(),
            ..Route::default()
        })),
        ..Situation::default()
    }
}

fn identifier(kind: IdentifierType, value: &str) -> Identifier {
    Identifier {
        r#type: kind.into(),
        value: value.to_owned(),
        country: "TJ".to_owned(),
        ..Identifier::default()
    }
}
