//! The clocks of one legal instrument, checked.

use std::collections::BTreeSet;

use super::{
    calendar::{Calendar, CalendarFault, shown},
    history::Case,
    show::{goal_name, start_name},
};
use crate::{
    record::unseen::is_unseen,
    wire::record::{
        AgreementProfile, ClockGoal, ClockRule, ClockStart, RefusalGround, Urgency, clock_rule,
    },
};

/// Most clocks in a profile.
pub const MAX_CLOCKS: usize = 32;
/// Longest id, of a profile or a clock.
const MAX_ID: usize = 64;
/// Longest title, in characters.
const MAX_TITLE: usize = 200;
/// Longest source, in characters.
const MAX_SOURCE: usize = 250;
/// Most refusal grounds named.
const MAX_GROUNDS: usize = 64;
/// Longest clock by hours, and farthest warning and escalation: ten years.
const MAX_HOURS: u32 = 87_600;
/// Longest clock by days, and longest extension: ten years.
const MAX_DAYS: u32 = 3_650;

/// Why a profile is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}`{field}`: {what}", clock.map(|at| format!("clock {}, ", at + 1)).unwrap_or_default())]
pub struct ProfileFault {
    /// Position of the clock, from 0; `None` for the profile itself.
    pub clock: Option<usize>,
    /// Field of the message.
    pub field: &'static str,
    /// What is wrong and what is allowed.
    pub what: String,
}

/// Why the terms of a request are not taken. The fault is the issuing node's, or its files'.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsFault {
    /// The profile.
    #[error("the agreement profile is refused: {0}")]
    Profile(#[from] ProfileFault),
    /// The calendar.
    #[error("the calendar is refused: {0}")]
    Calendar(#[from] CalendarFault),
    /// There is none.
    #[error("the agreement profile has no calendar")]
    NoCalendar,
}

/// How long a clock runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Hours.
    Hours(u32),
    /// Calendar days.
    CalendarDays(u32),
    /// Working days.
    WorkingDays(u32),
    /// Until the end of the day agreed on.
    AgreedDate,
}

/// One clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// What must have happened when it ends.
    pub goal: ClockGoal,
    /// What starts it.
    pub starts: ClockStart,
    /// Urgencies to which it applies; empty: all.
    pub urgencies: Vec<Urgency>,
    /// How long.
    pub limit: Limit,
    /// Whether it stands still while information is awaited.
    pub pauses: bool,
    /// By how many days it may be extended in all.
    pub extension_days: u32,
    /// Hours before its end at which is warned; 0: not.
    pub warn_hours: u32,
    /// Hours after its end of the second escalation; 0: not.
    pub escalate_hours: u32,
    /// Article, and whether it was checked.
    pub source: String,
}

impl Rule {
    /// Whether it counts for a request: one of its urgency, and with a day agreed on where it runs to one.
    pub(super) fn counts(&self, case: &Case) -> bool {
        self.applies(case.urgency) && (self.limit != Limit::AgreedDate || case.execute_by.is_some())
    }

    /// Whether it applies to a request of that urgency; one that states none is routine.
    fn applies(&self, urgency: Urgency) -> bool {
        let urgency = match urgency {
            Urgency::Unspecified => Urgency::Routine,
            stated => stated,
        };
        self.urgencies.is_empty() || self.urgencies.contains(&urgency)
    }
}

/// The clocks of one instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its id.
    pub id: String,
    /// Name of the instrument.
    pub title: String,
    /// Where the numbers come from.
    pub source: String,
    /// The clocks.
    pub clocks: Vec<Rule>,
    /// Grounds on which may be refused; empty: all.
    pub refusal_grounds: Vec<RefusalGround>,
}

/// A profile and a calendar: by what a request's clocks are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The clocks.
    pub profile: Profile,
    /// The calendar of the executing country.
    pub calendar: Calendar,
}

impl Terms {
    /// Whether a clock of that id counts for a request.
    pub fn counts(&self, case: &Case, clock: &str) -> bool {
        self.profile
            .clocks
            .iter()
            .any(|rule| rule.id == clock && rule.counts(case))
    }
}

impl TryFrom<&AgreementProfile> for Terms {
    type Error = TermsFault;

    fn try_from(wire: &AgreementProfile) -> Result<Self, TermsFault> {
        let calendar = wire.calendar.as_ref().ok_or(TermsFault::NoCalendar)?;
        Ok(Self {
            profile: Profile::try_from(wire)?,
            calendar: Calendar::try_from(calendar)?,
        })
    }
}

/// A field and what is wrong with it.
type Wrong = (&'static str, String);

/// Whether text may be the id of a profile.
pub fn is_profile_id(text: &str) -> bool {
    id(text).is_ok()
}

/// Whether text may be the id of a profile or a clock.
fn id(text: &str) -> Result<(), Wrong> {
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let edge = |b: Option<u8>| b.is_some_and(|b| b != b'-');
    let bytes = text.as_bytes();
    let sound = text.len() <= MAX_ID
        && text.bytes().all(letters)
        && edge(bytes.first().copied())
        && edge(bytes.last().copied());
    if sound {
        return Ok(());
    }
    let what = format!(
        "`{}` is no id: at most {MAX_ID} small letters, digits and hyphens, such as eio-2014-41",
        shown(text)
    );
    Err(("id", what))
}

fn line(field: &'static str, text: &str, most: usize) -> Result<(), Wrong> {
    if text.trim().is_empty() {
        return Err((field, "is missing".to_owned()));
    }
    if text.chars().count() > most || text.chars().any(is_unseen) {
        let what = format!("is not one line of at most {most} characters that can be seen");
        return Err((field, what));
    }
    Ok(())
}

fn at_most(field: &'static str, value: u32, most: u32) -> Result<(), Wrong> {
    if value <= most {
        return Ok(());
    }
    Err((field, format!("is {value}, but may be at most {most}")))
}

/// How far a request is when a goal is reached, or a clock starts.
const fn goal_rank(goal: ClockGoal) -> u8 {
    match goal {
        ClockGoal::Unspecified | ClockGoal::InformationAnswered => 0,
        ClockGoal::Acknowledged => 1,
        ClockGoal::Decided => 2,
        ClockGoal::Executed => 3,
        ClockGoal::Transferred => 4,
        ClockGoal::Returned => 5,
    }
}

const fn start_rank(start: ClockStart) -> u8 {
    match start {
        ClockStart::Unspecified | ClockStart::Received | ClockStart::InformationRequested => 0,
        ClockStart::Acknowledged => 1,
        ClockStart::Recognised => 2,
        ClockStart::Executed => 3,
        ClockStart::Transferred => 4,
    }
}

impl TryFrom<&AgreementProfile> for Profile {
    type Error = ProfileFault;

    fn try_from(wire: &AgreementProfile) -> Result<Self, ProfileFault> {
        let of_profile = |(field, what)| ProfileFault {
            clock: None,
            field,
            what,
        };
        id(&wire.id).map_err(of_profile)?;
        line("title", &wire.title, MAX_TITLE).map_err(of_profile)?;
        line("source", &wire.source, MAX_SOURCE).map_err(of_profile)?;
        if wire.clocks.is_empty() || wire.clocks.len() > MAX_CLOCKS {
            let what = format!(
                "there are {} clocks, but must be 1 to {MAX_CLOCKS}",
                wire.clocks.len()
            );
            return Err(of_profile(("clock", what)));
        }
        let mut clocks = Vec::with_capacity(wire.clocks.len());
        let mut ids = BTreeSet::new();
        for (index, clock) in wire.clocks.iter().enumerate() {
            let of_clock = |(field, what)| ProfileFault {
                clock: Some(index),
                field,
                what,
            };
            let rule = rule(clock).map_err(of_clock)?;
            if !ids.insert(rule.id.clone()) {
                let what = format!("`{}` is the id of a clock before it", rule.id);
                return Err(of_clock(("id", what)));
            }
            clocks.push(rule);
        }
        if wire.refusal_grounds.len() > MAX_GROUNDS {
            let what = format!("at most {MAX_GROUNDS} are allowed");
            return Err(of_profile(("refusal_grounds", what)));
        }
        let mut refusal_grounds = Vec::new();
        for number in &wire.refusal_grounds {
            let ground = RefusalGround::try_from(*number).unwrap_or_default();
            if ground == RefusalGround::Unspecified || refusal_grounds.contains(&ground) {
                let what = format!("{number} is no ground, or given twice");
                return Err(of_profile(("refusal_grounds", what)));
            }
            refusal_grounds.push(ground);
        }
        Ok(Self {
            id: wire.id.clone(),
            title: wire.title.clone(),
            source: wire.source.clone(),
            clocks,
            refusal_grounds,
        })
    }
}

/// Checks one clock.
fn rule(wire: &ClockRule) -> Result<Rule, Wrong> {
    id(&wire.id)?;
    let goal = ClockGoal::try_from(wire.goal).unwrap_or_default();
    if goal == ClockGoal::Unspecified {
        return Err(("goal", "is missing or not known".to_owned()));
    }
    let starts = ClockStart::try_from(wire.starts).unwrap_or_default();
    if starts == ClockStart::Unspecified {
        return Err(("starts", "is missing or not known".to_owned()));
    }
    let asks = starts == ClockStart::InformationRequested;
    let answers = goal == ClockGoal::InformationAnswered;
    if asks != answers || (!asks && start_rank(starts) >= goal_rank(goal)) {
        let what = format!(
            "a clock that starts with {} cannot end with {}",
            start_name(starts),
            goal_name(goal)
        );
        return Err(("starts", what));
    }
    let mut urgencies = Vec::new();
    for number in &wire.urgencies {
        let urgency = Urgency::try_from(*number).unwrap_or_default();
        if urgency == Urgency::Unspecified || urgencies.contains(&urgency) {
            let what = format!("{number} is no urgency, or given twice");
            return Err(("urgencies", what));
        }
        urgencies.push(urgency);
    }
    let limit = limit(wire)?;
    if wire.pauses && answers {
        let what = "an answer's clock runs while information is awaited".to_owned();
        return Err(("pauses", what));
    }
    at_most("extension_days", wire.extension_days, MAX_DAYS)?;
    at_most("warn_hours", wire.warn_hours, MAX_HOURS)?;
    at_most("escalate_hours", wire.escalate_hours, MAX_HOURS)?;
    let hours = match limit {
        Limit::Hours(hours) => Some(hours),
        // A day of 25 hours is no reason to refuse.
        Limit::CalendarDays(days) | Limit::WorkingDays(days) => {
            Some(days.saturating_add(1).saturating_mul(24))
        }
        Limit::AgreedDate => None,
    };
    if let Some(hours) = hours.filter(|hours| wire.warn_hours >= *hours) {
        let what = format!(
            "is {}, which is before a clock of {hours} hours starts",
            wire.warn_hours
        );
        return Err(("warn_hours", what));
    }
    line("source", &wire.source, MAX_SOURCE)?;
    Ok(Rule {
        id: wire.id.clone(),
        goal,
        starts,
        urgencies,
        limit,
        pauses: wire.pauses,
        extension_days: wire.extension_days,
        warn_hours: wire.warn_hours,
        escalate_hours: wire.escalate_hours,
        source: wire.source.clone(),
    })
}

fn limit(wire: &ClockRule) -> Result<Limit, Wrong> {
    use clock_rule::Limit as Wire;
    let (field, value, most, limit) = match wire.limit {
        None => {
            let what =
                "one of `hours`, `calendar_days`, `working_days` and `agreed_date` says how long";
            return Err(("limit", what.to_owned()));
        }
        Some(Wire::Hours(hours)) => ("hours", hours, MAX_HOURS, Limit::Hours(hours)),
        Some(Wire::CalendarDays(days)) => {
            ("calendar_days", days, MAX_DAYS, Limit::CalendarDays(days))
        }
        Some(Wire::WorkingDays(days)) => ("working_days", days, MAX_DAYS, Limit::WorkingDays(days)),
        Some(Wire::AgreedDate(true)) => return Ok(Limit::AgreedDate),
        Some(Wire::AgreedDate(false)) => {
            let what = "is either true or left out".to_owned();
            return Err(("agreed_date", what));
        }
    };
    if value == 0 {
        return Err((field, "is 0, but must be at least 1".to_owned()));
    }
    at_most(field, value, most)?;
    Ok(limit)
}
