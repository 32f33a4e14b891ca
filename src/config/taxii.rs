//! TAXII on the client port.

use std::fmt::Write as _;

use serde::Deserialize;

use super::{
    ConfigError,
    bounds::{at_most, in_range},
};
use crate::{
    access::{PURPOSES, Purpose, purpose_word, purpose_words},
    record::Country,
};

/// Most destinations.
const MAX_DESTINATIONS: usize = 64;

/// TAXII on the client port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TaxiiConfig {
    /// Whether it is served. Without it nothing but HTTP/2 with a certificate is taken.
    pub serve: bool,
    /// Whether clients without a certificate are let in to it, by a token that `comity system token` gave.
    pub tokens: bool,
    /// Largest body in KiB.
    pub max_content_kib: u64,
    /// Why objects of compartments leave, one of the purposes of readings; empty: the collections of
    /// compartments give nothing.
    pub purpose: String,
    /// The case or the standing order that it stands for.
    pub case: String,
    /// Countries to which records go that are made of other tools' objects; empty: such objects are refused.
    pub destinations: Vec<String>,
}

impl Default for TaxiiConfig {
    fn default() -> Self {
        Self {
            serve: false,
            tokens: false,
            max_content_kib: 10 * 1024,
            purpose: String::new(),
            case: String::new(),
            destinations: Vec::new(),
        }
    }
}

impl TaxiiConfig {
    /// Why objects of compartments leave; `None` when it is not said.
    pub fn purpose(&self) -> Option<Purpose> {
        let code = PURPOSES
            .into_iter()
            .find(|of| purpose_word(*of) == self.purpose)?;
        Purpose::given(code.into(), &self.case).ok().flatten()
    }

    /// Countries to which records go that are made of other tools' objects.
    pub fn destinations(&self) -> Vec<Country> {
        self.destinations
            .iter()
            .filter_map(|of| of.parse().ok())
            .collect()
    }

    /// Largest body in bytes.
    pub const fn max_content(&self) -> u64 {
        self.max_content_kib.saturating_mul(1024)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refused = |field, fault: String| Err(ConfigError::Taxii { field, fault });
        in_range(
            "taxii.max_content_kib",
            self.max_content_kib,
            16..=16 * 1024,
        )?;
        at_most(
            "taxii.destinations",
            self.destinations.len(),
            MAX_DESTINATIONS,
        )?;
        if let Some(fault) = self
            .destinations
            .iter()
            .find_map(|of| of.parse::<Country>().err())
        {
            return refused("destinations", fault.to_string());
        }
        if self.tokens && !self.serve {
            return refused(
                "tokens",
                "`taxii.serve` is false, so nobody would be let in by one".to_owned(),
            );
        }
        match (self.purpose.is_empty(), self.case.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => refused("purpose", format!("a case needs one of {}", purpose_words())),
            (false, _) if !PURPOSES.into_iter().any(|of| purpose_word(of) == self.purpose) => {
                refused("purpose", format!("it must be one of {}", purpose_words()))
            }
            (false, _) if self.purpose().is_none() => refused(
                "case",
                "a purpose needs the reference of a case or a standing order, one line of at most 64 characters".to_owned(),
            ),
            (false, _) => Ok(()),
        }
    }

    pub(super) fn write_commented(&self, out: &mut String) -> std::fmt::Result {
        let text = super::commented::text;
        let destinations: Vec<String> = self.destinations.iter().map(|of| text(of)).collect();
        writeln!(
            out,
            "[taxii]\n\
             # TAXII 2.1 for analysts' tools on the client port, under /taxii2/ (docs/TAXII.md). Then HTTP/1.1 is\n\
             # taken there beside HTTP/2, with a client's certificate.\n\
             serve = {}\n\
             # Whether clients without a certificate are let in to /taxii2/, and to nothing else, by a token that\n\
             # `comity system token` gave, as HTTP Basic or `Authorization: Token`.\n\
             tokens = {}\n\
             # Largest body of objects handed in, in KiB.\n\
             max_content_kib = {}\n\
             # Why and for which case or standing order suspects and identifiers leave for tools; both empty: they\n\
             # do not leave.\n\
             purpose = {}\n\
             case = {}\n\
             # Countries to which tips go that are made of other tools' objects; empty: such objects are refused.\n\
             destinations = [{}]\n",
            self.serve,
            self.tokens,
            self.max_content_kib,
            text(&self.purpose),
            text(&self.case),
            destinations.join(", "),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_hold_together_is_refused() {
        type Change = fn(&mut TaxiiConfig);
        let cases: [(Change, &str); 6] = [
            (|of| of.tokens = true, "taxii.tokens"),
            (|of| of.purpose = "curiosity".into(), "taxii.purpose"),
            (|of| of.purpose = "analysis".into(), "taxii.case"),
            (|of| of.case = "SO-1".into(), "taxii.purpose"),
            (
                |of| of.destinations = vec!["XX".into()],
                "taxii.destinations",
            ),
            (|of| of.max_content_kib = 1, "taxii.max_content_kib"),
        ];
        for (change, field) in cases {
            let mut config = TaxiiConfig::default();
            config.check().unwrap();
            change(&mut config);
            let fault = config.check().unwrap_err().to_string();
            assert!(fault.contains(field), "{fault}");
        }
        let full = TaxiiConfig {
            serve: true,
            tokens: true,
            purpose: "analysis".into(),
            case: "SO-1".into(),
            destinations: vec!["KZ".into()],
            ..TaxiiConfig::default()
        };
        full.check().unwrap();
        assert_eq!(full.purpose().unwrap().to_string(), "analysis, case SO-1");
    }
}
