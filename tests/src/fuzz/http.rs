//! What comes with a request: body, query, headers.

use std::net::{IpAddr, SocketAddr};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{Uri, header::HeaderValue},
    test::TestRequest,
};
use api::http::{
    context::idempotency_key,
    proxies::TrustedProxies,
    wire::{self, Field, Query},
};
use domain::{
    EventName, Kind, Patch,
    core::value::{Email, Name, Password, Slug},
    delivery::webhooks::EndpointUrl,
    tenancy::roles::{Caps, RoleName},
};
use serde::Deserialize;
use serde_json::Value;

use super::text;

/// A request with a field of every type that there is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Everything {
    slug: Field<Slug>,
    name: Field<Name>,
    email: Field<Email>,
    password: Field<Password>,
    role: Field<RoleName>,
    url: Field<EndpointUrl>,
    events: Field<Vec<EventName>>,
    permissions: Field<Caps>,
    text: Field<String>,
    flag: Field<bool>,
    count: Field<i64>,
    list: Field<Vec<Value>>,
}

pub(super) fn body(data: &[u8]) {
    let read = match wire::parse::<Everything>(data) {
        Err(error) => return assert!(error.kind == Kind::Invalid && error.details.len() == 1, "{error:?}"),
        Ok(read) => read,
    };
    let object = serde_json::from_slice::<Value>(data).is_ok_and(|value| value.is_object());
    assert!(object || data.trim_ascii().is_empty(), "something else than a JSON object was taken");
    let first = domain::all((
        read.slug.required("slug"),
        read.name.patch("name"),
        read.email.optional("email"),
        read.password.optional("password"),
        read.role.optional("role"),
        read.url.patch("url"),
    ));
    let second = domain::all((
        read.events.optional("events"),
        read.permissions.optional("permissions"),
        read.text.patch("text"),
        read.flag.optional("flag"),
        read.count.optional("count"),
        read.list.optional("list"),
    ));
    for error in [first.as_ref().err(), second.as_ref().err()].into_iter().flatten() {
        assert!(error.kind == Kind::Invalid && !error.details.is_empty(), "{error:?}");
        assert!(error.details.iter().all(|v| !v.field.is_empty() && !v.code.is_empty() && !v.message.is_empty()), "{error:?}");
    }
    if let Ok((events, _, text, _, count, _)) = second {
        let distinct = |names: &Vec<EventName>| !names.is_empty() && names.is_sorted_by(|a, b| a < b);
        assert!(events.as_ref().is_none_or(distinct), "{events:?}");
        assert!(!matches!(&text, Patch::Set(text) if text.contains('\0') || text.chars().count() > 1024), "{text:?}");
        assert!(count.is_none_or(|n| (0..=1_000_000_000).contains(&n)), "{count:?}");
    }
}

pub(super) fn query(data: &[u8]) {
    let Ok(uri) = format!("/?{}", text(data)).parse::<Uri>() else { return };
    let request = TestRequest::with_uri(&uri.to_string()).to_http_request();
    let query = Query::from_request(&request, &mut Payload::None).into_inner().unwrap_or_else(|e| panic!("{e}"));
    for name in ["page", "limit", "offset", "status", "action", "a"] {
        let found = query.text(name);
        assert!(found.as_ref().is_ok_and(|v| v.as_ref().is_none_or(|v| v.len() <= 300 && !v.contains('\0'))) || found.is_err());
        let (_, _) = (query.number(name), query.flag(name));
        let _ = query.parsed::<Slug>(name);
    }
    if let Ok(page) = query.page(50) {
        assert!((1..=100).contains(&page.limit) && page.page >= 1 && page.offset() < u64::from(u32::MAX) * 100, "{page:?}");
    }
    if let Ok((limit, offset)) = query.window() {
        assert!((1..=100).contains(&limit) && offset <= domain::Page::MAX_OFFSET, "{limit} {offset}");
    }
}

fn with_headers(name: &'static str, values: impl Iterator<Item = Vec<u8>>, peer: &str) -> HttpRequest {
    let mut request = TestRequest::default().peer_addr(peer.parse().expect("an address"));
    for value in values.filter_map(|value| HeaderValue::from_bytes(&value).ok()) {
        request = request.append_header((name, value));
    }
    request.to_http_request()
}

pub(super) fn headers(data: &[u8]) {
    let request = with_headers("idempotency-key", std::iter::once(data.to_vec()), "203.0.113.7:1");
    match idempotency_key(&request) {
        Ok(Some(key)) => assert!((1..=255).contains(&key.len()) && key.bytes().all(|b| (b' '..=b'~').contains(&b) || b == b'\t')),
        Ok(None) => assert!(!request.headers().contains_key("idempotency-key")),
        Err(error) => assert_eq!(error.0.kind, Kind::Invalid),
    }
    let span = tracing::Span::none();
    infra::telemetry::with_parent(&span, text(data));
}

/// One line is one header. The client is the peer or a hop that was named, and nobody untrusted is believed about others.
pub(super) fn forwarded(data: &[u8]) {
    let trusted = TrustedProxies::new(["10.0.0.0/8", "fd00::/8"].map(|net| net.parse().expect("a network")).to_vec());
    let lines = || data.split(|b| *b == b'\n').map(<[u8]>::to_vec);
    let stranger = with_headers("x-forwarded-for", lines(), "203.0.113.7:1");
    assert_eq!(trusted.client_of(&stranger), Some(IpAddr::from([203, 0, 113, 7])));
    let proxied = with_headers("x-forwarded-for", lines(), "10.0.0.1:1");
    let client = trusted.client_of(&proxied).expect("a client");
    let hops = text(data).split([',', '\n']).map(|hop| hop.trim_matches([' ', '\t', '[', ']']));
    let address = |hop: &str| hop.parse().ok().or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()));
    let bracketed = |hop: &str| format!("[{hop}").parse::<SocketAddr>().ok().map(|with_port| with_port.ip());
    let named: Vec<IpAddr> = hops.filter_map(|hop| address(hop).or_else(|| bracketed(hop))).map(|ip| ip.to_canonical()).collect();
    assert!(client == IpAddr::from([10, 0, 0, 1]) || text(data).is_empty() || named.contains(&client), "{client}");
}
