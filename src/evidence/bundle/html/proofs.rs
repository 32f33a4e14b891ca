//! What proves the rest: receipts and the ledger.

use super::{page::Page, second};
use crate::{
    envelope::ReceiptType,
    evidence::bundle::View,
    record::{Moment, unseen::in_markup},
    wire::ledger::Action,
};

pub(super) fn receipts(page: &mut Page, view: &View) {
    page.section(
        "Receipts",
        "What each country's node signed about the records of the other.",
    );
    let reference = |digest: &[u8]| {
        let found = view
            .records
            .iter()
            .find(|of| of.digest.as_bytes()[..] == *digest);
        found.map_or_else(|| hex::encode(digest), |of| of.record.reference.clone())
    };
    let rows: Vec<Vec<String>> = view
        .receipts
        .iter()
        .map(|of| {
            vec![
                reference(&of.header_digest),
                receipt_name(of.r#type()).to_owned(),
                of.issuer.clone(),
                second(Moment::from_micros(of.time_us)),
                of.authority.clone(),
            ]
        })
        .collect();
    page.table(
        &["Record", "What", "Signed by", "When", "Authority"],
        &rows,
        &[],
    );
    page.raw("</section>\n");
}

const fn receipt_name(kind: ReceiptType) -> &'static str {
    match kind {
        ReceiptType::Unspecified => "",
        ReceiptType::SubmissionAcceptance => "accepted for sending",
        ReceiptType::Delivery => "delivered",
        ReceiptType::NonDelivery => "not delivered",
        ReceiptType::Retrieval => "opened by an officer",
        ReceiptType::Acknowledged => "taken in charge",
        ReceiptType::Erased => "erased",
        ReceiptType::Held => "held",
    }
}

pub(super) fn ledger(page: &mut Page, view: &View) {
    page.section(
        "The ledger",
        &format!(
            "Leaves about the records and the custody entries in the ledger of {}; data/ledger.json has the path of each to the \
             signed head below.",
            view.bundle.exported_by
        ),
    );
    let rows: Vec<Vec<String>> = view
        .leaves
        .iter()
        .map(|(index, body)| {
            let action = Action::try_from(body.action)
                .unwrap_or_default()
                .as_str_name();
            vec![
                index.to_string(),
                second(Moment::from_micros(body.time_us)),
                action
                    .strip_prefix("ACTION_")
                    .unwrap_or(action)
                    .to_lowercase(),
                body.actor.clone(),
                body.detail.clone(),
                body.reference.clone(),
            ]
        })
        .collect();
    page.table(
        &["Leaf", "When", "What", "Who", "Detail", "Record"],
        &rows,
        &[],
    );
    let lines: Vec<String> = view.checkpoint.split('\n').map(in_markup).collect();
    page.raw(&format!(
        "<h3>Signed head</h3>\n<pre>{}</pre>\n</section>\n",
        lines.join("\n")
    ));
}
