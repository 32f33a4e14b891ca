//! `comity keys rotate`: new keys in place of old ones.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::{
    home::{Home, HomeError, leaf},
    node::{renew::Stopped, system_clock},
};

use super::{
    exit::Failure,
    out::Out,
    store::{bar, show},
};

/// The node's keys.
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Put a new key in place of an old one.
    Rotate(Rotate),
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// Which key.
    which: Which,
    /// Home of the node.
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// The key that signs records, receipts, marks and checkpoints; the node must be stopped.
    Signing,
    /// The key of the node's two certificates; a running node takes it up.
    Tls,
}

impl Keys {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let Self::Rotate(Rotate { which, home }) = self;
        let home = Home::open(&home)?;
        let now = system_clock()();
        match which {
            Which::Tls => {
                home.rotate_tls_key(now)?;
                let link = leaf(home.link_material()?.certificate()).map_err(HomeError::from)?;
                if out.json() {
                    return out.value(&serde_json::json!({ "until": link.until.to_string() }));
                }
                out.line(&format!("new key and certificates until {}", link.until))?;
                out.note("a running node takes them up within seconds; whoever has the old key can pose as this node on a link until the old certificate ends");
                Ok(())
            }
            Which::Signing => {
                let bar = bar();
                let stopped = Stopped::open(home, &mut |step| show(&bar, &step))?;
                bar.finish_and_clear();
                let card = stopped.rotate_signing_key(now)?;
                if out.json() {
                    return out.value(&serde_json::json!({ "cardVersion": card.version }));
                }
                out.line(&format!("card version {} names the new key", card.version))?;
                out.note("start the node: peers get the card over the link, and refuse what the old key signs from here on");
                Ok(())
            }
        }
    }
}
