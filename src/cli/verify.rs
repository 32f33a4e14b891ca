//! `comity verify BUNDLE --root XX=FINGERPRINT`: checks a court bundle offline.

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::{
    bag,
    card::Fingerprint,
    evidence::bundle::{self, LIMITS, Outcome, Pinned, Report, SourceFault, Verdict},
    record::Country,
};

use super::{
    exit::{DATAERR, Failure, NOINPUT},
    out::Out,
};

/// Verify a court bundle offline: a folder or a zip, with the fingerprints of the countries' roots.
///
/// Each claim is proved, not proved or contradicted. Without --root only the bundle itself is checked: that its
/// parts hold together under the roots found in it, whosever they are. Nothing but the bundle is read, and no
/// node is asked. Exit code 0: nothing speaks against the bundle; 65: something does;
/// 66: it cannot be read.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The bundle.
    bundle: PathBuf,
    /// Fingerprint of a country's root, as the country gave it, such as UZ="01234 …"; once per country.
    #[arg(long = "root", value_name = "XX=FINGERPRINT", value_parser = root)]
    roots: Vec<(Country, Fingerprint)>,
}

/// A country and its root's fingerprint.
fn root(text: &str) -> Result<(Country, Fingerprint), String> {
    let (country, fingerprint) = text
        .split_once('=')
        .ok_or("write COUNTRY=FINGERPRINT, such as UZ=\"01234 …\"")?;
    let country = country.trim().parse().map_err(|error| format!("{error}"))?;
    let fingerprint = fingerprint.parse().map_err(|error| format!("{error}"))?;
    Ok((country, fingerprint))
}

impl Verify {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut pinned = Pinned::new();
        for (country, fingerprint) in &self.roots {
            if pinned
                .insert(*country, *fingerprint)
                .is_some_and(|other| other != *fingerprint)
            {
                let says = format!("two fingerprints are given for {country}");
                return Err(Failure::new(super::exit::USAGE, says));
            }
        }
        let bar = bar(out);
        let report = checked(&self.bundle, &pinned, &mut |read, total| {
            bar.set_length(total);
            bar.set_position(read);
        })?;
        bar.finish_and_clear();
        show(&report, &pinned, out)?;
        match report.outcome() {
            Outcome::Proved | Outcome::Consistent => Ok(()),
            Outcome::Contradicted => {
                let reasons = report.contradictions().join(", ");
                Err(Failure::new(
                    DATAERR,
                    format!("the bundle does not verify: {reasons}"),
                ))
            }
        }
    }
}

/// Verifies the bundle at a path. `progress` is told how many bytes of items were read, and of how many
/// in all.
pub(super) fn checked(
    path: &Path,
    pinned: &Pinned,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, Failure> {
    match bag::open(path) {
        Ok(mut source) => {
            let sizes = source.files().iter().map(|of| of.size);
            let (total, mut read) = (sizes.fold(0, u64::saturating_add), 0_u64);
            Ok(bundle::verify(&mut *source, pinned, &mut |more| {
                read = read.saturating_add(more);
                progress(read, total);
            }))
        }
        Err(SourceFault::Io(error)) => {
            let says = format!("{} cannot be read: {error}", path.display());
            Err(Failure::new(NOINPUT, says))
        }
        Err(fault) => Ok(Report::refused(&fault)),
    }
}

/// A bar for what takes its time, where somebody looks.
fn bar(out: &Out) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if out.json() || !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn show(report: &Report, pinned: &Pinned, out: &mut Out) -> Result<(), Failure> {
    let outcome = report.outcome();
    if out.json() {
        let claims = report.claims.iter().map(|of| {
            json!({
                "kind": of.kind,
                "about": of.about,
                "verdict": of.verdict.name(),
                "reason": of.reason,
                "says": of.says,
            })
        });
        let roots = report.roots.iter().map(|of| {
            json!({
                "country": of.country.code(),
                "fingerprint": of.fingerprint.to_string(),
                "confirmed": of.confirmed,
            })
        });
        return out.value(&json!({
            "outcome": outcome.name(),
            "reference": report.bundle.as_ref().map(|of| of.reference.clone()),
            "court": report.bundle.as_ref().map(|of| of.court.clone()),
            "roots": roots.collect::<Vec<_>>(),
            "claims": claims.collect::<Vec<_>>(),
            "never_proved": LIMITS,
        }));
    }
    if let Some(bundle) = &report.bundle {
        out.line(&format!(
            "Evidence request {}, exported by {} for {}",
            bundle.reference, bundle.exported_by, bundle.court
        ))?;
    }
    for verdict in [Verdict::Contradicted, Verdict::NotProved, Verdict::Proved] {
        let claims: Vec<_> = report
            .claims
            .iter()
            .filter(|of| of.verdict == verdict)
            .collect();
        if claims.is_empty() {
            continue;
        }
        out.line(&format!("\n{}", heading(verdict)))?;
        for of in claims {
            let reason = if of.reason.is_empty() {
                String::new()
            } else {
                format!(" [{}]", of.reason)
            };
            out.line(&format!("  {} {}: {}{reason}", of.kind, of.about, of.says))?;
        }
    }
    out.line("\nWhat no bundle proves:")?;
    for limit in LIMITS {
        out.line(&format!("  {limit}"))?;
    }
    out.line(&format!("\n{}", conclusion(report, outcome)))?;
    if pinned.is_empty() && outcome != Outcome::Contradicted {
        out.line("Fingerprints found, to compare with what each country says by a channel that you trust:")?;
        for of in &report.roots {
            out.line(&format!("  --root {}=\"{}\"", of.country, of.fingerprint))?;
        }
    }
    Ok(())
}

const fn heading(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proved => "Proved:",
        Verdict::NotProved => "Not proved:",
        Verdict::Contradicted => "Contradicted:",
    }
}

fn conclusion(report: &Report, outcome: Outcome) -> String {
    match outcome {
        Outcome::Proved => {
            let roots: Vec<&str> = report.roots.iter().map(|of| of.country.code()).collect();
            format!("The bundle verifies under the roots of {} that were given.", roots.join(" and "))
        }
        Outcome::Consistent => "Only the bundle itself was checked: its parts hold together. Whose it is, is not proved until the \
             fingerprint of every root is given (--root)."
            .to_owned(),
        Outcome::Contradicted => "The bundle does not verify. Do not rely on it.".to_owned(),
    }
}
