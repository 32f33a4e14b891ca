//! The rules: the rooms and whom they lean on, what belongs to which room, and how long a file is.

/// A room, the rooms it may lean on, and whether it keeps away from I/O and clocks.
pub(crate) struct Room {
    pub(crate) name: &'static str,
    pub(crate) leans_on: &'static [&'static str],
    pub(crate) pure: bool,
}

const fn room(name: &'static str, pure: bool, leans_on: &'static [&'static str]) -> Room {
    Room {
        name,
        leans_on,
        pure,
    }
}

const PURE: bool = true;
const AT_THE_EDGE: bool = false;

/// The house, lowest room first: a room leans only on rooms above it in this list.
pub(crate) const HOUSE: &[Room] = &[
    room("wire", PURE, &[]),
    room("crypto", PURE, &[]),
    room("statistics", PURE, &[]),
    room("record", PURE, &["statistics", "wire"]),
    room("card", PURE, &["crypto", "record", "wire"]),
    room("access", PURE, &["card", "record", "wire"]),
    room("limits", PURE, &[]),
    room("envelope", PURE, &["card", "crypto", "record", "wire"]),
    room("entry", PURE, &["crypto", "record", "wire"]),
    room("exercise", PURE, &["record", "wire"]),
    room("catalogue", PURE, &["record", "wire"]),
    room("search", PURE, &["record", "wire"]),
    room(
        "feed",
        PURE,
        &[
            "catalogue",
            "crypto",
            "exercise",
            "record",
            "statistics",
            "wire",
        ],
    ),
    room("store", AT_THE_EDGE, &["crypto"]),
    room(
        "ledger",
        PURE,
        &["card", "crypto", "entry", "store", "wire"],
    ),
    room(
        "inbox",
        PURE,
        &["crypto", "entry", "envelope", "record", "store", "wire"],
    ),
    room(
        "replication",
        PURE,
        &["crypto", "entry", "envelope", "record", "store", "wire"],
    ),
    room(
        "evidence",
        PURE,
        &[
            "card", "crypto", "entry", "envelope", "ledger", "record", "wire",
        ],
    ),
    room("bag", AT_THE_EDGE, &["crypto", "evidence"]),
    room(
        "config",
        AT_THE_EDGE,
        &["access", "card", "evidence", "feed", "record", "wire"],
    ),
    room(
        "home",
        AT_THE_EDGE,
        &["access", "card", "config", "crypto", "record", "wire"],
    ),
    room(
        "node",
        AT_THE_EDGE,
        &[
            "access",
            "card",
            "config",
            "crypto",
            "entry",
            "envelope",
            "evidence",
            "feed",
            "home",
            "inbox",
            "ledger",
            "record",
            "replication",
            "search",
            "statistics",
            "store",
            "wire",
        ],
    ),
    room(
        "rpc",
        AT_THE_EDGE,
        &[
            "access",
            "card",
            "config",
            "crypto",
            "evidence",
            "feed",
            "home",
            "limits",
            "node",
            "record",
            "replication",
            "search",
            "wire",
        ],
    ),
    room(
        "client",
        AT_THE_EDGE,
        &[
            "access", "card", "crypto", "feed", "home", "record", "rpc", "wire",
        ],
    ),
    room("shutdown", AT_THE_EDGE, &[]),
    room("telemetry", AT_THE_EDGE, &["config"]),
    room(
        "cli",
        AT_THE_EDGE,
        &[
            "access",
            "bag",
            "card",
            "catalogue",
            "client",
            "config",
            "crypto",
            "envelope",
            "evidence",
            "exercise",
            "feed",
            "home",
            "ledger",
            "node",
            "record",
            "rpc",
            "shutdown",
            "statistics",
            "store",
            "telemetry",
            "wire",
        ],
    ),
];

/// Outside names that belong to some rooms only.
pub(crate) const OWNERS: &[(&str, &[&str])] = &[
    ("sled", &["store"]),
    ("hpke", &["crypto"]),
    ("ring::signature", &["crypto"]),
    ("tonic", &["wire", "rpc", "client", "cli"]),
];

/// What pure code never names, besides the owned names above: `wire` may name tonic, because the
/// generated services need it. Addresses are data, sockets are not.
pub(crate) const IMPURE: &[&str] = &[
    "tokio",
    "std::fs",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "std::process",
    "SystemTime::now",
    "Instant::now",
    "OffsetDateTime::now_utc",
    "OffsetDateTime::now_local",
    "UtcDateTime::now",
];

/// Lines that a file may have, and lines past which it needs a reason in [`LONG`].
pub(crate) const MOST_LINES: usize = 600;
pub(crate) const EASY_LINES: usize = 400;

/// Files between 400 and 600 lines, with the reason.
pub(crate) const LONG: &[(&str, &str)] = &[
    (
        "tests/hostile/link.rs",
        "one peer that speaks the raw protocol, in all its frames",
    ),
    (
        "src/card/tests/cases.rs",
        "a list: one case per defect of a card",
    ),
    (
        "src/evidence/custody/tests.rs",
        "a list: one case per gap of a chain",
    ),
    (
        "tests/exchange/feed/formats.rs",
        "one fixture: what leaves in which format, by which marking",
    ),
    (
        "tests/exchange/reading_log/ways.rs",
        "a list: every way in which something is shown",
    ),
    (
        "tests/hostile/cases/files.rs",
        "a list: one case per lie about a file",
    ),
];
