//! Which names a file of a bundle may have: those that mean the same on every system, so that no
//! unpacking writes elsewhere, overwrites another or opens a device.

use std::collections::BTreeSet;

/// Most bytes of a path.
pub const MAX_PATH_BYTES: usize = 200;
/// Most folders of a path, the file's own name included.
pub const MAX_DEPTH: usize = 6;

/// Names that are devices on Windows, whatever follows a point.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// A name that no file of a bundle has. The path is shortened, and what nobody sees in it is made visible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// It is empty, or a part of it is.
    #[error("`{0}` has an empty part")]
    Empty(String),
    /// `..` or `.`.
    #[error("`{0}` leads out of the bundle")]
    Traversal(String),
    /// It begins at the root.
    #[error("`{0}` is an absolute path")]
    Absolute(String),
    /// A drive letter or a stream.
    #[error("`{0}` names a drive or a stream")]
    Drive(String),
    /// A backslash.
    #[error("`{0}` has a backslash, which is a folder elsewhere")]
    Backslash(String),
    /// A character beyond letters and digits of ASCII, `-`, `_` and `.`.
    #[error(
        "`{0}` has characters that a bundle's names do not have (letters and digits of ASCII, `-`, `_`, `.`)"
    )]
    Character(String),
    /// Not UTF-8.
    #[error("`{0}` is not UTF-8")]
    Encoding(String),
    /// A device on Windows, or an ending that Windows drops.
    #[error("`{0}` means something else on other systems")]
    Reserved(String),
    /// Longer than [`MAX_PATH_BYTES`].
    #[error("`{0}` is longer than {MAX_PATH_BYTES} bytes")]
    TooLong(String),
    /// Deeper than [`MAX_DEPTH`].
    #[error("`{0}` is deeper than {MAX_DEPTH}")]
    TooDeep(String),
    /// It is there twice.
    #[error("`{0}` is there twice")]
    Twice(String),
    /// Another differs only in case.
    #[error("`{0}` differs from another name only in upper and lower case")]
    Case(String),
    /// A file where another path has a folder.
    #[error("`{0}` is a file and a folder")]
    FileAndFolder(String),
}

impl NameFault {
    /// A stable word for the fault.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Empty(_) => "name-empty",
            Self::Traversal(_) => "name-traversal",
            Self::Absolute(_) => "name-absolute",
            Self::Drive(_) => "name-drive",
            Self::Backslash(_) => "name-backslash",
            Self::Character(_) => "name-character",
            Self::Encoding(_) => "name-encoding",
            Self::Reserved(_) => "name-reserved",
            Self::TooLong(_) => "name-too-long",
            Self::TooDeep(_) => "name-too-deep",
            Self::Twice(_) => "name-twice",
            Self::Case(_) => "name-case",
            Self::FileAndFolder(_) => "name-file-and-folder",
        }
    }
}

/// A path for a message: what nobody sees made visible, and no longer than a line.
pub fn shown(path: &str) -> String {
    path.chars()
        .take(80)
        .flat_map(char::escape_default)
        .collect()
}

/// Checks one path, with `/` between its parts.
///
/// # Errors
/// [`NameFault`], the most telling first.
pub fn check(path: &str) -> Result<(), NameFault> {
    let fault = |make: fn(String) -> NameFault| Err(make(shown(path)));
    if path.len() > MAX_PATH_BYTES {
        return fault(NameFault::TooLong);
    }
    if path.starts_with('/') {
        return fault(NameFault::Absolute);
    }
    if path.contains('\\') {
        return fault(NameFault::Backslash);
    }
    if path.contains(':') {
        return fault(NameFault::Drive);
    }
    let parts: Vec<&str> = path.split('/').collect();
    if parts.len() > MAX_DEPTH {
        return fault(NameFault::TooDeep);
    }
    for part in parts {
        if part.is_empty() {
            return fault(NameFault::Empty);
        }
        if part == "." || part == ".." {
            return fault(NameFault::Traversal);
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !part.bytes().all(plain) {
            return fault(NameFault::Character);
        }
        if part.ends_with('.') || is_device(part) {
            return fault(NameFault::Reserved);
        }
    }
    Ok(())
}

fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default();
    let stem = stem.to_ascii_lowercase();
    let numbered = |prefix: &str| {
        let number = stem.strip_prefix(prefix);
        number
            .is_some_and(|number| number.len() == 1 && number.bytes().all(|of| of.is_ascii_digit()))
    };
    DEVICES.contains(&stem.as_str()) || numbered("com") || numbered("lpt")
}

/// Checks every path by itself and beside the others.
///
/// # Errors
/// [`NameFault`] of the first that may not be.
pub fn check_all<'a>(paths: impl Iterator<Item = &'a str>) -> Result<(), NameFault> {
    let mut exact = BTreeSet::new();
    let mut folded = BTreeSet::new();
    let mut folders = BTreeSet::new();
    for path in paths {
        check(path)?;
        if !exact.insert(path.to_owned()) {
            return Err(NameFault::Twice(shown(path)));
        }
        let lower = path.to_ascii_lowercase();
        for (at, _) in lower.match_indices('/') {
            folders.extend(lower.get(..at).map(str::to_owned));
        }
        if !folded.insert(lower) {
            return Err(NameFault::Case(shown(path)));
        }
    }
    match folded.intersection(&folders).next() {
        Some(both) => Err(NameFault::FileAndFolder(shown(both))),
        None => Ok(()),
    }
}

/// A file's name made of a title: what may stand in a bundle's name, and no more. The title itself stands
/// in the records.
pub fn made_of(title: &str, most: usize) -> String {
    let mut name = String::new();
    for c in title.chars() {
        let c = if c.is_ascii_alphanumeric() || c == '.' || c == '_' {
            c
        } else {
            '-'
        };
        if !(c == '-' && name.ends_with('-')) && name.len() < most {
            name.push(c);
        }
    }
    name.trim_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_refused_by_name() {
        let long = "a".repeat(MAX_PATH_BYTES + 1);
        let cases = [
            ("", "name-empty"),
            ("data//x", "name-empty"),
            ("data/", "name-empty"),
            ("../x", "name-traversal"),
            ("data/../../etc/passwd", "name-traversal"),
            ("data/./x", "name-traversal"),
            ("/etc/passwd", "name-absolute"),
            ("C:/x", "name-drive"),
            ("c:x", "name-drive"),
            ("data/x:stream", "name-drive"),
            ("data\\x", "name-backslash"),
            ("..\\x", "name-backslash"),
            ("data/x y", "name-character"),
            ("data/\u{202e}gpj.exe", "name-character"),
            ("data/\u{430}", "name-character"),
            ("data/e\u{301}", "name-character"),
            ("data/x\0y", "name-character"),
            ("data/~root", "name-character"),
            ("data/%2e%2e", "name-character"),
            ("data/CON", "name-reserved"),
            ("data/nul.txt", "name-reserved"),
            ("data/com1.log", "name-reserved"),
            ("data/x.", "name-reserved"),
            ("a/b/c/d/e/f/g", "name-too-deep"),
            (long.as_str(), "name-too-long"),
        ];
        for (path, word) in cases {
            assert_eq!(check(path).unwrap_err().name(), word, "{path:?}");
        }
        for path in [
            "bagit.txt",
            "data/items/0001-scan.tar.gz",
            "data/cards/UZ.json",
            "data/.hidden",
        ] {
            check(path).unwrap();
        }
    }

    #[test]
    fn names_are_compared_with_each_other() {
        let fault = |paths: &[&str]| check_all(paths.iter().copied()).unwrap_err().name();
        assert_eq!(fault(&["data/a", "data/a"]), "name-twice");
        assert_eq!(fault(&["data/A", "data/a"]), "name-case");
        assert_eq!(fault(&["data/a", "data/a/b"]), "name-file-and-folder");
        assert_eq!(fault(&["data/A/b", "data/a"]), "name-file-and-folder");
        check_all(["data/a", "data/b", "data/c/d"].into_iter()).unwrap();
    }

    #[test]
    fn a_title_becomes_a_name() {
        for (title, name) in [
            ("Bank statement (May).pdf", "Bank-statement-May-.pdf"),
            ("Выписка.pdf", "pdf"),
            ("../../etc/passwd", "etc-passwd"),
            ("\u{202e}", ""),
        ] {
            assert_eq!(made_of(title, 60), name);
        }
        assert_eq!(made_of(&"x".repeat(99), 10).len(), 10);
    }
}
