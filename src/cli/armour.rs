//! Signed things as text that survives e-mail: base64 between two lines.

use std::{
    io::{self, Read as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::home::textual;

use super::exit::{DATAERR, Failure, NOINPUT};

/// A kind of armour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Armour {
    /// What it holds, for messages: `a card`.
    pub(super) what: &'static str,
    /// What its first and last line say: `CARD`.
    pub(super) mark: &'static str,
}

impl Armour {
    /// The bytes as text.
    pub(super) fn wrap(&self, bytes: &[u8]) -> String {
        textual(&self.label(), bytes)
    }

    fn label(&self) -> String {
        format!("COMITY {}", self.mark)
    }

    /// Reads a file, `-` for standard input, of `most` bytes at most: the text, or the bytes
    /// themselves.
    pub(super) fn read(&self, path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        if path.as_os_str() == "-" {
            io::stdin().lock().take(most).read_to_end(&mut bytes)
        } else {
            std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
        }
        .map_err(|error| {
            Failure::new(
                NOINPUT,
                format!("{} cannot be read: {error}", path.display()),
            )
        })?;
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Ok(bytes);
        };
        let (begin, end) = (
            format!("-----BEGIN {}-----", self.label()),
            format!("-----END {}-----", self.label()),
        );
        let Some((_, rest)) = text.split_once(&begin) else {
            return Ok(bytes);
        };
        let Some((body, _)) = rest.split_once(&end) else {
            return Err(self.not_one(path, &format!("the line `{end}` is missing")));
        };
        let body: String = body.split_whitespace().collect();
        STANDARD
            .decode(body)
            .map_err(|error| self.not_one(path, &error.to_string()))
    }

    /// What the file holds is something else.
    pub(super) fn not_one(&self, path: &Path, why: &str) -> Failure {
        Failure::new(
            DATAERR,
            format!("{} is not {}: {why}", path.display(), self.what),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn armour_survives_being_quoted() {
        let armour = Armour {
            what: "a test",
            mark: "TEST",
        };
        let text = armour.wrap(&[7; 300]);
        assert!(text.lines().all(|line| line.len() <= 64));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mail");
        std::fs::write(&path, format!("> hello\n{}", text.replace('\n', "\r\n"))).unwrap();
        assert_eq!(armour.read(&path, 4096).unwrap(), [7; 300]);
        std::fs::write(&path, text.replace("-----END", "")).unwrap();
        assert!(armour.read(&path, 4096).is_err());
        std::fs::write(&path, [0xff, 1]).unwrap();
        assert_eq!(armour.read(&path, 4096).unwrap(), [0xff, 1]);
    }
}
