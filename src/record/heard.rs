//! How long a country may not have been heard before what it sent is used no more. A consent, a
//! marking or the record itself may have been withdrawn meanwhile. Pure.

use std::time::Duration;

use super::Moment;

/// When a country was heard last: its control lane was carried out as far as it said that it
/// reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// By this node's clock.
    pub at: Moment,
    /// How long ago at least, by a clock that nobody sets; zero where only `at` is known.
    pub elapsed: Duration,
}

/// How far a time may lie ahead of the present before the clock counts as set back.
const SET_BACK: Duration = Duration::from_secs(300);

/// Whether a country was heard within `most`. Of two clocks the one that says longer counts; a clock
/// that was set back says nothing.
pub fn is_recent(heard: Option<Heard>, now: Moment, most: Duration) -> bool {
    let Some(Heard { at, elapsed }) = heard else {
        return false;
    };
    at <= now + SET_BACK && elapsed.max(now.since(at)) <= most
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const AT: Moment = Moment::from_micros(1_780_315_200_000_000);

    fn heard(elapsed: Duration) -> Option<Heard> {
        Some(Heard { at: AT, elapsed })
    }

    #[test]
    fn the_bound_is_kept_by_either_clock() {
        let zero = Duration::ZERO;
        assert!(!is_recent(None, AT, HOUR));
        assert!(is_recent(heard(zero), AT, HOUR));
        assert!(is_recent(heard(zero), AT + HOUR, HOUR));
        let later = AT + HOUR + Duration::from_micros(1);
        assert!(!is_recent(heard(zero), later, HOUR));
        // The wall clock stood still, or was set back a little.
        assert!(!is_recent(heard(HOUR + HOUR), AT, HOUR));
        let little = Moment::from_micros(AT.micros() - 299_000_000);
        assert!(is_recent(heard(zero), little, HOUR));
        let far = Moment::from_micros(AT.micros() - 301_000_000);
        assert!(!is_recent(heard(zero), far, HOUR));
    }

    proptest! {
        #[test]
        fn longer_ago_is_never_more_recent(
            us in 0_i64..10_000_000_000, more in 0_i64..10_000_000_000, elapsed in 0_u64..7200,
        ) {
            let now = Moment::from_micros(AT.micros() + us);
            let later = Moment::from_micros(now.micros() + more);
            let heard = heard(Duration::from_secs(elapsed));
            prop_assert!(is_recent(heard, now, HOUR) || !is_recent(heard, later, HOUR));
        }
    }
}
