//! Where a subscription begins or goes on: `beginning`, `now`, a position, a time.

use std::{fmt, str::FromStr};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    record::Moment,
    wire::node::{SubscriptionPosition, SubscriptionStart, subscription_start::At},
};

/// Where a subscription begins or goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Start(At);

/// A text that is no start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write beginning, now, a position such as 412.7, or a time such as 2026-03-01T00:00:00Z")]
pub(super) struct StartError;

impl FromStr for Start {
    type Err = StartError;

    fn from_str(text: &str) -> Result<Self, StartError> {
        let text = text.trim();
        Ok(Self(match text {
            "beginning" => At::Beginning(true),
            "now" => At::Now(true),
            text => match position(text) {
                Some(position) => At::After(position),
                None => {
                    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| StartError)?;
                    At::TimeUs(Moment::from(time).micros())
                }
            },
        }))
    }
}

fn position(text: &str) -> Option<SubscriptionPosition> {
    let (number, gone) = text.split_once('.')?;
    let plain = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    Some(SubscriptionPosition {
        number: plain(number)?,
        gone: plain(gone)?,
    })
}

impl From<Start> for SubscriptionStart {
    fn from(start: Start) -> Self {
        Self { at: Some(start.0) }
    }
}

/// A position as people write it.
pub(super) struct Shown(pub(super) Option<SubscriptionPosition>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = self.0.unwrap_or_default();
        write!(f, "{}.{}", position.number, position.gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_word_a_position_or_a_time() {
        let of = |text: &str| text.parse::<Start>().map(|start| start.0);
        assert_eq!(of("beginning"), Ok(At::Beginning(true)));
        assert_eq!(of(" now "), Ok(At::Now(true)));
        let position = SubscriptionPosition {
            number: 412,
            gone: 7,
        };
        assert_eq!(of("412.7"), Ok(At::After(position)));
        assert_eq!(Shown(Some(position)).to_string(), "412.7");
        assert_eq!(of("1970-01-01T05:00:01+05:00"), Ok(At::TimeUs(1_000_000)));
        for wrong in ["", "yesterday", "412", "1.", "-1.0", "2026-03-01"] {
            assert_eq!(of(wrong), Err(StartError), "{wrong}");
        }
    }
}
