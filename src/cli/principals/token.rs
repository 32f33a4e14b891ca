//! `comity system token`: how a case system without a certificate comes to TAXII.

use std::time::Duration;

use clap::Args;

use crate::{access::PrincipalKind, node::system_clock};

use super::{
    super::{
        exit::{DATAERR, Failure, USAGE},
        node_home::NodeHome,
        out::{Out, moment},
    },
    add::life,
    named,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Token {
    #[command(flatten)]
    home: NodeHome,
    /// Name of the case system.
    name: String,
    /// Its authority, one of those in config.toml.
    #[arg(long)]
    authority: Option<String>,
    /// For how long, such as 12h or 30d; at most 366 days.
    #[arg(long, value_parser = life, default_value = "90d")]
    valid: Duration,
    /// Take its tokens back instead; a running node lets nobody in by them within seconds.
    #[arg(long, conflicts_with_all = ["authority", "valid"])]
    revoke: bool,
}

impl Token {
    pub(super) fn carry_out(self, kind: PrincipalKind, out: &mut Out) -> Result<(), Failure> {
        if kind != PrincipalKind::CaseSystem {
            return Err(Failure::new(
                USAGE,
                "tokens are for case systems alone: `comity system token`; a person comes with a certificate",
            ));
        }
        let home = self.home.open()?;
        let principal = named(&home, kind, &self.name)?;
        if self.revoke {
            let taken = home.take_tokens(principal.name())?;
            if taken == 0 {
                return Err(Failure::new(
                    DATAERR,
                    format!("{} has no token", principal.uri()),
                ));
            }
            if out.json() {
                return out
                    .value(&serde_json::json!({ "name": principal.uri(), "revoked": taken }));
            }
            return out.line(&format!("{} comes by no token any more", principal.uri()));
        }
        let config = home.config();
        if let Some(name) = &self.authority
            && !config.authorities.contains(name)
        {
            return Err(Failure::new(
                DATAERR,
                format!(
                    "`{}` is none of the authorities in config.toml ({})",
                    name.escape_debug(),
                    config.authorities.join(", ")
                ),
            ));
        }
        let allowed = config.taxii.tokens;
        let principal = principal
            .with_authority(self.authority.as_deref())
            .map_err(|fault| Failure::new(USAGE, fault.to_string()))?;
        let (token, until) = home.give_token(&principal, self.valid, system_clock()())?;
        if out.json() {
            out.value(&serde_json::json!({
                "name": principal.uri(),
                "authority": principal.authority(),
                "user": principal.name(),
                "token": token,
                "expires": until.to_string(),
            }))?;
        } else {
            out.line(&token)?;
            out.note(&format!(
                "for {} until {}; user name for HTTP Basic: {}. It is shown this once and kept nowhere",
                principal.uri(),
                moment(until),
                principal.name()
            ));
        }
        if !allowed {
            out.note("tokens let nobody in until `taxii.tokens` in config.toml is true and the node was started again");
        }
        Ok(())
    }
}
