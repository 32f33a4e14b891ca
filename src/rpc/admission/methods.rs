//! What each method takes.

use std::{collections::HashMap, sync::LazyLock};

use crate::{record::MAX_RECORD_BYTES, wire::methods::methods};

/// A request that carries a record: with its envelope around it.
const WITH_RECORD: u64 = MAX_RECORD_BYTES as u64 + 64 * 1024;
/// A message of an upload, or a frame of files between nodes: a chunk with what belongs to it.
const WITH_CHUNK: u64 = crate::crypto::chunks::MAX_CHUNK as u64 + 64 * 1024;
/// Any other request: lists of references, a card, a query.
const WITHOUT: u64 = 256 * 1024;
/// A frame of a link: a full batch of records with room for its envelope.
const FRAME: u64 = 8 * 1024 * 1024;

/// What a method takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Whether requests are a stream.
    pub(super) stream: bool,
    /// Whether answers are a stream.
    pub(super) gives_stream: bool,
    /// Bytes of a request.
    pub(super) most: u64,
}

static METHODS: LazyLock<HashMap<String, Taken>> = LazyLock::new(|| {
    let methods = methods().into_iter();
    methods
        .map(|method| {
            let carries_chunks = ["/Files", "/UploadItem"];
            let carries_chunks = carries_chunks
                .iter()
                .any(|name| method.path.ends_with(name));
            let most = if carries_chunks {
                WITH_CHUNK
            } else if method.path.starts_with("/comity.link.") {
                FRAME
            } else if method.takes_record {
                WITH_RECORD
            } else {
                WITHOUT
            };
            let taken = Taken {
                stream: method.takes_stream,
                gives_stream: method.gives_stream,
                most,
            };
            (method.path, taken)
        })
        .collect()
});

/// What the method at a path takes; of one that does not exist, little.
pub(super) fn taken(path: &str) -> Taken {
    let known = METHODS.get(path).copied();
    known.unwrap_or(Taken {
        stream: false,
        gives_stream: false,
        most: WITHOUT,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_takes_no_more_than_it_needs() {
        let most = |path| taken(path).most;
        assert_eq!(
            most("/comity.node.v1.RecordService/SubmitRecord"),
            WITH_RECORD
        );
        assert_eq!(most("/comity.node.v1.RecordService/GetRecord"), WITHOUT);
        assert_eq!(most("/comity.link.v1.LinkService/Exchange"), FRAME);
        assert_eq!(most("/comity.link.v1.LinkService/Files"), WITH_CHUNK);
        assert_eq!(most("/nowhere"), WITHOUT);
        assert!(taken("/comity.node.v1.RecordService/WatchRecords").gives_stream);
    }
}
