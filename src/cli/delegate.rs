//! `comity root request|delegate`: new delegations by the root, which is kept offline.

use std::path::{Path, PathBuf};

use clap::Args;
use prost::Message as _;

use crate::{
    card::{MAX_CARD_BYTES, TrustedCard},
    home::{renewal, root::open_root},
    node::system_clock,
    wire::card::DelegationRequest,
};

use super::{
    armour::Armour,
    exit::{Failure, USAGE},
    init::passphrase,
    node_home::{KeyPassphrase, NodeHome},
    out::Out,
};

const REQUEST: Armour = Armour {
    what: "a request for delegations",
    mark: "DELEGATION REQUEST",
};

/// Delegations that a root signed.
pub(super) const DELEGATIONS: Armour = Armour {
    what: "a root's delegations",
    mark: "DELEGATIONS",
};

/// Bytes read of a request or of delegations: each holds little more than a card.
pub(super) const MOST: u64 = 4 * MAX_CARD_BYTES as u64;

#[derive(Debug, Args)]
pub(super) struct Request {
    #[command(flatten)]
    home: NodeHome,
}

#[derive(Debug, Args)]
pub(super) struct Delegate {
    /// Request of the node, from `comity root request`; `-` for standard input.
    request: Option<PathBuf>,
    /// Home of the node, where the root is at hand: asks, signs and issues the card in one step.
    #[arg(long, conflicts_with = "request")]
    home: Option<PathBuf>,
    /// The root file, wherever it is kept [default: root/root.age in the home].
    #[arg(long)]
    file: Option<PathBuf>,
    /// File with the passphrase, `-` for standard input; asked for when absent.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    keys: KeyPassphrase,
}

impl Request {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let home = self.home.open()?;
        let request = renewal::request_delegations(&home, system_clock()())?;
        let text = REQUEST.wrap(&request.encode_to_vec());
        if out.json() {
            return out.value(&serde_json::json!({ "request": text }));
        }
        out.line(text.trim_end())
    }
}

impl Delegate {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match (&self.request, &self.home) {
            (Some(request), None) => self.sign(request, out),
            (None, Some(home)) => self.sign_and_install(home, out),
            _ => Err(Failure::new(
                USAGE,
                "give the REQUEST of a node, or --home DIR where the root is at hand",
            )),
        }
    }

    /// On the machine of the root.
    fn sign(&self, path: &Path, out: &mut Out) -> Result<(), Failure> {
        let file = self
            .file
            .as_ref()
            .ok_or_else(|| Failure::new(USAGE, "give the root file: --file /media/one/root.age"))?;
        let bytes = REQUEST.read(path, MOST)?;
        let request: DelegationRequest = renewal::decode(&bytes)?;
        let root = open_root(file, &passphrase(self.passphrase_file.as_deref())?)?;
        let (card, delegations) = renewal::delegate(&request, &root, system_clock()())?;
        let text = DELEGATIONS.wrap(&delegations.encode_to_vec());
        out.note(&format!(
            "signed for {}, fingerprint {}: the issuing CA and the card key that it has, for two years. On \
             the node: comity card reissue --delegations FILE",
            card.country,
            card.fingerprint()
        ));
        if out.json() {
            return out.value(&serde_json::json!({
                "country": card.country.code(),
                "fingerprint": card.fingerprint().to_string(),
                "delegations": text,
            }));
        }
        out.line(text.trim_end())
    }

    fn sign_and_install(&self, dir: &Path, out: &mut Out) -> Result<(), Failure> {
        let home = self.keys.open(dir)?;
        let now = system_clock()();
        let file = self
            .file
            .clone()
            .unwrap_or_else(|| home.layout().country_root());
        let request = renewal::request_delegations(&home, now)?;
        let root = open_root(&file, &passphrase(self.passphrase_file.as_deref())?)?;
        let (_, delegations) = renewal::delegate(&request, &root, now)?;
        let card = renewal::install_delegations(&home, &delegations, now)?;
        show(&card, out)
    }
}

/// What a card with new delegations says.
pub(super) fn show(card: &TrustedCard, out: &mut Out) -> Result<(), Failure> {
    out.note("restart the node: it uses the new card from then on, and peers get it over the link");
    if out.json() {
        return out.value(&serde_json::json!({
            "country": card.country.code(),
            "version": card.version,
            "expires": card.expires_at.to_string(),
            "delegationsEnd": card.issuing_ca.not_after.to_string(),
        }));
    }
    out.line(&format!(
        "{}: card version {}, until {}; delegations until {}; the fingerprint stays {}",
        card.country,
        card.version,
        card.expires_at,
        card.issuing_ca.not_after,
        card.fingerprint()
    ))
}
