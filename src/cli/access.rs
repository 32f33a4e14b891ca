//! `comity access show|propose|check|table`: who may do what, and how that changes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    access::{self, MAX_BYTES, PrincipalKind, Table},
    record::{Moment, compartments::label_name},
    wire::{
        json,
        node::{ExplainDecisionRequest, GetPermissionsRequest, ProposePermissionsRequest},
        record::CompartmentLabel,
    },
};

use super::{
    Target,
    exit::{DATAERR, Failure},
    input::read_text,
    out::{Out, moment, printable},
};

/// Show who may do what, propose other permissions, explain a decision.
#[derive(Debug, Subcommand)]
pub(super) enum Access {
    /// Show the permissions in force, since when, and who approved them.
    Show(Show),
    /// Propose other permissions; a second person puts them in force.
    Propose(Propose),
    /// Explain why somebody may do something, or what is missing. Shows no contents.
    Check(Check),
    /// Write the permissions that are built in, row by row: where a table of one's own begins.
    Table(Builtin),
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    target: Target,
    /// The table alone, as `comity access propose` takes it.
    #[arg(long)]
    table: bool,
}

#[derive(Debug, Args)]
pub(super) struct Propose {
    #[command(flatten)]
    target: Target,
    /// The table, as `comity access show --table` writes it; `-` for standard input.
    file: String,
    /// Why, without personal data; who approves sees it.
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Home of the node; whoever it is about asks, if their key is there, or else its first operator,
    /// who learns of no record [env: COMITY_HOME].
    #[arg(long, conflicts_with = "profile")]
    home: Option<PathBuf>,
    /// Client profile of who asks [env: COMITY_PROFILE].
    #[arg(long)]
    profile: Option<PathBuf>,
    /// Whose decision, such as officer/n.karimova; `officer/` may be left out [default: whoever asks].
    #[arg(
        long = "as",
        value_name = "PRINCIPAL",
        default_value = "",
        hide_default_value = true
    )]
    of: String,
    /// The action, such as read or export-court.
    #[arg(long)]
    action: String,
    /// Of which record.
    #[arg(default_value = "", hide_default_value = true)]
    reference: String,
}

#[derive(Debug, Args)]
pub(super) struct Builtin {
    /// As docs/ACCESS.md explains them.
    #[arg(long)]
    markdown: bool,
}

impl Access {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Show(show) => show.carry_out(out).await,
            Self::Propose(propose) => propose.carry_out(out).await,
            Self::Check(check) => check.carry_out(out).await,
            Self::Table(table) => {
                let text = match table.markdown {
                    true => access::page(),
                    false => Table::default().to_toml(),
                };
                out.line(text.trim_end())?;
                out.note("these are the permissions built in; `comity access show` shows those in force at a node");
                Ok(())
            }
        }
    }
}

impl Show {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect_operator().await?;
        let answer = client
            .access
            .get_permissions(GetPermissionsRequest {})
            .await?;
        let answer = answer.into_inner();
        if out.json() {
            let value = json::to_json("comity.node.v1.GetPermissionsResponse", &answer)?;
            return out.value(&value);
        }
        if !answer.note.is_empty() {
            out.note(&format!("IGNORED  {}", printable(&answer.note)));
        }
        if !self.table {
            let digest = hex::encode(&answer.digest);
            let since = moment(Moment::from_micros(answer.since_us));
            out.line(&format!("# in force since {since}"))?;
            out.line(&format!("# SHA-256 {digest}"))?;
            let how = match (&*answer.proposed_by, &*answer.approved_by) {
                ("", _) => "the node's first, or put in force by one person: the ledger says who"
                    .to_owned(),
                (by, approved) => format!(
                    "proposed by {by}, approved by {approved} ({})",
                    answer.approval_id
                ),
            };
            out.line(&format!("# {}", printable(&how)))?;
        }
        for line in answer.table.trim_end().lines() {
            out.line(&printable(line))?;
        }
        Ok(())
    }
}

impl Propose {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let text = read_text(&self.file, MAX_BYTES.saturating_add(1), "any table")?;
        // Said with line and field before anybody is asked.
        Table::read(&text).map_err(|fault| Failure::new(DATAERR, fault.to_string()))?;
        let mut client = self.target.connect_operator().await?;
        let request = ProposePermissionsRequest {
            table: text,
            note: self.note,
        };
        let answer = client
            .access
            .propose_permissions(request)
            .await?
            .into_inner();
        if out.json() {
            let value = json::to_json("comity.node.v1.ProposePermissionsResponse", &answer)?;
            return out.value(&value);
        }
        for line in &answer.changes {
            out.note(&printable(line));
        }
        if answer.approval_id.is_empty() {
            return out.line("in force");
        }
        out.line(&answer.approval_id)?;
        out.note(&format!(
            "nothing is changed yet: a second person approves it until {}: comity approvals approve {}",
            moment(Moment::from_micros(answer.expires_us)),
            answer.approval_id
        ));
        Ok(())
    }
}

impl Check {
    /// Who asks: whoever it is about, where the home has their key, since nobody else learns of the
    /// records that they may list; or else the operator.
    fn asker(&self) -> Target {
        let of = |as_whom| Target {
            home: self.home.clone(),
            profile: self.profile.clone(),
            as_whom,
        };
        let about = of(Some(self.of.clone()).filter(|name| !name.is_empty()));
        match about.profile(PrincipalKind::Operator) {
            Ok(_) => about,
            Err(_) => of(None),
        }
    }

    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.asker().connect_operator().await?;
        let request = ExplainDecisionRequest {
            principal: self.of,
            action: self.action.clone(),
            reference: self.reference,
        };
        let answer = client.access.explain_decision(request).await?.into_inner();
        if out.json() {
            let value = json::to_json("comity.node.v1.ExplainDecisionResponse", &answer)?;
            return out.value(&value);
        }
        let desk = "the country's desk".to_owned();
        let authority = Some(answer.authority).filter(|name| !name.is_empty());
        out.line(&format!(
            "{}, of {}, with the roles {}",
            answer.principal,
            authority.unwrap_or(desk),
            answer.roles.join(", ")
        ))?;
        if answer.allowed {
            out.line(&format!("may `{}`", printable(&self.action)))?;
        } else {
            let missing = printable(&answer.missing);
            out.line(&format!("may not `{}`: {missing}", printable(&self.action)))?;
        }
        let named = |label: CompartmentLabel| match label {
            CompartmentLabel::Unspecified => String::new(),
            label => format!("{}: ", label_name(label)),
        };
        for row in &answer.rows {
            let label = named(row.compartment());
            out.line(&format!("  {label}by row {}: {}", row.row, row.says))?;
        }
        for of in &answer.withheld {
            let label = named(of.compartment());
            out.line(&format!("  {label}not: {}", of.reason))?;
        }
        for line in &answer.second_person {
            out.line(&format!("  a second person is needed for {line}"))?;
        }
        out.line(&format!("table {}", hex::encode(&answer.digest)))
    }
}
