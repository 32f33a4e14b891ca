//! TAXII on the client port.

mod durable;
mod guarded;
mod http;
mod pages;
mod written;

use comity::{
    access::{Principal, PrincipalKind},
    home::TlsMaterial,
    node::system_clock,
};

use self::http::{By, get};
use crate::support::{Country, eventually, neighbours};

const ALERTS: &str = "/taxii2/comity/collections/alerts";

/// TJ, which serves TAXII, and its neighbour UZ.
async fn serving() -> (Country, Country) {
    let (mut a, b) = neighbours().await;
    a.configure(|config| {
        config.taxii.serve = true;
        config.taxii.tokens = true;
        config.taxii.purpose = "analysis".to_owned();
        config.taxii.case = "EXERCISE-1".to_owned();
        config.taxii.destinations = vec!["UZ".to_owned()];
    });
    a.start().await;
    (a, b)
}

fn tool(at: &Country, name: &str, authority: Option<&str>) -> Principal {
    Principal::new(at.home().country(), PrincipalKind::CaseSystem, name)
        .unwrap()
        .with_authority(authority)
        .unwrap()
        .with_roles(Default::default())
        .unwrap()
}

/// A case system with a certificate, of the country's first authority.
fn system(at: &Country) -> By {
    let authority = at.home().config().authorities.first().cloned();
    By::Certificate(certificate(at, "tool", authority.as_deref()))
}

/// The certificate of a case system.
fn certificate(at: &Country, name: &str, authority: Option<&str>) -> TlsMaterial {
    let principal = tool(at, name, authority);
    let home = at.home();
    let life = std::time::Duration::from_secs(3600);
    let issued = home
        .issue_client(principal, life, system_clock()())
        .unwrap();
    TlsMaterial::from_pem(&issued.certificate_pem, &issued.key_pem).unwrap()
}

/// Waits until a collection has so many objects of a type, and answers them.
async fn has(at: &Country, by: &By, path: &str, count: usize) -> Vec<serde_json::Value> {
    eventually("objects come into the collection", async || {
        let answer = get(at, by, path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        (answer.objects().len() == count).then(|| answer.objects().to_vec())
    })
    .await
}
