//! How often addresses come.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use super::{Bucket, Exceeded, Limit, Rate};

/// Pause between two sweeps of what is kept, so that a flood of addresses costs no more than itself.
const SWEEP: Duration = Duration::from_secs(1);

/// What counts as one address: of IPv6 the network of 64 bits, of which a host has all the rest.
pub fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let network = six.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        four @ IpAddr::V4(_) => four,
    }
}

/// Addresses that came lately. When more came than are kept, the others share one rate.
#[derive(Debug)]
pub struct Addresses {
    rate: Rate,
    known: HashMap<IpAddr, Bucket>,
    others: Bucket,
    most: usize,
    swept: Instant,
}

impl Addresses {
    /// None yet; `most` are kept apart.
    pub fn new(rate: Rate, most: usize, now: Instant) -> Self {
        Self {
            rate,
            known: HashMap::new(),
            others: Bucket::full(now),
            most,
            swept: now,
        }
    }

    /// Lets an address come once.
    ///
    /// # Errors
    /// [`Exceeded`] when it comes too often.
    pub fn come(&mut self, address: IpAddr, now: Instant) -> Result<(), Exceeded> {
        let key = address_key(address);
        if !self.known.contains_key(&key) && self.known.len() >= self.most {
            self.sweep(now);
        }
        let room = self.known.len() < self.most;
        let bucket = match self.known.get_mut(&key) {
            Some(bucket) => bucket,
            None if room => self.known.entry(key).or_insert(Bucket::full(now)),
            None => &mut self.others,
        };
        let taken = bucket.take(self.rate, now);
        taken.map_err(|after| Exceeded {
            limit: Limit::HandshakeRate,
            most: self.rate.per_second,
            after,
        })
    }

    /// Forgets who has not come for a while.
    fn sweep(&mut self, now: Instant) {
        if now.saturating_duration_since(self.swept) < SWEEP {
            return;
        }
        self.swept = now;
        self.known.retain(|_, bucket| !bucket.is_full(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 10,
        burst: 2,
    };

    #[test]
    fn a_host_is_one_address_whatever_it_calls_itself() {
        let key = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.7"), key("192.0.2.7"));
        assert_ne!(key("192.0.2.7"), key("192.0.2.8"));
    }

    #[test]
    fn one_address_keeps_no_other_out() {
        let now = Instant::now();
        let mut addresses = Addresses::new(RATE, 8, now);
        let (a, b) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        addresses.come(a, now).unwrap();
        addresses.come(a, now).unwrap();
        let refused = addresses.come(a, now).unwrap_err();
        assert_eq!(refused.limit, Limit::HandshakeRate);
        addresses.come(b, now).unwrap();
        addresses.come(a, now + refused.after).unwrap();
    }

    #[test]
    fn ten_thousand_addresses_take_no_more_room_than_a_few() {
        let now = Instant::now();
        let mut addresses = Addresses::new(RATE, 8, now);
        let mut let_in = 0;
        for bits in 0..10_000_u32 {
            let_in += u32::from(
                addresses
                    .come(std::net::Ipv4Addr::from_bits(bits).into(), now)
                    .is_ok(),
            );
            assert!(addresses.known.len() <= 8);
        }
        // Eight of their own, and two of what all others share.
        assert_eq!(let_in, 10);
        // Later, those that stay away make room.
        let later = now + Duration::from_secs(2);
        addresses
            .come("198.51.100.1".parse().unwrap(), later)
            .unwrap();
        assert_eq!(addresses.known.len(), 1);
    }
}
