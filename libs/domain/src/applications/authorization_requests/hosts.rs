//! Requests that are made at an organization's own host. The host speaks of that organization alone, and nobody is signed in there: its owner
//! leads it where they like, and would have the passwords and the cookies.

use std::collections::BTreeMap;

use crate::{OrgId, core::value::Slug};

/// What a request at an organization's host becomes at ours: one that names the organization. Or why it is none.
pub fn at_host(parameters: &mut BTreeMap<String, String>, org: OrgId, slug: &Slug) -> Result<(), &'static str> {
    // What was pushed names its organization where we cannot see it here, or none.
    if parameters.contains_key("request_uri") {
        return Err("The application's request was left at another host. Send people to that one.");
    }
    let named = parameters.get("organization").map(String::as_str).filter(|named| !named.is_empty());
    // What looks like an id is one, whatever somebody has called their organization.
    let is_theirs = named.is_none_or(|named| match named.parse::<OrgId>() {
        Ok(id) => id == org,
        Err(_) => named.parse::<Slug>().is_ok_and(|named| named == *slug),
    });
    if !is_theirs {
        return Err("The application names another organization than the one whose host this is.");
    }
    // By id: a slug may be another's by the time that the browser arrives.
    parameters.insert("organization".to_owned(), org.to_string());
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_host_speaks_of_its_organization_alone() {
        let (org, other) = (OrgId::new(Uuid::from_u128(7)), OrgId::new(Uuid::from_u128(8)));
        let slug: Slug = "acme".parse().unwrap();
        for (named, fits) in [
            (None, true),
            (Some(String::new()), true),
            (Some("acme".to_owned()), true),
            (Some(org.to_string()), true),
            (Some("evil".to_owned()), false),
            (Some("acme2".to_owned()), false),
            (Some(" acme".to_owned()), false),
            (Some("acme acme".to_owned()), false),
            (Some(other.to_string()), false),
            (Some("platform".to_owned()), false),
            (Some(Uuid::nil().to_string()), false),
        ] {
            let mut parameters = BTreeMap::from([("state".to_owned(), "s".to_owned())]);
            parameters.extend(named.clone().map(|named| ("organization".to_owned(), named)));
            assert_eq!(at_host(&mut parameters, org, &slug).is_ok(), fits, "{named:?}");
            if fits {
                assert_eq!(parameters["organization"], org.to_string());
                assert_eq!((parameters["state"].as_str(), parameters.len()), ("s", 2));
            }
        }
        let pushed = ("request_uri".to_owned(), "urn:ietf:params:oauth:request_uri:par_x".to_owned());
        let with = |more: &[(&str, &str)]| {
            let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            at_host(&mut more.chain([pushed.clone()]).collect(), org, &slug)
        };
        assert!(with(&[]).is_err() && with(&[("organization", "acme")]).is_err());
    }
}
