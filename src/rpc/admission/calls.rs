//! The layer around every call of a port.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http::{Request, Response};
use http_body::{Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::time::timeout;
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::{Admission, Usage, body::Messages, locked, methods, refusal};
use crate::{
    limits::{Exceeded, Limit},
    rpc::tls::Admitted,
};

/// Where an answer that is a refusal, and nothing else, says so.
const GRPC_STATUS: &str = "grpc-status";

/// Puts [`Admission`] before a port's services.
#[derive(Clone, Debug)]
pub(in crate::rpc) struct Admitting(pub(in crate::rpc) Arc<Admission>);

impl<S> Layer<S> for Admitting {
    type Service = Admits<S>;

    fn layer(&self, inner: S) -> Admits<S> {
        Admits {
            inner,
            admission: Arc::clone(&self.0),
        }
    }
}

/// A service behind [`Admission`].
#[derive(Clone, Debug)]
pub(in crate::rpc) struct Admits<S> {
    inner: S,
    admission: Arc<Admission>,
}

type Answering<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for Admits<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answering<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let admission = Arc::clone(&self.admission);
        let Some(admitted) = request.extensions_mut().remove::<Admitted>() else {
            let nobody = Status::unauthenticated("the connection says nobody");
            return Box::pin(async move { Ok(nobody.into_http()) });
        };
        let taken = methods::taken(request.uri().path());
        let who: Arc<str> = admitted.caller.identity.to_string().into();
        let usage = admitted.usage;
        let begun = Begun::begin(&admission, &who, taken.gives_stream, Arc::clone(&usage));
        let begun = match begun {
            Ok(begun) => begun,
            Err(exceeded) => return Box::pin(async move { Ok(refusal(exceeded).into_http()) }),
        };
        request.extensions_mut().insert(admitted.caller);
        let (of, to) = (Arc::clone(&admission), Arc::clone(&who));
        let by = Arc::clone(&usage);
        let request = request.map(|body| Body::new(Messages::new(body, taken, of, to, by)));
        // The one that was asked whether it is ready is called.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let time = admission.limits().call_timeout;
        Box::pin(async move {
            let Ok(answered) = timeout(time, inner.call(request)).await else {
                let exceeded = Exceeded {
                    limit: Limit::CallTime,
                    most: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
                    after: Duration::ZERO,
                };
                admission.note(exceeded, &who);
                return Ok(refusal(exceeded).into_http());
            };
            let answered = answered?;
            // An answer to a stream of requests may begin before any of it came, unless it is a refusal.
            if !taken.stream || answered.headers().contains_key(GRPC_STATUS) {
                usage.call_is_answered();
            }
            Ok(answered.map(|body| Body::new(Answer { body, begun })))
        })
    }
}

/// A call that has its place, given back when dropped.
pub(in crate::rpc) struct Begun {
    admission: Arc<Admission>,
    who: Arc<str>,
    stream: bool,
    usage: Arc<Usage>,
}

impl Begun {
    /// Takes a place and a token for a call of somebody.
    ///
    /// # Errors
    /// [`Exceeded`], counted already.
    pub(in crate::rpc) fn begin(
        admission: &Arc<Admission>,
        who: &Arc<str>,
        stream: bool,
        usage: Arc<Usage>,
    ) -> Result<Self, Exceeded> {
        let begun = locked(&admission.callers).begin(who, stream, Instant::now());
        begun.inspect_err(|exceeded| {
            usage.call_is_refused();
            admission.note(*exceeded, who);
        })?;
        usage.call_begins();
        Ok(Self {
            admission: Arc::clone(admission),
            who: Arc::clone(who),
            stream,
            usage,
        })
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        locked(&self.admission.callers).end(&self.who, self.stream);
        self.usage.call_ends();
    }
}

/// An answer's body; the call is over when it is.
struct Answer {
    body: Body,
    begun: Begun,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(Some(Ok(_)))) {
            self.begun.usage.call_is_answered();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
