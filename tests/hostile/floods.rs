//! Floods of HTTP/2 frames: each ends its own connection, and the node serves the others.

use crate::{
    raw::{self, Connection},
    runtime, watch_for_panics,
    world::World,
};

/// More than any client has a reason for.
const MANY: u32 = 20_000;
/// Streams opened and reset in one write.
const BATCH: u32 = 200;

async fn against(flood: impl AsyncFnOnce(&mut Connection)) {
    let mut world = World::new().await;
    let mut connection = raw::connect(&world).await;
    flood(&mut connection).await;
    connection.until_closed().await;
    // An honest session, over a connection of its own.
    let mut link = world.session().await;
    let parcel = world.parcel();
    link.deliver_honestly(&mut world, &[parcel]).await;
    drop(link);
    world.end().await;
}

#[test]
fn streams_opened_and_reset_at_once_end_the_connection() {
    watch_for_panics();
    runtime().block_on(against(async |connection| {
        connection.begin().await;
        for batch in 0..MANY / BATCH {
            if !connection
                .open_and_reset(1 + 2 * BATCH * batch, BATCH)
                .await
            {
                return;
            }
        }
        panic!("the node takes {MANY} streams that are reset at once");
    }));
}

#[test]
fn headers_without_an_end_end_the_connection() {
    watch_for_panics();
    runtime().block_on(against(async |connection| {
        connection.begin().await;
        for piece in 0..MANY {
            if !connection.headers_go_on(piece == 0).await {
                return;
            }
        }
        panic!("the node takes headers of {MANY} frames");
    }));
}

#[test]
fn pings_and_settings_by_the_thousand_harm_nobody() {
    watch_for_panics();
    runtime().block_on(async {
        let mut world = World::new().await;
        let mut flood = raw::connect(&world).await;
        flood.begin().await;
        for _ in 0..MANY {
            if !(flood.ping().await && flood.settings().await) {
                break;
            }
        }
        let mut link = world.session().await;
        let parcel = world.parcel();
        link.deliver_honestly(&mut world, &[parcel]).await;
        drop((link, flood));
        world.end().await;
    });
}
