//! `comity audit list|verify|prove|export|who|officer|report`.

mod acts;
mod html;
mod report;
mod sections;
pub(super) mod when;

pub(super) use acts::labels;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use futures_util::StreamExt as _;
use prost::Message as _;

use crate::{
    card::{TrustedCard, verify_stored_card},
    ledger::{self, ExportLine, Succession, VerifiedLedger},
    node::system_clock,
    wire::{
        card::SignedCard,
        json,
        ledger::{LeafBody, RecordProof},
        node::{
            ExportLedgerRequest, ListCardsRequest, ListLeavesRequest, ProveRecordRequest,
            export_ledger_response::Line,
        },
    },
};

use super::{
    Target, card,
    exit::{CANTCREAT, DATAERR, Failure, NOINPUT},
    leaf::{leaf_json, leaf_row},
    out::Out,
};

/// List, verify, prove and export the ledger.
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// List leaves, newest first.
    List(List),
    /// Recompute the whole ledger: of the running node, or offline from an export and the card.
    Verify(Verify),
    /// Write the leaves of a record with their proofs; checks them first.
    Prove(Prove),
    /// Write the whole ledger, for verification elsewhere.
    Export(Export),
    Who(acts::Who),
    Officer(acts::Officer),
    Report(report::Report),
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    target: Target,
    /// Export to verify offline; needs --card.
    #[arg(long, requires = "card")]
    export: Option<PathBuf>,
    /// Proof of a record to verify offline; needs --card.
    #[arg(long, requires = "card", conflicts_with = "export")]
    proof: Option<PathBuf>,
    /// The country's card, for offline verification; no node is asked then.
    #[arg(long)]
    card: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Prove {
    #[command(flatten)]
    target: Target,
    /// Reference, such as UZ-26-000412-H.
    reference: String,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    target: Target,
    /// Where to; standard output when absent.
    #[arg(long)]
    to: Option<PathBuf>,
}

impl Audit {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.carry_out(out).await,
            Self::Verify(verify) => verify.carry_out(out).await,
            Self::Prove(prove) => prove.carry_out(out).await,
            Self::Export(export) => export.carry_out(out).await,
            Self::Who(who) => who.carry_out(out).await,
            Self::Officer(officer) => officer.carry_out(out).await,
            Self::Report(report) => report.carry_out(out).await,
        }
    }
}

impl List {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect_operator().await?;
        let answer = client
            .audit
            .list_leaves(ListLeavesRequest {
                page_size: self.limit,
                page_token: String::new(),
            })
            .await?
            .into_inner();
        let mut rows = Vec::new();
        for leaf in &answer.leaves {
            let body = LeafBody::decode(leaf.body.as_slice()).unwrap_or_default();
            if out.json() {
                out.value(&leaf_json(leaf, &body)?)?;
            } else {
                rows.push(leaf_row(leaf.index, &body));
            }
        }
        if !out.json() {
            out.table(
                &[
                    "LEAF", "TIME", "ACTION", "WHO", "WHAT", "RECORD", "PEER", "PURPOSE",
                ],
                rows,
            )?;
        }
        Ok(())
    }
}

impl Verify {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        if let (Some(path), Some(card)) = (&self.proof, &self.card) {
            let proof: RecordProof = json::from_json("comity.ledger.v1.RecordProof", &text(path)?)?;
            return show_proof(&proof, &card_of_evidence(card, out)?, out);
        }
        let verified = match (&self.export, &self.card) {
            (Some(export), Some(card)) => {
                let card = card_of_evidence(card, out)?;
                let file = File::open(export).map_err(|error| unreadable(export, &error))?;
                verify(ledger::Lines::new(io::BufReader::new(file)), &card)?
            }
            _ => self.live().await?,
        };
        let (country, ledger) = verified;
        if out.json() {
            return out.value(&serde_json::json!({
                "country": country,
                "size": ledger.size,
                "root": ledger.root.to_string(),
                "bodies_present": ledger.bodies_present,
                "bodies_shredded": ledger.bodies_shredded,
                "verified": true,
            }));
        }
        out.line(&format!(
            "{country}: {} leaves, root {}; every leaf recomputed, the checkpoint's signature holds ({} bodies present, {} shredded)",
            ledger.size, ledger.root, ledger.bodies_present, ledger.bodies_shredded
        ))
    }

    /// Exports the ledger of a running node and verifies it with the card the node shows. Offline
    /// verification with a card from elsewhere proves more: the node cannot choose the card then.
    async fn live(&self) -> Result<(String, VerifiedLedger), Failure> {
        let mut client = self.target.connect_operator().await?;
        let cards = client.cards.list_cards(ListCardsRequest {}).await?;
        let own = cards.into_inner().cards.into_iter().next();
        let card = verified(&own.unwrap_or_default())?;
        let mut lines = client
            .audit
            .export_ledger(ExportLedgerRequest {})
            .await?
            .into_inner();
        let (sender, receiver) = std::sync::mpsc::sync_channel(256);
        let verifying = tokio::task::spawn_blocking(move || {
            verify(receiver.into_iter().map(Ok::<_, std::io::Error>), &card)
        });
        while let Some(line) = lines.next().await {
            let Some(line) = line?.line else { continue };
            let line = match line {
                Line::Checkpoint(note) => ExportLine::Checkpoint(note),
                Line::Leaf(leaf) => ExportLine::Leaf(leaf),
            };
            let sender = sender.clone();
            let sent = tokio::task::spawn_blocking(move || sender.send(line).is_ok()).await;
            if !matches!(sent, Ok(true)) {
                break;
            }
        }
        drop(sender);
        verifying
            .await
            .map_err(|error| Failure::new(super::exit::SOFTWARE, error.to_string()))?
    }
}

fn verify<E: Into<ledger::tree::ReadError>>(
    lines: impl Iterator<Item = Result<ExportLine, E>>,
    card: &TrustedCard,
) -> Result<(String, VerifiedLedger), Failure> {
    let succession = succession(card);
    ledger::verify_export(
        lines,
        &card.ledger_origin,
        &card.ledger_keys(),
        succession.as_ref(),
    )
    .map(|ledger| (card.country.to_string(), ledger))
    .map_err(|fault| {
        Failure::new(
            DATAERR,
            format!("the ledger of {} does not verify: {fault}", card.country),
        )
    })
}

/// What the card says of the ledger before, where its node was restored.
fn succession(card: &TrustedCard) -> Option<Succession> {
    let renewal = card.renewal.as_ref()?;
    Some(Succession {
        size: renewal.predecessor.size,
        root: renewal.predecessor.root,
        statement: renewal.digest(),
    })
}

impl Prove {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect_operator().await?;
        let proof = client
            .audit
            .prove_record(ProveRecordRequest {
                reference: self.reference,
            })
            .await?
            .into_inner()
            .proof
            .unwrap_or_default();
        let cards = client.cards.list_cards(ListCardsRequest {}).await?;
        let own = cards.into_inner().cards.into_iter().next();
        let card = verified(&own.unwrap_or_default())?;
        if out.json() {
            check_proof(&proof, &card)?;
            return out.value(&json::to_json("comity.ledger.v1.RecordProof", &proof)?);
        }
        show_proof(&proof, &card, out)
    }
}

fn check_proof(proof: &RecordProof, card: &TrustedCard) -> Result<Vec<(u64, LeafBody)>, Failure> {
    ledger::verify_record_proof(proof, &card.ledger_origin, &card.ledger_keys())
        .map_err(|fault| Failure::new(DATAERR, format!("the proof does not hold: {fault}")))
}

fn show_proof(proof: &RecordProof, card: &TrustedCard, out: &mut Out) -> Result<(), Failure> {
    let bodies = check_proof(proof, card)?;
    if out.json() {
        let mut leaves = Vec::new();
        for (index, body) in &bodies {
            let mut value = json::to_json("comity.ledger.v1.LeafBody", body)?;
            if let Some(object) = value.as_object_mut() {
                object.insert("index".to_owned(), (*index).into());
            }
            leaves.push(value);
        }
        return out.value(&serde_json::json!({
            "country": card.country.to_string(),
            "verified": true,
            "leaves": leaves,
        }));
    }
    out.note(&format!(
        "{} leaves are in the ledger of {}, {} of them with their text, as this checkpoint signed by it \
         proves:\n\n{}",
        proof.leaves.len(),
        card.country,
        bodies.len(),
        super::out::printable(&proof.checkpoint).replace("\\n", "\n")
    ));
    out.table(
        &[
            "LEAF", "TIME", "ACTION", "WHO", "WHAT", "RECORD", "PEER", "PURPOSE",
        ],
        bodies
            .iter()
            .map(|(index, body)| leaf_row(*index, body))
            .collect(),
    )
}

impl Export {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect_operator().await?;
        let mut lines = client
            .audit
            .export_ledger(ExportLedgerRequest {})
            .await?
            .into_inner();
        let mut to: Box<dyn io::Write> = match &self.to {
            Some(path) => Box::new(io::BufWriter::new(File::create_new(path).map_err(
                |error| {
                    Failure::new(
                        CANTCREAT,
                        format!("{} cannot be created: {error}", path.display()),
                    )
                },
            )?)),
            None => Box::new(io::BufWriter::new(io::stdout())),
        };
        let mut leaves = 0_u64;
        while let Some(line) = lines.next().await {
            let Some(line) = line?.line else { continue };
            let line = match line {
                Line::Checkpoint(note) => ExportLine::Checkpoint(note),
                Line::Leaf(leaf) => {
                    leaves += 1;
                    ExportLine::Leaf(leaf)
                }
            };
            writeln!(to, "{}", ledger::encode_line(&line))?;
        }
        to.flush()?;
        out.note(&format!("{leaves} leaves exported"));
        Ok(())
    }
}

fn verified(signed: &SignedCard) -> Result<TrustedCard, Failure> {
    verify_stored_card(signed).map_err(|error| Failure::new(DATAERR, error.to_string()))
}

/// A card that evidence is checked with: what was signed while it counted stands after its end.
fn card_of_evidence(path: &Path, out: &mut Out) -> Result<TrustedCard, Failure> {
    let card = card::read_verified(path)?;
    if let Err(fault) = card.check_validity(system_clock()()) {
        out.note(&format!(
            "the card of {}, version {}, does not count now: {fault}. What was signed with its keys is \
             checked all the same; a later card says whether a key was retired since",
            card.country, card.version
        ));
    }
    Ok(card)
}

fn text(path: &PathBuf) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &std::path::Path, error: &io::Error) -> Failure {
    Failure::new(
        NOINPUT,
        format!("{} cannot be read: {error}", path.display()),
    )
}
