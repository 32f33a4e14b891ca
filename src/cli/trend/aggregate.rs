//! `comity trend aggregate`: cases counted, shown, and submitted as Trend records.

use clap::Args;

use crate::{
    record::trend::coordinates,
    statistics::export::write_csv,
    wire::{
        json,
        node::{AggregateCasesRequest, AggregateCasesResponse},
        record::{Tlp, Trend, TrendSuppression, TrendValue},
    },
};

use super::super::{
    Target,
    exit::{Failure, USAGE},
    out::Out,
};
use super::{
    deliver::{Made, destination, submit},
    import::Light,
};

/// Count the cases that this country submitted, in the layout of the GLOTIP, so that nobody can be told from
/// the counts.
///
/// Shows the tables; with --to they are submitted as Trend records too. What is shown is released: counts
/// from which, beside those released before, a small one could be computed are refused.
#[derive(Debug, Args)]
pub(in crate::cli) struct Aggregate {
    #[command(flatten)]
    target: Target,
    /// First year of registration.
    #[arg(long, value_name = "YYYY", value_parser = clap::value_parser!(u32).range(2000..=2100))]
    from: Option<u32>,
    /// Last year of registration.
    #[arg(long, value_name = "YYYY", value_parser = clap::value_parser!(u32).range(2000..=2100))]
    until: Option<u32>,
    /// Of records marked as exercise, and only these; the Trend records are marked so too.
    #[arg(long)]
    exercise: bool,
    /// Why; goes into the ledger.
    #[arg(long, default_value = "", hide_default_value = true)]
    purpose: String,
    /// Write CSV; a cell that a spreadsheet would take for a formula is neutralised.
    #[arg(long)]
    csv: bool,
    /// Who receives the records: COUNTRY or COUNTRY/AUTHORITY. Without it nothing is submitted.
    #[arg(long, value_delimiter = ',', value_name = "DESTINATION")]
    to: Vec<String>,
    /// The submitting authority.
    #[arg(long, default_value = "", hide_default_value = true)]
    authority: String,
    /// Traffic Light Protocol of the records.
    #[arg(long, value_enum, default_value_t = Light::Green)]
    tlp: Light,
}

impl Aggregate {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        if let (Some(from), Some(until)) = (self.from, self.until)
            && until < from
        {
            return Err(Failure::new(USAGE, "--until lies before --from"));
        }
        let destinations = self.to.iter().map(|to| destination(to));
        let destinations = destinations.collect::<Result<Vec<_>, Failure>>()?;
        let mut client = self.target.connect().await?;
        let request = AggregateCasesRequest {
            from: self.from.unwrap_or_default(),
            until: self.until.unwrap_or_default(),
            exercise: self.exercise,
            purpose: self.purpose.clone(),
        };
        let made = client.formats.aggregate_cases(request).await?.into_inner();
        self.show(&made, out)?;
        if destinations.is_empty() {
            return Ok(());
        }
        let as_records = Made {
            authority: &self.authority,
            destinations: &destinations,
            tlp: Tlp::from(self.tlp),
            exercise: self.exercise,
        };
        let records = made
            .trends
            .into_iter()
            .map(|trend| as_records.record(trend));
        submit(&self.target, records.collect(), out).await
    }

    fn show(&self, made: &AggregateCasesResponse, out: &mut Out) -> Result<(), Failure> {
        let heading = ["year", "what", "sex", "age", "count"];
        let rows: Vec<Vec<String>> = made.trends.iter().flat_map(rows).collect();
        if self.csv {
            let mut text = Vec::new();
            write_csv(&mut text, &heading, rows.into_iter())?;
            out.csv(&String::from_utf8_lossy(&text))?;
        } else if out.json() {
            let name = "comity.node.v1.AggregateCasesResponse";
            out.value(&json::to_json(name, made)?)?;
        } else {
            out.table(&heading, rows)?;
        }
        out.note(&format!(
            "{} cases are counted; {} are no victims or lack the year; of {} something is not said, since fewer \
             than 11 share it; {} are left out",
            made.cases, made.not_counted,
            made.generalised,
            few(made.left_out)
        ));
        for of in &made.withheld {
            out.note(of);
        }
        Ok(())
    }
}

fn rows(trend: &Trend) -> Vec<Vec<String>> {
    let values = trend.values.iter();
    values
        .map(|value| {
            let at = coordinates(trend, value);
            vec![
                value.period.clone(),
                at.category,
                at.sex,
                at.age,
                shown(value),
            ]
        })
        .collect()
}

/// A count of persons in words; below 11 only that it is.
fn few(count: u64) -> String {
    match count {
        1..=10 => "<11".to_owned(),
        count => count.to_string(),
    }
}

fn shown(value: &TrendValue) -> String {
    match (value.value, value.suppression()) {
        (Some(count), _) => count.to_string(),
        (None, TrendSuppression::Lt5) => "<5".to_owned(),
        (None, TrendSuppression::Complementary) => "*".to_owned(),
        (None, _) => "<11".to_owned(),
    }
}
