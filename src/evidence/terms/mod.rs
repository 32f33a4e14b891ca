//! Agreement profiles, calendars, and the clocks of a request for evidence. Pure.
//!
//! A *profile* says which clocks a legal instrument gives; a *calendar* says which days are worked in the
//! executing country, and its time zone. Both are data files (`profiles/*.toml`, `calendars/*.toml`):
//! those built in, and those of a node's home, which replace built-in ones of the same name. The issuing
//! node puts both into the request as [`AgreementProfile`](crate::wire::record::AgreementProfile), so that
//! the two sides count by the same text: [`clocks`] gives the same answer at both from the same steps,
//! whatever the local zone of the machine and whatever files it has itself.
//!
//! How time is counted, after Regulation (EEC, Euratom) No 1182/71 where an instrument says nothing else:
//!
//! - *Hours* run through nights, rest days and holidays, and by absolute time through daylight saving.
//! - *Days* are days of the calendar's zone. The day on which the clock starts is not counted; it ends
//!   with the last hour of the last day. Where that is a rest day or a holiday, it ends with the next
//!   working day. *Working days* count none that are not worked.
//! - An *agreed date* ends with that day, whatever day it is.
//! - A clock that *pauses* stands still from a question to its answer. Of a clock by hours the time does
//!   not count; of one by days no day does on which it stood still, even for a part. So a pause moves the
//!   end further away or leaves it, and never brings it nearer.
//! - A postponement holds what comes after the decision, whatever the profile says of pauses, until the
//!   executing side goes on or until the day it named.
//! - What is done at the very moment at which a clock ends is in time.

mod builtin;
mod calendar;
mod calendar_file;
mod clock;
mod compare;
mod count;
mod extension;
mod history;
pub mod ics;
mod profile;
mod profile_file;
mod reader;
mod set;
mod show;
mod work;

pub use builtin::{builtin_calendars, builtin_profiles};
pub use calendar::{Calendar, CalendarFault};
pub use calendar_file::{CalendarFile, parse as parse_calendar};
pub use clock::{Alert, Clock, Clocks, State, clocks, obliged};
pub use compare::differences;
pub use extension::{Extension, ExtensionFault, Granted, judge as judge_extension};
pub use history::{Case, Event, Happened, History};
pub use profile::{
    Limit, MAX_CLOCKS, Profile, ProfileFault, Rule, Terms, TermsFault, is_profile_id,
};
pub use profile_file::parse as parse_profile;
pub use reader::{MAX_FILE_BYTES, TermsError};
pub use set::{Held, NoTerms, Origin, TermsSet};
pub use show::{goal_name, ground_name, limit_words, start_name, urgency_name};

#[cfg(test)]
mod tests;
