//! BagIt 1.0 (RFC 8493), as far as a court bundle uses it: SHA-256 alone, UTF-8 alone, no fetching.

use std::collections::BTreeMap;

use super::{MAX_FILES, NameFault, names};
use crate::crypto::Digest;

/// The declaration; any other is refused.
pub const DECLARATION: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
/// The declaration's file.
pub const BAGIT: &str = "bagit.txt";
/// What the bag is, in words.
pub const BAG_INFO: &str = "bag-info.txt";
/// Digests of the payload.
pub const MANIFEST: &str = "manifest-sha256.txt";
/// Digests of the other files.
pub const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";
/// Folder of the payload.
pub const PAYLOAD: &str = "data/";

/// Longest line of `bag-info.txt`, in bytes.
const MAX_INFO_LINE: usize = 1024;
/// Most lines of it.
const MAX_INFO_LINES: usize = 64;

/// Something that is no bag of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BagFault {
    /// Another declaration.
    #[error("bagit.txt does not declare BagIt 1.0 in UTF-8")]
    Declaration,
    /// A file that every bag of this kind has.
    #[error("{0} is missing")]
    NoFile(&'static str),
    /// Not UTF-8.
    #[error("{0} is not UTF-8")]
    Encoding(&'static str),
    /// A line of a manifest that is none.
    #[error("line {line} of {file} is not a SHA-256 digest, two spaces and a path")]
    Line {
        /// Which file.
        file: &'static str,
        /// Which line, from 1.
        line: usize,
    },
    /// A path that may not be, in a manifest.
    #[error("{file} lists a path that may not be: {fault}")]
    Name {
        /// Which file.
        file: &'static str,
        /// Why.
        fault: NameFault,
    },
    /// A path that is not where the manifest may list it.
    #[error("{file} lists `{path}`, which does not belong there")]
    Place {
        /// Which file.
        file: &'static str,
        /// The path.
        path: String,
    },
    /// Too many lines.
    #[error("{0} has too many lines")]
    TooMany(&'static str),
    /// A line of `bag-info.txt` that is none.
    #[error("line {0} of bag-info.txt is not a label, a colon and a value")]
    Info(usize),
    /// The payload's size and count are others.
    #[error("Payload-Oxum in bag-info.txt says {stated}, and the payload has {found}")]
    Oxum {
        /// What is stated.
        stated: String,
        /// What is there.
        found: String,
    },
}

impl BagFault {
    /// A stable word for the fault.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Declaration => "bagit-declaration",
            Self::NoFile(_) => "bagit-file-missing",
            Self::Encoding(_) => "bagit-encoding",
            Self::Line { .. } => "manifest-line",
            Self::Name { fault, .. } => fault.name(),
            Self::Place { .. } => "manifest-place",
            Self::TooMany(_) => "manifest-too-long",
            Self::Info(_) => "bag-info",
            Self::Oxum { .. } => "payload-oxum",
        }
    }
}

/// The lines of a manifest, as `sha256sum` writes and checks them.
pub fn manifest(digests: &BTreeMap<String, Digest>) -> String {
    digests
        .iter()
        .map(|(path, digest)| format!("{digest}  {path}\n"))
        .collect()
}

/// Reads a manifest. `payload` says whether its paths are those below `data/`, or the others.
///
/// # Errors
/// [`BagFault`].
pub fn read_manifest(
    file: &'static str,
    bytes: &[u8],
    payload: bool,
) -> Result<BTreeMap<String, Digest>, BagFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| BagFault::Encoding(file))?;
    let mut listed = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        if at >= MAX_FILES {
            return Err(BagFault::TooMany(file));
        }
        let malformed = || BagFault::Line { file, line: at + 1 };
        let (digest, path) = line.split_at_checked(64).ok_or_else(malformed)?;
        let path = path.trim_start_matches([' ', '\t', '*']);
        let digest = hex::decode(digest)
            .ok()
            .and_then(|bytes| Digest::try_from(bytes.as_slice()).ok())
            .ok_or_else(malformed)?;
        names::check(path).map_err(|fault| BagFault::Name { file, fault })?;
        if path.starts_with(PAYLOAD) != payload {
            return Err(BagFault::Place {
                file,
                path: names::shown(path),
            });
        }
        if listed.insert(path.to_owned(), digest).is_some() {
            let fault = NameFault::Twice(names::shown(path));
            return Err(BagFault::Name { file, fault });
        }
    }
    Ok(listed)
}

/// `bag-info.txt` of labels and values.
pub fn info(lines: &[(&str, String)]) -> String {
    lines
        .iter()
        .map(|(label, value)| format!("{label}: {}\n", one_line(value)))
        .collect()
}

/// A value in one line that every reader shows alike.
fn one_line(value: &str) -> String {
    let shown = |c: char| {
        if crate::record::unseen::is_unseen(c) {
            ' '
        } else {
            c
        }
    };
    value.chars().take(400).map(shown).collect()
}

/// Size and count of a payload.
pub fn oxum(octets: u64, files: usize) -> String {
    format!("{octets}.{files}")
}

/// Checks declaration and `bag-info.txt` against what is there.
///
/// # Errors
/// [`BagFault`].
pub fn check_tags(declaration: &[u8], info: &[u8], found: &str) -> Result<(), BagFault> {
    let text = String::from_utf8_lossy(declaration).replace("\r\n", "\n");
    if text.trim_end() != DECLARATION.trim_end() {
        return Err(BagFault::Declaration);
    }
    let info = std::str::from_utf8(info).map_err(|_| BagFault::Encoding(BAG_INFO))?;
    let mut stated = None;
    for (at, line) in info.lines().enumerate() {
        if at >= MAX_INFO_LINES || line.len() > MAX_INFO_LINE {
            return Err(BagFault::TooMany(BAG_INFO));
        }
        // A line that begins with a space goes on with the one before.
        if line.starts_with([' ', '\t']) && at > 0 {
            continue;
        }
        let (label, value) = line.split_once(':').ok_or(BagFault::Info(at + 1))?;
        if label.eq_ignore_ascii_case("payload-oxum") {
            stated = Some(value.trim().to_owned());
        }
    }
    match stated {
        Some(stated) if stated == found => Ok(()),
        stated => Err(BagFault::Oxum {
            stated: stated.unwrap_or_else(|| "nothing".to_owned()),
            found: found.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_reads_back_and_its_faults_are_named() {
        let listed = BTreeMap::from([
            ("data/a".to_owned(), Digest::of(b"a")),
            ("data/b/c".to_owned(), Digest::of(b"c")),
        ]);
        let text = manifest(&listed);
        let read = |text: &[u8]| read_manifest(MANIFEST, text, true);
        assert_eq!(read(text.as_bytes()), Ok(listed));
        let digest = Digest::of(b"a");
        let cases: [(Vec<u8>, &str); 8] = [
            (b"nonsense\n".to_vec(), "manifest-line"),
            (
                format!("{}  data/a\n", "g".repeat(64)).into_bytes(),
                "manifest-line",
            ),
            (format!("{digest}  ../a\n").into_bytes(), "name-traversal"),
            (format!("{digest}  /data/a\n").into_bytes(), "name-absolute"),
            (
                format!("{digest}  bagit.txt\n").into_bytes(),
                "manifest-place",
            ),
            (
                format!("{digest}  data/a\n{digest}  data/a\n").into_bytes(),
                "name-twice",
            ),
            (vec![0xff; 70], "bagit-encoding"),
            ("x\n".repeat(MAX_FILES + 1).into_bytes(), "manifest-line"),
        ];
        for (bytes, word) in cases {
            assert_eq!(read(&bytes).unwrap_err().name(), word);
        }
        let many: String = (0..=MAX_FILES)
            .map(|at| format!("{digest}  data/{at}\n"))
            .collect();
        assert_eq!(
            read(many.as_bytes()).unwrap_err().name(),
            "manifest-too-long"
        );
    }

    #[test]
    fn tags_are_those_of_a_bag() {
        let good = info(&[
            ("External-Identifier", "UZ\n-1".to_owned()),
            ("Payload-Oxum", oxum(7, 2)),
        ]);
        assert_eq!(good, "External-Identifier: UZ -1\nPayload-Oxum: 7.2\n");
        let check = |declaration: &str, info: &str| {
            check_tags(declaration.as_bytes(), info.as_bytes(), "7.2").map_err(|fault| fault.name())
        };
        assert_eq!(check(DECLARATION, &good), Ok(()));
        assert_eq!(
            check("BagIt-Version: 0.97\n", &good),
            Err("bagit-declaration")
        );
        let latin = "BagIt-Version: 1.0\nTag-File-Character-Encoding: ISO-8859-1\n";
        assert_eq!(check(latin, &good), Err("bagit-declaration"));
        assert_eq!(
            check(DECLARATION, "Payload-Oxum: 8.2\n"),
            Err("payload-oxum")
        );
        assert_eq!(check(DECLARATION, ""), Err("payload-oxum"));
        assert_eq!(check(DECLARATION, "no colon\n"), Err("bag-info"));
    }
}
