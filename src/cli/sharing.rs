//! The sharing matrix as a table or as JSON: who reads what, who does not, and why.

use crate::{
    record::compartments::label_name,
    wire::{
        json,
        record::{SharingCell, SharingMatrix, SharingReason, SharingRow},
    },
};

use super::{exit::Failure, out::Out};

/// Shows a matrix: one JSON object, or one line per destination and compartment.
pub(super) fn show(matrix: &SharingMatrix, out: &mut Out) -> Result<(), Failure> {
    if out.json() {
        return out.value(&json::to_json("comity.record.v1.SharingMatrix", matrix)?);
    }
    let rows = matrix
        .rows
        .iter()
        .flat_map(|row| row.cells.iter().map(move |cell| line(row, cell)))
        .collect();
    out.table(
        &[
            "COUNTRY",
            "ROLE",
            "COMPARTMENT",
            "READS",
            "AUTHORITIES",
            "WHY",
        ],
        rows,
    )
}

fn line(row: &SharingRow, cell: &SharingCell) -> Vec<String> {
    let role = row.role().as_str_name().to_lowercase();
    let role = role.strip_prefix("country_role_").unwrap_or(&role);
    let readers = match (cell.reads, cell.authorities.as_slice()) {
        (false, _) => String::new(),
        (true, []) => "liaison desk".to_owned(),
        (true, named) => named.join(", "),
    };
    vec![
        row.country.clone(),
        role.to_owned(),
        label_name(cell.compartment()).to_owned(),
        if cell.reads { "yes" } else { "no" }.to_owned(),
        readers,
        why(role, cell),
    ]
}

fn why(role: &str, cell: &SharingCell) -> String {
    let at = if cell.place.is_empty() {
        String::new()
    } else {
        format!(" ({})", cell.place)
    };
    match cell.reason() {
        SharingReason::Unspecified => String::new(),
        SharingReason::SituationAlways => "every destination reads the situation".to_owned(),
        SharingReason::DefaultOfRole => format!("default of a country of {role}"),
        SharingReason::Named => "named by the submitter".to_owned(),
        SharingReason::OnlyNamed => "goes only where it is named".to_owned(),
        SharingReason::Narrowed => "the submitter named other compartments".to_owned(),
        SharingReason::NotSent => format!("the agreement does not send it{at}"),
        SharingReason::NotAccepted => format!("the country does not accept it{at}"),
    }
}
