//! How many connections the file descriptors of a process allow.

/// Descriptors for everything that is no caller's connection: journal, index, slots, dialled links,
/// the log.
const RESERVED: u64 = 256;
/// Places that a port has however few descriptors there are.
const FEWEST: u64 = 8;

/// Places of one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Connections.
    pub connections: u64,
    /// Handshakes in progress.
    pub handshakes: u64,
}

/// The places that each of `ports` ports can have with `descriptors` in all: those `wanted`, or as
/// many as fit, in the same proportion.
pub fn fit(wanted: Places, ports: u64, descriptors: u64) -> Places {
    let room = descriptors.saturating_sub(RESERVED) / ports.max(1);
    let needed = wanted.connections.saturating_add(wanted.handshakes);
    if needed <= room {
        return wanted;
    }
    let share = |of: u64| {
        let part = u128::from(of) * u128::from(room) / u128::from(needed.max(1));
        u64::try_from(part).unwrap_or(u64::MAX).max(FEWEST).min(of)
    };
    Places {
        connections: share(wanted.connections),
        handshakes: share(wanted.handshakes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Places = Places {
        connections: 1024,
        handshakes: 512,
    };

    #[test]
    fn what_fits_stays_and_what_does_not_shrinks() {
        assert_eq!(fit(WANTED, 2, 65_536), WANTED);
        assert_eq!(fit(WANTED, 2, 256 + 2 * 1536), WANTED);
        let few = fit(WANTED, 2, 1024);
        assert_eq!((few.connections, few.handshakes), (256, 128));
        assert!(2 * (few.connections + few.handshakes) + RESERVED <= 1024);
        // However few there are, the node answers.
        let fewest = fit(WANTED, 2, 64);
        assert_eq!((fewest.connections, fewest.handshakes), (8, 8));
        let small = Places {
            connections: 2,
            handshakes: 2,
        };
        assert_eq!(fit(small, 2, 64), small);
    }
}
