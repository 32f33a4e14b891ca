//! The configuration as the commented file that `comity init` writes.

use std::{
    fmt::{self, Write as _},
    path::Path,
};

use super::{Config, DueConfig, LinksConfig, LogFormat};

impl Config {
    /// The configuration as a commented file that [`Self::parse`] reads back.
    pub fn commented(&self) -> String {
        let mut out = String::with_capacity(4096);
        // Writing to a string does not fail.
        let _ = self.write_commented(&mut out);
        out
    }

    fn write_commented(&self, out: &mut String) -> fmt::Result {
        let Self {
            dial,
            limits,
            store,
            life,
            search,
            log,
            ..
        } = self;
        writeln!(
            out,
            "# Configuration of this node. Unknown fields are refused; a field left out has its default.\n\n\
             # The country is fixed by the keys of this home.\n\
             country = {}\n\n\
             # Where the nodes of other countries connect (mutual TLS, post-quantum group only).\n\
             listen = {}\n\
             # Where officers, case systems and the command line connect (mutual TLS).\n\
             client_listen = {}\n\n\
             # Addresses that the country's card gives to peers, host:port. Empty: this node only\n\
             # dials out. Run `comity card reissue` after a change: peers see the card, not this file.\n\
             addresses = {}\n\
             # Authorities of the country that may submit and receive; also part of the card.\n\
             authorities = {}\n\n\
             # Peers' addresses come from their signed cards. Loopback and private networks are\n\
             # dialled only when this is true (exercises, leased lines).\n\
             allow_private_addresses = {}\n\
             # Single IP addresses to dial whatever they are, link-local ones included.\n\
             allow_addresses = {}\n",
            text(self.country.code()),
            text(&self.listen.to_string()),
            text(&self.client_listen.to_string()),
            list(self.addresses.iter().map(String::as_str)),
            list(self.authorities.iter().map(String::as_str)),
            self.allow_private_addresses,
            list(self.allow_addresses.iter().map(ToString::to_string)),
        )?;
        self.links.write_commented(out)?;
        writeln!(
            out,
            "[dial]\n\
             # Pause after a failed dial: doubles from the first to the longest, with jitter.\n\
             min_backoff_ms = {}\n\
             max_backoff_ms = {}\n\
             # Name, connection and handshake together.\n\
             connect_timeout_ms = {}\n",
            dial.min_backoff_ms, dial.max_backoff_ms, dial.connect_timeout_ms,
        )?;
        limits.write_commented(out)?;
        writeln!(
            out,
            "[store]\n\
             segment_mib = {}\n\
             # Most memory for the index's cache.\n\
             cache_mib = {}\n\
             # The key over the shred slots. Erasure holds against a copy of this disk only if the\n\
             # key lies on another device: with the default path it does not.\n\
             file_key = {}\n\
             # The whole journal is read again for damage this fast (0: never), after this pause.\n\
             scrub_mib_s = {}\n\
             scrub_pause_s = {}\n\
             # Beyond this share of the disk nothing new is accepted; nothing held is dropped.\n\
             disk_full_percent = {}\n\
             # After a boot, or where a copy of the data was put in place, the node asks two peers\n\
             # whether they know more of it before it signs, and goes on after this many seconds.\n\
             ask_peers_s = {}\n\n\
             [life]\n\
             # Seconds from the lock of a recalled or expired record to its shredding.\n\
             shred_delay_s = {}\n\
             # Days for which backups of this node are kept; ERASED receipts say it. 0: no backups.\n\
             # State it: without it every ERASED receipt says that nobody knows.\n\
             {}\n\
             # Records expire by themselves only while this clock is this close to the median of\n\
             # the peers' clocks, in seconds.\n\
             max_clock_skew_s = {}\n\
             # Above this many records within that many seconds an operator's recalls need a second\n\
             # operator.\n\
             recall_alone = {}\n\
             recall_window_s = {}\n\
             # Records of a country whose control lane was not carried out whole for this many hours\n\
             # are neither exported for court nor passed on. Reading goes on.\n\
             unheard_h = {}\n",
            store.segment_mib,
            store.cache_mib,
            text(&store.file_key.to_string_lossy()),
            store.scrub_mib_s,
            store.scrub_pause_s,
            store.disk_full_percent,
            store.ask_peers_s,
            life.shred_delay_s,
            match life.backups_days {
                Some(days) => format!("backups_days = {days}"),
                None => "# backups_days = 30".to_owned(),
            },
            life.max_clock_skew_s,
            life.recall_alone,
            life.recall_window_s,
            life.unheard_h,
        )?;
        self.keys.write_commented(out)?;
        self.write_clients(out)?;
        self.due.write_commented(out)?;
        self.reading_log.write_commented(out)?;
        self.items.write_commented(out)?;
        self.outlet.write_commented(out)?;
        self.write_webhooks(out)?;
        self.taxii.write_commented(out)?;
        writeln!(
            out,
            "[search]\n\
             # Most memory for the search index; the oldest records are left out beyond it.\n\
             memory_mib = {}\n\n\
             [log]\n\
             # text or json\n\
             format = {}\n\
             # error, warn, info, debug or trace\n\
             level = {}",
            search.memory_mib,
            text(match log.format {
                LogFormat::Text => "text",
                LogFormat::Json => "json",
            }),
            text(log.level.as_str()),
        )
    }
}

impl DueConfig {
    fn write_commented(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "[due]\n\
             # Hours from receipt within which an officer acknowledges a record, or answers a message that\n\
             # asks for it, unless the record says by when; 0: nothing is due. Late ones are escalated.\n\
             # Directive (EU) 2023/977 Art. 5: 8 hours for urgent requests about directly accessible\n\
             # information, 3 days for other urgent ones, 7 days for the rest. Regulation (EU) 2023/1543\n\
             # gives 8 hours in an emergency.\n\
             emergency_h = {}\n\
             urgent_direct_h = {}\n\
             urgent_h = {}\n\
             routine_h = {}\n\
             # Kinds that ask something of an officer even when they are routine.\n\
             routine_kinds = {}\n\
             # Due soon: less than this share of the term is left, in percent.\n\
             soon_percent = {}\n\
             # A late record is escalated again after this share of its term, in percent; 0: never.\n\
             escalate_again_percent = {}\n",
            self.emergency_h,
            self.urgent_direct_h,
            self.urgent_h,
            self.routine_h,
            list(self.routine_kinds.iter().map(String::as_str)),
            self.soon_percent,
            self.escalate_again_percent,
        )
    }
}

impl LinksConfig {
    fn write_commented(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "[links]\n\
             # false: nothing listens for links, this node only dials out. `addresses` is empty then.\n\
             accept = {}\n\
             # How peers are dialled: \"direct\", or through an HTTP proxy that knows CONNECT, such as\n\
             # \"http://user@proxy.example:3128\". The password stands alone in a file of mode 0600.\n\
             proxy = {}",
            self.accept,
            text(&self.proxy),
        )?;
        write_password_file(out, self.proxy_password_file.as_deref())?;
        writeln!(
            out,
            "# One peer otherwise:\n# [links.peers.KZ]\n# proxy = \"direct\"\n"
        )?;
        for (code, peer) in &self.peers {
            writeln!(out, "[links.peers.{code}]\nproxy = {}", text(&peer.proxy))?;
            write_password_file(out, peer.proxy_password_file.as_deref())?;
            writeln!(out)?;
        }
        Ok(())
    }
}

fn write_password_file(out: &mut String, path: Option<&Path>) -> fmt::Result {
    match path {
        Some(path) => writeln!(
            out,
            "proxy_password_file = {}",
            text(&path.to_string_lossy())
        ),
        None => writeln!(out, "# proxy_password_file = \"keys/proxy-password\""),
    }
}

/// A TOML basic string.
pub(super) fn text(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

pub(super) fn list<T: AsRef<str>>(values: impl Iterator<Item = T>) -> String {
    let quoted: Vec<String> = values.map(|value| text(value.as_ref())).collect();
    format!("[{}]", quoted.join(", "))
}
