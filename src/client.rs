//! The client side: how the command line, and any other Rust program, talks to its country's node.

mod node_card;

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde::Deserialize;
use time::OffsetDateTime;
use tonic::transport::Channel;
use zeroize::Zeroizing;

use crate::{
    access::PrincipalKind,
    card::{CLOCK_TOLERANCE, LinkAddress, TrustedCard},
    home::{Home, HomeError, LOCAL, TlsMaterial, leaf},
    record::{Country, MAX_RECORD_BYTES, Moment},
    rpc::tls::{DialError, Vouching, connect_client_to},
    wire::node::{
        RenewCertificateRequest, RenewCertificateResponse,
        audit_service_client::AuditServiceClient, card_service_client::CardServiceClient,
        consent_service_client::ConsentServiceClient,
        enrolment_service_client::EnrolmentServiceClient, life_service_client::LifeServiceClient,
        record_service_client::RecordServiceClient, search_service_client::SearchServiceClient,
        sharing_service_client::SharingServiceClient, status_service_client::StatusServiceClient,
        thread_service_client::ThreadServiceClient, trend_service_client::TrendServiceClient,
    },
};

pub use node_card::NODE_CARD;

/// Largest answer: a page of records, or the longest watch frame.
const MAX_ANSWER_BYTES: usize = 32 * MAX_RECORD_BYTES;
/// Longest wait for the node to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The profile, or a file it names, cannot be used.
    #[error("the client profile {path} cannot be used: {why}")]
    Profile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The operator's certificate cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// No node answers.
    #[error("no node answers: {0}; start it with `comity run`, or check the address")]
    Connect(#[from] DialError),
}

/// Where the node is and who calls.
#[derive(Clone, Debug)]
pub struct Profile {
    country: Country,
    address: LinkAddress,
    ca: Vec<u8>,
    own: TlsMaterial,
    certificate_path: PathBuf,
    /// The own country's card, where it is at hand: keys that it takes back are refused.
    card: Option<TrustedCard>,
    /// The folder in which that card is kept, for a profile of its own.
    folder: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    country: String,
    address: String,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Profile {
    /// Reads a profile: TOML with `country`, `address` (host:port), and `ca`, `certificate`, `key`
    /// as paths relative to the profile.
    ///
    /// # Errors
    /// [`ClientError::Profile`] names the file that cannot be used.
    pub fn load(path: &Path) -> Result<Self, ClientError> {
        let unusable = |path: &Path, why: &dyn std::fmt::Display| ClientError::Profile {
            path: path.to_owned(),
            why: why.to_string(),
        };
        let file: ProfileFile =
            toml::from_str(&read(path)?).map_err(|error| unusable(path, &error.message()))?;
        let base = path.parent().unwrap_or(Path::new("."));
        let ca = base.join(file.ca);
        let certificate = base.join(file.certificate);
        let country = file
            .country
            .parse()
            .map_err(|error| unusable(path, &error))?;
        Ok(Self {
            country,
            card: node_card::read(base, country)?,
            folder: Some(base.to_owned()),
            address: file
                .address
                .parse()
                .map_err(|error| unusable(path, &error))?,
            ca: CertificateDer::from_pem_slice(read(&ca)?.as_bytes())
                .map_err(|error| unusable(&ca, &error))?
                .to_vec(),
            own: TlsMaterial::from_pem(&read(&certificate)?, &read(&base.join(file.key))?)
                .ok_or_else(|| unusable(&certificate, &"certificate or key is not PEM"))?,
            certificate_path: certificate,
        })
    }

    /// The first operator of the node whose home this is, on the node's own machine: for what runs
    /// the node.
    ///
    /// # Errors
    /// [`ClientError::Home`] when the certificate cannot be read.
    pub fn operator(home: &Home) -> Result<Self, ClientError> {
        Self::kept(home, PrincipalKind::Operator, LOCAL)
    }

    /// The local officer of the node whose home this is, on the node's own machine: for records.
    ///
    /// # Errors
    /// [`ClientError::Home`] when the certificate cannot be read.
    pub fn officer(home: &Home) -> Result<Self, ClientError> {
        Self::kept(home, PrincipalKind::Officer, LOCAL)
    }

    /// A client whose key stays in the home of its node.
    ///
    /// # Errors
    /// [`ClientError::Home`] when the certificate cannot be read.
    pub fn kept(home: &Home, kind: PrincipalKind, name: &str) -> Result<Self, ClientError> {
        let mut listen: SocketAddr = home.config().client_listen;
        if listen.ip().is_unspecified() {
            listen.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        Ok(Self {
            country: home.country(),
            address: listen.to_string().parse().map_err(
                |error: crate::card::LinkAddressError| ClientError::Profile {
                    path: home.layout().config(),
                    why: error.to_string(),
                },
            )?,
            ca: home.own_card().issuing_ca_der.clone(),
            own: home.client_material(kind, name)?,
            certificate_path: home.layout().client(kind, name).0,
            card: Some(home.own_card().clone()),
            folder: None,
        })
    }

    /// The file of the certificate.
    pub const fn certificate_path(&self) -> &PathBuf {
        &self.certificate_path
    }

    /// Whether less than a third is left of the time for which the certificate was issued.
    fn renewal_is_due(&self, now: Moment) -> bool {
        leaf(self.own.certificate()).is_ok_and(|leaf| {
            // It begins earlier than it was issued, for nodes whose clock is behind.
            let life = leaf.until.since(leaf.from).saturating_sub(CLOCK_TOLERANCE);
            leaf.until.since(now).saturating_mul(3) < life
        })
    }
}

/// Replaces a certificate's file at once, so that a crash leaves the one before or the new one.
///
/// # Errors
/// Those of the file system.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = path.to_owned().into_os_string();
    draft.push(format!(".{}.new", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&draft, path));
    if written.is_err() {
        // Best effort: the error that matters is the first one.
        let _ = std::fs::remove_file(&draft);
    }
    written
}

fn read(path: &Path) -> Result<Zeroizing<String>, ClientError> {
    std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| ClientError::Profile {
            path: path.to_owned(),
            why: error.to_string(),
        })
}

/// A connection to a node's client port.
#[derive(Clone, Debug)]
pub struct Client {
    /// Records.
    pub records: RecordServiceClient<Channel>,
    /// Search and correlation.
    pub search: SearchServiceClient<Channel>,
    /// Who reads what, and agreements.
    pub sharing: SharingServiceClient<Channel>,
    /// Recalls, holds, and what needs two persons.
    pub life: LifeServiceClient<Channel>,
    /// Replies, charges, and what is due.
    pub threads: ThreadServiceClient<Channel>,
    /// Consent and the uses it allows.
    pub consents: ConsentServiceClient<Channel>,
    /// The ledger.
    pub audit: AuditServiceClient<Channel>,
    /// Cards.
    pub cards: CardServiceClient<Channel>,
    /// Certificates.
    pub enrolment: EnrolmentServiceClient<Channel>,
    /// Tables of statistics.
    pub trends: TrendServiceClient<Channel>,
    /// The node's state.
    pub status: StatusServiceClient<Channel>,
}

impl Client {
    /// Connects and checks that the node is the profile's country's.
    ///
    /// # Errors
    /// [`ClientError::Connect`] when no node answers, or another than the profile's.
    pub async fn connect(profile: &Profile) -> Result<Self, ClientError> {
        let mut node = Vouching::from((profile.country, profile.ca.clone()));
        if let Some(card) = &profile.card {
            node.revoked_keys = Vouching::of(card).revoked_keys;
        }
        let channel =
            connect_client_to(&profile.address, &node, &profile.own, CONNECT_TIMEOUT).await?;
        Ok(Self {
            records: RecordServiceClient::new(channel.clone())
                .max_decoding_message_size(MAX_ANSWER_BYTES),
            search: SearchServiceClient::new(channel.clone())
                .max_decoding_message_size(MAX_ANSWER_BYTES),
            sharing: SharingServiceClient::new(channel.clone())
                .max_decoding_message_size(MAX_ANSWER_BYTES),
            life: LifeServiceClient::new(channel.clone())
                .max_decoding_message_size(MAX_ANSWER_BYTES),
            threads: ThreadServiceClient::new(channel.clone())
                .max_decoding_message_size(MAX_ANSWER_BYTES),
            consents: ConsentServiceClient::new(channel.clone())
                .max_decoding_message_size(MAX_ANSWER_BYTES),
            audit: AuditServiceClient::new(channel.clone())
                .max_decoding_message_size(MAX_ANSWER_BYTES),
            cards: CardServiceClient::new(channel.clone())
                .max_decoding_message_size(MAX_ANSWER_BYTES),
            enrolment: EnrolmentServiceClient::new(channel.clone())
                .max_decoding_message_size(MAX_ANSWER_BYTES),
            trends: TrendServiceClient::new(channel.clone())
                .max_decoding_message_size(MAX_ANSWER_BYTES),
            status: StatusServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES),
        })
    }

    /// Connects as [`Self::connect`], and renews the certificate when less than a third of its time
    /// is left: the new one takes the old one's place in its file and serves from the next connection
    /// on. What keeps it from being renewed is logged and keeps nobody from working.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_renewing(profile: &mut Profile) -> Result<Self, ClientError> {
        let mut client = Self::connect(profile).await?;
        if !profile.renewal_is_due(OffsetDateTime::now_utc().into()) {
            return Ok(client);
        }
        client.refresh(profile).await;
        let path = profile.certificate_path.clone();
        match client.renew(Vec::new()).await {
            Ok(renewed) => {
                match replace(&path, renewed.certificate_pem.as_bytes()) {
                    Ok(()) => {}
                    Err(error) => {
                        tracing::warn!(path = %path.display(), %error, "the renewed certificate cannot be written");
                    }
                }
                if let Ok(own) = CertificateDer::from_pem_slice(renewed.certificate_pem.as_bytes())
                {
                    profile.own = profile.own.with_certificate(own);
                }
            }
            Err(status) => {
                tracing::warn!(
                    error = status.message(),
                    "the certificate ends soon and is not renewed"
                );
            }
        }
        Ok(client)
    }

    /// Takes up the node's newer card beside a profile, so that keys which it takes back are refused
    /// from the next connection on.
    pub async fn refresh(&mut self, profile: &Profile) {
        if let Some(held) = profile.card.clone() {
            self.take_node_card(profile.folder.clone(), held).await;
        }
    }

    /// Asks for the own certificate again, for the key of a certificate request or, where that is
    /// empty, for the present key.
    ///
    /// # Errors
    /// The node's refusal.
    pub async fn renew(
        &mut self,
        certificate_request: Vec<u8>,
    ) -> Result<RenewCertificateResponse, tonic::Status> {
        let request = RenewCertificateRequest {
            certificate_request,
        };
        Ok(self
            .enrolment
            .renew_certificate(request)
            .await?
            .into_inner())
    }
}
