//! Handling that the node enforces: consent asked, refused, granted and used, export for court,
//! records passed on.

mod clock;
mod court;
mod forged;
mod late;
mod onward;
mod revoked;
mod superseded;
mod unheard;
mod victims;

use comity::wire::{json, record::Record};
use serde_json::{Value, json};

use crate::support::{Country, comity, eventually, json_of};

/// An exercise alert of TJ with suspects, under these markings.
fn marked(title: &str, to: &[&str], tlp: &str, handling: &[&str]) -> Record {
    let mut value = json_of(title, to);
    value["marking"] = json!({ "tlp": tlp, "handling": handling });
    value["suspects"] = json!({ "suspects": [{
        "names": [{ "text": "EXERCISE Namuna", "language": "en" }],
    }]});
    json::from_json("comity.record.v1.Record", &value.to_string()).unwrap()
}

/// Requests as a country sees them, newest first.
async fn consents(at: &Country) -> Vec<Value> {
    let list = ["consent", "list", "--home", at.at(), "--output", "json"];
    let said = comity(&list).await.fine();
    said.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Waits until the newest request is in this state.
async fn stands(at: &Country, state: &str) -> Value {
    eventually(&format!("{} sees {state}", at.code), async || {
        let newest = consents(at).await.into_iter().next()?;
        (newest["state"] == state).then_some(newest)
    })
    .await
}

/// Asks for consent; answers the request's reference once the origin has it.
async fn ask(at: &Country, origin: &Country, reference: &str, of: &[&str]) -> String {
    let fixed = [
        "consent",
        "request",
        reference,
        "--home",
        at.at(),
        "--ground",
        "EXERCISE: a trial",
    ];
    let request = comity(&[&fixed[..], of].concat()).await.fine();
    let request = request.trim().to_owned();
    origin.receives(&request).await;
    request
}

/// Grants or refuses; waits until the requester knows.
async fn answer(origin: &Country, at: &Country, request: &str, of: &[&str], state: &str) {
    let fixed = [&["consent"], of, &[request, "--home", origin.at()]].concat();
    comity(&fixed).await.fine();
    stands(at, state).await;
}
