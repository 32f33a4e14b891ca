//! The rules for days and times.

use std::time::Duration;

use super::{ValidationContext, at::At, checker::Checker, checker::Fault, date};
use crate::record::{Moment, Rule};

/// How far clocks of one country may be apart.
const TOLERANCE: Duration = Duration::from_secs(300);

impl Checker {
    /// A day, YYYY-MM-DD, or none.
    pub(in crate::record) fn date(&mut self, at: At<'_>, text: &str) -> Option<time::Date> {
        if text.is_empty() {
            return None;
        }
        let date = date::day(text);
        if date.is_none() {
            self.ill_formed(
                at,
                Rule::DateInvalid,
                text,
                "YYYY-MM-DD",
                "a date written YYYY-MM-DD",
            );
        }
        date
    }

    /// Two days, the later not before the earlier; either may be missing.
    pub(in crate::record) fn date_span(
        &mut self,
        (first_at, first): (At<'_>, &str),
        (last_at, last): (At<'_>, &str),
    ) {
        let first = self.date(first_at, first);
        let last = self.date(last_at, last);
        if let (Some(first), Some(last)) = (first, last)
            && last < first
        {
            self.found(
                last_at,
                Rule::DateOrder,
                format!("{last} lies before `{first_at}`, {first}"),
            );
        }
    }

    /// A time that still lies ahead, or none. A destination does not judge whether it does.
    pub(in crate::record) fn deadline(
        &mut self,
        at: At<'_>,
        stamp: Option<&prost_types::Timestamp>,
        context: &ValidationContext<'_>,
    ) {
        let ahead = |when: Moment| when > context.now;
        self.when(at, stamp, context, ahead, "in the future");
    }

    /// A time that has come, or none. A destination does not judge whether it has.
    pub(in crate::record) fn past(
        &mut self,
        at: At<'_>,
        stamp: Option<&prost_types::Timestamp>,
        context: &ValidationContext<'_>,
    ) {
        let come = |when: Moment| when <= context.now + TOLERANCE;
        self.when(at, stamp, context, come, "in the past");
    }

    fn when(
        &mut self,
        at: At<'_>,
        stamp: Option<&prost_types::Timestamp>,
        context: &ValidationContext<'_>,
        good: impl Fn(Moment) -> bool,
        allowed: &str,
    ) {
        let Some(stamp) = stamp else { return };
        if let Some(when) = self.moment(at, stamp)
            && !context.received
            && !good(when)
        {
            let now = context.now;
            let fault = Fault::new(format!("{when} is not {allowed}; it is {now} now"))
                .value(self.aloud(when))
                .allowed([allowed.to_owned()]);
            self.refuse(at, Rule::OutOfRange, fault);
        }
    }

    /// A time that protobuf allows.
    pub(in crate::record) fn moment(
        &mut self,
        at: At<'_>,
        stamp: &prost_types::Timestamp,
    ) -> Option<Moment> {
        // 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
        let seconds = -62_135_596_800..=253_402_300_799;
        if seconds.contains(&stamp.seconds) && (0..1_000_000_000).contains(&stamp.nanos) {
            Some(Moment::from(stamp))
        } else {
            self.found(
                at,
                Rule::DateInvalid,
                "not a time in the years 1 to 9999 with 0 to 999999999 nanoseconds",
            );
            None
        }
    }
}
