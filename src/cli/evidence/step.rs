//! `comity evidence acknowledge|ask|answer|…`: the steps of a request.

use clap::{Args, Subcommand};

use crate::{
    record::Moment,
    wire::{
        json,
        node::TakeEvidenceStepRequest,
        record::{Evidence, EvidenceStep, PostponementGround, RefusalGround},
    },
};

use super::{
    super::{Target, exit::Failure, input::read_record, out::Out},
    words::{self, Item, state_word},
};

/// What every step has.
#[derive(Debug, Args)]
pub(in crate::cli) struct Common {
    #[command(flatten)]
    target: Target,
    /// Reference of the request, such as UZ-26-000412-H.
    reference: String,
    /// The own authority that takes the step, where the certificate does not say it.
    #[arg(long)]
    authority: Option<String>,
    /// Idempotency key: a repeat with the same key returns the first answer.
    #[arg(long)]
    key: Option<String>,
}

/// Items and persons that go along.
#[derive(Debug, Args)]
pub(in crate::cli) struct Along {
    /// File with compartment `evidence` as one JSON object: items that are things, and persons
    /// concerned.
    #[arg(long, value_name = "FILE")]
    evidence: Option<String>,
}

/// A step of a request.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Step {
    /// Executing side: take a request in hand.
    Acknowledge {
        #[command(flatten)]
        common: Common,
        /// Who is in charge and how to be reached.
        #[arg(long, default_value = "", hide_default_value = true)]
        contact: String,
    },
    /// Executing side: ask for what is missing.
    Ask {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        along: Along,
        /// A question; several times for several.
        #[arg(long = "question", required = true)]
        questions: Vec<String>,
        /// By when an answer is needed: a day or a moment.
        #[arg(long, value_parser = words::until)]
        answer_by: Option<Moment>,
    },
    /// Issuing side: answer questions, or add something.
    Answer {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        along: Along,
        /// The answer in words.
        #[arg(long)]
        text: String,
    },
    /// Executing side: the request will be executed.
    Recognise {
        #[command(flatten)]
        common: Common,
        /// Conditions, in words.
        #[arg(long, default_value = "", hide_default_value = true)]
        conditions: String,
    },
    /// Executing side: the request is refused, on a ground and with reasons.
    Refuse {
        #[command(flatten)]
        common: Common,
        /// The ground, such as E_D or T_B.
        #[arg(long, value_parser = words::refusal_ground)]
        ground: RefusalGround,
        /// The reasons in words; the issuing side sees them.
        #[arg(long)]
        reasons: String,
    },
    /// Executing side: the request is not executed for now.
    Postpone {
        #[command(flatten)]
        common: Common,
        /// The ground: ongoing-proceeding, objects-in-use or other.
        #[arg(long, value_parser = words::postponement_ground)]
        ground: PostponementGround,
        /// The reasons in words.
        #[arg(long)]
        reasons: String,
        /// Until when, where known: a day or a moment.
        #[arg(long, value_parser = words::until)]
        until: Option<Moment>,
    },
    /// Executing side: execution begins.
    Begin {
        #[command(flatten)]
        common: Common,
        /// In words.
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
    },
    /// Executing side: a clock runs longer, as the profile allows.
    Extend {
        #[command(flatten)]
        common: Common,
        /// The clock, by its id in the profile.
        #[arg(long)]
        clock: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Until when it runs now: a day or a moment.
        #[arg(long, value_parser = words::until)]
        until: Moment,
    },
    /// Executing side: it will be late, with reason and estimate.
    Delay {
        #[command(flatten)]
        common: Common,
        /// The clock, by its id in the profile.
        #[arg(long)]
        clock: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// When it is expected: a day or a moment.
        #[arg(long, value_parser = words::until)]
        estimate: Moment,
    },
    /// Executing side: what was sought was done, wholly or in part.
    Execute {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        along: Along,
        /// What was done, in words.
        #[arg(long)]
        outcome: String,
        /// Only a part was done.
        #[arg(long, requires = "not_done")]
        partial: bool,
        /// What was not done, and why.
        #[arg(long)]
        not_done: Option<String>,
    },
    /// Executing side: hand evidence over.
    Transfer {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        along: Along,
        /// Nothing more will follow.
        #[arg(long)]
        complete: bool,
        /// In words.
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
        /// By which way things travel, such as a courier's consignment.
        #[arg(long, default_value = "", hide_default_value = true)]
        manner: String,
    },
    /// Issuing side: originals go back.
    Return {
        #[command(flatten)]
        common: Common,
        /// Id of an item; several times for several.
        #[arg(long = "item", required = true, value_parser = words::item)]
        items: Vec<Item>,
        /// By which way.
        #[arg(long, default_value = "", hide_default_value = true)]
        manner: String,
    },
    /// Executing side: originals came back.
    Received {
        #[command(flatten)]
        common: Common,
        /// Id of an item; several times for several.
        #[arg(long = "item", required = true, value_parser = words::item)]
        items: Vec<Item>,
        /// Their condition, in words.
        #[arg(long, default_value = "", hide_default_value = true)]
        condition: String,
    },
    /// Issuing side: the request is not sought any more.
    Withdraw {
        #[command(flatten)]
        common: Common,
        /// Why; the executing side sees it.
        #[arg(long)]
        reason: String,
    },
    /// Issuing side: close the thread.
    Close {
        #[command(flatten)]
        common: Common,
        /// In words.
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
    },
    /// Executing side: another authority of the country takes over.
    Reassign {
        #[command(flatten)]
        common: Common,
        /// The authority, as the own card names it.
        #[arg(long)]
        to: String,
        /// Why.
        #[arg(long, default_value = "", hide_default_value = true)]
        reason: String,
    },
    /// Either side: a note that changes nothing, such as progress.
    Note {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        along: Along,
        /// In words.
        #[arg(long)]
        text: String,
    },
}

impl Step {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let (common, along, act) = self.taken()?;
        let evidence = match along.and_then(|along| along.evidence) {
            Some(file) => Some(evidence_of(&file)?),
            None => None,
        };
        let mut client = common.target.connect().await?;
        let asked = TakeEvidenceStepRequest {
            reference: common.reference,
            step: Some(EvidenceStep {
                act: Some(act),
                ..EvidenceStep::default()
            }),
            evidence,
            authority: common.authority.unwrap_or_default(),
            idempotency_key: common.key.unwrap_or_default(),
        };
        let answer = client.take_evidence_step(asked).await?;
        if out.json() {
            return out.value(&serde_json::json!({
                "reference": answer.reference,
                "headerDigest": hex::encode(&answer.header_digest),
                "state": state_word(answer.state()),
                "number": answer.number,
                "repeated": answer.repeated,
            }));
        }
        if answer.repeated {
            out.note("this key was used before: the first answer again");
        }
        out.line(&format!(
            "{}  step {} of this side; the request is {}",
            answer.reference,
            answer.number,
            state_word(answer.state())
        ))
    }
}

fn evidence_of(file: &str) -> Result<Evidence, Failure> {
    Ok(json::from_json(
        "comity.record.v1.Evidence",
        &read_record(file)?,
    )?)
}
