//! `comity vectors DIR`: test vectors for other implementations.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;

use crate::envelope::vectors::{self, VectorError};

use super::{
    exit::{CANTCREAT, DATAERR, Failure, NOINPUT, SOFTWARE},
    out::Out,
};

/// Write test vectors for other implementations: complete sealed records with their keys and
/// expected contents; or check a folder of them.
#[derive(Debug, Args)]
pub(super) struct Vectors {
    /// The folder; it is created when it is not there.
    dir: PathBuf,
    /// Check the vectors in the folder instead of writing them.
    #[arg(long)]
    check: bool,
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

fn write(dir: &Path) -> Result<usize, Failure> {
    let own = |error: VectorError| Failure::new(SOFTWARE, error.to_string());
    let at = |code, path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| Failure::new(code, format!("{path}: {error}"))
    };
    fs::create_dir_all(dir).map_err(at(CANTCREAT, dir))?;
    let made = vectors::all().map_err(own)?;
    for vector in &made {
        let path = dir.join(format!("{}.json", vector.name));
        fs::write(&path, vectors::encode(vector).map_err(own)?).map_err(at(CANTCREAT, &path))?;
    }
    Ok(made.len())
}

fn check(dir: &Path) -> Result<usize, Failure> {
    let unreadable = |path: &Path, error: &io::Error| {
        Failure::new(NOINPUT, format!("{}: {error}", path.display()))
    };
    let mut checked = 0_usize;
    for entry in fs::read_dir(dir).map_err(|error| unreadable(dir, &error))? {
        let path = entry.map_err(|error| unreadable(dir, &error))?.path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let json = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        vectors::decode(&json)
            .and_then(|vector| vectors::check(&vector))
            .map_err(|error| Failure::new(DATAERR, format!("{}: {error}", path.display())))?;
        checked += 1;
    }
    if checked == 0 {
        let text = format!(
            "{}: no vectors there; a vector is a .json file",
            dir.display()
        );
        return Err(Failure::new(NOINPUT, text));
    }
    Ok(checked)
}
