//! `comity evidence custody REF [ITEM]` and `comity evidence custody state …`: who had an item in hand.

use clap::{Args, Subcommand};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::download::item;
use crate::{
    cli::{
        Target,
        exit::{DATAERR, Failure, USAGE},
        out::{Out, moment},
        why::Why,
    },
    evidence::custody::{Stated, act_name, act_of, is_officers, stated},
    record::Moment,
    wire::{
        node::{CustodyChain, ShowCustodyRequest, StateCustodyRequest},
        record::CustodyAct,
    },
};

/// Show who had the items of a request in hand, or state what was done with one.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(in crate::cli) struct Custody {
    #[command(subcommand)]
    state: Option<What>,
    #[command(flatten)]
    target: Target,
    /// Reference of the request, such as UZ-26-000412-H.
    #[arg(required = true)]
    reference: Option<String>,
    /// Id of one item, as `comity evidence items` lists it.
    #[arg(value_parser = item)]
    item: Option<[u8; 16]>,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, Subcommand)]
enum What {
    /// State what was done with an item: it is signed, and nobody takes it back.
    State(State),
}

/// What was done with an item.
#[derive(Debug, Args)]
struct State {
    #[command(flatten)]
    target: Target,
    /// Reference of the request, such as UZ-26-000412-H.
    reference: String,
    /// Id of the item, as `comity evidence items` lists it.
    #[arg(value_parser = item)]
    item: [u8; 16],
    /// What was done: seized, examined, taken-over, returned or destroyed.
    #[arg(value_parser = act)]
    act: CustodyAct,
    /// When: a moment with its offset, or a day, whose beginning in UTC is meant [default: now].
    #[arg(long, value_parser = when)]
    at: Option<Moment>,
    /// Where, in words.
    #[arg(long, default_value = "", hide_default_value = true)]
    place: String,
    /// In whose hand it was [default: the caller's].
    #[arg(long, default_value = "", hide_default_value = true)]
    by: String,
    /// Why.
    #[arg(long)]
    reason: String,
}

/// An act that officers state.
fn act(text: &str) -> Result<CustodyAct, String> {
    act_of(text).filter(|act| is_officers(*act)).ok_or_else(|| {
        "officers state seized, examined, taken-over, returned and destroyed; the others the node states itself"
            .to_owned()
    })
}

/// A time as typed.
fn when(typed: &str) -> Result<Moment, String> {
    let whole = if typed.len() == 10 {
        format!("{typed}T00:00:00Z")
    } else {
        typed.to_owned()
    };
    OffsetDateTime::parse(&whole, &Rfc3339)
        .map(Moment::from)
        .map_err(|_| {
            "a day such as 2026-11-25, or a moment such as 2026-11-25T18:00:00+05:00, is needed"
                .to_owned()
        })
}

impl Custody {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        if let Some(What::State(state)) = self.state {
            return state.carry_out(out).await;
        }
        if self.why.purpose().is_none() {
            let says =
                "custody names persons and is shown for a purpose: give --purpose and --case";
            return Err(Failure::new(USAGE, says));
        }
        let mut client = self.target.connect().await?;
        let request = ShowCustodyRequest {
            reference: self.reference.unwrap_or_default(),
            item: self.item.map(|id| id.to_vec()).unwrap_or_default(),
            purpose: self.why.code(),
            case_reference: self.why.case(),
            note: self.why.note(),
        };
        let shown = client.custody.show_custody(request).await?.into_inner();
        for chain in &shown.chains {
            show(chain, out)?;
        }
        if shown.chains.is_empty() && !out.json() {
            return out.line("no items");
        }
        Ok(())
    }
}

/// The entries of a chain, read.
fn entries(chain: &CustodyChain) -> Result<Vec<Stated>, Failure> {
    let entries = chain.entries.iter().map(stated);
    entries.collect::<Result<_, _>>().map_err(|fault| {
        Failure::new(
            DATAERR,
            format!("the node's answer makes no sense: {fault}"),
        )
    })
}

fn show(chain: &CustodyChain, out: &mut Out) -> Result<(), Failure> {
    let entries = entries(chain)?;
    if out.json() {
        let hands = entries.iter().map(|of| {
            json!({
                "country": of.country.code(),
                "number": of.number,
                "renewal": of.renewal,
                "act": act_name(of.act),
                "at": of.at.to_string(),
                "toldAt": of.told_at.to_string(),
                "place": of.place,
                "authority": of.authority,
                "by": of.by,
                "reason": of.reason,
                "found": of.found.to_string(),
                "entry": of.digest.to_string(),
            })
        });
        let findings = chain
            .findings
            .iter()
            .map(|of| json!({ "reason": of.reason, "says": of.says, "breach": of.breach }));
        return out.value(&json!({
            "item": hex::encode(&chain.item),
            "name": chain.name,
            "entries": hands.collect::<Vec<_>>(),
            "findings": findings.collect::<Vec<_>>(),
            "refused": chain.refused,
        }));
    }
    out.line(&format!("{}  {}", hex::encode(&chain.item), chain.name))?;
    let rows = entries.iter().map(|of| {
        vec![
            format!("{} {}", of.country, of.number),
            act_name(of.act).to_owned(),
            moment(of.at),
            of.place.clone(),
            of.authority.clone(),
            of.by.clone(),
            of.reason.clone(),
        ]
    });
    out.table(
        &["NO.", "WHAT", "WHEN", "WHERE", "AUTHORITY", "WHO", "WHY"],
        rows.collect(),
    )?;
    for finding in &chain.findings {
        let mark = if finding.breach { "breach" } else { "gap" };
        out.line(&format!("{mark}: {} [{}]", finding.says, finding.reason))?;
    }
    for refused in &chain.refused {
        out.line(&format!("an entry does not hold: {refused}"))?;
    }
    out.line("")
}

impl State {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let request = StateCustodyRequest {
            reference: self.reference,
            item: self.item.to_vec(),
            act: self.act.into(),
            at: self.at.map(Into::into),
            place: self.place,
            by: self.by,
            reason: self.reason,
        };
        let stated = client.custody.state_custody(request).await?.into_inner();
        let digest = hex::encode(&stated.entry_digest);
        if out.json() {
            return out.value(&json!({
                "item": hex::encode(self.item),
                "number": stated.number,
                "act": act_name(self.act),
                "entry": digest,
            }));
        }
        out.line(&format!(
            "stated as entry {} of this country's chain; its SHA-256 is {digest}",
            stated.number
        ))
    }
}
