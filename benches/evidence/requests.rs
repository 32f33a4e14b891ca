//! Many open requests with clocks: what a page of them costs, how long a node takes to come back, and
//! its memory; with a quarter of them and with all, so that what grows faster than they do is seen.

use std::{
    fs,
    time::{Duration, Instant},
};

use comity::{
    catalogue,
    client::Client,
    home::{self, Layout},
    node::system_clock,
    wire::{
        node::{GetStatusRequest, ListEvidenceRequest, RequestEvidenceRequest},
        record::{CountryRole, Destination, Record, situation::Kind},
    },
};

use super::{
    PAUSE, Process,
    shared::{self, Site, row, table},
    until_linked,
};

/// A profile with clocks by days, so that all of them run for as long as this takes.
const PROFILE: &str = "eio-2014-41";
/// Connections that submit.
const CLIENTS: usize = 8;
/// Times that a page is asked for.
const TIMES: usize = 9;
/// Requests of a page, as `comity evidence list` asks for, and at most.
const PAGES: [u32; 2] = [50, 500];

/// What was measured with so many open requests.
struct Measured {
    requests: usize,
    /// From the first submission until both countries have every clock.
    came: Duration,
    /// The first page of each size of [`PAGES`], by the earliest end.
    due: Vec<Duration>,
    /// Every page of the largest size, one after the other.
    all_due: Duration,
    /// The first page, newest first.
    newest: Duration,
    /// From the start of the process until it answers.
    ready: Duration,
    /// Until it has looked through every request.
    complete: Duration,
    resident_mib: f64,
}

/// Lets one country ask the other, and lifts the limits of its clients.
fn agree(at: &Site, with: &Site) {
    let dir = Layout::new(&at.home).agreements();
    fs::create_dir_all(&dir).expect("a folder");
    let code = with.country.code();
    let text = format!("country = \"{code}\"\nevidence = [\"{PROFILE}\"]\n");
    fs::write(dir.join(format!("{code}.toml")), text).expect("an agreement");
    let mut config = at.open_home().config().clone();
    config.limits.calls_per_second = 100_000;
    config.limits.call_burst = 100_000;
    home::write_config(&at.home, &config).expect("a configuration");
}

fn request(to: &Site) -> Record {
    let made = catalogue::example("EvidenceRequest", system_clock()());
    let mut record = made.expect("an example");
    record.destinations = vec![Destination {
        country: to.country.code().to_owned(),
        role: CountryRole::Destination.into(),
        authorities: vec!["national-police".to_owned()],
        ..Destination::default()
    }];
    let kind = record.situation.as_mut().and_then(|of| of.kind.as_mut());
    if let Some(Kind::EvidenceRequest(request)) = kind {
        request.profile = PROFILE.to_owned();
    }
    record
}

async fn submit(from: &Site, to: &Site, count: usize) {
    let tasks = (0..CLIENTS).map(|task| {
        let record = request(to);
        let share = count / CLIENTS + usize::from(task < count % CLIENTS);
        async move {
            let mut client = shared::client(from).await;
            for _ in 0..share {
                let asked = RequestEvidenceRequest {
                    record: Some(record.clone()),
                    ..RequestEvidenceRequest::default()
                };
                client.request_evidence(asked).await.expect("a reference");
            }
        }
    });
    futures_util::future::join_all(tasks).await;
}

async fn until_running(at: &Site, requests: usize) {
    let begun = Instant::now();
    let mut client = shared::client(at).await;
    loop {
        let status = client.status.get_status(GetStatusRequest {}).await;
        let counted = status.expect("a status").into_inner().evidence;
        if counted.is_some_and(|of| of.running == requests as u64) {
            return;
        }
        assert!(begun.elapsed() < shared::PATIENCE, "not every clock runs");
        tokio::time::sleep(PAUSE).await;
    }
}

fn page_of(size: u32, due: bool) -> ListEvidenceRequest {
    ListEvidenceRequest {
        due,
        open: true,
        page_size: size,
        ..ListEvidenceRequest::default()
    }
}

/// The time of a page: the median of several.
async fn page(client: &mut Client, size: u32, due: bool) -> Duration {
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begun = Instant::now();
        let listed = client.list_evidence(page_of(size, due)).await;
        assert!(!listed.expect("a page").cases.is_empty(), "an empty page");
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    shared::at_fraction(&times, 0.5)
}

/// Every page, by the earliest end.
async fn pages(client: &mut Client, requests: usize) -> Duration {
    let begun = Instant::now();
    let (mut seen, mut page_token) = (0, String::new());
    loop {
        let asked = ListEvidenceRequest {
            page_token,
            ..page_of(500, true)
        };
        let listed = client.list_evidence(asked).await.expect("a page");
        seen += listed.cases.len();
        page_token = listed.next_page_token;
        if page_token.is_empty() {
            assert_eq!(seen, requests, "a request is missing");
            return begun.elapsed();
        }
    }
}

async fn until_complete(at: &Site) {
    let begun = Instant::now();
    let mut client = shared::client(at).await;
    loop {
        let listed = client.list_evidence(page_of(1, false)).await;
        if listed.expect("a page").complete {
            return;
        }
        assert!(begun.elapsed() < shared::PATIENCE, "not looked through");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Puts `more` requests beside those that are there, and measures the country that executes them.
fn measure(uz: &Site, kz: &Site, more: usize, requests: usize) -> Measured {
    let [asking, asked] = [Process::start(uz), Process::start(kz)];
    until_linked(uz);
    let begun = Instant::now();
    shared::on_client(async {
        submit(uz, kz, more).await;
        until_running(uz, requests).await;
        until_running(kz, requests).await;
    });
    let came = begun.elapsed();
    asking.stop();
    asked.stop();

    let begun = Instant::now();
    let asked = Process::start(kz);
    let ready = begun.elapsed();
    shared::on_client(until_complete(kz));
    let complete = begun.elapsed();
    let (due, newest, all_due) = shared::on_client(async {
        let mut client = shared::client(kz).await;
        let mut due = Vec::new();
        for size in PAGES {
            due.push(page(&mut client, size, true).await);
        }
        let newest = page(&mut client, PAGES[0], false).await;
        (due, newest, pages(&mut client, requests).await)
    });
    let resident_mib = asked.rests_at();
    asked.stop();
    Measured {
        requests,
        came,
        due,
        all_due,
        newest,
        ready,
        complete,
        resident_mib,
    }
}

/// Measures a quarter of so many open requests, then all of them.
pub(super) fn run(folder: &std::path::Path, requests: usize) {
    let uz = Site::set_up(folder, "UZ");
    let kz = Site::set_up(folder, "KZ");
    shared::on_client(async {
        uz.trust(&[&kz]).await;
        kz.trust(&[&uz]).await;
    });
    agree(&uz, &kz);
    agree(&kz, &uz);
    let few = (requests / 4).max(1);
    let all = requests.max(few + 1);
    let some = measure(&uz, &kz, few, few);
    let every = measure(&uz, &kz, all - few, all);
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let both = |name: &str, of: fn(&Measured) -> Duration| {
        let (one, other) = (ms(of(&some)), ms(of(&every)));
        row(
            name,
            format!("{one:.0} ms, {other:.0} ms ({:.1})", other / one),
        )
    };
    let mut rows = vec![both("both have every clock", |of| of.came)];
    for (at, size) in PAGES.iter().enumerate() {
        let [one, other] = [&some, &every].map(|of| of.due.get(at).copied().unwrap_or_default());
        rows.push(row(
            &format!("list --due, a page of {size}"),
            format!("{:.1} ms, {:.1} ms", ms(one), ms(other)),
        ));
    }
    rows.extend([
        both("list --due, every page", |of| of.all_due),
        row(
            "list, a page of 50, newest first",
            format!("{:.1} ms, {:.1} ms", ms(some.newest), ms(every.newest)),
        ),
        both("ready after a restart", |of| of.ready),
        both("every request looked through", |of| of.complete),
        row(
            "resident then",
            format!(
                "{:.1} MiB, {:.1} MiB",
                some.resident_mib, every.resident_mib
            ),
        ),
    ]);
    table(
        &format!(
            "evidence: {} and {} open requests at the country that executes them (ratio)",
            some.requests, every.requests
        ),
        &rows,
    );
}
