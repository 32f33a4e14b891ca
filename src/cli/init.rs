//! `comity init`: a country's root, keys, certificates, configuration and card.

use std::{
    io::{self, BufRead as _, IsTerminal as _},
    net::SocketAddr,
    path::PathBuf,
};

use clap::Args;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    signal::unix::{SignalKind, signal},
};
use zeroize::Zeroizing;

use crate::{
    home::{self, Home, InitOptions, root::check_passphrase},
    node::{self, system_clock},
    record::Country,
    store::ShredSlots,
};

use super::{
    exit::{CANTCREAT, DATAERR, Failure, INTERRUPTED, NOINPUT, USAGE},
    out::{Out, moment},
};

/// Set up a country: root, keys, certificates, configuration, card.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// ISO 3166-1 alpha-2, such as UZ.
    #[arg(long)]
    country: Country,
    /// New folder for the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
    /// Name of an authority, such as national-police; may be given several times.
    #[arg(long = "authority")]
    authorities: Vec<String>,
    /// Where the node answers links.
    #[arg(long, default_value = "0.0.0.0:7443")]
    listen: SocketAddr,
    /// Where the node answers its own country's clients [default: 127.0.0.1, the next port].
    #[arg(long)]
    client_listen: Option<SocketAddr>,
    /// Where other countries dial this node, host:port; into the card. Without it the node only
    /// dials out.
    #[arg(long)]
    address: Option<String>,
    /// Do not answer links at all: the node only dials out.
    #[arg(long, conflicts_with = "address")]
    outbound_only: bool,
    /// File with the passphrase for the two roots, `-` for standard input; asked for when absent.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// Allow links to private and loopback addresses, as exercises and closed networks need.
    #[arg(long)]
    allow_private_addresses: bool,
    /// Where the file key over the shred slots lies, absolute: best on another device than the home,
    /// so that neither alone opens a record [default: keys/file-key in the home].
    #[arg(long)]
    file_key: Option<PathBuf>,
}

impl Init {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        if let Some(path) = &self.file_key {
            check_file_key(path)?;
        }
        let passphrase = new_passphrase_for(self.passphrase_file.as_deref(), ROOTS)?;
        out.note("protecting the two roots with the passphrase; this takes a few seconds");
        let report = home::init(InitOptions {
            country: self.country,
            dir: self.home,
            authorities: self.authorities,
            listen: self.listen,
            client_listen: self.client_listen,
            address: self.address,
            passphrase,
            work_factor: None,
            now: system_clock()(),
        })?;
        let mut config = Home::open(&report.dir)?.config().clone();
        config.allow_private_addresses = self.allow_private_addresses;
        config.links.accept = !self.outbound_only;
        if let Some(path) = self.file_key {
            config.store.file_key = path;
        }
        home::write_config(&report.dir, &config)?;
        let home = Home::open(&report.dir)?;
        ShredSlots::create(node::slot_paths(&home)?)?;
        if out.json() {
            return out.value(&serde_json::json!({
                "country": report.country.code(),
                "home": report.dir,
                "fingerprint": report.fingerprint.to_string(),
                "card": report.card_path,
                "config": report.config_path,
                "root": report.country_root_path,
                "recoveryRoot": report.recovery_root_path,
                "operatorCertificate": report.operator_certificate_path,
                "officerCertificate": report.officer_certificate_path,
                "certificatesExpire": report.certificates_expire_at.to_string(),
                "cardExpires": report.card_expires_at.to_string(),
            }));
        }
        out.line(&format!(
            "{} is set up in {}\n\n  fingerprint  {}\n  card         {}  until {}\n  settings     {}\n  operator     {}  until {}\n  officer      {}  until {}\n",
            report.country,
            report.dir.display(),
            report.fingerprint,
            report.card_path.display(),
            moment(report.card_expires_at),
            report.config_path.display(),
            report.operator_certificate_path.display(),
            moment(report.certificates_expire_at),
            report.officer_certificate_path.display(),
            moment(report.certificates_expire_at),
        ))?;
        out.note(&format!(
            "Now:\n  1. move {} and {} to two offline places; `comity root offline --home {}` says how\n  2. comity card export --home {} > {}.card, and give it to the other countries\n  3. read them the fingerprint by telephone; comity card import FILE for theirs\n  4. comity run --home {}",
            report.country_root_path.display(),
            report.recovery_root_path.display(),
            report.dir.display(),
            report.dir.display(),
            report.country.code().to_lowercase(),
            report.dir.display(),
        ));
        Ok(())
    }
}

/// Refuses a place for the file key before anything is made.
fn check_file_key(path: &std::path::Path) -> Result<(), Failure> {
    let shown = path.display();
    if !path.is_absolute() {
        let text = format!("--file-key {shown}: name an absolute path");
        return Err(Failure::new(USAGE, text));
    }
    if path.exists() {
        let text = format!("--file-key {shown} is there already; a new home has a new file key");
        return Err(Failure::new(CANTCREAT, text));
    }
    Ok(())
}

/// What is asked for the roots.
const ROOTS: &str = "Passphrase for the country root and the recovery root: ";

/// A new passphrase: from a file, from standard input, or asked for twice.
pub(super) fn new_passphrase_for(
    file: Option<&std::path::Path>,
    prompt: &str,
) -> Result<Zeroizing<String>, Failure> {
    let passphrase = match file {
        Some(_) => read_passphrase(file, prompt, "")?,
        None => {
            let first = ask(prompt, "--passphrase-file")?;
            check_passphrase(&first)?;
            let again = ask("The same passphrase again: ", "--passphrase-file")?;
            if first != again {
                return Err(Failure::new(DATAERR, "the two passphrases differ"));
            }
            first
        }
    };
    check_passphrase(&passphrase)?;
    Ok(passphrase)
}

/// The passphrase of the roots: from a file, from standard input, or asked for.
pub(super) fn passphrase(file: Option<&std::path::Path>) -> Result<Zeroizing<String>, Failure> {
    read_passphrase(file, ROOTS, "--passphrase-file")
}

/// A passphrase: from a file, from standard input, or asked for with `prompt`; `flag` is what names the
/// file.
pub(super) fn read_passphrase(
    file: Option<&std::path::Path>,
    prompt: &str,
    flag: &str,
) -> Result<Zeroizing<String>, Failure> {
    let text = match file {
        None => return ask(prompt, flag),
        Some(path) if path.as_os_str() == "-" => {
            let mut line = Zeroizing::new(String::new());
            io::stdin().lock().read_line(&mut line)?;
            line
        }
        Some(path) => Zeroizing::new(std::fs::read_to_string(path).map_err(|error| {
            Failure::new(
                NOINPUT,
                format!("{} cannot be read: {error}", path.display()),
            )
        })?),
    };
    Ok(Zeroizing::new(
        text.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

fn ask(prompt: &str, flag: &str) -> Result<Zeroizing<String>, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            USAGE,
            format!(
                "a passphrase is needed and this is no terminal: give {flag} FILE, or - for standard input"
            ),
        ));
    }
    // Whoever is interrupted while the terminal is silent leaves it silent: so Ctrl-C only ends the
    // prompt, which gives the echo back, and then the command.
    let own = match Handle::try_current() {
        Ok(_) => None,
        Err(_) => Some(Builder::new_current_thread().enable_io().build()?),
    };
    let _entered = own.as_ref().map(Runtime::enter);
    let _watched = signal(SignalKind::interrupt())?;
    rpassword::prompt_password(prompt)
        .map(Zeroizing::new)
        .map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => {
                Failure::new(INTERRUPTED, "interrupted; nothing was done")
            }
            io::ErrorKind::UnexpectedEof => {
                Failure::new(NOINPUT, "no passphrase was given; nothing was done")
            }
            _ => Failure::new(NOINPUT, format!("no passphrase was read: {error}")),
        })
}
