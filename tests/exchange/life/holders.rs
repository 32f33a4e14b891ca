//! What one holder lacks keeps nothing from the others.

use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use comity::{node::system_clock, record::Moment, wire::node::ComplianceState};

use crate::support::{
    Country, Settings, alert_to, befriend, complied, off, refusal_of, status_of, take_back,
    try_show,
};

const HOUR: Duration = Duration::from_secs(3600);

/// AE's card expires in an hour, by a clock that everybody shares.
async fn with_a_card_about_to_expire() -> [Country; 3] {
    let year = Duration::from_secs(365 * 24 * 3600);
    let back = i64::try_from((year - HOUR).as_micros()).unwrap();
    let issued = Moment::from_micros(system_clock()().micros() - back);
    let settings = Settings {
        issued: Some(issued),
        ..Settings::default()
    };
    let all = [
        Country::set_up("TJ"),
        Country::set_up("UZ"),
        Country::with("AE", settings),
    ];
    let [a, b, c] = &all;
    befriend(&[a, b, c]).await;
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_card_keeps_no_recall_from_the_others() {
    let [mut a, mut b, mut c] = with_a_card_about_to_expire().await;
    b.configure(|config| config.life.shred_delay_s = 0);
    for country in [&mut a, &mut b, &mut c] {
        country.start().await;
    }
    let reference = a.submit(alert_to(&["UZ", "AE"], "wrong")).await;
    let passing = a.submit(alert_to(&["AE"], "to AE alone")).await;
    b.receives(&reference).await;
    c.receives(&passing).await;
    c.stop().await;
    a.stop().await;
    b.stop().await;
    let later = i64::try_from((HOUR * 2).as_micros()).unwrap();
    let by = Arc::new(AtomicI64::new(later));
    a.start_with(off(&by)).await;
    b.start_with(off(&by)).await;
    let answer = take_back(&a, &[&reference]).await.unwrap();
    assert_eq!(answer.recalled.len(), 1);
    let refused = try_show(&a, &reference).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
    complied(&a, &reference, "UZ", ComplianceState::Erased).await;
    let status = status_of(&a, &reference).await;
    let ae = status[0].countries.iter().find(|of| of.country == "AE");
    assert_eq!(ae.unwrap().state(), ComplianceState::Waiting);
}
