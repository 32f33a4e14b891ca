//! `comity evidence show REF`: where a request stands, its steps, and what may be done next.

use clap::Args;

use crate::{
    record::Moment,
    wire::{
        json,
        node::{
            EvidenceCase, EvidenceSide, EvidenceStepOutcome, EvidenceStepView, GetEvidenceRequest,
            GetEvidenceResponse,
        },
        record::{
            EvidenceRequest, EvidenceStep, RefusalGround, evidence_step::Act, situation::Kind,
        },
    },
};

use super::{
    super::{Target, exit::Failure, out::Out, why::Why},
    clocks,
    list::{case_json, party},
    words::state_word,
};

/// Show a request: where it stands, its steps with what became of each, and what may be done next.
#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    target: Target,
    /// Reference of the request, or of one of its steps.
    reference: String,
    #[command(flatten)]
    why: Why,
}

impl Show {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let mut asked = GetEvidenceRequest {
            reference: self.reference,
            purpose: self.why.note(),
            reading_purpose: self.why.code(),
            case_reference: self.why.case(),
            page_token: String::new(),
        };
        let mut shown = client.evidence(asked.clone()).await?;
        let mut next = std::mem::take(&mut shown.next_page_token);
        while !next.is_empty() {
            asked.page_token = next;
            let more = client.evidence(asked.clone()).await?;
            shown.steps.extend(more.steps);
            next = more.next_page_token;
        }
        if out.json() {
            return out.value(&shown_json(&shown)?);
        }
        for line in lines(&shown) {
            out.line(&line)?;
        }
        Ok(())
    }
}

fn shown_json(shown: &GetEvidenceResponse) -> Result<serde_json::Value, Failure> {
    let mut value = json::to_json("comity.node.v1.GetEvidenceResponse", shown)?;
    if let Some(case) = &shown.case
        && let Some(object) = value.as_object_mut()
    {
        object.insert("case".to_owned(), case_json(case)?);
    }
    let steps = value.get_mut("steps").and_then(|of| of.as_array_mut());
    for (object, step) in steps.into_iter().flatten().zip(&shown.steps) {
        if let Some(object) = object.as_object_mut() {
            let digest = hex::encode(&step.header_digest);
            object.insert("headerDigest".to_owned(), digest.into());
        }
    }
    Ok(value)
}

fn lines(shown: &GetEvidenceResponse) -> Vec<String> {
    let case = shown.case.clone().unwrap_or_default();
    let mut lines = head(&case);
    let situation = shown.record.as_ref().and_then(|of| of.situation.as_ref());
    if let Some(Kind::EvidenceRequest(request)) = situation.and_then(|of| of.kind.as_ref()) {
        lines.extend(sought(request));
    }
    lines.extend(clocks::lines(&case));
    lines.push(String::new());
    if shown.steps.is_empty() {
        lines.push("no step was taken".to_owned());
    }
    for step in &shown.steps {
        lines.extend(taken(step));
    }
    lines.push(String::new());
    let may = |who: &str, acts: &[String]| match acts {
        [] => format!("{who} can do nothing more"),
        acts => format!("{who} may: {}", acts.join(", ")),
    };
    let [issuing, executing] = [
        party(&case.issuing_country, &case.issuing_authority),
        party(&case.executing_country, &case.executing_authority),
    ];
    lines.push(may(&issuing, &shown.issuing_may));
    lines.push(may(&executing, &shown.executing_may));
    lines
}

fn head(case: &EvidenceCase) -> Vec<String> {
    let marked = if case.exercise { "EXERCISE  " } else { "" };
    let mut lines = vec![
        format!("{}  {marked}{}", case.reference, state_word(case.state())),
        case.title.clone(),
        format!(
            "asked by {}, of {}",
            party(&case.issuing_country, &case.issuing_authority),
            party(&case.executing_country, &case.executing_authority)
        ),
        format!("under profile {}", case.profile),
    ];
    let at = |time| crate::cli::out::moment(Moment::from_micros(time));
    lines.push(match case.delivered_us {
        0 => format!("submitted {}, not delivered yet", at(case.submitted_us)),
        time => format!(
            "submitted {}, delivered {}",
            at(case.submitted_us),
            at(time)
        ),
    });
    if !case.not_delivered.is_empty() {
        let reason = case.not_delivered.strip_prefix("NON_DELIVERY_REASON_");
        let reason = reason.unwrap_or(&case.not_delivered).to_lowercase();
        lines.push(format!(
            "the executing country's node refused it: {}",
            reason.replace('_', " ")
        ));
    }
    if case.open_questions > 0 {
        lines.push(format!("questions not answered: {}", case.open_questions));
    }
    lines
}

fn sought(request: &EvidenceRequest) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        format!("sought: {}", request.assistance_sought),
    ];
    let mut add = |what: &str, words: &str| {
        if !words.is_empty() {
            lines.push(format!("{what}: {words}"));
        }
    };
    add("procedure", &request.procedure);
    add("purpose", &request.purpose);
    add("urgent because", &request.urgency_reason);
    add("execute by", &request.execute_by);
    if request.speciality {
        add("speciality", "other use needs consent");
    }
    if request.confidential {
        add("confidential", "fact and substance are kept confidential");
    }
    lines
}

/// A step with what became of it, in plain words.
fn taken(step: &EvidenceStepView) -> Vec<String> {
    let who = match step.authority.as_str() {
        "" => format!("the node of {}", step.country),
        authority => party(&step.country, authority),
    };
    let side = match step.side() {
        EvidenceSide::Issuing => "issuing side",
        EvidenceSide::Executing => "executing side",
        EvidenceSide::Unspecified => "no party",
    };
    let time = crate::cli::out::moment(Moment::from_micros(step.submitted_us));
    let became = match step.outcome() {
        EvidenceStepOutcome::Took if step.from == step.to => String::new(),
        EvidenceStepOutcome::Took => format!(" → {}", state_word(step.to())),
        EvidenceStepOutcome::Void => " (VOID)".to_owned(),
        EvidenceStepOutcome::Waits => " (WAITS)".to_owned(),
        EvidenceStepOutcome::Unspecified => " (?)".to_owned(),
    };
    let mut lines = vec![format!(
        "{time}  {}  {} by {who}, {side}{became}",
        step.reference, step.act
    )];
    if let Some(words) = step.step.as_ref().and_then(said) {
        lines.push(format!("    {words}"));
    }
    let along = [(step.items, "items"), (step.persons, "persons")];
    for (count, what) in along.into_iter().filter(|(count, _)| *count > 0) {
        lines.push(format!("    with {what}: {count}"));
    }
    if !step.reason.is_empty() {
        let effect = match step.outcome() {
            EvidenceStepOutcome::Waits => "has no effect yet",
            _ => "has no effect",
        };
        lines.push(format!("    {effect}: {}", step.reason));
    }
    if !step.crossed.is_empty() {
        lines.push(format!(
            "    crossed {}: neither side knew of the other's step; the executing side's comes first",
            step.crossed.join(", ")
        ));
    }
    lines
}

/// What a step says, in one line.
fn said(step: &EvidenceStep) -> Option<String> {
    let until = |stamp: &Option<prost_types::Timestamp>| {
        stamp
            .as_ref()
            .map_or_else(String::new, |at| crate::cli::out::moment(Moment::from(at)))
    };
    let words = match step.act.as_ref()? {
        Act::Acknowledged(of) => of.contact.clone(),
        Act::InformationRequested(of) => of.questions.join(" / "),
        Act::InformationAnswered(of) => of.answer.clone(),
        Act::Recognised(of) => of.conditions.clone(),
        Act::Refused(of) => {
            let ground = RefusalGround::try_from(of.ground).unwrap_or_default();
            let ground = ground.as_str_name().replace("REFUSAL_GROUND_", "");
            format!("{ground}: {}", of.reasons)
        }
        Act::Postponed(of) if of.until.is_some() => {
            format!("until {}: {}", until(&of.until), of.reasons)
        }
        Act::Postponed(of) => of.reasons.clone(),
        Act::ExecutionBegun(of) => of.note.clone(),
        Act::Extended(of) => {
            format!(
                "clock {} until {}: {}",
                of.clock,
                until(&of.until),
                of.reason
            )
        }
        Act::Delay(of) => format!(
            "clock {}, expected {}: {}",
            of.clock,
            until(&of.estimate),
            of.reason
        ),
        Act::Executed(of) if of.not_done.is_empty() => of.outcome.clone(),
        Act::Executed(of) => format!("{}; not done: {}", of.outcome, of.not_done),
        Act::Transferred(of) => [of.note.as_str(), of.manner.as_str()]
            .iter()
            .filter(|words| !words.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join("; "),
        Act::OriginalsReturned(of) => of.manner.clone(),
        Act::OriginalsReceived(of) => of.condition.clone(),
        Act::Withdrawn(of) => of.reason.clone(),
        Act::Closed(of) => of.note.clone(),
        Act::Reassigned(of) if of.reason.is_empty() => format!("to {}", of.authority),
        Act::Reassigned(of) => format!("to {}: {}", of.authority, of.reason),
        Act::ItemsArrived(of) => {
            let whole = of.items.iter().filter(|item| item.whole).count();
            let faults: Vec<&str> = of
                .items
                .iter()
                .filter(|item| !item.whole)
                .map(|item| item.fault.as_str())
                .collect();
            match faults.as_slice() {
                [] => format!("{whole} whole"),
                faults => format!("{whole} whole, others not: {}", faults.join(", ")),
            }
        }
        Act::Note(of) => of.text.clone(),
    };
    (!words.is_empty()).then_some(words)
}
