//! Opening, writing, refusing, closing, reading.

use super::*;

#[test]
fn a_new_store_is_empty_and_a_clean_stop_replays_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (store, opened) = open(home.path());
    assert_eq!((opened.how, opened.position), (OpenedHow::New, 0));
    assert_eq!((opened.entries_replayed, opened.torn_bytes_cut), (0, 0));
    assert!(!opened.untouched && opened.damaged.is_empty());
    assert!(!home.path().join("index.set-aside-1").exists());
    let writer = store.start_writer(Desk);
    let place = set(&writer, "a", "1");
    assert_eq!(store.body(place).unwrap(), b"a=1");
    store.close().unwrap();
    store.close().unwrap();
    assert!(matches!(
        writer.propose_blocking(Ask::Set("b".to_owned(), "2".to_owned())),
        Err(ProposeError::Closed)
    ));
    drop((store, writer));
    for _ in 0..3 {
        let (store, opened) = open(home.path());
        assert_eq!((opened.how, opened.position), (OpenedHow::Clean, 1));
        assert_eq!(bodies(&store), ["a=1"]);
        store.close().unwrap();
    }
}

#[test]
fn the_second_process_is_told_so() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    assert!(matches!(
        try_open(options(home.path())),
        Err(StoreError::Locked(_))
    ));
    let checked = check(&options(home.path()), Arc::new(Notes), &mut |_| {});
    assert!(matches!(checked, Err(StoreError::Locked(_))));
    drop(store);
    open(home.path());
}

#[test]
fn a_refused_proposal_leaves_nothing_of_itself() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let writer = store.start_writer(Desk);
    set(&writer, "b", "1");
    let pair = |key: &str| (key.to_owned(), "2".to_owned());
    let refused = writer.propose_blocking(Ask::New(vec![pair("a"), pair("b"), pair("c")]));
    assert!(matches!(refused, Err(ProposeError::Refused(key)) if key == "b"));
    let twice = writer.propose_blocking(Ask::New(vec![pair("a"), pair("a")]));
    assert!(matches!(twice, Err(ProposeError::Refused(key)) if key == "a"));
    assert_eq!(value(&store, "a"), None);
    writer.propose_blocking(Ask::New(vec![pair("a")])).unwrap();
    assert_eq!(bodies(&store), ["b=1", "a=2"]);
    assert_eq!(store.scan(&[ROWS], &[], 10).unwrap().len(), 2);
}

#[test]
fn what_does_not_apply_is_declined_even_if_the_rules_go_on() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let writer = store.start_writer(Desk);
    let declined = |body: &str| match writer.propose_blocking(Ask::Broken(body.to_owned())) {
        Err(ProposeError::Store(error)) => error,
        other => panic!("{other:?}"),
    };
    assert!(matches!(
        declined("nothing"),
        StoreError::Projection { position: 2, .. }
    ));
    assert!(matches!(declined("x=reserved"), StoreError::ReservedKey));
    assert!(matches!(
        declined("x=large"),
        StoreError::TooLarge {
            what: "row's value",
            ..
        }
    ));
    assert_eq!(bodies(&store), Vec::<String>::new());
    assert!(store.stopped().now_or_never().is_none());
    set(&writer, "a", "1");
    assert_eq!(bodies(&store), ["a=1"]);
}

#[test]
fn too_large_an_entry_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let writer = store.start_writer(Desk);
    let ask = |blobs| writer.propose_blocking(Ask::WithBlobs("a".to_owned(), blobs));
    for blobs in [vec![vec![0; 65 << 20]], vec![Vec::new(); 1025]] {
        assert!(matches!(
            ask(blobs),
            Err(ProposeError::Store(StoreError::TooLarge { .. }))
        ));
    }
    ask(vec![Vec::new(); 1024]).unwrap();
}

#[test]
fn blobs_are_read_by_place_and_in_order() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let writer = store.start_writer(Desk);
    let blobs = vec![vec![1; 10_000], Vec::new(), vec![3; 5]];
    let ask = Ask::WithBlobs("a".to_owned(), blobs.clone());
    let place = writer.propose_blocking(ask).unwrap()[0];
    for (index, blob) in blobs.iter().enumerate() {
        assert_eq!(&store.blob(place, index as u32).unwrap(), blob);
    }
    assert!(matches!(
        store.blob(place, 3),
        Err(StoreError::NoSuchPlace { .. })
    ));
    let entry = store.entries(1).next().unwrap().unwrap();
    assert_eq!(entry.blobs, Some(blobs));
    for (segment, offset) in [(9, 88), (place.segment, 1 << 30)] {
        let nowhere = Place { segment, offset };
        assert!(matches!(
            store.body(nowhere),
            Err(StoreError::NoSuchPlace { .. })
        ));
    }
    let beside = Place {
        offset: place.offset + 1,
        ..place
    };
    assert!(matches!(
        store.body(beside),
        Err(StoreError::Damaged { .. })
    ));
    assert_eq!(store.entries(2).count(), 0);
}

#[test]
fn scans_stay_within_their_prefix() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let writer = store.start_writer(Desk);
    for key in ["a", "b1", "b2", "b3", "c"] {
        set(&writer, key, key);
    }
    let keys = |rows: Vec<(Vec<u8>, Vec<u8>)>| -> Vec<String> {
        rows.into_iter()
            .map(|(_, value)| String::from_utf8(value).unwrap())
            .collect()
    };
    let b = [ROWS, b'b'];
    assert_eq!(keys(store.scan(&b, &[], 9).unwrap()), ["b1", "b2", "b3"]);
    assert_eq!(
        keys(store.scan(&b, &[ROWS, b'b', b'2'], 9).unwrap()),
        ["b2", "b3"]
    );
    assert_eq!(keys(store.scan(&b, &[ROWS, b'c'], 9).unwrap()), [""; 0]);
    assert_eq!(keys(store.scan(&b, &[], 1).unwrap()), ["b1"]);
    assert_eq!(
        keys(store.scan_back(&b, &[], 9).unwrap()),
        ["b3", "b2", "b1"]
    );
    assert_eq!(
        keys(store.scan_back(&b, &[ROWS, b'b', b'3'], 1).unwrap()),
        ["b2"]
    );
    assert_eq!(
        keys(store.scan_back(&b, &[ROWS, b'c'], 9).unwrap()),
        ["b3", "b2", "b1"]
    );
    assert_eq!(
        keys(store.scan_back(&b, &[ROWS, b'a'], 9).unwrap()),
        [""; 0]
    );
}

#[test]
fn entries_span_segments_from_any_position() {
    let home = tempfile::tempdir().unwrap();
    let small = StoreOptions {
        segment_bytes: 400,
        ..options(home.path())
    };
    let (store, _) = try_open(small).unwrap();
    let writer = store.start_writer(Desk);
    for number in 0..20 {
        set(&writer, &format!("k{number}"), "v");
    }
    assert!(store.segment_count() > 4);
    for from in 1..=21 {
        let positions: Vec<u64> = store
            .entries(from)
            .map(|entry| entry.unwrap().position)
            .collect();
        assert_eq!(positions, (from..=20).collect::<Vec<_>>());
    }
    let space = store.space().unwrap();
    let on_disk: u64 = std::fs::read_dir(home.path().join("journal"))
        .unwrap()
        .map(|file| file.unwrap())
        .filter(|file| file.path().extension().is_some_and(|name| name == "seg"))
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert_eq!(space.journal_bytes, on_disk);
    assert!(space.free > 0 && space.total >= space.free);
    stop_uncleanly(home.path(), store, writer);
    let (store, opened) = open(home.path());
    assert_eq!(opened.position, 20);
    assert_eq!(bodies(&store).len(), 20);
}

#[test]
fn concurrent_proposers_share_groups_and_one_wins() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let writer = store.start_writer(Desk);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let won = runtime.block_on(async {
        let tasks: Vec<_> = (0..200)
            .map(|number| {
                let writer = writer.clone();
                let note = (format!("key{}", number % 50), number.to_string());
                tokio::spawn(async move { writer.propose(Ask::New(vec![note])).await.is_ok() })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            won += usize::from(task.await.unwrap());
        }
        // Also from a task, where blocking calls of the runtime would panic.
        writer
            .propose_blocking(Ask::Set("last".to_owned(), "1".to_owned()))
            .unwrap();
        won
    });
    assert_eq!(won, 50);
    assert_eq!(bodies(&store).len(), 51);
    store.close().unwrap();
}

#[test]
fn the_thread_ends_with_the_last_writer_and_a_second_writer_is_closed() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let writer = store.start_writer(Desk);
    let ask = || Ask::Set("a".to_owned(), "1".to_owned());
    let second = store.start_writer(Desk);
    assert!(matches!(
        second.propose_blocking(ask()),
        Err(ProposeError::Closed)
    ));
    writer.propose_blocking(ask()).unwrap();
    drop((writer, second));
    store.close().unwrap();
    drop(store);
    assert_eq!(open(home.path()).1.how, OpenedHow::Clean);
}

/// `cargo test --release -- --ignored durable_entries_per_second --nocapture`
#[test]
#[ignore = "a measurement, not a test"]
fn durable_entries_per_second() {
    struct Wide;
    impl Projection for Wide {
        fn apply(&self, entry: &Entry<'_>, rows: &mut Rows<'_>) -> Result<(), ProjectionError> {
            for space in 1..=8_u8 {
                let key = [&[space][..], &entry.position.to_be_bytes()].concat();
                rows.put(key, entry.place.to_bytes().to_vec());
            }
            Ok(())
        }
    }
    struct Take;
    impl Rules for Take {
        type Proposal = Draft;
        type Answer = Place;
        type Refusal = ();
        fn decide(&mut self, draft: Draft, group: &mut Group<'_>) -> Result<Place, Decline<()>> {
            Ok(group.append(draft)?)
        }
    }
    let home = tempfile::tempdir_in(".").unwrap();
    let settings = StoreOptions::new(home.path());
    let (store, _) = Store::open(settings, Arc::new(Wide), &mut |_| {}).unwrap();
    let writer = store.start_writer(Take);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let started = std::time::Instant::now();
    let each = 200;
    runtime.block_on(async {
        let tasks: Vec<_> = (0..256)
            .map(|_| {
                let writer = writer.clone();
                tokio::spawn(async move {
                    for _ in 0..each {
                        let draft = Draft {
                            body: vec![7; 500],
                            blobs: vec![vec![9; 1500]],
                        };
                        writer.propose(draft).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let rate = f64::from(256 * each) / started.elapsed().as_secs_f64();
    println!("{rate:.0} durable entries/s");
}

/// The same rows under another name of their layout.
struct Renamed;

impl Projection for Renamed {
    fn apply(&self, entry: &Entry<'_>, rows: &mut Rows<'_>) -> Result<(), ProjectionError> {
        Notes.apply(entry, rows)
    }

    fn layout(&self) -> Layout {
        *b"renamed!"
    }
}

#[test]
fn an_index_of_another_layout_is_made_anew_once_and_still_vouches() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    let mark = home.path().join("journal/sync.mark");
    let early = fs::read(&mark).unwrap();
    let writer = store.start_writer(Desk);
    set(&writer, "a", "1");
    store.close().unwrap();
    drop((store, writer));
    let renamed = || {
        let medium: Arc<dyn Medium> = Arc::new(Disk);
        let rooms = Arc::new(Renamed);
        start(
            options(home.path()),
            rooms,
            medium,
            &mut |_| {},
            Mode::Normal,
        )
    };
    let unread = check(&options(home.path()), Arc::new(Renamed), &mut |_| {}).unwrap();
    assert!(unread.fault.is_none() && unread.index_position.is_none());
    for how in [OpenedHow::Rebuilt, OpenedHow::Clean] {
        let (store, opened) = renamed().unwrap();
        assert_eq!((opened.how, opened.position), (how, 1));
        assert_eq!(bodies(&store), ["a=1"]);
        store.close().unwrap();
    }
    rebuild(options(home.path()), Arc::new(Renamed), None, &mut |_| {}).unwrap();
    assert!(!home.path().join("index.set-aside-1").exists());
    // What the old rows say of the journal's length counts, whoever can read them.
    let path = segment(home.path(), 1);
    let length = fs::metadata(&path).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(length - 20).unwrap();
    fs::write(&mark, early).unwrap();
    let refused = try_open(options(home.path())).err().unwrap();
    let missing = matches!(
        refused,
        StoreError::AcknowledgedDataMissing {
            what: "index",
            position: 1,
            journal: 0
        }
    );
    assert!(missing, "{refused}");
}
