//! Countries that know each other.

use std::sync::Arc;

use comity::node::{Clock, Node, cards::Imported, system_clock};

use super::{
    Country, Settings,
    access::{permit, second_operator},
    command::nothing_inherited,
};

/// Two countries that know each other's cards; neither runs.
pub(crate) async fn neighbours() -> (Country, Country) {
    let (a, b) = (Country::set_up("TJ"), Country::set_up("UZ"));
    befriend(&[&a, &b]).await;
    (a, b)
}

/// A country whose card names no address: only it dials.
pub(crate) fn unlisted(code: &'static str) -> Country {
    Country::with(
        code,
        Settings {
            unlisted: true,
            ..Settings::default()
        },
    )
}

/// Two countries of which the second alone dials, so that a link that is up stays the only one,
/// whatever its clock says from then on.
pub(crate) async fn one_dials() -> (Country, Country) {
    let (a, b) = (Country::set_up("TJ"), unlisted("UZ"));
    befriend(&[&a, &b]).await;
    (a, b)
}

/// Gives each of the countries the cards of the others, fingerprints compared; none runs.
pub(crate) async fn befriend(countries: &[&Country]) {
    befriend_by(countries, &system_clock()).await;
}

/// As [`befriend`], by another clock.
pub(crate) async fn befriend_by(countries: &[&Country], clock: &Clock) {
    for at in countries {
        let others = countries.iter().filter(|other| other.code != at.code);
        let others: Vec<&Country> = others.copied().collect();
        introduce_by(at, &others, clock).await;
    }
}

/// Gives one country, which does not run, the cards of others.
pub(crate) async fn introduce(at: &Country, others: &[&Country]) {
    introduce_by(at, others, &system_clock()).await;
}

async fn introduce_by(at: &Country, others: &[&Country], clock: &Clock) {
    let node = Node::open(at.home(), Arc::clone(clock), &mut |_| {})
        .await
        .unwrap();
    for other in others {
        let card = other.home().own_card().clone();
        let operator = permit(&node);
        let imported = node
            .import_card(card.signed.clone(), card.fingerprint(), &operator)
            .await
            .unwrap();
        if let Imported::Asked(_, asked) = imported {
            node.approve(&asked.id, &second_operator(&node))
                .await
                .unwrap();
        }
    }
    node.close().await.unwrap();
    nothing_inherited();
}
