//! Asking for records again, and sending what nobody asked for.

use comity::wire::{
    envelope::SealedRecord,
    link::{Request, Resend, frame},
};

use super::{Run, case};
use crate::{
    link::{End, Seen},
    world::World,
};

fn request(digests: Vec<Vec<u8>>) -> frame::Frame {
    frame::Frame::Request(Request {
        header_digests: digests,
    })
}

case!(request_for_nothing, world, {
    let mut link = world.session().await;
    link.send(request(Vec::new()));
    link.end().await.into()
});

case!(request_digest_short, world, {
    let mut link = world.session().await;
    link.send(request(vec![vec![7; 31]]));
    link.end().await.into()
});

case!(requests_too_many, world, {
    let mut link = world.session().await;
    link.send(request((0..17).map(|number| vec![number; 32]).collect()));
    link.end().await.into()
});

case!(request_not_held, world, {
    let mut link = world.session().await;
    link.send(request(vec![vec![7; 32]]));
    let answer = loop {
        match link.next().await {
            Ok(frame::Frame::Resend(resend)) => break resend,
            Ok(_) => {}
            Err(end) => panic!("a request is answered: {end:?}"),
        }
    };
    assert_eq!((answer.header_digest, answer.record), (vec![7; 32], None));
    link.still_serves(world).await;
    Seen::from(End::Continues)
});

case!(resend_never_asked, world, {
    let mut link = world.session().await;
    link.send(frame::Frame::Resend(Resend {
        header_digest: vec![7; 32],
        record: Some(SealedRecord::default()),
    }));
    link.end().await.into()
});

case!(resend_digest_short, world, {
    let mut link = world.session().await;
    link.send(frame::Frame::Resend(Resend::default()));
    link.end().await.into()
});
