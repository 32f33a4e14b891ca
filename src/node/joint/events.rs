//! The timeline of a joint case: what belongs to it here, as far as its caller may see it.

use std::sync::Arc;

use crate::{
    access::{Permit, act},
    inbox::joint_cases,
    ledger::Shown,
    record::{
        Moment, Reference,
        joint::{end_of_day, joint_case},
    },
    wire::{
        node::{JointCaseEvent, MeetingEvent, RecordState, RecordSummary, joint_case_event::Event},
        record::{Meeting, Record, situation::Kind},
    },
};

use super::{
    super::{
        Node, NodeError,
        evidence::is_request,
        listing::OfficerTag,
        read::{MAX_PAGE, ReadError, blocking},
    },
    JointError,
};

impl Node {
    /// What belongs to a joint case, record by record from a local number on; and the number to go on
    /// from, where there may be more. Of an amended record the newest version alone is shown, of the
    /// case itself every one. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`JointError`].
    pub async fn joint_case_events(
        self: &Arc<Self>,
        reference: Reference,
        after: u64,
        limit: usize,
        permit: Permit<act::Read>,
    ) -> Result<(Vec<JointCaseEvent>, Option<u64>), JointError> {
        let (tag, newest) = self.named_joint_case(reference).await?;
        let (node, by) = (Arc::clone(self), permit.clone());
        let officer = self.person(&permit.actor());
        let limit = limit.clamp(1, MAX_PAGE);
        let found = blocking(move || {
            if let Err(refused) = node.reached_number(&by, &reference, newest) {
                return Ok(Err(refused));
            }
            let numbers = joint_cases::records(&node.store, &tag, after, limit)?;
            let next = (numbers.len() == limit).then(|| numbers.last().copied());
            let mut found = Vec::new();
            for number in numbers {
                found.extend(node.case_events(number, &by, &officer)?);
            }
            Ok(Ok((found, next.flatten())))
        });
        let (found, next) = found
            .await
            .map_err(|error| ReadError::of(reference, error))??;
        let shown = found
            .iter()
            .map(|(summary, _)| (summary.number, &summary.header_digest));
        self.listed(&permit, "joint-case-events", Shown::of(shown))
            .await?;
        let events = found.into_iter().flat_map(|(_, events)| events);
        Ok((events.collect(), next))
    }

    /// The events of a record, where whoever asks may see it.
    fn case_events(
        &self,
        number: u64,
        permit: &Permit<act::Read>,
        officer: &OfficerTag,
    ) -> Result<Option<(RecordSummary, Vec<JointCaseEvent>)>, NodeError> {
        let Some(summary) = self.listing(number, false, permit, officer)? else {
            return Ok(None);
        };
        let stored = match self.stored(number) {
            Err(error) if error.is_damage() => return Ok(None),
            other => other?,
        };
        let record = match self.open_stored(&stored) {
            Err(NodeError::Holding(_)) => return Ok(None),
            other => other?,
        };
        let counts = matches!(summary.state(), RecordState::Current | RecordState::Pending);
        if !counts && joint_case(&record).is_none() {
            return Ok(None);
        }
        // Where its submitter wants to be told why it is read, a reading with a purpose opens it.
        let told = record.marking.as_ref().is_some_and(|of| of.tell_purpose);
        // Who may only list it is told that there is a meeting.
        let subject = self.subject_of(&stored, &record)?;
        let opens = permit.reach(&subject).is_allowed();
        let events = match meeting_of(&record).filter(|_| !told && opens) {
            Some(meeting) => {
                let versions = self.versions(number)?;
                let amended = u32::try_from(versions.len().saturating_sub(1)).unwrap_or(u32::MAX);
                meeting_events(&summary, meeting, amended)
            }
            None if is_request(&record) => match self.seen_case(number, permit)? {
                Some(case) => vec![event(&summary, summary.submitted_us, Event::Request(case))],
                None => Vec::new(),
            },
            None => {
                let record = Event::Record(summary.clone());
                vec![event(&summary, summary.submitted_us, record)]
            }
        };
        Ok(Some((summary, events)))
    }
}

fn meeting_of(record: &Record) -> Option<&Meeting> {
    match record.situation.as_ref()?.kind.as_ref()? {
        Kind::Meeting(of) => Some(of),
        _ => None,
    }
}

fn event(summary: &RecordSummary, time_us: i64, event: Event) -> JointCaseEvent {
    JointCaseEvent {
        time_us,
        reference: summary.reference.clone(),
        event: Some(event),
    }
}

/// A meeting, what it decided when it ended, and what is due after it.
fn meeting_events(summary: &RecordSummary, meeting: &Meeting, amended: u32) -> Vec<JointCaseEvent> {
    let micros = |stamp: Option<&prost_types::Timestamp>| {
        stamp.map_or(summary.submitted_us, |at| Moment::from(at).micros())
    };
    let begins = Event::Meeting(MeetingEvent {
        title: summary.title.clone(),
        meeting: Some(meeting.clone()),
        amended,
    });
    let mut events = vec![event(summary, micros(meeting.start.as_ref()), begins)];
    let end = micros(meeting.end.as_ref());
    let decisions = meeting.decisions.iter();
    events.extend(decisions.map(|of| event(summary, end, Event::Decision(of.clone()))));
    events.extend(meeting.follow_ups.iter().map(|of| {
        let due = end_of_day(&of.due, &meeting.time_zone);
        let due = due.map_or(end, Moment::micros);
        event(summary, due, Event::FollowUp(of.clone()))
    }));
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::record::FollowUp;

    #[test]
    fn a_meeting_has_its_decisions_at_its_end_and_each_follow_up_at_its_day() {
        let at = |second: i64| Some(Moment::from_micros(second * 1_000_000).into());
        let meeting = Meeting {
            start: at(1_000),
            end: at(2_000),
            time_zone: "Asia/Tashkent".to_owned(),
            decisions: vec!["first".to_owned(), "second".to_owned()],
            follow_ups: vec![FollowUp {
                due: "1970-01-02".to_owned(),
                ..FollowUp::default()
            }],
            ..Meeting::default()
        };
        let summary = RecordSummary {
            reference: "UZ-26-000412-H".to_owned(),
            ..RecordSummary::default()
        };
        let events = meeting_events(&summary, &meeting, 1);
        let times: Vec<i64> = events.iter().map(|of| of.time_us / 1_000_000).collect();
        // In 1970 the day ended there six hours before it did in Greenwich.
        assert_eq!(times, [1_000, 2_000, 2_000, 2 * 86_400 - 6 * 3_600]);
        assert!(events.iter().all(|of| of.reference == summary.reference));
    }
}
