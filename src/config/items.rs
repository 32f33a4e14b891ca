//! Files of evidence requests: how they are cut, and how much room they may take.

use std::{
    fmt::{self, Write as _},
    ops::RangeInclusive,
    time::Duration,
};

use serde::Deserialize;

/// Files of evidence requests: how they are cut, and how much room they may take.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ItemsConfig {
    /// Size of a chunk in KiB: a power of two. What breaks off is repeated from the last chunk that is
    /// durable, so that slow lines want small ones.
    pub chunk_kib: u64,
    /// Room in MiB that stays free on the disk, whatever is uploaded or sent.
    pub reserve_mib: u64,
    /// Most GiB of items uploaded here.
    pub quota_own_gib: u64,
    /// Most GiB of items of each other country.
    pub quota_peer_gib: u64,
    /// Uploads of one principal that are not finished.
    pub uploads_per_principal: u64,
    /// Hours after which an upload is given up that nobody goes on with.
    pub upload_expires_h: u64,
}

impl Default for ItemsConfig {
    fn default() -> Self {
        Self {
            chunk_kib: 1024,
            reserve_mib: 1024,
            quota_own_gib: 1024,
            quota_peer_gib: 256,
            uploads_per_principal: 4,
            upload_expires_h: 72,
        }
    }
}

impl ItemsConfig {
    /// Every number, its field and its bounds.
    pub(super) fn numbers(&self) -> [(&'static str, u64, RangeInclusive<u64>); 6] {
        [
            ("items.chunk_kib", self.chunk_kib, 64..=4096),
            ("items.reserve_mib", self.reserve_mib, 0..=1 << 30),
            ("items.quota_own_gib", self.quota_own_gib, 0..=1 << 20),
            ("items.quota_peer_gib", self.quota_peer_gib, 0..=1 << 20),
            (
                "items.uploads_per_principal",
                self.uploads_per_principal,
                1..=256,
            ),
            ("items.upload_expires_h", self.upload_expires_h, 1..=8760),
        ]
    }

    pub(super) fn write_commented(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "[items]\n\
             # Files of evidence requests. Chunks in KiB, a power of two: what breaks off is repeated from\n\
             # the last whole one that is durable, so that slow lines want small chunks.\n\
             chunk_kib = {}\n\
             # Room on the disk that stays free, in MiB; most of what is uploaded here and of what each\n\
             # other country sends, in GiB. What does not fit is refused, or waits at the other country.\n\
             reserve_mib = {}\n\
             quota_own_gib = {}\n\
             quota_peer_gib = {}\n\
             # Uploads of one principal that are not finished, and after how many hours without an end\n\
             # one is given up.\n\
             uploads_per_principal = {}\n\
             upload_expires_h = {}\n",
            self.chunk_kib,
            self.reserve_mib,
            self.quota_own_gib,
            self.quota_peer_gib,
            self.uploads_per_principal,
            self.upload_expires_h,
        )
    }

    /// Bytes of each chunk but the last of what is uploaded here: the power of two at or below
    /// `chunk_kib`.
    pub fn chunk_size(&self) -> u32 {
        let kib = u32::try_from(self.chunk_kib.max(1)).unwrap_or(u32::MAX);
        1_u32
            .checked_shl(kib.ilog2().saturating_add(10))
            .unwrap_or(u32::MAX)
    }

    /// Bytes that stay free.
    pub const fn reserve(&self) -> u64 {
        self.reserve_mib.saturating_mul(1 << 20)
    }

    /// After which an upload is given up.
    pub const fn upload_expires(&self) -> Duration {
        Duration::from_secs(self.upload_expires_h.saturating_mul(3600))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_have_a_power_of_two() {
        let of = |chunk_kib| {
            ItemsConfig {
                chunk_kib,
                ..ItemsConfig::default()
            }
            .chunk_size()
        };
        assert_eq!(of(1024), 1 << 20);
        assert_eq!((of(64), of(100), of(4096)), (64 << 10, 64 << 10, 4 << 20));
    }
}
