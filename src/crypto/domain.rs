//! Domain separation: no byte string signed or hashed for one purpose can be taken for another.

/// What a byte string is signed, hashed or derived for. The prefix is part of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// A record's header (signature).
    Header,
    /// A country card (signature by the card key).
    Card,
    /// A root's delegation (signature by the country root).
    Delegation,
    /// A new incarnation of a country's node (signature by the country root).
    Renewal,
    /// A group of receipts (signature over issuer, size and Merkle root).
    Receipts,
    /// A lane's high-water mark (signature).
    Mark,
    /// A consent token (signature).
    Consent,
    /// An entry of an item's chain of custody (signature).
    Custody,
    /// A ledger leaf (salted hash of its body).
    Leaf,
    /// A destination's entitlement to manifest indexes (salted hash).
    Entitlement,
    /// The AES key of a compartment, derived from its content key.
    ContentEncryption,
    /// The commitment to a content key.
    ContentCommitment,
    /// HPKE `info` and export context of a sealing epoch.
    Epoch,
    /// Additional data of a compartment's ciphertext.
    Compartment,
    /// Additional data of a wrap.
    Wrap,
    /// The running hash of a lane.
    Lane,
    /// The fingerprint that officers read aloud.
    Fingerprint,
    /// Commitment to the recovery root.
    Recovery,
    /// Content keys at rest, under a shred slot.
    SlotKeys,
    /// What is kept beside a record, under its shred slot: the sharing matrix as sent.
    SlotBeside,
    /// Values at rest, under the storage key.
    Storage,
    /// Keyed index tags (references, idempotency keys).
    IndexTag,
    /// A key file at rest, under the protection key.
    KeyFile,
    /// Additional data of a chunk of a file.
    Chunk,
    /// Additional data of the hashes kept beside a chunk.
    ChunkHashes,
    /// Key and description of a file at rest, under its shred slot.
    SlotItem,
}

impl Domain {
    /// The versioned prefix, ending in NUL. C2SP signed notes start with a text line and so cannot
    /// collide with any of these.
    pub const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Header => b"comity/v1/header\0",
            Self::Card => b"comity/v1/card\0",
            Self::Delegation => b"comity/v1/delegation\0",
            Self::Renewal => b"comity/v1/renewal\0",
            Self::Receipts => b"comity/v1/receipts\0",
            Self::Mark => b"comity/v1/mark\0",
            Self::Consent => b"comity/v1/consent\0",
            Self::Custody => b"comity/v1/custody\0",
            Self::Leaf => b"comity/v1/leaf\0",
            Self::Entitlement => b"comity/v1/entitlement\0",
            Self::ContentEncryption => b"comity/v1/content-encryption\0",
            Self::ContentCommitment => b"comity/v1/content-commitment\0",
            Self::Epoch => b"comity/v1/epoch\0",
            Self::Compartment => b"comity/v1/compartment\0",
            Self::Wrap => b"comity/v1/wrap\0",
            Self::Lane => b"comity/v1/lane\0",
            Self::Fingerprint => b"comity/v1/fingerprint\0",
            Self::Recovery => b"comity/v1/recovery\0",
            Self::SlotKeys => b"comity/v1/slot-keys\0",
            Self::SlotBeside => b"comity/v1/slot-beside\0",
            Self::Storage => b"comity/v1/storage\0",
            Self::IndexTag => b"comity/v1/index-tag\0",
            Self::KeyFile => b"comity/v1/key-file\0",
            Self::Chunk => b"comity/v1/chunk\0",
            Self::ChunkHashes => b"comity/v1/chunk-hashes\0",
            Self::SlotItem => b"comity/v1/slot-item\0",
        }
    }
}
