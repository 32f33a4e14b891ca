//! Webhooks: systems that cannot follow a subscription, and what is sent to them.

mod commented;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, net::IpAddr, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{Config, ConfigError, MAX_ADDRESSES, bounds::at_most};
use crate::{
    access::{PURPOSES, Purpose, purpose_word, purpose_words},
    card::{AddressPolicy, LinkAddress},
    feed::subscription::{Filter, check_name},
    record::unseen::is_unseen,
    wire::{json, node::SubscriptionFilter},
};

const MAX_WEBHOOKS: usize = 64;
const MAX_URL: usize = 2048;

/// A system that cannot follow a subscription: what it gets is sent to its address.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Its name, which its cursor is kept under.
    pub name: String,
    /// Where it is sent to: `https://host[:port]/path`.
    pub url: String,
    /// Name of the case system that it delivers for: its certificate says what it may be sent.
    pub system: String,
    /// File of mode 0600 with the secret that signs, or two during a rotation.
    pub secret_file: PathBuf,
    /// The CA, or CAs, that vouch for the receiver, PEM.
    pub ca_file: PathBuf,
    /// Why what is beyond the situation is sent; empty: situations alone are.
    #[serde(default)]
    pub purpose: String,
    /// The case that needs it.
    #[serde(default)]
    pub case: String,
    /// Where it begins at its first start: `now` or `beginning`.
    #[serde(default = "from_now")]
    pub from: String,
    /// Only these kinds.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Only of these countries.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Only what names these countries, or is sent there.
    #[serde(default)]
    pub countries: Vec<String>,
    /// Only these urgencies.
    #[serde(default)]
    pub urgencies: Vec<String>,
    /// Only what has one of these codes.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Exercises alone, or none of them.
    #[serde(default)]
    pub exercise: Option<bool>,
    /// Whether steps are told of.
    #[serde(default)]
    pub steps: bool,
    /// Records and notices of one delivery at most.
    #[serde(default = "batch")]
    pub batch: u64,
    /// Longest time for a delivery and its answer, in milliseconds.
    #[serde(default = "timeout")]
    pub timeout_ms: u64,
    /// Whether it may lie on this machine or in a private network.
    #[serde(default)]
    pub allow_private_addresses: bool,
    /// Single IP addresses that it may have whatever they are.
    #[serde(default)]
    pub allow_addresses: Vec<IpAddr>,
}

fn from_now() -> String {
    "now".to_owned()
}

const fn batch() -> u64 {
    50
}

const fn timeout() -> u64 {
    15_000
}

impl WebhookConfig {
    /// Host, port, and the path with its question.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn target(&self) -> Result<(LinkAddress, String), String> {
        let rest = self
            .url
            .strip_prefix("https://")
            .ok_or("write https://host[:port]/path; nothing is sent in the clear")?;
        if self.url.len() > MAX_URL || self.url.chars().any(|c| c.is_whitespace() || is_unseen(c)) {
            return Err(format!(
                "an address is at most {MAX_URL} characters, all of them visible"
            ));
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(
                "a user or password does not belong into the address; deliveries are signed"
                    .to_owned(),
            );
        }
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
        if !path.bytes().all(plain) {
            return Err(
                "the path has no fragment, and other characters than those of addresses are written %XX".to_owned(),
            );
        }
        let bracketed = authority.ends_with(']');
        let authority = match authority.contains(':') && !bracketed {
            true => authority.to_owned(),
            false => format!("{authority}:443"),
        };
        let address = authority.parse::<LinkAddress>();
        let address = address.map_err(|fault| fault.to_string())?;
        let path = match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("/{path}"),
        };
        Ok((address, path))
    }

    /// Host and port, for people; never the path, which may hold a token.
    pub fn address(&self) -> String {
        let target = self.target();
        target.map_or_else(|_| String::new(), |(address, _)| address.to_string())
    }

    /// What it lets through, in the words of the protocol.
    pub fn filter(&self) -> SubscriptionFilter {
        let urgencies = self.urgencies.iter();
        SubscriptionFilter {
            kinds: self.kinds.clone(),
            origins: self.origins.clone(),
            countries: self.countries.clone(),
            urgencies: urgencies.map(|word| urgency(word).unwrap_or(0)).collect(),
            codes: self.codes.clone(),
            exercise: self.exercise,
            steps: self.steps,
        }
    }

    /// The purpose by number; 0 for none, or for a word that is none.
    pub fn purpose_code(&self) -> i32 {
        let mut all = PURPOSES.into_iter();
        let found = all.find(|purpose| purpose_word(*purpose) == self.purpose);
        found.map_or(0, Into::into)
    }

    /// The case; empty for none.
    pub fn case_reference(&self) -> &str {
        &self.case
    }

    /// Whether it begins with the first record.
    pub fn from_beginning(&self) -> bool {
        self.from == "beginning"
    }

    /// Records and notices of one delivery at most.
    pub fn batch(&self) -> usize {
        usize::try_from(self.batch).unwrap_or(1)
    }

    /// Longest time for a delivery and its answer.
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// What it may be sent to.
    pub fn address_policy(&self) -> AddressPolicy {
        AddressPolicy {
            allow_private: self.allow_private_addresses,
            permitted: self.allow_addresses.clone(),
        }
    }

    fn check(&self) -> Result<(), String> {
        check_name(&self.name).map_err(|fault| fault.to_string())?;
        self.target().map_err(|fault| format!("`url`: {fault}"))?;
        if self.system.is_empty() || self.system.contains('/') {
            return Err(
                "`system` is the name of a case system alone, such as `case-1` of UZ/system/case-1"
                    .to_owned(),
            );
        }
        for (field, path) in [
            ("secret_file", &self.secret_file),
            ("ca_file", &self.ca_file),
        ] {
            if path.as_os_str().is_empty() {
                return Err(format!("`{field}` names no file"));
            }
        }
        if !["now", "beginning"].contains(&self.from.as_str()) {
            return Err("`from` is `now` or `beginning`".to_owned());
        }
        if !self.purpose.is_empty() && self.purpose_code() == 0 {
            return Err(format!("`purpose` is one of {}", purpose_words()));
        }
        Purpose::given(self.purpose_code(), &self.case).map_err(|fault| fault.to_string())?;
        if let Some(at) = self
            .urgencies
            .iter()
            .position(|word| urgency(word).is_none())
        {
            return Err(format!(
                "`urgencies[{at}]` is none; use routine, urgent, urgent-direct or emergency"
            ));
        }
        // Codes are looked up when the node starts.
        Filter::read(&self.filter(), |code| Ok(code.to_owned()))
            .map_err(|fault| fault.to_string())?;
        for (field, value, range) in [
            ("batch", self.batch, 1..=500),
            ("timeout_ms", self.timeout_ms, 100..=300_000),
        ] {
            if !range.contains(&value) {
                return Err(format!(
                    "`{field}` is {value}, but must be from {} to {}",
                    range.start(),
                    range.end()
                ));
            }
        }
        if self.allow_addresses.len() > MAX_ADDRESSES {
            return Err(format!(
                "`allow_addresses` may have {MAX_ADDRESSES} entries"
            ));
        }
        Ok(())
    }
}

/// The urgency of a word, such as `urgent-direct`.
fn urgency(word: &str) -> Option<i32> {
    let name = format!("URGENCY_{}", word.trim().to_uppercase().replace('-', "_"));
    let codes = json::enum_codes("comity.record.v1.Urgency");
    let found = codes.into_iter().find(|(code, _)| *code == name);
    found.map(|(_, number)| number)
}

impl Config {
    pub(super) fn check_webhooks(&self) -> Result<(), ConfigError> {
        at_most("webhooks", self.webhooks.len(), MAX_WEBHOOKS)?;
        let mut names = BTreeSet::new();
        for (index, webhook) in self.webhooks.iter().enumerate() {
            let refused = |fault| ConfigError::Webhook { index, fault };
            webhook.check().map_err(refused)?;
            if !names.insert(&webhook.name) {
                return Err(refused("another webhook has this name".to_owned()));
            }
        }
        Ok(())
    }
}
