use super::super::*;

const BASE: &str =
    "name = 'case'\nsystem = 'case-1'\nsecret_file = 'keys/w'\nca_file = 'certs/w'\n";

fn config(webhook: &str) -> Result<Config, ConfigError> {
    Config::parse(&format!("country = 'UZ'\n[[webhooks]]\n{BASE}{webhook}"))
}

#[test]
fn an_address_is_taken_apart() {
    let of = |url: &str| {
        let config = config(&format!("url = '{url}'")).unwrap();
        let (address, path) = config.webhooks[0].target().unwrap();
        (address.to_string(), path)
    };
    let is = |url, address: &str, path: &str| {
        assert_eq!(of(url), (address.to_owned(), path.to_owned()), "{url}");
    };
    is("https://a.example", "a.example:443", "/");
    is("https://a.example/x?y=1", "a.example:443", "/x?y=1");
    is("https://a.example:8443?y", "a.example:8443", "/?y");
    is("https://[2001:db8::1]/", "[2001:db8::1]:443", "/");
    is("https://[2001:db8::1]:99/", "[2001:db8::1]:99", "/");
}

#[test]
fn what_is_wrong_is_named() {
    let https = "url = 'https://a.example/'\n";
    for (webhook, says) in [
        ("url = 'http://a.example/'".to_owned(), "in the clear"),
        (
            "url = 'https://u:hunter2@a.example/'".to_owned(),
            "password",
        ),
        ("url = 'https://a.example/#x'".to_owned(), "fragment"),
        ("url = 'https://'".to_owned(), "host"),
        ("url = 'https://a.example:0/'".to_owned(), "port"),
        (format!("{https}from = 'then'"), "`from`"),
        (format!("{https}purpose = 'fun'\ncase = 'x'"), "`purpose`"),
        (format!("{https}purpose = 'investigation'"), "--case"),
        (format!("{https}urgencies = ['soon']"), "urgencies[0]"),
        (format!("{https}kinds = ['Rout']"), "filter.kinds[0]"),
        (format!("{https}batch = 0"), "`batch`"),
        (format!("{https}timeout_ms = 5"), "`timeout_ms`"),
    ] {
        let fault = config(&webhook).unwrap_err().to_string();
        assert!(
            fault.contains("webhooks[0]") && fault.contains(says),
            "{fault}"
        );
        assert!(!fault.contains("hunter2"));
    }
    let twice = format!("{https}[[webhooks]]\n{BASE}{https}");
    let fault = config(&twice).unwrap_err().to_string();
    assert!(
        fault.contains("webhooks[1]") && fault.contains("name"),
        "{fault}"
    );
}
