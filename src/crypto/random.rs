//! Randomness, from the operating system through ring.

use std::cell::RefCell;

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroize;

/// The operating system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no randomness")]
pub struct RandomError;

/// Bytes that a thread fetches at once. A record needs a dozen salts, nonces and keys; a call to the
/// operating system for each was 3% of bulk delivery.
const FETCHED: usize = 512;

/// Random bytes fetched and not yet given out; those given out are zeros.
struct Pool {
    bytes: [u8; FETCHED],
    left: usize,
}

impl Pool {
    /// Moves the next random bytes into `out`, which is no longer than the pool.
    fn take(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        if self.left < out.len() {
            self.left = 0;
            fill_random(&mut self.bytes)?;
            self.left = FETCHED;
        }
        let from = FETCHED - self.left;
        let next = self
            .bytes
            .get_mut(from..from + out.len())
            .ok_or(RandomError)?;
        out.copy_from_slice(next);
        next.zeroize();
        self.left -= out.len();
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

thread_local! {
    static POOL: RefCell<Pool> = const {
        RefCell::new(Pool {
            bytes: [0; FETCHED],
            left: 0,
        })
    };
}

/// `N` random bytes, never given out before. Short ones come from what this thread fetched ahead, so
/// this is for salts, nonces and keys of single records; keys that live long are made with
/// [`fill_random`].
///
/// # Errors
/// [`RandomError`] when the operating system's generator fails; nothing may be sealed then.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    if N > FETCHED / 4 {
        fill_random(&mut bytes)?;
        return Ok(bytes);
    }
    // A thread that is ending has no pool any more.
    POOL.try_with(|pool| pool.borrow_mut().take(&mut bytes))
        .unwrap_or_else(|_| fill_random(&mut bytes))?;
    Ok(bytes)
}

/// Fills `out` with random bytes, in one call to the operating system.
///
/// # Errors
/// As [`random_bytes`].
pub fn fill_random(out: &mut [u8]) -> Result<(), RandomError> {
    SystemRandom::new().fill(out).map_err(|_| RandomError)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn nothing_is_given_out_twice_and_what_is_given_out_does_not_stay() {
        let mut seen: HashSet<[u8; 16]> = HashSet::new();
        for _ in 0..1_000 {
            assert!(seen.insert(random_bytes().unwrap()));
        }
        // Lengths that do not divide the pool, and longer ones than it gives.
        let longer: [u8; 1024] = random_bytes().unwrap();
        assert_ne!(longer[..512], longer[512..]);
        for _ in 0..100 {
            let piece: [u8; 33] = random_bytes().unwrap();
            assert_ne!(piece, [0; 33]);
        }
        POOL.with(|pool| {
            let pool = pool.borrow();
            assert!(pool.bytes[..FETCHED - pool.left].iter().all(|b| *b == 0));
        });
    }
}
