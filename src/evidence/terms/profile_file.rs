//! `profiles/*.toml`: the clocks of a legal instrument.
//!
//! ```toml
//! id = "uz-kz-2024"
//! title = "Treaty of 2024 on legal assistance between Uzbekistan and Kazakhstan"
//! source = "The treaty's articles, checked against its text"
//! refusal_grounds = ["T_B_SOVEREIGNTY"]   # left out: all
//!
//! [[clock]]
//! id = "execute"
//! goal = "EXECUTED"            # ACKNOWLEDGED, DECIDED, EXECUTED, TRANSFERRED, INFORMATION_ANSWERED, RETURNED
//! starts = "RECEIVED"          # ACKNOWLEDGED, RECOGNISED, INFORMATION_REQUESTED, EXECUTED, TRANSFERRED
//! urgencies = ["ROUTINE"]      # left out: all
//! working_days = 30            # or hours, calendar_days, or agreed_date = true
//! pauses = true                # while information is awaited from the issuing side
//! extension_days = 15          # in all; left out: none
//! warn_hours = 72              # before its end
//! escalate_hours = 48          # after its end, a second time
//! source = "Art. 12"
//! ```

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::{
    profile::{Profile, ProfileFault},
    reader::{Reader, TermsError},
    show::{goal_name, ground_name, start_name, urgency_name},
};
use crate::wire::record::{
    AgreementProfile, ClockGoal, ClockRule, ClockStart, RefusalGround, Urgency,
    clock_rule::Limit as Wire,
};

const GOALS: [ClockGoal; 6] = [
    ClockGoal::Acknowledged,
    ClockGoal::Decided,
    ClockGoal::Executed,
    ClockGoal::Transferred,
    ClockGoal::InformationAnswered,
    ClockGoal::Returned,
];

const STARTS: [ClockStart; 6] = [
    ClockStart::Received,
    ClockStart::Acknowledged,
    ClockStart::Recognised,
    ClockStart::InformationRequested,
    ClockStart::Executed,
    ClockStart::Transferred,
];

const URGENCIES: [Urgency; 4] = [
    Urgency::Routine,
    Urgency::Urgent,
    Urgency::UrgentDirect,
    Urgency::Emergency,
];

/// Numbers of refusal grounds end below it.
const GROUNDS_END: i32 = 128;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: Spanned<String>,
    title: Spanned<String>,
    source: Spanned<String>,
    #[serde(default)]
    refusal_grounds: Vec<Spanned<String>>,
    #[serde(default)]
    clock: Vec<Spanned<Clock>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    id: Spanned<String>,
    goal: Spanned<String>,
    starts: Spanned<String>,
    #[serde(default)]
    urgencies: Vec<Spanned<String>>,
    hours: Option<Spanned<u32>>,
    calendar_days: Option<Spanned<u32>>,
    working_days: Option<Spanned<u32>>,
    agreed_date: Option<Spanned<bool>>,
    pauses: Option<Spanned<bool>>,
    extension_days: Option<Spanned<u32>>,
    warn_hours: Option<Spanned<u32>>,
    escalate_hours: Option<Spanned<u32>>,
    source: Spanned<String>,
}

/// Reads one profile; `file` is how people are told of it. The message has no calendar yet.
///
/// # Errors
/// [`TermsError`] naming the line.
pub fn parse(file: &str, text: &str) -> Result<AgreementProfile, TermsError> {
    let reader = Reader { file, text };
    let raw: File = toml::from_str(text).map_err(|error| reader.toml(&error))?;
    let mut clocks = Vec::new();
    for clock in &raw.clock {
        clocks.push(rule(&reader, clock)?);
    }
    let grounds: Vec<RefusalGround> = (1..GROUNDS_END)
        .filter_map(|number| RefusalGround::try_from(number).ok())
        .collect();
    let mut refusal_grounds = Vec::new();
    for name in &raw.refusal_grounds {
        let ground = reader.code(name, "refusal ground", &grounds, ground_name)?;
        refusal_grounds.push(ground.into());
    }
    let wire = AgreementProfile {
        id: raw.id.get_ref().clone(),
        title: raw.title.get_ref().clone(),
        source: raw.source.get_ref().clone(),
        clocks,
        calendar: None,
        refusal_grounds,
    };
    match Profile::try_from(&wire) {
        Ok(_) => Ok(wire),
        Err(fault) => {
            let span = raw.span(&fault);
            let what = format!("`{}`: {}", fault.field, fault.what);
            Err(reader.fault(span, what))
        }
    }
}

fn rule(reader: &Reader<'_>, spanned: &Spanned<Clock>) -> Result<ClockRule, TermsError> {
    let clock = spanned.get_ref();
    let value = |value: &Option<Spanned<u32>>| value.as_ref().map(|value| *value.get_ref());
    let limits = [
        value(&clock.hours).map(Wire::Hours),
        value(&clock.calendar_days).map(Wire::CalendarDays),
        value(&clock.working_days).map(Wire::WorkingDays),
        clock
            .agreed_date
            .as_ref()
            .map(|agreed| Wire::AgreedDate(*agreed.get_ref())),
    ];
    let mut limits = limits.into_iter().flatten();
    let limit = limits.next();
    if limits.next().is_some() {
        let what = "a clock has one of `hours`, `calendar_days`, `working_days` and `agreed_date`";
        return Err(reader.fault(clock.id.span(), what));
    }
    let mut urgencies = Vec::new();
    for name in &clock.urgencies {
        let urgency = reader.code(name, "urgency", &URGENCIES, urgency_name)?;
        urgencies.push(urgency.into());
    }
    Ok(ClockRule {
        id: clock.id.get_ref().clone(),
        goal: reader.code(&clock.goal, "goal", &GOALS, goal_name)?.into(),
        starts: reader
            .code(&clock.starts, "start", &STARTS, start_name)?
            .into(),
        urgencies,
        limit,
        pauses: clock
            .pauses
            .as_ref()
            .is_some_and(|pauses| *pauses.get_ref()),
        extension_days: value(&clock.extension_days).unwrap_or(0),
        warn_hours: value(&clock.warn_hours).unwrap_or(0),
        escalate_hours: value(&clock.escalate_hours).unwrap_or(0),
        source: clock.source.get_ref().clone(),
    })
}

impl File {
    /// Where a fault stands.
    fn span(&self, fault: &ProfileFault) -> Range<usize> {
        let Some(clock) = fault.clock.and_then(|index| self.clock.get(index)) else {
            return match fault.field {
                "title" => self.title.span(),
                "source" => self.source.span(),
                "refusal_grounds" => self
                    .refusal_grounds
                    .first()
                    .map_or(self.id.span(), Spanned::span),
                _ => self.id.span(),
            };
        };
        let of = clock.get_ref();
        let number = |value: &Option<Spanned<u32>>| value.as_ref().map(Spanned::span);
        let found = match fault.field {
            "goal" => Some(of.goal.span()),
            "starts" => Some(of.starts.span()),
            "urgencies" => of.urgencies.first().map(Spanned::span),
            "hours" => number(&of.hours),
            "calendar_days" => number(&of.calendar_days),
            "working_days" => number(&of.working_days),
            "agreed_date" => of.agreed_date.as_ref().map(Spanned::span),
            "pauses" => of.pauses.as_ref().map(Spanned::span),
            "extension_days" => number(&of.extension_days),
            "warn_hours" => number(&of.warn_hours),
            "escalate_hours" => number(&of.escalate_hours),
            "source" => Some(of.source.span()),
            _ => None,
        };
        found.unwrap_or_else(|| of.id.span())
    }
}
