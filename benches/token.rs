//! Signatures a second: the signing key in a file, and in a PKCS #11 token.
//!
//! `cargo bench --bench token -- --module /usr/lib/softhsm/libsofthsm2.so --token LABEL --pin-file FILE`
//! measures any token; a new key is made in it and stays there. Run it with the environment that the
//! module needs, such as SOFTHSM2_CONF.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first fault and prints its table"
)]

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Parser;
use comity::{
    config::SignerConfig,
    crypto::Signer,
    home::{self, Home, InitOptions, TokenKey},
    node::system_clock,
};

/// How long each key signs.
const SPAN: Duration = Duration::from_secs(3);
/// As long as what is signed of a group of receipts.
const MESSAGE: [u8; 60] = [7; 60];

/// Signatures a second by a file's key and a token's.
#[derive(Debug, Parser)]
struct Arguments {
    /// The token's PKCS #11 library; without it the file's key alone is measured.
    #[arg(long)]
    module: Option<PathBuf>,
    /// Label of the token.
    #[arg(long, default_value = "comity")]
    token: String,
    /// File with the PIN, mode 0600.
    #[arg(long)]
    pin_file: Option<PathBuf>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("home");
    home::init(InitOptions {
        country: "UZ".parse().expect("a country"),
        dir: dir.clone(),
        authorities: Vec::new(),
        listen: "127.0.0.1:7443".parse().expect("an address"),
        client_listen: None,
        address: None,
        passphrase: "exercise only, protects nothing".to_owned().into(),
        work_factor: Some(2),
        now: system_clock()(),
    })
    .expect("a home");
    let home = Home::open(&dir).expect("the home");
    measured("file", &*home.signer().expect("the file's key"));
    let Some(module) = arguments.module else {
        return;
    };
    let mut config = home.config().clone();
    config.keys.signer = Some(SignerConfig {
        module,
        token: arguments.token,
        label: "comity-bench".to_owned(),
        pin_file: arguments.pin_file,
    });
    home::write_config(&dir, &config).expect("the configuration");
    let home = Home::open(&dir).expect("the home");
    let token = TokenKey::generate(&home).expect("a key in the token");
    measured("token", &token);
}

fn measured(what: &str, signer: &dyn Signer) {
    let begun = Instant::now();
    let mut count = 0_u32;
    let mut longest = Duration::ZERO;
    while begun.elapsed() < SPAN {
        let at = Instant::now();
        signer.sign_text(&MESSAGE).expect("a signature");
        longest = longest.max(at.elapsed());
        count += 1;
    }
    let each = begun.elapsed().as_secs_f64() / f64::from(count);
    println!(
        "{what:6} {:>8.0} signatures/s   {:.0} µs each, {:.0} µs the longest",
        1.0 / each,
        each * 1e6,
        longest.as_secs_f64() * 1e6
    );
}
