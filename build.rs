//! Compiles the protos with protox, so that no `protoc` is needed, and keeps the descriptors for the
//! canonical JSON form.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};

const PROTOS: &[&str] = &[
    "comity/record/v1/record.proto",
    "comity/record/v1/alert.proto",
    "comity/record/v1/evidence.proto",
    "comity/record/v1/evidence_steps.proto",
    "comity/record/v1/evidence_terms.proto",
    "comity/record/v1/joint_case.proto",
    "comity/record/v1/kinds.proto",
    "comity/record/v1/sharing.proto",
    "comity/record/v1/network.proto",
    "comity/record/v1/reports.proto",
    "comity/record/v1/steps.proto",
    "comity/record/v1/trend.proto",
    "comity/record/v1/vocabulary.proto",
    "comity/record/v1/vocabulary_acts.proto",
    "comity/record/v1/vocabulary_alerts.proto",
    "comity/record/v1/vocabulary_cases.proto",
    "comity/record/v1/vocabulary_evidence.proto",
    "comity/record/v1/vocabulary_joint.proto",
    "comity/record/v1/vocabulary_networks.proto",
    "comity/record/v1/vocabulary_sectors.proto",
    "comity/record/v1/vocabulary_trends.proto",
    "comity/bundle/v1/bundle.proto",
    "comity/card/v1/card.proto",
    "comity/envelope/v1/envelope.proto",
    "comity/link/v1/link.proto",
    "comity/ledger/v1/ledger.proto",
    "comity/entry/v1/entry.proto",
    "comity/node/v1/bundle_service.proto",
    "comity/node/v1/charge.proto",
    "comity/node/v1/evidence_service.proto",
    "comity/node/v1/feed_service.proto",
    "comity/node/v1/record_service.proto",
    "comity/node/v1/sharing_service.proto",
    "comity/node/v1/search_service.proto",
    "comity/node/v1/consent_service.proto",
    "comity/node/v1/access_service.proto",
    "comity/node/v1/audit_service.proto",
    "comity/node/v1/audit_report.proto",
    "comity/node/v1/subject.proto",
    "comity/node/v1/card_service.proto",
    "comity/node/v1/enrolment_service.proto",
    "comity/node/v1/item_service.proto",
    "comity/node/v1/joint_case_service.proto",
    "comity/node/v1/life_service.proto",
    "comity/node/v1/status_service.proto",
    "comity/node/v1/thread_service.proto",
    "comity/node/v1/trend_service.proto",
    "comity/node/v1/format_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(PROTOS, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Every node holds the descriptors; only what explains the kinds of records wants the comments,
    // which are most of them.
    let (bare, comments) = apart(&descriptors);
    fs::write(out.join("comity.fds"), bare.encode_to_vec())?;
    fs::write(out.join("comity.comments.fds"), comments.encode_to_vec())?;
    // The codec counts list elements by the message's name before it decodes.
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    // Ordered, so that the same record has the same bytes.
    config.btree_map([".comity.record.v1"]);
    tonic_prost_build::configure()
        .bytes(".comity.envelope.v1")
        // Chunks of files are not copied from message to message.
        .bytes(".comity.link.v1.FileChunk")
        .bytes(".comity.node.v1.ItemChunk")
        .bytes(".comity.node.v1.ProvedChunk.data")
        .codec_path("crate::wire::codec::CountedCodec")
        .include_file("comity_protos.rs")
        .compile_fds_with_config(descriptors, config)?;
    Ok(())
}

/// The descriptors without their comments, and the comments alone, by file.
fn apart(descriptors: &FileDescriptorSet) -> (FileDescriptorSet, FileDescriptorSet) {
    let bare = descriptors.file.iter().map(|file| FileDescriptorProto {
        source_code_info: None,
        ..file.clone()
    });
    let comments = descriptors.file.iter().map(|file| FileDescriptorProto {
        name: file.name.clone(),
        source_code_info: file.source_code_info.clone(),
        ..FileDescriptorProto::default()
    });
    (
        FileDescriptorSet {
            file: bare.collect(),
        },
        FileDescriptorSet {
            file: comments.collect(),
        },
    )
}
