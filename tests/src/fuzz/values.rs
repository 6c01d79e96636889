//! Parsed values: whatever parses is within its bounds, holds nothing that a log, a header or a screen would take for something else,
//! and reads back as itself.

use std::{fmt::Debug, str::FromStr};

use domain::{
    BadValue, DeliveryId, EventId, EventName, GrantId, InvitationId, MembershipId, OrgId, RoleId, SessionId, UserId, WebhookId,
    core::{
        text::opaque,
        value::{Description, Email, Name, Password, RoleSlug, Slug},
    },
    delivery::webhooks::EndpointUrl,
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
    parsed::<InvitationStatus>(s, |status| status.as_str(), |name| name == s || s == "declined");
    parsed::<EndpointUrl>(s, EndpointUrl::as_str, |url| url.is_ascii() && url.starts_with("http") && !url.contains(['#', '\n']));
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
    ];
    let read: Vec<_> = read.into_iter().flatten().collect();
    assert!(read.len() <= 1, "{s:?} is an id of several kinds");
    assert!(read.iter().all(|id| id == s), "{s:?} has two spellings: {read:?}");
}
