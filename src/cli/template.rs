//! `comity template KIND`: an example to start from.

use clap::Args;

use crate::{
    card::verify_card,
    catalogue::{self, Party},
    node::system_clock,
    wire::{json, node::ListCardsRequest, record::Record},
};

use super::{
    Target,
    exit::{DATAERR, Failure},
    out::Out,
};

/// Write a filled example of a kind, ready to submit as an exercise.
#[derive(Debug, Args)]
pub(super) struct Template {
    /// The kind, such as Alert; `comity kinds` lists them.
    kind: String,
    #[command(flatten)]
    target: Target,
    /// Make up authorities and destinations, whatever home or profile the environment names.
    #[arg(long, conflicts_with_all = ["home", "profile"])]
    offline: bool,
}

impl Template {
    /// An example of a kind, as if it had been asked for on the command line.
    pub(super) fn of(kind: &str, target: Target, offline: bool) -> Self {
        Self {
            kind: kind.to_owned(),
            target,
            offline,
        }
    }

    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let now = system_clock()();
        let mut record = catalogue::example(&self.kind, now)
            .map_err(|error| Failure::new(DATAERR, error.to_string()))?;
        if !self.offline && self.target.is_named() {
            self.address(&mut record).await?;
        } else {
            out.note(
                "authorities and destinations are made up: put in your own, or name your --home and they come from its cards",
            );
        }
        let value = json::to_json("comity.record.v1.Record", &record)?;
        if out.json() {
            return out.value(&value);
        }
        out.line(&format!("{value:#}"))
    }

    /// Puts in the authorities of the cards that the node holds.
    async fn address(&self, record: &mut Record) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let answer = client.cards.list_cards(ListCardsRequest {}).await?;
        let mut parties = Vec::new();
        for signed in &answer.into_inner().cards {
            let card = verify_card(signed, system_clock()())
                .map_err(|error| Failure::new(DATAERR, error.to_string()))?;
            parties.push(Party {
                country: card.country,
                authorities: card.authorities.clone(),
            });
        }
        let (own, others) = parties
            .split_first()
            .ok_or_else(|| Failure::new(DATAERR, "the node holds no card"))?;
        catalogue::address(record, own, others)
            .map_err(|error| Failure::new(DATAERR, error.to_string()))
    }
}
