//! Points in time: microseconds since 1970-01-01T00:00:00Z, passed in and never read from a clock
//! here.

use std::{fmt, ops::Add, time::Duration};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A point in time, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Moment(i64);

impl Moment {
    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The UTC date and time; `None` outside the years -9999 to 9999.
    pub fn utc(self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000).ok()
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }
}

impl From<OffsetDateTime> for Moment {
    fn from(at: OffsetDateTime) -> Self {
        Self(i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX))
    }
}

impl From<Moment> for prost_types::Timestamp {
    fn from(moment: Moment) -> Self {
        Self {
            seconds: moment.0.div_euclid(1_000_000),
            nanos: i32::try_from(moment.0.rem_euclid(1_000_000) * 1000).unwrap_or(0),
        }
    }
}

impl From<&prost_types::Timestamp> for Moment {
    fn from(stamp: &prost_types::Timestamp) -> Self {
        Self(
            stamp
                .seconds
                .saturating_mul(1_000_000)
                .saturating_add(i64::from(stamp.nanos) / 1000),
        )
    }
}

impl fmt::Display for Moment {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.utc().and_then(|at| at.format(&Rfc3339).ok()) {
            Some(text) => f.write_str(&text),
            None => write!(f, "{}us", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_before_and_after_1970() {
        for micros in [-1, 0, 1, 1_795_000_000_123_456] {
            let stamp = prost_types::Timestamp::from(Moment(micros));
            assert_eq!(Moment::from(&stamp), Moment(micros));
        }
        assert_eq!(Moment(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Moment(5).since(Moment(9)), Duration::ZERO);
    }
}
