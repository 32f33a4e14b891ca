//! Ctrl-C and SIGTERM as one token.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of a process that was told to stop twice: as a shell reports SIGINT.
const TOLD_TWICE: i32 = 130;

/// A token that is cancelled at the first Ctrl-C or SIGTERM. A second one ends the process at once,
/// for an operator in a hurry: nothing acknowledged is lost by that either.
pub fn on_signal() -> CancellationToken {
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        let mut interrupt = watched(SignalKind::interrupt(), "SIGINT");
        let mut terminate = watched(SignalKind::terminate(), "SIGTERM");
        told(&mut interrupt, &mut terminate).await;
        tracing::info!("stopping");
        stop.cancel();
        told(&mut interrupt, &mut terminate).await;
        tracing::warn!("told to stop twice: ending at once");
        std::process::exit(TOLD_TWICE);
    });
    token
}

fn watched(kind: SignalKind, name: &str) -> Option<Signal> {
    signal(kind)
        .inspect_err(|error| tracing::warn!(%error, name, "a signal is not watched"))
        .ok()
}

async fn told(interrupt: &mut Option<Signal>, terminate: &mut Option<Signal>) {
    tokio::select! {
        () = next(interrupt) => {}
        () = next(terminate) => {}
    }
}

/// Waits for the signal; for ever where it is not watched.
async fn next(signal: &mut Option<Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}
