//! The report: one page of HTML that prints well. Nothing from elsewhere, no scripts, every text escaped.

mod page;
mod proofs;

use serde_json::Value;

use self::{
    page::Page,
    proofs::{ledger, receipts},
};
use super::{
    View,
    report::LIMITS,
    view::{ItemShown, Shown},
};
use crate::{
    evidence::custody::act_name,
    record::{Moment, compartments::label_name, kind_name, unseen::in_markup},
    wire::{json, record::evidence_step::Act},
};

/// The page.
pub fn report_html(view: &View) -> String {
    let bundle = &view.bundle;
    let title = format!("Evidence request {}", bundle.reference);
    let mut page = Page(String::with_capacity(64 * 1024));
    page.head(&title);
    page.raw(&format!("<header>\n<h1>{}</h1>\n", in_markup(&title)));
    if view.records.iter().any(|of| of.record.exercise) {
        page.raw("<p class=\"exercise\">EXERCISE: all facts are made up.</p>\n");
    }
    let exported = bundle
        .exported_at
        .as_ref()
        .map(Moment::from)
        .unwrap_or_default();
    page.list(&[
        ("From", bundle.issuing.clone()),
        ("To", bundle.executing.clone()),
        ("For", bundle.court.clone()),
        (
            "Made",
            format!(
                "{} by the node of {} ({})",
                second(exported),
                bundle.exported_by,
                bundle.software
            ),
        ),
        (
            "SHA-256 of the signed request",
            hex::encode(&bundle.request_digest),
        ),
        ("Left out", labels(&bundle.left_out)),
    ]);
    page.raw("</header>\n");
    how_to_check(&mut page, view);
    if let Some((request, steps)) = view.records.split_first() {
        page.section("The request", "The words that were signed, field by field.");
        fields(&mut page, request);
        page.raw("</section>\n");
        all_steps(&mut page, steps);
    }
    items(&mut page, view);
    receipts(&mut page, view);
    ledger(&mut page, view);
    page.section("What no bundle proves", "Whatever the signatures:");
    page.bullets(&LIMITS.map(str::to_owned), "");
    page.raw("</section>\n</body>\n</html>\n");
    page.0
}

/// A moment to the second, in UTC.
fn second(at: Moment) -> String {
    let text = at.to_string();
    text.get(..19).map_or(text.clone(), |text| {
        format!("{} UTC", text.replace('T', " "))
    })
}

fn labels(numbers: &[u32]) -> String {
    let names: Vec<String> = numbers
        .iter()
        .map(|number| {
            let label = i32::try_from(*number)
                .ok()
                .and_then(|number| number.try_into().ok());
            label.map_or_else(|| number.to_string(), |label| label_name(label).to_owned())
        })
        .collect();
    names.join(", ")
}

fn how_to_check(page: &mut Page, view: &View) {
    page.section(
        "How to check this",
        "This page was made of the signed files beside it. It proves nothing by itself: whoever relies on it has the \
         bundle verified, on a machine of their own, with the fingerprints that each country gave them.",
    );
    let roots: Vec<String> = view
        .cards
        .iter()
        .map(|card| format!("--root {}=\"{}\"", card.country, card.fingerprint()))
        .collect();
    let command = format!("comity verify BUNDLE {}", roots.join(" "));
    page.raw(&format!("<pre>{}</pre>\n", in_markup(&command)));
    let rows: Vec<Vec<String>> = view
        .cards
        .iter()
        .map(|card| {
            vec![
                card.country.code().to_owned(),
                card.version.to_string(),
                card.fingerprint().to_string(),
                card.digest.to_string(),
            ]
        })
        .collect();
    page.table(
        &[
            "Country",
            "Card",
            "Fingerprint of its root, to compare with the country",
            "SHA-256 of the card",
        ],
        &rows,
        &[3],
    );
    page.raw("</section>\n");
}

/// Everything that a record says, as names and values.
fn fields(page: &mut Page, shown: &Shown) {
    let value = json::to_json("comity.record.v1.Record", &shown.record).unwrap_or_default();
    let mut rows = Vec::new();
    flatten("", &value, &mut rows);
    page.table(&["Field", "Value"], &rows, &[0]);
}

fn flatten(path: &str, value: &Value, rows: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                flatten(&path, value, rows);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{index}]"), item, rows);
            }
        }
        // Keys of files open nothing that is not here, and custody has a table of its own.
        _ if path.ends_with("].key") || path.contains("].custody[") => {}
        Value::String(text) => rows.push(vec![path.to_owned(), text.clone()]),
        other => rows.push(vec![path.to_owned(), other.to_string()]),
    }
}

fn all_steps(page: &mut Page, steps: &[Shown]) {
    page.section(
        "The steps",
        "In the order of the files; each side counts its own.",
    );
    let rows: Vec<Vec<String>> = steps
        .iter()
        .map(|shown| {
            let step = shown.step();
            let at = shown
                .record
                .submitted_at
                .as_ref()
                .map(Moment::from)
                .unwrap_or_default();
            vec![
                shown.record.reference.clone(),
                shown.origin.code().to_owned(),
                step.map_or(String::new(), |step| step.number.to_string()),
                step.and_then(|step| step.act.as_ref()).map_or_else(
                    || kind_name(&shown.record).unwrap_or_default().to_owned(),
                    |act| act_title(act).to_owned(),
                ),
                second(at),
                shown.record.authority.clone(),
                shown.digest.to_string(),
            ]
        })
        .collect();
    page.table(
        &[
            "Record",
            "By",
            "No.",
            "Step",
            "Submitted",
            "Authority",
            "SHA-256 of the header",
        ],
        &rows,
        &[6],
    );
    for shown in steps {
        page.raw(&format!(
            "<h3>{}</h3>\n",
            in_markup(&shown.record.reference)
        ));
        fields(page, shown);
    }
    page.raw("</section>\n");
}

/// A step, as officers say it.
const fn act_title(act: &Act) -> &'static str {
    match act {
        Act::Acknowledged(_) => "acknowledged",
        Act::InformationRequested(_) => "information requested",
        Act::InformationAnswered(_) => "information answered",
        Act::Recognised(_) => "recognised",
        Act::Refused(_) => "refused",
        Act::Postponed(_) => "postponed",
        Act::ExecutionBegun(_) => "execution begun",
        Act::Extended(_) => "clock extended",
        Act::Delay(_) => "delay notice",
        Act::Executed(_) => "executed",
        Act::Transferred(_) => "transferred",
        Act::OriginalsReturned(_) => "originals returned",
        Act::OriginalsReceived(_) => "originals received",
        Act::Withdrawn(_) => "withdrawn",
        Act::Closed(_) => "closed",
        Act::Reassigned(_) => "reassigned",
        Act::ItemsArrived(_) => "items arrived",
        Act::Note(_) => "note",
    }
}

fn items(page: &mut Page, view: &View) {
    page.section(
        "The items",
        "Files lie below data/items. A signed record fixes each one's size and Merkle root; SHA-256 is what common tools compute.",
    );
    let rows: Vec<Vec<String>> = view.items.iter().map(item_row).collect();
    page.table(
        &["Item", "File", "Bytes", "SHA-256", "Merkle root"],
        &rows,
        &[3, 4],
    );
    for shown in &view.items {
        page.raw(&format!(
            "<h3>Custody of {}</h3>\n",
            in_markup(&shown.item.name)
        ));
        custody(page, shown);
    }
    page.raw("</section>\n");
}

fn item_row(shown: &ItemShown) -> Vec<String> {
    let item = &shown.item;
    let file = match (
        shown.entry.file.as_str(),
        shown.entry.left_out.as_str(),
        item.root.is_empty(),
    ) {
        ("", _, true) => "a thing".to_owned(),
        ("", why, false) => format!("left out: {why}"),
        (file, ..) => file.to_owned(),
    };
    vec![
        format!("{}: {}", item.name, item.description),
        file,
        if item.root.is_empty() {
            String::new()
        } else {
            item.size.to_string()
        },
        hex::encode(&shown.entry.sha256),
        hex::encode(&item.root),
    ]
}

fn custody(page: &mut Page, shown: &ItemShown) {
    let rows: Vec<Vec<String>> = shown
        .chain
        .hands()
        .iter()
        .map(|of| {
            vec![
                format!("{} {}", of.country, of.number),
                act_name(of.act).to_owned(),
                second(of.at),
                of.place.clone(),
                of.authority.clone(),
                of.by.clone(),
                of.reason.clone(),
                of.digest.to_string(),
            ]
        })
        .collect();
    page.table(
        &[
            "No.",
            "What",
            "When",
            "Where",
            "Authority",
            "Who",
            "Why",
            "SHA-256 of the entry",
        ],
        &rows,
        &[7],
    );
    let findings: Vec<String> = shown
        .chain
        .findings()
        .iter()
        .map(ToString::to_string)
        .collect();
    if !findings.is_empty() {
        page.bullets(&findings, "gaps");
    }
}
