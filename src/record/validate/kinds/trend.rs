//! The rules of statistics: a table of one shape, in which small numbers are suppressed.

use std::collections::HashSet;

use super::{At, Checker, Fault, MAX_LINE, MAX_LIST, Text};
use crate::record::{
    Rule, trend,
    validate::{MAX_NOTE, date},
};
use crate::statistics::audit;
use crate::wire::record::{
    Trend, TrendAge, TrendDimension, TrendForm, TrendIndicator, TrendSex, TrendSuppression,
    TrendUnit, TrendValue,
};

/// The k of k-anonymity: at least what GLOTIP uses.
const K: std::ops::RangeInclusive<u32> = 5..=1000;

pub(super) fn check(checker: &mut Checker, at: At<'_>, trend: &Trend) {
    let before = checker.count();
    checker.code::<TrendIndicator>(at.field("indicator"), trend.indicator, true);
    checker.code::<TrendDimension>(at.field("dimension"), trend.dimension, true);
    checker.country(at.field("country"), &trend.country, true);
    checker.code::<TrendUnit>(at.field("unit"), trend.unit, true);
    if !K.contains(&trend.k) {
        let allowed = format_args!("from {} to {}; GLOTIP uses 5, CTDC 11", K.start(), K.end());
        checker.out_of_range(at.field("k"), trend.k, allowed);
    }
    let least = trend::least_k(trend.indicator);
    if K.contains(&trend.k) && trend.k < least {
        checker.found(
            at.field("k"),
            Rule::OutOfRange,
            format!("victims are counted with a k of {least} at least"),
        );
    }
    checker.text(at.field("method"), &trend.method, Text::lines(MAX_NOTE));
    let publication = Text::line(MAX_LINE);
    checker.text(at.field("publication"), &trend.publication, publication);

    let values_at = at.field("values");
    if trend.values.is_empty() {
        checker.required(values_at, "at least one value");
    }
    checker.at_most(values_at, trend.values.len(), MAX_LIST);
    let mut seen = HashSet::new();
    for (index, of) in trend.values.iter().take(MAX_LIST).enumerate() {
        let item = values_at.item(index);
        category(checker, item, trend.dimension, of);
        checker.code::<TrendSex>(item.field("sex"), of.sex, true);
        checker.code::<TrendAge>(item.field("age"), of.age, true);
        if !date::is_year_or_quarter(&of.period) {
            let shown = checker.shown(&of.period);
            let fault = Fault::new(format!(
                "{shown} is not a year or quarter written YYYY or YYYY-Q1 to YYYY-Q4"
            ))
            .value(checker.code_of(&of.period))
            .allowed(["YYYY or YYYY-Q1 to YYYY-Q4".to_owned()]);
            checker.refuse(item.field("period"), Rule::DateInvalid, fault);
        }
        suppression(checker, item, trend.k, of);
        let cell = (
            (of.form, &of.country, &of.reported),
            (of.sex, of.age, &of.period),
        );
        if !seen.insert(cell) {
            checker.found(
                item,
                Rule::Duplicate,
                "a value of this category, sex, age and period is given twice",
            );
        }
    }
    // What adds up is looked at only where each value is right by itself.
    if checker.count() == before {
        computable(checker, values_at, trend);
    }
}

/// No suppressed number can be computed from the other values of the table.
fn computable(checker: &mut Checker, at: At<'_>, trend: &Trend) {
    let (cells, names) = trend::cells(trend);
    // A category in words is text of the record, and messages hold none.
    let plain = trend.values.iter().all(|value| value.reported.is_empty());
    for leak in audit(&cells) {
        let cell = if plain { &leak.cell } else { "a cell" };
        let why = leak.why();
        let message =
            format!("{cell} {why}; withhold another value of the same sum (COMPLEMENTARY)");
        match names.iter().position(|name| *name == leak.cell) {
            Some(index) => checker.found(at.item(index), Rule::CanBeComputed, message),
            None => checker.found(at, Rule::CanBeComputed, message),
        }
    }
}

/// The category that the dimension asks for, and no other.
fn category(checker: &mut Checker, at: At<'_>, dimension: i32, of: &TrendValue) {
    let (form_at, country_at) = (at.field("form"), at.field("country"));
    let reported_at = at.field("reported");
    checker.text(reported_at, &of.reported, Text::line(MAX_LINE));
    let Ok(dimension) = TrendDimension::try_from(dimension) else {
        return;
    };
    let by_form = dimension == TrendDimension::ByFormOfExploitation;
    let by_country = matches!(
        dimension,
        TrendDimension::ByCitizenship | TrendDimension::ByCountryOfRepatriation
    );
    checker.code::<TrendForm>(form_at, of.form, by_form);
    let refused = "the dimension of the table has no such category";
    if of.form != 0 && !by_form {
        checker.found(form_at, Rule::NotAllowedHere, refused);
    }
    checker.country(
        country_at,
        &of.country,
        by_country && of.reported.is_empty(),
    );
    if !of.country.is_empty() && !by_country {
        checker.found(country_at, Rule::NotAllowedHere, refused);
    }
    if !of.reported.is_empty() && !by_country {
        checker.found(reported_at, Rule::NotAllowedHere, refused);
    } else if !of.reported.is_empty() && !of.country.is_empty() {
        checker.found(
            reported_at,
            Rule::Mismatch,
            "a category is a country or words, not both",
        );
    }
}

/// A value is there or suppressed, and a small one is suppressed.
fn suppression(checker: &mut Checker, at: At<'_>, k: u32, of: &TrendValue) {
    let why_at = at.field("suppression");
    checker.code::<TrendSuppression>(why_at, of.suppression, false);
    let suppressed = match TrendSuppression::try_from(of.suppression) {
        Ok(TrendSuppression::Unspecified | TrendSuppression::None) => false,
        Ok(TrendSuppression::Lt5) => {
            if k > 5 {
                checker.found(
                    why_at,
                    Rule::Mismatch,
                    format!("LT5 says more than k = {k} allows; use TREND_SUPPRESSION_K11"),
                );
            }
            true
        }
        Ok(TrendSuppression::K11 | TrendSuppression::Complementary) => true,
        Err(_) => return,
    };
    let value_at = at.field("value");
    match of.value {
        None if !suppressed => checker.required(value_at, "a value, or the reason why it is none,"),
        Some(_) if suppressed => checker.found(
            value_at,
            Rule::NotAllowedHere,
            "the value is suppressed; leave it out",
        ),
        // The value itself is not repeated.
        Some(value) if (1..k).contains(&value) => checker.found(
            value_at,
            Rule::SmallNumber,
            format!("a value from 1 to {} is suppressed", k.saturating_sub(1)),
        ),
        _ => {}
    }
}
