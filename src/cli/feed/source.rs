//! The file that is pushed.

use std::{
    fs::{File, Metadata},
    io::Read as _,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use crate::{
    cli::exit::{DATAERR, Failure, NOINPUT, USAGE},
    crypto::Digest,
    feed::{
        layouts::{Entries, Unfit, entries},
        mapping::Mapping,
        rows::{self, Delimiter, Detector, Encoding, Format, Rows, Workbook},
    },
};

use super::options::{Options, unfit};

/// Bytes of a piece by which a file is read to be known again.
const PIECE: usize = 1 << 20;

/// A file, as it is when its rows begin to be pushed.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(super) encoding: Encoding,
    pub(super) size: u64,
    /// Microseconds since 1970.
    pub(super) modified: i64,
    /// Of the contents.
    pub(super) digest: Digest,
    pub(super) delimiter: Option<Delimiter>,
    sheet: Option<String>,
}

impl Source {
    /// Reads the file once, to know it again and to tell its encoding.
    pub(super) fn look(path: &Path, options: &Options, mapping: &Mapping) -> Result<Self, Failure> {
        let name = path.to_string_lossy();
        let format = Format::of_name(&name).ok_or_else(|| {
            Failure::new(
                USAGE,
                format!("{name}: what is in it is told from its ending, .csv, .tsv, .txt, .ndjson, .jsonl, .xlsx, or .xml and .cap for messages of CAP"),
            )
        })?;
        let mut file = open(path)?;
        let (size, modified) = stamp(&file.metadata()?);
        let mut detector = Detector::default();
        let mut digest = Digest::of(b"");
        let mut piece = vec![0; PIECE];
        let mut first = [0; 4];
        let mut total = 0_u64;
        loop {
            let read = full(&mut file, &mut piece)?;
            let bytes = piece.get(..read).unwrap_or_default();
            if total == 0
                && let Some(start) = bytes.first_chunk::<4>()
            {
                first = *start;
            }
            total += u64::try_from(read).unwrap_or(u64::MAX);
            if format != Format::Xlsx {
                detector.feed(bytes);
            }
            digest = Digest::of_parts(&[digest.as_ref(), bytes]);
            if read < PIECE {
                break;
            }
        }
        if total == 0 {
            return Err(unfit(path, &"the file is empty"));
        }
        let zip = first == *b"PK\x03\x04";
        if zip != (format == Format::Xlsx) {
            let why = if zip {
                "the file is a workbook or another zip; name it .xlsx if it is one"
            } else {
                "the file is no Excel workbook (.xlsx); an old .xls is saved as .xlsx or CSV first"
            };
            return Err(unfit(path, &why));
        }
        let encoding = match options.encoding {
            // A mark says it for sure: dead letters have one, whatever their file was in.
            Some(_) if first.starts_with(b"\xef\xbb\xbf") => Encoding::Utf8,
            Some(code) => code.into(),
            None => detector.finish().map_err(|error| unfit(path, &error))?,
        };
        Ok(Self {
            path: path.to_owned(),
            format,
            encoding,
            size,
            modified,
            digest,
            delimiter: options.delimiter.map(Into::into),
            sheet: options.sheet.clone().or_else(|| mapping.sheet.clone()),
        })
    }

    /// How its rows are cut, where that was said.
    pub(super) fn cut(&self) -> String {
        format!("{:?} {:?}", self.sheet, self.delimiter)
    }

    /// The name of the encoding, or of what takes its place.
    pub(super) const fn written_as(&self) -> &'static str {
        match self.format {
            Format::Xlsx => "workbook",
            _ => self.encoding.name(),
        }
    }

    /// The rows.
    pub(super) fn rows(&self) -> Result<Rows, Failure> {
        let mut file = open(&self.path)?;
        if self.format == Format::Xlsx {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let workbook = Workbook::read(bytes, self.sheet.as_deref());
            let workbook = workbook.map_err(|error| unfit(&self.path, &error))?;
            return Ok(Box::new(workbook.map(Ok)));
        }
        rows::of_text(file, self.format, self.encoding, self.delimiter)
            .map_err(|error| unfit(&self.path, &error))
    }

    /// What the rows give under a mapping.
    pub(super) fn entries(&self, mapping: &Mapping) -> Result<Entries, Failure> {
        entries(mapping.clone(), self.rows()?).map_err(|error| self.unfit(&error))
    }

    /// The failure of a file whose rest cannot be used.
    pub(super) fn unfit(&self, error: &Unfit) -> Failure {
        match error {
            Unfit::Columns(faults) => {
                let details = faults.iter().map(ToString::to_string).collect();
                let why = format!("{} does not fit the mapping", self.path.display());
                Failure::new(DATAERR, why).with_details(details)
            }
            other => unfit(&self.path, other),
        }
    }

    /// Fails when the file is not what it was: rows of two states would be mixed.
    pub(super) fn unchanged(&self) -> Result<(), Failure> {
        let now = stamp(&open(&self.path)?.metadata()?);
        if now == (self.size, self.modified) {
            return Ok(());
        }
        let why = "the file was changed while it was pushed; push it again with --fresh once nobody writes it any more";
        Err(unfit(&self.path, &why))
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    let unreadable = |why: &dyn std::fmt::Display| {
        Failure::new(NOINPUT, format!("{} cannot be read: {why}", path.display()))
    };
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    if !file.metadata()?.is_file() {
        return Err(unreadable(&"it is no file"));
    }
    Ok(file)
}

/// Size and time of the last change.
pub(super) fn stamp(of: &Metadata) -> (u64, i64) {
    let since = of
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let micros = since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(0));
    (of.len(), micros)
}

/// Reads until the piece is full or the file ends.
fn full(file: &mut File, piece: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
