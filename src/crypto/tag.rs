//! Keyed index tags: equal values give equal tags to the holder of the key and to nobody else, so
//! nothing taken from inside a compartment lies readable in an index.

use std::fmt;

use ring::hmac;

use super::Domain;

/// The key of index tags. Never printed.
pub struct IndexKey(hmac::Key);

impl IndexKey {
    /// Takes 32 bytes as a key.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Tag of a value of one kind: HMAC-SHA256 over the domain's prefix, the length of the kind
    /// (32 bits, big endian), the kind and the value, cut to 16 bytes.
    pub fn tag(&self, kind: &str, value: &[u8]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(Domain::IndexTag.prefix());
        context.update(&u32::try_from(kind.len()).unwrap_or(u32::MAX).to_be_bytes());
        context.update(kind.as_bytes());
        context.update(value);
        let mut out = [0; 16];
        for (to, from) in out.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        out
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_differ_by_key_kind_and_value() {
        let key = IndexKey::new(&[1; 32]);
        let tag = key.tag("reference", b"UZ-26-000412-H");
        assert_eq!(
            tag,
            IndexKey::new(&[1; 32]).tag("reference", b"UZ-26-000412-H")
        );
        assert_ne!(
            tag,
            IndexKey::new(&[2; 32]).tag("reference", b"UZ-26-000412-H")
        );
        assert_ne!(tag, key.tag("referenc", b"eUZ-26-000412-H"));
        assert_ne!(tag, key.tag("reference", b"UZ-26-000413-K"));
    }
}
