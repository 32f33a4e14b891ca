//! Submits a record, given as canonical JSON, and waits until it is durable.
//!
//!     cargo run --example submit -- PROFILE FILE [KEY]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example says what it did"
)]

use std::{env, error::Error, fs, path::Path};

use comity::{
    client::{Client, ClientError, Profile},
    wire::{json, record::Record},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let profile = arguments.next().ok_or("which profile?")?;
    let file = arguments.next().ok_or("which record?")?;
    let key = arguments.next();

    let record: Record = json::from_json("comity.record.v1.Record", &fs::read_to_string(file)?)?;
    let mut client = Client::connect(&Profile::load(Path::new(&profile))?).await?;
    let submitted = match key {
        Some(key) => client.submit_with_key(record, key).await,
        None => client.submit(record).await,
    };
    match submitted {
        Ok(accepted) => println!("{}", accepted.reference),
        Err(ClientError::Refused(refused)) => {
            for violation in refused.violations() {
                eprintln!(
                    "{}: {} ({})",
                    violation.field, violation.message, violation.rule
                );
            }
            return Err(refused.into());
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
