//! `comity onward REF --to COUNTRY[/AUTHORITY]`: passes another country's record on;
//! `comity onward --list`: what was passed on, and what became of each original since.

use clap::{Args, ValueEnum};

use crate::wire::{
    json,
    node::{ListPassedOnRequest, PassOnRequest, PassedOnRecord},
    record::{CompartmentLabel, CountryRole},
};

use super::{Target, consent::compartment, exit::Failure, out::Out};

/// Pass another country's record on to a third, with its origin's signature.
#[derive(Debug, Args)]
pub(super) struct Onward {
    #[command(flatten)]
    target: Target,
    /// Reference of the record, such as TJ-26-000412-A.
    #[arg(required_unless_present = "list", conflicts_with = "list")]
    reference: Option<String>,
    /// Show what was passed on, to whom, and whether the original was amended or recalled since.
    #[arg(long)]
    list: bool,
    /// To whom: a country, or one authority in it, such as KG/state-prosecutor.
    #[arg(long, required_unless_present = "list")]
    to: Option<String>,
    /// That country's role on the corridor.
    #[arg(long, value_enum, default_value_t = Role::Transit)]
    role: Role,
    /// Which compartments beside the situation, with commas between them.
    #[arg(long, value_delimiter = ',', value_parser = compartment)]
    compartments: Vec<CompartmentLabel>,
    /// Why, in words; the new reader sees it.
    #[arg(long, required_unless_present = "list")]
    ground: Option<String>,
    /// This very version, though a newer one replaced it.
    #[arg(long)]
    exact: bool,
    /// The authority that passes it on.
    #[arg(long, default_value = "", hide_default_value = true)]
    authority: String,
    /// Idempotency key: a repeat with the same key returns the first answer.
    #[arg(long, default_value = "", hide_default_value = true)]
    key: String,
}

/// A country's role on the corridor.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Where victims are recruited.
    Origin,
    /// Where victims pass through.
    Transit,
    /// Where victims are exploited.
    Destination,
}

impl Onward {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        if self.list {
            let answer = client.consents.list_passed_on(ListPassedOnRequest {});
            return list(&answer.await?.into_inner().records, out);
        }
        let request = PassOnRequest {
            reference: self.reference.unwrap_or_default(),
            to: self.to.unwrap_or_default(),
            role: match self.role {
                Role::Origin => CountryRole::Origin,
                Role::Transit => CountryRole::Transit,
                Role::Destination => CountryRole::Destination,
            }
            .into(),
            compartments: self.compartments.iter().map(|of| (*of).into()).collect(),
            ground: self.ground.unwrap_or_default(),
            authority: self.authority,
            idempotency_key: self.key,
            exact: self.exact,
        };
        let answer = client.consents.pass_on(request).await?.into_inner();
        if !out.json() {
            return out.line(&answer.reference);
        }
        let mut value = json::to_json("comity.node.v1.PassOnResponse", &answer)?;
        if let Some(object) = value.as_object_mut() {
            let digest = hex::encode(&answer.header_digest);
            object.insert("headerDigest".to_owned(), digest.into());
        }
        out.value(&value)
    }
}

fn list(records: &[PassedOnRecord], out: &mut Out) -> Result<(), Failure> {
    if out.json() {
        for record in records {
            out.value(&json::to_json("comity.node.v1.PassedOnRecord", record)?)?;
        }
        return Ok(());
    }
    let rows = records.iter().map(|of| {
        let name = of.state().as_str_name().to_lowercase();
        let state = name.strip_prefix("record_state_").unwrap_or(&name);
        let todo = match (of.newest.as_str(), of.recalled) {
            (_, true) => "recalled there".to_owned(),
            ("", false) => String::new(),
            (newest, false) => format!("pass on {newest}"),
        };
        vec![
            of.reference.clone(),
            of.readers.join(", "),
            of.original.clone(),
            state.to_owned(),
            todo,
        ]
    });
    out.table(
        &["PASSED ON AS", "TO", "ORIGINAL", "NOW", "TO DO"],
        rows.collect(),
    )
}
