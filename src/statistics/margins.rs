//! The sums that a table after the GLOTIP obeys: what is counted by category, sex and age adds up.

use std::collections::{BTreeMap, BTreeSet};

use super::cell::Sum;

/// The word for "not divided by this".
pub const TOTAL: &str = "Total";

/// Where a cell stands within one country, indicator and period.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Coordinates {
    /// What divides the categories, such as `by form of exploitation`; [`TOTAL`] for none.
    pub dimension: String,
    /// The category; [`TOTAL`] where `dimension` is.
    pub category: String,
    /// Sex; [`TOTAL`] for all.
    pub sex: String,
    /// Age; [`TOTAL`] for all.
    pub age: String,
}

impl Coordinates {
    /// As people read it: `by citizenship: Uzbekistan, Female, Total`.
    pub fn label(&self) -> String {
        let Self {
            dimension,
            category,
            sex,
            age,
        } = self;
        if dimension == TOTAL {
            format!("all, {sex}, {age}")
        } else {
            format!("{dimension}: {category}, {sex}, {age}")
        }
    }

    fn with_sex(&self, sex: &str) -> Self {
        Self {
            sex: sex.to_owned(),
            ..self.clone()
        }
    }

    fn with_age(&self, age: &str) -> Self {
        Self {
            age: age.to_owned(),
            ..self.clone()
        }
    }

    fn undivided(&self) -> Self {
        Self {
            dimension: TOTAL.to_owned(),
            category: TOTAL.to_owned(),
            ..self.clone()
        }
    }
}

/// The sums between the cells at `places`, through totals that are not shown where need be. `name`
/// gives a cell its name.
pub fn margins(places: &BTreeSet<Coordinates>, name: impl Fn(&Coordinates) -> String) -> Vec<Sum> {
    // Every cell, and every total of it over sex, age and category.
    let mut all: BTreeSet<Coordinates> = BTreeSet::new();
    for place in places {
        for by_sex in [place.clone(), place.with_sex(TOTAL)] {
            for by_age in [by_sex.clone(), by_sex.with_age(TOTAL)] {
                all.insert(by_age.undivided());
                all.insert(by_age);
            }
        }
    }
    // Totals by the axis that they sum over; categories per dimension.
    let mut sums: BTreeMap<(Coordinates, Axis<'_>), BTreeSet<&Coordinates>> = BTreeMap::new();
    for place in &all {
        if place.sex != TOTAL {
            let key = (place.with_sex(TOTAL), Axis::Sex);
            sums.entry(key).or_default().insert(place);
        }
        if place.age != TOTAL {
            let key = (place.with_age(TOTAL), Axis::Age);
            sums.entry(key).or_default().insert(place);
        }
        if place.dimension != TOTAL {
            let key = (place.undivided(), Axis::Category(&place.dimension));
            sums.entry(key).or_default().insert(place);
        }
    }
    sums.into_iter()
        .map(|((total, axis), parts)| Sum {
            // A part that is not listed is none where the total is shown; where it is not, a
            // division that is missing here and there elsewhere was not reported.
            complete: places.contains(&total) || axis.is_whole(&total, &parts, places),
            total: name(&total),
            parts: parts.into_iter().map(&name).collect(),
        })
        .collect()
}

/// Over what a sum goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Axis<'a> {
    Sex,
    Age,
    Category(&'a str),
}

impl Axis<'_> {
    /// Whether `parts` has every sex, or age, that is shown of the total's category. Categories are
    /// never known to be all there.
    fn is_whole(
        self,
        total: &Coordinates,
        parts: &BTreeSet<&Coordinates>,
        places: &BTreeSet<Coordinates>,
    ) -> bool {
        let value = |place: &Coordinates| match self {
            Self::Sex => place.sex.clone(),
            Self::Age => place.age.clone(),
            Self::Category(_) => String::new(),
        };
        if matches!(self, Self::Category(_)) {
            return false;
        }
        let there: BTreeSet<String> = parts.iter().map(|part| value(part)).collect();
        places
            .iter()
            .filter(|place| place.dimension == total.dimension && place.category == total.category)
            .map(value)
            .all(|value| value == TOTAL || there.contains(&value))
    }
}
