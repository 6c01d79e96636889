//! Parsed values: whatever parses is within its bounds, holds nothing that a log, a header or a screen would take for something else,
//! and reads back as itself.

use std::{
    fmt::{Debug, Display},
    str::FromStr,
};

use domain::{
    BadValue, DeliveryId, EventId, EventName, GrantId, InvitationId, MembershipId, OrgId, PlanId, RoleId, ServiceId, SessionId,
    UserId, WebhookId,
    applications::{
        end_users::EndUserPlace,
        plans::{Currency, StripePriceId},
        service_keys::ServicePermission,
        subscriptions::SubscriptionStatus,
        uris::{PageUri, RedirectUri, ResourceUri},
    },
    core::{
        text::opaque,
        value::{Description, Email, HostName, Name, Password, RoleSlug, SenderName, ServiceSlug, Slug},
    },
    delivery::webhooks::EndpointUrl,
    events::analytics::Day,
    tenancy::{
        invitations::InvitationStatus,
        organizations::OrgStatus,
        roles::{Cap, RoleName},
    },
};

use super::text;

pub(super) fn values(data: &[u8]) {
    let s = text(data);
    let slug = |s: &str| (3..=50).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let visible = |s: &str| !s.chars().any(char::is_control) && s.trim() == s;
    parsed::<Slug>(s, Slug::as_str, |s| slug(s) && !s.bytes().any(|b| b.is_ascii_uppercase()));
    parsed::<ServiceSlug>(s, ServiceSlug::as_str, |s| slug(s) && !s.bytes().any(|b| b.is_ascii_uppercase()));
    parsed::<RoleSlug>(s, RoleSlug::as_str, |s| slug(s) && !["owner", "admin", "member"].contains(&s));
    parsed::<RoleName>(s, RoleName::as_str, slug);
    parsed::<Email>(s, Email::as_str, |s| {
        let one =
            s.matches('@').count() == 1 && s.len() <= 254 && s.is_ascii() && !s.contains([' ', '"', '<', '>', ',', ';', ':']);
        one && visible(s) && !s.bytes().any(|b| b.is_ascii_uppercase())
    });
    parsed::<Name>(s, Name::as_str, |s| visible(s) && (2..=100).contains(&s.chars().count()));
    parsed::<Description>(s, Description::as_str, |s| visible(s) && s.chars().count() <= 500);
    parsed::<Password>(s, Password::expose, |p| p == opaque(s) && (8..=1024).contains(&p.len()) && !p.contains('\0'));
    parsed::<EventName>(s, |name| name.as_str(), |name| EventName::all().any(|known| known.as_str() == name));
    parsed::<Cap>(s, |cap| cap.as_str(), |name| name == s);
    parsed::<OrgStatus>(s, |status| status.as_str(), |name| name == s);
    parsed::<ServicePermission>(s, |permission| permission.as_str(), |name| name == s);
    parsed::<SubscriptionStatus>(s, |status| status.as_str(), |name| name == s);
    parsed::<InvitationStatus>(s, |status| status.as_str(), |name| name == s || s == "declined");
    parsed::<EndpointUrl>(s, EndpointUrl::as_str, |url| url.is_ascii() && url.starts_with("http") && !url.contains(['#', '\n']));
    uris(s);
    parsed::<HostName>(s, HostName::as_str, |host| {
        host.len() <= 253 && host.is_ascii() && !host.contains(['/', '@', ' ']) && !host.bytes().any(|b| b.is_ascii_uppercase())
    });
    parsed::<SenderName>(s, SenderName::as_str, |name| visible(name) && name.chars().count() <= 100);
    printed::<Day>(s);
    printed::<EndUserPlace>(s);
}

/// What is registered is read as nothing else (T32).
fn uris(s: &str) {
    let plain = |uri: &str| uri.bytes().all(|b| b.is_ascii_graphic()) && !uri.contains(['\\', '#', '*', '"', '<']);
    let one_reading = |uri: &str| {
        let read = url::Url::parse(uri).unwrap_or_else(|e| panic!("{uri}: {e}"));
        let same = read.as_str() == uri || read.as_str().strip_suffix('/') == Some(uri);
        plain(uri) && same && read.username().is_empty() && read.password().is_none()
    };
    let safe = |uri: &str| uri.starts_with("https://") || uri.starts_with("http://");
    parsed::<RedirectUri>(s, RedirectUri::as_str, |uri| {
        let scheme = uri.split(':').next().unwrap_or_default();
        uri == s && one_reading(uri) && (safe(uri) || scheme.contains('.'))
    });
    parsed::<PageUri>(s, PageUri::as_str, |uri| one_reading(uri) && safe(uri));
    parsed::<ResourceUri>(s, ResourceUri::as_str, |uri| {
        let host = uri.parse::<ResourceUri>().map(|uri| uri.host().to_owned());
        let read = url::Url::parse(uri).ok().and_then(|read| read.host_str().map(str::to_owned));
        one_reading(uri) && uri.starts_with("https://") && host.ok() == read
    });
    parsed::<Currency>(s, Currency::as_str, |code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_lowercase()));
    parsed::<StripePriceId>(s, StripePriceId::as_str, |id| id == s && id.len() <= 255);
}

/// A value whose only text is the one that was taken.
fn printed<T>(s: &str)
where
    T: FromStr<Err = BadValue> + PartialEq + Debug + Display,
{
    match s.parse::<T>() {
        Ok(value) => assert_eq!(value.to_string(), s),
        Err(bad) => assert!(!bad.code.is_empty() && !bad.message.is_empty(), "{s:?}"),
    }
}

/// A refusal names a reason; a value keeps its promise and is what its text says.
fn parsed<T>(s: &str, shown: impl Fn(&T) -> &str, promise: impl Fn(&str) -> bool)
where
    T: FromStr<Err = BadValue> + PartialEq + Debug,
{
    match s.parse::<T>() {
        Ok(value) => {
            assert!(promise(shown(&value)), "{s:?} was taken as {value:?}");
            assert_eq!(shown(&value).parse::<T>().as_ref(), Ok(&value), "{s:?} does not read back");
        }
        Err(bad) => assert!(!bad.code.is_empty() && !bad.message.is_empty(), "{s:?}"),
    }
}

pub(super) fn ids(data: &[u8]) {
    let s = text(data);
    let read = [
        s.parse::<OrgId>().ok().map(|id| id.to_string()),
        s.parse::<UserId>().ok().map(|id| id.to_string()),
        s.parse::<MembershipId>().ok().map(|id| id.to_string()),
        s.parse::<RoleId>().ok().map(|id| id.to_string()),
        s.parse::<InvitationId>().ok().map(|id| id.to_string()),
        s.parse::<SessionId>().ok().map(|id| id.to_string()),
        s.parse::<GrantId>().ok().map(|id| id.to_string()),
        s.parse::<WebhookId>().ok().map(|id| id.to_string()),
        s.parse::<DeliveryId>().ok().map(|id| id.to_string()),
        s.parse::<EventId>().ok().map(|id| id.to_string()),
        s.parse::<ServiceId>().ok().map(|id| id.to_string()),
        s.parse::<PlanId>().ok().map(|id| id.to_string()),
    ];
    let read: Vec<_> = read.into_iter().flatten().collect();
    assert!(read.len() <= 1, "{s:?} is an id of several kinds");
    assert!(read.iter().all(|id| id == s), "{s:?} has two spellings: {read:?}");
}
