//! `comity case timeline REF`.

use clap::Args;

use crate::{
    client::Client,
    record::Moment,
    wire::{
        json,
        node::{
            EvidenceState, JointCaseEvent, ListJointCaseEventsRequest, joint_case_event::Event,
        },
    },
};

use super::super::{Target, exit::Failure, out::Out, out::moment};

/// Records asked for at a time.
const PAGE: u32 = 200;

/// Show what is in a joint case, in time order.
#[derive(Debug, Args)]
pub(in crate::cli) struct Timeline {
    #[command(flatten)]
    target: Target,
    /// Reference of any of its versions.
    reference: String,
}

/// Every event of a joint case, in time order.
pub(super) async fn events(
    client: &mut Client,
    reference: &str,
) -> Result<Vec<JointCaseEvent>, Failure> {
    let (mut events, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListJointCaseEventsRequest {
            reference: reference.to_owned(),
            page_size: PAGE,
            page_token,
        };
        let page = client.joint_cases.list_joint_case_events(request).await?;
        let page = page.into_inner();
        events.extend(page.events);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    // What happens at one time stays in the order in which it came.
    events.sort_by_key(|of| of.time_us);
    Ok(events)
}

impl Timeline {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let events = events(&mut client, &self.reference).await?;
        if out.json() {
            for event in &events {
                out.value(&event_json(event)?)?;
            }
            return Ok(());
        }
        let rows = events.iter().map(row);
        out.table(&["WHEN", "WHAT", "RECORD", "STATE", "SAYS"], rows.collect())
    }
}

/// An event as JSON, with digests in hexadecimal as everywhere else.
fn event_json(event: &JointCaseEvent) -> Result<serde_json::Value, Failure> {
    let mut value = json::to_json("comity.node.v1.JointCaseEvent", event)?;
    let (name, digest) = match &event.event {
        Some(Event::Record(of)) => ("record", &of.header_digest),
        Some(Event::Request(of)) => ("request", &of.header_digest),
        _ => return Ok(value),
    };
    if let Some(of) = value.get_mut(name).and_then(|of| of.as_object_mut()) {
        of.insert("headerDigest".to_owned(), hex::encode(digest).into());
    }
    Ok(value)
}

fn row(of: &JointCaseEvent) -> Vec<String> {
    let [what, state, says] = match &of.event {
        Some(Event::Record(record)) => [
            record.kind.clone(),
            match record.exercise {
                true => "exercise".to_owned(),
                false => String::new(),
            },
            record.title.clone(),
        ],
        Some(Event::Request(case)) => [
            "request".to_owned(),
            state(case.state()),
            case.title.clone(),
        ],
        Some(Event::Meeting(event)) => {
            let meeting = event.meeting.clone().unwrap_or_default();
            let mut state = match meeting.cancelled {
                true => "cancelled".to_owned(),
                false => String::new(),
            };
            if event.amended > 0 && state.is_empty() {
                state = format!("amended {}×", event.amended);
            }
            let place = [meeting.place, meeting.link];
            let place: Vec<String> = place.into_iter().filter(|of| !of.is_empty()).collect();
            let says = format!("{} ({})", event.title, place.join(", "));
            ["meeting".to_owned(), state, says]
        }
        Some(Event::Decision(text)) => ["decision".to_owned(), String::new(), text.clone()],
        Some(Event::FollowUp(of)) => [
            "due".to_owned(),
            if of.done { "done" } else { "open" }.to_owned(),
            format!("{}/{}: {}", of.country, of.authority, of.what),
        ],
        None => [String::new(), String::new(), String::new()],
    };
    vec![
        moment(Moment::from_micros(of.time_us)),
        what,
        of.reference.clone(),
        state,
        says,
    ]
}

fn state(state: EvidenceState) -> String {
    let name = state.as_str_name();
    let name = name.strip_prefix("EVIDENCE_STATE_").unwrap_or(name);
    name.to_lowercase().replace('_', " ")
}
