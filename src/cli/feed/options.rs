//! What pushing and watching ask alike.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::{
    cli::{
        Target,
        exit::{CONFIG, DATAERR, Failure, NOINPUT, USAGE},
    },
    crypto::Digest,
    feed::{
        item::MAX_FEED_CHARS,
        layouts::built_in,
        mapping::{Mapping, MappingError, Overrides, OwnIdFrom, To},
        rows::{Delimiter, Encoding},
    },
    record::Country,
};

/// How rows become items, and whose they are.
#[derive(Clone, Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    pub(super) target: Target,
    /// The mapping: a file, or the name of one that comes along (`comity feed mapping list`).
    #[arg(long)]
    pub(super) mapping: String,
    /// Name of the feed, 1 to 64 of a-z, 0-9 and hyphens: an item is known by its own id within it
    /// [default: the name of the certificate].
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) feed: String,
    /// Who receives the records, instead of the mapping's destinations: COUNTRY/AUTHORITY, once for each.
    #[arg(long, value_delimiter = ',', value_name = "DESTINATION")]
    to: Vec<String>,
    /// The submitting authority, instead of the mapping's.
    #[arg(long)]
    authority: Option<String>,
    /// Traffic Light Protocol, instead of the mapping's, such as AMBER.
    #[arg(long)]
    tlp: Option<String>,
    /// The column with the item's own id, or several with commas; `row`: the number of the row.
    #[arg(long, value_delimiter = ',', value_name = "COLUMN")]
    own_id: Vec<String>,
    /// Mark the records as an exercise.
    #[arg(long)]
    exercise: bool,
    /// Encoding of the file; told from its bytes otherwise.
    #[arg(long, value_enum)]
    pub(super) encoding: Option<Code>,
    /// What stands between cells; told from the heading otherwise.
    #[arg(long, value_enum)]
    pub(super) delimiter: Option<Between>,
    /// Sheet of a workbook; the mapping's, or the first, otherwise.
    #[arg(long)]
    pub(super) sheet: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Code {
    #[value(name = "utf-8")]
    Utf8,
    #[value(name = "utf-16le")]
    Utf16Le,
    #[value(name = "utf-16be")]
    Utf16Be,
    #[value(name = "windows-1251")]
    Windows1251,
}

impl From<Code> for Encoding {
    fn from(code: Code) -> Self {
        match code {
            Code::Utf8 => Self::Utf8,
            Code::Utf16Le => Self::Utf16Le,
            Code::Utf16Be => Self::Utf16Be,
            Code::Windows1251 => Self::Windows1251,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Between {
    Comma,
    Semicolon,
    Tab,
}

impl From<Between> for Delimiter {
    fn from(of: Between) -> Self {
        match of {
            Between::Comma => Self::Comma,
            Between::Semicolon => Self::Semicolon,
            Between::Tab => Self::Tab,
        }
    }
}

/// A mapping that was read, and what it was read of.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) mapping: Mapping,
    /// Of the text and of what the command line says besides.
    pub(super) digest: Digest,
}

/// The text of a mapping: of one that comes along, or of a file.
pub(super) fn text_of(name: &str) -> Result<String, Failure> {
    let path = PathBuf::from(name);
    if !path.exists()
        && let Some(built_in) = built_in(name)
    {
        return Ok(built_in.text.to_owned());
    }
    if !path.exists() && !name.contains(['/', '.']) {
        return Err(Failure::new(
            NOINPUT,
            format!(
                "no mapping `{name}` comes along, and no file is called so; `comity feed mapping list` lists them"
            ),
        ));
    }
    crate::cli::input::read_text(name, 512 * 1024, "any mapping")
}

/// Reads a mapping; everything that is wrong with it is listed.
pub(super) fn read(name: &str, text: &str, overrides: &Overrides) -> Result<Mapping, Failure> {
    Mapping::read(text, overrides).map_err(|MappingError(faults)| {
        let count = match faults.len() {
            1 => "a fault".to_owned(),
            many => format!("{many} faults"),
        };
        let details = faults.iter().map(ToString::to_string).collect();
        Failure::new(CONFIG, format!("the mapping {name} has {count}")).with_details(details)
    })
}

impl Options {
    /// Reads the mapping, with what the command line says instead of it.
    pub(super) fn load(&self) -> Result<Loaded, Failure> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.feed.len() > MAX_FEED_CHARS || !self.feed.chars().all(plain) {
            let why = "--feed: 1 to 64 of the characters a-z, 0-9 and hyphen";
            return Err(Failure::new(USAGE, why));
        }
        let overrides = self.overrides()?;
        let text = text_of(&self.mapping)?;
        let mapping = read(&self.mapping, &text, &overrides)?;
        let said = format!("{overrides:?}");
        Ok(Loaded {
            mapping,
            digest: Digest::of_parts(&[text.as_bytes(), said.as_bytes()]),
        })
    }

    /// The node, and as whom it is spoken to.
    pub(super) fn whom(&self) -> String {
        format!("{:?}", self.target)
    }

    fn overrides(&self) -> Result<Overrides, Failure> {
        let to = self.to.iter().map(|to| destination(to));
        let own_id = match self.own_id.as_slice() {
            [] => None,
            [one] if one == "row" => Some(OwnIdFrom::Row),
            columns => Some(OwnIdFrom::Columns(columns.to_vec())),
        };
        Ok(Overrides {
            to: to.collect::<Result<_, _>>()?,
            authority: self.authority.clone(),
            tlp: self.tlp.clone(),
            own_id,
            exercise: self.exercise,
        })
    }
}

/// `KZ` or `KZ/interior-ministry`.
fn destination(text: &str) -> Result<To, Failure> {
    let (country, authority) = text.split_once('/').unwrap_or((text, ""));
    let country: Country = country
        .parse()
        .map_err(|error| Failure::new(USAGE, format!("--to: {error}")))?;
    let authorities = Some(authority).filter(|of| !of.is_empty());
    Ok(To {
        country: country.code().to_owned(),
        authorities: authorities.map(str::to_owned).into_iter().collect(),
    })
}

/// A file whose contents are wrong.
pub(super) fn unfit(path: &std::path::Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(DATAERR, format!("{}: {error}", path.display()))
}
