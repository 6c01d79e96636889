//! Readers for values that are more than a text or a number. Each says what a good value looks like; those of secrets never
//! repeat the value.

use std::{fmt::Display, net::SocketAddr, path::PathBuf, str::FromStr};

use domain::{
    applications::billing::{PaymentMode, PaymentProvider},
    core::secret::ProviderSecret,
    tenancy::domains::DomainName,
};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error};
use url::Url;

use super::{Secret, servers};

/// Reads a text and hands it to `read`, whose error becomes the problem.
fn text<'de, D: Deserializer<'de>, T, E: Display>(d: D, read: impl FnOnce(String) -> Result<T, E>) -> Result<T, D::Error> {
    read(String::deserialize(d)?).map_err(Error::custom)
}

fn socket(value: &str) -> Result<SocketAddr, String> {
    value.parse().map_err(|_| format!("`{value}` is not an address with a port."))
}

pub(super) fn listen<'de, D: Deserializer<'de>>(d: D) -> Result<SocketAddr, D::Error> {
    text(d, |value| socket(&value))
}

pub(super) fn resolver<'de, D: Deserializer<'de>>(d: D) -> Result<Option<SocketAddr>, D::Error> {
    text(d, |value| if value == "system" { Ok(None) } else { socket(&value).map(Some) })
}

pub(super) fn resolvers<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<SocketAddr>, D::Error> {
    let values = Vec::<String>::deserialize(d)?;
    values.iter().map(|value| socket(value)).collect::<Result<_, _>>().map_err(Error::custom)
}

pub(super) fn domains<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<DomainName>, D::Error> {
    let values = Vec::<String>::deserialize(d)?;
    let name = |value: &String| value.parse().map_err(|_| format!("`{value}` is not a domain's name."));
    values.iter().map(name).collect::<Result<_, _>>().map_err(Error::custom)
}

fn web_url(value: &str) -> Result<Url, String> {
    // It may hold a password, which is not for the log.
    if value.contains('@') {
        return Err("must not hold credentials.".into());
    }
    let url = Url::parse(value).map_err(|_| format!("`{value}` is not a URL."))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(format!("`{value}` must begin with http:// or https://.")),
    }
}

/// An address without path, query and fragment, as text without the trailing slash.
fn origin(value: &str) -> Result<String, String> {
    let url = web_url(value)?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("`{value}` must have no path, query or fragment."));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

pub(super) fn optional_url<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    text(d, |value| if value.is_empty() { Ok(value) } else { origin(&value) })
}

pub(super) fn origins<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let values = Vec::<String>::deserialize(d)?;
    values
        .iter()
        .map(|value| if value == "*" { Ok(value.clone()) } else { origin(value) })
        .collect::<Result<_, _>>()
        .map_err(Error::custom)
}

pub(super) fn optional_http_url<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    text(d, |value| if value.is_empty() { Ok(value) } else { web_url(&value).map(|_| value) })
}

/// An address that paths are put behind.
pub(super) fn base_url<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    text(d, |value| origin(&value))
}

pub(super) fn payment_provider<'de, D: Deserializer<'de>>(d: D) -> Result<Option<PaymentProvider>, D::Error> {
    text(d, |value| match value.as_str() {
        "none" => Ok(None),
        name => name.parse().map(Some).map_err(|_| format!("`{name}` is none of: none, stripe, polar.")),
    })
}

pub(super) fn payment_mode<'de, D: Deserializer<'de>>(d: D) -> Result<PaymentMode, D::Error> {
    text(d, |value| value.parse::<PaymentMode>().map_err(|_| format!("`{value}` is neither test nor live.")))
}

/// A secret that travels in a header; empty: none.
pub(super) fn provider_secret<'de, D: Deserializer<'de>>(d: D) -> Result<Secret, D::Error> {
    text(d, |value| match value.parse::<ProviderSecret>() {
        Err(bad) if !value.is_empty() => Err(bad.message.into_owned()),
        _ => Ok(Secret::new(value)),
    })
}

/// What is written as `left = right`, neither of them empty and no left one twice.
pub(super) fn pairs<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<(String, String)>, D::Error> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for text in Vec::<String>::deserialize(d)? {
        let (left, right) = text.split_once('=').map_or(("", ""), |(left, right)| (left.trim(), right.trim()));
        if left.is_empty() || right.is_empty() {
            return Err(Error::custom(format!("`{text}` must be written as `price = tier`.")));
        }
        if pairs.iter().any(|(known, _)| known == left) {
            return Err(Error::custom(format!("`{left}` is there twice.")));
        }
        pairs.push((left.to_owned(), right.to_owned()));
    }
    Ok(pairs)
}

/// Accepts a single address as the network of only that address.
fn network(value: &str) -> Result<IpNet, String> {
    let address = std::net::IpAddr::from_str(value).map(IpNet::from);
    value.parse().or(address).map_err(|_| format!("`{value}` is not a network."))
}

pub(super) fn networks<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<IpNet>, D::Error> {
    let values = Vec::<String>::deserialize(d)?;
    values.iter().map(|value| network(value)).collect::<Result<_, _>>().map_err(Error::custom)
}

pub(super) fn email<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    text(d, |value| match lettre::Address::from_str(&value) {
        Ok(_) => Ok(value),
        Err(_) => Err(format!("`{value}` is not an e-mail address.")),
    })
}

pub(super) fn optional_email<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    text(d, |value| match lettre::Address::from_str(&value) {
        Err(_) if !value.is_empty() => Err(format!("`{value}` is not an e-mail address.")),
        _ => Ok(value),
    })
}

pub(super) fn directory<'de, D: Deserializer<'de>>(d: D) -> Result<PathBuf, D::Error> {
    text(d, |value| if value.is_empty() { Err("must name a directory.") } else { Ok(PathBuf::from(value)) })
}

pub(super) fn optional_file<'de, D: Deserializer<'de>>(d: D) -> Result<Option<PathBuf>, D::Error> {
    text(d, |value| Ok::<_, String>(Some(PathBuf::from(value)).filter(|path| !path.as_os_str().is_empty())))
}

pub(super) fn log_filter<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    text(d, |value| match tracing_subscriber::EnvFilter::try_new(&value) {
        Ok(_) => Ok(value),
        Err(e) => Err(format!("`{value}` is not a log filter ({e}).")),
    })
}

pub(super) fn database_url<'de, D: Deserializer<'de>>(d: D) -> Result<Secret, D::Error> {
    text(d, |value| servers::database(&value).map(|()| Secret::new(value)))
}

pub(super) fn redis_url<'de, D: Deserializer<'de>>(d: D) -> Result<Secret, D::Error> {
    text(d, |value| servers::redis(&value).map(|()| Secret::new(value)))
}

/// The name or address of a server, and nothing that belongs to a URL, which may hold a password.
pub(super) fn host<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    text(d, |value| {
        let good = value.parse::<std::net::IpAddr>().is_ok()
            || value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        if good { Ok(value) } else { Err("must be the name or address of a server: no scheme, port or credentials.") }
    })
}

pub(super) fn master_key<'de, D: Deserializer<'de>>(d: D) -> Result<Secret, D::Error> {
    // The shape only, so that a mistake is reported here with all others; `crypto::MasterKeys` reads it for good.
    let item =
        |item: &str| item.split_once(':').is_some_and(|(_, key)| key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit()));
    text(d, |value| match value.split_whitespace().all(item) {
        true => Ok(Secret::new(value)),
        false => Err("must be one or more of id:key, where the key is 64 hexadecimal digits."),
    })
}
