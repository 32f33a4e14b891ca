use std::collections::BTreeSet;

use super::*;

fn uz() -> Country {
    "UZ".parse().unwrap()
}

#[test]
fn commented_file_reads_back() {
    let plain = Config::new(uz());
    assert_eq!(Config::parse(&plain.commented()).unwrap(), plain);

    let mut full = Config::new(uz());
    full.listen = "[::]:7443".parse().unwrap();
    full.client_listen = "10.0.0.1:9000".parse().unwrap();
    full.addresses = vec!["node.uz.example:7443".into(), "[2a00::1]:7443".into()];
    full.authorities = vec!["police".into(), "prosecutor-general".into()];
    full.allow_private_addresses = true;
    full.allow_addresses = vec!["169.254.7.7".parse().unwrap()];
    full.links.proxy = "http://node@proxy.example:3128".into();
    full.links.proxy_password_file = Some("/run/secrets/proxy".into());
    full.links.peers.insert(
        "KZ".into(),
        PeerLinkConfig {
            proxy: "direct".into(),
            proxy_password_file: None,
        },
    );
    full.links.peers.insert(
        "TJ".into(),
        PeerLinkConfig {
            proxy: "http://other@10.0.0.1:8080".into(),
            proxy_password_file: Some("keys/other".into()),
        },
    );
    full.clients.allow_tls12 = true;
    full.trusted_issuers = vec![eid()];
    full.outlet.stalled_after_s = 60;
    full.webhooks = vec![case_system()];
    full.dial.max_backoff_ms = 1000;
    full.limits.max_connections = 7;
    full.store.file_key = PathBuf::from("/mnt/other \"device\"/file\\key");
    full.log.format = LogFormat::Json;
    full.log.level = LogLevel::Trace;
    assert_eq!(Config::parse(&full.commented()).unwrap(), full);
}

fn case_system() -> WebhookConfig {
    WebhookConfig {
        name: "case-system".into(),
        url: "https://cases.example:8443/x?y=z".into(),
        system: "case-1".into(),
        secret_file: "keys/webhook".into(),
        ca_file: "/etc/ca.pem".into(),
        purpose: "investigation".into(),
        case: "26/114".into(),
        from: "beginning".into(),
        kinds: vec!["Route".into()],
        origins: vec!["KZ".into()],
        countries: vec!["UZ".into()],
        urgencies: vec!["urgent".into()],
        codes: vec!["purpose=FORCED_LABOUR".into()],
        exercise: Some(false),
        steps: true,
        batch: 7,
        timeout_ms: 1000,
        allow_private_addresses: true,
        allow_addresses: vec!["169.254.7.7".parse().unwrap()],
    }
}

fn eid() -> TrustedIssuerConfig {
    let rule = MappingRule {
        policy: Some("1.2.3.4".into()),
        unit: None,
        names: BTreeSet::new(),
        kind: "officer".into(),
        authority: Some("police".into()),
        roles: ["analyst".to_owned()].into(),
    };
    let by_name = MappingRule {
        policy: None,
        unit: Some("Cyber \"police\"".into()),
        names: ["n.karimova@mvd.uz".to_owned()].into(),
        kind: "auditor".into(),
        authority: None,
        roles: BTreeSet::new(),
    };
    TrustedIssuerConfig {
        label: "eid".into(),
        ca: "certs/eid-ca.pem".into(),
        crl: "/var/lib/eid.crl".into(),
        name: NameSource::SerialNumber,
        rules: vec![rule, by_name],
    }
}

#[test]
fn a_trusted_issuer_that_would_let_in_too_many_is_refused() {
    type Break = fn(&mut Config);
    let cases: [(Break, &str); 8] = [
        (
            |of| of.trusted_issuers[0].rules[0].policy = None,
            "everybody who has a card",
        ),
        (|of| of.trusted_issuers[0].rules.clear(), "lets nobody in"),
        (
            |of| of.trusted_issuers[0].rules[0].kind = "operator".into(),
            "is not for operator",
        ),
        (
            |of| of.trusted_issuers[0].rules[1].kind = "operator".into(),
            "comity operator add",
        ),
        (
            |of| of.trusted_issuers[0].rules[0].authority = Some("customs".into()),
            "none of `authorities`",
        ),
        (
            |of| of.trusted_issuers[0].label = "E:D".into(),
            "label is 1 to 16",
        ),
        (|of| of.trusted_issuers.push(eid()), "same `label`"),
        (
            |of| of.trusted_issuers[0].rules[1].names = ["N Karimova".to_owned()].into(),
            "a name under it",
        ),
    ];
    for (change, fault) in cases {
        let mut config = Config::new(uz());
        config.authorities = vec!["police".into()];
        config.trusted_issuers = vec![eid()];
        config.check().unwrap();
        change(&mut config);
        let refused = config.check().unwrap_err().to_string();
        assert!(refused.contains(fault), "{refused}");
    }
}

#[test]
fn only_the_country_is_required() {
    assert_eq!(Config::parse("country = 'UZ'").unwrap(), Config::new(uz()));
    let missing = Config::parse("").unwrap_err().to_string();
    assert!(missing.contains("country"), "{missing}");
}

#[test]
fn every_number_is_bounded_on_both_sides() {
    let mut numbers = 0;
    for (field, _, range) in Config::new(uz()).numbers() {
        let (table, name) = field.split_once('.').unwrap();
        let below = range.start().checked_sub(1);
        for value in below.into_iter().chain([range.end() + 1]) {
            let text = format!("country = 'UZ'\n[{table}]\n{name} = {value}\n");
            match Config::parse(&text).unwrap_err() {
                ConfigError::Range {
                    field: named,
                    value: shown,
                    ..
                } => assert_eq!((named, shown), (field, value)),
                other => panic!("{field}: {other}"),
            }
            numbers += 1;
        }
    }
    assert_eq!(numbers, 89);
}

#[test]
fn range_errors_name_field_value_and_range() {
    let error = Config::parse("country = 'UZ'\n[store]\ndisk_full_percent = 100\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`store.disk_full_percent` is 100, but must be from 50 to 99"
    );
}

#[test]
fn faults_are_named() {
    let cases = [
        ("country = 'XX'", "XX"),
        ("country = 'UZ'\ncolour = 1", "colour"),
        ("country = 'UZ'\n[store]\nsegmnt_mib = 1", "segmnt_mib"),
        ("country = 'UZ'\nlisten = 'here'", "listen"),
        ("country = 'UZ'\n[log]\nlevel = 'loud'", "loud"),
        (
            "country = 'UZ'\n[dial]\nmin_backoff_ms = -1",
            "min_backoff_ms",
        ),
        ("country = 'UZ'\naddresses = ['a:0']", "addresses[0]"),
        (
            "country = 'UZ'\nauthorities = ['a', 'B C']",
            "authorities[1]",
        ),
        ("country = 'UZ'\n[store]\nfile_key = ''", "store.file_key"),
        (
            "country = 'UZ'\n[keys]\nsealing_overlap_h = 721",
            "keys.sealing_overlap_h",
        ),
        (
            "country = 'UZ'\n[keys.signer]\nmodule = 'hsm.so'\ntoken = 'x'",
            "keys.signer.module",
        ),
        (
            "country = 'UZ'\n[keys.signer]\nmodule = '/hsm.so'\ntoken = ''",
            "keys.signer.token",
        ),
        (
            "country = 'UZ'\n[keys.signer]\nmodule = '/hsm.so'\ntoken = 'x'\npin = '1'",
            "pin",
        ),
        (
            "country = 'UZ'\n[due]\nroutine_kinds = ['Tip', 'Rumour']",
            "due.routine_kinds[1]",
        ),
        (
            "country = 'UZ'\nlisten = '1.1.1.1:1'\nclient_listen = '1.1.1.1:1'",
            "client_listen",
        ),
    ];
    for (text, named) in cases {
        let error = Config::parse(text).unwrap_err().to_string();
        assert!(error.contains(named), "{text}: {error}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(Path::new("/nowhere/config.toml")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/config.toml"));
}
