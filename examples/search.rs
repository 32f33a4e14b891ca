//! Searches records, in any script, and says why each matches. With a case, whatever the caller may
//! read is searched; without one, situations alone.
//!
//!     cargo run --example search -- PROFILE WORDS [CASE]
#![allow(clippy::print_stdout, reason = "an example says what it did")]

use std::{env, error::Error, path::Path};

use comity::{
    client::{Client, Profile},
    wire::{ledger::ReadingPurpose, node::SearchRequest},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let profile = arguments.next().ok_or("which profile?")?;
    let mut asked = SearchRequest {
        text: arguments.next().ok_or("which words?")?,
        ..Default::default()
    };
    if let Some(case) = arguments.next() {
        asked.reading_purpose = ReadingPurpose::Investigation.into();
        asked.case_reference = case;
    }

    let mut client = Client::connect(&Profile::load(Path::new(&profile))?).await?;
    for hit in client.search(asked).await?.hits {
        let record = hit.record.unwrap_or_default();
        println!("{} {}", record.reference, record.title);
        for reason in hit.reasons {
            println!(
                "  {} = {} in {}",
                reason.asked, reason.written, reason.field
            );
        }
    }
    Ok(())
}
