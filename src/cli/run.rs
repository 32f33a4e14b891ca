//! `comity run`: the node, until it is told to stop.

use std::{path::PathBuf, sync::Arc};

use clap::Args;

use crate::{
    home::Home,
    node::{Node, system_clock},
    rpc::server::{self, NodeTls},
    shutdown, telemetry,
};

use super::{
    exit::{Failure, IOERR},
    out::Out,
    status, store,
};

/// Run the node until Ctrl-C or SIGTERM.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
}

impl Run {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let home = Home::open(&self.home)?;
        telemetry::start(home.config());
        let tls = Arc::new(NodeTls::of(&home)?);
        // A node that runs on this home is named before its ports are found in use. The lock is
        // taken again with the store.
        drop(home.lock()?);
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
        if links.is_none() && !node.own_card().link_addresses.is_empty() {
            out.note(
                "the card still names an address at which peers will dial in vain; run `comity card reissue`",
            );
        }
        for warning in status::warnings(&tls.endings(&node), node.now()) {
            out.note(&warning);
        }
        let stop = shutdown::on_signal();
        let mut fatal = node.store().fatal();
        let failed = tokio::select! {
            served = server::serve(Arc::clone(&node), tls, listeners, stop.clone()) => {
                served?;
                None
            }
            why = async {
                loop {
                    if fatal.changed().await.is_err() {
                        return std::future::pending().await;
                    }
                    if let Some(why) = fatal.borrow().clone() {
                        return why;
                    }
                }
            } => Some(why),
        };
        if let Some(why) = failed {
            // Nothing may be acknowledged any more, and the page cache cannot be trusted: the next
            // start reads the disk.
            return Err(Failure::new(IOERR, format!("the store failed: {why}")));
        }
        node.close().await?;
        out.note("closed cleanly");
        Ok(())
    }
}
