//! What kind of record it is, and how it travels.

use crate::wire::{
    envelope::Lane,
    json,
    record::{Marking, Record, Urgency, situation::Kind, step::Step},
};

/// The name of the record's kind, such as `Route`, or of its step, such as `Recall`; `None` when it
/// states none.
pub fn kind_name(record: &Record) -> Option<&'static str> {
    if let Some(step) = &record.step {
        return step.step.as_ref().map(step_name);
    }
    if record.onward.is_some() {
        return Some("Onward");
    }
    Some(match record.situation.as_ref()?.kind.as_ref()? {
        Kind::Route(_) => "Route",
        Kind::Network(_) => "Network",
        Kind::ModusOperandi(_) => "ModusOperandi",
        Kind::Alert(_) => "Alert",
        Kind::Trend(_) => "Trend",
        Kind::Tip(_) => "Tip",
        Kind::VictimReferral(_) => "VictimReferral",
        Kind::CaseRecord(_) => "CaseRecord",
        Kind::Message(_) => "Message",
        Kind::EvidenceRequest(_) => "EvidenceRequest",
        Kind::SpontaneousInformation(_) => "SpontaneousInformation",
        Kind::JointCase(_) => "JointCase",
        Kind::Meeting(_) => "Meeting",
    })
}

/// The names of every kind there is, such as `Route`, in the order of the proto.
pub fn kind_names() -> Vec<String> {
    json::message_descriptor("comity.record.v1.Situation")
        .ok()
        .into_iter()
        .flat_map(|situation| situation.oneofs().collect::<Vec<_>>())
        .filter(|oneof| oneof.name() == "kind")
        .flat_map(|oneof| oneof.fields().collect::<Vec<_>>())
        .filter_map(|field| Some(field.kind().as_message()?.name().to_owned()))
        .collect()
}

/// The handling codes of a marking by number (H0 is 0), in order and once each, as headers carry
/// them.
pub fn handling_numbers(marking: &Marking) -> Vec<u32> {
    let mut numbers: Vec<u32> = marking
        .handling
        .iter()
        .filter_map(|code| u32::try_from(*code).ok()?.checked_sub(1))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Whether the record is more urgent than routine. One that states no urgency is not.
pub fn is_urgent(record: &Record) -> bool {
    match Urgency::try_from(record.urgency) {
        Ok(Urgency::Urgent | Urgency::UrgentDirect | Urgency::Emergency) => true,
        Ok(Urgency::Unspecified | Urgency::Routine) | Err(_) => false,
    }
}

/// Whether the record is a step of an evidence request.
pub fn is_evidence_step(record: &Record) -> bool {
    let step = record.step.as_ref().and_then(|step| step.step.as_ref());
    matches!(step, Some(Step::Evidence(_)))
}

/// The name of a step.
pub const fn step_name(step: &Step) -> &'static str {
    match step {
        Step::Recall(_) => "Recall",
        Step::ConsentRequest(_) => "ConsentRequest",
        Step::ConsentAnswer(_) => "ConsentAnswer",
        Step::LateReceipts(_) => "LateReceipts",
        Step::Evidence(_) => "EvidenceStep",
    }
}

/// The field number of a step in its proto, by which entries name it.
pub const fn step_number(step: &Step) -> u32 {
    match step {
        Step::Recall(_) => RECALL_STEP,
        Step::ConsentRequest(_) => 2,
        Step::ConsentAnswer(_) => 3,
        Step::LateReceipts(_) => LATE_RECEIPTS_STEP,
        Step::Evidence(_) => EVIDENCE_STEP,
    }
}

/// [`step_number`] of a recall.
pub const RECALL_STEP: u32 = 1;
/// [`step_number`] of late receipts.
pub const LATE_RECEIPTS_STEP: u32 = 4;
/// [`step_number`] of a step of an evidence request.
pub const EVIDENCE_STEP: u32 = 5;

/// The lane the record travels on: control for steps, urgent for what is above routine and for steps of
/// evidence requests, which are content and hold nothing back; bulk for the rest.
pub fn lane(record: &Record) -> Lane {
    let evidence = is_evidence_step(record);
    if record.step.is_some() && !evidence {
        Lane::Control
    } else if evidence || is_urgent(record) {
        Lane::Urgent
    } else {
        Lane::Bulk
    }
}
