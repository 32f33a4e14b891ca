//! The proxies through which peers are dialled, with their passwords read from their files.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use super::{Home, HomeError};
use crate::{
    card::LinkAddress,
    config::{ConfigError, ProxyConfig},
    record::Country,
};

const MAX_PASSWORD_BYTES: usize = 1024;

/// An HTTP proxy, ready to be asked for a tunnel.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where it listens. The operator named it, so no address policy applies.
    pub address: LinkAddress,
    /// `Proxy-Authorization` of the Basic scheme (RFC 7617), base64 alone.
    credentials: Option<Zeroizing<String>>,
}

/// Which proxy leads to which peer.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    usual: Option<Proxy>,
    peers: BTreeMap<Country, Option<Proxy>>,
}

impl Proxy {
    /// A proxy that asks for nothing.
    pub const fn open(address: LinkAddress) -> Self {
        Self {
            address,
            credentials: None,
        }
    }

    /// A proxy that knows this node by user and password.
    pub fn with_password(address: LinkAddress, user: &str, password: &str) -> Self {
        let pair = Zeroizing::new(format!("{user}:{password}"));
        Self {
            address,
            credentials: Some(Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()))),
        }
    }

    /// User and password in base64, as the Basic scheme carries them.
    pub fn credentials(&self) -> Option<&str> {
        self.credentials.as_ref().map(|text| text.as_str())
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("address", &self.address)
            .field("credentials", &self.credentials.is_some())
            .finish()
    }
}

impl Proxies {
    /// The proxy through which `peer` is dialled; `None` to dial directly.
    pub fn to(&self, peer: Country) -> Option<&Proxy> {
        match self.peers.get(&peer) {
            Some(own) => own.as_ref(),
            None => self.usual.as_ref(),
        }
    }
}

impl Home {
    /// Reads the proxies that the configuration names, and their passwords.
    ///
    /// # Errors
    /// [`HomeError::ProxyPassword`] and [`HomeError::OpenPermissions`] name the password's file.
    pub fn proxies(&self) -> Result<Proxies, HomeError> {
        let links = &self.config().links;
        let configured = |fault: ConfigError| HomeError::Config {
            path: self.layout().config(),
            fault,
        };
        let mut proxies = Proxies {
            usual: self.proxy(links.usual().map_err(configured)?)?,
            peers: BTreeMap::new(),
        };
        for code in links.peers.keys() {
            let Ok(peer) = code.parse::<Country>() else {
                continue;
            };
            let own = self.proxy(links.proxy_to(peer).map_err(configured)?)?;
            proxies.peers.insert(peer, own);
        }
        Ok(proxies)
    }

    fn proxy(&self, configured: Option<ProxyConfig<'_>>) -> Result<Option<Proxy>, HomeError> {
        let Some(ProxyConfig { address, user }) = configured else {
            return Ok(None);
        };
        let address = address.parse().map_err(|fault| HomeError::Address {
            address: address.to_owned(),
            fault,
        })?;
        let Some((user, file)) = user else {
            return Ok(Some(Proxy::open(address)));
        };
        let path = self.dir().join(file);
        let text = self.key_files().read_secret(&path)?;
        let refused = |what| HomeError::ProxyPassword {
            path: path.clone(),
            what,
        };
        let text = std::str::from_utf8(&text).map_err(|_| refused("is not UTF-8"))?;
        let password = text.strip_suffix('\n').unwrap_or(text);
        let password = password.strip_suffix('\r').unwrap_or(password);
        if password.is_empty() {
            return Err(refused("is empty"));
        }
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(refused("is longer than 1024 bytes"));
        }
        if password.chars().any(char::is_control) {
            return Err(refused("has more than one line, or control characters"));
        }
        Ok(Some(Proxy::with_password(address, user, password)))
    }
}
