//! `comity store incarnate`: a new incarnation for a node that was restored from an older state, and
//! `comity root authorise`, where the root is.

use std::path::{Path, PathBuf};

use clap::Args;
use prost::Message as _;

use crate::{
    card::{MAX_RENEWAL_BYTES, Renewal},
    crypto::SigningKey,
    home::{Home, root::open_root},
    node::{
        renew::{REFERENCES_SKIPPED, RenewError, Renewed, Stopped},
        system_clock,
    },
    wire::card::SignedRenewal,
};

use super::{
    armour::Armour,
    exit::{CANTCREAT, DATAERR, Failure},
    init::passphrase,
    node_home::NodeHome,
    out::Out,
    store::{bar, show},
};

const REQUEST: Armour = Armour {
    what: "a request for a new incarnation",
    mark: "RENEWAL REQUEST",
};

const AUTHORISATION: Armour = Armour {
    what: "an authorised renewal",
    mark: "RENEWAL",
};

/// Bytes read of either file.
const MOST: u64 = 4 * MAX_RENEWAL_BYTES as u64;

#[derive(Debug, Args)]
pub(super) struct Incarnate {
    #[command(flatten)]
    home: NodeHome,
    /// Only write what the country root is to sign, to be carried to where it is.
    #[arg(long, conflicts_with_all = ["authorisation", "root", "passphrase_file"])]
    request: Option<PathBuf>,
    /// Take what the country root signed, as `comity root authorise` wrote it.
    #[arg(long, conflicts_with_all = ["root", "passphrase_file"])]
    authorisation: Option<PathBuf>,
    /// The country root's file, where it is at hand [default: root/root.age in the home].
    #[arg(long)]
    root: Option<PathBuf>,
    /// File with its passphrase, `-` for standard input; asked for when absent.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// References left out, since the older state may not know of all that were given.
    #[arg(long, default_value_t = REFERENCES_SKIPPED)]
    skip_references: u32,
}

impl Incarnate {
    pub(super) fn carry_out(&self, out: &mut Out) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let bar = bar();
        let stopped = Stopped::open(self.home.open()?, &mut |step| show(&bar, &step))?;
        bar.finish_and_clear();
        let signed = match (&self.request, &self.authorisation) {
            (Some(to), _) => {
                let request = stopped.request(system_clock()())?;
                write_new(to, &REQUEST.wrap(&request.encode()))?;
                return requested(&request, to, out);
            }
            (None, Some(from)) => {
                let bytes = AUTHORISATION.read(from, MOST)?;
                SignedRenewal::decode(bytes.as_slice())
                    .map_err(|error| AUTHORISATION.not_one(from, &error.to_string()))?
            }
            (None, None) => {
                let file = self.root.clone().unwrap_or_else(|| {
                    Home::open(self.home.dir())
                        .map(|home| home.layout().country_root())
                        .unwrap_or_default()
                });
                if !file.is_file() {
                    return Err(Failure::new(
                        DATAERR,
                        format!(
                            "the country root is not at {}: name it with --root, or write what it has to sign with --request FILE, sign that with `comity root authorise` where the root is, and come back with --authorisation FILE",
                            file.display()
                        ),
                    ));
                }
                let request = stopped.request(system_clock()())?;
                let key = open_root(&file, &passphrase(self.passphrase_file.as_deref())?)?;
                signed_by(&key, &request, &file)?
            }
        };
        let renewed =
            runtime.block_on(stopped.renew(&signed, self.skip_references, system_clock()))?;
        done(&renewed, out)
    }
}

fn requested(request: &Renewal, to: &Path, out: &mut Out) -> Result<(), Failure> {
    if out.json() {
        return out.value(&serde_json::json!({
            "country": request.country.code(),
            "number": request.number,
            "incarnation": hex::encode(request.incarnation),
            "request": to,
        }));
    }
    out.line(&format!(
        "{} is written: take it to where the country root is, sign it there with `comity root authorise`, and come back with `comity store incarnate --authorisation FILE`; leave the node stopped meanwhile",
        to.display()
    ))
}

fn done(renewed: &Renewed, out: &mut Out) -> Result<(), Failure> {
    let Renewed { card, renewal, .. } = renewed;
    if out.json() {
        return out.value(&serde_json::json!({
            "country": card.country.code(),
            "number": renewal.number,
            "incarnation": hex::encode(renewal.incarnation),
            "ledgerOrigin": renewal.ledger_origin,
            "cardVersion": card.version,
            "changed": renewed.store_changed,
        }));
    }
    out.line(&format!(
        "{}: incarnation {} from here on, ledger {}, card version {}\nstart the node: peers get the root's authorisation and the card over the link, send again what was lost of theirs, and name what they hold of yours (`comity status`)",
        card.country,
        hex::encode(renewal.incarnation),
        renewal.ledger_origin,
        card.version,
    ))
}

#[derive(Debug, Args)]
pub(super) struct Authorise {
    /// The request, as `comity store incarnate --request` wrote it; `-` for standard input.
    request: PathBuf,
    /// The country root's file.
    #[arg(long)]
    root: PathBuf,
    /// Where to write the authorisation.
    #[arg(long)]
    to: PathBuf,
    /// File with the root's passphrase, `-` for standard input; asked for when absent.
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

impl Authorise {
    pub(super) fn carry_out(&self, out: &mut Out) -> Result<(), Failure> {
        let bytes = REQUEST.read(&self.request, MOST)?;
        let request = Renewal::decode(&bytes)
            .map_err(|fault| REQUEST.not_one(&self.request, &fault.to_string()))?;
        out.note(&format!(
            "{} asks for incarnation {} of its node, number {}, asked for at {}.\nIt was restored at {} leaves of the ledger {}; peers know {}.\nAuthorise it only if you were told of the restore: peers refuse the incarnation before from then on.",
            request.country,
            hex::encode(request.incarnation),
            request.number,
            request.issued_at,
            request.predecessor.size,
            request.predecessor.origin,
            match request.predecessor.known_size {
                0 => "of no later one, as far as the node heard".to_owned(),
                size => format!("a checkpoint of {size}"),
            },
        ));
        let key = open_root(&self.root, &passphrase(self.passphrase_file.as_deref())?)?;
        let signed = signed_by(&key, &request, &self.root)?;
        write_new(&self.to, &AUTHORISATION.wrap(&signed.encode_to_vec()))?;
        if out.json() {
            return out.value(&serde_json::json!({
                "country": request.country.code(),
                "number": request.number,
                "incarnation": hex::encode(request.incarnation),
                "authorisation": self.to,
            }));
        }
        out.line(&format!(
            "{} is written: bring it back and run `comity store incarnate --authorisation FILE`",
            self.to.display()
        ))
    }
}

fn signed_by(key: &SigningKey, request: &Renewal, file: &Path) -> Result<SignedRenewal, Failure> {
    if *key.public() != request.root_key {
        return Err(Failure::new(
            DATAERR,
            format!(
                "{} opens, but it is not the country root of {} that its card names",
                file.display(),
                request.country
            ),
        ));
    }
    Ok(request.sign(key))
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    std::fs::File::create_new(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .map_err(|error| {
            Failure::new(
                CANTCREAT,
                format!("{} cannot be written: {error}", path.display()),
            )
        })
}

impl From<RenewError> for Failure {
    fn from(error: RenewError) -> Self {
        match error {
            RenewError::Node(error) => error.into(),
            other => Self::new(DATAERR, other.to_string()),
        }
    }
}
