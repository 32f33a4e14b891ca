//! Terms until agreements name them.
use crate::{
    record::Country,
    wire::record::{
        AgreementProfile, ClockGoal, ClockRule, ClockStart, WorkingCalendar, clock_rule::Limit,
    },
};

use super::{super::Node, TermsFault};

pub(super) fn terms_for(
    _node: &Node,
    country: Country,
    profile: &str,
) -> Result<AgreementProfile, TermsFault> {
    if profile != "untoc-art18" {
        return Err(TermsFault::NotAgreed {
            country,
            profile: profile
                .chars()
                .filter(|c| !c.is_control())
                .take(64)
                .collect(),
            allowed: vec!["untoc-art18".to_owned()],
        });
    }
    Ok(AgreementProfile {
        id: profile.to_owned(),
        title: "United Nations Convention against Transnational Organized Crime, Art. 18"
            .to_owned(),
        clocks: vec![ClockRule {
            id: "acknowledge".to_owned(),
            goal: ClockGoal::Acknowledged.into(),
            starts: ClockStart::Received.into(),
            limit: Some(Limit::CalendarDays(10)),
            ..ClockRule::default()
        }],
        calendar: Some(WorkingCalendar {
            country: country.code().to_owned(),
            time_zone: "UTC".to_owned(),
            rest_days: vec![6, 7],
            ..WorkingCalendar::default()
        }),
        ..AgreementProfile::default()
    })
}
