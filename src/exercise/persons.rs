//! Made-up persons and identifiers. Surnames mean "sample", "example" or "exercise"; phone numbers
//! have subscriber codes that no operator was given, documents and plates begin with EX.

use super::random::SplitMix64;
use crate::wire::record::{
    AgeBand, Identifier, IdentifierType, Identifiers, Name, ProcessRole, Sex, Source, Suspect,
    Suspects, Victim, Victims,
};

const FIRST_NAMES: [(&str, &str); 6] = [
    ("Farrukh", "Фаррух"),
    ("Rustam", "Рустам"),
    ("Alisher", "Алишер"),
    ("Timur", "Тимур"),
    ("Bakhyt", "Бахыт"),
    ("Jamshed", "Джамшед"),
];

const SURNAMES: [(&str, &str); 5] = [
    ("Namunaev", "Намунаев"),
    ("Misolov", "Мисолов"),
    ("Mashkiev", "Машкиев"),
    ("Obraztsov-Uchebny", "Образцов-Учебный"),
    ("Ulgiev", "Улгиев"),
];

const CALLING_CODES: [(&str, &str); 4] =
    [("TJ", "+992"), ("UZ", "+998"), ("KZ", "+7"), ("AE", "+971")];

/// One to three suspects.
pub(super) fn suspects(random: &mut SplitMix64) -> Suspects {
    let count = 1 + random.below(3);
    let suspects = (0..count).map(|_| suspect(random)).collect();
    Suspects { suspects }
}

fn suspect(random: &mut SplitMix64) -> Suspect {
    let first = random.pick(&FIRST_NAMES);
    let last = random.pick(&SURNAMES);
    let name = |text: String, language: &str| Name {
        text,
        language: language.to_owned(),
    };
    let role = random.pick(&[
        ProcessRole::RecruiterOrIntermediary,
        ProcessRole::Transporter,
        ProcessRole::BrokerTravelAgent,
        ProcessRole::Exploiter,
    ]);
    Suspect {
        names: vec![
            name(format!("{} {}", first.0, last.0), "ru-Latn"),
            name(format!("{} {}", first.1, last.1), "ru-Cyrl"),
        ],
        roles: vec![role.into()],
        nationalities: vec![random.pick(&["TJ", "UZ", "KZ"]).to_owned()],
        born: (1960 + random.below(40)).to_string(),
        organisation: false,
        note: "EXERCISE: this person does not exist.".to_owned(),
        ..Suspect::default()
    }
}

/// One to four identifiers.
pub(super) fn identifiers(random: &mut SplitMix64) -> Identifiers {
    let count = 1 + random.below(4);
    let identifiers = (0..count).map(|_| identifier(random)).collect();
    Identifiers { identifiers }
}

fn identifier(random: &mut SplitMix64) -> Identifier {
    let (country, calling_code) = random.pick(&CALLING_CODES);
    let number = random.below(10_000);
    let (kind, value) = match random.below(4) {
        0 | 1 => (
            IdentifierType::Phone,
            format!("{calling_code} 000 000 {number:04}"),
        ),
        2 => (IdentifierType::Document, format!("EX000{number:04}")),
        _ => (
            IdentifierType::VehiclePlate,
            format!("EX {number:04} {country}"),
        ),
    };
    Identifier {
        r#type: kind.into(),
        value,
        country: country.to_owned(),
        ..Identifier::default()
    }
}

/// One or two victims, under pseudonyms.
pub(super) fn victims(random: &mut SplitMix64) -> Victims {
    let count = 1 + random.below(2);
    let victims = (0..count)
        .map(|_| Victim {
            pseudonym: format!("EX-V-{:05}", random.below(100_000)),
            age: random
                .pick(&[
                    AgeBand::Adult,
                    AgeBand::Adult,
                    AgeBand::Child,
                    AgeBand::Unknown,
                ])
                .into(),
            sex: random.pick(&[Sex::Female, Sex::Male]).into(),
            nationalities: vec![random.pick(&["TJ", "UZ", "KZ"]).to_owned()],
            needs: "EXERCISE: shelter, an interpreter, a safe way home.".to_owned(),
            consent: true,
            ..Victim::default()
        })
        .collect();
    Victims {
        purpose: "EXERCISE: referral for protection and assistance".to_owned(),
        retention_days: random.pick(&[90, 180, 365]),
        victims,
    }
}

/// Where the information comes from.
pub(super) fn source(random: &mut SplitMix64) -> Source {
    let description = random.pick(&[
        "EXERCISE: statement of a returned worker",
        "EXERCISE: report of a border officer",
        "EXERCISE: call to a hotline",
    ]);
    Source {
        description: description.to_owned(),
        protection: "EXERCISE: contact only through the submitting authority.".to_owned(),
    }
}
