//! Cases of single persons, counted: a k-anonymous set of them, and its counts in the layout of the GLOTIP.
//!
//! Five facts together may tell who somebody is: the year, sex, age, citizenship, and where the person was
//! exploited. [`anonymise`] takes facts away from whoever shares all five with fewer than `k` persons,
//! until nobody does: where the person was exploited first, which no table shows, then citizenship, age
//! and sex; whoever is then still one of a few in a year is left out. [`observations`] counts what is
//! left; [`super::glotip::series`] protects these counts as it protects every other table.

use std::collections::BTreeMap;

use super::{
    cell::{Shown, VICTIMS_K},
    glotip::{DIMENSIONS, INDICATORS, Observation},
    margins::{Coordinates, TOTAL},
};

/// The word for what is not known, or was taken away.
const UNKNOWN: &str = "Unknown";

/// Citizenships up to which each is divided by sex: a record holds so many values of a year.
const DIVIDED: usize = 36;

/// A case, as far as it is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Case {
    /// Year of registration.
    pub year: u16,
    /// Sex, in the words of the GLOTIP; `None` where it is not known.
    pub sex: Option<&'static str>,
    /// Age; `None` where it is not known.
    pub age: Option<&'static str>,
    /// Citizenship, ISO 3166-1 alpha-2; `None` where it is not known.
    pub citizenship: Option<String>,
    /// Where the person was exploited, ISO 3166-1 alpha-2; `None` where it is not known.
    pub exploited_in: Option<String>,
    /// Form of exploitation; `None` where it is not known. No fact by which a person is known.
    pub form: Option<&'static str>,
}

/// Facts that are taken away, in this order.
#[derive(Clone, Copy)]
enum Fact {
    ExploitedIn,
    Citizenship,
    Age,
    Sex,
}

type Class = (
    u16,
    Option<&'static str>,
    Option<&'static str>,
    Option<String>,
    Option<String>,
);

impl Case {
    /// What it shares with those that it cannot be told from.
    fn class(&self) -> Class {
        (
            self.year,
            self.sex,
            self.age,
            self.citizenship.clone(),
            self.exploited_in.clone(),
        )
    }

    fn take(&mut self, fact: Fact) {
        match fact {
            Fact::ExploitedIn => self.exploited_in = None,
            Fact::Citizenship => self.citizenship = None,
            Fact::Age => self.age = None,
            Fact::Sex => self.sex = None,
        }
    }
}

/// A set in which everybody is one of `k` or more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anonymous {
    /// The cases.
    pub cases: Vec<Case>,
    /// Cases of which a fact was taken away.
    pub generalised: u64,
    /// Cases left out.
    pub left_out: u64,
}

fn sizes(cases: &[Case]) -> BTreeMap<Class, u64> {
    let mut sizes: BTreeMap<Class, u64> = BTreeMap::new();
    for case in cases {
        let size = sizes.entry(case.class()).or_default();
        *size = size.saturating_add(1);
    }
    sizes
}

/// Takes facts away until everybody shares all that is left with `k` persons or more, themselves among
/// them.
pub fn anonymise(mut cases: Vec<Case>, k: u64) -> Anonymous {
    let before = cases.clone();
    for fact in [Fact::ExploitedIn, Fact::Citizenship, Fact::Age, Fact::Sex] {
        let sizes = sizes(&cases);
        // Only those of small groups move, and they leave them whole: no group becomes smaller and stays.
        for case in &mut cases {
            if sizes.get(&case.class()).is_some_and(|size| *size < k) {
                case.take(fact);
            }
        }
    }
    let sizes = sizes(&cases);
    let mut found = Anonymous::default();
    for (case, before) in cases.into_iter().zip(before) {
        if sizes.get(&case.class()).is_some_and(|size| *size < k) {
            found.left_out = found.left_out.saturating_add(1);
            continue;
        }
        if case != before {
            found.generalised = found.generalised.saturating_add(1);
        }
        found.cases.push(case);
    }
    found
}

/// The counts of `country`'s cases by form of exploitation, sex and age, and by citizenship and sex.
pub fn observations(country: &'static str, cases: &[Case]) -> Vec<Observation> {
    let [total, by_form, by_citizenship, _] = DIMENSIONS;
    let mut citizenships: BTreeMap<u16, BTreeMap<&str, u64>> = BTreeMap::new();
    for case in cases {
        let of = citizenships.entry(case.year).or_default();
        of.entry(case.citizenship.as_deref().unwrap_or(UNKNOWN))
            .or_default();
    }
    let divided = |year| citizenships.get(&year).is_none_or(|of| of.len() <= DIVIDED);
    let mut counts: BTreeMap<(u16, Coordinates), u64> = BTreeMap::new();
    for case in cases {
        let sex = case.sex.unwrap_or(UNKNOWN);
        let age = case.age.unwrap_or(UNKNOWN);
        let citizenship = case.citizenship.as_deref().unwrap_or(UNKNOWN);
        let mut count = |dimension: &str, category: &str, sex: &str, age: &str| {
            let at = Coordinates {
                dimension: dimension.to_owned(),
                category: category.to_owned(),
                sex: sex.to_owned(),
                age: age.to_owned(),
            };
            let count = counts.entry((case.year, at)).or_default();
            *count = count.saturating_add(1);
        };
        for (sex, age) in [(TOTAL, TOTAL), (sex, TOTAL), (TOTAL, age), (sex, age)] {
            count(total, TOTAL, sex, age);
            if let Some(form) = case.form {
                count(by_form, form, sex, age);
            }
        }
        count(by_citizenship, citizenship, TOTAL, TOTAL);
        if divided(case.year) {
            count(by_citizenship, citizenship, sex, TOTAL);
        }
    }
    let counts = counts.into_iter();
    counts
        .map(|((year, at), count)| Observation {
            line: 0,
            country,
            indicator: INDICATORS[0],
            at,
            year,
            shown: Shown::Count(count),
        })
        .collect()
}

/// The least group that a table of cases shows.
pub const K: u64 = VICTIMS_K;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, option, prelude::*, sample::select};

    use super::*;
    use crate::statistics::{
        Cells, audit,
        glotip::{AGES, FORMS, SEXES, Series, series},
        margins,
    };

    prop_compose! {
        fn case()(
            year in select(vec![2024_u16, 2025]),
            sex in option::of(select(vec![SEXES[1], SEXES[2]])),
            age in option::of(select(vec![AGES[1], AGES[2]])),
            citizenship in option::of(select(vec!["UZ", "KZ", "TJ", "KG"])),
            exploited_in in option::of(select(vec!["UZ", "AE", "TR"])),
            form in option::of(select(FORMS.to_vec())),
        ) -> Case {
            Case {
                year,
                sex,
                age,
                citizenship: citizenship.map(str::to_owned),
                exploited_in: exploited_in.map(str::to_owned),
                form,
            }
        }
    }

    /// The cells of a table as somebody has them who holds all dimensions.
    fn cells(of: &Series) -> Cells {
        let name = |at: &Coordinates| at.label();
        let mut cells = Cells::new(of.k);
        let places: BTreeSet<Coordinates> = of.cells.keys().cloned().collect();
        for (at, shown) in &of.cells {
            cells.shown.insert(name(at), *shown);
        }
        cells.sums = margins(&places, name);
        cells
    }

    fn of(year: u16, sex: &'static str, citizenship: &str, count: usize) -> Vec<Case> {
        let case = Case {
            year,
            sex: Some(sex),
            age: Some(AGES[2]),
            citizenship: Some(citizenship.to_owned()),
            exploited_in: Some("AE".to_owned()),
            form: Some(FORMS[1]),
        };
        vec![case; count]
    }

    #[test]
    fn a_small_group_is_counted_without_what_tells_it() {
        let cases = [of(2025, "Female", "UZ", 30), of(2025, "Female", "KZ", 12)].concat();
        let few = of(2025, "Female", "TJ", 11);
        let one = of(2025, "Male", "KG", 1);
        let found = anonymise([cases.clone(), few.clone()].concat(), K);
        assert_eq!((found.generalised, found.left_out), (0, 0));
        // One of a kind, whose facts nobody shares even without them all.
        let found = anonymise([cases.clone(), one].concat(), K);
        assert_eq!((found.generalised, found.left_out), (0, 1));
        // Two groups of ten: together they are twenty of unknown citizenship.
        let tens = [of(2025, "Female", "TJ", 10), of(2025, "Female", "KG", 10)].concat();
        let found = anonymise([cases, tens].concat(), K);
        assert_eq!((found.generalised, found.left_out), (20, 0));
        let unknown = found.cases.iter().filter(|case| case.citizenship.is_none());
        assert_eq!(unknown.count(), 20);
    }

    #[test]
    fn counts_add_up() {
        let cases = [of(2025, "Female", "UZ", 30), of(2025, "Male", "KZ", 12)].concat();
        let observations = observations("UZ", &cases);
        let count = |label: &str| {
            let found = observations.iter().find(|of| of.at.label() == label);
            found.and_then(|of| of.shown.count())
        };
        assert_eq!(count("all, Total, Total"), Some(42));
        assert_eq!(count("all, Male, 18 years or over"), Some(12));
        assert_eq!(count("by citizenship: UZ, Female, Total"), Some(30));
        assert_eq!(
            count("by form of exploitation: Forced labour, Total, Total"),
            Some(42)
        );
        assert_eq!(count("by citizenship: TJ, Total, Total"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Everybody is one of k or more, and nobody's facts are made up.
        #[test]
        fn nobody_is_one_of_a_few(cases in vec(case(), 0..300), k in 2_u64..15) {
            let found = anonymise(cases.clone(), k);
            let sizes = sizes(&found.cases);
            prop_assert!(sizes.values().all(|size| *size >= k));
            let count = u64::try_from(found.cases.len()).unwrap();
            prop_assert_eq!(count + found.left_out, u64::try_from(cases.len()).unwrap());
            for case in &found.cases {
                let from = cases.iter().any(|before| {
                    before.year == case.year
                        && before.form == case.form
                        && (case.sex.is_none() || case.sex == before.sex)
                        && (case.age.is_none() || case.age == before.age)
                        && (case.citizenship.is_none() || case.citizenship == before.citizenship)
                });
                prop_assert!(from);
            }
        }

        /// Whoever holds every table of a year and knows what adds up computes no count below k.
        #[test]
        fn no_small_count_can_be_recovered(cases in vec(case(), 0..250)) {
            let found = anonymise(cases, K);
            let observations = observations("UZ", &found.cases);
            for of in series(&observations, |_| {}).unwrap() {
                prop_assert_eq!(of.k, K);
                for shown in of.cells.values() {
                    prop_assert!(shown.count().is_none_or(|count| count >= K));
                }
                let leaks = audit(&cells(&of));
                prop_assert!(leaks.is_empty(), "{leaks:?}");
            }
        }
    }
}
