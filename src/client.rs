//! The client side: how the command line, and any other Rust program, talks to its country's node.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde::Deserialize;
use tonic::transport::Channel;
use zeroize::Zeroizing;

use crate::{
    access::PrincipalKind,
    card::LinkAddress,
    home::{Home, HomeError, LOCAL, TlsMaterial},
    record::{Country, MAX_RECORD_BYTES},
    rpc::tls::{DialError, connect_client},
    wire::node::{
        audit_service_client::AuditServiceClient, card_service_client::CardServiceClient,
        consent_service_client::ConsentServiceClient, life_service_client::LifeServiceClient,
        record_service_client::RecordServiceClient, search_service_client::SearchServiceClient,
        sharing_service_client::SharingServiceClient, status_service_client::StatusServiceClient,
        thread_service_client::ThreadServiceClient, trend_service_client::TrendServiceClient,
    },
};

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
        Ok(Self {
            country: file
                .country
                .parse()
                .map_err(|error| unusable(path, &error))?,
            address: file
                .address
                .parse()
                .map_err(|error| unusable(path, &error))?,
            ca: CertificateDer::from_pem_slice(read(&ca)?.as_bytes())
                .map_err(|error| unusable(&ca, &error))?
                .to_vec(),
            own: TlsMaterial::from_pem(&read(&certificate)?, &read(&base.join(file.key))?)
                .ok_or_else(|| unusable(&certificate, &"certificate or key is not PEM"))?,
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
        })
    }
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
        let channel = connect_client(
            &profile.address,
            profile.country,
            &profile.ca,
            &profile.own,
            CONNECT_TIMEOUT,
        )
        .await?;
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
            trends: TrendServiceClient::new(channel.clone())
                .max_decoding_message_size(MAX_ANSWER_BYTES),
            status: StatusServiceClient::new(channel).max_decoding_message_size(MAX_ANSWER_BYTES),
        })
    }
}
