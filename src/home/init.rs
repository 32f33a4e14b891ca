//! `comity init`: a country's roots, its node's keys and its first card, all or nothing.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use prost::Message as _;
use rcgen::{PublicKeyData as _, SubjectPublicKeyInfo};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use zeroize::Zeroizing;

use super::{
    CardContents, HomeError, Layout, ProfileError, files,
    issue::{CERTIFICATE_LIFE, DELEGATION_LIFE, IssuingCa, NewIssuingCa, before, tls_key},
    layout::LOCAL,
    own_card::{CARD_LIFE, sign_card},
    revocation::register,
    root,
};
use crate::{
    access::{Principal, PrincipalKind, Role},
    card::{
        CARD_FORMAT, DelegationRole, Fingerprint, LinkAddress, VerifiedDelegation, ledger_origin,
        recovery_commitment, sign_delegation, verify_card,
    },
    config::Config,
    crypto::{Digest, SealingSecret, SigningKey, fill_random},
    record::{Country, Moment},
    wire::card as wire,
};

/// What the local officer may do: everything that an officer can be trusted with, so that one
/// person can work on the node's own machine until officers are enrolled.
const LOCAL_ROLES: [Role; 4] = [
    Role::LiaisonOfficer,
    Role::Analyst,
    Role::JudicialAuthority,
    Role::VictimProtectionOfficer,
];

/// What `comity init` is told.
pub struct InitOptions {
    /// The country.
    pub country: Country,
    /// The home to create; it must not exist, or be empty.
    pub dir: PathBuf,
    /// Names of the country's authorities.
    pub authorities: Vec<String>,
    /// Where links are accepted.
    pub listen: SocketAddr,
    /// Where clients are accepted; the default otherwise.
    pub client_listen: Option<SocketAddr>,
    /// Where peers can dial this node, host:port.
    pub address: Option<String>,
    /// Passphrase of both roots.
    pub passphrase: Zeroizing<String>,
    /// scrypt work as a power of two; about a second's work otherwise.
    pub work_factor: Option<u8>,
    /// Now; certificates and delegations count from here.
    pub now: Moment,
}

/// What `comity init` made.
#[derive(Clone, Debug)]
pub struct InitReport {
    /// The country.
    pub country: Country,
    /// The home.
    pub dir: PathBuf,
    /// To read aloud to peers.
    pub fingerprint: Fingerprint,
    /// The country's card, to hand to peers.
    pub card_path: PathBuf,
    /// The configuration.
    pub config_path: PathBuf,
    /// The country root, to be moved offline.
    pub country_root_path: PathBuf,
    /// The recovery root, to be moved offline and apart from the country root.
    pub recovery_root_path: PathBuf,
    /// The operator's client certificate.
    pub operator_certificate_path: PathBuf,
    /// The operator's private key.
    pub operator_key_path: PathBuf,
    /// The local officer's client certificate.
    pub officer_certificate_path: PathBuf,
    /// When the node's and both clients' certificates end.
    pub certificates_expire_at: Moment,
    /// When the card ends.
    pub card_expires_at: Moment,
}

/// Creates a home. Everything is written and synced beside it first and renamed as a whole, so a
/// crash leaves no home or a complete one (and at worst a stray folder whose name starts with a
/// dot, which holds keys that nobody trusts yet).
///
/// # Errors
/// [`HomeError`]; the folder is then as it was.
pub fn init(options: InitOptions) -> Result<InitReport, HomeError> {
    let config = checked_config(&options)?;
    let dir = absolute(&options.dir)?;
    if !files::is_vacant(&dir)? {
        return Err(HomeError::NotEmpty(dir));
    }
    let above = files::parent(&dir);
    fs::create_dir_all(above).map_err(files::io(above, "created"))?;
    let draft = files::sibling(&dir, "init")?;
    let made = write_home(&Layout::new(&draft), &options, &config).and_then(|fingerprint| {
        // Renaming onto a folder succeeds only when it is empty, so nothing is ever overwritten,
        // whatever happened since the check above.
        fs::rename(&draft, &dir).map_err(|fault| match fault.kind() {
            std::io::ErrorKind::DirectoryNotEmpty | std::io::ErrorKind::NotADirectory => {
                HomeError::NotEmpty(dir.clone())
            }
            _ => files::io(&dir, "created")(fault),
        })?;
        files::sync_dir(above)?;
        Ok(fingerprint)
    });
    if made.is_err() {
        // Best effort: the error that matters is the first one.
        let _ = fs::remove_dir_all(&draft);
    }
    let fingerprint = made?;
    let layout = Layout::new(&dir);
    Ok(InitReport {
        country: options.country,
        fingerprint,
        card_path: layout.card(),
        config_path: layout.config(),
        country_root_path: layout.country_root(),
        recovery_root_path: layout.recovery_root(),
        operator_certificate_path: layout.operator_certificate(),
        operator_key_path: layout.operator_key(),
        officer_certificate_path: layout.officer_certificate(),
        certificates_expire_at: options.now + CERTIFICATE_LIFE,
        card_expires_at: options.now + CARD_LIFE,
        dir,
    })
}

/// Replaces the configuration of a home by a commented file.
///
/// # Errors
/// [`HomeError::Config`] for a value out of its bounds, [`HomeError::Io`].
pub fn write_config(dir: &Path, config: &Config) -> Result<(), HomeError> {
    let path = Layout::new(dir).config();
    config.check().map_err(|fault| HomeError::Config {
        path: path.clone(),
        fault,
    })?;
    files::replace(&path, config.commented().as_bytes())
}

/// Everything that can be refused without touching the disk.
fn checked_config(options: &InitOptions) -> Result<Config, HomeError> {
    root::check_passphrase(&options.passphrase)?;
    let mut config = Config::new(options.country);
    config.listen = options.listen;
    match options.client_listen {
        Some(listen) => config.client_listen = listen,
        // Next to the port for links, so that two nodes on one machine do not meet.
        None => config
            .client_listen
            .set_port(options.listen.port().checked_add(1).unwrap_or(0)),
    }
    config.addresses = options.address.iter().cloned().collect();
    config.authorities.clone_from(&options.authorities);
    CardContents::of(&config).check()?;
    config.check().map_err(|fault| HomeError::Config {
        path: Layout::new(&options.dir).config(),
        fault,
    })?;
    Ok(config)
}

fn absolute(dir: &Path) -> Result<PathBuf, HomeError> {
    let absolute = std::path::absolute(dir).map_err(files::io(dir, "resolved"))?;
    // A final `..` or `/` has no name that could be created beside and renamed.
    match absolute.components().next_back() {
        Some(std::path::Component::Normal(_)) => Ok(absolute),
        _ => Err(HomeError::NoName(absolute)),
    }
}

fn write_home(
    layout: &Layout,
    options: &InitOptions,
    config: &Config,
) -> Result<Fingerprint, HomeError> {
    files::make_dir(layout.dir())?;
    for dir in [layout.keys(), layout.certs(), layout.root(), layout.data()] {
        files::make_dir(&dir)?;
    }
    let (root, root_pkcs8) = SigningKey::generate()?;
    let (recovery, recovery_pkcs8) = SigningKey::generate()?;
    for (path, pkcs8) in [
        (layout.country_root(), &root_pkcs8),
        (layout.recovery_root(), &recovery_pkcs8),
    ] {
        let locked = root::lock(pkcs8, &options.passphrase, options.work_factor)?;
        files::write_new(&path, &locked)?;
    }

    let authority = write_certificates(layout, options, config)?;
    let (signing, sealing) = write_keys(layout)?;
    let (card_key, card_key_pkcs8) = SigningKey::generate()?;
    files::write_new(&layout.card_key(), &card_key_pkcs8)?;

    let card = first_card(
        options,
        config,
        &root,
        &recovery,
        &authority,
        &FirstKeys {
            card_key: &card_key,
            signing: &signing,
            sealing: &sealing,
        },
    );
    let signed = sign_card(&card, &card_key);
    // A card that no peer would accept must not leave this function.
    let trusted = verify_card(&signed, options.now).map_err(|fault| HomeError::Card {
        path: layout.card(),
        fault,
    })?;
    files::write_new(&layout.card(), &signed.encode_to_vec())?;
    files::write_new(&layout.config(), config.commented().as_bytes())?;
    files::write_new(&layout.lock(), b"")?;
    for dir in [
        layout.keys(),
        layout.certs(),
        layout.root(),
        layout.data(),
        layout.dir().to_owned(),
    ] {
        files::sync_dir(&dir)?;
    }
    Ok(trusted.fingerprint())
}

/// The issuing CA with its key, the node's certificates, the first operator's and the local officer's.
fn write_certificates(
    layout: &Layout,
    options: &InitOptions,
    config: &Config,
) -> Result<NewIssuingCa, HomeError> {
    let (country, now) = (options.country, options.now);
    let authority = IssuingCa::create(country, now)?;
    files::write_new(&layout.issuing_ca_key(), authority.key_pem.as_bytes())?;
    files::write_new(&layout.issuing_ca(), authority.certificate_pem.as_bytes())?;

    let (node_key, node_key_pem) = tls_key()?;
    files::write_new(&layout.node_tls_key(), node_key_pem.as_bytes())?;
    let link = authority.ca.issue_link(country, &node_key, now)?;
    files::write_new(&layout.link_certificate(), link.as_bytes())?;
    let port = authority
        .ca
        .issue_client_port(country, &node_key, &hosts(config), now)?;
    files::write_new(&layout.client_port_certificate(), port.as_bytes())?;

    let local = |kind| Principal::new(country, kind, LOCAL).map_err(ProfileError::from);
    let officer = local(PrincipalKind::Officer)?
        .with_authority(config.authorities.first().map(String::as_str))
        .and_then(|officer| officer.with_roles(LOCAL_ROLES.into()))
        .map_err(ProfileError::from)?;
    for (principal, certificate, key) in [
        (
            local(PrincipalKind::Operator)?,
            layout.operator_certificate(),
            layout.operator_key(),
        ),
        (officer, layout.officer_certificate(), layout.officer_key()),
    ] {
        let (own, key_pem) = tls_key()?;
        let own = SubjectPublicKeyInfo::from_der(&own.subject_public_key_info())?;
        let (pem, until) = authority
            .ca
            .issue_client(&principal, &own, CERTIFICATE_LIFE, now)?;
        files::write_new(&certificate, pem.as_bytes())?;
        files::write_new(&key, key_pem.as_bytes())?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| HomeError::Certificate(certificate))?;
        register(&layout.issued(), &der, &principal, until)?;
    }
    Ok(authority)
}

/// Host names and addresses under which clients may reach the node.
pub(super) fn hosts(config: &Config) -> Vec<String> {
    let mut hosts = vec![config.client_listen.ip().to_string()];
    hosts.extend(
        config
            .addresses
            .iter()
            .filter_map(|address| address.parse().ok())
            .map(|address: LinkAddress| address.host().to_owned()),
    );
    hosts
}

/// Signing, sealing, storage and index keys, and the file key.
fn write_keys(layout: &Layout) -> Result<(SigningKey, SealingSecret), HomeError> {
    let (signing, signing_pkcs8) = SigningKey::generate()?;
    files::write_new(&layout.signing_key(), &signing_pkcs8)?;
    let sealing = SealingSecret::generate()?;
    files::write_new(&layout.sealing_key(), &sealing.to_bytes())?;
    for path in [layout.storage_key(), layout.index_key()] {
        let mut key = Zeroizing::new([0; 32]);
        fill_random(&mut *key)?;
        files::write_new(&path, &*key)?;
    }
    Ok((signing, sealing))
}

/// The node's keys that a first card names.
struct FirstKeys<'a> {
    card_key: &'a SigningKey,
    signing: &'a SigningKey,
    sealing: &'a SealingSecret,
}

fn first_card(
    options: &InitOptions,
    config: &Config,
    root: &SigningKey,
    recovery: &SigningKey,
    authority: &NewIssuingCa,
    keys: &FirstKeys<'_>,
) -> wire::Card {
    let (from, until) = (before(options.now), options.now + DELEGATION_LIFE);
    let delegate = |role, subject: &[u8; 32]| {
        Some(sign_delegation(
            root,
            options.country,
            role,
            &VerifiedDelegation {
                subject: *subject,
                not_before: from,
                not_after: until,
                serial: 1,
            },
        ))
    };
    let ca_digest = Digest::of(&authority.certificate);
    wire::Card {
        format: CARD_FORMAT,
        country: options.country.code().to_owned(),
        version: 1,
        root_key: root.public().as_bytes().to_vec(),
        recovery_commitment: recovery_commitment(recovery.public()).to_vec(),
        issuing_ca_delegation: delegate(DelegationRole::IssuingCa, ca_digest.as_bytes()),
        issuing_ca_certificate: authority.certificate.to_vec(),
        card_key_delegation: delegate(DelegationRole::CardKey, keys.card_key.public().as_bytes()),
        signing_keys: vec![wire::SigningKey {
            public_key: keys.signing.public().as_bytes().to_vec(),
            not_before: Some(from.into()),
            not_after: Some(until.into()),
            retirement: None,
            post_quantum_key: Vec::new(),
        }],
        sealing_keys: vec![wire::SealingKey {
            public_key: keys.sealing.public().as_bytes().to_vec(),
            not_before: Some(from.into()),
            not_after: Some(until.into()),
        }],
        link_addresses: config.addresses.clone(),
        authorities: config.authorities.clone(),
        issued_at: Some(options.now.into()),
        expires_at: Some((options.now + CARD_LIFE).into()),
        ledger_origin: ledger_origin(options.country, root.public(), None),
        renewal: None,
        revoked_link_keys: Vec::new(),
    }
}
