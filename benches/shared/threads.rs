//! CPU time by the names of this process's threads, as Linux counts it.

use std::{collections::BTreeMap, fs};

/// Seconds of CPU by thread name, of the threads that are still alive.
pub(crate) fn cpu_seconds() -> BTreeMap<String, f64> {
    let mut times = BTreeMap::new();
    let Ok(threads) = fs::read_dir("/proc/self/task") else {
        return times;
    };
    for thread in threads.flatten() {
        let Ok(stat) = fs::read_to_string(thread.path().join("schedstat")) else {
            continue;
        };
        let name = fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        let nanos: f64 = stat
            .split_whitespace()
            .next()
            .and_then(|first| first.parse().ok())
            .unwrap_or(0.0);
        *times.entry(name.trim().to_owned()).or_default() += nanos / 1e9;
    }
    times
}

/// What was added since `before`, most first.
pub(crate) fn since(before: &BTreeMap<String, f64>) -> Vec<(String, f64)> {
    let mut spent: Vec<(String, f64)> = cpu_seconds()
        .into_iter()
        .map(|(name, now)| {
            let then = before.get(&name).copied().unwrap_or(0.0);
            (name, now - then)
        })
        .filter(|(_, seconds)| *seconds > 0.0005)
        .collect();
    spent.sort_by(|a, b| b.1.total_cmp(&a.1));
    spent
}

/// A line of `/proc/self/status` or of another process's, in KiB.
pub(crate) fn resident_kib(process: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|kib| kib.parse().ok())
        .unwrap_or(0)
}

/// Seconds of CPU of another process so far, all of its threads together. Linux counts them for
/// programs in hundredths.
pub(crate) fn process_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Fields 14 and 15; the name before them may have spaces and is in brackets.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}
