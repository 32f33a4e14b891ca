//! Cards of a national CA that the node trusts by a rule.

use std::path::PathBuf;

use comity::{
    client::{Client, Profile},
    config::{MappingRule, NameSource, TrustedIssuerConfig},
    exercise,
    wire::node::{GetStatusRequest, ListRecordsRequest, SubmitRecordRequest},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams,
    SanType, SerialNumber,
};
use time::OffsetDateTime;

use super::{beside, is_let_in};
use crate::support::{Country, alert, comity, eventually, ledger_bodies, neighbours};

/// A CA of the country that is not the node's.
struct National {
    ca: CertifiedIssuer<'static, KeyPair>,
    list: PathBuf,
    number: u64,
}

impl National {
    fn new(at: &Country) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let name = DnType::CommonName;
        params.distinguished_name.push(name, "National ID CA");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut own = Self {
            ca,
            list: beside(at, "eid.crl"),
            number: 0,
        };
        own.revoke(&[]);
        own
    }

    /// Signs a new list.
    fn revoke(&mut self, serials: &[u64]) {
        self.number += 1;
        let now = OffsetDateTime::now_utc();
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: now,
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: now,
            next_update: now + time::Duration::days(7),
            crl_number: SerialNumber::from(self.number),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.ca).unwrap();
        std::fs::write(&self.list, list.der()).unwrap();
    }

    /// Trusts this CA at a node: cards of a unit are officers', by their serial number.
    fn trusted_at(&self, at: &Country) {
        let path = beside(at, "eid-ca.pem");
        std::fs::write(&path, self.ca.pem()).unwrap();
        let rule = MappingRule {
            policy: None,
            unit: Some("Cyber police".to_owned()),
            names: std::collections::BTreeSet::new(),
            kind: "officer".to_owned(),
            authority: Some(exercise::AUTHORITIES[0].to_owned()),
            roles: ["liaison-officer".to_owned()].into(),
        };
        at.configure(|config| {
            config.trusted_issuers = vec![TrustedIssuerConfig {
                label: "eid".to_owned(),
                ca: path,
                crl: self.list.clone(),
                name: NameSource::SerialNumber,
                rules: vec![rule],
            }];
        });
    }

    /// A card with its key, and the profile to use it with.
    fn card(
        &self,
        at: &Country,
        serial: SerialNumber,
        name: &str,
        unit: &str,
        uri: &str,
    ) -> Profile {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.serial_number = Some(serial);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params
            .distinguished_name
            .push(DnType::OrganizationalUnitName, unit);
        params
            .distinguished_name
            .push(DnType::CustomDnType(vec![2, 5, 4, 5]), name);
        if !uri.is_empty() {
            params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        }
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &self.ca).unwrap();
        let folder = beside(at, &format!("card-{}", name.to_lowercase()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("certificate.pem"), made.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
        std::fs::copy(at.layout().issuing_ca(), folder.join("ca.pem")).unwrap();
        let address = at.home().config().client_listen;
        let profile = folder.join("profile.toml");
        let text = format!(
            "country = \"{}\"\naddress = \"{address}\"\nca = \"ca.pem\"\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n",
            at.code
        );
        std::fs::write(&profile, text).unwrap();
        Profile::load(&profile).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_names_an_officer_by_its_rule_until_its_issuer_revokes_it() {
    let (mut a, _b) = neighbours().await;
    let mut national = National::new(&a);
    // Before it is trusted, a card is nobody's.
    let early = national.card(&a, 1_u64.into(), "early", "Cyber police", "");
    a.start().await;
    assert!(!is_let_in(&early).await);
    a.stop().await;
    national.trusted_at(&a);
    a.start().await;

    let card = national.card(&a, 7_u64.into(), "PNOTJ-1234", "Cyber police", "");
    let mut officer = Client::connect(&card).await.unwrap();
    let request = SubmitRecordRequest {
        record: Some(alert("by a card")),
        idempotency_key: String::new(),
    };
    officer.records.submit_record(request).await.unwrap();
    let bodies = ledger_bodies(&a).await;
    let named = |leaf: &&comity::wire::ledger::LeafBody| leaf.actor == "TJ/officer/eid:pnotj-1234";
    assert!(bodies.iter().any(|leaf| named(&leaf)), "{bodies:?}");

    // Another unit has no rule, and no name is no officer.
    let tax = national.card(&a, 8_u64.into(), "tax", "Tax office", "");
    assert!(!is_let_in(&tax).await);
    let odd = national.card(&a, 9_u64.into(), "o d d", "Cyber police", "");
    assert!(!is_let_in(&odd).await);

    national.revoke(&[7]);
    eventually("the live connection is cut", async || {
        let asked = officer.records.list_records(ListRecordsRequest::default());
        asked.await.is_err().then_some(())
    })
    .await;
    assert!(!is_let_in(&card).await);
    let other = national.card(&a, 10_u64.into(), "other", "Cyber police", "");
    assert!(is_let_in(&other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_issuer_cannot_make_an_own_principal_of_a_card() {
    let (mut a, _b) = neighbours().await;
    let national = National::new(&a);
    national.trusted_at(&a);
    a.start().await;
    // The operator's serial number and URI, in a card.
    let issued = a.home().issued_clients().unwrap();
    let operator = issued
        .iter()
        .find(|of| of.name.ends_with("/operator/local"));
    let operator = operator.unwrap();
    let serial = SerialNumber::from_slice(&operator.serial);
    let card = national.card(&a, serial, "mallory", "Cyber police", &operator.name);
    let mut mallory = Client::connect(&card).await.unwrap();
    let refused = mallory.renew(Vec::new()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition, "{refused}");
    let request = SubmitRecordRequest {
        record: Some(alert("by mallory")),
        idempotency_key: String::new(),
    };
    mallory.records.submit_record(request).await.unwrap();
    let bodies = ledger_bodies(&a).await;
    let named = "TJ/officer/eid:mallory";
    assert!(bodies.iter().any(|leaf| leaf.actor == named), "{bodies:?}");
    // Revoking the operator's number does not revoke the card's, nor the other way round.
    comity(&["operator", "revoke", "local", "--home", a.at()])
        .await
        .fine();
    eventually("the operator is out", async || {
        (!is_let_in(&a.operator()).await).then_some(())
    })
    .await;
    mallory
        .status
        .get_status(GetStatusRequest {})
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_without_its_list_keeps_the_node_from_starting() {
    let a = Country::set_up("TJ");
    let national = National::new(&a);
    national.trusted_at(&a);
    std::fs::write(beside(&a, "eid.crl"), b"no list").unwrap();
    comity(&["run", "--home", a.at()])
        .await
        .fails(78, &["is no list of revoked certificates"]);
    // Another CA's list is no better.
    let mut other = National::new(&a);
    other.revoke(&[1]);
    comity(&["run", "--home", a.at()])
        .await
        .fails(78, &["is no list of revoked certificates"]);
    // Nor is the own CA as a trusted issuer.
    let own = a.layout().issuing_ca();
    a.configure(|config| config.trusted_issuers[0].ca = own);
    comity(&["run", "--home", a.at()])
        .await
        .fails(78, &["has the name of the own CA"]);
}
