//! Ctrl-C and SIGTERM as one token.

use tokio_util::sync::CancellationToken;

/// A token that is cancelled at the first Ctrl-C or SIGTERM. A second one ends the process by the
/// system's default, for an operator in a hurry: nothing acknowledged is lost by that either.
pub fn on_signal() -> CancellationToken {
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        let terminate = async {
            match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
                Ok(mut signal) => {
                    signal.recv().await;
                }
                Err(error) => {
                    tracing::warn!(%error, "SIGTERM is not watched");
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = terminate => {}
        }
        tracing::info!("stopping");
        stop.cancel();
    });
    token
}
