//! What the ledger is told of certificates and keys. They are issued, revoked and rotated in the home's
//! files, by a command or by the node; here the files are compared with what the ledger was told, and
//! the difference becomes leaves. What was told is a row of its own and decided by the writer, so that
//! nothing is told twice and a crash loses nothing: the next comparison finds the same difference.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Weak},
    time::Duration,
};

use crate::{
    access::Principal,
    crypto::Digest,
    entry::Event,
    home::Issued,
    record::Moment,
    store::{Keyspace, ProjectionError, ReadRows, Rows, StoreError},
};

use super::{
    Node, NodeError,
    read::blocking,
    rules::{CertificateOrder, KeyOrder, Proposal},
};

/// Which certificates the ledger was told of.
const CERTIFICATES: Keyspace = Keyspace {
    prefix: 0xac,
    name: "certificates told",
    key: "HMAC tag of the serial (16)",
    value: "1: issued, 2: revoked, 3: both (1)",
    written_by: "certificate told",
    goes_away: "never",
};

/// Which keys of the node the ledger was told of.
const KEYS: Keyspace = Keyspace {
    prefix: 0xad,
    name: "keys told",
    key: "which, a word",
    value: "SHA-256 of the public key",
    written_by: "key told",
    goes_away: "never; replaced when the key is",
};

/// Certificates told in one group.
const BATCH: usize = 256;
/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

pub(super) const fn keyspaces() -> [&'static Keyspace; 2] {
    [&CERTIFICATES, &KEYS]
}

const fn bit(revoked: bool) -> u8 {
    if revoked { 2 } else { 1 }
}

pub(super) fn apply(event: &Event, rows: &mut Rows<'_>) -> Result<(), ProjectionError> {
    match event {
        Event::CertificateTold(told) => {
            let bit = bit(told.revoked);
            rows.update(CERTIFICATES.key(&[&told.serial_tag]), |row| {
                match row.first_mut() {
                    Some(bits) => *bits |= bit,
                    None => row.push(bit),
                }
            })?;
        }
        Event::KeyTold(told) => rows.put(KEYS.key(&[told.which.as_bytes()]), told.digest.clone()),
        _ => {}
    }
    Ok(())
}

/// Whether the ledger was told that a certificate was issued, or revoked.
pub(super) fn is_told(
    rows: &impl ReadRows,
    serial_tag: &[u8; 16],
    revoked: bool,
) -> Result<bool, StoreError> {
    let row = rows.row(&CERTIFICATES.key(&[serial_tag]))?;
    Ok(row.is_some_and(|row| row.first().is_some_and(|bits| bits & bit(revoked) != 0)))
}

/// The key that the ledger was told of last.
pub(super) fn key_told(rows: &impl ReadRows, which: &str) -> Result<Option<Vec<u8>>, StoreError> {
    rows.row(&KEYS.key(&[which.as_bytes()]))
}

/// What was compared since the start: the register only grows, so that its beginning is not compared
/// again.
#[derive(Debug, Default)]
pub(crate) struct Told {
    lines: usize,
    revoked: BTreeSet<Vec<u8>>,
}

/// What the ledger was not told of yet, and what it was once it is.
struct Untold {
    now: Told,
    orders: Vec<CertificateOrder>,
}

impl Node {
    /// Compares the home's register, revocations and keys with what the ledger was told, and tells it
    /// the rest. Durable when this answers. A crash leaves the rest for the next time.
    ///
    /// # Errors
    /// [`NodeError`] when a file cannot be read, or the ledger not be told.
    pub async fn tell_roster(self: &Arc<Self>) -> Result<(), NodeError> {
        let mut told = self.told.lock().await;
        self.tell_keys().await?;
        let node = Arc::clone(self);
        let (from, known) = (told.lines, told.revoked.clone());
        let Untold { now, orders } =
            blocking(move || node.untold_certificates(from, &known)).await?;
        let mut orders = orders.into_iter().peekable();
        while orders.peek().is_some() {
            let some = orders.by_ref().take(BATCH).collect();
            self.writer.propose(Proposal::Certificates(some)).await?;
        }
        *told = now;
        Ok(())
    }

    /// What the ledger was not told of yet: certificates in the order of the register, then
    /// revocations.
    fn untold_certificates(
        &self,
        from: usize,
        known: &BTreeSet<Vec<u8>>,
    ) -> Result<Untold, NodeError> {
        let issued = self.roster.certificates()?;
        let revoked = self.roster.revoked()?;
        let mut orders = Vec::new();
        let mut before: HashMap<&str, &Issued> = HashMap::new();
        for (line, one) in issued.iter().enumerate() {
            let earlier = before.insert(&one.name, one);
            let tag = self.serial_tag(&one.serial);
            if line < from || is_told(&self.store, &tag, false)? {
                continue;
            }
            // The same person in the same office goes on.
            let renewed =
                earlier.is_some_and(|of| of.authority == one.authority && of.roles == one.roles);
            let detail = if renewed {
                "certificate-renewed"
            } else {
                "certificate-issued"
            };
            orders.push(order(tag, &one.serial, Some(one), detail));
        }
        let by_serial: HashMap<&[u8], &Issued> =
            issued.iter().map(|one| (&*one.serial, one)).collect();
        for serial in revoked.difference(known) {
            let tag = self.serial_tag(serial);
            if !is_told(&self.store, &tag, true)? {
                let one = by_serial.get(&**serial).copied();
                orders.push(CertificateOrder {
                    revoked: true,
                    ..order(tag, serial, one, "certificate-revoked")
                });
            }
        }
        Ok(Untold {
            now: Told {
                lines: issued.len(),
                revoked,
            },
            orders,
        })
    }

    fn serial_tag(&self, serial: &[u8]) -> [u8; 16] {
        self.keys.index.tag("serial", serial)
    }

    /// Tells the ledger of keys that took another's place.
    async fn tell_keys(&self) -> Result<(), NodeError> {
        let mut keys = vec![
            ("issuing-ca", self.roster.issuing_ca()),
            ("node-tls", self.roster.node_key()?),
        ];
        let card = self.own_card();
        let signing = card.signing_keys.iter();
        let mut signing = signing
            .filter(|one| one.retired.is_none())
            .map(|one| one.key);
        keys.extend(
            signing
                .next_back()
                .map(|key| ("signing", Digest::of(key.as_bytes()))),
        );
        let sealing = card.sealing_keys.first();
        keys.extend(sealing.map(|key| ("sealing", Digest::of(key.as_bytes()))));
        for (which, digest) in keys {
            if key_told(&self.store, which)?.as_deref() != Some(digest.as_bytes()) {
                let order = KeyOrder { which, digest };
                self.writer.propose(Proposal::Key(order)).await?;
            }
        }
        Ok(())
    }
}

fn order(
    serial_tag: [u8; 16],
    serial: &[u8],
    issued: Option<&Issued>,
    detail: &'static str,
) -> CertificateOrder {
    let principal = issued.and_then(Issued::principal);
    // A line of an earlier version, or of a name that is none any more, is told as it stands.
    let about = match (&principal, issued) {
        (Some(principal), _) => principal.to_string(),
        (None, Some(one)) => one.name.trim_start_matches("comity://").to_owned(),
        (None, None) => String::new(),
    };
    CertificateOrder {
        serial_tag,
        serial: serial.to_vec(),
        revoked: false,
        detail,
        about,
        authority: principal
            .as_ref()
            .and_then(Principal::authority)
            .unwrap_or_default()
            .to_owned(),
        roles: principal
            .iter()
            .flat_map(|principal| principal.roles())
            .map(|role| role.as_str().to_owned())
            .collect(),
        until_us: issued.and_then(Issued::ends).map_or(0, Moment::micros),
    }
}

/// Tells the ledger whenever the files change, until the node is gone.
pub(super) async fn follow(node: Weak<Node>) {
    let mut seen = None;
    loop {
        let Some(node) = node.upgrade() else {
            return;
        };
        let now = node.roster.stamp();
        if seen.as_ref() != Some(&now) {
            match node.tell_roster().await {
                Ok(()) => seen = Some(now),
                Err(NodeError::Closed) => return,
                Err(error) => {
                    tracing::error!(%error, "the ledger is not told of certificates and keys; trying again")
                }
            }
        }
        drop(node);
        tokio::time::sleep(LOOK).await;
    }
}
