//! Keys that their holders keep: certificate requests.

use std::{path::Path, process::Command};

use comity::exercise;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SanType};

use super::{beside, client_of, held, is_let_in, text};
use crate::support::{Country, comity, output_of};

/// Enrols an officer with a request; answers the folder.
async fn enrol(at: &Country, name: &str, request: &Path) -> std::path::PathBuf {
    let folder = beside(at, name);
    let add = [
        "officer",
        "add",
        name,
        "--home",
        at.at(),
        "--authority",
        exercise::AUTHORITIES[0],
        "--csr",
        text(request),
        "--out",
        text(&folder),
    ];
    comity(&add).await.fine();
    assert!(!folder.join("key.pem").exists(), "the key is its holder's");
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_never_sees_the_key_and_the_requests_names_do_not_count() {
    let mut a = Country::set_up("TJ");
    a.start().await;
    for (name, algorithm) in [
        ("p384", &PKCS_ECDSA_P384_SHA384),
        ("ed25519", &PKCS_ED25519),
    ] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut wanted = CertificateParams::new(Vec::new()).unwrap();
        let uri = "comity://TJ/operator/local".try_into().unwrap();
        wanted.subject_alt_names = vec![SanType::URI(uri)];
        let request = beside(&a, "csr");
        let asked = wanted.serialize_request(&key).unwrap();
        std::fs::write(&request, asked.pem().unwrap()).unwrap();
        let folder = enrol(&a, name, &request).await;
        let (principal, _) = held(&folder.join("certificate.pem"));
        assert_eq!(principal.to_string(), format!("TJ/officer/{name}"));
        std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
        assert!(is_let_in(&client_of(&folder)).await, "{name}");
    }
}

/// A request as another tool makes it; `None` where that tool is not installed.
fn openssl(at: &Country, bits: &str) -> Option<(std::path::PathBuf, std::path::PathBuf)> {
    let (key, request) = (beside(at, "rsa"), beside(at, "rsa.csr"));
    let mut asking = Command::new("openssl");
    asking
        .args([
            "req",
            "-new",
            "-nodes",
            "-newkey",
            bits,
            "-subj",
            "/CN=somebody",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&request);
    match output_of(&mut asking) {
        Ok(made) => {
            assert!(made.status.success(), "{made:?}");
            Some((key, request))
        }
        Err(error) => {
            eprintln!("SKIPPED: RSA keys are not tried, openssl does not start: {error}");
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rsa_keys_of_cards_are_taken_and_short_ones_are_not() {
    let mut a = Country::set_up("TJ");
    let Some((key, request)) = openssl(&a, "rsa:2048") else {
        return;
    };
    a.start().await;
    let folder = enrol(&a, "rsa-holder", &request).await;
    std::fs::copy(key, folder.join("key.pem")).unwrap();
    assert!(is_let_in(&client_of(&folder)).await);

    let (_, short) = openssl(&a, "rsa:1024").unwrap();
    let folder = beside(&a, "short");
    let add = [
        "officer",
        "add",
        "short",
        "--home",
        a.at(),
        "--authority",
        exercise::AUTHORITIES[0],
        "--csr",
        text(&short),
        "--out",
        text(&folder),
    ];
    comity(&add).await.fails(65, &["RSA key has 1024 bits"]);
    assert!(!folder.exists());
}
