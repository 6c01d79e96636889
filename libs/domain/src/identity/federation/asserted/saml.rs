//! What a SAML provider says of somebody, taken from an assertion that passed every check.

use serde::{Deserialize, Serialize};

use super::{Address, Asserted, Groups, MOST_GROUPS};
use crate::{
    Time,
    core::value::Email,
    identity::{
        connections::mapping::{Attributes, ClaimName},
        saml::{Assertion, EMAIL_ADDRESS, MULTIPLE_AUTHN, NameId, REFEDS_MFA},
    },
};

/// What a SAML provider said beside who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamlWord {
    /// The assertion's id, which counts once.
    pub assertion: String,
    /// Until when that has to be remembered.
    pub seen_until: Time,
    /// What a logout names them by.
    pub name_id: Option<NameId>,
    /// The provider's session.
    pub session_index: Option<String>,
    /// As the provider names them, for people.
    pub shown: String,
}

/// Attributes that hold the address where the connection names none, the usual ones of the large providers.
const EMAILS: [&str; 6] = [
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "urn:oid:0.9.2342.19200300.100.1.3",
    "email",
    "mail",
    "emailAddress",
    "Email",
];
/// The same of groups.
const GROUPS: [&str; 5] = [
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
    "http://schemas.xmlsoap.org/claims/Group",
    "urn:oid:1.3.6.1.4.1.5923.1.5.1.1",
    "groups",
    "memberOf",
];
/// Classes of authentication in which there were two factors.
const TWO_FACTORS: [&str; 3] = [REFEDS_MFA, MULTIPLE_AUTHN, "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract"];
/// Where Microsoft's providers say how somebody authenticated.
const METHODS: &str = "http://schemas.microsoft.com/claims/authnmethodsreferences";

impl Asserted {
    /// Reads an assertion by the connection's mapping. The provider is its organization's own, so one address that it names is vouched for; what that
    /// is worth, [`super::super::linking`] decides by whose the domain is.
    pub fn of_assertion(names: &Attributes, said: &Assertion) -> Self {
        let shown = match &said.name_id {
            Some(name_id) if names.subject.is_none() => name_id.value.clone(),
            _ => names.subject.iter().flat_map(|name| said.values(name.as_str())).next().unwrap_or(&said.subject).to_owned(),
        };
        let is_two = |class: &str| TWO_FACTORS.contains(&class);
        Self {
            issuer: said.issuer.as_str().to_owned(),
            subject: said.subject.clone(),
            address: address(names, said),
            groups: groups(names, said),
            multi_factor: said.context.as_deref().is_some_and(is_two) || said.values(METHODS).any(is_two),
            until: said.session_ends_at,
            saml: Some(SamlWord {
                assertion: said.id.clone(),
                seen_until: said.seen_until,
                name_id: said.name_id.clone(),
                session_index: said.session_index.clone(),
                shown,
            }),
        }
    }
}

/// The attribute that the connection names, else the first usual one that is there.
fn named<'a>(said: &Assertion, own: Option<&'a ClaimName>, usual: &[&'a str]) -> Option<&'a str> {
    let is_there = |name: &&str| said.attributes.iter().any(|attribute| attribute.name == **name);
    match own {
        Some(name) => Some(name.as_str()).filter(is_there),
        None => usual.iter().copied().find(is_there),
    }
}

fn address(names: &Attributes, said: &Assertion) -> Address {
    let values: Vec<&str> = match named(said, names.email.as_ref(), &EMAILS) {
        Some(name) => said.values(name).filter(|value| !value.trim().is_empty()).collect(),
        None if names.email.is_none() => {
            let is_address = |name_id: &&NameId| name_id.format.as_deref() == Some(EMAIL_ADDRESS);
            said.name_id.iter().filter(is_address).map(|name_id| name_id.value.as_str()).collect()
        }
        None => Vec::new(),
    };
    match values[..] {
        [] => Address::Missing,
        [one] => one.trim().parse::<Email>().map_or(Address::Ambiguous, Address::Vouched),
        _ => Address::Ambiguous,
    }
}

fn groups(names: &Attributes, said: &Assertion) -> Groups {
    let Some(name) = named(said, names.groups.as_ref(), &GROUPS) else { return Groups::Unsaid };
    let all: Vec<String> = said.values(name).take(MOST_GROUPS + 1).map(str::to_owned).collect();
    if all.len() > MOST_GROUPS { Groups::Unsaid } else { Groups::Of(all) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::saml::{Attribute, TRANSIENT};

    fn said(name: (&str, &str), attributes: &[(&str, &[&str])]) -> Assertion {
        let (format, value) = name;
        let at = Time::from_timestamp(1_800_000_000, 0).unwrap();
        let attribute = |(name, values): &(&str, &[&str])| Attribute {
            name: (*name).to_owned(),
            friendly_name: None,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        Assertion {
            id: "_a".to_owned(),
            seen_until: at,
            issuer: "urn:idp".parse().unwrap(),
            subject: "the key".to_owned(),
            name_id: Some(NameId {
                value: value.to_owned(),
                format: Some(format.to_owned()),
                name_qualifier: None,
                sp_name_qualifier: None,
            }),
            session_index: Some("s1".to_owned()),
            session_ends_at: Some(at),
            authenticated_at: at,
            context: None,
            attributes: attributes.iter().map(attribute).collect(),
            certificate: String::new(),
        }
    }

    fn claim(name: &str) -> Option<ClaimName> {
        Some(name.parse().unwrap())
    }

    #[test]
    fn one_value_is_the_address_and_several_are_none() {
        let vouched = |text: &str| Address::Vouched(text.parse().unwrap());
        let own = |name: &str| Attributes { email: claim(name), ..Attributes::default() };
        let persistent = ("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", "bea@acme.example");
        let (usual, missing, ambiguous) = (Attributes::default(), Address::Missing, Address::Ambiguous);
        let oid = "urn:oid:0.9.2342.19200300.100.1.3";
        type Case<'a> = (&'a Attributes, (&'a str, &'a str), &'a [(&'a str, &'a [&'a str])], Address);
        let own_mail = own("work");
        let cases: [Case<'_>; 13] = [
            (&usual, persistent, &[], missing.clone()),
            (&usual, (EMAIL_ADDRESS, "Bea@Acme.example"), &[], vouched("bea@acme.example")),
            (&usual, (EMAIL_ADDRESS, "no address"), &[], ambiguous.clone()),
            (&usual, persistent, &[("mail", &["bea@acme.example"])], vouched("bea@acme.example")),
            (&usual, persistent, &[(oid, &["bea@acme.example"])], vouched("bea@acme.example")),
            (&usual, (EMAIL_ADDRESS, "ann@acme.example"), &[("mail", &["bea@acme.example"])], vouched("bea@acme.example")),
            (&usual, persistent, &[("mail", &["a@a.example", "b@b.example"])], ambiguous.clone()),
            (&usual, persistent, &[("mail", &["a@a.example"]), ("mail", &["b@b.example"])], ambiguous.clone()),
            (&usual, persistent, &[("mail", &["", " "])], missing.clone()),
            (&usual, persistent, &[("mail", &["nonsense"])], ambiguous),
            (&own_mail, persistent, &[("mail", &["a@a.example"]), ("work", &["b@b.example"])], vouched("b@b.example")),
            (&own_mail, persistent, &[("mail", &["a@a.example"])], missing.clone()),
            (&own_mail, (EMAIL_ADDRESS, "a@a.example"), &[], missing),
        ];
        for (names, name, attributes, expected) in cases {
            assert_eq!(Asserted::of_assertion(names, &said(name, attributes)).address, expected, "{name:?} {attributes:?}");
        }
    }

    #[test]
    fn groups_are_those_of_the_attribute_that_is_there() {
        let many: Vec<String> = (0..=MOST_GROUPS).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let of = |all: &[&str]| Groups::Of(all.iter().map(|one| (*one).to_owned()).collect());
        let read = |names: &Attributes, attributes: &[(&str, &[&str])]| {
            Asserted::of_assertion(names, &said((EMAIL_ADDRESS, "a@a.example"), attributes)).groups
        };
        let usual = Attributes::default();
        assert_eq!(read(&usual, &[]), Groups::Unsaid);
        assert_eq!(read(&usual, &[("groups", &[])]), of(&[]), "none is said, which is something else than nothing");
        assert_eq!(read(&usual, &[("memberOf", &["a", "b"])]), of(&["a", "b"]));
        assert_eq!(read(&usual, &[("groups", &many)]), Groups::Unsaid, "as with an overage");
        let own = Attributes { groups: claim("teams"), ..usual };
        assert_eq!(read(&own, &[("groups", &["a"]), ("teams", &["b"])]), of(&["b"]));
        assert_eq!(read(&own, &[("groups", &["a"])]), Groups::Unsaid);
    }

    #[test]
    fn two_factors_are_those_that_a_class_says() {
        let read = |context: Option<&str>, methods: &[&str]| {
            let mut said = said((EMAIL_ADDRESS, "a@a.example"), &[(METHODS, methods)]);
            said.context = context.map(str::to_owned);
            Asserted::of_assertion(&Attributes::default(), &said).multi_factor
        };
        assert!(!read(None, &[]));
        assert!(!read(Some("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"), &["urn:other"]));
        assert!(TWO_FACTORS.iter().all(|class| read(Some(class), &[])));
        assert!(read(None, &["http://schemas.microsoft.com/claims/multipleauthn"]));
    }

    #[test]
    fn people_are_shown_what_names_them_and_programs_compare_the_key() {
        let named = Asserted::of_assertion(&Attributes::default(), &said((TRANSIENT, "x"), &[]));
        assert_eq!((named.shown(), named.subject.as_str()), ("x", "the key"));
        let own = Attributes { subject: claim("uid"), ..Attributes::default() };
        let by_attribute = Asserted::of_assertion(&own, &said((TRANSIENT, "x"), &[("uid", &["u1"])]));
        assert_eq!(by_attribute.shown(), "u1");
        assert_eq!(by_attribute.until, by_attribute.saml.map(|word| word.seen_until));
    }
}
