//! The request goes to court: with the other country's consent and a second person's leave it is
//! exported as a bundle, which is verified as anybody would, and so are copies of it that somebody
//! tampered with.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    access::Guarded,
    bag::BagWriter,
    cli::{
        court::Bundling,
        exit::{Failure, SOFTWARE},
        out::Out,
        verify,
    },
    client::{Client, Profile},
    evidence::bundle::{Outcome, Pinned},
    node::system_clock,
    record::Moment,
    wire::{
        bundle::BundleParts,
        envelope::ConsentUse,
        ledger::ReadingPurpose,
        node::{
            AnswerConsentRequest, ApproveRequest, ConsentState, ConsentSummary,
            ListConsentsRequest, RequestApprovalRequest, RequestConsentRequest,
        },
    },
};

use super::{
    CASE, CountryNode, Desk, EXECUTING, ISSUING, PURPOSE, eventually, file::on_disk, of, tampered,
    tampered::Tampered, yes,
};

const COURT: &str = "EXERCISE City Court";
const MONTH: Duration = Duration::from_secs(30 * 86_400);
/// The folder of the bundle, beside the homes.
const FOLDER: &str = "bundle";

/// What came of it.
#[derive(Debug)]
pub(super) struct Court {
    /// Whether the node refused the export while the other country had not consented.
    blocked_without_consent: bool,
    /// Whether it refused it while no second person had agreed.
    blocked_alone: bool,
    /// Steps to whose use in court the other country consented.
    consents: usize,
    records: usize,
    items: usize,
    /// What verifying the bundle comes to, and what speaks against it.
    outcome: Outcome,
    against: Vec<String>,
    verified_in: Duration,
    tampered: Vec<Tampered>,
}

impl Court {
    /// Exports a request that both countries know as closed.
    pub(super) async fn play(
        nodes: &mut [CountryNode],
        folder: &Path,
        reference: &str,
    ) -> Result<Self, Failure> {
        let mut issuing = Desk::at(nodes, ISSUING).await?;
        let mut executing = Desk::at(nodes, EXECUTING).await?;
        let second = Profile::load(&of(nodes, ISSUING)?.second_officer)?;
        let bundling = Bundling {
            reference: reference.to_owned(),
            court: COURT.to_owned(),
            compartments: Vec::new(),
            purpose: ReadingPurpose::Prosecution,
            case: CASE.to_owned(),
            note: PURPOSE.to_owned(),
        };
        let before = bundling.ask(&mut issuing.client).await;
        let consents = consented(&mut issuing, &mut executing, reference).await?;
        let alone = bundling.ask(&mut issuing.client).await;
        agreed(&mut issuing, Client::connect(&second).await?, reference).await?;
        let parts = bundling.ask(&mut issuing.client).await?;
        let bundle = folder.join(FOLDER);
        let writer = BagWriter::folder(&bundle);
        let writer = writer.map_err(|error| Failure::not_written(&bundle, &error))?;
        let parts = bundling
            .write(&mut issuing.client, parts, writer, &bundle, &mut |_, _| {})
            .await?;
        let (records, items) = (parts.records.len(), parts.custody.len());
        let pinned = nodes
            .iter()
            .map(|node| (node.country, node.fingerprint))
            .collect();
        let found = on_disk(move || verified(bundle, &parts, &pinned)).await?;
        Ok(Self {
            blocked_without_consent: refused(before, "CONSENT_NEEDED"),
            blocked_alone: refused(alone, "ACCESS_DENIED"),
            consents,
            records,
            items,
            outcome: found.outcome,
            against: found.against,
            verified_in: found.verified_in,
            tampered: found.tampered,
        })
    }

    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.blocked_without_consent {
            faults.push(format!(
                "the request could be exported for court without {EXECUTING}'s consent"
            ));
        }
        if !self.blocked_alone {
            faults.push("one person alone could export the request for court".to_owned());
        }
        if self.outcome != Outcome::Proved {
            faults.push(format!(
                "the court bundle does not verify: {}",
                self.against.join(", ")
            ));
        }
        let unseen = self.tampered.iter().filter(|of| !of.is_named());
        faults.extend(unseen.map(|of| format!("{} is not seen in the bundle", of.how)));
        faults
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "blocked_without_consent": self.blocked_without_consent,
            "blocked_alone": self.blocked_alone,
            "consents": self.consents,
            "records": self.records,
            "items": self.items,
            "outcome": self.outcome.name(),
            "against": self.against,
            "verified_s": self.verified_in.as_secs_f64(),
            "tampered": self.tampered.iter().map(Tampered::json).collect::<Vec<_>>(),
        })
    }

    pub(super) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        out.line(&format!(
            "  {ISSUING} exports it for \"{COURT}\": {} records and {} items; not without {EXECUTING}'s consent: {}; not alone: {}",
            self.records,
            self.items,
            yes(self.blocked_without_consent),
            yes(self.blocked_alone)
        ))?;
        out.line(&format!(
            "  the bundle, under both countries' fingerprints: {}",
            self.outcome.name()
        ))?;
        for of in &self.tampered {
            out.line(&format!(
                "  a copy in which {}: seen: {} ({})",
                of.how,
                yes(of.is_named()),
                of.found.join(", ")
            ))?;
        }
        Ok(())
    }
}

/// What verifying said.
struct Found {
    outcome: Outcome,
    against: Vec<String>,
    verified_in: Duration,
    tampered: Vec<Tampered>,
}

fn verified(bundle: PathBuf, parts: &BundleParts, pinned: &Pinned) -> Result<Found, Failure> {
    let begun = Instant::now();
    let report = verify::checked(&bundle, pinned, &mut |_, _| {})?;
    Ok(Found {
        outcome: report.outcome(),
        against: report
            .contradictions()
            .into_iter()
            .map(str::to_owned)
            .collect(),
        verified_in: begun.elapsed(),
        tampered: tampered::every_way(&bundle, parts, pinned)?,
    })
}

/// Whether the node refused with this word.
fn refused(answer: Result<BundleParts, Failure>, word: &str) -> bool {
    answer.is_err_and(|failure| failure.message().contains(word))
}

/// Asks the executing country for consent to each of its steps and has it granted, once and for a month.
/// Answers how many.
async fn consented(
    issuing: &mut Desk,
    executing: &mut Desk,
    reference: &str,
) -> Result<usize, Failure> {
    let steps = issuing.open(reference).await?.steps;
    let theirs = steps
        .iter()
        .filter(|of| of.reference.starts_with(EXECUTING));
    let mut requests = Vec::new();
    for step in theirs {
        let asked = RequestConsentRequest {
            reference: step.reference.clone(),
            r#use: ConsentUse::Court.into(),
            beneficiary: COURT.to_owned(),
            ground: "EXERCISE: a trial".to_owned(),
            ..RequestConsentRequest::default()
        };
        let answer = issuing.client.consents.request_consent(asked).await?;
        requests.push(answer.into_inner().reference);
    }
    let until: Moment = system_clock()() + MONTH;
    all_stand(executing, &requests, ConsentState::Open).await?;
    for request in &requests {
        let answer = AnswerConsentRequest {
            reference: request.clone(),
            granted: true,
            expires_at: Some(until.into()),
            ..AnswerConsentRequest::default()
        };
        executing.client.consents.answer_consent(answer).await?;
    }
    all_stand(issuing, &requests, ConsentState::Granted).await?;
    Ok(requests.len())
}

/// Waits until a desk lists every one of these requests so.
async fn all_stand(
    desk: &mut Desk,
    requests: &[String],
    state: ConsentState,
) -> Result<(), Failure> {
    let what = format!("{} to know every consent", desk.country);
    eventually(&what, async || {
        let list = ListConsentsRequest {
            page_size: 500,
            ..ListConsentsRequest::default()
        };
        let page = desk.client.consents.list_consents(list).await?.into_inner();
        let stands = |request: &String| {
            let is = |of: &ConsentSummary| of.reference == *request && of.state() == state;
            page.consents.iter().any(is)
        };
        Ok(requests.iter().all(stands).then_some(()))
    })
    .await
}

/// The second officer agrees to the export.
async fn agreed(issuing: &mut Desk, mut second: Client, reference: &str) -> Result<(), Failure> {
    let wanted = RequestApprovalRequest {
        act: Guarded::ExportCourt.as_str().to_owned(),
        references: vec![reference.to_owned()],
        beneficiary: COURT.to_owned(),
        reading_purpose: ReadingPurpose::Prosecution.into(),
        case_reference: CASE.to_owned(),
        note: PURPOSE.to_owned(),
        ..RequestApprovalRequest::default()
    };
    let asked = issuing.client.life.request_approval(wanted).await?;
    let id = asked.into_inner().id;
    if id.is_empty() {
        return Err(Failure::new(SOFTWARE, "the node named no approval"));
    }
    second.life.approve(ApproveRequest { id }).await?;
    Ok(())
}
