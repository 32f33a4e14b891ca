//! `comity card import`: at a running node or a stopped one's home.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::PathBuf,
};

use clap::Args;

use crate::{
    access::act,
    card::{Fingerprint, TrustedCard},
    home::{Home, HomeError},
    node::{Node, cards::Imported, system_clock},
    record::Moment,
    wire::node::{ImportCardRequest, ImportCardResponse},
};

use super::{
    super::{
        Target,
        connect::Chosen,
        exit::{DATAERR, Failure, NOPERM, USAGE},
        node_home::KeyPassphrase,
        out::{Out, moment},
    },
    read_verified,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
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

impl Import {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let card = read_verified(&self.file)?;
        card.check_validity(system_clock()())
            .map_err(|fault| Failure::new(DATAERR, format!("{}: {fault}", self.file.display())))?;
        let given = match &self.fingerprint {
            Some(text) => parse(text)?,
            None => ask(&card, out)?,
        };
        let imported = match self.target.chosen()? {
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
        let ImportCardResponse {
            country,
            version,
            changed,
            approval_id,
            expires_us,
        } = imported;
        if out.json() {
            let mut value = serde_json::json!({
                "country": country, "version": version, "changed": changed,
            });
            if let Some(value) = value.as_object_mut()
                && !approval_id.is_empty()
            {
                value.insert("approvalId".to_owned(), approval_id.into());
            }
            return out.value(&value);
        }
        if !approval_id.is_empty() {
            out.line(&approval_id)?;
            out.note(&format!(
                "{country}: card version {version} is not trusted yet: a second person approves it until {}, \
                 once the node runs, with `comity approvals approve {approval_id}`",
                moment(Moment::from_micros(expires_us))
            ));
            return Ok(());
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
    ) -> Result<ImportCardResponse, Failure> {
        let mut client = self.target.connect_operator().await?;
        let answer = client
            .cards
            .import_card(ImportCardRequest {
                card: Some(card.signed.clone()),
                fingerprint: given.to_string(),
            })
            .await?;
        Ok(answer.into_inner())
    }
}

async fn import_offline(
    home: Home,
    card: &TrustedCard,
    given: Fingerprint,
) -> Result<ImportCardResponse, Failure> {
    let node = Node::open(home, system_clock(), &mut |_| {}).await?;
    let imported = match node.enter::<act::ImportCard>(node.local_operator()) {
        Ok(permit) => node
            .import_card(card.signed.clone(), given, &permit)
            .await
            .map_err(|refusal| Failure::new(DATAERR, refusal.to_string())),
        Err(refused) => Err(Failure::new(NOPERM, refused.to_string())),
    };
    node.close().await?;
    let answer = |card: TrustedCard| ImportCardResponse {
        country: card.country.to_string(),
        version: card.version,
        ..ImportCardResponse::default()
    };
    Ok(match imported? {
        Imported::Trusted(card, changed) => ImportCardResponse {
            changed,
            ..answer(card)
        },
        Imported::Asked(card, asked) => ImportCardResponse {
            approval_id: asked.id,
            expires_us: asked.expires_us,
            ..answer(card)
        },
    })
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
