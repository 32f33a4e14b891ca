//! Connecting to an address of the configuration, for what is no link.

use std::time::Duration;

use tokio::{net::TcpStream, time::timeout};

use super::dial::{DialError, allowed, connect, resolve, slow};
use crate::card::{AddressPolicy, LinkAddress};

/// Connects. The name is resolved once, and what is connected to is one of the very addresses that were
/// checked.
///
/// # Errors
/// [`DialError`].
pub(in crate::rpc) async fn dial_checked(
    address: &LinkAddress,
    policy: &AddressPolicy,
    within: Duration,
) -> Result<TcpStream, DialError> {
    let shown = address.to_string();
    let connected = timeout(within, async {
        let allowed = allowed(&shown, &resolve(address).await?, policy)?;
        connect(&allowed)
            .await
            .map_err(|source| DialError::Connect {
                address: shown.clone(),
                source,
            })
    });
    connected.await.map_err(|_| slow(&shown, within))?
}
