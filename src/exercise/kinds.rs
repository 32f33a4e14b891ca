//! Made-up situations: one function per kind.

use super::{
    corridor::{self, TOWNS, TRAILS, Town},
    random::SplitMix64,
};
use crate::wire::record::{
    Act, Alert, AlertArea, AlertCertainty, AlertSeverity, AlertType, AlertUrgency, ControlMethod,
    ForcedLabourIndicator, Grading, InformationCredibility, Means, ModusOperandi, Network,
    NetworkName, ProcessRole, Purpose, RecruitmentMethod, Route, Sector, Situation,
    SourceReliability, VolumeBand, situation::Kind,
};

const RECRUITERS: [&str; 5] = [
    "an unlicensed recruitment agency",
    "acquaintances from the same district",
    "a channel on a messaging service",
    "a travel agent with no office",
    "a former seasonal worker",
];

const PROMISES: [&str; 5] = [
    "work on a construction site",
    "work in a textile workshop",
    "work as a domestic helper",
    "work in a restaurant",
    "seasonal work on a farm",
];

const OBSERVATIONS: [&str; 5] = [
    "Passports are taken on arrival and a debt for travel is announced.",
    "Groups of four to eight persons travel together and do not speak for themselves.",
    "Tickets are bought in cash on the day of departure by the same person.",
    "Wages are withheld until the third month.",
    "Phones are replaced at the border.",
];

const OBSERVATIONS_RU: [&str; 4] = [
    "Паспорта изымаются по прибытии, объявляется долг за проезд.",
    "Группы по четыре-восемь человек едут вместе и сами не отвечают на вопросы.",
    "Билеты покупает за наличные в день отъезда один и тот же человек.",
    "Заработок удерживается до третьего месяца.",
];

/// Names that mean "sample", "exercise" or "model" in the languages of the corridor.
const NETWORKS: [(&str, &str); 5] = [
    ("Namuna group", "en"),
    ("Группа «Образец»", "ru"),
    ("Гурӯҳи «Машқ»", "tg-Cyrl"),
    ("«Mashq» guruhi", "uz-Latn"),
    ("«Үлгі» тобы", "kk-Cyrl"),
];

const EVENTS: [&str; 4] = [
    "group expected at the border",
    "recruitment drive in several towns",
    "forged invitations in circulation",
    "persons missed by their families",
];

/// A situation of one of the kinds, titled with its `number`.
pub(super) fn situation(random: &mut SplitMix64, number: u64) -> Situation {
    let (name, subject, kind) = match random.below(100) {
        0..40 => route(random),
        40..55 => network(random),
        55..75 => modus_operandi(random),
        _ => alert(random),
    };
    let (summary, language) = summary(random);
    let (year, month, day) = day(random);
    Situation {
        title: format!("EXERCISE {name} {number:06}: {subject}"),
        summary,
        language: language.to_owned(),
        grading: Some(Grading {
            source: random
                .pick(&[
                    SourceReliability::A,
                    SourceReliability::B,
                    SourceReliability::C,
                    SourceReliability::F,
                ])
                .into(),
            information: random
                .pick(&[
                    InformationCredibility::InformationCredibility1,
                    InformationCredibility::InformationCredibility2,
                    InformationCredibility::InformationCredibility3,
                    InformationCredibility::InformationCredibility6,
                ])
                .into(),
        }),
        confidence: 40 + random.below(12) * 5,
        valid_from: date(year, month, day),
        valid_until: date(year + 1, month, day),
        kind: Some(kind),
        ..Situation::default()
    }
}

fn route(random: &mut SplitMix64) -> (&'static str, String, Kind) {
    let trail = random.pick(&TRAILS);
    let start = trail.first().map_or("", |(from, ..)| from.name);
    let end = trail.last().map_or("", |(_, to, ..)| to.name);
    let (first_seen, last_seen) = seen(random);
    let route = Route {
        legs: trail.iter().map(corridor::leg).collect(),
        purposes: numbers(&random.some(&PURPOSES, 2)),
        sectors: numbers(&random.some(&SECTORS, 3)),
        volume: random.pick(&BANDS).into(),
        first_seen,
        last_seen,
        ..Route::default()
    };
    ("route", format!("{start} to {end}"), Kind::Route(route))
}

fn network(random: &mut SplitMix64) -> (&'static str, String, Kind) {
    let names = random.some(&NETWORKS, 2);
    let base = random.pick(&TOWNS);
    let (first_seen, last_seen) = seen(random);
    let network = Network {
        names: names
            .iter()
            .map(|(text, language)| NetworkName {
                text: (*text).to_owned(),
                language: (*language).to_owned(),
            })
            .collect(),
        roles: numbers(&random.some(
            &[
                ProcessRole::Transporter,
                ProcessRole::RecruiterOrIntermediary,
                ProcessRole::BrokerTravelAgent,
                ProcessRole::Exploiter,
            ],
            3,
        )),
        nationalities: random
            .some(&["TJ", "UZ", "KZ"], 2)
            .into_iter()
            .map(str::to_owned)
            .collect(),
        bases: vec![corridor::place(base)],
        size: random.pick(&BANDS).into(),
        first_seen,
        last_seen,
        ..Network::default()
    };
    let subject = format!("active in {}", base.name);
    ("network", subject, Kind::Network(network))
}

fn modus_operandi(random: &mut SplitMix64) -> (&'static str, String, Kind) {
    let victims_are_children = random.chance(10);
    let means = random.some(
        &[
            Means::Deception,
            Means::Fraud,
            Means::OtherCoercion,
            Means::AbuseOfVulnerability,
        ],
        2,
    );
    let promise = random.pick(&PROMISES);
    let of = ModusOperandi {
        acts: numbers(&random.some(
            &[
                Act::Recruitment,
                Act::Transportation,
                Act::Transfer,
                Act::Harbouring,
                Act::Receipt,
            ],
            3,
        )),
        means: if victims_are_children {
            Vec::new()
        } else {
            numbers(&means)
        },
        purposes: numbers(&random.some(&PURPOSES, 2)),
        victims_are_children,
        recruitment: numbers(&random.some(
            &[
                RecruitmentMethod::ThroughOnlineSocialNetworks,
                RecruitmentMethod::ThroughAnOnlineAdvertisement,
                RecruitmentMethod::ThroughFriendsOrSocialEvents,
            ],
            2,
        )),
        controls: numbers(&random.some(
            &[
                ControlMethod::DebtBondage,
                ControlMethod::FalsePromises,
                ControlMethod::TakesEarnings,
                ControlMethod::WithholdsDocuments,
            ],
            3,
        )),
        indicators: numbers(&random.some(
            &[
                ForcedLabourIndicator::Deception,
                ForcedLabourIndicator::RetentionOfIdentityDocuments,
                ForcedLabourIndicator::WithholdingOfWages,
                ForcedLabourIndicator::DebtBondage,
                ForcedLabourIndicator::ExcessiveOvertime,
            ],
            3,
        )),
        description: format!("Promised: {promise}. {}", random.pick(&OBSERVATIONS)),
        ..ModusOperandi::default()
    };
    let subject = format!("{promise} promised");
    ("modus operandi", subject, Kind::ModusOperandi(of))
}

fn alert(random: &mut SplitMix64) -> (&'static str, String, Kind) {
    let event = random.pick(&EVENTS);
    let (town, crossing) = match random.pick(&TRAILS).first() {
        Some((_, to, _, crossing)) => (*to, *crossing),
        None => (Town::default(), ""),
    };
    let alert = Alert {
        r#type: random
            .pick(&[
                AlertType::ModusOperandi,
                AlertType::Warning,
                AlertType::Information,
                AlertType::ImminentThreat,
            ])
            .into(),
        urgency: random
            .pick(&[
                AlertUrgency::Immediate,
                AlertUrgency::Expected,
                AlertUrgency::Future,
            ])
            .into(),
        severity: random
            .pick(&[
                AlertSeverity::Severe,
                AlertSeverity::Moderate,
                AlertSeverity::Minor,
            ])
            .into(),
        certainty: random
            .pick(&[
                AlertCertainty::Observed,
                AlertCertainty::Likely,
                AlertCertainty::Possible,
            ])
            .into(),
        event: event.to_owned(),
        instruction: "Check travel documents and invitations; report what is seen.".to_owned(),
        areas: vec![AlertArea {
            country: town.country.to_owned(),
            subdivision: town.subdivision.to_owned(),
            crossing_id: crossing.to_owned(),
            ..AlertArea::default()
        }],
        ..Alert::default()
    };
    (
        "alert",
        format!("{event}, {}", town.name),
        Kind::Alert(alert),
    )
}

/// The shortest alert that is valid.
pub(super) fn plain_alert() -> Alert {
    Alert {
        r#type: AlertType::Information.into(),
        urgency: AlertUrgency::Expected.into(),
        severity: AlertSeverity::Minor.into(),
        certainty: AlertCertainty::Possible.into(),
        event: "exercise".to_owned(),
        areas: vec![AlertArea {
            country: "UZ".to_owned(),
            ..AlertArea::default()
        }],
        ..Alert::default()
    }
}

const PURPOSES: [Purpose; 3] = [
    Purpose::ForcedLabourOrServices,
    Purpose::Servitude,
    Purpose::OtherSexualExploitation,
];

const SECTORS: [Sector; 4] = [
    Sector::AAgricultureForestryAndFishing,
    Sector::CManufacturing,
    Sector::FConstruction,
    Sector::TActivitiesOfHouseholdsAsEmployers,
];

const BANDS: [VolumeBand; 4] = [
    VolumeBand::Below5,
    VolumeBand::From5To10,
    VolumeBand::From11To50,
    VolumeBand::From51To200,
];

fn numbers<E: Copy + Into<i32>>(codes: &[E]) -> Vec<i32> {
    codes.iter().map(|code| (*code).into()).collect()
}

fn summary(random: &mut SplitMix64) -> (String, &'static str) {
    if random.chance(30) {
        let observation = random.pick(&OBSERVATIONS_RU);
        let text = format!("УЧЕНИЯ. Все сведения вымышлены. {observation}");
        return (text, "ru");
    }
    let recruiter = random.pick(&RECRUITERS);
    let promise = random.pick(&PROMISES);
    let observation = random.pick(&OBSERVATIONS);
    let text = format!(
        "EXERCISE. All facts are made up. Recruited by {recruiter}, who offer {promise}. {observation}"
    );
    (text, "en")
}

fn day(random: &mut SplitMix64) -> (u32, u32, u32) {
    (2025, 1 + random.below(12), 1 + random.below(28))
}

fn seen(random: &mut SplitMix64) -> (String, String) {
    let (year, month, day) = day(random);
    (date(year, month, day), date(year + 1, 1, day))
}

fn date(year: u32, month: u32, day: u32) -> String {
    format!("{year:04}-{month:02}-{day:02}")
}
