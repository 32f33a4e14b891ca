//! CaseRecords as they are counted.

use crate::{
    statistics::{
        cases::Case,
        glotip::{AGES, FORMS, SEXES},
    },
    wire::record::{AgeRange, Answer, CaseGender, CaseRecord, Exploitation, TraffickingStatus},
};

/// How records made of cases say that they came about.
pub const METHOD: &str = "Counted from case records. Victims are actual and possible victims of trafficking \
    by year of registration; one of several forms of exploitation is counted as other. Facts that a person \
    shares with fewer than 11 are counted as unknown, years with fewer than 11 are left out; counts below k \
    are bands, and counts from which others could be computed are withheld.";

/// A case as it is counted; `None` for one that is no victim, or whose year is not stated.
pub fn case(of: &CaseRecord) -> Option<Case> {
    let [_, female, male, other, _] = SEXES;
    let [_, child, adult, _] = AGES;
    if of.trafficking_status() == TraffickingStatus::NotAvictimOfTrafficking {
        return None;
    }
    let sex = match of.gender() {
        CaseGender::Woman => Some(female),
        CaseGender::Man => Some(male),
        CaseGender::TransTransgenderNonConforming => Some(other),
        CaseGender::Unspecified | CaseGender::Unknown => None,
    };
    let age = match of.age() {
        AgeRange::From0To8 | AgeRange::From9To17 => Some(child),
        AgeRange::From18To20
        | AgeRange::From21To23
        | AgeRange::From24To26
        | AgeRange::From27To29
        | AgeRange::From30To38
        | AgeRange::From39To47
        | AgeRange::From48 => Some(adult),
        AgeRange::Unspecified | AgeRange::Unknown => None,
    };
    let stated = |code: &String| (!code.is_empty()).then(|| code.clone());
    Some(Case {
        year: u16::try_from(of.year_of_registration)
            .ok()
            .filter(|year| *year > 0)?,
        sex,
        age,
        citizenship: stated(&of.citizenship),
        exploited_in: stated(&of.country_of_exploitation),
        form: form(of),
    })
}

/// The form under which the GLOTIP counts: one of several is other.
fn form(of: &CaseRecord) -> Option<&'static str> {
    let [sexual, labour, other] = FORMS;
    let groups = of.exploitation.unwrap_or_default();
    let yes = |answer: i32| answer == Answer::Yes as i32;
    let mut found = Vec::new();
    for (answer, form) in [
        (groups.sexual, sexual),
        (groups.forced_labour, labour),
        (groups.other, other),
    ] {
        if yes(answer) {
            found.push(form);
        }
    }
    for number in &of.forms {
        found.push(match Exploitation::try_from(*number) {
            Ok(Exploitation::Unspecified) | Err(_) => continue,
            Ok(Exploitation::SexualExploitation) => sexual,
            Ok(Exploitation::ForcedLabour) => labour,
            Ok(_) => other,
        });
    }
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [] => None,
        [one] => Some(one),
        _ => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::record::CaseExploitation;

    #[test]
    fn a_case_is_counted_once_and_in_the_words_of_the_glotip() {
        let mut of = CaseRecord {
            year_of_registration: 2025,
            gender: CaseGender::Woman.into(),
            age: AgeRange::From9To17.into(),
            citizenship: "UZ".to_owned(),
            forms: vec![Exploitation::ForcedLabour.into()],
            ..CaseRecord::default()
        };
        let counted = case(&of).unwrap();
        assert_eq!(counted.sex, Some("Female"));
        assert_eq!(counted.age, Some("0 to 17 years"));
        assert_eq!(counted.form, Some("Forced labour"));
        assert_eq!(counted.exploited_in, None);
        of.exploitation = Some(CaseExploitation {
            sexual: Answer::Yes.into(),
            forced_labour: Answer::Yes.into(),
            other: Answer::No.into(),
        });
        assert_eq!(case(&of).unwrap().form, Some("Other forms of exploitation"));
        of.trafficking_status = TraffickingStatus::NotAvictimOfTrafficking.into();
        assert_eq!(case(&of), None);
        assert_eq!(case(&CaseRecord::default()), None);
    }
}
