//! `comity agreements list|check|reload`: what is sent to other countries and accepted from them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    config::{agreements, evidence},
    home::Home,
    wire::{
        json,
        node::{AgreementSummary, AgreementTerms, ListAgreementsRequest, ReloadAgreementsRequest},
    },
};

use super::{
    Target,
    exit::{CONFIG, Failure},
    out::Out,
};

/// List and check the agreements with other countries.
#[derive(Debug, Subcommand)]
pub(super) enum Agreements {
    /// List the agreements that the node applies.
    List(OfNode),
    /// Check the files in a home, without a node.
    Check(Check),
    /// Let the node read the files again; when one is broken, those in force stay.
    Reload(OfNode),
}

#[derive(Debug, Args)]
pub(super) struct OfNode {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
}

impl Agreements {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::List(of) => list(of, out).await,
            Self::Check(check) => check.carry_out(out),
            Self::Reload(of) => reload(of, out).await,
        }
    }
}

async fn list(of: OfNode, out: &mut Out) -> Result<(), Failure> {
    let mut client = of.target.connect_operator().await?;
    let answer = client.sharing.list_agreements(ListAgreementsRequest {});
    let agreements = answer.await?.into_inner().agreements;
    if out.json() {
        for agreement in &agreements {
            out.value(&json::to_json(
                "comity.node.v1.AgreementSummary",
                agreement,
            )?)?;
        }
        return Ok(());
    }
    let rows = agreements.iter().flat_map(rows).collect();
    out.table(
        &[
            "COUNTRY",
            "VALID",
            "DIRECTION",
            "KINDS",
            "COMPARTMENTS",
            "PURPOSES",
            "TITLE",
        ],
        rows,
    )?;
    if agreements.is_empty() {
        out.note("no agreement: roles on the corridor and the submitter alone decide");
    }
    Ok(())
}

fn rows(agreement: &AgreementSummary) -> Vec<Vec<String>> {
    let or = |day: &str, without: &str| {
        if day.is_empty() {
            without.to_owned()
        } else {
            day.to_owned()
        }
    };
    let valid = format!(
        "{} to {}{}",
        or(&agreement.valid_from, "ever"),
        or(&agreement.valid_until, "ever"),
        if agreement.in_force {
            ""
        } else {
            " NOT IN FORCE"
        },
    );
    [
        ("we send", &agreement.send),
        ("we accept", &agreement.accept),
        ("they accept", &agreement.they_accept),
    ]
    .into_iter()
    .filter_map(|(direction, terms)| {
        let AgreementTerms {
            kinds,
            all_kinds,
            compartments,
            all_compartments,
            purposes,
            all_purposes,
        } = terms.as_ref()?;
        Some(vec![
            agreement.country.clone(),
            valid.clone(),
            direction.to_owned(),
            listed(*all_kinds, kinds, ""),
            listed(*all_compartments, compartments, ""),
            listed(*all_purposes, purposes, "TRANSFER_PURPOSE_"),
            agreement.title.clone(),
        ])
    })
    .collect()
}

fn listed(all: bool, names: &[String], prefix: &str) -> String {
    match (all, names) {
        (true, _) => "all".to_owned(),
        (false, []) => "none".to_owned(),
        (false, names) => names
            .iter()
            .map(|name| name.strip_prefix(prefix).unwrap_or(name))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

impl Check {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let home = Home::open(&self.home)?;
        let (agreements, files) = agreements::load(&home.layout().agreements())
            .map_err(|error| Failure::new(CONFIG, error.to_string()))?;
        let layout = home.layout();
        let (terms, others) = evidence::load(&layout.profiles(), &layout.calendars())
            .map_err(|error| Failure::new(CONFIG, error.to_string()))?;
        evidence::check_agreements(&agreements, &terms)
            .map_err(|error| Failure::new(CONFIG, error.to_string()))?;
        let count = agreements.iter().count();
        if out.json() {
            return out.value(&serde_json::json!({
                "sound": true,
                "files": files.iter().map(|(name, _)| name).collect::<Vec<_>>(),
                "profiles_and_calendars": others.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            }));
        }
        let others = match others.len() {
            0 => String::new(),
            some => format!("; {some} profiles and calendars of the home with them"),
        };
        out.line(&format!("{count} agreements, all sound{others}"))
    }
}

async fn reload(of: OfNode, out: &mut Out) -> Result<(), Failure> {
    let mut client = of.target.connect_operator().await?;
    let answer = client.sharing.reload_agreements(ReloadAgreementsRequest {});
    let count = answer.await?.into_inner().count;
    if out.json() {
        return out.value(&serde_json::json!({ "agreements": count }));
    }
    out.line(&format!("{count} agreements are in force"))
}
