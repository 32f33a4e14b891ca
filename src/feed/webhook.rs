//! Webhooks: how a delivery is signed, what an answer means, and when it is tried again. Pure.
//!
//! The signature is that of Standard Webhooks: `webhook-signature: v1,BASE64` is HMAC-SHA256 over
//! `id.timestamp.body` under each secret that counts, one after the other with a space between.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;

/// Bytes that a secret has at least.
pub const MIN_SECRET: usize = 24;
/// Bytes that a secret has at most.
pub const MAX_SECRET: usize = 64;
/// Secrets that count at the same time: the new one, and while it is rolled out the old one.
pub const MAX_SECRETS: usize = 2;
/// What stands before a secret in its file.
const PREFIX: &str = "whsec_";

/// A file of secrets that is none. Never says what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    /// Nothing in it, or too much.
    #[error("it has {0} lines with a secret, but needs one, or two during a rotation")]
    Count(usize),
    /// A line that is no secret.
    #[error(
        "line {0} is no secret: `whsec_` and the base64 of {MIN_SECRET} to {MAX_SECRET} random bytes, such as `printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\"` writes"
    )]
    Line(usize),
}

/// The secrets of a webhook.
pub struct Secrets(Vec<hmac::Key>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

impl Secrets {
    /// Reads the text of a file: a secret on each line, the newest first; lines that are empty or begin
    /// with `#` do not count.
    ///
    /// # Errors
    /// [`SecretFault`].
    pub fn read(text: &str) -> Result<Self, SecretFault> {
        let lines = text.lines().map(str::trim).enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let mut keys = Vec::new();
        let mut count = 0_usize;
        for (at, line) in lines {
            count = count.saturating_add(1);
            let fault = SecretFault::Line(at.saturating_add(1));
            let bytes = line
                .strip_prefix(PREFIX)
                .and_then(|line| STANDARD.decode(line).ok())
                .map(zeroize::Zeroizing::new)
                .ok_or(fault)?;
            if !(MIN_SECRET..=MAX_SECRET).contains(&bytes.len()) {
                return Err(fault);
            }
            keys.push(hmac::Key::new(hmac::HMAC_SHA256, &bytes));
        }
        if !(1..=MAX_SECRETS).contains(&count) {
            return Err(SecretFault::Count(count));
        }
        Ok(Self(keys))
    }

    /// The value of `webhook-signature` of a delivery.
    pub fn sign(&self, id: &str, timestamp_s: i64, body: &[u8]) -> String {
        let head = format!("{id}.{timestamp_s}.");
        let signed = self.0.iter().map(|key| {
            let mut context = hmac::Context::with_key(key);
            context.update(head.as_bytes());
            context.update(body);
            format!("v1,{}", STANDARD.encode(context.sign()))
        });
        signed.collect::<Vec<_>>().join(" ")
    }
}

/// What an answer to a delivery means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Taken,
    /// The receiver wants nothing any more: an operator has to say when it does.
    Gone,
    /// It sends elsewhere. No address but that of the configuration is ever sent to.
    Redirects(u16),
    /// It did not take it.
    Refused(u16),
}

impl Outcome {
    /// What a status means.
    pub const fn of(status: u16) -> Self {
        match status {
            200..300 => Self::Taken,
            300..400 => Self::Redirects(status),
            410 => Self::Gone,
            status => Self::Refused(status),
        }
    }
}

/// When a delivery that failed is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// First pause.
    pub first: Duration,
    /// Longest pause.
    pub most: Duration,
}

impl Retry {
    /// The pause after so many failed attempts: doubles from the first to the longest, and `chance` takes
    /// up to half of it away, so that receivers that come back are not all asked at once.
    pub fn after(&self, attempts: u32, chance: u64) -> Duration {
        let doubled = 2_u32.checked_pow(attempts.saturating_sub(1).min(31));
        let whole = self
            .first
            .saturating_mul(doubled.unwrap_or(u32::MAX))
            .min(self.most);
        let micros = u64::try_from(whole.as_micros()).unwrap_or(u64::MAX);
        let half = micros / 2;
        let less = chance.checked_rem(half.saturating_add(1)).unwrap_or(0);
        Duration::from_micros(micros.saturating_sub(less))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification.
    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        let secrets = Secrets::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let signed = secrets.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            b"{\"test\": 2432232314}",
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_secrets_sign_during_a_rotation() {
        let (new, old) = ([1_u8; 32], [2_u8; 32]);
        let line = |bytes: &[u8]| format!("{PREFIX}{}", STANDARD.encode(bytes));
        let both = format!("# rotated\n{}\n\n{}\n", line(&new), line(&old));
        let signed = Secrets::read(&both).unwrap().sign("a", 1, b"x");
        let (first, second) = signed.split_once(' ').unwrap();
        let alone = |bytes: &[u8]| Secrets::read(&line(bytes)).unwrap().sign("a", 1, b"x");
        assert_eq!(
            (first, second),
            (alone(&new).as_str(), alone(&old).as_str())
        );
        assert_eq!(
            format!("{:?}", Secrets::read(&both).unwrap()),
            "Secrets(..)"
        );
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        let long = format!("{PREFIX}{}", STANDARD.encode([1; MAX_SECRET + 1]));
        for (text, fault) in [
            ("", SecretFault::Count(0)),
            ("# nothing", SecretFault::Count(0)),
            ("hunter2hunter2hunter2hunter2", SecretFault::Line(1)),
            ("\nwhsec_c2hvcnQ=", SecretFault::Line(2)),
            ("whsec_!!!!", SecretFault::Line(1)),
            (&long, SecretFault::Line(1)),
        ] {
            let refused = Secrets::read(text).unwrap_err();
            assert_eq!(refused, fault, "{text}");
            assert!(!refused.to_string().contains("hunter2"));
        }
        let three = format!(
            "{0}\n{0}\n{0}",
            format_args!("{PREFIX}{}", STANDARD.encode([1; 32]))
        );
        assert_eq!(Secrets::read(&three).unwrap_err(), SecretFault::Count(3));
    }

    #[test]
    fn only_a_2xx_is_taken_and_a_redirect_never_followed() {
        for (status, outcome) in [
            (200, Outcome::Taken),
            (204, Outcome::Taken),
            (301, Outcome::Redirects(301)),
            (307, Outcome::Redirects(307)),
            (410, Outcome::Gone),
            (404, Outcome::Refused(404)),
            (500, Outcome::Refused(500)),
            (101, Outcome::Refused(101)),
        ] {
            assert_eq!(Outcome::of(status), outcome);
        }
    }

    proptest::proptest! {
        #[test]
        fn pauses_grow_to_the_longest_and_keep_half(attempts in 1_u32..10_000, chance: u64) {
            let retry = Retry { first: Duration::from_secs(1), most: Duration::from_secs(600) };
            let pause = retry.after(attempts, chance);
            let whole = retry.after(attempts, 0);
            assert!(pause <= whole && pause >= whole / 2);
            assert!(whole <= retry.most && whole >= retry.first);
            assert!(retry.after(attempts + 1, 0) >= whole);
        }
    }
}
