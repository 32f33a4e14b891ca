//! Files: what a country serves of what its records named, and asks for.

use std::fs;

use comity::{
    crypto::{Digest, random_bytes},
    home::Layout,
    wire::{
        link::{
            FileAsk, FileChunk, FileFrame, FileRefusal, FileRefusalReason, FileReport,
            FilesRequest, file_frame::Frame,
        },
        record::EvidenceItem,
    },
};
use prost::Message as _;

use super::{Run, case};
use crate::{
    files::{File, Files, hello, message},
    link::{End, Seen},
    raw::{self, Connection},
    world::World,
};

/// More of anything than anybody has a reason for.
const MANY: u32 = 10_000;

/// A file that the victim knows of, and the stream on which it asked for it.
async fn asked(world: &mut World, chunks: u64) -> (File, Files, FileAsk) {
    let file = File::of(chunks);
    world.name(&[&file]).await;
    let mut files = Files::open(world).await;
    let ask = files.asked(&file).await;
    assert_eq!(ask.from, 0);
    (file, files, ask)
}

/// How the stream ends, what the ledger says of the file then, so many things, and that the country is
/// served as before.
async fn ends(world: &mut World, mut files: Files, file: &File, leaves: usize) -> Seen {
    let seen = files.end().await;
    let leaves = world.told_of(file, leaves).await;
    world.hand_over_honestly(file).await;
    Seen { leaves, ..seen }
}

/// The stream serves on: the file arrives, and another.
async fn goes_on(world: &mut World, mut files: Files, file: &File) -> Seen {
    files.serve(world, &[file], &[file]).await;
    drop(files);
    world.hand_over_honestly(file).await;
    Seen {
        leaves: world.leaves_of(file),
        ..End::Continues.into()
    }
}

/// What a stream on which something else than chunks is wrong comes to.
async fn refused(world: &mut World, say: impl FnOnce(&Files)) -> Seen {
    let (file, files, _) = asked(world, 3).await;
    say(&files);
    ends(world, files, &file, 0).await
}

/// What becomes of one chunk that is wrong in some way.
async fn wrong_chunk(
    world: &mut World,
    leaves: usize,
    change: impl FnOnce(&mut FileChunk),
) -> Seen {
    let (file, files, ask) = asked(world, 3).await;
    let mut chunk = file.chunk(ask.round, 0);
    change(&mut chunk);
    files.send(Frame::Chunk(chunk));
    ends(world, files, &file, leaves).await
}

/// A chunk that does not open is reported and asked for again; the next one is as it should be.
async fn broken_chunk(world: &mut World, broken: impl FnOnce(&File, u32) -> FileChunk) -> Seen {
    let (file, mut files, ask) = asked(world, 3).await;
    files.send(Frame::Chunk(broken(&file, ask.round)));
    let reported = FileReport {
        item: file.id.to_vec(),
        index: 0,
    };
    assert_eq!(files.answered().await, Frame::Report(reported));
    goes_on(world, files, &file).await
}

fn flipped(mut chunk: FileChunk) -> FileChunk {
    let mut data = chunk.data.to_vec();
    data[77] ^= 8;
    chunk.data = data.into();
    chunk
}

case!(first_frame_not_hello, world, {
    let file = File::of(3);
    world.name(&[&file]).await;
    let files = Files::dial(world).await;
    files.send(Frame::Chunk(file.chunk(1, 0)));
    ends(world, files, &file, 0).await
});

case!(version_unknown, world, {
    let file = File::of(3);
    let files = Files::dial(world).await;
    files.send(hello(2));
    ends(world, files, &file, 0).await
});

case!(second_hello, world, {
    refused(world, |files| files.send(hello(1))).await
});

case!(random_message, world, {
    refused(world, |files| files.raw(vec![0xff; 300])).await
});

case!(empty_message, world, {
    refused(world, |files| files.raw(Vec::new())).await
});

case!(empty_frame, world, {
    refused(world, |files| {
        let frame = Some(FileFrame { frame: None });
        files.raw(FilesRequest { frame }.encode_to_vec());
    })
    .await
});

case!(frame_given_twice, world, {
    refused(world, |files| {
        files.raw([message(hello(1)), message(hello(1))].concat());
    })
    .await
});

case!(chunk_truncated, world, {
    wrong_chunk(world, 1, |chunk| chunk.data.truncate(999)).await
});

case!(chunk_oversized, world, {
    wrong_chunk(world, 1, |chunk| {
        chunk.data = [&chunk.data[..], &[0]].concat().into();
    })
    .await
});

case!(chunk_beyond_the_size_cap, world, {
    let (file, mut files, ask) = asked(world, 3).await;
    files.send(Frame::Chunk(FileChunk {
        data: vec![7; 5 << 20].into(),
        ..file.chunk(ask.round, 0)
    }));
    let seen = files.end().await;
    let files = Files::open(world).await;
    let whole = goes_on(world, files, &file).await;
    Seen {
        leaves: whole.leaves,
        ..seen
    }
});

case!(chunk_without_a_nonce, world, {
    wrong_chunk(world, 0, |chunk| chunk.nonce.truncate(11)).await
});

case!(chunks_swapped, world, {
    let (file, files, ask) = asked(world, 3).await;
    for index in [1, 0] {
        files.send(Frame::Chunk(file.chunk(ask.round, index)));
    }
    ends(world, files, &file, 1).await
});

case!(chunk_twice, world, {
    let (file, files, ask) = asked(world, 3).await;
    for _ in 0..2 {
        files.send(Frame::Chunk(file.chunk(ask.round, 0)));
    }
    ends(world, files, &file, 1).await
});

case!(chunk_beyond_the_credit, world, {
    let (file, files, ask) = asked(world, 200).await;
    assert!(ask.until < file.plan.chunks(), "the credit is bounded");
    files.send(Frame::Chunk(file.chunk(ask.round, ask.until)));
    ends(world, files, &file, 1).await
});

case!(chunk_under_another_number, world, {
    broken_chunk(world, |file, round| FileChunk {
        index: 0,
        ..file.chunk(round, 1)
    })
    .await
});

case!(chunk_of_another_file, world, {
    broken_chunk(world, |file, round| FileChunk {
        item: file.id.to_vec().into(),
        ..File::of(3).chunk(round, 0)
    })
    .await
});

case!(byte_flipped, world, {
    broken_chunk(world, |file, round| flipped(file.chunk(round, 0))).await
});

case!(byte_flipped_each_time, world, {
    let (file, mut files, mut ask) = asked(world, 3).await;
    for time in 1..=3 {
        files.send(Frame::Chunk(flipped(file.chunk(ask.round, 0))));
        if time < 3 {
            let again = files.asked(&file).await;
            assert_eq!((again.round, again.from), (ask.round + 1, 0));
            ask = again;
        }
    }
    // It is given up for a while, and not for ever.
    world.told_of(&file, 2).await;
    goes_on(world, files, &file).await
});

case!(root_of_another_file, world, {
    let file = File::of(3);
    let other = |item: &mut EvidenceItem| item.root = Digest::of(b"another file").to_vec();
    world.name_as(&[&file], other).await;
    let mut files = Files::open(world).await;
    let ask = files.asked(&file).await;
    for index in 0..file.plan.chunks() {
        files.send(Frame::Chunk(file.chunk(ask.round, index)));
    }
    let leaves = world.told_of(&file, 1).await;
    let left = chunks_of(world, &file);
    assert!(!left.exists(), "nothing of it is kept");
    // The same stream serves on.
    let second = File::of(2);
    world.name(&[&second]).await;
    let seen = goes_on(world, files, &second).await;
    assert_eq!(seen.leaves, ["item-arrived"]);
    Seen { leaves, ..seen }
});

case!(chunks_without_end, world, {
    let (file, mut files, ask) = asked(world, 3).await;
    for index in 0..file.plan.chunks() {
        files.send(Frame::Chunk(file.chunk(ask.round, index)));
    }
    world.told_of(&file, 1).await;
    let chunk = message(Frame::Chunk(file.chunk(ask.round, 0)));
    let seen = without_end(&mut files, chunk).await;
    world.hand_over_honestly(&file).await;
    Seen {
        leaves: world.leaves_of(&file),
        ..seen
    }
});

/// Sends a message again and again until the node ends the stream.
async fn without_end(files: &mut Files, message: Vec<u8>) -> Seen {
    for _ in 0..MANY {
        files.raw(message.clone());
    }
    files.end().await
}

case!(chunks_of_a_file_that_nobody_named, world, {
    let (file, mut files, _) = asked(world, 3).await;
    let small = FileChunk {
        data: vec![7; 9].into(),
        ..File::of(1).chunk(1, 0)
    };
    let seen = without_end(&mut files, message(Frame::Chunk(small))).await;
    world.hand_over_honestly(&file).await;
    seen
});

case!(refusals_without_end, world, {
    let (file, mut files, ask) = asked(world, 3).await;
    let refusal = FileRefusal {
        item: file.id.to_vec(),
        round: ask.round,
        index: 0,
        reason: FileRefusalReason::Unknown.into(),
    };
    let seen = without_end(&mut files, message(Frame::Refusal(refusal))).await;
    world.hand_over_honestly(&file).await;
    seen
});

fn ask_of(item: [u8; 16], until: u64) -> Frame {
    Frame::Ask(FileAsk {
        item: item.to_vec(),
        round: 1,
        from: 0,
        until,
    })
}

case!(asks_without_end, world, {
    let (file, mut files, _) = asked(world, 3).await;
    let ask = message(ask_of(random_bytes().unwrap(), 1));
    let seen = without_end(&mut files, ask).await;
    world.hand_over_honestly(&file).await;
    seen
});

case!(reports_without_end, world, {
    let (file, files, _) = asked(world, 3).await;
    for index in 0..u64::from(MANY) {
        let item = match index % 2 {
            0 => file.id.to_vec(),
            _ => random_bytes::<16>().unwrap().to_vec(),
        };
        files.send(Frame::Report(FileReport { item, index }));
    }
    goes_on_from_the_ask(world, files, &file).await
});

/// As [`goes_on`], where the node's first ask was taken and not answered yet.
async fn goes_on_from_the_ask(world: &mut World, files: Files, file: &File) -> Seen {
    for index in 0..file.plan.chunks() {
        files.send(Frame::Chunk(file.chunk(1, index)));
    }
    goes_on(world, files, file).await
}

case!(ask_of_nothing, world, {
    refused(world, |files| files.send(ask_of([7; 16], 0))).await
});

case!(ask_of_what_is_not_its_own, world, {
    let (file, mut files, _) = asked(world, 3).await;
    // One that the node has of this country, and one that nobody has.
    for id in [file.id, random_bytes().unwrap()] {
        files.send(ask_of(id, 1));
        let refusal = FileRefusal {
            item: id.to_vec(),
            round: 1,
            index: 0,
            reason: FileRefusalReason::Unknown.into(),
        };
        assert_eq!(files.answered().await, Frame::Refusal(refusal));
    }
    goes_on_from_the_ask(world, files, &file).await
});

fn chunks_of(world: &World, file: &File) -> std::path::PathBuf {
    let layout = Layout::new(world.victim_folder());
    layout.chunks().join(hex::encode(file.id))
}

/// As gRPC frames a message.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// Sends two chunks of a file and half of the third, over HTTP/2 by hand.
async fn two_chunks_and_a_half(world: &mut World) -> (File, Connection) {
    let file = File::of(4);
    world.name(&[&file]).await;
    let mut connection = raw::connect(world).await;
    let path = "/comity.link.v1.LinkService/Files";
    connection.open_stream_of(path).await;
    connection.data(&framed(&message(hello(1)))).await;
    // The node's hello, and its ask: the file is in hand.
    connection.until_heard(40).await;
    connection.agree().await;
    for index in 0..2 {
        let chunk = message(Frame::Chunk(file.chunk(1, index)));
        connection.data(&framed(&chunk)).await;
    }
    let half = framed(&message(Frame::Chunk(file.chunk(1, 2))));
    connection.data(&half[..half.len() / 2]).await;
    let two = 4096 + 2 * (4096 + u64::from(file.plan.chunk_size()));
    let begun = tokio::time::Instant::now();
    while fs::metadata(chunks_of(world, &file)).map_or(0, |about| about.len()) < two {
        assert!(begun.elapsed() < crate::link::PATIENCE, "two chunks came");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    (file, connection)
}

/// The next stream goes on behind what came whole.
async fn resumes(world: &mut World, file: &File) -> Seen {
    let mut files = Files::open(world).await;
    let ask = files.asked(file).await;
    assert_eq!(ask.from, 2, "what came whole is not asked for again");
    for index in ask.from..ask.until {
        files.send(Frame::Chunk(file.chunk(ask.round, index)));
    }
    let seen = goes_on(world, files, file).await;
    Seen {
        end: End::Closed,
        ..seen
    }
}

case!(stops_in_mid_frame_and_goes, world, {
    let (file, connection) = two_chunks_and_a_half(world).await;
    drop(connection);
    resumes(world, &file).await
});

case!(stops_in_mid_frame_and_stays, world, {
    world
        .restart_victim_with(|config| config.limits.message_timeout_ms = 1_000)
        .await;
    let (file, mut connection) = two_chunks_and_a_half(world).await;
    connection.until_stream_ends().await;
    resumes(world, &file).await
});
