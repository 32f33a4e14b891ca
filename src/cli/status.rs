//! `comity status`: how the node and its links are.

use clap::Args;

use crate::{
    node::system_clock,
    record::Moment,
    rpc::server::SOON,
    wire::{
        json,
        node::{
            DueCounts, Ending, EvidenceDue, GetStatusRequest, LinkStatus, PortStatus, ScrubStatus,
            SearchCoverage, StartCheck,
        },
    },
};

use super::{
    Target,
    exit::Failure,
    out::{Out, moment},
};

/// Show how the node and its links are.
#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    target: Target,
}

impl Status {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect_operator().await?;
        let status = client
            .status
            .get_status(GetStatusRequest {})
            .await?
            .into_inner();
        if out.json() {
            return out.value(&json::to_json("comity.node.v1.GetStatusResponse", &status)?);
        }
        out.line(&format!(
            "{}  comity {}  {} records  {} leaves  journal {:.1} MiB  store was {}  {}",
            status.country,
            status.version,
            status.records,
            status.ledger_size,
            status.journal_bytes as f64 / 1_048_576.0,
            status.store_start,
            if status.accepting {
                "accepting submissions"
            } else {
                "NOT ACCEPTING SUBMISSIONS"
            },
        ))?;
        if let Some(scrub) = &status.scrub {
            out.line(&scrubbed(scrub))?;
            for damaged in &scrub.damaged {
                out.line(&format!("DAMAGED  {damaged}"))?;
            }
        }
        match status.start_check() {
            StartCheck::Asking => out.line(
                "ASKING PEERS whether they know more of this node: submissions wait, nothing is signed",
            )?,
            StartCheck::Unconfirmed => out.line(
                "UNCONFIRMED: too few peers could be asked whether this node was restored from an older state",
            )?,
            _ => {}
        }
        if status.fenced {
            out.line(
                "FENCED: restored from an older state, signs nothing; stop it and run `comity store incarnate`",
            )?;
        }
        for claim in &status.fence_claims {
            out.line(&format!(
                "{} knows more of this node since {}: {} at {}, here {}",
                claim.country,
                moment(Moment::from_micros(claim.time_us)),
                claim.what,
                claim.theirs,
                claim.ours,
            ))?;
        }
        for lost in &status.lost {
            out.line(&format!(
                "LOST in a restore: {} records that {} holds, {} {} on its {} lane, by header {}",
                lost.count,
                lost.country,
                if lost.count == 1 {
                    "number"
                } else {
                    "numbers from"
                },
                lost.first_sequence,
                lost.lane()
                    .as_str_name()
                    .trim_start_matches("LANE_")
                    .to_lowercase(),
                lost.header_digests
                    .iter()
                    .map(|digest| hex::encode(digest.get(..8).unwrap_or(digest)))
                    .collect::<Vec<_>>()
                    .join(", "),
            ))?;
        }
        if !status.permissions_note.is_empty() {
            out.line(&format!("IGNORED  {}", status.permissions_note))?;
        }
        out.line(&format!(
            "keys {}{}",
            if status.keys_protected {
                "protected by a passphrase"
            } else {
                "in the clear, for their owner alone"
            },
            match status.signing_token.as_str() {
                "" => String::new(),
                token => format!("; the signing key in token {token}"),
            },
        ))?;
        for warning in warnings(&status.endings, system_clock()()) {
            out.line(&warning)?;
        }
        for line in stuck(&status.links) {
            out.line(&line)?;
        }
        if let Some(search) = &status.search {
            out.line(&searched(search))?;
        }
        if let Some(due) = &status.due {
            for line in dues(due) {
                out.line(&line)?;
            }
        }
        if let Some(line) = status.evidence.as_ref().and_then(evidence) {
            out.line(&line)?;
        }
        for port in &status.ports {
            out.line(&used(port))?;
        }
        let rows = status
            .links
            .iter()
            .map(|link| {
                let sum = |of: fn(&crate::wire::node::LaneStatus) -> u64| -> u64 {
                    link.lanes.iter().map(of).sum()
                };
                let (assigned, receipted) = (sum(|lane| lane.assigned), sum(|lane| lane.receipted));
                vec![
                    link.country.clone(),
                    if link.up { "up" } else { "DOWN" }.to_owned(),
                    assigned.to_string(),
                    assigned.saturating_sub(receipted).to_string(),
                    sum(|lane| lane.received).to_string(),
                    if link.up {
                        String::new()
                    } else {
                        link.last_error.clone()
                    },
                ]
            })
            .collect();
        out.table(
            &["LINK", "STATE", "SENT", "WAITING", "RECEIVED", "LAST ERROR"],
            rows,
        )
    }
}

/// What callers use of a port, and how often a limit refused.
fn used(port: &PortStatus) -> String {
    let refused = port
        .refused
        .iter()
        .map(|of| format!("{} {}", of.limit, of.count))
        .collect::<Vec<_>>()
        .join(", ");
    let refused = match refused.as_str() {
        "" => "none".to_owned(),
        _ => refused,
    };
    format!(
        "port for {}: {} of {} connections, {} handshakes, {} calls, {} of them streams; refused since the start: {refused}",
        port.port,
        port.connections,
        port.most_connections,
        port.handshakes,
        port.calls,
        port.streams,
    )
}

/// Lanes that wait for a record which cannot be taken out of the store.
fn stuck(links: &[LinkStatus]) -> impl Iterator<Item = String> {
    links.iter().flat_map(|link| {
        let lanes = link.lanes.iter().filter(|lane| lane.stuck_at > 0);
        lanes.map(|lane| {
            let name = lane.lane().as_str_name();
            format!(
                "STUCK  the {} lane to {} waits at number {} for a record that cannot be taken out of the store: see DAMAGED and the log",
                name.trim_start_matches("LANE_").to_lowercase(),
                link.country,
                lane.stuck_at,
            )
        })
    })
}

/// What officers here owe, and what is awaited of others.
fn dues(due: &DueCounts) -> Vec<String> {
    let more = if due.more { "at least " } else { "" };
    let line = |what: &str, open: u64, overdue: u64, oldest_us: i64| {
        let late = match overdue {
            0 => "none late".to_owned(),
            some => format!(
                "{some} OVERDUE, the first since {}",
                Moment::from_micros(oldest_us)
            ),
        };
        (open > 0).then(|| format!("{what}: {more}{open} records, {late}"))
    };
    let here = line(
        "to acknowledge or answer",
        due.open,
        due.overdue,
        due.oldest_us,
    );
    let there = line(
        "awaited of others",
        due.awaited,
        due.awaited_overdue,
        due.awaited_oldest_us,
    );
    here.into_iter().chain(there).collect()
}

/// Clocks of evidence requests.
fn evidence(due: &EvidenceDue) -> Option<String> {
    let more = if due.more { "at least " } else { "" };
    let late = match due.overdue {
        0 => "none late".to_owned(),
        some => format!(
            "{some} OVERDUE, the first since {}",
            moment(Moment::from_micros(due.oldest_us))
        ),
    };
    (due.running > 0).then(|| {
        format!(
            "evidence requests with a clock that runs: {more}{}, {late}",
            due.running
        )
    })
}

/// What has ended or ends soon, and what to do.
pub(super) fn warnings(endings: &[Ending], now: Moment) -> Vec<String> {
    endings
        .iter()
        .filter_map(|ending| {
            let at = Moment::from_micros(ending.ends_us);
            let word = if at <= now {
                "ENDED"
            } else if at <= now + SOON {
                "ENDS SOON"
            } else {
                return None;
            };
            Some(format!(
                "{word}  {} at {at}: {}",
                ending.what, ending.remedy
            ))
        })
        .collect()
}

/// How far the search index is.
fn searched(search: &SearchCoverage) -> String {
    let mebibytes = search.memory_bytes as f64 / 1_048_576.0;
    if search.complete {
        format!(
            "search index: all {} records, {mebibytes:.1} MiB",
            search.total
        )
    } else {
        format!(
            "search index: {} of {} records, the newest first, {mebibytes:.1} MiB",
            search.indexed, search.total
        )
    }
}

/// When the journal was last read again, and how that went.
fn scrubbed(scrub: &ScrubStatus) -> String {
    let read = if scrub.finished_us == 0 {
        "the journal was not read again yet".to_owned()
    } else {
        format!(
            "the journal was read again until {}: {:.1} MiB",
            moment(Moment::from_micros(scrub.finished_us)),
            scrub.bytes as f64 / 1_048_576.0,
        )
    };
    let standing = match scrub.damaged.len() {
        0 => "no damage".to_owned(),
        some => format!("{some} DAMAGED"),
    };
    let repaired = match scrub.repaired {
        0 => String::new(),
        some => format!(", {some} repaired from peers"),
    };
    format!("{read}, {standing}{repaired}")
}
