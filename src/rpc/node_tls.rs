//! The certificates of a node's ports and dialers, and whom its client port lets in no more: as the
//! files of the home say now, not only when the node started.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::taxii::Credentials as TaxiiCredentials;
use super::tls::{
    ClientTrust, Live, TlsError, Vouching, client_port_server_config, link_server_config,
};
use crate::{
    config::TaxiiConfig,
    home::{
        Credentials, Enrolment, Home, HomeError, IssuersRevocations, Layout, Proxies, Revocations,
        TlsMaterial, TrustedIssuers, WebhookFiles, leaf,
    },
    node::{Node, SuccessionError},
    record::Country,
    wire::node::Ending,
};

/// How long before its end something is worth a warning.
pub const SOON: Duration = Duration::from_secs(30 * 24 * 3600);
/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Takes up the own card; answers whether there is nothing left to take up.
fn take_up_card(node: &Node) -> bool {
    match node.take_up_own_card() {
        Ok(_) => true,
        // Its keys may be on their way into their places: the next look finds them there.
        Err(error @ SuccessionError::Home(_)) => {
            tracing::warn!(%error, "the own card is not taken up yet");
            false
        }
        Err(error) => {
            tracing::error!(%error, "the own card is not taken up; the one before stays in force");
            true
        }
    }
}

/// The node's certificates for its ports and its dialers, and the dialers' proxies.
#[derive(Debug)]
pub struct NodeTls {
    country: Country,
    credentials: Credentials,
    current: ArcSwap<Current>,
    clients: Arc<Live>,
    proxies: Proxies,
    webhooks: Vec<WebhookFiles>,
    enrolment: Enrolment,
    allow_tls12: bool,
    taxii: TaxiiConfig,
    layout: Layout,
}

#[derive(Debug)]
struct Current {
    link: TlsMaterial,
    client_port: TlsMaterial,
    revoked: Revocations,
    /// What each trusted issuer revoked, in their order.
    lists: Vec<IssuersRevocations>,
}

impl Current {
    fn read(credentials: &Credentials, issuers: &TrustedIssuers) -> Result<Self, HomeError> {
        Ok(Self {
            lists: issuers
                .iter()
                .map(|issuer| issuer.revocations())
                .collect::<Result<_, _>>()?,
            link: credentials.link()?,
            client_port: credentials.client_port()?,
            revoked: credentials.revocations()?,
        })
    }
}

impl Current {
    /// Serials of what counts no more, of every CA.
    fn serials(&self) -> BTreeSet<Vec<u8>> {
        let lists = self
            .lists
            .iter()
            .flat_map(|one| one.serials.iter().cloned());
        self.revoked.serials.iter().cloned().chain(lists).collect()
    }
}

impl NodeTls {
    /// Reads the node's certificates, the revocations, and the passwords of its proxies.
    ///
    /// # Errors
    /// [`HomeError`] names the file.
    pub fn of(home: &Home) -> Result<Self, HomeError> {
        let issuers = TrustedIssuers::of(home)?;
        let credentials = Credentials::of(home, &issuers);
        let current = Current::read(&credentials, &issuers)?;
        let clients = Arc::new(Live::trusting(issuers));
        clients.revoke(current.serials());
        Ok(Self {
            country: home.country(),
            current: ArcSwap::from_pointee(current),
            credentials,
            clients,
            proxies: home.proxies()?,
            webhooks: home.webhooks(),
            enrolment: Enrolment::of(home),
            allow_tls12: home.config().clients.allow_tls12,
            taxii: home.config().taxii.clone(),
            layout: home.layout().clone(),
        })
    }

    /// The certificate for links.
    pub(super) fn link(&self) -> TlsMaterial {
        self.current.load().link.clone()
    }

    /// The files of each webhook, in the order of the configuration.
    pub(super) fn webhooks(&self) -> &[WebhookFiles] {
        &self.webhooks
    }

    /// Which proxy leads to which peer.
    pub(super) const fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// Who comes to TAXII by a token.
    pub(super) fn taxii_credentials(&self) -> TaxiiCredentials {
        TaxiiCredentials::of(self.layout.clone(), self.country)
    }

    /// Renews clients' certificates.
    pub(super) const fn enrolment(&self) -> &Enrolment {
        &self.enrolment
    }

    /// The connections of the client port.
    pub(super) const fn clients(&self) -> &Arc<Live> {
        &self.clients
    }

    pub(super) fn links_config(&self, node: &Node) -> Result<ServerConfig, TlsError> {
        let trust: Vec<_> = node.book().iter().map(Vouching::of).collect();
        link_server_config(&self.current.load().link, &trust)
    }

    pub(super) fn clients_config(&self) -> Result<ServerConfig, TlsError> {
        let current = self.current.load();
        let issuers = self.clients.issuers().iter().cloned();
        let lists = current.lists.iter().map(|one| one.list.clone());
        client_port_server_config(
            &current.client_port,
            &ClientTrust {
                country: self.country,
                ca: self.credentials.ca().to_vec(),
                revoked: current.revoked.list.clone(),
                issuers: issuers.zip(lists).collect(),
                allow_tls12: self.allow_tls12,
                http1: self.taxii.serve,
                without_certificate: self.taxii.serve && self.taxii.tokens,
            },
        )
    }

    /// What of the node counts until when, and which other countries' cards have ended or will soon.
    pub fn endings(&self, node: &Node) -> Vec<Ending> {
        let current = self.current.load();
        let until = |own: &TlsMaterial| leaf(own.certificate()).ok().map(|leaf| leaf.until);
        let own = node.own_card();
        let ca = leaf(&own.issuing_ca_der).ok().map(|leaf| leaf.until);
        let delegated = own.issuing_ca.not_after.min(own.card_key.not_after);
        let renew = "comity card renew-certificates";
        let delegate = "comity root request, then comity root delegate";
        let mut endings = Vec::new();
        for (what, until, remedy) in [
            ("the certificate for links", until(&current.link), renew),
            (
                "the certificate of the client port",
                until(&current.client_port),
                renew,
            ),
            ("the own card", Some(own.expires_at), "comity card reissue"),
            ("the root's delegations", Some(delegated), delegate),
            ("the issuing CA's certificate", ca, delegate),
            ("the sealing key", own.sealing_until(node.now()), delegate),
        ] {
            endings.extend(until.map(|until| Ending {
                what: what.to_owned(),
                ends_us: until.micros(),
                remedy: remedy.to_owned(),
            }));
        }
        let soon = node.now() + SOON;
        for card in node.book().iter().filter(|card| card.expires_at <= soon) {
            endings.push(Ending {
                what: format!("the card of {}", card.country),
                ends_us: card.expires_at.micros(),
                remedy: format!("ask {} for a newer card, or link with it", card.country),
            });
        }
        endings
    }

    /// Takes up changed files until `stop`: `changed` makes the ports' configurations anew, and the
    /// connections of revoked clients are cut. Files that cannot be used change nothing.
    pub(super) async fn follow(
        &self,
        node: &Node,
        stop: &CancellationToken,
        mut changed: impl FnMut(),
    ) {
        let mut seen = self.credentials.stamp();
        let mut card_seen = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            // Before the certificates: a card that takes a key back was issued after the certificates
            // for the next one.
            let card = node.own_card_stamp();
            let now = self.credentials.stamp();
            if now == seen {
                if card != card_seen && take_up_card(node) {
                    card_seen = card;
                }
                continue;
            }
            seen = now;
            match Current::read(&self.credentials, self.clients.issuers()) {
                Ok(current) => {
                    let revoked = current.serials();
                    self.current.store(Arc::new(current));
                    changed();
                    // After the configuration: who is cut now is refused when he comes again.
                    let cut = self.clients.revoke(revoked);
                    tracing::info!(cut, "certificates and revocations were taken up");
                }
                Err(error) => {
                    tracing::error!(%error, "the changed certificates or revocations are not taken up; those before stay in force");
                }
            }
        }
    }
}
