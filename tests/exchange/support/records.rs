//! Records to submit: exercise alerts and one with every compartment.

use comity::wire::{json, record::Record};
use serde_json::{Value, json};

/// An exercise alert to `destinations`, as canonical JSON.
pub(crate) fn json_of(title: &str, destinations: &[&str]) -> Value {
    let destinations: Vec<_> = destinations
        .iter()
        .map(|country| json!({ "country": country, "role": "COUNTRY_ROLE_TRANSIT" }))
        .collect();
    json!({
        "authority": "national-police",
        "destinations": destinations,
        "urgency": "URGENCY_ROUTINE",
        "marking": { "tlp": "TLP_AMBER" },
        "exercise": true,
        "situation": {
            "title": format!("EXERCISE {title}"),
            "summary": "All facts are made up.",
            "language": "en",
            "grading": {
                "source": "SOURCE_RELIABILITY_B",
                "information": "INFORMATION_CREDIBILITY_2",
            },
            "confidence": 60,
            "alert": {
                "type": "ALERT_TYPE_WARNING",
                "urgency": "ALERT_URGENCY_EXPECTED",
                "severity": "ALERT_SEVERITY_MODERATE",
                "certainty": "ALERT_CERTAINTY_LIKELY",
                "event": "group expected at the border",
                "areas": [{ "country": "UZ", "subdivision": "UZ-TK" }],
            },
        },
    })
}

fn record(value: &Value) -> Record {
    json::from_json("comity.record.v1.Record", &value.to_string()).unwrap()
}

/// A routine alert to `destinations`.
pub(crate) fn alert_to(destinations: &[&str], title: &str) -> Record {
    record(&json_of(title, destinations))
}

/// A routine alert to UZ.
pub(crate) fn alert(title: &str) -> Record {
    alert_to(&["UZ"], title)
}

/// An urgent alert to UZ.
pub(crate) fn urgent(title: &str) -> Record {
    urgent_to(&["UZ"], title)
}

/// As [`urgent`], to these countries.
pub(crate) fn urgent_to(destinations: &[&str], title: &str) -> Record {
    let mut value = json_of(title, destinations);
    value["urgency"] = json!("URGENCY_URGENT");
    record(&value)
}

/// A record with every compartment: UZ may read the source, AE the victims.
pub(crate) fn with_everything() -> Record {
    let mut value = json_of("with every compartment", &[]);
    value["destinations"] = json!([
        {
            "country": "UZ",
            "role": "COUNTRY_ROLE_TRANSIT",
            "compartments": ["COMPARTMENT_LABEL_SITUATION", "COMPARTMENT_LABEL_SOURCE"],
        },
        {
            "country": "AE",
            "role": "COUNTRY_ROLE_DESTINATION",
            "authorities": ["victim-support"],
            "compartments": ["COMPARTMENT_LABEL_SUSPECTS", "COMPARTMENT_LABEL_VICTIMS"],
        },
    ]);
    value["suspects"] = json!({ "suspects": [{
        "names": [{ "text": "EXERCISE Namuna", "language": "en" }],
    }]});
    value["victims"] = json!({
        "purpose": "EXERCISE: referral",
        "retentionDays": 90,
        "victims": [{
            "pseudonym": "EX-V-00001",
            "age": "AGE_BAND_ADULT",
            "sex": "SEX_FEMALE",
            "nationalities": ["TJ"],
        }],
    });
    value["source"] = json!({ "description": "EXERCISE: a caller" });
    record(&value)
}

/// A record beyond the bound of one mebibyte, that breaks no other bound of the wire.
pub(crate) fn large() -> Value {
    let mut value = json_of("far too large", &["UZ"]);
    value["situation"]["summary"] = json!("x".repeat((1 << 20) + 100));
    value
}
