//! `comity card export|import|show|list|reissue|renew-certificates`.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use prost::Message as _;

use crate::{
    access::act,
    card::{CardError, Fingerprint, TrustedCard, verify_stored_card},
    home::{CardContents, Home, HomeError, reissue_card, renewal},
    node::{Node, system_clock},
    wire::{
        card::{Delegations, SignedCard},
        node::{ImportCardRequest, ListCardsRequest},
    },
};

use super::{
    Target,
    armour::Armour,
    certificates::RenewCertificates,
    connect::Chosen,
    delegate::{self, DELEGATIONS, MOST},
    exit::{DATAERR, Failure, NOPERM, USAGE},
    node_home::{KeyPassphrase, NodeHome},
    out::{Out, moment},
};

const ARMOUR: Armour = Armour {
    what: "a card",
    mark: "CARD",
};

/// Exchange country cards.
#[derive(Debug, Subcommand)]
pub(super) enum Card {
    /// Write the own card, as text that survives e-mail.
    Export(Export),
    /// Accept another country's card after comparing its fingerprint by voice.
    Import(Import),
    /// Show a card: the own one, or one in a file.
    Show(Show),
    /// List the cards held.
    List(List),
    /// Issue the own card's next version, after a change in config.toml or before it expires.
    Reissue(Reissue),
    /// Issue the node's two TLS certificates again, before they end; a running node takes them up.
    RenewCertificates(RenewCertificates),
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(flatten)]
    target: Target,
    /// The card; `-` for standard input.
    file: PathBuf,
    /// Fingerprint as the other country read it aloud, for scripts; asked for when absent.
    #[arg(long)]
    fingerprint: Option<String>,
    #[command(flatten)]
    keys: KeyPassphrase,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: Option<PathBuf>,
    /// A card in a file instead of the own one.
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct Reissue {
    #[command(flatten)]
    home: NodeHome,
    /// New delegations that the root signed, from `comity root delegate`; `-` for standard input.
    #[arg(long)]
    delegations: Option<PathBuf>,
}

impl Card {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Export(export) => {
                let home = Home::open(&export.home)?;
                let card = home.own_card();
                let text = ARMOUR.wrap(&card.signed.encode_to_vec());
                if out.json() {
                    return out.value(&serde_json::json!({
                        "country": card.country.code(),
                        "version": card.version,
                        "fingerprint": card.fingerprint().to_string(),
                        "card": text,
                    }));
                }
                out.line(text.trim_end())
            }
            Self::Import(import) => import.carry_out(out).await,
            Self::Show(show) => show.carry_out(out),
            Self::List(list) => list.carry_out(out).await,
            Self::Reissue(reissue) => reissue.carry_out(out),
            Self::RenewCertificates(renew) => renew.carry_out(out),
        }
    }
}

impl Import {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let card = read_verified(&self.file)?;
        card.check_validity(system_clock()())
            .map_err(|fault| Failure::new(DATAERR, format!("{}: {fault}", self.file.display())))?;
        let given = match &self.fingerprint {
            Some(text) => parse(text)?,
            None => ask(&card, out)?,
        };
        let (country, version, changed) = match self.target.chosen()? {
            Chosen::Profile(_) => self.over_the_wire(&card, given).await?,
            Chosen::Home(dir) => {
                let home = Home::open(&dir)?;
                match home.lock() {
                    // No node runs here: take it up directly.
                    Ok(lock) => {
                        drop(lock);
                        import_offline(self.keys.open(&dir)?, &card, given).await?
                    }
                    Err(HomeError::Locked { .. }) => self.over_the_wire(&card, given).await?,
                    Err(error) => return Err(error.into()),
                }
            }
        };
        if out.json() {
            return out.value(&serde_json::json!({
                "country": country, "version": version, "changed": changed,
            }));
        }
        out.line(&format!(
            "{country}: card version {version} {}",
            if changed {
                "is now trusted"
            } else {
                "was trusted already"
            }
        ))
    }

    async fn over_the_wire(
        &self,
        card: &TrustedCard,
        given: Fingerprint,
    ) -> Result<(String, u64, bool), Failure> {
        let mut client = self.target.connect_operator().await?;
        let answer = client
            .cards
            .import_card(ImportCardRequest {
                card: Some(card.signed.clone()),
                fingerprint: given.to_string(),
            })
            .await?
            .into_inner();
        Ok((answer.country, answer.version, answer.changed))
    }
}

async fn import_offline(
    home: Home,
    card: &TrustedCard,
    given: Fingerprint,
) -> Result<(String, u64, bool), Failure> {
    let node = Node::open(home, system_clock(), &mut |_| {}).await?;
    let imported = match node.enter::<act::ImportCard>(node.local_operator()) {
        Ok(permit) => node
            .import_card(card.signed.clone(), given, &permit)
            .await
            .map_err(|refusal| Failure::new(DATAERR, refusal.to_string())),
        Err(refused) => Err(Failure::new(NOPERM, refused.to_string())),
    };
    node.close().await?;
    let (card, changed) = imported?;
    Ok((card.country.to_string(), card.version, changed))
}

/// Shows the fingerprint and asks whether it was read aloud.
fn ask(card: &TrustedCard, out: &mut Out) -> Result<Fingerprint, Failure> {
    let fingerprint = card.fingerprint();
    out.note(&format!(
        "Card of {}, version {}.\n\n  {fingerprint}\n\nCall the liaison officer of {} on a number you know, and have all eight groups read to you.",
        card.country, card.version, card.country
    ));
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            USAGE,
            "this is no terminal: give --fingerprint with what was read to you",
        ));
    }
    let mut stderr = io::stderr().lock();
    write!(stderr, "Type `yes` if they are the same: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == "yes" {
        Ok(fingerprint)
    } else {
        Err(Failure::new(DATAERR, "the card was not imported"))
    }
}

fn parse(text: &str) -> Result<Fingerprint, Failure> {
    text.parse()
        .map_err(|error: crate::card::FingerprintError| Failure::new(DATAERR, error.to_string()))
}

impl Show {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let card = match (&self.file, &self.home) {
            (Some(file), _) => read_verified(file)?,
            (None, Some(home)) => Home::open(home)?.own_card().clone(),
            (None, None) => {
                return Err(Failure::new(
                    USAGE,
                    "give a card FILE, or --home DIR for the own one",
                ));
            }
        };
        let addresses: Vec<String> = card
            .link_addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        if out.json() {
            return out.value(&serde_json::json!({
                "country": card.country.code(),
                "version": card.version,
                "digest": card.digest.to_string(),
                "fingerprint": card.fingerprint().to_string(),
                "authorities": card.authorities,
                "addresses": addresses,
                "issued": card.issued_at.to_string(),
                "expires": card.expires_at.to_string(),
                "ledgerOrigin": card.ledger_origin,
                "counts": card.check_validity(system_clock()()).is_ok(),
            }));
        }
        if let Err(fault) = card.check_validity(system_clock()()) {
            out.note(&format!("this card does not count now: {fault}"));
        }
        out.line(&format!(
            "country      {}\nversion      {}\nfingerprint  {}\nauthorities  {}\naddresses    {}\nissued       {}\nexpires      {}\nledger       {}",
            card.country,
            card.version,
            card.fingerprint(),
            card.authorities.join(", "),
            addresses.join(", "),
            moment(card.issued_at),
            moment(card.expires_at),
            card.ledger_origin,
        ))
    }
}

impl List {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect_operator().await?;
        let cards = client
            .cards
            .list_cards(ListCardsRequest {})
            .await?
            .into_inner();
        let now = system_clock()();
        let mut rows = Vec::new();
        for signed in &cards.cards {
            // One that ended is a row like the others: its country should be asked for a newer one.
            let card = verify_stored_card(signed)
                .map_err(|error| Failure::new(DATAERR, error.to_string()))?;
            let fault = card.check_validity(now).err();
            if out.json() {
                out.value(&serde_json::json!({
                    "country": card.country.code(),
                    "version": card.version,
                    "fingerprint": card.fingerprint().to_string(),
                    "expires": card.expires_at.to_string(),
                    "counts": fault.is_none(),
                }))?;
            } else {
                rows.push(vec![
                    card.country.to_string(),
                    card.version.to_string(),
                    card.fingerprint().to_string(),
                    moment(card.expires_at),
                    match fault {
                        None => String::new(),
                        Some(CardError::Expired(_)) => "EXPIRED".to_owned(),
                        Some(fault) => format!("DOES NOT COUNT: {fault}"),
                    },
                ]);
            }
        }
        if !out.json() {
            out.table(&["COUNTRY", "VERSION", "FINGERPRINT", "EXPIRES", ""], rows)?;
        }
        Ok(())
    }
}

impl Reissue {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let home = self.home.open()?;
        if let Some(path) = &self.delegations {
            let bytes = DELEGATIONS.read(path, MOST)?;
            let delegations: Delegations = renewal::decode(&bytes)?;
            let card = renewal::install_delegations(&home, &delegations, system_clock()())?;
            return delegate::show(&card, out);
        }
        let card = reissue_card(&home, &CardContents::of(home.config()), system_clock()())?;
        let running = match home.lock() {
            Ok(lock) => {
                drop(lock);
                false
            }
            Err(HomeError::Locked { .. }) => true,
            Err(error) => return Err(error.into()),
        };
        out.note(if running {
            "the running node takes the new card up within seconds, and peers get it over the link; what else changed in config.toml counts from its next start"
        } else {
            "the node uses the new card when it is started, and peers get it over the link"
        });
        if out.json() {
            return out.value(&serde_json::json!({
                "country": card.country.code(),
                "version": card.version,
                "fingerprint": card.fingerprint().to_string(),
                "expires": card.expires_at.to_string(),
                "restart": running,
            }));
        }
        out.line(&format!(
            "{}: card version {}, until {}; the fingerprint stays {}",
            card.country,
            card.version,
            moment(card.expires_at),
            card.fingerprint()
        ))
    }
}

/// Reads a card, as text or as bytes, and verifies it, time aside.
pub(super) fn read_verified(path: &Path) -> Result<TrustedCard, Failure> {
    let bytes = ARMOUR.read(path, MOST)?;
    let signed = SignedCard::decode(bytes.as_slice())
        .map_err(|error| ARMOUR.not_one(path, &error.to_string()))?;
    verify_stored_card(&signed)
        .map_err(|error| Failure::new(DATAERR, format!("{}: {error}", path.display())))
}
