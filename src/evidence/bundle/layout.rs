//! Which file of a bundle holds what. Parts are the canonical JSON of their messages, indented, with one
//! newline at the end: the same parts give the same bytes.

use prost::Message;

use super::{View, case_uco, html};
use crate::wire::{bundle::BundleParts, json};

/// What the bundle is about.
pub const BUNDLE: &str = "data/bundle.json";
/// The report for people.
pub const REPORT: &str = "data/report.html";
/// CASE/UCO JSON-LD.
pub const CASE_UCO: &str = "data/case-uco.jsonld";
/// Receipts.
pub const RECEIPTS: &str = "data/receipts.json";
/// Consents.
pub const CONSENTS: &str = "data/consents.json";
/// Ledger leaves.
pub const LEDGER: &str = "data/ledger.json";
/// Folder of the items.
pub const ITEMS: &str = "data/items/";
/// Folder of the cards.
pub const CARDS: &str = "data/cards/";

/// The file of a country's card.
pub fn card(country: &str) -> String {
    format!("{CARDS}{country}.json")
}

/// The file of a record's signed header, ciphertexts and openings; `number` from 0.
pub fn record(number: usize) -> String {
    format!("data/records/{:04}.json", number.saturating_add(1))
}

/// The file of a record's text.
pub fn content(number: usize) -> String {
    format!("data/records/{:04}-content.json", number.saturating_add(1))
}

/// The file of an item's custody.
pub fn custody(number: usize) -> String {
    format!("data/custody/{:04}.json", number.saturating_add(1))
}

/// The name of an item's file below [`ITEMS`], of the name that its record gives it.
pub fn item_file(number: usize, name: &str) -> String {
    let name = super::names::made_of(name, 80);
    let number = number.saturating_add(1);
    match name.as_str() {
        "" => format!("{number:04}"),
        name => format!("{number:04}-{name}"),
    }
}

/// The text of a part.
///
/// # Errors
/// [`json::JsonError`] when the message has no JSON form.
pub fn text<M: Message>(name: &str, message: &M) -> Result<Vec<u8>, json::JsonError> {
    Ok(pretty(&json::to_json(name, message)?))
}

/// A JSON value as bundles have it.
pub fn pretty(value: &serde_json::Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// Every file of the payload but the items, whose digests stand in `parts` already.
///
/// # Errors
/// [`json::JsonError`] when a part has no JSON form.
pub fn files(parts: &BundleParts, view: &View) -> Result<Vec<(String, Vec<u8>)>, json::JsonError> {
    let mut files = Vec::new();
    let mut add = |path: String, bytes| files.push((path, bytes));
    let of = |name: &str| format!("comity.bundle.v1.{name}");
    let bundle = parts.bundle.clone().unwrap_or_default();
    add(BUNDLE.to_owned(), text(&of("Bundle"), &bundle)?);
    for (signed, shown) in parts.cards.iter().zip(&view.cards) {
        let bytes = text("comity.card.v1.SignedCard", signed)?;
        add(card(shown.country.code()), bytes);
    }
    for (number, bundled) in parts.records.iter().enumerate() {
        add(record(number), text(&of("BundledRecord"), bundled)?);
    }
    for (number, shown) in view.records.iter().enumerate() {
        let bytes = text("comity.record.v1.Record", &shown.record)?;
        add(content(number), bytes);
    }
    for (number, entries) in parts.custody.iter().enumerate() {
        add(custody(number), text(&of("BundledCustody"), entries)?);
    }
    let receipts = parts.receipts.clone().unwrap_or_default();
    add(
        RECEIPTS.to_owned(),
        text(&of("BundledReceipts"), &receipts)?,
    );
    let consents = parts.consents.clone().unwrap_or_default();
    add(
        CONSENTS.to_owned(),
        text(&of("BundledConsents"), &consents)?,
    );
    let ledger = parts.ledger.clone().unwrap_or_default();
    add(LEDGER.to_owned(), text(&of("BundledLedger"), &ledger)?);
    add(REPORT.to_owned(), html::report_html(view).into_bytes());
    add(CASE_UCO.to_owned(), pretty(&case_uco::case_uco(view)));
    Ok(files)
}
