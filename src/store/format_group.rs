//! A whole group: its entries verified, its bytes moved to another segment.

use super::{Cursor, EntryHead, GROUP_HEADER, GroupHeader, chain_on, encode_trailer};
use crate::crypto::Digest;

/// An entry within a group that was read whole.
#[derive(Debug)]
pub(in crate::store) struct EntryView<'a> {
    /// Offset from the group's start.
    pub(in crate::store) offset: usize,
    pub(in crate::store) head: EntryHead,
    pub(in crate::store) body: &'a [u8],
    /// The blobs, one after the other.
    pub(in crate::store) blobs: &'a [u8],
}

impl<'a> EntryView<'a> {
    /// Each blob's bytes; none for a stub.
    pub(in crate::store) fn each_blob(&self) -> Vec<&'a [u8]> {
        let mut cursor = Cursor(self.blobs);
        let lengths = self.head.blobs.iter().map(|(length, _)| *length);
        lengths.map_while(|length| cursor.bytes(length)).collect()
    }
}

/// What is wrong within a group, and where from the group's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct GroupFault {
    pub(in crate::store) what: &'static str,
    pub(in crate::store) offset: usize,
}

/// A group whose every byte was verified, but for the blobs named.
#[derive(Debug)]
pub(in crate::store) struct GroupView<'a> {
    pub(in crate::store) entries: Vec<EntryView<'a>>,
    /// Blobs that are not what their digests say: entry and blob, each from 0.
    pub(in crate::store) damaged: Vec<(usize, usize)>,
    /// The chain after the group.
    pub(in crate::store) chain: Digest,
}

/// Verifies a whole group: header (already decoded), entries, blobs, chain, trailer.
pub(in crate::store) fn parse_group<'a>(
    bytes: &'a [u8],
    header: &GroupHeader,
    salt: &[u8; 16],
    mut chain: Digest,
) -> Result<GroupView<'a>, GroupFault> {
    let fault = |what, offset| GroupFault { what, offset };
    let end = GROUP_HEADER + header.length as usize;
    let (head, trailer) = bytes
        .split_at_checked(end)
        .ok_or(fault("group", bytes.len()))?;
    let group_header = head.get(..GROUP_HEADER).unwrap_or_default();
    let mut entries = Vec::with_capacity((header.count as usize).min(1024));
    let mut damaged = Vec::new();
    let mut offset = GROUP_HEADER;
    for _ in 0..header.count {
        let rest = head.get(offset..).unwrap_or_default();
        let entry = EntryHead::decode(rest).map_err(|_| fault("entry header", offset))?;
        let mut cursor = Cursor(rest);
        let parts = cursor
            .bytes(entry.length())
            .and_then(|_| cursor.bytes(entry.body_length))
            .and_then(|body| {
                let blobs = entry.entry_length() - entry.length() - entry.body_length;
                Some((body, cursor.bytes(blobs)?))
            });
        let (body, blobs) = parts.ok_or(fault("entry header", offset))?;
        if !entry.holds(body) {
            return Err(fault("entry body", offset));
        }
        let view = EntryView {
            offset,
            head: entry,
            body,
            blobs,
        };
        let digests = view.head.blobs.iter().map(|(_, digest)| digest);
        for (index, (blob, digest)) in view.each_blob().into_iter().zip(digests).enumerate() {
            if Digest::of(blob) != *digest {
                damaged.push((entries.len(), index));
            }
        }
        chain = chain_on(&chain, &view.head.digest);
        offset += view.head.entry_length();
        entries.push(view);
    }
    if offset != end {
        return Err(fault("group", offset));
    }
    if trailer != encode_trailer(salt, group_header, &chain) {
        return Err(fault("group trailer", end));
    }
    Ok(GroupView {
        entries,
        damaged,
        chain,
    })
}

/// A group's bytes with the header and trailer of another segment, whose salt differs.
pub(in crate::store) fn resalt(
    bytes: &mut Vec<u8>,
    header: &GroupHeader,
    salt: &[u8; 16],
    chain: &Digest,
) {
    let head = header.encode(salt);
    for (to, from) in bytes.iter_mut().zip(&head) {
        *to = *from;
    }
    bytes.truncate(GROUP_HEADER + header.length as usize);
    bytes.extend_from_slice(&encode_trailer(salt, &head, chain));
}
