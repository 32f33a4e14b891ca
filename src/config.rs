//! `config.toml` of a node's home: what an operator decides, with its bounds.
//!
//! Every field but the country has a default; an unknown field is an error, so that a misspelt one
//! is never silently without effect.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Deserializer, de::Error as _};

use self::bounds::{at_most, in_range};
use crate::{
    card::{AddressPolicy, LinkAddress, MAX_AUTHORITIES, check_authority},
    record::Country,
};

pub mod agreements;
mod bounds;
mod clients;
mod commented;
mod due;
pub mod evidence;
mod fault;
mod items;
mod keys;
mod life;
mod limits;
mod links;
mod outlet;
mod reading_log;
mod taxii;
#[cfg(test)]
mod tests;
mod webhooks;

pub use clients::{ClientsConfig, MappingRule, NameSource, TrustedIssuerConfig};
pub use due::DueConfig;
pub use fault::ConfigError;
pub use items::ItemsConfig;
pub use keys::{KeysConfig, SignerConfig};
pub use life::LifeConfig;
pub use limits::LimitsConfig;
pub use links::{LinksConfig, PeerLinkConfig, ProxyConfig, ProxyUrlError};
pub use outlet::OutletConfig;
pub use reading_log::ReadingLogConfig;
pub use taxii::TaxiiConfig;
pub use webhooks::WebhookConfig;

/// Largest configuration file in bytes.
const MAX_CONFIG_BYTES: u64 = 256 * 1024;

/// Configuration of a node.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The country, fixed by the home's keys.
    #[serde(deserialize_with = "country")]
    pub country: Country,
    /// Where links are accepted.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Where clients (officers, case systems, the command line) are accepted.
    #[serde(default = "default_client_listen")]
    pub client_listen: SocketAddr,
    /// Addresses that the country's card gives to peers, host:port.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Authorities that the country's card names.
    #[serde(default)]
    pub authorities: Vec<String>,
    /// Whether links may dial loopback and private networks.
    #[serde(default)]
    pub allow_private_addresses: bool,
    /// IP addresses that links may dial whatever they are.
    #[serde(default)]
    pub allow_addresses: Vec<IpAddr>,
    /// How links leave this node, and whether any come in.
    #[serde(default)]
    pub links: LinksConfig,
    /// How links are dialled.
    #[serde(default)]
    pub dial: DialConfig,
    /// Bounds on what others may use of this node.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// What the client port takes.
    #[serde(default)]
    pub clients: ClientsConfig,
    /// CAs of the country beside its own that vouch for clients.
    #[serde(default)]
    pub trusted_issuers: Vec<TrustedIssuerConfig>,
    /// The store.
    #[serde(default)]
    pub store: StoreConfig,
    /// How the node's keys are kept and replaced.
    #[serde(default)]
    pub keys: KeysConfig,
    /// What becomes of records that are recalled or expire.
    #[serde(default)]
    pub life: LifeConfig,
    /// By when officers acknowledge and answer.
    #[serde(default)]
    pub due: DueConfig,
    /// By what measures a report on the reading log counts facts.
    #[serde(default)]
    pub reading_log: ReadingLogConfig,
    /// Files of evidence requests.
    #[serde(default)]
    pub items: ItemsConfig,
    /// Subscriptions and webhooks.
    #[serde(default)]
    pub outlet: OutletConfig,
    /// Systems that what they get is sent to.
    #[serde(default)]
    pub webhooks: Vec<WebhookConfig>,
    /// TAXII on the client port.
    #[serde(default)]
    pub taxii: TaxiiConfig,
    /// The search index.
    #[serde(default)]
    pub search: SearchConfig,
    /// The log.
    #[serde(default)]
    pub log: LogConfig,
}

/// How links are dialled. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DialConfig {
    /// First pause after a failed dial.
    pub min_backoff_ms: u64,
    /// Longest pause between dials.
    pub max_backoff_ms: u64,
    /// Longest time for name, connection and handshake together.
    pub connect_timeout_ms: u64,
}

/// The store.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// Size of a journal segment in MiB.
    pub segment_mib: u64,
    /// Most memory for the index's cache in MiB.
    pub cache_mib: u64,
    /// The file key, relative to the home or absolute.
    pub file_key: PathBuf,
    /// How fast the journal is read again for damage, in MiB a second; 0: never.
    pub scrub_mib_s: u64,
    /// Pause between two such readings, in seconds.
    pub scrub_pause_s: u64,
    /// Share of the disk in percent beyond which nothing new is accepted.
    pub disk_full_percent: u64,
    /// Longest wait at a start for peers to say that they know no more of this node, in seconds,
    /// where the store may not be as the last run left it.
    pub ask_peers_s: u64,
}

/// The search index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// Most memory for the index in MiB; the oldest records are left out beyond it.
    pub memory_mib: u64,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self { memory_mib: 500 }
    }
}

/// The log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Form of a line.
    pub format: LogFormat,
    /// Least important level that is written.
    pub level: LogLevel,
}

/// Form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line; control characters are escaped.
    Json,
}

/// Level of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something failed.
    Error,
    /// Something needs attention.
    Warn,
    /// What the node does.
    #[default]
    Info,
    /// How it does it.
    Debug,
    /// Everything.
    Trace,
}

const MAX_ADDRESSES: usize = 16;

impl Config {
    /// The configuration of a country with every default.
    pub fn new(country: Country) -> Self {
        Self {
            country,
            listen: default_listen(),
            client_listen: default_client_listen(),
            addresses: Vec::new(),
            authorities: Vec::new(),
            allow_private_addresses: false,
            allow_addresses: Vec::new(),
            links: LinksConfig::default(),
            dial: DialConfig::default(),
            limits: LimitsConfig::default(),
            clients: ClientsConfig::default(),
            trusted_issuers: Vec::new(),
            store: StoreConfig::default(),
            keys: KeysConfig::default(),
            life: LifeConfig::default(),
            due: DueConfig::default(),
            reading_log: ReadingLogConfig::default(),
            items: ItemsConfig::default(),
            outlet: OutletConfig::default(),
            webhooks: Vec::new(),
            taxii: TaxiiConfig::default(),
            search: SearchConfig::default(),
            log: LogConfig::default(),
        }
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`] naming the field, its value and what is allowed.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read {
            path: path.to_owned(),
            source,
        };
        if fs::metadata(path).map_err(read)?.len() > MAX_CONFIG_BYTES {
            return Err(ConfigError::TooLarge {
                path: path.to_owned(),
            });
        }
        Self::parse(&fs::read_to_string(path).map_err(read)?)
    }

    /// Parses and checks the text of a file.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(Box::new)?;
        config.check()?;
        Ok(config)
    }

    /// Checks every bound.
    ///
    /// # Errors
    /// [`ConfigError`] for the first field out of its bounds.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (field, value, range) in self.numbers() {
            in_range(field, value, range)?;
        }
        let addresses = self.link_addresses()?;
        self.links.check(addresses.len())?;
        self.due.check()?;
        self.reading_log.check()?;
        self.taxii.check()?;
        self.keys.check()?;
        at_most("authorities", self.authorities.len(), MAX_AUTHORITIES)?;
        at_most("allow_addresses", self.allow_addresses.len(), MAX_ADDRESSES)?;
        for (index, name) in self.authorities.iter().enumerate() {
            check_authority(name).map_err(|fault| ConfigError::Authority { index, fault })?;
        }
        self.check_issuers()?;
        self.check_webhooks()?;
        if self.links.accept && self.listen == self.client_listen && self.listen.port() != 0 {
            return Err(ConfigError::SamePort(self.listen));
        }
        if self.store.file_key.as_os_str().is_empty() {
            return Err(ConfigError::FileKey);
        }
        Ok(())
    }

    /// `addresses`, parsed.
    ///
    /// # Errors
    /// [`ConfigError::Address`] or [`ConfigError::TooMany`].
    pub fn link_addresses(&self) -> Result<Vec<LinkAddress>, ConfigError> {
        at_most("addresses", self.addresses.len(), MAX_ADDRESSES)?;
        self.addresses
            .iter()
            .enumerate()
            .map(|(index, text)| {
                text.parse()
                    .map_err(|fault| ConfigError::Address { index, fault })
            })
            .collect()
    }

    /// What links may dial.
    pub fn address_policy(&self) -> AddressPolicy {
        AddressPolicy {
            allow_private: self.allow_private_addresses,
            permitted: self.allow_addresses.clone(),
        }
    }
}

impl DialConfig {
    /// First pause after a failed dial.
    pub const fn min_backoff(&self) -> Duration {
        Duration::from_millis(self.min_backoff_ms)
    }

    /// Longest pause between dials.
    pub const fn max_backoff(&self) -> Duration {
        Duration::from_millis(self.max_backoff_ms)
    }

    /// Longest time for name, connection and handshake together.
    pub const fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }
}

impl LogLevel {
    /// The level's name, as `tracing` reads it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Default for DialConfig {
    fn default() -> Self {
        Self {
            min_backoff_ms: 200,
            max_backoff_ms: 60_000,
            connect_timeout_ms: 10_000,
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            segment_mib: 64,
            cache_mib: 64,
            file_key: PathBuf::from("keys/file-key"),
            scrub_mib_s: 8,
            scrub_pause_s: 86_400,
            disk_full_percent: 90,
            ask_peers_s: 20,
        }
    }
}

const fn default_listen() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 7443)
}

const fn default_client_listen() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 7444)
}

fn country<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Country, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(|fault| D::Error::custom(format!("`country`: {fault}")))
}
