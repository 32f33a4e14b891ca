//! The codec of every RPC: list elements are counted before a message is decoded.
//!
//! A size cap alone does not bound memory: four mebibytes on the wire can hold two million empty
//! elements, which take two hundred mebibytes once decoded.

use std::{collections::HashMap, marker::PhantomData};

use prost::{Message, Name, bytes::Buf as _};
use tonic::{
    Code, Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstEncoder};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::bounds::check_total;

/// List elements of a frame: 256 records with 16 compartments each, with room to spare.
const LINK_ELEMENTS: usize = 8 * 1024;
/// List elements of a client's request.
const REQUEST_ELEMENTS: usize = 16 * 1024;
/// List elements of an answer, which a client reads from its own country's node: a page of 500
/// records with their destinations.
const ANSWER_ELEMENTS: usize = 1024 * 1024;

/// Protobuf messages whose list elements were counted before decoding.
#[derive(Debug, Clone)]
pub struct CountedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for CountedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for CountedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Name + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = CountedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::raw_encoder(BufferSettings::default())
    }

    fn decoder(&mut self) -> Self::Decoder {
        CountedDecoder(PhantomData)
    }
}

/// Decodes what holds no more list elements than its message may.
#[derive(Debug, Clone)]
pub struct CountedDecoder<U>(PhantomData<U>);

impl<U: Message + Name + Default> Decoder for CountedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let bytes = buf.copy_to_bytes(buf.remaining());
        let name = U::full_name();
        check_total(&name, &bytes, most_elements(&name)).map_err(|error| invalid(&error))?;
        U::decode(bytes).map(Some).map_err(|error| invalid(&error))
    }
}

/// The answer to a message that is not decoded.
fn invalid(why: &dyn std::error::Error) -> Status {
    let info = ErrorDetails::with_error_info("MESSAGE_INVALID", "comity", HashMap::new());
    Status::with_error_details(Code::InvalidArgument, why.to_string(), info)
}

fn most_elements(message: &str) -> usize {
    if message.starts_with("comity.link.") {
        LINK_ELEMENTS
    } else if message.ends_with("Request") {
        REQUEST_ELEMENTS
    } else {
        ANSWER_ELEMENTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::link::{ExchangeRequest, ExchangeResponse};

    #[test]
    fn frames_are_bounded_both_ways_and_requests_tighter_than_answers() {
        for name in [ExchangeRequest::full_name(), ExchangeResponse::full_name()] {
            assert_eq!(most_elements(&name), LINK_ELEMENTS);
        }
        assert_eq!(
            most_elements("comity.node.v1.SubmitRecordRequest"),
            REQUEST_ELEMENTS
        );
        assert_eq!(
            most_elements("comity.node.v1.ListRecordsResponse"),
            ANSWER_ELEMENTS
        );
    }
}
