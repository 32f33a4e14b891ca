//! `comity trend table`.

use clap::Args;

use crate::{
    record::Country,
    statistics::export::write_csv,
    wire::{
        json,
        node::{ExportTableRequest, ExportTableResponse},
    },
};

use super::super::{
    Target,
    exit::{Failure, USAGE},
    out::Out,
};

/// Export a protected table of the Trend records held here.
#[derive(Debug, Args)]
pub(in crate::cli) struct Table {
    #[command(flatten)]
    target: Target,
    /// The country that counted (ISO 3166-1 alpha-2).
    #[arg(long)]
    country: Country,
    /// What is counted, such as detected-trafficking-victims.
    #[arg(long, value_name = "CODE")]
    indicator: String,
    /// How it is divided, such as by-form-of-exploitation.
    #[arg(long, value_name = "CODE", default_value = "total")]
    dimension: String,
    /// First year.
    #[arg(
        long,
        value_name = "YYYY",
        default_value = "",
        hide_default_value = true
    )]
    from: String,
    /// Last year.
    #[arg(
        long,
        value_name = "YYYY",
        default_value = "",
        hide_default_value = true
    )]
    until: String,
    /// Why; goes into the ledger.
    #[arg(long, default_value = "", hide_default_value = true)]
    purpose: String,
    /// Of records marked as exercise, and only these.
    #[arg(long)]
    exercise: bool,
    /// Write CSV; a cell that a spreadsheet would take for a formula is neutralised.
    #[arg(long)]
    csv: bool,
}

impl Table {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let request = ExportTableRequest {
            country: self.country.code().to_owned(),
            indicator: code(
                "indicator",
                "TrendIndicator",
                "TREND_INDICATOR_",
                &self.indicator,
            )?,
            dimension: code(
                "dimension",
                "TrendDimension",
                "TREND_DIMENSION_",
                &self.dimension,
            )?,
            from: year("from", self.from)?,
            until: year("until", self.until)?,
            exercise: self.exercise,
            purpose: self.purpose,
        };
        let mut client = self.target.connect().await?;
        let table = client.trends.export_table(request).await?.into_inner();
        if self.csv {
            let mut text = Vec::new();
            let (heading, rows) = parts(&table);
            write_csv(&mut text, &heading, rows.into_iter())?;
            out.csv(&String::from_utf8_lossy(&text))?;
        } else if out.json() {
            out.value(&json::to_json(
                "comity.node.v1.ExportTableResponse",
                &table,
            )?)?;
        } else {
            let (heading, rows) = parts(&table);
            out.table(&heading, rows)?;
        }
        out.note(&format!(
            "{}; counts below {} are not shown; {} from {} records",
            table.title,
            table.k,
            table.tlp().as_str_name().replacen('_', ":", 1),
            table.sources.len(),
        ));
        for of in &table.withheld {
            out.note(&format!(
                "{} is withheld: it would give away {}",
                of.cell, of.protects
            ));
        }
        Ok(())
    }
}

fn parts(table: &ExportTableResponse) -> (Vec<&str>, Vec<Vec<String>>) {
    let heading = std::iter::once(table.corner.as_str())
        .chain(table.columns.iter().map(String::as_str))
        .collect();
    let rows = table.rows.iter().map(|row| {
        std::iter::once(row.heading.clone())
            .chain(row.cells.iter().cloned())
            .collect()
    });
    (heading, rows.collect())
}

/// The number of a code, written as in the proto or in lower case with hyphens.
pub(in crate::cli) fn code(
    flag: &str,
    list: &str,
    prefix: &str,
    typed: &str,
) -> Result<i32, Failure> {
    let wanted = typed.to_uppercase().replace('-', "_");
    let codes = json::enum_codes(&format!("comity.record.v1.{list}"));
    let short = |name: &str| name.strip_prefix(prefix).unwrap_or(name).to_owned();
    let found = codes
        .iter()
        .find(|(name, _)| *name == wanted || short(name) == wanted);
    found.map(|(_, number)| *number).ok_or_else(|| {
        let all: Vec<String> = codes
            .iter()
            .map(|(name, _)| short(name).to_lowercase().replace('_', "-"))
            .collect();
        Failure::new(USAGE, format!("--{flag} is one of {}", all.join(", ")))
    })
}

fn year(flag: &str, typed: String) -> Result<String, Failure> {
    let is_year = typed.len() == 4 && typed.bytes().all(|byte| byte.is_ascii_digit());
    if typed.is_empty() || is_year {
        return Ok(typed);
    }
    Err(Failure::new(USAGE, format!("--{flag} is a year, YYYY")))
}
