//! Accounts of online services and e-mail addresses.

use super::{Class, Entity, phone};

/// Hosts of services and the names they go by.
pub(super) const SERVICES: &[(&str, &str)] = &[
    ("t.me", "telegram"),
    ("telegram.me", "telegram"),
    ("telegram.dog", "telegram"),
    ("instagram.com", "instagram"),
    ("facebook.com", "facebook"),
    ("fb.com", "facebook"),
    ("m.me", "facebook"),
    ("vk.com", "vk"),
    ("vkontakte.ru", "vk"),
    ("ok.ru", "ok"),
    ("odnoklassniki.ru", "ok"),
    ("tiktok.com", "tiktok"),
    ("twitter.com", "x"),
    ("x.com", "x"),
    ("youtube.com", "youtube"),
    ("wa.me", "whatsapp"),
    ("imo.im", "imo"),
];

/// `@name`, `t.me/name`, `https://www.instagram.com/name/?x`, `telegram: name`.
pub(super) fn handle(text: &str, service: &str) -> Option<Entity> {
    let lower = text.to_lowercase();
    let rest = lower
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .trim_start_matches("www.")
        .trim_start_matches("m.");
    let (mut within, rest) = match rest.split_once(['/', ':']) {
        Some((host, path)) => {
            let host = host.trim();
            let known = SERVICES
                .iter()
                .find(|(of, name)| *of == host || *name == host)
                .map(|(_, name)| (*name).to_owned());
            // Whatever else stands before the sign is part of what names the account.
            match known {
                Some(known) => (Some(known), path),
                None if host.contains('.') => (Some(host.to_owned()), path),
                None => (None, rest),
            }
        }
        None => (None, rest),
    };
    if within.is_none() && !service.is_empty() {
        let known = SERVICES.iter().find(|(host, _)| *host == service);
        within = Some(known.map_or(service, |(_, name)| name).to_owned());
    }
    let key: String = rest
        .trim()
        .trim_start_matches('@')
        .split(['/', '?', '#'])
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned();
    if within.as_deref() == Some("whatsapp") {
        return phone::e164(&format!("+{}", key.trim_start_matches('+')), None).map(Entity::phone);
    }
    let fine = key.chars().count() >= 3
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'));
    fine.then_some(Entity {
        class: Class::Handle,
        key,
        within,
        whole: true,
    })
}

pub(super) fn email(text: &str) -> Option<Entity> {
    let lower = text.trim().to_lowercase();
    let lower = lower.strip_prefix("mailto:").unwrap_or(&lower);
    let (name, host) = lower.split_once('@')?;
    let host = if host == "googlemail.com" {
        "gmail.com"
    } else {
        host
    };
    let fine = !name.is_empty()
        && host.contains('.')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && host
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
        && !name
            .chars()
            .any(|c| c.is_whitespace() || c == '@' || c == '/');
    fine.then(|| Entity {
        class: Class::Email,
        key: format!("{name}@{host}"),
        within: None,
        whole: true,
    })
}
