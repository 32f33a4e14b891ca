//! The client side: how the command line, and any other Rust program, talks to its country's node.
//!
//! A [`Profile`] says where the node is and who calls; [`Client::connect`] makes a connection of it,
//! by mutual TLS, to this country's node and no other. What clients do most has a method: it keeps a
//! deadline, tries again where that is safe, waits as long as the node asks, connects anew when the
//! connection broke, and its error says what failed and whether the same may succeed later.
//!
//! ```no_run
//! use comity::client::{Client, Profile};
//! use comity::wire::record::Record;
//!
//! # async fn example(record: Record) -> Result<(), comity::client::ClientError> {
//! let profile = Profile::load("profile.toml".as_ref())?;
//! let mut client = Client::connect(&profile).await?;
//! let accepted = client.submit(record).await?;
//! println!("{} is durable", accepted.reference);
//! # Ok(())
//! # }
//! ```
//!
//! | to | method | repeated by itself |
//! |---|---|---|
//! | submit a record | [`Client::submit`], [`Client::submit_with_key`] | yes: the key makes it once |
//! | submit many | [`Client::submit_all`] | no: whoever sends knows what was not answered |
//! | feed items of a case system | [`Client::feed`] | no: whoever feeds sends again what was not answered |
//! | follow what arrives | [`Client::watch`] | yes: from where it was, nothing lost or twice |
//! | list, search, compare | [`Client::list`], [`Client::search()`], [`Client::related`] | yes |
//! | open a record | [`Client::read`] | yes: the ledger may then hold the reading twice |
//! | ask for evidence, take a step | [`Client::request_evidence`], [`Client::take_evidence_step`] | yes: the key makes it once |
//! | list and show evidence requests | [`Client::list_evidence`], [`Client::evidence`] | yes |
//! | see the receipts | [`Client::receipts`] | yes |
//! | upload a file to an evidence request | [`Client::upload`] | yes: from what is durable |
//! | download one | [`Client::download`] | yes: from what is written; the ledger then holds each part |
//! | renew the certificate | [`Client::renew`], [`Client::renew_if_due`] | no |
//!
//! Every other call of the node is made with the generated services, which are the fields of
//! [`Client`]; they try nothing again.
//!
//! What the node refused is a [`Refused`]: a stable word, a sentence, every violation with its path,
//! and how long to wait.
//!
//! ```no_run
//! use comity::client::{Client, ClientError};
//! use comity::wire::record::Record;
//!
//! # async fn example(client: &mut Client, record: Record) {
//! match client.submit(record).await {
//!     Ok(accepted) => println!("{}", accepted.reference),
//!     Err(ClientError::Refused(refused)) => {
//!         for violation in refused.violations() {
//!             println!("{}: {} ({})", violation.field, violation.message, violation.rule);
//!         }
//!     }
//!     Err(error) if error.retry_after().is_some() => println!("later: {error}"),
//!     Err(error) => println!("{error}"),
//! }
//! # }
//! ```

mod connection;
mod error;
mod evidence;
mod feed;
mod node_card;
mod profile;
mod records;
mod renew;
mod submit;
mod transfers;
mod watch;

pub use connection::Client;
pub use error::{ClientError, Refused};
pub use feed::{FeedAnswers, FeedSender, Feeding};
pub use node_card::NODE_CARD;
pub use profile::{Profile, replace};
pub use submit::Outcomes;
pub use transfers::{DownloadOrder, IntoOrder, TransferError, UploadOrder};
pub use watch::{News, Position, PositionError, Start, Watch};
