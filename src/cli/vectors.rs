//! `comity vectors DIR`: test vectors for other implementations.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;

use crate::{
    envelope::vectors::{self as envelopes, statements},
    ledger::vectors as ledgers,
};

use super::{
    exit::{CANTCREAT, DATAERR, Failure, NOINPUT, SOFTWARE},
    out::Out,
};

/// Write test vectors for other implementations into the folders `envelopes`, `receipts`, `marks`
/// and `ledger`: sealed records, signed statements, leaves, checkpoints, proofs and exports, with
/// their keys and what must come of each; or check such folders.
#[derive(Debug, Args)]
pub(super) struct Vectors {
    /// The folder; it is created when it is not there.
    dir: PathBuf,
    /// Check the vectors in the folder instead of writing them.
    #[arg(long)]
    check: bool,
}

/// Checks the text of a vector's file.
type Check = fn(&str) -> Result<(), String>;

/// The folders, and how a vector of each is checked.
const FOLDERS: [(&str, Check); 4] = [
    ("envelopes", |json| {
        envelopes::decode(json)
            .and_then(|vector| envelopes::check(&vector))
            .map_err(|error| error.to_string())
    }),
    ("receipts", check_statement),
    ("marks", check_statement),
    ("ledger", |json| {
        ledgers::decode(json)
            .and_then(|vector| ledgers::check(&vector))
            .map_err(|error| error.to_string())
    }),
];

fn check_statement(json: &str) -> Result<(), String> {
    envelopes::decode(json)
        .and_then(|vector| statements::check(&vector))
        .map_err(|error| error.to_string())
}

impl Vectors {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        if self.check {
            let checked = check(&self.dir)?;
            out.note(&format!("{checked} vectors agree"));
        } else {
            let written = write(&self.dir)?;
            out.note(&format!("{written} vectors written"));
        }
        Ok(())
    }
}

/// Every vector: folder, name, text of its file.
fn all() -> Result<Vec<(&'static str, String, String)>, Failure> {
    let own = |error: envelopes::VectorError| Failure::new(SOFTWARE, error.to_string());
    let mut files = Vec::new();
    for vector in envelopes::all().map_err(own)? {
        let text = envelopes::encode(&vector).map_err(own)?;
        files.push(("envelopes", vector.name, text));
    }
    for vector in statements::all().map_err(own)? {
        let text = envelopes::encode(&vector).map_err(own)?;
        files.push((vector.folder(), vector.name, text));
    }
    let own = |error: ledgers::VectorError| Failure::new(SOFTWARE, error.to_string());
    for vector in ledgers::all().map_err(own)? {
        let text = ledgers::encode(&vector).map_err(own)?;
        files.push(("ledger", vector.name, text));
    }
    Ok(files)
}

fn write(dir: &Path) -> Result<usize, Failure> {
    let at = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| Failure::new(CANTCREAT, format!("{path}: {error}"))
    };
    for (folder, _) in FOLDERS {
        let folder = dir.join(folder);
        fs::create_dir_all(&folder).map_err(at(&folder))?;
    }
    let made = all()?;
    for (folder, name, text) in &made {
        let path = dir.join(folder).join(format!("{name}.json"));
        fs::write(&path, text).map_err(at(&path))?;
    }
    Ok(made.len())
}

fn check(dir: &Path) -> Result<usize, Failure> {
    let unreadable = |path: &Path, error: &io::Error| {
        Failure::new(NOINPUT, format!("{}: {error}", path.display()))
    };
    let mut checked = 0_usize;
    for (folder, agrees) in FOLDERS {
        let folder = dir.join(folder);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(|error| unreadable(&folder, &error))?,
        };
        for entry in entries {
            let path = entry.map_err(|error| unreadable(&folder, &error))?.path();
            if path.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            let json = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            agrees(&json)
                .map_err(|error| Failure::new(DATAERR, format!("{}: {error}", path.display())))?;
            checked += 1;
        }
    }
    if checked == 0 {
        let text = format!(
            "{}: no vectors there; a vector is a .json file in `envelopes`, `receipts`, `marks` or \
             `ledger`",
            dir.display()
        );
        return Err(Failure::new(NOINPUT, text));
    }
    Ok(checked)
}
