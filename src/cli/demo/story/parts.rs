//! Who reads what: each country's own listing and reading beside the origin's matrix.

use serde_json::{Value, json};

use crate::{
    exercise::story,
    record::{Country, compartments::label_name},
    wire::{
        node::GetSharingRequest,
        record::{CompartmentLabel, Record},
    },
};

use super::{
    super::super::{exit::Failure, out::Out},
    Cast, Seat, carried, eventually,
};

/// What every country holds of the record.
#[derive(Debug)]
pub(super) struct Parts {
    labels: Vec<CompartmentLabel>,
    rows: Vec<Row>,
}

/// What one country holds.
#[derive(Debug)]
struct Row {
    country: Country,
    /// By the matrix that the origin kept; at the origin, everything.
    meant: Vec<CompartmentLabel>,
    /// By the country's own list.
    listed: Vec<CompartmentLabel>,
    /// In the record as the country opens it.
    opened: Vec<CompartmentLabel>,
    /// Whether a search for the suspect's name finds it there.
    found: bool,
}

impl Row {
    fn reads(&self, label: CompartmentLabel) -> bool {
        self.listed.contains(&label) && self.opened.contains(&label)
    }

    fn lacks(&self, label: CompartmentLabel) -> bool {
        !self.listed.contains(&label) && !self.opened.contains(&label)
    }
}

impl Parts {
    /// Waits until the record is everywhere, then asks each country what it holds.
    pub(super) async fn look(
        cast: &mut Cast,
        record: &Record,
        reference: &str,
    ) -> Result<Self, Failure> {
        let book = cast.book.clone();
        let countries = record.destinations.len();
        let origin = cast.origin()?;
        origin.delivered(reference, &book, countries).await?;
        let request = GetSharingRequest {
            reference: reference.to_owned(),
        };
        let sharing = origin.client.sharing.get_sharing(request).await?;
        let matrix = sharing.into_inner().matrix.unwrap_or_default();
        let labels = carried(record);
        let mut rows = Vec::new();
        for (index, seat) in cast.seats.iter_mut().enumerate() {
            let meant = if index == 0 {
                labels.clone()
            } else {
                matrix
                    .rows
                    .iter()
                    .filter(|row| row.country == seat.country.code())
                    .flat_map(|row| &row.cells)
                    .filter(|cell| cell.reads)
                    .map(|cell| cell.compartment())
                    .collect()
            };
            rows.push(Row::look(seat, reference, meant).await?);
        }
        Ok(Self { labels, rows })
    }

    /// The compartments that a country opens.
    pub(super) fn opened_by(&self, country: Country) -> &[CompartmentLabel] {
        self.rows
            .iter()
            .find(|row| row.country == country)
            .map_or(&[], |row| &row.opened)
    }

    /// Cells of the table that satisfy `of`.
    fn cells(&self, of: impl Fn(&Row, CompartmentLabel) -> bool) -> usize {
        self.rows
            .iter()
            .map(|row| self.labels.iter().filter(|label| of(row, **label)).count())
            .sum()
    }

    fn meant(&self) -> usize {
        self.cells(|row, label| row.meant.contains(&label))
    }

    fn read(&self) -> usize {
        self.cells(|row, label| row.meant.contains(&label) && row.reads(label))
    }

    fn absent(&self) -> usize {
        self.cells(|row, label| !row.meant.contains(&label) && row.lacks(label))
    }

    fn withheld(&self) -> usize {
        self.cells(|row, label| !row.meant.contains(&label))
    }

    /// Countries where the search answers as it should: it finds the name where suspects are read.
    fn searched(&self) -> usize {
        self.rows
            .iter()
            .filter(|row| row.found == row.meant.contains(&CompartmentLabel::Suspects))
            .count()
    }

    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for row in &self.rows {
            for label in &self.labels {
                let meant = row.meant.contains(label);
                let holds = if meant {
                    row.reads(*label)
                } else {
                    row.lacks(*label)
                };
                if !holds {
                    faults.push(format!(
                        "{}: `{}` is {}",
                        row.country,
                        label_name(*label),
                        if meant { "not read" } else { "not absent" },
                    ));
                }
            }
        }
        if self.withheld() == 0 {
            faults.push("nothing is withheld from anybody".to_owned());
        }
        if self.searched() < self.rows.len() {
            faults.push("the suspect is not found exactly where suspects are read".to_owned());
        }
        faults
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "parts_expected": self.meant(),
            "parts_read": self.read(),
            "parts_withheld": self.withheld(),
            "parts_absent": self.absent(),
            "searches_expected": self.rows.len(),
            "searches_right": self.searched(),
        })
    }

    pub(super) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        out.line("\n1. Each country reads just its part, as its own node answers\n")?;
        let mut headings = vec!["COUNTRY".to_owned()];
        headings.extend(
            self.labels
                .iter()
                .map(|label| label_name(*label).to_uppercase()),
        );
        headings.push(format!("FOUND BY \"{}\"", story::SUSPECT));
        let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
        let rows = self.rows.iter().map(|row| {
            let mut cells = vec![row.country.to_string()];
            cells.extend(self.labels.iter().map(|label| {
                if row.reads(*label) {
                    "reads".to_owned()
                } else if row.lacks(*label) {
                    "absent".to_owned()
                } else {
                    "UNCLEAR".to_owned()
                }
            }));
            cells.push(if row.found { "yes" } else { "no" }.to_owned());
            cells
        });
        out.table(&headings, rows.collect())
    }
}

impl Row {
    async fn look(
        seat: &mut Seat,
        reference: &str,
        meant: Vec<CompartmentLabel>,
    ) -> Result<Self, Failure> {
        let listed = listed(seat, reference).await?;
        let opened = carried(&seat.open(reference, true).await?.record.unwrap_or_default());
        // The index takes a record up a moment after it is durable.
        let found = if meant.contains(&CompartmentLabel::Suspects) {
            let what = format!("{} to find {reference} by the suspect's name", seat.country);
            eventually(&what, async || {
                Ok(seat.finds(reference).await?.then_some(true))
            })
            .await?
        } else {
            seat.finds(reference).await?
        };
        Ok(Self {
            country: seat.country,
            meant,
            listed,
            opened,
            found,
        })
    }
}

/// The compartments of the record by the country's own list.
async fn listed(seat: &mut Seat, reference: &str) -> Result<Vec<CompartmentLabel>, Failure> {
    let what = format!("{reference} in the list of {}", seat.country);
    eventually(&what, async || {
        let listed = seat.list().await?;
        let of = listed.iter().find(|of| of.reference == reference);
        Ok(of.map(|of| of.compartments().collect()))
    })
    .await
}
