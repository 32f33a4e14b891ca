//! `comity card export|import|show|list|reissue|renew-certificates`.

mod import;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use prost::Message as _;

use crate::{
    card::{CardError, TrustedCard, verify_stored_card},
    home::{CardContents, Home, HomeError, reissue_card, renewal},
    node::system_clock,
    wire::{
        card::{Delegations, SignedCard},
        node::ListCardsRequest,
    },
};

use super::{
    Target,
    armour::Armour,
    certificates::RenewCertificates,
    delegate::{self, DELEGATIONS, MOST},
    exit::{DATAERR, Failure, USAGE},
    node_home::NodeHome,
    out::{Out, moment},
};

use self::import::Import;

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
