//! What a token says, once its signature holds: whom it is for, for how long, with which roles in which domains.

use empi_model::{Domains, Role, Timestamp};
use serde_json::Value;

use super::config::IssuerConfig;
use super::{Claims, Refused, Vouched};

/// Longest name that an issuer may give somebody, in bytes.
const SUBJECT_BYTES_MAX: usize = 128;

/// Most sources that a token may name.
const DOMAINS_MAX: usize = 1000;

/// From when until when a token is good; refused where that is not said, or is too long.
pub(super) fn times(
    config: &IssuerConfig,
    claims: &Claims,
) -> Result<(Timestamp, Timestamp), Refused> {
    let seconds = |name: &str| claims.get(name).and_then(Value::as_f64).map(|it| it.floor() as i64);
    let until = seconds("exp").ok_or(Refused::NotGood)?;
    // RFC 9068 asks for `iat`; where only `nbf` is given, the life of a token is counted from that.
    let from = seconds("nbf").into_iter().chain(seconds("iat")).max().ok_or(Refused::NotGood)?;
    let life = until.checked_sub(from).ok_or(Refused::NotGood)?;
    if life > i64::try_from(config.lifetime_seconds_max).unwrap_or(i64::MAX) {
        return Err(Refused::TooLong);
    }
    let moment = |seconds: i64| Timestamp(seconds.saturating_mul(1000));
    Ok((moment(from), moment(until)))
}

/// Whom a token is for.
pub(super) fn vouched(config: &IssuerConfig, claims: &Claims) -> Result<Vouched, Refused> {
    let (from, until) = times(config, claims)?;
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    let is_plain = |letter: char| !letter.is_control() && letter != '/';
    if subject.is_empty() || subject.len() > SUBJECT_BYTES_MAX || !subject.chars().all(is_plain) {
        return Err(Refused::NobodyWithARole);
    }
    let named = texts(claims, &config.roles_claim);
    let roles = named.iter().filter_map(|name| Role::from_name(name));
    let mut roles: Vec<Role> = roles.filter(|role| config.may_give(*role)).collect();
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() {
        return Err(Refused::NobodyWithARole);
    }
    let domains = texts(claims, &config.domains_claim);
    let domains = domains.into_iter().take(DOMAINS_MAX).map(str::to_owned);
    Ok(Vouched {
        name: format!("{}:{subject}", config.name),
        roles,
        domains: Domains::Only(domains.collect()),
        from,
        until,
    })
}

/// The texts of a claim: one, or a list. A name with dots is looked for as it stands, and then as a way into objects.
fn texts<'a>(claims: &'a Claims, name: &str) -> Vec<&'a str> {
    let way = || {
        let mut parts = name.split('.');
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    };
    match claims.get(name).or_else(way) {
        // RFC 8693 §4.2 writes several scopes into one text, with blanks between them.
        Some(Value::String(text)) => text.split_ascii_whitespace().collect(),
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
