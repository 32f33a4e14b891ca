//! The adversary's end of a link: raw gRPC messages over a genuine connection. It can do everything
//! right, and anything else.

use std::{collections::VecDeque, marker::PhantomData, net::SocketAddr, sync::Arc, time::Duration};

use comity::{
    crypto::{Digest, random_bytes},
    envelope::{self, SendingEpoch, for_destination, running_hash},
    home::Home,
    rpc::tls::{DialOptions, dial_link, link_client_config},
    wire::{
        envelope::{Lane, NonDeliveryReason, Receipt, ReceiptGroup, ReceiptType, SealedRecord},
        link::{
            Ack, ByeReason, Deliver, ExchangeRequest, ExchangeResponse, Frame, Hello, LaneState,
            frame,
        },
    },
};
use prost::{Message, bytes::BufMut as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{
    Request, Status, Streaming,
    codec::{Codec, EncodeBuf, Encoder},
    transport::Channel,
};

use crate::{
    forge::Parcel,
    world::{ADVERSARY, VICTIM, World, country},
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Messages as bytes, whatever they are; what answers them is a `T`.
struct Raw<T>(PhantomData<fn() -> T>);

impl<T: Message + Default + Send + 'static> Codec for Raw<T> {
    type Encode = Vec<u8>;
    type Decode = T;
    type Encoder = Self;
    type Decoder = tonic_prost::ProstDecoder<T>;

    fn encoder(&mut self) -> Self {
        Self(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        tonic_prost::ProstDecoder::default()
    }
}

impl<T> Encoder for Raw<T> {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buf: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buf.put_slice(&item);
        Ok(())
    }
}

/// How a session ended, as the adversary saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The node said goodbye.
    Bye(ByeReason, String),
    /// The stream ended without a word.
    Closed,
    /// It did not: the session still serves.
    Continues,
}

/// What came of a case.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) end: End,
    /// The node's last words, where it is not the end that has them.
    pub(crate) said: String,
    /// Receipts for the records of the case.
    pub(crate) receipts: Vec<String>,
    /// What the ledger says of the file of the case.
    pub(crate) leaves: Vec<String>,
}

impl From<End> for Seen {
    fn from(end: End) -> Self {
        Self {
            said: match &end {
                End::Bye(_, detail) => detail.clone(),
                _ => String::new(),
            },
            end,
            receipts: Vec::new(),
            leaves: Vec::new(),
        }
    }
}

/// What answers a call: it begins only once something was said.
pub(crate) type Answering<T> =
    tokio::task::JoinHandle<Result<tonic::Response<Streaming<T>>, Status>>;

/// The node's frames.
enum Incoming {
    Asked(Answering<ExchangeResponse>),
    Open(Streaming<ExchangeResponse>),
}

pub(crate) struct Link {
    out: mpsc::UnboundedSender<Vec<u8>>,
    incoming: Incoming,
    epoch: Option<SendingEpoch>,
    /// Records that came while something else was awaited.
    early: VecDeque<Deliver>,
    _channel: Channel,
}

pub(crate) fn message(frame: frame::Frame) -> Vec<u8> {
    ExchangeRequest {
        frame: Some(Frame { frame: Some(frame) }),
    }
    .encode_to_vec()
}

/// Dials a node's link port with the adversary's own certificate and calls a method of it.
pub(crate) async fn call<T: Message + Default + Send + 'static>(
    home: &Home,
    ca: &[u8],
    address: SocketAddr,
    options: &DialOptions,
    path: &'static str,
) -> (mpsc::UnboundedSender<Vec<u8>>, Answering<T>, Channel) {
    let victim = country(VICTIM);
    let tls = link_client_config(&home.link_material().unwrap(), victim, ca).unwrap();
    let channel = dial_link(
        &address.to_string().parse().unwrap(),
        victim,
        Arc::new(tls),
        options,
    )
    .await
    .unwrap()
    .channel;
    let (out, messages) = mpsc::unbounded_channel();
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static(path);
    let asked = tokio::spawn(async move {
        let messages = UnboundedReceiverStream::new(messages);
        let codec: Raw<T> = Raw(PhantomData);
        grpc.streaming(Request::new(messages), path, codec).await
    });
    (out, asked, channel)
}

/// Opens a link that says nothing yet.
pub(crate) async fn dial(
    home: &Home,
    ca: &[u8],
    address: SocketAddr,
    options: &DialOptions,
) -> Link {
    let path = "/comity.link.v1.LinkService/Exchange";
    let (out, asked, channel) = call(home, ca, address, options, path).await;
    Link {
        out,
        incoming: Incoming::Asked(asked),
        epoch: None,
        early: VecDeque::new(),
        _channel: channel,
    }
}

impl Link {
    pub(crate) fn raw(&self, bytes: Vec<u8>) {
        // The node may have ended the session already; then its words are waiting.
        let _ = self.out.send(bytes);
    }

    pub(crate) fn send(&self, frame: frame::Frame) {
        self.raw(message(frame));
    }

    /// The next frame of the node; how it ended otherwise.
    pub(crate) async fn next(&mut self) -> Result<frame::Frame, End> {
        if let Incoming::Asked(asked) = &mut self.incoming {
            let asked = tokio::time::timeout(PATIENCE, asked)
                .await
                .expect("the node answers the call");
            match asked.unwrap() {
                Ok(answer) => self.incoming = Incoming::Open(answer.into_inner()),
                Err(_) => return Err(End::Closed),
            }
        }
        let Incoming::Open(incoming) = &mut self.incoming else {
            return Err(End::Closed);
        };
        let answer = tokio::time::timeout(PATIENCE, incoming.message())
            .await
            .expect("the node neither answers nor ends the session");
        match answer {
            Ok(Some(ExchangeResponse {
                frame: Some(Frame { frame: Some(frame) }),
            })) => match frame {
                frame::Frame::Bye(bye) => Err(End::Bye(bye.reason(), bye.detail)),
                frame => Ok(frame),
            },
            Ok(Some(_)) => panic!("the node sent an empty frame"),
            Ok(None) | Err(_) => Err(End::Closed),
        }
    }

    /// How the session ends.
    pub(crate) async fn end(&mut self) -> End {
        loop {
            if let Err(end) = self.next().await {
                return end;
            }
        }
    }

    /// Announces an epoch.
    pub(crate) fn announce(&mut self, world: &World) {
        let (epoch, announcement) = SendingEpoch::establish(
            country(ADVERSARY),
            country(VICTIM),
            &world.victim_card.sealing_keys[0],
            world.now(),
        )
        .unwrap();
        self.epoch = Some(epoch);
        self.send(frame::Frame::Epoch(announcement));
    }

    /// The copy of a record for the victim.
    pub(crate) fn pack(&self, parcel: &Parcel) -> SealedRecord {
        let wrap = self
            .epoch
            .as_ref()
            .unwrap()
            .wrap(&parcel.keys, &parcel.digest, country(VICTIM))
            .unwrap();
        for_destination(&parcel.record, &parcel.keys, country(VICTIM), wrap)
    }

    pub(crate) fn deliver(&self, world: &World, first: u64, records: Vec<SealedRecord>) {
        self.deliver_on(Lane::Bulk, world, first, records);
    }

    pub(crate) fn deliver_on(
        &self,
        lane: Lane,
        world: &World,
        first: u64,
        records: Vec<SealedRecord>,
    ) {
        self.send(frame::Frame::Deliver(Deliver {
            lane: lane.into(),
            incarnation: world.incarnation.to_vec(),
            first_sequence: first,
            records,
        }));
    }

    /// Receipts up to `count`, verified, with the sequence of the first.
    pub(crate) async fn receipts(
        &mut self,
        world: &World,
        count: usize,
    ) -> Result<(u64, Vec<Receipt>), End> {
        let mut first = None;
        let mut all = Vec::new();
        while all.len() < count {
            let ack = match self.next().await? {
                frame::Frame::Ack(ack) => ack,
                frame::Frame::Deliver(deliver) => {
                    self.early.push_back(deliver);
                    continue;
                }
                _ => continue,
            };
            assert_eq!(ack.incarnation, world.incarnation);
            let group = ack.receipts.unwrap();
            let receipts = envelope::verify_group(&group, country(VICTIM), &world.book())
                .expect("the node's receipts verify");
            for (sequence, receipt) in (ack.first_sequence..).zip(&receipts) {
                assert_eq!(receipt.sequence, sequence, "a receipt under its sequence");
                assert_eq!(receipt.origin, ADVERSARY);
            }
            first.get_or_insert(ack.first_sequence);
            all.extend(receipts);
        }
        Ok((first.unwrap_or(0), all))
    }

    /// Delivers records at the next sequence and takes their receipts into account.
    pub(crate) async fn hand_over(
        &mut self,
        world: &mut World,
        records: Vec<SealedRecord>,
    ) -> Result<Vec<Receipt>, End> {
        let first = world.sent.0 + 1;
        let digests: Vec<Digest> = records.iter().map(|r| Digest::of(&r.header)).collect();
        self.deliver(world, first, records);
        let (at, receipts) = self.receipts(world, digests.len()).await?;
        assert_eq!(at, first, "receipts begin at the next sequence");
        assert_eq!(receipts.len(), digests.len());
        for (digest, receipt) in digests.iter().zip(&receipts) {
            assert_eq!(receipt.header_digest.as_ref(), digest.as_bytes());
            world.sent.0 += 1;
            world.sent.1 = running_hash(&world.sent.1, world.sent.0, digest);
        }
        Ok(receipts)
    }

    /// Delivers honest parcels and expects DELIVERY.
    pub(crate) async fn deliver_honestly(&mut self, world: &mut World, parcels: &[Parcel]) {
        let records = parcels.iter().map(|parcel| self.pack(parcel)).collect();
        let receipts = self
            .hand_over(world, records)
            .await
            .expect("the node takes honest records");
        for (parcel, receipt) in parcels.iter().zip(&receipts) {
            assert_eq!(name(receipt), "DELIVERY");
            world.delivered.push(parcel.reference.clone());
        }
    }

    /// Takes the victim's records that are not receipted yet, until all it submitted are here.
    /// Answers what came with the sequence of the first.
    pub(crate) async fn take_records(&mut self, world: &World) -> Vec<SealedRecord> {
        let mut records = Vec::new();
        while world.received.0 + (records.len() as u64) < world.submitted {
            let deliver = match self.early.pop_front() {
                Some(deliver) => deliver,
                None => match self.next().await.expect("the node sends its records") {
                    frame::Frame::Deliver(deliver) => deliver,
                    _ => continue,
                },
            };
            assert_eq!(
                deliver.first_sequence,
                world.received.0 + 1 + records.len() as u64
            );
            assert_eq!(deliver.incarnation, world.victim_incarnation);
            records.extend(deliver.records);
        }
        records
    }

    /// Receipts for records of the victim from its next sequence on.
    pub(crate) fn answer(&self, world: &World, records: &[SealedRecord]) -> Vec<Receipt> {
        (world.received.0 + 1..)
            .zip(records)
            .map(|(sequence, record)| receipt(world, sequence, &Digest::of(&record.header)))
            .collect()
    }

    pub(crate) fn acknowledge(&self, world: &World, first: u64, group: ReceiptGroup) {
        self.send(frame::Frame::Ack(Ack {
            lane: Lane::Bulk.into(),
            incarnation: world.victim_incarnation.to_vec(),
            first_sequence: first,
            receipts: Some(group),
        }));
    }

    /// Receipts everything the victim submitted, and waits until it says that they are durable.
    pub(crate) async fn receive_honestly(&mut self, world: &mut World) {
        let records = self.take_records(world).await;
        if records.is_empty() {
            return;
        }
        let receipts = self.answer(world, &records);
        let first = world.received.0 + 1;
        self.acknowledge(world, first, envelope::issue(receipts, &world.key));
        for record in &records {
            world.received.0 += 1;
            let digest = Digest::of(&record.header);
            world.received.1 = running_hash(&world.received.1, world.received.0, &digest);
        }
        loop {
            let next = self.next().await.expect("the node takes honest receipts");
            if let frame::Frame::ReceiptsDurable(durable) = next {
                assert_eq!(durable.positions[0].sequence, world.received.0);
                return;
            }
        }
    }

    /// The session still serves: an honest record is taken.
    pub(crate) async fn still_serves(&mut self, world: &mut World) -> Seen {
        let parcel = world.parcel();
        self.deliver_honestly(world, &[parcel]).await;
        End::Continues.into()
    }
}

/// A receipt for a record of the victim.
pub(crate) fn receipt(world: &World, sequence: u64, header: &Digest) -> Receipt {
    Receipt {
        r#type: ReceiptType::Delivery.into(),
        header_digest: header.to_vec().into(),
        origin: VICTIM.to_owned(),
        issuer: ADVERSARY.to_owned(),
        incarnation: world.victim_incarnation.to_vec().into(),
        lane: Lane::Bulk.into(),
        sequence,
        time_us: world.now().micros(),
        reason: NonDeliveryReason::Unspecified.into(),
        ..Receipt::default()
    }
}

/// What a receipt says, shortly.
pub(crate) fn name(receipt: &Receipt) -> String {
    match receipt.r#type() {
        ReceiptType::Delivery => "DELIVERY".to_owned(),
        _ => receipt
            .reason()
            .as_str_name()
            .trim_start_matches("NON_DELIVERY_REASON_")
            .to_owned(),
    }
}

/// A position on a bulk lane.
pub(crate) fn bulk(incarnation: &[u8], at: &(u64, Digest)) -> LaneState {
    LaneState {
        incarnation: incarnation.to_vec(),
        lane: Lane::Bulk.into(),
        sequence: at.0,
        running_hash: at.1.to_vec(),
    }
}

impl World {
    /// A connection on which nothing was said yet.
    pub(crate) async fn dial(&self) -> Link {
        dial(
            &self.home,
            &self.victim_card.issuing_ca_der,
            self.victim().links,
            &self.dial_options(),
        )
        .await
    }

    /// An honest hello.
    pub(crate) fn hello(&self) -> Hello {
        let own = self.home.own_card();
        Hello {
            versions: vec![1],
            country: ADVERSARY.to_owned(),
            incarnation: self.incarnation.to_vec(),
            session: random_bytes::<16>().unwrap().to_vec(),
            card_version: own.version,
            card_digest: own.digest.to_vec(),
            peer_card_version: self.victim_card.version,
            peer_card_digest: self.victim_card.digest.to_vec(),
            received: vec![bulk(&self.victim_incarnation, &self.received)],
            receipts_durable: self.receipts_durable(),
            credit_records: 1024,
            credit_bytes: 16 << 20,
            checkpoint_size: 0,
            time_us: self.now().micros(),
            resends: false,
            renewal: self.renewal.clone(),
            checkpoint_origin: String::new(),
            control_assigned: 0,
        }
    }

    /// Says a hello and expects it to be answered; the node must know exactly what it
    /// acknowledged.
    pub(crate) async fn greet(&mut self, hello: Hello) -> Link {
        let mut link = self.dial().await;
        link.send(frame::Frame::Hello(hello.clone()));
        let answer = link.next().await.expect("an honest hello is answered");
        let frame::Frame::Hello(answer) = answer else {
            panic!("the node's first frame is not a hello");
        };
        assert_eq!(answer.country, VICTIM);
        assert_eq!(answer.session, hello.session, "the session is echoed");
        let at: Vec<u64> = answer
            .received
            .iter()
            .filter(|state| {
                state.lane == i32::from(Lane::Bulk) && state.incarnation == self.incarnation
            })
            .map(|state| state.sequence)
            .collect();
        // Before the first record of an incarnation the node states what it knew of another.
        assert!(
            at == [self.sent.0] || (at.is_empty() && self.sent.0 == 0),
            "the node states {at:?}, it acknowledged {}",
            self.sent.0
        );
        self.victim_incarnation = answer.incarnation.as_slice().try_into().unwrap();
        link.announce(self);
        link
    }

    /// An honest session.
    pub(crate) async fn session(&mut self) -> Link {
        let hello = self.hello();
        self.greet(hello).await
    }

    /// How the node ends a session that begins with this hello.
    pub(crate) async fn greet_badly(&self, hello: Hello) -> Seen {
        let mut link = self.dial().await;
        link.send(frame::Frame::Hello(hello));
        link.end().await.into()
    }
}
