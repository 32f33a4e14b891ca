use std::sync::Arc;

use rustls::{
    ClientConfig, HandshakeKind, NamedGroup, ServerConfig,
    client::Resumption,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName},
    version::{TLS12, TLS13},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{
    super::{verifier::explain, *},
    Party, kz, own_clients,
    strangers::{TrustAnyone, forged_link},
    trust, uz,
};

use crate::{
    access::{Principal, PrincipalKind},
    home::{TlsMaterial, TrustedIssuers, link_name, node_name},
};

/// What a server saw of a handshake: group, whether resumed, the caller's chain; or its error.
pub(super) type Seen = Result<(NamedGroup, HandshakeKind, Vec<CertificateDer<'static>>), String>;

/// Runs a handshake and one byte each way; answers what the server and what the client saw.
pub(super) async fn shake(
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    name: &str,
) -> (Seen, Result<(), String>) {
    let (near, far) = duplex(64 * 1024);
    let answering = tokio::spawn(async move {
        let mut stream = TlsAcceptor::from(server)
            .accept(far)
            .await
            .map_err(|fault| explain(&fault))?;
        stream.write_all(b"x").await.unwrap();
        stream.flush().await.unwrap();
        let session = stream.get_ref().1;
        Ok((
            session.negotiated_key_exchange_group().unwrap().name(),
            session.handshake_kind().unwrap(),
            session.peer_certificates().unwrap().to_vec(),
        ))
    });
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let dialled = async {
        let mut stream = TlsConnector::from(client).connect(name, near).await?;
        // A refused client certificate shows only at the first read (TLS 1.3).
        stream.read_u8().await
    };
    let dialled = dialled.await.map(drop).map_err(|fault| explain(&fault));
    (answering.await.unwrap(), dialled)
}

fn uz_link_port() -> Arc<ServerConfig> {
    Arc::new(link_server_config(&uz().link, &trust(&[kz()])).unwrap())
}

fn uz_client_port() -> Arc<ServerConfig> {
    let own = uz().client_port.clone();
    Arc::new(client_port_server_config(&own, &own_clients(&uz().ca, uz().country)).unwrap())
}

/// How somebody with `own` dials the link port of UZ.
fn to_uz(own: &TlsMaterial) -> ClientConfig {
    link_client_config(own, uz().country, &uz().ca).unwrap()
}

fn operator_of(home: &Party) -> ClientConfig {
    let own = home.operator.clone();
    client_config(&own, uz().country, &uz().ca).unwrap()
}

async fn dial_uz(client: ClientConfig) -> (Seen, Result<(), String>) {
    shake(uz_link_port(), Arc::new(client), &link_name(uz().country)).await
}

async fn call_uz(client: ClientConfig) -> (Seen, Result<(), String>) {
    shake(uz_client_port(), Arc::new(client), &node_name(uz().country)).await
}

/// `client` with other groups and, when asked, willing to resume.
fn with_groups(
    client: &ClientConfig,
    groups: &[&'static dyn rustls::crypto::SupportedKxGroup],
) -> ClientConfig {
    with_version(client, groups, &TLS13)
}

fn with_version(
    client: &ClientConfig,
    groups: &[&'static dyn rustls::crypto::SupportedKxGroup],
    version: &'static rustls::SupportedProtocolVersion,
) -> ClientConfig {
    let provider = CryptoProvider {
        kx_groups: groups.to_vec(),
        ..ring::default_provider()
    };
    let mut changed = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TrustAnyone))
        .with_client_cert_resolver(Arc::clone(&client.client_auth_cert_resolver));
    changed.alpn_protocols.clone_from(&client.alpn_protocols);
    changed
}

#[tokio::test]
async fn links_use_the_hybrid_group_and_know_the_peer() {
    let (seen, dialled) = dial_uz(to_uz(&kz().link)).await;
    let (group, kind, chain) = seen.unwrap();
    assert_eq!(dialled, Ok(()));
    assert_eq!(group, NamedGroup::X25519MLKEM768);
    // One round trip: no HelloRetryRequest.
    assert_eq!(kind, HandshakeKind::Full);
    assert_eq!(
        identity_of(&chain, &TrustedIssuers::default()),
        Ok(ConnectionIdentity::Peer(kz().country))
    );
}

#[tokio::test]
async fn links_refuse_plain_x25519() {
    let client = with_groups(&to_uz(&kz().link), &[ring::kx_group::X25519]);
    let (seen, dialled) = dial_uz(client).await;
    let fault = seen.unwrap_err();
    assert!(fault.contains("NoKxGroupsInCommon"), "{fault}");
    assert!(dialled.is_err());
}

#[tokio::test]
async fn a_link_client_refuses_a_server_without_the_hybrid_group() {
    let mut provider = ring::default_provider();
    provider.kx_groups = vec![ring::kx_group::X25519];
    let own = uz().link.clone();
    let server = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.certificate().clone()], own.key())
        .unwrap();
    let client = Arc::new(to_uz(&kz().link));
    let (seen, dialled) = shake(Arc::new(server), client, &link_name(uz().country)).await;
    assert!(seen.unwrap_err().contains("NoKxGroupsInCommon"));
    assert!(dialled.is_err());
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    // A ClientHello of TLS 1.2: no supported_versions extension.
    let suites = [0xc0, 0x2b, 0xc0, 0x2f];
    let extensions: &[u8] = &[
        0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x1d, // supported_groups: x25519
        0x00, 0x0b, 0x00, 0x02, 0x01, 0x00, // ec_point_formats: uncompressed
        0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x04, 0x03, // signature_algorithms: P-256
        0x00, 0x17, 0x00, 0x00, // extended_master_secret
    ];
    let mut body = vec![0x03, 0x03];
    body.extend([7; 32]);
    body.extend([0, 0, u8::try_from(suites.len()).unwrap()]);
    body.extend(suites);
    body.extend([1, 0, 0, u8::try_from(extensions.len()).unwrap()]);
    body.extend(extensions);
    let mut hello = vec![0x16, 0x03, 0x01, 0, u8::try_from(body.len() + 4).unwrap()];
    hello.extend([1, 0, 0, u8::try_from(body.len()).unwrap()]);
    hello.extend(&body);

    for server in [uz_link_port(), uz_client_port()] {
        let (mut near, far) = duplex(64 * 1024);
        near.write_all(&hello).await.unwrap();
        let fault = TlsAcceptor::from(server).accept(far).await.unwrap_err();
        assert!(
            fault
                .to_string()
                .contains("SupportedVersionsExtensionRequired")
                || fault.to_string().contains("Tls12NotOffered"),
            "{fault}"
        );
        let mut alert = Vec::new();
        near.read_to_end(&mut alert).await.unwrap();
        // A fatal alert, protocol_version.
        assert_eq!((alert[0], &alert[5..7]), (0x15, &[2, 70][..]));
    }
}

#[tokio::test]
async fn tls_1_2_is_taken_from_clients_where_it_is_allowed_and_never_resumed() {
    let own = uz().client_port.clone();
    let allowing = ClientTrust {
        allow_tls12: true,
        ..own_clients(&uz().ca, uz().country)
    };
    let allowing = Arc::new(client_port_server_config(&own, &allowing).unwrap());
    let name = node_name(uz().country);
    for group in [ring::kx_group::X25519, ring::kx_group::SECP256R1] {
        let old = Arc::new(with_version(&operator_of(uz()), &[group], &TLS12));
        // The same client twice: it would resume if it could.
        for _ in 0..2 {
            let (seen, dialled) = shake(Arc::clone(&allowing), Arc::clone(&old), &name).await;
            let (taken, kind, chain) = seen.unwrap();
            assert_eq!(
                (taken, kind, dialled),
                (group.name(), HandshakeKind::Full, Ok(()))
            );
            assert_eq!(
                identity_of(&chain, &TrustedIssuers::default())
                    .unwrap()
                    .to_string(),
                "UZ/operator/local"
            );
        }
        let (seen, _) = shake(uz_client_port(), Arc::clone(&old), &name).await;
        assert!(seen.is_err());
        // A stranger's certificate is no better there.
        let stranger = with_version(&operator_of(kz()), &[group], &TLS12);
        let (seen, _) = shake(Arc::clone(&allowing), Arc::new(stranger), &name).await;
        assert!(seen.is_err());
        let link = with_version(&to_uz(&kz().link), &[group], &TLS12);
        assert!(dial_uz(link).await.0.is_err());
    }
    // Who can do better does.
    let (seen, _) = shake(allowing, Arc::new(operator_of(uz())), &name).await;
    assert_eq!(seen.unwrap().0, NamedGroup::X25519MLKEM768);
}

#[tokio::test]
async fn the_client_port_prefers_hybrid_and_takes_x25519() {
    let (seen, _) = call_uz(operator_of(uz())).await;
    assert_eq!(seen.unwrap().0, NamedGroup::X25519MLKEM768);

    let plain = with_groups(&operator_of(uz()), &[ring::kx_group::X25519]);
    let (seen, dialled) = call_uz(plain).await;
    let (group, _, chain) = seen.unwrap();
    assert_eq!((group, dialled), (NamedGroup::X25519, Ok(())));
    assert_eq!(
        identity_of(&chain, &TrustedIssuers::default()),
        Ok(ConnectionIdentity::Client(
            Principal::new(uz().country, PrincipalKind::Operator, "local").unwrap()
        ))
    );

    // P-256 alone, as some hardened clients offer, is not taken.
    let other = with_groups(&operator_of(uz()), &[ring::kx_group::SECP256R1]);
    assert!(call_uz(other).await.0.is_err());
}

#[tokio::test]
async fn certificates_of_one_port_are_refused_at_the_other() {
    // The operator of a trusted peer, at the link port; the own operator there.
    for home in [kz(), uz()] {
        let both = link_server_config(&uz().link, &trust(&[uz(), kz()])).unwrap();
        let client = to_uz(&home.operator);
        let name = link_name(uz().country);
        let (seen, dialled) = shake(Arc::new(both), Arc::new(client), &name).await;
        let fault = seen.unwrap_err();
        assert!(
            fault.contains("for clients, but this connection is for links"),
            "{fault}"
        );
        assert!(dialled.is_err());
    }
    // The own node's and a peer's link certificate, at the client port.
    for home in [uz(), kz()] {
        let client = client_config(&home.link, uz().country, &uz().ca).unwrap();
        let fault = call_uz(client).await.0.unwrap_err();
        assert!(
            fault.contains("for links, but this connection is for clients"),
            "{fault}"
        );
    }
    // The client-port certificate, as a client anywhere.
    let port = uz().client_port.clone();
    let fault = call_uz(client_config(&port, uz().country, &uz().ca).unwrap())
        .await
        .0
        .unwrap_err();
    assert!(fault.contains("for a client port"), "{fault}");
    // Another country's operator, at the client port.
    assert!(call_uz(operator_of(kz())).await.0.is_err());
}

#[tokio::test]
async fn a_ca_vouches_for_its_own_country_only() {
    let server = link_server_config(&uz().link, &trust(&[uz(), kz()])).unwrap();
    // KZ's CA signs a certificate that claims UZ, and the other way round.
    let name = link_name(uz().country);
    let server = Arc::new(server);
    for (signer, claimed) in [(kz(), uz()), (uz(), kz())] {
        let client = to_uz(&forged_link(signer, claimed.country));
        let (seen, _) = shake(Arc::clone(&server), Arc::new(client), &name).await;
        let fault = seen.unwrap_err();
        assert!(
            fault.contains("UnknownIssuer") || fault.contains("BadSignature"),
            "{fault}"
        );
        // The same CA for its own country is believed, so it is the claim that was refused.
        let client = to_uz(&forged_link(signer, signer.country));
        let (seen, _) = shake(Arc::clone(&server), Arc::new(client), &name).await;
        assert_eq!(
            identity_of(&seen.unwrap().2, &TrustedIssuers::default()),
            Ok(ConnectionIdentity::Peer(signer.country))
        );
    }
}

#[tokio::test]
async fn a_country_without_card_is_refused_by_name() {
    let nobody = Arc::new(link_server_config(&uz().link, &trust(&[])).unwrap());
    let client = Arc::new(to_uz(&kz().link));
    let (seen, dialled) = shake(nobody, client, &link_name(uz().country)).await;
    let fault = seen.unwrap_err();
    assert!(fault.contains("no card of KZ is held"), "{fault}");
    assert!(dialled.is_err());
}

#[tokio::test]
async fn one_bad_ca_does_not_close_the_port_for_others() {
    let mut trusted = trust(&[kz()]);
    trusted.insert(0, ("AE".parse().unwrap(), b"no certificate".to_vec()));
    let server = Arc::new(link_server_config(&uz().link, &trusted).unwrap());
    let client = Arc::new(to_uz(&kz().link));
    let (seen, _) = shake(server, client, &link_name(uz().country)).await;
    seen.unwrap();
}

#[tokio::test]
async fn nobody_enters_without_a_certificate() {
    let provider = CryptoProvider {
        kx_groups: vec![X25519_MLKEM768],
        ..ring::default_provider()
    };
    let anonymous = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TrustAnyone))
        .with_no_client_auth();
    for server in [uz_link_port(), uz_client_port()] {
        let client = Arc::new(anonymous.clone());
        let (seen, dialled) = shake(server, client, "any.example").await;
        let fault = seen.unwrap_err();
        assert!(fault.contains("peer sent no certificates"), "{fault}");
        assert!(dialled.is_err());
    }
}

#[tokio::test]
async fn a_dialler_believes_the_named_country_only() {
    let server =
        |own: &TlsMaterial| Arc::new(link_server_config(own, &trust(&[uz(), kz()])).unwrap());
    let name = link_name(kz().country);
    // UZ dials KZ and reaches UZ; or one whom UZ's CA calls KZ; or KZ's client port.
    let to_kz = Arc::new(link_client_config(&uz().link, kz().country, &kz().ca).unwrap());
    for (own, reason) in [
        (
            uz().link.clone(),
            "the certificate is UZ's, but KZ was expected",
        ),
        (forged_link(uz(), kz().country), "UnknownIssuer"),
        (
            kz().client_port.clone(),
            "for a client port, but this connection is for links",
        ),
    ] {
        let (_, dialled) = shake(server(&own), Arc::clone(&to_kz), &name).await;
        let fault = dialled.unwrap_err();
        assert!(fault.contains(reason), "{fault}");
    }
    let (_, dialled) = shake(server(&kz().link), to_kz, &name).await;
    assert_eq!(dialled, Ok(()));
}

#[tokio::test]
async fn nothing_is_resumed() {
    let cases = [
        (uz_link_port(), to_uz(&kz().link), link_name(uz().country)),
        (uz_client_port(), operator_of(uz()), node_name(uz().country)),
    ];
    for (server, client, name) in cases {
        let mut eager = with_groups(&client, &[X25519_MLKEM768]);
        eager.resumption = Resumption::in_memory_sessions(8);
        eager.enable_sni = true;
        // What we send never resumes, and a client that would like to finds no ticket.
        for client in [client, eager] {
            let client = Arc::new(client);
            for _ in 0..2 {
                let (seen, dialled) = shake(Arc::clone(&server), Arc::clone(&client), &name).await;
                assert_eq!(seen.unwrap().1, HandshakeKind::Full);
                assert_eq!(dialled, Ok(()));
            }
        }
    }
}
