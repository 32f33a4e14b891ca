mod card;
mod clients;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use prost::Message as _;
use tempfile::TempDir;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::*;
use crate::{
    access::{Principal, PrincipalKind, Role},
    card::{CardError, Fingerprint},
    config::Config,
    crypto::SigningKey,
    record::Moment,
    wire::card::SignedCard,
};

const PASSPHRASE: &str = "correct horse battery";

fn options(dir: &Path) -> InitOptions {
    InitOptions {
        country: "UZ".parse().unwrap(),
        dir: dir.to_owned(),
        authorities: vec!["police".into()],
        listen: "127.0.0.1:7443".parse().unwrap(),
        client_listen: None,
        address: Some("node.uz.example:7443".into()),
        passphrase: Zeroizing::new(PASSPHRASE.into()),
        work_factor: Some(2),
        now: now(),
    }
}

fn now() -> Moment {
    OffsetDateTime::now_utc().into()
}

fn created() -> (TempDir, InitReport) {
    let above = tempfile::tempdir().unwrap();
    let report = init(options(&above.path().join("uz"))).unwrap();
    (above, report)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn init_then_open() {
    let (above, report) = created();
    assert_eq!(names(above.path()), ["uz"], "nothing is left beside");
    let home = Home::open(&report.dir).unwrap();
    let card = home.own_card();
    assert_eq!(card.fingerprint(), report.fingerprint);
    assert_eq!(card.version, 1);
    assert_eq!(card.authorities, ["police"]);
    assert_eq!(card.link_addresses[0].to_string(), "node.uz.example:7443");
    card.check_validity(now()).unwrap();
    assert_eq!(
        card.signing_key(home.signing_key().unwrap().public().id()),
        Some(crate::card::Vouched::in_use(
            *home.signing_key().unwrap().public()
        ))
    );
    assert_eq!(
        home.sealing_secrets().unwrap()[0].public().as_bytes(),
        card.sealing_keys[0].as_bytes()
    );
    let sealed = home.storage_key().unwrap().seal(b"", b"text").unwrap();
    let again = Home::open(&report.dir).unwrap();
    assert!(again.storage_key().unwrap().open(b"", &sealed).is_ok());
    assert_ne!(home.index_key().unwrap(), &[0; 32]);
    home.card_key().unwrap();
    for material in [
        home.link_material(),
        home.client_port_material(),
        home.operator_material(),
    ] {
        material.unwrap();
    }
    let text = report.fingerprint.to_string();
    assert_eq!(text.parse::<Fingerprint>().unwrap(), report.fingerprint);
}

#[test]
fn certificates_have_their_profiles() {
    let (_above, report) = created();
    let home = Home::open(&report.dir).unwrap();
    let uz = home.country();
    let of = |material: TlsMaterial| CertifiedIdentity::of(material.certificate()).unwrap();
    assert_eq!(
        of(home.link_material().unwrap()),
        CertifiedIdentity::Link(uz)
    );
    assert_eq!(
        of(home.client_port_material().unwrap()),
        CertifiedIdentity::ClientPort(uz)
    );
    assert_eq!(
        of(home.operator_material().unwrap()),
        CertifiedIdentity::Client(Principal::new(uz, PrincipalKind::Operator, LOCAL).unwrap())
    );
    let serial = |material: TlsMaterial| {
        let (_, parsed) = x509_parser::parse_x509_certificate(material.certificate()).unwrap();
        parsed.raw_serial().to_vec()
    };
    let (link, port) = (
        serial(home.link_material().unwrap()),
        serial(home.client_port_material().unwrap()),
    );
    assert_ne!(link, port, "two certificates of one key need two serials");

    home.renew_node_certificates(now()).unwrap();
    assert_ne!(serial(home.link_material().unwrap()), link);
    assert_eq!(
        of(home.link_material().unwrap()),
        CertifiedIdentity::Link(uz)
    );
}

#[test]
fn only_the_owner_may_look() {
    let (_above, report) = created();
    fn walk(dir: &Path, seen: &mut usize) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
            if path.is_dir() {
                assert_eq!(mode, 0o700, "{}", path.display());
                walk(&path, seen);
            } else {
                assert_eq!(mode, 0o600, "{}", path.display());
                *seen += 1;
            }
        }
    }
    let mut seen = 0;
    walk(&report.dir, &mut seen);
    assert_eq!(seen, 20);
    let mode = fs::metadata(&report.dir).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o700);
}

#[test]
fn nothing_is_overwritten() {
    let (above, report) = created();
    let before = fs::read(&report.card_path).unwrap();
    assert!(matches!(
        init(options(&report.dir)),
        Err(HomeError::NotEmpty(dir)) if dir == report.dir
    ));
    assert_eq!(fs::read(&report.card_path).unwrap(), before);

    let file = above.path().join("file");
    fs::write(&file, b"text").unwrap();
    assert!(matches!(init(options(&file)), Err(HomeError::NotEmpty(_))));

    let dotted = above.path().join("dotted");
    fs::create_dir(&dotted).unwrap();
    fs::write(dotted.join(".hidden"), b"").unwrap();
    assert!(matches!(
        init(options(&dotted)),
        Err(HomeError::NotEmpty(_))
    ));

    let vacant = above.path().join("vacant");
    fs::create_dir(&vacant).unwrap();
    init(options(&vacant)).unwrap();
    Home::open(&vacant).unwrap();
}

#[test]
fn bad_options_leave_nothing_behind() {
    let above = tempfile::tempdir().unwrap();
    let dir = above.path().join("uz");
    let refused = |change: fn(&mut InitOptions)| {
        let mut options = options(&dir);
        change(&mut options);
        init(options).unwrap_err()
    };
    assert!(matches!(
        refused(|o| o.passphrase = Zeroizing::new("short".into())),
        HomeError::WeakPassphrase { characters: 5 }
    ));
    assert!(matches!(
        refused(|o| o.work_factor = Some(0)),
        HomeError::WorkFactor { factor: 0 }
    ));
    assert!(matches!(
        refused(|o| o.work_factor = Some(64)),
        HomeError::WorkFactor { factor: 64 }
    ));
    assert!(matches!(
        refused(|o| o.address = Some("node".into())),
        HomeError::Address { .. }
    ));
    assert!(matches!(
        refused(|o| o.authorities = vec!["Police!".into()]),
        HomeError::Authority(_)
    ));
    assert!(matches!(
        refused(|o| o.client_listen = Some(o.listen)),
        HomeError::Config { .. }
    ));
    assert!(matches!(
        refused(|o| o.authorities = vec!["police".into(), "police".into()]),
        HomeError::Card {
            fault: CardError::Duplicate { .. },
            ..
        }
    ));
    assert!(names(above.path()).is_empty());
}

#[test]
fn roots_open_with_their_passphrase_only() {
    let (_above, report) = created();
    let home = Home::open(&report.dir).unwrap();
    let root = root::open_root(&report.country_root_path, PASSPHRASE).unwrap();
    assert_eq!(root.public(), &home.own_card().root_key);
    let recovery = root::open_root(&report.recovery_root_path, PASSPHRASE).unwrap();
    assert_eq!(
        crate::card::recovery_commitment(recovery.public()),
        home.own_card().recovery_commitment
    );
    // As on a stick without file modes.
    fs::set_permissions(&report.country_root_path, fs::Permissions::from_mode(0o777)).unwrap();
    root::open_root(&report.country_root_path, PASSPHRASE).unwrap();
    let error = root::open_root(&report.country_root_path, "correct horse batterx").unwrap_err();
    assert!(matches!(error, HomeError::WrongPassphrase(_)), "{error}");
    assert!(error.to_string().contains("passphrase"));

    fs::write(&report.country_root_path, b"no age file").unwrap();
    assert!(matches!(
        root::open_root(&report.country_root_path, PASSPHRASE),
        Err(HomeError::NotARoot(_))
    ));
    let greedy = fs::read_to_string(&report.recovery_root_path);
    assert!(greedy.is_err(), "the payload is binary");
    let bytes = fs::read(&report.recovery_root_path).unwrap();
    let at = bytes.windows(3).position(|bytes| bytes == b" 2\n").unwrap();
    let raised = [&bytes[..at], b" 40\n", &bytes[at + 3..]].concat();
    fs::write(&report.recovery_root_path, raised).unwrap();
    assert!(matches!(
        root::open_root(&report.recovery_root_path, PASSPHRASE),
        Err(HomeError::ExcessiveWork { required: 40, .. })
    ));
}

#[test]
fn the_node_runs_without_its_roots() {
    let (_above, report) = created();
    fs::remove_dir_all(report.dir.join("root")).unwrap();
    Home::open(&report.dir).unwrap();
}

#[test]
fn readable_keys_are_refused_with_the_command_to_run() {
    let (_above, report) = created();
    let path = report.dir.join("keys/signing.pk8");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = Home::open(&report.dir).unwrap_err();
    assert!(matches!(
        error,
        HomeError::OpenPermissions { mode: 0o640, .. }
    ));
    let advice = format!("chmod 600 {}", path.display());
    assert!(error.to_string().contains(&advice), "{error}");
}

#[test]
fn foreign_and_damaged_parts_are_named() {
    type Check = fn(&HomeError) -> bool;
    let cases: [(&str, &[u8], Check); 6] = [
        ("keys/signing.pk8", b"junk", |e| {
            matches!(e, HomeError::Key(_))
        }),
        ("keys/storage.key", b"short", |e| {
            matches!(e, HomeError::Key(_))
        }),
        ("keys/sealing.key", &[7; 32], |e| {
            matches!(e, HomeError::KeyMismatch { .. })
        }),
        ("certs/issuing-ca.pem", b"junk", |e| {
            matches!(e, HomeError::Certificate(_))
        }),
        ("card.bin", &[0xff; 9], |e| {
            matches!(e, HomeError::Card { .. })
        }),
        ("config.toml", b"country = 'KZ'", |e| {
            matches!(e, HomeError::CountryMismatch { .. })
        }),
    ];
    for (name, bytes, fits) in cases {
        let (_above, report) = created();
        fs::write(report.dir.join(name), bytes).unwrap();
        let error = Home::open(&report.dir).unwrap_err();
        assert!(fits(&error), "{name}: {error}");
    }
    let (_above, report) = created();
    let (_, foreign) = SigningKey::generate().unwrap();
    fs::write(report.dir.join("keys/signing.pk8"), &foreign).unwrap();
    assert!(matches!(
        Home::open(&report.dir).unwrap_err(),
        HomeError::KeyMismatch { path, .. } if path.ends_with("signing.pk8")
    ));
    let nowhere = tempfile::tempdir().unwrap();
    assert!(matches!(
        Home::open(nowhere.path()).unwrap_err(),
        HomeError::NotAHome(..)
    ));
}

#[test]
fn a_tampered_own_card_is_refused() {
    let (_above, report) = created();
    let mut signed = SignedCard::decode(&*fs::read(&report.card_path).unwrap()).unwrap();
    *signed.card.last_mut().unwrap() ^= 1;
    fs::write(&report.card_path, signed.encode_to_vec()).unwrap();
    assert!(matches!(
        Home::open(&report.dir).unwrap_err(),
        HomeError::Card {
            fault: CardError::Signature,
            ..
        }
    ));
}

#[test]
fn one_node_per_home() {
    let (_above, report) = created();
    let (first, second) = (
        Home::open(&report.dir).unwrap(),
        Home::open(&report.dir).unwrap(),
    );
    let lock = first.lock().unwrap();
    let error = second.lock().unwrap_err();
    let process = format!("(process {})", std::process::id());
    assert!(matches!(error, HomeError::Locked { .. }));
    assert!(error.to_string().contains(&process), "{error}");
    drop(lock);
    second.lock().unwrap();
}

#[test]
fn the_configuration_can_be_replaced() {
    let (_above, report) = created();
    let mut config = Config::load(&report.config_path).unwrap();
    assert_eq!(config.addresses, ["node.uz.example:7443"]);
    config.allow_private_addresses = true;
    write_config(&report.dir, &config).unwrap();
    assert_eq!(Home::open(&report.dir).unwrap().config(), &config);
    config.limits.max_connections = 0;
    assert!(matches!(
        write_config(&report.dir, &config),
        Err(HomeError::Config { .. })
    ));
}
