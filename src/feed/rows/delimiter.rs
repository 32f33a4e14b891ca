//! What stands between two cells, and how a heading tells it.

use super::Broken;

/// What stands between two cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// A tabulator.
    Tab,
}

impl Delimiter {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Comma, Self::Semicolon, Self::Tab];

    /// The byte that it is.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// The delimiter that makes most columns of a heading.
pub(super) fn told(heading: &str) -> Result<Delimiter, Broken> {
    let count = |of: &Delimiter| {
        let mut quoted = false;
        let outside = heading.bytes().filter(|byte| {
            quoted ^= *byte == b'"';
            !quoted && *byte == of.byte()
        });
        outside.count()
    };
    let counts = Delimiter::ALL.map(|of| (count(&of), of));
    let most = counts.iter().map(|(count, _)| *count).max().unwrap_or(0);
    let mut with_most = counts.iter().filter(|(count, _)| *count == most);
    match (with_most.next(), with_most.next()) {
        (Some((_, of)), None) => Ok(*of),
        // One column: no delimiter is needed.
        (Some((0, of)), _) => Ok(*of),
        _ => Err(Broken::at(
            1,
            "the heading has as many columns with one delimiter as with another; say which it is with --delimiter",
        )),
    }
}
