//! What a supervisor should look at: counted facts by measures that stand in the configuration. Not a
//! score, and no word on whether anything was wrong.

use std::collections::BTreeMap;

use crate::wire::{
    ledger::LeafBody,
    node::{ReportFinding, ReportMeasures, ReportRule},
};

/// Sums kept at most, of each rule; what is beyond is left out, and said so.
const MAX_SUMS: usize = 50_000;
/// Findings listed at most.
const MAX_FINDINGS: usize = 1000;
const HOUR_US: i64 = 3_600_000_000;
const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 24 * HOUR_US;

#[derive(Clone, Debug)]
struct Sum {
    count: u64,
    first: u64,
    last: u64,
    authority: String,
}

impl Sum {
    fn add(&mut self, leaf: u64, times: u64) {
        self.count = self.count.saturating_add(times);
        self.last = leaf;
    }
}

type Sums<K> = BTreeMap<K, Sum>;

/// Sums that become findings where they pass a measure.
#[derive(Debug)]
pub(super) struct Findings {
    measures: ReportMeasures,
    /// By person and local day.
    unusual: Sums<(String, i64)>,
    /// By person and hour.
    many: Sums<(String, i64)>,
    refused: Sums<(String, i64)>,
    /// By case; with who named it first.
    cases: Sums<String>,
    by: BTreeMap<String, (String, i64)>,
    cut: bool,
}

impl Findings {
    pub(super) const fn new(measures: ReportMeasures) -> Self {
        Self {
            measures,
            unusual: BTreeMap::new(),
            many: BTreeMap::new(),
            refused: BTreeMap::new(),
            cases: BTreeMap::new(),
            by: BTreeMap::new(),
            cut: false,
        }
    }

    /// A record was opened.
    pub(super) fn opened(&mut self, leaf: u64, body: &LeafBody, authority: &str) {
        let offset = i64::from(self.measures.utc_offset_minutes).saturating_mul(MINUTE_US);
        let local = body.time_us.saturating_add(offset);
        let hour = local.rem_euclid(DAY_US) / HOUR_US;
        let usual = i64::from(self.measures.day_begins_h)..i64::from(self.measures.day_ends_h);
        if !usual.contains(&hour) {
            // The day is where it begins, in UTC.
            let day = local.saturating_sub(local.rem_euclid(DAY_US));
            let key = (body.actor.clone(), day.saturating_sub(offset));
            self.cut |= !add(&mut self.unusual, key, leaf, 1, authority);
        }
        let key = (body.actor.clone(), hour_of(body.time_us));
        self.cut |= !add(&mut self.many, key, leaf, 1, authority);
    }

    /// Attempts were refused.
    pub(super) fn refused(&mut self, leaf: u64, body: &LeafBody, times: u64, authority: &str) {
        let key = (body.actor.clone(), hour_of(body.time_us));
        self.cut |= !add(&mut self.refused, key, leaf, times, authority);
    }

    /// A case was named.
    pub(super) fn named(&mut self, leaf: u64, body: &LeafBody, authority: &str) {
        let case = &body.case_reference;
        if add(&mut self.cases, case.clone(), leaf, 1, authority) {
            self.by
                .entry(case.clone())
                .or_insert_with(|| (body.actor.clone(), body.time_us));
        } else {
            self.cut = true;
        }
    }

    /// The findings, rule by rule; and whether some were left out.
    pub(super) fn into_list(self) -> (Vec<ReportFinding>, bool) {
        let Self {
            measures,
            unusual,
            many,
            refused,
            cases,
            by,
            cut,
        } = self;
        let mut list = Vec::new();
        list.extend(timed(ReportRule::UnusualHours, unusual, 1));
        list.extend(timed(
            ReportRule::ManyInAnHour,
            many,
            measures.many_in_an_hour,
        ));
        let least = measures.refused_in_an_hour;
        list.extend(timed(ReportRule::RefusedInACluster, refused, least));
        let once = cases.into_iter().filter(|(_, sum)| sum.count == 1);
        list.extend(once.map(|(case, sum)| {
            let (actor, at_us) = by.get(&case).cloned().unwrap_or_default();
            finding(ReportRule::CaseNamedOnce, actor, at_us, sum, case)
        }));
        let cut = cut || list.len() > MAX_FINDINGS;
        list.truncate(MAX_FINDINGS);
        (list, cut)
    }
}

fn hour_of(time_us: i64) -> i64 {
    time_us.saturating_sub(time_us.rem_euclid(HOUR_US))
}

/// Adds to a sum; false when there is no room for another.
fn add<K: Ord>(sums: &mut Sums<K>, key: K, leaf: u64, times: u64, authority: &str) -> bool {
    if let Some(sum) = sums.get_mut(&key) {
        sum.add(leaf, times);
        return true;
    }
    if sums.len() >= MAX_SUMS {
        return false;
    }
    let sum = Sum {
        count: times,
        first: leaf,
        last: leaf,
        authority: authority.to_owned(),
    };
    sums.insert(key, sum);
    true
}

fn timed(
    rule: ReportRule,
    sums: Sums<(String, i64)>,
    least: u64,
) -> impl Iterator<Item = ReportFinding> {
    sums.into_iter()
        .filter(move |(_, sum)| sum.count >= least)
        .map(move |((actor, at_us), sum)| finding(rule, actor, at_us, sum, String::new()))
}

fn finding(
    rule: ReportRule,
    actor: String,
    at_us: i64,
    sum: Sum,
    case_reference: String,
) -> ReportFinding {
    ReportFinding {
        rule: rule.into(),
        actor,
        authority: sum.authority,
        at_us,
        count: sum.count,
        first_leaf: sum.first,
        last_leaf: sum.last,
        case_reference,
    }
}
