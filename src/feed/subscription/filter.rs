//! What a subscription lets through, over the facts of a record.

use std::collections::BTreeSet;

use crate::{
    record::{Country, kind_names},
    wire::{node::SubscriptionFilter, record::Urgency},
};

/// Most kinds of a filter.
pub const MAX_KINDS: usize = 32;
/// Most countries of each list of a filter.
pub const MAX_COUNTRIES: usize = 64;
/// Most codes of a filter.
pub const MAX_CODES: usize = 64;

/// Why a filter is not taken. The fault is the caller's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    /// Too many values.
    #[error("`filter.{field}` has {count} values, but may have {most}")]
    TooMany {
        /// Which list.
        field: &'static str,
        /// How many there are.
        count: usize,
        /// How many may be.
        most: usize,
    },
    /// No kind of this name.
    #[error("`filter.kinds[{0}]` is no kind of record; `comity kinds` lists them")]
    Kind(usize),
    /// No such country.
    #[error("`filter.{0}[{1}]` is no country (ISO 3166-1 alpha-2)")]
    Country(&'static str, usize),
    /// No such urgency.
    #[error("`filter.urgencies[{0}]` is no urgency")]
    Urgency(usize),
    /// No such code.
    #[error("`filter.codes[{at}]` is refused: {why}")]
    Code {
        /// Which one.
        at: usize,
        /// Why.
        why: String,
    },
}

/// What is known of a record, as far as whoever subscribed may know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its kind, such as `Route`; `None` of a step, and where it is not known.
    pub kind: Option<String>,
    /// Country that sealed it.
    pub origin: Option<Country>,
    /// Countries that it names, or is sent to.
    pub countries: BTreeSet<Country>,
    /// Its urgency by number.
    pub urgency: i32,
    /// Its codes, as `purpose=FORCED_LABOUR_OR_SERVICES`.
    pub codes: BTreeSet<String>,
    /// Whether it is an exercise.
    pub exercise: bool,
    /// Whether it is a step.
    pub step: bool,
}

/// What a subscription lets through. A list that is empty lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Kinds.
    pub kinds: BTreeSet<String>,
    /// Origins.
    pub origins: BTreeSet<Country>,
    /// Countries named.
    pub countries: BTreeSet<Country>,
    /// Urgencies by number.
    pub urgencies: BTreeSet<i32>,
    /// Codes, in their one form.
    pub codes: BTreeSet<String>,
    /// Exercises alone, or none; `None` for both.
    pub exercise: Option<bool>,
    /// Whether steps are told of.
    pub steps: bool,
}

fn at_most(field: &'static str, count: usize, most: usize) -> Result<(), FilterFault> {
    if count > most {
        return Err(FilterFault::TooMany { field, count, most });
    }
    Ok(())
}

fn countries(field: &'static str, of: &[String]) -> Result<BTreeSet<Country>, FilterFault> {
    at_most(field, of.len(), MAX_COUNTRIES)?;
    let all = of.iter().enumerate();
    all.map(|(at, code)| {
        let code = code.trim().to_uppercase();
        code.parse().map_err(|_| FilterFault::Country(field, at))
    })
    .collect()
}

impl Filter {
    /// Reads a filter as somebody asks for it. `code` brings a code into its one form, or says why it is
    /// none.
    ///
    /// # Errors
    /// [`FilterFault`] for the first value that is refused.
    pub fn read(
        asked: &SubscriptionFilter,
        code: impl Fn(&str) -> Result<String, String>,
    ) -> Result<Self, FilterFault> {
        at_most("kinds", asked.kinds.len(), MAX_KINDS)?;
        at_most("codes", asked.codes.len(), MAX_CODES)?;
        at_most("urgencies", asked.urgencies.len(), 8)?;
        let known = kind_names();
        let kinds = asked.kinds.iter().enumerate().map(|(at, kind)| {
            let plain = |text: &str| text.replace(['-', '_'], "").to_lowercase();
            let found = known.iter().find(|of| plain(of) == plain(kind.trim()));
            found.cloned().ok_or(FilterFault::Kind(at))
        });
        let urgencies = asked.urgencies.iter().enumerate().map(|(at, number)| {
            let known = Urgency::try_from(*number).unwrap_or_default();
            match known {
                Urgency::Unspecified => Err(FilterFault::Urgency(at)),
                known => Ok(known.into()),
            }
        });
        let codes = asked.codes.iter().enumerate();
        let codes = codes.map(|(at, text)| code(text).map_err(|why| FilterFault::Code { at, why }));
        Ok(Self {
            kinds: kinds.collect::<Result<_, _>>()?,
            origins: countries("origins", &asked.origins)?,
            countries: countries("countries", &asked.countries)?,
            urgencies: urgencies.collect::<Result<_, _>>()?,
            codes: codes.collect::<Result<_, _>>()?,
            exercise: asked.exercise,
            steps: asked.steps,
        })
    }

    /// The filter in the words of the protocol.
    pub fn shown(&self) -> SubscriptionFilter {
        let codes = |of: &BTreeSet<Country>| of.iter().map(|of| of.code().to_owned()).collect();
        SubscriptionFilter {
            kinds: self.kinds.iter().cloned().collect(),
            origins: codes(&self.origins),
            countries: codes(&self.countries),
            urgencies: self.urgencies.iter().copied().collect(),
            codes: self.codes.iter().cloned().collect(),
            exercise: self.exercise,
            steps: self.steps,
        }
    }

    /// Whether a record is let through. Of a step only its origin, and whether it is an exercise, count.
    pub fn lets_through(&self, facts: &Facts) -> bool {
        let any = |empty: bool, one: bool| empty || one;
        let common = self.exercise.is_none_or(|wanted| wanted == facts.exercise)
            && any(
                self.origins.is_empty(),
                facts.origin.is_some_and(|of| self.origins.contains(&of)),
            );
        if facts.step {
            return common && self.steps;
        }
        let kind = facts.kind.as_ref();
        common
            && any(
                self.kinds.is_empty(),
                kind.is_some_and(|kind| self.kinds.contains(kind)),
            )
            && any(
                self.urgencies.is_empty(),
                self.urgencies.contains(&facts.urgency),
            )
            && any(
                self.countries.is_empty(),
                !self.countries.is_disjoint(&facts.countries),
            )
            && any(self.codes.is_empty(), !self.codes.is_disjoint(&facts.codes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(text: &str) -> Result<String, String> {
        match text {
            "colour=RED" => Err("no such list".to_owned()),
            text => Ok(text.to_owned()),
        }
    }

    fn strings(of: &[&str]) -> Vec<String> {
        of.iter().map(|of| (*of).to_owned()).collect()
    }

    fn facts() -> Facts {
        Facts {
            kind: Some("Route".to_owned()),
            origin: "TJ".parse().ok(),
            countries: ["TJ", "UZ"].map(|code| code.parse().unwrap()).into(),
            urgency: Urgency::Urgent.into(),
            codes: strings(&["purpose=FORCED_LABOUR_OR_SERVICES"])
                .into_iter()
                .collect(),
            exercise: true,
            step: false,
        }
    }

    fn passes(asked: SubscriptionFilter) -> bool {
        Filter::read(&asked, same).unwrap().lets_through(&facts())
    }

    #[test]
    fn each_list_has_to_match_and_an_empty_one_lets_everything_through() {
        assert!(passes(SubscriptionFilter::default()));
        let all = SubscriptionFilter {
            kinds: strings(&["alert", "route"]),
            origins: strings(&["tj"]),
            countries: strings(&["KZ", "UZ"]),
            urgencies: vec![Urgency::Urgent.into()],
            codes: strings(&["purpose=FORCED_LABOUR_OR_SERVICES", "purpose=X"]),
            exercise: Some(true),
            steps: false,
        };
        assert!(passes(all.clone()));
        let with = |change: fn(&mut SubscriptionFilter)| {
            let mut asked = all.clone();
            change(&mut asked);
            passes(asked)
        };
        assert!(!with(|asked| asked.kinds = strings(&["Alert"])));
        assert!(!with(|asked| asked.origins = strings(&["UZ"])));
        assert!(!with(|asked| asked.countries = strings(&["KZ"])));
        assert!(!with(
            |asked| asked.urgencies = vec![Urgency::Routine.into()]
        ));
        assert!(!with(|asked| asked.codes = strings(&["purpose=X"])));
        assert!(!with(|asked| asked.exercise = Some(false)));
        assert!(with(|asked| asked.exercise = None));
    }

    #[test]
    fn steps_are_told_of_only_where_that_is_wanted() {
        let step = Facts {
            kind: None,
            codes: BTreeSet::new(),
            step: true,
            ..facts()
        };
        let lets = |kinds: &[&str], origins: &[&str], steps| {
            let asked = SubscriptionFilter {
                kinds: strings(kinds),
                origins: strings(origins),
                steps,
                ..SubscriptionFilter::default()
            };
            Filter::read(&asked, same).unwrap().lets_through(&step)
        };
        assert!(!lets(&[], &[], false));
        assert!(lets(&[], &[], true) && lets(&["Route"], &["TJ"], true));
        assert!(!lets(&[], &["UZ"], true));
    }

    #[test]
    fn what_is_no_value_is_refused_by_its_place() {
        let of = |change: fn(&mut SubscriptionFilter)| {
            let mut asked = SubscriptionFilter::default();
            change(&mut asked);
            Filter::read(&asked, same).unwrap_err().to_string()
        };
        for (fault, says) in [
            (
                of(|asked| asked.kinds = strings(&["Route", "Rout"])),
                "filter.kinds[1]",
            ),
            (
                of(|asked| asked.origins = strings(&["XX"])),
                "filter.origins[0]",
            ),
            (
                of(|asked| asked.countries = strings(&["UZB"])),
                "filter.countries[0]",
            ),
            (of(|asked| asked.urgencies = vec![0]), "filter.urgencies[0]"),
            (
                of(|asked| asked.urgencies = vec![99]),
                "filter.urgencies[0]",
            ),
            (
                of(|asked| asked.codes = strings(&["colour=RED"])),
                "no such list",
            ),
            (
                of(|asked| asked.codes = vec![String::new(); MAX_CODES + 1]),
                "65 values, but may have 64",
            ),
        ] {
            assert!(fault.contains(says), "{fault}");
        }
    }

    #[test]
    fn a_filter_is_shown_as_it_is_read() {
        let asked = SubscriptionFilter {
            kinds: strings(&["victim-referral"]),
            countries: strings(&["uz"]),
            steps: true,
            ..SubscriptionFilter::default()
        };
        let filter = Filter::read(&asked, same).unwrap();
        assert_eq!(filter.shown().kinds, ["VictimReferral"]);
        assert_eq!(Filter::read(&filter.shown(), same), Ok(filter));
    }
}
