use super::*;

#[test]
fn clients_are_who_their_certificates_say_and_on_the_roster_while_these_count() {
    let (_above, report) = created();
    let home = Home::open(&report.dir).unwrap();
    let uz = home.country();
    let of = |material: TlsMaterial| CertifiedIdentity::of(material.certificate()).unwrap();
    let local = of(home.client_material(PrincipalKind::Officer, LOCAL).unwrap());
    let CertifiedIdentity::Client(local) = local else {
        panic!("the local officer's certificate is {}", local.purpose());
    };
    assert_eq!(local.to_string(), "UZ/officer/local");
    assert_eq!(
        local.authority(),
        home.config().authorities.first().map(String::as_str)
    );
    assert!(local.has(Role::LiaisonOfficer) && local.has(Role::VictimProtectionOfficer));

    let issue = |name: &str, kind, life| {
        let principal = Principal::new(uz, kind, name).unwrap();
        home.issue_client(principal, life, now()).unwrap()
    };
    let (officers, operators) = (PrincipalKind::Officer, PrincipalKind::Operator);
    let officer = issue("n.karimova", officers, CERTIFICATE_LIFE);
    let material = TlsMaterial::from_pem(&officer.certificate_pem, &officer.key_pem).unwrap();
    assert_eq!(of(material), CertifiedIdentity::Client(officer.principal));

    // Whoever has a certificate that counts is on the roster, and nobody else.
    let roster = Roster::of(&home);
    issue("n.karimova", operators, CERTIFICATE_LIFE);
    let gone = issue("d.tsoy", operators, CERTIFICATE_LIFE);
    assert_eq!(roster.named("d.tsoy", now()).unwrap(), [gone.principal]);
    let issued = home.issued_clients().unwrap();
    let serials = [issued.last().unwrap().serial.clone()];
    home.revoke_clients(&serials, now()).unwrap();
    let named = |name: &str, at| -> Vec<&str> {
        let found = roster.named(name, at).unwrap();
        let mut roles: Vec<&str> = found.iter().map(|of| of.kind().as_str()).collect();
        roles.sort();
        roles
    };
    assert_eq!(named(LOCAL, now()), ["officer", "operator"]);
    assert_eq!(named("n.karimova", now()), ["officer", "operator"]);
    let later = now() + std::time::Duration::from_secs(366 * 24 * 3600);
    for (name, at) in [
        ("n.karimova", later),
        ("d.tsoy", now()),
        ("karimova", now()),
        ("", now()),
    ] {
        assert!(named(name, at).is_empty(), "{name}");
    }
}
