//! Prints every record as it becomes durable at the node, one line each; goes on where it was when
//! the node was away. Given a position, it begins there.
//!
//!     cargo run --example watch -- PROFILE [POSITION]
#![allow(clippy::print_stdout, reason = "an example says what it did")]

use std::{env, error::Error, path::Path, time::Duration};

use comity::client::{Client, Profile, Start};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let profile = arguments.next().ok_or("which profile?")?;
    let start = match arguments.next() {
        Some(position) => Start::After(position.parse()?),
        None => Start::Beginning,
    };

    let client = Client::connect(&Profile::load(Path::new(&profile))?).await?;
    let mut watch = client
        .with_patience(Duration::MAX)
        .watch(start, false)
        .await?;
    loop {
        let news = watch.next().await?;
        let record = &news.record;
        // Keep the position once the record was dealt with: the next run begins after it.
        println!(
            "{} {} {} {}",
            news.position, record.reference, record.origin, record.title
        );
    }
}
