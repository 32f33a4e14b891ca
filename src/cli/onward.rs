//! `comity onward REF --to COUNTRY[/AUTHORITY]`: passes another country's record on.

use clap::{Args, ValueEnum};

use crate::wire::{
    json,
    node::PassOnRequest,
    record::{CompartmentLabel, CountryRole},
};

use super::{Target, consent::compartment, exit::Failure, out::Out};

/// Pass another country's record on to a third, with its origin's signature.
#[derive(Debug, Args)]
pub(super) struct Onward {
    #[command(flatten)]
    target: Target,
    /// Reference of the record, such as TJ-26-000412-A.
    reference: String,
    /// To whom: a country, or one authority in it, such as KG/state-prosecutor.
    #[arg(long)]
    to: String,
    /// That country's role on the corridor.
    #[arg(long, value_enum, default_value_t = Role::Transit)]
    role: Role,
    /// Which compartments beside the situation, with commas between them.
    #[arg(long, value_delimiter = ',', value_parser = compartment)]
    compartments: Vec<CompartmentLabel>,
    /// Why, in words; the new reader sees it.
    #[arg(long)]
    ground: String,
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
        let request = PassOnRequest {
            reference: self.reference,
            to: self.to,
            role: match self.role {
                Role::Origin => CountryRole::Origin,
                Role::Transit => CountryRole::Transit,
                Role::Destination => CountryRole::Destination,
            }
            .into(),
            compartments: self.compartments.iter().map(|of| (*of).into()).collect(),
            ground: self.ground,
            authority: self.authority,
            idempotency_key: self.key,
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
