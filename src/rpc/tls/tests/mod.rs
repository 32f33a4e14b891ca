mod dates;
mod doors;
mod handshakes;
mod limits;
mod proxies;
mod strangers;

use std::{fs, sync::LazyLock};

use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::{
    home::{Home, InitOptions, TlsMaterial, init},
    record::{Country, Moment},
};

/// What a country brings to a connection.
struct Party {
    country: Country,
    ca: Vec<u8>,
    ca_key: String,
    link: TlsMaterial,
    client_port: TlsMaterial,
    operator: TlsMaterial,
}

/// Made once: no test changes them.
static UZ: LazyLock<Party> = LazyLock::new(|| party("UZ"));
static KZ: LazyLock<Party> = LazyLock::new(|| party("KZ"));

fn uz() -> &'static Party {
    &UZ
}

fn kz() -> &'static Party {
    &KZ
}

fn party(code: &str) -> Party {
    let above = tempfile::tempdir().unwrap();
    let dir = above.path().join(code);
    init(InitOptions {
        country: code.parse().unwrap(),
        dir: dir.clone(),
        authorities: Vec::new(),
        listen: "127.0.0.1:7443".parse().unwrap(),
        client_listen: None,
        address: None,
        passphrase: Zeroizing::new("correct horse battery".into()),
        work_factor: Some(1),
        now: Moment::from(OffsetDateTime::now_utc()),
    })
    .unwrap();
    let home = Home::open(&dir).unwrap();
    Party {
        country: home.country(),
        ca: home.own_card().issuing_ca_der.clone(),
        ca_key: fs::read_to_string(home.layout().issuing_ca_key()).unwrap(),
        link: home.link_material().unwrap(),
        client_port: home.client_port_material().unwrap(),
        operator: home.operator_material().unwrap(),
    }
}

/// Who comes through a client port: clients of this CA, by TLS 1.3.
fn own_clients(ca: &[u8], country: Country) -> super::ClientTrust {
    super::ClientTrust {
        country,
        ca: ca.to_vec(),
        revoked: None,
        issuers: Vec::new(),
        allow_tls12: false,
        http1: false,
        without_certificate: false,
    }
}

fn trust(parties: &[&Party]) -> Vec<(Country, Vec<u8>)> {
    parties
        .iter()
        .map(|party| (party.country, party.ca.clone()))
        .collect()
}
