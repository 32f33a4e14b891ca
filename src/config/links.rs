//! How links leave this node and whether any come in: outbound-only networks and HTTP proxies.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{ConfigError, bounds::at_most};
use crate::{
    card::{LinkAddress, LinkAddressError},
    record::Country,
};

/// What stands for "no proxy".
const DIRECT: &str = "direct";
const MAX_PEERS: usize = 256;
const MAX_USER_BYTES: usize = 128;

/// How links leave this node, and whether any come in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinksConfig {
    /// Whether peers may dial this node. Without, nothing listens for links, and every link is
    /// one that this node dialled.
    pub accept: bool,
    /// `direct`, or the proxy through which peers are dialled: `http://[user@]host:port`.
    pub proxy: String,
    /// The file that holds the proxy user's password, relative to the home or absolute.
    pub proxy_password_file: Option<PathBuf>,
    /// What differs for a peer, by its country's code.
    pub peers: BTreeMap<String, PeerLinkConfig>,
}

/// How one peer is dialled.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerLinkConfig {
    /// As in [`LinksConfig`].
    pub proxy: String,
    /// As in [`LinksConfig`].
    #[serde(default)]
    pub proxy_password_file: Option<PathBuf>,
}

/// A proxy, as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyConfig<'a> {
    /// Where it listens, host:port.
    pub address: &'a str,
    /// Who this node is to it, with the file of the password.
    pub user: Option<(&'a str, &'a Path)>,
}

/// Why a text is no proxy. None of these repeats the text: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyUrlError {
    /// Another scheme, or none.
    #[error(
        "write `direct` or http://[user@]host:port; the tunnel carries the link's own TLS, and proxies that speak https or socks themselves are not supported"
    )]
    Scheme,
    /// A password.
    #[error(
        "a password does not belong into the configuration; write http://user@host:port and put the password alone into a file of mode 0600 that `proxy_password_file` names"
    )]
    Password,
    /// A user name that cannot be sent.
    #[error(
        "the user name is empty, longer than {MAX_USER_BYTES} bytes, or has control characters"
    )]
    User,
    /// A path.
    #[error("a proxy has no path; write http://[user@]host:port")]
    Path,
    /// Host or port.
    #[error("{0}")]
    Address(LinkAddressError),
    /// A user without a password.
    #[error("a user needs a password; name its file in `proxy_password_file`")]
    NoPasswordFile,
    /// A password without a user.
    #[error("`proxy_password_file` is of no use without a user; write http://user@host:port")]
    NoUser,
}

impl Default for LinksConfig {
    fn default() -> Self {
        Self {
            accept: true,
            proxy: DIRECT.to_owned(),
            proxy_password_file: None,
            peers: BTreeMap::new(),
        }
    }
}

impl LinksConfig {
    /// The proxy through which a peer is dialled; `None` to dial directly.
    ///
    /// # Errors
    /// [`ConfigError::Proxy`]; never for a configuration that was checked.
    pub fn proxy_to(&self, peer: Country) -> Result<Option<ProxyConfig<'_>>, ConfigError> {
        match self.peers.get_key_value(peer.code()) {
            Some((code, peer)) => peer.proxy(code),
            None => self.usual(),
        }
    }

    /// The proxy of every peer without a table of its own; `None` to dial directly.
    ///
    /// # Errors
    /// As [`Self::proxy_to`].
    pub fn usual(&self) -> Result<Option<ProxyConfig<'_>>, ConfigError> {
        parsed(&self.proxy, self.proxy_password_file.as_deref()).map_err(|fault| {
            ConfigError::Proxy {
                field: "links.proxy".to_owned(),
                fault,
            }
        })
    }

    pub(super) fn check(&self, addresses: usize) -> Result<(), ConfigError> {
        if !self.accept && addresses > 0 {
            return Err(ConfigError::AddressWithoutDoor);
        }
        at_most("links.peers", self.peers.len(), MAX_PEERS)?;
        self.usual()?;
        for (code, peer) in &self.peers {
            code.parse::<Country>()
                .map_err(|fault| ConfigError::Peer(fault.to_string()))?;
            peer.proxy(code)?;
        }
        Ok(())
    }
}

impl PeerLinkConfig {
    fn proxy(&self, code: &str) -> Result<Option<ProxyConfig<'_>>, ConfigError> {
        parsed(&self.proxy, self.proxy_password_file.as_deref()).map_err(|fault| {
            ConfigError::Proxy {
                field: format!("links.peers.{code}.proxy"),
                fault,
            }
        })
    }
}

fn parsed<'a>(
    text: &'a str,
    password: Option<&'a Path>,
) -> Result<Option<ProxyConfig<'a>>, ProxyUrlError> {
    if text == DIRECT {
        return match password {
            Some(_) => Err(ProxyUrlError::NoUser),
            None => Ok(None),
        };
    }
    let rest = text.strip_prefix("http://").ok_or(ProxyUrlError::Scheme)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, address) = match rest.rsplit_once('@') {
        Some((user, address)) => (Some(user), address),
        None => (None, rest),
    };
    if user.is_some_and(|user| user.contains(':')) {
        return Err(ProxyUrlError::Password);
    }
    if user.is_some_and(|user| {
        user.is_empty() || user.len() > MAX_USER_BYTES || user.chars().any(char::is_control)
    }) {
        return Err(ProxyUrlError::User);
    }
    if address.contains(['/', '?', '#']) {
        return Err(ProxyUrlError::Path);
    }
    address
        .parse::<LinkAddress>()
        .map_err(ProxyUrlError::Address)?;
    let user = match (user, password) {
        (Some(user), Some(password)) => Some((user, password)),
        (None, None) => None,
        (Some(_), None) => return Err(ProxyUrlError::NoPasswordFile),
        (None, Some(_)) => return Err(ProxyUrlError::NoUser),
    };
    Ok(Some(ProxyConfig { address, user }))
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    fn config(links: &str) -> Result<Config, ConfigError> {
        Config::parse(&format!("country = 'UZ'\n[links]\n{links}"))
    }

    fn to(config: &Config, peer: &str) -> Option<(String, Option<String>)> {
        let proxy = config.links.proxy_to(peer.parse().unwrap()).unwrap()?;
        let user = proxy.user.map(|(user, _)| user.to_owned());
        Some((proxy.address.to_owned(), user))
    }

    #[test]
    fn a_peer_has_its_own_proxy_or_the_usual_one() {
        let config = config(
            "proxy = 'http://node@proxy.uz.example:3128/'\nproxy_password_file = 'keys/p'\n\
             [links.peers.KZ]\nproxy = 'direct'\n\
             [links.peers.KG]\nproxy = 'http://10.0.0.1:8080'\n",
        )
        .unwrap();
        let usual = ("proxy.uz.example:3128".to_owned(), Some("node".to_owned()));
        assert_eq!(to(&config, "TJ"), Some(usual));
        assert_eq!(to(&config, "KZ"), None);
        assert_eq!(to(&config, "KG"), Some(("10.0.0.1:8080".to_owned(), None)));
        assert_eq!(to(&Config::new("UZ".parse().unwrap()), "TJ"), None);
    }

    #[test]
    fn what_is_no_proxy_is_refused_by_kind() {
        use ProxyUrlError as Fault;
        let with_file = "\nproxy_password_file = 'keys/p'";
        for (links, expected) in [
            ("proxy = 'proxy:3128'", Fault::Scheme),
            ("proxy = 'https://proxy:3128'", Fault::Scheme),
            ("proxy = 'socks5://proxy:1080'", Fault::Scheme),
            ("proxy = ''", Fault::Scheme),
            ("proxy = 'http://user:hunter2@proxy:3128'", Fault::Password),
            ("proxy = 'http://@proxy:3128'", Fault::User),
            ("proxy = \"http://a\\nb@proxy:3128\"", Fault::User),
            ("proxy = 'http://proxy:3128/way'", Fault::Path),
            ("proxy = 'http://user@proxy:3128'", Fault::NoPasswordFile),
            (
                &format!("proxy = 'http://proxy:3128'{with_file}"),
                Fault::NoUser,
            ),
            (&format!("proxy = 'direct'{with_file}"), Fault::NoUser),
            (
                "proxy = 'http://proxy'",
                Fault::Address(LinkAddressError::NoPort),
            ),
        ] {
            match config(links).unwrap_err() {
                ConfigError::Proxy { field, fault } => {
                    assert_eq!(
                        (field.as_str(), fault),
                        ("links.proxy", expected),
                        "{links}"
                    );
                }
                other => panic!("{links}: {other}"),
            }
        }
    }

    #[test]
    fn a_password_is_never_repeated() {
        let text = "[links.peers.KZ]\nproxy = 'http://user:hunter2@proxy:3128'";
        let error = config(text).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("links.peers.KZ.proxy"), "{shown}");
    }

    #[test]
    fn a_peer_is_a_country_and_a_closed_door_has_no_address() {
        let error = config("[links.peers.XX]\nproxy = 'direct'").unwrap_err();
        assert!(error.to_string().contains("links.peers"), "{error}");
        let text = "country = 'UZ'\naddresses = ['node.uz:7443']\n[links]\naccept = false\n";
        let error = Config::parse(text).unwrap_err();
        assert!(matches!(error, ConfigError::AddressWithoutDoor));
    }
}
