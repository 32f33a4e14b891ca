//! The methods of every service, from the descriptors: what goes in, what comes out, how large.

use std::collections::BTreeSet;

use prost_reflect::{Kind, MessageDescriptor};

use super::json::services;

/// A method of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// `/package.Service/Method`.
    pub path: String,
    /// Full name of the request message.
    pub request: String,
    /// Whether requests are a stream.
    pub takes_stream: bool,
    /// Whether answers are a stream.
    pub gives_stream: bool,
    /// Whether a request can carry a record.
    pub takes_record: bool,
}

/// Every method of every service, on the client port and on links.
pub fn methods() -> Vec<Method> {
    let methods = services().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods
        .map(|method| Method {
            path: format!("/{}/{}", method.parent_service().full_name(), method.name()),
            request: method.input().full_name().to_owned(),
            takes_stream: method.is_client_streaming(),
            gives_stream: method.is_server_streaming(),
            takes_record: holds(
                &method.input(),
                "comity.record.v1.Record",
                &mut BTreeSet::new(),
            ),
        })
        .collect()
}

/// Whether a message can hold one called `name`, at any depth.
fn holds(message: &MessageDescriptor, name: &str, seen: &mut BTreeSet<String>) -> bool {
    if message.full_name() == name {
        return true;
    }
    if !seen.insert(message.full_name().to_owned()) {
        return false;
    }
    message.fields().any(|field| match field.kind() {
        Kind::Message(inner) => holds(&inner, name, seen),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_say_what_goes_in() {
        let methods = methods();
        let of = |path: &str| methods.iter().find(|of| of.path == path).unwrap();
        let submit = of("/comity.node.v1.RecordService/SubmitRecords");
        assert!(submit.takes_stream && submit.gives_stream && submit.takes_record);
        let watch = of("/comity.node.v1.RecordService/WatchRecords");
        assert!(!watch.takes_stream && watch.gives_stream && !watch.takes_record);
        assert!(of("/comity.link.v1.LinkService/Exchange").takes_stream);
    }

    /// Every method's requests and answers are counted before they are decoded.
    #[test]
    fn every_method_goes_through_the_counting_codec() {
        let generated = [
            include_str!(concat!(env!("OUT_DIR"), "/comity.node.v1.rs")),
            include_str!(concat!(env!("OUT_DIR"), "/comity.link.v1.rs")),
        ]
        .concat();
        assert!(!generated.contains("ProstCodec"));
        let counted = generated.matches("wire::codec::CountedCodec::default()");
        // Once where it is called and once where it is answered.
        assert_eq!(counted.count(), 2 * methods().len());
        for method in methods() {
            let places = generated.matches(&format!("\"{}\"", method.path)).count();
            assert_eq!(places, 2, "{}", method.path);
        }
    }
}
