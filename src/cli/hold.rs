//! `comity hold set|release|list`: legal holds.

use clap::{Args, Subcommand};

use crate::{
    record::Moment,
    wire::{
        json,
        node::{ListHoldsRequest, ReleaseHoldRequest, SetHoldRequest},
    },
};

use super::{Target, exit::Failure, out::Out};

/// Keep records from being shredded, on a legal ground.
#[derive(Debug, Subcommand)]
pub(super) enum Hold {
    /// Hold a record; after a recall its origin is told, with the ground.
    Set(Set),
    /// Release a hold: a locked record is shredded then.
    Release(Release),
    /// List the holds that stand.
    List(List),
}

#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(flatten)]
    target: Target,
    /// Reference of the record.
    reference: String,
    /// The legal ground, in words.
    #[arg(long)]
    ground: String,
}

#[derive(Debug, Args)]
pub(super) struct Release {
    #[command(flatten)]
    target: Target,
    /// Reference of the record.
    reference: String,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
}

impl Hold {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Set(set) => {
                let mut client = set.target.connect().await?;
                let request = SetHoldRequest {
                    reference: set.reference.clone(),
                    ground: set.ground,
                };
                client.life.set_hold(request).await?;
                said(&set.reference, "held", out)
            }
            Self::Release(release) => {
                let mut client = release.target.connect().await?;
                let request = ReleaseHoldRequest {
                    reference: release.reference.clone(),
                };
                client.life.release_hold(request).await?;
                said(&release.reference, "released", out)
            }
            Self::List(list) => list.carry_out(out).await,
        }
    }
}

fn said(reference: &str, state: &str, out: &mut Out) -> Result<(), Failure> {
    if out.json() {
        return out.value(&serde_json::json!({ "reference": reference, "hold": state }));
    }
    out.line(&format!("{}  {state}", super::out::printable(reference)))
}

impl List {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let holds = client.life.list_holds(ListHoldsRequest {}).await?;
        let holds = holds.into_inner().holds;
        if out.json() {
            for hold in &holds {
                out.value(&json::to_json("comity.node.v1.Hold", hold)?)?;
            }
            return Ok(());
        }
        let rows = holds
            .into_iter()
            .map(|hold| {
                vec![
                    hold.reference,
                    super::out::moment(Moment::from_micros(hold.since_us)),
                    if hold.locked { "yes" } else { "no" }.to_owned(),
                    hold.ground,
                ]
            })
            .collect();
        out.table(&["RECORD", "SINCE", "LOCKED", "GROUND"], rows)
    }
}
