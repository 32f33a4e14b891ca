//! Cards: whom a node trusts, and what it makes of cards that contradict each other.

use std::fs;

use comity::{
    card::{Fingerprint, TrustedCard},
    home::{CardContents, reissue_card},
    node::system_clock,
    wire::{
        card::SignedCard,
        ledger::Action,
        node::{ImportCardRequest, ImportCardResponse},
    },
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;

use crate::support::{Country, alert, alert_to, eventually, ledger_bodies, neighbours, refusal_of};

async fn import(
    at: &Country,
    card: &TrustedCard,
    fingerprint: Fingerprint,
) -> Result<ImportCardResponse, tonic::Status> {
    let mut client = at.operating().await;
    let request = ImportCardRequest {
        card: Some(card.signed.clone()),
        fingerprint: fingerprint.to_string(),
    };
    Ok(client.cards.import_card(request).await?.into_inner())
}

/// Issues the country's next card, naming one authority more.
fn reissue(country: &Country, authority: &str) -> TrustedCard {
    country.configure(|config| config.authorities.push(authority.to_owned()));
    let home = country.home();
    reissue_card(&home, &CardContents::of(home.config()), system_clock()()).unwrap()
}

async fn alarms(at: &Country) -> Vec<String> {
    let bodies = ledger_bodies(at).await;
    let alarms = bodies.iter().filter(|leaf| leaf.action() == Action::Alarm);
    alarms.map(|leaf| leaf.detail.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_with_another_fingerprint_than_read_aloud_is_refused() {
    let mut a = Country::set_up("TJ");
    let (b, c) = (Country::set_up("UZ"), Country::set_up("AE"));
    a.start().await;
    let card = b.home().own_card().clone();
    let other = c.home().own_card().fingerprint();
    let refused = import(&a, &card, other).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "FINGERPRINT_DIFFERS");
    assert!(refused.message().contains(&card.fingerprint().to_string()));
    assert_eq!(a.card_versions().await, [("TJ".to_owned(), 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_own_card_is_not_imported() {
    let mut a = Country::set_up("TJ");
    a.start().await;
    let own = a.home().own_card().clone();
    let refused = import(&a, &own, own.fingerprint()).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "CARD_OWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_card_is_refused() {
    let mut a = Country::set_up("TJ");
    let b = Country::set_up("UZ");
    a.start().await;
    let mut card = b.home().own_card().clone();
    let fingerprint = card.fingerprint();
    card.signed.signature[0] ^= 1;
    let refused = import(&a, &card, fingerprint).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "CARD_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_imported_while_the_node_runs_counts_at_once() {
    let (mut a, mut b) = (Country::set_up("TJ"), Country::set_up("UZ"));
    a.start().await;
    b.start().await;
    let refused = a.try_submit(alert("too early"), "").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_INVALID");
    let (card_a, card_b) = (a.home().own_card().clone(), b.home().own_card().clone());
    assert!(
        import(&a, &card_b, card_b.fingerprint())
            .await
            .unwrap()
            .changed
    );
    assert!(
        import(&b, &card_a, card_a.fingerprint())
            .await
            .unwrap()
            .changed
    );
    let again = import(&a, &card_b, card_b.fingerprint()).await.unwrap();
    assert!(!again.changed);
    let reference = a.submit(alert("in time")).await;
    b.receives(&reference).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_without_a_card_cannot_be_a_destination() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let refused = a.try_submit(alert_to(&["UZ", "KZ"], "x"), "").await;
    let refused = refused.unwrap_err();
    use tonic_types::StatusExt as _;
    let details = refused.get_error_details();
    let broken = &details.bad_request().unwrap().field_violations;
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].field, "destinations[1].country");
    assert!(broken[0].description.starts_with("UNKNOWN_COUNTRY"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_card_arrives_over_the_link() {
    let (mut a, mut b) = neighbours().await;
    b.start().await;
    a.start().await;
    a.linked("UZ").await;
    a.stop().await;
    reissue(&a, "border-guard");
    a.start().await;
    eventually("B holds the newer card", async || {
        let versions = b.card_versions().await;
        versions.contains(&("TJ".to_owned(), 2)).then_some(())
    })
    .await;
    // Its new authority can be named at once.
    let mut record = alert_to(&["TJ"], "to the border guard");
    record.destinations[0].authorities = vec!["border-guard".to_owned()];
    let reference = b.submit(record).await;
    a.receives(&reference).await;
    assert_eq!(alarms(&b).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_card_is_refused_without_an_alarm() {
    let mut a = Country::set_up("TJ");
    let b = Country::set_up("UZ");
    let first = b.home().own_card().clone();
    let second = reissue(&b, "border-guard");
    a.start().await;
    import(&a, &second, second.fingerprint()).await.unwrap();
    let refused = import(&a, &first, first.fingerprint()).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "CARD_CONFLICT");
    assert!(refused.message().contains("version 1"), "{refused}");
    assert_eq!(alarms(&a).await, [""; 0]);
    assert_eq!(a.card_versions().await[1], ("UZ".to_owned(), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_version_with_two_contents_raises_an_alarm_by_hand_and_on_the_link() {
    let (mut a, mut b) = (Country::set_up("TJ"), Country::set_up("UZ"));
    // UZ shows two different cards with version 2.
    let first = fs::read(b.layout().card()).unwrap();
    let shown_to_a = reissue(&b, "border-guard");
    fs::write(b.layout().card(), first).unwrap();
    let shown_to_others = reissue(&b, "customs");
    assert_eq!(shown_to_a.version, shown_to_others.version);

    a.start().await;
    let fingerprint = shown_to_a.fingerprint();
    import(&a, &shown_to_a, fingerprint).await.unwrap();
    let refused = import(&a, &shown_to_others, fingerprint).await;
    assert_eq!(refusal_of(&refused.unwrap_err()), "CARD_CONFLICT");
    assert_eq!(alarms(&a).await, ["card-conflict"]);
    // Both are kept, whole and signed: anybody can see who contradicts himself.
    let bodies = ledger_bodies(&a).await;
    let alarm = bodies.iter().find(|leaf| leaf.action() == Action::Alarm);
    let kept: Vec<SignedCard> = alarm
        .unwrap()
        .evidence
        .iter()
        .map(|text| SignedCard::decode(&*BASE64_STANDARD.decode(text).unwrap()).unwrap())
        .collect();
    assert_eq!(kept, [shown_to_a.signed, shown_to_others.signed]);
    a.stop().await;

    b.start().await;
    let card = a.home().own_card().clone();
    import(&b, &card, card.fingerprint()).await.unwrap();
    a.start().await;
    eventually("A raises the alarm over the link too", async || {
        let alarms = alarms(&a).await;
        alarms.contains(&"hello-conflict".to_owned()).then_some(())
    })
    .await;
    assert!(!a.status().await.links[0].up);
}
