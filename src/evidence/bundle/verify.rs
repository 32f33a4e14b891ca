//! Verifying a bundle, whoever made it: every bound first, then every digest, then every signature.

use std::collections::BTreeMap;

use super::{
    RENDERING, Report, Source, View,
    case_uco::case_uco,
    checks::{self, Given},
    html::report_html,
    layout, names,
    opened::{Bag, Refused, open, parts, refused},
};
use crate::{
    card::Fingerprint,
    record::{Country, Moment},
    wire::bundle::BundleParts,
};

/// Fingerprints of country roots that whoever verifies compared.
pub type Pinned = BTreeMap<Country, Fingerprint>;

/// Verifies a bundle against the fingerprints given; without any, in itself alone. `progress` is told of
/// every byte of an item that was read.
pub fn verify(source: &mut dyn Source, pinned: &Pinned, progress: &mut dyn FnMut(u64)) -> Report {
    let mut report = Report::default();
    if let Err(Refused { reason, says }) = judged(source, pinned, progress, &mut report) {
        report.against("files", "bundle", &reason, says);
    }
    report.settle();
    report
}

fn judged(
    source: &mut dyn Source,
    pinned: &Pinned,
    progress: &mut dyn FnMut(u64),
    report: &mut Report,
) -> Result<(), Refused> {
    let mut bag = open(source)?;
    let parts = parts(&bag)?;
    let bundle = parts.bundle.clone().unwrap_or_default();
    report.bundle = Some(bundle.clone());
    let party = |code: &str| {
        let parsed = code.parse::<Country>();
        parsed.or_else(|_| {
            refused(
                "index",
                format!(
                    "bundle.json names no country with `{}`.",
                    names::shown(code)
                ),
            )
        })
    };
    let (issuing, executing) = (party(&bundle.issuing)?, party(&bundle.executing)?);
    let exporter = party(&bundle.exported_by)?;
    if issuing == executing || ![issuing, executing].contains(&exporter) {
        return refused("index", "bundle.json names parties that no request has.");
    }
    let contents: Vec<Option<Vec<u8>>> = (0..bundle.records.len())
        .map(|number| bag.read.get(&layout::content(number)).cloned())
        .collect();
    let given = Given {
        bundle: &bundle,
        parts: &parts,
        contents: &contents,
        issuing,
        executing,
        exporter,
        exported_at: bundle
            .exported_at
            .as_ref()
            .map(Moment::from)
            .unwrap_or_default(),
    };
    let ground = checks::all(&given, pinned, report);
    checks::items(source, &mut bag, &given, &ground, progress, report)?;
    rendered(&bag, &parts, report);
    if bag.altered.is_empty() {
        let says = format!(
            "{} files are those that the manifest lists, bit by bit.",
            bag.listed.len()
        );
        report.proved("files", "bundle", says, &[]);
    }
    for path in &bag.altered {
        report.against(
            "files",
            path,
            "file-digest",
            "The file is another than the manifest lists.",
        );
    }
    Ok(())
}

/// The report and the JSON-LD are made again of the parts and compared.
fn rendered(bag: &Bag, parts: &BundleParts, report: &mut Report) {
    let rendering = parts.bundle.as_ref().map_or(0, |of| of.rendering);
    let view = (rendering == RENDERING)
        .then(|| View::of(parts).ok())
        .flatten();
    for (kind, path) in [("report", layout::REPORT), ("case-uco", layout::CASE_UCO)] {
        let Some(here) = bag.read.get(path) else {
            report.against(kind, path, "file-missing", "It is not there.");
            continue;
        };
        let Some(view) = &view else {
            report.open(
                kind,
                path,
                "rendering-unknown",
                "It was made in another way than this program makes it, or of parts that do not open, so it was not \
                 compared with the records. Read the records instead.",
                &[],
            );
            continue;
        };
        let made = if kind == "report" {
            report_html(view).into_bytes()
        } else {
            layout::pretty(&case_uco(view))
        };
        if made == *here {
            report.proved(
                kind,
                path,
                "It says what the records, the custody entries and the proofs say, and no more.",
                &[],
            );
        } else {
            report.against(
                kind,
                path,
                "rendering-differs",
                "It says something else than the records, the custody entries and the proofs.",
            );
        }
    }
}
