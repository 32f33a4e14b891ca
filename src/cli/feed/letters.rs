//! The dead letters: rows that failed, with why, and with their cells, so that they can be corrected
//! and pushed again with the same mapping.

use std::{
    fs::{self, File},
    io::{ErrorKind, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, Value, json};

use crate::{
    cli::exit::{DATAERR, Failure, IOERR},
    feed::{
        fault::Fault,
        mapping::first_line,
        rows::{Cell, Delimiter, Encoding, Format, Heading, LIST, Row},
    },
};

use super::{files, source::Source};

/// What a letter says besides the row's own cells; columns of these names are left out of the source.
const OWN: [&str; 6] = [
    "comity_row",
    "comity_field",
    "comity_value",
    "comity_reason",
    "comity_message",
    "comity_more",
];

/// Why a row failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Why {
    pub(super) field: String,
    pub(super) value: String,
    pub(super) reason: String,
    pub(super) message: String,
}

impl From<&Fault> for Why {
    fn from(fault: &Fault) -> Self {
        Self {
            field: fault.field.clone(),
            value: fault.value.clone(),
            reason: fault.reason.as_str().to_owned(),
            message: fault.message.clone(),
        }
    }
}

/// The list, written as it grows.
pub(super) struct DeadLetters {
    path: PathBuf,
    file: Option<File>,
    csv: bool,
    /// Whether objects begin with the mark of UTF-8, since their file is in another encoding.
    marked: bool,
    delimiter: u8,
    bytes: u64,
    heading: Option<Arc<Heading>>,
    /// The cells of a row that are kept.
    kept: Vec<usize>,
}

impl DeadLetters {
    pub(super) fn path(source: &Source) -> PathBuf {
        let ending = match source.format {
            // Objects keep what a workbook has as numbers and truth values.
            Format::NdJson | Format::Xlsx => ".dead-letters.ndjson",
            _ => ".dead-letters.csv",
        };
        files::beside(&source.path, ending)
    }

    /// Goes on behind `bytes`, which an earlier run made durable; with 0 begins anew, and what lies
    /// there is kept under another name, unless the same push left it.
    pub(super) fn open(source: &Source, bytes: u64, resumed: bool) -> Result<Self, Failure> {
        let path = Self::path(source);
        let failed = |error: &std::io::Error| Failure::not_written(&path, error);
        let mut file = None;
        if bytes > 0 {
            let gone = || {
                let why = format!("{} is gone; --fresh begins again", path.display());
                Failure::new(DATAERR, why)
            };
            let opened = files::private().write(true).open(&path);
            let mut there = opened.map_err(|error| match error.kind() {
                ErrorKind::NotFound => gone(),
                _ => failed(&error),
            })?;
            if there.metadata()?.len() < bytes {
                let why = format!(
                    "{} is shorter than it was; --fresh begins again",
                    path.display()
                );
                return Err(Failure::new(DATAERR, why));
            }
            there.set_len(bytes).map_err(|error| failed(&error))?;
            there
                .seek(SeekFrom::End(0))
                .map_err(|error| failed(&error))?;
            file = Some(there);
        } else if resumed {
            files::remove_if_there(&path).map_err(|error| failed(&error))?;
        } else if path.exists() {
            set_aside(&path).map_err(|error| failed(&error))?;
        }
        Ok(Self {
            csv: !matches!(source.format, Format::NdJson | Format::Xlsx),
            marked: source.format == Format::NdJson && source.encoding != Encoding::Utf8,
            delimiter: source.delimiter.unwrap_or(Delimiter::Comma).byte(),
            path,
            file,
            bytes,
            heading: None,
            kept: Vec::new(),
        })
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: &Row, whys: &[Why]) -> Result<(), Failure> {
        let text = if self.csv {
            self.as_csv(row, whys)?
        } else {
            let mark = match self.bytes {
                0 if self.marked => "\u{feff}",
                _ => "",
            };
            [mark.as_bytes(), &as_json(row, whys)].concat()
        };
        let failed = |error: std::io::Error| Failure::not_written(&self.path, &error);
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let mut options = files::private();
                let options = options.write(true).create(true).truncate(true);
                self.file.insert(options.open(&self.path).map_err(failed)?)
            }
        };
        file.write_all(&text).map_err(failed)?;
        self.bytes += u64::try_from(text.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Makes what was added durable; answers how many bytes that is.
    pub(super) fn sync(&mut self) -> Result<u64, Failure> {
        if let Some(file) = &mut self.file {
            let synced = file
                .sync_all()
                .and_then(|()| files::sync_folder(&self.path));
            synced.map_err(|error| Failure::not_written(&self.path, &error))?;
        }
        Ok(self.bytes)
    }

    fn as_csv(&mut self, row: &Row, whys: &[Why]) -> Result<Vec<u8>, Failure> {
        // The mark says that they are in UTF-8, whatever the encoding of the file.
        let start: Vec<u8> = match self.bytes {
            0 => "\u{feff}".into(),
            _ => Vec::new(),
        };
        let mut writer = csv::WriterBuilder::new()
            .flexible(true)
            .delimiter(self.delimiter)
            .from_writer(start);
        let broken = |error: csv::Error| Failure::new(IOERR, error.to_string());
        let known = self.heading.is_some();
        if !known || !row.heading.columns.is_empty() {
            let own = |name: &String| OWN.contains(&name.as_str());
            let columns = row.heading.columns.iter().enumerate();
            self.kept = columns
                .filter(|(_, name)| !own(name))
                .map(|(at, _)| at)
                .collect();
            self.heading = Some(Arc::clone(&row.heading));
        }
        if self.bytes == 0 {
            let columns = self
                .kept
                .iter()
                .filter_map(|at| row.heading.columns.get(*at));
            let names = OWN.iter().map(|name| (*name).to_owned());
            let heading = names.chain(columns.cloned());
            writer
                .write_record(heading.collect::<Vec<_>>())
                .map_err(broken)?;
        }
        let mut cells = own_cells(row, whys).to_vec();
        let wide = row.heading.columns.len();
        let text = |at: usize| row.cells.get(at).map(|cell| cell.text.replace(LIST, ";"));
        if row.cells.len() >= wide {
            cells.extend(self.kept.iter().map(|at| text(*at).unwrap_or_default()));
            // Cells beyond the heading stay beyond it.
            cells.extend((wide..row.cells.len()).filter_map(text));
        } else {
            cells.extend(self.kept.iter().filter_map(|at| text(*at)));
        }
        writer.write_record(&cells).map_err(broken)?;
        writer
            .into_inner()
            .map_err(|error| Failure::new(IOERR, error.to_string()))
    }
}

/// Row, field, value, reason and message of the first fault, and the other faults in words.
fn own_cells(row: &Row, whys: &[Why]) -> [String; 6] {
    let first = whys.first().cloned();
    let first = first.unwrap_or_else(|| Why {
        field: String::new(),
        value: String::new(),
        reason: String::new(),
        message: String::new(),
    });
    let more = whys.iter().skip(1).map(|why| {
        let (field, value) = (&why.field, &why.value);
        format!("{} {field} {value:?}: {}", why.reason, why.message)
    });
    [
        first_line(row).to_string(),
        first.field,
        first.value,
        first.reason,
        first.message,
        more.collect::<Vec<_>>().join("; "),
    ]
}

/// The object as it came, with why beside; a line that is no object goes along as text.
fn as_json(row: &Row, whys: &[Why]) -> Vec<u8> {
    let Some(written) = row.written.as_deref().filter(|_| !row.heading.fixed) else {
        return line_of(of_cells(row), row, whys);
    };
    let object = match serde_json::from_str::<Map<String, Value>>(written) {
        Ok(mut object) => {
            object.retain(|name, _| !OWN.contains(&name.as_str()));
            object
        }
        Err(_) => Map::from_iter([("comity_source".to_owned(), json!(written))]),
    };
    line_of(object, row, whys)
}

/// The cells of a sheet as they are: numbers and truth values as such, everything else as text.
fn of_cells(row: &Row) -> Map<String, Value> {
    let typed = |cell: &Cell| match serde_json::from_str::<Value>(&cell.text) {
        Ok(value) if cell.typed && (value.is_number() || value.is_boolean()) => value,
        _ => json!(cell.text),
    };
    let names = row.heading.columns.iter();
    let mut object: Map<String, Value> = names
        .zip(&row.cells)
        .filter(|(name, _)| !OWN.contains(&name.as_str()))
        .map(|(name, cell)| (name.clone(), typed(cell)))
        .collect();
    let beyond: Vec<Value> = row
        .cells
        .iter()
        .skip(row.heading.columns.len())
        .map(typed)
        .collect();
    if !beyond.is_empty() {
        object.insert("comity_beyond".to_owned(), json!(beyond));
    }
    object
}

fn line_of(mut object: Map<String, Value>, row: &Row, whys: &[Why]) -> Vec<u8> {
    for (name, value) in OWN.iter().zip(own_cells(row, whys)) {
        object.insert((*name).to_owned(), json!(value));
    }
    let mut text = Value::Object(object).to_string().into_bytes();
    text.push(b'\n');
    text
}

/// Keeps a list of an earlier run: somebody may be correcting it.
fn set_aside(path: &Path) -> std::io::Result<()> {
    let name = path.file_name().map(|of| of.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
    for number in 1..10_000_u32 {
        let aside = path.with_file_name(format!("{stem}.{number}.{ending}"));
        if !aside.exists() {
            return fs::rename(path, aside);
        }
    }
    Err(std::io::Error::other(
        "too many lists of dead letters lie there",
    ))
}
