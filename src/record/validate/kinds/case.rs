//! The rules of cases: the CTDC variables and the HTCDS codes must tell the same.

use super::{At, Checker, ValidationContext, tells_of_a_person};
use crate::record::Rule;
use crate::wire::record::{
    AgeRange, Answer, CaseDiscovery, CaseExploitation, CaseGender, CaseLabour, CaseMeans,
    CaseRecord, CaseRecruiter, CaseSexual, CaseStatus, ControlMethod, DecidingBody, Exploitation,
    OnlineService, Record, RecruitmentMethod, Sector, SexualExploitation, SupportType,
    TraffickingDuration, TraffickingStage, TraffickingStatus,
};

/// CTDC begins in 2002; some case systems a little earlier.
const FIRST_YEAR: u32 = 2000;

pub(super) fn check(
    checker: &mut Checker,
    at: At<'_>,
    of: &CaseRecord,
    record: &Record,
    context: &ValidationContext<'_>,
) {
    year(checker, at.field("yearOfRegistration"), of, context);
    checker.code::<CaseGender>(at.field("gender"), of.gender, false);
    checker.code::<AgeRange>(at.field("age"), of.age, false);
    checker.country(at.field("citizenship"), &of.citizenship, false);
    let exploited_at = at.field("countryOfExploitation");
    checker.country(exploited_at, &of.country_of_exploitation, false);
    checker.code::<TraffickingDuration>(at.field("duration"), of.duration, false);
    groups(checker, at, of);
    checker.code::<CaseDiscovery>(at.field("cameToLight"), of.came_to_light, true);
    checker.code::<TraffickingStatus>(at.field("traffickingStatus"), of.trafficking_status, true);
    checker.code::<DecidingBody>(at.field("decidedBy"), of.decided_by, false);
    checker.code::<CaseStatus>(at.field("status"), of.status, false);
    checker.codes::<Exploitation>(at.field("forms"), &of.forms, false);
    checker.codes::<SexualExploitation>(at.field("sexualForms"), &of.sexual_forms, false);
    checker.codes::<Sector>(at.field("sectors"), &of.sectors, false);
    checker.codes::<RecruitmentMethod>(at.field("recruitment"), &of.recruitment, false);
    checker.codes::<OnlineService>(at.field("channels"), &of.channels, false);
    checker.codes::<ControlMethod>(at.field("controls"), &of.controls, false);
    checker.codes::<SupportType>(at.field("support"), &of.support, false);
    checker.codes::<TraffickingStage>(at.field("stages"), &of.stages, false);
    agrees(checker, at, of);
    tells_of_a_person(checker, "a case", record, context);
}

fn year(checker: &mut Checker, at: At<'_>, of: &CaseRecord, context: &ValidationContext<'_>) {
    let year = of.year_of_registration;
    // A destination's clock does not judge what the origin registered.
    let present = context
        .now
        .utc()
        .and_then(|at| u32::try_from(at.year()).ok());
    let last = match present {
        Some(present) if !context.received => present,
        _ => 2200,
    };
    if year == 0 {
        checker.required(at, "the year of registration");
    } else if !(FIRST_YEAR..=last).contains(&year) {
        checker.out_of_range(at, year, format_args!("from {FIRST_YEAR} to {last}"));
    }
}

/// The groups of yes-or-no variables.
fn groups(checker: &mut Checker, at: At<'_>, of: &CaseRecord) {
    let mut group = |name, answers: &[(&'static str, i32)]| {
        for (field, answer) in answers {
            checker.code::<Answer>(at.field(name).field(field), *answer, false);
        }
    };
    if let Some(CaseMeans {
        debt_bondage_earnings,
        threats,
        abuse_psychological_physical_sexual,
        false_promises,
        drugs_alcohol,
        deny_basic_needs,
        excessive_work_hours,
        withhold_documents,
    }) = of.means
    {
        group(
            "means",
            &[
                ("debtBondageEarnings", debt_bondage_earnings),
                ("threats", threats),
                (
                    "abusePsychologicalPhysicalSexual",
                    abuse_psychological_physical_sexual,
                ),
                ("falsePromises", false_promises),
                ("drugsAlcohol", drugs_alcohol),
                ("denyBasicNeeds", deny_basic_needs),
                ("excessiveWorkHours", excessive_work_hours),
                ("withholdDocuments", withhold_documents),
            ],
        );
    }
    if let Some(CaseExploitation {
        forced_labour,
        sexual,
        other,
    }) = of.exploitation
    {
        let answers = [
            ("forcedLabour", forced_labour),
            ("sexual", sexual),
            ("other", other),
        ];
        group("exploitation", &answers);
    }
    if let Some(CaseLabour {
        agriculture,
        construction,
        domestic_work,
        hospitality,
    }) = of.labour
    {
        let answers = [
            ("agriculture", agriculture),
            ("construction", construction),
            ("domesticWork", domestic_work),
            ("hospitality", hospitality),
        ];
        group("labour", &answers);
    }
    if let Some(CaseSexual {
        prostitution,
        pornography,
    }) = of.sexual
    {
        let answers = [("prostitution", prostitution), ("pornography", pornography)];
        group("sexual", &answers);
    }
    if let Some(CaseRecruiter {
        intimate_partner,
        friend,
        family,
        other,
    }) = of.recruiter
    {
        let answers = [
            ("intimatePartner", intimate_partner),
            ("friend", friend),
            ("family", family),
            ("other", other),
        ];
        group("recruiter", &answers);
    }
}

/// A code that says yes where its group says no.
fn agrees(checker: &mut Checker, at: At<'_>, of: &CaseRecord) {
    let no = |answer: i32| answer == Answer::No as i32;
    let means = of.means.unwrap_or_default();
    let controls_at = at.field("controls");
    for (index, &control) in of.controls.iter().enumerate().take(super::MAX_LIST) {
        let group = match ControlMethod::try_from(control) {
            Ok(ControlMethod::DebtBondage | ControlMethod::TakesEarnings) => {
                means.debt_bondage_earnings
            }
            Ok(
                ControlMethod::PhysicalThreats
                | ControlMethod::ThreatsLawEnforcement
                | ControlMethod::ThreatensChildrenFamily,
            ) => means.threats,
            Ok(
                ControlMethod::PsychologicalAbuse
                | ControlMethod::PhysicalAbuse
                | ControlMethod::SexualAbuse,
            ) => means.abuse_psychological_physical_sexual,
            Ok(ControlMethod::FalsePromises) => means.false_promises,
            Ok(ControlMethod::PsychoactiveSubstance) => means.drugs_alcohol,
            Ok(
                ControlMethod::RestrictsFinancialAccess
                | ControlMethod::RestrictsMedicalCare
                | ControlMethod::WithholdsNecessities,
            ) => means.deny_basic_needs,
            Ok(ControlMethod::ExcessiveWorkingHours) => means.excessive_work_hours,
            Ok(ControlMethod::WithholdsDocuments) => means.withhold_documents,
            Ok(ControlMethod::Unspecified | ControlMethod::Other) | Err(_) => continue,
        };
        contradicts(checker, controls_at.item(index), no(group), "means");
    }
    let exploitation = of.exploitation.unwrap_or_default();
    let forms_at = at.field("forms");
    for (index, &form) in of.forms.iter().enumerate().take(super::MAX_LIST) {
        let group = match Exploitation::try_from(form) {
            Ok(Exploitation::ForcedLabour) => exploitation.forced_labour,
            Ok(Exploitation::SexualExploitation) => exploitation.sexual,
            Ok(
                Exploitation::ForcedMarriage
                | Exploitation::OrganRemoval
                | Exploitation::ForcedMilitaryByNonStateActors
                | Exploitation::ArmedConflict
                | Exploitation::Other,
            ) => exploitation.other,
            _ => continue,
        };
        contradicts(checker, forms_at.item(index), no(group), "exploitation");
    }
    let sexual = of
        .forms
        .contains(&(Exploitation::SexualExploitation as i32))
        || exploitation.sexual == Answer::Yes as i32;
    if !of.sexual_forms.is_empty() && !sexual {
        checker.found(
            at.field("sexualForms"),
            Rule::Mismatch,
            "types of sexual exploitation are given, but neither `forms` nor `exploitation.sexual` says that there was any",
        );
    }
}

fn contradicts(checker: &mut Checker, at: At<'_>, denied: bool, group: &str) {
    if denied {
        checker.found(
            at,
            Rule::Mismatch,
            format!("this code contradicts the ANSWER_NO of its group in `{group}`"),
        );
    }
}
