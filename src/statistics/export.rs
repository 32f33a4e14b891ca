//! Tables that leave the node: rows, columns and totals, protected, and written as CSV.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use super::{
    cell::{Cells, Shown, Sum},
    disclosures::{Disclosures, Refusal},
    margins::TOTAL,
    protect::Withdrawal,
};

/// A table before it is protected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    /// What it shows.
    pub title: String,
    /// What its rows are.
    pub corner: String,
    /// Headings of its columns.
    pub columns: Vec<String>,
    /// Its rows: heading, and per column the name of a cell or none.
    pub rows: Vec<(String, Vec<Option<String>>)>,
    /// The cells, and what adds up to what.
    pub cells: Cells,
}

/// A table that may leave the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// What its rows are.
    pub corner: String,
    /// Headings of its columns.
    pub columns: Vec<String>,
    /// Its rows: heading, and per column what is shown, or nothing.
    pub rows: Vec<(String, Vec<Option<Shown>>)>,
    /// What is published with it.
    pub cells: Cells,
    /// What was withheld beyond small counts.
    pub withdrawn: Vec<Withdrawal>,
}

impl Grid {
    /// A table of counts by row and column, with totals of both; counts below `k` will not be shown.
    /// Its cells are named by `title`, row and column.
    pub fn of_counts(
        title: &str,
        corner: &str,
        k: u64,
        counts: &BTreeMap<(String, String), u64>,
    ) -> Self {
        let rows: BTreeSet<&String> = counts.keys().map(|(row, _)| row).collect();
        let columns: BTreeSet<&String> = counts.keys().map(|(_, column)| column).collect();
        let name = |row: &str, column: &str| format!("{title}: {row}, {column}");
        let mut cells = Cells::new(k);
        let mut sum = |total: String, parts: Vec<(String, u64)>| {
            let count = parts.iter().map(|(_, count)| count).sum();
            let (names, _): (Vec<String>, Vec<u64>) = parts.iter().cloned().unzip();
            for (part, count) in parts {
                cells.shown.insert(part, Shown::Count(count));
            }
            cells.shown.insert(total.clone(), Shown::Count(count));
            cells.sums.push(Sum {
                total,
                parts: names,
                complete: true,
            });
            count
        };
        let at = |row: &str, column: &str| {
            counts
                .get(&(row.to_owned(), column.to_owned()))
                .copied()
                .unwrap_or(0)
        };
        for row in &rows {
            let parts = columns
                .iter()
                .map(|column| (name(row, column), at(row, column)));
            sum(name(row, TOTAL), parts.collect());
        }
        let mut foot = Vec::new();
        for column in &columns {
            let parts = rows.iter().map(|row| (name(row, column), at(row, column)));
            let total = sum(name(TOTAL, column), parts.collect());
            foot.push((name(TOTAL, column), total));
        }
        let body: Vec<(String, u64)> = rows
            .iter()
            .map(|row| (name(row, TOTAL), columns.iter().map(|c| at(row, c)).sum()))
            .collect();
        sum(name(TOTAL, TOTAL), foot);
        sum(name(TOTAL, TOTAL), body);
        let headings = |of: &BTreeSet<&String>| {
            let own = of.iter().map(|heading| (*heading).clone());
            own.chain([TOTAL.to_owned()]).collect::<Vec<String>>()
        };
        let columns = headings(&columns);
        Self {
            title: title.to_owned(),
            corner: corner.to_owned(),
            rows: headings(&rows)
                .into_iter()
                .map(|row| {
                    let names = columns.iter().map(|column| Some(name(&row, column)));
                    let names = names.collect();
                    (row, names)
                })
                .collect(),
            columns,
            cells,
        }
    }

    /// Protects the table, on its own and beside what was published before.
    ///
    /// # Errors
    /// [`Refusal`] names the cell that would leak whatever is withheld.
    pub fn protect(self, published: &Disclosures) -> Result<Table, Refusal> {
        let protected = published.protect(&self.cells)?;
        let shown = |name: &Option<String>| {
            name.as_ref()
                .and_then(|name| protected.cells.shown.get(name))
                .copied()
        };
        Ok(Table {
            title: self.title,
            corner: self.corner,
            columns: self.columns,
            rows: self
                .rows
                .into_iter()
                .map(|(row, names)| (row, names.iter().map(shown).collect()))
                .collect(),
            cells: protected.cells,
            withdrawn: protected.withdrawn,
        })
    }
}

impl Table {
    /// Writes the table as CSV after RFC 4180, in UTF-8.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn write_csv(&self, out: impl Write) -> io::Result<()> {
        let heading: Vec<&str> = std::iter::once(self.corner.as_str())
            .chain(self.columns.iter().map(String::as_str))
            .collect();
        let rows = self.rows.iter().map(|(row, cells)| {
            let cells = cells
                .iter()
                .map(|cell| cell.map(|shown| shown.to_string()).unwrap_or_default());
            std::iter::once(row.clone()).chain(cells).collect()
        });
        write_csv(out, &heading, rows)
    }
}

/// Writes rows as CSV after RFC 4180, in UTF-8; cells that a spreadsheet would take for a formula
/// are neutralised. Every export as CSV goes through here.
///
/// # Errors
/// When `out` fails.
pub fn write_csv(
    out: impl Write,
    heading: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> io::Result<()> {
    let heading = heading.iter().map(|cell| (*cell).to_owned()).collect();
    write_rows(out, std::iter::once(heading).chain(rows))
}

/// As [`write_csv`], without a heading: the rows that go on where others ended.
///
/// # Errors
/// When `out` fails.
pub fn write_rows(out: impl Write, rows: impl Iterator<Item = Vec<String>>) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    for row in rows {
        writer.write_record(row.iter().map(|cell| neutral(cell)))?;
    }
    writer.flush()
}

/// A cell that no spreadsheet takes for a formula: a leading `=`, `+`, `-`, `@`, also behind spaces
/// and control characters, gets an apostrophe before it; other control characters go, numbers stay.
pub fn neutral(cell: &str) -> String {
    let clean: String = cell
        .chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .collect();
    let number = clean.parse::<f64>().is_ok_and(f64::is_finite);
    let formula = clean
        .trim_start()
        .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula && !number {
        format!("'{clean}")
    } else {
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[(&str, &str, u64)]) -> BTreeMap<(String, String), u64> {
        of.iter()
            .map(|(row, column, count)| (((*row).to_owned(), (*column).to_owned()), *count))
            .collect()
    }

    #[test]
    fn a_table_is_protected_with_its_totals_and_written() {
        let grid = Grid::of_counts(
            "victims",
            "country",
            11,
            &counts(&[
                ("UZ", "female", 40),
                ("UZ", "male", 3),
                ("KZ", "female", 25),
                ("KZ", "male", 31),
            ]),
        );
        let table = grid.protect(&Disclosures::default()).unwrap();
        let mut text = Vec::new();
        table.write_csv(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.starts_with("country,female,male,Total\r\n"), "{text}");
        assert!(text.contains("<11"), "{text}");
        // One `<11` needs three companions in a table with totals both ways.
        assert_eq!(text.matches('*').count(), 3, "{text}");
        assert!(text.ends_with("Total,65,34,99\r\n"), "{text}");
        assert_eq!(table.withdrawn.len(), 3);
    }

    #[test]
    fn a_difference_to_what_was_published_is_refused_by_its_cell() {
        let mut published = Disclosures::default();
        let first = Grid::of_counts(
            "t",
            "c",
            5,
            &counts(&[("UZ", "all", 30), ("KZ", "all", 40)]),
        );
        let table = first.protect(&published).unwrap();
        published.add(&table.cells);
        let again = Grid::of_counts(
            "t",
            "c",
            5,
            &counts(&[("UZ", "all", 30), ("KZ", "all", 41)]),
        );
        let refusal = again.protect(&published).unwrap_err();
        assert_eq!(
            refusal,
            Refusal::Changed {
                cell: "t: KZ, Total".to_owned(),
                before: 40,
                now: 41
            }
        );
        assert!(refusal.to_string().contains("was published as 40"));
        let later = Grid::of_counts(
            "t",
            "c",
            5,
            &counts(&[("UZ", "all", 30), ("KZ", "all", 90)]),
        );
        later.protect(&published).unwrap();
    }

    #[test]
    fn formulas_are_neutralised_and_quotes_escaped() {
        for (cell, expected) in [
            ("=1+1", "'=1+1"),
            (" =1+1", "' =1+1"),
            ("\t=1+1", "'=1+1"),
            ("+998901234567", "+998901234567"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("-5", "-5"),
            ("-5+cmd", "'-5+cmd"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("＝1", "'＝1"),
            ("<5", "<5"),
            ("a\u{1b}[2Jb", "a[2Jb"),
        ] {
            assert_eq!(neutral(cell), expected, "{cell:?}");
        }
        let mut text = Vec::new();
        let rows = vec![vec!["a\"b".to_owned(), "c,d".to_owned()]];
        write_csv(&mut text, &["x", "y"], rows.into_iter()).unwrap();
        assert_eq!(text, b"x,y\r\n\"a\"\"b\",\"c,d\"\r\n");
    }
}
