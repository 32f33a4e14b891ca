//! Bytes that are not frames.

use comity::{
    crypto::random_bytes,
    wire::link::{Bye, ByeReason, Deliver, ExchangeRequest, Frame, Hello, frame},
};
use prost::Message as _;

use super::{Run, case};
use crate::{
    link::{End, Seen, message},
    raw,
    world::{ADVERSARY, World, country},
};

fn noise(bytes: usize) -> Vec<u8> {
    let block: [u8; 64] = random_bytes().unwrap();
    block.into_iter().cycle().take(bytes).collect()
}

case!(random_bytes_on_the_connection, world, {
    let mut connection = raw::connect(world).await;
    connection.write(&noise(4096)).await;
    connection.until_closed().await;
    Seen::from(End::Closed)
});

case!(random_data_in_the_stream, world, {
    let mut connection = raw::connect(world).await;
    connection.open_stream().await;
    // The first byte of a gRPC message says whether it is compressed; 0xff is neither.
    let mut garbage = noise(4000);
    garbage.insert(0, 0xff);
    connection.data(&garbage).await;
    connection.until_stream_ends().await;
    Seen::from(End::Closed)
});

case!(half_a_message, world, {
    let mut connection = raw::connect(world).await;
    connection.open_stream().await;
    let hello = message(frame::Frame::Hello(world.hello()));
    let mut half = vec![0];
    half.extend_from_slice(&u32::try_from(hello.len()).unwrap().to_be_bytes());
    half.extend_from_slice(&hello[..hello.len() / 2]);
    connection.data(&half).await;
    drop(connection);
    Seen::from(End::Closed)
});

case!(random_message_first, world, {
    let mut link = world.dial().await;
    let mut garbage = noise(1000);
    garbage.insert(0, 0x07);
    link.raw(garbage);
    link.end().await.into()
});

case!(random_message_later, world, {
    let mut link = world.session().await;
    link.raw(vec![0xff; 300]);
    link.end().await.into()
});

case!(unknown_frame, world, {
    let mut link = world.session().await;
    // Field 99 of a frame: a kind of a later version.
    link.raw(vec![0x0a, 0x05, 0x9a, 0x06, 0x02, 0x08, 0x01]);
    link.end().await.into()
});

case!(empty_message, world, {
    let mut link = world.session().await;
    link.raw(Vec::new());
    link.end().await.into()
});

case!(empty_frame, world, {
    let mut link = world.session().await;
    link.raw(
        ExchangeRequest {
            frame: Some(Frame { frame: None }),
        }
        .encode_to_vec(),
    );
    link.end().await.into()
});

case!(frame_given_twice, world, {
    let mut link = world.dial().await;
    let mut twice = message(frame::Frame::Hello(world.hello()));
    twice.extend(message(frame::Frame::Hello(world.hello())));
    link.raw(twice);
    link.end().await.into()
});

case!(group_wire_type, world, {
    let mut link = world.session().await;
    link.raw(vec![0x0b; 64]);
    link.end().await.into()
});

case!(beyond_the_size_cap, world, {
    let mut link = world.session().await;
    let detail = "x".repeat(8 << 20);
    link.send(frame::Frame::Bye(Bye {
        reason: ByeReason::Shutdown.into(),
        detail,
    }));
    link.end().await.into()
});

/// A hello whose list field `tag` has two million empty elements in four mebibytes.
pub(crate) fn bomb(tag: u8) -> Vec<u8> {
    nested(&[0x0a], &[tag, 0].repeat(2 << 20))
}

/// `inner` as the field with key `key` of the message in the frame of a request.
fn nested(key: &[u8], inner: &[u8]) -> Vec<u8> {
    let field = |key: &[u8], content: &[u8]| {
        let mut out = key.to_vec();
        prost::encode_length_delimiter(content.len(), &mut out).unwrap();
        out.extend_from_slice(content);
        out
    };
    field(&[0x0a], &field(key, inner))
}

/// Two million empty records in one frame.
pub(crate) fn records_bomb() -> Vec<u8> {
    nested(&[0x1a], &[0x22, 0].repeat(2 << 20))
}

case!(million_empty_states, world, {
    let mut link = world.dial().await;
    link.raw(bomb(0x4a));
    link.end().await.into()
});

case!(million_empty_records, world, {
    let mut link = world.session().await;
    link.raw(records_bomb());
    link.end().await.into()
});

case!(million_versions, world, {
    let mut link = world.dial().await;
    let hello = Hello {
        versions: vec![1; 2 << 20],
        ..Hello::default()
    };
    link.send(frame::Frame::Hello(hello));
    link.end().await.into()
});

case!(bye_with_escape_codes, world, {
    let mut link = world.session().await;
    link.send(frame::Frame::Bye(Bye {
        reason: 77,
        detail: "\u{1b}[2J\u{202e}\0\n".repeat(1000),
    }));
    let end = link.end().await;
    let kept = world.node().links().facts(country(ADVERSARY)).last_error;
    assert!(
        kept.chars().all(|c| c.is_ascii_graphic() || c == ' '),
        "{kept:?}"
    );
    assert!(kept.chars().count() <= 500);
    end.into()
});

case!(close_without_bye, world, {
    let link = world.session().await;
    link.send(frame::Frame::Deliver(Deliver::default()));
    drop(link);
    Seen::from(End::Closed)
});
