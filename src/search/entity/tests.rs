//! One thing in two hands, two things apart, and any text.

use proptest::prelude::*;

use super::*;

fn entity(kind: IdentifierType, value: &str, country: &str, service: &str) -> Option<Entity> {
    Entity::of(&Identifier {
        r#type: kind.into(),
        value: value.to_owned(),
        country: country.to_owned(),
        service: service.to_owned(),
        ..Identifier::default()
    })
}

fn same(kind: IdentifierType, one: (&str, &str), other: (&str, &str)) -> Option<Same> {
    let one = entity(kind, one.0, one.1, "")?;
    one.same(&entity(kind, other.0, other.1, "")?)
}

#[test]
fn one_thing_written_in_two_ways_is_one() {
    use IdentifierType as Of;
    for (kind, one, other) in [
        (Of::Phone, ("+998 90 123-45-67", ""), ("90 123 45 67", "UZ")),
        (
            Of::Phone,
            ("8 (701) 555 12 34", "KZ"),
            ("+7 701 555 1234", ""),
        ),
        (Of::Phone, ("٩٩٨٩٠١٢٣٤٥٦٧+", ""), ("00998901234567", "")),
        (Of::Document, ("АА 1234567", "UZ"), ("AA1234567", "UZ")),
        (Of::Document, ("N° EX 000-123", "TJ"), ("nEX000123", "")),
        (Of::VehiclePlate, ("01 А 123 ВС", "UZ"), ("01A123BC", "UZ")),
        (Of::VehiclePlate, ("а123ку 77", "RU"), ("A123KY77", "")),
        (
            Of::BankAccount,
            ("GB82 WEST 1234 5698 7654 32", ""),
            ("gb82west12345698765432", "GB"),
        ),
        (
            Of::CryptoAddress,
            (
                "bitcoin:BC1QAR0SRRR7XFKVY5L643LYDNW9RE59GTZZWF5MDQ?amount=1",
                "",
            ),
            ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", ""),
        ),
        (Of::Imei, ("49-015420-323751-8", ""), ("49015420323751", "")),
        (
            Of::Url,
            ("https://www.Jobs.example/abroad/?ref=1", ""),
            ("jobs.example/abroad", ""),
        ),
        (
            Of::Url,
            ("https://t.me/work_abroad", ""),
            ("http://telegram.me/Work_Abroad/", ""),
        ),
        (
            Of::Email,
            ("Recruit@Example.ORG", ""),
            ("mailto:recruit@example.org", ""),
        ),
        (
            Of::OnlineAccount,
            ("https://t.me/Work_Abroad?x=1", ""),
            ("telegram: @work_abroad", ""),
        ),
    ] {
        assert_eq!(
            same(kind, one, other),
            Some(Same::Asserted),
            "{one:?} {other:?}"
        );
    }
}

#[test]
fn different_things_stay_apart() {
    use IdentifierType as Of;
    for (kind, one, other) in [
        (Of::Phone, ("+998901234567", ""), ("+998901234568", "")),
        (Of::Phone, ("901234567", "UZ"), ("901234567", "TJ")),
        (Of::Document, ("AA1234567", "UZ"), ("AA1234567", "TM")),
        (Of::VehiclePlate, ("01A123BC", "UZ"), ("01A123BC", "KZ")),
        (
            Of::OnlineAccount,
            ("t.me/worker", ""),
            ("instagram.com/worker", ""),
        ),
        (Of::Document, ("AA", "UZ"), ("AA", "UZ")),
        (Of::Imsi, ("434051234567890", ""), ("434051234567891", "")),
        // Check digits that do not hold.
        (
            Of::BankAccount,
            ("GB00WEST12345698765432", ""),
            ("GB00WEST12345698765432", ""),
        ),
    ] {
        assert_eq!(same(kind, one, other), None, "{one:?} {other:?}");
    }
}

#[test]
fn what_is_not_known_on_one_side_only_suggests() {
    let named = entity(IdentifierType::OnlineAccount, "worker", "", "Telegram").unwrap();
    let bare = entity(IdentifierType::OnlineAccount, "@Worker", "", "").unwrap();
    assert_eq!(named.same(&bare), Some(Same::Suggested));
    assert_eq!(bare.same(&bare.clone()), Some(Same::Suggested));
    let local = entity(IdentifierType::Phone, "2345678", "", "").unwrap();
    assert_eq!(local.same(&local.clone()), Some(Same::Suggested));
    assert!(
        Entity::candidates("901234567")
            .contains(&entity(IdentifierType::Phone, "+998901234567", "", "").unwrap())
    );
}

#[test]
fn a_text_mentions_numbers_addresses_and_handles() {
    let found = Entity::mentioned("Call +998 (90) 123-45-67, write job@example.org or @Agent_7.");
    let keys: Vec<&str> = found
        .iter()
        .map(|(entity, _)| entity.key.as_str())
        .collect();
    assert_eq!(keys, ["+998901234567", "job@example.org", "agent_7"]);
    assert!(Entity::mentioned("1 + 1 = 2, +7, a@b, @").is_empty());
}

proptest! {
    #[test]
    fn any_text_is_taken_and_sameness_is_symmetric(one in ".{0,60}", other in ".{0,60}") {
        for a in Entity::candidates(&one) {
            prop_assert!(a.same(&a).is_some());
            for b in Entity::candidates(&other) {
                prop_assert_eq!(a.same(&b), b.same(&a));
            }
        }
        let _ = Entity::mentioned(&one);
    }
}
