//! Several sessions, and the answer to a session that the node itself dialled.

use comity::{
    crypto::Digest,
    node::session::{self, Outlet, Presented},
    wire::link::{Frame, frame},
};
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::{Run, case};
use crate::{
    link::{End, Seen},
    world::{ADVERSARY, World, country},
};

case!(newer_replaces_older, world, {
    let mut older = world.session().await;
    let mut newer = world.session().await;
    let end = older.end().await;
    newer.still_serves(world).await;
    end.into()
});

case!(older_is_refused, world, {
    let mut standing = world.session().await;
    let mut hello = world.hello();
    hello.time_us -= 60_000_000;
    let refused = world.greet_badly(hello).await;
    standing.still_serves(world).await;
    refused
});

case!(echo_differs, world, {
    let node = world.node();
    let peer = country(ADVERSARY);
    let (outlet, mut frames) = Outlet::new();
    let dialled = session::hello_first(node, peer, [1; 16], &outlet).unwrap();
    // An answer that is right but for the session it names.
    let answer = Frame {
        frame: Some(frame::Frame::Hello(world.hello())),
    };
    let incoming = futures_util::stream::iter([Ok(answer)]);
    let stop = CancellationToken::new();
    let run = session::run(
        node.clone(),
        peer,
        Some(dialled),
        Presented {
            key: Digest::ZERO,
            until: None,
        },
        outlet,
        Box::pin(incoming),
        stop,
    );
    run.await;
    let first = frames.next().await.and_then(|frame| frame.frame);
    assert!(matches!(first, Some(frame::Frame::Hello(_))));
    match frames.next().await.and_then(|frame| frame.frame) {
        Some(frame::Frame::Bye(bye)) => Seen::from(End::Bye(bye.reason(), bye.detail)),
        other => panic!("no farewell: {other:?}"),
    }
});
