//! Answers over HTTP.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use prost::bytes::Bytes;

use super::Begun;
use crate::feed::taxii::{Fault, MEDIA_TYPE};

/// An answer's body; the place of its call is given back when it was handed to the connection.
pub(in crate::rpc) struct Held {
    inner: Full<Bytes>,
    _begun: Option<Begun>,
}

impl Held {
    /// The same, which keeps a call's place.
    pub(super) fn holding(self, begun: Begun) -> Self {
        Self {
            inner: self.inner,
            _begun: Some(begun),
        }
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn held(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Response<Held> {
    let mut answer = Response::new(Held {
        inner: Full::new(Bytes::from(body)),
        _begun: None,
    });
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    // What is shown is for who asked, at this moment.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    answer
}

/// A resource of TAXII.
pub(super) fn json<T: serde::Serialize>(
    status: StatusCode,
    resource: &T,
) -> Result<Response<Held>, Fault> {
    let body = serde_json::to_vec(resource).map_err(|error| super::internal(&error))?;
    Ok(held(status, MEDIA_TYPE, body))
}

/// A document in JSON that is no resource of TAXII.
pub(super) fn plain_json(text: &'static str) -> Response<Held> {
    held(
        StatusCode::OK,
        "application/schema+json",
        text.as_bytes().to_vec(),
    )
}

/// A refusal.
pub(super) fn refuse(fault: &Fault) -> Response<Held> {
    let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(fault).unwrap_or_default();
    let mut answer = held(status, MEDIA_TYPE, body);
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Basic realm=\"Comity TAXII\", charset=\"UTF-8\"");
        answer
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    answer
}
