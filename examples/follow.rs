//! Follows a subscription, which it makes if it is not there, and prints what it delivers, one line each;
//! acknowledges each line once it is written. It goes on where it was, however it ended.
//!
//!     cargo run --example follow -- PROFILE NAME
#![allow(clippy::print_stdout, reason = "an example says what it did")]

use std::{env, error::Error, path::Path, time::Duration};

use comity::{
    client::{Client, Profile},
    feed::delivered::to_json,
    wire::node::{CreateSubscriptionRequest, SubscriptionStart, subscription_start::At},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let profile = arguments.next().ok_or("which profile?")?;
    let name = arguments.next().ok_or("which subscription?")?;

    let mut client = Client::connect(&Profile::load(Path::new(&profile))?).await?;
    let at = Some(At::Beginning(true));
    let asked = CreateSubscriptionRequest {
        name: name.clone(),
        start: Some(SubscriptionStart { at }),
        ..Default::default()
    };
    client.subscribe(asked).await?;
    let mut following = client.with_patience(Duration::MAX).follow(name).await?;
    loop {
        let received = following.next().await?;
        // Notices among them: what was recalled is to be deleted here too.
        println!("{}", to_json(&received.delivered)?);
        following.acknowledge(&received).await?;
    }
}
