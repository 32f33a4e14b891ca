//! Byte layouts that are hashed or authenticated. Every part has a fixed length, so that no two
//! inputs give the same bytes; numbers are big endian.

use super::VERSION;
use crate::{
    crypto::{Digest, Domain},
    record::Country,
};

/// Additional data of a compartment: prefix ‖ version (32 bits) ‖ record id (16) ‖ origin (2) ‖
/// manifest index (32 bits).
pub(super) fn compartment_aad(record_id: &[u8; 16], origin: Country, index: u32) -> Vec<u8> {
    [
        Domain::Compartment.prefix(),
        &VERSION.to_be_bytes(),
        record_id,
        origin.code().as_bytes(),
        &index.to_be_bytes(),
    ]
    .concat()
}

/// Additional data of a wrap: prefix ‖ version (32 bits) ‖ header digest (32) ‖ reader (2).
pub(super) fn wrap_aad(header_digest: &Digest, reader: Country) -> Vec<u8> {
    [
        Domain::Wrap.prefix(),
        &VERSION.to_be_bytes(),
        header_digest.as_bytes(),
        reader.code().as_bytes(),
    ]
    .concat()
}

/// HPKE `info` of an epoch: prefix ‖ version (32 bits) ‖ origin (2) ‖ reader (2) ‖ epoch id (16).
pub(super) fn epoch_info(origin: Country, reader: Country, epoch: &[u8; 16]) -> Vec<u8> {
    [
        Domain::Epoch.prefix(),
        &VERSION.to_be_bytes(),
        origin.code().as_bytes(),
        reader.code().as_bytes(),
        epoch,
    ]
    .concat()
}

/// What the header says of a destination: SHA-256 over prefix ‖ salt (16) ‖ record id (16) ‖
/// country (2) ‖ each manifest index (32 bits), ascending. The salt keeps the other readers and a
/// relay from finding out by trial who reads what.
pub(super) fn entitlement_digest(
    salt: &[u8; 16],
    record_id: &[u8; 16],
    country: Country,
    indexes: &[u32],
) -> Digest {
    let indexes: Vec<u8> = indexes
        .iter()
        .flat_map(|index| index.to_be_bytes())
        .collect();
    Digest::in_domain(
        Domain::Entitlement,
        &[salt, record_id, country.code().as_bytes(), &indexes],
    )
}

/// Additional data of content keys at rest: prefix ‖ header digest (32).
pub(super) fn slot_aad(header_digest: &Digest) -> Vec<u8> {
    [Domain::SlotKeys.prefix(), header_digest.as_bytes()].concat()
}

/// Additional data of what is kept beside a record: prefix ‖ header digest (32) ‖ what it is.
pub(super) fn beside_aad(header_digest: &Digest, what: &[u8]) -> Vec<u8> {
    [Domain::SlotBeside.prefix(), header_digest.as_bytes(), what].concat()
}
