//! A real bundle, made of keys, cards, sealed records, receipts, a ledger and custody entries.

mod bag;
mod hands;
mod ledger;
mod side;

pub(crate) use self::{
    bag::{Bag, Memory},
    hands::forced,
    side::Side,
};
use self::{hands::hand, ledger::ledger};
use super::super::{FORMAT, Growing, Pinned, RENDERING, View, layout};
use crate::{
    card::verify_stored_card,
    crypto::Digest,
    envelope::{
        Lane, Plain, Receipt, ReceiptType, Sealed, issue, pass_on, proofs, seal, sign_token,
    },
    record::{Country, Moment, compartments::split},
    wire::{
        bundle::*,
        envelope::{ConsentToken, ConsentUse},
        record::*,
    },
};

/// 2026-06-01T12:00:00Z.
const NOW_US: i64 = 1_780_315_200_000_000;
pub(crate) const COURT: &str = "Tashkent city court";
pub(crate) const CHUNK: u32 = 64 * 1024;

pub(crate) fn at(minutes: i64) -> Moment {
    Moment::from_micros(NOW_US + minutes * 60_000_000)
}

pub(crate) fn uz() -> Country {
    "UZ".parse().unwrap()
}

pub(crate) fn kz() -> Country {
    "KZ".parse().unwrap()
}

/// A bundle as it is made, open to change before it is written.
pub(crate) struct Made {
    pub(crate) uz: Side,
    pub(crate) kz: Side,
    pub(crate) parts: BundleParts,
    /// Files of the items, by name.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

fn envelope(side: &Side, to: Country, record: &Record, follows: Option<Digest>) -> Sealed {
    let compartments: Vec<(u32, Vec<u8>)> = split(record)
        .into_iter()
        .map(|(label, bytes)| (u32::try_from(i32::from(label)).unwrap(), bytes))
        .collect();
    let indexes = (0..u32::try_from(compartments.len()).unwrap()).collect();
    let plain = Plain {
        lane: Lane::Urgent,
        handling: vec![1],
        expires_at: None,
        follows,
        exercise: true,
        compartments,
        destinations: vec![(to, indexes)],
    };
    seal(plain, side.country, &[3; 16], &side.key).unwrap()
}

fn bundled(sealed: &Sealed) -> BundledRecord {
    let all: Vec<u32> = (0..16).collect();
    let (sealed, openings) = pass_on(&sealed.record, &sealed.keys, &all);
    BundledRecord {
        sealed: Some(sealed),
        openings,
    }
}

fn record(side: &Side, number: u32, minutes: i64) -> Record {
    Record {
        reference: format!("{}-26-00000{number}-X", side.country),
        authority: "prosecutor-general".to_owned(),
        marking: Some(Marking {
            tlp: Tlp::Amber.into(),
            handling: vec![HandlingCode::H1.into()],
            ..Marking::default()
        }),
        exercise: true,
        submitted_at: Some(at(minutes).into()),
        ..Record::default()
    }
}

fn step_record(side: &Side, number: u32, minutes: i64, step: EvidenceStep) -> Record {
    Record {
        step: Some(Step {
            step: Some(step::Step::Evidence(step)),
        }),
        ..record(side, number, minutes)
    }
}

fn item(id: u8, name: &str, bytes: Option<&[u8]>) -> EvidenceItem {
    let root = bytes.map(|bytes| {
        let mut tree = Growing::new(CHUNK as usize);
        tree.push(bytes);
        tree.root().to_vec()
    });
    EvidenceItem {
        id: vec![id; 16],
        name: name.to_owned(),
        description: format!("EXERCISE {name}"),
        media_type: if root.is_some() {
            "video/mp4".to_owned()
        } else {
            String::new()
        },
        size: bytes.map_or(0, |bytes| bytes.len() as u64),
        chunk_size: if root.is_some() { CHUNK } else { 0 },
        key: if root.is_some() {
            vec![id; 32]
        } else {
            Vec::new()
        },
        root: root.unwrap_or_default(),
        original: false,
        custody: Vec::new(),
    }
}

/// A request of UZ, executed by KZ with two files and a thing, and exported by UZ.
pub(crate) fn made() -> Made {
    let (uz, kz) = (Side::of(uz(), "root"), Side::of(kz(), "root"));
    let bytes: [Vec<u8>; 2] =
        [7_u8, 9].map(|of| (0..200_000_u32).map(|at| (at % 251) as u8 ^ of).collect());
    let mut items = [
        item(1, "reception.mp4", Some(&bytes[0])),
        item(
            2,
            "\u{413}\u{43e}\u{441}\u{442}\u{438}.pdf",
            Some(&bytes[1]),
        ),
        item(3, "passport", None),
    ];
    let mut chains: [Vec<SignedCustody>; 3] = Default::default();
    for (item, chain) in items.iter_mut().zip(&mut chains) {
        hand(chain, &kz, item, CustodyAct::Seized, -600);
        if !item.root.is_empty() {
            hand(chain, &kz, item, CustodyAct::Hashed, -500);
            hand(chain, &kz, item, CustodyAct::Uploaded, -400);
        }
        hand(chain, &kz, item, CustodyAct::Transferred, 20);
        item.custody = chain.clone();
    }
    let request = Record {
        situation: Some(Situation {
            title: "EXERCISE request <script>alert(1)</script>".to_owned(),
            summary: "All facts are made up.".to_owned(),
            kind: Some(situation::Kind::EvidenceRequest(EvidenceRequest {
                assistance_sought: "Video of the reception".to_owned(),
                ..EvidenceRequest::default()
            })),
            ..Situation::default()
        }),
        ..record(&uz, 1, 0)
    };
    let request = envelope(&uz, kz.country, &request, None);
    let follows = Some(request.digest);
    let act = |number, previous: Option<&Sealed>, seen: u32, seen_of: Option<&Sealed>, act| {
        EvidenceStep {
            number,
            previous: previous.map_or(Vec::new(), |of| of.digest.to_vec()),
            seen,
            seen_digest: seen_of.map_or(Vec::new(), |of| of.digest.to_vec()),
            act: Some(act),
        }
    };
    use evidence_step::Act;
    let acknowledged = act(
        1,
        None,
        0,
        None,
        Act::Acknowledged(EvidenceAcknowledged::default()),
    );
    let acknowledged = envelope(
        &kz,
        uz.country,
        &step_record(&kz, 2, 10, acknowledged),
        follows,
    );
    let transferred = act(
        2,
        Some(&acknowledged),
        0,
        None,
        Act::Transferred(EvidenceTransferred::default()),
    );
    let transferred = Record {
        evidence: Some(Evidence {
            items: items.to_vec(),
            persons: Vec::new(),
        }),
        ..step_record(&kz, 3, 20, transferred)
    };
    let transferred = envelope(&kz, uz.country, &transferred, follows);
    let mut arrivals = Vec::new();
    for (item, chain) in items.iter().zip(&mut chains) {
        let act = if item.root.is_empty() {
            CustodyAct::TakenOver
        } else {
            CustodyAct::Delivered
        };
        let signed = hand(chain, &uz, item, act, 30);
        arrivals.push(ItemArrival {
            id: item.id.clone(),
            whole: true,
            fault: String::new(),
            custody: Some(signed),
        });
    }
    let arrived = act(
        1,
        None,
        2,
        Some(&transferred),
        Act::ItemsArrived(ItemsArrived { items: arrivals }),
    );
    let arrived = envelope(&uz, kz.country, &step_record(&uz, 4, 31, arrived), follows);
    let closed = act(
        2,
        Some(&arrived),
        2,
        Some(&transferred),
        Act::Closed(RequestClosed::default()),
    );
    let closed = envelope(&uz, kz.country, &step_record(&uz, 5, 40, closed), follows);
    for (item, chain) in items
        .iter()
        .zip(&mut chains)
        .filter(|(item, _)| !item.root.is_empty())
    {
        hand(chain, &uz, item, CustodyAct::Opened, 50);
        hand(chain, &uz, item, CustodyAct::Exported, 60);
    }
    let sealed = vec![request, acknowledged, transferred, arrived, closed];
    let mut made = Made {
        parts: parts(&uz, &kz, &sealed, &items, chains),
        uz,
        kz,
        files: Vec::new(),
    };
    for (number, (item, bytes)) in items.iter().zip(bytes).enumerate() {
        let file = layout::item_file(number, &item.name);
        let entry = &mut made.parts.bundle.as_mut().unwrap().items[number];
        entry.sha256 = Digest::of(&bytes).to_vec();
        entry.file.clone_from(&file);
        made.files.push((file, bytes));
    }
    made
}

fn parts(
    uz: &Side,
    kz: &Side,
    sealed: &[Sealed],
    items: &[EvidenceItem],
    chains: [Vec<SignedCustody>; 3],
) -> BundleParts {
    let opened = |sealed: &Sealed| sealed.header.origin.clone();
    let bundle = Bundle {
        format: FORMAT,
        rendering: RENDERING,
        reference: "UZ-26-000001-X".to_owned(),
        request_digest: sealed[0].digest.to_vec(),
        issuing: "UZ".to_owned(),
        executing: "KZ".to_owned(),
        exported_by: "UZ".to_owned(),
        court: COURT.to_owned(),
        exported_at: Some(at(60).into()),
        software: "comity test".to_owned(),
        records: sealed
            .iter()
            .zip(1..)
            .map(|(of, number)| RecordEntry {
                reference: format!("{}-26-00000{number}-X", opened(of)),
                header_digest: of.digest.to_vec(),
            })
            .collect(),
        items: items
            .iter()
            .map(|of| ItemEntry {
                id: of.id.clone(),
                record: 2,
                ..ItemEntry::default()
            })
            .collect(),
        left_out: Vec::new(),
    };
    let receipts = sealed.iter().zip(1..).flat_map(|(of, sequence)| {
        let issuer = if of.header.origin == "UZ" { kz } else { uz };
        let receipt = Receipt {
            r#type: ReceiptType::Delivery.into(),
            header_digest: of.digest.to_vec().into(),
            origin: of.header.origin.clone(),
            issuer: issuer.country.code().to_owned(),
            incarnation: vec![3; 16].into(),
            lane: Lane::Urgent.into(),
            sequence,
            time_us: at(5).micros(),
            ..Receipt::default()
        };
        proofs(&issue(vec![receipt], &issuer.key))
    });
    let consents = sealed
        .iter()
        .filter(|of| of.header.origin == "KZ")
        .map(|of| {
            let token = ConsentToken {
                header_digest: of.digest.to_vec().into(),
                origin: "KZ".to_owned(),
                grantee: "UZ".to_owned(),
                r#use: ConsentUse::Court.into(),
                compartments: vec![1, 6],
                beneficiary: COURT.to_owned(),
                request_digest: vec![5; 32].into(),
                expires_at: Some(at(9999).into()),
                nonce: vec![4; 16].into(),
                single_use: false,
            };
            sign_token(&token, &kz.key)
        });
    BundleParts {
        cards: vec![kz.card(None), uz.card(None)],
        records: sealed.iter().map(bundled).collect(),
        receipts: Some(BundledReceipts {
            receipts: receipts.collect(),
        }),
        consents: Some(BundledConsents {
            consents: consents.collect(),
        }),
        ledger: Some(BundledLedger {
            country: "UZ".to_owned(),
            proof: Some(ledger(uz, sealed, &chains)),
        }),
        custody: items
            .iter()
            .zip(chains)
            .map(|(of, entries)| BundledCustody {
                item: of.id.clone(),
                entries,
            })
            .collect(),
        bundle: Some(bundle),
    }
}

impl Made {
    pub(crate) fn pinned(&self) -> Pinned {
        [&self.uz, &self.kz]
            .map(|side| {
                (
                    side.country,
                    verify_stored_card(&side.card(None)).unwrap().fingerprint(),
                )
            })
            .into()
    }

    /// Every file of the bundle.
    pub(crate) fn bag(&self) -> Bag {
        let view = View::of(&self.parts).unwrap();
        let mut files: std::collections::BTreeMap<String, Vec<u8>> =
            layout::files(&self.parts, &view)
                .unwrap()
                .into_iter()
                .collect();
        for (name, bytes) in &self.files {
            files.insert(format!("{}{name}", layout::ITEMS), bytes.clone());
        }
        let mut bag = Bag { files };
        bag.sealed();
        bag
    }
}
