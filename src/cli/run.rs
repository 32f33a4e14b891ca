//! `comity run`: the node, until it is told to stop.

use std::sync::Arc;

use clap::Args;

use crate::{
    node::{Node, system_clock},
    rpc::server::{self, NodeTls},
    shutdown, telemetry,
};

use super::{
    exit::{Failure, IOERR, TEMPFAIL},
    node_home::NodeHome,
    out::Out,
    status, store,
};

/// Run the node until Ctrl-C or SIGTERM.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    home: NodeHome,
    /// Stop when standard input ends too: for a program that starts the node, holds the other end
    /// of the pipe, and may be killed.
    #[arg(long)]
    until_stdin_ends: bool,
}

impl Run {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let home = self.home.open()?;
        telemetry::start(home.config());
        let tls = Arc::new(NodeTls::of(&home)?);
        // A node that runs on this home is named before its ports are found in use. The lock is
        // taken again with the store.
        drop(home.lock()?);
        let in_the_clear = (!home.key_files().is_protected()).then(|| home.layout().keys());
        // Ports first: a port in use is found before the store is touched.
        let listeners = server::bind(home.config()).await?;
        let bar = store::bar();
        let node = Node::open(home, system_clock(), &mut |step| store::show(&bar, &step)).await?;
        bar.finish_and_clear();
        let opened = node.opened();
        let (links, clients) = (listeners.links_address()?, listeners.clients_address()?);
        out.note(&format!(
            "{} is up: links {}, clients {}; store {} with {} entries; Ctrl-C stops",
            node.country(),
            links.map_or_else(
                || "dialled out only".to_owned(),
                |address| address.to_string()
            ),
            clients,
            opened.how,
            opened.position,
        ));
        out.note(&match in_the_clear {
            None => "the keys are protected by a passphrase".to_owned(),
            Some(dir) => format!(
                "the keys lie in the clear in {}, for their owner alone; `comity keys protect` puts them under a passphrase",
                dir.display()
            ),
        });
        if links.is_none() && !node.own_card().link_addresses.is_empty() {
            out.note(
                "the card still names an address at which peers will dial in vain; run `comity card reissue`",
            );
        }
        for warning in status::warnings(&tls.endings(&node), node.now()) {
            out.note(&warning);
        }
        let stop = shutdown::on_signal();
        if self.until_stdin_ends {
            shutdown::on_end_of_input(&stop);
        }
        let full = {
            let (node, stop) = (Arc::clone(&node), stop.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = node.disk_is_full() => {
                        stop.cancel();
                        true
                    }
                    () = stop.cancelled() => false,
                }
            })
        };
        let failed = tokio::select! {
            served = server::serve(Arc::clone(&node), tls, listeners, stop.clone()) => {
                served?;
                None
            }
            why = node.store().stopped() => Some(why),
        };
        if let Some(why) = failed {
            // Nothing may be acknowledged any more, and the page cache cannot be trusted: the next
            // start reads the disk.
            return Err(Failure::new(IOERR, format!("the store failed: {why}")));
        }
        node.close().await?;
        out.note("closed cleanly");
        if full.await.unwrap_or(false) {
            return Err(Failure::new(
                TEMPFAIL,
                "the disk is full: make room on it, then start the node again; nothing that was acknowledged is lost",
            ));
        }
        Ok(())
    }
}
