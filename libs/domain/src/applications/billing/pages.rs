//! Where a browser may be sent back to from a payment provider's pages. Whoever may open such a page must not make it lead anywhere they like:
//! only to pages of the operator, or of the organization itself.

use url::{Origin, Url};

use crate::core::value::{BadValue, bad};

/// The longest address.
const LONGEST: usize = 1024;

/// An address that is under one of some origins, as it is sent to a provider.
///
/// Https, unless the operator named that very origin without. No credentials. A page is judged by its exact origin: scheme, host and port.
pub fn allowed(text: &str, origins: &[Origin]) -> Result<String, BadValue> {
    const RULE: &str = "Send the https address of a page.";
    if text.len() > LONGEST {
        return bad("too_long", format!("Use at most {LONGEST} characters."));
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) || text.contains('\\') {
        return bad("bad_url", RULE);
    }
    let Ok(url) = text.parse::<Url>() else { return bad("bad_url", RULE) };
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return bad("bad_url", RULE);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return bad("bad_url", "Credentials are not allowed in this address.");
    }
    if !origins.contains(&url.origin()) {
        return bad("not_allowed", "This page is not one that browsers may be sent back to.");
    }
    Ok(url.into())
}

/// The origins of some addresses; what has none is left out.
pub fn origins<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Vec<Origin> {
    addresses.into_iter().filter_map(|text| Some(text.parse::<Url>().ok()?.origin())).filter(Origin::is_tuple).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_under_one_of_the_origins() {
        let ours = origins(["https://sso.example.com", "http://localhost:3000/x", "myapp://callback", "nonsense"]);
        assert_eq!(ours.len(), 2);
        for fine in ["https://sso.example.com", "https://SSO.example.com:443/billing?x=1#y", "http://localhost:3000/"] {
            assert!(allowed(fine, &ours).is_ok(), "{fine}");
        }
        for (odd, code) in [
            ("", "bad_url"),
            ("/billing", "bad_url"),
            ("//sso.example.com/", "bad_url"),
            ("javascript:alert(1)", "bad_url"),
            ("data:text/html,x", "bad_url"),
            ("https:\\\\sso.example.com", "bad_url"),
            ("https://sso.example.com\n.evil.example", "bad_url"),
            ("https://sso.example.com@evil.example/", "bad_url"),
            ("https://user@sso.example.com/", "bad_url"),
            ("http://sso.example.com/", "not_allowed"),
            ("https://sso.example.com:8443/", "not_allowed"),
            ("https://sso.example.com.evil.example/", "not_allowed"),
            ("https://evil.example/?https://sso.example.com", "not_allowed"),
            ("https://localhost:3000/", "not_allowed"),
        ] {
            assert_eq!(allowed(odd, &ours).unwrap_err().code, code, "{odd}");
        }
        assert_eq!(allowed(&format!("https://sso.example.com/{}", "x".repeat(1024)), &ours).unwrap_err().code, "too_long");
    }
}
