//! The store beside a map that does the same.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    New(Vec<u8>),
    Set(u8, u8),
    Delete(u8),
    Reopen { clean: bool, boot: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::vec(0..12_u8, 1..4).prop_map(Step::New),
        4 => (0..12_u8, any::<u8>()).prop_map(|(key, value)| Step::Set(key, value)),
        2 => (0..12_u8).prop_map(Step::Delete),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(clean, boot)| Step::Reopen { clean, boot }),
    ];
    prop::collection::vec(step, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_a_map_does(steps in steps()) {
        let home = tempfile::tempdir().unwrap();
        let mut model: BTreeMap<String, String> = BTreeMap::new();
        let mut written = Vec::new();
        let mut settings = StoreOptions { segment_bytes: 500, ..options(home.path()) };
        let (mut store, _) = try_open(settings.clone()).unwrap();
        let mut writer = store.start_writer(Desk);
        for step in steps {
            match step {
                Step::New(keys) => {
                    let notes: Vec<_> = keys.iter().map(|key| (format!("k{key}"), "n".to_owned())).collect();
                    let mut after = model.clone();
                    let fits = notes.iter().all(|(key, value)| after.insert(key.clone(), value.clone()).is_none());
                    let answer = writer.propose_blocking(Ask::New(notes.clone()));
                    prop_assert_eq!(answer.is_ok(), fits);
                    if fits {
                        model = after;
                        written.extend(notes.iter().map(|(key, value)| format!("{key}={value}")));
                    }
                }
                Step::Set(key, value) => {
                    set(&writer, &format!("k{key}"), &format!("v{value}"));
                    written.push(format!("k{key}=v{value}"));
                    model.insert(format!("k{key}"), format!("v{value}"));
                }
                Step::Delete(key) => {
                    set(&writer, &format!("k{key}"), "");
                    written.push(format!("k{key}="));
                    model.remove(&format!("k{key}"));
                }
                Step::Reopen { clean, boot } => {
                    if clean {
                        store.close().unwrap();
                    }
                    stop_uncleanly(home.path(), store, writer);
                    if boot {
                        settings.boot_id.push('\'');
                    }
                    let (again, opened) = try_open(settings.clone()).unwrap();
                    prop_assert_eq!(opened.position, written.len() as u64);
                    if clean && !written.is_empty() {
                        prop_assert_eq!(opened.how, OpenedHow::Clean);
                    }
                    store = again;
                    writer = store.start_writer(Desk);
                }
            }
        }
        let rows: BTreeMap<String, String> = store.scan(&[ROWS], &[], 100).unwrap().into_iter()
            .map(|(key, value)| (String::from_utf8(key[1..].to_vec()).unwrap(), String::from_utf8(value).unwrap()))
            .collect();
        prop_assert_eq!(rows, model);
        prop_assert_eq!(bodies(&store), written);
    }
}
