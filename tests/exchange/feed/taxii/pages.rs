//! Pages: every object once, in order, whatever comes meanwhile; what is recalled is revoked.

use comity::wire::ledger::Action;

use super::{
    ALERTS, has,
    http::{By, get},
    serving, system,
};
use crate::support::{Country, alert, amendment, eventually, ledger_bodies, take_back};

async fn all(
    at: &Country,
    by: &By,
    limit: usize,
    mut meanwhile: impl AsyncFnMut(usize),
) -> Vec<String> {
    let (mut ids, mut last, mut next, mut pages) = (Vec::new(), String::new(), None::<String>, 0);
    loop {
        let path = match &next {
            Some(next) => format!("{ALERTS}/objects/?next={next}&limit={limit}"),
            None => format!("{ALERTS}/objects/?limit={limit}&match[type]=report"),
        };
        let page = get(at, by, &path).await;
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.objects().len() <= limit);
        if let Some(first) = page.header("x-taxii-date-added-first") {
            assert!(first > last, "{first} is not after {last}");
            last = page.header("x-taxii-date-added-last").unwrap();
        }
        ids.extend(
            page.objects()
                .iter()
                .map(|of| of["id"].as_str().unwrap().to_owned()),
        );
        assert_eq!(
            page.body["more"].as_bool().unwrap(),
            page.body["next"].is_string()
        );
        pages += 1;
        meanwhile(pages).await;
        match page.body["next"].as_str() {
            Some(token) => next = Some(token.to_owned()),
            None => return ids,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_object_comes_once_and_in_order_while_others_arrive_and_after_a_restart() {
    let (mut a, _b) = serving().await;
    let tool = system(&a);
    for number in 0..9 {
        a.submit(alert(&format!("alert {number}"))).await;
    }
    let reports = format!("{ALERTS}/objects/?match[type]=report");
    has(&a, &tool, &reports, 9).await;
    let ids = all(&a, &tool, 2, async |page| {
        if page <= 2 {
            a.submit(alert(&format!("alert in between {page}"))).await;
            has(&a, &tool, &reports, 9 + page).await;
        }
    })
    .await;
    assert_eq!(ids.len(), 11);
    let mut once = ids.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "{ids:?}");

    let dates = async |at: &Country| {
        let manifest = get(at, &tool, &format!("{ALERTS}/manifest/?limit=1000")).await;
        let of = manifest.objects().iter();
        let dates: Vec<String> = of
            .map(|of| format!("{} {}", of["date_added"], of["id"]))
            .collect();
        assert!(dates.is_sorted() && dates.len() > 11);
        dates
    };
    let before = dates(&a).await;
    a.restart().await;
    assert_eq!(dates(&a).await, before);
    a.stop().await;
    a.comity(&["store", "rebuild"]).await.fine();
    a.start().await;
    assert_eq!(dates(&a).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amendment_is_another_version_and_a_recall_the_last() {
    let (a, _b) = serving().await;
    let tool = system(&a);
    let first = a.submit(alert("first")).await;
    let reports = format!("{ALERTS}/objects/?match[type]=report");
    let before = has(&a, &tool, &reports, 1).await.remove(0);
    let second = amendment(&a, &first, alert("second")).await;
    a.submit(second).await;
    let id = before["id"].as_str().unwrap().to_owned();
    let after = eventually("the amendment counts", async || {
        let now = get(&a, &tool, &reports).await;
        (now.objects().len() == 1 && now.objects()[0]["name"] == "EXERCISE second")
            .then(|| now.objects()[0].clone())
    })
    .await;
    assert_eq!(
        (&after["id"], &after["created"]),
        (&before["id"], &before["created"])
    );
    let versions = get(&a, &tool, &format!("{ALERTS}/objects/{id}/versions/")).await;
    assert_eq!(
        versions.body["versions"].as_array().unwrap().len(),
        2,
        "{versions:?}"
    );

    take_back(&a, &[&first]).await.unwrap();
    let gone = eventually("it is revoked", async || {
        let now = get(&a, &tool, &format!("{ALERTS}/objects/{id}/")).await;
        now.objects()
            .iter()
            .find(|of| of["revoked"] == true)
            .cloned()
    })
    .await;
    assert!(!gone.to_string().contains("second"), "{gone}");
    assert!(gone.get("extensions").is_none());
    let every = get(
        &a,
        &tool,
        &format!("{ALERTS}/objects/{id}/?match[version]=all"),
    )
    .await;
    assert!(
        every.objects().iter().all(|of| of["revoked"] == true),
        "{every:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_longer_for_tools_is_revoked_and_no_version_of_it_is_given() {
    let (a, _b) = serving().await;
    let tool = system(&a);
    let first = a.submit(alert("for tools")).await;
    let reports = format!("{ALERTS}/objects/?match[type]=report");
    let id = has(&a, &tool, &reports, 1).await.remove(0)["id"].clone();
    let mut second = amendment(&a, &first, alert("for persons")).await;
    second.marking.as_mut().unwrap().tell_purpose = true;
    a.submit(second).await;
    let gone = eventually("it is revoked", async || {
        let now = get(&a, &tool, &reports).await;
        (now.objects().len() == 1 && now.objects()[0]["revoked"] == true)
            .then(|| now.objects()[0].clone())
    })
    .await;
    assert_eq!(gone["id"], id);
    for versions in ["all", "first", "last"] {
        let path = format!("{ALERTS}/objects/?limit=1000&match[version]={versions}");
        let answer = get(&a, &tool, &path).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let shown = answer.body.to_string();
        assert!(
            !shown.contains("for tools") && !shown.contains("for persons"),
            "{shown}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_its_leaf_before_it_leaves() {
    let (a, _b) = serving().await;
    let tool = system(&a);
    a.submit(alert("shown")).await;
    let reports = format!("{ALERTS}/objects/?match[type]=report");
    has(&a, &tool, &reports, 1).await;
    let leaves = ledger_bodies(&a).await;
    let leaf = leaves
        .iter()
        .find(|leaf| leaf.detail == "taxii-objects")
        .unwrap();
    assert_eq!(leaf.action, i32::from(Action::Disclosure));
    assert_eq!(leaf.count, 1);
    assert_eq!(leaf.case_reference, "EXERCISE-1");
    assert!(leaf.actor.ends_with("system/tool"), "{}", leaf.actor);
    assert!(leaf.purpose.contains("alerts"), "{}", leaf.purpose);
}
