//! Revoking certificates.

use clap::Args;

use crate::{
    access::{PrincipalKind, act},
    client::{Client, Profile},
    home::{Home, HomeError},
    node::{Node, charges::Offboarded, system_clock},
    wire::node::OffboardRequest,
};

use super::{
    super::{
        exit::{DATAERR, Failure, NOPERM, USAGE},
        node_home::NodeHome,
        out::Out,
    },
    named,
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Revoke {
    #[command(flatten)]
    home: NodeHome,
    /// Name, for every certificate of theirs, or the serial of one in hexadecimal.
    who: String,
    /// The officer who takes over what they are in charge of. Without it, what is left is listed.
    #[arg(long, value_name = "NAME")]
    reassign_to: Option<String>,
}

impl Revoke {
    pub(super) async fn carry_out(self, kind: PrincipalKind, out: &mut Out) -> Result<(), Failure> {
        let home = self.home.open()?;
        let now = system_clock()();
        let mut leaving = None;
        let (serials, added) = match serial(&self.who) {
            Some(_) if self.reassign_to.is_some() => {
                return Err(Failure::new(
                    USAGE,
                    "--reassign-to goes with a name: a serial is one certificate, not a person",
                ));
            }
            Some(serial) => {
                let serials = vec![serial];
                let added = home.revoke_clients(&serials, now)?;
                (serials, added)
            }
            None => {
                let principal = named(&home, kind, &self.who)?;
                let wanted = principal.uri();
                leaving = Some(principal);
                let revoked = home.revoke_named(&wanted, now)?;
                if revoked.0.is_empty() {
                    return Err(Failure::new(
                        DATAERR,
                        format!(
                            "no certificate of {wanted} is in {}; `comity {kind} list` shows who has one. One \
                             issued elsewhere is revoked by its serial, which `openssl x509 -noout -serial` shows",
                            home.layout().issued().display()
                        ),
                    ));
                }
                revoked
            }
        };
        let serials: Vec<String> = serials.iter().map(hex::encode).collect();
        // The certificates count no more, whatever becomes of what their holder held.
        let held = match &leaving {
            Some(principal) => Some(self.offboard(home, &principal.to_string()).await),
            None => None,
        };
        if out.json() {
            let held = held.as_ref().and_then(|held| held.as_ref().ok());
            out.value(&serde_json::json!({
                "serials": serials, "added": added,
                "reassigned": held.map(|held| &held.reassigned),
                "left": held.map(|held| &held.left),
                "voided": held.map(|held| held.voided),
            }))?;
        } else {
            for serial in &serials {
                out.line(serial)?;
            }
        }
        out.note(if added == 0 {
            "revoked before; nothing changed"
        } else {
            "revoked: a running node refuses them and cuts their connections within seconds"
        });
        match held {
            Some(Ok(held)) => {
                said(&held, out);
                Ok(())
            }
            Some(Err(failure)) if self.reassign_to.is_some() => Err(failure),
            Some(Err(failure)) => {
                out.note(&format!(
                    "what they held is not known: {}; give the command again when it can be",
                    failure.message()
                ));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Asks the running node, or does it where none runs.
    async fn offboard(&self, home: Home, leaving: &str) -> Result<Offboarded, Failure> {
        let to = self.reassign_to.as_deref();
        match home.lock() {
            Ok(lock) => {
                drop(lock);
                let node = Node::open(home, system_clock(), &mut |_| {}).await?;
                let done = match node.enter::<act::Offboard>(node.local_operator()) {
                    Ok(permit) => node
                        .offboard(&permit, leaving, to)
                        .await
                        .map_err(|fault| Failure::new(DATAERR, fault.to_string())),
                    Err(refused) => Err(Failure::new(NOPERM, refused.to_string())),
                };
                node.close().await?;
                done
            }
            Err(HomeError::Locked { .. }) => {
                let mut client = Client::connect(&Profile::operator(&home)?).await?;
                let request = OffboardRequest {
                    leaving: leaving.to_owned(),
                    reassign_to: to.unwrap_or_default().to_owned(),
                };
                let done = client.enrolment.offboard(request).await?.into_inner();
                Ok(Offboarded {
                    reassigned: done.reassigned,
                    left: done.left,
                    voided: done.voided,
                })
            }
            Err(fault) => Err(fault.into()),
        }
    }
}

fn said(held: &Offboarded, out: &mut Out) {
    if !held.reassigned.is_empty() {
        out.note(&format!("reassigned: {}", held.reassigned.join(", ")));
    }
    if !held.left.is_empty() {
        out.note(&format!(
            "nobody who is here is in charge of {}; give the command again with --reassign-to, or use `comity assign`",
            held.left.join(", ")
        ));
    }
    if held.voided > 0 {
        out.note(&format!(
            "{} requests for a second person are void",
            held.voided
        ));
    }
}

/// A serial as `comity officer list` and openssl write it: 16 bytes in hexadecimal, with or without
/// colons.
fn serial(text: &str) -> Option<Vec<u8>> {
    let bytes = hex::decode(text.replace(':', "")).ok()?;
    (bytes.len() == 16).then_some(bytes)
}
