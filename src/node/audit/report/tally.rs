//! Counting leaves for a report. Pure: the same leaves give the same report.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    access::{PrincipalKind, purpose_word},
    record::compartments::label_name,
    wire::{
        ledger::{Action, LeafBody, ReadingPurpose},
        node::{
            AuditReport, ReportAct, ReportActs, ReportApproval, ReportDimension, ReportMeasures,
            ReportReadings, ReportRefusal, ReportTotal,
        },
        record::CompartmentLabel,
    },
};

use super::{super::acts::Register, findings::Findings};

/// Different keys of a total at most; what is beyond is counted under [`OTHERS`].
const MAX_KEYS: usize = 2000;
/// Acts listed in full at most, the newest.
const MAX_ACTS: usize = 500;
/// Refusals listed at most: one for each person, action and reason.
const MAX_REFUSALS: usize = 1000;
/// Whoever or whatever has no total of its own.
const OTHERS: &str = "others";

/// Acts listed in full.
#[derive(Debug, Default)]
struct Acts {
    count: u64,
    newest: VecDeque<ReportAct>,
}

impl Acts {
    fn take(&mut self, act: ReportAct) {
        self.count = self.count.saturating_add(1);
        if self.newest.len() >= MAX_ACTS {
            self.newest.pop_front();
        }
        self.newest.push_back(act);
    }

    fn is_cut(&self) -> bool {
        u64::try_from(self.newest.len()).unwrap_or(u64::MAX) < self.count
    }

    fn into_acts(self) -> ReportActs {
        ReportActs {
            count: self.count,
            acts: self.newest.into_iter().rev().collect(),
        }
    }
}

/// What was asked of a second person: how often, and by whom.
#[derive(Debug, Default)]
struct Asked {
    count: u64,
    persons: BTreeSet<String>,
}

/// Counts leaves.
#[derive(Debug)]
pub(super) struct Tally {
    register: Register,
    readings: ReportReadings,
    totals: BTreeMap<(i32, String), (u64, String)>,
    keys: BTreeMap<i32, usize>,
    victims: Acts,
    exports: Acts,
    principals: Acts,
    own_keys: Acts,
    approvals: BTreeMap<String, Asked>,
    refusals: BTreeMap<(String, String, String), u64>,
    findings: Findings,
    measures: ReportMeasures,
    cut: bool,
}

impl Tally {
    pub(super) fn new(measures: ReportMeasures, register: Register) -> Self {
        Self {
            register,
            readings: ReportReadings::default(),
            totals: BTreeMap::new(),
            keys: BTreeMap::new(),
            victims: Acts::default(),
            exports: Acts::default(),
            principals: Acts::default(),
            own_keys: Acts::default(),
            approvals: BTreeMap::new(),
            refusals: BTreeMap::new(),
            findings: Findings::new(measures),
            measures,
            cut: false,
        }
    }

    /// Takes a leaf, in the order of the ledger.
    pub(super) fn take(&mut self, leaf: u64, body: &LeafBody) {
        match body.detail.as_str() {
            "certificate-issued" | "certificate-renewed" | "certificate-revoked" => {
                self.principals.take(self.act(leaf, body));
            }
            detail if body.action() == Action::Key && detail.ends_with("-key-rotated") => {
                self.own_keys.take(self.act(leaf, body));
            }
            _ => {}
        }
        if is_about_approval(&body.detail) {
            let asked = self.approvals.entry(body.detail.clone()).or_default();
            asked.count = asked.count.saturating_add(1);
            if asked.persons.len() < MAX_KEYS {
                asked.persons.insert(body.actor.clone());
            }
        }
        if !is_person(&body.actor) {
            return;
        }
        let refused = body.action() == Action::Refusal && body.detail.starts_with("refused");
        let times = if refused { body.count.max(1) } else { 1 };
        let authority = self.authority_of(body);
        let dimension = |of: ReportDimension| i32::from(of);
        let shown = if authority.is_empty() {
            "none"
        } else {
            &authority
        };
        self.count(dimension(ReportDimension::Authority), shown, times, "");
        self.count(
            dimension(ReportDimension::Person),
            &body.actor,
            times,
            &authority,
        );
        self.count(dimension(ReportDimension::Action), &body.detail, times, "");
        if refused {
            self.refused(body, times);
            self.findings.refused(leaf, body, times, &authority);
            return;
        }
        if body.reading_purpose() != ReadingPurpose::Unspecified {
            let word = purpose_word(body.reading_purpose());
            self.count(dimension(ReportDimension::Purpose), word, 1, "");
        }
        // What a scan looks into was counted when it began.
        let again = body.detail == "subject-scanned";
        let labels = body.compartments.iter().filter(|_| !again);
        let labels: Vec<CompartmentLabel> = labels
            .filter_map(|label| CompartmentLabel::try_from(i32::try_from(*label).ok()?).ok())
            .collect();
        for label in &labels {
            let name = label_name(*label);
            self.count(dimension(ReportDimension::Compartment), name, 1, "");
        }
        self.read(leaf, body, &labels, &authority);
    }

    /// What was read, and what left the node.
    fn read(&mut self, leaf: u64, body: &LeafBody, labels: &[CompartmentLabel], authority: &str) {
        let opened = body.action() == Action::Consultation && body.detail == "read";
        let counted = match (body.action(), body.detail.as_str()) {
            (Action::Consultation, "read") => Some(&mut self.readings.opened),
            (Action::Consultation, "listed" | "watches" | "watched") => {
                Some(&mut self.readings.lists)
            }
            (Action::Consultation, "searched" | "subject-scan-begun")
            | (Action::Combination, _) => Some(&mut self.readings.searches),
            (Action::Consultation, detail) if detail.starts_with("audit-") => {
                Some(&mut self.readings.audits)
            }
            // The end of a scan that was counted when it began.
            (Action::Consultation, "subject-scanned") => None,
            (Action::Consultation, _) => Some(&mut self.readings.tracked),
            _ => None,
        };
        if let Some(counted) = counted {
            *counted = counted.saturating_add(1);
        }
        let disclosed = body.action() == Action::Disclosure;
        if disclosed {
            self.exports.take(self.act(leaf, body));
        }
        let scanned = body.detail == "subject-scan-begun";
        if (opened || disclosed || scanned) && labels.contains(&CompartmentLabel::Victims) {
            self.victims.take(self.act(leaf, body));
        }
        let left = ["court-export", "cap-export", "geojson-export", "csv-export"];
        if opened || left.contains(&body.detail.as_str()) {
            self.findings.opened(leaf, body, authority);
        }
        if !body.case_reference.is_empty() {
            self.findings.named(leaf, body, authority);
        }
    }

    fn refused(&mut self, body: &LeafBody, times: u64) {
        self.readings.refused = self.readings.refused.saturating_add(times);
        let mut key = (
            body.actor.clone(),
            body.detail.clone(),
            body.purpose.clone(),
        );
        if !self.refusals.contains_key(&key) && self.refusals.len() >= MAX_REFUSALS {
            self.cut = true;
            key = (OTHERS.to_owned(), String::new(), String::new());
        }
        let sum = self.refusals.entry(key).or_default();
        *sum = sum.saturating_add(times);
    }

    fn count(&mut self, dimension: i32, key: &str, times: u64, authority: &str) {
        let mut of = (dimension, key.to_owned());
        if !self.totals.contains_key(&of) {
            let keys = self.keys.entry(dimension).or_default();
            if *keys >= MAX_KEYS {
                self.cut = true;
                OTHERS.clone_into(&mut of.1);
            } else {
                *keys = keys.saturating_add(1);
            }
        }
        let (sum, known) = self.totals.entry(of).or_default();
        *sum = sum.saturating_add(times);
        authority.clone_into(known);
    }

    /// The authority that a leaf names, or else the register.
    fn authority_of(&self, body: &LeafBody) -> String {
        let known = self.register.get(&body.actor);
        match known {
            Some((authority, _)) if body.authority.is_empty() && body.roles.is_empty() => {
                authority.clone()
            }
            _ => body.authority.clone(),
        }
    }

    fn act(&self, leaf: u64, body: &LeafBody) -> ReportAct {
        ReportAct {
            leaf,
            time_us: body.time_us,
            actor: body.actor.clone(),
            authority: self.authority_of(body),
            detail: body.detail.clone(),
            reference: body.reference.clone(),
            reading_purpose: body.reading_purpose,
            case_reference: body.case_reference.clone(),
            compartments: body.compartments.clone(),
            peer: body.peer.clone(),
            about: body.about.clone(),
        }
    }

    /// Writes what was counted into a report.
    pub(super) fn into_report(self, report: AuditReport) -> AuditReport {
        let listed = [
            &self.victims,
            &self.exports,
            &self.principals,
            &self.own_keys,
        ];
        let (findings, findings_cut) = self.findings.into_list();
        let cut = self.cut || findings_cut || listed.iter().any(|acts| acts.is_cut());
        let mut totals: Vec<ReportTotal> = self
            .totals
            .into_iter()
            .map(|((dimension, key), (count, authority))| ReportTotal {
                dimension,
                key,
                count,
                authority,
            })
            .collect();
        totals.sort_by(|one, other| {
            let by_count = other.count.cmp(&one.count);
            one.dimension.cmp(&other.dimension).then(by_count)
        });
        AuditReport {
            readings: Some(self.readings),
            totals,
            victims: Some(self.victims.into_acts()),
            exports: Some(self.exports.into_acts()),
            approvals: self
                .approvals
                .into_iter()
                .map(|(detail, asked)| ReportApproval {
                    detail,
                    count: asked.count,
                    persons: u64::try_from(asked.persons.len()).unwrap_or(u64::MAX),
                })
                .collect(),
            refusals: self
                .refusals
                .into_iter()
                .map(|((actor, detail, why), count)| ReportRefusal {
                    actor,
                    detail,
                    why,
                    count,
                })
                .collect(),
            principals: Some(self.principals.into_acts()),
            keys: Some(self.own_keys.into_acts()),
            findings,
            measures: Some(self.measures),
            cut,
            ..report
        }
    }
}

/// Whether the ledger names a person of a country so, or a case system: `UZ/officer/n.karimova`.
fn is_person(actor: &str) -> bool {
    let kind = actor.split('/').nth(1).unwrap_or_default();
    kind.parse::<PrincipalKind>().is_ok() && actor.split('/').count() == 3
}

/// Whether a leaf says what became of something that needs two persons.
fn is_about_approval(detail: &str) -> bool {
    let ends = [
        "-asked",
        "-approved",
        "-refused",
        "-expired",
        "-used",
        "-voided",
    ];
    ["approved", "approved-done", "voided", "approval-refused"].contains(&detail)
        || ends.iter().any(|end| detail.ends_with(end))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
