//! TAXII 2.1 on the client port, over HTTP/1.1: who calls, what a call may use, and which resource it is.
//!
//! Who it is comes from the connection's certificate; where the operator allows tokens, a connection
//! without one says it with each request. Nothing but the paths of TAXII is here, so that such a
//! connection reaches nothing else of the node.
#![expect(
    clippy::result_large_err,
    reason = "a fault is the body of the answer, made once for a call and moved a few times"
)]

mod answer;
mod credentials;
mod read;
mod write;

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use tokio::time::timeout;

pub(super) use self::credentials::Credentials;

use self::answer::{Held, json, refuse};
use super::{
    admission::{Admission, Begun},
    node_tls::NodeTls,
    tls::{Admitted, ConnectionIdentity},
};
use crate::{
    access::{Caller, Permit, Principal, act},
    feed::{
        stix::{SCHEMA, SCHEMA_PATH},
        taxii::{Fault, accepts},
    },
    node::Node,
};

/// Where everything begins.
const BASE: &str = "taxii2";
/// The one root.
const ROOT: &str = "comity";
/// Longest address of a request.
const MAX_URI: usize = 24 * 1024;

/// TAXII of a node.
#[derive(Debug)]
pub(super) struct Taxii {
    node: Arc<Node>,
    credentials: Option<Credentials>,
}

/// A request's parts that its answer depends on.
struct Asked<'a> {
    node: &'a Arc<Node>,
    /// Who, and from where.
    caller: Caller,
    /// The pairs of its query.
    query: Vec<(String, String)>,
    /// Base of addresses in answers, such as `https://node.example:7444`.
    base: String,
}

type Answer = Result<Response<Held>, Fault>;

impl Taxii {
    /// TAXII of a node that serves it.
    pub(super) fn of(node: &Arc<Node>, tls: &Arc<NodeTls>) -> Option<Arc<Self>> {
        let config = &node.config().taxii;
        config.serve.then(|| {
            Arc::new(Self {
                node: Arc::clone(node),
                credentials: config.tokens.then(|| tls.taxii_credentials()),
            })
        })
    }

    /// Answers a request. Never fails: what is wrong is an answer too.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        admitted: Admitted,
        admission: &Arc<Admission>,
    ) -> Result<Response<Held>, Infallible> {
        let from = admitted.caller.address;
        let principal = match &admitted.caller.identity {
            ConnectionIdentity::Client(principal) => Ok(principal.clone()),
            _ => self.by_token(&request, &admitted, admission).await,
        };
        let principal = match principal {
            Ok(principal) => principal,
            Err(fault) => {
                // Who goes on without one that counts floods, as with any call that is refused.
                admitted.usage.call_is_refused();
                let mut refused = refuse(&fault);
                if request.headers().contains_key(header::AUTHORIZATION) {
                    let close = HeaderValue::from_static("close");
                    refused.headers_mut().insert(header::CONNECTION, close);
                }
                return Ok(refused);
            }
        };
        let who: Arc<str> = principal.to_string().into();
        let usage = Arc::clone(&admitted.usage);
        let begun = match Begun::begin(admission, &who, false, Arc::clone(&usage)) {
            Ok(begun) => begun,
            Err(exceeded) => {
                let fault = Fault::new(
                    429,
                    "LIMIT_EXCEEDED",
                    "Too many requests",
                    exceeded.to_string(),
                );
                let mut refused = refuse(&fault);
                let seconds = exceeded.after.as_secs().max(1);
                refused
                    .headers_mut()
                    .insert(header::RETRY_AFTER, seconds.into());
                return Ok(refused);
            }
        };
        let caller = Caller {
            principal,
            from: from.map_or_else(String::new, |address| address.to_string()),
        };
        let time = admission.limits().call_timeout;
        let answered = timeout(time, self.resource(request, caller, admission)).await;
        let answered = answered.unwrap_or_else(|_| {
            Err(Fault::new(
                503,
                "CALL_SLOW",
                "Too slow",
                "the request took longer than this node lets one take; ask for fewer objects",
            ))
        });
        let answered = answered.unwrap_or_else(|fault| refuse(&fault));
        usage.call_is_answered();
        Ok(answered.map(|body| body.holding(begun)))
    }

    /// Who sends a request over a connection without a certificate.
    async fn by_token(
        &self,
        request: &Request<Incoming>,
        admitted: &Admitted,
        admission: &Arc<Admission>,
    ) -> Result<Principal, Fault> {
        let unauthorized =
            |description: &str| Fault::new(401, "UNAUTHENTICATED", "Who are you", description);
        let Some(credentials) = &self.credentials else {
            return Err(unauthorized(
                "this node lets nobody in without a certificate",
            ));
        };
        let header = request.headers().get(header::AUTHORIZATION);
        let Some(header) = header.and_then(|value| value.to_str().ok()) else {
            return Err(unauthorized(
                "send a token that `comity system token` gave, by HTTP Basic with the name of the case system, or as \
                 `Authorization: Token`; or come with a certificate",
            ));
        };
        if let Some(principal) = credentials.principal(header, self.node.now()) {
            return Ok(principal);
        }
        // The address pauses before it comes again, and the ledger is told how often this was tried.
        if let Some(address) = admitted.caller.address {
            admission.came_to_nothing(address.ip());
            let from = address.to_string();
            self.node.taxii_refused(&from);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        Err(unauthorized(
            "the token is none that counts: it was mistyped, has ended or was taken back; have an operator give a new one \
             with `comity system token`",
        ))
    }

    async fn resource(
        &self,
        request: Request<Incoming>,
        caller: Caller,
        admission: &Arc<Admission>,
    ) -> Answer {
        let uri = request.uri().clone();
        let length = uri.path_and_query().map_or(0, |all| all.as_str().len());
        if length > MAX_URI {
            return Err(Fault::new(
                414,
                "URI_TOO_LONG",
                "Too long an address",
                "the address of the request is too long",
            ));
        }
        let segments = segments(uri.path());
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if uri.path() == SCHEMA_PATH {
            return Ok(answer::plain_json(SCHEMA));
        }
        let [BASE, rest @ ..] = segments.as_slice() else {
            return Err(unknown("nothing but /taxii2/ is served here over HTTP/1.1"));
        };
        check_accept(&request)?;
        let asked = Asked {
            node: &self.node,
            caller,
            query: pairs(&uri)?,
            base: base(&request),
        };
        let method = request.method().clone();
        match (rest, method) {
            ([], Method::GET) => read::discovery(&asked),
            ([ROOT], Method::GET) => read::root(&asked),
            ([ROOT, "status", id], Method::GET) => write::status(&asked, id).await,
            ([ROOT, "collections"], Method::GET) => read::collections(&asked),
            ([ROOT, "collections", id], Method::GET) => read::collection(&asked, id),
            ([ROOT, "collections", id, "manifest"], Method::GET) => {
                read::manifest(&asked, id).await
            }
            ([ROOT, "collections", id, "objects"], Method::GET) => {
                read::objects(&asked, id, None).await
            }
            ([ROOT, "collections", id, "objects"], Method::POST) => {
                let time = admission.limits().message_timeout;
                write::objects(&asked, id, request, time).await
            }
            ([ROOT, "collections", id, "objects", object], Method::GET) => {
                read::objects(&asked, id, Some(object)).await
            }
            ([ROOT, "collections", id, "objects", object, "versions"], Method::GET) => {
                read::versions(&asked, id, object).await
            }
            ([ROOT, "collections", id, "objects", _], Method::DELETE) => {
                read::known(id)?;
                Err(Fault::new(
                    403,
                    "NOT_DELETED",
                    "Not deleted here",
                    "objects are deleted from no collection: a record is recalled by its origin (`comity recall`), or hand the \
                     object in again as revoked",
                ))
            }
            (
                []
                | [ROOT]
                | [ROOT, "status", _]
                | [ROOT, "collections"]
                | [ROOT, "collections", _]
                | [ROOT, "collections", _, "manifest" | "objects"]
                | [ROOT, "collections", _, "objects", _]
                | [ROOT, "collections", _, "objects", _, "versions"],
                method,
            ) => Err(Fault::new(
                405,
                "METHOD_NOT_ALLOWED",
                "Not this way",
                format!("{method} is not for this resource"),
            )),
            _ => Err(unknown(
                "there is no such resource; /taxii2/ says what there is",
            )),
        }
    }
}

impl Asked<'_> {
    /// Lets the caller read.
    fn export(&self) -> Result<Permit<act::Export>, Fault> {
        let entered = self.node.enter::<act::Export>(self.caller.clone());
        entered.map_err(|refused| forbidden(refused.to_string()))
    }

    /// Lets the caller hand objects in.
    fn ingest(&self) -> Result<Permit<act::Ingest>, Fault> {
        let entered = self.node.enter::<act::Ingest>(self.caller.clone());
        entered.map_err(|refused| forbidden(refused.to_string()))
    }
}

fn forbidden(description: String) -> Fault {
    Fault::new(403, "PERMISSION_DENIED", "Not allowed", description)
}

fn unknown(description: &str) -> Fault {
    Fault::new(404, "NOT_FOUND", "Not found", description)
}

fn internal(error: &dyn std::fmt::Display) -> Fault {
    tracing::error!(%error, "a request of TAXII cannot be answered");
    Fault::new(
        500,
        "INTERNAL",
        "The node failed",
        "the node cannot answer; its log says why, and nothing of the request was kept unless a status says so",
    )
}

/// The segments of a path, decoded, without those that are empty; a trailing slash makes no difference.
fn segments(path: &str) -> Vec<String> {
    let parts = path.split('/').filter(|part| !part.is_empty());
    parts.map(|part| part.to_owned()).collect()
}

fn pairs(uri: &http::Uri) -> Result<Vec<(String, String)>, Fault> {
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
    query.map(|query| query.0).map_err(|_| {
        Fault::new(
            400,
            "QUERY_INVALID",
            "Bad query",
            "the query of the address does not read",
        )
    })
}

fn check_accept(request: &Request<Incoming>) -> Result<(), Fault> {
    let mut headers = request.headers().get_all(header::ACCEPT).iter();
    let accepted = headers.any(|value| value.to_str().is_ok_and(accepts));
    if accepted {
        return Ok(());
    }
    Err(Fault::new(
        406,
        "NOT_ACCEPTABLE",
        "Not in that form",
        "this server answers in application/taxii+json;version=2.1; say so in `Accept`",
    ))
}

/// Where this server is, as the client calls it: only what a name and a port are made of is believed.
fn base(request: &Request<Incoming>) -> String {
    let host = request.headers().get(header::HOST);
    let host = host
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    if host.is_empty() || host.len() > 300 || !host.bytes().all(plain) {
        return String::new();
    }
    format!("https://{host}")
}

/// An answer in TAXII.
fn taxii<T: serde::Serialize>(status: StatusCode, resource: &T) -> Answer {
    json(status, resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_slash_makes_no_difference_and_dots_lead_nowhere() {
        assert_eq!(segments("/taxii2/"), segments("/taxii2"));
        assert_eq!(
            segments("/taxii2/comity/collections/x/"),
            ["taxii2", "comity", "collections", "x"]
        );
        // Nothing is looked up on a disk, and dots are names like any other.
        assert_eq!(segments("/taxii2/../keys"), ["taxii2", "..", "keys"]);
    }
}
