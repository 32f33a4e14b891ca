//! Messages with one defect each.

use super::{FaultKind, HEAD, INFO, NAMESPACE, message};

/// Name of the case, message, and the fault that it gets.
pub(super) fn messages() -> Vec<(&'static str, String, &'static str, FaultKind)> {
    use FaultKind::{
        Code, Doctype, Entity, Meaning, Missing, Namespace, NotXml, Reference, Shape, Time,
        TooDeep, Twice, Unknown,
    };
    let plain = message(HEAD, INFO);
    let with = |from: &str, to: &str| {
        assert!(plain.contains(from), "{from}");
        plain.replacen(from, to, 1)
    };
    let bomb = format!(
        "<!DOCTYPE alert [<!ENTITY a \"x\"><!ENTITY b \"&a;&a;&a;&a;\">]>{}",
        with("<event>EXERCISE", "<event>&b;")
    );
    let external = format!("<!DOCTYPE alert SYSTEM \"file:///etc/passwd\">{plain}");
    let deep = with(
        "<areaDesc>somewhere",
        &format!("<areaDesc>{}", "<x>".repeat(500)),
    );
    let polygon = |points: &str| with("<circle>41.31,69.28 5</circle>", points);
    let three = "<polygon>41,69 41,70 41,69</polygon>";
    let open = "<polygon>41,69 41,70 42,70 42,69</polygon>";
    let swapped = "<polygon>41,69 141,70 42,70 41,69</polygon>";
    let area = "alert/info[1]/area[1]";
    let of_area = |name: &str| Box::leak(format!("{area}/{name}").into_boxed_str()) as &str;
    vec![
        ("nothing", String::new(), "", NotXml),
        ("no XML", "alert".to_owned(), "", NotXml),
        (
            "an element that does not end",
            plain.replace("</alert>", ""),
            "alert",
            NotXml,
        ),
        (
            "tags that cross",
            with("</event>", "</urgency>"),
            "",
            NotXml,
        ),
        ("two messages", format!("{plain}{plain}"), "alert", NotXml),
        ("an entity bomb", bomb, "", Doctype),
        ("an external document type", external, "", Doctype),
        (
            "an entity of HTML",
            with("<event>EXERCISE", "<event>a&nbsp;b"),
            "alert/info[1]/event",
            Entity,
        ),
        ("deep nesting", deep, of_area("areaDesc/x"), TooDeep),
        (
            "a TLP that is none",
            with("<info>", "<code>tlp:amber</code><info>"),
            "alert/code[1]",
            Code,
        ),
        (
            "another version",
            plain.replace("cap:1.2", "cap:1.1"),
            "alert",
            Namespace,
        ),
        (
            "no namespace",
            plain.replace(&format!(" xmlns=\"{NAMESPACE}\""), ""),
            "alert",
            Namespace,
        ),
        (
            "a foreign element",
            with("<event>", "<x xmlns=\"urn:x\"/><event>"),
            "alert/info[1]/x",
            Namespace,
        ),
        (
            "an unknown element",
            with("<event>", "<colour/><event>"),
            "alert/info[1]/colour",
            Unknown,
        ),
        (
            "another root",
            "<feed xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"/>".to_owned(),
            "feed",
            Unknown,
        ),
        (
            "no identifier",
            with("<identifier>1</identifier>", ""),
            "alert/identifier",
            Missing,
        ),
        (
            "an empty sender",
            with("hub@example.org", " "),
            "alert/sender",
            Missing,
        ),
        ("no info", message(HEAD, ""), "alert/info", Missing),
        (
            "no event",
            with("<event>EXERCISE</event>", ""),
            "alert/info[1]/event",
            Missing,
        ),
        (
            "no certainty",
            with("<certainty>Likely</certainty>", ""),
            "alert/info[1]/certainty",
            Missing,
        ),
        (
            "an area without words",
            with("<areaDesc>somewhere</areaDesc>", ""),
            of_area("areaDesc"),
            Missing,
        ),
        ("an area without a country", polygon(""), area, Missing),
        (
            "no colour",
            with("INTERPOL notice", "SAME"),
            "alert/info[1]/eventCode",
            Missing,
        ),
        (
            "two senders",
            with("<sender>", "<sender>x</sender><sender>"),
            "alert/sender",
            Twice,
        ),
        (
            "a sender with a blank",
            with("hub@example.org", "the hub"),
            "alert/sender",
            Reference,
        ),
        (
            "an unknown urgency",
            with("Expected", "Soon"),
            "alert/info[1]/urgency",
            Code,
        ),
        (
            "a word in small letters",
            with("Exercise", "exercise"),
            "alert/status",
            Code,
        ),
        ("a time with Z", with("+05:00", "Z"), "alert/sent", Time),
        (
            "a time with a fraction",
            with("12:00:00", "12:00:00.5"),
            "alert/sent",
            Time,
        ),
        (
            "a time without an offset",
            with("+05:00", ""),
            "alert/sent",
            Time,
        ),
        (
            "the thirtieth of February",
            with("2026-11-23", "2026-02-30"),
            "alert/sent",
            Time,
        ),
        (
            "a draft",
            with("Exercise", "Draft"),
            "alert/status",
            Meaning,
        ),
        (
            "an acknowledgement",
            with("<msgType>Alert", "<msgType>Ack"),
            "alert/msgType",
            Meaning,
        ),
        (
            "an update of nothing",
            with("<msgType>Alert", "<msgType>Update"),
            "alert/references",
            Missing,
        ),
        (
            "a reference without a time",
            with("</scope>", "</scope><references>a@b,1</references>"),
            "alert/references",
            Reference,
        ),
        (
            "a polygon of three points",
            polygon(three),
            of_area("polygon[1]"),
            Shape,
        ),
        (
            "a polygon that is not closed",
            polygon(open),
            of_area("polygon[1]"),
            Shape,
        ),
        (
            "a polygon off the earth",
            polygon(swapped),
            of_area("polygon[1]"),
            Shape,
        ),
        (
            "a circle without a radius",
            with(" 5</circle>", "</circle>"),
            of_area("circle[1]"),
            Shape,
        ),
        (
            "a circle of nothing",
            with(" 5</circle>", " NaN</circle>"),
            of_area("circle[1]"),
            Shape,
        ),
        (
            "a country of three letters",
            with(
                "</areaDesc>",
                "</areaDesc><geocode><valueName>ISO3166-1</valueName><value>UZB</value></geocode>",
            ),
            of_area("geocode[1]"),
            Code,
        ),
        (
            "infos of two alerts",
            message(HEAD, &format!("{INFO}{}", INFO.replace("Minor", "Extreme"))),
            "alert/info[2]",
            Meaning,
        ),
        (
            "two infos in one language",
            message(HEAD, &format!("{INFO}{INFO}")),
            "alert/info[2]",
            Twice,
        ),
        (
            "a rest with suspects",
            with(
                "<area>",
                "<parameter><valueName>comity:record</valueName>\
                 <value>{\"suspects\":{\"suspects\":[{}]}}</value></parameter><area>",
            ),
            "alert/info[1]/parameter[1]/value",
            Code,
        ),
        (
            "a parameter that looks like ours",
            with(
                "<area>",
                "<parameter><valueName>comity:x</valueName><value>1</value></parameter><area>",
            ),
            "alert/info[1]/parameter[1]",
            Unknown,
        ),
    ]
}
