//! Certificates and CAs outside their time, and certificates that were revoked.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use time::OffsetDateTime;

use super::{
    super::*,
    Party,
    doors::{LONG, ask, at, client_port_of, dial_as, links, who},
    handshakes::shake,
    kz, own_clients, trust, uz,
};
use crate::{
    home::{TlsMaterial, leaf, link_name, node_name},
    record::Country,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

fn issuer(signer: &Party) -> Issuer<'static, KeyPair> {
    let ca = CertificateDer::from(signer.ca.clone());
    Issuer::from_ca_cert_der(&ca, KeyPair::from_pem(&signer.ca_key).unwrap()).unwrap()
}

/// A link certificate of a country for a span of time, by a CA.
fn dated(
    issuer: &Issuer<'_, KeyPair>,
    country: Country,
    from: OffsetDateTime,
    until: OffsetDateTime,
) -> TlsMaterial {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::DnsName(link_name(country).try_into().unwrap())];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.not_before = from;
    params.not_after = until;
    let certificate = params.signed_by(&key, issuer).unwrap();
    TlsMaterial::from_pem(&certificate.pem(), &key.serialize_pem()).unwrap()
}

/// KZ dials UZ; what each saw.
async fn link(dialler: &TlsMaterial, answerer: &TlsMaterial) -> (Option<String>, Option<String>) {
    let server = link_server_config(answerer, &trust(&[kz()])).unwrap();
    let client = link_client_config(dialler, uz().country, &uz().ca).unwrap();
    let (seen, dialled) = shake(Arc::new(server), Arc::new(client), &link_name(uz().country)).await;
    (seen.err(), dialled.err())
}

#[tokio::test]
async fn certificates_outside_their_time_are_refused_by_both_ends() {
    let good = (&kz().link, &uz().link);
    assert_eq!(link(good.0, good.1).await, (None, None));
    for (from, until, word) in [
        (now() - 9 * DAY, now() - DAY, "expired"),
        (now() + DAY, now() + 9 * DAY, "not valid yet"),
    ] {
        let dialler = dated(&issuer(kz()), kz().country, from, until);
        let (answerer_saw, _) = link(&dialler, good.1).await;
        let fault = answerer_saw.expect("refused by who answers");
        assert!(fault.contains(word), "{fault}");
        let answerer = dated(&issuer(uz()), uz().country, from, until);
        let (_, dialler_saw) = link(good.0, &answerer).await;
        let fault = dialler_saw.expect("refused by who dials");
        assert!(fault.contains(word), "{fault}");
    }
}

#[tokio::test]
async fn a_ca_outside_its_time_vouches_for_nobody() {
    let country = kz().country;
    for (from, until) in [
        (now() - 9 * DAY, now() - DAY),
        (now() + DAY, now() + 9 * DAY),
    ] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = from;
        params.not_after = until;
        let ca = params.self_signed(&key).unwrap().der().to_vec();
        let issuer = Issuer::new(params, key);
        let own = dated(&issuer, country, now() - DAY, now() + DAY);

        let server = link_server_config(&uz().link, &[(country, ca.clone())]).unwrap();
        let client = link_client_config(&own, uz().country, &uz().ca).unwrap();
        let name = link_name(uz().country);
        let (seen, _) = shake(Arc::new(server), Arc::new(client), &name).await;
        let fault = seen.unwrap_err();
        assert!(
            fault.contains("the issuing CA of KZ counts from"),
            "{fault}"
        );

        let server = link_server_config(&own, &trust(&[uz()])).unwrap();
        let client = link_client_config(&uz().link, country, &ca).unwrap();
        let (_, dialled) = shake(Arc::new(server), Arc::new(client), &link_name(country)).await;
        let fault = dialled.unwrap_err();
        assert!(
            fault.contains("the issuing CA of KZ counts from"),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn a_connection_ends_with_the_certificate_it_was_made_with() {
    let served = links().await;
    let until = now() + Duration::from_secs(3);
    let brief = dated(&issuer(kz()), kz().country, now() - DAY, until);
    let channel = dial_as(&served, &brief).await.unwrap();
    assert_eq!(who(channel.clone(), ask()).await.unwrap(), "KZ");
    let ended = async {
        while who(channel.clone(), ask()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, ended).await.expect("it ends");
    assert!(now() >= until - Duration::from_secs(1), "not before");
}

fn list(signer: &Party, serials: &[Vec<u8>]) -> CertificateRevocationListDer<'static> {
    let revoked = serials.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from_slice(serial),
        revocation_time: now(),
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: now() - 9 * DAY,
        // Over, and still it revokes.
        next_update: now() - DAY,
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&issuer(signer)).unwrap().der().clone()
}

fn serial(own: &TlsMaterial) -> Vec<u8> {
    leaf(own.certificate()).unwrap().serial
}

#[tokio::test]
async fn a_revoked_client_is_refused_and_others_are_not() {
    let call = async |serials: &[Vec<u8>]| {
        let revoked = list(uz(), serials);
        let (own, ca) = (uz().client_port.clone(), &uz().ca);
        let trust = ClientTrust {
            revoked: Some(revoked),
            ..own_clients(ca, uz().country)
        };
        let server = client_port_server_config(&own, &trust).unwrap();
        let client = client_config(&uz().operator, uz().country, ca).unwrap();
        let name = node_name(uz().country);
        let (seen, _) = shake(Arc::new(server), Arc::new(client), &name).await;
        seen.map(|_| ())
    };
    assert_eq!(call(&[vec![0x41; 16]]).await, Ok(()));
    let fault = call(&[serial(&uz().operator)]).await.unwrap_err();
    assert_eq!(fault, "the certificate was revoked");
}

#[tokio::test]
async fn a_revocation_cuts_what_is_up_and_keeps_out_what_comes() {
    let served = client_port_of(uz()).await;
    let connect = async || {
        let operator = uz().operator.clone();
        connect_client(&at(served.address), uz().country, &uz().ca, &operator, LONG).await
    };
    let channel = connect().await.unwrap();
    who(channel.clone(), ask()).await.unwrap();
    let other = BTreeSet::from([vec![0x41; 16]]);
    assert_eq!(served.live.revoke(other), 0);
    who(channel.clone(), ask()).await.unwrap();
    let revoked = BTreeSet::from([serial(&uz().operator)]);
    assert_eq!(served.live.revoke(revoked), 1);
    who(channel, ask()).await.unwrap_err();
    // Its handshake began under a configuration that does not know of it yet.
    let again = match connect().await {
        Ok(channel) => who(channel, ask()).await.map_err(|fault| fault.to_string()),
        Err(fault) => Err(fault.to_string()),
    };
    assert!(again.is_err());
}
