//! `profiles/*.toml` and `calendars/*.toml` of a node's home: agreement profiles and working days beside
//! those built in, or in their place.
//!
//! A profile's file may have any name that ends in `.toml`; what counts is the `id` in it. A calendar's
//! file is named after its country, such as `calendars/KZ.toml`.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::agreements::{AgreementError, Files};
use crate::{
    evidence::terms::{MAX_FILE_BYTES, TermsError, TermsSet, parse_calendar, parse_profile},
    record::{Country, sharing::Agreements},
};

/// Most profiles in a home.
const MAX_PROFILES: usize = 256;
/// Most calendars in a home: one per country.
const MAX_CALENDARS: usize = 250;

/// Why profiles and calendars are not taken. The fault is the file's.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A file or a folder cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is too large.
    #[error("{0} is larger than {MAX_FILE_BYTES} bytes")]
    TooLarge(PathBuf),
    /// Too many files.
    #[error("{path} holds more than {most} files")]
    TooMany {
        /// The folder.
        path: PathBuf,
        /// How many may be.
        most: usize,
    },
    /// A file that is neither.
    #[error("{path} is no {what}; move it elsewhere")]
    Name {
        /// Which.
        path: PathBuf,
        /// What its folder holds.
        what: &'static str,
    },
    /// Something in a file.
    #[error(transparent)]
    Content(#[from] TermsError),
    /// Two files say the same.
    #[error("{file} is for {what}, and so is {other}; keep one of them")]
    Twice {
        /// One.
        file: String,
        /// For what.
        what: String,
        /// The other.
        other: String,
    },
    /// An agreement names a profile that there is not.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
}

/// Reads the profiles and calendars of a home beside those built in. Folders that are not there hold
/// none. Also answers the files' names and contents, for a digest.
///
/// # Errors
/// [`FilesError`] naming file and line.
pub fn load(profiles: &Path, calendars: &Path) -> Result<(TermsSet, Files), FilesError> {
    let mut set = TermsSet::built_in()?;
    let mut contents = Vec::new();
    for (name, path) in files(profiles, MAX_PROFILES)? {
        if !name.ends_with(".toml") {
            return Err(FilesError::Name {
                path,
                what: "agreement profile, which ends in .toml",
            });
        }
        let (file, text) = (format!("profiles/{name}"), read(&path)?);
        let profile = parse_profile(&file, &text)?;
        let what = format!("profile `{}`", profile.id);
        set.add_profile(&file, profile)
            .map_err(|other| FilesError::Twice {
                file: file.clone(),
                what,
                other,
            })?;
        contents.push((file, text.into_bytes()));
    }
    for (name, path) in files(calendars, MAX_CALENDARS)? {
        let stem = name.strip_suffix(".toml");
        let Some(country) = stem.and_then(|stem| stem.parse::<Country>().ok()) else {
            return Err(FilesError::Name {
                path,
                what: "calendar, which is named after a country, such as KZ.toml",
            });
        };
        let (file, text) = (format!("calendars/{name}"), read(&path)?);
        let calendar = parse_calendar(&file, &text)?;
        if calendar.calendar.country != country.code() {
            return Err(TermsError {
                file,
                line: 1,
                what: format!(
                    "`country` is {}, which belongs in another file",
                    calendar.calendar.country
                ),
            }
            .into());
        }
        set.add_calendar(&file, calendar)
            .map_err(|other| FilesError::Twice {
                file: file.clone(),
                what: format!("the calendar of {country}"),
                other,
            })?;
        contents.push((file, text.into_bytes()));
    }
    Ok((set, contents))
}

/// Whether there is every profile that the agreements name.
///
/// # Errors
/// [`FilesError::Agreement`] naming file and line of the first that is missing.
pub fn check_agreements(agreements: &Agreements, set: &TermsSet) -> Result<(), FilesError> {
    for agreement in agreements.iter() {
        let named = agreement.evidence.allowed.iter().flatten();
        for id in named {
            if set.profile(id).is_none() {
                let known: Vec<&str> = set.profiles().map(|held| held.is.id.as_str()).collect();
                return Err(AgreementError::Content {
                    file: agreement.file.clone(),
                    line: agreement.evidence.line,
                    what: format!(
                        "`evidence`: there is no profile `{id}`; there are {}",
                        known.join(", ")
                    ),
                }
                .into());
            }
        }
    }
    Ok(())
}

/// Name and path of each file, by name. Hidden files are an editor's and passed over.
fn files(dir: &Path, most: usize) -> Result<Vec<(String, PathBuf)>, FilesError> {
    let broken = |source| FilesError::Read {
        path: dir.to_owned(),
        source,
    };
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(broken)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(broken)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy());
        let name = name.map(|name| name.into_owned()).unwrap_or_default();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        if files.len() >= most {
            return Err(FilesError::TooMany {
                path: dir.to_owned(),
                most,
            });
        }
        files.push((name, path));
    }
    files.sort();
    Ok(files)
}

/// The text of a profile's or calendar's file.
///
/// # Errors
/// [`FilesError::Read`], [`FilesError::TooLarge`].
pub fn read(path: &Path) -> Result<String, FilesError> {
    let broken = |source| FilesError::Read {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(broken)?.len() > MAX_FILE_BYTES {
        return Err(FilesError::TooLarge(path.to_owned()));
    }
    fs::read_to_string(path).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::agreements, evidence::terms::Origin};

    const PROFILE: &str = "id = \"uz-kz-2024\"\ntitle = \"T\"\nsource = \"S\"\n[[clock]]\nid = \"c\"\ngoal = \"DECIDED\"\nstarts = \"RECEIVED\"\nworking_days = 5\nsource = \"S\"\n";
    const CALENDAR: &str = "country = \"KZ\"\ntime_zone = \"Asia/Almaty\"\n";

    #[test]
    fn folders_are_read_whole_or_not_at_all() {
        let home = tempfile::tempdir().unwrap();
        let (profiles, calendars) = (home.path().join("profiles"), home.path().join("calendars"));
        let all = || load(&profiles, &calendars);
        assert_eq!(all().unwrap().0, TermsSet::built_in().unwrap());
        fs::create_dir(&profiles).unwrap();
        fs::create_dir(&calendars).unwrap();
        fs::write(profiles.join("treaty.toml"), PROFILE).unwrap();
        fs::write(profiles.join(".treaty.toml.swp"), "no profile").unwrap();
        fs::write(calendars.join("KZ.toml"), CALENDAR).unwrap();
        let (set, contents) = all().unwrap();
        let origin = &set.profile("uz-kz-2024").unwrap().origin;
        assert!(matches!(
            origin,
            Origin::File {
                replaces: false,
                ..
            }
        ));
        let origin = &set.calendar("KZ".parse().unwrap()).unwrap().origin;
        assert!(matches!(origin, Origin::File { replaces: true, .. }));
        let names: Vec<&str> = contents.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["profiles/treaty.toml", "calendars/KZ.toml"]);

        let refused = |path: PathBuf, text: &str, words: &str| {
            fs::write(&path, text).unwrap();
            let error = all().unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            fs::remove_file(path).unwrap();
        };
        let file = |name: &str| profiles.join(name);
        refused(file("again.toml"), PROFILE, "so is profiles/again.toml");
        refused(file("notes.txt"), "", "ends in .toml");
        refused(file("big.toml"), &" ".repeat(70_000), "larger than");
        refused(file("new.toml"), "id = 7", "profiles/new.toml:1");
        let file = |name: &str| calendars.join(name);
        refused(file("ours.toml"), CALENDAR, "named after a country");
        refused(file("UZ.toml"), CALENDAR, "belongs in another file");
        refused(file("XX.toml"), CALENDAR, "named after a country");
    }

    #[test]
    fn an_agreement_names_profiles_that_there_are() {
        let set = TermsSet::built_in().unwrap();
        let named = |list: &str| {
            let text = format!("country = \"KZ\"\ntitle = \"T\"\nevidence = [{list}]\n");
            let mut agreements = Agreements::default();
            agreements.add(agreements::parse("agreements/KZ.toml", &text).unwrap());
            check_agreements(&agreements, &set)
        };
        assert!(named("\"eio-2014-41\", \"untoc-art18\"").is_ok());
        let error = named("\"eio-2041\"").unwrap_err().to_string();
        assert!(
            error.starts_with("agreements/KZ.toml:3: `evidence`: there is no profile `eio-2041`"),
            "{error}"
        );
    }
}
