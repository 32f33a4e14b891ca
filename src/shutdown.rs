//! Ctrl-C and SIGTERM, and the end of a program that started this one, as one token.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of a process that a second signal ends, as shells count Ctrl-C.
const AT_ONCE: i32 = 130;

/// A token that is cancelled at the first Ctrl-C or SIGTERM. A second one ends the process at once,
/// for an operator in a hurry: nothing acknowledged is lost by that either.
pub fn on_signal() -> CancellationToken {
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        let mut interrupt = watched(SignalKind::interrupt());
        let mut terminate = watched(SignalKind::terminate());
        either(&mut interrupt, &mut terminate).await;
        tracing::info!("stopping");
        stop.cancel();
        either(&mut interrupt, &mut terminate).await;
        std::process::exit(AT_ONCE);
    });
    token
}

/// Cancels the token too when standard input ends: whoever started this process holds the other end
/// of the pipe for as long as it lives.
pub fn on_end_of_input(token: &CancellationToken) {
    let stop = token.clone();
    // A thread of its own: nothing waits for it when the process ends first.
    std::thread::spawn(move || {
        // What comes in says nothing, and a pipe that cannot be read has ended.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        stop.cancel();
    });
}

fn watched(kind: SignalKind) -> Option<Signal> {
    signal(kind)
        .inspect_err(|error| tracing::warn!(%error, ?kind, "a signal is not watched"))
        .ok()
}

/// Waits for one of two signals; for ever when none can be watched.
async fn either(one: &mut Option<Signal>, other: &mut Option<Signal>) {
    tokio::select! {
        () = received(one) => {}
        () = received(other) => {}
    }
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
